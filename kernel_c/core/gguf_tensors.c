/* gguf_tensors.c - the tensors of a GGUF file: which they are, of which shape and type, and where their data lies. */
#include "gguf_private.h"
#include "text.h"

static const char *const roles[GGUF_ROLES] = {
    [GGUF_ATTENTION_NORM] = "attn_norm",
    [GGUF_QUERY] = "attn_q",
    [GGUF_KEY] = "attn_k",
    [GGUF_VALUE] = "attn_v",
    [GGUF_OUTPUT] = "attn_output",
    [GGUF_FEED_NORM] = "ffn_norm",
    [GGUF_GATE] = "ffn_gate",
    [GGUF_DOWN] = "ffn_down",
    [GGUF_UP] = "ffn_up",
};
static const char *const others[] = {"token_embd", "output_norm", "output"};

void gguf_tensor_name(uint32_t slot, char ret_name[GGUF_TENSOR_NAME_BYTES])
{
    struct text text;
    text_init(&text, ret_name, GGUF_TENSOR_NAME_BYTES);
    if (slot < GGUF_EMBEDDING)
        text_format(&text, "blk.%u.%s.weight", slot / GGUF_ROLES, roles[slot % GGUF_ROLES]);
    else
        text_format(&text, "%s.weight", others[slot - GGUF_EMBEDDING]);
}

void gguf_shape(const struct model_config *c, uint32_t slot, uint32_t *ret_rows, uint32_t *ret_columns)
{
    uint32_t role = slot < GGUF_EMBEDDING ? slot % GGUF_ROLES : GGUF_ROLES;
    *ret_rows = c->dim; /* of queries, of the output and of w2 */
    *ret_columns = role == GGUF_DOWN ? c->hidden_dim : c->dim;
    if (gguf_is_norm(slot))
        *ret_rows = 1;
    else if (role == GGUF_ROLES)
        *ret_rows = c->vocab_size;
    else if (role == GGUF_KEY || role == GGUF_VALUE)
        *ret_rows = c->dim / c->n_heads * c->n_kv_heads;
    else if (role == GGUF_GATE || role == GGUF_UP)
        *ret_rows = c->hidden_dim;
}

/* The tensor whose name was read; GGUF_SLOTS when the engine knows none of that name. */
static uint32_t slot_of(const char *name, uint32_t layers)
{
    char own[GGUF_TENSOR_NAME_BYTES];
    uint32_t layer = 0, first = GGUF_EMBEDDING, end = GGUF_SLOTS;
    if (string_starts(name, "blk.")) {
        const char *digit = name + 4;
        for (; *digit >= '0' && *digit <= '9' && layer < GGUF_LAYERS_LIMIT; digit++)
            layer = layer * 10 + (uint32_t)(*digit - '0');
        if (layer >= layers)
            return GGUF_SLOTS;
        first = layer * GGUF_ROLES;
        end = first + GGUF_ROLES;
    }
    for (uint32_t slot = first; slot < end; slot++) { /* the whole name again: "blk.01." is not "blk.1." */
        gguf_tensor_name(slot, own);
        if (string_equal(own, name))
            return slot;
    }
    return GGUF_SLOTS;
}

static bool refuse_shape(const struct gguf_reader *reader, const uint64_t dims[2], uint32_t n_dims, uint32_t rows,
                         uint32_t columns)
{
    char have[64], want[32];
    struct text text;
    text_init(&text, have, sizeof have);
    text_format(&text, n_dims == 1 ? "[%llu]" : "[%llu, %llu]", (unsigned long long)dims[0],
                (unsigned long long)dims[1]);
    text_init(&text, want, sizeof want);
    text_format(&text, rows == 1 ? "[%u]" : "[%u, %u]", columns, rows);
    return error_set(reader->error, ERROR_FORMAT, "gguf: tensor %.60s is %s, expected %s", reader->name, have, want);
}

static bool read_shape(struct gguf_reader *reader, const struct model_config *config, uint32_t slot)
{
    uint32_t n_dims, rows, columns;
    uint64_t dims[2] = {0, 1};
    if (!gguf_u32(reader, &n_dims))
        return false;
    if (n_dims < 1 || n_dims > 2)
        return error_set(reader->error, ERROR_FORMAT, "gguf: tensor %.60s has %u dimensions, expected 1 or 2",
                         reader->name, n_dims);
    for (uint32_t i = 0; i < n_dims; i++)
        if (!gguf_u64(reader, &dims[i]))
            return false;
    gguf_shape(config, slot, &rows, &columns);
    if (dims[0] != columns || dims[1] != rows || (n_dims == 1) != gguf_is_norm(slot))
        return refuse_shape(reader, dims, n_dims, rows, columns);
    return true;
}

/* The type, and with it the size, which stays far below 2^64 for every shape that is accepted. */
static bool read_type(struct gguf_reader *reader, const struct model_config *config, uint32_t slot,
                      struct gguf_tensor *tensor)
{
    uint32_t id, rows, columns;
    if (!gguf_u32(reader, &id))
        return false;
    const struct gguf_numbers *numbers = gguf_numbers(id);
    if (numbers == NULL)
        return error_set(reader->error, ERROR_FORMAT, "gguf: tensor %.60s has numbers of type %u (%s), expected %s",
                         reader->name, id, gguf_numbers_name(id), GGUF_NUMBERS_SUPPORTED);
    if (gguf_is_norm(slot) && numbers->block_weights > 1)
        return error_set(reader->error, ERROR_FORMAT,
                         "gguf: tensor %.60s has numbers of type %s, expected F32, F16 or BF16", reader->name,
                         numbers->name);
    gguf_shape(config, slot, &rows, &columns);
    if (columns % numbers->block_weights != 0)
        return error_set(reader->error, ERROR_FORMAT,
                         "gguf: tensor %.60s has rows of %u weights, %s needs a multiple of %u", reader->name, columns,
                         numbers->name, numbers->block_weights);
    tensor->numbers = numbers;
    tensor->bytes = (uint64_t)rows * (columns / numbers->block_weights) * numbers->block_bytes;
    return true;
}

/* Into the order of offsets, which is mostly that of the file already. */
static void put_in_order(struct gguf *gguf, uint32_t slot)
{
    uint32_t at = gguf->tensors_count++;
    for (; at > 0 && gguf->tensors[gguf->order[at - 1]].offset > gguf->tensors[slot].offset; at--)
        gguf->order[at] = gguf->order[at - 1];
    gguf->order[at] = (uint16_t)slot;
}

static bool read_tensor(struct gguf *gguf, const struct model_config *config)
{
    struct gguf_reader *reader = &gguf->reader;
    reader->name[0] = '\0';
    if (!gguf_name(reader))
        return false;
    uint32_t slot = slot_of(reader->name, config->n_layers);
    if (slot == GGUF_SLOTS)
        return error_set(reader->error, ERROR_FORMAT, "gguf: tensor %.80s is unknown in a llama of %u layers",
                         reader->name, config->n_layers);
    struct gguf_tensor *tensor = &gguf->tensors[slot];
    if (tensor->numbers != NULL)
        return error_set(reader->error, ERROR_FORMAT, "gguf: tensor %s is there twice", reader->name);
    if (!read_shape(reader, config, slot) || !read_type(reader, config, slot, tensor) ||
        !gguf_u64(reader, &tensor->offset))
        return false;
    if (tensor->offset % gguf->integers[GGUF_ALIGNMENT] != 0)
        return error_set(reader->error, ERROR_FORMAT,
                         "gguf: tensor %s has the offset %llu, expected a multiple of general.alignment %llu",
                         reader->name, (unsigned long long)tensor->offset,
                         (unsigned long long)gguf->integers[GGUF_ALIGNMENT]);
    put_in_order(gguf, slot);
    return true;
}

static bool check_missing(const struct gguf *gguf, const struct model_config *config)
{
    char name[GGUF_TENSOR_NAME_BYTES];
    for (uint32_t slot = 0; slot < GGUF_CLASSIFIER; slot++) { /* without a classifier the embedding is it */
        if (slot == config->n_layers * GGUF_ROLES)
            slot = GGUF_EMBEDDING;
        if (gguf->tensors[slot].numbers != NULL)
            continue;
        gguf_tensor_name(slot, name);
        return error_set(gguf->reader.error, ERROR_FORMAT, "gguf: tensor %s is missing", name);
    }
    return true;
}

/* Offsets count from the first multiple of the alignment behind the tensors' descriptions. */
static bool place_tensors(struct gguf *gguf)
{
    struct gguf_reader *reader = &gguf->reader;
    uint64_t alignment = gguf->integers[GGUF_ALIGNMENT], from = (reader->at + alignment - 1) / alignment * alignment;
    uint64_t room = reader->file_bytes > from ? reader->file_bytes - from : 0, end = 0;
    char name[GGUF_TENSOR_NAME_BYTES], before[GGUF_TENSOR_NAME_BYTES];
    for (uint32_t i = 0; i < gguf->tensors_count; i++) {
        struct gguf_tensor *tensor = &gguf->tensors[gguf->order[i]];
        gguf_tensor_name(gguf->order[i], name);
        if (tensor->offset > room || tensor->bytes > room - tensor->offset)
            return error_set(reader->error, ERROR_FORMAT,
                             "gguf: tensor %s has %llu bytes at offset %llu, but the file has %llu for tensors: it is "
                             "cut off, copy it again",
                             name, (unsigned long long)tensor->bytes, (unsigned long long)tensor->offset,
                             (unsigned long long)room);
        if (tensor->offset < end) {
            gguf_tensor_name(gguf->order[i - 1], before);
            return error_set(reader->error, ERROR_FORMAT,
                             "gguf: tensor %s begins at offset %llu, inside %s, which ends at %llu", name,
                             (unsigned long long)tensor->offset, before, (unsigned long long)end);
        }
        end = tensor->offset + tensor->bytes;
        tensor->offset += from;
    }
    return true;
}

bool gguf_read_tensors(struct gguf *gguf, uint64_t count, const struct model_config *config)
{
    for (uint64_t i = 0; i < count; i++)
        if (!read_tensor(gguf, config))
            return false;
    return check_missing(gguf, config) && place_tensors(gguf);
}
