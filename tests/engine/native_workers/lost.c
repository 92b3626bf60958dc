/* lost.c - a port with three processors of which the last falls silent in the middle of a pass: "lost" prints what
 * became of the pass, "stop" also says no at every poll from then on.
 */
#define _GNU_SOURCE
#include "workers.h"

#include "port.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PHASES 5u
#define ITEMS 37u
#define SILENT_PHASE 2u

static struct workers workers;
static uint32_t done[PHASES][ITEMS];
static bool silent, stop;

static void *work(void *index)
{
    workers_work(&workers, (uint32_t)(uintptr_t)index);
    return NULL;
}

/* Time stands still until the living worker has caught up: it is never the lost one, on however busy a machine. */
uint64_t port_cycles(void)
{
    static uint64_t cycles = 1;
    if (__atomic_load_n(&workers.flags[1].done, __ATOMIC_ACQUIRE) >= workers.flags[0].done)
        cycles += 1000;
    return cycles;
}

const struct port_clock *port_clock(void)
{
    static const struct port_clock clock = {.hz = 1000000};
    return &clock;
}

uint32_t port_processors(void)
{
    return 3;
}

uint32_t port_workers_start(uint32_t processors, void (*unused)(void *context, uint32_t index), void *context)
{
    (void)unused, (void)context;
    for (uintptr_t index = 1; index < processors; index++) {
        pthread_t id;
        if (pthread_create(&id, NULL, work, (void *)index) != 0)
            return (uint32_t)index;
    }
    return processors;
}

uint32_t port_worker_missing(void)
{
    return 0;
}

bool port_worker_pause(uint32_t round)
{
    if (round % 64 == 63)
        (void)sched_yield();
    return true;
}

bool port_worker_rest(uint32_t index, uint32_t round, const uint64_t *sequence, uint64_t seen)
{
    (void)index, (void)round, (void)sequence, (void)seen;
    (void)sched_yield();
    return true;
}

void port_workers_wake(void)
{
}

void port_workers_idle(void)
{
}

bool engine_worth_sharing(const struct engine *engine)
{
    (void)engine;
    return true;
}

static bool mark(const void *argument, uint32_t phase, struct engine_share *share)
{
    (void)argument;
    if (share->index == 2 && phase == SILENT_PHASE && !__atomic_exchange_n(&silent, true, __ATOMIC_SEQ_CST))
        for (;;)
            (void)pause();
    if (!share->look(share->context))
        return false;
    for (uint32_t i = ITEMS * share->index / share->of; i < ITEMS * (share->index + 1) / share->of; i++)
        (void)__atomic_add_fetch(&done[phase][i], 1, __ATOMIC_SEQ_CST);
    return true;
}

static bool poll(void *context)
{
    (void)context;
    return !stop || !__atomic_load_n(&silent, __ATOMIC_SEQ_CST);
}

int main(int count, char **words)
{
    static struct engine engine = {.poll = poll};
    uint32_t items = 0;
    stop = count > 1 && strcmp(words[1], "stop") == 0;
    workers_prepare(&workers, &engine, 0);
    bool on = engine.sharing->run(engine.sharing->context, mark, NULL, PHASES);
    for (uint32_t i = 0; i < PHASES * ITEMS; i++)
        items += done[i / ITEMS][i % ITEMS] > 0;
    workers_prepare(&workers, &engine, 0); /* the next pass does not ask again */
    printf("finished=%d lost=%u present=%u items=%u\n", on, (unsigned)workers.lost, (unsigned)workers.present,
           (unsigned)items);
    return engine.sharing != NULL;
}
