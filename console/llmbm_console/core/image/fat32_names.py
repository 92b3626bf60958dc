"""Names on a FAT volume: the short one of eight and three characters, and the entries that hold the long one."""

from __future__ import annotations

import struct

SHORT_CHARACTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'()-@^_`{}~")
PER_ENTRY = 13  # UTF-16 units in one entry
LONG_NAME = 0x0F
LAST = 0x40


def _clean(part: str) -> bytes:
    return bytes(c if c in SHORT_CHARACTERS else ord("_") for c in part.upper().encode("ascii", "replace"))


def short_name(name: str, taken: set[bytes]) -> bytes:
    """Eleven bytes: the name itself when it is a plain upper-case one, else its beginning, "~" and a number."""
    stem, _, extension = name.rpartition(".") if "." in name.strip(".") else (name, "", "")
    exact = stem.encode("ascii", "replace").ljust(8) + extension.encode("ascii", "replace").ljust(3)
    if len(exact) == 11 and _is_plain(stem, 8) and (not extension or _is_plain(extension, 3)) and exact not in taken:
        return exact
    base, end = _clean(stem.replace(" ", "").replace(".", "")), _clean(extension.replace(" ", ""))[:3].ljust(3)
    for number in range(1, 1_000_000):
        tail = b"~%d" % number
        candidate = (base[: 8 - len(tail)] + tail).ljust(8) + end
        if candidate not in taken:
            return candidate
    raise ValueError(f"{name}: no short name is left")


def _is_plain(part: str, most: int) -> bool:
    return 1 <= len(part) <= most and all(ord(c) in SHORT_CHARACTERS for c in part)


def is_short(name: str) -> bool:
    """Whether a name needs no long entry."""
    stem, dot, extension = name.partition(".")
    return _is_plain(stem, 8) and (not dot or _is_plain(extension, 3))


def checksum(short: bytes) -> int:
    """Ties long entries to their short name."""
    total = 0
    for byte in short:
        total = ((total & 1) << 7 | total >> 1) + byte & 0xFF
    return total


def long_entries(name: str, short: bytes) -> list[bytes]:
    """The entries before the short one, in the order on the disk (last part first); none for a plain short name."""
    if is_short(name):
        return []
    units = name.encode("utf-16-le")
    if len(units) % (2 * PER_ENTRY):
        units += b"\0\0"
        units += b"\xff" * (-len(units) % (2 * PER_ENTRY))
    total = len(units) // (2 * PER_ENTRY)
    entries = []
    for number in range(total, 0, -1):
        part = units[(number - 1) * 2 * PER_ENTRY : number * 2 * PER_ENTRY]
        order = number | (LAST if number == total else 0)
        entries.append(
            struct.pack("<B10sBBB12sH4s", order, part[:10], LONG_NAME, 0, checksum(short), part[10:22], 0, part[22:])
        )
    return entries


def long_part(entry: bytes) -> bytes:
    """The UTF-16 units of one long entry."""
    return entry[1:11] + entry[14:26] + entry[28:32]


def decode_long(parts: list[bytes]) -> str:
    """The name of long entries in the order on the disk."""
    name = b"".join(reversed(parts)).decode("utf-16-le", "replace")
    return name.partition("\0")[0].rstrip("\uffff")


def decode_short(entry: bytes) -> str:
    """The name of an entry without long ones; byte 12 says which part is shown in lower case (Windows NT)."""
    stem, extension = (part.decode("ascii", "replace").rstrip() for part in (entry[:8], entry[8:11]))
    if stem.startswith("\x05"):
        stem = "\ufffd" + stem[1:]
    if entry[12] & 0x08:
        stem = stem.lower()
    if entry[12] & 0x10:
        extension = extension.lower()
    return f"{stem}.{extension}" if extension else stem
