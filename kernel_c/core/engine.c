#include "engine.h"

#include "kernels.h"
#include "maths.h"
#include "model_weights.h"

#define POLL_PRODUCTS 131072u /* multiply-adds between two polls: below a millisecond even under emulation */
#define CLASSIFIER_PANELS 4u  /* 64 rows */

/* Hands out consecutive 64-byte aligned pieces of a region. */
static float *take(uint8_t **at, uint64_t floats)
{
    float *piece = (float *)(void *)*at;
    *at += (floats * 4 + 63) / 64 * 64;
    return piece;
}

static uint64_t panel_floats(uint32_t rows, uint32_t columns)
{
    return (uint64_t)panels_of(rows) * PANEL * columns;
}

void engine_layout_weights(struct engine *engine)
{
    const struct model_config *c = &engine->config;
    uint32_t head = c->dim / c->n_heads, kv = head * c->n_kv_heads;
    uint8_t *at = (uint8_t *)engine->memory.weights + 256;
    struct engine_weights *w = engine->weights = engine->memory.weights;
    _Static_assert(sizeof *w <= 256, "the struct lies in front of the weights");
    w->embedding = take(&at, panel_floats(c->vocab_size, c->dim));
    w->classifier = c->shared_classifier ? w->embedding : take(&at, panel_floats(c->vocab_size, c->dim));
    w->qkv = take(&at, c->n_layers * panel_floats(c->dim + 2 * kv, c->dim));
    w->output = take(&at, c->n_layers * panel_floats(c->dim, c->dim));
    w->gate = take(&at, c->n_layers * panel_floats(c->hidden_dim, c->dim));
    w->up = take(&at, c->n_layers * panel_floats(c->hidden_dim, c->dim));
    w->down = take(&at, c->n_layers * panel_floats(c->dim, c->hidden_dim));
    w->attention_norm = take(&at, (2 * (uint64_t)c->n_layers + 1) * c->dim);
    w->feed_norm = w->attention_norm + (uint64_t)c->n_layers * c->dim;
    w->final_norm = w->feed_norm + (uint64_t)c->n_layers * c->dim;
    w->rotary_cos = take(&at, (uint64_t)c->seq_len * (head / 2));
    w->rotary_sin = take(&at, (uint64_t)c->seq_len * (head / 2));
}

void engine_reset_buffers(struct engine *engine)
{
    const struct model_config *c = &engine->config;
    uint32_t kv = c->dim / c->n_heads * c->n_kv_heads;
    uint8_t *at = (uint8_t *)engine->memory.acts + 256;
    struct engine_buffers *b = engine->buffers = engine->memory.acts;
    _Static_assert(sizeof *b <= 256, "the struct lies in front of the buffers");
    b->stream = take(&at, panels_of(c->dim) * PANEL);
    b->normed = take(&at, panels_of(c->dim) * PANEL);
    b->projected = take(&at, panels_of(c->dim) * PANEL);
    b->qkv = take(&at, panels_of(c->dim + 2 * kv) * PANEL);
    b->gate = take(&at, panels_of(c->hidden_dim) * PANEL);
    b->up = take(&at, panels_of(c->hidden_dim) * PANEL);
    b->scores = take(&at, panels_of(c->seq_len) * PANEL + 8);
    b->logits = take(&at, panels_of(c->vocab_size) * PANEL + 8);
}

void engine_set_level(struct engine *engine, enum cpu_level level)
{
    engine->level = level;
}

static bool poll(const struct engine *engine)
{
    return engine->poll == NULL || engine->poll(engine->poll_context);
}

/* A matrix-vector product in pieces, with a poll between them. */
static bool multiply(const struct engine *engine, float *out, const float *matrix, const float *x, uint32_t rows, uint32_t columns,
                     uint32_t most_panels)
{
    const struct kernels *kernels = kernels_for(engine->level);
    uint32_t piece = POLL_PRODUCTS / (PANEL * columns), panels = panels_of(rows);
    piece = piece < 1 ? 1 : piece > most_panels ? most_panels : piece;
    for (uint32_t done = 0; done < panels; done += piece) {
        uint32_t count = panels - done < piece ? panels - done : piece;
        kernels->matvec(out + (uint64_t)done * PANEL, matrix + (uint64_t)done * PANEL * columns, x, count, columns);
        if (!poll(engine))
            return false;
    }
    return true;
}

/* Root mean square norm, epsilon 1e-5 as in llama2.c; the sum runs in order. */
static void normalise(float *out, const float *x, const float *weight, uint32_t size)
{
    float sum = 0;
    for (uint32_t i = 0; i < size; i++) {
        float square = x[i] * x[i];
        sum = sum + square;
    }
    float scale = 1.0f / maths_sqrt(sum / (float)size + 1e-5f);
    for (uint32_t i = 0; i < size; i++)
        out[i] = weight[i] * (scale * x[i]);
}

static void rotate(float *vector, const float *cosines, const float *sines, uint32_t heads, uint32_t head)
{
    for (uint32_t h = 0; h < heads; h++, vector += head)
        for (uint32_t i = 0; i < head / 2; i++) {
            float even = vector[2 * i], odd = vector[2 * i + 1];
            float even_cos = even * cosines[i], odd_sin = odd * sines[i], even_sin = even * sines[i], odd_cos = odd * cosines[i];
            vector[2 * i] = even_cos - odd_sin;
            vector[2 * i + 1] = even_sin + odd_cos;
        }
}

/* The cache of one layer and key/value head: keys in panels of 16 positions, [t / 16][head][16], then values as [t][head]. */
static float *key_cache(const struct engine *engine, uint32_t layer, uint32_t kv_head)
{
    const struct model_config *c = &engine->config;
    uint64_t head = c->dim / c->n_heads, one = ((uint64_t)panels_of(c->seq_len) * PANEL + c->seq_len) * head;
    return (float *)engine->memory.kv + ((uint64_t)layer * c->n_kv_heads + kv_head) * one;
}

static float *value_cache(const struct engine *engine, uint32_t layer, uint32_t kv_head)
{
    const struct model_config *c = &engine->config;
    return key_cache(engine, layer, kv_head) + (uint64_t)panels_of(c->seq_len) * PANEL * (c->dim / c->n_heads);
}

static void store_row(const struct engine *engine, uint32_t layer, uint32_t position)
{
    const struct model_config *c = &engine->config;
    uint32_t head = c->dim / c->n_heads;
    const float *keys = engine->buffers->qkv + c->dim, *values = keys + (uint64_t)head * c->n_kv_heads;
    for (uint32_t h = 0; h < c->n_kv_heads; h++) {
        float *key = key_cache(engine, layer, h) + (uint64_t)(position / PANEL) * PANEL * head + position % PANEL;
        float *value = value_cache(engine, layer, h) + (uint64_t)position * head;
        for (uint32_t i = 0; i < head; i++) {
            key[(uint64_t)i * PANEL] = keys[h * head + i];
            value[i] = values[h * head + i];
        }
    }
}

/* In place; the values behind `count`, up to a multiple of eight, are overwritten. */
static void softmax(const struct kernels *kernels, float *values, uint32_t count)
{
    float most = values[0], sum = 0;
    for (uint32_t i = 1; i < count; i++)
        most = values[i] > most ? values[i] : most;
    for (uint32_t i = 0; i < count; i++)
        values[i] = values[i] - most;
    for (uint32_t i = count; i % 8 != 0; i++)
        values[i] = 0;
    kernels->exponential(values, (count + 7) / 8 * 8);
    for (uint32_t i = 0; i < count; i++)
        sum = sum + values[i];
    for (uint32_t i = 0; i < count; i++)
        values[i] = values[i] / sum;
}

static bool attend(const struct engine *engine, uint32_t layer, uint32_t position)
{
    const struct model_config *c = &engine->config;
    const struct engine_buffers *b = engine->buffers;
    const struct kernels *kernels = kernels_for(engine->level);
    uint32_t head = c->dim / c->n_heads, group = c->n_heads / c->n_kv_heads, count = position + 1;
    float scale = maths_sqrt((float)head);
    for (uint32_t h = 0; h < c->n_heads; h++) {
        kernels->matvec(b->scores, key_cache(engine, layer, h / group), b->qkv + (uint64_t)h * head, panels_of(count), head);
        for (uint32_t t = 0; t < count; t++)
            b->scores[t] = b->scores[t] / scale;
        softmax(kernels, b->scores, count);
        kernels->weighted_sum(b->normed + (uint64_t)h * head, value_cache(engine, layer, h / group), b->scores, count, head);
        if (!poll(engine))
            return false;
    }
    return true;
}

/* gate = silu(gate) * up, with silu(x) = x / (1 + e^-x). `up` is used up: the exponentials need a place. */
static void gate_feed(const struct engine *engine)
{
    const struct engine_buffers *b = engine->buffers;
    uint32_t hidden = engine->config.hidden_dim, padded = panels_of(hidden) * PANEL;
    for (uint32_t i = 0; i < hidden; i++)
        b->up[i] = b->gate[i] * b->up[i];
    for (uint32_t i = 0; i < padded; i++)
        b->gate[i] = -b->gate[i];
    kernels_for(engine->level)->exponential(b->gate, padded);
    for (uint32_t i = 0; i < hidden; i++)
        b->gate[i] = b->up[i] / (1.0f + b->gate[i]);
}

static void add_projected(const struct engine *engine)
{
    for (uint32_t i = 0; i < engine->config.dim; i++)
        engine->buffers->stream[i] = engine->buffers->stream[i] + engine->buffers->projected[i];
}

static bool run_layer(const struct engine *engine, uint32_t layer, uint32_t position)
{
    const struct model_config *c = &engine->config;
    const struct engine_weights *w = engine->weights;
    const struct engine_buffers *b = engine->buffers;
    uint32_t dim = c->dim, hidden = c->hidden_dim, head = dim / c->n_heads, fused = dim + 2 * head * c->n_kv_heads;
    const float *cosines = w->rotary_cos + (uint64_t)position * (head / 2), *sines = w->rotary_sin + (uint64_t)position * (head / 2);
    normalise(b->normed, b->stream, w->attention_norm + (uint64_t)layer * dim, dim);
    if (!multiply(engine, b->qkv, w->qkv + layer * panel_floats(fused, dim), b->normed, fused, dim, UINT32_MAX))
        return false;
    rotate(b->qkv, cosines, sines, c->n_heads + c->n_kv_heads, head); /* queries and keys lie beside each other */
    store_row(engine, layer, position);
    if (!attend(engine, layer, position) ||
        !multiply(engine, b->projected, w->output + layer * panel_floats(dim, dim), b->normed, dim, dim, UINT32_MAX))
        return false;
    add_projected(engine);
    normalise(b->normed, b->stream, w->feed_norm + (uint64_t)layer * dim, dim);
    if (!multiply(engine, b->gate, w->gate + layer * panel_floats(hidden, dim), b->normed, hidden, dim, UINT32_MAX) ||
        !multiply(engine, b->up, w->up + layer * panel_floats(hidden, dim), b->normed, hidden, dim, UINT32_MAX))
        return false;
    gate_feed(engine);
    if (!multiply(engine, b->projected, w->down + layer * panel_floats(dim, hidden), b->gate, dim, hidden, UINT32_MAX))
        return false;
    add_projected(engine);
    return true;
}

const float *engine_forward(struct engine *engine, uint32_t token, uint32_t position, bool want_logits)
{
    const struct model_config *c = &engine->config;
    const struct engine_buffers *b = engine->buffers;
    const float *row = engine->weights->embedding + (uint64_t)(token / PANEL) * PANEL * c->dim + token % PANEL;
    for (uint32_t k = 0; k < c->dim; k++)
        b->stream[k] = row[(uint64_t)k * PANEL];
    for (uint32_t layer = 0; layer < c->n_layers; layer++)
        if (!poll(engine) || !run_layer(engine, layer, position))
            return NULL;
    if (!want_logits)
        return b->stream;
    normalise(b->normed, b->stream, engine->weights->final_norm, c->dim);
    if (!multiply(engine, b->logits, engine->weights->classifier, b->normed, c->vocab_size, c->dim, CLASSIFIER_PANELS))
        return NULL;
    return b->logits;
}
