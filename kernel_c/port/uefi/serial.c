/* serial.c - COM1, taken away from the firmware. Its terminal driver would otherwise read half of what a host sends. */
#include "port.h"
#include "port_uefi.h"

#define COM1 0x3f8u
#define EISA_PNP0501 0x050141d0u /* a 16550 in an ACPI device path node */
#define NO_UART UINT32_MAX

static bool present;
static efi_handle taken; /* NULL when the firmware had no driver on it */

static uint32_t read32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* The UID of the 16550 that a device path goes through, or NO_UART. Nodes: type, subtype, length (little-endian), data.
 * Source: UEFI 2.10, 10.3.3. */
static uint32_t uart_of(const struct efi_device_path *path)
{
    for (unsigned nodes = 0; path != NULL && path->type != 0x7f && nodes < 64; nodes++) {
        const uint8_t *bytes = (const uint8_t *)path;
        size_t length = (size_t)(path->length[0] | path->length[1] << 8);
        if (length < 4)
            return NO_UART;
        if (path->type == 2 && path->subtype == 1 && length >= 12 && read32(bytes + 4) == EISA_PNP0501)
            return read32(bytes + 8);
        path = (const struct efi_device_path *)(const void *)(bytes + length);
    }
    return NO_UART;
}

/* The firmware's first 16550: COM1 has the UID 0, or 1 where counting begins there. */
static efi_handle find_first_uart(void)
{
    size_t count = 0;
    efi_handle *handles = NULL, found = NULL;
    uint32_t least = NO_UART;
    if (uefi->boot->locate_handle_buffer(EFI_BY_PROTOCOL, &efi_serial_io_guid, NULL, &count, &handles) != EFI_SUCCESS)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        void *path = NULL;
        if (uefi->boot->handle_protocol(handles[i], &efi_device_path_guid, &path) != EFI_SUCCESS ||
            uart_of(path) >= least)
            continue;
        least = uart_of(path);
        found = handles[i];
    }
    (void)uefi->boot->free_pool(handles);
    return found;
}

/* A 16550 keeps what is written to its scratch register; an empty bus reads as all ones. */
static bool answers(void)
{
    uint8_t before = in8(COM1 + 7);
    out8(COM1 + 7, 0x5a);
    bool kept = in8(COM1 + 7) == 0x5a;
    out8(COM1 + 7, 0xa5);
    kept = kept && in8(COM1 + 7) == 0xa5;
    out8(COM1 + 7, before);
    return kept;
}

/* Opening it exclusively detaches whoever uses it; ConOut then goes to the screen alone. Without a COM1 nothing is
 * taken: the firmware's console may be on another port. */
void serial_open(void)
{
    static const char warning[] = "The firmware does not let go of COM1: what a host sends there may get lost.\n";
    present = answers();
    efi_handle uart = present ? find_first_uart() : NULL;
    if (uart == NULL)
        return;
    void *unused = NULL;
    efi_status status =
        uefi->boot->open_protocol(uart, &efi_serial_io_guid, &unused, uefi_image, NULL, EFI_OPEN_EXCLUSIVE);
    if (status == EFI_SUCCESS) {
        taken = uart;
    } else {
        port_screen_write(warning, sizeof warning - 1);
        port_screen_flush();
    }
}

void serial_close(void)
{
    if (taken == NULL)
        return;
    (void)uefi->boot->close_protocol(taken, &efi_serial_io_guid, uefi_image, NULL);
    (void)uefi->boot->connect_controller(taken, NULL, NULL, true);
    taken = NULL;
}

bool port_uart_present(void)
{
    return present;
}

uint8_t port_uart_read(unsigned reg)
{
    return in8((uint16_t)(COM1 + reg));
}

void port_uart_write(unsigned reg, uint8_t value)
{
    out8((uint16_t)(COM1 + reg), value);
}
