/* commands_failsafe.c - the fail-safe drill: real faults, found by the checks that find them at work. */
#include "commands.h"
#include "kernel.h"
#include "log.h"

#define TEST_CYCLES 1000u /* no pass is that short */
#define DRILL "drill: "    /* a post-mortem file must not read as a real failure */

static int shown(size_t length)
{
    return (int)(length > 40 ? 40 : length);
}

/* More than the arena has left. */
static void provoke_alloc(struct kernel *kernel)
{
    const struct arena *arena = zone_arena(&kernel->zones, WIRE_ARENA_ACTS);
    uint64_t bytes = arena->size - arena->used + ZONE_ALIGN;
    if (zone_alloc(&kernel->zones, WIRE_ARENA_ACTS, bytes, "fail-safe drill") == NULL)
        sentinel_trip(kernel, WIRE_SENTINEL_ERROR_ALLOC, WIRE_SENTINEL_PHASE_GENERIC, WIRE_ARENA_ACTS,
                      (uint64_t)(uintptr_t)arena->base, bytes, "allocation refused");
}

/* The row behind the last one of the context, checked as before every pass. */
static void provoke_oob(struct kernel *kernel)
{
    (void)sentinel_check_row(kernel, WIRE_SENTINEL_PHASE_DECODE, kernel->engine.config.seq_len);
}

/* One bit of the weights is another while their sum is taken. */
static void provoke_ro_write(struct kernel *kernel)
{
    uint8_t *weights = zone_arena(&kernel->zones, WIRE_ARENA_WEIGHTS)->base;
    weights[0] ^= 1;
    (void)sentinel_check_weights(kernel, NULL);
    weights[0] ^= 1;
}

/* A byte too many behind SCRATCH; /reset mends the guard. */
static void provoke_guard(struct kernel *kernel)
{
    const struct arena *arena = zone_arena(&kernel->zones, WIRE_ARENA_SCRATCH);
    arena->base[arena->size] = 0;
    (void)sentinel_check_guards(kernel);
}

static const struct {
    const char *name;
    void (*provoke)(struct kernel *kernel);
} faults[] = {
    {"alloc", provoke_alloc}, {"oob", provoke_oob}, {"ro_write", provoke_ro_write}, {"guard", provoke_guard}};
#define FAULTS (sizeof faults / sizeof faults[0])

static bool provoke(struct kernel *kernel, unsigned fault, struct text *out, struct error *error)
{
    if (!kernel->model_loaded)
        return error_set(error, ERROR_STATE, "no model is loaded: there are no arenas to test; /load FILE loads one");
    char message[LOG_MESSAGE_BYTES];
    struct text text;
    text_init(&text, message, sizeof message);
    text_format(&text, DRILL "fault %s", faults[fault].name);
    log_event(kernel, WIRE_LOG_LEVEL_INFO, WIRE_LOG_CODE_INFO, WIRE_ARENA_NONE, 0, 0, message);
    faults[fault].provoke(kernel);
    if (kernel->sentinel.state != WIRE_SENTINEL_STATE_TRIPPED)
        return error_set(error, ERROR_IO, "the fault %s was made and not found: the sentinel does not work",
                         faults[fault].name);
    text_format(out, "Tripped: %s. llmk-failsafe.txt %s; type /reset to go on.\n", kernel->sentinel.reason,
                kernel->sentinel.file_failed ? "could not be written" : "tells what was");
    return true;
}

/* The next pass of one or both phases is held to a budget that none keeps. */
static bool arm(struct kernel *kernel, const struct command_arguments *arguments, struct text *out,
                struct error *error)
{
    bool prefill = command_word_is(arguments, 0, "prefill"), decode = command_word_is(arguments, 0, "decode");
    if (command_word_is(arguments, 0, "both"))
        prefill = decode = true;
    unsigned at = prefill || decode ? 1 : 0;
    uint64_t cycles = TEST_CYCLES;
    if (at == 0 && (arguments->count == 2 ||
                    (arguments->count == 1 && (arguments->words[0][0] < '0' || arguments->words[0][0] > '9'))))
        return error_set(error, ERROR_ARG,
                         "\"%.*s\" is no fault (alloc, oob, ro_write, guard), no phase (prefill, decode, both) and "
                         "no number of cycles",
                         shown(arguments->lengths[0]), arguments->words[0]);
    if (!command_number(arguments, at, "the test budget", 1, param_specs[PARAM_BUDGET_DECODE].maximum, &cycles, error))
        return false;
    kernel->sentinel.test[0] = prefill;
    kernel->sentinel.test[1] = decode || at == 0;
    kernel->sentinel.test_cycles = cycles;
    log_event(kernel, WIRE_LOG_LEVEL_INFO, WIRE_LOG_CODE_INFO, WIRE_ARENA_NONE, cycles, 0,
              DRILL "a pass is held to a test budget");
    text_format(out, "The next %s pass is held to %llu cycles, once and strictly; budgets stay as they are.\n",
                prefill && decode ? "prefill or decode"
                : prefill         ? "prefill"
                                  : "decode",
                (unsigned long long)cycles);
    return true;
}

static bool run_test_failsafe(struct kernel *kernel, const char *rest, size_t length, struct text *out,
                              struct error *error)
{
    struct command_arguments arguments;
    command_split(rest, length, &arguments);
    if (!command_at_most(&arguments, 2, "/test_failsafe", error))
        return false;
    if (kernel->sentinel.state == WIRE_SENTINEL_STATE_TRIPPED)
        return error_set(error, ERROR_STATE, "the sentinel is tripped already; type /reset first");
    for (unsigned i = 0; i < FAULTS; i++) {
        if (!command_word_is(&arguments, 0, faults[i].name))
            continue;
        return command_at_most(&arguments, 1, "/test_failsafe with a fault", error) && provoke(kernel, i, out, error);
    }
    return arm(kernel, &arguments, out, error);
}

const struct command commands_failsafe[] = {
    {"/test_failsafe", "[prefill|decode|both] [cycles] | alloc|oob|ro_write|guard",
     "trips the sentinel in the next answer, or by a fault at once; /reset goes on",
     run_test_failsafe},
    {0},
};
