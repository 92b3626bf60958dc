/* Generated from protocol/llmbm_protocol by `llmbm-wire gen`: change the schema, not this file. */
#ifndef LLMK_PARAMS_GENERATED_H
#define LLMK_PARAMS_GENERATED_H

#include <stddef.h>
#include <stdint.h>

enum param_id {
    PARAM_TEMP,
    PARAM_MIN_P,
    PARAM_TOP_P,
    PARAM_TOP_K,
    PARAM_NOREPEAT,
    PARAM_REPEAT,
    PARAM_MAX_TOKENS,
    PARAM_SEED,
    PARAM_STATS,
    PARAM_STOP_YOU,
    PARAM_STOP_NL,
    PARAM_OVERFLOW,
    PARAM_ATTN,
    PARAM_THREADS,
    PARAM_BUDGET_PREFILL,
    PARAM_BUDGET_DECODE,
    PARAM_STRICT_BUDGET,
    PARAM_MODEL,
    PARAM_Q8,
    PARAM_BAUD,
    PARAM_COUNT
};

enum param_kind {
    PARAM_KIND_MICRO,   /* decimal; values in millionths */
    PARAM_KIND_INTEGER,
    PARAM_KIND_U64,
    PARAM_KIND_FLAG,    /* 0 or 1 */
    PARAM_KIND_CHOICE,  /* value: index of choices */
    PARAM_KIND_NAME,    /* a file name; the numbers mean nothing */
};

enum param_flag {
    PARAM_SAMPLING = 1,           /* one of the sliders */
    PARAM_BOOT_ONLY = 2,          /* read from repl.cfg, no command */
    PARAM_BOUNDED_BY_CONTEXT = 4, /* the maximum is seq_len of the model when that is larger */
    PARAM_HAS_OFF = 8,            /* the value `off` switches it off */
};

struct param_spec {
    const char *name;           /* command without the slash, key in repl.cfg, name on the wire */
    enum param_kind kind;
    uint32_t flags;             /* enum param_flag */
    uint64_t minimum, maximum, initial, off; /* in units of the kind */
    const char *const *choices; /* ends with NULL; NULL for other kinds */
    const char *const *aliases; /* further keys in repl.cfg, ends with NULL; NULL when there are none */
    const char *initial_text;   /* of kind name */
    const char *help;
};

static const char *const param_aliases_temp[] = {"temperature", NULL};
static const char *const param_aliases_norepeat[] = {"no_repeat_ngram", NULL};
static const char *const param_aliases_repeat[] = {"repeat_penalty", NULL};
static const char *const param_choices_overflow[] = {"slide", "clear", "stop", NULL};
static const char *const param_choices_attn[] = {"auto", "sse2", "avx2", "avx512", "avx512_vnni", "reference", NULL};
static const char *const param_choices_threads[] = {"auto", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", NULL};
static const char *const param_choices_baud[] = {"9600", "19200", "38400", "57600", "115200", NULL};

static const struct param_spec param_specs[PARAM_COUNT] = {
    [PARAM_TEMP] = {
        .name = "temp",
        .kind = PARAM_KIND_MICRO,
        .flags = PARAM_SAMPLING,
        .minimum = 0u,
        .maximum = 2000000u,
        .initial = 850000u,
        .off = 0u,
        .choices = NULL,
        .aliases = param_aliases_temp,
        .initial_text = "",
        .help = "randomness of the draw; 0 always takes the most likely token",
    },
    [PARAM_MIN_P] = {
        .name = "min_p",
        .kind = PARAM_KIND_MICRO,
        .flags = PARAM_SAMPLING | PARAM_HAS_OFF,
        .minimum = 0u,
        .maximum = 1000000u,
        .initial = 50000u,
        .off = 0u,
        .choices = NULL,
        .aliases = NULL,
        .initial_text = "",
        .help = "drop tokens less likely than this share of the most likely one",
    },
    [PARAM_TOP_P] = {
        .name = "top_p",
        .kind = PARAM_KIND_MICRO,
        .flags = PARAM_SAMPLING | PARAM_HAS_OFF,
        .minimum = 0u,
        .maximum = 1000000u,
        .initial = 950000u,
        .off = 1000000u,
        .choices = NULL,
        .aliases = NULL,
        .initial_text = "",
        .help = "keep the likeliest tokens that together reach this probability",
    },
    [PARAM_TOP_K] = {
        .name = "top_k",
        .kind = PARAM_KIND_INTEGER,
        .flags = PARAM_SAMPLING | PARAM_HAS_OFF,
        .minimum = 0u,
        .maximum = 262144u,
        .initial = 80u,
        .off = 0u,
        .choices = NULL,
        .aliases = NULL,
        .initial_text = "",
        .help = "keep this many of the likeliest tokens",
    },
    [PARAM_NOREPEAT] = {
        .name = "norepeat",
        .kind = PARAM_KIND_INTEGER,
        .flags = PARAM_SAMPLING | PARAM_HAS_OFF,
        .minimum = 0u,
        .maximum = 16u,
        .initial = 4u,
        .off = 0u,
        .choices = NULL,
        .aliases = param_aliases_norepeat,
        .initial_text = "",
        .help = "never repeat a run of this many tokens",
    },
    [PARAM_REPEAT] = {
        .name = "repeat",
        .kind = PARAM_KIND_MICRO,
        .flags = PARAM_SAMPLING | PARAM_HAS_OFF,
        .minimum = 1000000u,
        .maximum = 2000000u,
        .initial = 1150000u,
        .off = 1000000u,
        .choices = NULL,
        .aliases = param_aliases_repeat,
        .initial_text = "",
        .help = "weaken tokens seen in the last 64 of this turn",
    },
    [PARAM_MAX_TOKENS] = {
        .name = "max_tokens",
        .kind = PARAM_KIND_INTEGER,
        .flags = PARAM_SAMPLING | PARAM_BOUNDED_BY_CONTEXT,
        .minimum = 1u,
        .maximum = 256u,
        .initial = 160u,
        .off = 0u,
        .choices = NULL,
        .aliases = NULL,
        .initial_text = "",
        .help = "most tokens of one answer",
    },
    [PARAM_SEED] = {
        .name = "seed",
        .kind = PARAM_KIND_U64,
        .flags = PARAM_SAMPLING,
        .minimum = 0u,
        .maximum = 18446744073709551615u,
        .initial = 42u,
        .off = 0u,
        .choices = NULL,
        .aliases = NULL,
        .initial_text = "",
        .help = "seed of the random draw",
    },
    [PARAM_STATS] = {
        .name = "stats",
        .kind = PARAM_KIND_FLAG,
        .flags = 0,
        .minimum = 0u,
        .maximum = 1u,
        .initial = 1u,
        .off = 0u,
        .choices = NULL,
        .aliases = NULL,
        .initial_text = "",
        .help = "show a line of statistics after each answer",
    },
    [PARAM_STOP_YOU] = {
        .name = "stop_you",
        .kind = PARAM_KIND_FLAG,
        .flags = 0,
        .minimum = 0u,
        .maximum = 1u,
        .initial = 0u,
        .off = 0u,
        .choices = NULL,
        .aliases = NULL,
        .initial_text = "",
        .help = "stop at a line that begins with You:",
    },
    [PARAM_STOP_NL] = {
        .name = "stop_nl",
        .kind = PARAM_KIND_FLAG,
        .flags = 0,
        .minimum = 0u,
        .maximum = 1u,
        .initial = 0u,
        .off = 0u,
        .choices = NULL,
        .aliases = NULL,
        .initial_text = "",
        .help = "stop at an empty line",
    },
    [PARAM_OVERFLOW] = {
        .name = "overflow",
        .kind = PARAM_KIND_CHOICE,
        .flags = 0,
        .minimum = 0u,
        .maximum = 2u,
        .initial = 0u,
        .off = 0u,
        .choices = param_choices_overflow,
        .aliases = NULL,
        .initial_text = "",
        .help = "when the context is full: keep the newest half, forget everything, or stop",
    },
    [PARAM_ATTN] = {
        .name = "attn",
        .kind = PARAM_KIND_CHOICE,
        .flags = 0,
        .minimum = 0u,
        .maximum = 5u,
        .initial = 0u,
        .off = 0u,
        .choices = param_choices_attn,
        .aliases = NULL,
        .initial_text = "",
        .help = "vector instructions to use; auto takes the best this machine has",
    },
    [PARAM_THREADS] = {
        .name = "threads",
        .kind = PARAM_KIND_CHOICE,
        .flags = 0,
        .minimum = 0u,
        .maximum = 16u,
        .initial = 0u,
        .off = 0u,
        .choices = param_choices_threads,
        .aliases = NULL,
        .initial_text = "",
        .help = "processors that share a pass; auto takes all, or one for a small model; 1 never touches the others",
    },
    [PARAM_BUDGET_PREFILL] = {
        .name = "budget_prefill",
        .kind = PARAM_KIND_U64,
        .flags = PARAM_BOOT_ONLY | PARAM_HAS_OFF,
        .minimum = 0u,
        .maximum = 549755813887u,
        .initial = 0u,
        .off = 0u,
        .choices = NULL,
        .aliases = NULL,
        .initial_text = "",
        .help = "cycles a token may take in a prefill pass; 0 learns it",
    },
    [PARAM_BUDGET_DECODE] = {
        .name = "budget_decode",
        .kind = PARAM_KIND_U64,
        .flags = PARAM_BOOT_ONLY | PARAM_HAS_OFF,
        .minimum = 0u,
        .maximum = 549755813887u,
        .initial = 0u,
        .off = 0u,
        .choices = NULL,
        .aliases = NULL,
        .initial_text = "",
        .help = "cycles a decode pass, of one token, may take; 0 learns it",
    },
    [PARAM_STRICT_BUDGET] = {
        .name = "strict_budget",
        .kind = PARAM_KIND_FLAG,
        .flags = 0,
        .minimum = 0u,
        .maximum = 1u,
        .initial = 0u,
        .off = 0u,
        .choices = NULL,
        .aliases = NULL,
        .initial_text = "",
        .help = "1: a broken budget trips the sentinel; 0: it is logged",
    },
    [PARAM_MODEL] = {
        .name = "model",
        .kind = PARAM_KIND_NAME,
        .flags = PARAM_BOOT_ONLY,
        .minimum = 0u,
        .maximum = 1u,
        .initial = 0u,
        .off = 0u,
        .choices = NULL,
        .aliases = NULL,
        .initial_text = "",
        .help = "model file to load first",
    },
    [PARAM_Q8] = {
        .name = "q8",
        .kind = PARAM_KIND_FLAG,
        .flags = PARAM_BOOT_ONLY,
        .minimum = 0u,
        .maximum = 1u,
        .initial = 0u,
        .off = 0u,
        .choices = NULL,
        .aliases = NULL,
        .initial_text = "",
        .help = "1: float32 weights are kept as int8 where their shape allows it",
    },
    [PARAM_BAUD] = {
        .name = "baud",
        .kind = PARAM_KIND_CHOICE,
        .flags = PARAM_BOOT_ONLY,
        .minimum = 0u,
        .maximum = 4u,
        .initial = 4u,
        .off = 0u,
        .choices = param_choices_baud,
        .aliases = NULL,
        .initial_text = "",
        .help = "speed of the serial line",
    },
};

#endif
