/* wire_receive.c - finding frames among the bytes of a line. */
#include "wire.h"

#include "wire_octets.h"

/* Whether this octet may be at this place of "@q 0001 ". */
static bool head_fits(size_t place, char octet)
{
    return place == 1   ? wire_is_letter(octet)
           : place == 2 ? octet == ' '
           : place < 7  ? wire_hex_digit(octet) >= 0
                        : octet == ' ' || octet == '*';
}

static enum wire_received reject(struct wire_receiver *receiver, enum wire_reject reason)
{
    uint32_t *counters[] = {&receiver->checksum, &receiver->too_long, &receiver->cut, &receiver->malformed};
    (*counters[reason])++;
    receiver->reason = reason;
    return WIRE_REJECTED;
}

/* Where the value at `at` ends; 0 when it breaks the grammar. Behind every body stands a "*", which no value holds. */
static size_t value_end(const char *line, size_t at)
{
    for (; line[at] != ' ' && line[at] != '*'; at++) {
        uint32_t octet;
        if (line[at] == '%' && wire_fixed_hex(line + at + 1, 2, &octet)) {
            at += 2;
        } else if (!wire_is_safe(line[at]) && line[at] != ',' && line[at] != '_') {
            return 0;
        }
    }
    return at;
}

/* The end of the key at `at`. */
static size_t key_end(const char *line, size_t at)
{
    size_t begin = at;
    while ((line[at] >= 'a' && line[at] <= 'z') || (at > begin && wire_is_digit(line[at]))) {
        at++;
    }
    return at;
}

static bool key_known(const struct wire_frame *frame, const struct wire_pair *pair)
{
    for (unsigned i = 0; i < frame->count; i++) {
        const struct wire_pair *other = &frame->pairs[i];
        if (other->key_length == pair->key_length &&
            __builtin_memcmp(frame->line + other->key, frame->line + pair->key, pair->key_length) == 0) {
            return true;
        }
    }
    return false;
}

/* The fields of a body with a right CRC: *( SP key "=" value ) up to the "*" at `end`. */
static bool split_fields(struct wire_frame *frame, size_t end)
{
    const char *line = frame->line;
    for (size_t at = WIRE_HEAD_BYTES - 1; at < end;) {
        size_t key = at + 1, value = key_end(line, key) + 1, next = value_end(line, value);
        struct wire_pair pair = {.key = (uint8_t)key,
                                 .key_length = (uint8_t)(value - 1 - key),
                                 .value = (uint8_t)value,
                                 .value_length = (uint8_t)(next - value)};
        if (line[at] != ' ' || frame->count == WIRE_FRAME_FIELDS || line[value - 1] != '=' || pair.key_length == 0 ||
            pair.key_length > 8 || next == 0 || key_known(frame, &pair)) {
            return false;
        }
        frame->pairs[frame->count++] = pair;
        at = next;
    }
    return true;
}

static enum wire_received finish(struct wire_receiver *receiver, struct wire_frame *frame)
{
    char *line = receiver->line;
    size_t count = receiver->length - 1u; /* without the line end */
    uint32_t crc, sequence;
    if (count < WIRE_HEAD_BYTES + 8 || line[count - 9] != '*' || !wire_fixed_hex(line + count - 8, 8, &crc) ||
        crc != wire_crc32(line + 1, count - 10)) {
        return reject(receiver, WIRE_REJECT_CHECKSUM);
    }
    wire_fixed_hex(line + 3, 4, &sequence);
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
