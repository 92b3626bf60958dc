/* engine_tensor.c - one tensor of a model file into panels, through the scratch memory, in chunks of whole rows. */
#include "engine_load.h"

bool loading_report(const struct loading_file *file)
{
    uint64_t total = file->engine->config.file_bytes;
    if (file->progress == NULL || file->progress(file->context, file->done, total))
        return true;
    return error_set(file->error, ERROR_STATE, "model: loading was stopped at byte %llu of %llu",
                     (unsigned long long)file->done, (unsigned long long)total);
}

static bool refuse(const struct loading_file *file, const char *name, uint32_t layer, const char *what, uint64_t offset)
{
    unsigned long long place = file->offset + offset;
    if (layer == NO_LAYER)
        return error_set(file->error, ERROR_FORMAT, "model: %s has %s, at byte %llu of the file", name, what, place);
    return error_set(file->error, ERROR_FORMAT, "model: %s of layer %u has %s, at byte %llu of the file", name, layer,
                     what, place);
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

uint64_t loading_finite(const float *values, uint64_t count)
{
    uint64_t good = 0;
    if (all_finite(values, count))
        return count;
    while (is_finite(values[good]))
        good++;
    return good;
}

/* x86 is little-endian, as the file is. */
bool loading_read(struct loading_file *file, void *to, uint64_t bytes)
{
    return file->read(file->context, file->offset, to, bytes, file->error);
}

bool loading_done(struct loading_file *file, uint64_t bytes)
{
    file->offset += bytes;
    file->done += bytes;
    return loading_report(file);
}

bool loading_floats(struct loading_file *file, float *to, uint64_t count, const char *name, uint32_t layer)
{
    if (!loading_read(file, to, count * sizeof(float)))
        return false;
    uint64_t finite = loading_finite(to, count);
    if (finite < count)
        return refuse(file, name, layer, "a weight that is not a finite number", finite * sizeof(float));
    return loading_done(file, count * sizeof(float));
}

/* ---- from the file --------------------------------------------------------------------------------------------- */

/* A row has at most 256 KiB. */
uint32_t loading_rows_at_once(uint32_t row_bytes)
{
    uint32_t rows = LOAD_CHUNK_BYTES / row_bytes;
    return rows > PANEL ? rows - rows % PANEL : rows;
}

static bool load_floats(struct loading_file *file, const struct tensor *tensor)
{
    const struct engine *engine = file->engine;
    float *chunk = engine->memory.scratch;
    uint32_t columns = tensor->columns, at_once = loading_rows_at_once(columns * (uint32_t)sizeof(float));
    for (uint32_t done = 0; done < tensor->rows;) {
        uint32_t count = tensor->rows - done < at_once ? tensor->rows - done : at_once;
        if (!loading_floats(file, chunk, (uint64_t)count * columns, tensor->name, tensor->layer))
            return false;
        panel_rows(engine, tensor, done, chunk, count);
        done += count;
    }
    return true;
}

static bool load_quants(struct loading_file *file, const struct tensor *tensor)
{
    const struct model_config *c = &file->engine->config;
    int8_t *chunk = file->engine->memory.scratch;
    uint32_t columns = tensor->columns, at_once = loading_rows_at_once(columns);
    for (uint32_t done = 0; done < tensor->rows;) {
        uint32_t count = tensor->rows - done < at_once ? tensor->rows - done : at_once;
        uint64_t bytes = (uint64_t)count * columns;
        if (!loading_read(file, chunk, bytes))
            return false;
        for (uint64_t i = 0; i < bytes; i++)
            if (chunk[i] == -128) /* the exporter divides by the largest magnitude / 127 */
                return refuse(file, tensor->name, tensor->layer, "the int8 weight -128, expected -127..127", i);
        for (uint32_t i = 0; i < count; i++) {
            struct panel_row row = panel_row(c, tensor, done + i);
            const int8_t *quants = chunk + (uint64_t)i * columns;
            for (uint32_t k = 0; k < columns; k += c->group, row.group += panel_group_bytes(c->group))
                panel_quants(&row, quants + k, c->group);
        }
        if (!loading_done(file, bytes))
            return false;
        done += count;
    }
    return true;
}

static bool load_scales(struct loading_file *file, const struct tensor *tensor)
{
    const struct model_config *c = &file->engine->config;
    float *chunk = file->engine->memory.scratch;
    uint32_t groups = tensor->columns / c->group, at_once = loading_rows_at_once(groups * (uint32_t)sizeof(float));
    for (uint32_t done = 0; done < tensor->rows;) {
        uint32_t count = tensor->rows - done < at_once ? tensor->rows - done : at_once;
        uint64_t floats = (uint64_t)count * groups;
        if (!loading_read(file, chunk, floats * sizeof(float)))
            return false;
        for (uint64_t i = 0; i < floats; i++)
            if (!is_finite(chunk[i]) || chunk[i] < 0)
                return refuse(file, tensor->name, tensor->layer, "a scale that is not a finite number of at least 0",
                              i * sizeof(float));
        for (uint32_t i = 0; i < count; i++) {
            struct panel_row row = panel_row(c, tensor, done + i);
            for (uint32_t g = 0; g < groups; g++, row.group += panel_group_bytes(c->group))
                panel_scale(&row, chunk[(uint64_t)i * groups + g]);
        }
        if (!loading_done(file, floats * sizeof(float)))
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
