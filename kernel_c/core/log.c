/* log.c - the event ring: the newest event replaces the oldest. */
#include "log.h"

#include "clock.h"
#include "kernel.h"
#include "text.h"

void log_clear(struct log_ring *ring)
{
    ring->first = ring->next;
}

void log_event(struct kernel *kernel, enum wire_log_level level, enum wire_log_code code, enum wire_arena arena,
               uint64_t first, uint64_t second, const char *message)
{
    struct log_ring *ring = kernel->log;
    struct log_entry *entry = &ring->entries[ring->next % LOG_CAPACITY];
    *entry = (struct log_entry){
        .number = ring->next,
        .cycles = port_cycles(),
        .level = level,
        .code = code,
        .arena = arena,
        .first = first,
        .second = second,
    };
    struct text text;
    text_init(&text, entry->message, sizeof entry->message);
    text_string(&text, message);
    ring->next++;
    if (ring->next - ring->first > LOG_CAPACITY)
        ring->first = ring->next - LOG_CAPACITY;
    struct wire_event record;
    log_record(entry, &record);
    link_event(kernel, &record);
}

const struct log_entry *log_at(const struct log_ring *ring, uint32_t age)
{
    return age < ring->next - ring->first ? log_number(ring, ring->next - 1 - age) : NULL;
}

const struct log_entry *log_number(const struct log_ring *ring, uint32_t number)
{
    if (number < ring->first || number >= ring->next)
        return NULL;
    return &ring->entries[number % LOG_CAPACITY];
}

uint64_t log_time_ms(const struct log_entry *entry)
{
    uint64_t age = clock_cycles_to_us(port_cycles() - entry->cycles);
    uint64_t now = clock_us();
    return (now > age ? now - age : 0) / 1000;
}

void log_record(const struct log_entry *entry, struct wire_event *ret_record)
{
    *ret_record = (struct wire_event){
        .number = entry->number,
        .time = log_time_ms(entry),
        .level = entry->level,
        .code = entry->code,
        .arena = entry->arena,
        .first = entry->first,
        .second = entry->second,
        .message = entry->message,
    };
}
