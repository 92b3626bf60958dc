/* screen.c - the machine's own screen and keyboard, by the firmware's text console.
 *
 * One call of the firmware costs a millisecond with scrolling, for one character or for eighty: text is collected until
 * port_screen_flush or until the buffer is full.
 */
#include "port.h"
#include "port_uefi.h"
#include "utf8.h"

#define BUFFER 256u
#define TAB "    "

static efi_char buffer[BUFFER + 1]; /* the end mark takes one */
static size_t filled;
static uint8_t partial[4]; /* a character that is not complete yet */
static size_t partial_count;

/* The mode with the most text. Firmware that also had a serial console chose one that fits both. */
static void choose_mode(struct efi_text_output *out)
{
    size_t best = 0, most = 0;
    for (size_t mode = 0; mode < (size_t)out->mode->modes; mode++) {
        size_t columns = 0, rows = 0;
        if (out->query_mode(out, mode, &columns, &rows) != EFI_SUCCESS || columns * rows <= most)
            continue;
        most = columns * rows;
        best = mode;
    }
    if (most > 0 && best != (size_t)out->mode->mode)
        (void)out->set_mode(out, best);
}

void screen_open(void)
{
    struct efi_text_output *out = uefi->console_out;
    if (out == NULL)
        return;
    choose_mode(out);
    (void)out->clear_screen(out);
    (void)out->enable_cursor(out, true);
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
    if (filled == BUFFER)
        port_screen_flush();
    buffer[filled++] = character;
}

/* The firmware's font has Latin letters and line drawing, and it knows what it has not. */
static void put_if_drawable(efi_char character)
{
    const efi_char string[2] = {character, 0};
    struct efi_text_output *out = uefi->console_out;
    put(out != NULL && out->test_string(out, string) == EFI_SUCCESS ? character : '?');
}

static void put_ascii(uint8_t byte)
{
    if (byte == '\n') {
        put('\r');
        put('\n');
    } else if (byte == '\t') {
        for (const char *blank = TAB; *blank != '\0'; blank++)
            put(' ');
    } else if (byte == '\b' || byte >= ' ') {
        put(byte < 0x7f ? byte : '?');
    }
}

static void put_character(const uint8_t *bytes, size_t count)
{
    if (count == 1)
        put_ascii(bytes[0]);
    else if (count == 2)
        put_if_drawable((efi_char)((bytes[0] & 0x1f) << 6 | (bytes[1] & 0x3f)));
    else if (count == 3)
        put_if_drawable((efi_char)((bytes[0] & 0x0f) << 12 | (bytes[1] & 0x3f) << 6 | (bytes[2] & 0x3f)));
    else
        put('?'); /* beyond the basic plane: the firmware's characters have 16 bits */
}

void port_screen_write(const char *utf8, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        uint8_t byte = (uint8_t)utf8[i];
        bool continues = (byte & 0xc0) == 0x80;
        if (partial_count > 0 && !continues) {
            put('?'); /* the one before was cut short */
            partial_count = 0;
        }
        partial[partial_count++] = byte;
        if (partial_count < utf8_length(partial[0]))
            continue;
        put_character(partial, partial_count);
        partial_count = 0;
    }
}

int32_t port_key_read(void)
{
    static const int32_t scans[] = {
        [1] = PORT_KEY_UP,  [2] = PORT_KEY_DOWN, [3] = PORT_KEY_RIGHT, [4] = PORT_KEY_LEFT,
        [5] = PORT_KEY_HOME, [6] = PORT_KEY_END, [8] = PORT_KEY_DELETE,
    };
    struct efi_input_key key;
    if (uefi->console_in == NULL || uefi->console_in->read_key_stroke(uefi->console_in, &key) != EFI_SUCCESS)
        return PORT_KEY_NONE;
    if (key.unicode != 0)
        return key.unicode;
    if (key.scan_code >= sizeof scans / sizeof scans[0] || scans[key.scan_code] == 0)
        return PORT_KEY_NONE;
    return scans[key.scan_code];
}
