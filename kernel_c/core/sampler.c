#include "sampler.h"

#include "choice.h"
#include "kernels.h"
#include "tokenizer.h"

#include <emmintrin.h>
#include <stdbool.h>

#define MINUS_INFINITY (-__builtin_inff())
#define SOME_TOKENS 64u /* a multiple of 8 */

void sampler_seed(struct sampler *sampler, uint64_t seed)
{
    sampler->state = seed != 0 ? seed : 0x9e3779b97f4a7c15u; /* xorshift never leaves zero */
}

/* xorshift*, the generator of llama2.c. */
float sampler_random(struct sampler *sampler)
{
    sampler->state ^= sampler->state >> 12;
    sampler->state ^= sampler->state << 25;
    sampler->state ^= sampler->state >> 27;
    uint32_t upper = (uint32_t)((sampler->state * 0x2545f4914f6cdd1du) >> 32);
    return (float)(upper >> 8) / 16777216.0f;
}

uint64_t sampler_need(uint32_t vocab_size)
{
    return ((uint64_t)vocab_size + 8) * sizeof(struct sampler_candidate);
}

void sampler_ban_ngrams(float *logits, uint32_t vocab_size, uint32_t length, const uint32_t *turn, size_t turn_count)
{
    if (length == 0 || turn_count < length)
        return;
    const uint32_t *tail = turn + turn_count - (length - 1); /* what the next token would follow */
    for (size_t start = 0; start + length <= turn_count; start++) {
        uint32_t same = 0;
        while (same < length - 1 && turn[start + same] == tail[same])
            same++;
        uint32_t next = turn[start + length - 1];
        if (same == length - 1 && next < vocab_size)
            logits[next] = MINUS_INFINITY;
    }
}

void sampler_penalise(float *logits, uint32_t vocab_size, uint32_t penalty, const uint32_t *turn, size_t turn_count)
{
    float factor = (float)penalty / (float)SAMPLER_MILLION;
    size_t first = sampler_window(turn_count);
    for (size_t i = first; i < turn_count; i++) {
        bool skip = turn[i] >= vocab_size;
        for (size_t earlier = first; earlier < i && !skip; earlier++)
            skip = turn[earlier] == turn[i];
        if (!skip) {
            float *logit = logits + turn[i];
            *logit = *logit > 0 ? *logit / factor : *logit * factor;
        }
    }
}

/* NaN never is it, unless it is the first: then it stays, and no value equals it. */
static float highest(const float *values, uint32_t count)
{
    __m128 most4 = _mm_set1_ps(values[0]), most4b = most4;
    uint32_t i = 0;
    for (; i + 8 <= count; i += 8) {
        most4 = _mm_max_ps(_mm_loadu_ps(values + i), most4);
        most4b = _mm_max_ps(_mm_loadu_ps(values + i + 4), most4b);
    }
    most4 = _mm_max_ps(most4b, most4);
    most4 = _mm_max_ps(_mm_movehl_ps(most4, most4), most4);
    float most = _mm_cvtss_f32(_mm_max_ss(_mm_shuffle_ps(most4, most4, 1), most4));
    for (; i < count; i++)
        most = values[i] > most ? values[i] : most;
    return most;
}

uint32_t sampler_argmax(const float *values, uint32_t vocab_size)
{
    float most = highest(values, vocab_size);
    __m128 most4 = _mm_set1_ps(most);
    uint32_t id = 0;
    while (id + 4 <= vocab_size && _mm_movemask_ps(_mm_cmpeq_ps(_mm_loadu_ps(values + id), most4)) == 0)
        id += 4;
    while (id < vocab_size && values[id] != most)
        id++;
    return id < vocab_size ? id : 0;
}

/* The powers of some tokens are made just before they are added up: the additions, which wait for each other, leave the
 * processor time for the next ones. */
void sampler_softmax(float *logits, uint32_t vocab_size, uint32_t temperature, void *work)
{
    float *powers = work, divisor = (float)temperature / (float)SAMPLER_MILLION;
    float most = highest(logits, vocab_size) / divisor, sum = 0;
    for (uint32_t first = 0; first < vocab_size; first += SOME_TOKENS) {
        uint32_t last = vocab_size - first < SOME_TOKENS ? vocab_size : first + SOME_TOKENS;
        for (uint32_t id = first; id < last; id++) {
            float scaled = logits[id] / divisor;
            powers[id] = scaled == most ? 0 : scaled - most; /* an infinite highest logit would give NaN */
        }
        for (uint32_t id = last; id % 8 != 0; id++)
            powers[id] = 0;
        kernels_sse2.exponential(powers + first, (last - first + 7) / 8 * 8); /* every level gives the same bits */
        for (uint32_t id = first; id < last; id++) {
            powers[id] = logits[id] == MINUS_INFINITY ? 0 : powers[id];
            sum = sum + powers[id];
        }
    }
    for (uint32_t id = 0; id < vocab_size; id++)
        logits[id] = powers[id] / sum;
}

uint32_t sampler_min_p(const float *probabilities, uint32_t vocab_size, uint32_t min_p,
                       struct sampler_candidate *candidates)
{
    float least = highest(probabilities, vocab_size) * ((float)min_p / (float)SAMPLER_MILLION);
    uint32_t count = 0;
    for (uint32_t id = 0; id < vocab_size; id++)
        if (probabilities[id] > 0 && probabilities[id] >= least)
            candidates[count++] = (struct sampler_candidate){probabilities[id], id};
    return count;
}

static bool ranks_before(struct sampler_candidate a, struct sampler_candidate b)
{
    return a.probability > b.probability || (a.probability == b.probability && a.id < b.id);
}

/* The heap grows from the end of the array towards its front: its node i is last[-i], so what is taken off can stay in
 * front. */
static void sift_down(struct sampler_candidate *last, uint32_t count, uint32_t at)
{
    struct sampler_candidate moved = *(last - at);
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && ranks_before(*(last - child - 1), *(last - child)))
            child++;
        if (!ranks_before(*(last - child), moved))
            break;
        *(last - at) = *(last - child);
    }
    *(last - at) = moved;
}

uint32_t sampler_top(struct sampler_candidate *candidates, uint32_t count, uint32_t top_k, uint32_t top_p)
{
    uint32_t limit = top_k != 0 && top_k < count ? top_k : count, taken = 0;
    float mass = 0, enough = (float)top_p / (float)SAMPLER_MILLION;
    if (count == 0)
        return 0;
    struct sampler_candidate *last = candidates + (count - 1);
    for (uint32_t at = count / 2; at-- > 0;)
        sift_down(last, count, at);
    while (taken < limit) {
        struct sampler_candidate best = *last;
        *last = candidates[taken]; /* the heap's last node, which `best` replaces */
        candidates[taken++] = best;
        sift_down(last, count - taken, 0);
        mass = mass + best.probability;
        if (top_p < SAMPLER_MILLION && mass > enough)
            break;
    }
    return taken;
}

uint32_t sampler_draw(const struct sampler_candidate *candidates, uint32_t count, float coin)
{
    float mass = 0, sum = 0;
    for (uint32_t i = 0; i < count; i++)
        mass = mass + candidates[i].probability;
    float target = coin * mass;
    for (uint32_t i = 0; i < count; i++) {
        sum = sum + candidates[i].probability;
        if (target < sum)
            return candidates[i].id;
    }
    return candidates[count - 1].id; /* rounding */
}

/* In the order of the ids, as llama2.c draws when nothing is cut. */
static uint32_t draw_uncut(const float *probabilities, uint32_t vocab_size, float coin)
{
    float sum = 0;
    for (uint32_t id = 0; id < vocab_size; id++) {
        sum = sum + probabilities[id];
        if (coin < sum)
            return id;
    }
    return sampler_argmax(probabilities, vocab_size); /* rounding; never a banned token */
}

/* Stages 5 to 8 on probabilities. */
static uint32_t cut_and_draw(const struct sampling *settings, const float *probabilities, uint32_t vocab_size,
                             float coin, void *work, struct choice *choice)
{
    struct sampler_candidate *candidates = work;
    bool uncut = settings->min_p == 0 && settings->top_k == 0 && settings->top_p >= SAMPLER_MILLION;
    if (uncut && choice == NULL)
        return draw_uncut(probabilities, vocab_size, coin);
    uint32_t after_min_p = sampler_min_p(probabilities, vocab_size, settings->min_p, candidates);
    uint32_t top_k = settings->top_k, after_top_k = top_k != 0 && top_k < after_min_p ? top_k : after_min_p;
    uint32_t count = uncut ? after_top_k : sampler_top(candidates, after_min_p, top_k, settings->top_p);
    if (choice != NULL) {
        choice->kept[0] = after_min_p;
        choice->kept[1] = after_top_k;
        choice->kept[2] = count;
    }
    return uncut ? draw_uncut(probabilities, vocab_size, coin) : sampler_draw(candidates, count, coin);
}

uint32_t sampler_choose(struct sampler *sampler, const struct sampling *settings, float *logits, uint32_t vocab_size,
                        const uint32_t *turn, size_t turn_count, void *work, struct choice *choice)
{
    for (uint32_t id = 0; id < vocab_size; id++)
        if (logits[id] != logits[id])
            logits[id] = MINUS_INFINITY;
    if (choice != NULL)
        choice_before(choice, logits, vocab_size);
    sampler_ban_ngrams(logits, vocab_size, settings->no_repeat_ngram, turn, turn_count);
    if (settings->repeat_penalty != SAMPLER_MILLION)
        sampler_penalise(logits, vocab_size, settings->repeat_penalty, turn, turn_count);
    uint32_t best = sampler_argmax(logits, vocab_size);
    if (logits[best] == MINUS_INFINITY)
        return TOKEN_EOS;
    if (choice != NULL)
        choice_ruled(choice, settings, logits, vocab_size, turn, turn_count, work);
    if (settings->temperature != 0) {
        sampler_softmax(logits, vocab_size, settings->temperature, work);
        best = cut_and_draw(settings, logits, vocab_size, sampler_random(sampler), work, choice);
    } else if (choice != NULL) {
        sampler_softmax(logits, vocab_size, SAMPLER_MILLION, work); /* only to be told */
    }
    if (choice != NULL)
        choice_made(choice, logits, vocab_size, best, turn, turn_count);
    return best;
}
