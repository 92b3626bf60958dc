/* wire_request.c - reading what a host asks: the fields of a frame into a struct, by the tables of the schema. */
#include "llmk_wire.h"
#include "wire_octets.h"

static bool refuse(struct wire_refusal *refusal, enum wire_error_code error, const char *field, const char *message)
{
    refusal->error = error;
    refusal->field = field;
    refusal->message = message;
    return false;
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

static bool read_number(const char *text, size_t length, unsigned base, uint64_t limit, uint64_t *ret_value,
                        bool *ret_large)
{
    uint64_t value = 0;
    *ret_large = false;
    if (length == 0 || (length > 1 && text[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        int digit = wire_hex_digit(text[i]);
        if (digit < 0 || digit >= (int)base) {
            return false;
        }
        if (!*ret_large) {
            value = value * base + (uint64_t)digit;
        }
        *ret_large = *ret_large || value > limit;
    }
    *ret_value = value;
    return true;
}

static void store_number(void *to, unsigned bits, uint64_t value)
{
    if (bits <= 8) {
        *(uint8_t *)to = (uint8_t)value;
    } else if (bits <= 16) {
        *(uint16_t *)to = (uint16_t)value;
    } else {
        *(uint32_t *)to = (uint32_t)value;
    }
}

static bool read_text(const struct wire_field *field, char *text, size_t length, uint8_t *to,
                      struct wire_refusal *refusal)
{
    size_t taken;
    if (!unescape(text, length, (enum wire_kind)field->kind, &taken)) {
        return refuse(refusal, WIRE_ERROR_CODE_ARG, field->key, "has an octet that is not allowed here");
    }
    *(char **)(void *)to = text;
    *(size_t *)(void *)(to + sizeof(char *)) = taken;
    return (field->kind == WIRE_TEXT ? taken : length) <= field->limit ||
           refuse(refusal, WIRE_ERROR_CODE_TOOLONG, field->key, "is too long for one request");
}

static bool read_value(const struct wire_frame *frame, const struct wire_pair *pair, const struct wire_field *field,
                       uint8_t *to, struct wire_refusal *refusal)
{
    char *text = frame->line + pair->value;
    size_t length = pair->value_length;
    if (field->kind == WIRE_TEXT || field->kind == WIRE_PLAIN || field->kind == WIRE_NAME) {
        return read_text(field, text, length, to, refusal);
    }
    if (field->kind == WIRE_ENUM) {
        int number = wire_word_find(wire_words[field->limit], text, length);
        bool is_op = wire_words[field->limit] == wire_op_words;
        *(int32_t *)(void *)to = number;
        return number >= 0 ||
               refuse(refusal, is_op ? WIRE_ERROR_CODE_OP : WIRE_ERROR_CODE_ARG, field->key, "is not a known word");
    }
    uint64_t value, limit = ((uint64_t)1 << field->limit) - 1; /* a host sends no number above 32 bits */
    bool large;
    if (!read_number(text, length, field->kind == WIRE_HEX ? 16 : 10, limit, &value, &large)) {
        return refuse(refusal, WIRE_ERROR_CODE_ARG, field->key, "is not a number in its one spelling");
    }
    if (large) {
        return refuse(refusal, WIRE_ERROR_CODE_RANGE, field->key, "is too large");
    }
    store_number(to, field->limit, value);
    return true;
}

/* Reads every field of the shape that the frame has; others are ignored. The first fault is told, after all fields were
 * tried, so that an id behind a bad argument is still known. Returns the set of fields read, 0 on a fault. */
static uint32_t read_fields(const struct wire_frame *frame, const struct wire_shape *shape, void *record,
                            struct wire_refusal *refusal)
{
    uint32_t found = 0;
    bool good = true;
    for (unsigned f = 0; f < shape->count; f++) {
        const struct wire_field *field = &wire_fields[shape->first + f];
        for (unsigned p = 0; p < frame->count; p++) {
            const struct wire_pair *pair = &frame->pairs[p];
            if (wire_word_find(field->key, frame->line + pair->key, pair->key_length) != 0) {
                continue;
            }
            struct wire_refusal fault = {0};
            if (read_value(frame, pair, field, (uint8_t *)record + field->offset, &fault)) {
                found |= (uint32_t)1 << f;
                if (field->present != WIRE_ALWAYS) {
                    *((bool *)record + field->present) = true;
                }
            } else if (good) {
                good = refuse(refusal, fault.error, fault.field, fault.message);
            }
        }
    }
    return good ? found : 0;
}

/* The first required field that is not there, as a refusal. */
static bool has_all(const struct wire_shape *shape, uint32_t found, uint32_t required, struct wire_refusal *refusal)
{
    for (unsigned f = 0; f < shape->count; f++) {
        if (required & ~found & (uint32_t)1 << f) {
            return refuse(refusal, WIRE_ERROR_CODE_ARG, wire_fields[shape->first + f].key, "is missing");
        }
    }
    return true;
}

bool wire_request_parse(const struct wire_frame *frame, struct wire_request *ret, struct wire_refusal *ret_refusal)
{
    const struct wire_shape *shape = &wire_shapes[WIRE_RECORD_REQUEST];
    *ret = (struct wire_request){0};
    *ret_refusal = (struct wire_refusal){0};
    uint32_t found = read_fields(frame, shape, ret, ret_refusal);
    ret_refusal->id = ret->id;
    if (found == 0 && ret_refusal->field) {
        return false;
    }
    if (!has_all(shape, found, WIRE_REQUEST_REQUIRED, ret_refusal)) {
        return false;
    }
    if (ret->id == 0) {
        return refuse(ret_refusal, WIRE_ERROR_CODE_RANGE, "id", "must be 1 to 65535");
    }
    return has_all(shape, found, wire_operations[ret->op].required, ret_refusal);
}

bool wire_host_hello_parse(const struct wire_frame *frame, struct wire_host_hello *ret,
                           struct wire_refusal *ret_refusal)
{
    const struct wire_shape *shape = &wire_shapes[WIRE_RECORD_HOST_HELLO];
    *ret = (struct wire_host_hello){0};
    *ret_refusal = (struct wire_refusal){0};
    uint32_t found = read_fields(frame, shape, ret, ret_refusal);
    if ((found == 0 && ret_refusal->field) || !has_all(shape, found, WIRE_HOST_HELLO_REQUIRED, ret_refusal)) {
        return false;
    }
    return ret->protocol == WIRE_PROTOCOL ||
           refuse(ret_refusal, WIRE_ERROR_CODE_VERSION, "p", "is a protocol version that this kernel does not speak");
}
