/* dump_files.h - llmk-dump.txt, llmk-log.txt and llmk-failsafe.txt; their format is kernel_c/DUMP.md. */
#ifndef LLMK_DUMP_FILES_H
#define LLMK_DUMP_FILES_H

#include "error.h"

#include <stdint.h>

struct kernel;

/* Each replaces the whole file, or fails with the reason and leaves what was there. `ret_bytes` is the size written. */
bool dump_write_dump(struct kernel *kernel, uint64_t *ret_bytes, struct error *error);
bool dump_write_log(struct kernel *kernel, uint32_t events, uint64_t *ret_bytes, struct error *error);
bool dump_write_failsafe(struct kernel *kernel, struct error *error);
/* The text of llmk-dump.txt as it would be written now, into KERNEL_FILE_TEXT_BYTES at `to`: needs no file system. */
bool dump_render(const struct kernel *kernel, char *to, uint64_t *ret_bytes, struct error *error);

#endif
