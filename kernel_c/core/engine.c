#include "engine.h"

#include "engine_pass.h"

#define SHARED_PRODUCTS 32768u /* multiply-adds of an average phase: some microseconds, of which meeting takes 0.6 */
#define SPLIT_POSITIONS 128u   /* a shorter context is not worth a phase more */

void engine_reset_buffers(struct engine *engine)
{
    model_layout_buffers(&engine->config, engine->memory.acts, &engine->buffers);
}

void engine_set_level(struct engine *engine, enum cpu_level level)
{
    engine->level = level;
}

bool engine_worth_sharing(const struct engine *engine)
{
    const struct model_config *c = &engine->config;
    return c->parameters / (5 * c->n_layers + 1) >= SHARED_PRODUCTS;
}

/* The steps of a layer, ended by NULL. */
#define STEPS_MOST 10u
static engine_step *const one_token[STEPS_MOST] = {step_qkv, step_attend, step_output, step_gate_up, step_down};
static engine_step *const one_token_few_heads[STEPS_MOST] = {step_qkv,    step_scores,  step_mix,
                                                             step_output, step_gate_up, step_down};
static engine_step *const float_tokens[STEPS_MOST] = {step_attention_input, step_qkv,     step_attend, step_output,
                                                      step_feed_input,      step_gate_up, step_down};
static engine_step *const int8_tokens[STEPS_MOST] = {step_attention_input, step_qkv,        step_attend,
                                                     step_output_input,    step_output,     step_feed_input,
                                                     step_gate_up,         step_down_input, step_down};

static engine_step *const *steps_for(const struct engine *engine)
{
    const struct engine_pass *pass = &engine->pass;
    if (pass->count > 1)
        return engine->config.group == 0 ? float_tokens : int8_tokens;
    bool few = engine->sharing != NULL && engine->config.n_heads < engine->sharing->processors;
    return few && pass->position >= SPLIT_POSITIONS ? one_token_few_heads : one_token;
}

static uint32_t steps_until(engine_step *const *steps, engine_step *end)
{
    uint32_t count = 0;
    while (steps[count] != end)
        count++;
    return count;
}

/* The last layer's keys and values are all that a pass without logits leaves; with them the classifier follows. */
static uint32_t phases_of(const struct engine *engine)
{
    const struct engine_pass *pass = &engine->pass;
    if (pass->want_logits)
        return engine->config.n_layers * pass->steps_count + 1;
    return (engine->config.n_layers - 1) * pass->steps_count + steps_until(pass->steps, step_qkv) + 1;
}

static bool run_phase(const void *argument, uint32_t phase, struct engine_share *share)
{
    const struct engine *engine = argument;
    const struct engine_pass *pass = &engine->pass;
    uint32_t layer = phase / pass->steps_count, step = phase % pass->steps_count;
    if (step == 0 && !share_look(share))
        return false;
    return layer < engine->config.n_layers ? pass->steps[step](engine, layer, share) : classify(engine, share);
}

static bool poll(void *context)
{
    const struct engine *engine = context;
    return engine->poll == NULL || engine->poll(engine->poll_context);
}

bool engine_run(const struct engine *engine, engine_work *work, const void *argument, uint32_t phases)
{
    struct engine_share alone = {.of = 1, .look = poll, .context = (void *)(uintptr_t)engine};
    bool on = true;
    if (engine->sharing != NULL)
        return engine->sharing->run(engine->sharing->context, work, argument, phases);
    for (uint32_t phase = 0; on && phase < phases; phase++)
        on = work(argument, phase, &alone);
    return on && share_look(&alone);
}

float *engine_prefill(struct engine *engine, const uint32_t *tokens, uint32_t count, uint32_t position,
                      bool want_logits)
{
    const struct model_config *c = &engine->config;
    struct engine_pass *pass = &engine->pass;
    struct engine_cache cache;
    if (count == 0 || count > pass_tokens(c) || position >= c->seq_len || count > c->seq_len - position)
        return NULL;
    for (uint32_t i = 0; i < count; i++)
        if (tokens[i] >= c->vocab_size)
            return NULL;
    model_layout_cache(c, engine->memory.kv, &cache);
    *pass = (struct engine_pass){.kernels = kernels_for(engine->level),
                                 .keys = cache.keys,
                                 .values = cache.values,
                                 .tokens = tokens,
                                 .position = position,
                                 .count = count,
                                 .want_logits = want_logits};
    pass->steps = steps_for(engine);
    pass->steps_count = steps_until(pass->steps, NULL);
    if (count == 1)
        embed_token(engine, 0);
    return engine_run(engine, run_phase, engine, phases_of(engine)) ? engine->buffers.logits : NULL;
}

float *engine_forward(struct engine *engine, uint32_t token, uint32_t position, bool want_logits)
{
    return engine_prefill(engine, &token, 1, position, want_logits);
}
