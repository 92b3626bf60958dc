/* in_kernel.c - takes the place of the REPL in a booted kernel, for what cannot be typed: damaged guards, failed
 * allocations, parameters that come in while an answer is written. The folder holds the default model. */
#include "check.h"
#include "clock.h"
#include "files.h"
#include "kernel.h"
#include "overflow.h"
#include "repl.h"

#include <string.h>

static void set(struct kernel *kernel, enum param_id id, const char *value)
{
    struct error error;
    CHECK(param_set(kernel, id, value, strlen(value), PARAM_FROM_WIRE, &error));
}

static bool prompt(struct kernel *kernel, const char *text, struct error *error)
{
    if (!chat_prepare(kernel, text, strlen(text), error))
        return false;
    chat_generate(kernel);
    return true;
}

static bool failsafe_says(const char *words)
{
    struct file_data data;
    struct error error;
    CHECK(file_read_whole("llmk-failsafe.txt", 65536, &data, &error) == PORT_FILE_OK);
    data.bytes[data.length] = '\0'; /* the pages are longer than the file */
    bool says = strstr((const char *)data.bytes, words) != NULL;
    file_release(&data);
    return says;
}

static void test_a_damaged_guard_trips_before_the_next_turn(struct kernel *kernel)
{
    struct error error;
    for (unsigned i = 1; i <= ZONE_COUNT; i++) {
        struct arena *arena = zone_arena(&kernel->zones, (enum wire_arena)i);
        uint32_t generation = kernel->chat.generation;
        arena->base[arena->size] ^= 0x10;
        CHECK(!prompt(kernel, "Once", &error) && error.code == ERROR_STATE);
        CHECK(strstr(error.text, "guard") != NULL && strstr(error.text, "/reset") != NULL);
        CHECK(kernel->chat.generation == generation);
        CHECK(kernel->sentinel.state == WIRE_SENTINEL_STATE_TRIPPED);
        CHECK(kernel->sentinel.error == WIRE_SENTINEL_ERROR_GUARD);
        CHECK(failsafe_says(" cause=guard phase=generic\n"));
        CHECK(failsafe_says("guard=broken"));
        sentinel_reset(kernel);
        CHECK(kernel->sentinel.state == WIRE_SENTINEL_STATE_ARMED);
        CHECK(prompt(kernel, "Once", &error));
        CHECK(kernel->chat.generation == generation + 1 && kernel->chat.last.reason == WIRE_STOP_REASON_MAX_TOKENS);
    }
}

static void test_a_failed_allocation_is_logged_with_arena_and_size(struct kernel *kernel)
{
    struct error error;
    CHECK(kernel_alloc(kernel, WIRE_ARENA_KEEP, 1u << 30, "too much", &error) == NULL);
    CHECK(error.code == ERROR_NOSPACE && strstr(error.text, "arena keep cannot give 1073741824 bytes") != NULL);
    const struct log_entry *entry = log_at(kernel->log, 0);
    CHECK(entry->code == WIRE_LOG_CODE_ALLOC_FAIL && entry->arena == WIRE_ARENA_KEEP && entry->second == 1u << 30);
    CHECK(kernel->sentinel.error == WIRE_SENTINEL_ERROR_ALLOC);
    CHECK(kernel_alloc(kernel, WIRE_ARENA_WEIGHTS, 1, "late", &error) == NULL);
    CHECK(log_at(kernel->log, 0)->code == WIRE_LOG_CODE_RO_WRITE);
    CHECK(kernel->sentinel.error == WIRE_SENTINEL_ERROR_RO_WRITE);
}

static void test_every_kind_of_trip_is_written_once_with_its_phase(struct kernel *kernel)
{
    sentinel_trip(kernel, WIRE_SENTINEL_ERROR_OOB, WIRE_SENTINEL_PHASE_DECODE, WIRE_ARENA_KV, 0x1234, 64, "row beyond");
    sentinel_trip(kernel, WIRE_SENTINEL_ERROR_ALLOC, WIRE_SENTINEL_PHASE_PREFILL, WIRE_ARENA_ACTS, 1, 2, "later");
    CHECK(failsafe_says(" cause=oob phase=decode\n"));
    CHECK(failsafe_says("code=oob arena=kv first=0x1234 second=64 msg=row beyond"));
    CHECK(!failsafe_says("msg=later")); /* the first cause is the one in the file, the second is in the log */
    CHECK(log_at(kernel->log, 0)->code == WIRE_LOG_CODE_ALLOC_FAIL);
    CHECK(zone_arena(&kernel->zones, WIRE_ARENA_SCRATCH)->used == 0);
    sentinel_reset(kernel);
}

static void test_the_failsafe_test_is_one_shot(struct kernel *kernel)
{
    struct sentinel *sentinel = &kernel->sentinel;
    sentinel_reset(kernel);
    sentinel->test[0] = sentinel->test[1] = true;
    sentinel->test_cycles = 1000;
    CHECK(sentinel_pass(kernel, WIRE_SENTINEL_PHASE_DECODE, 1, 1000)); /* within the test's budget: passes, and is over */
    CHECK(!sentinel->test[0] && !sentinel->test[1]);
    CHECK(sentinel_pass(kernel, WIRE_SENTINEL_PHASE_DECODE, 1, 1001));
    sentinel->test[0] = true;
    CHECK(sentinel_pass(kernel, WIRE_SENTINEL_PHASE_DECODE, 1, 1001)); /* the other phase is not meant */
    CHECK(!sentinel_pass(kernel, WIRE_SENTINEL_PHASE_PREFILL, 1, 1001));
    CHECK(!sentinel->strict && sentinel->error_phase == WIRE_SENTINEL_PHASE_PREFILL);
    sentinel_reset(kernel);
}

static void test_the_log_counts_on_and_forgets_the_oldest(struct kernel *kernel)
{
    uint32_t before = kernel->log->next;
    for (unsigned i = 0; i < 300; i++)
        log_event(kernel, WIRE_LOG_LEVEL_DEBUG, WIRE_LOG_CODE_TOKEN, WIRE_ARENA_NONE, i, 0,
                  "a message that is longer than the forty-seven bytes that fit");
    CHECK(kernel->log->next == before + 300);
    CHECK(log_at(kernel->log, 0)->first == 299 && log_at(kernel->log, 127)->first == 172);
    CHECK(log_at(kernel->log, 128) == NULL);
    CHECK(log_number(kernel->log, before) == NULL && log_number(kernel->log, before + 299)->first == 299);
    CHECK(log_number(kernel->log, before + 300) == NULL);
    CHECK(strlen(log_at(kernel->log, 0)->message) == LOG_MESSAGE_BYTES - 1);
    log_clear(kernel->log);
    CHECK(log_at(kernel->log, 0) == NULL);
    log_event(kernel, WIRE_LOG_LEVEL_INFO, WIRE_LOG_CODE_INFO, WIRE_ARENA_NONE, 0, 0, "usable");
    CHECK(log_at(kernel->log, 0)->number == before + 300 && log_at(kernel->log, 1) == NULL);
}

static void test_learning_rises_slowly_and_falls_fast(struct kernel *kernel)
{
    struct sentinel_phase_state *decode = &kernel->sentinel.phases[1];
    sentinel_reset(kernel);
    CHECK(sentinel_pass(kernel, WIRE_SENTINEL_PHASE_DECODE, 1, 10));
    CHECK(decode->budget == SENTINEL_LEAST_BUDGET);
    sentinel_reset(kernel);
    CHECK(sentinel_pass(kernel, WIRE_SENTINEL_PHASE_DECODE, 1, 1000000));
    CHECK(decode->budget == 6000000);
    CHECK(sentinel_pass(kernel, WIRE_SENTINEL_PHASE_DECODE, 1, 2000000)); /* up a sixteenth of the way to 12,000,000 */
    CHECK(decode->budget == 6375000 && decode->overruns == 0);
    CHECK(sentinel_pass(kernel, WIRE_SENTINEL_PHASE_DECODE, 1, 500000)); /* down half of the way to 3,000,000 */
    CHECK(decode->budget == 4687500);
    CHECK(sentinel_pass(kernel, WIRE_SENTINEL_PHASE_DECODE, 1, UINT64_MAX)); /* not strict: counted */
    CHECK(decode->overruns == 1);
    sentinel_reset(kernel);
    struct sentinel_phase_state *prefill = &kernel->sentinel.phases[0];
    CHECK(sentinel_pass(kernel, WIRE_SENTINEL_PHASE_PREFILL, 1, 1000000) && prefill->budget == 6000000);
    CHECK(sentinel_pass(kernel, WIRE_SENTINEL_PHASE_PREFILL, 64, 200000)); /* long passes have a budget of their own */
    CHECK(prefill->budget == 1200000);
    CHECK(sentinel_pass(kernel, WIRE_SENTINEL_PHASE_PREFILL, 1, 1000000) && prefill->budget == 6000000);
    CHECK(prefill->overruns == 0);
    sentinel_reset(kernel);
    uint64_t percentiles[3];
    CHECK(sentinel_percentiles(&kernel->sentinel, percentiles) == 0 && percentiles[2] == 0);
    sentinel_pin(&kernel->sentinel, WIRE_SENTINEL_PHASE_DECODE, UINT64_C(1) << 40);
    for (uint64_t i = 1; i <= 1000; i++) /* the last 256 are kept: 745 to 1000 */
        CHECK(sentinel_pass(kernel, WIRE_SENTINEL_PHASE_DECODE, 1, i));
    CHECK(sentinel_percentiles(&kernel->sentinel, percentiles) == SENTINEL_HISTORY);
    CHECK(percentiles[0] == 744 + 128 && percentiles[1] == 744 + 244 && percentiles[2] == 744 + 254);
    sentinel_pin(&kernel->sentinel, WIRE_SENTINEL_PHASE_DECODE, 0);
    CHECK(decode->budget == 0 && !decode->pinned);
}

/* Stands for the line: what arrives between two layers. */
static unsigned polls_left;

static bool stop_after_some_polls(void *context)
{
    struct kernel *kernel = context;
    if (polls_left > 0 && --polls_left == 0)
        chat_stop(kernel);
    return !kernel->chat.stop_asked;
}

static void test_a_stop_at_any_poll_leaves_exact_rows_and_the_same_story(struct kernel *kernel)
{
    struct error error;
    uint32_t expected[64];
    engine_poll *poll = kernel->engine.poll;
    set(kernel, PARAM_TEMP, "0");
    set(kernel, PARAM_NOREPEAT, "0");
    set(kernel, PARAM_REPEAT, "1");
    set(kernel, PARAM_MAX_TOKENS, "8");
    for (unsigned stop = 0; stop < 60; stop++) {
        chat_clear(kernel);
        kernel->engine.poll = stop_after_some_polls;
        polls_left = stop * 3;
        CHECK(prompt(kernel, "Once upon a time", &error));
        kernel->engine.poll = poll;
        struct chat *chat = &kernel->chat;
        CHECK(chat->rows <= chat->length && chat->last.kv_rows == chat->rows);
        if (stop == 0) { /* this one ran to its end */
            CHECK(chat->last.reason == WIRE_STOP_REASON_MAX_TOKENS && chat->length == 13 && chat->rows == 12);
            memcpy(expected, chat->tokens, chat->length * sizeof expected[0]);
        } else if (chat->last.reason == WIRE_STOP_REASON_STOPPED) {
            CHECK(memcmp(expected, chat->tokens, chat->length * sizeof expected[0]) == 0);
            CHECK(chat->last.tokens + 5 == chat->length && chat->rows < 13);
        }
        CHECK(prompt(kernel, "Then", &error)); /* goes on from wherever it stood */
        CHECK(chat->rows + 1 == chat->length && chat->tokens[0] == TOKEN_BOS && chat->tokens[1] != TOKEN_BOS);
    }
}

int repl_run(struct kernel *kernel)
{
    CHECK(kernel->model_loaded);
    set(kernel, PARAM_MAX_TOKENS, "3");
    test_a_damaged_guard_trips_before_the_next_turn(kernel);
    test_a_failed_allocation_is_logged_with_arena_and_size(kernel);
    test_every_kind_of_trip_is_written_once_with_its_phase(kernel);
    test_the_failsafe_test_is_one_shot(kernel);
    test_the_log_counts_on_and_forgets_the_oldest(kernel);
    test_learning_rises_slowly_and_falls_fast(kernel);
    test_a_stop_at_any_poll_leaves_exact_rows_and_the_same_story(kernel);
    return 0;
}
