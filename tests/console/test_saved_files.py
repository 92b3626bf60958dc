"""Files of the kernel outlive the session that made them."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest

from llmbm_console.core import kept_files
from llmbm_console.core.postmortem.dump import read_post_mortem
from llmbm_console.core.session.saved_files import SavedFiles, keep
from llmbm_console.core.session.targets import Target, make_session
from llmbm_console.core.state.events import Event, FileSaved, Notice
from llmbm_protocol.schema import Event as LogRecord
from llmbm_protocol.schema import LogCode, LogLevel


def written(number: int, name: str = "llmk-dump.txt") -> LogRecord:
    return LogRecord(number=number, time=1, level=LogLevel.INFO, code=LogCode.FILE, message=f"wrote {name}")


def contents(folder: Path) -> set[str]:
    return {path.read_text() for path in folder.iterdir()}


async def test_a_file_is_copied_once_for_its_event_and_its_command(tmp_path: Path) -> None:
    events: list[Event] = []
    saved = SavedFiles(lambda name: name.encode(), events.append, tmp_path)
    saved.note_text("wrote llmk-dump.txt, 13 bytes\n")
    saved.note(written(4), boot=7)
    saved.note(written(4), boot=7)
    saved.note(written(5, "llmk-failsafe.txt"), boot=7)
    await saved.finish()
    assert sorted(event.name for event in events if isinstance(event, FileSaved)) == [
        "llmk-dump.txt",
        "llmk-failsafe.txt",
    ]
    assert contents(tmp_path) == {"llmk-dump.txt", "llmk-failsafe.txt"}


async def test_a_picture_is_copied_each_time_that_one_is_taken(tmp_path: Path) -> None:
    pictures, events = iter((b"first", b"second")), list[Event]()
    saved = SavedFiles(lambda name: next(pictures), events.append, tmp_path)
    saved.note_text("wrote Shot-2.PPM, 1280 x 800, 3072016 bytes\n")
    saved.note_text("wrote Shot-2.PPM, 1280 x 800, 3072016 bytes\n")
    await saved.finish()
    assert contents(tmp_path) == {"first", "second"}
    assert [Path(event.path).name[-11:] for event in events if isinstance(event, FileSaved)] == ["-Shot-2.PPM"] * 2


@pytest.mark.parametrize(
    "message",
    [
        *("wrote ../../etc/passwd", "wrote llmk-/x.txt", "read llmk-dump.txt", ""),
        *("wrote ../x.ppm", "wrote .ppm", "wrote x.ppm/y", "wrote x.ppm.exe", f"wrote {'x' * 60}.ppm"),
    ],
)
async def test_only_the_kernels_own_names_are_taken(tmp_path: Path, message: str) -> None:
    saved = SavedFiles(lambda name: b"x", lambda event: None, tmp_path)
    saved.note_text(message)
    await saved.finish()
    assert contents(tmp_path) == set()


async def test_a_file_that_cannot_be_read_is_a_notice(tmp_path: Path) -> None:
    def fails(name: str) -> bytes:
        raise FileNotFoundError(2, "it is not there", name)

    events: list[Event] = []
    saved = SavedFiles(fails, events.append, tmp_path)
    saved.note_text("wrote llmk-log.txt")
    await saved.finish()
    assert len(events) == 1
    assert isinstance(events[0], Notice)
    assert events[0].severity == "error"
    assert events[0].text.startswith("llmk-log.txt could not be copied from the boot volume: ")


async def test_where_the_folder_cannot_be_written_it_is_kept_elsewhere_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    events: list[Event] = []
    saved = SavedFiles(lambda name: name.encode(), events.append, Path("/proc/no/such/folder"))
    saved.note_text("wrote llmk-dump.txt")
    saved.note_text("wrote llmk-log.txt")
    await saved.finish()
    spare = kept_files.spare_folder()
    assert spare.parent == tmp_path
    assert spare.stat().st_mode & 0o077 == 0
    assert contents(spare) == {"llmk-dump.txt", "llmk-log.txt"}
    for event in events:
        assert isinstance(event, FileSaved)
        assert Path(event.path).parent == spare
        assert event.instead.startswith("/proc/no/such/folder cannot be written: No such file or directory")
    assert kept_files.kept_folders() == (kept_files.saved_folder(), spare)


def test_a_second_file_of_the_same_second_gets_its_own_name(tmp_path: Path) -> None:
    first, second = (keep(tmp_path, "llmk-log.txt", content, 0.0) for content in (b"1", b"2"))
    assert first != second
    assert (first.read_bytes(), second.read_bytes()) == (b"1", b"2")


async def test_a_dump_of_the_simulator_is_there_after_the_session(
    simulator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    session = make_session(Target("sim"))
    paths: list[str] = []
    session.listen(lambda state, event: paths.append(event.path) if isinstance(event, FileSaved) else None)
    await session.open()
    await session.wait_ready(30)
    assert (await asyncio.wait_for(session.submit("/save_dump"), 30)).ok
    await session.close()
    assert len(paths) == 1
    assert read_post_mortem(Path(paths[0])).complete


def test_a_folder_that_cannot_be_made_is_stood_in_for_and_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_files, "spare_folder", lambda: tmp_path)
    (tmp_path / "file").touch()
    folder, why = kept_files.writable_folder(tmp_path / "file" / "files")
    assert folder == tmp_path
    assert why.startswith(f"{tmp_path / 'file' / 'files'} cannot be written: ")
    assert kept_files.writable_folder(tmp_path / "new") == (tmp_path / "new", "")
