#include "model.h"

#include "kernels.h"
#include "sampler.h"

#define LOAD_CHUNK_BYTES (1u << 20) /* some firmware breaks on larger reads */

static uint32_t little32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static bool check_field(struct error *error, const char *name, uint32_t raw, uint32_t least, uint32_t most, const char *further)
{
    int32_t value = (int32_t)raw;
    if (value >= 0 && raw >= least && raw <= most)
        return true;
    return error_set(error, ERROR_FORMAT, "model: %s is %d, expected %u to %u%s", name, value, least, most, further);
}

/* Number of floats of the file. The fields are in range, so 64 bits cannot overflow: each factor is below 2^18 and layers below 2^9. */
static uint64_t count_floats(const struct model_config *c, bool shared, uint64_t *ret_parameters)
{
    uint64_t dim = c->dim, hidden = c->hidden_dim, layers = c->n_layers, head = dim / c->n_heads;
    uint64_t kv = head * c->n_kv_heads, embedding = (uint64_t)c->vocab_size * dim;
    uint64_t layer = dim + dim * dim * 2 + dim * kv * 2 + dim + dim * hidden * 3;
    uint64_t weights = embedding + layers * layer + dim + (shared ? 0 : embedding);
    *ret_parameters = weights;
    return weights + (uint64_t)c->seq_len * head; /* two unused rotary tables of seq_len x head/2 */
}

static bool check_shape(const struct model_config *c, struct error *error)
{
    if (c->dim % 8 != 0)
        return error_set(error, ERROR_FORMAT, "model: dim is %u, expected a multiple of 8", c->dim);
    if (c->dim % c->n_heads != 0)
        return error_set(error, ERROR_FORMAT, "model: dim %u is not a multiple of n_heads %u", c->dim, c->n_heads);
    if (c->n_kv_heads > c->n_heads || c->n_heads % c->n_kv_heads != 0)
        return error_set(error, ERROR_FORMAT, "model: n_kv_heads is %u, expected a divisor of n_heads %u", c->n_kv_heads,
                         c->n_heads);
    if (c->dim / c->n_heads % 2 != 0)
        return error_set(error, ERROR_FORMAT, "model: head size %u (dim %u / n_heads %u) is odd, expected an even number",
                         c->dim / c->n_heads, c->dim, c->n_heads);
    return true;
}

bool model_config_parse(const uint8_t *header, size_t header_bytes, uint64_t file_bytes, struct model_config *ret_config,
                        struct error *error)
{
    if (header_bytes < MODEL_HEADER_BYTES || file_bytes < MODEL_HEADER_BYTES)
        return error_set(error, ERROR_FORMAT, "model: the file has %llu bytes, a header alone needs %u",
                         (unsigned long long)file_bytes, MODEL_HEADER_BYTES);
    if (little32(header) == 0x616b3432u)
        return error_set(error, ERROR_VERSION,
                         "model: version %u of the llama2.c format, expected version 0 (export it with --version 0)",
                         little32(header + 4));
    if (little32(header) == 0x46554747u)
        return error_set(error, ERROR_VERSION, "model: a GGUF file, expected the llama2.c format, version 0");
    uint32_t raw[7];
    for (unsigned i = 0; i < 7; i++)
        raw[i] = little32(header + 4 * i);
    bool shared = (int32_t)raw[5] > 0;
    uint32_t vocab = shared ? raw[5] : 0u - raw[5]; /* unsigned: the smallest int32 has no positive twin and stays out of range */
    if (!check_field(error, "dim", raw[0], 16, 16384, " and a multiple of 8") ||
        !check_field(error, "hidden_dim", raw[1], 1, 65536, "") || !check_field(error, "n_layers", raw[2], 1, 256, "") ||
        !check_field(error, "n_heads", raw[3], 1, 256, "") || !check_field(error, "n_kv_heads", raw[4], 1, 256, "") ||
        !check_field(error, "vocab_size", vocab, 3, 262144, " (negative for a classifier of its own)") ||
        !check_field(error, "seq_len", raw[6], 1, 65536, ""))
        return false;
    struct model_config c = {.dim = raw[0], .hidden_dim = raw[1], .n_layers = raw[2], .n_heads = raw[3], .n_kv_heads = raw[4],
                             .vocab_size = vocab, .seq_len = raw[6], .shared_classifier = shared};
    if (!check_shape(&c, error))
        return false;
    c.file_bytes = MODEL_HEADER_BYTES + 4 * count_floats(&c, shared, &c.parameters);
    if (c.file_bytes != file_bytes) {
        uint64_t unused, other = MODEL_HEADER_BYTES + 4 * count_floats(&c, !shared, &unused);
        if (other == file_bytes)
            return error_set(error, ERROR_FORMAT, "model: vocab_size is %s, but the file has the size of a model with %s classifier",
                             shared ? "positive" : "negative", shared ? "its own" : "a shared");
        return error_set(error, ERROR_FORMAT, "model: the file has %llu bytes, its header needs %llu (%s)",
                         (unsigned long long)file_bytes, (unsigned long long)c.file_bytes,
                         file_bytes < c.file_bytes ? "cut off, or a wrong header" : "something follows, or a wrong header");
    }
    *ret_config = c;
    return true;
}

static uint64_t aligned(uint64_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static uint64_t largest(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Bytes of a matrix in panels: its rows are filled up to whole panels. */
static uint64_t panel_bytes(uint64_t rows, uint64_t columns)
{
    return (rows + PANEL - 1) / PANEL * PANEL * columns * 4;
}

void model_need(const struct model_config *c, struct model_need *ret_need)
{
    uint64_t dim = c->dim, hidden = c->hidden_dim, head = dim / c->n_heads, kv = head * c->n_kv_heads, seq = c->seq_len;
    uint64_t padded_seq = (seq + PANEL - 1) / PANEL * PANEL, padded_hidden = (hidden + PANEL - 1) / PANEL * PANEL;
    uint64_t padded_dim = (dim + PANEL - 1) / PANEL * PANEL, padded_qkv = (dim + 2 * kv + PANEL - 1) / PANEL * PANEL;
    uint64_t padded_vocab = ((uint64_t)c->vocab_size + PANEL - 1) / PANEL * PANEL;
    uint64_t layer = panel_bytes(dim + 2 * kv, dim) + panel_bytes(dim, dim) + 2 * panel_bytes(hidden, dim) + panel_bytes(dim, hidden);
    uint64_t norms = aligned((2 * (uint64_t)c->n_layers + 1) * dim * 4);
    ret_need->weights = 256 + panel_bytes(c->vocab_size, dim) * (c->shared_classifier ? 1 : 2) + c->n_layers * layer + norms +
                        2 * aligned(seq * (head / 2) * 4);
    ret_need->kv = c->n_layers * (uint64_t)c->n_kv_heads * (padded_seq + seq) * head * 4;
    ret_need->kv = aligned(ret_need->kv);
    ret_need->acts = 256 + 3 * aligned(padded_dim * 4) + aligned(padded_qkv * 4) + 2 * aligned(padded_hidden * 4) +
                     aligned((padded_seq + 8) * 4) + aligned((padded_vocab + 8) * 4);
    uint64_t rows = largest(largest(c->vocab_size, hidden), dim), stripe = PANEL * largest(dim, hidden) * 4;
    uint64_t chunk = rows * largest(dim, hidden) * 4 < LOAD_CHUNK_BYTES ? rows * largest(dim, hidden) * 4 : LOAD_CHUNK_BYTES;
    ret_need->scratch = aligned(largest(largest(stripe, chunk), sampler_need(c->vocab_size)));
}
