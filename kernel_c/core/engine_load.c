/* engine_load.c - streams a model file into panels: one pass over the file, through one chunk, without a second copy.
 */
#include "engine_pass.h"
#include "maths.h"

#define NO_LAYER UINT32_MAX

struct loader {
    struct engine *engine;
    model_read *read;
    model_progress *progress;
    void *context;
    struct error *error;
    uint64_t offset; /* in the file */
};

static bool is_finite(float value)
{
    union {
        float value;
        uint32_t bits;
    } u = {.value = value};
    return (u.bits & 0x7f800000u) != 0x7f800000u;
}

static bool report_progress(const struct loader *loader)
{
    if (loader->progress == NULL ||
        loader->progress(loader->context, loader->offset, loader->engine->config.file_bytes))
        return true;
    return error_set(loader->error, ERROR_STATE, "model: loading was stopped at byte %llu of %llu",
                     (unsigned long long)loader->offset, (unsigned long long)loader->engine->config.file_bytes);
}

static bool refuse_weight(const struct loader *loader, const char *name, uint32_t layer, uint64_t index)
{
    unsigned long long place = loader->offset + index * sizeof(float);
    if (layer == NO_LAYER)
        return error_set(loader->error, ERROR_FORMAT,
                         "model: %s has a weight that is not a finite number, at byte %llu of the file", name, place);
    return error_set(loader->error, ERROR_FORMAT,
                     "model: %s of layer %u has a weight that is not a finite number, at byte %llu of the file", name,
                     layer, place);
}

/* The next `count` floats of the file, at most one chunk. x86 is little-endian, as the file is. */
static bool read_chunk(struct loader *loader, float *to, uint64_t count, const char *name, uint32_t layer)
{
    if (!loader->read(loader->context, loader->offset, to, count * sizeof(float), loader->error))
        return false;
    for (uint64_t i = 0; i < count; i++)
        if (!is_finite(to[i]))
            return refuse_weight(loader, name, layer, i);
    loader->offset += count * sizeof(float);
    return report_progress(loader);
}

/* A norm of every layer: vectors of at most 64 KiB. */
static bool load_norms(struct loader *loader, float *to, const char *name)
{
    const struct model_config *c = &loader->engine->config;
    for (uint32_t layer = 0; layer < c->n_layers; layer++)
        if (!read_chunk(loader, to + (uint64_t)layer * c->dim, c->dim, name, layer))
            return false;
    return true;
}

/* `count` rows of the file become rows from `row` on; those of one panel are interleaved together, so that it is
 * written forwards. */
static void interleave(float *panels, uint32_t row, const float *rows, uint32_t count, uint32_t columns)
{
    while (count > 0) {
        uint32_t lane = row % PANEL, lanes = PANEL - lane < count ? PANEL - lane : count;
        float *to = panels + (uint64_t)(row / PANEL) * PANEL * columns + lane;
        for (uint32_t k = 0; k < columns; k++)
            for (uint32_t i = 0; i < lanes; i++)
                to[(uint64_t)k * PANEL + i] = rows[(uint64_t)i * columns + k];
        rows += (uint64_t)lanes * columns;
        row += lanes;
        count -= lanes;
    }
}

/* rows x columns of the file into `panels`, from row `first_row` on. */
static bool load_matrix(struct loader *loader, float *panels, uint32_t first_row, uint32_t rows, uint32_t columns,
                        const char *name, uint32_t layer)
{
    float *chunk = loader->engine->memory.scratch;
    uint32_t at_once =
        LOAD_CHUNK_BYTES / (uint32_t)sizeof(float) / columns; /* at least four: a row has at most 256 KiB */
    if (at_once > PANEL)
        at_once -= at_once % PANEL;
    for (uint32_t done = 0; done < rows;) {
        uint32_t count = rows - done < at_once ? rows - done : at_once;
        if (!read_chunk(loader, chunk, (uint64_t)count * columns, name, layer))
            return false;
        interleave(panels, first_row + done, chunk, count, columns);
        done += count;
    }
    return true;
}

/* The same tensor of every layer, which the file keeps together. `panel_rows` are the rows of the fused matrix it is a
 * part of. */
static bool load_layers(struct loader *loader, float *panels, uint32_t panel_rows, uint32_t first_row, uint32_t rows,
                        uint32_t columns, const char *name)
{
    uint64_t step = panel_floats(panel_rows, columns);
    for (uint32_t layer = 0; layer < loader->engine->config.n_layers; layer++)
        if (!load_matrix(loader, panels + layer * step, first_row, rows, columns, name, layer))
            return false;
    return true;
}

/* Zeros the last panel of each of `count` matrices: the memory may have held another model. */
static void clear_padding(float *panels, uint64_t count, uint32_t rows, uint32_t columns)
{
    uint64_t whole = panel_floats(rows, columns), last = (uint64_t)PANEL * columns;
    for (uint64_t matrix = 1; matrix <= count; matrix++)
        for (uint64_t i = matrix * whole - last; i < matrix * whole; i++)
            panels[i] = 0;
}

static void clear_all_padding(const struct engine_weights *w, const struct model_config *c)
{
    clear_padding(w->embedding, 1, c->vocab_size, c->dim);
    clear_padding(w->classifier, 1, c->vocab_size, c->dim);
    clear_padding(w->qkv, c->n_layers, qkv_rows(c), c->dim);
    clear_padding(w->output, c->n_layers, c->dim, c->dim);
    clear_padding(w->gate_up, 2 * (uint64_t)c->n_layers, c->hidden_dim, c->dim);
    clear_padding(w->down, c->n_layers, c->dim, c->hidden_dim);
}

/* llama2.c's rotary angles: frequency and product in float, then sine and cosine. Source: run.c, forward. */
static void fill_rotary(const struct engine_weights *w, const struct model_config *c)
{
    uint32_t head = head_size(c), half = head / 2;
    for (uint32_t i = 0; i < half; i++) {
        float exponent = (float)(2 * i) / (float)head;
        float frequency = 1.0f / (float)maths_power(10000.0, (double)exponent);
        for (uint32_t position = 0; position < c->seq_len; position++) {
            float angle = (float)position * frequency;
            double sine, cosine;
            maths_sin_cos((double)angle, &sine, &cosine);
            w->rotary_cos[(uint64_t)position * half + i] = (float)cosine;
            w->rotary_sin[(uint64_t)position * half + i] = (float)sine;
        }
    }
}

/* The tensors in the order of the file. Source: llama2.c, export.py legacy_export. */
static bool load_tensors(struct loader *loader, const struct engine_weights *w, const struct model_config *c)
{
    uint32_t dim = c->dim, hidden = c->hidden_dim, kv = kv_dim(c);
    uint32_t gate_up = 2 * padded(hidden);
    if (!load_matrix(loader, w->embedding, 0, c->vocab_size, dim, "the embedding", NO_LAYER) ||
        !load_norms(loader, w->attention_norm, "rms_att") ||
        !load_layers(loader, w->qkv, qkv_rows(c), 0, dim, dim, "wq") ||
        !load_layers(loader, w->qkv, qkv_rows(c), dim, kv, dim, "wk") ||
        !load_layers(loader, w->qkv, qkv_rows(c), dim + kv, kv, dim, "wv") ||
        !load_layers(loader, w->output, dim, 0, dim, dim, "wo") || !load_norms(loader, w->feed_norm, "rms_ffn") ||
        !load_layers(loader, w->gate_up, gate_up, 0, hidden, dim, "w1") ||
        !load_layers(loader, w->down, dim, 0, dim, hidden, "w2") ||
        !load_layers(loader, w->gate_up, gate_up, padded(hidden), hidden, dim, "w3") ||
        !read_chunk(loader, w->final_norm, dim, "rms_final", NO_LAYER))
        return false;
    loader->offset += sizeof(float) * (uint64_t)c->seq_len * head_size(c); /* the file's own rotary tables */
    return (c->shared_classifier ||
            load_matrix(loader, w->classifier, 0, c->vocab_size, dim, "the classifier", NO_LAYER)) &&
           report_progress(loader);
}

bool engine_load(struct engine *engine, const struct model_config *config, const struct engine_memory *memory,
                 enum cpu_level level, model_read *read, model_progress *progress, void *context, struct error *error)
{
    engine->config = *config;
    engine->memory = *memory;
    engine->weights = memory->weights;
    model_layout_weights(config, memory->weights, engine->weights);
    engine_reset_buffers(engine);
    engine_set_level(engine, level);
    struct loader loader = {engine, read, progress, context, error, MODEL_HEADER_BYTES};
    clear_all_padding(engine->weights, config);
    if (!load_tensors(&loader, engine->weights, config))
        return false;
    fill_rotary(engine->weights, config);
    return true;
}
