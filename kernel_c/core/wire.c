/* wire.c - frames of the line protocol: one writer and one reader for every record, and the receiver. */
#include "wire.h"

#include "llmk_wire.h"
#include "llmk_wire_tables.h"

_Static_assert(WIRE_LINE_BYTES == WIRE_MAX_LINE, "wire.h and the schema agree on the longest line");
_Static_assert(WIRE_FRAME_FIELDS == WIRE_MAX_FIELDS, "wire.h and the schema agree on the number of fields");
_Static_assert(sizeof(enum wire_phase) == 4, "enumerations are read as 32 bit");

static const char digits[] = "0123456789abcdef";

uint32_t wire_crc32(const void *data, size_t count)
{
    /* One entry per nibble: 64 bytes of table, two steps a byte. */
    static const uint32_t table[16] = {
        0x00000000u, 0x1db71064u, 0x3b6e20c8u, 0x26d930acu, 0x76dc4190u, 0x6b6b51f4u, 0x4db26158u, 0x5005713cu,
        0xedb88320u, 0xf00f9344u, 0xd6d6a3e8u, 0xcb61b38cu, 0x9b64c2b0u, 0x86d3d2d4u, 0xa00ae278u, 0xbdbdf21cu,
    };
    const uint8_t *at = data;
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < count; i++) {
        crc ^= at[i];
        crc = (crc >> 4) ^ table[crc & 15u];
        crc = (crc >> 4) ^ table[crc & 15u];
    }
    return ~crc;
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

/* Counts on beyond the end, so that an overflow is seen once, at the end of the line. */
static void put(struct wire_line *line, char octet)
{
    if (line->length < WIRE_LINE_BYTES) {
        line->data[line->length] = octet;
    }
    line->length++;
}

static void put_string(struct wire_line *line, const char *string)
{
    while (*string) {
        put(line, *string++);
    }
}

static void put_fixed_hex(struct wire_line *line, uint32_t value, unsigned count)
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
        for (uint32_t unit = 100000u; rest > 0; unit /= 10u) {
            put(line, digits[rest / unit]);
            rest %= unit;
        }
    }
}

static bool is_safe(uint8_t octet)
{
    return octet > 0x20 && octet < 0x7f && octet != '%' && octet != '*' && octet != ',' && octet != '=' && octet != '@' &&
           octet != '_';
}

static bool is_digit(char octet)
{
    return octet >= '0' && octet <= '9';
}

static bool is_name(char octet)
{
    return is_digit(octet) || (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z') || octet == '_' ||
           octet == '.' || octet == '-';
}

static void put_escaped(struct wire_line *line, uint8_t octet)
{
    if (octet == ' ') {
        put(line, '_');
    } else if (is_safe(octet)) {
        put(line, (char)octet);
    } else {
        put(line, '%');
        put_fixed_hex(line, octet, 2);
    }
}

/* `limit` counts the octets written, so that a long message is cut and never breaks the line. */
static void put_plain(struct wire_line *line, const char *text, size_t limit)
{
    size_t end = line->length + limit;
    for (; *text; text++) {
        uint8_t octet = *text >= 0x20 && *text < 0x7f ? (uint8_t)*text : (uint8_t)'?';
        size_t before = line->length;
        put_escaped(line, octet);
        if (line->length > end) {
            line->length = before;
            return;
        }
    }
}

static void put_name(struct wire_line *line, const char *text, size_t limit)
{
    for (; *text && limit > 0; text++, limit--) {
        put(line, is_name(*text) ? *text : '-');
    }
}

/* Only up to 2^bits - 1: a line never grows beyond what was proved for it. */
static uint64_t clamp_bits(uint64_t value, unsigned bits)
{
    uint64_t limit = bits < 64 ? ((uint64_t)1 << bits) - 1 : UINT64_MAX;
    return value < limit ? value : limit;
}

static uint64_t load_number(const void *at, const struct wire_field *field)
{
    if (field->kind == WIRE_FLAG) {
        return *(const bool *)at;
    }
    if (field->kind == WIRE_ENUM) {
        return *(const uint32_t *)at;
    }
    uint64_t value = field->limit <= 8    ? *(const uint8_t *)at
                     : field->limit <= 16 ? *(const uint16_t *)at
                     : field->limit <= 32 ? *(const uint32_t *)at
                                          : *(const uint64_t *)at;
    return clamp_bits(value, field->limit);
}

static bool is_empty(const struct wire_field *field, const uint8_t *at)
{
    switch (field->kind) {
    case WIRE_TEXT:
        return *(const size_t *)(const void *)(at + sizeof(void *)) == 0;
    case WIRE_PLAIN:
    case WIRE_NAME: {
        const char *text = *(const char *const *)(const void *)at;
        return !text || !*text;
    }
    case WIRE_UINTS:
        return *(const uint32_t *)(const void *)(at + field->count * sizeof(uint64_t)) == 0;
    default:
        return load_number(at, field) == 0;
    }
}

static void put_uints(struct wire_line *line, const struct wire_field *field, const uint8_t *at)
{
    const uint64_t *values = (const uint64_t *)(const void *)at;
    uint32_t count = *(const uint32_t *)(const void *)(at + field->count * sizeof(uint64_t));
    for (uint32_t i = 0; i < count && i < field->count; i++) {
        if (i > 0) {
            put(line, ',');
        }
        put_number(line, clamp_bits(values[i], field->limit), 10);
    }
}

static void put_text(struct wire_line *line, const struct wire_field *field, const uint8_t *at)
{
    const uint8_t *text = *(const uint8_t *const *)(const void *)at;
    size_t length = *(const size_t *)(const void *)(at + sizeof(void *));
    for (size_t i = 0; i < length && i < field->limit; i++) {
        put_escaped(line, text[i]);
    }
}

static void put_value(struct wire_line *line, const struct wire_field *field, const uint8_t *at)
{
    switch (field->kind) {
    case WIRE_TEXT:
        put_text(line, field, at);
        break;
    case WIRE_PLAIN:
    case WIRE_NAME:
        if (!is_empty(field, at)) {
            const char *text = *(const char *const *)(const void *)at;
            (field->kind == WIRE_PLAIN ? put_plain : put_name)(line, text, field->limit);
        }
        break;
    case WIRE_UINTS:
        put_uints(line, field, at);
        break;
    case WIRE_ENUM:
        put_string(line, wire_word(wire_words[field->limit], (unsigned)load_number(at, field)));
        break;
    case WIRE_MICRO:
        put_micro(line, load_number(at, field));
        break;
    default:
        put_number(line, load_number(at, field), field->kind == WIRE_HEX ? 16 : 10);
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
    for (const struct wire_field *field = &wire_fields[shape->first]; field < &wire_fields[shape->first + shape->count]; field++) {
        const uint8_t *at = (const uint8_t *)values + field->offset;
        if (field->present == WIRE_UNLESS_ZERO      ? is_empty(field, at)
            : field->present != WIRE_ALWAYS ? !*((const bool *)values + field->present)
                                            : false) {
            continue;
        }
        put(line, ' ');
        put_string(line, field->key);
        put(line, '=');
        put_value(line, field, at);
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

/* ---- receiving ------------------------------------------------------------------------------------------------- */

static int hex_digit(char octet)
{
    return is_digit(octet) ? octet - '0' : octet >= 'a' && octet <= 'f' ? octet - 'a' + 10 : -1;
}

static bool is_letter(char octet)
{
    return (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z');
}

/* Whether this octet may be at this place of "@q 0001 ". */
static bool head_fits(size_t place, char octet)
{
    return place == 1   ? is_letter(octet)
           : place == 2 ? octet == ' '
           : place < 7  ? hex_digit(octet) >= 0
                        : octet == ' ' || octet == '*';
}

static enum wire_received reject(struct wire_receiver *receiver, enum wire_reject reason)
{
    uint32_t *counters[] = {&receiver->checksum, &receiver->too_long, &receiver->cut, &receiver->malformed};
    (*counters[reason])++;
    receiver->reason = reason;
    return WIRE_REJECTED;
}

static bool fixed_hex(const char *text, size_t count, uint32_t *ret_value)
{
    *ret_value = 0;
    for (size_t i = 0; i < count; i++) {
        int digit = hex_digit(text[i]);
        if (digit < 0) {
            return false;
        }
        *ret_value = *ret_value << 4 | (uint32_t)digit;
    }
    return true;
}

/* Length of the value at the start of `text`, -1 when it breaks the grammar. */
static int value_length(const char *text, size_t count)
{
    size_t i = 0;
    while (i < count && text[i] != ' ') {
        uint32_t octet;
        if (text[i] == '%') {
            if (i + 3 > count || !fixed_hex(text + i + 1, 2, &octet)) {
                return -1;
            }
            i += 3;
        } else if (is_safe((uint8_t)text[i]) || text[i] == ',' || text[i] == '_') {
            i++;
        } else {
            return -1;
        }
    }
    return (int)i;
}

static bool key_known(const struct wire_frame *frame, const struct wire_pair *pair)
{
    for (unsigned i = 0; i < frame->count; i++) {
        const struct wire_pair *other = &frame->pairs[i];
        size_t same = 0;
        while (same < pair->key_length && frame->line[other->key + same] == frame->line[pair->key + same]) {
            same++;
        }
        if (other->key_length == pair->key_length && same == pair->key_length) {
            return true;
        }
    }
    return false;
}

/* The fields of a body with a right CRC: *( SP key "=" value ) up to `end`. */
static bool split_fields(struct wire_frame *frame, size_t end)
{
    const char *line = frame->line;
    size_t at = WIRE_HEAD_BYTES - 1;
    while (at < end) {
        if (line[at] != ' ' || frame->count == WIRE_FRAME_FIELDS) {
            return false;
        }
        size_t key = ++at;
        while (at < end && ((line[at] >= 'a' && line[at] <= 'z') || (at > key && is_digit(line[at])))) {
            at++;
        }
        struct wire_pair pair = {.key = (uint8_t)key, .key_length = (uint8_t)(at - key), .value = (uint8_t)(at + 1)};
        if (at >= end || line[at] != '=' || pair.key_length == 0 || pair.key_length > 8 || key_known(frame, &pair)) {
            return false;
        }
        int length = value_length(line + at + 1, end - at - 1);
        if (length < 0) {
            return false;
        }
        pair.value_length = (uint8_t)length;
        at += 1 + (size_t)length;
        frame->pairs[frame->count++] = pair;
    }
    return true;
}

static enum wire_received finish(struct wire_receiver *receiver, struct wire_frame *frame)
{
    char *line = receiver->line;
    size_t count = receiver->length - 1u; /* without the line end */
    uint32_t crc, sequence;
    if (count < WIRE_HEAD_BYTES + 8 || line[count - 9] != '*' || !fixed_hex(line + count - 8, 8, &crc) ||
        crc != wire_crc32(line + 1, count - 10)) {
        return reject(receiver, WIRE_REJECT_CHECKSUM);
    }
    fixed_hex(line + 3, 4, &sequence);
    frame->kind = line[1];
    frame->sequence = (uint16_t)sequence;
    frame->count = 0;
    frame->line = line;
    return split_fields(frame, count - 9) ? WIRE_FRAME : reject(receiver, WIRE_REJECT_GRAMMAR);
}

enum wire_received wire_receive(struct wire_receiver *receiver, uint8_t byte, struct wire_frame *ret_frame)
{
    if (receiver->finished) {
        receiver->length = receiver->next_began;
        receiver->line[0] = '@';
        receiver->finished = receiver->next_began = false;
    }
    bool after_return = receiver->after_return;
    receiver->after_return = false;
    if (after_return && byte == '\n') {
        return WIRE_PENDING;
    }
    receiver->raw = receiver->line;
    receiver->raw_length = receiver->length;
    if (receiver->length > 0 && byte == '@') {
        receiver->finished = receiver->next_began = true;
        return receiver->length < WIRE_HEAD_BYTES ? WIRE_NOISE : reject(receiver, WIRE_REJECT_CUT);
    }
    size_t place = receiver->length++;
    receiver->line[place] = (char)byte;
    receiver->raw_length = receiver->length;
    if (place == 0 ? byte != '@' : place < WIRE_HEAD_BYTES && !head_fits(place, (char)byte)) {
        receiver->finished = true;
        return WIRE_NOISE;
    }
    if (byte == '\r' || byte == '\n') {
        receiver->finished = true;
        receiver->after_return = byte == '\r';
        return finish(receiver, ret_frame);
    }
    if (receiver->length == WIRE_LINE_BYTES) {
        receiver->finished = true;
        return reject(receiver, WIRE_REJECT_LONG);
    }
    return WIRE_PENDING;
}

void wire_receiver_drop(struct wire_receiver *receiver)
{
    receiver->length = 0;
    receiver->finished = receiver->next_began = receiver->after_return = false;
}

/* ---- reading requests ------------------------------------------------------------------------------------------ */

static bool refuse(struct wire_refusal *refusal, enum wire_error_code error, const char *field, const char *message)
{
    refusal->error = error;
    refusal->field = field;
    refusal->message = message;
    return false;
}

/* Undoes the escapes in place and ends the text with NUL, over the separator that follows it. False for what the kind does not allow. */
static bool unescape(char *text, size_t length, enum wire_kind kind, size_t *ret_length)
{
    size_t to = 0;
    for (size_t i = 0; i < length; i++) {
        char octet = text[i];
        if (kind == WIRE_NAME) {
            if (!is_name(octet)) {
                return false;
            }
        } else if (octet == ',') {
            return false; /* the separator of lists */
        } else if (octet == '_') {
            octet = ' ';
        } else if (octet == '%') {
            uint32_t value;
            fixed_hex(text + i + 1, 2, &value);
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

static bool read_number(const char *text, size_t length, unsigned base, uint64_t limit, uint64_t *ret_value, bool *ret_large)
{
    uint64_t value = 0;
    *ret_large = false;
    if (length == 0 || (length > 1 && text[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        int digit = hex_digit(text[i]);
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

static bool read_value(const struct wire_frame *frame, const struct wire_pair *pair, const struct wire_field *field, uint8_t *to,
                       struct wire_refusal *refusal)
{
    char *text = frame->line + pair->value;
    size_t length = pair->value_length;
    if (field->kind == WIRE_TEXT || field->kind == WIRE_PLAIN || field->kind == WIRE_NAME) {
        bool allowed = unescape(text, length, (enum wire_kind)field->kind, (size_t *)(void *)(to + sizeof(void *)));
        *(char **)(void *)to = text;
        if (!allowed) {
            return refuse(refusal, WIRE_ERROR_CODE_ARG, field->key, "has an octet that is not allowed here");
        }
        size_t taken = field->kind == WIRE_TEXT ? *(size_t *)(void *)(to + sizeof(void *)) : length;
        return taken <= field->limit || refuse(refusal, WIRE_ERROR_CODE_TOOLONG, field->key, "is too long for one request");
    }
    if (field->kind == WIRE_ENUM) {
        int number = wire_word_find(wire_words[field->limit], text, length);
        *(int32_t *)(void *)to = number;
        bool is_op = wire_words[field->limit] == wire_op_words;
        return number >= 0 || refuse(refusal, is_op ? WIRE_ERROR_CODE_OP : WIRE_ERROR_CODE_ARG, field->key, "is not a known word");
    }
    uint64_t value;
    bool large;
    if (!read_number(text, length, field->kind == WIRE_HEX ? 16 : 10, ((uint64_t)1 << field->limit) - 1, &value, &large)) {
        return refuse(refusal, WIRE_ERROR_CODE_ARG, field->key, "is not a number in its one spelling");
    }
    if (large) {
        return refuse(refusal, WIRE_ERROR_CODE_RANGE, field->key, "is too large");
    }
    store_number(to, field->limit, value);
    return true;
}

/* Reads every field of the shape that the frame has; others are ignored. The first fault is told, after all fields were tried, so that
 * an id behind a bad argument is still known. Returns the set of fields read, 0 on a fault. */
static uint32_t read_fields(const struct wire_frame *frame, const struct wire_shape *shape, void *record, struct wire_refusal *refusal)
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

bool wire_host_hello_parse(const struct wire_frame *frame, struct wire_host_hello *ret, struct wire_refusal *ret_refusal)
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
