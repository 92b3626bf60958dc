/* zone.c - arenas: taken from the port once, then given out by moving a mark. */
#include "zone.h"

#include "port.h"
#include "text.h"

#define PAGE_BYTES 4096u
#define GUARD_BYTE 0xA5u

static uint64_t round_up(uint64_t bytes, uint64_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

struct arena *zone_arena(struct zones *zones, enum wire_arena which)
{
    return &zones->arenas[(unsigned)which - 1u];
}

void zone_mend_guard(struct zones *zones, enum wire_arena which)
{
    struct arena *arena = zone_arena(zones, which);
    if (arena->base != NULL)
        __builtin_memset(arena->base + arena->size, GUARD_BYTE, ZONE_GUARD_BYTES);
}

static void arena_place(struct zones *zones, unsigned index, uint8_t *base, uint64_t size)
{
    zones->arenas[index] = (struct arena){.base = base, .size = size};
    zone_mend_guard(zones, (enum wire_arena)(index + 1));
}

/* One allocation per arena, for memory maps in which no single run is large enough. */
static bool create_split(struct zones *zones, const uint64_t sizes[ZONE_COUNT])
{
    zones->split = true;
    for (unsigned i = 0; i < ZONE_COUNT; i++) {
        uint64_t bytes = round_up(sizes[i] + ZONE_GUARD_BYTES, PAGE_BYTES);
        zones->regions[i] = port_pages_alloc(bytes);
        if (zones->regions[i] == NULL)
            return false;
        zones->regions_bytes[i] = bytes;
        arena_place(zones, i, zones->regions[i], sizes[i]);
    }
    return true;
}

/* Whole units for every arena; returns the pages that hold them all, 0 when an arena is too large to be added up. */
static uint64_t plan(const struct zone_sizes *sizes, uint64_t ret_rounded[ZONE_COUNT], struct error *error)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < ZONE_COUNT; i++) {
        if (sizes->bytes[i] > UINT64_C(1) << 48) {
            error_set(error, ERROR_NOSPACE, "arena %s needs %llu bytes, more than any machine has",
                      wire_arena_word((enum wire_arena)(i + 1)), (unsigned long long)sizes->bytes[i]);
            return 0;
        }
        ret_rounded[i] = round_up(sizes->bytes[i], ZONE_ALIGN);
        total += ret_rounded[i] + ZONE_GUARD_BYTES;
    }
    return round_up(total, PAGE_BYTES);
}

static bool refuse(uint64_t total, uint64_t free, struct error *error)
{
    return error_set(error, ERROR_NOSPACE,
                     "not enough memory: %llu bytes (%llu MiB) are needed, %llu bytes (%llu MiB) are free",
                     (unsigned long long)total, (unsigned long long)(total >> 20), (unsigned long long)free,
                     (unsigned long long)(free >> 20));
}

bool zones_possible(const struct zones *held, const struct zone_sizes *sizes, struct error *error)
{
    uint64_t rounded[ZONE_COUNT], total = plan(sizes, rounded, error);
    uint64_t free = port_pages_free_total() + zones_bytes(held);
    return total != 0 && (total <= free || refuse(total, free, error));
}

bool zones_create(struct zones *zones, const struct zone_sizes *sizes, struct error *error)
{
    uint64_t rounded[ZONE_COUNT], total = plan(sizes, rounded, error);
    *zones = (struct zones){0};
    if (total == 0)
        return false;
    for (unsigned i = 0; i < ZONE_COUNT; i++)
        zones->need += rounded[i];
    zones->region = port_pages_alloc(total);
    if (zones->region != NULL) {
        zones->region_bytes = total;
        uint8_t *base = zones->region;
        for (unsigned i = 0; i < ZONE_COUNT; i++) {
            arena_place(zones, i, base, rounded[i]);
            base += rounded[i] + ZONE_GUARD_BYTES;
        }
        return true;
    }
    if (create_split(zones, rounded))
        return true;
    zones_destroy(zones);
    return refuse(total, port_pages_free_total(), error);
}

uint64_t zones_bytes(const struct zones *zones)
{
    uint64_t total = zones->region_bytes;
    for (unsigned i = 0; i < ZONE_COUNT; i++)
        total += zones->regions_bytes[i];
    return total;
}

uint64_t zones_peak(const struct zones *zones)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < ZONE_COUNT; i++)
        total += zones->arenas[i].peak;
    return total;
}

void zones_destroy(struct zones *zones)
{
    if (zones->region != NULL)
        port_pages_free(zones->region, zones->region_bytes);
    for (unsigned i = 0; i < ZONE_COUNT; i++) {
        if (zones->regions[i] != NULL)
            port_pages_free(zones->regions[i], zones->regions_bytes[i]);
    }
    *zones = (struct zones){0};
}

bool zone_present(const struct zones *zones)
{
    return zones->arenas[0].base != NULL;
}

void *zone_alloc(struct zones *zones, enum wire_arena which, uint64_t bytes, const char *tag)
{
    struct arena *arena = zone_arena(zones, which);
    if (arena->base == NULL || arena->read_only || bytes > arena->size - arena->used ||
        round_up(bytes, ZONE_ALIGN) > arena->size - arena->used)
        return NULL;
    uint8_t *result = arena->base + arena->used;
    arena->used += round_up(bytes, ZONE_ALIGN);
    if (arena->used > arena->peak)
        arena->peak = arena->used;
    /* Pages come zeroed; only what an earlier allocation may have written is cleared again. */
    uint64_t from = (uint64_t)(result - arena->base);
    if (from < arena->touched)
        __builtin_memset(result, 0, (arena->touched < arena->used ? arena->touched : arena->used) - from);
    if (arena->used > arena->touched)
        arena->touched = arena->used;
    struct text text;
    text_init(&text, arena->last_tag, sizeof arena->last_tag);
    text_string(&text, tag);
    arena->last_bytes = bytes;
    return result;
}

void zone_reset(struct zones *zones, enum wire_arena which)
{
    zone_arena(zones, which)->used = 0;
}

void zone_wipe(struct zones *zones, enum wire_arena which)
{
    struct arena *arena = zone_arena(zones, which);
    if (arena->base != NULL && !arena->read_only)
        __builtin_memset(arena->base, 0, arena->touched);
    arena->used = 0;
    arena->touched = 0;
}

bool zone_guard_intact(const struct zones *zones, enum wire_arena which)
{
    const struct arena *arena = &zones->arenas[(unsigned)which - 1u];
    if (arena->base == NULL)
        return true;
    for (uint64_t i = 0; i < ZONE_GUARD_BYTES; i++) {
        if (arena->base[arena->size + i] != GUARD_BYTE)
            return false;
    }
    return true;
}

/* Four lanes of FNV-1a over 64-bit words, mixed at the end: as fast as memory is read, since the lanes do not wait for
 * each other. Each step is a bijection of its lane, so a single changed word always shows. */
uint64_t zone_sum(const struct zones *zones, enum wire_arena which)
{
    const uint64_t prime = UINT64_C(0x100000001b3);
    const struct arena *arena = &zones->arenas[(unsigned)which - 1u];
    uint64_t lanes[4] = {1, 2, 3, 4};
    for (uint64_t at = 0; at < arena->used; at += ZONE_ALIGN) { /* allocations are whole units of it */
        uint64_t words[ZONE_ALIGN / sizeof(uint64_t)];
        __builtin_memcpy(words, arena->base + at, sizeof words);
        for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
            lanes[i % 4] = (lanes[i % 4] ^ words[i]) * prime;
    }
    uint64_t sum = arena->used;
    for (unsigned i = 0; i < 4; i++) {
        sum = (sum ^ lanes[i]) * prime;
        sum ^= sum >> 29;
    }
    return sum;
}

bool zone_contains(const struct zones *zones, enum wire_arena which, const void *address, uint64_t bytes)
{
    const struct arena *arena = &zones->arenas[(unsigned)which - 1u];
    uintptr_t start = (uintptr_t)arena->base;
    uintptr_t at = (uintptr_t)address;
    return arena->base != NULL && at >= start && at - start <= arena->size && bytes <= arena->size - (at - start);
}
