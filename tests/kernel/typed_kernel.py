"""A kernel to type at: the simulator over its standard input and output, as a person would use it."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

PROMPT = re.compile(r"(?:^|\n)(?:llmk|rescue)> \Z")
REFUSED = re.compile(r"cannot be|unknown command|is too much|no model is loaded|sentinel tripped")
#: Plain argmax and nothing below the answer; on a busy machine a learnt budget is sometimes overrun, and that is told.
GREEDY = ("/temp 0", "/norepeat 0", "/repeat 1", "/stats 0", "/budget 500000000000 500000000000")
#: Seconds for what takes moments: a computer may have much else to do.
PATIENCE = 100.0


class Kernel:
    """One running simulator. Text is UTF-8 with LF."""

    def __init__(self, program: Path, folder: Path, *options: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [program, "--files", folder, "--die-with-parent", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.pieces: queue.Queue[bytes] = queue.Queue()
        self.errors = b""
        self.raw = b""
        threading.Thread(target=self._read, daemon=True).start()
        self._errors_reader = threading.Thread(target=self._read_errors, daemon=True)
        self._errors_reader.start()
        self.boot = self.until_prompt()

    def _read(self) -> None:
        assert self.process.stdout is not None
        while piece := os.read(self.process.stdout.fileno(), 65536):
            self.pieces.put(piece)
        self.pieces.put(b"")

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self.errors = self.process.stderr.read()

    def text(self) -> str:
        """What came since the last prompt."""
        return self.raw.decode("utf-8", "replace").replace("\r\n", "\n")

    def until(self, found: Callable[[str], bool], timeout: float = PATIENCE) -> None:
        """Reads until the text satisfies `found`, or the process ends."""
        end = time.monotonic() + timeout
        while not found(self.text()):
            try:
                piece = self.pieces.get(timeout=max(0, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"nothing expected within {timeout} s after {self.text()[-400:]!r}") from None
            if not piece:
                self.process.wait(PATIENCE)
                return
            self.raw += piece

    def until_prompt(self, timeout: float = PATIENCE) -> str:
        """Everything up to the next prompt, without it; or up to the end of the process."""
        self.until(lambda text: PROMPT.search(text) is not None, timeout)
        text = self.text()
        self.raw = b""
        found = PROMPT.search(text)
        return text[: found.start()] if found else text

    def send(self, data: bytes) -> None:
        """Raw bytes to the line."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def ask(self, line: str, timeout: float = PATIENCE) -> str:
        """Types a line and returns what the kernel says to it, without the echo."""
        typed = line
        while len(typed) > 128:  # a person's terminal has no flow control but the echo
            shown = len(self.text()) + 128
            self.send(typed[:128].encode())
            self.until(lambda text, shown=shown: len(text) >= shown)  # type: ignore[misc]
            typed = typed[128:]
        self.send(typed.encode() + b"\r")
        text = self.until_prompt(timeout)
        echo = line.replace("\r", "\n") + "\n"
        return text.removeprefix(echo).removesuffix("\n")

    def tell(self, *lines: str) -> None:
        """Lines that must be accepted."""
        for line in lines:
            reply = self.ask(line)
            assert not REFUSED.search(reply), f"{line}: {reply}"

    def words(self, command: str) -> dict[str, str]:
        """The key=value words of a report."""
        return dict(re.findall(r"(\w+)=(\S*)", self.ask(command)))

    def rows(self) -> int:
        """Cached rows."""
        return int(self.words("/ctx")["kv_pos"])

    def close(self) -> int:
        """Ends the kernel as a person does; returns its exit status, when all that it said is in `errors`."""
        if self.process.poll() is None:
            self.send(b"quit\r")
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self._errors_reader.join(PATIENCE)
        return self.process.wait(PATIENCE)


Start = Callable[..., Kernel]
