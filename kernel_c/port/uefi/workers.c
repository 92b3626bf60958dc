/* workers.c - the application processors, lent by the firmware's MP Services.
 *
 * A processor is started once and waits in our loop. After RELEASE_US without work it goes back to the firmware, which
 * halts it: an idle kernel burns no processor. The firmware notices the return some 100 ms later; until then passes run
 * without it. A worker calls no service of the firmware. Source: PI specification 1.8, volume 2, 13.4.
 */
#include "cpu.h"
#include "port.h"
#include "port_uefi.h"

#define MOST 16u
#define STACK_BYTES 16384u
#define ARRIVE_US 1000000u
#define RELEASE_US 500000u
#define LEAVE_US 1000000u

enum place { AT_FIRMWARE, SENT, GONE }; /* GONE: it never arrived or does not come back, and is not asked again */

enum arrival { NOT_YET, READY, LESSER }; /* LESSER: it has not the instructions that the boot processor has */

struct processor {
    _Alignas(64) uint32_t arrived; /* written by the worker: enum arrival */
    uint32_t index;
    efi_event returned;
    size_t number; /* the firmware's */
    enum place place;
    void (*work)(void *context, uint32_t index);
    void *context;
};

static struct efi_mp_services *services;
static struct processor processors[MOST];
static _Alignas(64) uint8_t stacks[MOST][STACK_BYTES];
static uint32_t found = 1, mxcsr;
static enum cpu_level level; /* of the boot processor: what the work may be compiled for */
static uint32_t leave;       /* 1: workers return */
static bool in_use;
static uint64_t used_at; /* cycles, 0: never */

void workers_open(void)
{
    void *protocol = NULL;
    size_t all = 0, enabled = 0, self = 0;
    struct cpu_info boot_processor;
    cpu_detect(&boot_processor);
    level = boot_processor.best;
    if (uefi->boot->locate_protocol(&efi_mp_services_guid, NULL, &protocol) != EFI_SUCCESS)
        return;
    services = protocol;
    if (services->get_number_of_processors(services, &all, &enabled) != EFI_SUCCESS ||
        services->who_am_i(services, &self) != EFI_SUCCESS)
        return;
    for (size_t number = 0; number < all && found < MOST; number++) {
        struct efi_processor_information information;
        if (number == self || services->get_processor_info(services, number, &information) != EFI_SUCCESS ||
            (information.status & EFI_PROCESSOR_USABLE) != EFI_PROCESSOR_USABLE)
            continue;
        processors[found] = (struct processor){.index = found, .number = number};
        found++;
    }
}

uint32_t port_processors(void)
{
    return found;
}

static void work_on_own_stack(struct processor *self)
{
    __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr)); /* the same rounding as the boot processor */
    self->work(self->context, self->index);
}

/* The firmware calls this on the other processor, with interrupts off. The windows calling convention keeps rbx. */
static void enter(void *argument)
{
    struct processor *self = argument;
    uint8_t *top = stacks[self->index] + STACK_BYTES - 64;
    struct cpu_info own;
    processor_open();
    cpu_detect(&own);
    bool ready = own.best >= level;
    __atomic_store_n(&self->arrived, ready ? READY : LESSER, __ATOMIC_RELEASE);
    if (!ready)
        return;
    __asm__ volatile("movq %%rsp, %%rbx\n\tmovq %0, %%rsp\n\tcallq *%1\n\tmovq %%rbx, %%rsp"
                     :
                     : "r"(top), "r"(work_on_own_stack), "c"(self)
                     : "rbx", "rax", "rdx", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
                       "memory", "cc");
}

static bool within(uint64_t begun, uint32_t microseconds)
{
    return port_cycles() - begun < port_clock()->hz / 1000000u * microseconds;
}

/* False while the firmware has not noticed yet that it is back. */
static bool came_back(struct processor *processor)
{
    if (processor->place == SENT && uefi->boot->check_event(processor->returned) == EFI_SUCCESS)
        processor->place = AT_FIRMWARE;
    return processor->place == AT_FIRMWARE;
}

static bool send(struct processor *processor)
{
    if (processor->returned == NULL && uefi->boot->create_event(0, 0, NULL, NULL, &processor->returned) != EFI_SUCCESS)
        return false;
    processor->arrived = NOT_YET;
    if (services->startup_this_ap(services, enter, processor->number, processor->returned, 0, processor, NULL) !=
        EFI_SUCCESS)
        return false;
    processor->place = SENT;
    uint64_t begun = port_cycles();
    uint32_t arrived;
    while ((arrived = __atomic_load_n(&processor->arrived, __ATOMIC_ACQUIRE)) != READY)
        if (arrived == LESSER || !within(begun, ARRIVE_US)) {
            processor->place = GONE;
            return false;
        }
    return true;
}

uint32_t port_workers_start(uint32_t wanted, void (*work)(void *context, uint32_t index), void *context)
{
    uint32_t ready = 1;
    in_use = true;
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    if (leave) { /* all must be back before any is sent again */
        for (uint32_t i = 1; i < found; i++)
            if (processors[i].place == SENT && !came_back(&processors[i]))
                return 1;
        leave = 0;
    }
    for (; ready < found && ready < wanted; ready++) {
        struct processor *processor = &processors[ready];
        processor->work = work;
        processor->context = context;
        if (processor->place != SENT && (processor->place == GONE || !send(processor)))
            break;
    }
    return ready;
}

uint32_t port_worker_missing(void)
{
    for (uint32_t i = 1; i < found; i++)
        if (processors[i].place == GONE)
            return i;
    return 0;
}

bool port_worker_pause(uint32_t round)
{
    (void)round;
    __asm__ volatile("pause");
    return !__atomic_load_n(&leave, __ATOMIC_ACQUIRE);
}

bool port_worker_rest(uint32_t index, uint32_t round, const uint64_t *sequence, uint64_t seen)
{
    (void)index, (void)sequence, (void)seen;
    return port_worker_pause(round);
}

void port_workers_wake(void)
{
}

void port_workers_idle(void)
{
    used_at = in_use ? port_cycles() : used_at;
    in_use = false;
}

void workers_rest(void)
{
    if (!leave && !in_use && used_at != 0 && !within(used_at, RELEASE_US))
        __atomic_store_n(&leave, 1, __ATOMIC_RELEASE);
}

void workers_close(void)
{
    uint64_t begun = port_cycles();
    __atomic_store_n(&leave, 1, __ATOMIC_RELEASE);
    for (uint32_t i = 1; i < found; i++)
        while (processors[i].place == SENT && !came_back(&processors[i]) && within(begun, LEAVE_US))
            __asm__ volatile("pause");
}
