#include "console.h"

#include "clock.h"
#include "kernel.h"
#include "text.h"
#include "utf8.h"

#define SCREEN_DELAY_US 10000u
#define STUCK_US 2000000u

void console_flush(struct kernel *kernel)
{
    if (kernel->console.screen_dirty)
        port_screen_flush();
    kernel->console.screen_dirty = false;
    kernel->console.flushed_us = clock_us();
}

/* Drawing costs a millisecond under emulation: once per line, or every ten milliseconds. */
static void write_screen(struct kernel *kernel, const char *bytes, size_t count)
{
    bool line_end = false;
    for (size_t i = 0; i < count; i++)
        line_end |= bytes[i] == '\n';
    port_screen_write(bytes, count);
    kernel->console.screen_dirty = true;
    if (line_end || clock_us() - kernel->console.flushed_us > SCREEN_DELAY_US)
        console_flush(kernel);
}

/* The serial side of it; false when the line takes nothing any more. */
static bool write_line(struct kernel *kernel, const char *bytes, size_t count)
{
    if (!kernel->uart.present || kernel->link.machine)
        return true;
    for (size_t at = 0; at < count;) {
        size_t end = at;
        while (end < count && bytes[end] != '\n' && end - at < 64)
            end++;
        if (!uart_send_waiting(&kernel->uart, bytes + at, end - at, STUCK_US))
            return false;
        if (end < count && bytes[end] == '\n') {
            if (!uart_send_waiting(&kernel->uart, "\r\n", 2, STUCK_US))
                return false;
            end++;
        }
        at = end;
    }
    uart_pump(&kernel->uart);
    return true;
}

void console_echo(struct kernel *kernel, const char *bytes, size_t count)
{
    write_screen(kernel, bytes, count);
    write_line(kernel, bytes, count);
}

void console_write(struct kernel *kernel, const char *bytes, size_t count)
{
    char shown[256];
    bool takes = true;
    for (size_t at = 0; at < count;) {
        size_t length = count - at;
        if (length > sizeof shown)
            length = sizeof shown - utf8_incomplete_tail(bytes + at, sizeof shown);
        __builtin_memcpy(shown, bytes + at, length);
        size_t left = utf8_mask_controls(shown, length);
        write_screen(kernel, shown, left);
        takes = takes && write_line(kernel, shown, left);
        at += length;
    }
}

void console_print(struct kernel *kernel, const char *format, ...)
{
    char line[512];
    struct text text;
    va_list list;
    text_init(&text, line, sizeof line);
    va_start(list, format);
    text_format_list(&text, format, list);
    va_end(list);
    console_write(kernel, line, text.length);
}
