/* error.h - one failed operation, said so that a person can act on it.
 *
 * A function that can fail returns false (or NULL) and fills `struct error`: what was tried, with which value, what was
 * expected. The code is for programs and is the `e` field of a failed response on the wire.
 */
#ifndef LLMK_ERROR_H
#define LLMK_ERROR_H

#include <stdbool.h>

enum error_code { /* the words are in protocol/llmbm_protocol/schema.py: ErrorCode */
    ERROR_NONE = 0,
    ERROR_OP,       /* unknown command or operation */
    ERROR_ARG,      /* missing, malformed or unexpected argument */
    ERROR_RANGE,    /* well formed, but outside the accepted values */
    ERROR_BUSY,     /* not while a generation runs */
    ERROR_STATE,    /* not in this state: tripped, no model, ... */
    ERROR_IO,       /* a file or a device refused */
    ERROR_NOSPACE,  /* memory, disk or context is full */
    ERROR_TOOLONG,  /* input longer than its buffer */
    ERROR_VERSION,  /* a format or protocol of another version */
    ERROR_FORMAT,   /* a model, tokenizer or configuration file is not what it claims to be */
    ERROR_INTERNAL,
};

struct error {
    enum error_code code;
    char text[320]; /* room for a reason of 200 and what to do about it; UTF-8, no line end, no final full stop */
};

/* printf-like; the conversions are those of text_format. What does not fit is cut at a whole character, and terminal
 * controls (of a file's name, say) become "?". Always returns false, so that `return error_set(...)` reads well. */
bool error_set(struct error *error, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
