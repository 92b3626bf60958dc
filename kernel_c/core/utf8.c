#include "utf8.h"

size_t utf8_length(uint8_t first)
{
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    return first >= 0xf0 && first <= 0xf4 ? 4 : 1;
}

/* After some first bytes fewer second bytes are allowed: no longer form of a shorter character, no surrogate, nothing
 * above 10FFFF. */
static bool may_follow(uint8_t first, size_t place, uint8_t byte)
{
    if (place == 1 && first == 0xe0)
        return byte >= 0xa0 && byte <= 0xbf;
    if (place == 1 && first == 0xed)
        return byte >= 0x80 && byte <= 0x9f;
    if (place == 1 && first == 0xf0)
        return byte >= 0x90 && byte <= 0xbf;
    if (place == 1 && first == 0xf4)
        return byte >= 0x80 && byte <= 0x8f;
    return (byte & 0xc0) == 0x80;
}

/* Bytes at the start that belong to one character, complete or not: 1 to utf8_length(first). */
static size_t good_bytes(const char *bytes, size_t count)
{
    uint8_t first = (uint8_t)bytes[0];
    size_t length = utf8_length(first), good = 1;
    while (good < length && good < count && may_follow(first, good, (uint8_t)bytes[good]))
        good++;
    return good;
}

size_t utf8_incomplete_tail(const char *bytes, size_t count)
{
    for (size_t back = 1; back <= 3 && back <= count; back++) {
        const char *start = bytes + count - back;
        if (((uint8_t)*start & 0xc0) != 0x80) /* the first byte of the last character */
            return utf8_length((uint8_t)*start) > back && good_bytes(start, back) == back ? back : 0;
    }
    return 0;
}

size_t utf8_decode(const char *bytes, size_t count, uint32_t *ret_code_point)
{
    static const uint8_t first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint8_t first = (uint8_t)bytes[0];
    size_t length = utf8_length(first), good = good_bytes(bytes, count);
    if (good < length || (length == 1 && first >= 0x80)) {
        *ret_code_point = UTF8_REPLACEMENT;
        return good;
    }
    uint32_t code_point = first & first_bits[length];
    for (size_t i = 1; i < length; i++)
        code_point = code_point << 6 | ((uint8_t)bytes[i] & 0x3fu);
    *ret_code_point = code_point;
    return length;
}

size_t utf8_encode(uint32_t code_point, char bytes[UTF8_MOST_BYTES])
{
    static const uint8_t mark[] = {0, 0, 0xc0, 0xe0, 0xf0};
    if (code_point > 0x10ffff || (code_point >= 0xd800 && code_point <= 0xdfff))
        code_point = UTF8_REPLACEMENT;
    size_t length = code_point < 0x80 ? 1 : code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = length; i-- > 1; code_point >>= 6)
        bytes[i] = (char)(0x80 | (code_point & 0x3f));
    bytes[0] = (char)(mark[length] | code_point);
    return length;
}

static bool is_control(uint32_t code_point)
{
    return (code_point < 0x20 && code_point != '\n' && code_point != '\t') ||
           (code_point >= 0x7f && code_point <= 0x9f);
}

size_t utf8_mask_controls(char *bytes, size_t count)
{
    size_t left = 0;
    for (size_t at = 0; at < count;) {
        uint32_t code_point;
        size_t length = utf8_decode(bytes + at, count - at, &code_point);
        if (is_control(code_point)) {
            bytes[left++] = '?';
        } else {
            for (size_t i = 0; i < length; i++)
                bytes[left++] = bytes[at + i];
        }
        at += length;
    }
    return left;
}

bool utf8_valid(const char *bytes, size_t count)
{
    for (size_t at = 0; at < count;) {
        size_t good = good_bytes(bytes + at, count - at);
        if (good < utf8_length((uint8_t)bytes[at]) || (good == 1 && (uint8_t)bytes[at] >= 0x80))
            return false;
        at += good;
    }
    return true;
}

struct range {
    uint32_t first, last;
};

static bool in_ranges(uint32_t code_point, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (code_point >= ranges[i].first && code_point <= ranges[i].last)
            return true;
    return false;
}

unsigned utf8_columns(uint32_t code_point)
{
    static const struct range none[] = {
        {0x0, 0x1f},         {0x7f, 0x9f},        /* controls */
        {0x300, 0x36f},      {0x483, 0x489},      {0x591, 0x5bd},   {0x610, 0x61a},   {0x64b, 0x65f},   /* combining, */
        {0x1ab0, 0x1aff},    {0x1dc0, 0x1dff},    {0x200b, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x2064},
        {0x20d0, 0x20ff},    {0xfe00, 0xfe0f},    {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xe0001, 0xe01ef}, /* invisible */
    };
    static const struct range wide[] = {
        {0x1100, 0x115f},    {0x2e80, 0x303e},    {0x3041, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0x9fff},
        {0xa000, 0xa4cf},    {0xa960, 0xa97f},    {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},
        {0xff00, 0xff60},    {0xffe0, 0xffe6},    {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff},
        {0x20000, 0x3fffd},
    };
    if (code_point < 0x7f)
        return code_point >= 0x20;
    if (in_ranges(code_point, none, sizeof none / sizeof none[0]))
        return 0;
    return in_ranges(code_point, wide, sizeof wide / sizeof wide[0]) ? 2 : 1;
}
