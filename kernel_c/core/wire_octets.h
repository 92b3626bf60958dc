/* wire_octets.h - what an octet may be inside a frame: shared by writer, receiver and reader of requests. */
#ifndef LLMK_WIRE_OCTETS_H
#define LLMK_WIRE_OCTETS_H

#include "wire.h"

/* Sets of octets, see the grammar in protocol/SPEC.md, 3. */
enum wire_octet_set {
    WIRE_ANY = 1 << 0,     /* all 256 */
    WIRE_SAFE = 1 << 1,    /* stand for themselves in a value */
    WIRE_NAMES = 1 << 2,   /* of a name */
    WIRE_HEXL = 1 << 3,    /* hexadecimal digits */
    WIRE_KINDS = 1 << 4,   /* letters, which are kinds of frames */
    WIRE_LOWER = 1 << 5,   /* begin a key */
    WIRE_KEYS = 1 << 6,    /* go on in a key */
    WIRE_VALUES = 1 << 7,  /* of a value: the safe ones, "_" and the comma between items */
    WIRE_PERCENT = 1 << 8,
    WIRE_EQUALS = 1 << 9,
    WIRE_SPACE = 1 << 10,
    WIRE_STAR = 1 << 11,
    WIRE_AT = 1 << 12,
    WIRE_ENDS = 1 << 13,   /* of a line */
    WIRE_PRINTABLE = 1 << 14,
};

extern const uint16_t wire_octet_sets[256]; /* of each octet */

/* Whether an octet is in one of the sets. */
static inline bool wire_octet_is(char octet, unsigned sets)
{
    return (wire_octet_sets[(uint8_t)octet] & sets) != 0;
}

/* How the octets of a kind of value are written and read. */
struct wire_rule {
    uint16_t allowed; /* what it may hold */
    uint16_t stays;   /* what of that is written as it is, the space as `space` */
    char instead;     /* of an octet that it may not hold */
    /* what these stand for in a text; NUL where they are nothing particular */
    char space;       /* "_" */
    char escape;      /* "%" and two digits */
    char separator;   /* "," of lists: no text holds it */
    uint8_t fault;    /* enum wire_fault: what is said of one that is none */
    uint8_t longer;   /* what an escape takes of the limit beyond one: a text's is counted before escaping */
};

extern const struct wire_rule wire_rules[]; /* by enum wire_kind */

#endif
