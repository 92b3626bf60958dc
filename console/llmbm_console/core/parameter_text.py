"""Values of parameters as the REPL spells and reads them. Values are in units of the parameter's kind: millionths for
micro."""

from __future__ import annotations

from llmbm_protocol.parameters import MILLION, Parameter


def micro(value: int) -> str:
    """Millionths as a decimal without needless zeros."""
    whole, rest = divmod(value, MILLION)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".") if rest else str(whole)


def value_text(parameter: Parameter, value: int) -> str:
    """A value as the REPL spells it."""
    return micro(value) if parameter.kind == "micro" else str(value)


def parse_value(parameter: Parameter, text: str, maximum: int) -> int:
    """A written value of at most `maximum`. Raises ValueError that names the accepted ones."""
    low = parameter.minimum
    accepted = f"{parameter.name}: expected {value_text(parameter, low)} to {value_text(parameter, maximum)}"
    whole, point, rest = text.strip().partition(".")
    digits = whole + rest
    if not (digits.isascii() and digits.isdigit()) or (point and parameter.kind != "micro") or len(rest) > 6:
        raise ValueError(accepted)
    value = int(whole or "0")
    if parameter.kind == "micro":
        value = value * MILLION + int((rest or "0").ljust(6, "0"))
    if not low <= value <= maximum:
        raise ValueError(accepted)
    return value


def refusal(name: str, value: str, why: str) -> str:
    """Why a parameter was not set to a value, in the kernel's words, whoever says so: the kernel, `parse_value`, or a
    line that broke."""
    if why.startswith(f"{name} cannot be "):
        return why
    if why.startswith(f"{name}: "):
        return f'{name} cannot be "{value}": {why.removeprefix(f"{name}: ")}'
    return f"{name} {value} was not set: {why}"
