"""Every parameter of the kernel, once: the REPL command, the repl.cfg key, the wire request and the slider share this
table.

The C table in kernel_c/gen is generated from it, and so is repl.cfg.example.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ParameterKind = Literal["micro", "integer", "u64", "flag", "choice", "name"]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One setting.

    `minimum`, `maximum` and `default` are in units of the kind: millionths for micro, the index of `choices` for
    choice.
    """

    name: str  # command without the slash, key in repl.cfg, name on the wire
    kind: ParameterKind
    minimum: int = 0
    maximum: int = 1
    default: int = 0
    choices: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()  # further keys accepted in repl.cfg
    help: str
    off: int | None = None  # the value that switches it off, in units of the kind
    sampling: bool = False  # one of the sliders
    default_text: str = ""  # for kind "name"
    boot_only: bool = False  # read from repl.cfg, not a command
    bounded_by_context: bool = False  # the maximum is seq_len of the model when that is larger


MILLION = 1_000_000

PARAMETERS: tuple[Parameter, ...] = (
    Parameter(name="temp", kind="micro", maximum=2 * MILLION, default=850_000, aliases=("temperature",), sampling=True,
              help="randomness of the draw; 0 always takes the most likely token"),
    Parameter(name="min_p", kind="micro", maximum=MILLION, default=50_000, off=0, sampling=True,
              help="drop tokens less likely than this share of the most likely one"),
    Parameter(name="top_p", kind="micro", maximum=MILLION, default=950_000, off=MILLION, sampling=True,
              help="keep the likeliest tokens that together reach this probability"),
    Parameter(name="top_k", kind="integer", maximum=262_144, default=80, off=0, sampling=True,
              help="keep this many of the likeliest tokens"),
    Parameter(name="norepeat", kind="integer", maximum=16, default=4, off=0, aliases=("no_repeat_ngram",),
              sampling=True, help="never repeat a run of this many tokens"),
    Parameter(name="repeat", kind="micro", minimum=MILLION, maximum=2 * MILLION, default=1_150_000, off=MILLION,
              aliases=("repeat_penalty",), sampling=True, help="weaken tokens seen in the last 64 of this turn"),
    Parameter(name="max_tokens", kind="integer", minimum=1, maximum=256, default=160, sampling=True,
              bounded_by_context=True, help="most tokens of one answer"),
    Parameter(name="seed", kind="u64", maximum=2**64 - 1, default=42, sampling=True, help="seed of the random draw"),
    Parameter(name="stats", kind="flag", default=1, help="show a line of statistics after each answer"),
    Parameter(name="stop_you", kind="flag", default=0, help="stop at a line that begins with You:"),
    Parameter(name="stop_nl", kind="flag", default=0, help="stop at an empty line"),
    Parameter(name="overflow", kind="choice", choices=("slide", "clear", "stop"), maximum=2, default=0,
              help="when the context is full: keep the newest half, forget everything, or stop"),
    Parameter(name="attn", kind="choice", choices=("auto", "sse2", "avx2", "avx512", "avx512_vnni", "reference"),
              maximum=5, default=0, help="vector instructions to use; auto takes the best this machine has"),
    Parameter(name="threads", kind="choice", choices=("auto", *map(str, range(1, 17))), maximum=16, default=0,
              help="processors that share a pass; auto takes all, or one for a small model; "
                   "1 never touches the others"),
    Parameter(name="budget_prefill", kind="u64", maximum=2**39 - 1, default=0, off=0, boot_only=True,
              help="cycles a token may take in a prefill pass; 0 learns it"),
    Parameter(name="budget_decode", kind="u64", maximum=2**39 - 1, default=0, off=0, boot_only=True,
              help="cycles a decode pass, of one token, may take; 0 learns it"),
    Parameter(name="strict_budget", kind="flag", default=0,
              help="1: a broken budget trips the sentinel; 0: it is logged"),
    Parameter(name="model", kind="name", boot_only=True, help="model file to load first"),
    Parameter(name="q8", kind="flag", default=0, boot_only=True,
              help="1: float32 weights are kept as int8 where their shape allows it"),
    Parameter(name="baud", kind="choice", choices=("9600", "19200", "38400", "57600", "115200"), maximum=4, default=4,
              boot_only=True, help="speed of the serial line"),
)  # fmt: skip
