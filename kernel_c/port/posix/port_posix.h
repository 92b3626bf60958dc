/* port_posix.h - what the files of the posix port share. */
#ifndef LLMK_PORT_POSIX_H
#define LLMK_PORT_POSIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum serial_kind { SERIAL_STDIO, SERIAL_PTY, SERIAL_UNIX, SERIAL_TCP, SERIAL_NONE };

struct options {
    const char *files;      /* folder that is the volume */
    bool read_only;         /* the volume refuses writes */
    uint64_t disk_free;     /* bytes that may still be written; UINT64_MAX: no limit */
    enum serial_kind serial;
    const char *address;    /* path of the socket or of the pty's link, NULL for none */
    unsigned tcp_port;
    bool wait;              /* for the first client before booting */
    bool model_16550;       /* FIFO of 16 bytes and a baud clock, instead of a perfect line */
    unsigned baud;          /* of the host's end of the modelled line */
    uint64_t poll_gap_us;   /* least time between two polls of the line */
    uint64_t latency_us;    /* of the link, one way */
    bool uart_stats;        /* counters to stderr at the end */
    uint64_t memory;        /* bytes */
    const char *screen;     /* NULL: none, "stderr", or a file */
    const char *keyboard;   /* NULL: none, or a file */
    bool die_with_parent;
};

extern struct options options;

/* Fills `options`; prints the reason or the help and exits when the arguments ask for it. */
void options_parse(int count, char **words);

uint64_t monotonic_us(void);
void clock_calibrate(void);

/* The host's end of the serial line, whatever carries it. */
void line_open(void);
void line_close(void);
size_t line_read(uint8_t *bytes, size_t most);          /* 0: nothing now */
bool line_write(uint8_t byte);                          /* false: the host does not read now */
bool line_ended(void);                                  /* end of standard input */
void line_wait(uint32_t microseconds);                  /* until a byte may have come */
void line_pass_on(void);                                /* before exec: keeps descriptors open and tells them to the next image */

void uart_stats_print(void);
void screen_close(void);
int screen_descriptor_of_keyboard(void);
void port_exit(int status) __attribute__((noreturn));   /* closes everything */
extern char **program_words;

#endif
