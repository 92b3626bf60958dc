/* engine_panels.c - rows of a tensor into panels, whatever file they came from. */
#include "engine_load.h"

/* Two columns of two rows, which lie beside each other in both: half the loads and stores. */
static void put_square(float *panel, const float *rows, uint32_t columns)
{
    uint64_t first, second;
    __builtin_memcpy(&first, rows, sizeof first);
    __builtin_memcpy(&second, rows + columns, sizeof second);
    uint64_t left = (first & UINT32_MAX) | second << 32, right = first >> 32 | (second & ~(uint64_t)UINT32_MAX);
    __builtin_memcpy(panel, &left, sizeof left);
    __builtin_memcpy(panel + PANEL, &right, sizeof right);
}

/* The rows of one panel are interleaved together, so that it is written forwards. */
static void panel_floats(const struct tensor *tensor, uint32_t row, const float *rows, uint32_t count)
{
    uint32_t columns = tensor->columns;
    row += tensor->first_row;
    while (count > 0) {
        uint32_t lane = row % PANEL, lanes = PANEL - lane < count ? PANEL - lane : count;
        float *to = (float *)(void *)tensor->panels + (uint64_t)(row / PANEL) * PANEL * columns + lane;
        uint32_t even_columns = columns - columns % 2, even_lanes = lanes - lanes % 2;
        for (uint32_t k = 0; k < even_columns; k += 2)
            for (uint32_t i = 0; i < even_lanes; i += 2)
                put_square(to + (uint64_t)k * PANEL + i, rows + (uint64_t)i * columns + k, columns);
        for (uint32_t k = 0; k < columns; k++)
            for (uint32_t i = k < even_columns ? even_lanes : 0; i < lanes; i++)
                to[(uint64_t)k * PANEL + i] = rows[(uint64_t)i * columns + k];
        rows += (uint64_t)lanes * columns;
        row += lanes;
        count -= lanes;
    }
}

struct panel_row panel_row(const struct model_config *c, const struct tensor *tensor, uint32_t row)
{
    row += tensor->first_row;
    return (struct panel_row){tensor->panels + row / PANEL * panel_bytes(c, tensor->columns), row % PANEL};
}

/* Four columns at a time. */
void panel_quants(const struct panel_row *row, const int8_t *quants, uint32_t count)
{
    uint8_t *to = row->group + PANEL_SCALES_BYTES;
    for (uint32_t k = 0; k < count; k += 4)
        __builtin_memcpy(to + panel_quant_index(k, row->lane), quants + k, 4);
}

void panel_scale(const struct panel_row *row, float scale)
{
    __builtin_memcpy(row->group + row->lane * sizeof scale, &scale, sizeof scale);
}

static void panel_quantised(const struct engine *engine, const struct tensor *tensor, uint32_t row, const float *values)
{
    const struct model_config *c = &engine->config;
    struct panel_row to = panel_row(c, tensor, row);
    int8_t quants[MOST_GROUP];
    float scale;
    int32_t sum;
    struct quantised group = {quants, &scale, &sum, c->group, c->group};
    for (uint32_t k = 0; k < tensor->columns; k += c->group, to.group += panel_group_bytes(c->group)) {
        kernels_for(engine->level)->quantise(&group, values + k);
        panel_quants(&to, quants, c->group);
        panel_scale(&to, scale);
    }
}

void panel_rows(const struct engine *engine, const struct tensor *tensor, uint32_t row, const float *rows,
                uint32_t count)
{
    if (engine->config.group == 0) {
        panel_floats(tensor, row, rows, count);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        panel_quantised(engine, tensor, row + i, rows + (uint64_t)i * tensor->columns);
}
