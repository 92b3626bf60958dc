/* engine_pass.h - the steps of a forward pass, as the processors work through them. Private to the engine's files.
 *
 * A pass is a sequence of phases: the steps of each layer and at last the classifier. A phase reads what earlier ones
 * wrote, and every number that it writes belongs to one share of it and is written once, in its final value. So no
 * processor waits for another within a phase, and a share can be done again by another processor.
 */
#ifndef LLMK_ENGINE_PASS_H
#define LLMK_ENGINE_PASS_H

#include "model_weights.h"

#include <stdbool.h>

/* Multiply-adds between two looks: about half a millisecond of the vector levels under emulation (measured there: 150
 * to 250 million a second), microseconds on a machine. The poll itself looks at the clock when it is dear. */
#define POLL_PRODUCTS 65536u

static inline bool share_look(struct engine_share *share)
{
    share->products = 0;
    return share->look(share->context);
}

/* Looks when enough work was done since the last time. */
static inline bool share_spend(struct engine_share *share, uint64_t products)
{
    share->products += products;
    return share->products < POLL_PRODUCTS || share_look(share);
}

/* Some of the items or tokens of a phase. */
struct range {
    uint32_t first, last; /* first .. last - 1 */
};

/* The items of one share; the first share, which polls too, is never the largest. */
static inline struct range share_of(const struct engine_share *share, uint32_t items)
{
    return (struct range){(uint32_t)((uint64_t)items * share->index / share->of),
                          (uint32_t)((uint64_t)items * (share->index + 1) / share->of)};
}

/* Tokens that a layer works at behind its keys and values: of the last layer nobody needs but the last token's. */
static inline struct range pass_range(const struct engine *engine, uint32_t layer)
{
    uint32_t count = engine->pass.count;
    return (struct range){layer + 1 == engine->config.n_layers ? count - 1 : 0, count};
}

/* ---- engine_products.c: products of weights, each with what goes before and after ------------------------------- */

void embed_token(const struct engine *engine, uint32_t index); /* of the pass; into its place in the stream */

/* The inputs of the products that follow, each processor those of its tokens. Only in passes of several tokens: with
 * one, every processor makes the input for itself, which is cheaper than waiting for another to do it. */
engine_step step_attention_input; /* the norm, and quantised; in layer 0 the tokens are embedded first */
engine_step step_output_input;    /* quantised */
engine_step step_feed_input;
engine_step step_down_input;

engine_step step_qkv;     /* with positions rotated, and keys and values stored */
engine_step step_output;  /* and added to the stream */
engine_step step_gate_up; /* and the gate applied */
engine_step step_down;    /* and added to the stream */
bool classify(const struct engine *engine, struct engine_share *share);

/* ---- attention.c ------------------------------------------------------------------------------------------------ */

/* Rows of the product of queries, keys and values, which lie at `qkv`: rotates queries and keys to the token's
 * position; keys and values go into the cache. */
void attention_place(const struct engine *engine, uint32_t layer, uint32_t index, const float *qkv, struct range rows);

engine_step step_attend; /* heads and tokens are shared */
engine_step step_scores; /* one token, fewer heads than processors: the positions are shared as well, */
engine_step step_mix;    /* and then the heads */

#endif
