/* files.h - whole files in memory, and file errors in words. */
#ifndef LLMK_FILES_H
#define LLMK_FILES_H

#include "error.h"
#include "port.h"

struct file_data {
    uint8_t *bytes; /* pages of their own */
    uint64_t length, pages_bytes;
};

/* Why, and what to do: "the volume is read-only". */
const char *file_reason(enum port_file_status status);
/* Reads a file of at most `most` bytes. On success file_release gives the memory back. */
enum port_file_status file_read_whole(const char *name, uint64_t most, struct file_data *ret_data, struct error *error);
void file_release(struct file_data *data);
/* Writes a file whole; the error names the file, its size and the reason. */
bool file_write_whole(const char *name, const void *data, uint64_t bytes, struct error *error);

#endif
