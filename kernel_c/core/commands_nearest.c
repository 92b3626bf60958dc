/* commands_nearest.c - the command that was probably meant. */
#include "commands.h"

#define LONGEST 24u
#define NEAR 3u /* edits; more is another word */

struct nearest {
    const char *wanted;
    size_t length;
    unsigned best;
    char name[LONGEST + 1];
};

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Levenshtein distance by one row. */
static unsigned distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    unsigned row[LONGEST + 1];
    for (size_t j = 0; j <= b_length; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a_length; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_length; j++) {
            unsigned above = row[j];
            unsigned change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = least(change, least(above, row[j - 1]) + 1);
            diagonal = above;
        }
    }
    return row[b_length];
}

static bool consider(void *context, const char *name, const char *arguments, const char *help)
{
    struct nearest *nearest = context;
    size_t length = string_length(name);
    (void)arguments;
    (void)help;
    if (length > LONGEST)
        return true;
    unsigned edits = distance(nearest->wanted, nearest->length, name, length);
    if (edits < nearest->best) {
        nearest->best = edits;
        struct text text;
        text_init(&text, nearest->name, sizeof nearest->name);
        text_string(&text, name);
    }
    return true;
}

bool command_nearest(const char *name, size_t length, char *ret_name, size_t capacity)
{
    struct nearest nearest = {.wanted = name, .length = length, .best = NEAR + 1};
    if (length > LONGEST)
        return false;
    command_each(consider, &nearest);
    /* Half of the word changed is not a slip of the finger. */
    if (nearest.best > NEAR || nearest.best * 2 > length)
        return false;
    struct text text;
    text_init(&text, ret_name, capacity);
    text_string(&text, nearest.name);
    return true;
}
