/* Generated from protocol/llmbm_protocol by `llmbm-wire gen`: change the schema, not this file. */
/* The tables of llmk_wire.h. Only core/wire.c includes this. */

const char *const wire_word_lists[12] = {
    "op\0" "arg\0" "range\0" "busy\0" "state\0" "io\0" "nospace\0" "toolong\0" "version\0" "format\0"
    "internal\0",
    "idle\0" "prefill\0" "decode\0" "load\0" "rescue\0" "bench\0",
    "eos\0" "max_tokens\0" "stopped\0" "pattern\0" "context\0" "trip\0",
    "debug\0" "info\0" "warn\0" "error\0",
    "info\0" "alloc_fail\0" "oob\0" "ro_write\0" "budget\0" "guard\0" "failsafe\0" "token\0" "load\0" "file\0"
    "param\0" "link\0" "context\0",
    "none\0" "weights\0" "kv\0" "scratch\0" "acts\0" "zonec\0" "keep\0",
    "disarmed\0" "armed\0" "tripped\0",
    "ok\0" "alloc\0" "oob\0" "ro_write\0" "budget\0" "guard\0",
    "generic\0" "prefill\0" "decode\0",
    "bye\0" "break\0" "ctrl_c\0" "expired\0" "reboot\0",
    "perf\0" "kv\0" "zones\0" "sent\0" "samp\0" "zone\0" "model\0" "tok\0" "cpu\0" "ver\0" "load\0" "bench\0",
    "ping\0" "info\0" "stat\0" "dict\0" "sub\0" "log\0" "tok\0" "prob\0" "word\0" "out\0" "last\0" "text\0"
    "gen\0" "run\0" "stop\0" "set\0" "get\0" "open\0" "data\0" "close\0" "bye\0" "reboot\0",
};

static const struct wire_field fields[] = {
    {"p", WIRE_UINT, 0, 0, 8, offsetof(struct wire_hello, protocol), WIRE_ALWAYS},
    {"r", WIRE_UINT, 0, 0, 8, offsetof(struct wire_hello, revision), WIRE_ALWAYS},
    {"sch", WIRE_HEX, 0, 0, 32, offsetof(struct wire_hello, schema_id), WIRE_ALWAYS},
    {"boot", WIRE_HEX, 0, 0, 32, offsetof(struct wire_hello, boot), WIRE_ALWAYS},
    {"m", WIRE_UINT, 0, 0, 1, offsetof(struct wire_hello, machine), WIRE_ALWAYS},
    {"n", WIRE_PLAIN, 1, 0, 8, offsetof(struct wire_hello, nonce), WIRE_UNLESS_ZERO},
    {"wi", WIRE_UINT, 0, 0, 16, offsetof(struct wire_hello, window_idle), WIRE_ALWAYS},
    {"wb", WIRE_UINT, 0, 0, 16, offsetof(struct wire_hello, window_busy), WIRE_ALWAYS},
    {"mx", WIRE_UINT, 0, 0, 16, offsetof(struct wire_hello, max_line), WIRE_ALWAYS},
    {"br", WIRE_UINT, 0, 0, 32, offsetof(struct wire_hello, baud), WIRE_ALWAYS},
    {"v", WIRE_PLAIN, 1, 0, 24, offsetof(struct wire_hello, version), WIRE_ALWAYS},
    {.key = ""},
    {"id", WIRE_UINT, 0, 0, 16, offsetof(struct wire_response, id), WIRE_ALWAYS},
    {"ok", WIRE_UINT, 0, 0, 1, offsetof(struct wire_response, ok), WIRE_ALWAYS},
    {"t", WIRE_UINT, 1, 0, 39, offsetof(struct wire_response, time), WIRE_UNLESS_ZERO},
    {"n", WIRE_UINT, 0, 0, 16, offsetof(struct wire_response, count), 3},
    {"v", WIRE_PLAIN, 1, 0, 32, offsetof(struct wire_response, value), 4},
    {"g", WIRE_UINT, 0, 0, 32, offsetof(struct wire_response, generation), 5},
    {"busy", WIRE_UINT, 0, 0, 1, offsetof(struct wire_response, busy), WIRE_UNLESS_ZERO},
    {"e", WIRE_ENUM, 0, 0, 32, offsetof(struct wire_response, error), 7},
    {"f", WIRE_NAME, 1, 0, 16, offsetof(struct wire_response, field), 8},
    {"z", WIRE_UINT, 0, 0, 32, offsetof(struct wire_response, size), 9},
    {"crc", WIRE_HEX, 0, 0, 32, offsetof(struct wire_response, checksum), 10},
    {"m", WIRE_PLAIN, 1, 0, 70, offsetof(struct wire_response, message), 11},
    {.key = ""},
    {"g", WIRE_UINT, 0, 0, 32, offsetof(struct wire_token, generation), WIRE_ALWAYS},
    {"i", WIRE_UINT, 0, 0, 32, offsetof(struct wire_token, index), WIRE_ALWAYS},
    {"p", WIRE_UINT, 0, 0, 8, offsetof(struct wire_token, part), WIRE_UNLESS_ZERO},
    {"x", WIRE_UINT, 0, 0, 1, offsetof(struct wire_token, more), WIRE_UNLESS_ZERO},
    {"t", WIRE_UINT, 1, 0, 39, offsetof(struct wire_token, time), WIRE_ALWAYS},
    {"id", WIRE_UINT, 0, 0, 32, offsetof(struct wire_token, token), WIRE_ALWAYS},
    {"cy", WIRE_UINT, 1, 0, 39, offsetof(struct wire_token, cycles), WIRE_ALWAYS},
    {"s", WIRE_TEXT, 1, 0, 40, offsetof(struct wire_token, text), WIRE_ALWAYS},
    {.key = ""},
    {"g", WIRE_UINT, 0, 0, 32, offsetof(struct wire_choice, generation), WIRE_ALWAYS},
    {"i", WIRE_UINT, 0, 0, 32, offsetof(struct wire_choice, index), WIRE_ALWAYS},
    {"dr", WIRE_UINT, 0, 0, 16, offsetof(struct wire_choice, dropped), WIRE_UNLESS_ZERO},
    {"te", WIRE_MICRO, 0, 0, 21, offsetof(struct wire_choice, temperature), WIRE_ALWAYS},
    {"p", WIRE_MICRO, 0, 0, 21, offsetof(struct wire_choice, probability), WIRE_ALWAYS},
    {"r", WIRE_UINT, 0, 0, 20, offsetof(struct wire_choice, rank), WIRE_ALWAYS},
    {"c", WIRE_UINT, 1, 3, 20, offsetof(struct wire_choice, kept_count), WIRE_UNLESS_ZERO},
    {"m", WIRE_UINT, 1, 2, 20, offsetof(struct wire_choice, rest_count), WIRE_ALWAYS},
    {"b", WIRE_UINT, 0, 0, 16, offsetof(struct wire_choice, banned), WIRE_UNLESS_ZERO},
    {"w", WIRE_UINT, 0, 0, 1, offsetof(struct wire_choice, weakened), WIRE_UNLESS_ZERO},
    {"u", WIRE_UINT, 0, 0, 20, offsetof(struct wire_choice, otherwise), 10},
    {"a", WIRE_PLAIN, 1, 0, 199, offsetof(struct wire_choice, likeliest), WIRE_ALWAYS},
    {.key = ""},
    {"id", WIRE_UINT, 0, 0, 32, offsetof(struct wire_word, token), WIRE_ALWAYS},
    {"s", WIRE_TEXT, 1, 0, 40, offsetof(struct wire_word, text), WIRE_ALWAYS},
    {.key = ""},
    {"g", WIRE_UINT, 0, 0, 32, offsetof(struct wire_finished, generation), WIRE_ALWAYS},
    {"t", WIRE_UINT, 1, 0, 39, offsetof(struct wire_finished, time), WIRE_ALWAYS},
    {"why", WIRE_ENUM, 0, 2, 32, offsetof(struct wire_finished, reason), WIRE_ALWAYS},
    {"n", WIRE_UINT, 0, 0, 32, offsetof(struct wire_finished, tokens), WIRE_ALWAYS},
    {"pn", WIRE_UINT, 0, 0, 32, offsetof(struct wire_finished, prompt_tokens), WIRE_ALWAYS},
    {"pu", WIRE_UINT, 1, 0, 48, offsetof(struct wire_finished, prefill_us), WIRE_ALWAYS},
    {"du", WIRE_UINT, 1, 0, 48, offsetof(struct wire_finished, decode_us), WIRE_ALWAYS},
    {"kv", WIRE_UINT, 0, 0, 32, offsetof(struct wire_finished, kv_rows), WIRE_ALWAYS},
    {"tn", WIRE_UINT, 0, 0, 32, offsetof(struct wire_finished, turn), WIRE_ALWAYS},
    {"dm", WIRE_UINT, 0, 0, 24, offsetof(struct wire_finished, decode_mb_s), WIRE_UNLESS_ZERO},
    {"rd", WIRE_UINT, 0, 0, 24, offsetof(struct wire_finished, read_mb_s), WIRE_UNLESS_ZERO},
    {.key = ""},
    {"n", WIRE_UINT, 0, 0, 32, offsetof(struct wire_event, number), WIRE_ALWAYS},
    {"t", WIRE_UINT, 1, 0, 39, offsetof(struct wire_event, time), WIRE_ALWAYS},
    {"lv", WIRE_ENUM, 0, 3, 32, offsetof(struct wire_event, level), WIRE_ALWAYS},
    {"c", WIRE_ENUM, 0, 4, 32, offsetof(struct wire_event, code), WIRE_ALWAYS},
    {"a", WIRE_ENUM, 0, 5, 32, offsetof(struct wire_event, arena), WIRE_UNLESS_ZERO},
    {"p", WIRE_HEX, 1, 0, 64, offsetof(struct wire_event, first), WIRE_UNLESS_ZERO},
    {"z", WIRE_UINT, 1, 0, 64, offsetof(struct wire_event, second), WIRE_UNLESS_ZERO},
    {"m", WIRE_PLAIN, 1, 0, 96, offsetof(struct wire_event, message), WIRE_ALWAYS},
    {.key = ""},
    {"id", WIRE_UINT, 0, 0, 16, offsetof(struct wire_output, id), WIRE_ALWAYS},
    {"i", WIRE_UINT, 0, 0, 16, offsetof(struct wire_output, index), WIRE_ALWAYS},
    {"s", WIRE_TEXT, 1, 0, 60, offsetof(struct wire_output, text), WIRE_ALWAYS},
    {.key = ""},
    {"id", WIRE_UINT, 0, 0, 16, offsetof(struct wire_data, id), WIRE_ALWAYS},
    {"o", WIRE_UINT, 0, 0, 32, offsetof(struct wire_data, offset), WIRE_ALWAYS},
    {"d", WIRE_TEXT, 1, 0, 64, offsetof(struct wire_data, data), WIRE_ALWAYS},
    {.key = ""},
    {"c", WIRE_UINT, 0, 0, 32, offsetof(struct wire_credit, consumed), WIRE_ALWAYS},
    {"w", WIRE_UINT, 0, 0, 16, offsetof(struct wire_credit, window), WIRE_ALWAYS},
    {"b", WIRE_ENUM, 0, 1, 32, offsetof(struct wire_credit, phase), WIRE_UNLESS_ZERO},
    {"g", WIRE_UINT, 0, 0, 32, offsetof(struct wire_credit, generation), WIRE_UNLESS_ZERO},
    {"i", WIRE_UINT, 0, 0, 32, offsetof(struct wire_credit, tokens), WIRE_UNLESS_ZERO},
    {"n", WIRE_UINT, 0, 0, 32, offsetof(struct wire_credit, events), WIRE_UNLESS_ZERO},
    {"e", WIRE_UINT, 0, 0, 8, offsetof(struct wire_credit, enquiry), WIRE_UNLESS_ZERO},
    {.key = ""},
    {"oe", WIRE_UINT, 0, 0, 32, offsetof(struct wire_counters, overrun), WIRE_ALWAYS},
    {"fe", WIRE_UINT, 0, 0, 32, offsetof(struct wire_counters, framing), WIRE_ALWAYS},
    {"bi", WIRE_UINT, 0, 0, 32, offsetof(struct wire_counters, breaks), WIRE_ALWAYS},
    {"crc", WIRE_UINT, 0, 0, 32, offsetof(struct wire_counters, checksum), WIRE_ALWAYS},
    {"lng", WIRE_UINT, 0, 0, 32, offsetof(struct wire_counters, too_long), WIRE_ALWAYS},
    {"bad", WIRE_UINT, 0, 0, 32, offsetof(struct wire_counters, malformed), WIRE_ALWAYS},
    {"dr", WIRE_UINT, 0, 0, 32, offsetof(struct wire_counters, dropped), WIRE_ALWAYS},
    {.key = ""},
    {"why", WIRE_ENUM, 0, 9, 32, offsetof(struct wire_leave, why), WIRE_ALWAYS},
    {.key = ""},
    {"t", WIRE_UINT, 1, 0, 39, offsetof(struct wire_perf, time), WIRE_ALWAYS},
    {"n", WIRE_UINT, 0, 0, 32, offsetof(struct wire_perf, number), WIRE_UNLESS_ZERO},
    {"dr", WIRE_UINT, 0, 0, 16, offsetof(struct wire_perf, dropped), WIRE_UNLESS_ZERO},
    {"ph", WIRE_ENUM, 0, 1, 32, offsetof(struct wire_perf, phase), WIRE_ALWAYS},
    {"g", WIRE_UINT, 0, 0, 32, offsetof(struct wire_perf, generation), WIRE_ALWAYS},
    {"tok", WIRE_UINT, 0, 0, 32, offsetof(struct wire_perf, tokens), WIRE_ALWAYS},
    {"us", WIRE_UINT, 0, 0, 32, offsetof(struct wire_perf, token_us), WIRE_ALWAYS},
    {"pd", WIRE_UINT, 0, 0, 32, offsetof(struct wire_perf, prompt_done), WIRE_ALWAYS},
    {"pn", WIRE_UINT, 0, 0, 32, offsetof(struct wire_perf, prompt_total), WIRE_ALWAYS},
    {"rate", WIRE_MICRO, 1, 0, 48, offsetof(struct wire_perf, decode_rate), WIRE_ALWAYS},
    {"dm", WIRE_UINT, 0, 0, 24, offsetof(struct wire_perf, decode_mb_s), WIRE_UNLESS_ZERO},
    {"rd", WIRE_UINT, 0, 0, 24, offsetof(struct wire_perf, read_mb_s), WIRE_UNLESS_ZERO},
    {.key = ""},
    {"t", WIRE_UINT, 1, 0, 39, offsetof(struct wire_kv_cache, time), WIRE_ALWAYS},
    {"n", WIRE_UINT, 0, 0, 32, offsetof(struct wire_kv_cache, number), WIRE_UNLESS_ZERO},
    {"dr", WIRE_UINT, 0, 0, 16, offsetof(struct wire_kv_cache, dropped), WIRE_UNLESS_ZERO},
    {"rows", WIRE_UINT, 0, 0, 32, offsetof(struct wire_kv_cache, rows), WIRE_ALWAYS},
    {"cap", WIRE_UINT, 0, 0, 32, offsetof(struct wire_kv_cache, capacity), WIRE_ALWAYS},
    {"rb", WIRE_UINT, 0, 0, 32, offsetof(struct wire_kv_cache, row_bytes), WIRE_ALWAYS},
    {"ts", WIRE_UINT, 1, 12, 19, offsetof(struct wire_kv_cache, turns_count), WIRE_UNLESS_ZERO},
    {"g", WIRE_UINT, 0, 0, 32, offsetof(struct wire_kv_cache, generation), WIRE_UNLESS_ZERO},
    {.key = ""},
    {"t", WIRE_UINT, 1, 0, 39, offsetof(struct wire_zones, time), WIRE_ALWAYS},
    {"n", WIRE_UINT, 0, 0, 32, offsetof(struct wire_zones, number), WIRE_UNLESS_ZERO},
    {"dr", WIRE_UINT, 0, 0, 16, offsetof(struct wire_zones, dropped), WIRE_UNLESS_ZERO},
    {"w", WIRE_UINT, 1, 2, 36, offsetof(struct wire_zones, weights_count), WIRE_ALWAYS},
    {"kv", WIRE_UINT, 1, 2, 36, offsetof(struct wire_zones, kv_count), WIRE_ALWAYS},
    {"sc", WIRE_UINT, 1, 2, 36, offsetof(struct wire_zones, scratch_count), WIRE_ALWAYS},
    {"ac", WIRE_UINT, 1, 2, 36, offsetof(struct wire_zones, acts_count), WIRE_ALWAYS},
    {"zc", WIRE_UINT, 1, 2, 36, offsetof(struct wire_zones, zonec_count), WIRE_ALWAYS},
    {"kp", WIRE_UINT, 1, 2, 36, offsetof(struct wire_zones, keep_count), WIRE_ALWAYS},
    {.key = ""},
    {"t", WIRE_UINT, 1, 0, 39, offsetof(struct wire_sentinel, time), WIRE_ALWAYS},
    {"n", WIRE_UINT, 0, 0, 32, offsetof(struct wire_sentinel, number), WIRE_UNLESS_ZERO},
    {"dr", WIRE_UINT, 0, 0, 16, offsetof(struct wire_sentinel, dropped), WIRE_UNLESS_ZERO},
    {"st", WIRE_ENUM, 0, 6, 32, offsetof(struct wire_sentinel, state), WIRE_ALWAYS},
    {"strict", WIRE_UINT, 0, 0, 1, offsetof(struct wire_sentinel, strict), WIRE_ALWAYS},
    {"er", WIRE_ENUM, 0, 7, 32, offsetof(struct wire_sentinel, error), WIRE_ALWAYS},
    {"ph", WIRE_ENUM, 0, 8, 32, offsetof(struct wire_sentinel, phase), WIRE_ALWAYS},
    {"pc", WIRE_UINT, 1, 0, 39, offsetof(struct wire_sentinel, prefill), WIRE_ALWAYS},
    {"pb", WIRE_UINT, 1, 0, 39, offsetof(struct wire_sentinel, prefill_budget), WIRE_ALWAYS},
    {"pp", WIRE_UINT, 0, 0, 1, offsetof(struct wire_sentinel, prefill_pinned), WIRE_ALWAYS},
    {"po", WIRE_UINT, 0, 0, 16, offsetof(struct wire_sentinel, prefill_overruns), WIRE_ALWAYS},
    {"dc", WIRE_UINT, 1, 0, 39, offsetof(struct wire_sentinel, decode), WIRE_ALWAYS},
    {"db", WIRE_UINT, 1, 0, 39, offsetof(struct wire_sentinel, decode_budget), WIRE_ALWAYS},
    {"dp", WIRE_UINT, 0, 0, 1, offsetof(struct wire_sentinel, decode_pinned), WIRE_ALWAYS},
    {"do", WIRE_UINT, 0, 0, 16, offsetof(struct wire_sentinel, decode_overruns), WIRE_ALWAYS},
    {"pct", WIRE_UINT, 1, 3, 36, offsetof(struct wire_sentinel, percentiles_count), WIRE_UNLESS_ZERO},
    {.key = ""},
    {"t", WIRE_UINT, 1, 0, 39, offsetof(struct wire_sampling_state, time), WIRE_ALWAYS},
    {"n", WIRE_UINT, 0, 0, 32, offsetof(struct wire_sampling_state, number), WIRE_UNLESS_ZERO},
    {"dr", WIRE_UINT, 0, 0, 16, offsetof(struct wire_sampling_state, dropped), WIRE_UNLESS_ZERO},
    {"temp", WIRE_MICRO, 0, 0, 32, offsetof(struct wire_sampling_state, temperature), WIRE_ALWAYS},
    {"minp", WIRE_MICRO, 0, 0, 32, offsetof(struct wire_sampling_state, min_p), WIRE_ALWAYS},
    {"topp", WIRE_MICRO, 0, 0, 32, offsetof(struct wire_sampling_state, top_p), WIRE_ALWAYS},
    {"topk", WIRE_UINT, 0, 0, 32, offsetof(struct wire_sampling_state, top_k), WIRE_ALWAYS},
    {"ngram", WIRE_UINT, 0, 0, 8, offsetof(struct wire_sampling_state, no_repeat_ngram), WIRE_ALWAYS},
    {"repeat", WIRE_MICRO, 0, 0, 32, offsetof(struct wire_sampling_state, repeat_penalty), WIRE_ALWAYS},
    {"max", WIRE_UINT, 0, 0, 32, offsetof(struct wire_sampling_state, max_tokens), WIRE_ALWAYS},
    {"seed", WIRE_UINT, 1, 0, 64, offsetof(struct wire_sampling_state, seed), WIRE_ALWAYS},
    {.key = ""},
    {"t", WIRE_UINT, 1, 0, 39, offsetof(struct wire_zone, time), WIRE_ALWAYS},
    {"n", WIRE_UINT, 0, 0, 32, offsetof(struct wire_zone, number), WIRE_UNLESS_ZERO},
    {"dr", WIRE_UINT, 0, 0, 16, offsetof(struct wire_zone, dropped), WIRE_UNLESS_ZERO},
    {"a", WIRE_ENUM, 0, 5, 32, offsetof(struct wire_zone, arena), WIRE_ALWAYS},
    {"base", WIRE_HEX, 1, 0, 64, offsetof(struct wire_zone, base), WIRE_ALWAYS},
    {"size", WIRE_UINT, 1, 0, 48, offsetof(struct wire_zone, size), WIRE_ALWAYS},
    {"used", WIRE_UINT, 1, 0, 48, offsetof(struct wire_zone, used), WIRE_ALWAYS},
    {"peak", WIRE_UINT, 1, 0, 48, offsetof(struct wire_zone, peak), WIRE_ALWAYS},
    {"ro", WIRE_UINT, 0, 0, 1, offsetof(struct wire_zone, read_only), WIRE_ALWAYS},
    {"gd", WIRE_UINT, 0, 0, 1, offsetof(struct wire_zone, guard_ok), WIRE_ALWAYS},
    {"tag", WIRE_PLAIN, 1, 0, 16, offsetof(struct wire_zone, last_tag), WIRE_UNLESS_ZERO},
    {"last", WIRE_UINT, 1, 0, 48, offsetof(struct wire_zone, last_bytes), WIRE_UNLESS_ZERO},
    {.key = ""},
    {"t", WIRE_UINT, 1, 0, 39, offsetof(struct wire_model, time), WIRE_ALWAYS},
    {"n", WIRE_UINT, 0, 0, 32, offsetof(struct wire_model, number), WIRE_UNLESS_ZERO},
    {"dr", WIRE_UINT, 0, 0, 16, offsetof(struct wire_model, dropped), WIRE_UNLESS_ZERO},
    {"file", WIRE_PLAIN, 1, 0, 33, offsetof(struct wire_model, file), WIRE_UNLESS_ZERO},
    {"fmt", WIRE_PLAIN, 1, 0, 9, offsetof(struct wire_model, format), WIRE_UNLESS_ZERO},
    {"gs", WIRE_UINT, 0, 0, 8, offsetof(struct wire_model, group), WIRE_UNLESS_ZERO},
    {"dim", WIRE_UINT, 0, 0, 24, offsetof(struct wire_model, dim), WIRE_UNLESS_ZERO},
    {"hid", WIRE_UINT, 0, 0, 20, offsetof(struct wire_model, hidden_dim), WIRE_UNLESS_ZERO},
    {"lay", WIRE_UINT, 0, 0, 12, offsetof(struct wire_model, layers), WIRE_UNLESS_ZERO},
    {"hd", WIRE_UINT, 0, 0, 12, offsetof(struct wire_model, heads), WIRE_UNLESS_ZERO},
    {"kvh", WIRE_UINT, 0, 0, 12, offsetof(struct wire_model, kv_heads), WIRE_UNLESS_ZERO},
    {"voc", WIRE_UINT, 0, 0, 20, offsetof(struct wire_model, vocab), WIRE_UNLESS_ZERO},
    {"seq", WIRE_UINT, 0, 0, 20, offsetof(struct wire_model, seq_len), WIRE_UNLESS_ZERO},
    {"shared", WIRE_UINT, 0, 0, 1, offsetof(struct wire_model, shared), WIRE_UNLESS_ZERO},
    {"par", WIRE_UINT, 1, 0, 39, offsetof(struct wire_model, parameters), WIRE_UNLESS_ZERO},
    {"by", WIRE_UINT, 1, 0, 39, offsetof(struct wire_model, bytes), WIRE_UNLESS_ZERO},
    {.key = ""},
    {"t", WIRE_UINT, 1, 0, 39, offsetof(struct wire_tokenizer_state, time), WIRE_ALWAYS},
    {"n", WIRE_UINT, 0, 0, 32, offsetof(struct wire_tokenizer_state, number), WIRE_UNLESS_ZERO},
    {"dr", WIRE_UINT, 0, 0, 16, offsetof(struct wire_tokenizer_state, dropped), WIRE_UNLESS_ZERO},
    {"file", WIRE_PLAIN, 1, 0, 40, offsetof(struct wire_tokenizer_state, file), WIRE_UNLESS_ZERO},
    {"voc", WIRE_UINT, 0, 0, 32, offsetof(struct wire_tokenizer_state, vocab), WIRE_UNLESS_ZERO},
    {"len", WIRE_UINT, 0, 0, 32, offsetof(struct wire_tokenizer_state, longest), WIRE_UNLESS_ZERO},
    {.key = ""},
    {"t", WIRE_UINT, 1, 0, 39, offsetof(struct wire_cpu, time), WIRE_ALWAYS},
    {"n", WIRE_UINT, 0, 0, 32, offsetof(struct wire_cpu, number), WIRE_UNLESS_ZERO},
    {"dr", WIRE_UINT, 0, 0, 16, offsetof(struct wire_cpu, dropped), WIRE_UNLESS_ZERO},
    {"brand", WIRE_PLAIN, 1, 0, 48, offsetof(struct wire_cpu, brand), WIRE_ALWAYS},
    {"lv", WIRE_PLAIN, 1, 0, 14, offsetof(struct wire_cpu, level), WIRE_ALWAYS},
    {"best", WIRE_PLAIN, 1, 0, 14, offsetof(struct wire_cpu, best), WIRE_ALWAYS},
    {"pin", WIRE_UINT, 0, 0, 1, offsetof(struct wire_cpu, pinned), WIRE_UNLESS_ZERO},
    {"hz", WIRE_UINT, 1, 0, 48, offsetof(struct wire_cpu, hz), WIRE_ALWAYS},
    {"src", WIRE_PLAIN, 1, 0, 12, offsetof(struct wire_cpu, clock), WIRE_ALWAYS},
    {"ppm", WIRE_UINT, 0, 0, 32, offsetof(struct wire_cpu, spread_ppm), WIRE_ALWAYS},
    {"inv", WIRE_UINT, 0, 0, 1, offsetof(struct wire_cpu, invariant), WIRE_ALWAYS},
    {"np", WIRE_UINT, 0, 0, 16, offsetof(struct wire_cpu, processors), WIRE_UNLESS_ZERO},
    {"nu", WIRE_UINT, 0, 0, 16, offsetof(struct wire_cpu, processors_used), WIRE_UNLESS_ZERO},
    {.key = ""},
    {"t", WIRE_UINT, 1, 0, 39, offsetof(struct wire_version, time), WIRE_ALWAYS},
    {"n", WIRE_UINT, 0, 0, 32, offsetof(struct wire_version, number), WIRE_UNLESS_ZERO},
    {"dr", WIRE_UINT, 0, 0, 16, offsetof(struct wire_version, dropped), WIRE_UNLESS_ZERO},
    {"v", WIRE_PLAIN, 1, 0, 24, offsetof(struct wire_version, version), WIRE_ALWAYS},
    {"port", WIRE_PLAIN, 1, 0, 8, offsetof(struct wire_version, port), WIRE_ALWAYS},
    {"mach", WIRE_PLAIN, 1, 0, 48, offsetof(struct wire_version, machine), WIRE_ALWAYS},
    {"boot", WIRE_HEX, 0, 0, 32, offsetof(struct wire_version, boot), WIRE_ALWAYS},
    {"sch", WIRE_HEX, 0, 0, 32, offsetof(struct wire_version, schema_id), WIRE_ALWAYS},
    {.key = ""},
    {"t", WIRE_UINT, 1, 0, 39, offsetof(struct wire_load, time), WIRE_ALWAYS},
    {"n", WIRE_UINT, 0, 0, 32, offsetof(struct wire_load, number), WIRE_UNLESS_ZERO},
    {"dr", WIRE_UINT, 0, 0, 16, offsetof(struct wire_load, dropped), WIRE_UNLESS_ZERO},
    {"file", WIRE_PLAIN, 1, 0, 40, offsetof(struct wire_load, file), WIRE_ALWAYS},
    {"done", WIRE_UINT, 1, 0, 48, offsetof(struct wire_load, done), WIRE_ALWAYS},
    {"all", WIRE_UINT, 1, 0, 48, offsetof(struct wire_load, total), WIRE_ALWAYS},
    {"ms", WIRE_UINT, 0, 0, 32, offsetof(struct wire_load, elapsed_ms), WIRE_ALWAYS},
    {.key = ""},
    {"t", WIRE_UINT, 1, 0, 39, offsetof(struct wire_bench, time), WIRE_ALWAYS},
    {"n", WIRE_UINT, 0, 0, 32, offsetof(struct wire_bench, number), WIRE_UNLESS_ZERO},
    {"dr", WIRE_UINT, 0, 0, 16, offsetof(struct wire_bench, dropped), WIRE_UNLESS_ZERO},
    {"lv", WIRE_PLAIN, 1, 0, 14, offsetof(struct wire_bench, level), WIRE_UNLESS_ZERO},
    {"nu", WIRE_UINT, 0, 0, 16, offsetof(struct wire_bench, processors), WIRE_UNLESS_ZERO},
    {"w", WIRE_UINT, 0, 0, 32, offsetof(struct wire_bench, weights), WIRE_UNLESS_ZERO},
    {"cb", WIRE_UINT, 0, 0, 32, offsetof(struct wire_bench, cache), WIRE_UNLESS_ZERO},
    {"rd", WIRE_UINT, 0, 0, 24, offsetof(struct wire_bench, read_mb_s), WIRE_UNLESS_ZERO},
    {"row", WIRE_UINT, 0, 0, 20, offsetof(struct wire_bench, row), WIRE_UNLESS_ZERO},
    {"dt", WIRE_MICRO, 1, 0, 48, offsetof(struct wire_bench, decode_rate), WIRE_UNLESS_ZERO},
    {"dm", WIRE_UINT, 0, 0, 24, offsetof(struct wire_bench, decode_mb_s), WIRE_UNLESS_ZERO},
    {"dc", WIRE_UINT, 1, 0, 39, offsetof(struct wire_bench, decode_cycles), WIRE_UNLESS_ZERO},
    {"pt", WIRE_MICRO, 1, 0, 48, offsetof(struct wire_bench, prefill_rate), WIRE_UNLESS_ZERO},
    {"pm", WIRE_UINT, 0, 0, 24, offsetof(struct wire_bench, prefill_mb_s), WIRE_UNLESS_ZERO},
    {"pc", WIRE_UINT, 1, 0, 39, offsetof(struct wire_bench, prefill_cycles), WIRE_UNLESS_ZERO},
    {.key = ""},
    {"p", WIRE_UINT, 0, 0, 8, offsetof(struct wire_host_hello, protocol), WIRE_ALWAYS},
    {"sid", WIRE_HEX, 0, 0, 16, offsetof(struct wire_host_hello, session), WIRE_ALWAYS},
    {"n", WIRE_PLAIN, 1, 0, 8, offsetof(struct wire_host_hello, nonce), WIRE_ALWAYS},
    {.key = ""},
    {"id", WIRE_UINT, 0, 0, 16, offsetof(struct wire_request, id), WIRE_ALWAYS},
    {"op", WIRE_OPERATION, 0, 11, 32, offsetof(struct wire_request, op), WIRE_ALWAYS},
    {"k", WIRE_ENUM, 0, 10, 32, offsetof(struct wire_request, stream), 2},
    {"par", WIRE_NAME, 1, 0, 16, offsetof(struct wire_request, parameter), 3},
    {"v", WIRE_PLAIN, 1, 0, 40, offsetof(struct wire_request, value), 4},
    {"s", WIRE_TEXT, 1, 0, 56, offsetof(struct wire_request, text), 5},
    {"o", WIRE_UINT, 0, 0, 32, offsetof(struct wire_request, offset), 6},
    {"hz", WIRE_UINT, 0, 0, 8, offsetof(struct wire_request, rate), 7},
    {"lv", WIRE_ENUM, 0, 3, 32, offsetof(struct wire_request, level), 8},
    {"g", WIRE_UINT, 0, 0, 32, offsetof(struct wire_request, generation), 9},
    {"i", WIRE_UINT, 0, 0, 32, offsetof(struct wire_request, index), 10},
    {"n", WIRE_UINT, 0, 0, 16, offsetof(struct wire_request, count), 11},
    {"of", WIRE_UINT, 0, 0, 16, offsetof(struct wire_request, of), 12},
    {.key = ""},
};

const struct wire_shape wire_shapes[WIRE_RECORD_COUNT] = {
    {"@H 0000", fields + 0}, /* hello */
    {"@R 0000", fields + 12}, /* response */
    {"@T 0000", fields + 25}, /* token */
    {"@C 0000", fields + 34}, /* choice */
    {"@W 0000", fields + 47}, /* word */
    {"@F 0000", fields + 50}, /* finished */
    {"@E 0000", fields + 62}, /* event */
    {"@O 0000", fields + 71}, /* output */
    {"@D 0000", fields + 75}, /* data */
    {"@K 0000", fields + 79}, /* credit */
    {"@X 0000", fields + 87}, /* counters */
    {"@B 0000", fields + 95}, /* leave */
    {"@S 0000 k=perf", fields + 97}, /* perf */
    {"@S 0000 k=kv", fields + 110}, /* kv_cache */
    {"@S 0000 k=zones", fields + 119}, /* zones */
    {"@S 0000 k=sent", fields + 129}, /* sentinel */
    {"@S 0000 k=samp", fields + 146}, /* sampling_state */
    {"@S 0000 k=zone", fields + 158}, /* zone */
    {"@S 0000 k=model", fields + 171}, /* model */
    {"@S 0000 k=tok", fields + 188}, /* tokenizer_state */
    {"@S 0000 k=cpu", fields + 195}, /* cpu */
    {"@S 0000 k=ver", fields + 209}, /* version */
    {"@S 0000 k=load", fields + 218}, /* load */
    {"@S 0000 k=bench", fields + 226}, /* bench */
    {"@h 0000", fields + 242}, /* host_hello */
    {"@q 0000", fields + 246}, /* request */
};
_Static_assert(sizeof(struct wire_hello) <= UINT8_MAX, "offsets fit one byte");
_Static_assert(sizeof(struct wire_response) <= UINT8_MAX, "offsets fit one byte");
_Static_assert(sizeof(struct wire_token) <= UINT8_MAX, "offsets fit one byte");
_Static_assert(sizeof(struct wire_choice) <= UINT8_MAX, "offsets fit one byte");
_Static_assert(sizeof(struct wire_word) <= UINT8_MAX, "offsets fit one byte");
_Static_assert(sizeof(struct wire_finished) <= UINT8_MAX, "offsets fit one byte");
_Static_assert(sizeof(struct wire_event) <= UINT8_MAX, "offsets fit one byte");
_Static_assert(sizeof(struct wire_output) <= UINT8_MAX, "offsets fit one byte");
_Static_assert(sizeof(struct wire_data) <= UINT8_MAX, "offsets fit one byte");
_Static_assert(sizeof(struct wire_credit) <= UINT8_MAX, "offsets fit one byte");
_Static_assert(sizeof(struct wire_counters) <= UINT8_MAX, "offsets fit one byte");
_Static_assert(sizeof(struct wire_leave) <= UINT8_MAX, "offsets fit one byte");
_Static_assert(sizeof(struct wire_perf) <= UINT8_MAX, "offsets fit one byte");
_Static_assert(sizeof(struct wire_kv_cache) <= UINT8_MAX, "offsets fit one byte");
_Static_assert(sizeof(struct wire_zones) <= UINT8_MAX, "offsets fit one byte");
_Static_assert(sizeof(struct wire_sentinel) <= UINT8_MAX, "offsets fit one byte");
_Static_assert(sizeof(struct wire_sampling_state) <= UINT8_MAX, "offsets fit one byte");
_Static_assert(sizeof(struct wire_zone) <= UINT8_MAX, "offsets fit one byte");
_Static_assert(sizeof(struct wire_model) <= UINT8_MAX, "offsets fit one byte");
_Static_assert(sizeof(struct wire_tokenizer_state) <= UINT8_MAX, "offsets fit one byte");
_Static_assert(sizeof(struct wire_cpu) <= UINT8_MAX, "offsets fit one byte");
_Static_assert(sizeof(struct wire_version) <= UINT8_MAX, "offsets fit one byte");
_Static_assert(sizeof(struct wire_load) <= UINT8_MAX, "offsets fit one byte");
_Static_assert(sizeof(struct wire_bench) <= UINT8_MAX, "offsets fit one byte");
_Static_assert(sizeof(struct wire_host_hello) <= UINT8_MAX, "offsets fit one byte");
_Static_assert(sizeof(struct wire_request) <= UINT8_MAX, "offsets fit one byte");

const struct wire_operation wire_operations[WIRE_OP_COUNT] = {
    {0, 1}, /* ping */
    {0, 1}, /* info */
    {WIRE_ARGUMENT_STREAM, 1}, /* stat */
    {0, 0}, /* dict */
    {WIRE_ARGUMENT_STREAM | WIRE_ARGUMENT_RATE, 1}, /* sub */
    {0, 1}, /* log */
    {WIRE_ARGUMENT_GENERATION | WIRE_ARGUMENT_INDEX | WIRE_ARGUMENT_COUNT, 1}, /* tok */
    {WIRE_ARGUMENT_COUNT, 1}, /* prob */
    {WIRE_ARGUMENT_TEXT, 1}, /* word */
    {WIRE_ARGUMENT_OF | WIRE_ARGUMENT_INDEX | WIRE_ARGUMENT_COUNT, 0}, /* out */
    {0, 1}, /* last */
    {WIRE_ARGUMENT_TEXT | WIRE_ARGUMENT_OFFSET, 0}, /* text */
    {WIRE_ARGUMENT_TEXT, 0}, /* gen */
    {WIRE_ARGUMENT_TEXT, 0}, /* run */
    {0, 1}, /* stop */
    {WIRE_ARGUMENT_PARAMETER | WIRE_ARGUMENT_VALUE, 1}, /* set */
    {WIRE_ARGUMENT_PARAMETER, 1}, /* get */
    {WIRE_ARGUMENT_TEXT, 0}, /* open */
    {WIRE_ARGUMENT_OFFSET | WIRE_ARGUMENT_COUNT, 1}, /* data */
    {0, 1}, /* close */
    {0, 0}, /* bye */
    {0, 0}, /* reboot */
};

const char wire_dictionary[] =
    "LLP 1 0 5cb79851\n"
    "H p:u r:u sch:h boot:h m:f n:p? wi:u wb:u mx:u br:u v:p\n"
    "R id:u ok:f t:u? n:u? v:p? g:u? busy:f? e:e? f:w? z:u? crc:h? m:p?\n"
    "T g:u i:u p:u? x:f? t:u id:u cy:u s:s\n"
    "C g:u i:u dr:u? te:m p:m r:u c:l? m:l b:u? w:f? u:u? a:p\n"
    "W id:u s:s\n"
    "F g:u t:u why:e n:u pn:u pu:u du:u kv:u tn:u dm:u? rd:u?\n"
    "E n:u t:u lv:e c:e a:e? p:h? z:u? m:p\n"
    "O id:u i:u s:s\n"
    "D id:u o:u d:s\n"
    "K c:u w:u b:e? g:u? i:u? n:u? e:u?\n"
    "X oe:u fe:u bi:u crc:u lng:u bad:u dr:u\n"
    "B why:e\n"
    "S perf t:u n:u? dr:u? ph:e g:u tok:u us:u pd:u pn:u rate:m dm:u? rd:u?\n"
    "S kv t:u n:u? dr:u? rows:u cap:u rb:u ts:l? g:u?\n"
    "S zones t:u n:u? dr:u? w:l kv:l sc:l ac:l zc:l kp:l\n"
    "S sent t:u n:u? dr:u? st:e strict:f er:e ph:e pc:u pb:u pp:f po:u dc:u db:u dp:f do:u pct:l?\n"
    "S samp t:u n:u? dr:u? temp:m minp:m topp:m topk:u ngram:u repeat:m max:u seed:u\n"
    "S zone t:u n:u? dr:u? a:e base:h size:u used:u peak:u ro:f gd:f tag:p? last:u?\n"
    "S model t:u n:u? dr:u? file:p? fmt:p? gs:u? dim:u? hid:u? lay:u? hd:u? kvh:u? voc:u? seq:u? shared:f? par:u? by:u?\n"
    "S tok t:u n:u? dr:u? file:p? voc:u? len:u?\n"
    "S cpu t:u n:u? dr:u? brand:p lv:p best:p pin:f? hz:u src:p ppm:u inv:f np:u? nu:u?\n"
    "S ver t:u n:u? dr:u? v:p port:p mach:p boot:h sch:h\n"
    "S load t:u n:u? dr:u? file:p done:u all:u ms:u\n"
    "S bench t:u n:u? dr:u? lv:p? nu:u? w:u? cb:u? rd:u? row:u? dt:m? dm:u? dc:u? pt:m? pm:u? pc:u?\n"
    "h p:u sid:h n:p\n"
    "q id:u op:w k:e? par:w? v:p? s:s? o:u? hz:u? lv:e? g:u? i:u? n:u? of:u?\n"
    "ops ping info stat dict sub log tok prob word out last text gen run stop set get open data close bye reboot\n";
