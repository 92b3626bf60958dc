/* chat.h - the conversation: prompts become rows of the KV cache, rows become text.
 *
 * The conversation is one sequence of tokens, tokens[0..length): what a reader of the screen has seen, with BOS before
 * it. The first `rows` of them are in the KV cache. What is not yet cached (the last token of an answer, the rest of a
 * prompt whose prefill was stopped, what a slide moved) is fed first in the next turn, so that the context is always
 * what the reader sees.
 */
#ifndef LLMK_CHAT_H
#define LLMK_CHAT_H

#include "choice.h"
#include "error.h"
#include "llmk_wire.h"
#include "stops.h"

#include <stddef.h>
#include <stdint.h>

#define CHAT_PROMPT_BYTES 4096u
#define CHAT_TURNS 64u    /* turn starts that are remembered, a ring */
#define CHAT_HISTORY 512u /* tokens of the last generation held for the wire's `tok` */

struct chat_token {
    uint32_t id;
    uint32_t bytes; /* of its text that belong to the answer: fewer than all when a stop pattern began inside */
    uint64_t cycles;
    uint64_t time_ms;
};

struct chat {
    uint32_t *tokens;                 /* [seq_len + 1], in KEEP: the conversation; the last one may have no row */
    uint32_t rows;                    /* cached rows, exact */
    uint32_t length;                  /* tokens of the conversation; at least `rows` */
    uint32_t turn;                    /* turns since /clear */
    uint32_t turn_starts[CHAT_TURNS]; /* first row of turn n at [n % CHAT_TURNS] */
    uint32_t turns_held;              /* how many turns, counted from the last, still have rows */
    uint32_t *ids;                    /* in KEEP: this turn's prompt, then its answer: what the sampler looks back on */
    uint32_t prompt_ids;              /* of them, the prompt's */
    uint32_t generation;              /* since boot, 0 before the first */
    bool running, stop_asked;
    enum wire_phase phase;
    uint32_t prompt_done, prompt_total, generated;
    uint64_t prefill_us, decode_us, last_token_us;
    uint64_t decode_bytes; /* weights and cache read in decode_us */
    uint64_t poll_cycles; /* spent in the line and the console during this pass: not the pass's own */
    uint32_t overflow_count, overflow_before, overflow_kept; /* what overflow_say has not said yet */
    bool overflow_slid;
    struct stops stops;
    struct chat_token history[CHAT_HISTORY]; /* ring, index = token index % CHAT_HISTORY */
    struct choice choices[STOPS_TOKENS + 1]; /* of the tokens that are held back, and of the new one: by index */
    struct wire_finished last;               /* valid when generation > 0 and not running */
};

struct kernel;

/* Bytes of KEEP for one model. */
uint64_t chat_need(uint32_t seq_len);
bool chat_init(struct kernel *kernel, struct error *error); /* after a model was loaded: takes its memory and clears */
void chat_clear(struct kernel *kernel);                     /* forgets the conversation: rows = 0 */
/* There is a model, and the sentinel allows work. */
bool chat_may_compute(struct kernel *kernel, struct error *error);
/* Encodes the prompt, applies the overflow policy, and refuses what cannot run (no model, tripped, empty, too long),
 * all before a single row is written. On success chat.generation is the new generation's number and chat_generate must
 * be called next. */
bool chat_prepare(struct kernel *kernel, const char *prompt, size_t bytes, struct error *error);
/* Prefill and decode. Text goes to the console as it comes (complete UTF-8 characters), tokens and the end to the link.
 * Ends by EOS, max_tokens, stop pattern, full context, stop_asked or a trip; rows are exact after each of them. */
void chat_generate(struct kernel *kernel);
void chat_stop(struct kernel *kernel); /* stops at the next poll */

#endif
