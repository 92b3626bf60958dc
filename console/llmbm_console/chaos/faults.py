"""Damage to a stream of octets, from a seed: the same seed and the same octets give the same damage, however they are
cut into reads."""

from __future__ import annotations

import random
from dataclasses import dataclass

from llmbm_protocol.schema import ENQUIRY_OCTETS

#: What firmware and boot loaders write onto a serial line, and things that only look like frames.
NOISE = (
    b"\x1b[2J\x1b[01;01H\x1b[=3h\x1b[2J",
    b"BdsDxe: starting Boot0001 \"UEFI Misc Device\" from PciRoot(0x0)/Pci(0x3,0x0)\r\n",
    b"\x1b[0m\x1b[35m\x1b[40mPress any key to continue...\x1b]0;title\x07\r\n",
    b"\xff\xfe\x00\x80\x9b31m",
    b"@K 0001 c=99999 w=240*00000000\r\n",
    b"@q 0001 id=1 op=reboot*deadbeef\r\n",
    b"mail me @ noon * or @H\r\n",
)  # fmt: skip


@dataclass
class Faults:
    """Probabilities; they may be changed at any time."""

    flip_bit: float = 0.0  # per octet
    drop_byte: float = 0.0  # per octet
    burst: float = 0.0  # per octet: the next `burst_octets` become noise
    burst_octets: int = 12
    drop_line: float = 0.0  # per line
    double_line: float = 0.0  # per line
    splice: float = 0.0  # per line: its end is lost, the next one is joined to it
    noise: float = 0.0  # per line: firmware noise goes before it

    @property
    def of_octets(self) -> float:
        """What happens to single octets."""
        return self.flip_bit + self.drop_byte + self.burst

    @property
    def of_lines(self) -> float:
        """What happens to lines."""
        return self.drop_line + self.double_line + self.splice + self.noise


class Damager:
    """One direction. Nothing is held back: a half line goes on at once, since a sender may wait for its effect."""

    def __init__(self, faults: Faults, seed: object) -> None:
        self.faults = faults
        self.counts: dict[str, int] = {}  # what was done, by the name of the fault
        self.octets = 0  # that came in
        self._random = random.Random(str(seed))
        self._at_start = True
        self._line_fault = ""
        self._copy = bytearray()
        self._burst_left = 0

    @property
    def damaged(self) -> int:
        """How often anything was done."""
        return sum(self.counts.values())

    def _count(self, fault: str) -> None:
        self.counts[fault] = self.counts.get(fault, 0) + 1

    def feed(self, data: bytes) -> bytes:
        """What comes out for these octets."""
        self.octets += len(data)
        quiet = not (self.faults.of_octets or self.faults.of_lines or self._line_fault or self._burst_left)
        if quiet:
            self._at_start = data.endswith(b"\n") if data else self._at_start
            return data
        out = bytearray()
        for octet in data:
            if octet in ENQUIRY_OCTETS:  # belongs to no line, and is not lost with one
                self._octet(octet, out)
                continue
            if self._at_start:
                self._begin_line(out)
            self._octet_of_line(octet, out)
            self._at_start = octet == 0x0A
            if self._at_start:
                self._end_line(out)
        return bytes(out)

    def _begin_line(self, out: bytearray) -> None:
        self._line_fault = ""
        if not self.faults.of_lines:
            return
        dice = self._random.random()
        for fault in ("drop_line", "double_line", "splice", "noise"):
            probability: float = getattr(self.faults, fault)
            if dice < probability:
                self._count(fault)
                self._line_fault = fault
                break
            dice -= probability
        self._copy.clear()
        if self._line_fault == "noise":
            out += self._random.choice(NOISE)

    def _octet_of_line(self, octet: int, out: bytearray) -> None:
        if self._line_fault == "drop_line" or (self._line_fault == "splice" and octet in b"\r\n"):
            return
        if self._line_fault == "double_line":
            self._copy.append(octet)
        self._octet(octet, out)

    def _octet(self, octet: int, out: bytearray) -> None:
        if self._burst_left:
            self._burst_left -= 1
            out.append(self._random.randrange(256))
        elif self.faults.of_octets:
            self._maybe_damage(octet, out)
        else:
            out.append(octet)

    def _maybe_damage(self, octet: int, out: bytearray) -> None:
        dice = self._random.random()
        if dice < self.faults.drop_byte:
            self._count("drop_byte")
        elif dice < self.faults.drop_byte + self.faults.flip_bit:
            self._count("flip_bit")
            out.append(octet ^ 1 << self._random.randrange(8))
        elif dice < self.faults.of_octets:
            self._count("burst")
            self._burst_left = self.faults.burst_octets
            out.append(octet)
        else:
            out.append(octet)

    def _end_line(self, out: bytearray) -> None:
        out += self._copy
        self._copy.clear()
        self._line_fault = ""


class SmallFifo:
    """A receiver of 16 octets that is emptied every `gap` seconds, behind a line of `baud`: what comes while it is full
    is lost. Times are the caller's."""

    DEPTH = 16

    def __init__(self, gap: float, baud: int = 115_200) -> None:
        self.gap = gap
        self.lost = 0
        self._octet_time = 10 / baud
        self._arrived = 0.0  # when the last octet was complete
        self._slot = -1
        self._held = 0

    def feed(self, data: bytes, now: float) -> bytes:
        """The octets of a chunk, begun to be sent now, that find room."""
        out = bytearray()
        for octet in data:
            self._arrived = max(self._arrived, now) + self._octet_time
            slot = int(self._arrived / self.gap)
            if slot != self._slot:
                self._slot, self._held = slot, 0
            if self._held < self.DEPTH:
                self._held += 1
                out.append(octet)
            else:
                self.lost += 1
        return bytes(out)
