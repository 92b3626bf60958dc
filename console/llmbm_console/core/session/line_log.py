"""Logs of a line while it is used: the octets as they came, and clean text with the time of each line."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from llmbm_console.core.errors import SessionError
from llmbm_console.core.sanitise import clean
from llmbm_console.core.state import events as ev
from llmbm_console.core.state.state import LogLine, State, Turn
from llmbm_protocol.schema import Event as LogRecord
from llmbm_protocol.schema import Finished

LONGEST_LINE = 65_536  # characters that wait for the end of their line


class LogFile:
    """A file that is appended to. What cannot be written any more ends it; the session goes on."""

    def __init__(self, path: Path, mode: str, failed: Callable[[str], None], **options: Any) -> None:
        self.path = path
        self._failed = failed
        try:
            self._file: IO[Any] | None = path.open(mode, **options)
        except OSError as error:
            raise SessionError(f"{path}: cannot be written: {error.strerror or error}") from error

    def write(self, data: str | bytes) -> None:
        """Appends and flushes."""
        if self._file is None:
            return
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            file, self._file = self._file, None
            self._failed(f"{self.path}: the log ended: {error.strerror or error}")
            with contextlib.suppress(OSError):
                file.close()

    def close(self) -> None:
        """Idempotent."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):  # what could not be written was told
                file.close()


class TextLog:
    """What a person would have read, a time on each line: `wall` is added to the times of events for seconds since
    1970. Lines of the kernel's text stand as they are, what was typed behind "> ", everything else behind "# "."""

    def __init__(self, path: Path, wall: float, failed: Callable[[str], None]) -> None:
        self._file = LogFile(path, "a", failed, encoding="utf-8", newline="\n")
        self.close = self._file.close
        self._wall = wall
        self._rest = ""  # of the kernel's text: a line without its end

    def event(self, state: State, event: ev.Event) -> None:
        """One more event, and the state after it."""
        lines = self._lines(state, event)
        if lines:
            stamp = datetime.fromtimestamp(event.at + self._wall).astimezone().isoformat(timespec="milliseconds")
            self._file.write("".join(f"{stamp} {line}\n" for line in lines))

    def _lines(self, state: State, event: ev.Event) -> list[str]:
        match event:
            case ev.ConsoleText(text=text):
                *whole, self._rest = (self._rest + text).split("\n")
                if len(self._rest) > LONGEST_LINE:
                    whole, self._rest = [*whole, self._rest], ""
                return [line for line in whole if line.strip()]
            case ev.PromptSent(text=text):
                return [f"> {line}" for line in text.split("\n")]
            case ev.CommandDone(line=line, output=output, error=error):
                said = output.rstrip("\n").split("\n") if output else [f"# refused: {error}"] if error else []
                return [f"> {line}", *said]
            case ev.ParameterAccepted(name=name, value=value):
                return [f"> /{name} {value}"]
            case ev.RecordReceived(record=Finished() as end):
                return self._answer(state, end)
            case ev.RecordReceived(record=LogRecord() as record):
                return [f"# kernel {entry.severity} {entry.code}: {entry.text}" for entry in _entry(state, record)]
            case _:
                return [f"# {line}" for line in told(event).split("\n") if line]

    @staticmethod
    def _answer(state: State, end: Finished) -> list[str]:
        for item in reversed(state.items):
            if isinstance(item, Turn) and item.number == end.generation:
                lost = f", {item.lost_tokens} lost on the line" if item.lost_tokens else ""
                return [*item.text.split("\n"), f"# answer {item.number}: {end.tokens} tokens, {end.reason}{lost}"]
        return []


def _entry(state: State, record: LogRecord) -> list[LogLine]:
    return [entry for entry in state.log if entry.record is record]


def told(event: ev.Event) -> str:
    """An event of the connection or the machine in a line, clean; "" for what belongs to no log."""
    return clean(_told(event))


def _told(event: ev.Event) -> str:
    match event:
        case ev.LinkChanged(phase=ev.LinkPhase.POST_MORTEM, detail=detail):
            return detail
        case ev.LinkChanged(phase=phase, detail=detail):
            return f"link {phase}" + (f": {detail}" if detail else "")
        case ev.MachineChanged(status=status, detail=detail):
            return f"machine {status}" + (f": {detail}" if detail else "")
        case ev.QmpEvent(name=name, detail=detail):
            return f"qmp {name} {detail}".rstrip()
        case ev.Gap(seconds=seconds, reason=reason):
            return f"gap of {seconds:.1f} s: {reason}"
        case ev.Notice(severity=severity, text=text):
            return f"{severity}: {text}"
        case ev.TurnJoined(generation=generation, tokens=tokens):
            return f"turn {generation} runs: its prompt and {tokens} tokens were before this clip"
        case ev.FileSaved(name=name, path=path, instead=instead):
            return f"{name} saved as {path}{f' ({instead})' if instead else ''}"
        case ev.ParameterRefused(name=name, value=value, message=message):
            return f"refused /{name} {value}: {message}"
    return ""
