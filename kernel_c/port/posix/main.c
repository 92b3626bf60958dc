/* main.c - llmk-sim: the kernel as a process. */
#define _GNU_SOURCE
#include "port.h"
#include "port_posix.h"
#include "serial.h"

#include <stdio.h>
#include <sys/utsname.h>

int main(int count, char **words)
{
    options_parse(count, words);
    power_start(words);
    clock_calibrate();
    uint64_t start = port_cycles();
    screen_open();
    serial_open();
    struct utsname host;
    char machine[sizeof host.sysname + sizeof host.machine + 2] = "host";
    if (uname(&host) == 0)
        snprintf(machine, sizeof machine, "%s %s", host.sysname, host.machine);
    struct kernel_boot boot = {.port_name = "posix", .machine = machine, .start_cycles = start};
    port_exit(kernel_main(&boot));
}
