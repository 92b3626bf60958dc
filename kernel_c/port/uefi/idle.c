/* idle.c - waiting without burning the processor.
 *
 * A halted processor wakes at the next interrupt, and the firmware has one that is regular: its timer, every ten
 * milliseconds or so. In that time 115 bytes arrive at a FIFO of 16. So for the length of a wait the timer is set to a
 * millisecond, and back afterwards: while the model computes, interrupts stay rare.
 */
#include "port.h"
#include "port_uefi.h"

#define HALT_US 1000u  /* 11.5 bytes at 115200 baud */
#define LEAST_US 500u  /* shorter waits are not worth two calls of the firmware */
#define LATEST_US 5000u
#define TRIALS 3u
#define INTERRUPTS (1u << 9) /* RFLAGS.IF */

static struct efi_timer *timer; /* NULL: waits spin */
static uint64_t usual_period;

static bool interrupts_enabled(void)
{
    uint64_t flags;
    __asm__ volatile("pushfq\n\tpop %0" : "=r"(flags));
    return (flags & INTERRUPTS) != 0;
}

static bool halt(void)
{
    if (timer == NULL || !interrupts_enabled() || timer->set_period(timer, HALT_US * 10u) != EFI_SUCCESS)
        return false;
    __asm__ volatile("hlt");
    (void)timer->set_period(timer, usual_period);
    return true;
}

/* A timer that takes the period but does not keep it would make the line lose bytes: it is tried first. */
void idle_open(void)
{
    void *found = NULL;
    if (uefi->boot->locate_protocol(&efi_timer_guid, NULL, &found) != EFI_SUCCESS)
        return;
    timer = found;
    if (timer->get_period(timer, &usual_period) != EFI_SUCCESS || usual_period == 0)
        timer = NULL;
    uint64_t limit = port_clock()->hz / 1000000u * LATEST_US;
    for (unsigned trial = 0, early = 0; timer != NULL && trial < TRIALS; trial++) {
        uint64_t begun = port_cycles();
        early += halt() && port_cycles() - begun < limit;
        if (trial + 1 == TRIALS && early + 1 < TRIALS) /* one may be late on a busy host */
            timer = NULL;
    }
}

void port_relax(uint32_t microseconds)
{
    if (microseconds >= LEAST_US && halt())
        return;
    uint64_t begun = port_cycles(), cycles = port_clock()->hz / 1000000u * microseconds;
    while (port_cycles() - begun < cycles)
        __asm__ volatile("pause");
}
