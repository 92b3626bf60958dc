/* bench.h - how fast the engine is, and how near to the bound that its memory sets.
 *
 * A decode pass reads every weight once, so no engine decodes faster than its processors can read the weights. That
 * read is measured here, over the same memory by the same processors with loads of the same width: weights that fit a
 * cache are read from it, and are compared with it. Of larger ones a cache keeps a part, now and then more of it for
 * the engine than for a plain read: a share can be a little over 100 %.
 */
#ifndef LLMK_BENCH_H
#define LLMK_BENCH_H

#include "cpu.h"
#include "error.h"
#include "llmk_wire.h"

#define BENCH_SECONDS 2u
#define BENCH_MOST_SECONDS 20u

struct bench {
    uint64_t read_rate; /* stream read of the weights, bytes per second; 0: not measured as things are now */
    uint32_t read_processors;
    bool answered; /* the last answer began since model, kernels and processors are as they are now */
    struct wire_bench last; /* of /bench; its level is NULL before the first and after bench_forget */
};

struct kernel;

/* Model, kernels or processors are others than before: neither the stream read nor the last /bench is of them. */
void bench_forget(struct kernel *kernel);
/* The stream read of the weights, measured if it is not known: milliseconds on a machine. 0: a stop was asked for. */
uint64_t bench_read_rate(struct kernel *kernel);
/* Decode and prefill in bursts over rows of the KV cache that the conversation does not use: it goes on as if nothing
 * had been. Budgets learn nothing. Refused when there is no model or too little room, and when a stop was asked for. */
bool bench_run(struct kernel *kernel, uint64_t seconds, struct error *error);
/* For records: 10^6 bytes per second. */
uint32_t bench_mb_s(uint64_t bytes, uint64_t microseconds);

#endif
