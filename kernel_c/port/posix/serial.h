/* serial.h - the host's end of the serial line: a terminal or pipes, a pseudo-terminal, a unix or a TCP socket.
 *
 * As with a server chardev of QEMU, one client at a time is served; its leaving is survived, and what is printed while
 * nobody listens is discarded, and counted.
 */
#ifndef LLMK_SERIAL_H
#define LLMK_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* serial_open.c: fills lasting.listener and lasting.client; fails with a message and exit status 1. */
void serial_open(void);
void serial_set_nonblocking(int descriptor);
/* Restores the terminal and removes the socket or link. May be called by a signal handler, and twice. */
void serial_close(void);
void serial_raw_again(void); /* after the process was stopped: a shell may have changed the terminal */

/* serial.c */
bool serial_connected(void);
bool serial_look_for_client(void); /* the same, after taking one that has come */
size_t serial_read(uint8_t *bytes, size_t most);         /* 0: nothing now */
size_t serial_write(const uint8_t *bytes, size_t count); /* how many the host took, or were discarded */
bool serial_ended(void);                                 /* standard input is at its end */
/* For a byte, a client, a key or room for output. False when it is certain that there was none of them. */
bool serial_wait(uint64_t most_ns, bool input, bool output);

#endif
