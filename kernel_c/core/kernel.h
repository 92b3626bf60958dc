/* kernel.h - the whole state of a running kernel, in one place.
 *
 * There is one struct kernel. It is passed by pointer; no module has state of its own beside it (the 16550 driver's rings are in it too).
 */
#ifndef LLMK_KERNEL_H
#define LLMK_KERNEL_H

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
#include "zone.h"

#define KERNEL_VERSION "llmk-0.1.0"
#define KERNEL_NAME_BYTES 64

struct kernel {
    const struct kernel_boot *boot;
    uint32_t boot_id; /* differs from boot to boot */
    struct cpu_info cpu;
    struct zones zones;
    struct sentinel sentinel;
    struct log_ring *log; /* lives in ZONEC */
    struct params params;
    struct sampler sampler;

    bool model_loaded; /* model and tokenizer both; otherwise the REPL is a rescue prompt */
    char model_file[KERNEL_NAME_BYTES], tokenizer_file[KERNEL_NAME_BYTES];
    char rescue_reason[200]; /* why there is no model, for the rescue prompt and every refused prompt */
    struct engine engine;
    struct tokenizer tokenizer;

    struct chat chat;
    struct uart uart;
    struct console console;
    struct link link;
    bool leave; /* quit or exit was given */
};

#endif
