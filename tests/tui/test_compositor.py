"""Our compositor asks fewer widgets for fewer rows than Textual's, and draws the same."""

from __future__ import annotations

import random

import pytest
from driving import screen_text, scripted, settled, simulated, wait_until
from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.style import Style as RichStyle
from scripted import ScriptedSession, rich_state, turn
from textual._compositor import ChopsUpdate, Compositor
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.style import Style
from textual.visual import Visual

from llmbm_console.core.machine.ppm import parse_ppm
from llmbm_console.tui.terminal.compositor import ChangesCompositor, PartsUpdate, row_at
from llmbm_console.tui.text import line

Cells = dict[tuple[int, int], tuple[str, object]]


def drawn(update: PartsUpdate | None) -> Cells:
    """The cells that an update writes, each with its style."""
    cells: Cells = {}
    assert isinstance(update, PartsUpdate)
    for left, top, strips in update.parts:
        for y, strip in enumerate(strips, top):
            x = left
            for text, style, _control in strip:
                for character in text:
                    assert (y, x) not in cells, "no cell is written twice"
                    cells[y, x] = (character, style)
                    x += cell_len(character)
    return cells


def drawn_by_textual(update: ChopsUpdate | None) -> Cells:
    """The cells inside of the spans that an update of Textual's own writes, each with its style."""
    cells: Cells = {}
    assert isinstance(update, ChopsUpdate)
    for y, first, last in update.spans:
        for x, strip in update.chops[y].items():
            for text, style, _control in strip if strip is not None else ():
                for character in text:
                    if first <= x < last:
                        cells[y, x] = (character, style)
                    x += cell_len(character)
    return cells


def some_regions(source: random.Random, width: int, height: int) -> set[Region]:
    regions = set()
    for _ in range(source.randint(1, 4)):
        x, y = source.randrange(width), source.randrange(height)
        regions.add(Region(x, y, source.randint(1, width - x), source.randint(1, height - y)))
    return regions - {Region(0, 0, width, height)}


@pytest.mark.parametrize(("width", "height"), [(120, 36), (80, 24), (200, 60), (44, 12)])
async def test_a_partial_update_is_what_textual_draws(width: int, height: int) -> None:
    async with scripted(ScriptedSession(), size=(width, height)) as (app, pilot):
        app.verbs.say("something that lies over the panes", "warning")
        await wait_until(pilot, lambda: app._notifications, "notice")
        await settled(pilot)
        compositor = app.screen._compositor
        assert isinstance(compositor, ChangesCompositor)
        source = random.Random(7)
        for _ in range(60):
            regions = some_regions(source, width, height)
            if not regions:
                continue
            compositor._dirty_regions = set(regions)
            ours = drawn(compositor.render_partial_update())
            compositor._dirty_regions = set(regions)
            theirs = drawn_by_textual(Compositor.render_partial_update(compositor))
            assert ours == theirs, regions
            assert ours, "every cell of what changed is written"


@pytest.mark.parametrize("sign", ["\u0915\u093e\u0903\u0915", "\u1100\u1161", "\U0001fae8"])
def test_a_frame_stands_where_it_belongs_behind_a_sign_on_whose_width_terminals_differ(sign: str) -> None:
    console = Console(color_system=None)
    plain = [Strip([Segment("| "), Segment("漢字 "), Segment("|")]), Strip([Segment("next")])]
    assert row_at(3, 1, plain, console) == "\x1b[2;4H| 漢字 |next"
    framed = [Strip([Segment("| "), Segment(f"{sign} x"), Segment("  "), Segment("|")]), Strip([Segment("next")])]
    blanks = "\x1b[2;4H  \x1b[2;6H    \x1b[2;10H  \x1b[2;12H \x1b[2;13H    "
    texts = f"\x1b[2;4H| \x1b[2;6H{sign} x\x1b[2;12H|\x1b[2;13Hnext"
    assert row_at(3, 1, framed, console) == f"\x1b[?7l{blanks}{texts}\x1b[?7h"


async def test_what_stands_behind_such_a_sign_is_drawn_again_when_only_its_row_changed() -> None:
    items = (turn(1, "one", "\u0915\u094d\u0937"), turn(2, "two", "plain"))
    async with scripted(ScriptedSession(rich_state(items=items, turn=None))) as (app, pilot):
        await settled(pilot)
        compositor, inside = app.main._compositor, app.main.transcript.content_region
        rows, frame = screen_text(app).split("\n"), app.main.transcript.region.right - 1
        for words, again in (("\u0915", True), ("plain", False)):
            y = next(at for at, row in enumerate(rows) if words in row)
            compositor._dirty_regions = {Region(inside.x, y, inside.width, 1)}
            update = compositor.render_partial_update()
            assert isinstance(update, PartsUpdate)
            texts = [at for at, (_x, _y, strips) in enumerate(update.parts) if words in strips[0].text]
            frames = [at for at, (x, _y, strips) in enumerate(update.parts) if x <= frame < x + strips[0].cell_length]
            assert texts
            assert bool(frames) is again
            assert all(at > texts[0] for at in frames)


def characters(strip: Strip) -> list[tuple[str, object]]:
    """What is written, character by character, with its style."""
    return [(character, style) for text, style, _control in strip for character in text]


@pytest.mark.parametrize(
    "content",
    [
        line(("one ", "$warn"), ("two", "bold reverse $accent"), ("  ", ""), ("three", "$good 55%")),
        line(("", "$muted"), ("漢字 ", "$foreground")),
        line(("a", "$info"), ("b", "")).stylize(Style.from_meta({"@click": "app.do('view.help')"})),
        Content("within").stylize("bold", 0, 3).stylize("$bad", 2, 5),
        Content(" ").join([line(("x", "$bad")), line(("y" * 200, "$muted"))]),
        Content(""),
    ],
    ids=["pieces", "wide", "click", "nested", "long", "empty"],
)
async def test_a_line_has_the_styles_that_textual_gives_it(content: Content) -> None:
    async with scripted(ScriptedSession()) as (app, _pilot):
        panel = app.main.machine if app.main.machine.display else app.main.panels[0]
        look = panel._make_look()
        ours = panel.line_strip(content, look).adjust_cell_length(look.room, look.style.rich_style)
        theirs = Visual.to_strips(panel, content, look.room, 1, look.style, pad=True)[0]
        assert [text for text, _style in characters(ours)] == [text for text, _style in characters(theirs)]
        for (sign, mine), (_sign, textual) in zip(characters(ours), characters(theirs), strict=True):
            assert isinstance(mine, RichStyle)
            assert isinstance(textual, RichStyle)
            assert (mine.color, mine.bgcolor) == (textual.color, textual.bgcolor), sign
            assert (bool(mine.bold), bool(mine.reverse)) == (bool(textual.bold), bool(textual.reverse)), sign
            assert mine.meta.get("@click") == textual.meta.get("@click")


async def test_only_the_rows_that_changed_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted(ScriptedSession()) as (app, _pilot):
        transcript, asked = app.main.transcript, list[tuple[object, Region]]()
        for widget in app.main.walk_children():
            render = widget.render_lines  # type: ignore[attr-defined]
            monkeypatch.setattr(
                widget,
                "render_lines",
                lambda crop, widget=widget, render=render: (asked.append((widget, crop)), render(crop))[1],
            )
        region = transcript.region
        compositor = app.main._compositor
        compositor._dirty_regions = {Region(region.x + 2, region.y + 5, 20, 1)}
        compositor.render_partial_update()
        assert [(widget, crop.y, crop.height) for widget, crop in asked if widget is transcript] == [(transcript, 5, 1)]
        assert {type(widget).__name__ for widget, _crop in asked} == {"Transcript"}


async def test_a_list_of_lines_is_drawn_in_the_width_that_it_has_after_each_resize() -> None:
    """Its frame and rows are kept as they were drawn, and a size may come without a refresh."""
    async with simulated(size=(140, 40)) as (app, pilot):  # a kernel at its prompt: nothing else draws the rows anew
        await settled(pilot)
        for width, height in ((200, 60), (120, 36), (240, 60), (160, 50), (80, 24), (200, 40), (140, 40)):
            await pilot.resize_terminal(width, height)
            await settled(pilot)
            transcript = app.main.query_one("#transcript")
            lines = transcript.render_lines(transcript.outer_size.region)
            assert {line.cell_length for line in lines} == {transcript.outer_size.width}, f"{width} columns"
            assert "1 Transcript" in screen_text(app), f"{width} columns"


async def test_a_pane_whose_place_was_looked_up_before_its_first_layout_is_told_its_size_all_the_same() -> None:
    async with scripted(size=(80, 24)) as (app, pilot):
        app.main.views.display.show_picture(parse_ppm(b"P6 2 2 255\n" + bytes(12)), app.frame())
        await pilot.pause()
        app.main.relayout(zoom="display")
        app.main._compositor._full_map_invalidated = True  # as scrolling anything makes it
        assert app.main.views.display in app.main._compositor.full_map
        await wait_until(pilot, lambda: "2 x 2" in screen_text(app), "its edge")
