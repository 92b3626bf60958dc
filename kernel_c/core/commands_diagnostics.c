/* commands_diagnostics.c - what the kernel knows about itself. */
#include "commands.h"
#include "dump_files.h"
#include "kernel.h"
#include "report.h"

#define LOG_SHOWN 16u

typedef void render(const struct kernel *kernel, struct text *out);

static bool show(struct kernel *kernel, const char *rest, size_t length, const char *name, render *renderer,
                 struct text *out, struct error *error)
{
    struct command_arguments arguments;
    command_split(rest, length, &arguments);
    if (!command_at_most(&arguments, 0, name, error))
        return false;
    renderer(kernel, out);
    return true;
}

static void zones_and_sentinel(const struct kernel *kernel, struct text *out)
{
    report_text_zones(kernel, out);
    report_text_sentinel(kernel, out);
}

static bool run_model(struct kernel *kernel, const char *rest, size_t length, struct text *out, struct error *error)
{
    return show(kernel, rest, length, "/model", report_text_model, out, error);
}

static bool run_cpu(struct kernel *kernel, const char *rest, size_t length, struct text *out, struct error *error)
{
    if (length > 0 && !param_set(kernel, PARAM_ATTN, rest, length, PARAM_FROM_REPL, error))
        return false;
    report_text_cpu(kernel, out);
    return true;
}

static bool verify_weights(struct kernel *kernel, struct text *out, struct error *error)
{
    if (!kernel->model_loaded)
        return error_set(error, ERROR_STATE, "no model is loaded: there are no WEIGHTS to verify");
    uint64_t sum = 0;
    if (!sentinel_check_weights(kernel, &sum))
        return error_set(error, ERROR_STATE,
                         "WEIGHTS differ from what was loaded: sum %016llx, %016llx after loading; the sentinel "
                         "tripped. /load %.63s loads them again",
                         (unsigned long long)sum, (unsigned long long)kernel->weights_sum, kernel->model_file);
    text_format(out, "WEIGHTS are as they were loaded: %llu bytes, sum %016llx\n",
                (unsigned long long)zone_arena(&kernel->zones, WIRE_ARENA_WEIGHTS)->used, (unsigned long long)sum);
    return true;
}

static bool run_zones(struct kernel *kernel, const char *rest, size_t length, struct text *out, struct error *error)
{
    struct command_arguments arguments;
    command_split(rest, length, &arguments);
    if (command_word_is(&arguments, 0, "verify"))
        return command_at_most(&arguments, 1, "/zones verify", error) && verify_weights(kernel, out, error);
    return show(kernel, rest, length, "/zones", zones_and_sentinel, out, error);
}

static bool run_ctx(struct kernel *kernel, const char *rest, size_t length, struct text *out, struct error *error)
{
    return show(kernel, rest, length, "/ctx", report_text_context, out, error);
}

static bool run_version(struct kernel *kernel, const char *rest, size_t length, struct text *out, struct error *error)
{
    return show(kernel, rest, length, "/version", report_text_version, out, error);
}

static bool event_count(const char *rest, size_t length, const char *name, uint64_t *count, struct error *error)
{
    struct command_arguments arguments;
    command_split(rest, length, &arguments);
    return command_at_most(&arguments, 1, name, error) &&
           command_number(&arguments, 0, "the number of events", 1, LOG_CAPACITY, count, error);
}

static bool run_log(struct kernel *kernel, const char *rest, size_t length, struct text *out, struct error *error)
{
    uint64_t count = LOG_SHOWN;
    if (!event_count(rest, length, "/log", &count, error))
        return false;
    report_text_log(kernel, (uint32_t)count, out);
    return true;
}

static bool run_save_log(struct kernel *kernel, const char *rest, size_t length, struct text *out, struct error *error)
{
    uint64_t count = LOG_CAPACITY;
    uint64_t bytes;
    if (!event_count(rest, length, "/save_log", &count, error) ||
        !dump_write_log(kernel, (uint32_t)count, &bytes, error))
        return false;
    text_format(out, "wrote llmk-log.txt, %llu bytes\n", (unsigned long long)bytes);
    return true;
}

static bool run_save_dump(struct kernel *kernel, const char *rest, size_t length, struct text *out, struct error *error)
{
    struct command_arguments arguments;
    uint64_t bytes;
    command_split(rest, length, &arguments);
    if (!command_at_most(&arguments, 0, "/save_dump", error) || !dump_write_dump(kernel, &bytes, error))
        return false;
    text_format(out, "wrote llmk-dump.txt, %llu bytes\n", (unsigned long long)bytes);
    return true;
}

#define HELP_COLUMN 34u /* characters of a command and its arguments before the words about it, where they fit */

struct help {
    struct text *out;
    const char *wanted; /* with its slash; NULL lists all */
    size_t length;
    bool found;
};

static bool help_line(void *context, const char *name, const char *arguments, const char *help)
{
    struct help *wanted = context;
    const char *bare = name[0] == '/' ? name + 1 : name;
    if (wanted->wanted != NULL &&
        (string_length(bare) != wanted->length || __builtin_memcmp(bare, wanted->wanted, wanted->length) != 0))
        return true;
    text_format(wanted->out, "  %s %s", name, arguments);
    for (size_t column = string_length(name) + 1 + string_length(arguments); column < HELP_COLUMN; column++)
        text_string(wanted->out, " ");
    text_format(wanted->out, " %s\n", help);
    wanted->found = true;
    return wanted->wanted == NULL;
}

static bool help_one(struct kernel *kernel, const struct command_arguments *arguments, struct text *out,
                     struct error *error)
{
    const char *name = arguments->words[0];
    size_t length = arguments->lengths[0];
    if (name[0] == '/') {
        name++;
        length--;
    }
    struct help wanted = {.out = out, .wanted = name, .length = length};
    command_each(help_line, &wanted);
    if (!wanted.found)
        return error_set(error, ERROR_OP, "there is no command \"%.*s\"; /help lists all",
                         (int)(length > 40 ? 40 : length), name);
    enum param_id id = param_find(name, length, false);
    if (id != PARAM_COUNT) {
        text_string(out, "  values: ");
        param_range(kernel, id, out);
        text_string(out, "; now ");
        param_format(kernel, id, out);
        text_string(out, "\n");
    }
    return true;
}

static bool run_help(struct kernel *kernel, const char *rest, size_t length, struct text *out, struct error *error)
{
    struct command_arguments arguments;
    command_split(rest, length, &arguments);
    if (!command_at_most(&arguments, 1, "/help", error))
        return false;
    if (arguments.count == 1)
        return help_one(kernel, &arguments, out, error);
    struct help all = {.out = out};
    command_each(help_line, &all);
    text_string(
        out,
        "Anything else is the beginning or the continuation of a story. A line ending in \\ goes on; Ctrl-C stops.\n");
    return true;
}

const struct command commands_diagnostics[] = {
    {"/model", "", "shows the model and its tokenizer", run_model},
    {"/cpu", "[level]", "shows the processor, its vector instructions and the clock; a level is chosen as with /attn",
     run_cpu},
    {"/zones", "[verify]", "shows the memory arenas and the sentinel; verify checks that WEIGHTS are as loaded",
     run_zones},
    {"/ctx", "", "shows model, context, sampling and budgets", run_ctx},
    {"/log", "[n]", "shows the last n events, newest first (16; at most 128)", run_log},
    {"/save_log", "[n]", "writes the last n events (all) to llmk-log.txt", run_save_log},
    {"/save_dump", "", "writes context, zones, sentinel and log to llmk-dump.txt", run_save_dump},
    {"/version", "", "shows what runs here", run_version},
    {"/help", "[command]", "lists the commands, or explains one", run_help},
    {0},
};
