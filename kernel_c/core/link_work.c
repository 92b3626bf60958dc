/* link_work.c - the work that the line sees: whether the kernel is busy, what a stop ends, how long an idle loop sleeps. */
#include "clock.h"
#include "kernel.h"

#define SLEEP_AFTER_US 150000u /* a host that waits for credit goes on within this */
#define SLEEP_US 20000u
#define WATCH_US 800u /* half of what fills a FIFO of 16 bytes at 115200 bit/s */

enum wire_phase link_phase(const struct kernel *kernel)
{
    if (link_computes(kernel) || kernel->chat.phase == WIRE_PHASE_LOAD)
        return kernel->chat.phase;
    return kernel->model_loaded ? WIRE_PHASE_IDLE : WIRE_PHASE_RESCUE;
}

bool link_busy(const struct kernel *kernel)
{
    return kernel->chat.running || kernel->link.serving || kernel->link.session.waiting_id != 0;
}

uint32_t link_sleep_us(const struct kernel *kernel)
{
    if (kernel->link.file.request != 0 || !uart_drained(&kernel->uart))
        return WATCH_US; /* a transmitter takes no more than 16 octets a look */
    bool quiet = kernel->link.machine && clock_us() - kernel->link.byte_us > SLEEP_AFTER_US;
    return quiet ? SLEEP_US : WATCH_US; /* a person's paste comes without credit: a human line is always watched */
}

void link_work_begin(struct kernel *kernel)
{
    kernel->link.serving = true;
}

void link_work_end(struct kernel *kernel)
{
    kernel->link.serving = false;
    kernel->link.session.prompt_due = false; /* the loop shows one after the work */
    kernel->link.session.untold = LINK_DUE;
}

bool link_computes(const struct kernel *kernel)
{
    return kernel->chat.running || kernel->chat.phase == WIRE_PHASE_BENCH;
}

void link_stop(struct kernel *kernel)
{
    if (link_computes(kernel))
        chat_stop(kernel);
    else if (kernel->link.session.waiting_id != 0)
        kernel->link.stop_waiting = true;
}
