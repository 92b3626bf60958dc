/* choice.h - how a token was chosen: what the sampler saw before it drew, for a host that asked to be told (record C).
 *
 * The sampler calls these in the order of its stages. Nothing here changes what it chooses.
 */
#ifndef LLMK_CHOICE_H
#define LLMK_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHOICE_MOST 20u      /* tokens of the list */
#define CHOICE_HOT 2000000u  /* millionths: the highest temperature, for which the shares are told as well */
#define CHOICE_STEPS 1024.0f /* a difference of logits is told in these parts of one */
#define CHOICE_MOST_STEPS 0xffffu

struct choice_token {
    uint32_t id;
    float logit;      /* after ban and penalty */
    float share, hot; /* of all tokens: at the temperature in force (1 when that is 0), and at CHOICE_HOT */
    bool weakened;    /* by the repetition penalty */
};

struct choice {
    uint32_t generation, index;
    uint32_t most;        /* how many of the likeliest are wanted, 1 .. CHOICE_MOST */
    uint32_t temperature; /* in force, millionths */
    uint32_t banned;      /* tokens that only the n-gram ban took out */
    uint32_t raw_best;    /* the likeliest token before ban and penalty */
    uint32_t rank;        /* of the chosen token, 1 is the likeliest: by logit, the lower id first among equals */
    float share;          /* of the chosen token */
    bool weakened;        /* the chosen token */
    bool cut;             /* min_p, top_k and top_p were applied: not to a greedy choice */
    uint32_t kept[3];     /* tokens that each of them left over */
    uint32_t count;
    struct choice_token likeliest[CHOICE_MOST]; /* by rank */
};

struct sampling;

/* Before the first stage; NaN is minus infinity already. */
void choice_before(struct choice *choice, const float *logits, uint32_t vocab_size);
/* After ban and penalty. At least one logit is above minus infinity. `work` as for sampler_choose. */
void choice_ruled(struct choice *choice, const struct sampling *settings, const float *logits, uint32_t vocab_size,
                  const uint32_t *turn, size_t turn_count, void *work);
/* After the draw: the probabilities before the cuts, at the temperature in force or at 1. */
void choice_made(struct choice *choice, const float *probabilities, uint32_t vocab_size, uint32_t id,
                 const uint32_t *turn, size_t turn_count);
/* How far one of the likeliest is below the first, in steps. */
uint32_t choice_below(const struct choice *choice, uint32_t rank);

#endif
