/* gguf.h - a GGUF file of the llama architecture: what it says, whether that can be true, and where its tensors lie.
 *
 * A file is "GGUF", uint32 version, uint64 numbers of tensors and of keys; the keys, each a name, a type and a value;
 * the tensors, each a name, its dimensions, a type and an offset; then, at the next multiple of general.alignment, the
 * data that the offsets count from. A string is a uint64 length and its bytes. The tokenizer is among the keys. Only
 * what llama2.c's arithmetic covers is accepted, and a file that asks for more is refused by the key or tensor that
 * asks. Source: ggml, docs/gguf.md; the names are those of llama.cpp, gguf-py constants.py.
 */
#ifndef LLMK_GGUF_H
#define LLMK_GGUF_H

#include "gguf_numbers.h"
#include "gguf_read.h"

#define GGUF_KEYS_LIMIT 4096u
#define GGUF_TENSORS_LIMIT 4096u
#define GGUF_LAYERS_LIMIT 256u
#define GGUF_ROWS_LIMIT 8192u /* of the KV cache: files promise contexts that no memory holds */

/* What a tensor is within its layer. */
enum gguf_role {
    GGUF_ATTENTION_NORM,
    GGUF_QUERY,
    GGUF_KEY,
    GGUF_VALUE,
    GGUF_OUTPUT,
    GGUF_FEED_NORM,
    GGUF_GATE,
    GGUF_DOWN,
    GGUF_UP,
    GGUF_ROLES,
};

/* A tensor's number: layer * GGUF_ROLES + role, or one of the three that no layer has. */
#define GGUF_EMBEDDING (GGUF_LAYERS_LIMIT * GGUF_ROLES)
#define GGUF_FINAL_NORM (GGUF_EMBEDDING + 1)
#define GGUF_CLASSIFIER (GGUF_EMBEDDING + 2)
#define GGUF_SLOTS (GGUF_EMBEDDING + 3)

struct gguf_tensor {
    uint64_t offset, bytes;             /* from the beginning of the file */
    const struct gguf_numbers *numbers; /* NULL: not in the file */
};

/* Keys with a whole number; see gguf_keys.c. Those from GGUF_KV_HEADS to GGUF_VOCABULARY are 0 when the file does not
 * say them. */
enum gguf_integer {
    GGUF_ALIGNMENT,
    GGUF_QUANTS_VERSION,
    GGUF_SPLITS,
    GGUF_CONTEXT,
    GGUF_DIM,
    GGUF_LAYERS,
    GGUF_HIDDEN_DIM,
    GGUF_HEADS,
    GGUF_KV_HEADS,
    GGUF_ROTARY_DIM,
    GGUF_KEY_DIM,
    GGUF_VALUE_DIM,
    GGUF_VOCABULARY,
    GGUF_EXPERTS,
    GGUF_SLIDING,
    GGUF_BOS,
    GGUF_EOS,
    GGUF_UNKNOWN,
    GGUF_INTEGERS,
};

struct gguf_array {
    uint64_t at; /* of the first element; 0: not in the file */
    uint32_t count;
};

struct gguf {
    uint64_t integers[GGUF_INTEGERS];
    float norm_epsilon, rope_base;
    bool architecture, tokenizer_model; /* both were there, with the one value that is accepted */
    struct gguf_array tokens, scores, types;
    uint64_t token_bytes;                  /* of all tokens together, as the tokenizer keeps them */
    uint64_t byte_texts[4], byte_types[4]; /* a bit for each byte: what its token's text and its type say */
    bool byte_tokens;                      /* the tokens 3 to 258 are the 256 bytes */
    uint32_t longest_token;                /* bytes */
    uint32_t matrices, quantised;          /* how many there are, and how many are blocks of GGUF_QUANTS int8 */
    uint32_t tensors_count;                /* of `order` */
    struct gguf_tensor tensors[GGUF_SLOTS];
    uint16_t order[GGUF_SLOTS];     /* numbers of the tensors, in the order of their offsets */
    uint64_t seen[GGUF_KEYS_LIMIT]; /* hashes of the keys so far */
    struct gguf_reader reader;
};

/* The first bytes of a file say that it is GGUF. */
bool gguf_is(const uint8_t *header, uint64_t bytes);

/* Reads everything in front of the tensors' data, at most GGUF_WINDOW_BYTES at a time, and checks all of it before
 * `ret_config` is filled: limits, types, shapes, places in the file, and that every tensor the engine needs is there
 * and no other. int8 blocks of 32 stay int8 where dim and hidden_dim are multiples of 32; else all weights become
 * float32. seq_len is at most GGUF_ROWS_LIMIT; integers[GGUF_CONTEXT] is what the file says. `read` is used again by
 * tokenizer_load_gguf. */
bool gguf_parse(struct gguf *gguf, model_read *read, void *context, uint64_t file_bytes,
                struct model_config *ret_config, struct error *error);

/* Rows and columns of a tensor in a model of this shape; a norm is one row. */
void gguf_shape(const struct model_config *config, uint32_t slot, uint32_t *ret_rows, uint32_t *ret_columns);
static inline bool gguf_is_norm(uint32_t slot)
{
    uint32_t role = slot % GGUF_ROLES;
    return slot < GGUF_EMBEDDING ? role == GGUF_ATTENTION_NORM || role == GGUF_FEED_NORM : slot == GGUF_FINAL_NORM;
}
#define GGUF_TENSOR_NAME_BYTES 32u
void gguf_tensor_name(uint32_t slot, char ret_name[GGUF_TENSOR_NAME_BYTES]);

#endif
