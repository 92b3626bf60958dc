/* number.h - strict numbers: the whole text must be one, without sign, space or a second spelling. */
#ifndef LLMK_NUMBER_H
#define LLMK_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each returns false and leaves the result alone when the text is no such number or does not fit 64 bits. */
bool number_u64(const char *text, size_t length, uint64_t *ret_value); /* decimal digits only */
/* A decimal number in millionths: "1", "0.85", ".5"; at most six digits after the point, at least one. */
bool number_micro(const char *text, size_t length, uint64_t *ret_millionths);
bool number_hex(const char *text, size_t length, uint64_t *ret_value); /* lower-case hexadecimal digits only */

#endif
