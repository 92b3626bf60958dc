"""The enumerations of the line protocol. The order is part of the schema: the kernel numbers the words by it.

This module imports nothing heavy: interfaces use the words before they need a record.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self

ENUM_WORD_MAXIMUM = 16
_WORD_OCTETS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")


class Word(StrEnum):
    """Base of the enumerations. A word that is not in the list becomes a value of its own, so that a newer
    kernel's words are shown and not refused; `known` tells them apart."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str) or not 0 < len(value) <= ENUM_WORD_MAXIMUM or not _WORD_OCTETS.issuperset(value):
            return None
        stranger = str.__new__(cls, value)
        stranger._name_ = value.upper()
        stranger._value_ = value
        return stranger

    @property
    def known(self) -> bool:
        """False for a word that this revision of the schema does not have."""
        return self.value in type(self)._value2member_map_


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
    BENCH = "bench"


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
    CONTEXT = "context"


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
    """What can be subscribed to, and asked for by `stat`. The last seven are sent on request and on change, not
    periodically."""

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
    BENCH = "bench"
