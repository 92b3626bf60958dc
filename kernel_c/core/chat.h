/* chat.h - the conversation: prompts become rows of the KV cache, rows become text. */
#ifndef LLMK_CHAT_H
#define LLMK_CHAT_H

#include "error.h"
#include "llmk_wire.h"

#include <stddef.h>
#include <stdint.h>

#define CHAT_PROMPT_BYTES 4096u
#define CHAT_TURNS 64u     /* turn starts that are remembered, a ring */
#define CHAT_HISTORY 512u  /* tokens of the last generation held for the wire's `tok` */

struct chat_token { uint32_t id; uint64_t cycles; uint64_t time_ms; };

struct chat {
    uint32_t *tokens;  /* [seq_len] the id in each cached row; in KEEP */
    uint32_t rows;     /* cached rows, exact */
    uint32_t turn;     /* turns since /clear */
    uint32_t turn_starts[CHAT_TURNS];
    uint32_t generation; /* since boot, 0 before the first */
    bool running, stop_asked;
    enum wire_phase phase;
    uint32_t prompt_done, prompt_total, generated;
    uint64_t prefill_us, decode_us, last_token_us;
    struct chat_token history[CHAT_HISTORY]; /* ring, index = token index % CHAT_HISTORY */
    struct wire_finished last;               /* valid when generation > 0 and not running */
};

struct kernel;

void chat_init(struct kernel *kernel);  /* after a model was loaded */
void chat_clear(struct kernel *kernel); /* forgets the conversation: rows = 0 */
/* Encodes the prompt, applies the overflow policy, and refuses what cannot run (no model, tripped, empty, too long), all before a
 * single row is written. On success chat.generation is the new generation's number and chat_generate must be called next. */
bool chat_prepare(struct kernel *kernel, const char *prompt, size_t bytes, struct error *error);
/* Prefill and decode. Text goes to the console as it comes (complete UTF-8 characters), tokens and the end to the link.
 * Ends by EOS, max_tokens, stop pattern, full context, stop_asked or a trip; rows are exact after each of them. */
void chat_generate(struct kernel *kernel);
void chat_stop(struct kernel *kernel); /* stops at the next poll */

#endif
