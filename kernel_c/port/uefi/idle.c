/* idle.c - waiting without burning the processor.
 *
 * A halted processor wakes at the next interrupt, and the firmware has one that is regular: its timer, every ten
 * milliseconds or so. A shorter wait, for a line from which 115 bytes may come in that time, sets the timer to its own
 * length and back afterwards: while the model computes, interrupts stay rare.
 */
#include "port.h"
#include "port_uefi.h"

#define UNITS_PER_US 10u /* the timer's period is in hundreds of nanoseconds */
#define SHORTEST_US 200u /* below it two calls of the firmware cost more than they save */
#define TRIAL_US 1000u
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

static bool halt(uint32_t microseconds)
{
    uint64_t period = (uint64_t)microseconds * UNITS_PER_US;
    if (timer == NULL || !interrupts_enabled())
        return false;
    if (period < usual_period && timer->set_period(timer, period) != EFI_SUCCESS)
        return false;
    __asm__ volatile("hlt" : : : "memory");
    if (period < usual_period)
        (void)timer->set_period(timer, usual_period);
    return true;
}

/* A timer that takes a period but does not keep it would make the line lose bytes: it is tried first. */
void idle_open(void)
{
    void *found = NULL;
    unsigned kept = 0;
    if (uefi->boot->locate_protocol(&efi_timer_guid, NULL, &found) != EFI_SUCCESS)
        return;
    timer = found;
    if (timer->get_period(timer, &usual_period) != EFI_SUCCESS || usual_period == 0)
        timer = NULL;
    for (unsigned trial = 0; trial < TRIALS; trial++) {
        uint64_t begun = port_cycles();
        kept += halt(TRIAL_US) && port_cycles() - begun < port_clock()->hz / 1000000u * LATEST_US;
    }
    if (kept + 1 < TRIALS) /* one may be late on a busy host */
        timer = NULL;
}

void port_relax(uint32_t microseconds)
{
    workers_rest();
    if (microseconds >= SHORTEST_US && halt(microseconds))
        return;
    uint64_t begun = port_cycles(), cycles = port_clock()->hz / 1000000u * microseconds;
    while (port_cycles() - begun < cycles)
        __asm__ volatile("pause");
}
