/* model_weights.h - where everything lies inside the engine's regions. Private to the engine's files.
 *
 * One function lays out each region and returns its size, so the need that is announced and the memory that is used are
 * the same sum. In the shapes L is n_layers, kv_dim is head size x n_kv_heads.
 */
#ifndef LLMK_MODEL_WEIGHTS_H
#define LLMK_MODEL_WEIGHTS_H

#include "align.h"
#include "engine.h"
#include "kernels.h"

#define LOAD_CHUNK_BYTES (1u << 20) /* firmware exists that breaks on larger reads */

/* Matrices are in 16-row panels (see kernels.h), rows filled up with zeros to whole panels. */
struct engine_weights {
    uint8_t *embedding;    /* panels of [vocab][dim]; one token's row is gathered from its panel */
    uint8_t *classifier;   /* the same memory, or panels of its own */
    uint8_t *qkv;          /* L x panels of [dim + 2 kv_dim][dim]: queries, keys, values */
    uint8_t *output;       /* L x panels of [dim][dim] */
    uint8_t *gate_up;      /* L x panels of [2 x padded hidden][dim]: w1, then w3, each filled up to whole panels */
    uint8_t *down;         /* L x panels of [dim][hidden] (w2) */
    float *attention_norm; /* [L][dim] */
    float *feed_norm;      /* [L][dim] */
    float *final_norm;     /* [dim] */
    float *rotary_cos;     /* [seq_len][head size / 2] */
    float *rotary_sin;     /* [seq_len][head size / 2] */
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

static inline uint64_t panel_bytes(const struct model_config *c, uint32_t columns)
{
    if (c->group == 0)
        return (uint64_t)PANEL * columns * sizeof(float);
    return columns / c->group * panel_group_bytes(c->group);
}

static inline uint64_t matrix_bytes(const struct model_config *c, uint32_t rows, uint32_t columns)
{
    return panels_of(rows) * panel_bytes(c, columns);
}

static inline uint32_t padded(uint32_t rows)
{
    return panels_of(rows) * PANEL;
}

/* From a token's vector to the next one's, in floats: an odd number of cache lines, because a batched product reads the
 * same column of sixteen tokens, and of strides of whole pages all of them would share one set of the first cache. */
static inline uint32_t token_stride(uint32_t rows)
{
    return padded(rows) | PANEL;
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

/* Most tokens of a pass: no more than there are rows. */
static inline uint32_t pass_tokens(const struct model_config *c)
{
    return c->seq_len < ENGINE_CHUNK ? c->seq_len : ENGINE_CHUNK;
}

/* From one quantised input to the next: int8 numbers, and scales or sums. */
static inline uint32_t input_quants(const struct model_config *c)
{
    return (uint32_t)align_up(c->dim > c->hidden_dim ? c->dim : c->hidden_dim);
}

static inline uint32_t input_scales(const struct model_config *c)
{
    return padded(input_quants(c) / c->group);
}

/* Each fills `ret` with pointers into the region at `base` and returns the bytes that it takes, a multiple of 64. The
 * base may be NULL when only the size is wanted. The first bytes of the first region are kept for the struct itself. */
uint64_t model_layout_weights(const struct model_config *config, void *base, struct engine_weights *ret);
uint64_t model_layout_buffers(const struct model_config *config, void *base, struct engine_buffers *ret);
uint64_t model_layout_cache(const struct model_config *config, void *base, struct engine_cache *ret);

#endif
