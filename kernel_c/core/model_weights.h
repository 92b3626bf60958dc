/* model_weights.h - where everything lies inside the engine's four regions. Private to the engine's files. */
#ifndef LLMK_MODEL_WEIGHTS_H
#define LLMK_MODEL_WEIGHTS_H

#include "engine.h"
#include "kernels.h"

/* Matrices are in 16-row panels: [rows / 16][columns][16], rows filled up with zeros. L is n_layers, kv_dim = head size x n_kv_heads. */
struct engine_weights {
    float *embedding;  /* panels of [vocab][dim] */
    float *classifier; /* the same, or panels of its own */
    float *qkv;        /* L x panels of [dim + 2 kv_dim][dim]: queries, keys, values */
    float *output;     /* L x panels of [dim][dim] */
    float *gate;       /* L x panels of [hidden][dim] (w1) */
    float *up;         /* L x panels of [hidden][dim] (w3) */
    float *down;       /* L x panels of [dim][hidden] (w2) */
    float *attention_norm, *feed_norm; /* [L][dim] */
    float *final_norm;                 /* [dim] */
    float *rotary_cos, *rotary_sin;    /* [seq_len][head size / 2] */
};

struct engine_buffers {
    float *stream;        /* [dim] the residual stream */
    float *normed;        /* [dim] */
    float *projected;     /* [dim] what comes back into the stream */
    float *qkv;           /* [dim + 2 kv_dim] */
    float *gate, *up;     /* [hidden] */
    float *scores;        /* [seq_len] of one head */
    float *logits;        /* [vocab] */
};

/* Lays both structs out at the start of their regions; the sizes are those of model_need. */
void engine_layout_weights(struct engine *engine);

static inline uint32_t panels_of(uint32_t rows)
{
    return (rows + PANEL - 1) / PANEL;
}

#endif
