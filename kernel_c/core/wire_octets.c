/* wire_octets.c - what an octet may be inside a frame. */
#include "wire_octets.h"

bool wire_is_safe(char octet)
{
    static const char marks[] = "%*,=@_";
    for (const char *mark = marks; *mark; mark++) {
        if (octet == *mark) {
            return false;
        }
    }
    return octet > 0x20 && octet < 0x7f;
}

bool wire_is_letter(char octet)
{
    char small = (char)(octet | 0x20);
    return small >= 'a' && small <= 'z';
}

bool wire_is_name(char octet)
{
    return wire_is_letter(octet) || wire_is_digit(octet) || octet == '_' || octet == '.' || octet == '-';
}

int wire_hex_digit(char octet)
{
    return wire_is_digit(octet) ? octet - '0' : octet >= 'a' && octet <= 'f' ? octet - 'a' + 10 : -1;
}

bool wire_fixed_hex(const char *text, size_t count, uint32_t *ret_value)
{
    uint32_t value = 0;
    for (; count > 0; count--) {
        int digit = wire_hex_digit(*text++);
        if (digit < 0) {
            return false;
        }
        value = value << 4 | (uint32_t)digit;
    }
    *ret_value = value;
    return true;
}
