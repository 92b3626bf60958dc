/* wire_octets.c - what an octet may be inside a frame. Controls and what is not ASCII are in texts alone, and escaped. */
#include "wire_octets.h"

#include "llmk_wire.h"

#define PRINTABLE (WIRE_ANY | WIRE_PRINTABLE)
#define SAFE (PRINTABLE | WIRE_SAFE | WIRE_VALUES)
#define NAMES (SAFE | WIRE_NAMES)
#define UPPER (NAMES | WIRE_KINDS)
#define LOWER (UPPER | WIRE_LOWER | WIRE_KEYS)

const uint16_t wire_octet_sets[256] = {
    ['\0' ... '\t'] = WIRE_ANY,
    ['\n'] = WIRE_ANY | WIRE_ENDS,
    ['\v' ... '\f'] = WIRE_ANY,
    ['\r'] = WIRE_ANY | WIRE_ENDS,
    ['\r' + 1 ... WIRE_END - 1] = WIRE_ANY,
    [WIRE_END] = WIRE_ANY | WIRE_ENDS,
    [WIRE_END + 1 ... ' ' - 1] = WIRE_ANY,
    [' '] = PRINTABLE | WIRE_SPACE,
    ['!' ... '$'] = SAFE,
    ['%'] = PRINTABLE | WIRE_PERCENT,
    ['&' ... ')'] = SAFE,
    ['*'] = PRINTABLE | WIRE_STAR,
    ['+'] = SAFE,
    [','] = PRINTABLE | WIRE_VALUES,
    ['-' ... '.'] = NAMES,
    ['/'] = SAFE,
    ['0' ... '9'] = NAMES | WIRE_HEXL | WIRE_KEYS,
    [':' ... '<'] = SAFE,
    ['='] = PRINTABLE | WIRE_EQUALS,
    ['>' ... '?'] = SAFE,
    ['@'] = PRINTABLE | WIRE_AT,
    ['A' ... 'Z'] = UPPER,
    ['[' ... '^'] = SAFE,
    ['_'] = PRINTABLE | WIRE_NAMES | WIRE_VALUES,
    ['`'] = SAFE,
    ['a' ... 'f'] = LOWER | WIRE_HEXL,
    ['g' ... 'z'] = LOWER,
    ['{' ... '~'] = SAFE,
    ['~' + 1 ... 255] = WIRE_ANY,
};

const struct wire_rule wire_rules[] = {
    [WIRE_TEXT] = {WIRE_ANY, WIRE_SAFE | WIRE_SPACE, ' ', '_', '%', ',', WIRE_FAULT_OCTET, 0},
    [WIRE_PLAIN] = {WIRE_PRINTABLE, WIRE_SAFE | WIRE_SPACE, '?', '_', '%', ',', WIRE_FAULT_OCTET, 2},
    [WIRE_NAME] = {WIRE_NAMES, WIRE_NAMES, '-', '\0', '\0', '\0', WIRE_FAULT_OCTET, 2},
    [WIRE_ENUM] = {.allowed = WIRE_ANY, .fault = WIRE_FAULT_WORD},
    [WIRE_OPERATION] = {.allowed = WIRE_ANY, .fault = WIRE_FAULT_OPERATION},
    [WIRE_UINT] = {.allowed = WIRE_ANY, .fault = WIRE_FAULT_SPELLING},
    [WIRE_HEX] = {.allowed = WIRE_ANY, .fault = WIRE_FAULT_SPELLING},
};
