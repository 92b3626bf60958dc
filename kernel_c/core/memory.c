/* memory.c - the four functions that a compiler may call on its own. Only the freestanding build needs them. */
#include <stddef.h>
#include <stdint.h>

#if !__STDC_HOSTED__

void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int value, size_t count);
int memcmp(const void *a, const void *b, size_t count);

/* String instructions, and not loops: a compiler would turn a loop into a call of the function it stands in. */
void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    void *start = to;
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
        __asm__ volatile("" : : : "memory"); /* keeps this a loop */
    }
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
    for (; count > 0; count--, left++, right++) {
        if (*left != *right)
            return *left < *right ? -1 : 1;
        __asm__ volatile("" : : : "memory");
    }
    return 0;
}

#else

typedef int memory_is_in_libc; /* a translation unit must declare something */

#endif
