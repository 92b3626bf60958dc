/* wire_octets.h - what an octet may be inside a frame: shared by writer, receiver and reader of requests. */
#ifndef LLMK_WIRE_OCTETS_H
#define LLMK_WIRE_OCTETS_H

#include <stdbool.h>
#include <stdint.h>

/* Sets of octets, see the grammar in protocol/SPEC.md, 3. */
enum wire_octet_set {
    WIRE_SAFE = 1,    /* stand for themselves in a value */
    WIRE_NAMES = 2,   /* of a name */
    WIRE_LETTERS = 4, /* of a kind */
    WIRE_HEXL = 8,    /* hexadecimal digits */
    WIRE_KEYS = 16,   /* of a key, which begins with a letter */
    WIRE_PRINTABLE = 32,
    WIRE_SPACE = 64,
    WIRE_STAR = 128,
};

extern const uint8_t wire_octet_sets[256]; /* of each octet */

/* Whether an octet is in one of the sets. */
static inline bool wire_octet_is(char octet, unsigned sets)
{
    return (wire_octet_sets[(uint8_t)octet] & sets) != 0;
}

#endif
