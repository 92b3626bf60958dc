/* requests_sampler.c - each stage of the sampler alone, and all together. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

/* The payload is VOCAB floats and then ids; both are changed in place. */
struct subject {
    float *values;
    uint32_t vocab;
    const uint32_t *turn;
    size_t turn_count;
    void *work;
};

static void stage_request(const struct request *r, const struct subject *s)
{
    uint32_t setting = (uint32_t)r->arguments[1];
    if (strcmp(r->name, "ban") == 0)
        sampler_ban_ngrams(s->values, s->vocab, setting, s->turn, s->turn_count);
    else if (strcmp(r->name, "penalise") == 0)
        sampler_penalise(s->values, s->vocab, setting, s->turn, s->turn_count);
    else
        sampler_softmax(s->values, s->vocab, setting, s->work);
    reply("ok", s->values, s->vocab * sizeof(float));
}

/* "top VOCAB MIN_P TOP_K TOP_P": pairs of probability and id. */
static void top_request(const struct request *r, const struct subject *s)
{
    struct sampler_candidate *candidates = s->work;
    uint32_t count = sampler_min_p(s->values, s->vocab, (uint32_t)r->arguments[1], candidates);
    count = sampler_top(candidates, count, (uint32_t)r->arguments[2], (uint32_t)r->arguments[3]);
    reply("ok", candidates, count * sizeof *candidates);
}

/* "choose VOCAB TEMPERATURE MIN_P TOP_P TOP_K NGRAM PENALTY": one id. */
static void choose_request(struct harness *h, const struct request *r, const struct subject *s)
{
    struct sampling settings = {.temperature = (uint32_t)r->arguments[1],
                                .min_p = (uint32_t)r->arguments[2],
                                .top_p = (uint32_t)r->arguments[3],
                                .top_k = (uint32_t)r->arguments[4],
                                .no_repeat_ngram = (uint32_t)r->arguments[5],
                                .repeat_penalty = (uint32_t)r->arguments[6]};
    uint32_t id = sampler_choose(&h->sampler, &settings, s->values, s->vocab, s->turn, s->turn_count, s->work, NULL);
    reply("ok", &id, sizeof id);
}

static void seed_request(struct harness *h, const struct request *r)
{
    float values[16];
    sampler_seed(&h->sampler, r->arguments[0]);
    struct sampler copy = h->sampler;
    for (unsigned i = 0; i < 16; i++)
        values[i] = sampler_random(&copy);
    reply("ok", values, sizeof values);
}

bool harness_sampler(struct harness *h, const struct request *r)
{
    static const char *const stages[] = {"ban", "penalise", "softmax", "top", "choose"};
    bool known = false;
    if (strcmp(r->name, "seed") == 0) { /* the next sixteen numbers, without using them up */
        seed_request(h, r);
        return true;
    }
    for (unsigned i = 0; i < sizeof stages / sizeof stages[0]; i++)
        known = known || strcmp(r->name, stages[i]) == 0;
    if (!known)
        return false;
    struct subject s = {.values = (float *)(void *)r->payload, .vocab = (uint32_t)r->arguments[0]};
    s.turn = (const uint32_t *)(const void *)(r->payload + s.vocab * sizeof(float));
    s.turn_count = (r->bytes - s.vocab * sizeof(float)) / sizeof(uint32_t);
    s.work = malloc((size_t)sampler_need(s.vocab));
    if (s.work == NULL)
        abort();
    if (strcmp(r->name, "top") == 0)
        top_request(r, &s);
    else if (strcmp(r->name, "choose") == 0)
        choose_request(h, r, &s);
    else
        stage_request(r, &s);
    free(s.work);
    return true;
}
