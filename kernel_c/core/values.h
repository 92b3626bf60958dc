/* values.h - measured values: capped where a field has fewer bits, and in order. */
#ifndef LLMK_VALUES_H
#define LLMK_VALUES_H

#include <stdint.h>

static inline uint16_t at_most_16(uint64_t value)
{
    return value > UINT16_MAX ? UINT16_MAX : (uint16_t)value;
}

static inline uint32_t at_most_32(uint64_t value)
{
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

/* Ascending, in place; for some hundreds at most. */
static inline void sort_values(uint64_t *values, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        uint64_t value = values[i];
        uint32_t at = i;
        for (; at > 0 && values[at - 1] > value; at--)
            values[at] = values[at - 1];
        values[at] = value;
    }
}

#endif
