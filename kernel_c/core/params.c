/* params.c - one validator and one way in for every parameter, whoever sets it. */
#include "params.h"

#include "kernel.h"
#include "notices.h"
#include "number.h"

#define SHOWN_VALUE_BYTES 40 /* of a refused value, in the error */

void params_defaults(struct params *params)
{
    for (unsigned i = 0; i < PARAM_COUNT; i++)
        params->values[i] = param_specs[i].initial;
    struct text model;
    text_init(&model, params->model, sizeof params->model);
    text_string(&model, param_specs[PARAM_MODEL].initial_text);
}

enum param_id param_find(const char *name, size_t length, bool aliases)
{
    for (unsigned i = 0; i < PARAM_COUNT; i++) {
        if (string_is(param_specs[i].name, name, length))
            return (enum param_id)i;
        for (const char *const *alias = param_specs[i].aliases; aliases && alias != NULL && *alias != NULL; alias++) {
            if (string_is(*alias, name, length))
                return (enum param_id)i;
        }
    }
    return PARAM_COUNT;
}

uint64_t param_maximum(const struct kernel *kernel, enum param_id id)
{
    const struct param_spec *spec = &param_specs[id];
    if ((spec->flags & PARAM_BOUNDED_BY_CONTEXT) == 0)
        return spec->maximum;
    if (!kernel->model_loaded)
        return kernel->chat.phase == WIRE_PHASE_LOAD ? UINT32_MAX
                                                     : spec->maximum; /* while loading the bound is not known yet */
    return kernel->engine.config.seq_len > spec->maximum ? kernel->engine.config.seq_len : spec->maximum;
}

static void format_value(const struct param_spec *spec, uint64_t value, struct text *text)
{
    switch (spec->kind) {
    case PARAM_KIND_MICRO:
        text_micro(text, value, 0);
        break;
    case PARAM_KIND_CHOICE:
        text_string(text, spec->choices[value]);
        break;
    default:
        text_format(text, "%llu", (unsigned long long)value);
        break;
    }
}

void param_format(const struct kernel *kernel, enum param_id id, struct text *text)
{
    if (param_specs[id].kind == PARAM_KIND_NAME)
        text_string(text, kernel->params.model[0] != '\0' ? kernel->params.model : "(none)");
    else
        format_value(&param_specs[id], kernel->params.values[id], text);
}

static void range_end(const struct param_spec *spec, uint64_t value, struct text *text)
{
    format_value(spec, value, text);
    if ((spec->flags & PARAM_HAS_OFF) != 0 && spec->off == value)
        text_string(text, " (off)");
}

void param_range(const struct kernel *kernel, enum param_id id, struct text *text)
{
    const struct param_spec *spec = &param_specs[id];
    switch (spec->kind) {
    case PARAM_KIND_NAME:
        text_format(text, "a file name of at most %u characters", PARAM_NAME_BYTES - 1u);
        break;
    case PARAM_KIND_FLAG:
        text_string(text, "0 or 1");
        break;
    case PARAM_KIND_CHOICE:
        for (unsigned i = 0; spec->choices[i] != NULL; i++) {
            if (i > 0)
                text_string(text, spec->choices[i + 1] == NULL ? " or " : ", ");
            text_string(text, spec->choices[i]);
        }
        break;
    default:
        range_end(spec, spec->minimum, text);
        text_string(text, " to ");
        range_end(spec, param_maximum(kernel, id), text);
        break;
    }
}

static bool refuse(const struct kernel *kernel, enum param_id id, enum error_code code, const char *value,
                   size_t length, struct error *error)
{
    char range[96];
    struct text text;
    text_init(&text, range, sizeof range);
    param_range(kernel, id, &text);
    size_t shown = length > SHOWN_VALUE_BYTES ? SHOWN_VALUE_BYTES : length;
    return error_set(error, code, "%s cannot be \"%.*s\": expected %s", param_specs[id].name, (int)shown, value, range);
}

static bool parse_choice(const struct param_spec *spec, const char *value, size_t length, uint64_t *ret_value)
{
    for (unsigned i = 0; spec->choices[i] != NULL; i++) {
        if (string_is(spec->choices[i], value, length)) {
            *ret_value = i;
            return true;
        }
    }
    return false;
}

static bool name_acceptable(const char *value, size_t length)
{
    if (length == 0 || length >= PARAM_NAME_BYTES)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (value[i] <= ' ' || value[i] > '~')
            return false;
    }
    return true;
}

static enum cpu_level chosen_level(const struct kernel *kernel, uint64_t choice)
{
    switch (choice) {
    case PARAM_ATTN_SSE2:
        return CPU_SSE2;
    case PARAM_ATTN_AVX2:
        return CPU_AVX2;
    case PARAM_ATTN_AVX512:
        return CPU_AVX512;
    case PARAM_ATTN_AVX512_VNNI:
        return CPU_AVX512_VNNI;
    case PARAM_ATTN_REFERENCE:
        return CPU_REFERENCE;
    default:
        return kernel->cpu.best;
    }
}

static bool level_available(const struct kernel *kernel, uint64_t choice, struct error *error)
{
    enum cpu_level level = chosen_level(kernel, choice);
    uint32_t missing = cpu_missing(&kernel->cpu, level);
    char list[112];
    struct text text;
    if (missing == 0)
        return true;
    text_init(&text, list, sizeof list);
    cpu_list_features(missing, &text);
    return error_set(error, ERROR_RANGE, "attn cannot be %s: this processor or system has no %s; best is %s",
                     cpu_level_name(level), list, cpu_level_name(kernel->cpu.best));
}

bool param_parse(const struct kernel *kernel, enum param_id id, const char *value, size_t length, uint64_t *ret_value,
                 struct error *error)
{
    const struct param_spec *spec = &param_specs[id];
    *ret_value = 0;
    switch (spec->kind) {
    case PARAM_KIND_NAME:
        return name_acceptable(value, length) || refuse(kernel, id, ERROR_ARG, value, length, error);
    case PARAM_KIND_CHOICE:
        if (!parse_choice(spec, value, length, ret_value))
            return refuse(kernel, id, ERROR_RANGE, value, length, error);
        return id != PARAM_ATTN || level_available(kernel, *ret_value, error);
    case PARAM_KIND_MICRO:
        if (!number_micro(value, length, ret_value))
            return refuse(kernel, id, ERROR_ARG, value, length, error);
        break;
    default:
        if (!number_u64(value, length, ret_value))
            return refuse(kernel, id, ERROR_ARG, value, length, error);
        break;
    }
    if (*ret_value < spec->minimum || *ret_value > param_maximum(kernel, id))
        return refuse(kernel, id, ERROR_RANGE, value, length, error);
    return true;
}

/* Now and not with the next pass, so that what is told of them is of this number. Within a pass nothing can change. */
static void send_for_processors(struct kernel *kernel)
{
    if (!kernel->model_loaded || kernel->chat.phase != WIRE_PHASE_IDLE)
        return;
    workers_prepare(&kernel->workers, &kernel->engine, (uint32_t)kernel->params.values[PARAM_THREADS]);
    workers_pass_done();
    notices_log_processors(kernel);
}

/* What a value changes elsewhere, and the record in which the line shows it. */
static void apply(struct kernel *kernel, enum param_id id)
{
    uint64_t value = kernel->params.values[id];
    switch (id) {
    case PARAM_SEED:
        sampler_seed(&kernel->sampler, value);
        break;
    case PARAM_ATTN:
        kernel->engine.level = chosen_level(kernel, value);
        if (kernel->model_loaded)
            engine_set_level(&kernel->engine, kernel->engine.level);
        sentinel_relearn(&kernel->sentinel);
        bench_forget(kernel);
        link_changed(kernel, WIRE_STREAM_CPU);
        break;
    case PARAM_THREADS:
        sentinel_relearn(&kernel->sentinel);
        bench_forget(kernel);
        send_for_processors(kernel);
        link_changed(kernel, WIRE_STREAM_CPU);
        break;
    case PARAM_BUDGET_PREFILL:
    case PARAM_BUDGET_DECODE:
        sentinel_pin(&kernel->sentinel,
                     id == PARAM_BUDGET_PREFILL ? WIRE_SENTINEL_PHASE_PREFILL : WIRE_SENTINEL_PHASE_DECODE, value);
        link_changed(kernel, WIRE_STREAM_SENTINEL);
        break;
    case PARAM_STRICT_BUDGET:
        kernel->sentinel.strict = value != 0;
        link_changed(kernel, WIRE_STREAM_SENTINEL);
        break;
    default:
        break;
    }
    if ((param_specs[id].flags & PARAM_SAMPLING) != 0)
        link_changed(kernel, WIRE_STREAM_SAMPLING);
}

bool param_set(struct kernel *kernel, enum param_id id, const char *value, size_t length, enum param_source source,
               struct error *error)
{
    uint64_t parsed;
    if (!param_parse(kernel, id, value, length, &parsed, error))
        return false;
    if (param_specs[id].kind == PARAM_KIND_NAME) {
        struct text name;
        text_init(&name, kernel->params.model, sizeof kernel->params.model);
        text_bytes(&name, value, length);
    }
    kernel->params.values[id] = parsed;
    apply(kernel, id);
    /* A moved slider makes many small steps: they are seen in the sampling record, the ring is for rarer things. */
    if (source == PARAM_FROM_FILE || (param_specs[id].flags & PARAM_SAMPLING) == 0) {
        char message[LOG_MESSAGE_BYTES];
        struct text text;
        text_init(&text, message, sizeof message);
        text_format(&text, "%s=", param_specs[id].name);
        param_format(kernel, id, &text);
        log_event(kernel, WIRE_LOG_LEVEL_INFO, WIRE_LOG_CODE_PARAM, WIRE_ARENA_NONE, (uint64_t)id, parsed, message);
    }
    return true;
}

void params_apply_to_model(struct kernel *kernel)
{
    apply(kernel, PARAM_ATTN);
    uint64_t most = param_maximum(kernel, PARAM_MAX_TOKENS);
    if (kernel->params.values[PARAM_MAX_TOKENS] <= most)
        return;
    console_print(kernel, "max_tokens is %llu, the most that this model's context allows\n", (unsigned long long)most);
    log_event(kernel, WIRE_LOG_LEVEL_WARN, WIRE_LOG_CODE_PARAM, WIRE_ARENA_NONE,
              kernel->params.values[PARAM_MAX_TOKENS], most, "max_tokens reduced to the context");
    kernel->params.values[PARAM_MAX_TOKENS] = most;
    link_changed(kernel, WIRE_STREAM_SAMPLING);
}

void params_sampling(const struct params *params, struct sampling *ret_sampling)
{
    *ret_sampling = (struct sampling){
        .temperature = (uint32_t)params->values[PARAM_TEMP],
        .min_p = (uint32_t)params->values[PARAM_MIN_P],
        .top_p = (uint32_t)params->values[PARAM_TOP_P],
        .top_k = (uint32_t)params->values[PARAM_TOP_K],
        .no_repeat_ngram = (uint32_t)params->values[PARAM_NOREPEAT],
        .repeat_penalty = (uint32_t)params->values[PARAM_REPEAT],
        .max_tokens = (uint32_t)params->values[PARAM_MAX_TOKENS],
        .seed = params->values[PARAM_SEED],
    };
}
