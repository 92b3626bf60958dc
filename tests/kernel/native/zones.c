/* zones.c - arenas over a small machine of this test's own: alignment, refusals, guards, wiping, and split regions. */
#include "zone.h"

#include "check.h"
#include "port.h"

#include <string.h>

static uint64_t longest_run, taken;
static unsigned allocations;

void *port_pages_alloc(uint64_t bytes)
{
    if (bytes > longest_run)
        return NULL;
    void *pages = aligned_alloc(4096, bytes);
    memset(pages, 0, bytes);
    allocations++;
    taken += bytes;
    return pages;
}

void port_pages_free(void *base, uint64_t bytes)
{
    free(base);
    allocations--;
    taken -= bytes;
}

uint64_t port_pages_free_total(void)
{
    return longest_run;
}

static const struct zone_sizes sizes = {{100, 5000, 64, 1, 0, 8192}};

static void check_arenas(struct zones *zones)
{
    for (unsigned i = 1; i <= ZONE_COUNT; i++) {
        enum wire_arena which = (enum wire_arena)i;
        struct arena *arena = zone_arena(zones, which);
        CHECK((uintptr_t)arena->base % ZONE_ALIGN == 0);
        CHECK(arena->size >= sizes.bytes[i - 1] && arena->size < sizes.bytes[i - 1] + ZONE_ALIGN);
        CHECK(zone_guard_intact(zones, which));
        CHECK(zone_contains(zones, which, arena->base, arena->size));
        CHECK(!zone_contains(zones, which, arena->base, arena->size + 1));
        CHECK(!zone_contains(zones, which, arena->base - 1, 1));
        memset(arena->base, 0xff, arena->size); /* all of it may be used, and no guard is touched by that */
        CHECK(zone_guard_intact(zones, which));
    }
}

static void test_one_region(void)
{
    struct zones zones;
    struct error error;
    longest_run = 1 << 20;
    CHECK(zones_create(&zones, &sizes, &error));
    CHECK(allocations == 1 && !zones.split);
    check_arenas(&zones);
    zones_destroy(&zones);
    CHECK(allocations == 0 && taken == 0 && !zone_present(&zones));
}

static void test_split_regions(void)
{
    struct zones zones;
    struct error error;
    longest_run = 12288; /* the largest arena with its guard, and not all of them together */
    CHECK(zones_create(&zones, &sizes, &error));
    CHECK(allocations == ZONE_COUNT && zones.split);
    check_arenas(&zones);
    zones_destroy(&zones);
    CHECK(allocations == 0);
    longest_run = 4096; /* the last arena does not fit: those before it are given back */
    CHECK(!zones_create(&zones, &sizes, &error));
    CHECK(allocations == 0 && error.code == ERROR_NOSPACE);
    CHECK(strstr(error.text, "are needed") != NULL && strstr(error.text, "4096 bytes") != NULL);
    CHECK(!zones_create(&zones, &(struct zone_sizes){{UINT64_MAX, 0, 0, 0, 0, 0}}, &error));
}

static void test_allocation(void)
{
    struct zones zones;
    struct error error;
    longest_run = 1 << 20;
    CHECK(zones_create(&zones, &sizes, &error));
    uint8_t *first = zone_alloc(&zones, WIRE_ARENA_KV, 1, "a tag that is longer than sixteen");
    uint8_t *second = zone_alloc(&zones, WIRE_ARENA_KV, 65, "second");
    struct arena *kv = zone_arena(&zones, WIRE_ARENA_KV);
    CHECK(first == kv->base && second == first + 64);
    CHECK(kv->used == 192 && kv->peak == 192 && kv->last_bytes == 65 && strcmp(kv->last_tag, "second") == 0);
    CHECK(zone_alloc(&zones, WIRE_ARENA_KV, kv->size, "too large") == NULL);
    CHECK(zone_alloc(&zones, WIRE_ARENA_KV, UINT64_MAX, "wraps") == NULL);
    CHECK(zone_alloc(&zones, WIRE_ARENA_KV, UINT64_MAX - 10, "wraps when rounded") == NULL);
    CHECK(zone_alloc(&zones, WIRE_ARENA_KV, kv->size - kv->used, "the rest") != NULL);
    CHECK(zone_alloc(&zones, WIRE_ARENA_KV, 1, "full") == NULL);
    memset(first, 7, 192);
    zone_reset(&zones, WIRE_ARENA_KV);
    CHECK(kv->used == 0 && kv->peak == kv->size);
    first = zone_alloc(&zones, WIRE_ARENA_KV, 192, "again");
    for (unsigned i = 0; i < 192; i++)
        CHECK(first[i] == 0); /* zeroed, although it was used before */
    kv->read_only = true;
    CHECK(zone_alloc(&zones, WIRE_ARENA_KV, 1, "read-only") == NULL);
    zones_destroy(&zones);
}

static void test_guards_and_wiping(void)
{
    struct zones zones;
    struct error error;
    CHECK(zones_create(&zones, &sizes, &error));
    struct arena *acts = zone_arena(&zones, WIRE_ARENA_ACTS);
    for (unsigned byte = 0; byte < ZONE_GUARD_BYTES; byte++) {
        acts->base[acts->size + byte] ^= 1;
        CHECK(!zone_guard_intact(&zones, WIRE_ARENA_ACTS) && zone_guard_intact(&zones, WIRE_ARENA_SCRATCH));
        zone_mend_guard(&zones, WIRE_ARENA_ACTS);
        CHECK(zone_guard_intact(&zones, WIRE_ARENA_ACTS));
    }
    uint8_t *bytes = zone_alloc(&zones, WIRE_ARENA_ACTS, 64, "work");
    memset(bytes, 9, 64);
    zone_wipe(&zones, WIRE_ARENA_ACTS);
    CHECK(acts->used == 0 && acts->peak == 64);
    for (unsigned i = 0; i < 64; i++)
        CHECK(acts->base[i] == 0);
    zones_destroy(&zones);
}

int main(void)
{
    test_one_region();
    test_split_regions();
    test_allocation();
    test_guards_and_wiping();
    return 0;
}
