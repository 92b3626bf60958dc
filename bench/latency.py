"""How long a token takes from the kernel's end of the line to the terminal: a relay that notes when each one was handed
on, and a picture of the terminal that knows how much of the answer is on it."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import threading
import time
from collections import deque
from pathlib import Path

from llmbm_protocol.codec import from_frame
from llmbm_protocol.frame import Frame, FrameDecoder
from llmbm_protocol.schema import Token

WIDTH, HEIGHT = 120, 36
CURSOR = "▌"  # the console draws it behind the text of a running answer
TAIL = 24  # characters before it that are compared
GUTTER = 4  # blanks before a row of an answer
ABOVE = 6  # rows that have so many, where a paragraph ends or the context became full
_PART = re.compile(r"\x1b\[([0-9;?<=>]*)([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_=>]|([^\x1b]+)")


class Relay:
    """Hands octets on between the kernel's socket and one that the console opens. `sent` gets a generation, the token's
    text and the time (s) at which it left, for each token."""

    def __init__(self, line: Path, front: Path) -> None:
        self.sent: deque[tuple[int, str, float]] = deque()
        self.tokens = self.answers = 0
        self._decoder = FrameDecoder()
        self._kernel = socket.socket(socket.AF_UNIX)
        self._kernel.connect(str(line))
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(str(front))
        self._door.listen(1)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        console, _address = self._door.accept()
        while True:
            for ready in select.select([self._kernel, console], [], [])[0]:
                try:
                    data = ready.recv(1 << 16)
                except ConnectionResetError:
                    data = b""
                if not data:
                    self._kernel.close()
                    return
                if ready is console:
                    self._kernel.sendall(data)
                    continue
                self._note(data, time.monotonic())  # before it can be drawn
                with contextlib.suppress(BrokenPipeError):  # the console has ended
                    console.sendall(data)

    def _note(self, data: bytes, now: float) -> None:
        for piece in self._decoder.feed(data):
            if isinstance(piece, Frame) and piece.kind == "F":
                self.answers += 1
            elif isinstance(piece, Frame) and piece.kind == "T" and isinstance(token := from_frame(piece), Token):
                self.tokens += 1
                self.sent.append((token.generation, token.text.decode("utf-8", "replace"), now))


class Screen:
    """The cells of a terminal, as far as moves and text make them."""

    def __init__(self) -> None:
        self.rows = [[" "] * WIDTH for _ in range(HEIGHT)]
        self._x = self._y = 0
        self._rest = ""

    def feed(self, data: bytes) -> None:
        """Draws what was written."""
        text = self._rest + data.decode("utf-8", "ignore")
        cut = text.rfind("\x1b", max(0, len(text) - 32))
        whole = cut < 0 or _PART.match(text, cut) is not None
        self._rest, text = ("", text) if whole else (text[cut:], text[:cut])
        for numbers, final, plain in _PART.findall(text):
            if plain:
                self._write(plain)
            elif final == "H":
                y, _semicolon, x = numbers.partition(";")
                self._y, self._x = int(y or 1) - 1, int(x or 1) - 1

    def _write(self, text: str) -> None:
        for character in text:
            if character >= " " and self._y < HEIGHT and self._x < WIDTH:
                self.rows[self._y][self._x] = character
                self._x += 1

    def answer_rows(self) -> tuple[str, str]:
        """The row that is being written of the running answer, and what is above it of the answer, both without blanks;
        empty when none runs."""
        for y in range(HEIGHT - 1, -1, -1):
            if CURSOR in self.rows[y]:
                end = self.rows[y].index(CURSOR)
                edge = next((x for x in range(end, WIDTH) if self.rows[y][x] == "│"), WIDTH)
                rows = (row[2 : edge - 2] for row in self.rows[max(0, y - ABOVE) : y])  # the scroll bar is behind them
                above = (row for row in rows if row[:GUTTER] == [" "] * GUTTER)  # else it is of a seam
                return _without_blanks(self.rows[y][2:end]), "".join(map(_without_blanks, above))
        return "", ""


def _without_blanks(cells: list[str]) -> str:
    return "".join(cells).replace(" ", "")


class Latencies:
    """Which tokens are on the screen, and how long each took (s)."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._screen = Screen()
        self._generation = 0
        self._text = ""  # of this answer, without blanks
        self._waiting: deque[tuple[int, float]] = deque()  # where each ends that is not seen yet, and when it left
        self.found: list[float] = []

    def drawn(self, data: bytes, now: float) -> None:
        """The terminal got some octets."""
        self._screen.feed(data)
        self._collect()
        shown = self._shown(*self._screen.answer_rows())
        while self._waiting and self._waiting[0][0] <= shown:
            _end, left = self._waiting.popleft()
            if now > left:
                self.found.append(now - left)

    def _shown(self, row: str, above: str) -> int:
        """How much of the answer is on the screen."""
        tail = (above + row)[-TAIL:]
        place = self._text.rfind(tail) if len(tail) == TAIL else -1
        if place >= 0:
            return place + TAIL
        return len(row) if self._text.startswith(row) else 0  # its first row, below the prompt

    def _collect(self) -> None:
        while self._relay.sent:
            generation, text, left = self._relay.sent.popleft()
            if generation != self._generation:
                self._generation, self._text = generation, ""
                self._waiting.clear()
            text = text.replace(" ", "").replace("\n", "")
            if text:  # a token of blanks alone is not seen
                self._text += text
                self._waiting.append((len(self._text), left))

    def percentile(self, share: float) -> float:
        """In ms; 0 when nothing was seen."""
        ordered = sorted(self.found)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
