/* model_layout.c - the memory plan of a model. The sums stay below 2^40 for every configuration that model_config_parse
 * accepts. */
#include "model_weights.h"
#include "sampler.h"

#define STRUCT_BYTES 128u /* in front of a region's floats */
#define ALIGNMENT 64u

static uint64_t aligned(uint64_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static uint64_t largest(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Hands out aligned pieces one after the other. Addresses are integers, so a plan without memory is no pointer
 * arithmetic on NULL. */
struct plan {
    uintptr_t base;
    uint64_t bytes;
};

static float *take(struct plan *plan, uint64_t floats)
{
    float *piece = (float *)(plan->base + (uintptr_t)plan->bytes);
    plan->bytes += aligned(floats * sizeof(float));
    return piece;
}

uint64_t model_layout_weights(const struct model_config *c, void *base, struct engine_weights *ret)
{
    struct plan plan = {(uintptr_t)base, STRUCT_BYTES};
    _Static_assert(sizeof *ret <= STRUCT_BYTES, "the struct lies in front of the weights");
    uint64_t layers = c->n_layers, rotary = (uint64_t)c->seq_len * (head_size(c) / 2);
    ret->embedding = take(&plan, panel_floats(c->vocab_size, c->dim));
    ret->classifier = c->shared_classifier ? ret->embedding : take(&plan, panel_floats(c->vocab_size, c->dim));
    ret->qkv = take(&plan, layers * panel_floats(qkv_rows(c), c->dim));
    ret->output = take(&plan, layers * panel_floats(c->dim, c->dim));
    ret->gate_up = take(&plan, layers * 2 * panel_floats(c->hidden_dim, c->dim));
    ret->down = take(&plan, layers * panel_floats(c->dim, c->hidden_dim));
    ret->attention_norm = take(&plan, layers * c->dim);
    ret->feed_norm = take(&plan, layers * c->dim);
    ret->final_norm = take(&plan, c->dim);
    ret->rotary_cos = take(&plan, rotary);
    ret->rotary_sin = take(&plan, rotary);
    return plan.bytes;
}

uint64_t model_layout_buffers(const struct model_config *c, void *base, struct engine_buffers *ret)
{
    struct plan plan = {(uintptr_t)base, STRUCT_BYTES};
    _Static_assert(sizeof *ret <= STRUCT_BYTES, "the struct lies in front of the buffers");
    ret->stream = take(&plan, padded(c->dim));
    ret->normed = take(&plan, padded(c->dim));
    ret->attended = take(&plan, padded(c->dim));
    ret->projected = take(&plan, padded(c->dim));
    ret->qkv = take(&plan, padded(qkv_rows(c)));
    ret->gate_up = take(&plan, 2 * (uint64_t)padded(c->hidden_dim));
    ret->sigmoid = take(&plan, padded(c->hidden_dim));
    ret->scores = take(&plan, padded(c->seq_len));
    ret->logits = take(&plan, padded(c->vocab_size));
    return plan.bytes;
}

uint64_t model_layout_cache(const struct model_config *c, void *base, struct engine_cache *ret)
{
    struct plan plan = {(uintptr_t)base, 0};
    uint64_t heads = (uint64_t)c->n_layers * c->n_kv_heads;
    ret->keys = take(&plan, heads * padded(c->seq_len) * head_size(c));
    ret->values = take(&plan, heads * c->seq_len * head_size(c));
    return plan.bytes;
}

/* The largest single tensor of the file, so that a small model does not ask for a whole chunk. */
static uint64_t largest_tensor_bytes(const struct model_config *c)
{
    return sizeof(float) * c->dim * largest(c->vocab_size, largest(c->dim, c->hidden_dim));
}

void model_need(const struct model_config *c, struct model_need *ret_need)
{
    struct engine_weights weights;
    struct engine_buffers buffers;
    struct engine_cache cache;
    uint64_t chunk = largest_tensor_bytes(c);
    chunk = chunk < LOAD_CHUNK_BYTES ? chunk : LOAD_CHUNK_BYTES; /* a row has at most 256 KiB */
    ret_need->weights = model_layout_weights(c, NULL, &weights);
    ret_need->acts = model_layout_buffers(c, NULL, &buffers);
    ret_need->kv = model_layout_cache(c, NULL, &cache);
    ret_need->scratch = aligned(largest(chunk, sampler_need(c->vocab_size)));
}
