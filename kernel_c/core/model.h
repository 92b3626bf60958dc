/* model.h - a llama2.c model file: what its header says, whether that can be true, and its weights in memory.
 *
 * Version 0 ("legacy"): seven little-endian int32 (dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size,
 * seq_len), then float32 tensors. A positive vocab_size means that the classifier is the embedding; a negative one,
 * that it follows.
 * Versions 1 and 2: the number 0x616b3432 ("ak42"), int32 version, the same seven int32, at byte 36 a byte that is 1
 * when the classifier is the embedding, zeros up to byte 256. Version 1 goes on with float32 tensors. Version 2 has an
 * int32 group_size at byte 37 and goes on with float32 norms; each further tensor is its int8 weights, then a float32
 * scale for every group_size of them. Source: karpathy/llama2.c, export.py, run.c and runq.c.
 * GGUF is another format, which gguf.h reads into the same struct.
 */
#ifndef LLMK_MODEL_H
#define LLMK_MODEL_H

#include "error.h"

#include <stddef.h>
#include <stdint.h>

#define MODEL_HEADER_BYTES 256u /* of versions 1 and 2 */
#define MODEL_LEGACY_HEADER_BYTES 28u
#define MODEL_GGUF 3u /* in the place of a version; llama2.c has none beyond 2 */

/* llama2.c's constants. */
#define MODEL_NORM_EPSILON 1e-5f
#define MODEL_ROPE_BASE 10000.0f

struct model_config {
    uint32_t version;    /* of the file: 0, 1, 2 or MODEL_GGUF */
    uint32_t group;      /* weights in memory: int8 with a scale for every `group` of a row, or 0 for float32 */
    uint32_t dim;        /* width of the residual stream */
    uint32_t hidden_dim; /* width of the feed-forward layer */
    uint32_t n_layers;
    uint32_t n_heads;    /* query heads; head_size = dim / n_heads */
    uint32_t n_kv_heads; /* key/value heads, divides n_heads */
    uint32_t vocab_size;
    uint32_t seq_len; /* rows of the KV cache */
    bool shared_classifier;
    float norm_epsilon;  /* added to the mean square in every norm */
    float rope_base;     /* pair i turns by position / rope_base^(2i / head size) */
    uint64_t parameters; /* number of weights, derived; scales are not among them */
    uint64_t file_bytes; /* what the file must be, derived; of GGUF what it is */
};

/* Checks every field and every product and that `file_bytes` is exactly what the header implies. Pure; `header` has
 * the first MODEL_HEADER_BYTES of the file or, when the file is shorter, all of it. */
bool model_config_parse(const uint8_t *header, size_t header_bytes, uint64_t file_bytes,
                        struct model_config *ret_config, struct error *error);

/* The same model with its float32 weights quantised while loading, in the largest groups of 64, 32 or 16 that divide
 * dim and hidden_dim; refused when none does. A model that is int8 already stays as it is. */
bool model_config_quantise(struct model_config *config, struct error *error);

/* Numbers in memory and version of the file: "fp32-v0", "fp32-v1", "int8-v2", "fp32-gguf"; "int8-v0" was quantised
 * while loading. */
const char *model_format_name(const struct model_config *config);

/* Exact memory need, each a multiple of 64 bytes. */
struct model_need {
    uint64_t weights; /* panels, embedding, norms, rotary table */
    uint64_t kv;      /* key and value cache for seq_len rows */
    uint64_t acts;    /* activations and logits of one token */
    uint64_t scratch; /* stripe buffer while loading, sampler work space afterwards: the larger of the two */
};
void model_need(const struct model_config *config, struct model_need *ret_need);

struct model; /* weights in 16-row panels: see model_weights.h */

/* Reads exactly `bytes` bytes at `offset` of the model file. */
typedef bool model_read(void *context, uint64_t offset, void *to, uint64_t bytes, struct error *error);
/* Called now and then while loading; false stops it with ERROR_STATE. */
typedef bool model_progress(void *context, uint64_t done_bytes, uint64_t total_bytes);

struct gguf;

/* Where the weights come from. */
struct model_source {
    model_read *read;
    model_progress *progress; /* may be NULL */
    void *context;            /* of both */
    const struct gguf *gguf;  /* of a GGUF file: where its tensors lie; NULL for llama2.c's */
};

#endif
