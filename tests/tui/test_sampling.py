"""Sliders bound both ways: what is asked for, what the kernel accepted, and why it refused."""

from __future__ import annotations

import asyncio
import re

import pytest
from driving import Clock, burst, confirm, make_app, screen_text, scripted, settled, simulated, until, wait_until
from scripted import NOW, ScriptedSession, rich_state
from textual import events

from llmbm_console.core.state.events import RecordReceived
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.pages.choices import newest
from llmbm_console.tui.widgets import slider as module
from llmbm_console.tui.widgets.sampling import SliderColumn
from llmbm_console.tui.widgets.slider import Slider
from llmbm_protocol.schema import Phase

TOGETHER = 0.5  # s between two moves of one change, however slow the computer is


def slider(app: ConsoleApp, name: str = "temp") -> Slider:
    return app.main.sampling.sliders[name]


def _wheel_up(widget: Slider) -> events.MouseScrollUp:
    return events.MouseScrollUp(widget, 20, 0, 0, 0, 0, False, False, False)


async def test_moves_are_collected_and_the_accepted_value_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEBOUNCE", TOGETHER)
    session = ScriptedSession()
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "7")
        burst(pilot, "\x1b[C" * 3 + "\x1b[1;2D")  # right, three times, and shift+left
        await wait_until(pilot, lambda: session.parameters == [("temp", "0.78")], "one request for four moves")
        await wait_until(pilot, lambda: slider(app).accepted == 780_000 and slider(app).wanted is None, "accepted")
        assert "0.78" in screen_text(app)


async def test_until_it_is_accepted_a_ring_marks_the_value_in_force() -> None:
    session = ScriptedSession()
    session.gate = asyncio.Event()
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "7", *["shift+right"] * 5)
        await wait_until(pilot, lambda: session.parameters and slider(app).wanted == 1_350_000, "asked")
        row = next(line for line in screen_text(app).splitlines() if "temp  " in line)
        assert "○" in row
        assert "●" in row
        assert slider(app).accepted == 850_000
        session.gate.set()
        await wait_until(pilot, lambda: slider(app).accepted == 1_350_000, "accepted")
        row = next(line for line in screen_text(app).splitlines() if "temp  " in line)
        assert "○" not in row


async def test_to_go_back_from_a_value_on_its_way_is_sent_too(monkeypatch: pytest.MonkeyPatch) -> None:
    session = ScriptedSession()
    session.gate = asyncio.Event()
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "7", "right")
        await wait_until(pilot, lambda: session.parameters == [("temp", "0.86")], "asked, and not answered")
        await pilot.press("left")
        await wait_until(pilot, lambda: session.parameters[1:] == [("temp", "0.85")], "asked for the old one")
        session.gate.set()
        await wait_until(pilot, lambda: slider(app).accepted == 850_000 and slider(app).wanted is None, "accepted")
        monkeypatch.setattr(module, "DEBOUNCE", TOGETHER)
        burst(pilot, "\x1b[C\x1b[D")  # right and left
        await wait_until(pilot, lambda: slider(app).wanted == 850_000, "back where it was")
        await wait_until(pilot, lambda: slider(app).wanted is None, "the moves have settled")
        await settled(pilot)
        assert len(session.parameters) == 2, "what is in force already is not asked for"


async def test_a_change_from_the_kernel_moves_the_slider() -> None:
    session = ScriptedSession()
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        assert session.state.sampling is not None
        record = session.state.sampling.model_copy(update={"temperature": 1_500_000})
        session.push(RecordReceived(NOW, record), sampling=record)
        await wait_until(pilot, lambda: slider(app).value == 1_500_000, "moved")
        await wait_until(pilot, lambda: "1.5" in screen_text(app), "drawn")
        assert session.parameters == []  # what the kernel said is not sent back to it


async def test_a_refusal_is_shown_and_the_knob_goes_back() -> None:
    session = ScriptedSession()
    session.refusals["top_k"] = "top_k: expected 0 to 512 for this model"
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "7", "down", "down", "down", *"600", "enter")
        await wait_until(pilot, lambda: session.parameters == [("top_k", "600")], "asked")
        await wait_until(pilot, lambda: 'top_k cannot be "600": expected 0 to' in screen_text(app), "reason")
        assert "512 for this model" in screen_text(app)
        assert "refused" in screen_text(app)
        assert slider(app, "top_k").value == 80


@pytest.mark.parametrize("typed", ["600", "90000000"], ids=["by the kernel", "here"])
async def test_a_refused_value_is_named_in_a_notice_and_gone_with_the_next_key(typed: str) -> None:
    session = ScriptedSession()
    session.refusals["top_k 600"] = "top_k: expected 0 to 512 for this model"
    app = make_app(session)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("escape", "7", "down", "down", "down", *typed, "enter")
        notice = f'top_k cannot be "{typed}": expected 0 to '
        await wait_until(pilot, lambda: notice in screen_text(app), "value and what was expected")
        assert "; 80 stays" in screen_text(app)
        assert screen_text(app).count(f'top_k cannot be "{typed}"') == 2, "in the pane, too"
        assert slider(app, "top_k").value == 80
        await pilot.press("up")
        await settled(pilot)
        assert "refused" not in screen_text(app)
        assert "cannot be" not in screen_text(app)
        await pilot.press("down")
        await settled(pilot)
        assert "refused" not in screen_text(app), "nor when it has the focus again"


async def test_a_refusal_that_comes_when_another_slider_has_the_focus_is_a_notice() -> None:
    session = ScriptedSession()
    session.gate = asyncio.Event()
    session.refusals["temp"] = "temp: expected 0 to 1 now"
    app = make_app(session)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("escape", "7", *"1.5", "enter", "down")
        await wait_until(pilot, lambda: session.parameters == [("temp", "1.5")], "asked")
        session.gate.set()
        await wait_until(
            pilot, lambda: 'temp cannot be "1.5": expected 0 to 1 now; 0.85 stays' in screen_text(app), "said"
        )
        assert slider(app).value == 850_000
        assert "refused" not in screen_text(app)


async def test_a_typed_value_is_set_exactly_and_escape_drops_it() -> None:
    session = ScriptedSession()
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "7", *"0.123456", "enter")
        await wait_until(pilot, lambda: session.parameters == [("temp", "0.123456")], "exact")
        await pilot.press(*"19", "backspace", "escape")
        assert slider(app).typed == ""
        assert app.main.focused_pane == "sampling"
        await pilot.press(*"7", "enter")
        await wait_until(pilot, lambda: 'temp cannot be "7": expected 0 to 2' in screen_text(app), "own refusal")
        assert session.parameters == [("temp", "0.123456")]


async def test_the_rail_is_dragged_and_the_wheel_steps() -> None:
    session = ScriptedSession()
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        widget = slider(app, "min_p")
        start, width = widget._rail()
        await pilot.mouse_down(widget, offset=(start, 0))
        await pilot.hover(widget, offset=(start + width - 1, 0))
        await pilot.mouse_up(widget, offset=(start + width - 1, 0))
        await wait_until(pilot, lambda: bool(session.parameters), "sent")
        name, value = session.parameters[-1]
        assert name == "min_p"
        assert value in ("0", "1")


async def test_defaults_are_armed_and_then_set() -> None:
    session = ScriptedSession()
    assert session.state.sampling is not None
    session.state = rich_state(
        sampling=session.state.sampling.model_copy(update={"temperature": 0, "top_k": 7}), turn=None, phase=Phase.IDLE
    )
    app = make_app(session, clock=Clock())
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "7", "D")
        await pilot.pause()
        assert session.parameters == []
        await confirm(pilot, "D")
        await wait_until(
            pilot, lambda: sorted(session.parameters) == [("temp", "0.85"), ("top_k", "80")], "only changes"
        )


async def test_without_a_kernel_sliders_do_not_pretend() -> None:
    session = ScriptedSession(rich_state(sampling=None))
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "7", "right", "5", "enter")
        await pilot.pause()
        assert session.parameters == []
        assert slider(app).accepted is None


async def test_in_the_past_the_sliders_only_show_and_the_point_leads_to_now() -> None:
    session = ScriptedSession()
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        session.push(now=NOW - 20)
        session.push(now=NOW)
        await pilot.press("escape", "[", "7")
        await wait_until(pilot, lambda: "the past is shown: . goes to now" in screen_text(app), "it says so")
        await pilot.press(*"0.2", "enter")
        await settled(pilot)
        assert app.held is not None, "the point of a number does not go to now, where its end would be a value"
        await pilot.press("0", "enter", "right", "u", "D")
        assert app.arming.action is None, "it is not even asked"
        slider(app, "min_p").post_message(_wheel_up(slider(app, "min_p")))
        await settled(pilot)
        assert slider(app, "min_p").wanted is None, "nothing waits to be sent"
        assert app.held is not None
        assert slider(app).value == 850_000
        assert slider(app).typed == ""
        await pilot.press(".")
        assert app.held is None
        await wait_until(pilot, lambda: "the past is shown" not in screen_text(app), "now")
        assert session.parameters == []
        await pilot.press(*".5", "enter")
        await wait_until(pilot, lambda: session.parameters == [("temp", "0.5")], "live, a point begins a value")


async def test_a_held_picture_has_sliders_that_only_show() -> None:
    session = ScriptedSession()
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "7", "space", "0", "right", "enter")
        await wait_until(pilot, lambda: "space lets it go" in screen_text(app), "it says so")
        await pilot.press("space", *"1.2", "enter")
        await wait_until(pilot, lambda: session.parameters == [("temp", "1.2")], "set once, after it was let go")


@pytest.mark.parametrize("size", [(120, 36), (120, 30)], ids=str)
async def test_what_a_slider_is_for_is_said_whole_and_the_arrows_reach_every_one(size: tuple[int, int]) -> None:
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("escape", "7")

        def told() -> str:
            column = app.main.sampling.region.x
            return " ".join(" ".join(row[column:].strip("│ ") for row in screen_text(app).splitlines()).split())

        for one in app.main.sampling.sliders.values():
            await wait_until(pilot, lambda one=one: one.has_focus and one.scale.parameter.help in told(), one.id or "")
            await pilot.press("down")


async def test_escape_without_an_edit_leaves_the_sliders() -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "7")
        await wait_until(pilot, lambda: "Esc leaves" in screen_text(app), "the frame says how to leave")
        await pilot.press("1", "escape")
        assert app.main.focused_pane == "sampling"
        await pilot.press("escape")
        assert app.main.focused_pane == "transcript"
        await pilot.press("4", "escape", "1")
        assert slider(app).typed == ""
        assert app.main.focused_pane == "transcript"


async def test_in_the_narrow_layout_escape_leads_from_the_sliders_to_the_transcript() -> None:
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "7", "escape")
        assert app.main.shape.tab == "chat"
        assert app.main.focused_pane == "transcript"


@pytest.mark.parametrize("size", [(50, 20), (80, 24)], ids=str)
async def test_from_the_prompt_of_the_sampling_page_one_escape_leads_to_where_digits_go_to_panes(
    size: tuple[int, int],
) -> None:
    session = ScriptedSession()
    async with scripted(session, size=size) as (app, pilot):
        for digit, pane in (("5", "sentinel"), ("2", "events"), ("7", "sampling")):
            await pilot.press("escape", "7", "tab", "i")
            assert (app.main.shape.tab, app.main.focused_pane) == ("sampling", "prompt")
            await pilot.press("escape")
            await wait_until(pilot, lambda: "goes to the sliders" in screen_text(app), "the way into them")
            await pilot.press(digit)
            assert app.main.focused_pane == pane
            assert all(not one.typed for one in app.main.sampling.sliders.values())
            await pilot.press("escape")
        await pilot.press("7", "i", "escape", "down")
        assert slider(app).has_focus
        await pilot.press("i", "escape", "escape")
        assert app.main.shape.tab == "chat"
        assert session.parameters == []


@pytest.mark.parametrize("size", [(50, 20), (80, 24), (120, 36)], ids=str)
async def test_a_letter_in_the_middle_of_a_number_is_no_command(size: tuple[int, int]) -> None:
    session = ScriptedSession()
    async with scripted(session, size=size) as (app, pilot):
        await pilot.press("escape", "7", *"1Q")
        await wait_until(pilot, lambda: '"Q" is no digit: Enter sets 1' in screen_text(app), "told")
        assert app.arming.action is None
        await pilot.press(*"j?D .")
        assert app.screen is app.main
        await pilot.press("2")
        assert "is no digit" not in screen_text(app)
        await pilot.press("enter")
        await wait_until(pilot, lambda: session.parameters == [("temp", "1.2")], "the digits and the point")
        await pilot.press("Q")
        assert app.arming.action is not None, "the number is over"


@pytest.mark.parametrize("size", [(50, 20), (80, 24), (120, 36)], ids=str)
async def test_a_value_out_of_range_is_marked_while_it_is_typed(size: tuple[int, int]) -> None:
    async with scripted(size=size) as (app, pilot):
        await pilot.press("escape", "7", ".")
        assert slider(app).why_not == "", "it may become one"
        await pilot.press(*"5")
        await wait_until(pilot, lambda: "Enter sets it" in screen_text(app), "a value")
        await pilot.press("escape", *"2.5")
        await wait_until(pilot, lambda: "temp: expected 0 to 2" in screen_text(app), "what is one")
        assert "no value" in screen_text(app)
        assert "use a preset" not in screen_text(app), "its key does nothing now"
        for letter in "i/z":
            await pilot.press(letter)
            await wait_until(
                pilot, lambda told=f'"{letter}" is no digit': told in screen_text(app), "why it is nothing"
            )
        await pilot.press("backspace", "backspace")
        await wait_until(pilot, lambda: "expected" not in screen_text(app), "a value again")


@pytest.mark.parametrize("leaves", ["down", "tab", "f2", "alt+1"])
async def test_who_goes_on_from_a_typed_value_sets_it(leaves: str) -> None:
    session = ScriptedSession()
    async with scripted(session, size=(80, 24)) as (app, pilot):
        await pilot.press("escape", "7", "down", "down", "down", *"77", leaves)
        await wait_until(pilot, lambda: session.parameters == [("top_k", "77")], "asked for")
        await wait_until(pilot, lambda: slider(app, "top_k").accepted == 77, "accepted")


async def test_who_goes_on_from_what_is_no_value_is_told_that_it_was_not_set() -> None:
    session = ScriptedSession()
    async with scripted(session, notifications=True) as (app, pilot):
        await pilot.press("escape", "7", *"7", "down")
        await wait_until(pilot, lambda: 'temp cannot be "7": expected 0 to 2; 0.85 stays' in screen_text(app), "said")
        assert session.parameters == []
        assert slider(app).typed == ""
        assert slider(app, "min_p").has_focus


async def test_a_terminal_that_loses_the_focus_leaves_a_number_unfinished() -> None:
    session = ScriptedSession()
    async with scripted(session) as (app, pilot):
        await pilot.press("escape", "7", "1")
        app.post_message(events.AppBlur())
        await wait_until(pilot, lambda: app.focused is None, "elsewhere")
        app.post_message(events.AppFocus())
        await wait_until(pilot, lambda: slider(app).has_focus, "back: not to the prompt")
        await pilot.press(*".5", "enter")
        await wait_until(pilot, lambda: bool(session.parameters), "sent")
        assert session.parameters == [("temp", "1.5")]


async def test_the_suggested_budget_leaves_a_tenth_above_the_99th_percentile() -> None:
    session = ScriptedSession()
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        sentinel = session.state.sentinel
        assert sentinel is not None
        await pilot.press("escape", "5", "a")
        await wait_until(pilot, lambda: bool(session.submitted), "asked")
        value = session.submitted[0].removeprefix("/budget decode ")  # the other budget stays, and is not pinned
        assert sentinel.percentiles[2] * 11 <= int(value) * 10 <= sentinel.percentiles[2] * 11 + 10 * 10**7


@pytest.mark.parametrize("size", [(50, 20), (80, 24), (120, 36), (200, 60)], ids=str)
async def test_percentiles_the_suggested_budget_and_its_key_are_in_the_sentinel_pane(size: tuple[int, int]) -> None:
    session = ScriptedSession(rich_state(turn=None))
    app = make_app(session)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        if size[0] < 100:
            await pilot.press("f2")
        await wait_until(
            pilot, lambda: re.search("5 then a: pin .*decode .*to 365M", screen_text(app)), "told from elsewhere, too"
        )
        assert "p50 238M  p95 262M  p99 331M" in screen_text(app)
        await pilot.press(*(["escape"] if size[0] >= 100 else []), "5")
        await wait_until(pilot, lambda: re.search(" a: pin .*decode .*to 365M", screen_text(app)), "there")
        assert "5 then a: pin" not in screen_text(app)
        assert session.state.sentinel is not None
        pinned = session.state.sentinel.model_copy(update={"decode_budget": 365_000_000, "decode_pinned": True})
        session.push(sentinel=pinned)
        await wait_until(pilot, lambda: " b: learn the budgets again" in screen_text(app), "the way back")


async def test_the_palette_tells_the_suggested_budget() -> None:
    app = make_app(ScriptedSession(rich_state(turn=None)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+p", *"suggested")
        await wait_until(pilot, lambda: "365M cycles now: pins the decode budget" in screen_text(app), "its entry")


async def test_the_note_is_never_laid_out_for_a_pane_without_a_width(monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app(ScriptedSession(rich_state(turn=None)))
    notes: list[str] = []
    async with app.run_test(size=(50, 20)) as pilot:
        await settled(pilot)
        note = app.main.sampling._note
        update = note.update
        monkeypatch.setattr(note, "update", lambda text: (notes.append(text.plain), update(text)))
        burst(pilot, "\x1b7")
        await wait_until(pilot, lambda: "most likely token" in screen_text(app), "its help")
        assert max(note.count("\n") for note in notes) < 3, "where that was what stayed, it left the sliders one row"


async def test_where_not_all_sliders_have_room_the_focused_one_is_in_sight_and_the_edge_counts_the_others() -> None:
    async with simulated(size=(50, 20)) as (app, pilot):
        panel = app.main.sampling
        column = panel.query_one(SliderColumn)

        def seen(name: str) -> bool:
            return panel.sliders[name].region in column.region and panel.sliders[name].region.height == 1

        def counts() -> tuple[int, int]:
            heading = next(row for row in screen_text(app).splitlines() if "7 Sampling" in row)
            found = {where: int(count) for count, where in re.findall(r"(\d+) more (above|below)", heading)}
            return found.get("above", 0), found.get("below", 0)

        await pilot.press("escape", "p", "i", *"/max_tokens 4", "enter", *"Once", "enter")
        await until(
            pilot, lambda: newest(app.state) is not None and app.state.turn is None, "what sliders keep is known"
        )
        await pilot.press("escape", "7")
        names = list(panel.sliders)

        def hidden() -> tuple[int, int]:
            in_sight = [one for one in names if seen(one)]
            first = names.index(in_sight[0])
            return first, len(names) - first - len(in_sight)

        for name in (*names, names[0]):
            await until(pilot, lambda name=name: panel.sliders[name].has_focus and seen(name), f"{name} is in sight")
            assert sum(hidden()) > 0, "not all have room"
            await until(pilot, lambda: counts() == hidden(), "counted")
            await pilot.press("down")
        await pilot.press(*["down"] * (len(names) - 2))
        await until(pilot, lambda: panel.sliders[names[-1]].has_focus, "the last one")
        await pilot.resize_terminal(50, 18)
        await until(pilot, lambda: seen(names[-1]), "still in sight with less room")


async def test_the_sampling_pane_tells_the_keys_that_act_there_only_while_it_has_the_focus() -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        assert "7 goes here, left right move" in screen_text(app)
        assert "digits type" not in screen_text(app)
        await pilot.press("escape", "7")
        await wait_until(pilot, lambda: "7 goes here" not in screen_text(app), "there")
        assert "Esc leaves" in screen_text(app)
