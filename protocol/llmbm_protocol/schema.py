"""Every record of the line protocol LLP/1: the single source for the kernel's C header and for the console.

A class is one frame kind, or one `k` of the sample kind `S`. A field's alias is its key on the wire (one to eight lower-case
letters and digits). A field with a default is optional: it is left out when it has that default, and a reader that does not find it
assumes it. Rules for change: a key is never reused with another meaning, a new field is optional, an unknown key is ignored.

Units are in the field descriptions; `t` is always milliseconds since the kernel started, by its calibrated cycle counter.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from llmbm_protocol.fields import (
    U8,
    U16,
    U24,
    U32,
    U39,
    U48,
    U64,
    Flag,
    Hex16,
    Hex32,
    Hex64,
    Micro,
    Name,
    Plain,
    Text,
    Uints,
    Word,
)

PROTOCOL = 1
REVISION = 0
MAX_LINE = 240  # octets of a frame, "@" and line end included
WINDOW_BUSY = 15  # a 16550 FIFO less one slot for the stop byte
WINDOW_IDLE = 240
HEARTBEAT_MS = 250
MAX_FIELDS = 24  # fields of one frame
ARENA_BYTES = 2**36 - 1  # the largest arena the short zones record can tell, bytes
EXPIRY_MS = 10_000  # machine mode ends when no valid host frame came for so long


def key(name: str, description: str, default: Any = ...) -> Any:
    """A record field: its key on the wire and what it means."""
    return Field(default, alias=name, description=description)


class ErrorCode(Word):
    """Why a request failed."""

    OP = "op"
    ARG = "arg"
    RANGE = "range"
    BUSY = "busy"
    STATE = "state"
    IO = "io"
    NOSPACE = "nospace"
    TOOLONG = "toolong"
    VERSION = "version"
    FORMAT = "format"
    INTERNAL = "internal"


class Phase(Word):
    """What the engine does."""

    IDLE = "idle"
    PREFILL = "prefill"
    DECODE = "decode"
    LOAD = "load"
    RESCUE = "rescue"


class StopReason(Word):
    """Why a generation ended."""

    EOS = "eos"
    MAX_TOKENS = "max_tokens"
    STOPPED = "stopped"
    PATTERN = "pattern"
    CONTEXT = "context"
    TRIP = "trip"


class LogLevel(Word):
    """How much an event matters."""

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class LogCode(Word):
    """What an event is about."""

    INFO = "info"
    ALLOC_FAIL = "alloc_fail"
    OOB = "oob"
    RO_WRITE = "ro_write"
    BUDGET = "budget"
    GUARD = "guard"
    FAILSAFE = "failsafe"
    TOKEN = "token"
    LOAD = "load"
    FILE = "file"
    PARAM = "param"
    LINK = "link"


class Arena(Word):
    """The kernel's memory regions, in address order; `none` where an event has no arena."""

    NONE = "none"
    WEIGHTS = "weights"
    KV = "kv"
    SCRATCH = "scratch"
    ACTS = "acts"
    ZONEC = "zonec"
    KEEP = "keep"


class SentinelState(Word):
    """Whether budgets are enforced and whether one was broken."""

    DISARMED = "disarmed"
    ARMED = "armed"
    TRIPPED = "tripped"


class SentinelError(Word):
    """What the sentinel found last."""

    OK = "ok"
    ALLOC = "alloc"
    OOB = "oob"
    RO_WRITE = "ro_write"
    BUDGET = "budget"
    GUARD = "guard"


class SentinelPhase(Word):
    """The part of the work a budget belongs to."""

    GENERIC = "generic"
    PREFILL = "prefill"
    DECODE = "decode"


class LeaveReason(Word):
    """Why the kernel went back to human mode."""

    BYE = "bye"
    BREAK = "break"
    CTRL_C = "ctrl_c"
    EXPIRED = "expired"
    REBOOT = "reboot"


class Stream(Word):
    """What can be subscribed to, and asked for by `stat`. The last seven are sent on request and on change, not periodically."""

    PERF = "perf"
    KV = "kv"
    ZONES = "zones"
    SENTINEL = "sent"
    SAMPLING = "samp"
    ZONE = "zone"
    MODEL = "model"
    TOKENIZER = "tok"
    CPU = "cpu"
    VERSION = "ver"
    LOAD = "load"


class Record(BaseModel):
    """Base of every frame. `kind` is the letter on the wire."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="ignore")
    kind: ClassVar[str] = ""


# ---- kernel to host ---------------------------------------------------------------------------------------------


class Hello(Record):
    """The kernel's answer to a host's hello, and one beacon at boot in human mode (without nonce)."""

    kind: ClassVar[str] = "H"
    protocol: U8 = key("p", "protocol version")
    revision: U8 = key("r", "revision of that version")
    schema_id: Hex32 = key("sch", "CRC-32 of the canonical schema")
    boot: Hex32 = key("boot", "random per boot")
    machine: Flag = key("m", "1: the line is in machine mode now; 0: human mode (beacon)")
    nonce: Annotated[str, Plain(8)] = key("n", "the hello's nonce, echoed", "")
    window_idle: U16 = key("wi", "credit window while idle, bytes")
    window_busy: U16 = key("wb", "credit window while computing, bytes")
    max_line: U16 = key("mx", "longest frame the kernel accepts, bytes")
    baud: U32 = key("br", "line speed in bits per second, 0 when the line has none")
    version: Annotated[str, Plain(24)] = key("v", "kernel name and version")


class Response(Record):
    """The answer to one request; repeated from the replay cache when the request is repeated."""

    kind: ClassVar[str] = "R"
    id: U16 = key("id", "id of the request")
    ok: Flag = key("ok", "1: done; 0: refused or failed, nothing was changed")
    time: U39 = key("t", "kernel time when the answer was made, ms", 0)
    count: U16 | None = key("n", "how many O, E, T or S frames were sent for this request", None)
    value: Annotated[str, Plain(32)] | None = key("v", "the accepted or asked value", None)
    generation: U32 | None = key("g", "number of the generation that was started", None)
    busy: Flag = key("busy", "1: the kernel computes now", False)
    error: ErrorCode | None = key("e", "what kind of failure", None)
    field: Annotated[str, Name(16)] | None = key("f", "the argument at fault", None)
    message: Annotated[str, Plain(92)] | None = key("m", "what was wrong and what was expected", None)


class Token(Record):
    """One generated token. A token longer than the text field comes in parts with the same index."""

    kind: ClassVar[str] = "T"
    generation: U32 = key("g", "number of the generation since boot")
    index: U32 = key("i", "0 for its first generated token")
    part: U8 = key("p", "part of a long token", 0)
    more: Flag = key("x", "1: another part follows", False)
    time: U39 = key("t", "kernel time, ms")
    token: U32 = key("id", "token id")
    cycles: U39 = key("cy", "cycles of the forward pass that led to it")
    text: Annotated[bytes, Text(40)] = key("s", "its bytes, perhaps an incomplete UTF-8 sequence")


class Finished(Record):
    """The end of a generation. Never dropped, and asked again with the operation `last`."""

    kind: ClassVar[str] = "F"
    generation: U32 = key("g", "number of the generation")
    time: U39 = key("t", "kernel time, ms")
    reason: StopReason = key("why", "why it ended")
    tokens: U32 = key("n", "generated tokens")
    prompt_tokens: U32 = key("pn", "prompt tokens that were prefilled, BOS included")
    prefill_us: U48 = key("pu", "time of the prefill, microseconds")
    decode_us: U48 = key("du", "time from the end of prefill to the last token, microseconds")
    kv_rows: U32 = key("kv", "rows in the KV cache now")
    turn: U32 = key("tn", "turn of the conversation, 1 is the first")


class Event(Record):
    """One entry of the log ring."""

    kind: ClassVar[str] = "E"
    number: U32 = key("n", "number since boot, 0 is the first; a gap is seen and asked again with `log`")
    time: U39 = key("t", "kernel time, ms")
    level: LogLevel = key("lv", "how much it matters")
    code: LogCode = key("c", "what it is about")
    arena: Arena = key("a", "the arena concerned", Arena.NONE)
    first: Hex64 = key("p", "first value (an address, a cycle count): its meaning goes with the code", 0)
    second: U64 = key("z", "second value (a size, a limit)", 0)
    message: Annotated[str, Plain(96)] = key("m", "text")


class Output(Record):
    """A piece of what a REPL command printed."""

    kind: ClassVar[str] = "O"
    id: U16 = key("id", "id of the request that ran it")
    index: U16 = key("i", "0 for the first piece")
    text: Annotated[bytes, Text(60)] = key("s", "bytes, LF at line ends")


class Credit(Record):
    """How much the host may send, and the heartbeat: at least every 250 ms in machine mode."""

    kind: ClassVar[str] = "K"
    consumed: U32 = key("c", "bytes taken from the line since the hello, mod 2^32")
    window: U16 = key("w", "bytes that may be under way beyond `consumed`")
    phase: Phase = key("b", "what the engine does", Phase.IDLE)
    generation: U32 = key("g", "number of the last generation", 0)
    tokens: U32 = key("i", "tokens of it so far: a lost last token is seen", 0)
    events: U32 = key("n", "log events so far: a lost last event is seen", 0)


class Counters(Record):
    """What the kernel's end of the line has seen go wrong since the hello."""

    kind: ClassVar[str] = "X"
    overrun: U32 = key("oe", "receiver overruns (LSR.OE)")
    framing: U32 = key("fe", "framing errors")
    breaks: U32 = key("bi", "breaks")
    checksum: U32 = key("crc", "lines with a wrong CRC")
    too_long: U32 = key("lng", "lines over the limit")
    malformed: U32 = key("bad", "lines with a right CRC that break the grammar")
    dropped: U32 = key("dr", "frames not sent for want of room")


class Leave(Record):
    """The kernel goes back to human mode after this line."""

    kind: ClassVar[str] = "B"
    why: LeaveReason = key("why", "which way out was taken")


class Sample(Record):
    """Base of the telemetry records, frame kind S."""

    kind: ClassVar[str] = "S"
    stream: ClassVar[Stream]
    time: U39 = key("t", "kernel time when it was taken, ms")
    number: U32 = key("n", "samples of this stream since the hello: a gap is a loss", 0)
    dropped: U16 = key("dr", "samples of this stream not sent since the last one", 0)


class Perf(Sample):
    """How fast it goes."""

    stream: ClassVar[Stream] = Stream.PERF
    phase: Phase = key("ph", "what the engine does")
    generation: U32 = key("g", "number of the last generation")
    tokens: U32 = key("tok", "tokens of it so far")
    token_us: U32 = key("us", "time of the last token, microseconds")
    prompt_done: U32 = key("pd", "prompt tokens prefilled so far")
    prompt_total: U32 = key("pn", "prompt tokens of this turn")
    decode_rate: Micro = key("rate", "tokens per second over this turn's decode (0 before the second token)")


class KvCache(Sample):
    """How full the context is."""

    stream: ClassVar[Stream] = Stream.KV
    rows: U32 = key("rows", "cached rows")
    capacity: U32 = key("cap", "rows in all (seq_len)")
    row_bytes: U32 = key("rb", "bytes of one row over all layers")
    turns: Annotated[tuple[int, ...], Uints(12, 2**19 - 1)] = key(
        "ts", "first row of each of the last twelve turns", ()
    )


class Zones(Sample):
    """Used and size of each arena in bytes: the short form, for periodic sending."""

    stream: ClassVar[Stream] = Stream.ZONES
    weights: Annotated[tuple[int, ...], Uints(2, ARENA_BYTES)] = key("w", "used, size")
    kv: Annotated[tuple[int, ...], Uints(2, ARENA_BYTES)] = key("kv", "used, size")
    scratch: Annotated[tuple[int, ...], Uints(2, ARENA_BYTES)] = key("sc", "used, size")
    acts: Annotated[tuple[int, ...], Uints(2, ARENA_BYTES)] = key("ac", "used, size")
    zonec: Annotated[tuple[int, ...], Uints(2, ARENA_BYTES)] = key("zc", "used, size")
    keep: Annotated[tuple[int, ...], Uints(2, ARENA_BYTES)] = key("kp", "used, size")


class Zone(Sample):
    """One arena in full."""

    stream: ClassVar[Stream] = Stream.ZONE
    arena: Arena = key("a", "which")
    base: Hex64 = key("base", "address")
    size: U48 = key("size", "bytes")
    used: U48 = key("used", "bytes")
    peak: U48 = key("peak", "largest used since boot, bytes")
    read_only: Flag = key("ro", "1: no writes after loading")
    guard_ok: Flag = key("gd", "1: the guard bytes behind it are intact")
    last_tag: Annotated[str, Plain(16)] = key("tag", "what the last allocation was for", "")
    last_bytes: U48 = key("last", "bytes of the last allocation", 0)


class Sentinel(Sample):
    """Budgets and what became of them; cycles."""

    stream: ClassVar[Stream] = Stream.SENTINEL
    state: SentinelState = key("st", "armed, disarmed, tripped")
    strict: Flag = key("strict", "1: an overrun trips; 0: it is logged")
    error: SentinelError = key("er", "last error")
    phase: SentinelPhase = key("ph", "phase of the last error")
    prefill: U39 = key("pc", "last prefill pass")
    prefill_budget: U39 = key("pb", "its budget, 0 before anything was learnt")
    prefill_pinned: Flag = key("pp", "1: set by a person; 0: learnt")
    prefill_overruns: U16 = key("po", "overruns since the last reset")
    decode: U39 = key("dc", "last decode pass")
    decode_budget: U39 = key("db", "its budget")
    decode_pinned: Flag = key("dp", "1: set by a person; 0: learnt")
    decode_overruns: U16 = key("do", "overruns since the last reset")
    percentiles: Annotated[tuple[int, ...], Uints(3, 2**36 - 1)] = key(
        "pct", "50th, 95th and 99th percentile of the last 256 decode passes", ()
    )


class SamplingState(Sample):
    """The sampling parameters in force."""

    stream: ClassVar[Stream] = Stream.SAMPLING
    temperature: Micro = key("temp", "0 is greedy")
    min_p: Micro = key("minp", "0 is off")
    top_p: Micro = key("topp", "1 is off")
    top_k: U32 = key("topk", "0 is off")
    no_repeat_ngram: U8 = key("ngram", "0 is off")
    repeat_penalty: Micro = key("repeat", "1 is off")
    max_tokens: U32 = key("max", "most tokens of one answer")
    seed: U64 = key("seed", "seed of the next draw")


class Model(Sample):
    """The loaded model."""

    stream: ClassVar[Stream] = Stream.MODEL
    file: Annotated[str, Plain(34)] = key("file", "name on the volume, empty when none is loaded", "")
    format: Annotated[str, Plain(8)] = key("fmt", "file format", "")
    dim: U24 = key("dim", "width of the residual stream", 0)
    hidden_dim: U24 = key("hid", "width of the feed-forward layer", 0)
    layers: U16 = key("lay", "transformer layers", 0)
    heads: U16 = key("hd", "query heads", 0)
    kv_heads: U16 = key("kvh", "key/value heads", 0)
    vocab: U24 = key("voc", "tokens of the vocabulary", 0)
    seq_len: U24 = key("seq", "rows of the context", 0)
    shared: Flag = key("shared", "1: the classifier is the embedding", False)
    parameters: U39 = key("par", "number of weights", 0)
    bytes: U39 = key("by", "size of the file", 0)


class TokenizerState(Sample):
    """The loaded tokenizer."""

    stream: ClassVar[Stream] = Stream.TOKENIZER
    file: Annotated[str, Plain(40)] = key("file", "name on the volume, empty when none is loaded", "")
    vocab: U32 = key("voc", "tokens", 0)
    longest: U32 = key("len", "bytes of the longest token", 0)


class Cpu(Sample):
    """The processor and the clock."""

    stream: ClassVar[Stream] = Stream.CPU
    brand: Annotated[str, Plain(48)] = key("brand", "CPUID brand string")
    level: Annotated[str, Plain(12)] = key("lv", "kernels in use")
    best: Annotated[str, Plain(12)] = key("best", "best level this machine allows")
    pinned: Flag = key("pin", "1: chosen by a person with /attn", False)
    hz: U48 = key("hz", "cycles of the counter per second")
    clock: Annotated[str, Plain(12)] = key("src", "how that was measured")
    spread_ppm: U32 = key("ppm", "spread of the measurement, parts per million")
    invariant: Flag = key("inv", "1: the counter does not follow power states")


class Version(Sample):
    """What runs here."""

    stream: ClassVar[Stream] = Stream.VERSION
    version: Annotated[str, Plain(24)] = key("v", "kernel name and version")
    port: Annotated[str, Plain(8)] = key("port", "uefi or posix")
    machine: Annotated[str, Plain(48)] = key("mach", "firmware or host")
    boot: Hex32 = key("boot", "random per boot")
    schema_id: Hex32 = key("sch", "CRC-32 of the canonical schema")


class Load(Sample):
    """Progress of loading a model."""

    stream: ClassVar[Stream] = Stream.LOAD
    file: Annotated[str, Plain(40)] = key("file", "name on the volume")
    done: U48 = key("done", "bytes")
    total: U48 = key("all", "bytes")
    elapsed_ms: U32 = key("ms", "time so far")


# ---- host to kernel ---------------------------------------------------------------------------------------------


class HostHello(Record):
    """Asks for machine mode and begins a session: counters, caches and subscriptions start anew."""

    kind: ClassVar[str] = "h"
    protocol: U8 = key("p", "protocol version the host speaks")
    session: Hex16 = key("sid", "random, another one for each session")
    nonce: Annotated[str, Plain(8)] = key("n", "random, echoed in the answer")


class Request(Record):
    """One operation. The arguments are those of the operation's entry in OPERATIONS."""

    kind: ClassVar[str] = "q"
    id: U16 = key("id", "1..65535, another one for each request of a session; the same one when it is repeated")
    op: Annotated[str, Name(8)] = key("op", "name of the operation")
    stream: Stream | None = key("k", "record or stream", None)
    parameter: Annotated[str, Name(16)] | None = key("par", "name of a parameter", None)
    value: Annotated[str, Plain(40)] | None = key("v", "value of a parameter, spelt as in the REPL", None)
    text: Annotated[bytes, Text(56)] | None = key("s", "text, or its next piece", None)
    offset: U32 | None = key("o", "bytes of the staged text before this piece", None)
    rate: U8 | None = key("hz", "samples per second, 0 is off", None)
    level: LogLevel | None = key("lv", "least level of the events wanted", None)
    generation: U32 | None = key("g", "number of a generation", None)
    index: U32 | None = key("i", "first one wanted", None)
    count: U16 | None = key("n", "how many are wanted", None)
    of: U16 | None = key("of", "id of an earlier request", None)


class Operation(BaseModel):
    """One verb of the protocol."""

    model_config = ConfigDict(frozen=True)
    name: str
    required: tuple[str, ...] = ()  # Request field names
    optional: tuple[str, ...] = ()
    busy: bool = False  # starts work: a barrier after which the host sends nothing until the response
    idempotent: bool = False  # repeating it with another id changes nothing more
    while_busy: bool = False  # accepted while a generation runs
    meaning: str


OPERATIONS: tuple[Operation, ...] = (
    Operation(name="ping", idempotent=True, while_busy=True, meaning="answers with the kernel's time"),
    Operation(
        name="info",
        idempotent=True,
        while_busy=True,
        meaning="sends version, cpu, model, tok, samp, sent, kv and every zone record once",
    ),
    Operation(
        name="stat",
        required=("stream",),
        idempotent=True,
        while_busy=True,
        meaning="sends one record (every arena for zone)",
    ),
    Operation(name="dict", idempotent=True, meaning="sends the schema as text in O frames, a line per record"),
    Operation(
        name="sub",
        required=("stream", "rate"),
        idempotent=True,
        while_busy=True,
        meaning="sends samples of a stream up to `hz` times a second; the value of the response is the rate granted",
    ),
    Operation(
        name="log",
        optional=("level", "index", "count"),
        idempotent=True,
        while_busy=True,
        meaning="with i: sends events from that number again; with lv: least level of the events sent from now on",
    ),
    Operation(
        name="tok",
        required=("generation", "index", "count"),
        idempotent=True,
        while_busy=True,
        meaning="sends tokens of the last generation again",
    ),
    Operation(
        name="out",
        required=("of", "index", "count"),
        idempotent=True,
        meaning="sends pieces of the last command's output again",
    ),
    Operation(name="last", idempotent=True, while_busy=True, meaning="sends the last generation's F frame again"),
    Operation(
        name="text",
        required=("text", "offset"),
        meaning="stages a piece of a long prompt or line; offset 0 begins anew",
    ),
    Operation(
        name="gen",
        required=("text",),
        optional=("offset",),
        busy=True,
        meaning="continues the story with the staged text and this last piece",
    ),
    Operation(
        name="run",
        required=("text",),
        optional=("offset",),
        busy=True,
        meaning="runs a REPL command line (staged text and this last piece)",
    ),
    Operation(name="stop", idempotent=True, while_busy=True, meaning="stops the generation"),
    Operation(
        name="set",
        required=("parameter", "value"),
        idempotent=True,
        while_busy=True,
        meaning="sets a parameter; the response has the accepted value",
    ),
    Operation(
        name="get", required=("parameter",), idempotent=True, while_busy=True, meaning="the value of a parameter"
    ),
    Operation(name="bye", idempotent=True, meaning="back to human mode"),
    Operation(name="reboot", meaning="restarts the machine after the response"),
)

SAMPLES: tuple[type[Sample], ...] = (
    Perf, KvCache, Zones, Sentinel, SamplingState, Zone, Model, TokenizerState, Cpu, Version, Load,
)  # fmt: skip
KERNEL_RECORDS: tuple[type[Record], ...] = (
    Hello, Response, Token, Finished, Event, Output, Credit, Counters, Leave, *SAMPLES,
)  # fmt: skip
HOST_RECORDS: tuple[type[Record], ...] = (HostHello, Request)
