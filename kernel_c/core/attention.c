/* attention.c - rotary positions, the key/value cache, and attention over it.
 *
 * Several query heads share a key/value head when n_kv_heads is smaller than n_heads. Long contexts are worked through
 * in pieces of whole panels with a look between; the pieces continue the same sums, so the bits do not depend on them.
 */
#include "engine_pass.h"
#include "maths.h"

#define SOME_ROWS 64u /* rows of a head that are placed at once; even */

/* Neighbouring rows of a query or a key, turned by the angle of their place in the head. */
static void rotate(float *restrict out, const float *restrict raw, const float *restrict cosines,
                   const float *restrict sines, uint32_t pairs)
{
    for (uint32_t i = 0; i < pairs; i++) {
        float even_cos = raw[2 * i] * cosines[i], odd_sin = raw[2 * i + 1] * sines[i];
        float even_sin = raw[2 * i] * sines[i], odd_cos = raw[2 * i + 1] * cosines[i];
        out[2 * i] = even_cos - odd_sin;
        out[2 * i + 1] = even_sin + odd_cos;
    }
}

static float *cached_keys(const struct engine *engine, uint32_t layer, uint32_t kv_head)
{
    const struct model_config *c = &engine->config;
    return engine->pass.keys + ((uint64_t)layer * c->n_kv_heads + kv_head) * padded(c->seq_len) * head_size(c);
}

static float *cached_values(const struct engine *engine, uint32_t layer, uint32_t kv_head)
{
    const struct model_config *c = &engine->config;
    return engine->pass.values + ((uint64_t)layer * c->n_kv_heads + kv_head) * c->seq_len * head_size(c);
}

/* The part of rows that lies in begin .. end - 1, counted from begin. */
static struct range rows_within(struct range rows, uint32_t begin, uint32_t end)
{
    uint32_t first = rows.first > begin ? rows.first : begin, last = rows.last < end ? rows.last : end;
    return first < last ? (struct range){first - begin, last - begin} : (struct range){0, 0};
}

/* Rows that lie in one head, from row `row` of it: at most SOME_ROWS and not beyond `last`. */
struct run {
    uint32_t head, row, count;
};

static struct run run_from(uint32_t first, uint32_t last, uint32_t size)
{
    struct run run = {first / size, first % size, last - first};
    uint32_t most = size - run.row < SOME_ROWS ? size - run.row : SOME_ROWS;
    run.count = run.count < most ? run.count : most;
    return run;
}

static void place_queries(const struct engine *engine, uint32_t index, const float *raw, struct range rows)
{
    const struct model_config *c = &engine->config;
    uint32_t size = head_size(c);
    uint64_t angles = (uint64_t)(engine->pass.position + index) * (size / 2);
    float *queries = engine->buffers.queries + (uint64_t)index * token_stride(c->dim);
    for (uint32_t i = rows.first; i < rows.last;) {
        struct run run = run_from(i, rows.last, size);
        uint64_t angle = angles + run.row / 2;
        rotate(queries + i, raw + i, engine->weights->rotary_cos + angle, engine->weights->rotary_sin + angle,
               run.count / 2);
        i += run.count;
    }
}

static void place_keys(const struct engine *engine, uint32_t layer, uint32_t index, const float *raw, struct range rows)
{
    uint32_t size = head_size(&engine->config), position = engine->pass.position + index;
    uint64_t angles = (uint64_t)position * (size / 2);
    for (uint32_t i = rows.first; i < rows.last;) {
        struct run run = run_from(i, rows.last, size);
        uint64_t angle = angles + run.row / 2;
        float *key = cached_keys(engine, layer, run.head) + (uint64_t)(position / PANEL) * PANEL * size +
                     position % PANEL + (uint64_t)run.row * PANEL;
        float turned[SOME_ROWS];
        rotate(turned, raw + i, engine->weights->rotary_cos + angle, engine->weights->rotary_sin + angle,
               run.count / 2);
        for (uint32_t row = 0; row < run.count; row++)
            key[(uint64_t)row * PANEL] = turned[row];
        i += run.count;
    }
}

static void place_values(const struct engine *engine, uint32_t layer, uint32_t index, const float *raw,
                         struct range rows)
{
    uint32_t size = head_size(&engine->config);
    uint64_t position = engine->pass.position + index;
    for (uint32_t i = rows.first; i < rows.last;) {
        struct run run = run_from(i, rows.last, size);
        float *value = cached_values(engine, layer, run.head) + position * size + run.row;
        __builtin_memcpy(value, raw + i, run.count * sizeof(float));
        i += run.count;
    }
}

void attention_place(const struct engine *engine, uint32_t layer, uint32_t index, const float *qkv, struct range rows)
{
    uint32_t dim = engine->config.dim, kv = kv_dim(&engine->config);
    place_queries(engine, index, qkv, rows_within(rows, 0, dim));
    place_keys(engine, layer, index, qkv + dim, rows_within(rows, dim, dim + kv));
    place_values(engine, layer, index, qkv + dim + kv, rows_within(rows, dim + kv, dim + 2 * kv));
}

/* Positions that cost about one look's worth of work, in whole panels. */
static uint32_t positions_at_once(uint32_t head, uint32_t tokens)
{
    uint32_t positions = POLL_PRODUCTS / (head * tokens) / PANEL * PANEL;
    return positions < PANEL ? PANEL : positions;
}

/* The scores of a processor have room for KERNEL_TOKENS tokens. */
static float *scores_of(const struct engine *engine, uint32_t processor, uint32_t token)
{
    uint64_t vector = (uint64_t)processor * KERNEL_TOKENS + token;
    return engine->buffers.scores + vector * token_stride(engine->config.seq_len);
}

static uint32_t kv_head_of(const struct model_config *c, uint32_t head)
{
    return head / (c->n_heads / c->n_kv_heads);
}

/* Queries of the pass that meet the same keys: one head of some tokens, or some heads of one token. At most
 * KERNEL_TOKENS. */
struct queries {
    struct range heads, tokens;
};

static uint32_t count_of(const struct queries *queries)
{
    return (queries->heads.last - queries->heads.first) * (queries->tokens.last - queries->tokens.first);
}

/* scores[query][position] = key . query for the positions of some panels; each key is read once for all queries. A
 * token gets scores also for the positions behind its own, which nobody reads. */
static bool score_panels(const struct engine *engine, uint32_t layer, const struct queries *queries,
                         struct range panels, float *scores, struct engine_share *share)
{
    const struct model_config *c = &engine->config;
    const struct kernels *kernels = engine->pass.kernels;
    const float *keys = cached_keys(engine, layer, kv_head_of(c, queries->heads.first));
    uint32_t size = head_size(c), count = count_of(queries), step = positions_at_once(size, count) / PANEL;
    uint32_t stride = queries->tokens.last - queries->tokens.first > 1 ? token_stride(c->dim) : size;
    const float *x = engine->buffers.queries + (uint64_t)queries->tokens.first * token_stride(c->dim) +
                     (uint64_t)queries->heads.first * size;
    for (uint32_t first = panels.first; first < panels.last; first += step) {
        uint32_t some = panels.last - first < step ? panels.last - first : step;
        float *out = scores + (uint64_t)first * PANEL;
        const float *matrix = keys + (uint64_t)first * PANEL * size;
        if (count == 1)
            kernels->matvec(out, matrix, x, some, size);
        else
            kernels->matmul(out, token_stride(c->seq_len), matrix, x, stride, count, some, size);
        if (!share_spend(share, (uint64_t)some * PANEL * size * count))
            return false;
    }
    return true;
}

/* The scores of one token and head become weights, and the weights a mixture of values. `weights` may be `scores`. */
static bool mix_values(const struct engine *engine, uint32_t layer, uint32_t head, uint32_t index, const float *scores,
                       float *weights, struct engine_share *share)
{
    const struct model_config *c = &engine->config;
    uint32_t size = head_size(c), step = positions_at_once(size, 1), count = engine->pass.position + index + 1;
    const float *values = cached_values(engine, layer, kv_head_of(c, head));
    float *out = engine->buffers.attended + (uint64_t)index * token_stride(c->dim) + (uint64_t)head * size;
    engine->pass.kernels->softmax(weights, scores, maths_sqrt((float)size), count);
    for (uint32_t i = 0; i < size; i++)
        out[i] = 0;
    for (uint32_t done = 0; done < count; done += step) {
        uint32_t some = count - done < step ? count - done : step;
        engine->pass.kernels->add_weighted(out, values + (uint64_t)done * size, weights + done, some, size);
        if (!share_spend(share, (uint64_t)some * size))
            return false;
    }
    return true;
}

static bool attend(const struct engine *engine, uint32_t layer, const struct queries *queries,
                   struct engine_share *share)
{
    float *scores = scores_of(engine, share->index, 0);
    struct range panels = {0, panels_of(engine->pass.position + queries->tokens.last)};
    if (!score_panels(engine, layer, queries, panels, scores, share))
        return false;
    for (uint32_t head = queries->heads.first; head < queries->heads.last; head++)
        for (uint32_t i = queries->tokens.first; i < queries->tokens.last;
             i++, scores += token_stride(engine->config.seq_len))
            if (!mix_values(engine, layer, head, i, scores, scores, share))
                return false;
    return true;
}

/* From a head on, those before `end` that have the same keys. */
static struct range heads_together(const struct model_config *c, uint32_t first, uint32_t end)
{
    uint32_t group = c->n_heads / c->n_kv_heads, last = (first / group + 1) * group;
    last = last < end ? last : end;
    return (struct range){first, last - first < KERNEL_TOKENS ? last : first + KERNEL_TOKENS};
}

static bool attend_heads(const struct engine *engine, uint32_t layer, uint32_t index, struct engine_share *share)
{
    struct range own = share_of(share, engine->config.n_heads);
    while (own.first < own.last) {
        struct queries queries = {heads_together(&engine->config, own.first, own.last), {index, index + 1}};
        if (!attend(engine, layer, &queries, share))
            return false;
        own.first = queries.heads.last;
    }
    return true;
}

/* One token: its heads are shared. More: the items are groups of tokens, head by head, so that a share stays with few
 * heads. */
bool step_attend(const struct engine *engine, uint32_t layer, struct engine_share *share)
{
    struct range all = pass_range(engine, layer);
    uint32_t together = engine->pass.kernels->tokens, groups = (all.last - all.first + together - 1) / together;
    if (all.last - all.first == 1)
        return attend_heads(engine, layer, all.first, share);
    struct range own = share_of(share, engine->config.n_heads * groups);
    for (uint32_t item = own.first; item < own.last; item++) {
        uint32_t head = item / groups, first = all.first + item % groups * together;
        struct queries queries = {{head, head + 1},
                                  {first, all.last - first < together ? all.last : first + together}};
        if (!attend(engine, layer, &queries, share))
            return false;
    }
    return true;
}

/* The items are panels of 16 positions, head by head. The scores of a head lie where the processor of its number would
 * have those of its first token; each makes weights of them where it would have those of its second. */
bool step_scores(const struct engine *engine, uint32_t layer, struct engine_share *share)
{
    uint32_t panels = panels_of(engine->pass.position + 1);
    struct range own = share_of(share, engine->config.n_heads * panels);
    for (uint32_t item = own.first; item < own.last;) {
        uint32_t head = item / panels, first = item % panels;
        uint32_t last = own.last - item < panels - first ? first + own.last - item : panels;
        struct queries queries = {{head, head + 1}, {0, 1}};
        if (!score_panels(engine, layer, &queries, (struct range){first, last}, scores_of(engine, head, 0), share))
            return false;
        item += last - first;
    }
    return true;
}

bool step_mix(const struct engine *engine, uint32_t layer, struct engine_share *share)
{
    struct range own = share_of(share, engine->config.n_heads);
    for (uint32_t head = own.first; head < own.last; head++)
        if (!mix_values(engine, layer, head, 0, scores_of(engine, head, 0), scores_of(engine, share->index, 1), share))
            return false;
    return true;
}
