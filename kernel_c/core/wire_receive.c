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

/* Length of the value at the start of `text`, -1 when it breaks the grammar. */
static int value_length(const char *text, size_t count)
{
    size_t i = 0;
    while (i < count && text[i] != ' ') {
        uint32_t octet;
        if (text[i] == '%') {
            if (i + 3 > count || !wire_fixed_hex(text + i + 1, 2, &octet)) {
                return -1;
            }
            i += 3;
        } else if (wire_is_safe((uint8_t)text[i]) || text[i] == ',' || text[i] == '_') {
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
        while (at < end && ((line[at] >= 'a' && line[at] <= 'z') || (at > key && wire_is_digit(line[at])))) {
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
