/* sentinel.h - cycle budgets for every forward pass, checks on memory, and what happens when one is broken. */
#ifndef LLMK_SENTINEL_H
#define LLMK_SENTINEL_H

#include "error.h"
#include "llmk_wire.h"

#include <stdbool.h>
#include <stdint.h>

#define SENTINEL_HISTORY 256u
#define SENTINEL_LEAST_BUDGET 500000u /* cycles; a learnt budget never falls below it */

struct sentinel_phase_state { /* index 0: prefill, 1: decode */
    uint64_t last, budget;
    bool pinned; /* set by a person, never changed by learning */
    uint64_t overruns, passes;
};

struct sentinel {
    enum wire_sentinel_state state;
    bool strict;
    enum wire_sentinel_error error;
    enum wire_sentinel_phase error_phase;
    struct sentinel_phase_state phases[2];
    uint64_t history[SENTINEL_HISTORY]; /* decode passes, a ring */
    uint32_t history_count, history_next;
};

struct kernel;

void sentinel_init(struct sentinel *sentinel);
/* One forward pass took `cycles`. Learns the budget (max(6 x measured, 500,000), slow average up, fast fall) or checks it. False: it tripped. */
bool sentinel_pass(struct kernel *kernel, enum wire_sentinel_phase phase, uint64_t cycles);
/* Records the event, wipes SCRATCH and ACTS, writes llmk-failsafe.txt, and refuses work until sentinel_reset. */
void sentinel_trip(struct kernel *kernel, enum wire_sentinel_error error, enum wire_sentinel_phase phase, enum wire_arena arena,
                   uint64_t first, uint64_t second, const char *message);
bool sentinel_check_guards(struct kernel *kernel); /* between turns; trips on a broken one */
void sentinel_reset(struct kernel *kernel);        /* untrips, forgets errors and overruns, lays volatile memory out again */
/* 0 learns. Both budgets of /budget. */
void sentinel_pin(struct sentinel *sentinel, enum wire_sentinel_phase phase, uint64_t cycles);
/* 50th, 95th and 99th percentile of the last decode passes; returns how many passes there were. */
uint32_t sentinel_percentiles(const struct sentinel *sentinel, uint64_t ret_values[3]);

#endif
