"""The start screen: what there is, what there is not, and what is chosen."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from driving import screen_text, wait_until

from llmbm_console.core.sanitise import is_clean
from llmbm_console.core.session import choices as found
from llmbm_console.core.session.choices import GROUPS, Choice, age, files, kernels, machines, monitor_of, ports
from llmbm_console.core.session.targets import Target
from llmbm_console.core.settings.themes import load_themes, theme_folder
from llmbm_console.tui.pages.start import StartApp

THEMES, _PROBLEMS = load_themes([theme_folder()])
SOME = [
    Choice(GROUPS[0], "QEMU", "boots", Target("qemu"), "QEMU is not installed (apt-get install it)"),
    Choice(GROUPS[0], "Simulator", "instant", Target("sim")),
    Choice(GROUPS[3], "[/b]\x1b[2J.llcap", "recording", Target("file", "x.llcap")),
]


@pytest.mark.parametrize("size", [(40, 20), (80, 24), (120, 36), (200, 60)])
@pytest.mark.parametrize("theme", ["teranga", "sixteen", "none such"])
async def test_everything_found_is_listed_and_what_cannot_be_says_why(size: tuple[int, int], theme: str) -> None:
    app = StartApp(THEMES, theme, lambda: SOME)
    async with app.run_test(size=size) as pilot:
        await wait_until(pilot, lambda: "Simulator" in screen_text(app))
        text = screen_text(app)
        assert "apt-get" in text, "all of what is chosen, also where its row has no room"
        assert "\x1b" not in text
        assert "Start a kernel" in text
        await pilot.press("enter")
        await wait_until(pilot, lambda: "apt-get install" in screen_text(app), "why QEMU cannot be started")
        await pilot.press("down", "enter")
    assert app.return_value == Target("sim")


async def test_empty_groups_say_what_to_do_and_it_looks_again() -> None:
    looks: list[int] = []

    def look() -> list[Choice]:
        looks.append(1)
        return SOME if len(looks) > 1 else []

    app = StartApp(THEMES, "teranga", look)
    async with app.run_test(size=(120, 36)) as pilot:
        await wait_until(pilot, lambda: "plug a USB serial adapter in" in screen_text(app))
        await pilot.press("enter", "r")
        await wait_until(pilot, lambda: "Simulator" in screen_text(app))
        await pilot.press("f1")
        await wait_until(pilot, lambda: "looks again at what there is" in screen_text(app), "help")
        await pilot.press("escape")
        await wait_until(pilot, lambda: "looks again at what there is" not in screen_text(app), "the list again")
        await pilot.press("j", "j", "k", "enter")
    assert app.return_value == Target("sim")


@pytest.mark.parametrize("size", [(50, 20), (80, 24), (120, 36)])
async def test_what_is_to_be_copied_is_never_cut(size: tuple[int, int]) -> None:
    app = StartApp(THEMES, "teranga", list)
    async with app.run_test(size=size) as pilot:
        await wait_until(pilot, lambda: " -qmp unix:PATH,server,nowait " in screen_text(app), "on one row")


@pytest.mark.parametrize("size", [(50, 20), (80, 24), (120, 36)])
async def test_of_a_long_name_the_ending_is_in_sight_and_all_of_it_where_it_is_chosen(size: tuple[int, int]) -> None:
    name = "20261127-121443-an-afternoon-with-the-second-board-of-the-lab-llmk-failsafe.txt"
    some = [*SOME, Choice(GROUPS[3], name, "report of a trip, 2 KiB, just now", Target("file", name))]
    app = StartApp(THEMES, "teranga", lambda: some)
    async with app.run_test(size=size) as pilot:
        await wait_until(pilot, lambda: "Simulator" in screen_text(app))
        await pilot.press("end")
        await wait_until(pilot, lambda: "…" in screen_text(app) and "failsafe.txt" in screen_text(app), "its ending")

        def told() -> str:
            return "".join(screen_text(app).replace("│", " ").split())

        await wait_until(pilot, lambda: name in told(), "all of it")
        assert "2KiB,justnow" in told()


async def test_leaving_chooses_nothing() -> None:
    for key in ("escape", "q", "ctrl+q"):
        app = StartApp(THEMES, "paper", lambda: SOME)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press(key)
        assert app.return_value is None


def test_newest_files_come_first_and_names_are_clean(tmp_path: Path) -> None:
    for number, name in enumerate(("llmk-dump.txt", "a\x1b[2J.llcap", "other.txt", "x-llmk-failsafe.txt")):
        (tmp_path / name).write_text('{"llcap":1}\n' if name.endswith("llcap") else "x" * 3000)
        os.utime(tmp_path / name, (1000 + number, 1000 + number))
    (tmp_path / "gone-llmk-log.txt").symlink_to(tmp_path / "nothing")
    listed = list(files([tmp_path, tmp_path, tmp_path / "none"], 5000.0))
    assert [choice.detail.split(",")[0] for choice in listed] == ["report of a trip", "recording", "dump"]
    assert listed[2].detail == "dump, 2.9 KiB, 1 h ago"
    assert all(is_clean(choice.title) for choice in listed)
    assert listed[1].target.address == str((tmp_path / "a\x1b[2J.llcap").resolve())


def test_running_machines_are_found_by_their_monitor(tmp_path: Path) -> None:
    assert monitor_of(["qemu", "-m", "1", "-qmp", "unix:/run/a b.sock,server=on,wait=off"]) == "/run/a b.sock"
    assert monitor_of(["qemu", "-qmp", "tcp:127.0.0.1:4444"]) == ""
    assert monitor_of(["qemu", "-qmp"]) == ""
    for number, words in (
        (7, b"/usr/bin/qemu-system-x86_64\0-qmp\0unix:/run/q.sock,server\0"),
        (8, b"sh\0-qmp\0unix:x\0"),
    ):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "cmdline").write_bytes(words)
    (tmp_path / "9").mkdir()
    [machine] = machines(tmp_path)
    assert (machine.target, machine.reason) == (Target("qmp", "/run/q.sock"), "")


@pytest.mark.skipif(not Path("/proc/net/unix").exists(), reason="only Linux tells")
def test_a_machine_whose_monitor_is_held_is_in_use(tmp_path: Path) -> None:
    path = str(tmp_path / "q.sock")
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "cmdline").write_bytes(f"qemu\0-qmp\0unix:{path},server\0".encode())
    (tmp_path / "net").symlink_to("/proc/self/net")
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(path)
        server.listen()
        assert [machine.reason for machine in machines(tmp_path)] == [""]
        client.connect(path)
        with server.accept()[0]:
            assert [machine.reason[:6] for machine in machines(tmp_path)] == ["in use"]


def test_what_is_missing_has_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found.shutil, "which", lambda name: None)
    qemu, simulator = kernels()
    assert "not installed" in qemu.reason
    assert simulator.target == Target("sim")
    monkeypatch.setattr(found.shutil, "which", lambda name: "/usr/bin/qemu")
    monkeypatch.setattr(found, "find_firmware", lambda: None)
    assert "firmware" in next(iter(kernels())).reason
    assert all(is_clean(choice.title + choice.detail + choice.reason) for choice in ports())


@pytest.mark.parametrize(
    ("seconds", "words"), [(5, "just now"), (600, "10 min ago"), (7200, "2 h ago"), (200_000, "2 days ago")]
)
def test_how_long_ago(seconds: float, words: str) -> None:
    assert age(seconds) == words
