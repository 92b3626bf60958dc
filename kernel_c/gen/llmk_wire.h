/* Generated from protocol/llmbm_protocol by `llmbm-wire gen`: change the schema, not this file. */
#ifndef LLMK_WIRE_H
#define LLMK_WIRE_H

#include "error.h"
#include "text.h"
#include "wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_PROTOCOL 1u
#define WIRE_REVISION 0u
#define WIRE_MAX_LINE 240u
#define WIRE_MAX_FIELDS 24u
#define WIRE_WINDOW 15u
#define WIRE_ENQUIRY 28u
#define WIRE_ENQUIRIES 4u
#define WIRE_HEARTBEAT_MS 250u
#define WIRE_EXPIRY_MS 10000u
#define WIRE_SCHEMA_ID 0x5cb79851u
#define WIRE_TOKEN_TEXT_BYTES 40u
#define WIRE_WORD_TEXT_BYTES 40u
#define WIRE_OUTPUT_TEXT_BYTES 60u
#define WIRE_DATA_DATA_BYTES 64u
#define WIRE_REQUEST_TEXT_BYTES 56u
#define WIRE_RESPONSE_MESSAGE_OCTETS 70u /* escaped; a longer one comes in O frames */

/* Index of an enumeration in wire_word_lists. */
enum wire_words {
    WIRE_WORDS_ERROR_CODE,
    WIRE_WORDS_PHASE,
    WIRE_WORDS_STOP_REASON,
    WIRE_WORDS_LOG_LEVEL,
    WIRE_WORDS_LOG_CODE,
    WIRE_WORDS_ARENA,
    WIRE_WORDS_SENTINEL_STATE,
    WIRE_WORDS_SENTINEL_ERROR,
    WIRE_WORDS_SENTINEL_PHASE,
    WIRE_WORDS_LEAVE_REASON,
    WIRE_WORDS_STREAM,
    WIRE_WORDS_OP,
};
extern const char *const wire_word_lists[12]; /* see strings_at */
/* The word with this number, "?" beyond the list. */
static inline const char *wire_word(enum wire_words list, unsigned number)
{
    return strings_at(wire_word_lists[list], number);
}

/* Why a request failed. */
enum wire_error_code {
    WIRE_ERROR_CODE_OP,
    WIRE_ERROR_CODE_ARG,
    WIRE_ERROR_CODE_RANGE,
    WIRE_ERROR_CODE_BUSY,
    WIRE_ERROR_CODE_STATE,
    WIRE_ERROR_CODE_IO,
    WIRE_ERROR_CODE_NOSPACE,
    WIRE_ERROR_CODE_TOOLONG,
    WIRE_ERROR_CODE_VERSION,
    WIRE_ERROR_CODE_FORMAT,
    WIRE_ERROR_CODE_INTERNAL,
};
#define WIRE_ERROR_CODE_COUNT 11u
static inline const char *wire_error_code_word(enum wire_error_code value)
{
    return wire_word(WIRE_WORDS_ERROR_CODE, (unsigned)value);
}

/* What the engine does. */
enum wire_phase {
    WIRE_PHASE_IDLE,
    WIRE_PHASE_PREFILL,
    WIRE_PHASE_DECODE,
    WIRE_PHASE_LOAD,
    WIRE_PHASE_RESCUE,
    WIRE_PHASE_BENCH,
};
#define WIRE_PHASE_COUNT 6u
static inline const char *wire_phase_word(enum wire_phase value)
{
    return wire_word(WIRE_WORDS_PHASE, (unsigned)value);
}

/* Why a generation ended. */
enum wire_stop_reason {
    WIRE_STOP_REASON_EOS,
    WIRE_STOP_REASON_MAX_TOKENS,
    WIRE_STOP_REASON_STOPPED,
    WIRE_STOP_REASON_PATTERN,
    WIRE_STOP_REASON_CONTEXT,
    WIRE_STOP_REASON_TRIP,
};
#define WIRE_STOP_REASON_COUNT 6u
static inline const char *wire_stop_reason_word(enum wire_stop_reason value)
{
    return wire_word(WIRE_WORDS_STOP_REASON, (unsigned)value);
}

/* How much an event matters. */
enum wire_log_level {
    WIRE_LOG_LEVEL_DEBUG,
    WIRE_LOG_LEVEL_INFO,
    WIRE_LOG_LEVEL_WARN,
    WIRE_LOG_LEVEL_ERROR,
};
#define WIRE_LOG_LEVEL_COUNT 4u
static inline const char *wire_log_level_word(enum wire_log_level value)
{
    return wire_word(WIRE_WORDS_LOG_LEVEL, (unsigned)value);
}

/* What an event is about. */
enum wire_log_code {
    WIRE_LOG_CODE_INFO,
    WIRE_LOG_CODE_ALLOC_FAIL,
    WIRE_LOG_CODE_OOB,
    WIRE_LOG_CODE_RO_WRITE,
    WIRE_LOG_CODE_BUDGET,
    WIRE_LOG_CODE_GUARD,
    WIRE_LOG_CODE_FAILSAFE,
    WIRE_LOG_CODE_TOKEN,
    WIRE_LOG_CODE_LOAD,
    WIRE_LOG_CODE_FILE,
    WIRE_LOG_CODE_PARAM,
    WIRE_LOG_CODE_LINK,
    WIRE_LOG_CODE_CONTEXT,
};
#define WIRE_LOG_CODE_COUNT 13u
static inline const char *wire_log_code_word(enum wire_log_code value)
{
    return wire_word(WIRE_WORDS_LOG_CODE, (unsigned)value);
}

/* The kernel's memory regions, in address order; `none` where an event has no arena. */
enum wire_arena {
    WIRE_ARENA_NONE,
    WIRE_ARENA_WEIGHTS,
    WIRE_ARENA_KV,
    WIRE_ARENA_SCRATCH,
    WIRE_ARENA_ACTS,
    WIRE_ARENA_ZONEC,
    WIRE_ARENA_KEEP,
};
#define WIRE_ARENA_COUNT 7u
static inline const char *wire_arena_word(enum wire_arena value)
{
    return wire_word(WIRE_WORDS_ARENA, (unsigned)value);
}

/* Whether budgets are enforced and whether one was broken. */
enum wire_sentinel_state {
    WIRE_SENTINEL_STATE_DISARMED,
    WIRE_SENTINEL_STATE_ARMED,
    WIRE_SENTINEL_STATE_TRIPPED,
};
#define WIRE_SENTINEL_STATE_COUNT 3u
static inline const char *wire_sentinel_state_word(enum wire_sentinel_state value)
{
    return wire_word(WIRE_WORDS_SENTINEL_STATE, (unsigned)value);
}

/* What the sentinel found last. */
enum wire_sentinel_error {
    WIRE_SENTINEL_ERROR_OK,
    WIRE_SENTINEL_ERROR_ALLOC,
    WIRE_SENTINEL_ERROR_OOB,
    WIRE_SENTINEL_ERROR_RO_WRITE,
    WIRE_SENTINEL_ERROR_BUDGET,
    WIRE_SENTINEL_ERROR_GUARD,
};
#define WIRE_SENTINEL_ERROR_COUNT 6u
static inline const char *wire_sentinel_error_word(enum wire_sentinel_error value)
{
    return wire_word(WIRE_WORDS_SENTINEL_ERROR, (unsigned)value);
}

/* The part of the work a budget belongs to. */
enum wire_sentinel_phase {
    WIRE_SENTINEL_PHASE_GENERIC,
    WIRE_SENTINEL_PHASE_PREFILL,
    WIRE_SENTINEL_PHASE_DECODE,
};
#define WIRE_SENTINEL_PHASE_COUNT 3u
static inline const char *wire_sentinel_phase_word(enum wire_sentinel_phase value)
{
    return wire_word(WIRE_WORDS_SENTINEL_PHASE, (unsigned)value);
}

/* Why the kernel went back to human mode. */
enum wire_leave_reason {
    WIRE_LEAVE_REASON_BYE,
    WIRE_LEAVE_REASON_BREAK,
    WIRE_LEAVE_REASON_CTRL_C,
    WIRE_LEAVE_REASON_EXPIRED,
    WIRE_LEAVE_REASON_REBOOT,
};
#define WIRE_LEAVE_REASON_COUNT 5u
static inline const char *wire_leave_reason_word(enum wire_leave_reason value)
{
    return wire_word(WIRE_WORDS_LEAVE_REASON, (unsigned)value);
}

/* What can be subscribed to, and asked for by `stat`. The last seven are sent on request and on change, not
 * periodically. */
enum wire_stream {
    WIRE_STREAM_PERF,
    WIRE_STREAM_KV,
    WIRE_STREAM_ZONES,
    WIRE_STREAM_SENTINEL,
    WIRE_STREAM_SAMPLING,
    WIRE_STREAM_ZONE,
    WIRE_STREAM_MODEL,
    WIRE_STREAM_TOKENIZER,
    WIRE_STREAM_CPU,
    WIRE_STREAM_VERSION,
    WIRE_STREAM_LOAD,
    WIRE_STREAM_BENCH,
};
#define WIRE_STREAM_COUNT 12u
static inline const char *wire_stream_word(enum wire_stream value)
{
    return wire_word(WIRE_WORDS_STREAM, (unsigned)value);
}

/* What a host can ask for. */
enum wire_op {
    WIRE_OP_PING, /* answers with the kernel's time */
    WIRE_OP_INFO, /* sends version, cpu, model, tok, samp, sent, kv and every zone record, and bench if it was run */
    WIRE_OP_STAT, /* sends one record (every arena for zone) */
    WIRE_OP_DICT, /* sends the schema as text in O frames, a line per record */
    /* sends samples of a stream up to `hz` times a second; the value of the response is the rate granted */
    WIRE_OP_SUB,
    WIRE_OP_LOG, /* with i: sends events from that number again; with lv: least level of the events sent from now on */
    WIRE_OP_TOK, /* sends tokens of the last generation again */
    /* sends a C frame with each token from now on, with at most `n` of the likeliest tokens; 0 ends it; the value
     * of the response is the number granted */
    WIRE_OP_PROB,
    WIRE_OP_WORD, /* sends the texts of tokens, whose ids are given with a space between them */
    WIRE_OP_OUT, /* sends pieces of the last command's output again */
    WIRE_OP_LAST, /* sends the last generation's F frame again */
    WIRE_OP_TEXT, /* stages a piece of a long prompt or line; offset 0 begins anew */
    WIRE_OP_GEN, /* continues the story with the staged text and this last piece */
    WIRE_OP_RUN, /* runs a REPL command line (staged text and this last piece) */
    WIRE_OP_STOP, /* stops the generation, or what `/bench` measures */
    WIRE_OP_SET, /* sets a parameter; the response has the accepted value */
    WIRE_OP_GET, /* the value of a parameter */
    /* takes a copy of a file, or of the dump made now (`mem:dump`); the response has its size and CRC-32 */
    WIRE_OP_OPEN,
    WIRE_OP_DATA, /* sends bytes of that copy in D frames as the line has room, then the response */
    WIRE_OP_CLOSE, /* forgets the copy */
    WIRE_OP_BYE, /* back to human mode */
    WIRE_OP_REBOOT, /* restarts the machine after the response */
};
#define WIRE_OP_COUNT 22u
static inline const char *wire_op_word(enum wire_op value)
{
    return wire_word(WIRE_WORDS_OP, (unsigned)value);
}

struct wire_operation {
    uint32_t required;   /* mask of enum wire_argument */
    uint32_t while_busy; /* 1: accepted while a generation runs */
};
extern const struct wire_operation wire_operations[WIRE_OP_COUNT];

/* Bits of what an operation requires, and of what a request has. */
enum wire_argument {
    WIRE_ARGUMENT_STREAM = 0x4, /* key k */
    WIRE_ARGUMENT_PARAMETER = 0x8, /* key par */
    WIRE_ARGUMENT_VALUE = 0x10, /* key v */
    WIRE_ARGUMENT_TEXT = 0x20, /* key s */
    WIRE_ARGUMENT_OFFSET = 0x40, /* key o */
    WIRE_ARGUMENT_RATE = 0x80, /* key hz */
    WIRE_ARGUMENT_LEVEL = 0x100, /* key lv */
    WIRE_ARGUMENT_GENERATION = 0x200, /* key g */
    WIRE_ARGUMENT_INDEX = 0x400, /* key i */
    WIRE_ARGUMENT_COUNT = 0x800, /* key n */
    WIRE_ARGUMENT_OF = 0x1000, /* key of */
};

/* The kernel's answer to a host's hello, and one beacon at boot in human mode (without nonce). */
struct wire_hello {
    uint32_t protocol; /* protocol version */
    uint32_t revision; /* revision of that version */
    uint32_t schema_id; /* CRC-32 of the canonical schema */
    uint32_t boot; /* random per boot */
    uint32_t machine; /* 1: the line is in machine mode now; 0: human mode (beacon) */
    uint32_t window_idle; /* credit window while idle, bytes */
    uint32_t window_busy; /* credit window while computing, bytes */
    uint32_t max_line; /* longest frame the kernel accepts, bytes */
    uint32_t baud; /* line speed in bits per second, 0 when the line has none */
    const char *nonce; /* the hello's nonce, echoed */
    const char *version; /* kernel name and version */
};

enum wire_response_has {
    WIRE_RESPONSE_HAS_COUNT = 0x8, /* key n */
    WIRE_RESPONSE_HAS_VALUE = 0x10, /* key v */
    WIRE_RESPONSE_HAS_GENERATION = 0x20, /* key g */
    WIRE_RESPONSE_HAS_ERROR = 0x80, /* key e */
    WIRE_RESPONSE_HAS_FIELD = 0x100, /* key f */
    WIRE_RESPONSE_HAS_SIZE = 0x200, /* key z */
    WIRE_RESPONSE_HAS_CHECKSUM = 0x400, /* key crc */
    WIRE_RESPONSE_HAS_MESSAGE = 0x800, /* key m */
};
/* The answer to one request; repeated from the replay cache when the request is repeated. */
struct wire_response {
    uint32_t has; /* which of the fields that may be missing */
    uint32_t id; /* id of the request */
    uint32_t ok; /* 1: done; 0: refused or failed, nothing was changed */
    uint32_t count; /* how many O, E, T, S or D frames were sent for this request */
    uint32_t generation; /* number of the generation that was started */
    uint32_t busy; /* 1: the kernel computes now */
    enum wire_error_code error; /* what kind of failure */
    uint32_t size; /* bytes of the file that was opened */
    uint32_t checksum; /* CRC-32 of all of them */
    uint64_t time; /* kernel time when the answer was made, ms */
    const char *value; /* the accepted or asked value */
    const char *field; /* the argument at fault */
    const char *message; /* what was wrong and what was expected; with `n` the whole of it came in O frames */
};

/* One generated token. A token longer than the text field comes in parts with the same index. */
struct wire_token {
    uint32_t generation; /* number of the generation since boot */
    uint32_t index; /* 0 for its first generated token */
    uint32_t part; /* part of a long token */
    uint32_t more; /* 1: another part follows */
    uint32_t token; /* token id */
    uint64_t time; /* kernel time, ms */
    uint64_t cycles; /* cycles of the forward pass that led to it, for each of its tokens */
    const uint8_t *text; /* its bytes, perhaps an incomplete UTF-8 sequence */
    size_t text_length;
};

enum wire_choice_has {
    WIRE_CHOICE_HAS_OTHERWISE = 0x400, /* key u */
};
/* How the token with the same `g` and `i` was chosen. Sent behind it to a host that asked with `prob`. */
struct wire_choice {
    uint32_t has; /* which of the fields that may be missing */
    uint32_t generation; /* number of the generation */
    uint32_t index; /* index of the token */
    uint32_t dropped; /* choices not sent since the last one, for want of room */
    uint32_t temperature; /* in force; with 0 (greedy) all shares are those at 1 (millionths) */
    uint32_t probability; /* of the token among all, before min_p, top_k and top_p (millionths) */
    uint32_t rank; /* 1 is the likeliest */
    uint32_t banned; /* tokens that the n-gram ban took out */
    uint32_t weakened; /* 1: the repetition penalty acted on the token */
    uint32_t otherwise; /* what would be the likeliest without ban and penalty, when it is another */
    uint64_t kept_count;
    uint64_t kept[3]; /* tokens that min_p, then top_k, then top_p left over; none of them applies to a greedy choice */
    uint64_t rest_count;
    uint64_t rest[2]; /* millionths that all tokens outside the list have together, at this temperature and at 2 */
    const char *likeliest; /* the likeliest tokens, see section 9 */
};

/* The text of one token of the vocabulary, for a host that asked with `word`. */
struct wire_word {
    uint32_t token; /* token id */
    const uint8_t *text; /* its bytes, the first 40 of a longer one */
    size_t text_length;
};

/* The end of a generation. Never dropped, and asked again with the operation `last`. */
struct wire_finished {
    uint32_t generation; /* number of the generation */
    enum wire_stop_reason reason; /* why it ended */
    uint32_t tokens; /* generated tokens */
    uint32_t prompt_tokens; /* prompt tokens that were prefilled, BOS included */
    uint32_t kv_rows; /* rows in the KV cache now */
    uint32_t turn; /* turn of the conversation, 1 is the first */
    uint32_t decode_mb_s; /* weights and KV cache read while decoding, 10^6 bytes per second */
    uint32_t read_mb_s; /* what reading the weights alone brings here, see the stream `bench`; 0: not measured */
    uint64_t time; /* kernel time, ms */
    uint64_t prefill_us; /* time of the prefill, microseconds */
    uint64_t decode_us; /* time from the end of prefill to the last token, microseconds */
};

/* One entry of the log ring. */
struct wire_event {
    uint32_t number; /* number since boot, 0 is the first; a gap is seen and asked again with `log` */
    enum wire_log_level level; /* how much it matters */
    enum wire_log_code code; /* what it is about */
    enum wire_arena arena; /* the arena concerned */
    uint64_t time; /* kernel time, ms */
    uint64_t first; /* first value (an address, a cycle count): its meaning goes with the code */
    uint64_t second; /* second value (a size, a limit) */
    const char *message; /* text */
};

/* A piece of what a REPL command printed. */
struct wire_output {
    uint32_t id; /* id of the request that ran it */
    uint32_t index; /* 0 for the first piece */
    const uint8_t *text; /* bytes, LF at line ends */
    size_t text_length;
};

/* A piece of the open file. */
struct wire_data {
    uint32_t id; /* id of the request that asked for it */
    uint32_t offset; /* bytes of the file before this piece */
    const uint8_t *data; /* bytes */
    size_t data_length;
};

/* How much the host may send, and the heartbeat: at least every 250 ms in machine mode. */
struct wire_credit {
    uint32_t consumed; /* bytes taken from the line since the hello, mod 2^32 */
    uint32_t window; /* bytes that may be under way beyond `consumed` */
    enum wire_phase phase; /* what the engine does */
    uint32_t generation; /* number of the last generation */
    uint32_t tokens; /* tokens of it so far: a lost last token is seen */
    uint32_t events; /* log events so far: a lost last event is seen */
    uint32_t enquiry; /* the last enquiry taken since the hello: what was sent before it is here or lost */
};

/* What the kernel's end of the line has seen go wrong since the hello. */
struct wire_counters {
    uint32_t overrun; /* receiver overruns (LSR.OE) */
    uint32_t framing; /* framing errors */
    uint32_t breaks; /* breaks */
    uint32_t checksum; /* lines with a wrong CRC */
    uint32_t too_long; /* lines over the limit */
    uint32_t malformed; /* lines with a right CRC that break the grammar */
    uint32_t dropped; /* frames not sent for want of room */
};

/* The kernel goes back to human mode after this line. */
struct wire_leave {
    enum wire_leave_reason why; /* which way out was taken */
};

/* How fast it goes. */
struct wire_perf {
    uint64_t time; /* kernel time when it was taken, ms */
    uint32_t number; /* samples of this stream since the hello: a gap is a loss */
    uint32_t dropped; /* samples of this stream not sent since the last one */
    enum wire_phase phase; /* what the engine does */
    uint32_t generation; /* number of the last generation */
    uint32_t tokens; /* tokens of it so far */
    uint32_t token_us; /* time of the last token, microseconds */
    uint32_t prompt_done; /* prompt tokens prefilled so far */
    uint32_t prompt_total; /* prompt tokens of this turn */
    uint64_t decode_rate; /* tokens per second over this turn's decode (0 before the second token) (millionths) */
    uint32_t decode_mb_s; /* weights and KV cache read in that time, 10^6 bytes per second */
    uint32_t read_mb_s; /* what reading the weights alone brings here, see the stream `bench`; 0: not measured */
};

/* How full the context is. */
struct wire_kv_cache {
    uint64_t time; /* kernel time when it was taken, ms */
    uint32_t number; /* samples of this stream since the hello: a gap is a loss */
    uint32_t dropped; /* samples of this stream not sent since the last one */
    uint32_t rows; /* cached rows */
    uint32_t capacity; /* rows in all (seq_len) */
    uint32_t row_bytes; /* bytes of one row over all layers */
    uint64_t turns_count;
    uint64_t turns[12]; /* first row of each of the last twelve turns */
    uint32_t generation; /* number of the last generation: the last of `ts` is where its turn begins */
};

/* Used and size of each arena in bytes: the short form, for periodic sending. */
struct wire_zones {
    uint64_t time; /* kernel time when it was taken, ms */
    uint32_t number; /* samples of this stream since the hello: a gap is a loss */
    uint32_t dropped; /* samples of this stream not sent since the last one */
    uint64_t weights_count;
    uint64_t weights[2]; /* used, size */
    uint64_t kv_count;
    uint64_t kv[2]; /* used, size */
    uint64_t scratch_count;
    uint64_t scratch[2]; /* used, size */
    uint64_t acts_count;
    uint64_t acts[2]; /* used, size */
    uint64_t zonec_count;
    uint64_t zonec[2]; /* used, size */
    uint64_t keep_count;
    uint64_t keep[2]; /* used, size */
};

/* Budgets and what became of them; cycles. */
struct wire_sentinel {
    uint64_t time; /* kernel time when it was taken, ms */
    uint32_t number; /* samples of this stream since the hello: a gap is a loss */
    uint32_t dropped; /* samples of this stream not sent since the last one */
    enum wire_sentinel_state state; /* armed, disarmed, tripped */
    uint32_t strict; /* 1: an overrun trips; 0: it is logged */
    enum wire_sentinel_error error; /* last error */
    enum wire_sentinel_phase phase; /* phase of the last error */
    uint64_t prefill; /* last prefill pass, for each of its tokens */
    uint64_t prefill_budget; /* its budget, 0 before anything was learnt */
    uint32_t prefill_pinned; /* 1: set by a person; 0: learnt */
    uint32_t prefill_overruns; /* overruns since the last reset */
    uint64_t decode; /* last decode pass */
    uint64_t decode_budget; /* its budget */
    uint32_t decode_pinned; /* 1: set by a person; 0: learnt */
    uint32_t decode_overruns; /* overruns since the last reset */
    uint64_t percentiles_count;
    uint64_t percentiles[3]; /* 50th, 95th and 99th percentile of the last 256 decode passes */
};

/* The sampling parameters in force. */
struct wire_sampling_state {
    uint64_t time; /* kernel time when it was taken, ms */
    uint32_t number; /* samples of this stream since the hello: a gap is a loss */
    uint32_t dropped; /* samples of this stream not sent since the last one */
    uint32_t temperature; /* 0 is greedy (millionths) */
    uint32_t min_p; /* 0 is off (millionths) */
    uint32_t top_p; /* 1 is off (millionths) */
    uint32_t top_k; /* 0 is off */
    uint32_t no_repeat_ngram; /* 0 is off */
    uint32_t repeat_penalty; /* 1 is off (millionths) */
    uint32_t max_tokens; /* most tokens of one answer */
    uint64_t seed; /* seed of the next draw */
};

/* One arena in full. */
struct wire_zone {
    uint64_t time; /* kernel time when it was taken, ms */
    uint32_t number; /* samples of this stream since the hello: a gap is a loss */
    uint32_t dropped; /* samples of this stream not sent since the last one */
    enum wire_arena arena; /* which */
    uint64_t base; /* address */
    uint64_t size; /* bytes */
    uint64_t used; /* bytes */
    uint64_t peak; /* largest used since boot, bytes */
    uint32_t read_only; /* 1: no writes after loading */
    uint32_t guard_ok; /* 1: the guard bytes behind it are intact */
    const char *last_tag; /* what the last allocation was for */
    uint64_t last_bytes; /* bytes of the last allocation */
};

/* The loaded model. */
struct wire_model {
    uint64_t time; /* kernel time when it was taken, ms */
    uint32_t number; /* samples of this stream since the hello: a gap is a loss */
    uint32_t dropped; /* samples of this stream not sent since the last one */
    const char *file; /* name on the volume, empty when none is loaded */
    const char *format; /* numbers and file format: fp32-v0, int8-v2, fp32-gguf */
    uint32_t group; /* weights that share one scale, 0 for fp32 */
    uint32_t dim; /* width of the residual stream */
    uint32_t hidden_dim; /* width of the feed-forward layer */
    uint32_t layers; /* transformer layers */
    uint32_t heads; /* query heads */
    uint32_t kv_heads; /* key/value heads */
    uint32_t vocab; /* tokens of the vocabulary */
    uint32_t seq_len; /* rows of the context */
    uint32_t shared; /* 1: the classifier is the embedding */
    uint64_t parameters; /* number of weights */
    uint64_t bytes; /* size of the file */
};

/* The loaded tokenizer. */
struct wire_tokenizer_state {
    uint64_t time; /* kernel time when it was taken, ms */
    uint32_t number; /* samples of this stream since the hello: a gap is a loss */
    uint32_t dropped; /* samples of this stream not sent since the last one */
    const char *file; /* name on the volume, empty when none is loaded */
    uint32_t vocab; /* tokens */
    uint32_t longest; /* bytes of the longest token */
};

/* The processor and the clock. */
struct wire_cpu {
    uint64_t time; /* kernel time when it was taken, ms */
    uint32_t number; /* samples of this stream since the hello: a gap is a loss */
    uint32_t dropped; /* samples of this stream not sent since the last one */
    const char *brand; /* CPUID brand string */
    const char *level; /* kernels in use */
    const char *best; /* best level this machine allows */
    uint32_t pinned; /* 1: chosen by a person with /attn */
    uint64_t hz; /* cycles of the counter per second */
    const char *clock; /* how that was measured */
    uint32_t spread_ppm; /* spread of the measurement, parts per million */
    uint32_t invariant; /* 1: the counter does not follow power states */
    uint32_t processors; /* processors the firmware counts as enabled, 0: not asked */
    uint32_t processors_used; /* processors that compute, 0: not told */
};

/* What runs here. */
struct wire_version {
    uint64_t time; /* kernel time when it was taken, ms */
    uint32_t number; /* samples of this stream since the hello: a gap is a loss */
    uint32_t dropped; /* samples of this stream not sent since the last one */
    const char *version; /* kernel name and version */
    const char *port; /* uefi or posix */
    const char *machine; /* firmware or host */
    uint32_t boot; /* random per boot */
    uint32_t schema_id; /* CRC-32 of the canonical schema */
};

/* Progress of loading a model. */
struct wire_load {
    uint64_t time; /* kernel time when it was taken, ms */
    uint32_t number; /* samples of this stream since the hello: a gap is a loss */
    uint32_t dropped; /* samples of this stream not sent since the last one */
    const char *file; /* name on the volume */
    uint64_t done; /* bytes */
    uint64_t total; /* bytes */
    uint32_t elapsed_ms; /* time so far */
};

/* What `/bench` measured last. A million bytes are 10^6 here. `read_mb_s` is the bound of `decode_mb_s`: the loads
 * of a decode pass without its arithmetic, over the same weights by the same processors. Of weights that fit
 * `cache`     it is the speed of the cache, otherwise that of the memory. */
struct wire_bench {
    uint64_t time; /* kernel time when it was taken, ms */
    uint32_t number; /* samples of this stream since the hello: a gap is a loss */
    uint32_t dropped; /* samples of this stream not sent since the last one */
    const char *level; /* kernels in use, empty when nothing was measured */
    uint32_t processors; /* processors that computed */
    uint32_t weights; /* bytes of weights that a decode pass reads */
    uint32_t cache; /* bytes of the largest cache, 0: not known */
    uint32_t read_mb_s; /* stream read of the weights, million bytes per second */
    uint32_t row; /* row of the KV cache at which each burst began */
    uint64_t decode_rate; /* decode, tokens per second (millionths) */
    uint32_t decode_mb_s; /* weights and KV cache read in that time, million bytes per second */
    uint64_t decode_cycles; /* cycles of a decode pass */
    uint64_t prefill_rate; /* prefill, tokens per second (millionths) */
    uint32_t prefill_mb_s; /* weights and KV cache read in that time, million bytes per second */
    uint64_t prefill_cycles; /* cycles of prefill for each token */
};

/* Asks for machine mode and begins a session: counters, caches and subscriptions start anew. */
struct wire_host_hello {
    uint32_t has; /* which of the fields that may be missing */
    uint32_t protocol; /* protocol version the host speaks */
    uint32_t session; /* random, another one for each session */
    const char *nonce; /* random, echoed in the answer */
    size_t nonce_length;
};

/* One operation. The arguments are those of the operation's entry in OPERATIONS. */
struct wire_request {
    uint32_t has; /* which of the fields that may be missing */
    uint32_t id; /* 1..65535, another one for each request of a session; the same one when it is repeated */
    enum wire_op op; /* name of the operation */
    enum wire_stream stream; /* record or stream */
    uint32_t offset; /* bytes before this piece: of the staged text, of the open file */
    uint32_t rate; /* samples per second, 0 is off */
    enum wire_log_level level; /* least level of the events wanted */
    uint32_t generation; /* number of a generation */
    uint32_t index; /* first one wanted */
    uint32_t count; /* how many are wanted */
    uint32_t of; /* id of an earlier request */
    const char *parameter; /* name of a parameter */
    size_t parameter_length;
    const char *value; /* value of a parameter, spelt as in the REPL */
    size_t value_length;
    const uint8_t *text; /* text, or its next piece */
    size_t text_length;
};

/* Index of a record in wire_shapes. */
enum wire_record {
    WIRE_RECORD_HELLO,
    WIRE_RECORD_RESPONSE,
    WIRE_RECORD_TOKEN,
    WIRE_RECORD_CHOICE,
    WIRE_RECORD_WORD,
    WIRE_RECORD_FINISHED,
    WIRE_RECORD_EVENT,
    WIRE_RECORD_OUTPUT,
    WIRE_RECORD_DATA,
    WIRE_RECORD_CREDIT,
    WIRE_RECORD_COUNTERS,
    WIRE_RECORD_LEAVE,
    WIRE_RECORD_PERF,
    WIRE_RECORD_KV_CACHE,
    WIRE_RECORD_ZONES,
    WIRE_RECORD_SENTINEL,
    WIRE_RECORD_SAMPLING_STATE,
    WIRE_RECORD_ZONE,
    WIRE_RECORD_MODEL,
    WIRE_RECORD_TOKENIZER_STATE,
    WIRE_RECORD_CPU,
    WIRE_RECORD_VERSION,
    WIRE_RECORD_LOAD,
    WIRE_RECORD_BENCH,
    WIRE_RECORD_HOST_HELLO,
    WIRE_RECORD_REQUEST,
};
#define WIRE_RECORD_COUNT 26u
extern const struct wire_shape wire_shapes[WIRE_RECORD_COUNT];

_Static_assert(140u <= WIRE_MAX_LINE, "the longest hello fits a line");
_Static_assert(239u <= WIRE_MAX_LINE, "the longest response fits a line");
_Static_assert(222u <= WIRE_MAX_LINE, "the longest token fits a line");
_Static_assert(240u <= WIRE_MAX_LINE, "the longest choice fits a line");
_Static_assert(155u <= WIRE_MAX_LINE, "the longest word fits a line");
_Static_assert(178u <= WIRE_MAX_LINE, "the longest finished fits a line");
_Static_assert(219u <= WIRE_MAX_LINE, "the longest event fits a line");
_Static_assert(218u <= WIRE_MAX_LINE, "the longest output fits a line");
_Static_assert(235u <= WIRE_MAX_LINE, "the longest data fits a line");
_Static_assert(94u <= WIRE_MAX_LINE, "the longest credit fits a line");
_Static_assert(119u <= WIRE_MAX_LINE, "the longest counters fits a line");
_Static_assert(30u <= WIRE_MAX_LINE, "the longest leave fits a line");
_Static_assert(189u <= WIRE_MAX_LINE, "the longest perf fits a line");
_Static_assert(205u <= WIRE_MAX_LINE, "the longest kv_cache fits a line");
_Static_assert(224u <= WIRE_MAX_LINE, "the longest zones fits a line");
_Static_assert(238u <= WIRE_MAX_LINE, "the longest sentinel fits a line");
_Static_assert(199u <= WIRE_MAX_LINE, "the longest sampling_state fits a line");
_Static_assert(209u <= WIRE_MAX_LINE, "the longest zone fits a line");
_Static_assert(240u <= WIRE_MAX_LINE, "the longest model fits a line");
_Static_assert(137u <= WIRE_MAX_LINE, "the longest tokenizer_state fits a line");
_Static_assert(235u <= WIRE_MAX_LINE, "the longest cpu fits a line");
_Static_assert(183u <= WIRE_MAX_LINE, "the longest version fits a line");
_Static_assert(163u <= WIRE_MAX_LINE, "the longest load fits a line");
_Static_assert(237u <= WIRE_MAX_LINE, "the longest bench fits a line");

/* The number of the record that a pointer points to. */
#define WIRE_RECORD_OF(pointer) _Generic((pointer), \
    struct wire_hello *: WIRE_RECORD_HELLO, \
    struct wire_response *: WIRE_RECORD_RESPONSE, \
    struct wire_token *: WIRE_RECORD_TOKEN, \
    struct wire_choice *: WIRE_RECORD_CHOICE, \
    struct wire_word *: WIRE_RECORD_WORD, \
    struct wire_finished *: WIRE_RECORD_FINISHED, \
    struct wire_event *: WIRE_RECORD_EVENT, \
    struct wire_output *: WIRE_RECORD_OUTPUT, \
    struct wire_data *: WIRE_RECORD_DATA, \
    struct wire_credit *: WIRE_RECORD_CREDIT, \
    struct wire_counters *: WIRE_RECORD_COUNTERS, \
    struct wire_leave *: WIRE_RECORD_LEAVE, \
    struct wire_perf *: WIRE_RECORD_PERF, \
    struct wire_kv_cache *: WIRE_RECORD_KV_CACHE, \
    struct wire_zones *: WIRE_RECORD_ZONES, \
    struct wire_sentinel *: WIRE_RECORD_SENTINEL, \
    struct wire_sampling_state *: WIRE_RECORD_SAMPLING_STATE, \
    struct wire_zone *: WIRE_RECORD_ZONE, \
    struct wire_model *: WIRE_RECORD_MODEL, \
    struct wire_tokenizer_state *: WIRE_RECORD_TOKENIZER_STATE, \
    struct wire_cpu *: WIRE_RECORD_CPU, \
    struct wire_version *: WIRE_RECORD_VERSION, \
    struct wire_load *: WIRE_RECORD_LOAD, \
    struct wire_bench *: WIRE_RECORD_BENCH, \
    const struct wire_hello *: WIRE_RECORD_HELLO, \
    const struct wire_response *: WIRE_RECORD_RESPONSE, \
    const struct wire_token *: WIRE_RECORD_TOKEN, \
    const struct wire_choice *: WIRE_RECORD_CHOICE, \
    const struct wire_word *: WIRE_RECORD_WORD, \
    const struct wire_finished *: WIRE_RECORD_FINISHED, \
    const struct wire_event *: WIRE_RECORD_EVENT, \
    const struct wire_output *: WIRE_RECORD_OUTPUT, \
    const struct wire_data *: WIRE_RECORD_DATA, \
    const struct wire_credit *: WIRE_RECORD_CREDIT, \
    const struct wire_counters *: WIRE_RECORD_COUNTERS, \
    const struct wire_leave *: WIRE_RECORD_LEAVE, \
    const struct wire_perf *: WIRE_RECORD_PERF, \
    const struct wire_kv_cache *: WIRE_RECORD_KV_CACHE, \
    const struct wire_zones *: WIRE_RECORD_ZONES, \
    const struct wire_sentinel *: WIRE_RECORD_SENTINEL, \
    const struct wire_sampling_state *: WIRE_RECORD_SAMPLING_STATE, \
    const struct wire_zone *: WIRE_RECORD_ZONE, \
    const struct wire_model *: WIRE_RECORD_MODEL, \
    const struct wire_tokenizer_state *: WIRE_RECORD_TOKENIZER_STATE, \
    const struct wire_cpu *: WIRE_RECORD_CPU, \
    const struct wire_version *: WIRE_RECORD_VERSION, \
    const struct wire_load *: WIRE_RECORD_LOAD, \
    const struct wire_bench *: WIRE_RECORD_BENCH)

/* Any sample. All begin with the same three fields. */
union wire_sample {
    struct {
        uint64_t time;
        uint32_t number;
        uint32_t dropped;
    } head;
    struct wire_perf perf;
    struct wire_kv_cache kv_cache;
    struct wire_zones zones;
    struct wire_sentinel sentinel;
    struct wire_sampling_state sampling_state;
    struct wire_zone zone;
    struct wire_model model;
    struct wire_tokenizer_state tokenizer_state;
    struct wire_cpu cpu;
    struct wire_version version;
    struct wire_load load;
    struct wire_bench bench;
};
/* The record of a stream: both are in one order. */
#define WIRE_RECORD_OF_STREAM(stream) (WIRE_RECORD_PERF + (unsigned)(stream))

/* Why a request or a hello is refused. */
enum wire_fault {
    WIRE_FAULT_NONE,
    WIRE_FAULT_OCTET,
    WIRE_FAULT_LONG,
    WIRE_FAULT_WORD,
    WIRE_FAULT_OPERATION,
    WIRE_FAULT_SPELLING,
    WIRE_FAULT_LARGE,
    WIRE_FAULT_MISSING,
    WIRE_FAULT_BUSY, /* found by who serves the request */
};
struct wire_fault_words {
    enum error_code error;
    const char *message; /* what is wrong with the field: "is missing" */
};
extern const struct wire_fault_words wire_faults[];

struct wire_host_record {
    enum wire_fault fault; /* the first one; WIRE_FAULT_NONE: all is good */
    const char *field;     /* the key at fault */
    union {
        struct wire_host_hello hello; /* of a frame of kind 'h' */
        struct wire_request request;  /* of 'q'; its id is 0 when it is not known, and then there is no answer */
    };
    char texts[WIRE_LINE_BYTES];  /* of the fields, unescaped and NUL-terminated: each where the line has it */
};

/* Reads a frame of kind 'h' or 'q', as the receiver found it. Unknown keys are ignored. */
void wire_read(const char *frame, struct wire_host_record *ret);

/* What the operation `dict` sends: this schema as text. */
extern const char wire_dictionary[];

#endif
