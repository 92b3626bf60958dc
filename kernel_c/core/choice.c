/* choice.c - looks at the logits between the stages of the sampler. */
#include "choice.h"

#include "kernels.h"
#include "sampler.h"

#define MINUS_INFINITY (-__builtin_inff())

static uint32_t count_banned(const float *logits, uint32_t vocab_size)
{
    uint32_t count = 0;
    for (uint32_t id = 0; id < vocab_size; id++)
        count += logits[id] == MINUS_INFINITY;
    return count;
}

void choice_before(struct choice *choice, const float *logits, uint32_t vocab_size)
{
    choice->raw_best = sampler_argmax(logits, vocab_size);
    choice->banned = count_banned(logits, vocab_size);
}

static bool seen(uint32_t id, const uint32_t *turn, size_t turn_count)
{
    size_t first = sampler_window(turn_count);
    for (size_t i = first; i < turn_count; i++)
        if (turn[i] == id)
            return true;
    return false;
}

static void find_likeliest(struct choice *choice, const float *logits, uint32_t vocab_size)
{
    struct choice_token *list = choice->likeliest;
    float least = MINUS_INFINITY; /* a token of the list is above this one: most ids are done with one comparison */
    choice->count = 0;
    for (uint32_t id = 0; id < vocab_size; id++) {
        float logit = logits[id];
        if (logit <= least)
            continue;
        uint32_t at = choice->count < choice->most ? choice->count++ : choice->most - 1;
        for (; at > 0 && list[at - 1].logit < logit; at--)
            list[at] = list[at - 1];
        list[at] = (struct choice_token){.id = id, .logit = logit};
        if (choice->count == choice->most)
            least = list[choice->most - 1].logit;
    }
}

/* The shares at the highest temperature: with those at the one in force they bound what the tokens outside the list
 * have together at any temperature between. */
static void find_hot_shares(struct choice *choice, const float *logits, uint32_t vocab_size, float *powers)
{
    const float divisor = (float)CHOICE_HOT / (float)SAMPLER_MILLION;
    float most = choice->likeliest[0].logit;
    double sum = 0;
    for (uint32_t id = 0; id < vocab_size; id++) {
        float below = (logits[id] - most) / divisor;
        powers[id] = below == below ? below : 0; /* both are infinite */
    }
    for (uint32_t id = vocab_size; id % 8 != 0; id++)
        powers[id] = 0;
    kernels_sse2.exponential(powers, (vocab_size + 7) / 8 * 8);
    for (uint32_t id = 0; id < vocab_size; id++)
        sum += logits[id] == MINUS_INFINITY ? 0 : (double)powers[id];
    for (uint32_t i = 0; i < choice->count; i++)
        choice->likeliest[i].hot = (float)((double)powers[choice->likeliest[i].id] / sum);
}

void choice_ruled(struct choice *choice, const struct sampling *settings, const float *logits, uint32_t vocab_size,
                  const uint32_t *turn, size_t turn_count, void *work)
{
    choice->temperature = settings->temperature;
    choice->cut = settings->temperature != 0;
    choice->weakened = settings->repeat_penalty != SAMPLER_MILLION; /* for now: whether it could be */
    choice->banned = count_banned(logits, vocab_size) - choice->banned;
    find_likeliest(choice, logits, vocab_size);
    for (uint32_t i = 0; i < choice->count; i++)
        choice->likeliest[i].weakened = choice->weakened && seen(choice->likeliest[i].id, turn, turn_count);
    find_hot_shares(choice, logits, vocab_size, work);
}

void choice_made(struct choice *choice, const float *probabilities, uint32_t vocab_size, uint32_t id,
                 const uint32_t *turn, size_t turn_count)
{
    choice->share = probabilities[id];
    choice->weakened = choice->weakened && seen(id, turn, turn_count);
    choice->rank = 0;
    for (uint32_t i = 0; i < choice->count; i++) {
        choice->likeliest[i].share = probabilities[choice->likeliest[i].id];
        if (choice->likeliest[i].id == id)
            choice->rank = i + 1;
    }
    if (choice->rank != 0)
        return;
    choice->rank = 1;
    for (uint32_t other = 0; other < vocab_size; other++)
        choice->rank += probabilities[other] > choice->share || (probabilities[other] == choice->share && other < id);
}

uint32_t choice_below(const struct choice *choice, uint32_t rank)
{
    float first = choice->likeliest[0].logit, logit = choice->likeliest[rank].logit;
    float steps = first == logit ? 0 : (first - logit) * CHOICE_STEPS; /* also when both are infinite */
    return steps < (float)CHOICE_MOST_STEPS ? (uint32_t)(steps + 0.5f) : CHOICE_MOST_STEPS;
}
