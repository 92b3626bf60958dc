/* lost.c - a port with three processors of which the last never answers; the second works when it is woken. */
#include "workers.h"

#include "port.h"

#include <stdio.h>

#define PANELS 37u

static struct workers workers;
static uint32_t done[PANELS];

uint64_t port_cycles(void)
{
    static uint64_t cycles;
    return cycles += 100000; /* a tenth of a second */
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

uint32_t port_workers_start(uint32_t processors, void (*work)(void *context, uint32_t index), void *context)
{
    (void)work, (void)context;
    return processors;
}

bool port_worker_rest(uint32_t index, uint32_t round, const uint64_t *sequence, uint64_t seen)
{
    (void)index, (void)round, (void)sequence, (void)seen;
    return false; /* as soon as its share is done */
}

void port_workers_wake(void)
{
    workers_work(&workers, 1);
}

void port_workers_idle(void)
{
}

void port_worker_yield(void)
{
}

bool engine_worth_sharing(const struct engine *engine)
{
    (void)engine;
    return true;
}

static void part(const void *argument, uint32_t first, uint32_t last)
{
    (void)argument;
    for (uint32_t i = first; i < last; i++)
        done[i]++;
}

int main(void)
{
    static struct engine engine;
    uint32_t once = 0;
    workers_prepare(&workers, &engine, 0);
    part(NULL, 0, engine.sharing->begin(engine.sharing->context, part, NULL, PANELS, 4));
    while (!engine.sharing->wait(engine.sharing->context)) {
    }
    for (uint32_t i = 0; i < PANELS; i++)
        once += done[i] == 1;
    workers_prepare(&workers, &engine, 0); /* the next pass does not ask again */
    printf("lost=%u present=%u panels=%u\n", (unsigned)workers.lost, (unsigned)workers.present, (unsigned)once);
    return engine.sharing != NULL;
}
