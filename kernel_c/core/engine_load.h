/* engine_load.h - a model file on its way into the panels. Private to the engine's files. */
#ifndef LLMK_ENGINE_LOAD_H
#define LLMK_ENGINE_LOAD_H

#include "gguf.h"
#include "model_weights.h"

#define NO_LAYER UINT32_MAX
#define MOST_GROUP 128u

struct loading_file {
    struct engine *engine;
    model_read *read;
    model_progress *progress;
    void *context;
    struct error *error;
    uint64_t offset; /* in the file: what comes next */
    uint64_t done;   /* bytes read, for the progress */
};

/* A tensor of the file and the rows of a matrix in panels that it becomes. */
struct tensor {
    const char *name; /* for refusals */
    uint32_t layer;   /* or NO_LAYER */
    uint8_t *panels;
    uint32_t first_row, rows, columns;
};

bool loading_report(const struct loading_file *file); /* progress; false: stop */

/* The next octets of the file, at most one chunk; and that they are done with: the file goes on behind them. */
bool loading_read(struct loading_file *file, void *to, uint64_t bytes);
bool loading_done(struct loading_file *file, uint64_t bytes);

/* The next `count` floats of the file, at most one chunk, into `to`; refuses what is not finite. */
bool loading_floats(struct loading_file *file, float *to, uint64_t count, const char *name, uint32_t layer);

/* The next tensor of the file, in the numbers of the file, into its panels, in the numbers of the memory. */
bool loading_tensor(struct loading_file *file, const struct tensor *tensor);

/* Whole rows of so many bytes that fit a chunk, in whole panels when there are so many: at least four. */
uint32_t loading_rows_at_once(uint32_t row_bytes);

/* How many of the values, from the first on, are finite numbers. */
uint64_t loading_finite(const float *values, uint64_t count);

/* All tensors of a GGUF file, in the order in which they lie in it. */
bool loading_gguf(struct loading_file *file, const struct gguf *gguf);

static inline bool is_finite(float value)
{
    uint32_t bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    return (bits & 0x7f800000u) != 0x7f800000u;
}

/* ---- engine_panels.c: rows of a tensor into panels ------------------------------------------------------------- */

/* `count` rows of float32, from row `row` of the tensor on. For int8 panels they are quantised: as the activations are,
 * and as llama2.c's exporter does but for halves, which that rounds to even. */
void panel_rows(const struct engine *engine, const struct tensor *tensor, uint32_t row, const float *rows,
                uint32_t count);

/* One row of an int8 matrix, group by group: the next group lies panel_group_bytes behind `group`. */
struct panel_row {
    uint8_t *group;
    uint32_t lane;
};
struct panel_row panel_row(const struct model_config *config, const struct tensor *tensor, uint32_t row);
void panel_quants(const struct panel_row *row, const int8_t *quants, uint32_t count); /* of one group */
void panel_scale(const struct panel_row *row, float scale);

#endif
