/* align.h - memory regions, and everything that is laid out inside one, begin on cache lines. */
#ifndef LLMK_ALIGN_H
#define LLMK_ALIGN_H

#include <stdint.h>

#define ALIGN_BYTES 64u

static inline uint64_t align_up(uint64_t bytes)
{
    return (bytes + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
}

#endif
