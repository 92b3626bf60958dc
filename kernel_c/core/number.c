#include "number.h"

bool number_u64(const char *text, size_t length, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (length == 0)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
            return false;
    }
    *ret_value = value;
    return true;
}

bool number_micro(const char *text, size_t length, uint64_t *ret_millionths)
{
    size_t point = 0;
    while (point < length && text[point] != '.')
        point++;
    uint64_t whole = 0, fraction = 0;
    if (point > 0 && !number_u64(text, point, &whole))
        return false;
    size_t decimals = point < length ? length - point - 1 : 0;
    if ((point == 0 || point < length) && (decimals == 0 || decimals > 6))
        return false;
    if (decimals > 0 && !number_u64(text + point + 1, decimals, &fraction))
        return false;
    for (size_t i = decimals; i < 6; i++)
        fraction *= 10;
    if (__builtin_mul_overflow(whole, (uint64_t)1000000, &whole) || __builtin_add_overflow(whole, fraction, &whole))
        return false;
    *ret_millionths = whole;
    return true;
}

bool number_hex(const char *text, size_t length, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (length == 0)
        return false;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        bool digit = c >= '0' && c <= '9';
        if (!digit && (c < 'a' || c > 'f'))
            return false;
        if (value >> 60 != 0)
            return false;
        value = value << 4 | (uint64_t)(digit ? c - '0' : c - 'a' + 10);
    }
    *ret_value = value;
    return true;
}
