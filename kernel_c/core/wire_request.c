/* wire_request.c - reading what a host asks: the fields of a frame into a struct, by the tables of the schema. */
#include "llmk_wire.h"
#include "number.h"
#include "text.h"
#include "wire_octets.h"

const struct wire_fault_words wire_faults[] = {
    [WIRE_FAULT_OCTET] = {WIRE_ERROR_CODE_ARG, "has an octet that is not allowed here"},
    [WIRE_FAULT_LONG] = {WIRE_ERROR_CODE_TOOLONG, "is too long for one request"},
    [WIRE_FAULT_WORD] = {WIRE_ERROR_CODE_ARG, "is not a known word"},
    [WIRE_FAULT_OPERATION] = {WIRE_ERROR_CODE_OP, "is not a known word"},
    [WIRE_FAULT_SPELLING] = {WIRE_ERROR_CODE_ARG, "is not a number in its one spelling"},
    [WIRE_FAULT_LARGE] = {WIRE_ERROR_CODE_RANGE, "is too large"},
    [WIRE_FAULT_MISSING] = {WIRE_ERROR_CODE_ARG, "is missing"},
    [WIRE_FAULT_ID] = {WIRE_ERROR_CODE_RANGE, "must be 1 to 65535"},
    [WIRE_FAULT_BUSY] = {WIRE_ERROR_CODE_BUSY, "the kernel computes: wait for the end, or stop it"},
    [WIRE_FAULT_VERSION] = {WIRE_ERROR_CODE_VERSION, "is a protocol version that this kernel does not speak"},
};

/* The first fault counts. */
static void refuse(struct wire_host_record *record, enum wire_fault fault, const char *field)
{
    if (fault != WIRE_FAULT_NONE && record->fault == WIRE_FAULT_NONE) {
        record->fault = fault;
        record->field = field;
    }
}

/* Undoes the escapes in place and ends the text with NUL, over the separator that follows it. */
static enum wire_fault read_text(const struct wire_field *field, const struct wire_pair *pair, uint64_t *ret_length)
{
    char *to = pair->value;
    for (const char *from = pair->value; from < pair->end; from++) {
        char octet = *from;
        if (field->kind != WIRE_NAME) {
            if (octet == '_') {
                octet = ' ';
            } else if (octet == '%') {
                uint64_t value = 0;
                (void)number_hex(from + 1, 2, &value); /* the receiver has seen that they are digits */
                octet = (char)value;
                from += 2;
            } else if (octet == ',') {
                return WIRE_FAULT_OCTET; /* the separator of lists */
            }
        }
        if (field->kind != WIRE_TEXT && !wire_octet_is(octet, field->kind == WIRE_NAME ? WIRE_NAMES : WIRE_PRINTABLE)) {
            return WIRE_FAULT_OCTET;
        }
        *to++ = octet;
    }
    *to = '\0';
    *ret_length = (uint64_t)(to - pair->value);
    return (field->kind == WIRE_TEXT ? to : pair->end) - pair->value > field->limit ? WIRE_FAULT_LONG : WIRE_FAULT_NONE;
}

/* Decimal or hexadecimal in its one spelling, at most 32 bits: a host sends no larger number. */
static enum wire_fault read_number(const struct wire_field *field, const struct wire_pair *pair, uint64_t *ret_value)
{
    enum wire_fault fault = WIRE_FAULT_NONE;
    uint64_t value = 0, digit, base = field->kind == WIRE_HEX ? 16 : 10;
    const char *text = pair->value;
    if (*text == '0' && text + 1 < pair->end) {
        return WIRE_FAULT_SPELLING;
    }
    do {
        if (!number_hex(text, 1, &digit) || digit >= base) {
            return WIRE_FAULT_SPELLING;
        }
        value = (value & UINT32_MAX) * base + digit;
        if (value >> field->limit != 0) {
            fault = WIRE_FAULT_LARGE;
        }
    } while (++text < pair->end);
    *ret_value = value;
    return fault;
}

static enum wire_fault read_word(const struct wire_field *field, const struct wire_pair *pair, uint64_t *ret_value)
{
    int number = wire_word_find(field->limit, pair->value, (size_t)(pair->end - pair->value));
    *ret_value = (uint64_t)number;
    return number >= 0 ? WIRE_FAULT_NONE : field->limit == WIRE_WORDS_OP ? WIRE_FAULT_OPERATION : WIRE_FAULT_WORD;
}

/* Into the struct: the number at the field's offset, or the length of a text and behind it where the text is. */
static __attribute__((noinline)) enum wire_fault read_value(const struct wire_field *field,
                                                            const struct wire_pair *pair, uint8_t *record)
{
    uint8_t *to = record + field->offset;
    uint64_t value;
    enum wire_fault fault;
    if (field->present != WIRE_ALWAYS) {
        record[field->present] = true;
    }
    switch (field->kind) {
    case WIRE_TEXT:
    case WIRE_PLAIN:
    case WIRE_NAME:
        fault = read_text(field, pair, &value);
        *(char **)(void *)(to + sizeof value) = pair->value;
        break;
    case WIRE_ENUM:
        fault = read_word(field, pair, &value);
        break;
    default:
        fault = read_number(field, pair, &value);
        break;
    }
    if (fault == WIRE_FAULT_NONE) {
        __builtin_memcpy(to, &value, field->octets); /* little-endian */
    }
    return fault;
}

void wire_read(const struct wire_frame *frame, struct wire_host_record *ret)
{
    bool asks = frame->kind == 'q';
    const struct wire_shape *shape = &wire_shapes[asks ? WIRE_RECORD_REQUEST : WIRE_RECORD_HOST_HELLO];
    *ret = (struct wire_host_record){0};
    /* After a fault the others are read all the same, so that an id behind a bad argument is still known. */
    for (unsigned i = 0; i < shape->count; i++) {
        const struct wire_field *field = &wire_fields[shape->first + i];
        const struct wire_pair *pair = wire_pair_find(frame, field->key);
        if (pair != NULL) {
            refuse(ret, read_value(field, pair, (uint8_t *)&ret->request), field->key);
        } else if (field->present == WIRE_ALWAYS || (asks && wire_operations[ret->request.op].required >> i & 1u)) {
            refuse(ret, WIRE_FAULT_MISSING, field->key);
        }
    }
    if (asks && ret->request.id == 0) {
        refuse(ret, WIRE_FAULT_ID, "id");
    } else if (!asks && ret->hello.protocol != WIRE_PROTOCOL) {
        refuse(ret, WIRE_FAULT_VERSION, "p");
    }
}
