/* requests_choice.c - how the sampler says that it chose. */
#include "harness.h"

#include "choice.h"

#include <stdlib.h>
#include <string.h>

/* "told VOCAB TEMPERATURE MIN_P TOP_P TOP_K NGRAM PENALTY MOST": the id, a struct choice, and MOST times the distance
 * below the first. The payload is as for "choose". */
bool harness_choice(struct harness *h, const struct request *r)
{
    struct {
        uint32_t id;
        struct choice choice;
        uint32_t below[CHOICE_MOST];
    } told;
    if (strcmp(r->name, "told") != 0)
        return false;
    uint32_t vocab = (uint32_t)r->arguments[0];
    struct sampling settings = {.temperature = (uint32_t)r->arguments[1],
                                .min_p = (uint32_t)r->arguments[2],
                                .top_p = (uint32_t)r->arguments[3],
                                .top_k = (uint32_t)r->arguments[4],
                                .no_repeat_ngram = (uint32_t)r->arguments[5],
                                .repeat_penalty = (uint32_t)r->arguments[6]};
    float *logits = (float *)(void *)r->payload;
    void *work = malloc((size_t)sampler_need(vocab));
    if (work == NULL)
        abort();
    memset(&told, 0, sizeof told);
    told.choice.most = (uint32_t)r->arguments[7];
    told.id = sampler_choose(&h->sampler, &settings, logits, vocab, (const uint32_t *)(const void *)(logits + vocab),
                             (r->bytes - vocab * sizeof(float)) / sizeof(uint32_t), work, &told.choice);
    for (uint32_t rank = 0; rank < told.choice.count; rank++)
        told.below[rank] = choice_below(&told.choice, rank);
    reply("ok", &told, sizeof told);
    free(work);
    return true;
}
