/* utf8.h - where characters begin and end in bytes that may be cut anywhere, and what they are (Unicode, table 3-7). */
#ifndef LLMK_UTF8_H
#define LLMK_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_REPLACEMENT 0xfffdu
#define UTF8_MOST_BYTES 4u

/* Bytes a character has by its first byte: 1 to 4, and 1 for what cannot begin one. */
size_t utf8_length(uint8_t first);
/* How many bytes at the end of `bytes` begin a character that is not complete yet: 0 to 3. Bytes that can never become
 * valid count as complete, so that nothing is held back for good. */
size_t utf8_incomplete_tail(const char *bytes, size_t count);
/* The character at the start of `count` > 0 bytes; returns the bytes it takes, at least 1. Of bytes that are not UTF-8
 * the longest beginning of a character is one UTF8_REPLACEMENT, as browsers do it. */
size_t utf8_decode(const char *bytes, size_t count, uint32_t *ret_code_point);
/* Writes 1 to 4 bytes and returns how many. What is no code point (a surrogate, above 10FFFF) becomes
 * UTF8_REPLACEMENT. */
size_t utf8_encode(uint32_t code_point, char bytes[UTF8_MOST_BYTES]);
/* Puts "?" in the place of every terminal control (U+0000 to U+001F, U+007F to U+009F) but line end and tab, and returns
 * how many bytes are left. Bytes that are not UTF-8 stay. */
size_t utf8_mask_controls(char *bytes, size_t count);
bool utf8_valid(const char *bytes, size_t count);
/* Columns of a terminal that a character takes: 0 for control and combining characters, 2 for East Asian wide
 * characters and emoji, else 1. Ranges and not the full tables: enough to move a cursor back over what a person typed. */
unsigned utf8_columns(uint32_t code_point);

#endif
