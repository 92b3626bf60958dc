/* console.h - text for people: the machine's own screen always, the serial line in human mode. */
#ifndef LLMK_CONSOLE_H
#define LLMK_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernel;

struct console {
    uint64_t flushed_us; /* when the screen was brought up to date */
    bool screen_dirty;
};

/* UTF-8 with '\n'; the serial side gets CR LF. In human mode this waits for the serial line (pumping) rather than lose text, but gives
 * up on a line that takes nothing for two seconds; in machine mode only the screen gets it. Terminal controls are shown as
 * "?": a model's token, the name of a file or a line of repl.cfg may hold any. */
void console_write(struct kernel *kernel, const char *bytes, size_t count);
/* The same with its controls: the line editor moves the cursor. */
void console_echo(struct kernel *kernel, const char *bytes, size_t count);
void console_print(struct kernel *kernel, const char *format, ...) __attribute__((format(printf, 2, 3)));
void console_flush(struct kernel *kernel);

#endif
