/* wire.c - writing frames: one writer for every record, by the tables of the schema. */
#include "wire.h"

#include "llmk_wire.h"
#include "llmk_wire_tables.h"
#include "wire_octets.h"

_Static_assert(WIRE_LINE_BYTES == WIRE_MAX_LINE, "wire.h and the schema agree on the longest line");
_Static_assert(WIRE_FRAME_FIELDS == WIRE_MAX_FIELDS, "wire.h and the schema agree on the number of fields");
_Static_assert(sizeof(enum wire_phase) == sizeof(uint32_t), "enumerations are read as 32 bit");

void wire_put_text(struct text *text, const struct wire_field *field, const char *octets, size_t length)
{
    const struct wire_rule *rule = &wire_rules[field->kind];
    int left = field->limit;
    for (; length > 0; length--) {
        char octet = *octets++;
        if (!wire_octet_is(octet, rule->allowed)) {
            octet = rule->instead;
        }
        bool stays = wire_octet_is(octet, rule->stays);
        left -= stays ? 1 : 1 + rule->longer;
        if (left < 0) {
            return;
        }
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
        text_number(text, value, field->kind);
    }
}

static void put_field(struct text *text, const struct wire_field *field, const uint8_t *values)
{
    const uint64_t *wide = (const void *)(values + field->offset);
    uint32_t has = *(const uint32_t *)(const void *)values;
    /* the number itself, the length of a text, or how many numbers a list has: what is zero is empty */
    uint64_t value = field->wide ? *wide : *(const uint32_t *)(const void *)wide;
    const char *string = (const char *)(uintptr_t)value;
    if (field->kind <= WIRE_NAME) {
        value = field->kind == WIRE_TEXT ? wide[1] : string_length(string);
    }
    if (field->present == WIRE_UNLESS_ZERO ? value == 0
                                           : field->present != WIRE_ALWAYS && !(has >> field->present & 1)) {
        return;
    }
    text_format(text, " %s=", field->key);
    if (field->kind <= WIRE_NAME) {
        wire_put_text(text, field, string, value);
    } else if (field->kind == WIRE_ENUM) {
        text_string(text, wire_word(field->count, (unsigned)value));
    } else {
        uint64_t left = 1;
        if (field->count > 0) {
            left = value < field->count ? value : field->count;
            value = *++wide;
        }
        while (left-- > 0) {
            put_number(text, field, value);
            if (left > 0) {
                text_string(text, ",");
                value = *++wide;
            }
        }
    }
}

void wire_put(struct wire_line *line, unsigned record, const void *values)
{
    const struct wire_shape *shape = &wire_shapes[record];
    text_init(&line->text, line->data, sizeof line->data);
    text_string(&line->text, shape->begin);
    for (const struct wire_field *field = shape->fields; field->key[0] != '\0'; field++) {
        put_field(&line->text, field, values);
    }
}
