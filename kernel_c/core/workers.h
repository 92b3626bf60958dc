/* workers.h - one product at a time, shared among processors.
 *
 * The boot processor publishes a product and a sequence number, works at its own share and waits for the flags of the
 * others, each on a cache line of its own. The split into shares is fixed by their number and goes by whole panels, so
 * no sum changes its order: the bits are those of one processor. A processor that does not answer within
 * WORKERS_LOST_US is named, its share is done here, and the kernel goes on with one.
 */
#ifndef LLMK_WORKERS_H
#define LLMK_WORKERS_H

#include "engine.h"

#define WORKERS_MOST 16u
#define WORKERS_LOST_US 5000000u

struct worker_flag {
    _Alignas(64) uint64_t done; /* the sequence number of the last share finished */
};

struct workers {
    /* A number << 8 | processors at work on this product, this one included. Written last: what stands below is then
     * valid for those processors; the others must not look at it. */
    _Alignas(64) uint64_t sequence;
    engine_part *part;
    const void *argument;
    uint32_t panels, step;
    uint64_t cancelled; /* products up to this one are no longer wanted */
    struct worker_flag flags[WORKERS_MOST];
    /* Of the boot processor alone: */
    uint32_t present;      /* processors ready to share, this one included; 0 or 1: none */
    uint32_t lost;         /* index of the processor that did not answer, 0: none; stays until the next boot */
    uint64_t waiting_from; /* cycles; 0: not waiting */
    struct engine_sharing sharing;
};

/* Before a pass: makes `wanted` processors ready (0: all that the machine has) if the model has products worth sharing,
 * and gives the engine its hook or takes it away. Fewer than wanted is no error. */
void workers_prepare(struct workers *workers, struct engine *engine, uint32_t wanted);
/* After a pass: processors that can rest do. */
void workers_pass_done(struct workers *workers);
/* The life of worker `index` (1 .. present - 1): returns when the port's port_worker_rest says so. */
void workers_work(void *workers, uint32_t index);

#endif
