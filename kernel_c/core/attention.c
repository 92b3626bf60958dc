/* attention.c - rotary positions, the key/value cache, and attention over it.
 *
 * Several query heads share a key/value head when n_kv_heads is smaller than n_heads. Long contexts are worked through
 * in pieces of whole panels with a poll between; the pieces continue the same sums, so the bits do not depend on them.
 */
#include "engine_pass.h"
#include "maths.h"

static void rotate(float *vector, const float *cosines, const float *sines, uint32_t heads, uint32_t head)
{
    for (uint32_t h = 0; h < heads; h++, vector += head)
        for (uint32_t i = 0; i < head / 2; i++) {
            float even = vector[2 * i], odd = vector[2 * i + 1];
            float even_cos = even * cosines[i], odd_sin = odd * sines[i];
            float even_sin = even * sines[i], odd_cos = odd * cosines[i];
            vector[2 * i] = even_cos - odd_sin;
            vector[2 * i + 1] = even_sin + odd_cos;
        }
}

static float *cached_keys(const struct pass *pass, uint32_t layer, uint32_t kv_head)
{
    const struct model_config *c = &pass->engine->config;
    return pass->cache.keys + ((uint64_t)layer * c->n_kv_heads + kv_head) * padded(c->seq_len) * head_size(c);
}

static float *cached_values(const struct pass *pass, uint32_t layer, uint32_t kv_head)
{
    const struct model_config *c = &pass->engine->config;
    return pass->cache.values + ((uint64_t)layer * c->n_kv_heads + kv_head) * c->seq_len * head_size(c);
}

static void store_row(const struct pass *pass, uint32_t layer)
{
    const struct model_config *c = &pass->engine->config;
    uint32_t head = head_size(c), position = pass->position;
    const float *keys = pass->engine->buffers->qkv + c->dim, *values = keys + kv_dim(c);
    for (uint32_t h = 0; h < c->n_kv_heads; h++, keys += head, values += head) {
        float *key = cached_keys(pass, layer, h) + (uint64_t)(position / PANEL) * PANEL * head + position % PANEL;
        float *value = cached_values(pass, layer, h) + (uint64_t)position * head;
        for (uint32_t i = 0; i < head; i++) {
            key[(uint64_t)i * PANEL] = keys[i];
            value[i] = values[i];
        }
    }
}

/* values[0..count) become their softmax; `values` has room for whole panels. */
static void softmax(const struct kernels *kernels, float *values, uint32_t count)
{
    float most = values[0], sum = 0;
    for (uint32_t i = 1; i < count; i++)
        most = values[i] > most ? values[i] : most;
    for (uint32_t i = 0; i < count; i++)
        values[i] = values[i] - most;
    for (uint32_t i = count; i < padded(count); i++)
        values[i] = 0;
    kernels->exponential(values, padded(count));
    for (uint32_t i = 0; i < count; i++)
        sum = sum + values[i];
    for (uint32_t i = 0; i < count; i++)
        values[i] = values[i] / sum;
}

/* Positions that cost about one poll's worth of work, in whole panels. */
static uint32_t positions_at_once(uint32_t head)
{
    uint32_t positions = POLL_PRODUCTS / head / PANEL * PANEL;
    return positions < PANEL ? PANEL : positions;
}

static bool score_keys(struct pass *pass, const float *keys, const float *query, uint32_t count)
{
    uint32_t head = head_size(&pass->engine->config), step = positions_at_once(head);
    float *scores = pass->engine->buffers->scores, root = maths_sqrt((float)head);
    for (uint32_t done = 0; done < count; done += step) {
        uint32_t panels = panels_of(count - done < step ? count - done : step);
        pass->kernels->matvec(scores + done, keys + (uint64_t)done * head, query, panels, head);
        if (!pass_spend(pass, (uint64_t)panels * PANEL * head))
            return false;
    }
    for (uint32_t t = 0; t < count; t++)
        scores[t] = scores[t] / root;
    return true;
}

static bool mix_values(struct pass *pass, const float *values, float *out, uint32_t count)
{
    uint32_t head = head_size(&pass->engine->config), step = positions_at_once(head);
    const float *weights = pass->engine->buffers->scores;
    for (uint32_t i = 0; i < head; i++)
        out[i] = 0;
    for (uint32_t done = 0; done < count; done += step) {
        uint32_t positions = count - done < step ? count - done : step;
        pass->kernels->add_weighted(out, values + (uint64_t)done * head, weights + done, positions, head);
        if (!pass_spend(pass, (uint64_t)positions * head))
            return false;
    }
    return true;
}

bool attention_run(struct pass *pass, uint32_t layer)
{
    const struct model_config *c = &pass->engine->config;
    const struct engine_weights *w = pass->engine->weights;
    const struct engine_buffers *b = pass->engine->buffers;
    uint32_t head = head_size(c), group = c->n_heads / c->n_kv_heads, count = pass->position + 1;
    uint64_t angles = (uint64_t)pass->position * (head / 2);
    /* Queries and keys lie beside each other, so one call rotates both. */
    rotate(b->qkv, w->rotary_cos + angles, w->rotary_sin + angles, c->n_heads + c->n_kv_heads, head);
    store_row(pass, layer);
    for (uint32_t h = 0; h < c->n_heads; h++) {
        if (!score_keys(pass, cached_keys(pass, layer, h / group), b->qkv + (uint64_t)h * head, count))
            return false;
        softmax(pass->kernels, b->scores, count);
        if (!mix_values(pass, cached_values(pass, layer, h / group), b->attended + (uint64_t)h * head, count))
            return false;
    }
    return true;
}
