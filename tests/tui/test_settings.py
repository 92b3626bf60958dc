"""The person's own settings: keys, profiles, themes, what is wrong in the file, and comments that stay."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from driving import make_app, screen_text, settled, wait_until
from hypothesis import given
from hypothesis import strategies as st
from scripted import ScriptedSession, rich_state

from llmbm_console import cli
from llmbm_console.core.errors import SessionError
from llmbm_console.core.settings.settings import PRESETS, Settings, options_of, read_settings, with_profile
from llmbm_console.core.settings.write import write_setting
from llmbm_console.faces.settings import EXAMPLE
from llmbm_console.target_arguments import target_of
from llmbm_console.tui.pages.jump import JumpScreen


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, "utf-8")
    return path


def test_no_file_is_no_problem(tmp_path: Path) -> None:
    assert read_settings(tmp_path / "config.toml") == (Settings(), ())


def test_the_example_has_no_problem_with_all_its_lines_switched_on(tmp_path: Path) -> None:
    lines = [
        line.removeprefix("# ") if line.startswith(('# "', "# [")) or " = " in line else line
        for line in EXAMPLE.splitlines()
    ]
    settings, problems = read_settings(written(tmp_path, "\n".join(lines)))
    assert problems == ()
    assert settings.theme == "teranga"
    assert settings.bindings["view.jump"] == ("ctrl+o", "J")
    assert settings.sampling["story"] == {"temp": "0.7", "top_k": "40"}
    assert settings.profiles["bench"] == {"serial": "/dev/ttyUSB0", "baud": 115200}


@pytest.mark.parametrize(
    ("text", "line", "named"),
    [
        ("theme = 3", 1, "theme: 3"),
        ('glyphs = "dots"', 1, "blocks or ascii"),
        ('# mine\n\nkeys = "emacs"', 3, "basic or vim"),
        ("colour = 1", 1, "colour: is not a setting"),
        ('[bindings]\n"view.fly" = "f"', 2, "view.fly"),
        ('[bindings]  # "view.jump"\n"view.jump" = 7', 2, "view.jump"),
        ("bindings = 7", 1, "a table of keys"),
        ('[bindings]\n"view.jump" = ["J", "Ctrl+O"]', 2, "view.jump: 'Ctrl+O' is no key"),
        ('[bindings]\n"view.jump" = "escpae"', 2, "'escpae' is no key"),
        ('[bindings]\n"view.jump" = "a,b"', 2, "'a,b' is no key"),
        ('[bindings]\n"view.jump" = "J"\n"view.zoom" = "J"', 3, "the key of view.jump already"),
        ('[bindings]\n"view.jump" = "J"\n"sentinel.strict" = "J"', 3, "the key of view.jump already"),
        ("[profiles.a]\nbaud = 9600\n[profiles.b]\nspeed = 1", 4, "profiles.b.speed"),
        ("[profiles.a]\nbaud = 0", 2, "a whole number from 1"),
        ("[profiles]\na.baud = 0", 2, "a whole number from 1"),
        ("[profiles]\na = {sim = true, baud = 0}", 2, "profiles.a.baud"),
        ("[profiles]\na = 1", 2, "profiles.a"),
        ("sampling = 7", 1, "a table of sampling presets"),
        ("[sampling]\nstory = 7", 2, "sampling.story"),
        ("[sampling.calm]\ntemp = 1", 1, "one of the kernel's own"),
        ("[sampling.story]\n\nseed = 7", 3, "sampling.story.seed: is not set by a preset"),
        ("[sampling.story]\ntop_k = 9\ntemp = 2.5", 3, "2.5 cannot be used; temp: expected 0 to 2"),
        ("[sampling.story]\ntemp = true", 2, "True cannot be used"),
        ('tour = "off"\ntheme = ', 2, "is not TOML: Invalid value"),
        ('tour = "off"\nkeys = ["a",', 2, "is not TOML"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_line_and_the_rest_holds(
    tmp_path: Path, text: str, line: int, named: str
) -> None:
    _settings, problems = read_settings(written(tmp_path, text))
    assert len(problems) == 1
    assert named in problems[0]
    assert problems[0].startswith(f"config.toml:{line}: "), problems
    assert re.search("expected|accepted|choose", problems[0])


def test_a_mark_of_utf_8_is_no_problem_and_a_number_of_thousands_of_digits_is_one(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b'\xef\xbb\xbftheme = "paper"\r\n')
    settings, problems = read_settings(path)
    assert (settings.theme, problems) == ("paper", ())
    write_setting(path, "theme", "ember")
    assert read_settings(path)[0].theme == "ember"
    path.write_text(f"[profiles.a]\nbaud = {'9' * 5000}\n")
    assert read_settings(path)[1] == ("config.toml: cannot be read: a number in it has thousands of digits",)
    path.write_text('[profiles.a]\nimage = "~no one/x.img"\n')
    assert read_settings(path)[0].profiles["a"] == {"image": Path("~no one/x.img")}, "nobody's home is a name like any"
    os.remove(path)
    os.mkfifo(path)
    assert read_settings(path)[1] == ("config.toml: cannot be read: a pipe; expected a file",)


def test_brackets_without_an_end_are_a_problem_and_no_traceback(tmp_path: Path) -> None:
    settings, problems = read_settings(written(tmp_path, "theme = " + "[" * 9000))
    assert settings.actions()
    assert problems == ("config.toml: cannot be read: its brackets are nested too deeply",)


@given(st.binary(max_size=200))
def test_any_bytes_are_settings_or_problems(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("settings") / "config.toml"
    path.write_bytes(data)
    settings, _problems = read_settings(path)
    assert settings.actions()


@pytest.mark.parametrize("preset", PRESETS)
def test_no_key_of_a_preset_does_two_things(preset: str) -> None:
    actions = Settings(keys=preset).actions()
    for pane in {action.pane for action in actions}:
        keys = [key for action in actions if action.pane in ("", pane) for key in action.keys]
        assert len(keys) == len(set(keys))


def test_what_is_given_wins_over_the_profile() -> None:
    profile = {"serial": "/dev/a", "baud": 9600, "theme": "paper"}
    assert with_profile({"baud": None, "serial": None}, profile) == profile
    assert with_profile({"baud": 115200}, profile) == {"serial": "/dev/a", "theme": "paper"}
    assert with_profile({"sim": True}, profile) == {"baud": 9600, "theme": "paper"}
    with pytest.raises(SessionError, match="there are here"):
        options_of(Settings(profiles={"here": {}}), "gone")


@pytest.mark.parametrize(
    "key", ["f", "F", "?", ",", "+", "_", "f12", "ctrl+x", "alt+enter", "shift+f3", "question_mark"]
)
async def test_every_key_that_is_taken_acts(tmp_path: Path, key: str) -> None:
    settings, problems = read_settings(written(tmp_path, f'[bindings]\n"view.jump" = "{key}"'))
    assert all(f"takes {key} from" in problem for problem in problems)
    app = make_app(settings=settings)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "comma" if key == "," else key)
        await wait_until(pilot, lambda: isinstance(app.screen, JumpScreen), "jump")


def test_the_same_key_may_do_two_things_in_two_panes(tmp_path: Path) -> None:
    text = '[bindings]\n"sentinel.strict" = "y"\n"hex.decode" = "y"\n"chat.copy" = []'
    settings, problems = read_settings(written(tmp_path, text))
    assert problems == ()
    keys = {action.id: action.keys for action in settings.actions()}
    assert keys["sentinel.strict"] == keys["hex.decode"] == ("y",)
    assert keys["chat.copy"] == ()


def test_ones_own_key_wins_over_the_one_of_a_preset() -> None:
    keys = {action.id: action.keys for action in Settings(keys="vim", bindings={"view.zoom": ("o",)}).actions()}
    assert keys["view.zoom"] == ("o",)
    assert keys["chat.prompt"] == ("i",)


@pytest.mark.parametrize(("key", "owner"), [("ctrl+q", "session.quit"), ("ctrl+p", "view.palette")])
async def test_keys_of_the_toolkit_can_be_given_to_something_else(key: str, owner: str) -> None:
    app = make_app(settings=Settings(bindings={owner: ("f10",), "view.jump": (key,)}))
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await settled(pilot)
        await pilot.press(key)
        await wait_until(pilot, lambda: isinstance(app.screen, JumpScreen), "jump")
        await pilot.press("escape", "escape", "q")
        if owner == "session.quit":
            await wait_until(pilot, lambda: "F10 quits" in screen_text(app), "the hint names the key")


async def test_hints_name_the_keys_that_hold() -> None:
    keys = {"machine.registers": "f8", "view.machine": "f11", "chat.probabilities": "f12", "record.toggle": "f7"}
    settings = Settings(bindings={name: (key,) for name, key in keys.items()})
    app = make_app(ScriptedSession(rich_state()), settings=settings)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        assert "F12 shows what these keep" in screen_text(app)
        await pilot.press("f11")
        await wait_until(pilot, lambda: "F8 registers" in screen_text(app), "the machine pane")
        assert "F2 Memory" in screen_text(app)
        await pilot.press("f2")
        await wait_until(pilot, lambda: "F11 Machine" in screen_text(app), "the line of views")


async def test_a_key_of_ones_own_acts_and_is_what_the_footer_shows() -> None:
    app = make_app(settings=Settings(bindings={"view.jump": ("J",), "view.zoom": ()}))
    async with app.run_test(size=(180, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "z")
        assert app.main.shape.zoom == ""
        await wait_until(pilot, lambda: "J jump" in screen_text(app), "the footer")
        assert "z zoom" not in screen_text(app)
        await pilot.press("J")
        await wait_until(pilot, lambda: isinstance(app.screen, JumpScreen), "jump")


async def test_a_theme_chosen_in_the_console_is_written_and_comments_stay(tmp_path: Path) -> None:
    path = written(tmp_path, '# mine\ntheme = "amber"  # warm\n\n[bindings]\n')
    settings, _ = read_settings(path)
    app = make_app(settings=settings, settings_file=path)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        assert app.theme_name == "amber"
        app.verbs.use_theme("paper")
    assert path.read_text("utf-8") == '# mine\ntheme = "paper"  # warm\n\n[bindings]\n'


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="cannot be read: No such file"):
        write_setting(tmp_path / "gone" / "config.toml", "theme", "paper")


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    state = str(folder / ".local/state")
    environment: dict[str, Any] = {
        **os.environ,
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "XDG_STATE_HOME": state,
    }
    return subprocess.run(
        [sys.executable, "-m", "llmbm_console", *words], env=environment, capture_output=True, text=True, timeout=60
    )


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep configuration elsewhere")
def test_settings_are_begun_shown_and_never_overwritten(tmp_path: Path) -> None:
    first = run(tmp_path, "settings", "--init")
    assert first.returncode == 0, first.stderr
    assert run(tmp_path, "settings", "--init").returncode == 1
    shown = run(tmp_path, "settings")
    assert shown.returncode == 0, shown.stderr
    assert "view.jump" in shown.stdout
    unknown = run(tmp_path, "exec", "--profile", "gone", "--", "/version")
    assert unknown.returncode == 2
    assert "no such profile" in unknown.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep configuration elsewhere")
def test_settings_name_the_theme_that_holds_and_what_is_wrong_with_one(tmp_path: Path) -> None:
    assert "theme    teranga (none was chosen yet)" in run(tmp_path, "settings").stdout
    state = tmp_path / ".local/state/llmbm-console"
    state.mkdir(parents=True)
    (state / "tui.json").write_text('{"theme":"paper"}')
    assert "theme    paper (the last one chosen)" in run(tmp_path, "settings").stdout
    (tmp_path / "llmbm-console/themes").mkdir(parents=True)
    (tmp_path / "llmbm-console/themes/half.toml").write_text("name = ")
    (tmp_path / "llmbm-console/config.toml").write_text('theme = "nosuch"\n')
    shown = run(tmp_path, "settings")
    assert shown.returncode == 1
    assert "error: theme nosuch: there is no such theme; there are amber, " in shown.stderr
    assert "error: theme half.toml: is not TOML" in shown.stderr


def test_a_key_that_leaves_another_action_without_one_is_a_warning(tmp_path: Path) -> None:
    text = '[bindings]\n"view.jump" = ["J", "P"]\n'
    settings, problems = read_settings(written(tmp_path, text))
    assert problems == (
        "config.toml:2: bindings.view.jump: takes P from machine.pause, which has no key now; give it another one, or "
        '"machine.pause" = [] if that is meant',
    )
    assert {action.id: action.keys for action in settings.actions()}["view.jump"] == ("J", "P")
    for meant in ('"machine.pause" = []', '"machine.pause" = "f10"'):
        assert read_settings(written(tmp_path, text + meant))[1] == ()
    assert read_settings(written(tmp_path, '[bindings]\n"view.jump" = "end"\n'))[1] == (), "view.live has another"


async def test_many_problems_are_few_lines_in_their_order_and_all_in_the_log(tmp_path: Path) -> None:
    text = 'glyphs = 1\nzeta = 1\n[bindings]\n"view.fly" = "f"\n[profiles]\na = 1\n[sampling]\nb = 2\n'
    _settings, problems = read_settings(written(tmp_path, text))
    assert [int(problem.split(":")[1]) for problem in problems] == [1, 2, 4, 6, 8]
    session = ScriptedSession(rich_state())
    app = make_app(session, problems=problems)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await settled(pilot)
        await wait_until(pilot, lambda: "settings tells all" in screen_text(app), "the notices")
        told = [toast.message for toast in app._notifications]
        assert told[:2] == list(problems[:2])
        assert told[2].startswith("3 more: ")
        assert len(told) == 3
        await wait_until(pilot, lambda: [entry.text for entry in app.state.log][-5:] == list(problems), "the log")


def test_a_profile_may_set_lines_and_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        '[profiles.bench]\nserial = "/dev/a"\ndtr = "on"\nrts = "off"\nlog = "bench.log"\nread_only = true\n'
    )
    monkeypatch.setattr("llmbm_console.core.settings.settings.settings_file", lambda: path)
    target = target_of(cli.console_parser().parse_args(["--profile", "bench"]))
    assert (target.dtr, target.rts, target.read_only) == (True, False, True)
    assert target.log is not None
    assert target.log.name == "bench.log"
    path.write_text('[profiles.bench]\nserial = "/dev/a"\ndtr = "maybe"\n')
    with pytest.raises(SessionError, match="expected on or off"):
        target_of(cli.console_parser().parse_args(["--profile", "bench"]))
