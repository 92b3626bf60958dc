/* notices.h - the lines below an answer: why it ended, what the sentinel saw, how fast it was. */
#ifndef LLMK_NOTICES_H
#define LLMK_NOTICES_H

#include "text.h"

#include <stdint.h>

struct kernel;

/* For the person at the console, after the answer's last byte; in machine mode the same facts are in the records. */
void notices_after_answer(struct kernel *kernel);
/* What is wrong with the processors, in at most 47 characters: one is lost or missing. False: nothing is. */
bool notices_processors(const struct kernel *kernel, struct text *out);
/* Logs that when it is new; between passes. */
void notices_log_processors(struct kernel *kernel);
/* "41.25 GB/s (92 % of reading alone)" of millions of bytes per second; read_mb_s 0: not known. */
void text_speed(struct text *text, uint32_t mb_s, uint32_t read_mb_s);
/* Things per second with one decimal: "812.3"; "-" when nothing was measured. */
void text_rate(struct text *text, uint64_t count, uint64_t microseconds);

#endif
