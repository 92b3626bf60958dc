#include "model.h"

#define FIELDS 7u
#define MAGIC_VERSIONED 0x616b3432u /* "ak42": llama2.c formats 1 and 2 */
#define SHARED_AT 36u               /* behind magic, version and the fields */
#define GROUP_AT 37u

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
    {"dim", 16, 16384, " and even"}, {"hidden_dim", 1, 65536, ""},  {"n_layers", 1, 256, ""},  {"n_heads", 1, 256, ""},
    {"n_kv_heads", 1, 256, ""},      {"vocab_size", 3, 262144, ""}, {"seq_len", 1, 65536, ""},
};
enum { DIM, HIDDEN_DIM, N_LAYERS, N_HEADS, N_KV_HEADS, VOCAB_SIZE, SEQ_LEN };

static bool check_fields(const uint32_t *raw, uint32_t version, struct error *error)
{
    for (unsigned i = 0; i < FIELDS; i++) {
        const struct field *field = &fields[i];
        bool sign = i == VOCAB_SIZE && version == 0;
        /* Unsigned negation: the smallest int32 has no positive twin and stays out of range. */
        uint32_t size = sign && (int32_t)raw[i] < 0 ? 0u - raw[i] : raw[i];
        if (size < field->least || size > field->most || (i == DIM && size % 2 != 0))
            return error_set(error, ERROR_FORMAT, "model: %s is %d, expected %u..%u%s", field->name, (int32_t)raw[i],
                             field->least, field->most,
                             sign ? " (negative: the classifier is separate)" : field->further);
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

/* llama2.c's exporter halves the group until it divides dim, but does not look at hidden_dim; groups would then lie
 * across the rows of w2, and its own reader leaves the end of each row out. */
static bool check_group(const struct model_config *c, struct error *error)
{
    if (c->group != 16 && c->group != 32 && c->group != 64 && c->group != 128)
        return error_set(error, ERROR_FORMAT, "model: group_size is %d, expected 16, 32, 64 or 128", (int32_t)c->group);
    if (c->dim % c->group != 0)
        return error_set(error, ERROR_FORMAT, "model: group_size is %u, expected a divisor of dim %u", c->group,
                         c->dim);
    if (c->hidden_dim % c->group != 0)
        return error_set(error, ERROR_FORMAT, "model: group_size is %u, expected a divisor of hidden_dim %u", c->group,
                         c->hidden_dim);
    return true;
}

/* total += a * b * c, false on overflow. */
static bool add_product(uint64_t *total, uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t product;
    return !__builtin_mul_overflow(a, b, &product) && !__builtin_mul_overflow(product, c, &product) &&
           !__builtin_add_overflow(*total, product, total);
}

/* Weights of the model and bytes of its file. A file of version 0 has two rotary tables besides, which nobody reads. */
static bool count_bytes(const struct model_config *c, bool shared, uint64_t *ret_parameters, uint64_t *ret_bytes)
{
    uint64_t layers = c->n_layers, dim = c->dim, hidden = c->hidden_dim, head = dim / c->n_heads,
             kv = head * c->n_kv_heads;
    uint64_t norms = 0, matrices = 0, bytes = c->version == 0 ? MODEL_LEGACY_HEADER_BYTES : MODEL_HEADER_BYTES;
    bool fits = add_product(&norms, layers, dim, 2) && add_product(&norms, dim, 1, 1) &&
                add_product(&matrices, c->vocab_size, dim, shared ? 1 : 2) && /* embedding, classifier */
                add_product(&matrices, layers * 2, dim, dim) &&               /* wq, wo */
                add_product(&matrices, layers * 2, kv, dim) &&                /* wk, wv */
                add_product(&matrices, layers * 3, hidden, dim) &&            /* w1, w2, w3 */
                add_product(&bytes, norms, sizeof(float), 1);
    if (c->version == 0)
        fits = fits && add_product(&bytes, c->seq_len, head, sizeof(float));
    if (c->version == 2)
        fits =
            fits && add_product(&bytes, matrices, 1, 1) && add_product(&bytes, matrices / c->group, sizeof(float), 1);
    else
        fits = fits && add_product(&bytes, matrices, sizeof(float), 1);
    *ret_bytes = bytes;
    return fits && !__builtin_add_overflow(norms, matrices, ret_parameters);
}

static bool refuse_classifier(const struct model_config *c, struct error *error)
{
    bool shared = c->shared_classifier;
    const char *other = shared ? "separate" : "shared";
    if (c->version != 0)
        return error_set(error, ERROR_FORMAT,
                         "model: shared_classifier is %u, but the size of the file fits %u (%s classifier)",
                         (unsigned)shared, (unsigned)!shared, other);
    return error_set(error, ERROR_FORMAT,
                     "model: vocab_size is %s%u, but the size of the file fits %s%u (%s classifier)", shared ? "" : "-",
                     c->vocab_size, shared ? "-" : "", c->vocab_size, other);
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
        return refuse_classifier(c, error);
    bool shorter = file_bytes < c->file_bytes;
    return error_set(error, ERROR_FORMAT, "model: the file has %llu bytes, its header needs %llu: %llu %s",
                     (unsigned long long)file_bytes, (unsigned long long)c->file_bytes,
                     (unsigned long long)(shorter ? c->file_bytes - file_bytes : file_bytes - c->file_bytes),
                     shorter ? "are missing, copy the file again" : "too many, is this another format?");
}

static bool refuse_short(uint64_t have, unsigned need, struct error *error)
{
    return error_set(error, ERROR_FORMAT, "model: the file has %llu bytes, the header alone needs %u",
                     (unsigned long long)have, need);
}

/* The part of the header that versions 1 and 2 have in common: version and the classifier's flag. */
static bool check_versioned(const uint8_t *header, uint64_t have, struct error *error)
{
    uint32_t version = little32(header + 4);
    if (version != 1 && version != 2)
        return error_set(error, ERROR_VERSION, "model: llama2.c format version %u, expected 0, 1 or 2", version);
    if (have < MODEL_HEADER_BYTES)
        return refuse_short(have, MODEL_HEADER_BYTES, error);
    if (header[SHARED_AT] > 1)
        return error_set(error, ERROR_FORMAT, "model: shared_classifier is %u, expected 0 or 1",
                         (unsigned)header[SHARED_AT]);
    return true;
}

bool model_config_parse(const uint8_t *header, size_t header_bytes, uint64_t file_bytes,
                        struct model_config *ret_config, struct error *error)
{
    uint64_t have = header_bytes < file_bytes ? header_bytes : file_bytes;
    uint32_t raw[FIELDS];
    if (have < MODEL_LEGACY_HEADER_BYTES)
        return refuse_short(have, MODEL_LEGACY_HEADER_BYTES, error);
    bool versioned = little32(header) == MAGIC_VERSIONED;
    if (versioned && !check_versioned(header, have, error))
        return false;
    uint32_t version = versioned ? little32(header + 4) : 0;
    for (unsigned i = 0; i < FIELDS; i++)
        raw[i] = little32(header + (versioned ? 8 : 0) + 4 * i);
    if (!check_fields(raw, version, error))
        return false;
    bool shared = versioned ? header[SHARED_AT] == 1 : (int32_t)raw[VOCAB_SIZE] > 0;
    struct model_config config = {.version = version,
                                  .group = version == 2 ? little32(header + GROUP_AT) : 0,
                                  .dim = raw[DIM],
                                  .hidden_dim = raw[HIDDEN_DIM],
                                  .n_layers = raw[N_LAYERS],
                                  .n_heads = raw[N_HEADS],
                                  .n_kv_heads = raw[N_KV_HEADS],
                                  .vocab_size = (int32_t)raw[VOCAB_SIZE] < 0 ? 0u - raw[VOCAB_SIZE] : raw[VOCAB_SIZE],
                                  .seq_len = raw[SEQ_LEN],
                                  .shared_classifier = shared,
                                  .norm_epsilon = MODEL_NORM_EPSILON,
                                  .rope_base = MODEL_ROPE_BASE};
    if (!check_heads(&config, error) || (version == 2 && !check_group(&config, error)) ||
        !check_size(&config, file_bytes, error))
        return false;
    *ret_config = config;
    return true;
}

bool model_config_quantise(struct model_config *config, struct error *error)
{
    if (config->group != 0)
        return true;
    for (uint32_t group = 64; group >= 16; group /= 2) {
        if (config->dim % group != 0 || config->hidden_dim % group != 0)
            continue;
        config->group = group;
        return true;
    }
    return error_set(error, ERROR_STATE,
                     "model: dim %u and hidden_dim %u are not both divisible by 16, so its weights cannot be int8",
                     config->dim, config->hidden_dim);
}

const char *model_format_name(const struct model_config *config)
{
    static const char *const names[2][4] = {{"fp32-v0", "fp32-v1", "fp32-v2", "fp32-gguf"},
                                            {"int8-v0", "int8-v1", "int8-v2", "int8-gguf"}};
    return names[config->group != 0][config->version];
}
