/* gguf_numbers.h - how a GGUF tensor keeps its weights: plain numbers, or blocks that share a scale.
 *
 * A block of Q8_0 is a half-precision scale and 32 int8; of Q4_0 the same with 4-bit numbers that are 8 too large, the
 * first 16 in the low halves of 16 bytes and the others in the high halves. A block of Q6_K is 256 weights of 6 bits
 * (the low four, then the high two, each in its own order), 16 int8 scales and a half-precision scale of those. Source:
 * the block structures of ggml, ggml-common.h, and their descriptions in gguf.md.
 */
#ifndef LLMK_GGUF_NUMBERS_H
#define LLMK_GGUF_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

#define GGUF_QUANTS 32u /* weights of a block that is int8 numbers and one scale */

struct gguf_numbers {
    uint32_t id; /* ggml's number of this type */
    const char *name;
    uint32_t block_weights, block_bytes;
    /* `blocks` blocks as float32. `to` may lie so far before `from` in the same memory that both end together. */
    void (*expand)(const uint8_t *from, float *to, uint64_t blocks);
    /* One block as GGUF_QUANTS int8 and their scale, exactly; NULL when the type is not made so. */
    void (*quants)(const uint8_t *block, int8_t *ret_quants, float *ret_scale);
};

const struct gguf_numbers *gguf_numbers(uint32_t id); /* NULL: not supported */
/* ggml's name of any type that is in use, "?" of others. */
const char *gguf_numbers_name(uint32_t id);
#define GGUF_NUMBERS_SUPPORTED "F32, F16, BF16, Q8_0, Q4_0 or Q6_K"

#endif
