/* sentinel.h - cycle budgets for every forward pass, checks on memory, and what happens when one is broken. */
#ifndef LLMK_SENTINEL_H
#define LLMK_SENTINEL_H

#include "error.h"
#include "llmk_wire.h"
#include "log.h"

#include <stdbool.h>
#include <stdint.h>

#define SENTINEL_HISTORY 256u
#define SENTINEL_LEAST_BUDGET 500000u /* cycles; a learnt budget never falls below it */
#define SENTINEL_SIZES 7u             /* of passes: of 1, 2 to 3, 4 to 7, .. 64 tokens */

/* Cycles are those for a token of the pass: a prompt is computed many tokens at a time, and what a pass takes is
 * divided by their number. The more tokens, the cheaper each, so budgets are learnt for every size of passes apart. */
struct sentinel_phase_state { /* index 0: prefill, 1: decode */
    uint64_t last, budget;    /* of the last pass */
    uint64_t learnt[SENTINEL_SIZES];
    bool pinned;               /* set by a person, never changed by learning */
    uint64_t overruns, passes; /* since the last reset */
    uint64_t reported;         /* overruns that have had their notice line */
};

struct sentinel {
    enum wire_sentinel_state state;
    bool strict;
    enum wire_sentinel_error error;
    enum wire_sentinel_phase error_phase;
    char reason[LOG_MESSAGE_BYTES]; /* of the last error, "" when there is none */
    bool test[2];                   /* /test_failsafe: the next pass of this phase is held to test_cycles, strictly */
    uint64_t test_cycles;
    bool file_failed; /* llmk-failsafe.txt of this trip could not be written */
    struct sentinel_phase_state phases[2];
    uint64_t history[SENTINEL_HISTORY]; /* decode passes, a ring */
    uint32_t history_count, history_next;
};

struct kernel;

void sentinel_init(struct sentinel *sentinel);
/* One forward pass took `cycles` for each of its tokens (the time in the console and on the line taken out). A learnt
 * budget follows max(6 x measured, 500,000): up by a sixteenth of the way, down by half of it. A pass over the budget
 * is counted and logged; in strict mode it trips. False: it tripped, and the pass does not count. */
bool sentinel_pass(struct kernel *kernel, enum wire_sentinel_phase phase, uint32_t tokens, uint64_t cycles);
/* Records the event, wipes SCRATCH and ACTS, writes llmk-failsafe.txt, and refuses work until sentinel_reset. */
void sentinel_trip(struct kernel *kernel, enum wire_sentinel_error error, enum wire_sentinel_phase phase,
                   enum wire_arena arena, uint64_t first, uint64_t second, const char *message);
bool sentinel_check_guards(struct kernel *kernel); /* between turns; trips on a broken one */
/* Before a pass writes rows of the KV cache: a last one beyond the context trips. */
bool sentinel_check_row(struct kernel *kernel, enum wire_sentinel_phase phase, uint32_t row);
/* The sum of WEIGHTS as it is and as it was after loading; trips when they differ. `ret_sum` may be NULL. */
bool sentinel_check_weights(struct kernel *kernel, uint64_t *ret_sum);
/* Untrips, forgets errors, overruns and what was learnt, lays volatile memory out again. Pinned budgets stay pinned. */
void sentinel_reset(struct kernel *kernel);
/* Gives SCRATCH and ACTS their one block each, after a load and after every wipe. */
bool sentinel_layout(struct kernel *kernel, struct error *error);
/* Passes take another time from now on (other kernels, other processors): what was learnt means nothing any more. */
void sentinel_relearn(struct sentinel *sentinel);
/* A budget set by a person; 0 learns it anew. */
void sentinel_pin(struct sentinel *sentinel, enum wire_sentinel_phase phase, uint64_t cycles);
/* 50th, 95th and 99th percentile of the last decode passes; returns how many passes there were. */
uint32_t sentinel_percentiles(const struct sentinel *sentinel, uint64_t ret_values[3]);

#endif
