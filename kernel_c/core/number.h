/* number.h - strict numbers: the whole text must be one, without sign, space or a second spelling. */
#ifndef LLMK_NUMBER_H
#define LLMK_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NUMBER_NONE UINT64_MAX
#define NUMBER_LARGEST (UINT64_MAX - 1)
/* A number of a base up to 16, letters in lower case, without leading zeros; NUMBER_NONE when it is written otherwise. What
 * is larger than NUMBER_LARGEST is that. */
uint64_t number_read(const char *text, size_t length, unsigned base);
uint64_t number_hex(const char *digits, size_t count); /* the same of base 16 with any leading zeros */
/* Each returns false and leaves the result alone when the text is no such number or does not fit 64 bits. */
bool number_u64(const char *text, size_t length, uint64_t *ret_value); /* decimal digits only */
/* A decimal number in millionths: "1", "0.85", ".5"; at most six digits after the point, at least one. */
bool number_micro(const char *text, size_t length, uint64_t *ret_millionths);

#endif
