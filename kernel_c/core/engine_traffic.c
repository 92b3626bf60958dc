/* engine_traffic.c - what a forward pass must bring from memory: the bound of its speed. */
#include "model_weights.h"
#include "stream_read.h"

/* The rows of the classifier are among them; of the embedding one row is read. */
uint64_t engine_weight_bytes(const struct engine *engine, bool want_logits)
{
    const struct model_config *c = &engine->config;
    uint64_t layer = matrix_bytes(c, qkv_rows(c), c->dim) + matrix_bytes(c, c->dim, c->dim) +
                     2 * matrix_bytes(c, c->hidden_dim, c->dim) + matrix_bytes(c, c->dim, c->hidden_dim) +
                     2 * (uint64_t)c->dim * sizeof(float);
    uint64_t classifier = matrix_bytes(c, c->vocab_size, c->dim) + (uint64_t)c->dim * sizeof(float);
    return c->n_layers * layer + panel_bytes(c, c->dim) / PANEL + (want_logits ? classifier : 0);
}

uint64_t engine_cache_bytes(const struct engine *engine, uint32_t position)
{
    const struct model_config *c = &engine->config;
    uint64_t row = 2 * (uint64_t)kv_dim(c) * c->n_layers * sizeof(float);
    return ((uint64_t)position + 1) * row;
}

/* A window of the weights' memory that is read again and again; each processor keeps its own part of it, as it keeps its
 * own rows of a matrix. */
struct window {
    const struct engine *engine;
    const uint8_t *from;
    uint32_t rounds;
};

static void read_part(const void *argument, uint32_t first, uint32_t last)
{
    const struct window *window = argument;
    uint64_t all = 0;
    for (uint32_t round = 0; round < window->rounds; round++)
        all ^= stream_read(window->engine->level, window->from + (uint64_t)first * STREAM_BLOCK, last - first);
    __asm__ volatile("" : : "r"(all)); /* it is wanted, so it must be read */
}

uint64_t engine_weight_blocks(const struct engine *engine)
{
    struct model_need need;
    model_need(&engine->config, &need);
    return need.weights / STREAM_BLOCK;
}

bool engine_read_weights(const struct engine *engine, uint64_t first, uint32_t blocks, uint32_t rounds)
{
    const struct engine_sharing *sharing = engine->sharing;
    struct window window = {engine, (const uint8_t *)engine->memory.weights + first * STREAM_BLOCK, rounds};
    uint32_t own = blocks;
    bool on = true;
    if (sharing != NULL)
        own = sharing->begin(sharing->context, read_part, &window, blocks, blocks);
    read_part(&window, 0, own);
    while (sharing != NULL && !sharing->wait(sharing->context))
        on = (engine->poll == NULL || engine->poll(engine->poll_context)) && on;
    return on;
}
