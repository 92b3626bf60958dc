/* port.h - everything the portable core needs from the machine below it.
 *
 * The core includes no UEFI, no libc and no operating system header. A port implements the functions below and calls
 * kernel_main(). There are two ports: port/uefi (the machine itself) and port/posix (the same kernel as a process).
 */
#ifndef LLMK_PORT_H
#define LLMK_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- clock ------------------------------------------------------------------------------------------------- */

/* How the cycle counter was calibrated, so that every rate printed can say how far it can be trusted. */
struct port_clock {
    uint64_t hz;          /* cycles per second, never 0 */
    const char *source;   /* "cpuid15", "kvm", "vmware", "pm-timer", "stall", "posix"; "unknown": nothing could be measured */
    uint32_t spread_ppm;  /* (largest - smallest) / smallest of the calibration runs, parts per million */
    bool invariant;       /* CPUID says that the counter does not change with the power state */
};

uint64_t port_cycles(void); /* the time stamp counter */
const struct port_clock *port_clock(void);
uint64_t port_unix_time(void); /* seconds since 1970-01-01 UTC, 0 when the machine does not know */

/* ---- memory ------------------------------------------------------------------------------------------------ */

/* Pages are 4096 bytes and zeroed. The base is 2 MiB aligned for 2 MiB and more, else 4 KiB. NULL when the machine has no such run. */
void *port_pages_alloc(uint64_t bytes);
void port_pages_free(void *base, uint64_t bytes);
uint64_t port_pages_free_total(void); /* bytes, for error messages */

/* ---- files: names are relative to the volume's root, '/' separates, ASCII ------------------------------------ */

enum port_file_status {
    PORT_FILE_OK = 0,
    PORT_FILE_NOT_FOUND,
    PORT_FILE_NO_VOLUME,
    PORT_FILE_READ_ONLY,
    PORT_FILE_FULL,
    PORT_FILE_BAD_NAME,
    PORT_FILE_IO,
};

struct port_file;

enum port_file_status port_file_open(const char *name, struct port_file **ret_file, uint64_t *ret_bytes);
/* Reads exactly `bytes` bytes at `offset`, or fails. */
enum port_file_status port_file_read(struct port_file *file, uint64_t offset, void *to, uint64_t bytes);
void port_file_close(struct port_file *file);
/* Replaces the whole file: after success it has exactly these bytes, after a failure it has what it had. */
enum port_file_status port_file_write(const char *name, const void *data, uint64_t bytes);
/* Calls `each` for every regular file of a folder ("" is the root) until it returns false. */
enum port_file_status port_file_list(const char *folder, bool (*each)(void *context, const char *name, uint64_t bytes),
                                     void *context);

/* ---- serial: the eight registers of a 16550 at its base address ---------------------------------------------- */

bool port_uart_present(void);
uint8_t port_uart_read(unsigned reg); /* reg 0..7; counts as one poll of the line */
void port_uart_write(unsigned reg, uint8_t value);

/* ---- the machine's own screen and keyboard ------------------------------------------------------------------- */

enum port_key { /* values of port_key_read beyond Unicode */
    PORT_KEY_NONE = -1,
    PORT_KEY_UP = 0x110000,
    PORT_KEY_DOWN,
    PORT_KEY_LEFT,
    PORT_KEY_RIGHT,
    PORT_KEY_HOME,
    PORT_KEY_END,
    PORT_KEY_DELETE,
};

/* UTF-8 with '\n' as line end and '\b' as cursor left; the port wraps and scrolls. May buffer: see port_screen_flush. */
void port_screen_write(const char *utf8, size_t bytes);
void port_screen_flush(void);
/* The pixels of the screen; false on a machine without a framebuffer. A row is red, green, blue of `width` pixels. */
bool port_screen_size(uint32_t *ret_width, uint32_t *ret_height);
bool port_screen_row(uint32_t y, uint32_t width, uint8_t *rgb);
int32_t port_key_read(void); /* a Unicode code point, '\r' for Enter, '\b' for Backspace, or enum port_key */

/* ---- further processors ------------------------------------------------------------------------------------- */

uint32_t port_processors(void); /* that the machine has switched on, this one included; at least 1 */
/* Sends processors 1 .. processors - 1 into `work(context, index)` unless they are there already; returns how many can
 * be counted on, this one included. Always the same `work` and `context`. Cheap when there is nothing to do. */
uint32_t port_workers_start(uint32_t processors, void (*work)(void *context, uint32_t index), void *context);
/* Of those sent for the index of one that did not arrive in time, or has not the instructions of this one; 0: none. */
uint32_t port_worker_missing(void);
/* Called by a worker that has found *sequence == seen for the `round`th time in a row: rests a moment, longer the longer
 * there was nothing. False: the worker must return. */
bool port_worker_rest(uint32_t index, uint32_t round, const uint64_t *sequence, uint64_t seen);
void port_workers_wake(void); /* *sequence has changed */
void port_workers_idle(void); /* there is nothing to share until port_workers_start is called again */
/* A processor waits for another within a pass, for the `round`th time in a row, which may have no processor of its own.
 * False: a worker must return. */
bool port_worker_pause(uint32_t round);

/* ---- the rest ------------------------------------------------------------------------------------------------ */

/* Called inside every wait loop: lets a hypervisor, the host or a firmware timer run. May sleep up to `microseconds`;
 * returns early when a byte or a key may have arrived. */
void port_relax(uint32_t microseconds);

enum port_power { PORT_REBOOT, PORT_POWEROFF };
_Noreturn void port_power(enum port_power what);

/* ---- what a port calls --------------------------------------------------------------------------------------- */

struct kernel_boot {
    const char *port_name;   /* "uefi" or "posix" */
    const char *machine;     /* firmware vendor and revision, or the host's name; shown by /version */
    uint64_t start_cycles;   /* port_cycles() at entry */
};

/* Runs the REPL until the person leaves it; returns the exit status for a port that can return (posix). */
int kernel_main(const struct kernel_boot *boot);

#endif
