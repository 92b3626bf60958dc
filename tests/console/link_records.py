"""Records of a kernel with what a test is about, and the rest as it may be."""

from __future__ import annotations

from llmbm_protocol.schema import Credit, Event, Finished, LogCode, LogLevel, StopReason, Token


def credit(consumed: int, window: int = 15, **more: object) -> Credit:
    return Credit(consumed=consumed, window=window, **more)  # type: ignore[arg-type]


def token(index: int, generation: int = 1, part: int = 0, more: bool = False) -> Token:
    return Token(generation=generation, index=index, part=part, more=more, time=0, token=0, cycles=0, text=b"x")


def end(tokens: int, generation: int = 1) -> Finished:
    return Finished(
        generation=generation, time=0, reason=StopReason.EOS, tokens=tokens, prompt_tokens=1, prefill_us=1, decode_us=1,
        kv_rows=1, turn=1,
    )  # fmt: skip


def log(number: int) -> Event:
    return Event(number=number, time=0, level=LogLevel.INFO, code=LogCode.INFO, message="")
