/* model_weights.h - where everything lies inside the engine's regions. Private to the engine's files.
 *
 * One function lays out each region and returns its size, so the need that is announced and the memory that is used are
 * the same sum. In the shapes L is n_layers, kv_dim is head size x n_kv_heads.
 */
#ifndef LLMK_MODEL_WEIGHTS_H
#define LLMK_MODEL_WEIGHTS_H

#include "engine.h"
#include "kernels.h"

#define LOAD_CHUNK_BYTES (1u << 20) /* firmware exists that breaks on larger reads */

/* Matrices are in 16-row panels: [rows / 16][columns][16], rows filled up with zeros to whole panels. */
struct engine_weights {
    float *embedding;      /* panels of [vocab][dim]; one token's row is gathered from its panel */
    float *classifier;     /* the same memory, or panels of its own */
    float *qkv;            /* L x panels of [dim + 2 kv_dim][dim]: queries, keys, values */
    float *output;         /* L x panels of [dim][dim] */
    float *gate_up;        /* L x panels of [2 x padded hidden][dim]: w1, then w3, each filled up to whole panels */
    float *down;           /* L x panels of [dim][hidden] (w2) */
    float *attention_norm; /* [L][dim] */
    float *feed_norm;      /* [L][dim] */
    float *final_norm;     /* [dim] */
    float *rotary_cos;     /* [seq_len][head size / 2] */
    float *rotary_sin;     /* [seq_len][head size / 2] */
};

/* Outputs of a matrix have room for its padding rows. */
struct engine_buffers {
    float *stream;    /* [dim] the residual stream */
    float *normed;    /* [dim] */
    float *attended;  /* [dim] the heads' results beside each other */
    float *projected; /* [dim] what comes back into the stream */
    float *qkv;       /* [dim + 2 kv_dim] */
    float *gate_up;   /* [2 x padded hidden] */
    float *sigmoid;   /* [padded hidden] e^-gate */
    float *scores;    /* [seq_len] of one head, padded */
    float *logits;    /* [vocab] */
};

struct engine_cache {
    float
        *keys; /* [L][n_kv_heads][seq_len / 16][head size][16]: the scores of 16 positions are one pass over a panel */
    float *values; /* [L][n_kv_heads][seq_len][head size] */
};

static inline uint32_t panels_of(uint32_t rows)
{
    return (rows + PANEL - 1) / PANEL;
}

/* Floats of a matrix in panels. */
static inline uint64_t panel_floats(uint32_t rows, uint32_t columns)
{
    return (uint64_t)panels_of(rows) * PANEL * columns;
}

static inline uint32_t padded(uint32_t rows)
{
    return panels_of(rows) * PANEL;
}

static inline uint32_t head_size(const struct model_config *c)
{
    return c->dim / c->n_heads;
}

static inline uint32_t kv_dim(const struct model_config *c)
{
    return head_size(c) * c->n_kv_heads;
}

/* Rows of the fused query, key and value matrix. */
static inline uint32_t qkv_rows(const struct model_config *c)
{
    return c->dim + 2 * kv_dim(c);
}

/* Each fills `ret` with pointers into the region at `base` and returns the bytes that it takes, a multiple of 64. The
 * base may be NULL when only the size is wanted. The first bytes of the first two regions are kept for the struct
 * itself. */
uint64_t model_layout_weights(const struct model_config *config, void *base, struct engine_weights *ret);
uint64_t model_layout_buffers(const struct model_config *config, void *base, struct engine_buffers *ret);
uint64_t model_layout_cache(const struct model_config *config, void *base, struct engine_cache *ret);

#endif
