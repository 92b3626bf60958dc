"""Sampling presets of one's own: saved with the person's comments kept, used as one change, deleted, never one of the
kernel's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from driving import screen_text, simulated, until
from hypothesis import given
from hypothesis import strategies as st

from llmbm_console.core.errors import SessionError
from llmbm_console.core.parameter_text import parse_value, value_text
from llmbm_console.core.sampling import BUILT_IN, PRESET, name_problem
from llmbm_console.core.settings.settings import Settings, read_settings
from llmbm_console.core.settings.write import remove_preset, write_preset
from llmbm_console.tui.app import ConsoleApp
from llmbm_protocol.parameters import PARAMETERS, Parameter

VALUES = {"temp": "0.7", "min_p": "0", "top_p": "0.9", "top_k": "40", "norepeat": "3", "repeat": "1.000001"}
MINE = """\
# my settings
theme = "amber"  # warm

[sampling.story]  # for the children
temp = 0.6  # not too wild

[bindings]
"view.jump" = "J"  # forward
"""


def notices(app: ConsoleApp) -> str:
    return "\n".join(notice.message for notice in app._notifications)


@given(st.sampled_from([one for one in PARAMETERS if one.name in PRESET]), st.data())
def test_every_value_comes_back_from_the_file_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, parameter: Parameter, data: st.DataObject
) -> None:
    text = value_text(parameter, data.draw(st.integers(parameter.minimum, parameter.maximum)))
    path = tmp_path_factory.mktemp("presets") / "config.toml"
    write_preset(path, "one", {parameter.name: text})
    assert read_settings(path) == (Settings(sampling={"one": {parameter.name: text}}), ())
    assert value_text(parameter, parse_value(parameter, text, parameter.maximum)) == text


def test_a_preset_is_written_between_what_a_person_wrote(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(MINE, "utf-8")
    write_preset(path, "night", VALUES)
    write_preset(path, "story", {**VALUES, "temp": "0.65"})
    settings, problems = read_settings(path)
    assert problems == ()
    assert settings.sampling == {"story": {**VALUES, "temp": "0.65"}, "night": VALUES}
    assert settings.bindings == {"view.jump": ("J",)}
    text = path.read_text("utf-8")
    for comment in ("# my settings", "# warm", "# for the children", "# not too wild", "# forward"):
        assert comment in text
    remove_preset(path, "night")
    remove_preset(path, "story")
    assert read_settings(path)[0].sampling == {}
    assert "# forward" in path.read_text("utf-8")
    with pytest.raises(SessionError, match="'night' is not in "):
        remove_preset(path, "night")


@pytest.mark.parametrize("name", [*BUILT_IN, "", "A", "a b", "a.b", "x" * 25, "-a", "é"])
def test_the_kernels_own_names_and_what_is_no_name_are_refused(tmp_path: Path, name: str) -> None:
    assert name_problem(name)
    with pytest.raises(SessionError, match="choose another name" if name in BUILT_IN else "expected a name"):
        write_preset(tmp_path / "config.toml", name, VALUES)
    assert not (tmp_path / "config.toml").exists()


@pytest.mark.parametrize("text", ["sampling = 7", "theme = ", "[[sampling]]"])
def test_a_file_that_cannot_be_taken_is_left_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(SessionError, match="left as it is"):
        write_preset(path, "one", VALUES)
    assert path.read_text("utf-8") == text


async def test_the_values_in_force_are_saved_used_as_one_change_and_deleted(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "config.toml"
    async with simulated(settings_file=path) as (app, pilot):

        def values() -> tuple[int, int]:
            assert app.state.sampling is not None
            return app.state.sampling.temperature, app.state.sampling.top_k

        await pilot.press("escape", "7", *"0.7", "enter", "down", "down", "down", *"33", "enter")
        await until(pilot, lambda: values() == (700_000, 33), "the values to keep")
        await pilot.press("s", *"calm")
        await until(pilot, lambda: "one of the kernel's own" in screen_text(app), "why that is no name")
        await pilot.press("enter")
        await pilot.pause()
        assert "one of the kernel's own" in screen_text(app), "it stays open"
        assert not path.exists(), "refused"
        await pilot.press(*["backspace"] * 4, *"story", "enter")
        await until(pilot, path.exists, "saved")
        assert read_settings(path)[0].sampling["story"]["temp"] == "0.7"
        app.do("sampling.wild")
        await until(pilot, lambda: values() == (1_200_000, 0), "others")
        await pilot.press("a", *"zzz", "enter")
        await until(pilot, lambda: "zzz: there is no such preset" in screen_text(app), "it stays open")
        await pilot.press(*["backspace"] * 3, *"sto", "enter")
        await until(pilot, lambda: values() == (700_000, 33), "the beginning of its name is enough")
        await pilot.press("u")
        await until(pilot, lambda: any(n.message.startswith("undone: ") for n in app._notifications), "said")
        await until(pilot, lambda: values() == (1_200_000, 0), "one change")
        app.do("preset.story")
        await until(pilot, lambda: values() == (700_000, 33), "from the palette")
        await pilot.press("ctrl+p", *"preset story")
        await until(pilot, lambda: "Preset story" in screen_text(app), "it is in the palette")
        await pilot.press("escape")
        app.do("sampling.delete_preset")
        await pilot.press(*"wild", "enter")
        await until(pilot, lambda: "wild is one of the kernel's own" in screen_text(app), "why not")
        await pilot.press(*["backspace"] * 4, "tab", "enter")
        await until(pilot, lambda: "story" not in path.read_text("utf-8"), "deleted")
        assert not app.settings.sampling


async def test_what_cannot_be_written_holds_until_the_end_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("theme = ", "utf-8")
    async with simulated(settings_file=path) as (app, pilot):
        await pilot.press("escape", "7", "s", *"one", "enter")
        await until(pilot, lambda: "preset one holds until the console ends, for " in notices(app), "how long")
        assert "left as it is" in notices(app), "and why"
        assert [*app.settings.sampling] == ["one"]
        app.settings = replace(app.settings, sampling={"hot": {"temp": "1.9"}})
        app.do("preset.hot")
        await until(pilot, lambda: app.state.sampling and app.state.sampling.temperature == 1_900_000, "used")
        app.do("preset.one")
        await until(pilot, lambda: "there is no such preset; there are greedy, calm" in notices(app), "which there are")


async def test_a_name_is_completed_and_one_that_may_mean_two_is_asked_for_again() -> None:
    async with simulated(size=(80, 24)) as (app, pilot):
        app.settings = replace(app.settings, sampling={"story-long": {"temp": "0.7"}, "story-short": {"temp": "0.6"}})
        app.do("sampling.use_preset")
        await until(pilot, lambda: "story-long  story-short  greedy" in screen_text(app), "which there are")
        assert "Enter uses it   Tab completes   Esc leaves" in screen_text(app)
        await pilot.press("s", "tab", "enter")
        await until(pilot, lambda: "story- begins story-long and story-short: which one?" in screen_text(app), "which?")
        await pilot.press("s", "tab", "enter")
        await until(pilot, lambda: app.state.sampling and app.state.sampling.temperature == 600_000, "the one")


async def test_the_sampling_pane_says_how_presets_are_kept_and_used() -> None:
    async with simulated() as (app, pilot):
        await pilot.press("escape", "7")
        await until(pilot, lambda: "s save  a use a preset" in screen_text(app), "its keys")
