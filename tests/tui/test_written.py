"""What is written to the terminal: only what changed, at once, and all of it."""

from __future__ import annotations

import asyncio
import gc
import itertools
import weakref
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from driving import screen_text, scripted, settled
from rich.cells import cell_len
from rich.color import Color
from scripted import NOW, ScriptedSession, rich_state
from textual._compositor import LayoutUpdate
from textual.geometry import Region
from textual.scrollbar import ScrollBarRender
from textual.strip import Strip

from llmbm_console.core.state.events import ConsoleText
from llmbm_console.tui import pacer
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.terminal import garbage
from llmbm_console.tui.terminal.compositor import PartsUpdate
from llmbm_console.tui.text import line
from llmbm_console.tui.widgets.line_bar import thumb
from llmbm_protocol.schema import Phase


class Terminal:
    """The cells that an app has written."""

    def __init__(self, app: ConsoleApp, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cells: dict[tuple[int, int], tuple[str, str]] = {}
        self.parts: list[Region] = []  # that were written since it was emptied
        monkeypatch.setattr(app, "_display", self._display)
        app.refresh()  # all of it, once

    def _display(self, _screen: object, update: object) -> None:
        if isinstance(update, LayoutUpdate):
            self.cells.clear()
            for y, strips in enumerate(update.strips):
                self._write(0, y, Strip.join(strips))
        elif isinstance(update, PartsUpdate):
            for x, top, strips in update.parts:
                self.parts.append(Region(x, top, strips[0].cell_length, len(strips)))
                for y, strip in enumerate(strips, top):
                    self._write(x, y, strip)

    def _write(self, x: int, y: int, strip: Strip) -> None:
        for place, cell in cells_of(strip, x):
            self.cells[y, place] = cell

    @property
    def text(self) -> str:
        rows = itertools.groupby(sorted(self.cells), key=lambda place: place[0])
        return "".join("".join(self.cells[place][0] for place in row).rstrip() + "\n" for _y, row in rows)


def cells_of(strip: Strip, x: int) -> Iterator[tuple[int, tuple[str, str]]]:
    """Column, character and look of each cell."""
    for text, style, _control in strip:
        for character in text:
            yield x, (character, str(style))
            x += cell_len(character)


def shown(app: ConsoleApp) -> dict[tuple[int, int], tuple[str, str]]:
    """All cells, as Textual draws the whole screen."""
    strips = app.screen._compositor.render_strips()
    return {(y, x): cell for y, strip in enumerate(strips) for x, cell in cells_of(strip, 0)}


def streamed(session: ScriptedSession, words: str) -> None:
    base = session.state.turn
    assert base is not None
    session.push(ConsoleText(NOW, words), turn=replace(base, text=base.text + words))


async def test_what_was_written_adds_up_to_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    session = ScriptedSession()
    async with scripted(session) as (app, pilot):
        terminal = Terminal(app, monkeypatch)
        await pilot.pause()

        async def same(what: str) -> None:
            await settled(pilot)
            expected = shown(app)
            assert {
                place: (cell, expected.get(place))
                for place, cell in terminal.cells.items()
                if cell != expected.get(place)
            } == {}, what

        await same("the first picture")
        for count in range(30):
            streamed(session, f" word {count} and more of it\n" if count % 7 == 3 else " longer words than that")
            await same(f"text {count}")
        kv, perf = session.state.kv, session.state.perf
        assert kv is not None
        assert perf is not None
        session.push(kv=kv.model_copy(update={"rows": kv.rows + 9}), perf=perf.model_copy(update={"decode_rate": 1}))
        await same("gauges")
        for key in ("escape", "k", "k", "pageup", "G", "tab", "tab", "z", "z", "F3", "F6", "i", "a", "b"):
            await pilot.press(key.lower() if key.startswith("F") else key)
            await same(key)
        streamed(session, " the end")
        await pilot.resize_terminal(80, 24)
        await same("another size")


async def test_a_token_is_written_before_anything_else_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    session = ScriptedSession()
    async with scripted(session) as (app, pilot):
        terminal = Terminal(app, monkeypatch)
        await pilot.pause()
        turn = session.state.turn
        assert turn is not None
        app.main.show(replace(app.frame(), state=replace(session.state, turn=replace(turn, text=turn.text + " ZEBRA"))))
        assert "ZEBRA" in terminal.text, "no turn of the event loop was taken"


async def test_an_idle_kernels_routine_draws_what_a_picture_without_gauges_left_out() -> None:
    state = rich_state(phase=Phase.IDLE, turn=None)
    async with scripted(ScriptedSession(state)) as (app, pilot):
        assert state.kv is not None
        frame = app.frame()
        assert frame.says_the_same(app.main.frame)
        longer = replace(frame, state=replace(state, kv=state.kv.model_copy(update={"rows": 203, "time": 6})))
        app.main.show(longer, gauges=False)
        await pilot.pause()
        assert "203" not in screen_text(app)
        app.main.show_routine(longer)
        await pilot.pause()
        assert "203" in screen_text(app)


async def test_another_heading_costs_the_edge_only(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted(ScriptedSession()) as (app, pilot):
        terminal = Terminal(app, monkeypatch)
        await pilot.pause()
        terminal.parts.clear()
        memory = app.main.memory
        memory.set_heading(line(("another", "$muted")), line(("below", "$muted")))
        await pilot.pause()
        edges = {memory.region.y, memory.region.bottom - 1}
        assert {part.y for part in terminal.parts if part.x == memory.region.x} == edges
        assert all(part.height == 1 for part in terminal.parts)
        assert terminal.text == screen_text(app)


@pytest.mark.parametrize("rows", [1, 5, 21])
def test_a_thumb_is_the_same_only_where_textual_draws_the_same_bar(rows: int) -> None:
    drawn: dict[Any, set[object]] = {}
    colours: Any = {"back_color": Color.parse("red"), "bar_color": Color.parse("blue")}
    for whole in (0, rows, rows + 1, rows + 7, 100, 1000):
        for position in range(0, max(1, whole - rows + 1), max(1, whole // 90)):
            window = rows if rows < whole else 0
            segments = ScrollBarRender.render_bar(rows, whole, window, float(position), **colours).segments
            drawn.setdefault(thumb(rows, rows, whole, float(position)), set()).add(
                tuple((text, str(style)) for text, style, _control in segments)
            )
    assert {key: pictures for key, pictures in drawn.items() if len(pictures) > 1} == {}
    assert len(drawn) > rows


async def test_the_first_change_is_drawn_at_once_and_the_next_ones_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacer, "LATEST", 3600.0)
    monkeypatch.setattr(pacer, "GAUGE_PERIOD", 3600.0)
    drawn: list[bool] = []
    one = pacer.Pacer(drawn.append, lambda: None)
    one.flush()
    assert drawn == [True]
    running = asyncio.create_task(one.run())

    async def turns() -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    one.note(ConsoleText(NOW, "a"))
    await turns()
    assert len(drawn) == 2
    for text in "bcd":
        one.note(ConsoleText(NOW, text))
        await turns()
    assert len(drawn) == 2, "they wait for their turn"
    one.flush()
    assert drawn[2:] == [True]
    running.cancel()


def test_what_a_closed_session_kept_is_given_back() -> None:
    class Kept:
        def __init__(self) -> None:
            self.itself = self

    thresholds = gc.get_threshold()
    try:
        garbage.begin()
        kept = Kept()
        seen = weakref.ref(kept)
        gc.collect(1)
        garbage.collect()
        assert gc.get_count()[2] == 0, "everything was gone through"
        del kept
        gc.collect()
        assert seen() is not None, "it is not gone through again"
        garbage.forget()
        gc.collect()
        assert seen() is None
    finally:
        gc.set_threshold(*thresholds)
