/* stops.h - the answer's bytes on their way out: looks for stop patterns in them and keeps characters whole.
 *
 * Bytes that may be the beginning of a pattern are held back, and the tokens they belong to with them; a matched
 * pattern is never shown. After that, for the console, an incomplete UTF-8 sequence is held back until it is complete
 * or the answer ends.
 */
#ifndef LLMK_STOPS_H
#define LLMK_STOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STOPS_PATTERN_BYTES 5u /* "\nYou:" */
#define STOPS_TOKENS 16u       /* held tokens; more are only possible with tokens that have no bytes */

struct stops_token {
    uint32_t id;
    uint64_t cycles, time_ms;
    const uint8_t *bytes;
    uint64_t start, end; /* of its bytes among all bytes of the answer */
};

struct stops {
    bool you, empty_line; /* which patterns are looked for */
    uint8_t held[STOPS_PATTERN_BYTES];
    uint32_t held_count;
    uint64_t released; /* bytes of the answer that went out */
    struct stops_token tokens[STOPS_TOKENS];
    uint32_t token_count;
    uint8_t out[64]; /* on its way to the console: an incomplete UTF-8 sequence waits here */
    size_t out_count;
};

struct kernel;

void stops_begin(struct kernel *kernel);
/* One generated token. True when a pattern is complete: `ret_dropped` is then how many of the last tokens, this one
 * included, lie in the pattern altogether and do not belong to the answer. */
bool stops_token(struct kernel *kernel, uint32_t id, const uint8_t *bytes, size_t count, uint64_t cycles,
                 uint32_t *ret_dropped);
void stops_end(struct kernel *kernel); /* the answer is over: everything that is held goes out */

#endif
