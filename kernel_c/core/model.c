#include "model.h"

#define FIELDS 7u
#define MAGIC_VERSIONED 0x616b3432u /* "ak42": llama2.c formats 1 and 2 */
#define MAGIC_GGUF 0x46554747u      /* "GGUF" */

static uint32_t little32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* The fields in the order of the header. */
static const struct field {
    const char *name;
    uint32_t least, most;
    const char *further;
} fields[FIELDS] = {
    {"dim", 16, 16384, " and a multiple of 8"},
    {"hidden_dim", 1, 65536, ""},
    {"n_layers", 1, 256, ""},
    {"n_heads", 1, 256, ""},
    {"n_kv_heads", 1, 256, ""},
    {"vocab_size", 3, 262144, " (negative: the classifier is separate)"},
    {"seq_len", 1, 65536, ""},
};
enum { DIM, HIDDEN_DIM, N_LAYERS, N_HEADS, N_KV_HEADS, VOCAB_SIZE, SEQ_LEN };

static bool check_fields(const uint32_t *raw, struct error *error)
{
    for (unsigned i = 0; i < FIELDS; i++) {
        const struct field *field = &fields[i];
        /* Unsigned negation: the smallest int32 has no positive twin and stays out of range. */
        uint32_t size = i == VOCAB_SIZE && (int32_t)raw[i] < 0 ? 0u - raw[i] : raw[i];
        if (size < field->least || size > field->most || (i == DIM && size % 8 != 0))
            return error_set(error, ERROR_FORMAT, "model: %s is %d, expected %u..%u%s", field->name, (int32_t)raw[i],
                             field->least, field->most, field->further);
    }
    return true;
}

static bool check_heads(const struct model_config *c, struct error *error)
{
    if (c->dim % c->n_heads != 0)
        return error_set(error, ERROR_FORMAT, "model: n_heads is %u, expected a divisor of dim %u", c->n_heads, c->dim);
    if (c->n_heads % c->n_kv_heads != 0)
        return error_set(error, ERROR_FORMAT, "model: n_kv_heads is %u, expected a divisor of n_heads %u",
                         c->n_kv_heads, c->n_heads);
    if (c->dim / c->n_heads % 2 != 0)
        return error_set(error, ERROR_FORMAT,
                         "model: the head size is %u (dim %u / n_heads %u), expected an even number",
                         c->dim / c->n_heads, c->dim, c->n_heads);
    return true;
}

/* total += a * b * c, false on overflow. */
static bool add_product(uint64_t *total, uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t product;
    return !__builtin_mul_overflow(a, b, &product) && !__builtin_mul_overflow(product, c, &product) &&
           !__builtin_add_overflow(*total, product, total);
}

/* Weights of the model and bytes of its file: the tensors in the file's order, then two rotary tables that nobody
 * reads. */
static bool count_bytes(const struct model_config *c, bool shared, uint64_t *ret_parameters, uint64_t *ret_bytes)
{
    uint64_t layers = c->n_layers, dim = c->dim, hidden = c->hidden_dim, head = dim / c->n_heads,
             kv = head * c->n_kv_heads;
    uint64_t floats = 0;
    bool fits = add_product(&floats, c->vocab_size, dim, shared ? 1 : 2) &&                /* embedding, classifier */
                add_product(&floats, layers, dim, 2) && add_product(&floats, dim, 1, 1) && /* norms */
                add_product(&floats, layers * 2, dim, dim) &&                              /* wq, wo */
                add_product(&floats, layers * 2, kv, dim) &&                               /* wk, wv */
                add_product(&floats, layers * 3, hidden, dim);                             /* w1, w2, w3 */
    *ret_parameters = floats;
    *ret_bytes = MODEL_HEADER_BYTES;
    return fits && add_product(&floats, c->seq_len, head, 1) && add_product(ret_bytes, floats, 4, 1);
}

static bool check_size(struct model_config *c, uint64_t file_bytes, struct error *error)
{
    uint64_t other_parameters, other_bytes;
    if (!count_bytes(c, c->shared_classifier, &c->parameters, &c->file_bytes) ||
        !count_bytes(c, !c->shared_classifier, &other_parameters, &other_bytes))
        return error_set(error, ERROR_FORMAT, "model: the header describes more than 2^64 bytes");
    if (c->file_bytes == file_bytes)
        return true;
    if (other_bytes == file_bytes)
        return error_set(error, ERROR_FORMAT,
                         "model: vocab_size is %s%u, but the size of the file fits %s%u (%s classifier)",
                         c->shared_classifier ? "" : "-", c->vocab_size, c->shared_classifier ? "-" : "", c->vocab_size,
                         c->shared_classifier ? "separate" : "shared");
    bool shorter = file_bytes < c->file_bytes;
    return error_set(error, ERROR_FORMAT, "model: the file has %llu bytes, its header needs %llu: %llu %s",
                     (unsigned long long)file_bytes, (unsigned long long)c->file_bytes,
                     (unsigned long long)(shorter ? c->file_bytes - file_bytes : file_bytes - c->file_bytes),
                     shorter ? "are missing, copy the file again" : "too many, is this another format?");
}

bool model_config_parse(const uint8_t *header, size_t header_bytes, uint64_t file_bytes,
                        struct model_config *ret_config, struct error *error)
{
    if (header_bytes < MODEL_HEADER_BYTES || file_bytes < MODEL_HEADER_BYTES)
        return error_set(error, ERROR_FORMAT, "model: the file has %llu bytes, the header alone needs %u",
                         (unsigned long long)(header_bytes < file_bytes ? header_bytes : file_bytes),
                         MODEL_HEADER_BYTES);
    if (little32(header) == MAGIC_VERSIONED)
        return error_set(error, ERROR_VERSION,
                         "model: llama2.c format version %u, expected version 0 (export with --version 0)",
                         little32(header + 4));
    if (little32(header) == MAGIC_GGUF)
        return error_set(error, ERROR_VERSION, "model: a GGUF file, expected llama2.c format version 0");
    uint32_t raw[FIELDS];
    for (unsigned i = 0; i < FIELDS; i++)
        raw[i] = little32(header + 4 * i);
    if (!check_fields(raw, error))
        return false;
    bool shared = (int32_t)raw[VOCAB_SIZE] > 0;
    struct model_config config = {.dim = raw[DIM],
                                  .hidden_dim = raw[HIDDEN_DIM],
                                  .n_layers = raw[N_LAYERS],
                                  .n_heads = raw[N_HEADS],
                                  .n_kv_heads = raw[N_KV_HEADS],
                                  .vocab_size = shared ? raw[VOCAB_SIZE] : 0u - raw[VOCAB_SIZE],
                                  .seq_len = raw[SEQ_LEN],
                                  .shared_classifier = shared};
    if (!check_heads(&config, error) || !check_size(&config, file_bytes, error))
        return false;
    *ret_config = config;
    return true;
}
