#include "gguf_private.h"
#include "tokenizer_private.h"

#define MAGIC 0x46554747u /* "GGUF" */

bool gguf_is(const uint8_t *header, uint64_t bytes)
{
    return bytes >= 4 && gguf_little(header, 4) == MAGIC;
}

/* Version 2 differs from 3 in nothing but that 3 may be big-endian, which shows in the version itself. */
static bool read_counts(struct gguf_reader *reader, uint64_t *ret_tensors, uint64_t *ret_keys)
{
    uint32_t magic, version;
    if (!gguf_u32(reader, &magic) || !gguf_u32(reader, &version))
        return false;
    if (version >= 1u << 24)
        return error_set(reader->error, ERROR_VERSION, "gguf: the file is big-endian, expected little-endian");
    if (version != 2 && version != 3)
        return error_set(reader->error, ERROR_VERSION, "gguf: version %u, expected 2 or 3", version);
    if (!gguf_u64(reader, ret_tensors) || !gguf_u64(reader, ret_keys))
        return false;
    if (*ret_tensors < 1 || *ret_tensors > GGUF_TENSORS_LIMIT)
        return error_set(reader->error, ERROR_FORMAT, "gguf: the file has %llu tensors, expected 1..%u",
                         (unsigned long long)*ret_tensors, GGUF_TENSORS_LIMIT);
    if (*ret_keys < 1 || *ret_keys > GGUF_KEYS_LIMIT)
        return error_set(reader->error, ERROR_FORMAT, "gguf: the file has %llu keys, expected 1..%u",
                         (unsigned long long)*ret_keys, GGUF_KEYS_LIMIT);
    return true;
}

/* A number that the file states although another key gives it already. */
static bool check_stated(const struct gguf *gguf, enum gguf_integer key, uint32_t value)
{
    uint64_t stated = gguf->integers[key];
    return stated == 0 || stated == value ||
           error_set(gguf->reader.error, ERROR_FORMAT, "gguf: %s is %llu, expected %u", gguf_integer_name(key),
                     (unsigned long long)stated, value);
}

static bool check_heads(const struct gguf *gguf, const struct model_config *c)
{
    struct error *error = gguf->reader.error;
    if (c->dim % 2 != 0)
        return error_set(error, ERROR_FORMAT, "gguf: llama.embedding_length is %u, expected an even number", c->dim);
    if (c->dim % c->n_heads != 0)
        return error_set(error, ERROR_FORMAT,
                         "gguf: llama.attention.head_count is %u, expected a divisor of llama.embedding_length %u",
                         c->n_heads, c->dim);
    if (c->n_heads % c->n_kv_heads != 0)
        return error_set(error, ERROR_FORMAT,
                         "gguf: llama.attention.head_count_kv is %u, expected a divisor of head_count %u",
                         c->n_kv_heads, c->n_heads);
    uint32_t head = c->dim / c->n_heads;
    if (head % 2 != 0)
        return error_set(error, ERROR_FORMAT,
                         "gguf: the head size is %u (embedding_length %u / head_count %u), expected an even number",
                         head, c->dim, c->n_heads);
    return check_stated(gguf, GGUF_ROTARY_DIM, head) && check_stated(gguf, GGUF_KEY_DIM, head) &&
           check_stated(gguf, GGUF_VALUE_DIM, head);
}

/* The engine falls back to all bytes or to none. */
static bool check_bytes(struct gguf *gguf)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint64_t bit = UINT64_C(1) << byte % 64;
        bool type = (gguf->byte_types[byte / 64] & bit) != 0, text = (gguf->byte_texts[byte / 64] & bit) != 0;
        if (byte == 0)
            gguf->byte_tokens = type;
        if (type != gguf->byte_tokens)
            return error_set(
                gguf->reader.error, ERROR_FORMAT,
                "gguf: tokenizer.ggml.token_type has bytes, but token %u is none, expected all of %u to %u",
                FIRST_BYTE_TOKEN + (type ? 0 : byte), FIRST_BYTE_TOKEN, FIRST_BYTE_TOKEN + 255);
        if (type && !text)
            return error_set(gguf->reader.error, ERROR_FORMAT, "gguf: token %u is a byte, but its text is not <0x%02X>",
                             FIRST_BYTE_TOKEN + byte, byte);
    }
    return true;
}

static bool check_vocabulary(struct gguf *gguf)
{
    uint32_t tokens = gguf->tokens.count;
    const struct gguf_array *arrays[] = {&gguf->scores, &gguf->types};
    for (unsigned i = 0; i < 2; i++)
        if (arrays[i]->count != tokens)
            return error_set(gguf->reader.error, ERROR_FORMAT,
                             "gguf: tokenizer.ggml.%s has %u elements, expected %u, as tokenizer.ggml.tokens has",
                             i == 0 ? "scores" : "token_type", arrays[i]->count, tokens);
    if (gguf->longest_token == 0)
        return error_set(gguf->reader.error, ERROR_FORMAT, "gguf: every token of tokenizer.ggml.tokens is empty");
    return check_stated(gguf, GGUF_VOCABULARY, tokens) && check_bytes(gguf);
}

static struct model_config describe(const struct gguf *gguf)
{
    const uint64_t *integers = gguf->integers;
    uint64_t kv_heads = integers[GGUF_KV_HEADS] != 0 ? integers[GGUF_KV_HEADS] : integers[GGUF_HEADS];
    uint64_t rows = integers[GGUF_CONTEXT] < GGUF_ROWS_LIMIT ? integers[GGUF_CONTEXT] : GGUF_ROWS_LIMIT;
    return (struct model_config){.version = MODEL_GGUF,
                                 .dim = (uint32_t)integers[GGUF_DIM],
                                 .hidden_dim = (uint32_t)integers[GGUF_HIDDEN_DIM],
                                 .n_layers = (uint32_t)integers[GGUF_LAYERS],
                                 .n_heads = (uint32_t)integers[GGUF_HEADS],
                                 .n_kv_heads = (uint32_t)kv_heads,
                                 .vocab_size = gguf->tokens.count,
                                 .seq_len = (uint32_t)rows,
                                 .norm_epsilon = gguf->norm_epsilon,
                                 .rope_base = gguf->rope_base,
                                 .file_bytes = gguf->reader.file_bytes};
}

/* How the matrices are kept in memory, and how many weights there are. */
static void choose_numbers(struct gguf *gguf, struct model_config *config)
{
    uint32_t rows, columns;
    for (uint32_t i = 0; i < gguf->tensors_count; i++) {
        uint32_t slot = gguf->order[i];
        gguf_shape(config, slot, &rows, &columns);
        config->parameters += (uint64_t)rows * columns;
        gguf->matrices += !gguf_is_norm(slot);
        gguf->quantised += gguf->tensors[slot].numbers->quants != NULL;
    }
    if (gguf->quantised > 0 && config->dim % GGUF_QUANTS == 0 && config->hidden_dim % GGUF_QUANTS == 0)
        config->group = GGUF_QUANTS;
}

bool gguf_parse(struct gguf *gguf, model_read *read, void *context, uint64_t file_bytes,
                struct model_config *ret_config, struct error *error)
{
    struct gguf_reader *reader = &gguf->reader;
    uint64_t tensors, keys;
    __builtin_memset(gguf, 0, sizeof *gguf);
    reader->read = read;
    reader->context = context;
    reader->error = error;
    reader->file_bytes = file_bytes;
    if (!read_counts(reader, &tensors, &keys) || !gguf_read_keys(gguf, keys))
        return false;
    struct model_config config = describe(gguf);
    if (!check_heads(gguf, &config) || !check_vocabulary(gguf) || !gguf_read_tensors(gguf, tensors, &config))
        return false;
    config.shared_classifier = gguf->tensors[GGUF_CLASSIFIER].numbers == NULL;
    choose_numbers(gguf, &config);
    *ret_config = config;
    return true;
}
