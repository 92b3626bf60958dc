#include "port.h"
#include "port_uefi.h"

#define PAGE 4096u
#define BIG_PAGE (2u << 20)

void *port_pages_alloc(uint64_t bytes)
{
    size_t pages = (size_t)((bytes + PAGE - 1) / PAGE), slack = bytes >= BIG_PAGE ? BIG_PAGE / PAGE - 1 : 0;
    uint64_t address = 0;
    if (pages == 0 || uefi->boot->allocate_pages(EFI_ALLOCATE_ANY_PAGES, EFI_LOADER_DATA, pages + slack, &address) != EFI_SUCCESS)
        return NULL;
    if (slack > 0) { /* too much was taken: what lies before the boundary and behind the end goes back */
        uint64_t base = (address + BIG_PAGE - 1) / BIG_PAGE * BIG_PAGE;
        size_t front = (size_t)((base - address) / PAGE);
        if (front > 0)
            (void)uefi->boot->free_pages(address, front);
        if (slack - front > 0)
            (void)uefi->boot->free_pages(base + (uint64_t)pages * PAGE, slack - front);
        address = base;
    }
    uint64_t *words = (uint64_t *)(uintptr_t)address;
    for (size_t i = 0; i < (size_t)pages * PAGE / 8; i++)
        words[i] = 0;
    return words;
}

void port_pages_free(void *base, uint64_t bytes)
{
    (void)uefi->boot->free_pages((uint64_t)(uintptr_t)base, (size_t)((bytes + PAGE - 1) / PAGE));
}

uint64_t port_pages_free_total(void)
{
    size_t bytes = 0, key, stride = 0;
    uint32_t version;
    void *map = NULL;
    (void)uefi->boot->get_memory_map(&bytes, NULL, &key, &stride, &version);
    bytes += 8 * stride; /* the allocation itself may split regions */
    if (uefi->boot->allocate_pool(EFI_LOADER_DATA, bytes, &map) != EFI_SUCCESS)
        return 0;
    uint64_t total = 0;
    if (uefi->boot->get_memory_map(&bytes, map, &key, &stride, &version) == EFI_SUCCESS)
        for (size_t at = 0; at + sizeof(struct efi_memory_descriptor) <= bytes; at += stride) {
            const struct efi_memory_descriptor *region = (const void *)((const uint8_t *)map + at);
            if (region->type == EFI_CONVENTIONAL_MEMORY)
                total += region->pages * PAGE;
        }
    (void)uefi->boot->free_pool(map);
    return total;
}
