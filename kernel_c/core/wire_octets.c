/* wire_octets.c - what an octet may be inside a frame. Controls and what is not ASCII are in no set. */
#include "wire_octets.h"

#define SAFE (WIRE_PRINTABLE | WIRE_SAFE)
#define NAMES (SAFE | WIRE_NAMES)
#define LETTERS (NAMES | WIRE_LETTERS)

const uint8_t wire_octet_sets[256] = {
    [' '] = WIRE_PRINTABLE | WIRE_SPACE,
    ['!' ... '$'] = SAFE,
    ['%'] = WIRE_PRINTABLE,
    ['&' ... ')'] = SAFE,
    ['*'] = WIRE_PRINTABLE | WIRE_STAR,
    ['+'] = SAFE,
    [','] = WIRE_PRINTABLE,
    ['-' ... '.'] = NAMES,
    ['/'] = SAFE,
    ['0' ... '9'] = NAMES | WIRE_HEXL | WIRE_KEYS,
    [':' ... '<'] = SAFE,
    ['='] = WIRE_PRINTABLE,
    ['>' ... '?'] = SAFE,
    ['@'] = WIRE_PRINTABLE,
    ['A' ... 'Z'] = LETTERS,
    ['[' ... '^'] = SAFE,
    ['_'] = WIRE_PRINTABLE | WIRE_NAMES,
    ['`'] = SAFE,
    ['a' ... 'f'] = LETTERS | WIRE_KEYS | WIRE_HEXL,
    ['g' ... 'z'] = LETTERS | WIRE_KEYS,
    ['{' ... '~'] = SAFE,
};
