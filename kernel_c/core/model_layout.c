/* model_layout.c - the memory plan of a model. The sums stay below 2^40 for every configuration that model_config_parse
 * accepts. */
#include "align.h"
#include "model_weights.h"
#include "sampler.h"

#define STRUCT_BYTES 128u /* in front of a region's numbers */

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

static void *take(struct plan *plan, uint64_t bytes)
{
    void *piece = (void *)(plan->base + (uintptr_t)plan->bytes);
    plan->bytes += align_up(bytes);
    return piece;
}

static float *take_floats(struct plan *plan, uint64_t floats)
{
    return take(plan, floats * sizeof(float));
}

uint64_t model_layout_weights(const struct model_config *c, void *base, struct engine_weights *ret)
{
    struct plan plan = {(uintptr_t)base, STRUCT_BYTES};
    _Static_assert(sizeof *ret <= STRUCT_BYTES, "the struct lies in front of the weights");
    uint64_t layers = c->n_layers, rotary = (uint64_t)c->seq_len * (head_size(c) / 2);
    ret->embedding = take(&plan, matrix_bytes(c, c->vocab_size, c->dim));
    ret->classifier = c->shared_classifier ? ret->embedding : take(&plan, matrix_bytes(c, c->vocab_size, c->dim));
    ret->qkv = take(&plan, layers * matrix_bytes(c, qkv_rows(c), c->dim));
    ret->output = take(&plan, layers * matrix_bytes(c, c->dim, c->dim));
    ret->gate_up = take(&plan, layers * 2 * matrix_bytes(c, c->hidden_dim, c->dim));
    ret->down = take(&plan, layers * matrix_bytes(c, c->dim, c->hidden_dim));
    ret->attention_norm = take_floats(&plan, layers * c->dim);
    ret->feed_norm = take_floats(&plan, layers * c->dim);
    ret->final_norm = take_floats(&plan, c->dim);
    ret->rotary_cos = take_floats(&plan, rotary);
    ret->rotary_sin = take_floats(&plan, rotary);
    return plan.bytes;
}

uint64_t model_layout_buffers(const struct model_config *c, void *base, struct engine_buffers *ret)
{
    struct plan plan = {(uintptr_t)base, 0};
    uint64_t chunk = pass_tokens(c), inputs = largest(chunk, ENGINE_PROCESSORS), dim = token_stride(c->dim);
    ret->stream[0] = take_floats(&plan, chunk * dim);
    ret->stream[1] = take_floats(&plan, chunk * dim);
    ret->normed = take_floats(&plan, inputs * dim);
    ret->quants = c->group == 0 ? NULL : take(&plan, inputs * input_quants(c));
    ret->scales = c->group == 0 ? NULL : take_floats(&plan, inputs * input_scales(c));
    ret->sums = c->group == 0 ? NULL : take(&plan, inputs * input_scales(c) * sizeof(int32_t));
    ret->qkv = take_floats(&plan, chunk * token_stride(qkv_rows(c)));
    ret->queries = take_floats(&plan, chunk * dim);
    ret->attended = take_floats(&plan, chunk * dim);
    ret->projected = take_floats(&plan, chunk * dim);
    ret->gate_up = take_floats(&plan, chunk * token_stride(2 * padded(c->hidden_dim)));
    ret->hidden = take_floats(&plan, chunk * token_stride(c->hidden_dim));
    ret->scores = take_floats(&plan, (uint64_t)ENGINE_PROCESSORS * KERNEL_TOKENS * token_stride(c->seq_len));
    ret->logits = take_floats(&plan, padded(c->vocab_size));
    return plan.bytes;
}

uint64_t model_layout_cache(const struct model_config *c, void *base, struct engine_cache *ret)
{
    struct plan plan = {(uintptr_t)base, 0};
    uint64_t heads = (uint64_t)c->n_layers * c->n_kv_heads;
    ret->keys = take_floats(&plan, heads * padded(c->seq_len) * head_size(c));
    ret->values = take_floats(&plan, heads * c->seq_len * head_size(c));
    return plan.bytes;
}

/* The largest single tensor of the file, so that a small model does not ask for a whole chunk. The scales of an int8
 * tensor are at most a quarter of it; those of GGUF are expanded to float32. */
static uint64_t largest_tensor_bytes(const struct model_config *c)
{
    return (c->version == 2 ? 1 : sizeof(float)) * c->dim * largest(c->vocab_size, largest(c->dim, c->hidden_dim));
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
    ret_need->scratch = align_up(largest(chunk, sampler_need(c->vocab_size)));
}
