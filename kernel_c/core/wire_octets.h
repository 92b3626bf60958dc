/* wire_octets.h - what an octet may be inside a frame: shared by writer, receiver and reader of requests. */
#ifndef LLMK_WIRE_OCTETS_H
#define LLMK_WIRE_OCTETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Stands for itself in a value. */
static inline bool wire_is_safe(uint8_t octet)
{
    return octet > 0x20 && octet < 0x7f && octet != '%' && octet != '*' && octet != ',' && octet != '=' &&
           octet != '@' && octet != '_';
}

static inline bool wire_is_digit(char octet)
{
    return octet >= '0' && octet <= '9';
}

static inline bool wire_is_name(char octet)
{
    return wire_is_digit(octet) || (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z') || octet == '_' ||
           octet == '.' || octet == '-';
}

/* -1 for anything but a lower-case hexadecimal digit. */
static inline int wire_hex_digit(char octet)
{
    return wire_is_digit(octet) ? octet - '0' : octet >= 'a' && octet <= 'f' ? octet - 'a' + 10 : -1;
}

static inline bool wire_is_letter(char octet)
{
    return (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z');
}

/* Exactly `count` hexadecimal digits, at most eight. */
static inline bool wire_fixed_hex(const char *text, size_t count, uint32_t *ret_value)
{
    *ret_value = 0;
    for (size_t i = 0; i < count; i++) {
        int digit = wire_hex_digit(text[i]);
        if (digit < 0) {
            return false;
        }
        *ret_value = *ret_value << 4 | (uint32_t)digit;
    }
    return true;
}

#endif
