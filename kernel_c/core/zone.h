/* zone.h - Zone B: the kernel's memory, split into named arenas whose sizes are computed from the model. */
#ifndef LLMK_ZONE_H
#define LLMK_ZONE_H

#include "error.h"
#include "llmk_wire.h"

#include <stddef.h>
#include <stdint.h>

#define ZONE_ALIGN 64u
#define ZONE_GUARD_BYTES 64u /* behind each arena, checked by the sentinel */

/* The arenas are those of enum wire_arena without `none`: WEIGHTS (read-only after loading), KV, SCRATCH and ACTS
 * (volatile: wiped by a trip), ZONEC (log ring and other small persistent things) and KEEP (tokenizer, and what no wipe
 * may touch). */
#define ZONE_COUNT 6u

struct arena {
    uint8_t *base;
    uint64_t size, used, peak; /* bytes; size without the guard */
    uint64_t touched;          /* bytes from the base that may be other than zero */
    bool read_only;
    char last_tag[17]; /* what the last allocation was for */
    uint64_t last_bytes;
};

struct zones {
    struct arena arenas[ZONE_COUNT]; /* index: enum wire_arena - 1 */
    void *region;                    /* pages that hold them all, NULL before zones_create */
    uint64_t region_bytes;
    bool split; /* one allocation per arena, because no single run was large enough */
    void *regions[ZONE_COUNT];
    uint64_t regions_bytes[ZONE_COUNT];
    uint64_t need; /* the sizes of all arenas: what was computed before anything was taken */
};

struct zone_sizes {
    uint64_t bytes[ZONE_COUNT];
};

/* Whether the machine can have so much memory once `held` was given back; the error names the need and what is free.
 * True does not promise it: what is free may lie in pieces. */
bool zones_possible(const struct zones *held, const struct zone_sizes *sizes, struct error *error);
/* Takes pages for all arenas; the error names the need and what is free. ZONEC and KEEP of an earlier layout are not
 * carried over. */
bool zones_create(struct zones *zones, const struct zone_sizes *sizes, struct error *error);
void zones_destroy(struct zones *zones);
uint64_t zones_bytes(const struct zones *zones); /* taken from the port: the need, the guards, and whole pages */
uint64_t zones_peak(const struct zones *zones); /* the largest use of all arenas together, to be compared with `need` */
bool zone_present(const struct zones *zones);   /* between zones_create and zones_destroy */
struct arena *zone_arena(struct zones *zones, enum wire_arena which);
/* 64-byte aligned and zeroed; NULL when the arena is full or read-only (the caller reports it to the sentinel). */
void *zone_alloc(struct zones *zones, enum wire_arena which, uint64_t bytes, const char *tag);
void zone_reset(struct zones *zones, enum wire_arena which); /* used = 0, peak stays */
void zone_wipe(struct zones *zones, enum wire_arena which);  /* zeroes the bytes too */
bool zone_guard_intact(const struct zones *zones, enum wire_arena which);
void zone_mend_guard(struct zones *zones, enum wire_arena which); /* after the damage was reported */
/* A sum over the used bytes that any changed bit changes. For finding damage, not for keeping secrets. */
uint64_t zone_sum(const struct zones *zones, enum wire_arena which);
bool zone_contains(const struct zones *zones, enum wire_arena which, const void *address, uint64_t bytes);

#endif
