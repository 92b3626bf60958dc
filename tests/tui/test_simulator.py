"""The interface on the real kernel: the simulator runs it, the line carries it, the screen shows it."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from driving import confirm, screen_text, simulated, until
from textual import events
from textual.pilot import Pilot
from textual.widget import Widget

from llmbm_console.core.session.targets import Target, make_session
from llmbm_console.core.state.events import LinkPhase, MachineStatus
from llmbm_console.core.state.state import Command, Turn
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.frame import LINKED
from llmbm_console.tui.widgets.sampling import SliderColumn
from llmbm_protocol.words import Phase

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the simulator needs a POSIX system")


@pytest.fixture
async def started() -> AsyncIterator[tuple[ConsoleApp, Pilot[Any]]]:
    async with simulated() as running:
        yield running


async def test_a_story_streams_and_every_pane_knows(started: tuple[ConsoleApp, Pilot[Any]]) -> None:
    app, pilot = started
    await pilot.press(*"/max_tokens 24", "enter")
    await until(pilot, lambda: app.state.sampling is not None and app.state.sampling.max_tokens == 24, "max_tokens")
    await until(pilot, lambda: app.main.sampling.sliders["max_tokens"].value == 24, "the command moved the slider")
    await pilot.press(*"Once upon a time", "enter")
    await until(pilot, lambda: any(isinstance(i, Turn) and i.finished for i in app.state.items), "story")
    await until(pilot, lambda: "24 tok" in screen_text(app), "statistics")
    await until(pilot, lambda: app.state.kv is not None and app.state.kv.rows > 24, "context")
    text = screen_text(app)
    assert "zone B" in text
    assert "ARMED" in text
    assert len(app.state.decode_cycles) == 23  # the first token comes out of the prefill


async def test_a_slider_sets_the_kernel(started: tuple[ConsoleApp, Pilot[Any]]) -> None:
    app, pilot = started
    await pilot.press("escape", "7", *"0.5", "enter")
    await until(pilot, lambda: app.state.sampling is not None and app.state.sampling.temperature == 500_000, "set")
    await until(pilot, lambda: app.main.sampling.sliders["temp"].wanted is None, "settled")
    assert app.main.sampling.sliders["temp"].value == 500_000


async def wheel(pilot: Pilot[Any], widget: Widget, x: int, event: type[events.MouseEvent]) -> None:
    """One notch of the wheel, where the pointer rests."""
    await pilot._post_mouse_events([event], widget, offset=(x, 0))


async def test_the_wheel_moves_the_slider_that_the_pointer_was_moved_onto(
    started: tuple[ConsoleApp, Pilot[Any]],
) -> None:
    app, pilot = started
    slider = app.main.sampling.sliders["min_p"]
    before = slider.value
    assert app.main.focused_pane == "prompt"
    await wheel(pilot, slider, 20, events.MouseScrollUp)
    assert slider.wanted is None, "a pointer that nobody moved there means something else"
    await pilot.hover(slider, offset=(3, 0))
    await wheel(pilot, slider, 3, events.MouseScrollUp)
    assert slider.wanted is None, "the name is where the list is scrolled"
    await pilot.hover(slider, offset=(20, 0))
    await wheel(pilot, slider, 20, events.MouseScrollUp)
    await until(pilot, lambda: slider.accepted is not None and slider.accepted > before, "the kernel's, and shown")
    assert app.main.focused_pane == "prompt", "a wheel takes no focus from what is being written"
    risen = app.state.sampling.min_p if app.state.sampling is not None else 0
    await until(pilot, lambda: slider.value == risen and slider.wanted is None, "shown")
    await wheel(pilot, slider, 20, events.MouseScrollDown)
    await until(pilot, lambda: app.state.sampling is not None and app.state.sampling.min_p < risen, "down again")


async def test_the_wheel_scrolls_on_over_a_slider_that_came_below_a_resting_pointer() -> None:
    async with simulated(size=(120, 24)) as (app, pilot):
        column = app.main.sampling.query_one(SliderColumn)
        sliders = list(app.main.sampling.sliders.values())
        assert column.max_scroll_y > 0, "not all sliders have room"
        await pilot.hover(sliders[0], offset=(3, 0))
        for _ in range(column.max_scroll_y):
            await wheel(pilot, column, 3, events.MouseScrollDown)
        await until(pilot, lambda: column.scroll_y == column.max_scroll_y, "scrolled to its end")
        assert all(slider.wanted is None for slider in sliders)


async def test_the_machine_is_paused_and_resumed(started: tuple[ConsoleApp, Pilot[Any]]) -> None:
    app, pilot = started
    await pilot.press("escape", "P")
    await until(pilot, lambda: app.state.machine.status is MachineStatus.PAUSED, "paused")
    await until(pilot, lambda: "paused" in screen_text(app).splitlines()[0], "shown")
    await pilot.press("P")
    await until(pilot, lambda: app.state.machine.status is MachineStatus.RUNNING, "running")
    await until(pilot, lambda: app.state.link.phase is LinkPhase.MACHINE, "link")


async def test_a_machine_that_was_ended_can_be_started_again(started: tuple[ConsoleApp, Pilot[Any]]) -> None:
    app, pilot = started
    await pilot.press("escape", "Q")
    await confirm(pilot, "Q")
    await until(pilot, lambda: app.state.machine.status in (MachineStatus.STOPPED, MachineStatus.CRASHED), "ended")
    await until(pilot, lambda: "r  start again" in screen_text(app), "says what helps")
    await pilot.press("r")
    await until(pilot, lambda: app.state.link.phase in LINKED, "linked again")


@pytest.mark.parametrize("preset", ["greedy", "calm", "default", "wild"])
async def test_a_preset_of_the_palette_is_one_the_kernel_knows(
    started: tuple[ConsoleApp, Pilot[Any]], preset: str
) -> None:
    app, pilot = started
    app.do(f"sampling.{preset}")
    wanted = {"greedy": 0, "calm": 500_000, "default": 850_000, "wild": 1_200_000}[preset]
    await until(pilot, lambda: any(isinstance(i, Command) and i.ok for i in app.state.items), "done")
    await until(pilot, lambda: app.state.sampling is not None and app.state.sampling.temperature == wanted, "set")


async def test_the_long_answer_of_the_readme_is_long_and_a_benchmark_can_be_stopped(
    started: tuple[ConsoleApp, Pilot[Any]],
) -> None:
    app, pilot = started
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    row = next(line for line in readme.splitlines() if line.startswith("| stop it |"))
    *settings, story, _preset, _max_tokens, bench = re.findall(r"`([^`]+)`", row)[1:]
    assert (story, bench) == ("Once upon a time", "/bench")
    for line in (*settings, story):
        await pilot.press(*line, "enter")
    await until(pilot, lambda: any(isinstance(i, Turn) and i.finished for i in app.state.items), "answered")
    (told,) = (item.finished for item in app.state.items if isinstance(item, Turn))
    assert told is not None
    assert told.tokens == 500

    def benchmarks() -> list[Command]:
        return [item for item in app.state.items if isinstance(item, Command) and item.line == bench]

    await pilot.press(*"/clear", "enter")
    for count in range(1, 6):  # it takes two seconds, in which a busy computer may not come to the key
        await pilot.press(*bench, "enter")
        await until(pilot, lambda n=count: app.state.phase is Phase.BENCH or len(benchmarks()) == n, "it runs")
        await pilot.press("ctrl+c")
        await until(pilot, lambda n=count: len(benchmarks()) == n, "ended")
        if not benchmarks()[-1].ok:
            break
    assert not benchmarks()[-1].ok, "stopped"


async def test_the_suggested_budget_is_one_the_kernel_takes(started: tuple[ConsoleApp, Pilot[Any]]) -> None:
    app, pilot = started
    await pilot.press(*"Once", "enter")
    await until(
        pilot, lambda: app.state.sentinel is not None and any(app.state.sentinel.percentiles), "passes were measured"
    )
    await pilot.press("escape", "5", "a")
    await until(pilot, lambda: app.state.sentinel is not None and app.state.sentinel.decode_pinned, "pinned")
    assert app.state.sentinel is not None
    assert not app.state.sentinel.prefill_pinned


async def test_a_trip_fills_the_bar_of_its_phase_with_the_pass_that_broke_its_budget(
    started: tuple[ConsoleApp, Pilot[Any]],
) -> None:
    app, pilot = started
    for line in ("/budget 500000000000 1", "/strict_budget 1", "Once"):
        await pilot.press(*line, "enter")
    await until(pilot, lambda: "TRIPPED by budget in decode" in screen_text(app), "tripped")
    row = next(line for line in screen_text(app).splitlines() if "DECODE" in line).split("DECODE", 1)[1]
    assert ">9999 % of     1" in row
    assert "━" in row
    assert "─" not in row.split("%")[0], "full"


async def test_a_line_that_can_never_be_opened_does_not_claim_to_be_tried_again_and_its_keys_act() -> None:
    target = Target("serial", "/dev/null")
    app = ConsoleApp(target.title, lambda: make_session(target))
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: "was not opened" in screen_text(app), "the end of it is said")
        text = screen_text(app)
        assert "not a serial port" in text
        assert "r  try again" in text
        assert "O  open something else" in text
        assert "by itself" not in text
        assert "you can write already" not in text
        await until(pilot, lambda: "1 to look at" in screen_text(app), "the list of events says so")
        first = app.state.link.since
        await pilot.press("r")
        await until(pilot, lambda: app.state.link.failed and app.state.link.since > first, "tried again")
        await until(pilot, lambda: app.main.frame.failure != "" and not app.main.frame.opening, "and told again")
        assert app.main.prompt.text == ""
        await pilot.press("i", "r")
        assert app.main.prompt.text == "r", "in the prompt it is a letter, and this is said"
        await until(pilot, lambda: "Esc, r  try again" in screen_text(app), "said")
        await pilot.press("escape", "O")
        await until(pilot, lambda: app._exit, "nothing was asked: nothing ends by it")
    await app.disconnect()


@pytest.mark.parametrize("size", [(120, 36), (50, 20)])
async def test_a_session_that_watches_says_so_and_can_be_asked(size: tuple[int, int]) -> None:
    async with simulated(size=size, read_only=True) as (app, pilot):
        await until(pilot, lambda: "read-only" in screen_text(app).splitlines()[0], "said at the top")
        app.do("kernel.context")
        await until(pilot, lambda: any(isinstance(item, Command) for item in app.state.items), "asked")
        answer = app.state.items[-1]
        assert isinstance(answer, Command)
        assert answer.line == "/ctx"
        assert not answer.error
        assert app.reason_against(app.by_id["sentinel.reset"]).startswith("this session only watches")
        assert app.reason_against(app.by_id["kernel.save_dump"]).startswith("this session only watches")


async def test_nothing_is_offered_that_a_process_has_not_and_nothing_asked_for_it() -> None:
    async with simulated(notifications=True) as (app, pilot):
        await pilot.press("escape", "f4")
        await until(pilot, lambda: "P pause  R reset  Q off" in screen_text(app), "what can be done to it")
        screen = screen_text(app)
        assert not [word for word in ("S screen", "Z save", "K keys", "! NMI") if word in screen]
        assert "the simulator has no screen of its own" in screen, "nor does its pane ask for a key"
        for key, why in (("!", "is a process and has no interrupts"), ("L", "cannot be saved"), ("K", "no keyboard")):
            await pilot.press(key)
            await until(pilot, lambda why=why: any(why in one.message for one in app._notifications), key)
            assert app.arming.action is None, key
        assert not [line for line in app.state.log if line.severity == "error"]
        app.do("view.tour")
        await pilot.press(*["enter"] * 5)
        await until(pilot, lambda: "the machine, and what became of it" in screen_text(app), "the tour, too")
        assert "registers" not in screen_text(app)
