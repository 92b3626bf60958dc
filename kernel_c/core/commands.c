/* commands.c - finds the command of a line and gives it its arguments. */
#include "commands.h"

#include "kernel.h"
#include "number.h"

#define NAME_BYTES 24u

static const struct command *const tables[] = {commands_sampling, commands_diagnostics, commands_performance,
                                               commands_session,  commands_failsafe,    commands_picture,
                                               commands_bench};
#define TABLES (sizeof tables / sizeof tables[0])

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void trim(const char **text, size_t *length)
{
    while (*length > 0 && is_blank(**text)) {
        (*text)++;
        (*length)--;
    }
    while (*length > 0 && is_blank((*text)[*length - 1]))
        (*length)--;
}

bool command_is(const char *line, size_t length)
{
    trim(&line, &length);
    return (length > 0 && line[0] == '/') || string_is("quit", line, length) || string_is("exit", line, length);
}

void command_split(const char *rest, size_t length, struct command_arguments *ret)
{
    *ret = (struct command_arguments){0};
    for (size_t at = 0; at < length;) {
        if (is_blank(rest[at])) {
            at++;
            continue;
        }
        size_t start = at;
        while (at < length && !is_blank(rest[at]))
            at++;
        if (ret->count < COMMAND_ARGUMENTS) {
            ret->words[ret->count] = rest + start;
            ret->lengths[ret->count] = at - start;
        }
        ret->count++;
    }
}

static int shown(size_t length)
{
    return (int)(length > 40 ? 40 : length);
}

bool command_at_most(const struct command_arguments *arguments, unsigned count, const char *command,
                     struct error *error)
{
    if (arguments->count <= count)
        return true;
    if (count == 0)
        return error_set(error, ERROR_ARG, "%s takes no arguments; \"%.*s\" is too much", command,
                         shown(arguments->lengths[0]), arguments->words[0]);
    return error_set(error, ERROR_ARG, "%s takes at most %u argument%s; \"%.*s\" is too much", command, count,
                     count == 1 ? "" : "s", shown(arguments->lengths[count]), arguments->words[count]);
}

bool command_word_is(const struct command_arguments *arguments, unsigned index, const char *word)
{
    return index < arguments->count && index < COMMAND_ARGUMENTS &&
           string_is(word, arguments->words[index], arguments->lengths[index]);
}

bool command_number(const struct command_arguments *arguments, unsigned index, const char *what, uint64_t minimum,
                    uint64_t maximum, uint64_t *value, struct error *error)
{
    uint64_t parsed;
    if (index >= arguments->count)
        return true;
    bool number = number_u64(arguments->words[index], arguments->lengths[index], &parsed);
    if (!number || parsed < minimum || parsed > maximum)
        return error_set(error, number ? ERROR_RANGE : ERROR_ARG, "%s cannot be \"%.*s\": expected %llu to %llu", what,
                         shown(arguments->lengths[index]), arguments->words[index], (unsigned long long)minimum,
                         (unsigned long long)maximum);
    *value = parsed;
    return true;
}

/* A value command without a value shows the value and what it can be; with one it sets it. */
static bool run_value(struct kernel *kernel, enum param_id id, const char *rest, size_t length, struct text *out,
                      struct error *error)
{
    const char *name = param_specs[id].name;
    char command[NAME_BYTES];
    struct text text;
    text_init(&text, command, sizeof command);
    text_format(&text, "/%s", name);
    struct command_arguments arguments;
    command_split(rest, length, &arguments);
    if (!command_at_most(&arguments, 1, command, error))
        return false;
    if (arguments.count == 1 &&
        !param_set(kernel, id, arguments.words[0], arguments.lengths[0], PARAM_FROM_REPL, error))
        return false;
    text_format(out, "%s = ", name);
    param_format(kernel, id, out);
    if (arguments.count == 0) {
        text_string(out, " (");
        param_range(kernel, id, out);
        text_format(out, "): %s", param_specs[id].help);
    }
    text_string(out, "\n");
    return true;
}

static bool unknown(const char *name, size_t length, struct error *error)
{
    char near[NAME_BYTES];
    if (command_nearest(name, length, near, sizeof near))
        return error_set(error, ERROR_OP, "unknown command \"%.*s\"; did you mean %s? /help lists all", shown(length),
                         name, near);
    return error_set(error, ERROR_OP, "unknown command \"%.*s\"; /help lists all", shown(length), name);
}

bool command_run(struct kernel *kernel, const char *line, size_t length, struct text *out, struct error *error)
{
    trim(&line, &length);
    size_t name = 0;
    while (name < length && !is_blank(line[name]))
        name++;
    const char *rest = line + name;
    size_t rest_length = length - name;
    trim(&rest, &rest_length);
    if (name > 1 && line[0] == '/') {
        enum param_id id = param_find(line + 1, name - 1, false);
        if (id != PARAM_COUNT && (param_specs[id].flags & PARAM_BOOT_ONLY) == 0)
            return run_value(kernel, id, rest, rest_length, out, error);
    }
    for (unsigned t = 0; t < TABLES; t++) {
        for (const struct command *command = tables[t]; command->name != NULL; command++) {
            if (string_is(command->name, line, name))
                return command->run(kernel, rest, rest_length, out, error);
        }
    }
    return unknown(line, name, error);
}

void command_each(bool (*each)(void *context, const char *name, const char *arguments, const char *help), void *context)
{
    for (unsigned i = 0; i < PARAM_COUNT; i++) {
        char name[NAME_BYTES];
        struct text text;
        text_init(&text, name, sizeof name);
        text_format(&text, "/%s", param_specs[i].name);
        if ((param_specs[i].flags & PARAM_BOOT_ONLY) == 0 && !each(context, name, "[value]", param_specs[i].help))
            return;
    }
    for (unsigned t = 0; t < TABLES; t++) {
        for (const struct command *command = tables[t]; command->name != NULL; command++) {
            if (!each(context, command->name, command->arguments, command->help))
                return;
        }
    }
}
