"""How much of the kernel the line protocol is: code, constants and state of its objects, as the build prints it.

State is what a session needs, without the buffers for texts: a prompt, a command's output, what a person typed.
The UART's driver and its two rings are no part of it: a person's terminal needs them as well. Nor are the modules that
know nothing of frames: building texts, numbers in one spelling, lists of words, CRC-32 (of files and dumps as well).

Reads the COFF objects of the UEFI build by itself, so that no binutils are needed. Code is what executes; constants are
the field tables, the dictionary text and messages. Source of the format: the PE and COFF specification, 3 and 4.
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
#: The protocol: octets to frames to records and back; then modes, credit and heartbeat, requests done once, streams.
PROTOCOL = {
    "framing": ("core_wire", "core_wire_octets", "core_wire_receive", "core_wire_request"),
    "session": ("core_link", "core_link_answers", "core_link_send"),
}
#: What is reached through it: what is told of its own accord; what the requests do, long texts, files, how tokens were
#: chosen, the work that runs, a person's keys.
BEYOND = {
    "streams": ("core_link_stream",),
    "operations": (
        "core_link_requests",
        "core_link_output",
        "core_link_file",
        "core_link_choice",
        "core_link_work",
        "core_link_typed",
    ),
}
CODE, INITIALISED, ZEROED, WRITABLE = 0x20, 0x40, 0x80, 0x8000_0000


def sections(data: bytes) -> Iterator[tuple[int, int]]:
    """Size and characteristics of every section of a COFF object. Raises ValueError for another format."""
    machine, count, _, _, _, optional, _ = struct.unpack_from("<HHIIIHH", data)
    if machine != 0x8664:
        raise ValueError(f"machine {machine:#x}: expected an x86-64 COFF object")
    for number in range(count):
        fields = struct.unpack_from("<8sIIIIIIHHI", data, 20 + optional + 40 * number)
        name, size, flags = fields[0].rstrip(b"\0"), fields[3], fields[9]
        if not name.startswith((b".debug", b".llvm", b".pdata", b".xdata", b"/")):  # not loaded, or unwinding only
            yield size, flags


def sizes(path: Path) -> tuple[int, int, int]:
    """Octets of code, constants and variables in one object."""
    code = constants = variables = 0
    for size, flags in sections(path.read_bytes()):
        if flags & CODE:
            code += size
        elif flags & (INITIALISED | ZEROED):
            if flags & WRITABLE:
                variables += size
            else:
                constants += size
    return code, constants, variables


def protocol_sizes(objects: Path) -> dict[str, tuple[int, int, int]]:
    """The same for each part of the protocol and of what is beyond it."""
    found: dict[str, tuple[int, int, int]] = {}
    for part, names in {**PROTOCOL, **BEYOND}.items():
        each = [sizes(objects / f"{name}.o") for name in names]
        found[part] = (sum(e[0] for e in each), sum(e[1] for e in each), sum(e[2] for e in each))
    return found


PROBE = """#include "kernel.h"
char link_state[sizeof(struct link) - sizeof((struct link *)0)->staged - sizeof((struct link *)0)->output -
                sizeof((struct link *)0)->typed + sizeof(struct wire_hello)];
"""


def state_bytes(compiler: list[str], objects: Path) -> int:
    """Octets of state, by compiling an array of that size: the link's, and the hello that the kernel keeps."""
    source, result = objects / "size_probe.c", objects / "size_probe.o"
    source.write_text(PROBE, encoding="ascii")
    subprocess.run([*compiler, "-c", str(source), "-o", str(result)], check=True)
    return sizes(result)[2]


def report(objects: Path, compiler: list[str]) -> str:
    """One line: what the build prints. `compiler` is the command that compiles a source of the kernel."""
    found = protocol_sizes(objects)
    code = sum(found[part][0] for part in PROTOCOL)
    constants = sum(part[1] for part in found.values())
    each, beyond = (", ".join(f"{part} {found[part][0]}" for part in parts) for parts in (PROTOCOL, BEYOND))
    state = state_bytes(compiler, objects)
    return (
        f"line protocol: {code} bytes of code ({each}), {state} of state; "
        f"beyond it: {beyond}; {constants} of tables and texts"
    )
