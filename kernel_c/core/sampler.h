/* sampler.h - from logits to a token, by the stages of the sampling settings.
 *
 * sampler_choose runs the stages in order; each is also a function of its own. Ranks are by probability, the lower id
 * first among equals. Without cuts, and with top_p alone, a seed draws what llama2.c draws.
 */
#ifndef LLMK_SAMPLER_H
#define LLMK_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

#define SAMPLER_MILLION 1000000u
#define SAMPLER_PENALTY_WINDOW 64u /* the last tokens of a turn that the repetition penalty looks at */

/* The place in a turn where that window begins. */
static inline size_t sampler_window(size_t turn_count)
{
    return turn_count > SAMPLER_PENALTY_WINDOW ? turn_count - SAMPLER_PENALTY_WINDOW : 0;
}

/* Real values are in millionths, so that 0.85 is 0.85 when it is printed again. */
struct sampling {
    uint32_t temperature;     /* 0 (greedy) .. 2000000 */
    uint32_t min_p;           /* 0 (off) .. 1000000 */
    uint32_t top_p;           /* 0 .. 1000000 (off) */
    uint32_t top_k;           /* 0 = off */
    uint32_t no_repeat_ngram; /* 0 = off, else 1..16 */
    uint32_t repeat_penalty;  /* 1000000 (off) .. 2000000 */
    uint32_t max_tokens;
    uint64_t seed;
};

struct sampler {
    uint64_t state; /* xorshift* state, seeded from sampling.seed (0 is replaced by a fixed non-zero constant) */
};

struct choice;

struct sampler_candidate {
    float probability;
    uint32_t id;
};

void sampler_seed(struct sampler *sampler, uint64_t seed);
/* A number in [0, 1), a multiple of 2^-24. */
float sampler_random(struct sampler *sampler);
/* Bytes of work space sampler_choose needs for a vocabulary. */
uint64_t sampler_need(uint32_t vocab_size);

/* Stage 1. Sets to minus infinity each token that would complete a run of `length` tokens which the turn already has.
 * 0: nothing. */
void sampler_ban_ngrams(float *logits, uint32_t vocab_size, uint32_t length, const uint32_t *turn, size_t turn_count);
/* Stage 2. Each token of the last 64 of the turn once: a positive logit is divided by the penalty (millionths), others
 * multiplied. */
void sampler_penalise(float *logits, uint32_t vocab_size, uint32_t penalty, const uint32_t *turn, size_t turn_count);
/* The id with the highest value, the lowest id of equals. */
uint32_t sampler_argmax(const float *values, uint32_t vocab_size);
/* Stages 3 and 4. Logits become softmax(logits / temperature); `temperature` in millionths, not 0. Minus infinity
 * becomes 0 exactly. At least one logit is larger than that. */
void sampler_softmax(float *logits, uint32_t vocab_size, uint32_t temperature, void *work);
/* Stage 5. Gathers the tokens with a probability above 0 and at least `min_p` millionths of the highest. Returns how
 * many. */
uint32_t sampler_min_p(const float *probabilities, uint32_t vocab_size, uint32_t min_p,
                       struct sampler_candidate *candidates);
/* Stages 6 and 7. Moves the likeliest candidates to the front in the order of their rank: at most `top_k` (0: no
 * limit), and no more than are needed for their probabilities to exceed `top_p` millionths. Returns how many, at least
 * one of a non-empty set. */
uint32_t sampler_top(struct sampler_candidate *candidates, uint32_t count, uint32_t top_k, uint32_t top_p);
/* Stage 8. One of ranked candidates by their probabilities; `coin` is in [0, 1). */
uint32_t sampler_draw(const struct sampler_candidate *candidates, uint32_t count, float coin);

/* All stages. With temperature 0 it is the argmax after the first two, and nothing is drawn. `turn` are the ids of this
 * turn, prompt included. `logits` is changed; NaN counts as minus infinity. When every token is banned the answer is
 * the end of the text (id 2). `choice`, when it is not NULL, is told how the token was chosen: all but its first three
 * members, of which `most` is set by the caller. */
uint32_t sampler_choose(struct sampler *sampler, const struct sampling *settings, float *logits, uint32_t vocab_size,
                        const uint32_t *turn, size_t turn_count, void *work, struct choice *choice);

#endif
