/* engine.h - the transformer: tokens in, the logits of the next one out.
 *
 * The engine owns no memory. It is given four regions (sizes from model_need) and keeps no state but what is in them
 * and in struct engine. Every kernel (reference C, SSE2, AVX2, AVX-512) sums each row in index order without
 * contraction, so all give the same bits, for any number of processors, and for tokens one at a time or many in a pass.
 * With int8 weights the input of every product is quantised too, as llama2.c's runq does: integer sums within a group,
 * float32 over the groups in their order.
 */
#ifndef LLMK_ENGINE_H
#define LLMK_ENGINE_H

#include "cpu.h"
#include "model.h"

#include <stdbool.h>

struct engine_memory { /* each 64-byte aligned and at least as large as model_need says */
    void *weights, *kv, *acts, *scratch;
};

#define ENGINE_CHUNK 64u      /* most tokens of a pass */
#define ENGINE_PROCESSORS 16u /* most processors of a pass */

/* Called before each layer and inside long work about every 65,536 multiply-adds: microseconds on a machine, below a
 * millisecond under emulation. A poll that touches a slow device should look at the clock first. False aborts the pass
 * at once. */
typedef bool engine_poll(void *context);

/* One processor in a pass. */
struct engine_share {
    uint32_t index, of;          /* this one, of so many; the first is the one that called, and its looks are polls */
    bool (*look)(void *context); /* false: leave the pass */
    void *context;
    uint64_t products; /* multiply-adds since the last look */
};

/* A processor's share of one phase; false: its look said so. The shares of a phase write different bytes, and may be
 * worked at twice: what they write depends on earlier phases only. */
typedef bool engine_work(const void *argument, uint32_t phase, struct engine_share *share);

/* How work is shared among processors. */
struct engine_sharing {
    /* Phases 0 .. phases - 1 of the work, every processor its share of each, none before all have finished the phase
     * before. False when a look of the caller's own said so. When it returns nobody works at it any more. */
    bool (*run)(void *context, engine_work *work, const void *argument, uint32_t phases);
    void *context;
    uint32_t processors; /* that are ready; at most ENGINE_PROCESSORS */
};

/* Private: where everything lies in memory.acts. [chunk] is the most tokens of a pass, [inputs] has a place for each of
 * them and, in a pass of one token, for each processor. The outputs of a matrix have room for its padding rows, and all
 * rows begin at a cache line. */
struct engine_buffers {
    float *stream[2]; /* [chunk][dim] the residual stream; what adds to it reads one and writes the other */
    float *normed;    /* [inputs][dim] */
    int8_t *quants;   /* [inputs][the larger of dim and hidden] a matrix's input; nothing for float32 weights */
    float *scales;    /* [inputs] of them, one for each group */
    int32_t *sums;    /* likewise */
    float *qkv;       /* [chunk][dim + 2 kv_dim] */
    float *queries;   /* [chunk][dim] rotated */
    float *attended;  /* [chunk][dim] the heads' results beside each other */
    float *projected; /* [chunk][dim] what comes back into the stream */
    float *gate_up;   /* [chunk][2 x padded hidden] */
    float *hidden;    /* [chunk][hidden] */
    float *scores;    /* [processors][tokens of a kernel call][seq_len] */
    float *logits;    /* [vocab] */
};

struct engine;

/* Private: a processor's share of one step of a layer; false: its look said so. */
typedef bool engine_step(const struct engine *engine, uint32_t layer, struct engine_share *share);

/* Private: the pass under way. All processors read it, also one that has been given up and wakes later: it stays in
 * struct engine. */
struct engine_pass {
    const struct kernels *kernels;
    engine_step *const *steps; /* of a layer, */
    uint32_t steps_count;      /* so many */
    float *keys, *values;      /* the cache: see model_weights.h */
    const uint32_t *tokens;
    uint32_t position, count; /* of the first token; tokens */
    bool want_logits;
};

struct engine {
    struct model_config config;
    struct engine_memory memory;
    enum cpu_level level; /* kernels in use */
    engine_poll *poll;    /* may be NULL */
    void *poll_context;
    const struct engine_sharing *sharing; /* NULL: one processor */
    struct engine_weights *weights; /* private: pointers into memory.weights */
    struct engine_buffers buffers;  /* private: pointers into memory.acts */
    struct engine_pass pass;        /* private */
};

/* Streams the file into memory.weights through memory.scratch, at most 1 MiB a read; `config` comes from
 * model_config_parse or gguf_parse. Refuses NaN, infinities, llama2.c's negative scales and the int8 weight -128 with
 * the tensor's name and their place in the file. After a failure the engine must not be used. */
bool engine_load(struct engine *engine, const struct model_config *config, const struct engine_memory *memory,
                 enum cpu_level level, const struct model_source *source, struct error *error);
void engine_set_level(struct engine *engine, enum cpu_level level);

/* The phases of a pass are so long that sharing them saves more than meeting after each costs. */
bool engine_worth_sharing(const struct engine *engine);

/* Private: work shared among the processors of a pass, or done by one; false: a poll said so. */
bool engine_run(const struct engine *engine, engine_work *work, const void *argument, uint32_t phases);

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
 * With want_logits false the classifier is skipped and the result is any non-NULL pointer. */
float *engine_forward(struct engine *engine, uint32_t token, uint32_t position, bool want_logits);

/* The same for tokens at rows position .. position + count - 1, at most ENGINE_CHUNK and as many as the cache has rows;
 * the logits are those after the last. Bits of rows and logits are those of one token at a time. An aborted pass leaves
 * all of its rows undefined. */
float *engine_prefill(struct engine *engine, const uint32_t *tokens, uint32_t count, uint32_t position,
                      bool want_logits);

#endif
