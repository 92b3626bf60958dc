"""The receiving half of a line: bytes to records and clean console text, and what went wrong with them, counted."""

from __future__ import annotations

from collections.abc import Iterator

from llmbm_console.core.sanitise import ConsoleCleaner
from llmbm_protocol.codec import UnknownFrame, from_frame
from llmbm_protocol.frame import Frame, FrameDecoder, Noise, Rejected
from llmbm_protocol.schema import Credit, Hello, Record

#: What a kernel asks people with, at the beginning of a line that it does not end (kernel_c/core/repl.c).
PROMPTS = ("llmk> ", "rescue> ", "... ")

Heard = tuple[Record | UnknownFrame, int]  # and its sequence number


class LineDecoder:
    """State of one connection. The counts go on over all connections of a session."""

    def __init__(self) -> None:
        self.rejected_lines = 0  # damaged on the way, or malformed
        self.lost_frames = 0  # seen by the jump of the sequence number
        self.begin()

    def begin(self, *, in_frame: bool = False) -> None:
        """A new connection: nothing of the one before may join to it. `in_frame`: it may begin in the midst of a frame,
        whose rest is no text."""
        self._in_frame = in_frame
        self._frames = FrameDecoder()
        self._cleaner = ConsoleCleaner()
        self._sequence = 0
        self._heartbeat: tuple[dict[str, str], Credit] | None = None  # the last one, as it came and as it was read

    def feed(self, data: bytes) -> Iterator[Heard | str]:
        """What the bytes hold, in their order: records, and console text as str."""
        for piece in self._frames.feed(data):
            if isinstance(piece, Noise):
                text = self._cleaner.feed(self._behind_rest(piece.raw))
                if text:
                    yield text
                continue
            self._in_frame = False
            if isinstance(piece, Rejected):
                self.rejected_lines += 1
            elif piece.kind.isupper():  # a lower-case one is the echo of our own hello in human mode
                record = self._read(piece)
                if isinstance(record, Rejected):
                    self.rejected_lines += 1
                else:
                    if self._cleaner.held:
                        self._without_prompt(record)
                    yield record, piece.sequence

    def _without_prompt(self, record: Record | UnknownFrame) -> None:
        """A prompt to people with a frame behind it is void, and no text: a console has the line. The connection may
        have begun in the midst of it. A hello that is not of machine mode leaves the line to people."""
        if isinstance(record, Hello) and not record.machine:
            return
        line = self._cleaner.line
        if any(prompt.endswith(line) for prompt in PROMPTS):
            self._cleaner.drop()

    def _behind_rest(self, raw: bytes) -> bytes:
        """What is text of it: what comes up to the first line end may be the rest of a frame."""
        if not self._in_frame:
            return raw
        _, end, text = raw.partition(b"\n")
        self._in_frame = not end
        return text

    def _read(self, frame: Frame) -> Record | UnknownFrame | Rejected:
        """The record of a frame. A heartbeat that says what the one before said, as those of an idle kernel do, is the
        same record."""
        if frame.kind != Credit.kind:
            return from_frame(frame)
        if self._heartbeat is not None and self._heartbeat[0] == frame.fields:
            return self._heartbeat[1]
        record = from_frame(frame)
        if isinstance(record, Credit):
            self._heartbeat = frame.fields, record
        return record

    def count(self, sequence: int) -> None:
        """Every frame has the next number; a jump is frames that were lost on the way."""
        gap = (sequence - self._sequence) & 0xFFFF
        if gap < 0x8000:
            self.lost_frames += gap
            self._sequence = (sequence + 1) & 0xFFFF

    def begin_count(self, sequence: int) -> None:
        """The frame with this number began a session."""
        self._sequence = (sequence + 1) & 0xFFFF

    @property
    def holds_text(self) -> bool:
        """True when a line without its end waits to be shown."""
        return self._cleaner.held

    @property
    def holds_prompt(self) -> bool:
        """True when that line is nothing but a prompt to people, or a part of one."""
        line = self._cleaner.line
        return bool(line) and any(line in prompt for prompt in PROMPTS)

    def flush(self) -> str:
        """That line, so far."""
        return self._cleaner.flush()
