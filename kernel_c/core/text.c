#include "text.h"

void text_init(struct text *text, char *data, size_t capacity)
{
    text->data = data;
    text->capacity = capacity;
    text->length = 0;
    text->truncated = false;
    data[0] = '\0';
}

void text_bytes(struct text *text, const char *bytes, size_t count)
{
    size_t room = text->capacity - 1 - text->length;
    if (count > room) {
        count = room;
        text->truncated = true;
    }
    for (size_t i = 0; i < count; i++)
        text->data[text->length++] = bytes[i];
    text->data[text->length] = '\0';
}

size_t string_length(const char *string)
{
    size_t length = 0;
    while (string != NULL && string[length] != '\0')
        length++;
    return length;
}

void text_string(struct text *text, const char *string)
{
    text_bytes(text, string, string_length(string));
}

bool string_equal(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

bool string_starts(const char *string, const char *prefix)
{
    while (*prefix != '\0')
        if (*string++ != *prefix++)
            return false;
    return true;
}

bool string_is(const char *string, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (string[i] == '\0' || string[i] != bytes[i])
            return false;
    return string[count] == '\0';
}

const char *strings_at(const char *list, unsigned number)
{
    for (; *list != '\0' && number > 0; number--)
        list += string_length(list) + 1;
    return *list != '\0' ? list : "?";
}

size_t strings_find(const char *list, const char *bytes, size_t count)
{
    for (size_t number = 0; *list != '\0'; number++) {
        if (string_is(list, bytes, count))
            return number;
        list += string_length(list) + 1;
    }
    return SIZE_MAX;
}

/* One conversion: what stands between '%' and its letter. */
struct conversion {
    bool left, zero;
    unsigned width;
    unsigned longs; /* 1: l, 2: ll or z */
    int precision;  /* -1: none */
};

static void pad(struct text *text, char fill, unsigned count)
{
    while (count-- > 0 && !text->truncated)
        text_bytes(text, &fill, 1);
}

static void put_padded(struct text *text, const struct conversion *how, const char *sign, const char *bytes,
                       size_t count)
{
    size_t signs = string_length(sign);
    unsigned missing = how->width > count + signs ? how->width - (unsigned)(count + signs) : 0;
    if (!how->left && !how->zero)
        pad(text, ' ', missing);
    text_bytes(text, sign, signs);
    if (!how->left && how->zero)
        pad(text, '0', missing);
    text_bytes(text, bytes, count);
    if (how->left)
        pad(text, ' ', missing);
}

static void put_number(struct text *text, const struct conversion *how, const char *sign, uint64_t value, unsigned base,
                       char ten)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        unsigned digit = (unsigned)(value % base);
        digits[--at] = (char)(digit < 10 ? '0' + digit : (unsigned)ten + digit - 10);
        value /= base;
    } while (value != 0);
    put_padded(text, how, sign, digits + at, sizeof digits - at);
}

void text_number(struct text *text, uint64_t value, unsigned base)
{
    static const struct conversion plain = {.precision = -1};
    put_number(text, &plain, "", value, base, 'a');
}

void hex_digits(char *to, unsigned count, uint64_t value)
{
    for (; count > 0; value >>= 4)
        to[--count] = "0123456789abcdef"[value & 15];
}

static const char *parse_conversion(const char *format, struct conversion *how, va_list *list)
{
    *how = (struct conversion){.precision = -1};
    for (;; format++) {
        if (*format == '-')
            how->left = true;
        else if (*format == '0')
            how->zero = true;
        else
            break;
    }
    if (*format == '*') {
        int width = va_arg(*list, int); /* a negative one means '-' and its amount, as in C */
        how->left |= width < 0;
        how->width = width < 0 ? 0 - (unsigned)width : (unsigned)width;
        format++;
    }
    for (; *format >= '0' && *format <= '9'; format++)
        how->width = how->width * 10 + (unsigned)(*format - '0');
    if (*format == '.') {
        format++;
        how->precision = 0;
        if (*format == '*') {
            how->precision = va_arg(*list, int);
            format++;
        }
        for (; *format >= '0' && *format <= '9'; format++)
            how->precision = how->precision * 10 + (*format - '0');
    }
    for (; *format == 'l' || *format == 'z'; format++)
        how->longs += *format == 'z' ? 2 : 1;
    return format;
}

static uint64_t unsigned_argument(const struct conversion *how, va_list *list)
{
    if (how->longs >= 2)
        return va_arg(*list, unsigned long long);
    return how->longs == 1 ? va_arg(*list, unsigned long) : va_arg(*list, unsigned);
}

static int64_t signed_argument(const struct conversion *how, va_list *list)
{
    if (how->longs >= 2)
        return va_arg(*list, long long);
    return how->longs == 1 ? va_arg(*list, long) : va_arg(*list, int);
}

static void put_conversion(struct text *text, char letter, const struct conversion *how, va_list *list)
{
    if (letter == 's') {
        const char *string = va_arg(*list, const char *);
        if (string == NULL)
            string = "(null)"; /* a mistake of the caller must not stop a machine */
        size_t count = 0; /* with a precision the string need not end */
        while ((how->precision < 0 || count < (size_t)how->precision) && string[count] != '\0')
            count++;
        put_padded(text, how, "", string, count);
    } else if (letter == 'c') {
        char byte = (char)va_arg(*list, int);
        put_padded(text, how, "", &byte, 1);
    } else if (letter == 'd') {
        int64_t value = signed_argument(how, list);
        put_number(text, how, value < 0 ? "-" : "", value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10, 'a');
    } else if (letter == 'u') {
        put_number(text, how, "", unsigned_argument(how, list), 10, 'a');
    } else if (letter == 'x' || letter == 'X') {
        put_number(text, how, "", unsigned_argument(how, list), 16, letter == 'x' ? 'a' : 'A');
    } else {
        text_bytes(text, &letter, 1); /* "%%" */
    }
}

void text_format_list(struct text *text, const char *format, va_list list)
{
    va_list copy;
    va_copy(copy, list);
    while (*format != '\0') {
        const char *start = format;
        while (*format != '\0' && *format != '%')
            format++;
        text_bytes(text, start, (size_t)(format - start));
        if (*format != '%')
            break;
        struct conversion how;
        format = parse_conversion(format + 1, &how, &copy);
        if (*format == '\0')
            break;
        put_conversion(text, *format++, &how, &copy);
    }
    va_end(copy);
}

void text_format(struct text *text, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    text_format_list(text, format, list);
    va_end(list);
}

void text_micro(struct text *text, uint64_t millionths, unsigned decimals)
{
    char digits[6];
    uint64_t rest = millionths % 1000000;
    size_t count = 6;
    for (size_t i = 6; i-- > 0; rest /= 10)
        digits[i] = (char)('0' + rest % 10);
    while (count > decimals && digits[count - 1] == '0')
        count--;
    text_format(text, "%llu", (unsigned long long)(millionths / 1000000));
    if (count > 0) {
        text_string(text, ".");
        text_bytes(text, digits, count);
    }
}
