/* engine_products.c - the steps that multiply by weights: what goes before (norm, quantising), the product, and what is
 * made of its rows. The order of every sum and product is that of llama2.c.
 */
#include "engine_pass.h"
#include "maths.h"

/* ---- inputs ----------------------------------------------------------------------------------------------------- */

/* The vectors that a matrix multiplies, of tokens first .. last - 1 of the pass; int8 weights want them quantised. */
struct input {
    struct range tokens;
    uint32_t columns;
    const float *x; /* of token 0 of the pass; stride apart */
    uint32_t stride;
    struct quantised quants; /* of token 0; input_quants and input_scales apart */
};

enum input_kind { INPUT_ATTENTION, INPUT_OUTPUT, INPUT_FEED, INPUT_DOWN, INPUT_CLASSIFIER };

static float *stream_of(const struct engine *engine, uint32_t which, uint32_t index)
{
    return engine->buffers.stream[which] + (uint64_t)index * token_stride(engine->config.dim);
}

/* Root mean square norm as llama2.c computes it: in order. */
static void normalise(const struct engine *engine, float *out, const float *x, const float *weight)
{
    uint32_t size = engine->config.dim;
    float sum = 0;
    for (uint32_t i = 0; i < size; i++) {
        float square = x[i] * x[i];
        sum = sum + square;
    }
    float scale = 1.0f / maths_sqrt(sum / (float)size + engine->config.norm_epsilon);
    for (uint32_t i = 0; i < size; i++)
        out[i] = weight[i] * (scale * x[i]);
}

/* Where the inputs of a kind lie: those of the heads and of the gate where they were made, the others among `normed`.
 * In a pass of one token each processor has its own. */
static struct input input_place(const struct engine *engine, enum input_kind kind, struct range tokens, uint32_t slot)
{
    const struct model_config *c = &engine->config;
    const struct engine_buffers *b = &engine->buffers;
    struct input input = {.tokens = tokens, .columns = c->dim, .stride = token_stride(c->dim)};
    input.x = b->normed + (uint64_t)slot * input.stride;
    if (kind == INPUT_OUTPUT)
        input.x = b->attended;
    if (kind == INPUT_DOWN) {
        input.columns = c->hidden_dim;
        input.stride = token_stride(c->hidden_dim);
        input.x = b->hidden;
    }
    if (c->group != 0)
        input.quants = (struct quantised){b->quants + (uint64_t)slot * input_quants(c),
                                          b->scales + (uint64_t)slot * input_scales(c),
                                          b->sums + (uint64_t)slot * input_scales(c), input.columns, c->group};
    return input;
}

static struct quantised quantised_input(const struct engine *engine, const struct input *input, uint32_t index)
{
    struct quantised quants = input->quants;
    quants.quants += (uint64_t)index * input_quants(&engine->config);
    quants.scales += (uint64_t)index * input_scales(&engine->config);
    quants.sums += (uint64_t)index * input_scales(&engine->config);
    return quants;
}

/* Makes the input of token `index` of the pass at place `slot`. */
static void make_input(const struct engine *engine, enum input_kind kind, uint32_t layer, uint32_t index, uint32_t slot)
{
    const struct engine_weights *w = engine->weights;
    uint32_t dim = engine->config.dim;
    float *normed = engine->buffers.normed + (uint64_t)slot * token_stride(dim);
    const float *x = normed;
    if (kind == INPUT_ATTENTION)
        normalise(engine, normed, stream_of(engine, 0, index), w->attention_norm + (uint64_t)layer * dim);
    else if (kind == INPUT_FEED)
        normalise(engine, normed, stream_of(engine, 1, index), w->feed_norm + (uint64_t)layer * dim);
    else if (kind == INPUT_CLASSIFIER)
        normalise(engine, normed, stream_of(engine, 0, index), w->final_norm);
    else if (kind == INPUT_OUTPUT)
        x = engine->buffers.attended + (uint64_t)index * token_stride(dim);
    else
        x = engine->buffers.hidden + (uint64_t)index * token_stride(engine->config.hidden_dim);
    if (engine->config.group == 0)
        return;
    struct input place = input_place(engine, kind, (struct range){0, 1}, slot);
    engine->pass.kernels->quantise(&place.quants, x);
}

/* A step that makes inputs and nothing else. */
static bool make_inputs(const struct engine *engine, enum input_kind kind, uint32_t layer, struct range tokens,
                        struct engine_share *share)
{
    struct range own = share_of(share, tokens.last - tokens.first);
    for (uint32_t i = tokens.first + own.first; i < tokens.first + own.last; i++) {
        if (kind == INPUT_ATTENTION && layer == 0)
            embed_token(engine, i);
        make_input(engine, kind, layer, i, i);
        if (!share_spend(share, 16 * (uint64_t)engine->config.dim)) /* a scattered row, and sums in order: slow */
            return false;
    }
    return true;
}

bool step_attention_input(const struct engine *engine, uint32_t layer, struct engine_share *share)
{
    return make_inputs(engine, INPUT_ATTENTION, layer, (struct range){0, engine->pass.count}, share);
}

bool step_output_input(const struct engine *engine, uint32_t layer, struct engine_share *share)
{
    return make_inputs(engine, INPUT_OUTPUT, layer, pass_range(engine, layer), share);
}

bool step_feed_input(const struct engine *engine, uint32_t layer, struct engine_share *share)
{
    return make_inputs(engine, INPUT_FEED, layer, pass_range(engine, layer), share);
}

bool step_down_input(const struct engine *engine, uint32_t layer, struct engine_share *share)
{
    return make_inputs(engine, INPUT_DOWN, layer, pass_range(engine, layer), share);
}

/* For a product: what the step before has made or, for one token, makes it. */
static struct input take_input(const struct engine *engine, enum input_kind kind, uint32_t layer, struct range tokens,
                               const struct engine_share *share)
{
    if (engine->pass.count > 1)
        return input_place(engine, kind, tokens, 0);
    make_input(engine, kind, layer, 0, share->index);
    return input_place(engine, kind, tokens, share->index);
}

/* ---- products --------------------------------------------------------------------------------------------------- */

struct product;

/* What becomes of some rows of the product of token `index`, in whole panels. */
typedef void finish_rows(const struct engine *engine, const struct product *product, uint32_t index, struct range rows);

struct product {
    struct input input;
    const uint8_t *matrix;
    uint32_t panels;
    float *out; /* of token 0 of the pass */
    uint32_t stride;
    uint32_t twin; /* panels from a row to the one that is needed with it; 0: none is */
    finish_rows *finish;
    uint32_t layer;
};

/* Rows of panels first .. last - 1 of tokens first .. last - 1, at most KERNEL_TOKENS. */
static void multiply_float(const struct engine *engine, const struct product *product, struct range panels,
                           struct range tokens)
{
    const struct input *input = &product->input;
    const struct kernels *kernels = engine->pass.kernels;
    const float *matrix =
        (const float *)(const void *)product->matrix + (uint64_t)panels.first * PANEL * input->columns;
    const float *x = input->x + (uint64_t)tokens.first * input->stride;
    float *out = product->out + (uint64_t)tokens.first * product->stride + (uint64_t)panels.first * PANEL;
    uint32_t count = tokens.last - tokens.first, some = panels.last - panels.first;
    if (count == 1)
        kernels->matvec(out, matrix, x, some, input->columns);
    else
        kernels->matmul(out, product->stride, matrix, x, input->stride, count, some, input->columns);
}

static void multiply_int8(const struct engine *engine, const struct product *product, struct range panels,
                          struct range tokens)
{
    const struct input *input = &product->input;
    const struct kernels *kernels = engine->pass.kernels;
    const uint8_t *matrix = product->matrix + panels.first * panel_bytes(&engine->config, input->columns);
    float *out = product->out + (uint64_t)tokens.first * product->stride + (uint64_t)panels.first * PANEL;
    uint32_t count = tokens.last - tokens.first, some = panels.last - panels.first;
    struct quantised x[KERNEL_TOKENS];
    for (uint32_t i = 0; i < count; i++)
        x[i] = quantised_input(engine, input, tokens.first + i);
    if (count == 1)
        kernels->matvec_int8(out, matrix, x, some);
    else
        kernels->matmul_int8(out, product->stride, matrix, x, count, some);
}

static void multiply(const struct engine *engine, const struct product *product, struct range panels,
                     struct range tokens)
{
    if (engine->config.group == 0)
        multiply_float(engine, product, panels, tokens);
    else
        multiply_int8(engine, product, panels, tokens);
}

/* Some panels of a product and what is made of them, for all tokens in turn: the panels are read from memory once. */
static bool run_panels(const struct engine *engine, const struct product *product, struct range panels,
                       struct engine_share *share)
{
    struct range all = product->input.tokens, twin = {panels.first + product->twin, panels.last + product->twin};
    struct range rows = {panels.first * PANEL, panels.last * PANEL};
    uint64_t products = (uint64_t)(rows.last - rows.first) * product->input.columns * (product->twin > 0 ? 2 : 1);
    uint32_t together = engine->pass.kernels->tokens;
    for (uint32_t first = all.first; first < all.last; first += together) {
        struct range tokens = {first, all.last - first < together ? all.last : first + together};
        multiply(engine, product, panels, tokens);
        if (product->twin > 0)
            multiply(engine, product, twin, tokens);
        for (uint32_t i = tokens.first; product->finish != NULL && i < tokens.last; i++)
            product->finish(engine, product, i, rows);
        if (!share_spend(share, (tokens.last - tokens.first) * products))
            return false;
    }
    return true;
}

/* Panels that cost about as much as may pass between two looks. */
static uint32_t panels_at_once(const struct engine *engine, const struct product *product)
{
    uint32_t tokens = product->input.tokens.last - product->input.tokens.first;
    uint32_t most = engine->pass.kernels->tokens;
    uint32_t together = (tokens < most ? tokens : most) * (product->twin > 0 ? 2 : 1);
    uint32_t panels = POLL_PRODUCTS / (PANEL * product->input.columns * together);
    return panels < 1 ? 1 : panels;
}

static bool run_product(const struct engine *engine, const struct product *product, struct engine_share *share)
{
    struct range own = share_of(share, product->panels);
    uint32_t step = panels_at_once(engine, product);
    for (uint32_t first = own.first; first < own.last; first += step) {
        struct range panels = {first, own.last - first < step ? own.last : first + step};
        if (!run_panels(engine, product, panels, share))
            return false;
    }
    return true;
}

/* ---- the steps -------------------------------------------------------------------------------------------------- */

static void place_rows(const struct engine *engine, const struct product *product, uint32_t index, struct range rows)
{
    attention_place(engine, product->layer, index, product->out + (uint64_t)index * product->stride, rows);
}

bool step_qkv(const struct engine *engine, uint32_t layer, struct engine_share *share)
{
    const struct model_config *c = &engine->config;
    uint32_t rows = qkv_rows(c);
    struct product product = {
        .input = take_input(engine, INPUT_ATTENTION, layer, (struct range){0, engine->pass.count}, share),
        .matrix = engine->weights->qkv + layer * matrix_bytes(c, rows, c->dim),
        .panels = panels_of(rows),
        .out = engine->buffers.qkv,
        .stride = token_stride(rows),
        .finish = place_rows,
        .layer = layer};
    return run_product(engine, &product, share);
}

static void add_rows(float *to, const float *from, const float *projected, struct range rows)
{
    for (uint32_t i = rows.first; i < rows.last; i++)
        to[i] = from[i] + projected[i];
}

/* The padding rows of the streams take part: they are never read as anything else. */
static void add_output(const struct engine *engine, const struct product *product, uint32_t index, struct range rows)
{
    add_rows(stream_of(engine, 1, index), stream_of(engine, 0, index), product->out + (uint64_t)index * product->stride,
             rows);
}

static void add_down(const struct engine *engine, const struct product *product, uint32_t index, struct range rows)
{
    add_rows(stream_of(engine, 0, index), stream_of(engine, 1, index), product->out + (uint64_t)index * product->stride,
             rows);
}

bool step_output(const struct engine *engine, uint32_t layer, struct engine_share *share)
{
    const struct model_config *c = &engine->config;
    struct product product = {.input = take_input(engine, INPUT_OUTPUT, layer, pass_range(engine, layer), share),
                              .matrix = engine->weights->output + layer * matrix_bytes(c, c->dim, c->dim),
                              .panels = panels_of(c->dim),
                              .out = engine->buffers.projected,
                              .stride = token_stride(c->dim),
                              .finish = add_output};
    return run_product(engine, &product, share);
}

/* hidden = silu(gate) * up; the padding rows are zeros and stay zeros. */
static void apply_gate(const struct engine *engine, const struct product *product, uint32_t index, struct range rows)
{
    const float *gate = product->out + (uint64_t)index * product->stride, *up = gate + (uint64_t)product->twin * PANEL;
    float *hidden = engine->buffers.hidden + (uint64_t)index * token_stride(engine->config.hidden_dim);
    engine->pass.kernels->gate(hidden + rows.first, gate + rows.first, up + rows.first, rows.last - rows.first);
}

bool step_gate_up(const struct engine *engine, uint32_t layer, struct engine_share *share)
{
    const struct model_config *c = &engine->config;
    uint32_t panels = panels_of(c->hidden_dim);
    struct product product = {.input = take_input(engine, INPUT_FEED, layer, pass_range(engine, layer), share),
                              .matrix = engine->weights->gate_up + layer * 2 * matrix_bytes(c, c->hidden_dim, c->dim),
                              .panels = panels,
                              .out = engine->buffers.gate_up,
                              .stride = token_stride(2 * panels * PANEL),
                              .twin = panels,
                              .finish = apply_gate};
    return run_product(engine, &product, share);
}

bool step_down(const struct engine *engine, uint32_t layer, struct engine_share *share)
{
    const struct model_config *c = &engine->config;
    struct product product = {.input = take_input(engine, INPUT_DOWN, layer, pass_range(engine, layer), share),
                              .matrix = engine->weights->down + layer * matrix_bytes(c, c->dim, c->hidden_dim),
                              .panels = panels_of(c->dim),
                              .out = engine->buffers.projected,
                              .stride = token_stride(c->dim),
                              .finish = add_down};
    return run_product(engine, &product, share);
}

/* Of the last token; every processor makes its norm for itself, at its own place. */
bool classify(const struct engine *engine, struct engine_share *share)
{
    const struct model_config *c = &engine->config;
    make_input(engine, INPUT_CLASSIFIER, 0, engine->pass.count - 1, share->index);
    struct product product = {.input = input_place(engine, INPUT_CLASSIFIER, (struct range){0, 1}, share->index),
                              .matrix = engine->weights->classifier,
                              .panels = panels_of(c->vocab_size),
                              .out = engine->buffers.logits,
                              .stride = padded(c->vocab_size)};
    return run_product(engine, &product, share);
}

/* ---- the embedding ---------------------------------------------------------------------------------------------- */

static void embed_int8(const struct model_config *c, float *stream, const uint8_t *panel, uint32_t lane)
{
    for (uint32_t k = 0; k < c->dim; k++) {
        const uint8_t *group = panel + k / c->group * panel_group_bytes(c->group);
        const float *scales = (const float *)(const void *)group;
        const int8_t *quants = (const int8_t *)(group + PANEL_SCALES_BYTES);
        stream[k] = (float)quants[panel_quant_index(k % c->group, lane)] * scales[lane];
    }
}

/* The row of a token, gathered from its panel: no second copy of the embedding is kept. */
void embed_token(const struct engine *engine, uint32_t index)
{
    const struct model_config *c = &engine->config;
    uint32_t token = engine->pass.tokens[index], lane = token % PANEL;
    float *stream = stream_of(engine, 0, index);
    const uint8_t *panel = engine->weights->embedding + token / PANEL * panel_bytes(c, c->dim);
    if (c->group != 0) {
        embed_int8(c, stream, panel, lane);
        return;
    }
    const float *row = (const float *)(const void *)panel + lane;
    for (uint32_t k = 0; k < c->dim; k++)
        stream[k] = row[(uint64_t)k * PANEL];
}
