"""Records as JSON values: names as in the schema, millionths as decimals, bytes as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmbm_console.core.answers.distribution import RULES, Rules, distribution_of
from llmbm_console.core.answers.stamp import stamp
from llmbm_console.core.postmortem.known_fields import known_names
from llmbm_console.core.state.state import LogLine, State, TokenInfo, Turn
from llmbm_console.core.state.turns import decode_rate, rate
from llmbm_protocol.fields import is_micro
from llmbm_protocol.likeliest import STEPS_PER_UNIT, read
from llmbm_protocol.schema import Choice, Record, Sample, Stream

#: The REPL commands whose answer is also given as typed records, and the streams they come from.
COMMAND_STREAMS: dict[str, tuple[Stream, ...]] = {
    "/ctx": (Stream.MODEL, Stream.SAMPLING, Stream.KV, Stream.SENTINEL),
    "/zones": (Stream.ZONE,),
    "/model": (Stream.MODEL, Stream.TOKENIZER),
    "/cpu": (Stream.CPU,),
    "/version": (Stream.VERSION,),
    "/sampling": (Stream.SAMPLING,),
    "/budget": (Stream.SENTINEL,),
    "/bench": (Stream.BENCH,),
}

#: What a record is called inside the answer of `/ctx` and the like.
STREAM_NAMES = {
    Stream.MODEL: "model",
    Stream.TOKENIZER: "tokenizer",
    Stream.SAMPLING: "sampling",
    Stream.KV: "kv",
    Stream.SENTINEL: "sentinel",
    Stream.CPU: "cpu",
    Stream.VERSION: "version",
    Stream.ZONES: "zones",
    Stream.PERF: "perf",
    Stream.BENCH: "bench",
}


def record_json(record: Record) -> dict[str, Any]:
    """One record. The bookkeeping fields of samples (number, dropped) are left out; what a text does not tell is
    None."""
    document: dict[str, Any] = {}
    known = known_names(record)
    for name in type(record).model_fields:
        if isinstance(record, Sample) and name in ("number", "dropped"):
            continue
        value = getattr(record, name) if name in known else None
        if value is None:
            pass
        elif isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        elif is_micro(type(record), name):
            value = value / 1_000_000
        elif isinstance(record, Choice) and name == "likeliest":
            value = [one._asdict() for one in read(record.likeliest)]
        elif isinstance(value, tuple):
            value = list(value)
        document[name] = value
    return document


def records_json(records: tuple[Record, ...]) -> dict[str, Any] | list[dict[str, Any]]:
    """The typed answer of one command: a list for arenas, one record, or a record per stream."""
    arenas = [record for record in records if isinstance(record, Sample) and record.stream is Stream.ZONE]
    if arenas:
        return [record_json(record) for record in arenas]
    named = {
        STREAM_NAMES[record.stream]: record_json(record)
        for record in records
        if isinstance(record, Sample) and record.stream in STREAM_NAMES
    }
    return next(iter(named.values())) if len(named) == 1 else named


def _rounded(value: float | None) -> float | None:
    return round(value, 3) if value is not None else None


def choice_json(token: TokenInfo, words: Mapping[int, str], vocab: int) -> dict[str, Any]:
    """How one token was chosen: shares before the cuts of min_p, top_k and top_p; texts where they are known."""
    choice = token.choice
    document: dict[str, Any] = {"index": token.index, "id": token.token, "text": words.get(token.token)}
    if choice is None:
        return {**document, "probability": None}  # dropped for want of room on the line, or lost
    distribution = distribution_of(choice, vocab)
    temperature = choice.temperature / 1_000_000
    shares = distribution.cut(Rules(temperature)).shares if distribution is not None else ()
    listed = distribution.tokens if distribution is not None else ()
    return {
        **document,
        "probability": choice.probability / 1_000_000,
        "rank": choice.rank,
        "temperature": temperature,
        "kept": dict(zip(RULES, choice.kept, strict=False)) or None,
        "banned": choice.banned,
        "weakened": choice.weakened,
        "otherwise": choice.otherwise,
        "likeliest": [
            {
                "id": one.token,
                "text": words.get(one.token),
                "probability": float(f"{share:.4g}"),
                "logit_below": round(one.below / STEPS_PER_UNIT, 4),
                "weakened": one.weakened,
            }
            for one, share in zip(listed, shares, strict=True)
        ],
    }


def turn_json(turn: Turn) -> dict[str, Any]:
    """A prompt and its answer with the figures of its end."""
    done = turn.finished
    document: dict[str, Any] = {
        "prompt": turn.prompt,
        "text": turn.text,
        "generation": turn.number,
        "tokens": done.tokens if done else len(turn.tokens),
        "lost_tokens": turn.lost_tokens,
        "stop_reason": str(done.reason) if done else None,
        "stamp": stamp(turn) or None,
    }
    if done:
        document |= {
            "prompt_tokens": done.prompt_tokens,
            "prefill_tok_s": _rounded(rate(done.prompt_tokens, done.prefill_us)),
            "decode_tok_s": _rounded(decode_rate(done)),
            "prefill_us": done.prefill_us,
            "decode_us": done.decode_us,
            "decode_mb_s": done.decode_mb_s or None,
            "read_mb_s": done.read_mb_s or None,
            "kv_rows": done.kv_rows,
            "turn": done.turn,
        }
    return document


def log_json(line: LogLine) -> dict[str, Any]:
    """One entry of the kernel's log."""
    document: dict[str, Any] = {"severity": line.severity, "code": line.code, "text": line.text}
    if line.record is not None:
        document |= record_json(line.record)
    return document


def kernel_log(state: State, count: int) -> list[LogLine]:
    """The last `count` events of the kernel, newest first."""
    entries = [line for line in state.log if line.record is not None]
    entries.sort(key=lambda line: line.record.number if line.record else 0)
    return entries[::-1][:count]
