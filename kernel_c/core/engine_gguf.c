/* engine_gguf.c - the tensors of a GGUF file into panels, through the scratch memory, in chunks of whole rows.
 *
 * A chunk is read into the end of the memory that its float32 numbers will fill, and is expanded in place: no second
 * buffer. Blocks of 32 int8 go into int8 panels of that group as they are.
 */
#include "engine_load.h"

static bool refuse(const struct loading_file *file, uint32_t slot, const char *what, uint64_t place)
{
    char name[GGUF_TENSOR_NAME_BYTES];
    gguf_tensor_name(slot, name);
    return error_set(file->error, ERROR_FORMAT, "gguf: tensor %s has %s, at byte %llu of the file", name, what,
                     (unsigned long long)place);
}

/* What is being loaded: a tensor of the file, and where it goes. */
struct source {
    uint32_t slot;
    const struct gguf_tensor *tensor;
    struct tensor to;
};

static struct tensor place_of(const struct engine *engine, uint32_t slot)
{
    const struct model_config *c = &engine->config;
    const struct engine_weights *w = engine->weights;
    uint32_t dim = c->dim, hidden = c->hidden_dim, kv = kv_dim(c), layer = slot / GGUF_ROLES;
    struct tensor to = {.layer = layer};
    gguf_shape(c, slot, &to.rows, &to.columns);
    if (slot >= GGUF_EMBEDDING) {
        to.panels = slot == GGUF_EMBEDDING ? w->embedding : w->classifier;
        return to;
    }
    switch (slot % GGUF_ROLES) {
    case GGUF_QUERY:
    case GGUF_KEY:
    case GGUF_VALUE:
        to.panels = w->qkv + layer * matrix_bytes(c, qkv_rows(c), dim);
        to.first_row = slot % GGUF_ROLES == GGUF_QUERY ? 0 : slot % GGUF_ROLES == GGUF_KEY ? dim : dim + kv;
        break;
    case GGUF_OUTPUT:
        to.panels = w->output + layer * matrix_bytes(c, dim, dim);
        break;
    case GGUF_DOWN:
        to.panels = w->down + layer * matrix_bytes(c, dim, hidden);
        break;
    default: /* w1, and w3 behind it */
        to.panels = w->gate_up + layer * 2 * matrix_bytes(c, hidden, dim);
        to.first_row = slot % GGUF_ROLES == GGUF_GATE ? 0 : padded(hidden);
    }
    return to;
}

static float *place_of_norm(const struct engine *engine, uint32_t slot)
{
    const struct engine_weights *w = engine->weights;
    if (slot == GGUF_FINAL_NORM)
        return w->final_norm;
    float *norms = slot % GGUF_ROLES == GGUF_ATTENTION_NORM ? w->attention_norm : w->feed_norm;
    return norms + (uint64_t)(slot / GGUF_ROLES) * engine->config.dim;
}

/* ---- chunks ---------------------------------------------------------------------------------------------------- */

/* The next `count` weights as float32; `to` has room for them. */
static bool load_floats(struct loading_file *file, const struct source *source, float *to, uint64_t count)
{
    const struct gguf_numbers *numbers = source->tensor->numbers;
    uint64_t blocks = count / numbers->block_weights, bytes = blocks * numbers->block_bytes;
    uint8_t *raw = (uint8_t *)(to + count) - bytes;
    if (!loading_read(file, raw, bytes))
        return false;
    numbers->expand(raw, to, blocks);
    uint64_t finite = loading_finite(to, count);
    if (finite < count)
        return refuse(file, source->slot, "a weight that is not a finite number",
                      file->offset + finite / numbers->block_weights * numbers->block_bytes);
    return loading_done(file, bytes);
}

static bool load_float_rows(struct loading_file *file, const struct source *source, uint32_t first, uint32_t count)
{
    const struct engine *engine = file->engine;
    float *chunk = engine->memory.scratch;
    if (!load_floats(file, source, chunk, (uint64_t)count * source->to.columns))
        return false;
    panel_rows(engine, &source->to, first, chunk, count);
    return true;
}

/* One row of blocks that stay int8. The kernels multiply magnitudes, and that of -128 is none of an int8. */
static bool put_row(const struct loading_file *file, const struct source *source, uint32_t row, const uint8_t *blocks,
                    uint64_t place)
{
    const struct gguf_numbers *numbers = source->tensor->numbers;
    struct panel_row to = panel_row(&file->engine->config, &source->to, row);
    int8_t quants[GGUF_QUANTS];
    float scale;
    for (uint32_t k = 0; k < source->to.columns; k += GGUF_QUANTS, place += numbers->block_bytes) {
        numbers->quants(blocks, quants, &scale);
        if (!is_finite(scale))
            return refuse(file, source->slot, "a scale that is not a finite number", place);
        for (unsigned i = 0; i < GGUF_QUANTS; i++)
            if (quants[i] == -128)
                return refuse(file, source->slot, "the int8 weight -128, expected -127..127", place);
        panel_quants(&to, quants, GGUF_QUANTS);
        panel_scale(&to, scale);
        to.group += panel_group_bytes(GGUF_QUANTS);
        blocks += numbers->block_bytes;
    }
    return true;
}

static bool load_quant_rows(struct loading_file *file, const struct source *source, uint32_t first, uint32_t count)
{
    const struct gguf_numbers *numbers = source->tensor->numbers;
    uint64_t row_bytes = source->to.columns / GGUF_QUANTS * numbers->block_bytes;
    uint8_t *chunk = file->engine->memory.scratch;
    if (!loading_read(file, chunk, count * row_bytes))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!put_row(file, source, first + i, chunk + i * row_bytes, file->offset + i * row_bytes))
            return false;
    return loading_done(file, count * row_bytes);
}

static bool load_matrix(struct loading_file *file, const struct source *source)
{
    uint32_t rows = source->to.rows, at_once = loading_rows_at_once(source->to.columns * (uint32_t)sizeof(float));
    bool as_they_are = file->engine->config.group == GGUF_QUANTS && source->tensor->numbers->quants != NULL;
    for (uint32_t done = 0; done < rows;) {
        uint32_t count = rows - done < at_once ? rows - done : at_once;
        if (as_they_are ? !load_quant_rows(file, source, done, count) : !load_float_rows(file, source, done, count))
            return false;
        done += count;
    }
    return true;
}

bool loading_gguf(struct loading_file *file, const struct gguf *gguf)
{
    const struct engine *engine = file->engine;
    for (uint32_t i = 0; i < gguf->tensors_count; i++) {
        struct source source = {.slot = gguf->order[i], .tensor = &gguf->tensors[gguf->order[i]]};
        file->offset = source.tensor->offset;
        if (gguf_is_norm(source.slot)) {
            if (!load_floats(file, &source, place_of_norm(engine, source.slot), engine->config.dim))
                return false;
            continue;
        }
        source.to = place_of(engine, source.slot);
        if (!load_matrix(file, &source))
            return false;
    }
    return true;
}
