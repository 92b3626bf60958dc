/* params.h - the parameters' values, with the one validator that REPL, repl.cfg and wire share. */
#ifndef LLMK_PARAMS_H
#define LLMK_PARAMS_H

#include "error.h"
#include "llmk_params.h" /* generated: enum param_id, param_specs[] */
#include "sampler.h"
#include "text.h"

#define PARAM_NAME_BYTES 64

struct params {
    uint64_t values[PARAM_COUNT]; /* in the units of the kind: millionths, whole numbers, 0/1, index of the choice */
    char model[PARAM_NAME_BYTES]; /* the one parameter of kind name */
};

struct kernel;

enum param_source { PARAM_FROM_REPL, PARAM_FROM_FILE, PARAM_FROM_WIRE };

/* Positions in the lists of choices of the parameter table. */
enum param_overflow { PARAM_OVERFLOW_SLIDE, PARAM_OVERFLOW_CLEAR, PARAM_OVERFLOW_STOP };
enum param_attn {
    PARAM_ATTN_AUTO,
    PARAM_ATTN_SSE2,
    PARAM_ATTN_AVX2,
    PARAM_ATTN_AVX512,
    PARAM_ATTN_AVX512_VNNI,
    PARAM_ATTN_REFERENCE
};

void params_defaults(struct params *params);
/* Whole-word, case-sensitive; with `aliases` the long names of repl.cfg count too. PARAM_COUNT when there is none. */
enum param_id param_find(const char *name, size_t length, bool aliases);
/* Parses, checks the range, stores and applies (seed re-seeds, attn changes the kernels, budgets pin, ...). Nothing
 * changes on failure; the error names the value and what is accepted. On success the link is told, so that a slider
 * follows. */
bool param_set(struct kernel *kernel, enum param_id id, const char *value, size_t length, enum param_source source,
               struct error *error);
/* As param_set, but stores and applies nothing: `ret_value` is the value in the units of the kind. */
bool param_parse(const struct kernel *kernel, enum param_id id, const char *value, size_t length, uint64_t *ret_value,
                 struct error *error);
/* Applies everything that a model needs to exist for: kernels, and the bound of max_tokens. After a load. */
void params_apply_to_model(struct kernel *kernel);
uint64_t param_maximum(const struct kernel *kernel, enum param_id id);
/* The value as it would be typed: "0.85", "80", "slide". */
void param_format(const struct kernel *kernel, enum param_id id, struct text *text);
/* The accepted values: "0 to 2", "0 (off) to 16", "auto, sse2, avx2 or reference". */
void param_range(const struct kernel *kernel, enum param_id id, struct text *text);
void params_sampling(const struct params *params, struct sampling *ret_sampling);

#endif
