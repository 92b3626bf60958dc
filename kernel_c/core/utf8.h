/* utf8.h - where characters begin and end in bytes that may be cut anywhere. */
#ifndef LLMK_UTF8_H
#define LLMK_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes a character has by its first byte: 1 to 4, and 1 for what cannot begin one. */
size_t utf8_length(uint8_t first);
/* How many bytes at the end of `bytes` begin a character that is not complete yet: 0 to 3. Bytes that can never become valid count as
 * complete, so that nothing is held back for good. */
size_t utf8_incomplete_tail(const char *bytes, size_t count);

#endif
