/* wire.c - writing frames: one writer for every record, by the tables of the schema. */
#include "wire.h"

#include "llmk_wire.h"
#include "llmk_wire_tables.h"
#include "wire_octets.h"

_Static_assert(WIRE_LINE_BYTES == WIRE_MAX_LINE, "wire.h and the schema agree on the longest line");
_Static_assert(WIRE_FRAME_FIELDS == WIRE_MAX_FIELDS, "wire.h and the schema agree on the number of fields");
_Static_assert(sizeof(enum wire_phase) == 4, "enumerations are read as 32 bit");

static const char digits[] = "0123456789abcdef";

uint32_t wire_crc32_more(uint32_t crc, const void *data, size_t count)
{
    /* One entry per nibble: 64 bytes of table, two steps a byte. */
    static const uint32_t table[16] = {
        0x00000000u, 0x1db71064u, 0x3b6e20c8u, 0x26d930acu, 0x76dc4190u, 0x6b6b51f4u, 0x4db26158u, 0x5005713cu,
        0xedb88320u, 0xf00f9344u, 0xd6d6a3e8u, 0xcb61b38cu, 0x9b64c2b0u, 0x86d3d2d4u, 0xa00ae278u, 0xbdbdf21cu,
    };
    const uint8_t *at = data;
    crc = ~crc;
    for (size_t i = 0; i < count; i++) {
        crc ^= at[i];
        crc = (crc >> 4) ^ table[crc & 15u];
        crc = (crc >> 4) ^ table[crc & 15u];
    }
    return ~crc;
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

/* Counts on beyond the end, so that an overflow is seen once, at the end of the line. */
static __attribute__((noinline)) void put(struct wire_line *line, char octet)
{
    if (line->length < WIRE_LINE_BYTES) {
        line->data[line->length] = octet;
    }
    line->length++;
}

static __attribute__((noinline)) void put_string(struct wire_line *line, const char *string)
{
    while (*string) {
        put(line, *string++);
    }
}

static __attribute__((noinline)) void put_fixed_hex(struct wire_line *line, uint32_t value, unsigned count)
{
    while (count-- > 0) {
        put(line, digits[(value >> (4 * count)) & 15u]);
    }
}

static void put_number(struct wire_line *line, uint64_t value, unsigned base)
{
    char reversed[20];
    unsigned count = 0;
    do {
        reversed[count++] = digits[value % base];
        value /= base;
    } while (value > 0);
    while (count > 0) {
        put(line, reversed[--count]);
    }
}

/* Millionths, without trailing zeros. */
static void put_micro(struct wire_line *line, uint64_t value)
{
    put_number(line, value / 1000000u, 10);
    uint32_t rest = (uint32_t)(value % 1000000u);
    if (rest > 0) {
        put(line, '.');
    }
    for (uint32_t unit = 100000u; rest > 0; unit /= 10u) {
        put(line, digits[rest / unit]);
        rest %= unit;
    }
}

static void put_escaped(struct wire_line *line, char octet)
{
    if (octet == ' ' || wire_is_safe(octet)) {
        put(line, octet == ' ' ? '_' : octet);
    } else {
        put(line, '%');
        put_fixed_hex(line, (uint8_t)octet, 2);
    }
}

static char printable(char octet)
{
    return octet >= 0x20 && octet < 0x7f ? octet : '?';
}

size_t wire_plain_octets(const char *text)
{
    size_t octets = 0;
    for (; *text; text++) {
        octets += printable(*text) == ' ' || wire_is_safe(printable(*text)) ? 1 : 3;
    }
    return octets;
}

/* The limit of a text counts its octets; that of plain and name those written, so that a long message is cut and never
 * breaks the line. */
static void put_text(struct wire_line *line, const struct wire_field *field, const char *text, size_t length)
{
    size_t begin = line->length;
    for (size_t i = 0; i < length; i++) {
        size_t before = line->length;
        if (field->kind == WIRE_NAME) {
            put(line, wire_is_name(text[i]) ? text[i] : '-');
        } else {
            put_escaped(line, field->kind == WIRE_PLAIN ? printable(text[i]) : text[i]);
        }
        if ((field->kind == WIRE_TEXT ? i + 1 : line->length - begin) > field->limit) {
            line->length = before;
            return;
        }
    }
}

/* Only up to 2^bits - 1: a line never grows beyond what was proved for it. */
static uint64_t clamp_bits(uint64_t value, unsigned bits)
{
    uint64_t limit = UINT64_MAX >> (64 - bits);
    return value < limit ? value : limit;
}

/* An unsigned number of the least size that holds so many bits. Little-endian, as every machine that this runs on. */
static uint64_t load_bits(const uint8_t *at, unsigned bits)
{
    uint64_t value = 0;
    for (unsigned bytes = bits <= 8 ? 1 : bits <= 16 ? 2 : bits <= 32 ? 4 : 8; bytes > 0;) {
        value = value << 8 | at[--bytes];
    }
    return clamp_bits(value, bits);
}

/* The number itself, the length of a text, or how many numbers a list has: what is zero is empty. */
static uint64_t load(const struct wire_field *field, const uint8_t *at)
{
    switch (field->kind) {
    case WIRE_TEXT:
        return load_bits(at + sizeof(void *), 64);
    case WIRE_PLAIN:
    case WIRE_NAME: {
        const char *text = *(const char *const *)(const void *)at;
        uint64_t length = 0;
        while (text && text[length]) {
            length++;
        }
        return length;
    }
    case WIRE_UINTS:
        return load_bits(at + field->count * sizeof(uint64_t), 32);
    default:
        return load_bits(at, field->kind == WIRE_ENUM ? 32 : field->limit);
    }
}

static void put_value(struct wire_line *line, const struct wire_field *field, const uint8_t *at, uint64_t value)
{
    switch (field->kind) {
    case WIRE_TEXT:
    case WIRE_PLAIN:
    case WIRE_NAME:
        put_text(line, field, *(const char *const *)(const void *)at, value);
        break;
    case WIRE_UINTS:
        for (unsigned i = 0; i < value && i < field->count; i++) {
            if (i > 0) {
                put(line, ',');
            }
            put_number(line, clamp_bits(load_bits(at + i * sizeof(uint64_t), 64), field->limit), 10);
        }
        break;
    case WIRE_ENUM:
        put_string(line, wire_word(wire_words[field->limit], (unsigned)value));
        break;
    case WIRE_MICRO:
        put_micro(line, value);
        break;
    default:
        put_number(line, value, field->kind == WIRE_HEX ? 16 : 10);
        break;
    }
}

bool wire_put(struct wire_line *line, uint16_t sequence, unsigned record, const void *values)
{
    const struct wire_shape *shape = &wire_shapes[record];
    line->length = 0;
    put(line, '@');
    put(line, shape->kind);
    put(line, ' ');
    put_fixed_hex(line, sequence, 4);
    if (shape->stream != WIRE_ALWAYS) {
        put_string(line, " k=");
        put_string(line, wire_stream_word((enum wire_stream)shape->stream));
    }
    const struct wire_field *field = &wire_fields[shape->first], *end = field + shape->count;
    for (; field < end; field++) {
        const uint8_t *at = (const uint8_t *)values + field->offset;
        uint64_t value = load(field, at);
        if (field->present == WIRE_UNLESS_ZERO
                ? value == 0
                : field->present != WIRE_ALWAYS && !*((const bool *)values + field->present)) {
            continue;
        }
        put(line, ' ');
        put_string(line, field->key);
        put(line, '=');
        put_value(line, field, at, value);
    }
    if (line->length > WIRE_LINE_BYTES - 11u) { /* "*", eight digits, CR LF */
        line->length = 0;
        return false;
    }
    uint32_t crc = wire_crc32(line->data + 1, line->length - 1);
    put(line, '*');
    put_fixed_hex(line, crc, 8);
    put_string(line, "\r\n");
    return true;
}

const char *wire_word(const char *words, unsigned number)
{
    for (; *words; number--) {
        if (number == 0) {
            return words;
        }
        while (*words++) {
        }
    }
    return "?";
}

int wire_word_find(const char *words, const char *word, size_t length)
{
    for (int number = 0; *words; number++) {
        size_t same = 0;
        while (same < length && words[same] && words[same] == word[same]) {
            same++;
        }
        if (same == length && !words[same]) {
            return number;
        }
        while (*words++) {
        }
    }
    return -1;
}
