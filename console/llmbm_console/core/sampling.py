"""Sampling presets: what one holds, the kernel's own, and those of the person (`[sampling.NAME]` in config.toml)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from llmbm_console.core.errors import SessionError
from llmbm_console.core.parameter_text import micro, parse_value, value_text
from llmbm_protocol.parameters import PARAMETERS

if TYPE_CHECKING:
    from llmbm_protocol.schema import SamplingState

#: Parameter name to the field of the sampling record.
FIELDS = {
    "temp": "temperature",
    "min_p": "min_p",
    "top_p": "top_p",
    "top_k": "top_k",
    "norepeat": "no_repeat_ngram",
    "repeat": "repeat_penalty",
    "max_tokens": "max_tokens",
    "seed": "seed",
}
#: What a preset sets, as the kernel's own do: how long an answer may be and its seed stay.
PRESET = ("temp", "min_p", "top_p", "top_k", "norepeat", "repeat")
#: The kernel's own, and what each is.
BUILT_IN: Mapping[str, str] = {
    "greedy": "always the most likely token, plain argmax",
    "calm": "cooler than the default, closer to the likely",
    "default": "the kernel's own values",
    "wild": "hotter, with a longer tail",
}
#: Parameters and the values to set, as the REPL spells them.
Preset = Mapping[str, str]

_NAME = re.compile("[a-z0-9][a-z0-9_-]{0,23}")
_BY_NAME = {parameter.name: parameter for parameter in PARAMETERS if parameter.name in PRESET}


def name_problem(name: str) -> str:
    """Why a preset of one's own cannot have this name; empty when it can."""
    if name in BUILT_IN:
        return f"preset {name}: one of the kernel's own; choose another name"
    if not _NAME.fullmatch(name):
        return f"preset {name[:40]!r}: expected a name of 1 to 24 small letters, digits, - and _"
    return ""


def in_force(record: SamplingState | None) -> Preset:
    """The values that the kernel uses now. Raises SessionError while they are not known."""
    if record is None:
        raise SessionError("the kernel has not said its sampling values yet, so they cannot be saved")
    return {name: value_text(_BY_NAME[name], getattr(record, FIELDS[name])) for name in PRESET}


def preset_of(own: Mapping[str, Preset], name: str) -> Preset:
    """A preset of the person. Raises SessionError for one that is not there."""
    if name in own:
        return own[name]
    raise SessionError(f"preset {name[:40]!r}: there is no such preset; there are {', '.join((*BUILT_IN, *own))}")


def told(preset: Preset) -> str:
    """All of it in a line."""
    return ", ".join(f"{name} {value}" for name, value in preset.items())


def read_preset(name: str, table: object) -> Iterator[tuple[str, str, str]]:
    """Of each entry of a table in config.toml its key, the value as the REPL spells it, and what is wrong with it."""
    if problem := name_problem(name):
        yield "", "", problem.removeprefix(f"preset {name}: ")
    elif not isinstance(table, dict):
        yield "", "", "expected a table of sampling parameters"
    else:
        for key, value in table.items():
            parameter = _BY_NAME.get(key)
            if parameter is None:
                yield key, "", f"is not set by a preset; expected one of {', '.join(PRESET)}"
                continue
            try:
                number = parse_value(parameter, _written(value), parameter.maximum)
                yield key, value_text(parameter, number), ""
            except ValueError as error:
                yield key, "", f"{value!r:.40} cannot be used; {error}"


def _written(value: object) -> str:
    """A number of the file as a person would type it: TOML reads 1e-6 as well."""
    if isinstance(value, float) and 0 <= value < 1e6:
        return micro(round(value * 1_000_000))
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
