#include "engine.h"

#include "engine_pass.h"
#include "maths.h"

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

/* out[rows] = matrix * x, in pieces with polls between; an even number of panels each, which the widest kernel likes.
 */
static bool multiply(struct pass *pass, float *out, const float *matrix, const float *x, uint32_t rows,
                     uint32_t columns)
{
    uint32_t step = POLL_PRODUCTS / (PANEL * columns) / 2 * 2, panels = panels_of(rows);
    step = step < 2 ? 2 : step;
    for (uint32_t done = 0; done < panels; done += step) {
        uint32_t count = panels - done < step ? panels - done : step;
        pass->kernels->matvec(out + (uint64_t)done * PANEL, matrix + (uint64_t)done * PANEL * columns, x, count,
                              columns);
        if (!pass_spend(pass, (uint64_t)count * PANEL * columns))
            return false;
    }
    return true;
}

/* Root mean square norm as llama2.c computes it: in order, epsilon 1e-5. */
static void normalise(float *out, const float *x, const float *weight, uint32_t size)
{
    float sum = 0;
    for (uint32_t i = 0; i < size; i++) {
        float square = x[i] * x[i];
        sum = sum + square;
    }
    float scale = 1.0f / maths_sqrt(sum / (float)size + 1e-5f);
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

    normalise(b->normed, b->stream, w->attention_norm + (uint64_t)layer * dim, dim);
    if (!multiply(pass, b->qkv, w->qkv + layer * panel_floats(qkv_rows(c), dim), b->normed, qkv_rows(c), dim) ||
        !attention_run(pass, layer) ||
        !multiply(pass, b->projected, w->output + layer * panel_floats(dim, dim), b->attended, dim, dim))
        return false;
    add_projected(pass);

    normalise(b->normed, b->stream, w->feed_norm + (uint64_t)layer * dim, dim);
    if (!multiply(pass, b->gate_up, w->gate_up + layer * 2 * panel_floats(hidden, dim), b->normed, 2 * padded(hidden),
                  dim))
        return false;
    gate_hidden(pass);
    if (!multiply(pass, b->projected, w->down + layer * panel_floats(dim, hidden), b->gate_up, dim, hidden))
        return false;
    add_projected(pass);
    return true;
}

/* The row of a token, gathered from its panel: no second copy of the embedding is kept. */
static void embed(const struct pass *pass, uint32_t token)
{
    const struct engine *engine = pass->engine;
    uint32_t dim = engine->config.dim;
    const float *row = engine->weights->embedding + (uint64_t)(token / PANEL) * PANEL * dim + token % PANEL;
    for (uint32_t k = 0; k < dim; k++)
        engine->buffers->stream[k] = row[(uint64_t)k * PANEL];
}

static bool classify(struct pass *pass)
{
    const struct model_config *c = &pass->engine->config;
    const struct engine_weights *w = pass->engine->weights;
    const struct engine_buffers *b = pass->engine->buffers;
    uint32_t panels = panels_of(c->vocab_size);
    normalise(b->normed, b->stream, w->final_norm, c->dim);
    for (uint32_t done = 0; done < panels; done += CLASSIFIER_PANELS) {
        uint32_t count = panels - done < CLASSIFIER_PANELS ? panels - done : CLASSIFIER_PANELS;
        pass->kernels->matvec(b->logits + (uint64_t)done * PANEL, w->classifier + (uint64_t)done * PANEL * c->dim,
                              b->normed, count, c->dim);
        if (!pass_poll(pass))
            return false;
    }
    return true;
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
