/* sampler.h - from logits to a token, by the stages of the sampling settings. */
#ifndef LLMK_SAMPLER_H
#define LLMK_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

/* Real values are in millionths, so that 0.85 is 0.85 when it is printed again. */
struct sampling {
    uint32_t temperature; /* 0 (greedy) .. 2000000 */
    uint32_t min_p;       /* 0 (off) .. 1000000 */
    uint32_t top_p;       /* 0 .. 1000000 (off) */
    uint32_t top_k;       /* 0 = off */
    uint32_t no_repeat_ngram; /* 0 = off, else 1..16 */
    uint32_t repeat_penalty;  /* 1000000 (off) .. 2000000 */
    uint32_t max_tokens;
    uint64_t seed;
};

struct sampler {
    uint64_t state; /* xorshift* state, seeded from sampling.seed (0 is replaced by a fixed non-zero constant) */
};

void sampler_seed(struct sampler *sampler, uint64_t seed);
/* Bytes of work space sampler_choose needs for a vocabulary. */
uint64_t sampler_need(uint32_t vocab_size);
/* Order: n-gram ban, repetition penalty (each token of the last 64 of this turn once), temperature, softmax, min_p, top_k, top_p, draw.
 * With temperature 0 the argmax (lowest id on ties) after the first two stages. `turn` are the ids of this turn, prompt included.
 * `logits` is changed. NaN logits are treated as minus infinity. */
uint32_t sampler_choose(struct sampler *sampler, const struct sampling *settings, float *logits, uint32_t vocab_size,
                        const uint32_t *turn, size_t turn_count, void *work);

#endif
