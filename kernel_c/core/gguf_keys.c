/* gguf_keys.c - the keys of a GGUF file. Those that change the arithmetic are checked, the others are passed over.
 */
#include "gguf_private.h"
#include "text.h"
#include "tokenizer_private.h"

enum { TYPE_INT32 = 5, TYPE_FLOAT32 = 6, TYPE_BOOL = 7, TYPE_STRING = 8, TYPE_ARRAY = 9 };

static const struct type {
    const char *name;
    uint32_t bytes; /* 0: of its own */
    bool integer, sign;
} types[] = {
    {"uint8", 1, true, false},    {"int8", 1, true, true},    {"uint16", 2, true, false},   {"int16", 2, true, true},
    {"uint32", 4, true, false},   {"int32", 4, true, true},   {"float32", 4, false, false}, {"bool", 1, false, false},
    {"string", 0, false, false},  {"array", 0, false, false}, {"uint64", 8, true, false},   {"int64", 8, true, true},
    {"float64", 8, false, false},
};
#define TYPES (sizeof types / sizeof types[0])
#define STRING_LIMIT (UINT64_C(1) << 20)
#define REQUIRED UINT64_MAX

/* What the engine can compute; a key that is not there means `otherwise`. The token numbers are those of llama2.c. */
static const struct integer {
    const char *key;
    uint64_t least, most, otherwise;
} integers[GGUF_INTEGERS] = {
    [GGUF_ALIGNMENT] = {"general.alignment", 8, 4096, 32},
    [GGUF_QUANTS_VERSION] = {"general.quantization_version", 2, 2, 2},
    [GGUF_SPLITS] = {"split.count", 0, 1, 1},
    [GGUF_CONTEXT] = {"llama.context_length", 1, UINT32_MAX, REQUIRED},
    [GGUF_DIM] = {"llama.embedding_length", 16, 16384, REQUIRED},
    [GGUF_LAYERS] = {"llama.block_count", 1, GGUF_LAYERS_LIMIT, REQUIRED},
    [GGUF_HIDDEN_DIM] = {"llama.feed_forward_length", 1, 65536, REQUIRED},
    [GGUF_HEADS] = {"llama.attention.head_count", 1, 256, REQUIRED},
    [GGUF_KV_HEADS] = {"llama.attention.head_count_kv", 1, 256, 0},
    [GGUF_ROTARY_DIM] = {"llama.rope.dimension_count", 1, 16384, 0},
    [GGUF_KEY_DIM] = {"llama.attention.key_length", 1, 16384, 0},
    [GGUF_VALUE_DIM] = {"llama.attention.value_length", 1, 16384, 0},
    [GGUF_VOCABULARY] = {"llama.vocab_size", 3, 262144, 0},
    [GGUF_EXPERTS] = {"llama.expert_count", 0, 0, 0},
    [GGUF_SLIDING] = {"llama.attention.sliding_window", 0, 0, 0},
    [GGUF_BOS] = {"tokenizer.ggml.bos_token_id", TOKEN_BOS, TOKEN_BOS, TOKEN_BOS},
    [GGUF_EOS] = {"tokenizer.ggml.eos_token_id", TOKEN_EOS, TOKEN_EOS, TOKEN_EOS},
    [GGUF_UNKNOWN] = {"tokenizer.ggml.unknown_token_id", TOKEN_UNKNOWN, TOKEN_UNKNOWN, TOKEN_UNKNOWN},
};

const char *gguf_integer_name(enum gguf_integer key)
{
    return integers[key].key;
}

static bool refuse_type(const struct gguf_reader *reader, uint32_t type, const char *expected)
{
    if (type >= TYPES)
        return error_set(reader->error, ERROR_FORMAT, "gguf: %.100s is of type %u, expected 0..%u", reader->name, type,
                         (unsigned)TYPES - 1);
    return error_set(reader->error, ERROR_FORMAT, "gguf: %.100s is of type %s, expected %s", reader->name,
                     types[type].name, expected);
}

static bool read_integer(struct gguf *gguf, uint32_t type, enum gguf_integer which)
{
    const struct integer *rule = &integers[which];
    struct gguf_reader *reader = &gguf->reader;
    if (type >= TYPES || !types[type].integer)
        return refuse_type(reader, type, "an integer");
    uint32_t bytes = types[type].bytes;
    const uint8_t *raw = gguf_bytes(reader, bytes);
    if (raw == NULL)
        return false;
    uint64_t value = gguf_little(raw, bytes);
    bool negative = types[type].sign && raw[bytes - 1] >= 128;
    if (!negative && value >= rule->least && value <= rule->most) {
        gguf->integers[which] = value;
        return true;
    }
    char range[48];
    struct text text;
    text_init(&text, range, sizeof range);
    text_format(&text, rule->least == rule->most ? "%llu" : "%llu..%llu", (unsigned long long)rule->least,
                (unsigned long long)rule->most);
    if (negative)
        return error_set(reader->error, ERROR_FORMAT, "gguf: %s is %lld, expected %s", rule->key,
                         (long long)(value | ~((UINT64_C(2) << (8 * bytes - 1)) - 1)), range);
    return error_set(reader->error, ERROR_FORMAT, "gguf: %s is %llu, expected %s", rule->key, (unsigned long long)value,
                     range);
}

/* ---- real numbers, words and truth values ---------------------------------------------------------------------- */

static const struct real {
    const char *key;
    float least, most;
    const char *expected;
} reals[] = {
    {"llama.attention.layer_norm_rms_epsilon", 1e-12f, 0.1f, "1e-12..0.1"},
    {"llama.rope.freq_base", 1.0f, 1e9f, "1..1000000000"},
    {"llama.rope.scaling.factor", 1.0f, 1.0f, "1"},
    {"llama.rope.scale_linear", 1.0f, 1.0f, "1"},
};

static bool read_real(struct gguf *gguf, uint32_t type, unsigned which)
{
    const struct real *rule = &reals[which];
    struct gguf_reader *reader = &gguf->reader;
    if (type != TYPE_FLOAT32)
        return refuse_type(reader, type, "float32");
    const uint8_t *raw = gguf_bytes(reader, 4);
    if (raw == NULL)
        return false;
    float value = gguf_float(raw);
    if (value >= rule->least && value <= rule->most) { /* NaN is not */
        if (which == 0)
            gguf->norm_epsilon = value;
        if (which == 1)
            gguf->rope_base = value;
        return true;
    }
    char shown[40];
    struct text text;
    text_init(&text, shown, sizeof shown);
    if (value >= 0 && value < 1e12f)
        text_micro(&text, (uint64_t)((double)value * 1e6 + 0.5), 0);
    else
        text_string(&text, value < 0 ? "negative" : "too large or not a number");
    return error_set(reader->error, ERROR_FORMAT, "gguf: %s is %s, expected %s", rule->key, shown, rule->expected);
}

static const struct word {
    const char *key, *expected;
} words[] = {
    {"general.architecture", "llama"},
    {"tokenizer.ggml.model", "llama"},
    {"llama.rope.scaling.type", "none"},
};

static bool read_word(struct gguf *gguf, uint32_t type, unsigned which)
{
    struct gguf_reader *reader = &gguf->reader;
    char key[GGUF_NAME_BYTES + 1];
    if (type != TYPE_STRING)
        return refuse_type(reader, type, "string");
    __builtin_memcpy(key, reader->name, sizeof key);
    if (!gguf_name(reader))
        return false;
    if (!string_equal(reader->name, words[which].expected))
        return error_set(reader->error, ERROR_VERSION, "gguf: %s is \"%.60s\", expected \"%s\"", key, reader->name,
                         words[which].expected);
    gguf->architecture |= which == 0;
    gguf->tokenizer_model |= which == 1;
    return true;
}

static const char *const truths[] = {"tokenizer.ggml.add_bos_token", "tokenizer.ggml.add_space_prefix",
                                     "llama.attention.causal"};

static bool read_truth(struct gguf *gguf, uint32_t type)
{
    struct gguf_reader *reader = &gguf->reader;
    if (type != TYPE_BOOL)
        return refuse_type(reader, type, "bool");
    const uint8_t *raw = gguf_bytes(reader, 1);
    if (raw == NULL)
        return false;
    return raw[0] == 1 ||
           error_set(reader->error, ERROR_FORMAT, "gguf: %s is %u, expected 1 (true)", reader->name, (unsigned)raw[0]);
}

/* ---- arrays ---------------------------------------------------------------------------------------------------- */

uint32_t gguf_token_text(const uint8_t *from, uint32_t count, uint8_t *to)
{
    uint32_t written = 0;
    for (uint32_t i = 0; i < count; i++, written++) {
        bool space = count - i >= 3 && from[i] == 0xe2 && from[i + 1] == 0x96 && from[i + 2] == 0x81; /* U+2581 */
        if (to != NULL)
            to[written] = space ? ' ' : from[i];
        i += space ? 2 : 0;
    }
    return written;
}

static bool read_strings(struct gguf *gguf, uint64_t count, bool tokens)
{
    struct gguf_reader *reader = &gguf->reader;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t length;
        if (!gguf_length(reader, tokens ? TOKEN_LIMIT : STRING_LIMIT, &length))
            return false;
        if (!tokens) {
            reader->at += length; /* gguf_length saw that it is there */
            continue;
        }
        const uint8_t *bytes = gguf_bytes(reader, (uint32_t)length);
        if (bytes == NULL)
            return false;
        int byte = byte_of_token(bytes, (uint32_t)length);
        if (byte >= 0 && i == FIRST_BYTE_TOKEN + (uint32_t)byte)
            gguf->byte_texts[byte / 64] |= UINT64_C(1) << byte % 64;
        uint32_t kept = gguf_token_text(bytes, (uint32_t)length, NULL);
        gguf->token_bytes += kept;
        gguf->longest_token = kept > gguf->longest_token ? kept : gguf->longest_token;
    }
    return true;
}

/* One element of the scores or of the types. A user-defined token would be looked for before all others. */
static bool check_element(struct gguf *gguf, const uint8_t *bytes, bool score, uint32_t id)
{
    const struct gguf_reader *reader = &gguf->reader;
    uint32_t value = (uint32_t)gguf_little(bytes, 4), byte = id - FIRST_BYTE_TOKEN;
    if (score)
        return (value & 0x7f800000u) != 0x7f800000u ||
               error_set(reader->error, ERROR_FORMAT, "gguf: %s of token %u is not a finite number", reader->name, id);
    if (value == GGUF_TYPE_BYTE && byte >= 256)
        return error_set(reader->error, ERROR_FORMAT, "gguf: %s says that token %u is a byte, expected %u to %u",
                         reader->name, id, FIRST_BYTE_TOKEN, FIRST_BYTE_TOKEN + 255);
    if (value == GGUF_TYPE_BYTE)
        gguf->byte_types[byte / 64] |= UINT64_C(1) << byte % 64;
    return (value >= GGUF_TYPE_TEXT && value <= GGUF_TYPE_BYTE && value != GGUF_TYPE_USER) ||
           error_set(reader->error, ERROR_FORMAT,
                     "gguf: %s of token %u is %d, expected 1 (text), 2 (unknown), 3 (control), 5 (unused) or 6 (byte)",
                     reader->name, id, (int32_t)value);
}

static bool read_elements(struct gguf *gguf, const struct gguf_array *array)
{
    for (uint32_t id = 0; id < array->count; id++) {
        const uint8_t *bytes = gguf_bytes(&gguf->reader, 4);
        if (bytes == NULL || !check_element(gguf, bytes, array == &gguf->scores, id))
            return false;
    }
    return true;
}

static struct gguf_array *known_array(struct gguf *gguf, uint32_t *ret_type)
{
    const char *key = gguf->reader.name;
    *ret_type = TYPE_STRING;
    if (string_equal(key, "tokenizer.ggml.tokens"))
        return &gguf->tokens;
    *ret_type = TYPE_FLOAT32;
    if (string_equal(key, "tokenizer.ggml.scores"))
        return &gguf->scores;
    *ret_type = TYPE_INT32;
    return string_equal(key, "tokenizer.ggml.token_type") ? &gguf->types : NULL;
}

static bool read_array(struct gguf *gguf)
{
    struct gguf_reader *reader = &gguf->reader;
    uint32_t type, wanted;
    uint64_t count, bytes;
    if (!gguf_u32(reader, &type) || !gguf_u64(reader, &count))
        return false;
    if (type >= TYPES || type == TYPE_ARRAY)
        return error_set(reader->error, ERROR_FORMAT, "gguf: %.100s is an array of type %u, expected 0..8 or 10..12",
                         reader->name, type);
    struct gguf_array *known = known_array(gguf, &wanted);
    if (known != NULL && type != wanted)
        return refuse_type(reader, type, types[wanted].name);
    const struct integer *vocabulary = &integers[GGUF_VOCABULARY];
    if (known != NULL && (count < vocabulary->least || count > vocabulary->most))
        return error_set(reader->error, ERROR_FORMAT, "gguf: %s has %llu elements, expected %llu..%llu", reader->name,
                         (unsigned long long)count, (unsigned long long)vocabulary->least,
                         (unsigned long long)vocabulary->most);
    if (known != NULL)
        *known = (struct gguf_array){reader->at, (uint32_t)count};
    if (type == TYPE_STRING)
        return read_strings(gguf, count, known != NULL);
    if (known != NULL)
        return read_elements(gguf, known);
    if (__builtin_mul_overflow(count, types[type].bytes, &bytes))
        return error_set(reader->error, ERROR_FORMAT, "gguf: %.100s has %llu elements, more than 2^64 bytes",
                         reader->name, (unsigned long long)count);
    return gguf_skip(reader, bytes);
}

/* ---- one key after the other ----------------------------------------------------------------------------------- */

static bool skip_value(struct gguf *gguf, uint32_t type)
{
    struct gguf_reader *reader = &gguf->reader;
    uint64_t length;
    if (type >= TYPES)
        return refuse_type(reader, type, "");
    if (type == TYPE_ARRAY)
        return read_array(gguf);
    if (type != TYPE_STRING)
        return gguf_skip(reader, types[type].bytes);
    return gguf_length(reader, STRING_LIMIT, &length) && gguf_skip(reader, length);
}

static bool read_value(struct gguf *gguf, uint32_t type)
{
    const char *key = gguf->reader.name;
    uint32_t wanted;
    for (unsigned i = 0; i < GGUF_INTEGERS; i++)
        if (string_equal(key, integers[i].key))
            return read_integer(gguf, type, (enum gguf_integer)i);
    for (unsigned i = 0; i < sizeof reals / sizeof reals[0]; i++)
        if (string_equal(key, reals[i].key))
            return read_real(gguf, type, i);
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (string_equal(key, words[i].key))
            return read_word(gguf, type, i);
    for (unsigned i = 0; i < sizeof truths / sizeof truths[0]; i++)
        if (string_equal(key, truths[i]))
            return read_truth(gguf, type);
    if (known_array(gguf, &wanted) != NULL && type != TYPE_ARRAY)
        return refuse_type(&gguf->reader, type, "array");
    return skip_value(gguf, type);
}

/* FNV-1a over 64 bits: two different keys of one file with the same value do not happen by chance. */
static bool remember_key(struct gguf *gguf, uint64_t index)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (const char *at = gguf->reader.name; *at != '\0'; at++)
        hash = (hash ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
    gguf->seen[index] = hash;
    for (uint64_t i = 0; i < index; i++)
        if (gguf->seen[i] == hash)
            return error_set(gguf->reader.error, ERROR_FORMAT, "gguf: the key %.100s is there twice",
                             gguf->reader.name);
    return true;
}

static bool check_required(struct gguf *gguf)
{
    struct error *error = gguf->reader.error;
    const char *missing = NULL;
    for (unsigned i = 0; i < GGUF_INTEGERS; i++)
        if (gguf->integers[i] == REQUIRED)
            missing = integers[i].key;
    if (gguf->norm_epsilon == 0)
        missing = reals[0].key;
    if (gguf->types.at == 0)
        missing = "tokenizer.ggml.token_type";
    if (gguf->scores.at == 0)
        missing = "tokenizer.ggml.scores";
    if (gguf->tokens.at == 0)
        missing = "tokenizer.ggml.tokens";
    if (!gguf->tokenizer_model)
        missing = words[1].key;
    if (!gguf->architecture)
        missing = words[0].key;
    if (missing != NULL)
        return error_set(error, ERROR_FORMAT, "gguf: the key %s is missing", missing);
    uint64_t alignment = gguf->integers[GGUF_ALIGNMENT];
    return (alignment & (alignment - 1)) == 0 ||
           error_set(error, ERROR_FORMAT, "gguf: general.alignment is %llu, expected a power of two",
                     (unsigned long long)alignment);
}

bool gguf_read_keys(struct gguf *gguf, uint64_t count)
{
    for (unsigned i = 0; i < GGUF_INTEGERS; i++)
        gguf->integers[i] = integers[i].otherwise;
    gguf->rope_base = 10000.0f;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t type;
        gguf->reader.name[0] = '\0';
        if (!gguf_name(&gguf->reader) || !remember_key(gguf, i) || !gguf_u32(&gguf->reader, &type) ||
            !read_value(gguf, type))
            return false;
    }
    return check_required(gguf);
}
