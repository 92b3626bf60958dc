#include "engine.h"

#include "engine_pass.h"
#include "maths.h"

#define SHARED_PRODUCTS 131072u /* multiply-adds; a smaller product stays with one processor */
#define CLASSIFIER_PANELS 4u /* 64 rows between two polls */

void engine_reset_buffers(struct engine *engine)
{
    engine->buffers = engine->memory.acts;
    model_layout_buffers(&engine->config, engine->memory.acts, engine->buffers);
}

void engine_set_level(struct engine *engine, enum cpu_level level)
{
    engine->level = level;
}

bool pass_poll(struct pass *pass)
{
    const struct engine *engine = pass->engine;
    pass->products = 0;
    return engine->poll == NULL || engine->poll(engine->poll_context);
}

bool pass_spend(struct pass *pass, uint64_t products)
{
    pass->products += products;
    return pass->products < POLL_PRODUCTS || pass_poll(pass);
}

/* The vector that the following products multiply; int8 weights want it quantised, once for all of them. */
static void pass_input(struct pass *pass, const float *x, uint32_t columns)
{
    const struct engine *engine = pass->engine;
    pass->input = x;
    if (engine->config.group == 0)
        return;
    pass->quants = (struct quantised){engine->buffers->quants, engine->buffers->scales, engine->buffers->sums, columns,
                                      engine->config.group};
    pass->kernels->quantise(&pass->quants, x);
}

/* Rows of panels first .. last - 1 of a matrix, times the input. Reads the pass and writes only those rows of `out`, so
 * that any split into panels gives the same bits. */
static void multiply_float(const struct pass *pass, float *out, const uint8_t *matrix, uint32_t columns, uint32_t first,
                           uint32_t last)
{
    const float *panels = (const float *)(const void *)matrix + (uint64_t)first * PANEL * columns;
    pass->kernels->matvec(out + (uint64_t)first * PANEL, panels, pass->input, last - first, columns);
}

static void multiply_int8(const struct pass *pass, float *out, const uint8_t *matrix, uint32_t columns, uint32_t first,
                          uint32_t last)
{
    const uint8_t *panels = matrix + first * panel_bytes(&pass->engine->config, columns);
    pass->kernels->matvec_int8(out + (uint64_t)first * PANEL, panels, &pass->quants, last - first);
}

static void multiply_panels(const struct pass *pass, float *out, const uint8_t *matrix, uint32_t columns,
                            uint32_t first, uint32_t last)
{
    if (pass->engine->config.group == 0)
        multiply_float(pass, out, matrix, columns, first, last);
    else
        multiply_int8(pass, out, matrix, columns, first, last);
}

struct product {
    const struct pass *pass;
    float *out;
    const uint8_t *matrix;
    uint32_t columns;
};

static void multiply_part(const void *argument, uint32_t first, uint32_t last)
{
    const struct product *product = argument;
    multiply_panels(product->pass, product->out, product->matrix, product->columns, first, last);
}

static bool worth_sharing(uint64_t panels, uint32_t columns)
{
    return panels * PANEL * columns >= SHARED_PRODUCTS;
}

bool engine_worth_sharing(const struct engine *engine)
{
    const struct model_config *c = &engine->config;
    return worth_sharing(2 * panels_of(c->hidden_dim), c->dim) || worth_sharing(panels_of(c->vocab_size), c->dim);
}

/* Everything of a product, in pieces of `step` panels with polls between. A shared product is waited for even when a
 * poll has aborted the pass: the others still write. */
static bool multiply_steps(struct pass *pass, const struct product *product, uint32_t panels, uint32_t step)
{
    const struct engine_sharing *sharing = worth_sharing(panels, product->columns) ? pass->engine->sharing : NULL;
    uint32_t own = panels;
    bool on = true;
    if (sharing != NULL)
        own = sharing->begin(sharing->context, multiply_part, product, panels, step);
    for (uint32_t done = 0; on && done < own; done += step) {
        uint32_t count = own - done < step ? own - done : step;
        multiply_part(product, done, done + count);
        on = pass_spend(pass, (uint64_t)count * PANEL * product->columns);
    }
    while (sharing != NULL && !sharing->wait(sharing->context))
        on = pass_poll(pass) && on;
    return on;
}

/* out[rows] = matrix * input; pieces of an even number of panels, which the widest kernel likes. */
static bool multiply(struct pass *pass, float *out, const uint8_t *matrix, uint32_t rows, uint32_t columns)
{
    struct product product = {pass, out, matrix, columns};
    uint32_t step = POLL_PRODUCTS / (PANEL * columns) / 2 * 2;
    return multiply_steps(pass, &product, panels_of(rows), step < 2 ? 2 : step);
}

/* Root mean square norm as llama2.c computes it: in order. */
static void normalise(float *out, const float *x, const float *weight, uint32_t size, float epsilon)
{
    float sum = 0;
    for (uint32_t i = 0; i < size; i++) {
        float square = x[i] * x[i];
        sum = sum + square;
    }
    float scale = 1.0f / maths_sqrt(sum / (float)size + epsilon);
    for (uint32_t i = 0; i < size; i++)
        out[i] = weight[i] * (scale * x[i]);
}

/* gate = silu(gate) * up, with silu(x) = x / (1 + e^-x); the order of the products is that of llama2.c. */
static void gate_hidden(const struct pass *pass)
{
    const struct engine_buffers *b = pass->engine->buffers;
    uint32_t hidden = padded(pass->engine->config.hidden_dim); /* the padding rows are zeros and stay zeros */
    float *gate = b->gate_up, *up = b->gate_up + hidden, *sigmoid = b->sigmoid;
    for (uint32_t i = 0; i < hidden; i++)
        sigmoid[i] = -gate[i];
    pass->kernels->exponential(sigmoid, hidden);
    for (uint32_t i = 0; i < hidden; i++) {
        float share = 1.0f / (1.0f + sigmoid[i]);
        gate[i] = gate[i] * share * up[i];
    }
}

static void add_projected(const struct pass *pass)
{
    const struct engine_buffers *b = pass->engine->buffers;
    for (uint32_t i = 0; i < pass->engine->config.dim; i++)
        b->stream[i] = b->stream[i] + b->projected[i];
}

static bool run_layer(struct pass *pass, uint32_t layer)
{
    const struct model_config *c = &pass->engine->config;
    const struct engine_weights *w = pass->engine->weights;
    const struct engine_buffers *b = pass->engine->buffers;
    uint32_t dim = c->dim, hidden = c->hidden_dim;

    normalise(b->normed, b->stream, w->attention_norm + (uint64_t)layer * dim, dim, c->norm_epsilon);
    pass_input(pass, b->normed, dim);
    if (!multiply(pass, b->qkv, w->qkv + layer * matrix_bytes(c, qkv_rows(c), dim), qkv_rows(c), dim) ||
        !attention_run(pass, layer))
        return false;
    pass_input(pass, b->attended, dim);
    if (!multiply(pass, b->projected, w->output + layer * matrix_bytes(c, dim, dim), dim, dim))
        return false;
    add_projected(pass);

    normalise(b->normed, b->stream, w->feed_norm + (uint64_t)layer * dim, dim, c->norm_epsilon);
    pass_input(pass, b->normed, dim);
    if (!multiply(pass, b->gate_up, w->gate_up + layer * 2 * matrix_bytes(c, hidden, dim), 2 * padded(hidden), dim))
        return false;
    gate_hidden(pass);
    pass_input(pass, b->gate_up, hidden);
    if (!multiply(pass, b->projected, w->down + layer * matrix_bytes(c, dim, hidden), dim, hidden))
        return false;
    add_projected(pass);
    return true;
}

static void embed_int8(const struct pass *pass, const uint8_t *panel, uint32_t lane)
{
    const struct model_config *c = &pass->engine->config;
    float *stream = pass->engine->buffers->stream;
    for (uint32_t k = 0; k < c->dim; k++) {
        const uint8_t *group = panel + k / c->group * panel_group_bytes(c->group);
        const float *scales = (const float *)(const void *)group;
        const int8_t *quants = (const int8_t *)(group + PANEL_SCALES_BYTES);
        stream[k] = (float)quants[panel_quant_index(k % c->group, lane)] * scales[lane];
    }
}

/* The row of a token, gathered from its panel: no second copy of the embedding is kept. */
static void embed(const struct pass *pass, uint32_t token)
{
    const struct engine *engine = pass->engine;
    uint32_t dim = engine->config.dim, lane = token % PANEL;
    const uint8_t *panel = engine->weights->embedding + token / PANEL * panel_bytes(&engine->config, dim);
    if (engine->config.group != 0) {
        embed_int8(pass, panel, lane);
        return;
    }
    const float *row = (const float *)(const void *)panel + lane;
    for (uint32_t k = 0; k < dim; k++)
        engine->buffers->stream[k] = row[(uint64_t)k * PANEL];
}

static bool classify(struct pass *pass)
{
    const struct model_config *c = &pass->engine->config;
    const struct engine_weights *w = pass->engine->weights;
    const struct engine_buffers *b = pass->engine->buffers;
    struct product product = {pass, b->logits, w->classifier, c->dim};
    normalise(b->normed, b->stream, w->final_norm, c->dim, c->norm_epsilon);
    pass_input(pass, b->normed, c->dim);
    return pass_poll(pass) && multiply_steps(pass, &product, panels_of(c->vocab_size), CLASSIFIER_PANELS) &&
           pass_poll(pass);
}

float *engine_forward(struct engine *engine, uint32_t token, uint32_t position, bool want_logits)
{
    const struct model_config *c = &engine->config;
    struct pass pass = {.engine = engine, .kernels = kernels_for(engine->level), .position = position};
    if (token >= c->vocab_size || position >= c->seq_len)
        return NULL;
    model_layout_cache(c, engine->memory.kv, &pass.cache);
    embed(&pass, token);
    for (uint32_t layer = 0; layer < c->n_layers; layer++)
        if (!pass_poll(&pass) || !run_layer(&pass, layer))
            return NULL;
    if (!want_logits)
        return engine->buffers->logits;
    return classify(&pass) ? engine->buffers->logits : NULL;
}
