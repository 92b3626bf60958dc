/* wire_octets.h - what an octet may be inside a frame: shared by writer, receiver and reader of requests. */
#ifndef LLMK_WIRE_OCTETS_H
#define LLMK_WIRE_OCTETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool wire_is_safe(char octet); /* stands for itself in a value */
bool wire_is_name(char octet);
bool wire_is_letter(char octet);
/* -1 for anything but a lower-case hexadecimal digit. */
int wire_hex_digit(char octet);
/* Exactly `count` hexadecimal digits, at most eight. */
bool wire_fixed_hex(const char *text, size_t count, uint32_t *ret_value);

static inline bool wire_is_digit(char octet)
{
    return octet >= '0' && octet <= '9';
}

#endif
