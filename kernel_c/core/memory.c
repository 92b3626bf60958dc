/* memory.c - the four functions that a compiler may call on its own. Only the freestanding build needs them. */
#include <stddef.h>
#include <stdint.h>

#if !__STDC_HOSTED__

void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int value, size_t count);
int memcmp(const void *a, const void *b, size_t count);

typedef uint8_t block __attribute__((vector_size(16), aligned(1)));
#define BLOCKS 4u /* of one turn of a loop */

/* Keeps a loop what it is: a compiler would turn it into a call of the function that it stands in. */
#define KEEP_LOOP __asm__ volatile("" : : : "memory")

/* Blocks, and string instructions only for what is left: an emulator takes 50 ns for each of their steps, and a model's
 * memory is half a gigabyte. */
void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    void *start = to;
    block *to_blocks = to;
    const block *from_blocks = from;
    for (; count >= BLOCKS * sizeof(block); count -= BLOCKS * sizeof(block)) {
        for (size_t i = 0; i < BLOCKS; i++)
            to_blocks[i] = from_blocks[i];
        to_blocks += BLOCKS;
        from_blocks += BLOCKS;
        KEEP_LOOP;
    }
    to = to_blocks;
    from = from_blocks;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
    return start;
}

void *memmove(void *to, const void *from, size_t count)
{
    if ((uintptr_t)to - (uintptr_t)from >= count) {
        (void)memcpy(to, from, count);
        return to;
    }
    /* The target begins inside the source: from the end. Backward string instructions are slow and would leave the
     * direction flag set in an interrupt of the firmware. */
    uint8_t *to_bytes = to;
    const uint8_t *from_bytes = from;
    while (count-- > 0) {
        to_bytes[count] = from_bytes[count];
        KEEP_LOOP;
    }
    return to;
}

void *memset(void *to, int value, size_t count)
{
    void *start = to;
    block *blocks = to, filled = (block){0} + (uint8_t)value;
    for (; count >= BLOCKS * sizeof(block); count -= BLOCKS * sizeof(block)) {
        for (size_t i = 0; i < BLOCKS; i++)
            blocks[i] = filled;
        blocks += BLOCKS;
        KEEP_LOOP;
    }
    to = blocks;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(value) : "memory");
    return start;
}

int memcmp(const void *a, const void *b, size_t count)
{
    const uint8_t *left = a, *right = b;
    for (; count > 0; count--, left++, right++) {
        if (*left != *right)
            return *left < *right ? -1 : 1;
        KEEP_LOOP;
    }
    return 0;
}

#else

typedef int memory_is_in_libc; /* a translation unit must declare something */

#endif
