/* workers.c - the further processors of a process: threads, each pinned where there is a processor for each. */
#define _GNU_SOURCE
#include "port.h"
#include "port_posix.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#define MOST 16u
#define PAUSES 256u /* some microseconds: longer than processors wait for each other when each has one to itself */
#define SPINS 8192u /* hundreds of microseconds: longer than choosing a token takes; then the thread sleeps */

struct thread {
    uint32_t index;
    void (*work)(void *context, uint32_t index);
    void *context;
};

static struct thread threads[MOST];
static uint32_t started = 1;
static uint32_t missing; /* index of a thread that could not be started, 0: none */
static uint32_t parked; /* threads that sleep or are about to */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

uint32_t port_processors(void)
{
    long found = sysconf(_SC_NPROCESSORS_ONLN);
    return found > 1 ? (uint32_t)found : 1;
}

static void *run(void *argument)
{
    struct thread *thread = argument;
#ifdef __linux__
    cpu_set_t allowed, one;
    uint32_t at = 0;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0 && (uint32_t)CPU_COUNT(&allowed) > thread->index)
        for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
            if (CPU_ISSET(cpu, &allowed) && at++ == thread->index) {
                CPU_ZERO(&one);
                CPU_SET(cpu, &one);
                (void)sched_setaffinity(0, sizeof one, &one); /* unpinned it is only slower */
            }
#endif
    thread->work(thread->context, thread->index);
    return NULL;
}

/* Signals stay with the first thread, which knows what to do with them. */
uint32_t port_workers_start(uint32_t processors, void (*work)(void *context, uint32_t index), void *context)
{
    sigset_t all, before;
    uint32_t wanted = processors < MOST ? processors : MOST;
    if (wanted <= started) {
        missing = 0;
        return wanted;
    }
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    for (; started < wanted; started++) {
        pthread_t id;
        threads[started] = (struct thread){started, work, context};
        if (pthread_create(&id, NULL, run, &threads[started]) != 0)
            break;
        (void)pthread_detach(id);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    missing = started < wanted ? started : 0;
    return started;
}

uint32_t port_worker_missing(void)
{
    return missing;
}

bool port_worker_pause(uint32_t round)
{
    if (round % PAUSES == PAUSES - 1)
        (void)sched_yield();
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
    return true;
}

bool port_worker_rest(uint32_t index, uint32_t round, const uint64_t *sequence, uint64_t seen)
{
    (void)index;
    if (round < SPINS)
        return port_worker_pause(round);
    (void)pthread_mutex_lock(&lock);
    (void)__atomic_add_fetch(&parked, 1, __ATOMIC_SEQ_CST); /* before the last look: who publishes looks afterwards */
    while (__atomic_load_n(sequence, __ATOMIC_SEQ_CST) == seen)
        (void)pthread_cond_wait(&changed, &lock);
    (void)__atomic_sub_fetch(&parked, 1, __ATOMIC_SEQ_CST);
    (void)pthread_mutex_unlock(&lock);
    return true;
}

void port_workers_wake(void)
{
    if (__atomic_load_n(&parked, __ATOMIC_SEQ_CST) == 0)
        return;
    (void)pthread_mutex_lock(&lock);
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
}

void port_workers_idle(void)
{
}
