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
    uint32_t revision = uefi->firmware_revision;
    text_format(&text, " %u.%u", (unsigned)(revision >> 16), (unsigned)(revision & 0xffff));
}

efi_status EfiMain(efi_handle image, struct efi_system_table *system)
{
    static char machine[64];
    uefi_image = image;
    uefi = system;
    (void)system->boot->set_watchdog_timer(0, 0, 0, NULL); /* the boot manager arms it for five minutes */
    struct kernel_boot boot = {.port_name = "uefi", .machine = machine, .start_cycles = port_cycles()};
    processor_open();
    serial_open(); /* before the screen: what the firmware draws to clear it would go down the line too */
    screen_open();
    clock_calibrate();
    idle_open();
    files_open();
    workers_open();
    describe_firmware(machine, sizeof machine);
    (void)kernel_main(&boot);
    workers_close();
    power_after_the_end();
    serial_close();
    return EFI_SUCCESS;
}
