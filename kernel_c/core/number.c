#include "number.h"

static uint64_t read_digits(const char *text, size_t length, unsigned base)
{
    uint64_t value = 0;
    bool large = false;
    if (length == 0)
        return NUMBER_NONE;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        unsigned digit = base;
        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (unsigned)(c - 'a') + 10;
        if (digit >= base)
            return NUMBER_NONE;
        large |= __builtin_mul_overflow(value, (uint64_t)base, &value);
        large |= __builtin_add_overflow(value, (uint64_t)digit, &value);
    }
    return large || value > NUMBER_LARGEST ? NUMBER_LARGEST : value;
}

uint64_t number_read(const char *text, size_t length, unsigned base)
{
    return length > 1 && text[0] == '0' ? NUMBER_NONE : read_digits(text, length, base);
}

uint64_t number_hex(const char *digits, size_t count)
{
    return read_digits(digits, count, 16);
}

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
