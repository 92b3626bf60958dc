/* wire.h - frames of the line protocol (protocol/SPEC.md): building them, and finding them among the bytes of a line.
 *
 * Records are written and requests are read by the field tables that are generated from the schema (gen/llmk_wire.h),
 * so one small writer and one small reader serve every record. wire.c writes, wire_receive.c finds frames,
 * wire_request.c reads requests.
 */
#ifndef LLMK_WIRE_CORE_H
#define LLMK_WIRE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text;

#define WIRE_LINE_BYTES 240u /* octets of a frame with "@" and line end */
#define WIRE_BODY_BYTES (WIRE_LINE_BYTES + 1u) /* of kind and fields: one that fills this fits no line */
#define WIRE_FRAME_FIELDS 24u
#define WIRE_END '\x17'      /* ETB: ends a line as LF does, and is Enter to no prompt that knows no frames */
#define WIRE_HEAD_BYTES 8u /* "@q 0001 ": what does not begin so is no frame but console text */

/* ---- field tables ---------------------------------------------------------------------------------------------- */

enum wire_kind { /* see Wire in protocol/llmbm_protocol/fields.py */
    WIRE_UINT,
    WIRE_HEX,
    WIRE_FLAG,
    WIRE_MICRO,
    WIRE_TEXT,  /* size_t x_length; const uint8_t *x */
    WIRE_PLAIN, /* const char *x, NUL-terminated, NULL is empty; in requests behind a size_t x_length */
    WIRE_NAME,  /* as plain */
    WIRE_ENUM,
    WIRE_UINTS, /* uint64_t x_count; uint64_t x[n] */
};

#define WIRE_ALWAYS 255u      /* required */
#define WIRE_UNLESS_ZERO 254u /* optional: left out when zero, false, empty or the first word */

struct wire_field {
    char key[7];     /* NUL-terminated */
    uint8_t kind;    /* enum wire_kind */
    uint8_t octets : 4; /* of the number that stands at the offset: the value, a length, how many uints */
    uint8_t count : 4;  /* of uints */
    uint8_t limit;   /* bits of a number; most octets of a text; the enum wire_words of an enum */
    uint8_t offset;  /* in the struct, of that number */
    uint8_t present; /* WIRE_ALWAYS, WIRE_UNLESS_ZERO, or the offset of its `bool has_x` */
};

struct wire_shape {
    const char *begin;    /* the letter of the frame; of a sample with its stream: "S k=perf" */
    uint8_t first, count; /* range of wire_fields */
};

/* ---- building frames ------------------------------------------------------------------------------------------- */

struct wire_line {
    size_t length;                  /* octets of data, CR LF included; 0 when the record did not fit */
    char data[WIRE_LINE_BYTES + 1]; /* ends with NUL */
};

/* CRC-32 as in zlib and Ethernet: reflected, polynomial 0xEDB88320. `crc` is that of what came before, 0 at first. */
uint32_t wire_crc32_more(uint32_t crc, const void *data, size_t count);
static inline uint32_t wire_crc32(const void *data, size_t count)
{
    return wire_crc32_more(0, data, count);
}

/* Writes the value of a text, plain or name, cut to the limit of its field. */
void wire_put_text(struct text *text, const struct wire_field *field, const char *octets, size_t length);

/* Writes one record by its shape, as kind and fields. Numbers and texts are cut to their limits, and the header proves
 * that the longest record fits a line. */
void wire_put_body(char *body, unsigned record, const void *values);
/* Writes the frame of a body. False, with length 0, if it should not fit a line all the same. */
bool wire_put_frame(struct wire_line *line, uint16_t sequence, const char *body);
static inline bool wire_put(struct wire_line *line, uint16_t sequence, unsigned record, const void *values)
{
    char body[WIRE_BODY_BYTES];
    wire_put_body(body, record, values);
    return wire_put_frame(line, sequence, body);
}

/* The word with this number, "?" beyond the list. `list` is an enum wire_words. */
const char *wire_word(unsigned list, unsigned number);
/* The number of a word, -1 when it is not in the list. */
int wire_word_find(unsigned list, const char *word, size_t length);

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

struct wire_pair {
    char *key, *value, *end; /* the key ends with the "="; the value is still escaped */
};

/* Points into the receiver's line: valid until the next byte is given to it. The host's sequence number is for those
 * who read a capture: what was lost on the way shows in the requests' ids. */
struct wire_frame {
    char kind;
    unsigned count;
    struct wire_pair pairs[WIRE_FRAME_FIELDS];
};

/* Zero-initialised is empty. */
struct wire_receiver {
    size_t length;     /* octets of the line that is coming */
    size_t raw_length; /* of what was given back last */
    bool after_return; /* the last line ended with CR: a LF now belongs to it */
    char line[WIRE_LINE_BYTES];
};

/* Takes one byte of the line. Everything given comes back exactly once, as a frame, as noise or as rejected (but for
 * the LF of a CR LF after a frame). In human mode every byte goes to the line editor too, for the echo,
 * except the one that completed a frame: then the editor forgets its line. */
enum wire_received wire_receive(struct wire_receiver *receiver, uint8_t byte, struct wire_frame *ret_frame);
/* The pair with this key, which ends with whatever no key holds; NULL when there is none. */
const struct wire_pair *wire_pair_find(const struct wire_frame *frame, const char *key);
/* Forgets a half received line: after an emergency stop or a BREAK. */
void wire_receiver_drop(struct wire_receiver *receiver);

#endif
