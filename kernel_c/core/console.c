#include "console.h"

#include "clock.h"
#include "kernel.h"
#include "text.h"

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

void console_write(struct kernel *kernel, const char *bytes, size_t count)
{
    write_screen(kernel, bytes, count);
    if (!kernel->uart.present || kernel->link.machine)
        return;
    for (size_t at = 0; at < count;) {
        size_t end = at;
        while (end < count && bytes[end] != '\n' && end - at < 64)
            end++;
        if (!uart_send_waiting(&kernel->uart, bytes + at, end - at, STUCK_US))
            return;
        if (end < count && bytes[end] == '\n') {
            if (!uart_send_waiting(&kernel->uart, "\r\n", 2, STUCK_US))
                return;
            end++;
        }
        at = end;
    }
    uart_pump(&kernel->uart);
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
