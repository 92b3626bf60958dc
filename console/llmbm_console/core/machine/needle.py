"""What is looked for in memory, as a person writes it: octets, a number, or a text."""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

WRITTEN = 'de ad be ef   0xdeadbeef (low octet first)   f32:0.5   i16:-7   "text"'
MOST = 256  # octets

_PAIRS = re.compile(r"[0-9a-f]{2}(?:\s+[0-9a-f]{2})*", re.IGNORECASE)
_RUN = re.compile(r"(?:[0-9a-f]{2}){2,}", re.IGNORECASE)
_HEX = re.compile(r"0x([0-9a-f_]*)", re.IGNORECASE)
_TYPED = re.compile(r"(f32|f64|[iu](?:8|16|32|64)):(.*)", re.IGNORECASE | re.DOTALL)
_WIDTHS = (1, 2, 4, 8)  # octets of a number
_FLOATS = {"f32": "<f", "f64": "<d"}


class NeedleError(ValueError):
    """Nothing that can be looked for; the message says what was expected."""


class Needle(NamedTuple):
    """The octets that are looked for, and how they were understood."""

    octets: bytes
    told: str
    grid: int = 1  # octets, of which a number's address is a multiple as a rule


def parse_needle(text: str) -> Needle:
    """What a text means, blanks around it left out: pairs of hexadecimal digits with blanks between them are octets,
    0x... is a number of as many octets as its digits fill (1, 2, 4 or 8), TYPE:VALUE a number of that type, both with
    the low octet first as the processor keeps them; all else is text in UTF-8, where capitals count, and so is what
    stands between quotes, its blanks included. Raises NeedleError."""
    wanted = text.strip()
    if not wanted:
        raise NeedleError("nothing to look for: " + WRITTEN)
    if wanted.startswith('"'):
        needle = _text(wanted[1:-1] if len(wanted) > 1 and wanted.endswith('"') else wanted[1:])
    elif _PAIRS.fullmatch(wanted):
        needle = _octets(bytes.fromhex(wanted))
    elif match := _HEX.fullmatch(wanted):
        needle = _hexadecimal(match[1].replace("_", ""))
    elif match := _TYPED.fullmatch(wanted):
        needle = _typed(match[1].lower(), match[2].strip())
    else:
        needle = _text(wanted)
        if _RUN.fullmatch(wanted):
            needle = needle._replace(told=f"{needle.told}; as octets: {bytes.fromhex(wanted)[:8].hex(' ')}")
    if len(needle.octets) > MOST:
        raise NeedleError(f"{len(needle.octets)} octets: at most {MOST} can be looked for")
    return needle


def _octets(data: bytes) -> Needle:
    return Needle(data, "1 octet" if len(data) == 1 else f"{len(data)} octets")


def _text(text: str) -> Needle:
    if not text:
        raise NeedleError('an empty text: expected something between the quotes, "token" for one')
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise NeedleError(f"{text[error.start]!r} is no character of UTF-8") from None
    return Needle(data, f"text of {len(data)} octet{'s' * (len(data) != 1)}, capitals as written")


def _number(data: bytes) -> Needle:
    return Needle(data, f"in memory {data.hex(' ')}", len(data))


def _hexadecimal(digits: str) -> Needle:
    if not digits or len(digits) > 16:
        raise NeedleError(f"0x{digits}: expected 1 to 16 hexadecimal digits; octets are written de ad be ef")
    width = next(width for width in _WIDTHS if 2 * width >= len(digits))
    return _number(int(digits, 16).to_bytes(width, "little"))


def _typed(kind: str, value: str) -> Needle:
    if kind in _FLOATS:
        try:
            return _number(struct.pack(_FLOATS[kind], float(value)))
        except (ValueError, OverflowError):
            raise NeedleError(f"{kind}:{value}: expected a number that fits, 0.5 or -1e-3 for one") from None
    bits, signed = int(kind[1:]), kind[0] == "i"
    least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    try:
        number = int(value, 0) if len(value) <= 40 else None
    except ValueError:
        number = None
    if number is None or not least <= number <= most:
        raise NeedleError(f"{kind}:{value[:40]}: expected a whole number from {least} to {most}")
    return _number(number.to_bytes(bits // 8, "little", signed=signed))
