/* engine_pass.h - one forward pass under way. Private to the engine's files. */
#ifndef LLMK_ENGINE_PASS_H
#define LLMK_ENGINE_PASS_H

#include "model_weights.h"

#include <stdbool.h>

/* Multiply-adds between two polls: about half a millisecond of the vector levels under emulation (measured there: 150
 * to 250 million a second), microseconds on a machine. The poll itself looks at the clock when it is dear. */
#define POLL_PRODUCTS 65536u

struct pass {
    const struct engine *engine;
    const struct kernels *kernels;
    struct engine_cache cache;
    const float *input;      /* of the products that follow: see pass_input */
    struct quantised quants; /* the same for int8 weights */
    uint32_t position;
    uint64_t products; /* since the last poll */
};

bool pass_poll(struct pass *pass);                     /* polls now; false: abort */
bool pass_spend(struct pass *pass, uint64_t products); /* polls when enough work was done since the last poll */

/* attention.c: rotates queries and keys, stores the row, and attends from row `position`; the result is in
 * buffers->attended. */
bool attention_run(struct pass *pass, uint32_t layer);

#endif
