/* machine.c - clock, memory, screen, keyboard and power of the simulated machine, and main. */
#define _GNU_SOURCE
#include "port.h"
#include "port_posix.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

char **program_words;

/* ---- clock */

static struct port_clock calibrated;

uint64_t monotonic_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

uint64_t port_cycles(void)
{
    return __builtin_ia32_rdtsc();
}

/* The smallest of five runs: whatever interrupts one makes it longer, never shorter. */
void clock_calibrate(void)
{
    uint64_t least = UINT64_MAX, most = 0;
    for (unsigned run = 0; run < 5; run++) {
        uint64_t start_us = monotonic_us(), start = port_cycles(), end_us;
        while ((end_us = monotonic_us()) < start_us + 2000) {
        }
        uint64_t hz = (port_cycles() - start) * 1000000u / (end_us - start_us);
        least = hz < least ? hz : least;
        most = hz > most ? hz : most;
    }
    calibrated = (struct port_clock){.hz = least, .source = "posix", .spread_ppm = (uint32_t)((most - least) * 1000000u / least),
                                     .invariant = true};
}

const struct port_clock *port_clock(void)
{
    return &calibrated;
}

uint64_t port_unix_time(void)
{
    time_t now = time(NULL);
    return now > 0 ? (uint64_t)now : 0;
}

/* ---- memory */

static uint64_t memory_used;

#define BIG_PAGE (2u << 20)

void *port_pages_alloc(uint64_t bytes)
{
    bytes = (bytes + 4095) / 4096 * 4096;
    if (bytes == 0 || bytes > options.memory - memory_used)
        return NULL;
    uint64_t whole = bytes + (bytes >= BIG_PAGE ? BIG_PAGE : 0);
    uint8_t *start = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED)
        return NULL;
    memory_used += bytes;
    if (bytes < BIG_PAGE)
        return start;
    uint64_t front = (BIG_PAGE - (uintptr_t)start % BIG_PAGE) % BIG_PAGE; /* cut to the boundary, and behind */
    if (front > 0)
        (void)munmap(start, front);
    if (whole - front - bytes > 0)
        (void)munmap(start + front + bytes, whole - front - bytes);
    return start + front;
}

void port_pages_free(void *base, uint64_t bytes)
{
    bytes = (bytes + 4095) / 4096 * 4096;
    (void)munmap(base, bytes);
    memory_used -= bytes;
}

uint64_t port_pages_free_total(void)
{
    return options.memory - memory_used;
}

/* ---- screen and keyboard */

static FILE *screen;
static int keyboard = -1;

static void screen_open(void)
{
    if (options.screen != NULL)
        screen = strcmp(options.screen, "stderr") == 0 ? stderr : fopen(options.screen, "w");
    if (options.keyboard != NULL)
        keyboard = open(options.keyboard, O_RDONLY | O_NONBLOCK);
    if ((options.screen != NULL && screen == NULL) || (options.keyboard != NULL && keyboard < 0)) {
        perror("llmk-sim: cannot open the screen or the keyboard");
        exit(1);
    }
}

void port_screen_write(const char *utf8, size_t bytes)
{
    if (screen != NULL)
        (void)fwrite(utf8, 1, bytes, screen);
}

void port_screen_flush(void)
{
    if (screen != NULL)
        (void)fflush(screen);
}

int screen_descriptor_of_keyboard(void)
{
    return keyboard;
}

int32_t port_key_read(void)
{
    unsigned char byte;
    if (keyboard < 0)
        return PORT_KEY_NONE;
    ssize_t count = read(keyboard, &byte, 1);
    if (count == 0) { /* the end of a file of keys */
        (void)close(keyboard);
        keyboard = -1;
    }
    if (count != 1)
        return PORT_KEY_NONE;
    return byte == '\n' ? '\r' : byte == 0x7f ? '\b' : byte;
}

/* ---- power */

_Noreturn void port_exit(int status)
{
    port_screen_flush();
    uart_stats_print();
    line_close();
    exit(status);
}

_Noreturn void port_power(enum port_power what)
{
    if (what == PORT_REBOOT) {
        port_screen_flush();
        line_pass_on(); /* the client stays connected, as QEMU's does over a reset */
        execv("/proc/self/exe", program_words);
        execvp(program_words[0], program_words);
        perror("llmk-sim: cannot restart");
        port_exit(1);
    }
    port_exit(0);
}

static void on_signal(int number)
{
    line_close(); /* restores the terminal and removes the socket: only calls that a signal handler may make matter here */
    _exit(128 + number == 143 || number == SIGINT ? 0 : 128 + number);
}

int main(int count, char **words)
{
    program_words = words;
    options_parse(count, words);
#ifdef __linux__
    if (options.die_with_parent) {
        pid_t parent = getppid();
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent)
            return 0;
    }
#endif
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGTERM, on_signal);
    (void)signal(SIGINT, on_signal);
    (void)signal(SIGHUP, on_signal);
    uint64_t start = port_cycles();
    clock_calibrate();
    screen_open();
    line_open();
    struct utsname host;
    char machine[sizeof host.sysname + sizeof host.machine + 2] = "host";
    if (uname(&host) == 0)
        snprintf(machine, sizeof machine, "%s %s", host.sysname, host.machine);
    struct kernel_boot boot = {.port_name = "posix", .machine = machine, .start_cycles = start};
    port_exit(kernel_main(&boot));
}
