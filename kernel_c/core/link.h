/* link.h - the kernel's end of the line protocol (protocol/SPEC.md), and who owns the serial line at the moment.
 *
 * link.c: modes, receiving, the poll. link_send.c: frames going out and what is dropped when there is no room.
 * link_answers.c: requests and their responses. Beyond the protocol: link_stream.c: samples, tokens, events;
 * link_requests.c: what the operations do; link_output.c: their texts; link_file.c: files; link_choice.c: how tokens
 * were chosen; link_work.c: the work that runs; link_typed.c: what a person types.
 */
#ifndef LLMK_LINK_H
#define LLMK_LINK_H

#include "chat.h"
#include "error.h"
#include "llmk_wire.h"
#include "uart.h"
#include "wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINK_REPLAYS 4u
#define LINK_OUTPUT_BYTES 28672u /* the longest output of one command */
#define LINK_TYPED_BYTES 1024u
#define LINK_DUE WIRE_WINDOW /* as many bytes untold as make a K due */

struct kernel;

/* An answer that may be asked for again, as it was sent. */
struct link_answer {
    uint32_t id; /* 0: none */
    struct wire_line line;
};

struct link_stream {
    uint8_t rate;       /* samples per second, 0: off */
    uint8_t changed;    /* records to send soon, whatever the rate: of WIRE_STREAM_ZONE the last so many arenas */
    uint64_t due_us;
    uint32_t number;    /* samples sent since the hello */
    uint16_t dropped;   /* since the last one sent */
};

/* A copy of a file, taken when it was opened, and the piece of it that is being sent. */
struct link_file {
    uint8_t *bytes; /* pages of their own; NULL: none is open */
    uint64_t pages_bytes;
    uint32_t length, checksum;
    uint32_t next, end; /* what is still to be sent for the request */
    uint32_t request;   /* 0: none */
    uint32_t frames;    /* sent for it so far */
};

/* What a hello begins anew. What is used most stands first: it is reached by short offsets. */
struct link_session {
    /* what the REPL loop has to do about the mode */
    bool prompt_due;            /* the line is a person's again */
    bool host_lingers;          /* machine mode expired: what comes may be a host's that has not noticed */
    uint32_t waiting_id;        /* what waits for the REPL loop or runs now; 0: nothing that this session asked for */
    uint32_t untold;            /* bytes taken since the last K; LINK_DUE when there is something else to tell */
    struct wire_credit credit;  /* the K: bytes are counted in it */
    uint64_t stop_until_us;     /* another stop byte before this takes the line back */
    uint32_t received[WIRE_RECEIVED_COUNT]; /* what came, by its kind */
    uint32_t sequence;          /* of the next frame */
    uint32_t dropped;           /* frames that must go and found no room */
    uint32_t answered;          /* answers so far: the next place is answered % LINK_REPLAYS */
    uint32_t output_id;         /* whose output is kept for `out`, 0: nobody's */
    uint32_t staged_length;
    enum wire_op waiting;
    enum wire_log_level level;
    uint32_t choices;           /* how many of the likeliest tokens go with each token, 0: no choices are sent */
    uint16_t choices_dropped;   /* since the last one sent */
    uint64_t counters_us;       /* when the last X was sent */
    struct wire_counters counters; /* in the last X */
    struct link_stream streams[WIRE_STREAM_COUNT];
    struct link_answer answers[LINK_REPLAYS];
};

/* Small members first: they are reached by short offsets. */
struct link {
    bool machine;             /* LLP/1; otherwise the line is a person's */
    bool stop_waiting;        /* a stop came before the work that waits had begun */
    bool serving;             /* work runs, asked for by the host or by a person */
    uint64_t credit_us;       /* when the last K was sent */
    uint32_t silent_us;       /* since the last valid frame of the host, as far as the line was listened to */
    uint64_t byte_us;         /* when the last byte came */
    uint64_t poll_us;         /* when the last poll was */
    struct link_session session;
    uint32_t typed_head, typed_tail;
    uint64_t samples_us, key_us; /* when the samples and the keyboard were looked at */
    struct wire_receiver receiver;
    struct wire_host_record heard; /* in its last frame; what serves a request does not poll (link.c) */
    struct wire_line line;         /* that is sent: an answer has one of its own, to be sent again */
    struct link_file file;
    char staged[CHAT_PROMPT_BYTES];
    /* the last command's output, for `out` */
    size_t output_length;
    char output[LINK_OUTPUT_BYTES];
    /* what a person typed, on the line or on the keyboard: bytes for the line editor */
    uint8_t typed[LINK_TYPED_BYTES];
};

/* ---- what other modules tell the link; in human mode each of these does nothing --------------------------------- */

/* One token of the last generation, in parts when it is long; returns the number of frames. */
unsigned link_send_token(struct kernel *kernel, uint32_t index, const struct chat_token *token, const uint8_t *bytes, size_t count);
uint32_t link_choices_wanted(const struct kernel *kernel); /* 0: nobody asked */
void link_send_choice(struct kernel *kernel,
                      const struct choice *choice); /* behind its token; dropped as samples are */
void link_finished(struct kernel *kernel, const struct wire_finished *record);
void link_event(struct kernel *kernel, const struct wire_event *record);
void link_changed(struct kernel *kernel, enum wire_stream stream); /* send this record soon */
void link_progress(struct kernel *kernel, const struct wire_load *record);

/* Called from every wait loop and from inside the forward pass: pumps the UART, serves what may be served now, sends samples, credits
 * and heartbeat, looks at the keyboard. False when the running generation must stop. Cheap when there is nothing to do. */
bool link_poll(struct kernel *kernel);

/* ---- for the REPL loop ------------------------------------------------------------------------------------------ */

void link_beacon(struct kernel *kernel);   /* once at boot */
bool link_serve(struct kernel *kernel);    /* runs what waits (gen, run); false when nothing did */
bool link_typed(struct kernel *kernel, uint8_t *ret_byte); /* the next byte a person typed */
/* Around work that a person asked for: the host learns that the kernel is busy. */
void link_work_begin(struct kernel *kernel);
void link_work_end(struct kernel *kernel);
bool link_busy(const struct kernel *kernel);
/* How long an idle kernel may sleep: long only in machine mode, where no more can come than a FIFO holds, and when nothing came lately. */
uint32_t link_sleep_us(const struct kernel *kernel);

/* ---- between the link's own files ------------------------------------------------------------------------------- */

/* How many octets of the transmit ring must be free: samples and events are left out while more than half of it is
 * full; what must go waits up to 50 ms. */
enum link_care { LINK_MUST = 0, LINK_EVENT = UART_TX_BYTES / 2, LINK_SAMPLE = UART_TX_BYTES / 2 + WIRE_MAX_LINE };
/* Sends the record that `pointer` points to. False when it was not sent: in human mode nothing is but a hello. */
#define link_send(kernel, care, pointer) link_send_record(kernel, care, WIRE_RECORD_OF(pointer), pointer)
bool link_send_line(struct kernel *kernel, struct wire_line *line); /* what wire_put wrote */
bool link_send_record(struct kernel *kernel, enum link_care care, enum wire_record type, const void *record);
enum wire_phase link_phase(const struct kernel *kernel);
bool link_computes(const struct kernel *kernel); /* an answer or a bench runs, which a stop byte stops */
void link_stop(struct kernel *kernel); /* what runs or waits to run is to end */
/* One record of a stream now; ZONE sends every arena. Returns the number of frames. */
unsigned link_send_stream(struct kernel *kernel, enum wire_stream stream, enum link_care care);
void link_send_samples(struct kernel *kernel, uint64_t now_us); /* and counters */
/* Does what is asked, if it is new, and answers. */
void link_request(struct kernel *kernel, const struct wire_host_record *record);
void link_perform(struct kernel *kernel, const struct wire_request *request);
void link_leave(struct kernel *kernel, enum wire_leave_reason why);

/* Answers. Each gets its time, is kept for repetition and sent. */
void link_answer(struct kernel *kernel, struct wire_response *record);
/* With the number of frames that were sent, unless it is negative, and a value, unless it is NULL. */
void link_answer_done(struct kernel *kernel, uint32_t id, int count, const char *value);
static inline void link_done(struct kernel *kernel, uint32_t id)
{
    link_answer_done(kernel, id, -1, NULL);
}
static inline void link_done_count(struct kernel *kernel, uint32_t id, unsigned count)
{
    link_answer_done(kernel, id, (int)count, NULL);
}
static inline void link_done_value(struct kernel *kernel, uint32_t id, const char *value)
{
    link_answer_done(kernel, id, -1, value);
}
/* `field` is the key or parameter at fault, NULL for none. */
void link_refuse(struct kernel *kernel, uint32_t id, enum error_code code, const char *field, const char *message);
/* Pieces of the last output; returns how many were sent. */
unsigned link_send_output(struct kernel *kernel, uint32_t id, uint32_t first, uint32_t most);
unsigned link_output_pieces(size_t length);
/* Sends a reason that is longer than a response holds as output before it; the response has its beginning. */
void link_send_reason(struct kernel *kernel, struct wire_response *record);

/* What a person types. Text of the line is typed only when there is room for the longest line that turns out to be no
 * frame. */
void link_type(struct link *link, uint8_t byte);
void link_type_line(struct link *link, enum wire_received received); /* what the receiver gave back */
void link_type_stop(struct kernel *kernel);
bool link_can_type(const struct link *link);
void link_look_for_keys(struct kernel *kernel, uint64_t now_us);

/* Files. `open` runs from the REPL loop and takes the copy, `data` asks for a part of it, which the poll sends as the line has room. */
void link_file_open(struct kernel *kernel, uint32_t id);
void link_file_data(struct kernel *kernel, const struct wire_request *request);
void link_file_send(struct kernel *kernel);
void link_file_close(struct kernel *kernel);

#endif
