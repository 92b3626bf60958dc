"""One file for a bug report: what happened, what this console is and runs on, and how it is set.

Paths of the person are shortened in what the console wrote itself; what went over the line, and files of the kernel,
are in it as they were, with every prompt and answer that is kept.
"""

from __future__ import annotations

import io
import os
import re
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from llmbm_console.core.file_kind import SNIFFED
from llmbm_console.core.kept_files import DUMPS, kept_folders, newest_files, told_path
from llmbm_console.core.paths import checkout
from llmbm_console.core.recording.capture import Entry, Header, capture_lines
from llmbm_console.core.session.file_session import FileSession
from llmbm_console.core.session.saved_files import keep_somewhere
from llmbm_console.core.session.session import Session, wall_of
from llmbm_console.core.state.state import State

NAME = "bug-report.zip"
MOST = 64 << 20  # octets of one file that is put in
_BOOT = re.compile(rb"llmk-[a-z]+ format=\d+ boot=([0-9a-f]{8}) ")
_PATH = re.compile(r"(?:~|[A-Za-z]:(?=[\\/]))?(?:[\\/][^\\/\s\"'=,;:]+)+[\\/]([^\\/\s\"'=,;:]+)")

_ABSOLUTE = re.compile(r"(?<![\w.~…-])(?:~|[A-Za-z]:(?=[\\/]))?(?:[\\/][^\\/\s\"'=,;:]+)+[\\/]([^\\/\s\"'=,;:]+)")
SYSTEM = ("/dev/", "/usr/", "/etc/", "/opt/", "/sys/", "/proc/")  # nobody's own


@dataclass(frozen=True)
class Sources:
    """Where the parts come from that the session does not have."""

    settings: Path | None  # config.toml
    folder: Path  # of dumps, and for the report
    doctor: Callable[[], str]


@dataclass(frozen=True)
class Happened:
    """What there is of the session, taken in one moment: it may go on while the report is written."""

    state: State
    wall: float  # what the host's clock lacks to the time of day, in s
    recording: tuple[Header, tuple[Entry, ...]] | None
    file: Path | None


def happened(session: Session) -> Happened:
    """What a session has now."""
    recorder = session.recorder
    return Happened(
        state=session.state,
        wall=wall_of(session),
        recording=(recorder.header, recorder.kept) if recorder is not None else None,
        file=session.path if isinstance(session, FileSession) else None,
    )


def write_report(what: Happened, sources: Sources, now: float) -> tuple[Path, list[str]]:
    """Writes the report and returns where it is and what is wrong with it, a sentence each. Blocks; to be called in
    a thread. Raises OSError when no file can be made."""
    parts: dict[str, bytes] = {}
    missing: list[str] = []

    def put(name: str, make: Callable[[], bytes | None]) -> None:
        try:
            content = make()
        except Exception as error:  # whatever is wrong with a part is what the report may be about
            missing.append(without_folders(f"{name} is not in it: {error or type(error).__name__}"))
            return
        if content is not None:
            parts[name] = content

    put("log.txt", lambda: _log(what).encode("utf-8", "replace"))
    put("settings.toml", lambda: _settings(sources.settings))
    put("doctor.txt", lambda: without_folders(sources.doctor()).encode("utf-8", "replace"))
    put("session.llcap", lambda: _recording(what))
    if what.file is not None:
        shown = what.file
        put(f"shown-{shown.name}", lambda: _file(shown))
    dumps = own_dumps(what, (sources.folder, *kept_folders()))
    for dump in dumps:
        if dump != what.file:
            put(f"dump-{dump.name}", partial(_file, dump))
    put("about.txt", lambda: without_folders("\n".join(_about(what, parts, missing))).encode("utf-8", "replace"))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    path, instead = keep_somewhere(sources.folder, NAME, packed.getvalue(), now)
    path.chmod(0o600)
    return path, [*([instead] if instead else []), *missing]


def own_dumps(what: Happened, folders: Iterable[Path]) -> list[Path]:
    """The newest file of each of the kernel's names among those in the folders that are of this session: what it copied
    itself, or what its kernel's boot wrote. Other consoles keep theirs in the same folders."""
    saved = {Path(path).resolve() for path in what.state.saved}
    boot = f"{what.state.hello.boot:08x}" if what.state.hello is not None else ""
    own: dict[str, Path] = {}
    for path, _status in newest_files(folders, DUMPS):
        name = path.name[path.name.index("llmk-") :]
        if name not in own and (path in saved or (boot and _boot_of(path) == boot)):
            own[name] = path
    return list(own.values())


def _boot_of(path: Path) -> str:
    """The boot that a file of the kernel names in its first line; empty where it names none."""
    try:
        with path.open("rb") as file:
            match = _BOOT.match(file.read(SNIFFED))
    except OSError:
        return ""
    return match[1].decode() if match is not None else ""


def report_told(path: Path, missing: list[str]) -> str:
    """What to tell a person about a report that was written."""
    return "; ".join((f"a bug report with this conversation in it: {told_path(path)}", *missing))


def without_paths(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """The text with ~ for the person's own folder and "user" for their name in other paths."""
    try:
        home = str(Path.home())
    except RuntimeError:  # nobody's
        home = ""
    if len(home) > 1:
        text = re.sub(re.escape(home) + r"(?![\w.-])", "~", text)
    name = environment.get("USER") or environment.get("USERNAME") or ""
    return re.sub(rf"(?<=[\\/]){re.escape(name)}(?=[\\/])", "user", text) if name else text


def without_folders(text: str) -> str:
    """The text with the names of files only: what lies in the checkout is told from there on, and what every system
    has as it is."""
    if (root := checkout()) is not None:
        text = text.replace(f"{root}{os.sep}", "")
    return without_paths(_ABSOLUTE.sub(lambda path: path[0] if path[0].startswith(SYSTEM) else f"…/{path[1]}", text))


def _log(what: Happened) -> str:
    return without_paths("\n".join(_log_lines(what)) + "\n")


def _log_lines(what: Happened) -> Iterator[str]:
    if what.state.dropped_log:
        yield f"({what.state.dropped_log:,} older lines were let go)"
    for entry in what.state.log:
        seconds = entry.at + what.wall
        clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) + f".{int(seconds % 1 * 1000):03d}"
        yield f"{clock}  {entry.severity:5}  {entry.source:7}  {entry.code:12}  {entry.text}"


def _settings(path: Path | None) -> bytes | None:
    """The settings file, and of each path in it only its last name."""
    if path is None or not path.exists():
        return None
    return _PATH.sub(r"…/\1", _file(path).decode("utf-8", "replace")).encode()


def _recording(what: Happened) -> bytes | None:
    if what.recording is None:
        return None
    header, entries = what.recording
    lines = capture_lines(header.model_copy(update={"target": without_paths(header.target)}), entries)
    # Octets stay what they are: frames have checksums.
    head = next(lines)
    kept = (
        line if isinstance(entry.data, bytes) else without_paths(line)
        for entry, line in zip(entries, lines, strict=True)
    )
    return (head + "".join(kept)).encode("utf-8", "surrogatepass")


def _file(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(MOST + 1)
    if len(content) > MOST:
        raise OSError(f"{path.name} has more than {MOST >> 20} MiB")
    return content


def _about(what: Happened, parts: Mapping[str, bytes], missing: list[str]) -> Iterator[str]:
    state = what.state
    try:
        console = version("llmbm-console")
    except PackageNotFoundError:
        console = "not installed as a package"
    yield f"console   {console}"
    yield f"target    {state.target}"
    if state.version is not None:
        yield f"kernel    {state.version.version}, {state.version.port}, {state.version.machine}"
    if state.model is not None:
        yield f"model     {state.model.file or 'none'}, {state.model.format}"
    yield f"line      {state.link.phase}: {state.link.detail}".rstrip(": ")
    yield f"          {state.link.rejected_lines} rejected, {state.link.lost_frames} lost, {state.link.retries} retries"
    yield f"machine   {state.machine.status}: {state.machine.detail}".rstrip(": ")
    if state.verdict:
        yield f"verdict   {state.verdict}"
    yield ""
    yield from (f"{name:32} {len(content):>12,} octets" for name, content in sorted(parts.items()))
    if "settings.toml" not in parts and not any(said.startswith("settings.toml") for said in missing):
        yield "there is no settings file: all is as the console has it by itself"
    if not any(name.startswith("dump-") for name in parts):
        yield "no dump of this session is kept"
    yield from missing
