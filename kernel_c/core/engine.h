/* engine.h - the transformer: one token in, the logits of the next one out.
 *
 * The engine owns no memory. It is given four regions (sizes from model_need) and keeps no state but what is in them
 * and in struct engine. Every kernel (reference C, SSE2, AVX2, AVX-512) sums each row in index order without contraction, so all
 * give the same bits. With int8 weights the input of every product is quantised too, as llama2.c's runq does: integer
 * sums within a group, float32 over the groups in their order.
 */
#ifndef LLMK_ENGINE_H
#define LLMK_ENGINE_H

#include "cpu.h"
#include "model.h"

#include <stdbool.h>

struct engine_memory { /* each 64-byte aligned and at least as large as model_need says */
    void *weights, *kv, *acts, *scratch;
};

/* Called before each layer, every 64 rows of the classifier, and inside long products about every 65,536 multiply-adds:
 * microseconds on a machine, below a millisecond under emulation. A poll that touches a slow device should look at the
 * clock first. False aborts the pass at once. */
typedef bool engine_poll(void *context);

/* Panels first .. last - 1 of a product. */
typedef void engine_part(const void *argument, uint32_t first, uint32_t last);

/* How a product is shared among processors. Any split by panels gives the same bits. */
struct engine_sharing {
    /* Gives the others their shares, in pieces of `step`; returns the caller's: panels 0 .. result - 1. */
    uint32_t (*begin)(void *context, engine_part *part, const void *argument, uint32_t panels, uint32_t step);
    bool (*wait)(void *context); /* waits a moment; true: all shares are done. `argument` must live until then. */
    void *context;
};

struct engine {
    struct model_config config;
    struct engine_memory memory;
    enum cpu_level level; /* kernels in use */
    engine_poll *poll;    /* may be NULL */
    void *poll_context;
    const struct engine_sharing *sharing; /* NULL: one processor */
    struct engine_weights *weights; /* private: pointers into memory.weights */
    struct engine_buffers *buffers; /* private: pointers into memory.acts */
};

/* Streams the file into memory.weights through memory.scratch, at most 1 MiB a read; `config` comes from
 * model_config_parse or gguf_parse. Refuses NaN, infinities, llama2.c's negative scales and the int8 weight -128 with
 * the tensor's name and their place in the file. After a failure the engine must not be used. */
bool engine_load(struct engine *engine, const struct model_config *config, const struct engine_memory *memory,
                 enum cpu_level level, const struct model_source *source, struct error *error);
void engine_set_level(struct engine *engine, enum cpu_level level);

/* The model has products so large that sharing one saves more than the hand-over costs. */
bool engine_worth_sharing(const struct engine *engine);

/* Bytes that a pass must read: weights (with the classifier when the logits are wanted), and the KV cache at
 * `position`, its own row included. Padding rows are counted: they are read. */
uint64_t engine_weight_bytes(const struct engine *engine, bool want_logits);
uint64_t engine_cache_bytes(const struct engine *engine, uint32_t position);
/* What only reading them takes: `blocks` blocks (stream_read.h) of the weights' memory from block `first` on, `rounds`
 * times, by the processors of a pass. False when the poll said so. */
bool engine_read_weights(const struct engine *engine, uint64_t first, uint32_t blocks, uint32_t rounds);
uint64_t engine_weight_blocks(const struct engine *engine);

/* Activations were wiped (a sentinel trip, /reset): lay them out again. The weights and the KV cache stay valid. */
void engine_reset_buffers(struct engine *engine);

/* One token at row `position` of the KV cache (which is written), attending to rows 0..position.
 * Returns vocab_size logits, valid until the next pass and free to be changed; NULL when poll aborted it (row
 * `position` is then undefined) or when the token or the position does not exist in this model (nothing is touched).
 * With want_logits false the classifier is skipped and the result is any non-NULL pointer: prefill. */
float *engine_forward(struct engine *engine, uint32_t token, uint32_t position, bool want_logits);

#endif
