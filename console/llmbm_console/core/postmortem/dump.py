"""Post-mortem files: llmk-dump.txt, llmk-log.txt and llmk-failsafe.txt, of this kernel and of an earlier one.

This kernel's files (kernel_c/DUMP.md) are UTF-8, begin with a line that names kind, format and boot, and end with a
CRC-32 over all that stands before, so a torn file is known. The earlier kernel's are UTF-16LE with a byte order mark
and CR (CR) LF, without any mark of their end, and what an older, longer file held may still follow: only what belongs
to the newest content is read. A copy of either in another encoding, with other line ends, behind the output of a
terminal or quoted in a mail is read as well: the CRC-32 is that of the text as it was written.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from llmbm_console.core.command import command
from llmbm_console.core.counted import counted
from llmbm_console.core.errors import SessionError
from llmbm_console.core.file_kind import SNIFFED, UTF16_MARKS, binary_file, binary_kind, utf16_of
from llmbm_console.core.link.streams import Streams
from llmbm_console.core.postmortem.dump_text import DumpText
from llmbm_console.core.postmortem.findings import PostMortem
from llmbm_console.core.postmortem.kernel_text import KernelText, TextEvent
from llmbm_console.core.postmortem.known_fields import knowing_all
from llmbm_console.core.postmortem.serial_log import IS_SERIAL, PREFIX, SerialLog, origin_of, read_serial
from llmbm_console.core.postmortem.torn_text import without_torn_pair
from llmbm_console.core.postmortem.verdict import verdict_of
from llmbm_console.core.recording.capture import is_capture
from llmbm_console.core.recording.raw_log import records_of
from llmbm_console.core.sanitise import EscapeFilter, clean
from llmbm_protocol.schema import Event, Hello, Record

MAX_BYTES = 4 << 20  # a dump has some ten kilobytes; what is beyond this is shown as text (core/text_log.py)
OUR_KINDS = {"llmk-dump": "dump", "llmk-log": "log", "llmk-failsafe": "failsafe"}

_HEADER = re.compile(r"^([ \t>|]*)((llmk-(?:dump|log|failsafe)) format=(\S{0,9}).*)$", re.MULTILINE)
_END = re.compile(rb"^end crc32=([0-9a-f]{8})\r?\n?", re.MULTILINE)
_WORD = re.compile(r"\b(\w+)=(\S*)")
_EVENT_INDEX = re.compile(r"(?:^|\s)#([0-9]{1,9})\s+tsc=")
_FIRST_EVENT = "msg=log init"  # of a boot: nothing is older
_BLANK = re.compile(PREFIX)
_REPORT = re.compile(r"\[llmk\]|#[0-9]{1,9}\s+tsc=|(?:^|\s)[a-z_]+=\S")  # what a kernel's file is made of
_LOG_HEAD = re.compile(r"\[llmk\]\[log\]")
_EARLIER = re.compile(r"^(Context:|[ \t]*Sampling:|[ \t]*Budgets:|CTX$)|\[llmk\]|\[stats\] tokens=", re.MULTILINE)


class DumpError(SessionError):
    """The file cannot be read as a post-mortem file; the message says why and what was expected."""


@dataclass
class Reading:
    """Work space while one file is read."""

    problems: list[str] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    complete: bool = True

    def problem(self, text: str, torn: bool = True) -> None:
        """Notes something that is wrong; `torn` ones make the file incomplete."""
        self.problems.append(text)
        if torn:
            self.complete = False


def decode(data: bytes, reading: Reading) -> str:
    """The file's text, whatever of the two encodings it has; undecodable bytes become U+FFFD and a problem."""
    if codec := utf16_of(data[:SNIFFED]):  # nobody's kernel writes it big-endian, but an editor may have
        body = data[2:] if data[:2] in UTF16_MARKS else data
        if len(body) % 2:
            reading.problem("the file ends in the middle of a character: it was cut")
            body = body[:-1]
        text = body.decode(codec, "replace")
    else:
        text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    if "\ufffd" in text:
        reading.problem("some characters are damaged")
    if "\x1b" in text:  # copied from a terminal, or of a serial console: a colour must not part a word
        text = "".join(EscapeFilter().feed(text))
    text = text.replace("\x00", "")
    text = re.sub(r"\r+\n?", "\n", text) if "\n" in text else text.replace("\r", "\n")
    return one_spaced(text)


def one_spaced(text: str) -> str:
    """A text whose lines nearly all have an empty one behind them without those: where CR CR LF was written, a tool may
    take each of the three for an end of a line."""
    runs = Counter(len(run) for run in re.findall("\n+", text))
    usual, count = runs.most_common(1)[0] if runs else (1, 0)
    if usual == 1 or count * 2 < runs.total():
        return text
    return re.sub("\n+", lambda run: "\n" * -(-len(run[0]) // usual), text)


def own_body(text: str, header: re.Match[str], reading: Reading) -> bytes:
    """One of our files out of a copy of it, from its header on and without what was put before each line."""
    before, body, prefix = text[: header.start()], text[header.start() :], header[1]
    if before.strip():
        reading.problem(f"not read: {counted(len(before.splitlines()), 'line')} before the header", torn=False)
    if prefix:
        body = "\n".join(line.removeprefix(prefix) for line in body.split("\n"))
    return body.encode()


def without_stale_tail(lines: Sequence[str], reading: Reading) -> list[str]:
    """Cuts an earlier kernel's file at the end of its log: what follows is the rest of an older, longer file, or was
    put there by who copied it."""
    head = next((i for i, line in enumerate(lines) if _LOG_HEAD.search(line)), None)
    if head is None:
        return list(lines)
    end, expected = head + 1, 0
    while end < len(lines):
        match = _EVENT_INDEX.search(lines[end])
        if match is None or int(match[1]) != expected:
            break
        expected += 1
        end += 1
    # The last has no end: a torn file's, or empty.
    rest = [line for line in lines[end:-1] if _BLANK.fullmatch(line) is None]
    if rest:
        whose = "left from an older file" if any(_REPORT.search(line) for line in rest) else "which is no part of it"
        reading.problem(f"not read: {counted(len(rest), 'line')} after the log, {whose}", torn=False)
    if len(lines) - end < 2 and not (expected and lines[end - 1].rstrip().endswith(_FIRST_EVENT)):
        reading.problem("its log has no end: it was cut while it was written, or since")
    return list(lines[:end])


def check_envelope(data: bytes, reading: Reading) -> tuple[bytes, bool]:
    """Checks the CRC-32 at the end of one of our files; gives the bytes it covers, or all there are, and whether the
    file is torn."""
    match = _END.search(data)
    if match is None:
        line = data.count(b"\n") + 1
        where = "" if data.endswith(b"\n") else f", in the middle of line {line}"
        reading.problem(f"there is no end line with a CRC-32: the file was cut while it was written, or since{where}")
        return without_torn_pair(data.decode()).encode(), True
    covered = data[: match.start()]
    found, wanted = zlib.crc32(covered), int(match[1], 16)
    if found != wanted:
        reading.problem(f"the CRC-32 is {found:08x}, the end line says {wanted:08x}: the file was changed or damaged")
    if match.end() < len(data):
        reading.problem(f"{len(data) - match.end()} bytes follow the end line and were not read", torn=False)
    return covered, False


def parse_post_mortem(data: bytes, name: str, path: Path | None = None) -> PostMortem:
    """Reads a file's bytes; `path` is how a person names it in a command. Raises DumpError when they are no post-mortem
    file at all."""
    reading = Reading()
    if not data.strip(b"\x00 \r\n\t\xff\xfe"):
        raise DumpError(f"{name}: the file is empty; expected an llmk-dump.txt, llmk-log.txt or llmk-failsafe.txt")
    if binary := binary_kind(data[:SNIFFED], len(data), str(path or name)):
        raise DumpError(f"{name}: {binary}")
    text = decode(data, reading)
    header_match = _HEADER.search(text)
    header: dict[str, str] = {}
    reader: KernelText | DumpText
    before = text[: header_match.start()] if header_match is not None else text
    octets = text.encode() if utf16_of(data[:SNIFFED]) else data
    frames = list(map(knowing_all, records_of(octets))) if before.strip() else []
    spoken = any(not isinstance(record, Hello) for record in frames)  # a hello alone is a beacon for people's terminals
    serial: SerialLog | None = None
    if header_match is not None and not frames and not _EARLIER.search(before):
        kind, origin = OUR_KINDS[header_match[3]], "llmk"
        if header_match[4] != "1":
            reading.problem(f"format {header_match[4]} is newer than this console; expected 1", torn=False)
        body, torn = check_envelope(own_body(text, header_match, reading), reading)
        first, *rest = body.decode().split("\n")
        header = {key: clean(value)[:64] for key, value in _WORD.findall(first)}
        reader = DumpText(header, torn)
        reader.read(rest)
        reading.records += reader.records
        for problem in reader.problems:
            reading.problem(problem)
    elif not spoken and IS_SERIAL.search(text):
        kind, origin = "serial log", "llmk" if frames else origin_of(text)
        reader = KernelText()
        serial = read_serial(octets, reader)
        reading.records += [*frames, *serial.records]
        reader.events = newest_first(reader.events)
    elif frames:
        kind, origin = "serial log", "llmk"
        streams = Streams()
        reading.records += [known for record in frames for known in streams.take(record)] + streams.settle()
        logged = [record for record in reading.records if isinstance(record, Event)]
        reading.records = [record for record in reading.records if not isinstance(record, Event)]
        reader = KernelText()
        reader.events += [TextEvent(record, 0) for record in logged[::-1]]
    elif _EARLIER.search(text):
        origin = "earlier kernel"
        lines = text.split("\n")
        if not text.endswith("\n"):
            reading.problem("the last line has no end: the file was cut while it was written, or since")
            lines[-1] = without_torn_pair(lines[-1])
        lines = without_stale_tail(lines, reading)
        kind = earlier_kind("\n".join(lines), name)
        reader = KernelText()
        for line in lines:
            reading.records += reader.line(line)
        if reading.complete and any(_LOG_HEAD.search(line) for line in lines):
            reading.records += reader.log_ended()
        if reader.unread:
            reading.problem(
                f"{counted(reader.unread, 'line')} with a value or a name that could not be read", torn=False
            )
        if kind == "dump" and not any(_LOG_HEAD.search(line) for line in lines):
            reading.problem("it has no log, with which such a file ends: it was cut while it was written, or since")
    else:
        what = f"a text, but not a post-mortem file: it begins with {first_words(text)!r}"
        if text.count("\ufffd") * 3 > len(text):
            what = "no text in UTF-8 or UTF-16, and not a post-mortem file"
        raise DumpError(
            f"{name}: {what}; expected llmk-dump.txt, llmk-log.txt, llmk-failsafe.txt or the log of a serial line, of "
            "this kernel or an earlier one"
        )
    if not reading.records and serial is None:
        reading.problem("nothing in it could be read")
    found = PostMortem(
        name=name,
        kind=kind,
        origin=origin,
        complete=reading.complete,
        problems=tuple(reading.problems),
        header=header,
        records=tuple(reading.records),
        events=tuple(reader.events),
        reason=clean(reader.reason)[:120],
        serial=serial,
        zone_b=reader.zone_b,
    )
    return replace(found, verdict=verdict_of(found))


def first_words(text: str) -> str:
    """How a text begins, for a message."""
    line = text.strip().partition("\n")[0]
    return clean(line if len(line) <= 40 else line[:40].rpartition(" ")[0] or line[:40])


def newest_first(events: Sequence[TextEvent]) -> list[TextEvent]:
    """Log entries that a person had listed perhaps more than once, each once, as a dump has them."""
    known = {(entry.cycles, entry.record.code, entry.record.message): entry for entry in events}
    return sorted(known.values(), key=lambda entry: -entry.cycles)


def earlier_kind(text: str, name: str) -> str:
    """What an earlier kernel's file is, by its sections; its name decides only between dump and failsafe."""
    if "failsafe" in name.lower():
        return "failsafe"
    return "dump" if re.search(r"Context:|Zone B:", text) else "log"


def read_post_mortem(path: Path) -> PostMortem:
    """Reads a file. Raises DumpError with what to do when it cannot be opened or is something else."""
    try:
        if path.is_file() and is_capture(path):
            ways = f"{command(path)} plays it, {command('explain', path)} names its lines"
            raise DumpError(f"{path}: a recording of a session, no post-mortem file: {ways}")
        with path.open("rb") as file:  # perhaps a pipe, or a device without an end
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            if binary := binary_file(path):
                raise DumpError(f"{path}: {binary}")
            size = f"{path.stat().st_size:,} bytes are" if path.is_file() else "it is"
            raise DumpError(f"{path}: {size} too much for a post-mortem file (at most {MAX_BYTES:,} bytes)")
    except FileNotFoundError:
        raise DumpError(f"{path}: no such file") from None
    except OSError as error:
        raise DumpError(f"{path}: cannot be read: {error.strerror}") from error
    return parse_post_mortem(data, path.name, path)
