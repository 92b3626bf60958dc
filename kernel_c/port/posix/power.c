/* power.c - the ends of the process: power off, reboot, signals, failures. */
#define _GNU_SOURCE
#include "port.h"
#include "port_posix.h"
#include "serial.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#define LASTING "LLMK_SIM_LASTING" /* the environment variable that carries `lasting` over the exec of a reboot */
#define FINISH_NS UINT64_C(1000000000) /* a host that does not read keeps us no longer than this */

struct lasting lasting = {.listener = -1, .client = -1, .keyboard = -1};

static char **program_words;
static volatile sig_atomic_t break_asked;
static pid_t parent;

_Noreturn void port_fail(const char *what, const char *which)
{
    int error = errno;
    serial_close();
    fprintf(stderr, "llmk-sim: %s %s: %s\n", what, which, strerror(error));
    exit(1);
}

#ifdef LLMK_COUNT_LINES /* a build for coverage.py: neither _exit nor exec writes the counts by itself */
void __gcov_dump(void);
#define keep_counts() __gcov_dump()
#else
#define keep_counts() ((void)0)
#endif

_Noreturn void port_exit(int status)
{
    port_screen_flush();
    uart_finish(FINISH_NS);
    uart_stats_print();
    serial_close();
    exit(status);
}

/* ---- reboot: the same program from its start, with the line as it is --------------------------------------------- */

static void carry_over(void)
{
    static char hex[2 * sizeof lasting + 1];
    const uint8_t *bytes = (const uint8_t *)&lasting;
    lasting.pid = getpid();
    lasting.rebooted = true;
    for (size_t i = 0; i < sizeof lasting; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    (void)setenv(LASTING, hex, 1);
}

static void take_over(void)
{
    const char *hex = getenv(LASTING);
    struct lasting found;
    if (hex == NULL || strlen(hex) != 2 * sizeof found)
        return;
    for (size_t i = 0; i < sizeof found; i++) {
        unsigned byte;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
            return;
        ((uint8_t *)&found)[i] = (uint8_t)byte;
    }
    if (found.pid == getpid()) /* inherited from another simulator, it means nothing */
        lasting = found;
    (void)unsetenv(LASTING);
}

static void block_signals(int how)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)sigaddset(&set, SIGUSR1);
    (void)sigaddset(&set, SIGUSR2);
    (void)sigprocmask(how, &set, NULL);
}

_Noreturn void port_power(enum port_power what)
{
    if (what == PORT_POWEROFF)
        port_exit(0);
    port_screen_flush();
    uart_finish(FINISH_NS);
    uart_stats_print();
    block_signals(SIG_BLOCK); /* between the two images nobody would restore the terminal or remove the socket */
    carry_over();
    keep_counts();
#ifdef __linux__
    (void)execv("/proc/self/exe", program_words); /* the same file even when it was replaced meanwhile */
#endif
    (void)execvp(program_words[0], program_words);
    port_fail("cannot restart", program_words[0]);
}

/* ---- signals ----------------------------------------------------------------------------------------------------- */

static void on_end(int number)
{
    (void)number;
    uart_stats_print();
    serial_close();
    keep_counts();
    _exit(0);
}

static void on_crash(int number)
{
    serial_close();
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static void on_break(int number)
{
    (void)number;
    break_asked = 1;
}

static void on_stats(int number)
{
    int error = errno;
    (void)number;
    uart_stats_print();
    errno = error;
}

static void on_continue(int number)
{
    int error = errno;
    (void)number;
    clock_stop_ended();
    serial_raw_again();
    errno = error;
}

static void handle(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(number, &action, NULL);
}

bool power_break_asked(void)
{
    if (!break_asked)
        return false;
    break_asked = 0;
    return true;
}

void power_check_parent(void)
{
#ifndef __linux__
    if (options.die_with_parent && getppid() != parent)
        port_exit(0);
#endif
}

void power_start(char **words)
{
    program_words = words;
    parent = getppid();
    lasting.disk_free = options.disk_free;
    take_over();
#ifdef __linux__
    if (options.die_with_parent) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent) /* it ended just before */
            exit(0);
    }
#endif
    handle(SIGPIPE, SIG_IGN);
    handle(SIGTERM, on_end);
    handle(SIGINT, on_end);
    handle(SIGHUP, on_end);
    handle(SIGUSR1, on_break);
    handle(SIGUSR2, on_stats);
    handle(SIGCONT, on_continue);
#ifndef __SANITIZE_ADDRESS__ /* which reports crashes itself */
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
    for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++)
        handle(crashes[i], on_crash);
#else
    (void)on_crash;
#endif
    block_signals(SIG_UNBLOCK);
}
