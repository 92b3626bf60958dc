/* memory.c - pages of a machine with a given amount of memory. */
#define _GNU_SOURCE
#include "port.h"
#include "port_posix.h"

#include <sys/mman.h>

#define PAGE 4096u
#define BIG_PAGE (2u << 20)

static uint64_t used;

void *port_pages_alloc(uint64_t bytes)
{
    if (bytes == 0 || bytes > options.memory - used)
        return NULL;
    bytes = (bytes + PAGE - 1) / PAGE * PAGE; /* the memory is a multiple of it, so that this still fits */
    uint64_t whole = bytes + (bytes >= BIG_PAGE ? BIG_PAGE : 0);
    uint8_t *start = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED)
        return NULL;
    used += bytes;
    if (bytes < BIG_PAGE)
        return start;
    uint64_t front = (BIG_PAGE - (uintptr_t)start % BIG_PAGE) % BIG_PAGE; /* cut to the boundary, and behind */
    if (front > 0)
        (void)munmap(start, front);
    if (whole - front - bytes > 0)
        (void)munmap(start + front + bytes, whole - front - bytes);
#ifdef MADV_HUGEPAGE
    (void)madvise(start + front, bytes, MADV_HUGEPAGE);
#endif
    return start + front;
}

void port_pages_free(void *base, uint64_t bytes)
{
    if (base == NULL)
        return;
    bytes = (bytes + PAGE - 1) / PAGE * PAGE;
    (void)munmap(base, bytes);
    used -= bytes;
}

uint64_t port_pages_free_total(void)
{
    return options.memory - used;
}
