#include "sampler.h"

#include "kernels.h"

#include <stdbool.h>

#define MILLION 1000000.0f
#define PENALTY_WINDOW 64u
#define MINUS_INFINITY (-__builtin_inff())

struct candidate {
    float probability;
    uint32_t id;
};

void sampler_seed(struct sampler *sampler, uint64_t seed)
{
    sampler->state = seed != 0 ? seed : 0x9e3779b97f4a7c15u; /* xorshift never leaves zero */
}

uint64_t sampler_need(uint32_t vocab_size)
{
    return ((uint64_t)vocab_size + 8) * sizeof(struct candidate);
}

/* xorshift*, 24 bits of the upper half: the generator of llama2.c, so that a seed gives the same draws. */
static float draw(struct sampler *sampler)
{
    sampler->state ^= sampler->state >> 12;
    sampler->state ^= sampler->state << 25;
    sampler->state ^= sampler->state >> 27;
    uint32_t upper = (uint32_t)((sampler->state * 0x2545f4914f6cdd1du) >> 32);
    return (float)(upper >> 8) / 16777216.0f;
}

/* Every token that would complete a run of `length` tokens which this turn already has. */
static void ban_repeats(float *logits, uint32_t vocab_size, uint32_t length, const uint32_t *turn, size_t count)
{
    if (length == 0 || count < length)
        return;
    const uint32_t *tail = turn + count - (length - 1);
    for (size_t start = 0; start + length <= count; start++) {
        uint32_t same = 0;
        while (same < length - 1 && turn[start + same] == tail[same])
            same++;
        if (same == length - 1 && turn[start + same] < vocab_size)
            logits[turn[start + same]] = MINUS_INFINITY;
    }
}

static void penalise(float *logits, uint32_t vocab_size, float penalty, const uint32_t *turn, size_t count)
{
    size_t first = count > PENALTY_WINDOW ? count - PENALTY_WINDOW : 0;
    for (size_t i = first; i < count; i++) {
        bool seen = turn[i] >= vocab_size;
        for (size_t earlier = first; earlier < i && !seen; earlier++)
            seen = turn[earlier] == turn[i];
        if (!seen) {
            float *logit = logits + turn[i];
            *logit = *logit > 0 ? *logit / penalty : *logit * penalty;
        }
    }
}

static uint32_t most_likely(const float *logits, uint32_t vocab_size)
{
    uint32_t best = 0;
    for (uint32_t id = 1; id < vocab_size; id++)
        if (logits[id] > logits[best])
            best = id;
    return best;
}

/* Logits become the probabilities of softmax(logits / temperature). */
static void to_probabilities(float *logits, uint32_t vocab_size, float temperature, float *work)
{
    float most = logits[most_likely(logits, vocab_size)], sum = 0;
    for (uint32_t id = 0; id < vocab_size; id++)
        work[id] = (logits[id] - most) / temperature;
    for (uint32_t id = vocab_size; id % 8 != 0; id++)
        work[id] = 0;
    kernels_sse2.exponential(work, (vocab_size + 7) / 8 * 8);
    for (uint32_t id = 0; id < vocab_size; id++) {
        work[id] = logits[id] == MINUS_INFINITY ? 0 : work[id]; /* a banned token has no chance at all */
        sum = sum + work[id];
    }
    for (uint32_t id = 0; id < vocab_size; id++)
        logits[id] = work[id] / sum;
}

/* Before: more likely, or as likely and of a lower id. */
static bool before(const struct candidate *a, const struct candidate *b)
{
    return a->probability > b->probability || (a->probability == b->probability && a->id < b->id);
}

static void sift_down(struct candidate *heap, uint32_t count, uint32_t at)
{
    struct candidate moved = heap[at];
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= count)
            break;
        if (child + 1 < count && before(&heap[child + 1], &heap[child]))
            child++;
        if (!before(&heap[child], &moved))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
}

/* Keeps what min_p lets through, then takes the likeliest one after the other from a heap until top_k or top_p is reached.
 * The chosen ones end at the end of the array, the likeliest last. Returns how many; `ret_mass` is their probability in all. */
static uint32_t choose_candidates(const struct sampling *settings, const float *probabilities, uint32_t vocab_size,
                                  struct candidate *heap, uint32_t *ret_kept, float *ret_mass)
{
    float least = probabilities[most_likely(probabilities, vocab_size)] * ((float)settings->min_p / MILLION);
    uint32_t kept = 0, limit = settings->top_k != 0 ? settings->top_k : vocab_size, chosen = 0;
    for (uint32_t id = 0; id < vocab_size; id++)
        if (probabilities[id] >= least && probabilities[id] > 0)
            heap[kept++] = (struct candidate){probabilities[id], id};
    for (uint32_t at = kept / 2; at-- > 0;)
        sift_down(heap, kept, at);
    float mass = 0, enough = (float)settings->top_p / MILLION;
    while (chosen < kept && chosen < limit) {
        struct candidate next = heap[0];
        uint32_t rest = kept - ++chosen;
        heap[0] = heap[rest];
        sift_down(heap, rest, 0);
        heap[rest] = next;
        mass = mass + next.probability;
        if (settings->top_p < 1000000 && mass > enough)
            break;
    }
    *ret_kept = kept;
    *ret_mass = mass;
    return chosen;
}

uint32_t sampler_choose(struct sampler *sampler, const struct sampling *settings, float *logits, uint32_t vocab_size,
                        const uint32_t *turn, size_t turn_count, void *work)
{
    for (uint32_t id = 0; id < vocab_size; id++)
        if (logits[id] != logits[id])
            logits[id] = MINUS_INFINITY;
    ban_repeats(logits, vocab_size, settings->no_repeat_ngram, turn, turn_count);
    if (settings->repeat_penalty != 1000000)
        penalise(logits, vocab_size, (float)settings->repeat_penalty / MILLION, turn, turn_count);
    if (settings->temperature == 0)
        return most_likely(logits, vocab_size);
    to_probabilities(logits, vocab_size, (float)settings->temperature / MILLION, work);
    float coin = draw(sampler);
    if (settings->min_p == 0 && settings->top_k == 0 && settings->top_p >= 1000000) {
        float sum = 0; /* nothing is cut: in order of the ids, as llama2.c draws */
        for (uint32_t id = 0; id < vocab_size; id++) {
            sum = sum + logits[id];
            if (coin < sum)
                return id;
        }
        return most_likely(logits, vocab_size);
    }
    struct candidate *heap = work;
    uint32_t kept;
    float mass, sum = 0;
    uint32_t chosen = choose_candidates(settings, logits, vocab_size, heap, &kept, &mass);
    for (uint32_t i = 0; i < chosen; i++) {
        sum = sum + heap[kept - 1 - i].probability;
        if (coin * mass < sum)
            return heap[kept - 1 - i].id;
    }
    return chosen > 0 ? heap[kept - chosen].id : most_likely(logits, vocab_size);
}
