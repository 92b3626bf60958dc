/* screen.c - the machine's own screen and keyboard, by the firmware's text console. */
#include "port.h"
#include "port_uefi.h"
#include "utf8.h"

#define BUFFER 256u

static efi_char buffer[BUFFER + 3]; /* a line end takes two, the end mark one */
static size_t filled;
static uint8_t partial[4]; /* a character that is not complete yet */
static size_t partial_count;

void screen_open(void)
{
    if (uefi->console_out == NULL)
        return;
    (void)uefi->console_out->clear_screen(uefi->console_out);
    (void)uefi->console_out->enable_cursor(uefi->console_out, true);
}

void port_screen_flush(void)
{
    buffer[filled] = 0;
    if (filled > 0 && uefi->console_out != NULL)
        (void)uefi->console_out->output_string(uefi->console_out, buffer);
    filled = 0;
}

static void put(efi_char character)
{
    if (filled >= BUFFER)
        port_screen_flush();
    buffer[filled++] = character;
}

/* The firmware's font has Latin and line drawing; what it cannot draw it leaves out or marks itself. */
static void put_character(const uint8_t *bytes, size_t count)
{
    if (count == 2)
        put((efi_char)((bytes[0] & 0x1f) << 6 | (bytes[1] & 0x3f)));
    else if (count == 3)
        put((efi_char)((bytes[0] & 0x0f) << 12 | (bytes[1] & 0x3f) << 6 | (bytes[2] & 0x3f)));
    else
        put('?'); /* beyond the basic plane */
}

static void put_ascii(uint8_t byte)
{
    if (byte == '\n') {
        put('\r');
        put('\n');
    } else if (byte >= ' ' || byte == '\b') {
        put(byte < 0x7f ? byte : '?');
    }
}

void port_screen_write(const char *utf8, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        uint8_t byte = (uint8_t)utf8[i];
        if ((byte & 0xc0) == 0x80 && partial_count > 0) {
            partial[partial_count++] = byte;
            if (partial_count == utf8_length(partial[0])) {
                put_character(partial, partial_count);
                partial_count = 0;
            }
            continue;
        }
        if (partial_count > 0)
            put('?');
        partial_count = 0;
        if (utf8_length(byte) > 1)
            partial[partial_count++] = byte;
        else
            put_ascii(byte);
    }
}

int32_t port_key_read(void)
{
    static const int32_t scans[] = {PORT_KEY_NONE, PORT_KEY_UP, PORT_KEY_DOWN, PORT_KEY_RIGHT, PORT_KEY_LEFT, PORT_KEY_HOME,
                                    PORT_KEY_END, PORT_KEY_NONE, PORT_KEY_DELETE};
    struct efi_input_key key;
    if (uefi->console_in == NULL || uefi->console_in->read_key_stroke(uefi->console_in, &key) != EFI_SUCCESS)
        return PORT_KEY_NONE;
    if (key.unicode != 0)
        return key.unicode;
    return key.scan_code < sizeof scans / sizeof *scans ? scans[key.scan_code] : PORT_KEY_NONE;
}
