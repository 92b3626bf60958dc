/* fuzz_gguf.c - GGUF files that nobody would write: a sound one of chance shape, in which any number may be another.
 *
 * Only what lies in front of the tensors is an input; their data are zeros that a few damaged bytes may lie in, as many
 * as the file claims to have. What is accepted must load, tokenizer and weights, in memory of exactly the announced
 * size, also when the file changes between the two times it is read; and a forward pass must run.
 */
#include "fuzz.h"

#include "engine.h"
#include "gguf.h"
#include "tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAMAGED 4u
#define MOST_MEMORY (1u << 20) /* of an arena: larger models are parsed, but not loaded */

enum { UINT32 = 4, INT32 = 5, FLOAT32 = 6, BOOL = 7, STRING = 8, ARRAY = 9 };

struct made {
    struct input *input;
    uint32_t chance; /* one number of so many is another; 0: none */
    uint8_t *box;
    size_t length;
    uint64_t file_bytes;
    uint64_t damaged_at[DAMAGED];
    uint8_t damage[DAMAGED];
};

static bool by_chance(const struct made *made)
{
    return made->chance != 0 && any(made->chance) == 0;
}

static uint64_t twisted(const struct made *made, uint64_t value)
{
    if (!by_chance(made))
        return value;
    switch (any(5)) {
    case 0:
        return value + 1;
    case 1:
        return value - 1;
    case 2:
        return (uint64_t)extreme() << 32 | extreme();
    case 3:
        return ~UINT64_C(0) - any(64);
    default:
        return extreme();
    }
}

static void put(struct made *made, uint64_t value, unsigned bytes)
{
    struct input *input = made->input;
    for (unsigned i = 0; i < bytes && input->length < MOST; i++)
        input->bytes[input->length++] = (uint8_t)(value >> 8 * i);
}

static void put_string(struct made *made, const char *text)
{
    size_t length = strlen(text);
    put(made, twisted(made, length), 8);
    for (size_t i = 0; i < length; i++)
        put(made, by_chance(made) ? any(256) : (uint8_t)text[i], 1);
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* ---- a sound file ----------------------------------------------------------------------------------------------- */

struct shape {
    uint32_t dim, hidden, layers, heads, kv_heads, vocabulary, alignment;
    bool shared;
};

static void put_key(struct made *made, const char *name, uint32_t type)
{
    put_string(made, name);
    put(made, twisted(made, type), 4);
}

static void put_tokenizer(struct made *made, const struct shape *shape)
{
    static const char *const texts[] = {"<unk>",
                                        "<s>",
                                        "</s>",
                                        "\xe2\x96\x81",
                                        "a",
                                        "b",
                                        "ab",
                                        "\xe2\x96\x81"
                                        "a",
                                        "aba"};
    const uint32_t count = shape->vocabulary;
    put_key(made, "tokenizer.ggml.model", STRING);
    put_string(made, "llama");
    put_key(made, "tokenizer.ggml.tokens", ARRAY);
    put(made, twisted(made, STRING), 4);
    put(made, twisted(made, count), 8);
    for (uint32_t i = 0; i < count; i++)
        put_string(made, texts[i < 9 ? i : 4 + any(5)]);
    put_key(made, "tokenizer.ggml.scores", ARRAY);
    put(made, twisted(made, FLOAT32), 4);
    put(made, twisted(made, count), 8);
    for (uint32_t i = 0; i < count; i++)
        put(made, twisted(made, bits_of(-(float)any(9))), 4);
    put_key(made, "tokenizer.ggml.token_type", ARRAY);
    put(made, twisted(made, INT32), 4);
    put(made, twisted(made, count), 8);
    for (uint32_t i = 0; i < count; i++)
        put(made, twisted(made, i == 0 ? 2 : i < 3 ? 3 : 1), 4);
}

/* Returns how many keys there are. */
static uint32_t put_keys(struct made *made, const struct shape *shape)
{
    const struct {
        const char *name;
        uint32_t value;
    } integers[] = {{"general.alignment", shape->alignment},
                    {"llama.context_length", 1 + any(40)},
                    {"llama.embedding_length", shape->dim},
                    {"llama.block_count", shape->layers},
                    {"llama.feed_forward_length", shape->hidden},
                    {"llama.attention.head_count", shape->heads},
                    {"llama.attention.head_count_kv", shape->kv_heads},
                    {"llama.rope.dimension_count", shape->dim / shape->heads},
                    {"tokenizer.ggml.eos_token_id", 2}};
    uint32_t count = 6; /* those that are not in the table */
    put_key(made, "general.architecture", STRING);
    put_string(made, "llama");
    for (unsigned i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        unsigned times = by_chance(made) ? any(3) : 1; /* gone, or there twice */
        for (; times > 0; times--, count++) {
            put_key(made, integers[i].name, UINT32);
            put(made, twisted(made, integers[i].value), 4);
        }
    }
    put_key(made, "llama.attention.layer_norm_rms_epsilon", FLOAT32);
    put(made, twisted(made, bits_of(1e-5f)), 4);
    put_tokenizer(made, shape);
    if (any(3) == 0) { /* something to pass over */
        put_key(made, "general.other", any(13));
        for (uint32_t i = any(20); i > 0; i--)
            put(made, any(3) == 0 ? any(256) : 0, 1);
        count++;
    }
    return count;
}

/* A tensor's name, perhaps with another layer. */
static void put_name(struct made *made, uint32_t slot)
{
    char own[GGUF_TENSOR_NAME_BYTES], other[64];
    gguf_tensor_name(slot, own);
    if (slot < GGUF_EMBEDDING && by_chance(made)) {
        snprintf(other, sizeof other, "blk.%u%s", any(2) == 0 ? any(2000) : extreme(), strchr(own + 4, '.'));
        put_string(made, other);
    } else {
        put_string(made, own);
    }
}

static void put_tensors(struct made *made, const struct shape *shape)
{
    static const uint32_t kinds[] = {0, 1, 8, 2, 30, 14};
    const struct model_config config = {.dim = shape->dim,
                                        .hidden_dim = shape->hidden,
                                        .n_layers = shape->layers,
                                        .n_heads = shape->heads,
                                        .n_kv_heads = shape->kv_heads,
                                        .vocab_size = shape->vocabulary};
    uint32_t kind = kinds[any(5)], rows, columns;
    uint64_t offset = 0;
    for (uint32_t slot = 0; slot < GGUF_SLOTS - shape->shared; slot++) {
        if (slot == shape->layers * GGUF_ROLES)
            slot = GGUF_EMBEDDING;
        gguf_shape(&config, slot, &rows, &columns);
        const struct gguf_numbers *numbers = gguf_numbers(gguf_is_norm(slot) ? 0 : any(20) == 0 ? kinds[any(6)] : kind);
        put_name(made, slot);
        put(made, twisted(made, gguf_is_norm(slot) ? 1 : 2), 4);
        put(made, twisted(made, columns), 8);
        if (!gguf_is_norm(slot))
            put(made, twisted(made, rows), 8);
        put(made, twisted(made, numbers->id), 4);
        put(made, twisted(made, offset), 8);
        uint64_t bytes = (uint64_t)rows * ((columns + numbers->block_weights - 1) / numbers->block_weights);
        offset += (bytes * numbers->block_bytes + shape->alignment - 1) / shape->alignment * shape->alignment;
    }
    made->file_bytes = offset;
}

static void make(struct made *made)
{
    static const uint32_t widths[] = {32, 64, 16, 48};
    struct shape shape = {.dim = widths[any(4)], .hidden = widths[any(4)], .layers = 1 + any(2), .heads = 1u << any(3)};
    shape.kv_heads = any(2) == 0 ? shape.heads : 1;
    shape.vocabulary = 5 + any(16);
    shape.alignment = 8u << any(5);
    shape.shared = any(2) == 0;
    struct input *input = made->input;
    memcpy(input->bytes, "GGUF\3\0\0\0", 8);
    input->length = 24;
    uint32_t keys = put_keys(made, &shape);
    put_tensors(made, &shape);
    size_t end = input->length;
    input->length = 8;
    put(made, twisted(made, shape.layers * GGUF_ROLES + (shape.shared ? 2 : 3)), 8);
    put(made, twisted(made, keys), 8);
    input->length = end;
    if (any(5) == 0)
        for (uint32_t i = 1 + any(4); i > 0; i--)
            mutate(input);
    made->file_bytes =
        twisted(made, made->file_bytes + (input->length + shape.alignment - 1) / shape.alignment * shape.alignment);
    if (made->file_bytes < input->length)
        input->length = (size_t)made->file_bytes;
    for (unsigned i = 0; i < DAMAGED; i++) {
        made->damaged_at[i] = any(3) == 0 ? input->length + any(20000) : UINT64_MAX;
        made->damage[i] = (uint8_t)any(256);
    }
}

/* ---- reading it ------------------------------------------------------------------------------------------------- */

static bool read_made(void *context, uint64_t offset, void *to, uint64_t bytes, struct error *error)
{
    const struct made *made = context;
    if (offset > made->file_bytes || bytes > made->file_bytes - offset)
        abort(); /* a read beyond the end of the file */
    uint64_t have = offset < made->length ? made->length - offset : 0;
    have = have < bytes ? have : bytes;
    if (have > 0)
        memcpy(to, made->box + offset, (size_t)have);
    memset((uint8_t *)to + have, 0, (size_t)(bytes - have));
    for (unsigned i = 0; i < DAMAGED; i++)
        if (made->damaged_at[i] >= offset && made->damaged_at[i] - offset < bytes)
            ((uint8_t *)to)[made->damaged_at[i] - offset] = made->damage[i];
    if (any(4000) == 0)
        return error_set(error, ERROR_IO, "the device reported an error");
    return true;
}

static void *block(uint64_t bytes)
{
    void *found = aligned_alloc(64, (size_t)(bytes + 63) / 64 * 64);
    if (found == NULL)
        abort();
    memset(found, 0x7b, (size_t)bytes);
    return found;
}

static void load_words(struct gguf *gguf)
{
    struct tokenizer tokenizer;
    struct error error = {0};
    void *memory = block(tokenizer_need_gguf(gguf));
    uint32_t ids[80];
    size_t count = 0, bytes;
    if (!tokenizer_load_gguf(&tokenizer, gguf, memory, &error)) {
        if (error.text[0] == '\0')
            abort();
    } else if (tokenizer_encode(&tokenizer, "abab a \xc3\xbd\x80", 10, true, ids, 80, &count, &error)) {
        for (size_t i = 1; i < count; i++)
            (void)tokenizer_decode(&tokenizer, ids[i - 1], ids[i], &bytes);
    }
    free(memory);
}

static void load_weights(struct made *made, const struct gguf *gguf, const struct model_config *config)
{
    struct model_need need;
    struct error error = {0};
    model_need(config, &need);
    if (need.weights > MOST_MEMORY || need.kv > MOST_MEMORY || need.acts > MOST_MEMORY || need.scratch > MOST_MEMORY)
        return;
    struct engine engine = {0};
    struct engine_memory memory = {block(need.weights), block(need.kv), block(need.acts), block(need.scratch)};
    struct model_source source = {read_made, NULL, made, gguf};
    if (engine_load(&engine, config, &memory, CPU_REFERENCE, &source, &error)) {
        if (engine_forward(&engine, 1, 0, true) == NULL)
            abort();
    } else if (error.text[0] == '\0')
        abort();
    free(memory.weights);
    free(memory.kv);
    free(memory.acts);
    free(memory.scratch);
}

void fuzz_gguf(struct kernel *kernel, struct input *input)
{
    static struct gguf *gguf;
    struct made made = {.input = input, .chance = any(4) == 0 ? 0 : 20 + any(600)};
    struct model_config config;
    struct error error = {0};
    (void)kernel;
    if (gguf == NULL && (gguf = malloc(sizeof *gguf)) == NULL)
        abort();
    make(&made);
    made.box = boxed(input);
    made.length = input->length;
    if (gguf_parse(gguf, read_made, &made, made.file_bytes, &config, &error)) {
        taken++;
        if (any(8) == 0 && made.length > 0) { /* the file changes, and the window is another by then */
            made.box[any((uint32_t)made.length)] ^= (uint8_t)(1u << any(8));
            gguf->reader.window_bytes = 0;
        }
        load_words(gguf);
        if (any(4) == 0)
            load_weights(&made, gguf, &config);
    } else if (error.text[0] == '\0')
        abort();
    free(made.box);
}
