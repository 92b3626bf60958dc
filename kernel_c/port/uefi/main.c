/* main.c - the firmware starts here. */
#include "port.h"
#include "port_uefi.h"
#include "text.h"

efi_handle uefi_image;
struct efi_system_table *uefi;
int _fltused; /* the compiler refers to it where floating point is used */

efi_status EfiMain(efi_handle image, struct efi_system_table *system);

static void describe_firmware(char *machine, size_t capacity)
{
    struct text text;
    text_init(&text, machine, capacity);
    for (const efi_char *at = uefi->firmware_vendor; at != NULL && *at != 0; at++)
        text_format(&text, "%c", *at >= ' ' && *at <= '~' ? (char)*at : '?');
    text_format(&text, " %u.%u", (unsigned)(uefi->firmware_revision >> 16), (unsigned)(uefi->firmware_revision & 0xffff));
}

static void say(const char *string)
{
    port_screen_write(string, string_length(string));
    port_screen_flush();
}

/* The person has left the REPL: what happens next is said and asked, the firmware's menu never just appears. */
static void after_the_end(void)
{
    say("\nThe kernel has ended. r: restart the machine, p: power off, f: back to the firmware\n");
    for (;;) {
        switch (port_key_read()) {
        case 'r': port_power(PORT_REBOOT);
        case 'p': port_power(PORT_POWEROFF);
        case 'f': return;
        default: port_relax(10000);
        }
    }
}

efi_status EfiMain(efi_handle image, struct efi_system_table *system)
{
    static char machine[64];
    uefi_image = image;
    uefi = system;
    (void)system->boot->set_watchdog_timer(0, 0, 0, NULL); /* the boot manager arms it for five minutes */
    uint64_t start = port_cycles();
    processor_open();
    screen_open();
    clock_calibrate();
    files_open();
    serial_open();
    describe_firmware(machine, sizeof machine);
    struct kernel_boot boot = {.port_name = "uefi", .machine = machine, .start_cycles = start};
    (void)kernel_main(&boot);
    after_the_end();
    return EFI_SUCCESS;
}

_Noreturn void port_power(enum port_power what)
{
    uefi->runtime->reset_system(what == PORT_REBOOT ? EFI_RESET_COLD : EFI_RESET_SHUTDOWN, EFI_SUCCESS, 0, NULL);
    say("\nThe firmware did not do it: use the machine's own switch.\n");
    for (;;)
        port_relax(10000);
}
