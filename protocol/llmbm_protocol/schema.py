"""Every record of the line protocol LLP/1: the single source for the kernel's C header and for the console.

A class is one frame kind, or one `k` of the sample kind `S`. A field's alias is its key on the wire (one to eight
lower-case letters and digits). A field with a default is optional: it is left out when it has that default, and a
reader that does not find it assumes it. Rules for change: a key is never reused with another meaning, a new field is
optional, an unknown key is ignored.

Units are in the field descriptions; `t` is always milliseconds since the kernel started, by its calibrated cycle
counter.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict

from llmbm_protocol.choice import Choice, Word
from llmbm_protocol.fields import U8, U16, U24, U32, U39, U48, U64, Flag, Hex16, Hex32, Hex64, Name, Plain, Text
from llmbm_protocol.record import Record, key
from llmbm_protocol.samples import (
    Bench,
    Cpu,
    KvCache,
    Load,
    Model,
    Perf,
    Sample,
    SamplingState,
    Sentinel,
    TokenizerState,
    Version,
    Zone,
    Zones,
)
from llmbm_protocol.words import (
    Arena,
    ErrorCode,
    LeaveReason,
    LogCode,
    LogLevel,
    Phase,
    SentinelError,
    SentinelPhase,
    SentinelState,
    StopReason,
    Stream,
)

__all__ = [
    "ENQUIRIES", "ENQUIRY", "EXPIRY_MS", "HEARTBEAT_MS", "HOST_RECORDS", "KERNEL_RECORDS", "MAX_FIELDS", "MAX_LINE",
    "OPERATIONS", "PROTOCOL", "REVISION", "SAMPLES", "WINDOW", "Arena", "Bench", "Choice", "Counters", "Cpu",
    "Credit", "Data", "ErrorCode", "Event", "Finished", "Hello", "HostHello", "KvCache", "Leave", "LeaveReason",
    "Load", "LogCode", "LogLevel", "Model", "Operation", "Output", "Perf", "Phase", "Record", "Request", "Response",
    "Sample", "SamplingState", "Sentinel", "SentinelError", "SentinelPhase", "SentinelState", "StopReason",
    "Stream", "Token", "TokenizerState", "Version", "Word", "Zone", "Zones",
]  # fmt: skip

PROTOCOL = 1
REVISION = 0
MAX_LINE = 240  # octets of a frame, "@" and line end included
WINDOW = 15  # a 16550 FIFO less one slot for the stop byte
ENQUIRY, ENQUIRIES = 0x1C, 4  # octets outside any line: the first, and how many there are (FS, GS, RS, US)
ENQUIRY_OCTETS = bytes(range(ENQUIRY, ENQUIRY + ENQUIRIES))
HEARTBEAT_MS = 250
MAX_FIELDS = 24  # fields of one frame
EXPIRY_MS = 10_000  # machine mode ends when no valid host frame came for so long


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
    count: U16 | None = key("n", "how many O, E, T, S or D frames were sent for this request", None)
    value: Annotated[str, Plain(32)] | None = key("v", "the accepted or asked value", None)
    generation: U32 | None = key("g", "number of the generation that was started", None)
    busy: Flag = key("busy", "1: the kernel computes now", False)
    error: ErrorCode | None = key("e", "what kind of failure", None)
    field: Annotated[str, Name(16)] | None = key("f", "the argument at fault", None)
    size: U32 | None = key("z", "bytes of the file that was opened", None)
    checksum: Hex32 | None = key("crc", "CRC-32 of all of them", None)
    message: Annotated[str, Plain(70)] | None = key(
        "m", "what was wrong and what was expected; with `n` the whole of it came in O frames", None
    )


class Token(Record):
    """One generated token. A token longer than the text field comes in parts with the same index."""

    kind: ClassVar[str] = "T"
    generation: U32 = key("g", "number of the generation since boot")
    index: U32 = key("i", "0 for its first generated token")
    part: U8 = key("p", "part of a long token", 0)
    more: Flag = key("x", "1: another part follows", False)
    time: U39 = key("t", "kernel time, ms")
    token: U32 = key("id", "token id")
    cycles: U39 = key("cy", "cycles of the forward pass that led to it, for each of its tokens")
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
    decode_mb_s: U24 = key("dm", "weights and KV cache read while decoding, 10^6 bytes per second", 0)
    read_mb_s: U24 = key("rd", "what reading the weights alone brings here, see the stream `bench`; 0: not measured", 0)


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


class Data(Record):
    """A piece of the open file."""

    kind: ClassVar[str] = "D"
    id: U16 = key("id", "id of the request that asked for it")
    offset: U32 = key("o", "bytes of the file before this piece")
    data: Annotated[bytes, Text(64)] = key("d", "bytes")


class Credit(Record):
    """How much the host may send, and the heartbeat: at least every 250 ms in machine mode."""

    kind: ClassVar[str] = "K"
    consumed: U32 = key("c", "bytes taken from the line since the hello, mod 2^32")
    window: U16 = key("w", "bytes that may be under way beyond `consumed`")
    phase: Phase = key("b", "what the engine does", Phase.IDLE)
    generation: U32 = key("g", "number of the last generation", 0)
    tokens: U32 = key("i", "tokens of it so far: a lost last token is seen", 0)
    events: U32 = key("n", "log events so far: a lost last event is seen", 0)
    enquiry: U8 = key("e", "the last enquiry taken since the hello: what was sent before it is here or lost", 0)


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
    offset: U32 | None = key("o", "bytes before this piece: of the staged text, of the open file", None)
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

    @property
    def prompt(self) -> bool:
        """Answered at once: its response goes out before the credit that counts its last octet."""
        return not self.busy and self.name != "data"


OPERATIONS: tuple[Operation, ...] = (
    Operation(name="ping", idempotent=True, while_busy=True, meaning="answers with the kernel's time"),
    Operation(
        name="info",
        idempotent=True,
        while_busy=True,
        meaning="sends version, cpu, model, tok, samp, sent, kv and every zone record, and bench if it was run",
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
        name="prob",
        required=("count",),
        idempotent=True,
        while_busy=True,
        meaning="sends a C frame with each token from now on, with at most `n` of the likeliest tokens; 0 ends it; the "
        "value of the response is the number granted",
    ),
    Operation(
        name="word",
        required=("text",),
        idempotent=True,
        while_busy=True,
        meaning="sends the texts of tokens, whose ids are given with a space between them",
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
    Operation(name="stop", idempotent=True, while_busy=True, meaning="stops the generation, or what `/bench` measures"),
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
    Operation(
        name="open",
        required=("text",),
        busy=True,
        idempotent=True,
        meaning="takes a copy of a file, or of the dump made now (`mem:dump`); the response has its size and CRC-32",
    ),
    Operation(
        name="data",
        required=("offset", "count"),
        idempotent=True,
        while_busy=True,
        meaning="sends bytes of that copy in D frames as the line has room, then the response",
    ),
    Operation(name="close", idempotent=True, while_busy=True, meaning="forgets the copy"),
    Operation(name="bye", idempotent=True, meaning="back to human mode"),
    Operation(name="reboot", meaning="restarts the machine after the response"),
)

SAMPLES: tuple[type[Sample], ...] = (
    Perf, KvCache, Zones, Sentinel, SamplingState, Zone, Model, TokenizerState, Cpu, Version, Load, Bench,
)  # fmt: skip
KERNEL_RECORDS: tuple[type[Record], ...] = (
    Hello, Response, Token, Choice, Word, Finished, Event, Output, Data, Credit, Counters, Leave, *SAMPLES,
)  # fmt: skip
HOST_RECORDS: tuple[type[Record], ...] = (HostHello, Request)
