/* memory.c - pages from the firmware. */
#include "port.h"
#include "port_uefi.h"

#define PAGE 4096u
#define BIG_PAGE (2u << 20)
#define MAP_TRIES 4u
#define MOST_BYTES (UINT64_C(1) << 52) /* no processor addresses more; firmware that multiplies pages would overflow */

void *port_pages_alloc(uint64_t bytes)
{
    uint64_t pages = bytes / PAGE + (bytes % PAGE != 0), slack = bytes >= BIG_PAGE ? BIG_PAGE / PAGE - 1 : 0;
    uint64_t address = 0;
    if (pages == 0 || bytes > MOST_BYTES ||
        uefi->boot->allocate_pages(EFI_ALLOCATE_ANY_PAGES, EFI_LOADER_DATA, (size_t)(pages + slack), &address) !=
            EFI_SUCCESS)
        return NULL;
    if (slack > 0) { /* too much was taken: what lies before the boundary and behind the end goes back */
        uint64_t base = (address + BIG_PAGE - 1) / BIG_PAGE * BIG_PAGE, front = (base - address) / PAGE;
        if (front > 0)
            (void)uefi->boot->free_pages(address, (size_t)front);
        if (slack > front)
            (void)uefi->boot->free_pages(base + pages * PAGE, (size_t)(slack - front));
        address = base;
    }
    void *base = (void *)(uintptr_t)address;
    __builtin_memset(base, 0, pages * PAGE);
    return base;
}

void port_pages_free(void *base, uint64_t bytes)
{
    if (base != NULL)
        (void)uefi->boot->free_pages((uint64_t)(uintptr_t)base, (size_t)(bytes / PAGE + (bytes % PAGE != 0)));
}

/* Descriptors are `stride` bytes apart, and that is more than their size. */
static uint64_t sum_free(const uint8_t *map, size_t bytes, size_t stride)
{
    uint64_t total = 0;
    for (size_t at = 0; at + sizeof(struct efi_memory_descriptor) <= bytes; at += stride) {
        const struct efi_memory_descriptor *region = (const void *)(map + at);
        if (region->type == EFI_CONVENTIONAL_MEMORY)
            total += region->pages * PAGE;
    }
    return total;
}

uint64_t port_pages_free_total(void)
{
    size_t bytes = 0, key = 0, stride = 0;
    uint32_t version = 0;
    void *map = NULL;
    efi_status status = uefi->boot->get_memory_map(&bytes, NULL, &key, &stride, &version);
    for (unsigned tries = 0; status == EFI_BUFFER_TOO_SMALL && tries < MAP_TRIES; tries++) {
        bytes += 8 * stride; /* the allocation itself may split regions */
        if (uefi->boot->allocate_pool(EFI_LOADER_DATA, bytes, &map) != EFI_SUCCESS)
            return 0;
        status = uefi->boot->get_memory_map(&bytes, map, &key, &stride, &version);
        uint64_t total = status == EFI_SUCCESS && stride > 0 ? sum_free(map, bytes, stride) : 0;
        (void)uefi->boot->free_pool(map);
        if (status == EFI_SUCCESS)
            return total;
    }
    return 0;
}
