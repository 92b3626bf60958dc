/* commands.h - the one table of REPL commands. */
#ifndef LLMK_COMMANDS_H
#define LLMK_COMMANDS_H

#include "error.h"
#include "text.h"

#include <stddef.h>
#include <stdint.h>

struct kernel;

struct command {
    const char *name;      /* with its slash, or "quit" */
    const char *arguments; /* for help: "[p] [d] | auto" */
    const char *help;      /* one sentence */
    /* `rest` is what follows the name, trimmed. Prints to `out`; a failure fills `error` and prints nothing. */
    bool (*run)(struct kernel *kernel, const char *rest, size_t length, struct text *out, struct error *error);
};

/* The tables by area; each ends with a NULL name. The value commands (/temp and so on) come from the parameter table.
 */
extern const struct command commands_sampling[], commands_diagnostics[], commands_performance[], commands_session[],
    commands_failsafe[], commands_picture[], commands_bench[];

/* True when the line is a command and not a prompt: it begins with '/', or is exactly quit or exit. */
bool command_is(const char *line, size_t length);
/* Whole-word match; an unknown command is ERROR_OP and names the nearest ones. */
bool command_run(struct kernel *kernel, const char *line, size_t length, struct text *out, struct error *error);

/* ---- for the command files ------------------------------------------------------------------------------------- */

#define COMMAND_ARGUMENTS 8u

struct command_arguments {
    unsigned count; /* words in all; those beyond the eighth are counted only */
    const char *words[COMMAND_ARGUMENTS];
    size_t lengths[COMMAND_ARGUMENTS];
};

void command_split(const char *rest, size_t length, struct command_arguments *ret);
/* ERROR_ARG that names the first word too many. */
bool command_at_most(const struct command_arguments *arguments, unsigned count, const char *command,
                     struct error *error);
bool command_word_is(const struct command_arguments *arguments, unsigned index, const char *word);
/* The optional argument at `index`: absent leaves *value as it is; otherwise it must be a number from minimum to
 * maximum. */
bool command_number(const struct command_arguments *arguments, unsigned index, const char *what, uint64_t minimum,
                    uint64_t maximum, uint64_t *value, struct error *error);

/* Calls `each` for every command, the value commands first, until it returns false. */
void command_each(bool (*each)(void *context, const char *name, const char *arguments, const char *help),
                  void *context);
/* The known command nearest to a mistyped one; false when none is near. */
bool command_nearest(const char *name, size_t length, char *ret_name, size_t capacity);

#endif
