#include "tokenizer_private.h"

#include "align.h"

#define HEAD_BYTES 8u /* score and length in front of each token */

static uint32_t little32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

int compare_bytes(const uint8_t *a, uint32_t a_count, const uint8_t *b, uint32_t b_count)
{
    for (uint32_t i = 0; i < a_count && i < b_count; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return a_count == b_count ? 0 : a_count < b_count ? -1 : 1;
}

static int compare_tokens(const struct tokenizer *t, uint32_t a, uint32_t b)
{
    uint32_t a_count, b_count;
    const uint8_t *a_bytes = token_bytes(t, a, &a_count), *b_bytes = token_bytes(t, b, &b_count);
    int order = compare_bytes(a_bytes, a_count, b_bytes, b_count);
    return order != 0 ? order : a < b ? -1 : a > b;
}

uint64_t tokenizer_need(uint64_t file_bytes, uint32_t vocab_size, struct error *error)
{
    uint64_t least = 4 + HEAD_BYTES * (uint64_t)vocab_size, most = least + (uint64_t)vocab_size * TOKEN_LIMIT;
    if (file_bytes < least || file_bytes > most) {
        error_set(error, ERROR_FORMAT, "tokenizer: the file has %llu bytes, %u tokens need %llu to %llu",
                  (unsigned long long)file_bytes, vocab_size, (unsigned long long)least, (unsigned long long)most);
        return 0;
    }
    return tokenizer_plan(NULL, vocab_size, file_bytes - least, NULL);
}

uint64_t tokenizer_plan(void *memory, uint32_t vocab_size, uint64_t token_bytes, struct tokenizer_parts *ret_parts)
{
    uint64_t ids = align_up(4 * (uint64_t)vocab_size), offsets = align_up(4 * ((uint64_t)vocab_size + 1));
    uint64_t merge = sizeof(struct tokenizer_merge);
    if (ret_parts != NULL) {
        uint8_t *at = memory;
        *ret_parts = (struct tokenizer_parts){.work = memory,
                                              .offsets = (uint32_t *)(void *)(at + merge),
                                              .scores = (float *)(void *)(at + merge + offsets),
                                              .sorted = (uint32_t *)(void *)(at + merge + offsets + ids),
                                              .bytes = at + merge + offsets + 2 * ids};
    }
    return merge + offsets + 2 * ids + align_up(token_bytes + 1);
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

void tokenizer_sort(const struct tokenizer *t, uint32_t *ids, uint32_t count)
{
    for (uint32_t i = count / 2; i-- > 0;)
        sift_down(t, ids, count, i);
    for (uint32_t rest = count; rest-- > 1;) {
        uint32_t largest = ids[0];
        ids[0] = ids[rest];
        ids[rest] = largest;
        sift_down(t, ids, rest, 0);
    }
}

static bool read_tokens(const uint8_t *file, uint64_t file_bytes, const struct tokenizer *t,
                        const struct tokenizer_parts *parts, struct error *error)
{
    uint64_t at = 4; /* tokenizer_need saw that the heads of all tokens fit */
    uint32_t filled = 0;
    for (uint32_t id = 0; id < t->vocab_size; id++) {
        union {
            uint32_t bits;
            float value;
        } score = {.bits = little32(file + at)};
        uint32_t length = little32(file + at + 4);
        at += HEAD_BYTES;
        if ((score.bits & 0x7f800000u) == 0x7f800000u)
            return error_set(error, ERROR_FORMAT, "tokenizer: the score of token %u is not a finite number", id);
        if (length > t->max_token_bytes)
            return error_set(error, ERROR_FORMAT, "tokenizer: the length of token %u is %d, expected 0..%u", id,
                             (int32_t)length, t->max_token_bytes);
        /* The heads of all later tokens must fit too: that bounds the bytes of all tokens by the memory they have. */
        uint32_t later = t->vocab_size - id - 1;
        if (file_bytes - at < length + HEAD_BYTES * (uint64_t)later)
            return error_set(
                error, ERROR_FORMAT,
                "tokenizer: %llu bytes are left for the %u of token %u and %u more tokens: the file is cut off or "
                "belongs to another model",
                (unsigned long long)(file_bytes - at), length, id, later);
        parts->offsets[id] = filled;
        parts->scores[id] = score.value;
        for (uint32_t i = 0; i < length; i++)
            parts->bytes[filled++] = file[at++];
    }
    parts->offsets[t->vocab_size] = filled;
    if (at != file_bytes)
        return error_set(error, ERROR_FORMAT,
                         "tokenizer: %llu byte%s the last of %u tokens: it belongs to another model",
                         (unsigned long long)(file_bytes - at), file_bytes - at == 1 ? " follows" : "s follow",
                         t->vocab_size);
    return true;
}

int byte_of_token(const uint8_t *bytes, uint32_t count)
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

struct tokenizer tokenizer_over(const struct tokenizer_parts *parts, uint32_t vocab_size, uint32_t max_token_bytes)
{
    struct tokenizer tokenizer = {.vocab_size = vocab_size,
                                  .max_token_bytes = max_token_bytes,
                                  .bytes = parts->bytes,
                                  .offsets = parts->offsets,
                                  .scores = parts->scores,
                                  .sorted = parts->sorted,
                                  .work = parts->work};
    for (uint32_t byte = 0; byte < 256; byte++)
        tokenizer.raw_bytes[byte] = (uint8_t)byte;
    return tokenizer;
}

bool tokenizer_load(struct tokenizer *t, const uint8_t *file, uint64_t file_bytes, uint32_t vocab_size, void *memory,
                    struct error *error)
{
    struct tokenizer_parts parts;
    if (tokenizer_need(file_bytes, vocab_size, error) == 0)
        return false;
    tokenizer_plan(memory, vocab_size, 0, &parts);
    *t = tokenizer_over(&parts, vocab_size, little32(file));
    if (t->max_token_bytes == 0 || t->max_token_bytes > TOKEN_LIMIT)
        return error_set(error, ERROR_FORMAT, "tokenizer: max_token_length is %d, expected 1..%u",
                         (int32_t)t->max_token_bytes, TOKEN_LIMIT);
    if (!read_tokens(file, file_bytes, t, &parts, error))
        return false;
    for (uint32_t id = 0; id < vocab_size; id++)
        parts.sorted[id] = id;
    t->sorted_count = vocab_size;
    tokenizer_sort(t, parts.sorted, vocab_size);
    t->byte_fallback = vocab_size >= FIRST_BYTE_TOKEN + 256;
    for (uint32_t byte = 0; byte < 256 && t->byte_fallback; byte++) {
        uint32_t count;
        const uint8_t *piece = token_bytes(t, FIRST_BYTE_TOKEN + byte, &count);
        t->byte_fallback = byte_of_token(piece, count) == (int)byte;
    }
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
