/* notices.h - the lines below an answer: why it ended, what the sentinel saw, how fast it was. */
#ifndef LLMK_NOTICES_H
#define LLMK_NOTICES_H

#include "text.h"

#include <stdint.h>

struct kernel;

/* For the person at the console, after the answer's last byte; in machine mode the same facts are in the records. */
void notices_after_answer(struct kernel *kernel);
/* Things per second with one decimal: "812.3"; "-" when nothing was measured. */
void text_rate(struct text *text, uint64_t count, uint64_t microseconds);

#endif
