/* wire.h - frames of the line protocol (protocol/SPEC.md): building them, and finding them among the bytes of a line.
 *
 * Records are written and requests are read by the field tables that are generated from the schema (gen/llmk_wire.h),
 * so one small writer and one small reader serve every record. wire.c writes, wire_receive.c finds frames,
 * wire_request.c reads requests.
 */
#ifndef LLMK_WIRE_CORE_H
#define LLMK_WIRE_CORE_H

#include "crc32.h"
#include "text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_LINE_BYTES 240u /* octets of a frame with "@" and line end */
#define WIRE_SUM_BYTES 11u   /* of them "*", eight digits, CR LF */
#define WIRE_FRAME_FIELDS 24u
#define WIRE_END '\x17'      /* ETB: ends a line as LF does, and is Enter to no prompt that knows no frames */
#define WIRE_HEAD_BYTES 8u /* "@q 0001 ": what does not begin so is no frame but console text */

/* ---- field tables ---------------------------------------------------------------------------------------------- */

enum wire_kind { /* see Wire in protocol/llmbm_protocol/fields.py */
    WIRE_TEXT,  /* const uint8_t *x; size_t x_length */
    WIRE_PLAIN, /* const char *x, NUL-terminated, NULL is empty; in requests before a size_t x_length */
    WIRE_NAME,  /* as plain; the last text */
    WIRE_ENUM,
    WIRE_OPERATION, /* an enum as well */
    WIRE_MICRO,
    WIRE_UINT = 10, /* the base of its digits; of a flag; with a count uint64_t x_count; uint64_t x[n] */
    WIRE_HEX = 16,
};

#define WIRE_ALWAYS 64u      /* required */
#define WIRE_UNLESS_ZERO 65u /* optional: left out when zero, false, empty or the first word */

struct wire_field {
    char key[7];       /* NUL-terminated */
    uint8_t kind;      /* enum wire_kind */
    uint8_t wide : 1;  /* what stands at the offset has 64 bits and not 32 */
    uint8_t count : 7; /* of uints at most, 0: it is one number; the enum wire_words of an enum */
    uint8_t limit;     /* bits of a number; most octets of a text */
    uint8_t offset;    /* in the struct: of the value, of a text's address, of how many uints there are */
    uint8_t present;   /* WIRE_ALWAYS, WIRE_UNLESS_ZERO, or its bit in `uint32_t has`, with which the struct begins */
};

struct wire_shape {
    const char *begin;               /* of the frame: "@R 0000"; of a sample with its stream: "@S 0000 k=perf" */
    const struct wire_field *fields; /* an empty key ends them */
};

/* ---- building frames ------------------------------------------------------------------------------------------- */

struct wire_line {
    struct text text; /* of data */
    char data[WIRE_LINE_BYTES + 1];
};

/* Writes the value of a text, plain or name, cut to the limit of its field. */
void wire_put_text(struct text *text, const struct wire_field *field, const char *octets, size_t length);

/* Writes one record by its shape, up to the sum. Numbers and texts are cut to their limits, and the header proves that
 * the longest record fits a line. */
void wire_put(struct wire_line *line, unsigned record, const void *values);
/* Numbers the frame and ends it with its sum. */
static inline void wire_finish(struct wire_line *line, uint32_t sequence)
{
    struct text *text = &line->text;
    hex_digits(text->data + 3, 4, sequence);
    text_format(text, "*%08x\r\n", (unsigned)crc32(text->data + 1, text->length - 1));
}

/* ---- receiving ------------------------------------------------------------------------------------------------- */

enum wire_received {
    WIRE_PENDING, /* the byte was kept: a frame may be coming */
    WIRE_FRAME,   /* a valid frame */
    WIRE_NOISE,   /* the line's first raw_length octets are console text: what a person types */
    /* The line's first raw_length octets looked like a frame and are none: */
    WIRE_REJECTED_CHECKSUM, /* no CRC at the end, or a wrong one */
    WIRE_REJECTED_LONG,     /* 240 octets without line end */
    WIRE_REJECTED_CUT,      /* another "@" before the line end */
    WIRE_REJECTED_GRAMMAR,  /* a right CRC over something else than a frame */
    WIRE_RECEIVED_COUNT,
};

/* Zero-initialised is empty. */
struct wire_receiver {
    uint32_t length;     /* octets of the line that is coming */
    uint32_t step;       /* where its grammar is, see wire_receive.c */
    uint32_t raw_length; /* octets of what was given back last */
    char line[WIRE_LINE_BYTES];
};

/* Takes one byte of the line. Everything given comes back exactly once, as a frame, as noise or as rejected (but for
 * the LF of a CR LF after a frame). In human mode every byte goes to the line editor too, for the echo,
 * except the one that completed a frame: then the editor forgets its line. A frame is in the receiver's line, up to the
 * "*" of its sum, until the next byte is given. The host's sequence number is for those who read a capture: what was lost
 * on the way shows in the requests' ids. */
enum wire_received wire_receive(struct wire_receiver *receiver, uint8_t byte);
/* Forgets a half received line. */
static inline void wire_receiver_drop(struct wire_receiver *receiver)
{
    receiver->length = receiver->step = 0;
}
/* The value of this key, which ends with whatever no key holds; still escaped, up to an octet that no value holds. NULL
 * when the frame does not have it. */
const char *wire_value(const char *frame, const char *key);

#endif
