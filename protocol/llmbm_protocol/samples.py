"""The telemetry records of the line protocol: frame kind `S`, told apart by their stream `k`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from llmbm_protocol.fields import (
    U8,
    U12,
    U16,
    U20,
    U24,
    U32,
    U39,
    U48,
    U64,
    Flag,
    Hex32,
    Hex64,
    Micro,
    Micro48,
    Plain,
    Uints,
)
from llmbm_protocol.record import Record, key
from llmbm_protocol.words import Arena, Phase, SentinelError, SentinelPhase, SentinelState, Stream

ARENA_BYTES = 2**36 - 1  # the largest arena the short zones record can tell, bytes


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
    decode_rate: Micro48 = key("rate", "tokens per second over this turn's decode (0 before the second token)")
    decode_mb_s: U24 = key("dm", "weights and KV cache read in that time, 10^6 bytes per second", 0)
    read_mb_s: U24 = key("rd", "what reading the weights alone brings here, see the stream `bench`; 0: not measured", 0)


class KvCache(Sample):
    """How full the context is."""

    stream: ClassVar[Stream] = Stream.KV
    rows: U32 = key("rows", "cached rows")
    capacity: U32 = key("cap", "rows in all (seq_len)")
    row_bytes: U32 = key("rb", "bytes of one row over all layers")
    turns: Annotated[tuple[int, ...], Uints(12, 2**19 - 1)] = key(
        "ts", "first row of each of the last twelve turns", ()
    )
    generation: U32 = key("g", "number of the last generation: the last of `ts` is where its turn begins", 0)


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
    prefill: U39 = key("pc", "last prefill pass, for each of its tokens")
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
    file: Annotated[str, Plain(33)] = key("file", "name on the volume, empty when none is loaded", "")
    format: Annotated[str, Plain(9)] = key("fmt", "numbers and file format: fp32-v0, int8-v2, fp32-gguf", "")
    group: U8 = key("gs", "weights that share one scale, 0 for fp32", 0)
    dim: U24 = key("dim", "width of the residual stream", 0)
    hidden_dim: U20 = key("hid", "width of the feed-forward layer", 0)
    layers: U12 = key("lay", "transformer layers", 0)
    heads: U12 = key("hd", "query heads", 0)
    kv_heads: U12 = key("kvh", "key/value heads", 0)
    vocab: U20 = key("voc", "tokens of the vocabulary", 0)
    seq_len: U20 = key("seq", "rows of the context", 0)
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
    level: Annotated[str, Plain(14)] = key("lv", "kernels in use")
    best: Annotated[str, Plain(14)] = key("best", "best level this machine allows")
    pinned: Flag = key("pin", "1: chosen by a person with /attn", False)
    hz: U48 = key("hz", "cycles of the counter per second")
    clock: Annotated[str, Plain(12)] = key("src", "how that was measured")
    spread_ppm: U32 = key("ppm", "spread of the measurement, parts per million")
    invariant: Flag = key("inv", "1: the counter does not follow power states")
    processors: U16 = key("np", "processors the firmware counts as enabled, 0: not asked", 0)
    processors_used: U16 = key("nu", "processors that compute, 0: not told", 0)


class Version(Sample):
    """What runs here."""

    stream: ClassVar[Stream] = Stream.VERSION
    version: Annotated[str, Plain(24)] = key("v", "kernel name and version")
    port: Annotated[str, Plain(8)] = key("port", "uefi or posix")
    machine: Annotated[str, Plain(48)] = key("mach", "firmware or host")
    boot: Hex32 = key("boot", "random per boot")
    schema_id: Hex32 = key("sch", "CRC-32 of the canonical schema")


class Bench(Sample):
    """What `/bench` measured last. A million bytes are 10^6 here. `read_mb_s` is the bound of `decode_mb_s`: the loads
    of a decode pass without its arithmetic, over the same weights by the same processors. Of weights that fit `cache`
    it is the speed of the cache, otherwise that of the memory."""

    stream: ClassVar[Stream] = Stream.BENCH
    level: Annotated[str, Plain(14)] = key("lv", "kernels in use, empty when nothing was measured", "")
    processors: U16 = key("nu", "processors that computed", 0)
    weights: U32 = key("w", "bytes of weights that a decode pass reads", 0)
    cache: U32 = key("cb", "bytes of the largest cache, 0: not known", 0)
    read_mb_s: U24 = key("rd", "stream read of the weights, million bytes per second", 0)
    row: U20 = key("row", "row of the KV cache at which each burst began", 0)
    decode_rate: Micro48 = key("dt", "decode, tokens per second", 0)
    decode_mb_s: U24 = key("dm", "weights and KV cache read in that time, million bytes per second", 0)
    decode_cycles: U39 = key("dc", "cycles of a decode pass", 0)
    prefill_rate: Micro48 = key("pt", "prefill, tokens per second", 0)
    prefill_mb_s: U24 = key("pm", "weights and KV cache read in that time, million bytes per second", 0)
    prefill_cycles: U39 = key("pc", "cycles of prefill for each token", 0)


class Load(Sample):
    """Progress of loading a model."""

    stream: ClassVar[Stream] = Stream.LOAD
    file: Annotated[str, Plain(40)] = key("file", "name on the volume")
    done: U48 = key("done", "bytes")
    total: U48 = key("all", "bytes")
    elapsed_ms: U32 = key("ms", "time so far")
