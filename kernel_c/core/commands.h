/* commands.h - the one table of REPL commands. */
#ifndef LLMK_COMMANDS_H
#define LLMK_COMMANDS_H

#include "error.h"
#include "text.h"

struct kernel;

struct command {
    const char *name;      /* with its slash, or "quit" */
    const char *arguments; /* for help: "[p] [d] | auto" */
    const char *help;      /* one sentence */
    /* `rest` is what follows the name, trimmed. Prints to `out`; a failure fills `error` and prints nothing. */
    bool (*run)(struct kernel *kernel, const char *rest, size_t length, struct text *out, struct error *error);
};

/* True when the line is a command and not a prompt: it begins with '/', or is exactly quit or exit. */
bool command_is(const char *line, size_t length);
/* Whole-word match; an unknown command is ERROR_OP and names the nearest ones. */
bool command_run(struct kernel *kernel, const char *line, size_t length, struct text *out, struct error *error);

#endif
