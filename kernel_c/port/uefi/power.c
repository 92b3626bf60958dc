/* power.c - restarting, switching off, and what comes after the kernel: never the firmware's menu without a word. */
#include "port.h"
#include "port_uefi.h"
#include "text.h"

#define LSR 5u
#define LSR_DATA_READY 0x01u
#define LSR_TX_EMPTY 0x20u
#define BYTE_US 2000u /* a byte takes 1.04 ms at 9600 baud; a transmitter that needs longer is stuck */

static void send(uint8_t byte)
{
    for (unsigned waited = 0; waited < BYTE_US && !(port_uart_read(LSR) & LSR_TX_EMPTY); waited += 20)
        port_relax(20);
    port_uart_write(0, byte);
}

/* To the screen and the line, by no part of the core: it has ended, or it asked for the end. */
static void say(const char *string)
{
    port_screen_write(string, string_length(string));
    port_screen_flush();
    for (; port_uart_present() && *string != '\0'; string++) {
        if (*string == '\n')
            send('\r');
        send((uint8_t)*string);
    }
}

/* A key or a byte from the line, PORT_KEY_NONE when there is none. */
static int32_t read_answer(void)
{
    if (port_uart_present() && (port_uart_read(LSR) & LSR_DATA_READY))
        return port_uart_read(0);
    return port_key_read();
}

void power_after_the_end(void)
{
    say("\nThe kernel has ended. Press r to restart the machine, p to switch it off, f to go back to the firmware.\n");
    for (;;) {
        switch (read_answer()) {
        case 'r':
            port_power(PORT_REBOOT);
        case 'p':
            port_power(PORT_POWEROFF);
        case 'f':
            say("Back to the firmware.\n");
            return;
        default:
            port_relax(1000);
        }
    }
}

_Noreturn void port_power(enum port_power what)
{
    uint32_t type = what == PORT_REBOOT ? EFI_RESET_COLD : EFI_RESET_SHUTDOWN;
    workers_close();
    uefi->runtime->reset_system(type, EFI_SUCCESS, 0, NULL);
    say(what == PORT_REBOOT ? "\nThe firmware did not restart the machine: use its own switch.\n"
                            : "\nThe firmware did not switch the machine off: use its own switch.\n");
    for (;;)
        port_relax(1000);
}
