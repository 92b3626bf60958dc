/* engine_load.c - streams a model file into panels: one pass, no second copy. */
#include "kernels.h"
#include "maths.h"
#include "model_weights.h"

struct loader {
    struct engine *engine;
    model_read *read;
    model_progress *progress;
    void *context;
    struct error *error;
    uint64_t offset; /* in the file */
};

static bool check_finite(const struct loader *loader, const float *values, uint64_t count, const char *name)
{
    for (uint64_t i = 0; i < count; i++) {
        union {
            float value;
            uint32_t bits;
        } u = {.value = values[i]};
        if ((u.bits & 0x7f800000u) == 0x7f800000u)
            return error_set(loader->error, ERROR_FORMAT, "model: a weight of %s is not a finite number (file offset %llu)", name,
                             (unsigned long long)(loader->offset + 4 * i));
    }
    return true;
}

static bool read_floats(struct loader *loader, float *to, uint64_t count, const char *name)
{
    if (!loader->read(loader->context, loader->offset, to, count * 4, loader->error))
        return false;
    if (!check_finite(loader, to, count, name))
        return false;
    loader->offset += count * 4;
    if (loader->progress != NULL && !loader->progress(loader->context, loader->offset, loader->engine->config.file_bytes))
        return error_set(loader->error, ERROR_STATE, "model: loading was stopped");
    return true;
}

/* rows x columns of the file into panels, beginning at row `first_row` of the destination. */
static bool load_matrix(struct loader *loader, float *panels, uint32_t first_row, uint32_t rows, uint32_t columns, const char *name)
{
    struct model_need need;
    model_need(&loader->engine->config, &need);
    float *chunk = loader->engine->memory.scratch;
    uint64_t limit = need.scratch < (1u << 20) ? need.scratch : (1u << 20); /* firmware dislikes larger reads */
    uint32_t at_once = (uint32_t)(limit / 4 / columns);
    if (at_once == 0) /* one row alone is longer than a read: model_need gives room for sixteen */
        at_once = 1;
    for (uint32_t done = 0; done < rows;) {
        uint32_t count = rows - done < at_once ? rows - done : at_once;
        if (!read_floats(loader, chunk, (uint64_t)count * columns, name))
            return false;
        for (uint32_t i = 0; i < count; i++) {
            uint32_t row = first_row + done + i;
            float *to = panels + (uint64_t)(row / PANEL) * PANEL * columns + row % PANEL;
            const float *from = chunk + (uint64_t)i * columns;
            for (uint32_t k = 0; k < columns; k++)
                to[(uint64_t)k * PANEL] = from[k];
        }
        done += count;
    }
    return true;
}

static bool load_layers(struct loader *loader, float *panels, uint32_t panel_rows, uint32_t first_row, uint32_t rows,
                        uint32_t columns, const char *name)
{
    uint64_t step = (uint64_t)panels_of(panel_rows) * PANEL * columns;
    for (uint32_t layer = 0; layer < loader->engine->config.n_layers; layer++)
        if (!load_matrix(loader, panels + layer * step, first_row, rows, columns, name))
            return false;
    return true;
}

/* llama2.c's rotary table: frequency and angle in float, as its run.c computes them per token. */
static void fill_rotary(struct engine *engine)
{
    const struct model_config *c = &engine->config;
    uint32_t head = c->dim / c->n_heads;
    for (uint32_t i = 0; i < head / 2; i++) {
        float exponent = (float)(2 * i) / (float)head;
        float frequency = 1.0f / (float)maths_power(10000.0, (double)exponent);
        for (uint32_t position = 0; position < c->seq_len; position++) {
            float angle = (float)position * frequency;
            double sine, cosine;
            maths_sin_cos((double)angle, &sine, &cosine);
            engine->weights->rotary_cos[(uint64_t)position * (head / 2) + i] = (float)cosine;
            engine->weights->rotary_sin[(uint64_t)position * (head / 2) + i] = (float)sine;
        }
    }
}

bool engine_load(struct engine *engine, const struct model_config *config, const struct engine_memory *memory,
                 enum cpu_level level, model_read *read, model_progress *progress, void *context, struct error *error)
{
    engine->config = *config;
    engine->memory = *memory;
    engine_layout_weights(engine);
    engine_reset_buffers(engine);
    engine_set_level(engine, level);
    struct loader loader = {engine, read, progress, context, error, MODEL_HEADER_BYTES};
    const struct engine_weights *w = engine->weights;
    uint32_t dim = config->dim, hidden = config->hidden_dim, kv = dim / config->n_heads * config->n_kv_heads;
    uint64_t norms = (uint64_t)config->n_layers * dim;
    bool loaded = load_matrix(&loader, w->embedding, 0, config->vocab_size, dim, "the embedding") &&
                  read_floats(&loader, w->attention_norm, norms, "rms_att") &&
                  load_layers(&loader, w->qkv, dim + 2 * kv, 0, dim, dim, "wq") &&
                  load_layers(&loader, w->qkv, dim + 2 * kv, dim, kv, dim, "wk") &&
                  load_layers(&loader, w->qkv, dim + 2 * kv, dim + kv, kv, dim, "wv") &&
                  load_layers(&loader, w->output, dim, 0, dim, dim, "wo") && read_floats(&loader, w->feed_norm, norms, "rms_ffn") &&
                  load_layers(&loader, w->gate, hidden, 0, hidden, dim, "w1") &&
                  load_layers(&loader, w->down, dim, 0, dim, hidden, "w2") &&
                  load_layers(&loader, w->up, hidden, 0, hidden, dim, "w3") && read_floats(&loader, w->final_norm, dim, "rms_final");
    if (!loaded)
        return false;
    loader.offset += 4 * (uint64_t)config->seq_len * (dim / config->n_heads); /* the file's own rotary tables are not used */
    if (!config->shared_classifier && !load_matrix(&loader, w->classifier, 0, config->vocab_size, dim, "the classifier"))
        return false;
    fill_rotary(engine);
    return true;
}
