/* wire_receive.c - finding frames among the bytes of a line. */
#include "wire.h"

#include "number.h"
#include "wire_octets.h"

#define SUM_OCTETS 10u /* "*", eight digits and the line end */

/* Whether this octet may be at this place of "@q 0001 ". */
static bool head_fits(size_t place, char octet)
{
    static const uint8_t head[WIRE_HEAD_BYTES] = {
        0, WIRE_LETTERS, WIRE_SPACE, WIRE_HEXL, WIRE_HEXL, WIRE_HEXL, WIRE_HEXL, WIRE_SPACE | WIRE_STAR};
    return place == 0 ? octet == '@' : place >= WIRE_HEAD_BYTES || wire_octet_is(octet, head[place]);
}

const struct wire_pair *wire_pair_find(const struct wire_frame *frame, const char *key)
{
    for (const struct wire_pair *pair = frame->pairs; pair < frame->pairs + frame->count; pair++) {
        size_t same = 0;
        while (wire_octet_is(key[same], WIRE_KEYS) && key[same] == pair->key[same]) {
            same++;
        }
        if (!wire_octet_is(key[same], WIRE_KEYS) && pair->key[same] == '=') {
            return pair;
        }
    }
    return NULL;
}

/* The fields of a body with a right CRC: *( SP key "=" value ) up to the "*" at `end`, which no key and no value holds. */
static bool split_fields(struct wire_frame *frame, char *at, const char *end)
{
    for (frame->count = 0; *at == ' '; frame->count++) {
        char *key = ++at;
        while (wire_octet_is(*at, WIRE_KEYS)) {
            at++;
        }
        if (*at != '=' || at - key > 8 || !wire_octet_is(*key, WIRE_LETTERS) || wire_pair_find(frame, key) != NULL ||
            frame->count == WIRE_FRAME_FIELDS) {
            return false;
        }
        struct wire_pair *pair = &frame->pairs[frame->count];
        pair->key = key;
        pair->value = ++at;
        while (wire_octet_is(*at, WIRE_SAFE | WIRE_NAMES) || *at == ',' ||
               (*at == '%' && wire_octet_is(at[1], WIRE_HEXL) && wire_octet_is(at[2], WIRE_HEXL))) {
            at++;
        }
        pair->end = at;
    }
    return at == end;
}

static enum wire_received finish(struct wire_receiver *receiver, struct wire_frame *frame)
{
    char *line = receiver->line;
    size_t end = receiver->raw_length - SUM_OCTETS; /* of the body */
    uint64_t crc;
    if (receiver->raw_length < WIRE_HEAD_BYTES - 1 + SUM_OCTETS || line[end] != '*' ||
        !number_hex(line + end + 1, 8, &crc) || crc != wire_crc32(line + 1, end - 1)) {
        return WIRE_REJECTED_CHECKSUM;
    }
    frame->kind = line[1];
    return split_fields(frame, line + WIRE_HEAD_BYTES - 1, line + end) ? WIRE_FRAME : WIRE_REJECTED_GRAMMAR;
}

enum wire_received wire_receive(struct wire_receiver *receiver, uint8_t byte, struct wire_frame *ret_frame)
{
    size_t place = receiver->length;
    bool after_return = receiver->after_return;
    receiver->after_return = false;
    if (after_return && byte == '\n') {
        return WIRE_PENDING;
    }
    receiver->raw_length = place;
    if (place > 0 && byte == '@') {
        receiver->length = 1; /* the "@" that begins the line begins the next one */
        return place < WIRE_HEAD_BYTES ? WIRE_NOISE : WIRE_REJECTED_CUT;
    }
    receiver->line[place] = (char)byte;
    receiver->raw_length = place + 1;
    receiver->length = 0;
    if (!head_fits(place, (char)byte)) {
        return WIRE_NOISE;
    }
    if (byte == '\r' || byte == '\n' || byte == WIRE_END) {
        receiver->after_return = byte == '\r';
        return finish(receiver, ret_frame);
    }
    if (receiver->raw_length == WIRE_LINE_BYTES) {
        return WIRE_REJECTED_LONG;
    }
    receiver->length = receiver->raw_length;
    return WIRE_PENDING;
}

void wire_receiver_drop(struct wire_receiver *receiver)
{
    receiver->length = 0;
    receiver->after_return = false;
}
