"""The kernel's other end: a small host for tests, over the unix socket of a real simulator.

It keeps every frame it saw, so that a test can say what must have come and what must not.
"""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from llmbm_protocol.codec import UnknownFrame, from_frame, to_frame
from llmbm_protocol.frame import Frame, FrameDecoder, Noise, Rejected, encode
from llmbm_protocol.schema import (
    PROTOCOL,
    Counters,
    Credit,
    Finished,
    Hello,
    HostHello,
    KvCache,
    Leave,
    Output,
    Record,
    Request,
    Response,
    Stream,
)

TIMEOUT = 100.0  # of what takes moments: a computer may have much else to do
LOST = 5.0  # seconds after which a hello without an answer is sent again
STOP = b"\x03"
PROMPT = b"Once upon a time"
#: So long does the kernel not look at its line: a generation takes seconds.
SLOW = ("--poll-gap-us", "20000")

R = TypeVar("R", bound=Record)


class Host:
    """One connection to a kernel."""

    def __init__(self, path: Path) -> None:
        deadline = time.monotonic() + TIMEOUT
        self.socket = socket.socket(socket.AF_UNIX)
        while self.socket.connect_ex(str(path)) != 0:
            assert time.monotonic() < deadline, f"{path} does not accept"
            time.sleep(0.005)
        self.decoder = FrameDecoder()
        self.records: list[Record] = []
        self.sequences: list[int] = []  # of every frame, in order
        self.arrivals: list[float] = []  # when each record came
        self.rejected: list[Rejected] = []
        self.text = b""  # what was no frame
        self.raw = b""  # everything
        self.sequence = 0
        self.next_id = 1
        self.sent = 0  # octets since the hello's line end
        self.taken = 0  # of them, what the kernel has told to have taken
        self.window = 0

    # ---- octets ------------------------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """All of it, without asking for room."""
        self.socket.sendall(data)
        self.sent += len(data)

    def read(self, timeout: float) -> bool:
        """Takes what has come, waiting for it; False when nothing came."""
        if not select.select([self.socket], [], [], max(0.0, timeout))[0]:
            return False
        data = self.socket.recv(65536)
        self.raw += data
        assert data, f"the line ended after {self.text[-300:]!r}"
        for piece in self.decoder.feed(data):
            if isinstance(piece, Noise):
                self.text += piece.raw
            elif isinstance(piece, Rejected):
                self.rejected.append(piece)
            else:
                self._take(piece)
        return True

    def _take(self, frame: Frame) -> None:
        record = from_frame(frame)
        assert not isinstance(record, (Rejected, UnknownFrame)), record
        self.sequences.append(frame.sequence)
        self.records.append(record)
        self.arrivals.append(time.monotonic())
        if isinstance(record, Credit):
            self.taken, self.window = record.consumed, record.window

    def until(self, condition: Callable[[], object], what: str, timeout: float = TIMEOUT) -> None:
        """Reads until the condition holds."""
        end = time.monotonic() + timeout
        while not condition():
            if not self.read(end - time.monotonic()) and time.monotonic() >= end:
                raise AssertionError(f"not within {timeout} s: {what}; last: {self.records[-4:]} {self.text[-300:]!r}")

    def until_text(self, mark: bytes, after: int = 0) -> bytes:
        """Reads until the text holds the mark behind the place `after`; returns what stands between."""
        self.until(lambda: mark in self.text[after:], f"text {mark!r}")
        return self.text[after : self.text.index(mark, after)]

    def until_raw(self, mark: bytes, after: int = 0) -> bytes:
        """The same with every octet as a terminal gets it: what a person typed may look like a damaged frame."""
        self.until(lambda: mark in self.raw[after:], f"octets {mark!r}")
        return self.raw[after : self.raw.index(mark, after)]

    def settle(self, quiet: float = 0.3) -> None:
        """Reads until nothing came for a while: for showing that something does *not* come."""
        while self.read(quiet):
            pass

    def pass_time(self, seconds: float) -> None:
        """Reads for a while, for showing that something does *not* come on a line that has heartbeats."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.read(left)

    # ---- records -----------------------------------------------------------------------------------------------------

    def of(self, kind: type[R], since: int = 0) -> list[R]:
        """Every record of a type, from the number `since` on."""
        return [record for record in self.records[since:] if isinstance(record, kind)]

    def wait_for(self, kind: type[R], where: Callable[[R], bool] = lambda _: True, since: int = 0) -> R:
        """The first record of a type for which `where` holds."""
        found: list[R] = []

        def look() -> bool:
            found.extend(record for record in self.of(kind, since) if where(record))
            return bool(found)

        self.until(look, f"a {kind.__name__}")
        return found[0]

    def next_credit(self) -> Credit:
        """A heartbeat that is sent after now."""
        return self.wait_for(Credit, since=len(self.records))

    # ---- the session -------------------------------------------------------------------------------------------------

    def hello(self, nonce: str = "", protocol: int = PROTOCOL) -> Hello:
        """Says hello and waits for the answer to this very hello."""
        nonce = nonce or os.urandom(4).hex()
        self.sequence = 1
        since = len(self.records)
        line = to_frame(HostHello(protocol=protocol, session=7, nonce=nonce), 1)
        self.socket.sendall(line)
        end, again = time.monotonic() + TIMEOUT, time.monotonic() + LOST
        while not any(hello.nonce == nonce for hello in self.of(Hello, since)) and time.monotonic() < end:
            if time.monotonic() >= again:  # on a starved machine the model of a small receiver overruns
                self.socket.sendall(b"\n" + line)
                again += LOST
            self.read(0.5)
        answer = self.wait_for(Hello, lambda hello: hello.nonce == nonce, since)
        if answer.machine:
            self.sent = self.taken = 0
            self.window = answer.window_busy
        return answer

    def line(self, op: str, id: int | None = None, **arguments: object) -> tuple[int, bytes]:
        """A request's id and its line."""
        if id is None:
            id, self.next_id = self.next_id, self.next_id + 1
        self.sequence = (self.sequence + 1) & 0xFFFF
        return id, to_frame(Request(id=id, op=op, **arguments), self.sequence)  # type: ignore[arg-type]

    def raw_line(self, **fields: str) -> bytes:
        """A request of any fields in wire form, those included that no host would write."""
        self.sequence = (self.sequence + 1) & 0xFFFF
        return encode("q", self.sequence, fields)

    def answer(self, id: int, since: int = 0) -> Response:
        """The response to a request."""
        return self.wait_for(Response, lambda response: response.id == id, since)

    def ask(self, op: str, id: int | None = None, **arguments: object) -> Response:
        """One request and its response."""
        since = len(self.records)
        id, line = self.line(op, id, **arguments)
        self.send(line)
        return self.answer(id, since)

    def ask_raw(self, **fields: str) -> Response:
        """The same for a request that no host would write."""
        since = len(self.records)
        self.send(self.raw_line(**fields))
        return self.answer(int(fields["id"]), since)

    def output(self, id: int, since: int = 0) -> str:
        """What the command of a request printed, put together from its O frames."""
        pieces = {record.index: record.text for record in self.of(Output, since) if record.id == id}
        assert sorted(pieces) == list(range(len(pieces)))
        return b"".join(pieces[index] for index in sorted(pieces)).decode()

    def run(self, command: str) -> str:
        """A command that must be accepted, and its output."""
        since = len(self.records)
        response = self.ask("run", text=command.encode())
        assert response.ok, response
        return self.output(response.id, since)

    def generate(self, prompt: bytes = b"Once upon a time") -> int:
        """Begins a generation; its number."""
        response = self.ask("gen", text=prompt)
        assert response.ok, response
        assert response.busy
        assert response.generation is not None
        return response.generation

    def finished(self, generation: int) -> Finished:
        """Its end."""
        return self.wait_for(Finished, lambda end: end.generation == generation)

    def left(self, since: int = 0) -> Leave:
        """The line that says which way out was taken."""
        return self.wait_for(Leave, since=since)

    def counted(self, where: Callable[[Counters], bool]) -> Counters:
        """Counters as they should be."""
        return self.wait_for(Counters, where)

    def close(self) -> None:
        """Leaves without a word."""
        self.socket.close()


class Credited(Host):
    """A host that keeps `sent - c <= w`, with barriers and rebase, as SPEC section 7 wants it."""

    def send(self, data: bytes) -> None:
        """All of it, as there is room."""
        heard, taken = time.monotonic(), self.taken
        while data:
            room = self.window - (self.sent - self.taken)
            if room > 0:
                super().send(data[:room])
                data, heard = data[room:], time.monotonic()
                continue
            self.read(0.05)
            if self.taken != taken:
                heard, taken = time.monotonic(), self.taken
            assert time.monotonic() - heard < TIMEOUT, f"no room: sent {self.sent}, taken {self.taken}, {self.window}"

    def ask(self, op: str, id: int | None = None, **arguments: object) -> Response:
        """One request, its response, and the window that goes with it."""
        response = super().ask(op, id, **arguments)
        if response.busy:
            self.window = min(self.window, 15)
        return response


class Simulator:
    """One kernel process with a line on a unix socket."""

    def __init__(self, program: Path, folder: Path, *options: str) -> None:
        self.line = folder / "line"
        self.errors = folder / "stderr"
        command = [program, "--files", folder, "--serial", f"unix:{self.line}", "--die-with-parent", "--wait", *options]
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(command, stderr=errors)
        self.hosts: list[Host] = []

    def connect(self, kind: type[Host] = Host) -> Host:
        """A host at the prompt; `--wait` made the kernel wait for the first one."""
        host = kind(self.line)
        self.hosts.append(host)
        if len(self.hosts) == 1:
            host.until_text(b"llmk> ")
        return host

    def connect_stopped(self) -> Host:
        """A host before the boot; the process, which waited for it, is stopped until the caller lets it go on."""
        while not self.line.exists():
            assert self.process.poll() is None, self.errors.read_text()
            time.sleep(0.005)
        self.process.send_signal(signal.SIGSTOP)
        host = Host(self.line)
        self.hosts.append(host)
        return host

    def session(self, kind: type[Host] = Host) -> Host:
        """A host in machine mode."""
        host = self.connect(kind)
        assert host.hello().machine
        return host

    def counters(self) -> dict[str, int]:
        """Ends the process and reads its --uart-stats."""
        self.end()
        found = re.findall(r"uart received=.*", self.errors.read_text())
        assert found, self.errors.read_text()
        return {name: int(value) for name, value in (word.split("=") for word in found[-1].split()[1:])}

    def end(self) -> None:
        """Ends it; it must end well."""
        for host in self.hosts:
            host.close()
        self.process.terminate()
        assert self.process.wait(TIMEOUT) == 0, self.errors.read_text()
        assert "Sanitizer" not in self.errors.read_text(), self.errors.read_text()


def short(host: Host, tokens: int = 12) -> int:
    """A finished generation of some tokens; its number."""
    assert host.ask("set", parameter="max_tokens", value=str(tokens)).ok
    generation = host.generate(PROMPT)
    host.finished(generation)
    return generation


def rows(host: Host) -> int:
    """Rows of the KV cache."""
    since = len(host.records)
    host.ask("stat", stream=Stream.KV)
    return host.of(KvCache, since)[-1].rows


Boot = Callable[..., Simulator]
