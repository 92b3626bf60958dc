/* log.h - the ring of the last 128 events. */
#ifndef LLMK_LOG_H
#define LLMK_LOG_H

#include "llmk_wire.h"

#include <stddef.h>
#include <stdint.h>

#define LOG_CAPACITY 128u
#define LOG_MESSAGE_BYTES 48u /* the final NUL included */

struct log_entry {
    uint32_t number; /* since boot, 0 is the first */
    uint64_t cycles; /* time stamp counter */
    enum wire_log_level level;
    enum wire_log_code code;
    enum wire_arena arena;
    uint64_t first, second; /* their meaning goes with the code: an address and a size, cycles and the budget */
    char message[LOG_MESSAGE_BYTES];
};

struct log_ring {
    uint32_t next;  /* number of the next event */
    uint32_t first; /* number of the oldest event still held */
    struct log_entry entries[LOG_CAPACITY];
};

struct kernel;

void log_clear(struct log_ring *ring); /* empty, and usable */
/* Also hands the event to the link. The message is cut at 47 bytes. Before ZONEC exists, events go to a small early
 * ring and are kept. */
void log_event(struct kernel *kernel, enum wire_log_level level, enum wire_log_code code, enum wire_arena arena,
               uint64_t first, uint64_t second, const char *message);
/* Newest first: age 0 is the last event. NULL when there is none that old. */
const struct log_entry *log_at(const struct log_ring *ring, uint32_t age);
const struct log_entry *log_number(const struct log_ring *ring, uint32_t number);
/* When it happened, milliseconds since the kernel started. */
uint64_t log_time_ms(const struct log_entry *entry);
/* The same event as a wire record. */
void log_record(const struct log_entry *entry, struct wire_event *ret_record);

#endif
