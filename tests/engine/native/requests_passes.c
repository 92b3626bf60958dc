/* requests_passes.c - running the loaded model: one token or many, with one processor or several, and how fast. */
#define _POSIX_C_SOURCE 200112L
#include "harness.h"
#include "port.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- what the workers want of a port besides its threads -------------------------------------------------------- */

unsigned long long harness_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (unsigned long long)now.tv_sec * 1000000000u + (unsigned long long)now.tv_nsec;
}

uint64_t port_cycles(void)
{
    return harness_time();
}

const struct port_clock *port_clock(void)
{
    static const struct port_clock clock = {.hz = 1000000000};
    return &clock;
}

/* ---- passes ----------------------------------------------------------------------------------------------------- */

static bool canary_lives(const void *block, uint64_t bytes)
{
    for (unsigned i = 0; i < HARNESS_CANARY_BYTES; i++)
        if (((const unsigned char *)block)[bytes + i] != HARNESS_CANARY)
            return false;
    return true;
}

static bool memory_intact(const struct harness *h)
{
    return canary_lives(h->memory.weights, h->need.weights) && canary_lives(h->memory.kv, h->need.kv) &&
           canary_lives(h->memory.acts, h->need.acts) && canary_lives(h->memory.scratch, h->need.scratch);
}

/* The logits, or nothing when they are not wanted. */
static void reply_logits(struct harness *h, const float *logits, bool wanted)
{
    bool intact = memory_intact(h);
    if (logits == NULL)
        engine_reset_buffers(&h->engine);
    if (!intact)
        reply("error", "memory overrun", 14);
    else if (logits == NULL)
        reply("error", "aborted", 7);
    else
        reply("ok", logits, wanted ? h->engine.config.vocab_size * sizeof(float) : 0);
}

/* "forward TOKEN POSITION WANT_LOGITS" */
static void forward_request(struct harness *h, const struct request *r)
{
    uint32_t token = (uint32_t)r->arguments[0], position = (uint32_t)r->arguments[1];
    bool wanted = r->arguments[2] != 0;
    h->polls = 0;
    reply_logits(h, engine_forward(&h->engine, token, position, wanted), wanted);
}

/* "prefill POSITION WANT_LOGITS" of ids, all in one pass */
static void prefill_request(struct harness *h, const struct request *r)
{
    const uint32_t *ids = (const uint32_t *)(const void *)r->payload;
    uint32_t count = (uint32_t)(r->bytes / sizeof *ids), position = (uint32_t)r->arguments[0];
    bool wanted = r->arguments[1] != 0;
    h->polls = 0;
    reply_logits(h, engine_prefill(&h->engine, ids, count, position, wanted), wanted);
}

/* "greedy STEPS": ids from BOS, each the argmax; the text ends before a BOS or EOS. */
static void greedy_request(struct harness *h, const struct request *r)
{
    uint32_t steps = (uint32_t)r->arguments[0], token = TOKEN_BOS, count = 0, *ids = malloc((steps + 1) * sizeof *ids);
    for (uint32_t position = 0; ids != NULL && position < steps; position++) {
        const float *logits = engine_forward(&h->engine, token, position, true);
        token = sampler_argmax(logits, h->engine.config.vocab_size);
        if (token == TOKEN_BOS || token == TOKEN_EOS)
            break;
        ids[count++] = token;
    }
    reply("ok", ids, count * sizeof *ids);
    free(ids);
}

/* ---- sharing ---------------------------------------------------------------------------------------------------- */

/* The shares of a phase one after the other, the last first, and each of them twice: nothing may depend on their order,
 * and one that was left half done may be done again. */
static bool run_backwards(void *context, engine_work *work, const void *argument, uint32_t phases)
{
    struct harness *h = context;
    for (uint32_t phase = 0; phase < phases; phase++)
        for (uint32_t i = 2 * h->shares; i-- > 0;) {
            struct engine_share share = {.index = i / 2, .of = h->shares, .look = h->engine.poll, .context = h};
            if (!work(argument, phase, &share))
                return false;
        }
    return true;
}

/* "shares N": so many made-up processors; "threads N": real ones. */
static void share_request(struct harness *h, const struct request *r)
{
    char text[16];
    h->shares = (unsigned)r->arguments[0];
    h->sharing = (struct engine_sharing){run_backwards, h, h->shares};
    if (r->name[0] == 's')
        h->engine.sharing = &h->sharing;
    else
        workers_prepare(&h->workers, &h->engine, h->shares);
    uint32_t processors = h->engine.sharing != NULL ? h->engine.sharing->processors : 1;
    reply("ok", text, (size_t)snprintf(text, sizeof text, "%u", processors));
}

/* ---- speed ------------------------------------------------------------------------------------------------------ */

/* Processor time and time of day, in nanoseconds. */
struct times {
    unsigned long long processor, day;
};

static struct times now(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (struct times){(unsigned long long)used.tv_sec * 1000000000u + (unsigned long long)used.tv_nsec,
                          harness_time()};
}

static void reply_times(struct times since)
{
    char text[64];
    struct times end = now();
    reply("ok", text,
          (size_t)snprintf(text, sizeof text, "%llu %llu", end.processor - since.processor, end.day - since.day));
}

/* "bench TOKENS": so many passes from position 0 */
static void bench_request(struct harness *h, const struct request *r)
{
    struct times start = now();
    uint32_t token = TOKEN_BOS;
    for (uint32_t position = 0; position < r->arguments[0]; position++)
        token = sampler_argmax(engine_forward(&h->engine, token, position, true), h->engine.config.vocab_size);
    reply_times(start);
}

/* "bench_prefill TOKENS CHUNK": a prompt of so many tokens, CHUNK of them in a pass */
static void bench_prefill_request(struct harness *h, const struct request *r)
{
    uint32_t ids[ENGINE_CHUNK], tokens = (uint32_t)r->arguments[0], chunk = (uint32_t)r->arguments[1];
    struct times start = now();
    for (uint32_t done = 0; done < tokens; done += chunk) {
        uint32_t count = tokens - done < chunk ? tokens - done : chunk;
        for (uint32_t i = 0; i < count; i++)
            ids[i] = (done + i) * 7919u % h->engine.config.vocab_size;
        if (engine_prefill(&h->engine, ids, count, done, done + count == tokens) == NULL)
            abort();
    }
    reply_times(start);
}

/* "bench_read ROUNDS": all the weights' memory, read so many times. */
static void bench_read_request(const struct harness *h, const struct request *r)
{
    struct times start = now();
    if (!engine_read_weights(&h->engine, 0, (uint32_t)engine_weight_blocks(&h->engine), (uint32_t)r->arguments[0]))
        abort();
    reply_times(start);
}

bool harness_passes(struct harness *h, const struct request *r)
{
    char text[64];
    if (!h->model_loaded)
        return false;
    if (strcmp(r->name, "forward") == 0) {
        forward_request(h, r);
    } else if (strcmp(r->name, "prefill") == 0) {
        prefill_request(h, r);
    } else if (strcmp(r->name, "greedy") == 0) {
        greedy_request(h, r);
    } else if (strcmp(r->name, "shares") == 0 || strcmp(r->name, "threads") == 0) {
        share_request(h, r);
    } else if (strcmp(r->name, "bench") == 0) {
        bench_request(h, r);
    } else if (strcmp(r->name, "bench_prefill") == 0) {
        bench_prefill_request(h, r);
    } else if (strcmp(r->name, "bench_read") == 0) {
        bench_read_request(h, r);
    } else if (strcmp(r->name, "allow") == 0) { /* "allow POLLS [KEEP]" */
        h->polls_allowed = r->arguments[0];
        h->keep_memory = r->count > 1 && r->arguments[1] != 0;
        reply("ok", NULL, 0);
    } else if (strcmp(r->name, "polls") == 0) {
        reply("ok", text, (size_t)snprintf(text, sizeof text, "%llu", h->polls));
    } else {
        return false;
    }
    return true;
}
