#include "tokenizer.h"

#define TOKEN_LIMIT 512u     /* bytes of one token; real ones have below 100 */
#define LONGEST_TEXT 8192u   /* bytes of one text */
#define NO_TOKEN UINT32_MAX

static uint32_t little32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static int compare_bytes(const uint8_t *a, uint32_t a_count, const uint8_t *b, uint32_t b_count)
{
    for (uint32_t i = 0; i < a_count && i < b_count; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return a_count == b_count ? 0 : a_count < b_count ? -1 : 1;
}

static const uint8_t *token_bytes(const struct tokenizer *t, uint32_t id, uint32_t *ret_count)
{
    *ret_count = t->offsets[id + 1] - t->offsets[id];
    return t->bytes + t->offsets[id];
}

static int compare_tokens(const struct tokenizer *t, uint32_t a, uint32_t b)
{
    uint32_t a_count, b_count;
    const uint8_t *a_bytes = token_bytes(t, a, &a_count), *b_bytes = token_bytes(t, b, &b_count);
    int order = compare_bytes(a_bytes, a_count, b_bytes, b_count);
    return order != 0 ? order : a < b ? -1 : a > b;
}

static uint64_t aligned(uint64_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

uint64_t tokenizer_need(uint64_t file_bytes, uint32_t vocab_size, struct error *error)
{
    uint64_t least = 4 + 8 * (uint64_t)vocab_size, most = least + (uint64_t)vocab_size * TOKEN_LIMIT;
    if (file_bytes < least || file_bytes > most) {
        error_set(error, ERROR_FORMAT, "tokenizer: the file has %llu bytes, %u tokens need %llu to %llu",
                  (unsigned long long)file_bytes, vocab_size, (unsigned long long)least, (unsigned long long)most);
        return 0;
    }
    return aligned(4 * ((uint64_t)vocab_size + 1)) + 2 * aligned(4 * (uint64_t)vocab_size) + aligned(file_bytes - least + 1);
}

/* Heap sort of the ids by their bytes: no recursion, no worst case. */
static void sift_down(const struct tokenizer *t, uint32_t *heap, uint32_t count, uint32_t at)
{
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && compare_tokens(t, heap[child + 1], heap[child]) > 0)
            child++;
        if (compare_tokens(t, heap[child], heap[at]) <= 0)
            return;
        uint32_t swapped = heap[at];
        heap[at] = heap[child];
        heap[child] = swapped;
    }
}

static void sort_ids(const struct tokenizer *t, uint32_t *ids, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        ids[i] = i;
    for (uint32_t i = count / 2; i-- > 0;)
        sift_down(t, ids, count, i);
    for (uint32_t rest = count; rest-- > 1;) {
        uint32_t largest = ids[0];
        ids[0] = ids[rest];
        ids[rest] = largest;
        sift_down(t, ids, rest, 0);
    }
}

static bool read_tokens(const uint8_t *file, uint64_t file_bytes, struct tokenizer *t, uint32_t *offsets, float *scores,
                        uint8_t *bytes, struct error *error)
{
    uint64_t at = 4;
    uint32_t filled = 0;
    for (uint32_t id = 0; id < t->vocab_size; id++) {
        if (file_bytes - at < 8)
            return error_set(error, ERROR_FORMAT, "tokenizer: the file ends at token %u of %u: cut off, or another model's", id,
                             t->vocab_size);
        union {
            uint32_t bits;
            float value;
        } score = {.bits = little32(file + at)};
        uint32_t length = little32(file + at + 4);
        at += 8;
        if ((score.bits & 0x7f800000u) == 0x7f800000u)
            return error_set(error, ERROR_FORMAT, "tokenizer: the score of token %u is not a finite number", id);
        if (length > t->max_token_bytes)
            return error_set(error, ERROR_FORMAT, "tokenizer: token %u has a length of %u, the file's own limit is %u", id, length,
                             t->max_token_bytes);
        if (file_bytes - at < length)
            return error_set(error, ERROR_FORMAT, "tokenizer: the file ends inside token %u of %u: cut off, or another model's", id,
                             t->vocab_size);
        offsets[id] = filled;
        scores[id] = score.value;
        for (uint32_t i = 0; i < length; i++)
            bytes[filled++] = file[at++];
    }
    offsets[t->vocab_size] = filled;
    if (at != file_bytes)
        return error_set(error, ERROR_FORMAT, "tokenizer: %llu bytes follow the last of %u tokens: it belongs to another model",
                         (unsigned long long)(file_bytes - at), t->vocab_size);
    return true;
}

/* "<0xNN>", upper-case hexadecimal: the byte, or -1. */
static int byte_of_token(const uint8_t *bytes, uint32_t count)
{
    if (count != 6 || bytes[0] != '<' || bytes[1] != '0' || bytes[2] != 'x' || bytes[5] != '>')
        return -1;
    int value = 0;
    for (unsigned i = 3; i < 5; i++) {
        int digit = bytes[i] >= '0' && bytes[i] <= '9'   ? bytes[i] - '0'
                    : bytes[i] >= 'A' && bytes[i] <= 'F' ? bytes[i] - 'A' + 10
                                                         : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

bool tokenizer_load(struct tokenizer *t, const uint8_t *file, uint64_t file_bytes, uint32_t vocab_size, void *memory,
                    struct error *error)
{
    if (tokenizer_need(file_bytes, vocab_size, error) == 0)
        return false;
    uint64_t id_bytes = aligned(4 * (uint64_t)vocab_size);
    uint8_t *at = memory;
    uint32_t *offsets = (uint32_t *)(void *)at;
    at += aligned(4 * ((uint64_t)vocab_size + 1));
    float *scores = (float *)(void *)at;
    uint32_t *sorted = (uint32_t *)(void *)(at + id_bytes);
    uint8_t *bytes = at + 2 * id_bytes;
    *t = (struct tokenizer){.vocab_size = vocab_size, .max_token_bytes = little32(file), .bytes = bytes, .offsets = offsets,
                            .scores = scores, .sorted = sorted};
    if (t->max_token_bytes == 0 || t->max_token_bytes > TOKEN_LIMIT)
        return error_set(error, ERROR_FORMAT, "tokenizer: max_token_length is %d, expected 1 to %u", (int32_t)t->max_token_bytes,
                         TOKEN_LIMIT);
    if (!read_tokens(file, file_bytes, t, offsets, scores, bytes, error))
        return false;
    sort_ids(t, sorted, vocab_size);
    t->byte_fallback = vocab_size >= 259;
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t count;
        t->raw_bytes[byte] = (uint8_t)byte;
        if (t->byte_fallback) {
            const uint8_t *piece = token_bytes(t, 3 + byte, &count);
            t->byte_fallback = byte_of_token(piece, count) == (int)byte;
        }
    }
    return true;
}

/* The lowest id whose bytes are `first` followed by `second`, or NO_TOKEN. */
static uint32_t look_up(const struct tokenizer *t, const uint8_t *first, uint32_t first_count, const uint8_t *second,
                        uint32_t second_count)
{
    uint8_t joined[2 * TOKEN_LIMIT];
    uint32_t count = first_count + second_count, low = 0, high = t->vocab_size;
    if (count > t->max_token_bytes)
        return NO_TOKEN;
    for (uint32_t i = 0; i < first_count; i++)
        joined[i] = first[i];
    for (uint32_t i = 0; i < second_count; i++)
        joined[first_count + i] = second[i];
    while (low < high) {
        uint32_t middle = low + (high - low) / 2, length;
        const uint8_t *bytes = token_bytes(t, t->sorted[middle], &length);
        if (compare_bytes(bytes, length, joined, count) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == t->vocab_size)
        return NO_TOKEN;
    uint32_t length;
    const uint8_t *bytes = token_bytes(t, t->sorted[low], &length);
    return compare_bytes(bytes, length, joined, count) == 0 ? t->sorted[low] : NO_TOKEN;
}

/* What two neighbours merge into. An id outside the vocabulary merges with nothing. */
static uint32_t merge_of(const struct tokenizer *t, uint32_t left, uint32_t right)
{
    uint32_t left_count, right_count;
    const uint8_t *left_bytes = token_bytes(t, left, &left_count), *right_bytes = token_bytes(t, right, &right_count);
    return look_up(t, left_bytes, left_count, right_bytes, right_count);
}

/* A character (up to four bytes, as llama2.c counts them: continuation bytes join) as one token, or its bytes. */
static size_t encode_character(const struct tokenizer *t, const uint8_t *bytes, uint32_t count, uint32_t *ids)
{
    uint32_t id = look_up(t, bytes, count, bytes, 0);
    if (id != NO_TOKEN) {
        ids[0] = id;
        return 1;
    }
    for (uint32_t i = 0; i < count; i++)
        ids[i] = t->byte_fallback ? 3u + bytes[i] : TOKEN_UNKNOWN;
    return count;
}

static size_t encode_characters(const struct tokenizer *t, const uint8_t *text, size_t bytes, uint32_t *ids)
{
    size_t count = 0;
    uint32_t space = look_up(t, (const uint8_t *)" ", 1, text, 0);
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

/* Merges the pair with the highest score, the leftmost of equals, until none can be merged. The merge of each pair is kept, so a
 * round costs one scan and two look-ups. */
static size_t merge_all(const struct tokenizer *t, uint32_t *ids, size_t count)
{
    static uint32_t merges[LONGEST_TEXT + 2]; /* merges[i]: of ids[i] and ids[i + 1]; too large for a stack without probes */
    for (size_t i = 0; i + 1 < count; i++)
        merges[i] = merge_of(t, ids[i], ids[i + 1]);
    for (;;) {
        size_t best = count;
        for (size_t i = 0; i + 1 < count; i++)
            if (merges[i] != NO_TOKEN && (best == count || t->scores[merges[i]] > t->scores[merges[best]]))
                best = i;
        if (best == count)
            return count;
        ids[best] = merges[best];
        count--;
        for (size_t i = best + 1; i < count; i++) {
            ids[i] = ids[i + 1];
            merges[i] = i + 1 < count ? merges[i + 1] : NO_TOKEN;
        }
        if (best + 1 < count)
            merges[best] = merge_of(t, ids[best], ids[best + 1]);
        if (best > 0)
            merges[best - 1] = merge_of(t, ids[best - 1], ids[best]);
    }
}

bool tokenizer_encode(const struct tokenizer *t, const char *text, size_t bytes, bool bos, uint32_t *ids, size_t capacity,
                      size_t *ret_count, struct error *error)
{
    if (bytes > LONGEST_TEXT)
        return error_set(error, ERROR_TOOLONG, "the text has %zu bytes, at most %u can be encoded", bytes, LONGEST_TEXT);
    size_t first = bos ? 1 : 0;
    if (bos)
        ids[0] = TOKEN_BOS;
    size_t count = encode_characters(t, (const uint8_t *)text, bytes, ids + first);
    *ret_count = first + merge_all(t, ids + first, count);
    if (*ret_count > capacity)
        return error_set(error, ERROR_TOOLONG, "the text has %zu tokens, at most %zu fit", *ret_count, capacity);
    return true;
}

const uint8_t *tokenizer_decode(const struct tokenizer *t, uint32_t previous, uint32_t id, size_t *ret_bytes)
{
    uint32_t count;
    if (id >= t->vocab_size) {
        *ret_bytes = 0;
        return t->bytes;
    }
    const uint8_t *bytes = token_bytes(t, id, &count);
    if (previous == TOKEN_BOS && count > 0 && bytes[0] == ' ') {
        bytes++;
        count--;
    }
    int byte = byte_of_token(bytes, count);
    *ret_bytes = byte >= 0 ? 1 : count;
    return byte >= 0 ? t->raw_bytes + byte : bytes;
}
