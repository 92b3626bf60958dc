#include "workers.h"

#include "port.h"

#define WAIT_SPINS 256u /* between two looks at the clock by the waiting boot processor */
#define WAIT_US 500u    /* then the engine polls */

static uint32_t sharers(uint64_t sequence)
{
    return (uint32_t)(sequence & 0xff);
}

/* The panels of one sharer: even numbers, which the widest kernel likes; the last takes what is left. */
static uint32_t share_start(const struct workers *workers, uint64_t sequence, uint32_t index)
{
    uint32_t each = (workers->panels + sharers(sequence) - 1) / sharers(sequence);
    uint64_t start = (uint64_t)(each + each % 2) * index;
    return start < workers->panels ? (uint32_t)start : workers->panels;
}

/* In pieces, so that a product which is no longer wanted ends soon. */
static void do_share(const struct workers *workers, uint32_t index, uint64_t sequence)
{
    uint32_t last = share_start(workers, sequence, index + 1), step = workers->step;
    for (uint32_t first = share_start(workers, sequence, index); first < last; first += step) {
        if (__atomic_load_n(&workers->cancelled, __ATOMIC_ACQUIRE) >= sequence)
            return;
        workers->part(workers->argument, first, last - first < step ? last : first + step);
    }
}

void workers_work(void *context, uint32_t index)
{
    struct workers *workers = context;
    uint64_t seen = __atomic_load_n(&workers->flags[index].done, __ATOMIC_ACQUIRE);
    for (;;) {
        uint64_t now;
        for (uint32_t round = 0; (now = __atomic_load_n(&workers->sequence, __ATOMIC_ACQUIRE)) == seen; round++)
            if (!port_worker_rest(index, round, &workers->sequence, seen))
                return;
        seen = now;
        if (index < sharers(now))
            do_share(workers, index, now);
        __atomic_store_n(&workers->flags[index].done, now, __ATOMIC_RELEASE);
    }
}

static uint32_t begin(void *context, engine_part *part, const void *argument, uint32_t panels, uint32_t step)
{
    struct workers *workers = context;
    if (workers->present < 2)
        return panels;
    workers->part = part;
    workers->argument = argument;
    workers->panels = panels;
    workers->step = step;
    workers->waiting_from = 0;
    uint64_t sequence = ((workers->sequence >> 8) + 1) << 8 | workers->present;
    __atomic_store_n(&workers->sequence, sequence, __ATOMIC_SEQ_CST);
    port_workers_wake();
    return share_start(workers, sequence, 1);
}

/* The first that has not finished; 0: all have. */
static uint32_t unfinished(const struct workers *workers)
{
    for (uint32_t i = 1; i < workers->present; i++)
        if (__atomic_load_n(&workers->flags[i].done, __ATOMIC_ACQUIRE) != workers->sequence)
            return i;
    return 0;
}

/* What a silent processor writes after this is what stands there already, unless the buffer has a new use by then: it
 * looks at `cancelled` before every piece, so that it is one piece at most. */
static void give_up(struct workers *workers)
{
    uint64_t sequence = workers->sequence;
    workers->lost = unfinished(workers);
    __atomic_store_n(&workers->cancelled, sequence, __ATOMIC_SEQ_CST);
    for (uint32_t i = 1; i < workers->present; i++) {
        uint32_t first = share_start(workers, sequence, i), last = share_start(workers, sequence, i + 1);
        if (first < last && __atomic_load_n(&workers->flags[i].done, __ATOMIC_ACQUIRE) != sequence)
            workers->part(workers->argument, first, last);
    }
    workers->present = 1;
}

static bool wait(void *context)
{
    struct workers *workers = context;
    uint64_t begun = port_cycles(), us = port_clock()->hz / 1000000u + 1;
    if (workers->waiting_from == 0)
        workers->waiting_from = begun;
    for (uint32_t round = 0; unfinished(workers) != 0; round++) {
        if (round % WAIT_SPINS != WAIT_SPINS - 1) {
            __asm__ volatile("pause");
            continue;
        }
        uint64_t now = port_cycles();
        if (now - workers->waiting_from > us * WORKERS_LOST_US) {
            give_up(workers);
            return true;
        }
        if (now - begun > us * WAIT_US)
            return false;
        port_worker_yield();
    }
    return true;
}

void workers_prepare(struct workers *workers, struct engine *engine, uint32_t wanted)
{
    uint32_t found = port_processors();
    uint32_t most = wanted == 0 ? found : wanted;
    most = most > WORKERS_MOST ? WORKERS_MOST : most;
    engine->sharing = NULL;
    workers->present = 1;
    if (workers->lost != 0 || most < 2 || !engine_worth_sharing(engine))
        return;
    workers->present = port_workers_start(most, workers_work, workers);
    workers->sharing = (struct engine_sharing){begin, wait, workers};
    if (workers->present > 1)
        engine->sharing = &workers->sharing;
}

void workers_pass_done(struct workers *workers)
{
    if (workers->present > 1)
        port_workers_idle();
}
