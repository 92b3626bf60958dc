/* engine_load.c - streams a model file into panels: one pass over the file, through one chunk, without a second copy.
 */
#include "engine_load.h"

#include "engine_pass.h"
#include "maths.h"

/* A norm of every layer: vectors of at most 64 KiB. */
static bool load_norms(struct loading_file *file, float *to, const char *name)
{
    const struct model_config *c = &file->engine->config;
    for (uint32_t layer = 0; layer < c->n_layers; layer++)
        if (!loading_floats(file, to + (uint64_t)layer * c->dim, c->dim, name, layer))
            return false;
    return true;
}

/* A matrix of [rows][columns] in panels. */
struct fused {
    uint8_t *panels;
    uint32_t rows, columns;
};

/* The same tensor of every layer, which the file keeps together. */
static bool load_layers(struct loading_file *file, const struct fused *matrix, uint32_t first_row, uint32_t rows,
                        const char *name)
{
    const struct model_config *c = &file->engine->config;
    struct tensor tensor = {
        .name = name, .panels = matrix->panels, .first_row = first_row, .rows = rows, .columns = matrix->columns};
    for (uint32_t layer = 0; layer < c->n_layers; layer++) {
        tensor.layer = layer;
        if (!loading_tensor(file, &tensor))
            return false;
        tensor.panels += matrix_bytes(c, matrix->rows, matrix->columns);
    }
    return true;
}

static bool load_vocabulary(struct loading_file *file, uint8_t *panels, const char *name)
{
    const struct model_config *c = &file->engine->config;
    return loading_tensor(
        file,
        &(struct tensor){.name = name, .layer = NO_LAYER, .panels = panels, .rows = c->vocab_size, .columns = c->dim});
}

static bool load_attention(struct loading_file *file, const struct engine_weights *w, const struct model_config *c)
{
    uint32_t dim = c->dim, kv = kv_dim(c);
    struct fused qkv = {w->qkv, qkv_rows(c), dim}, output = {w->output, dim, dim};
    return load_layers(file, &qkv, 0, dim, "wq") && load_layers(file, &qkv, dim, kv, "wk") &&
           load_layers(file, &qkv, dim + kv, kv, "wv") && load_layers(file, &output, 0, dim, "wo");
}

static bool load_feed(struct loading_file *file, const struct engine_weights *w, const struct model_config *c)
{
    uint32_t dim = c->dim, hidden = c->hidden_dim;
    struct fused gate_up = {w->gate_up, 2 * padded(hidden), dim}, down = {w->down, dim, hidden};
    return load_layers(file, &gate_up, 0, hidden, "w1") && load_layers(file, &down, 0, dim, "w2") &&
           load_layers(file, &gate_up, padded(hidden), hidden, "w3");
}

/* The tensors in the order of the file. Source: llama2.c, export.py legacy_export, version1_export, version2_export. */
static bool load_tensors(struct loading_file *file, const struct engine_weights *w, const struct model_config *c)
{
    if (c->version == 0) {
        file->offset = MODEL_LEGACY_HEADER_BYTES;
        if (!load_vocabulary(file, w->embedding, "the embedding") || !load_norms(file, w->attention_norm, "rms_att") ||
            !load_attention(file, w, c) || !load_norms(file, w->feed_norm, "rms_ffn") || !load_feed(file, w, c) ||
            !loading_floats(file, w->final_norm, c->dim, "rms_final", NO_LAYER))
            return false;
        file->offset += sizeof(float) * (uint64_t)c->seq_len * head_size(c); /* the file's own rotary tables */
    } else {
        file->offset = MODEL_HEADER_BYTES;
        if (!load_norms(file, w->attention_norm, "rms_att") || !load_norms(file, w->feed_norm, "rms_ffn") ||
            !loading_floats(file, w->final_norm, c->dim, "rms_final", NO_LAYER) ||
            !load_vocabulary(file, w->embedding, "the embedding") || !load_attention(file, w, c) ||
            !load_feed(file, w, c))
            return false;
    }
    return c->shared_classifier || load_vocabulary(file, w->classifier, "the classifier");
}

/* Zeros the last panel of each of `count` matrices: the memory may have held another model. */
static void clear_padding(const struct model_config *c, uint8_t *panels, uint64_t count, uint32_t rows,
                          uint32_t columns)
{
    uint64_t whole = matrix_bytes(c, rows, columns), last = panel_bytes(c, columns);
    for (uint64_t matrix = 1; matrix <= count; matrix++)
        __builtin_memset(panels + matrix * whole - last, 0, last);
}

static void clear_all_padding(const struct engine_weights *w, const struct model_config *c)
{
    clear_padding(c, w->embedding, 1, c->vocab_size, c->dim);
    clear_padding(c, w->classifier, 1, c->vocab_size, c->dim);
    clear_padding(c, w->qkv, c->n_layers, qkv_rows(c), c->dim);
    clear_padding(c, w->output, c->n_layers, c->dim, c->dim);
    clear_padding(c, w->gate_up, 2 * (uint64_t)c->n_layers, c->hidden_dim, c->dim);
    clear_padding(c, w->down, c->n_layers, c->dim, c->hidden_dim);
}

/* Rotary angles as llama2.c has them: frequency and product in float, then sine and cosine. Source: run.c, forward. */
static void fill_rotary(const struct engine_weights *w, const struct model_config *c)
{
    uint32_t head = head_size(c), half = head / 2;
    for (uint32_t i = 0; i < half; i++) {
        float exponent = (float)(2 * i) / (float)head;
        float frequency = 1.0f / (float)maths_power((double)c->rope_base, (double)exponent);
        for (uint32_t position = 0; position < c->seq_len; position++) {
            float angle = (float)position * frequency;
            double sine, cosine;
            maths_sin_cos((double)angle, &sine, &cosine);
            w->rotary_cos[(uint64_t)position * half + i] = (float)cosine;
            w->rotary_sin[(uint64_t)position * half + i] = (float)sine;
        }
    }
}

bool engine_load(struct engine *engine, const struct model_config *config, const struct engine_memory *memory,
                 enum cpu_level level, const struct model_source *source, struct error *error)
{
    engine->config = *config;
    engine->memory = *memory;
    engine->weights = memory->weights;
    model_layout_weights(config, memory->weights, engine->weights);
    engine_reset_buffers(engine);
    engine_set_level(engine, level);
    struct loading_file file = {.engine = engine,
                                .read = source->read,
                                .progress = source->progress,
                                .context = source->context,
                                .error = error};
    clear_all_padding(engine->weights, config);
    if (source->gguf != NULL ? !loading_gguf(&file, source->gguf) : !load_tensors(&file, engine->weights, config))
        return false;
    file.done = config->file_bytes; /* there are things in a file that nobody needs */
    if (!loading_report(&file))
        return false;
    fill_rotary(engine->weights, config);
    return true;
}
