/* engine_traffic.c - what a forward pass must bring from memory: the bound of its speed. */
#include "engine_pass.h"
#include "stream_read.h"

/* The rows of the classifier are among them; of the embedding one row a token is read, and one is counted. Without
 * logits the last layer is left when its keys and values are stored. */
uint64_t engine_weight_bytes(const struct engine *engine, bool want_logits)
{
    const struct model_config *c = &engine->config;
    uint64_t norm = (uint64_t)c->dim * sizeof(float), stored = norm + matrix_bytes(c, qkv_rows(c), c->dim);
    uint64_t behind = norm + matrix_bytes(c, c->dim, c->dim) + 2 * matrix_bytes(c, c->hidden_dim, c->dim) +
                      matrix_bytes(c, c->dim, c->hidden_dim);
    uint64_t all = panel_bytes(c, c->dim) / PANEL + c->n_layers * (stored + behind);
    return want_logits ? all + norm + matrix_bytes(c, c->vocab_size, c->dim) : all - behind;
}

uint64_t engine_cache_bytes(const struct engine *engine, uint32_t position)
{
    const struct model_config *c = &engine->config;
    uint64_t row = 2 * (uint64_t)kv_dim(c) * c->n_layers * sizeof(float);
    return ((uint64_t)position + 1) * row;
}

/* A window of the weights' memory that is read again and again; each processor keeps its own part of it, as it keeps
 * its own rows of a matrix. */
struct window {
    const struct engine *engine;
    const uint8_t *from;
    uint32_t blocks, rounds;
};

/* Blocks between two looks: a mebibyte, which a slow machine or an emulated one reads in half a millisecond. */
#define LOOK_BLOCKS 256u
#define BLOCK_PRODUCTS (POLL_PRODUCTS / LOOK_BLOCKS) /* what share_spend is told of a block */

static bool read_part(const void *argument, uint32_t phase, struct engine_share *share)
{
    const struct window window = *(const struct window *)argument;
    struct range own = share_of(share, window.blocks);
    uint64_t all = 0;
    bool on = true;
    (void)phase;
    for (uint32_t round = 0; on && round < window.rounds; round++)
        for (uint32_t first = own.first; on && first < own.last; first += LOOK_BLOCKS) {
            uint32_t count = own.last - first < LOOK_BLOCKS ? own.last - first : LOOK_BLOCKS;
            all ^= stream_read(window.engine->level, window.from + (uint64_t)first * STREAM_BLOCK, count);
            on = share_spend(share, (uint64_t)count * BLOCK_PRODUCTS);
        }
    __asm__ volatile("" : : "r"(all)); /* it is wanted, so it must be read */
    return on;
}

uint64_t engine_weight_blocks(const struct engine *engine)
{
    struct model_need need;
    model_need(&engine->config, &need);
    return need.weights / STREAM_BLOCK;
}

bool engine_read_weights(const struct engine *engine, uint64_t first, uint32_t blocks, uint32_t rounds)
{
    struct window window = {engine, (const uint8_t *)engine->memory.weights + first * STREAM_BLOCK, blocks, rounds};
    return engine_run(engine, read_part, &window, 1);
}
