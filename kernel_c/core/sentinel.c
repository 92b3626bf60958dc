/* sentinel.c - measures every pass against its budget, looks after the guards, and stops the work when one is broken.
 */
#include "sentinel.h"

#include "dump_files.h"
#include "kernel.h"
#include "text.h"
#include "values.h"

#define BUDGET_FACTOR 6u
#define EVENTS_A_TURN                                                                                                  \
    4u /* further overruns of a turn are counted, not logged one by one: the ring is for different events */

static unsigned phase_index(enum wire_sentinel_phase phase)
{
    return phase == WIRE_SENTINEL_PHASE_PREFILL ? 0 : 1;
}

static const char *overrun_message(enum wire_sentinel_phase phase)
{
    return phase == WIRE_SENTINEL_PHASE_PREFILL ? "prefill pass over its budget" : "decode pass over its budget";
}

static uint64_t budget_for(uint64_t cycles)
{
    uint64_t budget = cycles > UINT64_MAX / BUDGET_FACTOR ? UINT64_MAX : cycles * BUDGET_FACTOR;
    return budget > SENTINEL_LEAST_BUDGET ? budget : SENTINEL_LEAST_BUDGET;
}

void sentinel_init(struct sentinel *sentinel)
{
    *sentinel = (struct sentinel){.state = WIRE_SENTINEL_STATE_ARMED};
}

static uint64_t learn(uint64_t budget, uint64_t cycles)
{
    uint64_t target = budget_for(cycles);
    if (budget == 0)
        return target;
    return target > budget ? budget + (target - budget) / 16 : budget - (budget - target) / 2;
}

static void forget(struct sentinel_phase_state *phase)
{
    if (!phase->pinned)
        phase->budget = 0;
    for (unsigned i = 0; i < SENTINEL_SIZES; i++)
        phase->learnt[i] = 0;
}

/* Which of the learnt budgets is for passes of so many tokens. */
static unsigned size_index(uint32_t tokens)
{
    unsigned index = 0;
    while (tokens > 1 && index + 1 < SENTINEL_SIZES) {
        tokens /= 2;
        index++;
    }
    return index;
}

static void remember(struct sentinel *sentinel, uint64_t cycles)
{
    sentinel->history[sentinel->history_next] = cycles;
    sentinel->history_next = (sentinel->history_next + 1) % SENTINEL_HISTORY;
    if (sentinel->history_count < SENTINEL_HISTORY)
        sentinel->history_count++;
}

static bool overrun(struct kernel *kernel, enum wire_sentinel_phase phase, uint64_t cycles, uint64_t budget,
                    bool strict)
{
    struct sentinel *sentinel = &kernel->sentinel;
    struct sentinel_phase_state *state = &sentinel->phases[phase_index(phase)];
    state->overruns++;
    if (strict) {
        sentinel_trip(kernel, WIRE_SENTINEL_ERROR_BUDGET, phase, WIRE_ARENA_NONE, cycles, budget,
                      overrun_message(phase));
        return false;
    }
    sentinel->error = WIRE_SENTINEL_ERROR_BUDGET;
    sentinel->error_phase = phase;
    struct text reason;
    text_init(&reason, sentinel->reason, sizeof sentinel->reason);
    text_string(&reason, overrun_message(phase));
    if (state->overruns - state->reported <= EVENTS_A_TURN)
        log_event(kernel, WIRE_LOG_LEVEL_WARN, WIRE_LOG_CODE_BUDGET, WIRE_ARENA_NONE, cycles, budget,
                  overrun_message(phase));
    return true;
}

bool sentinel_pass(struct kernel *kernel, enum wire_sentinel_phase phase, uint32_t tokens, uint64_t cycles)
{
    struct sentinel *sentinel = &kernel->sentinel;
    struct sentinel_phase_state *state = &sentinel->phases[phase_index(phase)];
    uint64_t *learnt = &state->learnt[size_index(tokens)];
    state->last = cycles;
    if (!state->pinned)
        state->budget = *learnt;
    state->passes++;
    if (phase == WIRE_SENTINEL_PHASE_DECODE)
        remember(sentinel, cycles);
    if (sentinel->test[phase_index(phase)]) {
        sentinel->test[0] = sentinel->test[1] = false; /* one shot; budgets and strictness were never touched */
        if (cycles > sentinel->test_cycles)
            return overrun(kernel, phase, cycles, sentinel->test_cycles, true);
    }
    if (state->budget != 0 && cycles > state->budget &&
        !overrun(kernel, phase, cycles, state->budget, sentinel->strict))
        return false;
    if (!state->pinned)
        state->budget = *learnt = learn(*learnt, cycles);
    return true;
}

static enum wire_log_code code_of(enum wire_sentinel_error error)
{
    switch (error) {
    case WIRE_SENTINEL_ERROR_ALLOC:
        return WIRE_LOG_CODE_ALLOC_FAIL;
    case WIRE_SENTINEL_ERROR_OOB:
        return WIRE_LOG_CODE_OOB;
    case WIRE_SENTINEL_ERROR_RO_WRITE:
        return WIRE_LOG_CODE_RO_WRITE;
    case WIRE_SENTINEL_ERROR_GUARD:
        return WIRE_LOG_CODE_GUARD;
    case WIRE_SENTINEL_ERROR_BUDGET:
        return WIRE_LOG_CODE_BUDGET;
    default:
        return WIRE_LOG_CODE_INFO;
    }
}

void sentinel_trip(struct kernel *kernel, enum wire_sentinel_error error, enum wire_sentinel_phase phase,
                   enum wire_arena arena, uint64_t first, uint64_t second, const char *message)
{
    struct sentinel *sentinel = &kernel->sentinel;
    bool already = sentinel->state == WIRE_SENTINEL_STATE_TRIPPED;
    log_event(kernel, WIRE_LOG_LEVEL_ERROR, code_of(error), arena, first, second, message);
    if (already)
        return; /* the first cause is the one to report */
    sentinel->state = WIRE_SENTINEL_STATE_TRIPPED;
    sentinel->error = error;
    sentinel->error_phase = phase;
    struct text reason;
    text_init(&reason, sentinel->reason, sizeof sentinel->reason);
    text_string(&reason, message);
    zone_wipe(&kernel->zones, WIRE_ARENA_SCRATCH);
    zone_wipe(&kernel->zones, WIRE_ARENA_ACTS);
    log_event(kernel, WIRE_LOG_LEVEL_ERROR, WIRE_LOG_CODE_FAILSAFE, WIRE_ARENA_NONE, 0, 0,
              "tripped: SCRATCH and ACTS wiped");
    struct error failure;
    sentinel->file_failed = !dump_write_failsafe(kernel, &failure);
    if (sentinel->file_failed)
        log_event(kernel, WIRE_LOG_LEVEL_ERROR, WIRE_LOG_CODE_FILE, WIRE_ARENA_NONE, 0, 0, failure.text);
    link_changed(kernel, WIRE_STREAM_SENTINEL);
    link_changed(kernel, WIRE_STREAM_ZONES);
    link_changed(kernel, WIRE_STREAM_ZONE);
}

bool sentinel_check_guards(struct kernel *kernel)
{
    for (unsigned i = 1; i <= ZONE_COUNT; i++) {
        enum wire_arena which = (enum wire_arena)i;
        if (zone_guard_intact(&kernel->zones, which))
            continue;
        const struct arena *arena = zone_arena(&kernel->zones, which);
        sentinel_trip(kernel, WIRE_SENTINEL_ERROR_GUARD, WIRE_SENTINEL_PHASE_GENERIC, which,
                      (uint64_t)(uintptr_t)(arena->base + arena->size), ZONE_GUARD_BYTES,
                      "guard bytes behind the arena overwritten");
        return false;
    }
    return true;
}

bool sentinel_check_row(struct kernel *kernel, enum wire_sentinel_phase phase, uint32_t row)
{
    uint32_t rows = kernel->engine.config.seq_len;
    if (row < rows)
        return true;
    sentinel_trip(kernel, WIRE_SENTINEL_ERROR_OOB, phase, WIRE_ARENA_KV, row, rows, "row beyond the end of the KV cache");
    return false;
}

bool sentinel_check_weights(struct kernel *kernel, uint64_t *ret_sum)
{
    uint64_t sum = zone_sum(&kernel->zones, WIRE_ARENA_WEIGHTS);
    if (ret_sum != NULL)
        *ret_sum = sum;
    if (sum == kernel->weights_sum)
        return true;
    sentinel_trip(kernel, WIRE_SENTINEL_ERROR_RO_WRITE, WIRE_SENTINEL_PHASE_GENERIC, WIRE_ARENA_WEIGHTS, sum,
                  kernel->weights_sum, "WEIGHTS differ from what was loaded");
    return false;
}

bool sentinel_layout(struct kernel *kernel, struct error *error)
{
    struct model_need need;
    model_need(&kernel->engine.config, &need);
    zone_wipe(&kernel->zones, WIRE_ARENA_SCRATCH);
    zone_wipe(&kernel->zones, WIRE_ARENA_ACTS);
    kernel->scratch = kernel_alloc(kernel, WIRE_ARENA_SCRATCH, need.scratch, "sampler work", error);
    kernel->acts =
        kernel->scratch == NULL ? NULL : kernel_alloc(kernel, WIRE_ARENA_ACTS, need.acts, "activations", error);
    return kernel->acts != NULL;
}

void sentinel_reset(struct kernel *kernel)
{
    struct sentinel *sentinel = &kernel->sentinel;
    struct sentinel_phase_state kept[2] = {sentinel->phases[0], sentinel->phases[1]};
    bool strict = sentinel->strict;
    sentinel_init(sentinel);
    sentinel->strict = strict;
    for (unsigned i = 0; i < 2; i++) {
        sentinel->phases[i].pinned = kept[i].pinned;
        sentinel->phases[i].budget = kept[i].pinned ? kept[i].budget : 0;
    }
    for (unsigned i = 1; i <= ZONE_COUNT; i++)
        zone_mend_guard(&kernel->zones, (enum wire_arena)i);
    struct error error;
    if (kernel->model_loaded) {
        /* The same sizes in the same order give the same addresses, so the engine's pointers stay right. */
        if (sentinel_layout(kernel, &error))
            engine_reset_buffers(&kernel->engine);
        else
            sentinel_trip(kernel, WIRE_SENTINEL_ERROR_ALLOC, WIRE_SENTINEL_PHASE_GENERIC, WIRE_ARENA_ACTS, 0, 0,
                          "volatile memory lost");
    }
    link_changed(kernel, WIRE_STREAM_SENTINEL);
    link_changed(kernel, WIRE_STREAM_ZONES);
    link_changed(kernel, WIRE_STREAM_ZONE);
}

void sentinel_relearn(struct sentinel *sentinel)
{
    for (unsigned i = 0; i < 2; i++)
        forget(&sentinel->phases[i]);
}

void sentinel_pin(struct sentinel *sentinel, enum wire_sentinel_phase phase, uint64_t cycles)
{
    struct sentinel_phase_state *state = &sentinel->phases[phase_index(phase)];
    if (cycles == 0 && !state->pinned)
        return; /* it goes on learning */
    forget(state);
    state->budget = cycles;
    state->pinned = cycles != 0;
}

uint32_t sentinel_percentiles(const struct sentinel *sentinel, uint64_t ret_values[3])
{
    static const uint32_t percents[3] = {50, 95, 99};
    uint64_t sorted[SENTINEL_HISTORY];
    uint32_t count = sentinel->history_count;
    __builtin_memcpy(sorted, sentinel->history, count * sizeof sorted[0]);
    sort_values(sorted, count);
    for (unsigned i = 0; i < 3; i++) /* nearest rank */
        ret_values[i] = count == 0 ? 0 : sorted[(count * percents[i] + 99) / 100 - 1];
    return count;
}
