/* harness.h - one request at a time over standard input and output, for tests that drive the engine from Python.
 *
 * A request is a line "NAME ARG... BYTES\n" and BYTES bytes; a reply is "ok BYTES\n" or "error BYTES\n" and BYTES
 * bytes. Numbers are decimal; floats and ids travel as little-endian 32-bit values. Memory is exactly as large as the
 * engine says it needs.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include "engine.h"
#include "error.h"
#include "gguf.h"
#include "sampler.h"
#include "tokenizer.h"
#include "workers.h"

#include <stdio.h>

#define HARNESS_ARGUMENTS 8
#define HARNESS_CANARY_BYTES 64u /* behind each block of memory */
#define HARNESS_CANARY 0xa5

struct request {
    char name[32];
    unsigned long long arguments[HARNESS_ARGUMENTS]; /* the payload's size is not among them */
    unsigned count;
    unsigned char *payload;
    size_t bytes;
};

struct harness {
    struct engine engine;
    struct workers workers;
    unsigned shares; /* of a made-up sharing: see "shares" */
    struct engine_sharing sharing;
    struct engine_memory memory; /* blocks from malloc, 64-byte aligned, exact */
    struct model_need need;
    bool model_loaded, tokenizer_loaded;
    struct tokenizer tokenizer;
    void *tokenizer_memory;
    struct sampler sampler;
    unsigned long long polls, polls_allowed; /* the pass is aborted at poll number polls_allowed; 0: never */
    bool keep_memory;                        /* aborting does not wipe activations and scratch */
};

void reply(const char *status, const void *data, size_t bytes);
void reply_error(const struct error *error);

/* The time of day of the machine, in nanoseconds. */
unsigned long long harness_time(void);

/* Each returns false when the name is not one of its own. */
bool harness_model(struct harness *harness, const struct request *request);  /* parse, load, open, level, wipe, cache */
bool harness_passes(struct harness *harness, const struct request *request); /* forward, prefill, threads, bench, ... */
bool harness_gguf(struct harness *harness, const struct request *request);   /* gguf, words */
bool harness_tokenizer(struct harness *harness, const struct request *request); /* tokenizer, encode, decode */
bool harness_sampler(struct harness *harness,
                     const struct request *request); /* seed, random, one name a stage, choose */
bool harness_choice(struct harness *harness, const struct request *request); /* told */
bool harness_kernels(struct harness *harness, const struct request *request); /* matvec, exponential, maths, cpu */

#endif
