"""What a file is that is no text of a kernel: told by its first octets, with what can be done with it.

Only what people are likely to give by mistake; sources of the numbers: the formats' own specifications, and file(1).
"""

from __future__ import annotations

import codecs
import re
import struct
from collections.abc import Callable
from pathlib import Path

from llmbm_console.core.command import command

SNIFFED = 4096  # octets that tell
TEXT_CONTROLS = b"\t\n\r\x07\x08\x0c\x1b"  # a terminal's log has these as well
MODEL_HEAD = struct.Struct("<7i")  # dim, hidden_dim, layers, heads, kv heads, vocab, seq_len: llama2.c, version 0

#: What a kernel or its firmware writes; with it, a file is a log, however much noise a line had.
_KERNEL = re.compile(rb"llmk|BdsDxe|You: |@[A-Za-z] [0-9a-f]{4} ")

Advice = Callable[[str], str]


def _model(path: str) -> str:
    return f"a kernel runs it: {command('--sim', '--model', path)}, or --qemu"


def _image(path: str) -> str:
    return f"QEMU boots it: {command('--qemu', '--image', path)}"


def _packed(_path: str) -> str:
    return "unpack it first"


def _firmware(_path: str) -> str:
    return f"a kernel is booted as a whole, with a model: {command('--qemu')}"


def _picture(_path: str) -> str:
    return "an image viewer shows it"


def _pixmap(path: str) -> str:
    return f"the console shows it: {command(path)}"


def _nothing(_path: str) -> str:
    return "there is nothing in it that a console could show"


#: Where, what stands there, and what that means.
MAGIC: tuple[tuple[int, bytes, str, Advice], ...] = (
    (0, b"\x7fELF", "a program or a core of one (ELF)", _nothing),
    (0, b"\x1f\x8b", "packed with gzip", _packed),
    (0, b"PK\x03\x04", "a zip archive", _packed),
    (0, b"\xfd7zXZ\0", "packed with xz", _packed),
    (4, b"1AY&SY", "packed with bzip2", _packed),
    (0, b"\x28\xb5\x2f\xfd", "packed with zstd", _packed),
    (257, b"ustar", "a tar archive", _packed),
    (0, b"\x89PNG\r\n\x1a\n", "a picture (PNG)", _picture),
    (0, b"\xff\xd8\xff", "a picture (JPEG)", _picture),
    (0, b"GIF8", "a picture (GIF)", _picture),
    (0, b"P6\n", "a picture (PPM), as /save_img writes one", _pixmap),
    (0, b"%PDF-", "a PDF document", _nothing),
    (0, b"GGUF", "a model (GGUF)", _model),
    (0, b"24ka", "a model (llama2.c)", _model),
    (0, b"QFI\xfb", "a disk image (qcow2)", _image),
    (512, b"EFI PART", "a disk image (GPT)", _image),
    (510, b"\x55\xaa", "a disk image", _image),
)


def is_model(head: bytes, size: int) -> bool:
    """Whether a file without a magic number is a llama2.c model: seven numbers that can be a shape, and as many octets
    as its smallest matrix at least."""
    if len(head) < MODEL_HEAD.size:
        return False
    numbers: tuple[int, ...] = MODEL_HEAD.unpack_from(head)
    dim, hidden, layers, heads, kv_heads, vocab, length = numbers
    shape = 0 < heads <= dim <= 1 << 16 and dim % heads == 0 and 0 < kv_heads <= heads and heads % kv_heads == 0
    rest = 0 < hidden <= 1 << 20 and 0 < layers <= 1 << 10 and 0 < abs(vocab) <= 1 << 22 and 0 < length <= 1 << 24
    return shape and rest and size >= MODEL_HEAD.size + 4 * dim * abs(vocab)


def is_pe(head: bytes) -> bool:
    """Whether it is a program in the Portable Executable format: at octet 60 stands where its header is."""
    if not head.startswith(b"MZ") or len(head) < 64:
        return False
    return head.startswith(b"PE\0\0", int.from_bytes(head[60:64], "little"))


def is_utf16(head: bytes) -> bool:
    """Whether octets without a mark are a text in UTF-16LE: mostly of Latin letters, and without controls."""
    pairs = head[: len(head) // 2 * 2]
    if len(pairs) < 8 or pairs[1:64:2].count(0) * 4 <= len(pairs[1:64:2]) * 3:
        return False
    return not any(unit < 32 and unit not in TEXT_CONTROLS for unit in pairs[::2])


def has_controls(octets: bytes) -> bool:
    """Whether there are more control characters, NUL among them, than a text has in any encoding of octets."""
    return sum(octet < 32 and octet not in TEXT_CONTROLS for octet in octets) * 50 > len(octets)


UTF16_MARKS = (codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE)  # at the beginning of a text


def utf16_of(head: bytes) -> str:
    """The codec of a text in UTF-16 by its first octets; empty for any other file."""
    if head.startswith(b"\xfe\xff"):
        return "utf-16-be"
    return "utf-16-le" if head.startswith(b"\xff\xfe") or is_utf16(head) else ""


def named_kind(head: bytes, size: int, path: str) -> str:
    """What a file of a known format is, and what to do with it, in one sentence; empty for any other, which may be a
    line with much noise. `head` are its first octets, SNIFFED of them are enough."""
    for place, magic, what, advice in MAGIC:
        if head.startswith(magic, place):
            return f"{what}: {advice(path)}"
    if is_pe(head):
        return f"a program of UEFI or Windows (PE): {_firmware(path)}"
    if is_model(head, size):
        return f"a model (llama2.c): {_model(path)}"
    return ""


def binary_kind(head: bytes, size: int, path: str) -> str:
    """The same, also for what no program here knows; empty for a text."""
    if named := named_kind(head, size, path):
        return named
    if utf16_of(head) or _KERNEL.search(head):
        return ""
    return f"a binary file: {_nothing(path)}" if has_controls(head) else ""


def binary_file(path: Path) -> str:
    """The same of a file; empty for one that cannot be read, is empty or is no file."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return binary_kind(file.read(SNIFFED), path.stat().st_size, str(path))
    except OSError:
        return ""
