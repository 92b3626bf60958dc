/* fuzz.h - what the surfaces share: chance, and an input that can be changed. */
#ifndef LLMK_FUZZ_H
#define LLMK_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#define MOST 8192u /* bytes of an input */

struct kernel;

struct input {
    uint8_t bytes[MOST];
    size_t length;
};

extern uint64_t taken; /* inputs that were accepted: what lies behind the first check was reached */

uint32_t any(uint32_t below);         /* the next number by chance: 0 .. below - 1 */
uint32_t extreme(void);               /* a number at the end of some range, or of any size */
void mutate(struct input *input);     /* one change */
uint8_t *boxed(const struct input *); /* the input in a block of exactly its length, from malloc */

void fuzz_gguf(struct kernel *kernel, struct input *input);

#endif
