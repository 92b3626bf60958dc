/* workers.h - one pass at a time, shared among processors.
 *
 * The boot processor publishes the pass; then each processor works at its share of one phase after the other and meets
 * the others after each: it says so in a flag of its own, on a cache line of its own, and waits for the flags of all.
 * The shares are fixed by the number of processors and no sum is split, so the bits are those of one processor. The
 * boot processor polls while it waits. A processor that has not answered after WORKERS_LOST_POLLS of them is named, its
 * share is done here, and the kernel goes on with one.
 */
#ifndef LLMK_WORKERS_H
#define LLMK_WORKERS_H

#include "engine.h"

#define WORKERS_POLL_US 500u
#define WORKERS_LOST_POLLS 10000u /* five seconds; a machine that was suspended meanwhile has lost nobody */

struct worker_flag {
    _Alignas(64) uint64_t done; /* phases finished or left, counted since boot */
    uint64_t seen;              /* `published` as this processor last knew it */
};

struct workers {
    /* Phases before this pass << 8 | processors in it, the boot processor included. Written last: what stands below is
     * then valid for those processors; the others must not look at it. */
    _Alignas(64) uint64_t published;
    engine_work *work;
    const void *argument;
    uint32_t phases;
    _Alignas(64) uint64_t cancelled; /* phases up to this one are no longer wanted */
    struct worker_flag flags[ENGINE_PROCESSORS];
    /* Of the boot processor alone: */
    const struct engine *engine; /* whose poll it is */
    uint64_t phases_done;        /* of all passes since boot */
    uint32_t present;            /* processors ready to share, this one included; 0 or 1: none */
    uint32_t lost;               /* index of the processor that did not answer, 0: none; stays until the next boot */
    uint32_t missing;            /* index of a processor that did not come when it was sent for, 0: none */
    uint32_t logged, shown;      /* what was told of the two: see notices.c */
    uint32_t reported;           /* of `present`, what the line was told last */
    struct engine_sharing sharing;
};

/* Before a pass: makes `wanted` processors ready (0: all that the machine has if the model's phases are worth sharing,
 * else one), and gives the engine its hook or takes it away. Fewer than wanted is no error. */
void workers_prepare(struct workers *workers, struct engine *engine, uint32_t wanted);
/* After a pass: processors that can rest do. */
void workers_pass_done(void);
/* The life of worker `index` (1 .. present - 1): returns when the port's port_worker_rest says so. */
void workers_work(void *workers, uint32_t index);

#endif
