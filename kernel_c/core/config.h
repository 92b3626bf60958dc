/* config.h - repl.cfg in the volume's root: parameters for the boot. */
#ifndef LLMK_CONFIG_H
#define LLMK_CONFIG_H

#include <stddef.h>

#define CONFIG_FILE "repl.cfg"
#define CONFIG_MOST_BYTES 65536u

struct kernel;

/* Reads the file if there is one. A bad line is reported with its number and reason, on the console and in the log, and
 * changes nothing. */
void config_read(struct kernel *kernel);
/* The same for text in memory; returns the number of bad lines. */
unsigned config_apply(struct kernel *kernel, const char *text, size_t bytes);

#endif
