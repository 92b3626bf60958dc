/* tokenizer_private.h - what loading, encoding and decoding share. */
#ifndef LLMK_TOKENIZER_PRIVATE_H
#define LLMK_TOKENIZER_PRIVATE_H

#include "tokenizer.h"

#define TOKEN_LIMIT 512u /* bytes of one token; real ones have below 100 */
#define FIRST_BYTE_TOKEN 3u
#define NO_TOKEN UINT32_MAX
#define NO_PLACE UINT32_MAX
#define MERGE_LEAVES (TOKENIZER_TEXT_BYTES + 1) /* ids of the longest text, the space in front included */
#define WORST_SCORE (-1e10f)                    /* llama2.c merges nothing that does not beat it */

/* A text while it is merged: a chain of places, and a tournament tree over the pairs that begin at them. */
struct tokenizer_merge {
    uint32_t ids[MERGE_LEAVES];
    uint32_t next[MERGE_LEAVES], previous[MERGE_LEAVES]; /* place, or NO_PLACE */
    uint32_t merged[MERGE_LEAVES];                       /* what the pair becomes, or NO_TOKEN */
    uint32_t best[MERGE_LEAVES]; /* inner nodes 1..: the place of the best pair below, or NO_PLACE */
};

/* Where the parts of a loaded tokenizer lie in its memory. */
struct tokenizer_parts {
    struct tokenizer_merge *work;
    uint32_t *offsets, *sorted;
    float *scores;
    uint8_t *bytes;
};

/* Lays out `memory` and returns the bytes that are needed; `memory` and `ret_parts` may be NULL. */
uint64_t tokenizer_plan(void *memory, uint32_t vocab_size, uint64_t token_bytes, struct tokenizer_parts *ret_parts);
/* Over parts that are not filled yet; nothing is sorted, and there are no byte tokens. */
struct tokenizer tokenizer_over(const struct tokenizer_parts *parts, uint32_t vocab_size, uint32_t max_token_bytes);
/* Ids into the order of their bytes. */
void tokenizer_sort(const struct tokenizer *t, uint32_t *ids, uint32_t count);
/* "<0xNN>", upper-case hexadecimal: the byte, or -1. */
int byte_of_token(const uint8_t *bytes, uint32_t count);

/* As strcmp of two byte strings of known length. */
int compare_bytes(const uint8_t *a, uint32_t a_count, const uint8_t *b, uint32_t b_count);

static inline const uint8_t *token_bytes(const struct tokenizer *t, uint32_t id, uint32_t *ret_count)
{
    *ret_count = t->offsets[id + 1] - t->offsets[id];
    return t->bytes + t->offsets[id];
}

#endif
