/* tokenizer_encode.c - from text to tokens: characters first, then the best merge again and again.
 *
 * llama2.c scans all pairs for each merge. Here a tournament tree over the pairs knows the best one, the leftmost of
 * equals, so a text of n characters costs n log n. The result is the same.
 */
#include "tokenizer_private.h"

_Static_assert((MERGE_LEAVES & (MERGE_LEAVES - 1)) == 0, "the tree's leaves are a power of two");

/* The lowest id whose bytes are `first` followed by `second`, or NO_TOKEN. */
static uint32_t look_up(const struct tokenizer *t, const uint8_t *first, uint32_t first_count, const uint8_t *second,
                        uint32_t second_count)
{
    uint8_t joined[TOKEN_LIMIT];
    uint32_t count = first_count + second_count, low = 0, high = t->sorted_count, length;
    if (count > t->max_token_bytes)
        return NO_TOKEN;
    for (uint32_t i = 0; i < first_count; i++)
        joined[i] = first[i];
    for (uint32_t i = 0; i < second_count; i++)
        joined[first_count + i] = second[i];
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const uint8_t *bytes = token_bytes(t, t->sorted[middle], &length);
        if (compare_bytes(bytes, length, joined, count) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == t->sorted_count)
        return NO_TOKEN;
    const uint8_t *bytes = token_bytes(t, t->sorted[low], &length);
    return compare_bytes(bytes, length, joined, count) == 0 ? t->sorted[low] : NO_TOKEN;
}

/* A character as one token, or its bytes as tokens 3..258. Returns how many ids were written. */
static uint32_t encode_character(const struct tokenizer *t, const uint8_t *bytes, uint32_t count, uint32_t *ids)
{
    uint32_t id = look_up(t, bytes, count, bytes, 0);
    if (id != NO_TOKEN) {
        ids[0] = id;
        return 1;
    }
    for (uint32_t i = 0; i < count; i++)
        ids[i] = t->byte_fallback ? FIRST_BYTE_TOKEN + bytes[i] : TOKEN_UNKNOWN;
    return count;
}

/* A character is a byte and up to three continuation bytes after it, valid UTF-8 or not. */
static uint32_t encode_characters(const struct tokenizer *t, const uint8_t *text, size_t bytes, uint32_t *ids)
{
    uint32_t count = 0, space = look_up(t, (const uint8_t *)" ", 1, text, 0);
    if (bytes > 0 && space != NO_TOKEN)
        ids[count++] = space;
    for (size_t at = 0; at < bytes;) {
        uint32_t length = 1;
        while (length < 4 && at + length < bytes && (text[at + length] & 0xc0) == 0x80)
            length++;
        count += encode_character(t, text + at, length, ids + count);
        at += length;
    }
    return count;
}

/* The better of two pairs, each named by its left place; the left one on ties. */
static uint32_t better(const struct tokenizer *t, uint32_t left, uint32_t right)
{
    const uint32_t *merged = t->work->merged;
    if (left == NO_PLACE || merged[left] == NO_TOKEN)
        return right;
    if (right == NO_PLACE || merged[right] == NO_TOKEN)
        return left;
    return t->scores[merged[right]] > t->scores[merged[left]] ? right : left;
}

/* Node n has the children 2n and 2n + 1; the leaves are the places themselves. */
static uint32_t winner(const struct tokenizer *t, uint32_t leaves, uint32_t node)
{
    if (node < leaves)
        return t->work->best[node];
    return t->work->merged[node - leaves] == NO_TOKEN ? NO_PLACE : node - leaves;
}

static void update_tree(const struct tokenizer *t, uint32_t leaves, uint32_t place)
{
    for (uint32_t node = (leaves + place) / 2; node >= 1; node /= 2)
        t->work->best[node] = better(t, winner(t, leaves, 2 * node), winner(t, leaves, 2 * node + 1));
}

/* What the pair beginning at `place` merges into. */
static void pair_up(const struct tokenizer *t, uint32_t place)
{
    struct tokenizer_merge *work = t->work;
    uint32_t right = work->next[place], left_count, right_count, id;
    work->merged[place] = NO_TOKEN;
    if (right == NO_PLACE)
        return;
    const uint8_t *left_bytes = token_bytes(t, work->ids[place], &left_count);
    const uint8_t *right_bytes = token_bytes(t, work->ids[right], &right_count);
    id = look_up(t, left_bytes, left_count, right_bytes, right_count);
    if (id != NO_TOKEN && t->scores[id] > WORST_SCORE)
        work->merged[place] = id;
}

/* Chains `count` places and plays the first tournament. Returns the number of leaves. */
static uint32_t begin_merging(const struct tokenizer *t, uint32_t count)
{
    struct tokenizer_merge *work = t->work;
    uint32_t leaves = 2;
    while (leaves < count)
        leaves *= 2;
    for (uint32_t place = 0; place < count; place++) {
        work->next[place] = place + 1 < count ? place + 1 : NO_PLACE;
        work->previous[place] = place > 0 ? place - 1 : NO_PLACE;
    }
    for (uint32_t place = 0; place < count; place++)
        pair_up(t, place);
    for (uint32_t place = count; place < leaves; place++)
        work->merged[place] = NO_TOKEN;
    for (uint32_t node = leaves - 1; node >= 1; node--)
        work->best[node] = better(t, winner(t, leaves, 2 * node), winner(t, leaves, 2 * node + 1));
    return leaves;
}

static void merge_pair(const struct tokenizer *t, uint32_t leaves, uint32_t place)
{
    struct tokenizer_merge *work = t->work;
    uint32_t gone = work->next[place], before = work->previous[place];
    work->ids[place] = work->merged[place];
    work->next[place] = work->next[gone];
    if (work->next[gone] != NO_PLACE)
        work->previous[work->next[gone]] = place;
    work->merged[gone] = NO_TOKEN;
    update_tree(t, leaves, gone);
    pair_up(t, place);
    update_tree(t, leaves, place);
    if (before != NO_PLACE) {
        pair_up(t, before);
        update_tree(t, leaves, before);
    }
}

bool tokenizer_encode(const struct tokenizer *t, const char *text, size_t bytes, bool bos, uint32_t *ids,
                      size_t capacity, size_t *ret_count, struct error *error)
{
    *ret_count = 0;
    if (bytes > TOKENIZER_TEXT_BYTES)
        return error_set(error, ERROR_TOOLONG, "the text has %zu bytes, at most %u can be encoded at once", bytes,
                         TOKENIZER_TEXT_BYTES);
    uint32_t count = encode_characters(t, (const uint8_t *)text, bytes, t->work->ids);
    size_t written = 0;
    if (count > 1) {
        uint32_t leaves = begin_merging(t, count);
        for (uint32_t place; (place = t->work->best[1]) != NO_PLACE;)
            merge_pair(t, leaves, place);
    } else {
        t->work->next[0] = NO_PLACE;
    }
    if (bos && written++ < capacity)
        ids[0] = TOKEN_BOS;
    for (uint32_t place = count > 0 ? 0 : NO_PLACE; place != NO_PLACE; place = t->work->next[place])
        if (written++ < capacity)
            ids[written - 1] = t->work->ids[place];
    *ret_count = written;
    if (written > capacity)
        return error_set(error, ERROR_TOOLONG, "the text has %zu tokens, at most %zu fit", written, capacity);
    return true;
}
