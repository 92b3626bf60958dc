/* report.h - the kernel's state as records, and the records as text: /ctx, /zones, the dump files and the wire cannot
 * disagree. */
#ifndef LLMK_REPORT_H
#define LLMK_REPORT_H

#include "llmk_wire.h"
#include "text.h"

struct kernel;

/* Collectors: fill the wire record from the kernel's state (time, number and dropped are the link's to set). */
void report_perf(const struct kernel *kernel, struct wire_perf *ret);
void report_kv_cache(const struct kernel *kernel, struct wire_kv_cache *ret);
void report_zones(const struct kernel *kernel, struct wire_zones *ret);
void report_zone(const struct kernel *kernel, enum wire_arena which, struct wire_zone *ret);
void report_sentinel(const struct kernel *kernel, struct wire_sentinel *ret);
void report_sampling(const struct kernel *kernel, struct wire_sampling_state *ret);
void report_model(const struct kernel *kernel, struct wire_model *ret);
void report_tokenizer(const struct kernel *kernel, struct wire_tokenizer_state *ret);
void report_cpu(const struct kernel *kernel, struct wire_cpu *ret);
void report_bench(const struct kernel *kernel, struct wire_bench *ret); /* the level is "" before the first */
void report_version(const struct kernel *kernel, struct wire_version *ret);
/* The record of a stream; `arena` is for ZONE. False for LOAD, which is told while loading only. */
bool report_sample(const struct kernel *kernel, enum wire_stream stream, enum wire_arena arena, union wire_sample *ret);

/* Text renderers over the same records, in the grammar of kernel_c/DUMP.md. */
void report_text_context(const struct kernel *kernel, struct text *out); /* model, sampling, KV: /ctx */
void report_text_sampling(const struct kernel *kernel, struct text *out);
void report_text_budgets(const struct kernel *kernel, struct text *out);
void report_text_zones(const struct kernel *kernel, struct text *out);
void report_text_sentinel(const struct kernel *kernel, struct text *out);
void report_text_log(const struct kernel *kernel, uint32_t count, struct text *out);
void report_text_model(const struct kernel *kernel, struct text *out);
void report_text_cpu(const struct kernel *kernel, struct text *out);
void report_text_version(const struct kernel *kernel, struct text *out);
void text_bytes_and_mib(struct text *text, uint64_t bytes); /* "2864028 (2.731351 MiB)" */
void text_word(struct text *text, const char *word);        /* without spaces: DUMP.md, `word` */

#endif
