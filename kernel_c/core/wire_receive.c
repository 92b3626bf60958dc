/* wire_receive.c - finding frames among the bytes of a line. */
#include "wire.h"

#include "number.h"
#include "wire_octets.h"

#define BODY (WIRE_HEAD_BYTES - 1u) /* place of the first field, or of the "*" when there is none */
#define SUM_OCTETS 10u              /* "*", eight digits and the line end */

/* The grammar of a line, one octet a step. The first steps are the places of "@q 0001 ". */
enum step {
    AT,
    FIRST = AT + BODY, /* what a field begins with, or the sum */
    FIRST_STAR,
    FIELD, /* the same after a value */
    STAR,
    KEY,
    EQUALS = KEY + 8, /* a key has eight octets at most */
    VALUE,
    ESCAPE,
    DIGITS,
    SUM = DIGITS + 2,
    END = SUM + 8,
    FRAME,
    NOTHING, /* no frame begins so */
    BROKEN,
    RETURNED, /* the last line ended with CR: a LF now belongs to it */
};

static const struct {
    uint16_t set;            /* with an octet of it the line goes on */
    uint8_t next, otherwise; /* the step after this octet, and the step that looks at another one */
} steps[] = {
    [AT] = {WIRE_AT, AT + 1, NOTHING},
    [AT + 1] = {WIRE_KINDS, AT + 2, NOTHING},
    [AT + 2] = {WIRE_SPACE, AT + 3, NOTHING},
    [AT + 3] = {WIRE_HEXL, AT + 4, NOTHING},
    [AT + 4] = {WIRE_HEXL, AT + 5, NOTHING},
    [AT + 5] = {WIRE_HEXL, AT + 6, NOTHING},
    [AT + 6] = {WIRE_HEXL, FIRST, NOTHING},
    [FIRST] = {WIRE_SPACE, KEY, FIRST_STAR},
    [FIRST_STAR] = {WIRE_STAR, SUM, NOTHING},
    [FIELD] = {WIRE_SPACE, KEY, STAR},
    [STAR] = {WIRE_STAR, SUM, BROKEN},
    [KEY] = {WIRE_LOWER, KEY + 1, BROKEN},
    [KEY + 1] = {WIRE_KEYS, KEY + 2, EQUALS},
    [KEY + 2] = {WIRE_KEYS, KEY + 3, EQUALS},
    [KEY + 3] = {WIRE_KEYS, KEY + 4, EQUALS},
    [KEY + 4] = {WIRE_KEYS, KEY + 5, EQUALS},
    [KEY + 5] = {WIRE_KEYS, KEY + 6, EQUALS},
    [KEY + 6] = {WIRE_KEYS, KEY + 7, EQUALS},
    [KEY + 7] = {WIRE_KEYS, EQUALS, EQUALS},
    [EQUALS] = {WIRE_EQUALS, VALUE, BROKEN},
    [VALUE] = {WIRE_VALUES, VALUE, ESCAPE},
    [ESCAPE] = {WIRE_PERCENT, DIGITS, FIELD},
    [DIGITS] = {WIRE_HEXL, DIGITS + 1, BROKEN},
    [DIGITS + 1] = {WIRE_HEXL, VALUE, BROKEN},
    [SUM] = {WIRE_HEXL, SUM + 1, BROKEN},
    [SUM + 1] = {WIRE_HEXL, SUM + 2, BROKEN},
    [SUM + 2] = {WIRE_HEXL, SUM + 3, BROKEN},
    [SUM + 3] = {WIRE_HEXL, SUM + 4, BROKEN},
    [SUM + 4] = {WIRE_HEXL, SUM + 5, BROKEN},
    [SUM + 5] = {WIRE_HEXL, SUM + 6, BROKEN},
    [SUM + 6] = {WIRE_HEXL, SUM + 7, BROKEN},
    [SUM + 7] = {WIRE_HEXL, END, BROKEN},
    [END] = {WIRE_ENDS, FRAME, BROKEN},
    [NOTHING] = {WIRE_ANY, NOTHING, NOTHING},
    [BROKEN] = {WIRE_ANY, BROKEN, BROKEN},
    [RETURNED] = {WIRE_AT, AT + 1, NOTHING},
};

const char *wire_value(const char *frame, const char *key)
{
    while (*frame != '*') {
        if (*frame++ == ' ') {
            size_t same = 0;
            while (wire_octet_is(key[same], WIRE_KEYS) && frame[same] == key[same]) {
                same++;
            }
            if (frame[same] == '=' && !wire_octet_is(key[same], WIRE_KEYS)) {
                return frame + same + 1;
            }
        }
    }
    return NULL;
}

/* What a whole line is, whose grammar ended with this step. */
static enum wire_received judge(const char *line, size_t length, unsigned step)
{
    size_t end = length - SUM_OCTETS; /* of the body */
    if (length < BODY + SUM_OCTETS || line[end] != '*' || number_hex(line + end + 1, 8) != crc32(line + 1, end - 1)) {
        return WIRE_REJECTED_CHECKSUM;
    }
    if (step != FRAME) {
        return WIRE_REJECTED_GRAMMAR;
    }
    unsigned fields = 0;
    for (const char *at = line + BODY; *at != '*'; at++) {
        if (*at == ' ' && (++fields > WIRE_FRAME_FIELDS || wire_value(at + 1, at + 1) != NULL)) {
            return WIRE_REJECTED_GRAMMAR; /* too many, or a key comes again behind this one */
        }
    }
    return WIRE_FRAME;
}

enum wire_received wire_receive(struct wire_receiver *receiver, uint8_t byte)
{
    uint32_t place = receiver->length, step = receiver->step, next;
    wire_receiver_drop(receiver);
    if (step == RETURNED && byte == '\n') {
        return WIRE_PENDING;
    }
    receiver->raw_length = place;
    if (place > 0 && byte == '@') {
        receiver->length = 1; /* the "@" that begins the line begins the next one */
        receiver->step = AT + 1;
        return place < WIRE_HEAD_BYTES ? WIRE_NOISE : WIRE_REJECTED_CUT;
    }
    while (!wire_octet_is((char)byte, steps[step].set)) {
        step = steps[step].otherwise;
    }
    next = steps[step].next;
    receiver->line[place++] = (char)byte;
    receiver->raw_length = place;
    if (next == NOTHING) {
        return WIRE_NOISE;
    }
    if (wire_octet_is((char)byte, WIRE_ENDS)) {
        receiver->step = byte == '\r' ? RETURNED : AT;
        return judge(receiver->line, place, next);
    }
    if (place == WIRE_LINE_BYTES) {
        return WIRE_REJECTED_LONG;
    }
    receiver->length = place;
    receiver->step = next;
    return WIRE_PENDING;
}
