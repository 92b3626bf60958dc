/* link_choice.c - how each token was chosen, for a host that asks. */
#include "kernel.h"
#include "text.h"

uint32_t link_choices_wanted(const struct kernel *kernel)
{
    return kernel->link.machine ? kernel->link.session.choices : 0;
}

/* As many of the likeliest as fit into `room` octets: how many, and the list as it is written. */
static uint32_t write_likeliest(const struct choice *choice, size_t room, char *list, size_t capacity)
{
    struct text text;
    uint32_t count = 0;
    text_init(&text, list, capacity);
    for (; count < choice->count; count++) {
        const struct choice_token *token = &choice->likeliest[count];
        size_t before = text.length;
        text_format(&text, "%s%u:%u%s", count > 0 ? ";" : "", (unsigned)token->id,
                    (unsigned)choice_below(choice, count), token->weakened ? "!" : "");
        if (text.length > room || text.truncated) {
            list[before] = '\0';
            break;
        }
    }
    return count;
}

static uint32_t millionths(float share)
{
    return share > 0 ? (uint32_t)(share * 1e6f + 0.5f) : 0;
}

void link_send_choice(struct kernel *kernel, const struct choice *choice)
{
    struct link *link = &kernel->link;
    struct wire_line line;
    char list[WIRE_LINE_BYTES];
    if (link_choices_wanted(kernel) == 0 || choice->count == 0)
        return;
    struct wire_choice record = {.generation = choice->generation,
                                 .index = choice->index,
                                 .dropped = link->session.choices_dropped,
                                 .temperature = choice->temperature,
                                 .probability = millionths(choice->share),
                                 .rank = choice->rank,
                                 .kept_count = choice->cut ? 3 : 0,
                                 .rest_count = 2,
                                 .rest = {SAMPLER_MILLION, SAMPLER_MILLION},
                                 .weakened = choice->weakened,
                                 .banned = choice->banned,
                                 .has = choice->raw_best != choice->likeliest[0].id ? WIRE_CHOICE_HAS_OTHERWISE : 0,
                                 .otherwise = choice->raw_best};
    for (unsigned i = 0; i < 3; i++)
        record.kept[i] = choice->kept[i];
    /* With the rest at its longest and no list: the list gets what is left. */
    wire_put(&line, WIRE_RECORD_OF(&record), &record);
    uint32_t count = write_likeliest(choice, WIRE_MAX_LINE - WIRE_SUM_BYTES - line.text.length, list, sizeof list);
    float share = 1, hot = 1;
    for (uint32_t i = 0; i < count; i++) {
        share -= choice->likeliest[i].share;
        hot -= choice->likeliest[i].hot;
    }
    record.rest[0] = millionths(share);
    record.rest[1] = millionths(hot);
    record.likeliest = list;
    bool sent = link_send(kernel, LINK_SAMPLE, &record);
    link->session.choices_dropped = sent ? 0 : (uint16_t)(record.dropped + (record.dropped < UINT16_MAX));
}
