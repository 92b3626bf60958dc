#include "workers.h"

#include "port.h"

#define WAIT_SPINS 256u /* between two looks at the clock by the waiting boot processor */

static uint64_t phases_before(uint64_t published)
{
    return published >> 8;
}

static uint32_t sharers(uint64_t published)
{
    return (uint32_t)(published & 0xff);
}

static bool has_done(const struct workers *workers, uint32_t index, uint64_t phase)
{
    return __atomic_load_n(&workers->flags[index].done, __ATOMIC_ACQUIRE) >= phase;
}

static void set_done(struct workers *workers, uint32_t index, uint64_t phase)
{
    __atomic_store_n(&workers->flags[index].done, phase, __ATOMIC_RELEASE);
}

/* The first other than `self` that has not done a phase; `of`: all have. */
static uint32_t unfinished(const struct workers *workers, uint32_t self, uint32_t of, uint64_t phase)
{
    for (uint32_t i = 0; i < of; i++)
        if (i != self && !has_done(workers, i, phase))
            return i;
    return of;
}

/* ---- a worker --------------------------------------------------------------------------------------------------- */

static bool still_wanted(void *context)
{
    struct workers *workers = context;
    return __atomic_load_n(&workers->cancelled, __ATOMIC_ACQUIRE) <= phases_before(workers->published);
}

/* False: the port wants the worker back. */
static bool meet_others(struct workers *workers, uint32_t index, uint32_t of, uint64_t phase)
{
    for (uint32_t round = 0; unfinished(workers, index, of, phase) != of && still_wanted(workers); round++)
        if (!port_worker_pause(round))
            return false;
    return true;
}

static bool work_at_pass(struct workers *workers, uint32_t index, uint64_t published)
{
    struct engine_share share = {.index = index, .of = sharers(published), .look = still_wanted, .context = workers};
    uint64_t done = phases_before(published), end = done + workers->phases;
    for (uint32_t phase = 0; done < end && still_wanted(workers); phase++) {
        if (!workers->work(workers->argument, phase, &share))
            break;
        set_done(workers, index, ++done);
        if (done < end && !meet_others(workers, index, share.of, done))
            return false;
    }
    set_done(workers, index, end);
    return true;
}

void workers_work(void *context, uint32_t index)
{
    struct workers *workers = context;
    struct worker_flag *flag = &workers->flags[index];
    for (;;) {
        uint64_t now;
        for (uint32_t round = 0; (now = __atomic_load_n(&workers->published, __ATOMIC_ACQUIRE)) == flag->seen; round++)
            if (!port_worker_rest(index, round, &workers->published, flag->seen))
                return;
        flag->seen = now;
        if (index < sharers(now) && !work_at_pass(workers, index, now))
            return;
    }
}

/* ---- the boot processor ----------------------------------------------------------------------------------------- */

static bool poll(void *context)
{
    const struct workers *workers = context;
    const struct engine *engine = workers->engine;
    return engine->poll == NULL || engine->poll(engine->poll_context);
}

static void publish(struct workers *workers, engine_work *work, const void *argument, uint32_t phases)
{
    workers->work = work;
    workers->argument = argument;
    workers->phases = phases;
    __atomic_store_n(&workers->published, workers->phases_done << 8 | workers->present, __ATOMIC_SEQ_CST);
    port_workers_wake();
}

/* Ends the pass for the others: each looks before every piece of its work and while it waits. */
static void cancel(struct workers *workers)
{
    __atomic_store_n(&workers->cancelled, workers->phases_done + workers->phases, __ATOMIC_SEQ_CST);
}

enum wait_end { WAIT_MET, WAIT_STOPPED /* a poll said no */, WAIT_LOST /* one does not answer */ };

/* Waits until all others have done a phase. */
static enum wait_end wait_for_others(struct workers *workers, uint64_t phase, bool heed_polls)
{
    uint64_t last = 0, cycles = port_clock()->hz / 1000000u * WORKERS_POLL_US + 1;
    uint32_t polls = 0;
    for (uint32_t round = 0; unfinished(workers, 0, workers->present, phase) != workers->present; round++) {
        (void)port_worker_pause(round);
        if (round % WAIT_SPINS != WAIT_SPINS - 1)
            continue;
        uint64_t now = port_cycles();
        if (last != 0 && now - last <= cycles)
            continue;
        last = now;
        if (++polls > WORKERS_LOST_POLLS)
            return WAIT_LOST;
        if (!poll(workers) && heed_polls)
            return WAIT_STOPPED;
    }
    return WAIT_MET;
}

/* From now on the boot processor is alone. What a silent processor writes after this is what stands there already,
 * unless the buffer has a new use by then: it looks before every piece, so that it is one piece at most. */
static void go_on_alone(struct workers *workers, uint64_t phase)
{
    workers->lost = unfinished(workers, 0, workers->present, phase);
    workers->present = 1;
    cancel(workers);
}

/* The boot processor has done its share of a phase, which is number `phase` of all. Does those of the others when one
 * is lost: all of them, since a share may be done twice. */
static bool meet(struct workers *workers, uint64_t phase)
{
    uint32_t of = workers->present;
    enum wait_end end = wait_for_others(workers, phase, true);
    if (end != WAIT_LOST)
        return end == WAIT_MET;
    go_on_alone(workers, phase);
    bool on = true;
    for (uint32_t i = 1; on && i < of; i++) {
        struct engine_share share = {i, of, poll, workers, 0};
        on = workers->work(workers->argument, (uint32_t)(phase - 1 - workers->phases_done), &share);
    }
    return on;
}

/* A poll has said no: the pass is over when nobody works at it any more. */
static void end_early(struct workers *workers)
{
    uint64_t end = workers->phases_done + workers->phases;
    cancel(workers);
    if (wait_for_others(workers, end, false) == WAIT_LOST)
        go_on_alone(workers, end);
}

static bool run(void *context, engine_work *work, const void *argument, uint32_t phases)
{
    struct workers *workers = context;
    struct engine_share share = {0, workers->present, poll, workers, 0};
    uint64_t end = workers->phases_done + phases;
    bool on = true;
    publish(workers, work, argument, phases);
    for (uint32_t phase = 0; on && phase < phases; phase++) {
        share.of = workers->present;
        on = work(argument, phase, &share);
        set_done(workers, 0, workers->phases_done + phase + on);
        on = on && meet(workers, workers->phases_done + phase + 1);
    }
    if (!on)
        end_early(workers);
    set_done(workers, 0, end);
    workers->phases_done = end;
    return on && poll(workers);
}

void workers_prepare(struct workers *workers, struct engine *engine, uint32_t wanted)
{
    uint32_t found = port_processors();
    uint32_t most = wanted == 0 ? found : wanted;
    most = most > ENGINE_PROCESSORS ? ENGINE_PROCESSORS : most;
    engine->sharing = NULL;
    workers->engine = engine;
    workers->present = 1;
    if (workers->lost != 0 || most < 2 || (wanted == 0 && !engine_worth_sharing(engine)))
        return;
    workers->present = port_workers_start(most, workers_work, workers);
    workers->missing = port_worker_missing();
    workers->sharing = (struct engine_sharing){run, workers, workers->present};
    if (workers->present > 1)
        engine->sharing = &workers->sharing;
}

void workers_pass_done(void)
{
    port_workers_idle();
}
