/* memory.c - the four functions that a compiler may call on its own. Only the freestanding build needs them. */
#include <stddef.h>
#include <stdint.h>

#if !__STDC_HOSTED__

void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int value, size_t count);
int memcmp(const void *a, const void *b, size_t count);

/* String instructions, and not loops: the compiler would turn a loop into a call of the function it stands in. */
void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    void *start = to;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
    return start;
}

void *memmove(void *to, const void *from, size_t count)
{
    if ((uintptr_t)to - (uintptr_t)from >= count)
        return memcpy(to, from, count);
    uint8_t *to_end = (uint8_t *)to + count - 1;
    const uint8_t *from_end = (const uint8_t *)from + count - 1;
    if (count > 0)
        __asm__ volatile("std\n\trep movsb\n\tcld" : "+D"(to_end), "+S"(from_end), "+c"(count) : : "memory");
    return to;
}

void *memset(void *to, int value, size_t count)
{
    void *start = to;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(value) : "memory");
    return start;
}

int memcmp(const void *a, const void *b, size_t count)
{
    const uint8_t *left = a, *right = b;
    for (; count > 0; count--, left++, right++)
        if (*left != *right)
            return *left < *right ? -1 : 1;
    return 0;
}

#endif

/* A translation unit must declare something. */
typedef int memory_translation_unit;
