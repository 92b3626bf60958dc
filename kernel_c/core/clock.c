#include "clock.h"

#include "port.h"

static uint64_t start_cycles;

void clock_start(void)
{
    start_cycles = port_cycles();
}

uint64_t clock_cycles_to_us(uint64_t cycles)
{
    uint64_t hz = port_clock()->hz; /* in two steps: cycles * 10^6 overflows after an hour */
    return cycles / hz * 1000000u + cycles % hz * 1000000u / hz;
}

uint64_t clock_us(void)
{
    return clock_cycles_to_us(port_cycles() - start_cycles);
}

uint64_t clock_ms(void)
{
    return clock_us() / 1000u;
}
