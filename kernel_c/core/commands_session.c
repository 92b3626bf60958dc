/* commands_session.c - the conversation, the model in memory, and leaving. */
#include "commands.h"
#include "kernel.h"
#include "loader.h"

static bool no_arguments(const char *rest, size_t length, const char *name, struct error *error)
{
    struct command_arguments arguments;
    command_split(rest, length, &arguments);
    return command_at_most(&arguments, 0, name, error);
}

static bool run_clear(struct kernel *kernel, const char *rest, size_t length, struct text *out, struct error *error)
{
    if (!no_arguments(rest, length, "/clear", error))
        return false;
    uint32_t rows = kernel->chat.rows;
    chat_clear(kernel);
    text_format(out, "The conversation is forgotten: %u row%s free again.\n", (unsigned)rows, rows == 1 ? " is" : "s are");
    return true;
}

static bool run_reset(struct kernel *kernel, const char *rest, size_t length, struct text *out, struct error *error)
{
    if (!no_arguments(rest, length, "/reset", error))
        return false;
    bool tripped = kernel->sentinel.state == WIRE_SENTINEL_STATE_TRIPPED;
    log_clear(kernel->log);
    sentinel_reset(kernel);
    if (kernel->sentinel.state == WIRE_SENTINEL_STATE_TRIPPED)
        return error_set(error, ERROR_INTERNAL, "the sentinel could not be reset: %s; /load the model again",
                         kernel->sentinel.reason);
    log_event(kernel, WIRE_LOG_LEVEL_INFO, WIRE_LOG_CODE_INFO, WIRE_ARENA_NONE, 0, 0, "reset");
    text_format(out, "%sBudgets are learnt anew%s, the log is empty; the conversation has %u row%s.\n",
                tripped ? "The sentinel is armed again. " : "",
                kernel->sentinel.phases[0].pinned || kernel->sentinel.phases[1].pinned ? " (pinned ones stay)" : "",
                (unsigned)kernel->chat.rows, kernel->chat.rows == 1 ? "" : "s");
    return true;
}

static bool run_models(struct kernel *kernel, const char *rest, size_t length, struct text *out, struct error *error)
{
    return no_arguments(rest, length, "/models", error) && loader_list(kernel, out, error);
}

/* A name may have spaces, so only the last word can be "q8"; those between the two are not the name's. */
static bool take_q8(const char *rest, size_t *length)
{
    const char word[] = " q8";
    size_t bytes = sizeof word - 1;
    if (*length <= bytes || __builtin_memcmp(rest + *length - bytes, word, bytes) != 0)
        return false;
    *length -= bytes;
    while (*length > 0 && rest[*length - 1] == ' ')
        --*length;
    return true;
}

static bool run_load(struct kernel *kernel, const char *rest, size_t length, struct text *out, struct error *error)
{
    char name[KERNEL_NAME_BYTES];
    struct text text;
    if (length == 0)
        return error_set(error, ERROR_ARG, "/load needs a file name; /models lists files");
    bool q8 = take_q8(rest, &length);
    text_init(&text, name, sizeof name);
    text_bytes(&text, rest, length);
    if (text.truncated)
        return error_set(error, ERROR_TOOLONG, "the name \"%.40s...\" is longer than %u characters", name,
                         KERNEL_NAME_BYTES - 1);
    if (kernel->chat.running)
        return error_set(error, ERROR_BUSY, "a generation is running; stop it first");
    if (!loader_load(kernel, name, q8, error))
        return false;
    text_format(out, "%s is loaded; the conversation is empty.\n", kernel->model_file);
    return true;
}

static bool leave(struct kernel *kernel, const char *rest, size_t length, const char *name, enum kernel_leave after,
                  struct error *error)
{
    if (!no_arguments(rest, length, name, error))
        return false;
    kernel->leave = true;
    kernel->after = after;
    return true;
}

static bool run_reboot(struct kernel *kernel, const char *rest, size_t length, struct text *out, struct error *error)
{
    if (!leave(kernel, rest, length, "/reboot", KERNEL_REBOOT, error))
        return false;
    text_string(out, "Restarting.\n");
    return true;
}

static bool run_poweroff(struct kernel *kernel, const char *rest, size_t length, struct text *out, struct error *error)
{
    if (!leave(kernel, rest, length, "/poweroff", KERNEL_POWEROFF, error))
        return false;
    text_string(out, "Switching off.\n");
    return true;
}

static bool run_quit(struct kernel *kernel, const char *rest, size_t length, struct text *out, struct error *error)
{
    if (!leave(kernel, rest, length, "quit", KERNEL_QUIT, error))
        return false;
    text_string(out, "Leaving.\n");
    return true;
}

const struct command commands_session[] = {
    {"/clear", "", "forgets the conversation: the KV cache is empty, the next prompt begins a story", run_clear},
    {"/reset", "",
     "arms the sentinel again, learns the budgets anew, empties the log; pinned budgets and the conversation stay",
     run_reset},
    {"/models", "", "lists the model files of the volume", run_models},
    {"/load", "FILE [q8]", "loads another model; q8 keeps float32 weights as int8", run_load},
    {"/reboot", "", "restarts the machine", run_reboot},
    {"/poweroff", "", "switches the machine off", run_poweroff},
    {"quit", "", "leaves the kernel: back to the firmware, or the end of the simulator", run_quit},
    {"exit", "", "the same as quit", run_quit},
    {0},
};
