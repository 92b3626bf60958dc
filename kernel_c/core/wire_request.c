/* wire_request.c - reading what a host asks: the fields of a frame into a struct, by the tables of the schema. */
#include "llmk_wire.h"
#include "wire_octets.h"

enum fault { GOOD, OCTET, LONG, NO_WORD, NO_OPERATION, SPELLING, LARGE, MISSING, NO_ID, NO_VERSION };

/* The first fault counts. */
static void refuse(struct wire_refusal *refusal, enum fault fault, const char *field)
{
    static const struct {
        enum wire_error_code error;
        const char *message;
    } faults[] = {
        [OCTET] = {WIRE_ERROR_CODE_ARG, "has an octet that is not allowed here"},
        [LONG] = {WIRE_ERROR_CODE_TOOLONG, "is too long for one request"},
        [NO_WORD] = {WIRE_ERROR_CODE_ARG, "is not a known word"},
        [NO_OPERATION] = {WIRE_ERROR_CODE_OP, "is not a known word"},
        [SPELLING] = {WIRE_ERROR_CODE_ARG, "is not a number in its one spelling"},
        [LARGE] = {WIRE_ERROR_CODE_RANGE, "is too large"},
        [MISSING] = {WIRE_ERROR_CODE_ARG, "is missing"},
        [NO_ID] = {WIRE_ERROR_CODE_RANGE, "must be 1 to 65535"},
        [NO_VERSION] = {WIRE_ERROR_CODE_VERSION, "is a protocol version that this kernel does not speak"},
    };
    if (fault != GOOD && !refusal->field) {
        refusal->error = faults[fault].error;
        refusal->field = field;
        refusal->message = faults[fault].message;
    }
}

/* Undoes the escapes in place and ends the text with NUL, over the separator that follows it. False for what the kind
 * does not allow. */
static bool unescape(char *text, size_t length, enum wire_kind kind, size_t *ret_length)
{
    size_t to = 0;
    for (size_t i = 0; i < length; i++) {
        char octet = text[i];
        if (kind == WIRE_NAME) {
            if (!wire_is_name(octet)) {
                return false;
            }
        } else if (octet == ',') {
            return false; /* the separator of lists */
        } else if (octet == '_') {
            octet = ' ';
        } else if (octet == '%') {
            uint32_t value;
            wire_fixed_hex(text + i + 1, 2, &value);
            octet = (char)value;
            i += 2;
        }
        if (kind == WIRE_PLAIN && (octet < 0x20 || octet > 0x7e)) {
            return false;
        }
        text[to++] = octet;
    }
    text[to] = 0;
    *ret_length = to;
    return true;
}

/* Decimal or hexadecimal in its one spelling, at most 32 bits: a host sends no larger number. */
static enum fault read_number(const struct wire_field *field, const char *text, size_t length, uint8_t *to)
{
    unsigned base = field->kind == WIRE_HEX ? 16 : 10;
    uint64_t value = 0;
    bool large = false;
    if (length == 0 || (length > 1 && text[0] == '0')) {
        return SPELLING;
    }
    for (size_t i = 0; i < length; i++) {
        unsigned digit = (unsigned)wire_hex_digit(text[i]); /* -1 is larger than any base */
        if (digit >= base) {
            return SPELLING;
        }
        value = (value & UINT32_MAX) * base + digit;
        large |= value >> field->limit != 0;
    }
    if (large) {
        return LARGE;
    }
    __builtin_memcpy(to, &value, field->limit <= 8 ? 1 : field->limit <= 16 ? 2 : 4); /* little-endian */
    return GOOD;
}

static enum fault read_text(const struct wire_field *field, char *text, size_t length, uint8_t *to)
{
    size_t taken;
    if (!unescape(text, length, (enum wire_kind)field->kind, &taken)) {
        return OCTET;
    }
    *(char **)(void *)to = text;
    *(size_t *)(void *)(to + sizeof(char *)) = taken;
    return (field->kind == WIRE_TEXT ? taken : length) > field->limit ? LONG : GOOD;
}

static enum fault read_word(const struct wire_field *field, const char *text, size_t length, uint8_t *to)
{
    const char *words = wire_words[field->limit];
    int number = wire_word_find(words, text, length);
    if (number < 0) {
        return words == wire_op_words ? NO_OPERATION : NO_WORD;
    }
    *(int32_t *)(void *)to = number;
    return GOOD;
}

static enum fault read_value(const struct wire_field *field, char *text, size_t length, uint8_t *to)
{
    switch (field->kind) {
    case WIRE_TEXT:
    case WIRE_PLAIN:
    case WIRE_NAME:
        return read_text(field, text, length, to);
    case WIRE_ENUM:
        return read_word(field, text, length, to);
    default:
        return read_number(field, text, length, to);
    }
}

/* Reads every field of the shape that the frame has; others are ignored. After a fault the others are tried all the
 * same, so that an id behind a bad argument is still known. Returns the set of those that were there. */
static uint32_t read_fields(const struct wire_frame *frame, const struct wire_shape *shape, void *record,
                            struct wire_refusal *refusal)
{
    uint32_t found = 0;
    for (unsigned f = 0; f < shape->count; f++) {
        const struct wire_field *field = &wire_fields[shape->first + f];
        for (unsigned p = 0; p < frame->count; p++) {
            const struct wire_pair *pair = &frame->pairs[p];
            if (wire_word_find(field->key, frame->line + pair->key, pair->key_length) != 0) {
                continue;
            }
            found |= (uint32_t)1 << f;
            if (field->present != WIRE_ALWAYS) {
                *((bool *)record + field->present) = true;
            }
            char *text = frame->line + pair->value;
            refuse(refusal, read_value(field, text, pair->value_length, (uint8_t *)record + field->offset), field->key);
        }
    }
    return found;
}

/* Refuses for the first field of the mask `required` that was not found. */
static void need(const struct wire_shape *shape, uint32_t found, uint32_t required, struct wire_refusal *refusal)
{
    uint32_t missing = required & ~found;
    if (missing != 0) {
        refuse(refusal, MISSING, wire_fields[shape->first + __builtin_ctz(missing)].key);
    }
}

bool wire_request_parse(const struct wire_frame *frame, struct wire_request *ret, struct wire_refusal *ret_refusal)
{
    const struct wire_shape *shape = &wire_shapes[WIRE_RECORD_REQUEST];
    *ret = (struct wire_request){0};
    *ret_refusal = (struct wire_refusal){0};
    uint32_t found = read_fields(frame, shape, ret, ret_refusal);
    need(shape, found, WIRE_REQUEST_REQUIRED, ret_refusal);
    refuse(ret_refusal, ret->id == 0 ? NO_ID : GOOD, "id");
    need(shape, found, wire_operations[ret->op].required, ret_refusal);
    ret_refusal->id = ret->id;
    return !ret_refusal->field;
}

bool wire_host_hello_parse(const struct wire_frame *frame, struct wire_host_hello *ret,
                           struct wire_refusal *ret_refusal)
{
    const struct wire_shape *shape = &wire_shapes[WIRE_RECORD_HOST_HELLO];
    *ret = (struct wire_host_hello){0};
    *ret_refusal = (struct wire_refusal){0};
    need(shape, read_fields(frame, shape, ret, ret_refusal), WIRE_HOST_HELLO_REQUIRED, ret_refusal);
    refuse(ret_refusal, ret->protocol != WIRE_PROTOCOL ? NO_VERSION : GOOD, "p");
    return !ret_refusal->field;
}
