"""One file for a bug report: everything is in it, it can be replayed, and no path of the person is told."""

from __future__ import annotations

import os
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from driving import screen_text, simulated, until
from textual.pilot import Pilot

from llmbm_console.core.paths import checkout
from llmbm_console.core.report import Happened, Sources, own_dumps, without_paths, write_report
from llmbm_console.core.session.targets import Target, make_session
from llmbm_console.core.state.state import State, Turn
from llmbm_console.tui.app import ConsoleApp
from llmbm_protocol.schema import Hello

SETTINGS = """theme = "nord"
[profiles.bench]
serial = "/dev/serial/by-id/usb-FTDI_A9"
model = "~/secret project/stories15M.bin"
log = "/home/ada/private/run.log"
"""


def files_of(report: Path) -> dict[str, str]:
    with zipfile.ZipFile(report) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode("utf-8") for name in archive.namelist()}


def newest_report(folder: Path) -> dict[str, str]:
    [path] = folder.glob("*bug-report.zip")
    return files_of(path)


async def reported(app: ConsoleApp, pilot: Pilot[Any], folder: Path) -> dict[str, str]:
    app.do("session.report")
    await until(pilot, lambda: "bug-report.zip" in screen_text(app), "told")
    return newest_report(folder)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("llmbm_console.tui.verbs.record.saved_folder", lambda: tmp_path / "files")
    (tmp_path / "config.toml").write_text(SETTINGS)
    return tmp_path / "files"


def report_of(boot: str) -> str:
    return f"llmk-failsafe format=1 boot={boot} time_ms=1 unix=1 kernel=llmk-0.1.0 port=posix\n"


@pytest.fixture
def foreign(folder: Path) -> Path:
    """What another console keeps in the same folder, newer than anything of this one."""
    folder.mkdir()
    path = folder / "20260102-000000-llmk-failsafe.txt"
    path.write_text(report_of("0badcafe"))
    later = time.time() + 3600
    os.utime(path, (later, later))
    return path


@pytest.mark.usefixtures("foreign")
async def test_a_live_session_is_in_it_with_log_settings_doctor_and_its_own_last_dump(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmbm_console.core.session.saved_files.saved_folder", lambda: folder)
    size = (200, 40)
    async with simulated(size, notifications=True, settings_file=tmp_path / "config.toml") as (app, pilot):
        await pilot.press(*"/max_tokens 8", "enter", *"Once upon a time", "enter")
        await until(pilot, lambda: any(isinstance(item, Turn) for item in app.state.items), "answered")
        await pilot.press(*"/save_dump", "enter")
        await until(pilot, lambda: app.state.saved, "saved")
        [own] = map(Path, app.state.saved)
        found = await reported(app, pilot, folder)
        told = next(item for item in app.state.items if isinstance(item, Turn))
    assert set(found) == {
        "about.txt",
        "doctor.txt",
        "log.txt",
        "session.llcap",
        "settings.toml",
        f"dump-{own.name}",
    }
    assert found[f"dump-{own.name}"] == own.read_text()
    assert "target    sim:stories700K" in found["about.txt"]
    assert "Python" in found["doctor.txt"]
    assert "stories700K.bin" in found["log.txt"]
    assert "A9" in found["settings.toml"]
    assert "private" not in found["settings.toml"]
    assert 'theme = "nord"' in found["settings.toml"]
    recording = tmp_path / "session.llcap"
    recording.write_text(found["session.llcap"])
    session = make_session(Target("file", str(recording)))
    try:
        await session.open()
        await session.wait_ready(60.0)
        [turn] = [item for item in session.state.items if isinstance(item, Turn)]
        assert turn.text == told.text, "it replays to the same answer"
    finally:
        await session.close()


def test_of_a_line_the_dumps_that_its_kernels_boot_wrote_are_in_it(foreign: Path) -> None:
    def dumps_of(boot: int) -> list[Path]:
        hello = Hello.model_construct(boot=boot)
        return own_dumps(Happened(State(hello=hello), 0.0, None, None), (foreign.parent,))

    assert dumps_of(0x0BADCAFE) == [foreign]
    assert dumps_of(0x1) == []


def test_a_part_that_cannot_be_read_is_told_and_the_rest_is_there(folder: Path, tmp_path: Path) -> None:
    def doctor() -> str:
        raise RuntimeError("it hangs")

    (tmp_path / "settings").mkdir()
    what = Happened(State(target="sim"), 0.0, None, tmp_path / "gone.llcap")
    path, missing = write_report(what, Sources(tmp_path / "settings", folder, doctor), time.time())
    found = files_of(path)
    assert set(found) == {"about.txt", "log.txt"}
    assert [said.partition(" is not in it")[0] for said in missing] == [
        "settings.toml",
        "doctor.txt",
        "shown-gone.llcap",
    ]
    assert all(said in found["about.txt"] for said in missing)


def test_what_doctor_says_names_files_without_the_folders_of_the_person(folder: Path, tmp_path: Path) -> None:
    root = checkout()
    assert root is not None
    own = root / "build" / "llmk-sim"
    said = f"simulator  {own}, /srv/ada/it/OVMF.fd, /usr/share/CODE.fd -> ./run in ~/a/b"
    what = Happened(State(target="sim"), 0.0, None, None)
    path, _missing = write_report(what, Sources(tmp_path / "none.toml", folder, lambda: said), time.time())
    found = files_of(path)
    assert found["doctor.txt"] == (
        f"simulator  {Path('build/llmk-sim')}, …/OVMF.fd, /usr/share/CODE.fd -> ./run in …/b"
    )
    assert "there is no settings file" in found["about.txt"]


@pytest.fixture
def no_folder(folder: Path) -> Path:
    folder.write_text("a file")
    return folder


@pytest.mark.usefixtures("no_folder")
async def test_a_report_whose_folder_cannot_be_written_is_kept_elsewhere_and_that_is_told() -> None:
    async with simulated((200, 40), notifications=True) as (app, pilot):
        app.do("session.report")
        await until(pilot, lambda: "cannot be written:" in " ".join(screen_text(app).split()), "told")
        assert "bug-report.zip" in screen_text(app)


def test_the_persons_folder_and_name_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/home/ada"))
    text = "/home/ada/x.bin, unix:/run/user/ada/qmp.sock, /home/ada2/y, ada said"
    assert without_paths(text, {"USER": "ada"}) == "~/x.bin, unix:/run/user/user/qmp.sock, /home/ada2/y, ada said"
