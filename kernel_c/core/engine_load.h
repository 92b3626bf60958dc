/* engine_load.h - a model file on its way into the panels. Private to the engine's files. */
#ifndef LLMK_ENGINE_LOAD_H
#define LLMK_ENGINE_LOAD_H

#include "model_weights.h"

#define NO_LAYER UINT32_MAX

struct loading_file {
    struct engine *engine;
    model_read *read;
    model_progress *progress;
    void *context;
    struct error *error;
    uint64_t offset; /* in the file: what comes next */
};

/* A tensor of the file and the rows of a matrix in panels that it becomes. */
struct tensor {
    const char *name; /* for refusals */
    uint32_t layer;   /* or NO_LAYER */
    uint8_t *panels;
    uint32_t first_row, rows, columns;
};

bool loading_report(const struct loading_file *file); /* progress; false: stop */

/* The next `count` floats of the file, at most one chunk, into `to`; refuses what is not finite. */
bool loading_floats(struct loading_file *file, float *to, uint64_t count, const char *name, uint32_t layer);

/* The next tensor of the file, in the numbers of the file, into its panels, in the numbers of the memory. */
bool loading_tensor(struct loading_file *file, const struct tensor *tensor);

#endif
