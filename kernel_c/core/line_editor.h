/* line_editor.h - one line of input, edited on any terminal: keys come as bytes, changes go out as text. */
#ifndef LLMK_LINE_EDITOR_H
#define LLMK_LINE_EDITOR_H

#include "chat.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_HISTORY 16u
#define LINE_HISTORY_BYTES 256u /* longer lines are not remembered */

struct line_editor {
    char line[CHAT_PROMPT_BYTES];
    size_t length, cursor; /* bytes; the cursor stands between characters */
    char escape[8];        /* an escape sequence so far; escape_length 0: none */
    size_t escape_length;
    char character[4];     /* a character of several bytes so far: it is shown when it is whole */
    size_t character_length;
    bool after_return;     /* a LF behind this CR is the same line end */
    bool full_told;
    char history[LINE_HISTORY][LINE_HISTORY_BYTES];
    uint32_t remembered;   /* lines since boot */
    uint32_t browsing;     /* 0: the line itself; n: the n-th last line */
};

struct kernel;

/* Takes one byte; echoes through the console. True when the line is complete: it is in `line` and `length`, without the end. */
bool line_editor_take(struct kernel *kernel, struct line_editor *editor, uint8_t byte);
void line_editor_clear(struct line_editor *editor);
void line_editor_show(struct kernel *kernel,
                      struct line_editor *editor); /* behind a new prompt, the cursor at its end */
void line_editor_remember(struct line_editor *editor, const char *line, size_t length);

#endif
