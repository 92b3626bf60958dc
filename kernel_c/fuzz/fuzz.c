/* fuzz.c - takes the place of the REPL in a booted simulator and gives the core inputs that nobody would write.
 *
 * FUZZ_SURFACE: command, wire, config, model, tokenizer or gguf. FUZZ_COUNT: how many inputs. FUZZ_SEED: which ones.
 * Every input lies in a block of its own length, so that the sanitisers see a read beyond it. An input is a seed that
 * was changed a few times: bytes replaced, inserted, taken out, doubled, or a number made extreme. See fuzz.py.
 */
#include "fuzz.h"

#include "commands.h"
#include "config.h"
#include "crc32.h"
#include "kernel.h"
#include "repl.h"
#include "tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state;
uint64_t taken;

uint32_t any(uint32_t below)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return below == 0 ? 0 : (uint32_t)((state * UINT64_C(0x2545F4914F6CDD1D)) >> 33) % below;
}

static void insert(struct input *input, const void *from, size_t count)
{
    if (input->length + count > MOST)
        return;
    size_t at = any((uint32_t)input->length + 1);
    memmove(input->bytes + at + count, input->bytes + at, input->length - at);
    memcpy(input->bytes + at, from, count);
    input->length += count;
}

static const char *const morsels[] = {
    "0", "-1", "18446744073709551615", "18446744073709551616", "4294967296", "2147483648", "0.0000001", "1e9", "nan",
    " ", "\t", "\r", "\n", "=", "\\", "#", ";", "@", "%", "%s%n", "\xff\xfe", "\xef\xbb\xbf", "\x1b[A", "\xc3", "/", "auto"};

void mutate(struct input *input)
{
    switch (any(7)) {
    case 0:
        if (input->length > 0)
            input->bytes[any((uint32_t)input->length)] ^= (uint8_t)(1u << any(8));
        break;
    case 1:
        if (input->length > 0)
            input->bytes[any((uint32_t)input->length)] = (uint8_t)any(256);
        break;
    case 2: {
        uint8_t byte = (uint8_t)any(256);
        insert(input, &byte, 1);
        break;
    }
    case 3: {
        const char *morsel = morsels[any(sizeof morsels / sizeof morsels[0])];
        insert(input, morsel, strlen(morsel));
        break;
    }
    case 4:
        if (input->length > 0) {
            size_t at = any((uint32_t)input->length), count = 1 + any(8);
            count = count > input->length - at ? input->length - at : count;
            memmove(input->bytes + at, input->bytes + at + count, input->length - at - count);
            input->length -= count;
        }
        break;
    case 5:
        if (input->length > 0) {
            uint8_t copy[64];
            size_t at = any((uint32_t)input->length), count = 1 + any(64);
            count = count > input->length - at ? input->length - at : count;
            memcpy(copy, input->bytes + at, count);
            insert(input, copy, count);
        }
        break;
    default:
        if (any(8) == 0)
            input->length = any((uint32_t)input->length + 1);
    }
}

static void seed_with(struct input *input, const void *from, size_t count)
{
    input->length = count > MOST ? MOST : count;
    memcpy(input->bytes, from, input->length);
}

uint8_t *boxed(const struct input *input)
{
    uint8_t *box = malloc(input->length > 0 ? input->length : 1);
    if (box == NULL)
        abort();
    memcpy(box, input->bytes, input->length);
    return box;
}

/* ---- command lines ---------------------------------------------------------------------------------------------- */

static const char *const commands[] = {
    "/temp 0.5", "/min_p 0.05", "/top_p 0.9", "/top_k 40", "/norepeat 4", "/repeat 1.15", "/max_tokens 20", "/seed 42",
    "/sampling", "/preset story", "/model", "/cpu", "/zones", "/zones verify", "/ctx", "/log 20", "/reset", "/version",
    "/help /temp", "/help", "/budget 1000000 2000000", "/budget auto", "/attn sse2", "/test_failsafe decode 1000",
    "/test_failsafe oob", "/stats 1", "/stop_you 0", "/stop_nl 1", "/clear", "/overflow slide", "/models", "/load a.bin",
    "/strict_budget 1", "/threads 1", "/save_img screen.ppm", "quit now", "exit ", "/get x"};

static void fuzz_command(struct kernel *kernel, struct input *input)
{
    static char printed[LINK_OUTPUT_BYTES];
    const char *seed = commands[any(sizeof commands / sizeof commands[0])];
    seed_with(input, seed, strlen(seed));
    for (uint32_t i = any(6); i > 0; i--)
        mutate(input);
    uint8_t *line = boxed(input);
    struct text out;
    text_init(&out, printed, sizeof printed);
    struct error error = {0};
    if (command_is((const char *)line, input->length)) {
        if (command_run(kernel, (const char *)line, input->length, &out, &error))
            taken++;
        else if (error.text[0] == '\0')
            abort(); /* a refusal without a word */
    }
    kernel->after = KERNEL_STAY;
    if (kernel->sentinel.state == WIRE_SENTINEL_STATE_TRIPPED)
        sentinel_reset(kernel);
    free(line);
}

/* ---- lines of the protocol -------------------------------------------------------------------------------------- */

static const char *const requests[] = {
    "op=ping", "op=info", "op=stat k=zones", "op=stat k=sentinel", "op=dict", "op=sub k=zones hz=5", "op=sub k=perf hz=0",
    "op=log lv=debug i=3 n=9", "op=tok g=1 i=0 n=9", "op=out i=0 n=9 of=7", "op=last", "op=text s=Once%20upon o=0",
    "op=gen s=a%20time o=9", "op=run s=/ctx o=0", "op=stop", "op=set par=temp v=0.5", "op=set par=overflow v=slide",
    "op=get par=seed", "op=open s=llmk-dump.txt", "op=open s=mem:dump", "op=data o=10 n=20", "op=close", "op=bye"};

static void fuzz_wire(struct kernel *kernel, struct input *input)
{
    char whole[MOST];
    const char *seed = requests[any(sizeof requests / sizeof requests[0])];
    int length = any(10) == 0
                     ? snprintf(whole, sizeof whole, "@h %04x p=1 sid=%x n=%x", any(65536), any(65536), any(65536))
                     : snprintf(whole, sizeof whole, "@q %04x id=%u %s", any(65536), 1 + any(65535), seed);
    seed_with(input, whole, (size_t)length);
    for (uint32_t i = any(5); i > 0; i--)
        mutate(input);
    if (any(8) != 0 && input->length > 0) { /* mostly with a right sum: what comes behind it is to be reached */
        char sum[24];
        int count =
            snprintf(sum, sizeof sum, "*%08x\r\n", (unsigned)crc32(input->bytes + 1, input->length - 1));
        if (input->length + (size_t)count <= MOST) {
            memcpy(input->bytes + input->length, sum, (size_t)count);
            input->length += (size_t)count;
        }
    }
    for (uint32_t i = any(8) == 0 ? any(4) : 0; i > 0; i--)
        mutate(input);
    uint8_t *line = boxed(input);
    const char *frame = kernel->link.receiver.line;
    for (size_t i = 0; i < input->length; i++) {
        if (wire_receive(&kernel->link.receiver, line[i]) != WIRE_FRAME)
            continue;
        taken++;
        struct wire_host_record record;
        wire_read(frame, &record);
        if (frame[1] == 'q')
            link_request(kernel, &record);
    }
    kernel->link.session.waiting_id = 0; /* what waits for the REPL loop would run a generation */
    kernel->link.machine = true;
    free(line);
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

static const char configuration[] =
    "# a comment\ntemp = 0.5\ntop_k=40 ; more\n\nmodel = stories.bin\nseed = 18446744073709551615\nbudget_decode = 5\n"
    "stop_you=1\r\nbaud = 115200\nattn = auto\nmax_tokens = 10\noverflow = slide\n";

static void fuzz_config(struct kernel *kernel, struct input *input)
{
    seed_with(input, configuration, sizeof configuration - 1);
    for (uint32_t i = 1 + any(8); i > 0; i--)
        mutate(input);
    uint8_t *text = boxed(input);
    taken += config_apply(kernel, (const char *)text, input->length) == 0;
    free(text);
}

static void put32(struct input *input, size_t at, uint32_t value)
{
    for (unsigned i = 0; i < 4 && at + i < input->length; i++)
        input->bytes[at + i] = (uint8_t)(value >> 8 * i);
}

uint32_t extreme(void)
{
    static const uint32_t values[] = {0,     1,     2,          7,          16,         63,         64,        288,
                                      32000, 65536, 0x7fffffff, 0x80000000, 0xffffffff, 0xffff8300, 0x10000000};
    return any(3) == 0 ? any(1u << (1 + any(31))) : values[any(sizeof values / sizeof values[0])];
}

/* Headers of the three versions with fields of all sizes; the file is as long as it must be, nearly so, or not at all. */
static void fuzz_model(struct kernel *kernel, struct input *input)
{
    static const uint32_t sound[7] = {64, 172, 5, 8, 4, 512, 512};
    (void)kernel;
    bool legacy = any(2) == 0;
    memset(input->bytes, 0, MODEL_HEADER_BYTES);
    input->length = legacy ? MODEL_LEGACY_HEADER_BYTES : MODEL_HEADER_BYTES;
    if (!legacy) {
        put32(input, 0, 0x616b3432);
        put32(input, 4, any(8) == 0 ? any(5) : 1 + any(2));
        input->bytes[36] = (uint8_t)any(2); /* shared classifier */
        put32(input, 37, any(4) == 0 ? extreme() : 32u << any(3));
    }
    for (unsigned i = 0; i < 7; i++)
        put32(input, (legacy ? 0u : 8u) + 4 * i, any(4) == 0 ? extreme() : sound[i]);
    for (uint32_t i = any(4) == 0 ? any(4) : 0; i > 0; i--)
        mutate(input);
    uint8_t *header = boxed(input);
    struct model_config config;
    struct error error = {0};
    uint64_t length = (uint64_t)extreme() * (any(2) + 1);
    if (!model_config_parse(header, input->length, length, &config, &error) && error.text[0] == '\0')
        abort();
    const char *needed = strstr(error.text, "its header needs ");
    if (needed != NULL)
        length = strtoull(needed + strlen("its header needs "), NULL, 10); /* then a file of that length */
    if (model_config_parse(header, input->length, length, &config, &error)) {
        taken++;
        struct model_need need;
        model_need(&config, &need);
        if (need.weights == 0 || need.kv == 0 || need.weights % 64 != 0)
            abort(); /* accepted, and then computed to nothing */
    }
    free(header);
}

static size_t sound_tokenizer(uint8_t *to, uint32_t vocabulary)
{
    size_t at = 4;
    memcpy(to, "\x04\0\0\0", 4);
    for (uint32_t id = 0; id < vocabulary && at + 12 < MOST; id++) {
        float score = -(float)id;
        uint32_t length = 1 + id % 4;
        memcpy(to + at, &score, 4);
        memcpy(to + at + 4, &length, 4);
        for (uint32_t i = 0; i < length; i++)
            to[at + 8 + i] = (uint8_t)('a' + (id + i) % 26);
        at += 8 + length;
    }
    return at;
}

static void fuzz_tokenizer(struct kernel *kernel, struct input *input)
{
    uint32_t vocabulary = 1 + any(150);
    (void)kernel;
    input->length = sound_tokenizer(input->bytes, vocabulary);
    for (uint32_t i = any(5); i > 0; i--)
        mutate(input);
    if (any(3) == 0)
        put32(input, any(4) == 0 ? 0 : any((uint32_t)input->length + 1), extreme());
    uint8_t *file = boxed(input);
    struct error error = {0};
    uint64_t need = tokenizer_need(input->length, vocabulary, &error);
    if (need > 0 && need < (1u << 24)) {
        void *memory = aligned_alloc(64, (need + 63) / 64 * 64);
        struct tokenizer tokenizer;
        if (memory == NULL)
            abort();
        memset(memory, 0, (need + 63) / 64 * 64);
        if (tokenizer_load(&tokenizer, file, input->length, vocabulary, memory, &error)) {
            taken++;
            uint32_t ids[80];
            size_t count = 0;
            if (tokenizer_encode(&tokenizer, "abc xyz \xc3\xbd\x80", 11, true, ids, 80, &count, &error))
                for (size_t i = 1; i < count; i++) {
                    size_t bytes;
                    (void)tokenizer_decode(&tokenizer, ids[i - 1], ids[i], &bytes);
                }
        } else if (error.text[0] == '\0')
            abort();
        free(memory);
    }
    free(file);
}

static const struct {
    const char *name;
    void (*run)(struct kernel *kernel, struct input *input);
} surfaces[] = {{"command", fuzz_command}, {"wire", fuzz_wire},           {"config", fuzz_config},
                {"model", fuzz_model},     {"tokenizer", fuzz_tokenizer}, {"gguf", fuzz_gguf}};

int repl_run(struct kernel *kernel)
{
    const char *name = getenv("FUZZ_SURFACE"), *count = getenv("FUZZ_COUNT"), *seed = getenv("FUZZ_SEED");
    unsigned long long inputs = count != NULL ? strtoull(count, NULL, 10) : 10000;
    for (size_t i = 0; i < sizeof surfaces / sizeof surfaces[0]; i++) {
        if (name == NULL || strcmp(surfaces[i].name, name) != 0)
            continue;
        struct input input = {.length = 0};
        for (unsigned long long done = 0; done < inputs; done++) {
            /* Each input has a state of its own, so that a finding is made again by its number alone. */
            state = (seed != NULL ? strtoull(seed, NULL, 10) : 1) * UINT64_C(0x9E3779B97F4A7C15) + done + 1;
            (void)any(2);
            surfaces[i].run(kernel, &input);
        }
        printf("%s: %llu inputs, %llu accepted, no finding\n", name, inputs, (unsigned long long)taken);
        return 0;
    }
    fprintf(stderr, "FUZZ_SURFACE is %s; expected command, wire, config, model, tokenizer or gguf\n",
            name ? name : "not set");
    return 2;
}
