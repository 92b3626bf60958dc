/* serial.c - COM1, taken away from the firmware. Its terminal driver would otherwise read half of what a host sends. */
#include "port.h"
#include "port_uefi.h"

#define COM1 0x3f8u
#define EISA_PNP0501 0x050141d0u /* a 16550 in an ACPI device path node */

static bool present;

/* Whether a device path goes through the ACPI node of the first 16550. Nodes: type, subtype, length (little-endian), data. */
static bool is_first_uart(const struct efi_device_path *path)
{
    for (unsigned nodes = 0; path != NULL && path->type != 0x7f && nodes < 64; nodes++) {
        const uint8_t *bytes = (const uint8_t *)path;
        size_t length = (size_t)(path->length[0] | path->length[1] << 8);
        if (length < 4)
            return false;
        if (path->type == 2 && path->subtype == 1 && length >= 12) {
            uint32_t hid = bytes[4] | (uint32_t)bytes[5] << 8 | (uint32_t)bytes[6] << 16 | (uint32_t)bytes[7] << 24;
            uint32_t uid = bytes[8] | (uint32_t)bytes[9] << 8 | (uint32_t)bytes[10] << 16 | (uint32_t)bytes[11] << 24;
            if (hid == EISA_PNP0501 && uid == 0)
                return true;
        }
        path = (const struct efi_device_path *)(const void *)(bytes + length);
    }
    return false;
}

/* Opening it exclusively detaches whoever uses it; ConOut then goes to the screen alone. */
static void take_from_firmware(void)
{
    size_t count = 0;
    efi_handle *handles = NULL;
    if (uefi->boot->locate_handle_buffer(EFI_BY_PROTOCOL, &efi_serial_io_guid, NULL, &count, &handles) != EFI_SUCCESS)
        return;
    for (size_t i = 0; i < count; i++) {
        void *path = NULL, *unused = NULL;
        if (uefi->boot->handle_protocol(handles[i], &efi_device_path_guid, &path) == EFI_SUCCESS && is_first_uart(path))
            (void)uefi->boot->open_protocol(handles[i], &efi_serial_io_guid, &unused, uefi_image, NULL, EFI_OPEN_EXCLUSIVE);
    }
    (void)uefi->boot->free_pool(handles);
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

void serial_open(void)
{
    take_from_firmware();
    present = answers();
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
