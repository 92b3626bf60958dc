/* clock.h - kernel time: the calibrated cycle counter since kernel_main. */
#ifndef LLMK_CLOCK_H
#define LLMK_CLOCK_H

#include <stdint.h>

void clock_start(void);
uint64_t clock_us(void);
uint64_t clock_ms(void);
uint64_t clock_cycles_to_us(uint64_t cycles);

#endif
