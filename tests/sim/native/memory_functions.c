/* memory_functions.c - the freestanding memory functions under other names, compared with the C library's. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 160u

void *own_memcpy(void *restrict to, const void *restrict from, size_t count);
void *own_memmove(void *to, const void *from, size_t count);
void *own_memset(void *to, int value, size_t count);
int own_memcmp(const void *a, const void *b, size_t count);

static unsigned char own[SIZE], theirs[SIZE], source[SIZE];

static void fill(unsigned seed)
{
    for (unsigned i = 0; i < SIZE; i++)
        own[i] = theirs[i] = source[i] = (unsigned char)(i * 37 + seed * 101);
}

static void check(int good, const char *what, size_t to, size_t from, size_t count)
{
    if (good)
        return;
    printf("%s differs: to %zu, from %zu, count %zu\n", what, to, from, count);
    exit(1);
}

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

static void compare_all(size_t to, size_t from, size_t count)
{
    fill((unsigned)(to + from));
    check(own_memmove(own + to, own + from, count) == own + to, "memmove's result", to, from, count);
    memmove(theirs + to, theirs + from, count);
    check(memcmp(own, theirs, SIZE) == 0, "memmove", to, from, count);
    check(own_memcpy(own + to, source + from, count) == own + to, "memcpy's result", to, from, count);
    memcpy(theirs + to, source + from, count);
    check(memcmp(own, theirs, SIZE) == 0, "memcpy", to, from, count);
    check(own_memset(own + to, (int)from + 0x1f0, count) == own + to, "memset's result", to, from, count);
    memset(theirs + to, (int)from + 0x1f0, count);
    check(memcmp(own, theirs, SIZE) == 0, "memset", to, from, count);
    int found = own_memcmp(own + to, source + from, count), expected = memcmp(own + to, source + from, count);
    check(sign(found) == sign(expected), "memcmp", to, from, count);
}

int main(void)
{
    for (size_t to = 0; to < 40; to++)
        for (size_t from = 0; from < 40; from++)
            for (size_t count = 0; count <= 70; count++)
                compare_all(to, from, count);
    puts("same");
    return 0;
}
