/* port_posix.h - what the files of the posix port share: the options, what outlives a reboot, and each other. */
#ifndef LLMK_PORT_POSIX_H
#define LLMK_PORT_POSIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <termios.h>

enum serial_kind { SERIAL_STDIO, SERIAL_PTY, SERIAL_UNIX, SERIAL_TCP, SERIAL_NONE };

struct options {
    const char *files; /* folder that is the volume */
    bool read_only;    /* the volume refuses writes */
    uint64_t disk_free; /* bytes that fit on the volume; UINT64_MAX: what the folder's disk has */
    enum serial_kind serial;
    const char *address; /* path of the socket or of the pty's link, NULL for none */
    uint16_t tcp_port;   /* 0: any free one */
    bool wait;           /* for the first client before booting */
    bool model_16550;    /* a FIFO of 16 bytes and a baud clock, instead of a plain line */
    uint32_t baud;       /* of the host's end of the modelled line */
    uint64_t poll_gap_us; /* least time between two polls of a kernel that computes between them */
    uint64_t latency_us;  /* of the link, one way */
    bool uart_stats;      /* counters to stderr at the end */
    uint64_t memory;      /* bytes */
    const char *screen;   /* NULL: none, "stderr", or a file */
    const char *keyboard; /* NULL: none, or a file */
    uint64_t clock_hz;    /* of a made-up cycle counter; 0: the processor's */
    bool die_with_parent;
};

extern struct options options;

/* Fills `options`. Prints the help, the version or what is wrong, and exits, when the arguments ask for it. */
void options_parse(int count, char **words);

/* What a reboot does not change because it is outside of the machine. Carried over the exec as it is. */
struct lasting {
    pid_t pid; /* exec keeps it: tells our own last image from a stranger's environment */
    bool rebooted;
    int listener, client; /* the client is the master of a pseudo-terminal too */
    dev_t socket_device;  /* which file at `address` is ours, so that a successor's is not removed */
    ino_t socket_inode;
    uint64_t discarded; /* bytes printed while nobody listened */
    int keyboard;
    uint64_t disk_free;
    bool raw;             /* standard input is a terminal in raw mode */
    struct termios saved; /* and was this before */
};

extern struct lasting lasting;

/* power.c */
void power_start(char **words); /* takes over from the image before a reboot; installs the signal handlers */
_Noreturn void port_exit(int status);
bool power_break_asked(void); /* a break was asked for since the last call */
void power_check_parent(void);

/* clock.c */
uint64_t monotonic_ns(void); /* CLOCK_MONOTONIC without the time in which the process was stopped */
void clock_stop_ended(void); /* called by the handler of SIGCONT */
uint64_t cpu_ns(void);       /* processor time of the calling thread: workers are no part of it */
void clock_calibrate(void);

/* uart.c: the kernel's registers and port_relax */
void uart_finish(uint64_t most_ns); /* brings out what was written, waiting at most that long */
void uart_stats_print(void);        /* when asked for; may be called by a signal handler */

/* screen.c */
void screen_open(void);
int keyboard_descriptor(void); /* to wait for a key; -1 when there is nothing to wait for */

/* Says what failed and with which value on stderr, and ends the process with status 1. */
_Noreturn void port_fail(const char *what, const char *which);

#endif
