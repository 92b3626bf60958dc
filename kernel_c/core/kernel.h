/* kernel.h - the whole state of a running kernel, in one place.
 *
 * There is one struct kernel. It is passed by pointer; no module has state of its own beside it (the 16550 driver's
 * rings are in it too).
 */
#ifndef LLMK_KERNEL_H
#define LLMK_KERNEL_H

#include "bench.h"
#include "chat.h"
#include "console.h"
#include "cpu.h"
#include "engine.h"
#include "link.h"
#include "log.h"
#include "params.h"
#include "port.h"
#include "sentinel.h"
#include "tokenizer.h"
#include "uart.h"
#include "workers.h"
#include "zone.h"

#define KERNEL_VERSION "llmk-0.1.0"
#define KERNEL_NAME_BYTES 64

/* What happens after the REPL was left. */
enum kernel_leave { KERNEL_STAY, KERNEL_QUIT, KERNEL_REBOOT, KERNEL_POWEROFF };

struct kernel {
    struct link link; /* first: what it looks at with every poll is reached by short offsets */
    const struct kernel_boot *boot;
    struct wire_hello hello; /* what it says of itself; its boot number differs from boot to boot */
    struct cpu_info cpu;
    struct zones zones;
    struct sentinel sentinel;
    struct log_ring *log; /* lives in ZONEC, or is early_log while there is no ZONEC */
    struct log_ring early_log;
    char *file_text;      /* in ZONEC: where llmk-*.txt are put together; NULL while there is no ZONEC */
    void *scratch, *acts; /* the one block in SCRATCH and in ACTS; the sampler works in scratch after the load */
    struct params params;
    struct sampler sampler;

    bool model_loaded; /* model and tokenizer both; otherwise the REPL is a rescue prompt */
    char model_file[KERNEL_NAME_BYTES], tokenizer_file[KERNEL_NAME_BYTES];
    uint64_t weights_sum;    /* of WEIGHTS after loading, for /zones verify */
    char rescue_reason[200]; /* why there is no model, for the rescue prompt and every refused prompt */
    struct engine engine;
    struct workers workers;
    struct tokenizer tokenizer;

    struct chat chat;
    struct bench bench;
    struct uart uart;
    struct console console;
    bool leave; /* quit, exit, /reboot or /poweroff was given: repl_run returns when the answer has been sent */
    enum kernel_leave after;
};

#define KERNEL_FILE_TEXT_BYTES 49152u /* the longest file: 128 events of at most 200 bytes, and all sections */

/* Allocates in an arena; a refusal is logged with its arena and size, and `error` says what was tried. */
void *kernel_alloc(struct kernel *kernel, enum wire_arena which, uint64_t bytes, const char *tag, struct error *error);
/* Sends everything that is queued for people and for the line; waits at most a second. */
void kernel_drain(struct kernel *kernel);

#endif
