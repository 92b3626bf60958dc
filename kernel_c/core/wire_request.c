/* wire_request.c - reading what a host asks: the fields of a frame into a struct, by the tables of the schema. */
#include "llmk_wire.h"
#include "number.h"
#include "text.h"
#include "wire_octets.h"

const struct wire_fault_words wire_faults[] = {
    [WIRE_FAULT_OCTET] = {ERROR_ARG, "has an octet that is not allowed here"},
    [WIRE_FAULT_LONG] = {ERROR_TOOLONG, "is too long for one request"},
    [WIRE_FAULT_WORD] = {ERROR_ARG, "is not a known word"},
    [WIRE_FAULT_OPERATION] = {ERROR_OP, "is not a known word"},
    [WIRE_FAULT_SPELLING] = {ERROR_ARG, "is not a number in its one spelling"},
    [WIRE_FAULT_LARGE] = {ERROR_RANGE, "is too large"},
    [WIRE_FAULT_MISSING] = {ERROR_ARG, "is missing"},
    [WIRE_FAULT_BUSY] = {ERROR_BUSY, "the kernel computes: wait for the end, or stop it"},
};

/* Into the record: a number or the number of a word at the field's offset, or where the text is and behind that its
 * length. `text` is room for the value without its escapes; it ends with NUL there. */
static enum wire_fault read_value(const struct wire_field *field, const char *written, uint8_t *record, char *text)
{
    const struct wire_rule *rule = &wire_rules[field->kind];
    void *to = record + field->offset;
    int left = field->limit;
    size_t length = 0;
    while (!wire_octet_is(*written, WIRE_SPACE | WIRE_STAR)) {
        char octet = *written++;
        left--;
        if (octet == rule->separator) {
            return (enum wire_fault)rule->fault;
        }
        if (octet == rule->space) {
            octet = ' ';
        } else if (octet == rule->escape) {
            octet = (char)number_hex(written, 2); /* the receiver has seen that they are digits */
            written += 2;
            left -= rule->longer;
        }
        if (!wire_octet_is(octet, rule->allowed)) {
            return (enum wire_fault)rule->fault;
        }
        text[length++] = octet;
    }
    text[length] = '\0';
    if (field->kind <= WIRE_NAME) {
        *(char **)to = text;
        ((size_t *)to)[1] = length;
        return left < 0 ? WIRE_FAULT_LONG : WIRE_FAULT_NONE;
    }
    uint64_t value = field->kind < WIRE_MICRO ? strings_find(wire_word_lists[field->count], text, length)
                                              : number_read(text, length, field->kind);
    if (value == NUMBER_NONE) {
        return (enum wire_fault)rule->fault;
    }
    if (value >> field->limit != 0) {
        return WIRE_FAULT_LARGE;
    }
    *(uint32_t *)to = (uint32_t)value;
    return WIRE_FAULT_NONE;
}

void wire_read(const char *frame, struct wire_host_record *ret)
{
    const struct wire_field *field = wire_shapes[frame[1] == 'q' ? WIRE_RECORD_REQUEST : WIRE_RECORD_HOST_HELLO].fields;
    *ret = (struct wire_host_record){0};
    /* After a fault the others are read all the same, so that an id behind a bad argument is still known. */
    for (uint32_t argument = 1; field->key[0] != '\0'; field++, argument <<= 1) {
        const char *value = wire_value(frame, field->key);
        enum wire_fault fault = WIRE_FAULT_NONE;
        if (value != NULL) {
            ret->request.has |= argument;
            fault = read_value(field, value, (uint8_t *)&ret->request, ret->texts + (value - frame));
        } else if (field->present == WIRE_ALWAYS || (wire_operations[ret->request.op].required & argument) != 0) {
            fault = WIRE_FAULT_MISSING; /* a hello has no other fields */
        }
        if (ret->fault == WIRE_FAULT_NONE && fault != WIRE_FAULT_NONE) { /* the first one counts */
            ret->fault = fault;
            ret->field = field->key;
        }
    }
}
