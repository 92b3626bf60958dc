/* text.h - building text in a fixed buffer, without libc.
 *
 * A struct text never overflows: what does not fit is left out and `truncated` is set. The data always ends with NUL.
 */
#ifndef LLMK_TEXT_H
#define LLMK_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    char *data;
    size_t capacity; /* bytes of data, the final NUL included; at least 1 */
    size_t length;   /* without the NUL */
    bool truncated;
};

void text_init(struct text *text, char *data, size_t capacity);
void text_bytes(struct text *text, const char *bytes, size_t count);
void text_string(struct text *text, const char *string);
/* %s %.*s %c %d %u %x %X with the length modifiers z, l, ll, a width (also '*'), the flags '-' and '0', and %%. Nothing
 * else: a value in thousandths or millionths goes through text_micro. */
void text_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_format_list(struct text *text, const char *format, va_list list);
/* millionths as a decimal with at least `decimals` and at most six digits after the point, without further zeros:
 * 850000 -> "0.85" */
void text_micro(struct text *text, uint64_t millionths, unsigned decimals);
void text_number(struct text *text, uint64_t value, unsigned base); /* without leading zeros; lower case */
/* This many lower-case hexadecimal digits, with leading zeros and without a NUL: the lowest ones of the value. */
void hex_digits(char *to, unsigned count, uint64_t value);

size_t string_length(const char *string); /* of NULL 0 */
bool string_equal(const char *a, const char *b);
bool string_starts(const char *string, const char *prefix);
/* Is `string` exactly these bytes, which need not end with a NUL? */
bool string_is(const char *string, const char *bytes, size_t count);

/* A list of strings is one text: each ends with NUL, and an empty one ends the list. */
const char *strings_at(const char *list, unsigned number); /* "?" behind its end */
/* The number of exactly these bytes in the list, SIZE_MAX when they are not in it. */
size_t strings_find(const char *list, const char *bytes, size_t count);

#endif
