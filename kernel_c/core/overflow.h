/* overflow.h - what happens when the KV cache has no room for what comes: slide, clear or stop. */
#ifndef LLMK_OVERFLOW_H
#define LLMK_OVERFLOW_H

#include "error.h"

#include <stdbool.h>
#include <stdint.h>

struct kernel;

/* Makes room for `more` tokens behind the conversation, by the policy in force, and logs it. With `more` 0 the
 * conversation itself is one token too long: its last token, which has no row yet, is kept in any case. Nothing changes
 * when all fits. False with ERROR_NOSPACE when the policy is stop. Afterwards the conversation may have fewer cached
 * rows than tokens: the next passes compute them again. */
bool overflow_make_room(struct kernel *kernel, uint32_t more, struct error *error);

/* Says on the console what happened since it was last called; never called while an answer is being shown. */
void overflow_say(struct kernel *kernel);

#endif
