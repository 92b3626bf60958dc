/* wire.c - writing frames: one writer for every record, by the tables of the schema. */
#include "wire.h"

#include "llmk_wire.h"
#include "llmk_wire_tables.h"
#include "text.h"
#include "wire_octets.h"

_Static_assert(WIRE_LINE_BYTES == WIRE_MAX_LINE, "wire.h and the schema agree on the longest line");
_Static_assert(WIRE_FRAME_FIELDS == WIRE_MAX_FIELDS, "wire.h and the schema agree on the number of fields");
_Static_assert(sizeof(enum wire_phase) == 4, "enumerations are read as 32 bit");

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

void wire_put_text(struct text *text, const struct wire_field *field, const char *octets, size_t length)
{
    unsigned left = field->limit; /* that of a text counts its octets, that of plain and name those written */
    for (; length > 0; length--) {
        char octet = *octets++;
        if (field->kind == WIRE_NAME && !wire_octet_is(octet, WIRE_NAMES)) {
            octet = '-';
        } else if (field->kind == WIRE_PLAIN && !wire_octet_is(octet, WIRE_PRINTABLE)) {
            octet = '?';
        }
        bool stays = wire_octet_is(octet, WIRE_SAFE | WIRE_SPACE) || field->kind == WIRE_NAME;
        unsigned takes = stays || field->kind == WIRE_TEXT ? 1 : 3;
        if (takes > left) {
            return;
        }
        left -= takes;
        text_format(text, stays ? "%c" : "%%%02x", octet == ' ' ? '_' : (uint8_t)octet);
    }
}

/* Only up to 2^bits - 1: a line never grows beyond what was proved for it. */
static void put_number(struct text *text, const struct wire_field *field, uint64_t value)
{
    uint64_t limit = UINT64_MAX >> (64 - field->limit);
    if (value > limit) {
        value = limit;
    }
    if (field->kind == WIRE_MICRO) {
        text_micro(text, value, 0);
    } else {
        text_format(text, field->kind == WIRE_HEX ? "%llx" : "%llu", (unsigned long long)value);
    }
}

static void put_field(struct text *text, const struct wire_field *field, const uint8_t *values)
{
    const uint8_t *at = values + field->offset;
    const uint64_t *behind = (const void *)(at + sizeof(uint64_t));
    const char *string = NULL;
    uint64_t value = 0; /* the number itself, the length of a text, or how many numbers a list has: what is zero is empty */
    __builtin_memcpy(&value, at, field->octets); /* little-endian, as every machine that this runs on */
    if (field->kind == WIRE_TEXT) {
        string = (const char *)(uintptr_t)*behind;
    } else if (field->kind == WIRE_PLAIN || field->kind == WIRE_NAME) {
        string = (const char *)(uintptr_t)value;
        value = string != NULL ? string_length(string) : 0;
    }
    if (field->present == WIRE_UNLESS_ZERO ? value == 0
                                           : field->present != WIRE_ALWAYS && !values[field->present]) {
        return;
    }
    text_format(text, " %s=", field->key);
    switch (field->kind) {
    case WIRE_TEXT:
    case WIRE_PLAIN:
    case WIRE_NAME:
        wire_put_text(text, field, string, value);
        break;
    case WIRE_UINTS:
        for (unsigned i = 0; i < value && i < field->count; i++) {
            if (i > 0) {
                text_string(text, ",");
            }
            put_number(text, field, behind[i]);
        }
        break;
    case WIRE_ENUM:
        text_string(text, wire_word(field->limit, (unsigned)value));
        break;
    default:
        put_number(text, field, value);
        break;
    }
}

void wire_put_body(char *body, unsigned record, const void *values)
{
    const struct wire_shape *shape = &wire_shapes[record];
    const struct wire_field *field = &wire_fields[shape->first], *end = field + shape->count;
    struct text text;
    text_init(&text, body, WIRE_BODY_BYTES);
    text_string(&text, shape->begin);
    for (; field < end; field++) {
        put_field(&text, field, values);
    }
}

bool wire_put_frame(struct wire_line *line, uint16_t sequence, const char *body)
{
    struct text text;
    text_init(&text, line->data, sizeof line->data);
    text_format(&text, "@%c %04x%s", *body, sequence, body + 1);
    text_format(&text, "*%08x\r\n", wire_crc32(line->data + 1, text.length - 1));
    line->length = text.truncated ? 0 : text.length;
    return !text.truncated;
}

/* ---- words ------------------------------------------------------------------------------------------------------ */

const char *wire_word(unsigned list, unsigned number)
{
    const char *words = wire_word_lists[list];
    for (; *words && number > 0; number--) {
        words += string_length(words) + 1;
    }
    return *words ? words : "?";
}

int wire_word_find(unsigned list, const char *word, size_t length)
{
    for (unsigned number = 0;; number++) {
        const char *known = wire_word(list, number);
        if (*known == '?') { /* beyond the list: no word begins so */
            return -1;
        }
        if (string_is(known, word, length)) {
            return (int)number;
        }
    }
}
