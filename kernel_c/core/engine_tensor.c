/* engine_tensor.c - one tensor of a model file into panels, through the scratch memory, in chunks of whole rows. */
#include "engine_load.h"

#define MOST_GROUP 128u

bool loading_report(const struct loading_file *file)
{
    uint64_t total = file->engine->config.file_bytes;
    if (file->progress == NULL || file->progress(file->context, file->offset, total))
        return true;
    return error_set(file->error, ERROR_STATE, "model: loading was stopped at byte %llu of %llu",
                     (unsigned long long)file->offset, (unsigned long long)total);
}

static bool refuse(const struct loading_file *file, const char *name, uint32_t layer, const char *what, uint64_t offset)
{
    unsigned long long place = file->offset + offset;
    if (layer == NO_LAYER)
        return error_set(file->error, ERROR_FORMAT, "model: %s has %s, at byte %llu of the file", name, what, place);
    return error_set(file->error, ERROR_FORMAT, "model: %s of layer %u has %s, at byte %llu of the file", name, layer,
                     what, place);
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    return bits;
}

static bool is_finite(float value)
{
    return (bits_of(value) & 0x7f800000u) != 0x7f800000u;
}

/* Two at a time: an exponent of ones, and one more, carries into the place of the sign. */
static bool all_finite(const float *values, uint64_t count)
{
    const uint64_t exponents = UINT64_C(0x7f8000007f800000), one = UINT64_C(0x0080000000800000);
    const uint64_t signs = UINT64_C(0x8000000080000000);
    for (uint64_t i = 0; i + 2 <= count; i += 2) {
        uint64_t pair;
        __builtin_memcpy(&pair, values + i, sizeof pair);
        if ((((pair & exponents) + one) & signs) != 0)
            return false;
    }
    return count % 2 == 0 || is_finite(values[count - 1]);
}

/* x86 is little-endian, as the file is. */
static bool read_chunk(struct loading_file *file, void *to, uint64_t bytes)
{
    return file->read(file->context, file->offset, to, bytes, file->error);
}

static bool finish_chunk(struct loading_file *file, uint64_t bytes)
{
    file->offset += bytes;
    return loading_report(file);
}

bool loading_floats(struct loading_file *file, float *to, uint64_t count, const char *name, uint32_t layer)
{
    if (!read_chunk(file, to, count * sizeof(float)))
        return false;
    if (!all_finite(to, count)) {
        uint64_t bad = 0;
        while (is_finite(to[bad]))
            bad++;
        return refuse(file, name, layer, "a weight that is not a finite number", bad * sizeof(float));
    }
    return finish_chunk(file, count * sizeof(float));
}

/* ---- into panels ----------------------------------------------------------------------------------------------- */

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

/* `count` rows of the file become rows from `row` on; those of one panel are interleaved together, so that it is
 * written forwards. */
static void put_floats(float *panels, uint32_t row, const float *rows, uint32_t count, uint32_t columns)
{
    while (count > 0) {
        uint32_t lane = row % PANEL, lanes = PANEL - lane < count ? PANEL - lane : count;
        float *to = panels + (uint64_t)(row / PANEL) * PANEL * columns + lane;
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

/* One group of one row: four columns at a time. */
static void put_quants(uint8_t *group, uint32_t lane, const int8_t *quants, uint32_t count)
{
    uint8_t *to = group + PANEL_SCALES_BYTES;
    for (uint32_t k = 0; k < count; k += 4)
        __builtin_memcpy(to + panel_quant_index(k, lane), quants + k, 4);
}

static void put_scale(uint8_t *group, uint32_t lane, float scale)
{
    __builtin_memcpy(group + lane * sizeof scale, &scale, sizeof scale);
}

/* Where the first group of a row lies; its other groups follow at a distance of panel_group_bytes. */
static uint8_t *row_groups(const struct model_config *c, const struct tensor *tensor, uint32_t row)
{
    return tensor->panels + (tensor->first_row + row) / PANEL * panel_bytes(c, tensor->columns);
}

/* Quantises as the activations are, and as llama2.c's exporter does but for halves, which that rounds to even. */
static void quantise_row(const struct engine *engine, const struct tensor *tensor, uint32_t row, const float *values)
{
    const struct model_config *c = &engine->config;
    uint8_t *group = row_groups(c, tensor, row);
    int8_t quants[MOST_GROUP];
    float scale;
    int32_t sum;
    struct quantised to = {quants, &scale, &sum, c->group, c->group};
    for (uint32_t k = 0; k < tensor->columns; k += c->group, group += panel_group_bytes(c->group)) {
        kernels_for(engine->level)->quantise(&to, values + k);
        put_quants(group, (tensor->first_row + row) % PANEL, quants, c->group);
        put_scale(group, (tensor->first_row + row) % PANEL, scale);
    }
}

/* ---- from the file --------------------------------------------------------------------------------------------- */

/* Whole rows that fit a chunk, in whole panels when there are so many: at least four, a row has at most 256 KiB. */
static uint32_t rows_at_once(uint32_t row_bytes)
{
    uint32_t rows = LOAD_CHUNK_BYTES / row_bytes;
    return rows > PANEL ? rows - rows % PANEL : rows;
}

static bool load_floats(struct loading_file *file, const struct tensor *tensor)
{
    const struct engine *engine = file->engine;
    float *chunk = engine->memory.scratch;
    uint32_t columns = tensor->columns, at_once = rows_at_once(columns * (uint32_t)sizeof(float));
    for (uint32_t done = 0; done < tensor->rows;) {
        uint32_t count = tensor->rows - done < at_once ? tensor->rows - done : at_once;
        if (!loading_floats(file, chunk, (uint64_t)count * columns, tensor->name, tensor->layer))
            return false;
        if (engine->config.group == 0)
            put_floats((float *)(void *)tensor->panels, tensor->first_row + done, chunk, count, columns);
        else
            for (uint32_t i = 0; i < count; i++)
                quantise_row(engine, tensor, done + i, chunk + (uint64_t)i * columns);
        done += count;
    }
    return true;
}

static bool load_quants(struct loading_file *file, const struct tensor *tensor)
{
    const struct model_config *c = &file->engine->config;
    int8_t *chunk = file->engine->memory.scratch;
    uint32_t columns = tensor->columns, at_once = rows_at_once(columns);
    for (uint32_t done = 0; done < tensor->rows;) {
        uint32_t count = tensor->rows - done < at_once ? tensor->rows - done : at_once;
        uint64_t bytes = (uint64_t)count * columns;
        if (!read_chunk(file, chunk, bytes))
            return false;
        for (uint64_t i = 0; i < bytes; i++)
            if (chunk[i] == -128) /* the exporter divides by the largest magnitude / 127 */
                return refuse(file, tensor->name, tensor->layer, "the int8 weight -128, expected -127..127", i);
        for (uint32_t i = 0; i < count; i++) {
            uint8_t *group = row_groups(c, tensor, done + i);
            const int8_t *row = chunk + (uint64_t)i * columns;
            for (uint32_t k = 0; k < columns; k += c->group, group += panel_group_bytes(c->group))
                put_quants(group, (tensor->first_row + done + i) % PANEL, row + k, c->group);
        }
        if (!finish_chunk(file, bytes))
            return false;
        done += count;
    }
    return true;
}

static bool load_scales(struct loading_file *file, const struct tensor *tensor)
{
    const struct model_config *c = &file->engine->config;
    float *chunk = file->engine->memory.scratch;
    uint32_t groups = tensor->columns / c->group, at_once = rows_at_once(groups * (uint32_t)sizeof(float));
    for (uint32_t done = 0; done < tensor->rows;) {
        uint32_t count = tensor->rows - done < at_once ? tensor->rows - done : at_once;
        uint64_t floats = (uint64_t)count * groups;
        if (!read_chunk(file, chunk, floats * sizeof(float)))
            return false;
        for (uint64_t i = 0; i < floats; i++)
            if (!is_finite(chunk[i]) || chunk[i] < 0)
                return refuse(file, tensor->name, tensor->layer, "a scale that is not a finite number of at least 0",
                              i * sizeof(float));
        for (uint32_t i = 0; i < count; i++) {
            uint8_t *group = row_groups(c, tensor, done + i);
            for (uint32_t g = 0; g < groups; g++, group += panel_group_bytes(c->group))
                put_scale(group, (tensor->first_row + done + i) % PANEL, chunk[(uint64_t)i * groups + g]);
        }
        if (!finish_chunk(file, floats * sizeof(float)))
            return false;
        done += count;
    }
    return true;
}

bool loading_tensor(struct loading_file *file, const struct tensor *tensor)
{
    if (file->engine->config.version != 2)
        return load_floats(file, tensor);
    return load_quants(file, tensor) && load_scales(file, tensor);
}
