"""The transcript while text streams: it follows, it stays when it was scrolled, it forgets what the state forgot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import accumulate, pairwise

import pytest
from driving import screen_text, scripted, wait_until
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from scripted import NOW, ScriptedSession, rich_state, turn

from llmbm_console.core.state.events import ConsoleText, RecordReceived
from llmbm_console.core.state.state import Command, Seam, Slide, Text, TokenInfo, Turn
from llmbm_console.tui.firmware_text import folded
from llmbm_console.tui.glyphs import BLOCKS
from llmbm_console.tui.text import plain, wrap_table
from llmbm_console.tui.tint import Tint, style_of
from llmbm_console.tui.transcript_rows import layout_item, prompt_rows, statistics
from llmbm_console.tui.widgets import transcript as module
from llmbm_console.tui.widgets.lines import Line
from llmbm_console.tui.widgets.running import RunningRows
from llmbm_protocol.schema import Phase, StopReason, Token


def token(text: str) -> RecordReceived:
    return RecordReceived(NOW, Token(generation=2, index=1, time=1, token=5, cycles=1, text=text.encode()))


async def test_streamed_text_appears_and_the_end_is_flushed() -> None:
    session = ScriptedSession()
    async with scripted(session) as (app, pilot):
        base = session.state.turn
        assert base is not None
        for count in range(1, 60):
            session.push(token(" w"), turn=replace(base, text=base.text + " word" * count))
        session.push(token("!"), turn=replace(base, text=base.text + " word" * 59 + " END"))
        await wait_until(pilot, lambda: "END▌" in screen_text(app), "last token")
        done = turn(2, base.prompt, base.text + " word" * 59 + " END.")
        session.push(token("."), turn=None, items=(*session.state.items, done), phase=Phase.IDLE)
        await wait_until(pilot, lambda: "END.\n" in screen_text(app).replace(" ", "").replace("│", "\n"), "finished")
        assert "▌" not in screen_text(app)


async def test_streaming_lays_out_the_same_rows_as_drawing_at_once() -> None:
    session = ScriptedSession(rich_state(items=(), turn=None))
    async with scripted(session, size=(90, 36)) as (app, _pilot):
        text = ""
        for number in range(80):
            text += f"word{number}{' ' if number % 7 else chr(10)}"
            session.push(token("x"), turn=turn(1, "prompt", text, running=True))
            if number % 9 == 0:
                app.main.transcript.show(app.frame())
        app.main.transcript.show(app.frame())
        streamed = list(app.main.transcript.rows)
        width = app.main.transcript.scrollable_content_region.width
        assert session.state.turn is not None
        assert streamed == layout_item(session.state.turn, width, app.glyphs)


async def test_scrolled_up_it_stays_and_g_follows_again() -> None:
    session = ScriptedSession()
    async with scripted(session, size=(80, 24)) as (app, pilot):
        view = app.main.transcript
        assert view.following
        await pilot.press("escape", "up", "up", "up")
        await wait_until(pilot, lambda: not view.following, "stopped following")
        place = view.scroll_offset.y
        session.push(ConsoleText(NOW, "x"), items=(*session.state.items, Text("line\n" * 30, NOW)))
        await wait_until(pilot, lambda: "lines below" in screen_text(app), "says what is below")
        assert view.scroll_offset.y == place
        await pilot.press("G")
        await wait_until(pilot, lambda: view.following and view.scroll_offset.y == view.max_scroll_y, "end")


async def test_items_that_the_state_dropped_leave_the_rows() -> None:
    session = ScriptedSession(rich_state(items=tuple(Text(f"item {n}", NOW) for n in range(50)), turn=None))
    async with scripted(session) as (app, pilot):
        assert app.main.transcript.rows[0].text == "item 0"
        kept = (*session.state.items[10:], Text("new", NOW))
        session.push(ConsoleText(NOW, "new"), items=kept, dropped_items=10)
        await wait_until(pilot, lambda: app.main.transcript.rows[0].text == "item 10", "dropped")
        texts = [row.text for row in app.main.transcript.rows if row.text]
        assert texts == [f"item {n}" for n in range(10, 50)] + ["new"]
        await wait_until(pilot, lambda: "the newest 41 of 51 entries" in screen_text(app), "says that there were more")


async def test_rows_are_bounded() -> None:
    session = ScriptedSession(rich_state(items=(), turn=None))
    async with scripted(session) as (app, pilot):
        items = tuple(Text("\n".join(f"{n}.{i}" for i in range(900)), NOW) for n in range(70))
        session.push(ConsoleText(NOW, "x"), items=items)
        await wait_until(pilot, lambda: len(app.main.transcript.rows) > 1000, "laid out")
        assert len(app.main.transcript.rows) <= module.MAX_ROWS
        assert "69.899" in [row.text for row in app.main.transcript.rows[-10:]], "the first steps stand below it"
        assert "69.899" in screen_text(app)


async def test_a_turn_that_was_cut_says_why() -> None:
    cut = replace(turn(3, "And", "It was", running=True), cut="the machine restarted")
    async with scripted(ScriptedSession(rich_state(items=(cut,), turn=None))) as (app, _pilot):
        assert "cut: the machine restarted" in screen_text(app)


def test_statistics_leave_out_what_does_not_fit() -> None:
    finished = turn(1, "p", "one two three")
    assert "slowest token" in statistics(finished, 200)
    assert finished.finished is not None
    tripped = replace(finished, finished=finished.finished.model_copy(update={"reason": StopReason.TRIP}))
    assert "slowest token" not in statistics(tripped, 200), "the pass that tripped took more, and gave none"
    lone = tripped.finished
    assert lone is not None
    at_once = replace(tripped, finished=lone.model_copy(update={"tokens": 1, "decode_us": 40, "prompt_tokens": 0}))
    assert statistics(at_once, 200) == "1 tok · sentinel trip", "no time was measured"
    short = statistics(finished, 30)
    assert len(short) <= 30
    assert "3 tok" in short


def test_statistics_tell_the_memory_s_share_where_the_kernel_told_it() -> None:
    finished = turn(1, "p", "one two three")
    assert finished.finished is not None
    assert "GB/s" not in statistics(finished, 200)
    told = replace(finished, finished=finished.finished.model_copy(update={"decode_mb_s": 41_230, "read_mb_s": 44_800}))
    assert "41.2 GB/s, 92 % of reading" in statistics(told, 200)
    assert "GB/s" not in statistics(told, 30)


def test_commands_seams_and_errors_have_their_own_looks() -> None:
    rows = layout_item(Command("/temp x", False, "", "temp: expected 0 to 2", NOW), 60, BLOCKS)
    assert [row.style for row in rows] == ["transcript--command", "transcript--bad", ""]
    rows = layout_item(Seam("the machine restarted", NOW, "error"), 40, BLOCKS)
    assert rows[0].style == "transcript--bad"
    assert len(rows[0].text) == 40


PIECES = st.lists(st.text(st.sampled_from("ab \n\t日é\u0301\x1b-"), max_size=9), max_size=40)
WIDTHS = st.sampled_from([9, 13, 24, 60])
SLIDES = st.dictionaries(st.integers(0, 40), st.integers(0, 40), max_size=5)  # when one is told: before which token
SEAM = "the context was full"


def slid(pieces: list[str], places: Iterable[int]) -> Turn:
    """An answer of these tokens; before some of them the context became full."""
    ends = list(accumulate(map(len, pieces)))
    tokens = tuple(
        TokenInfo(index, 5, end - len(piece), end, 100 * (index % 5), 10 * index, NOW)
        for index, (piece, end) in enumerate(zip(pieces, ends, strict=True))
    )
    slides = tuple(Slide(10 * place - 5, 0, Seam(f"{SEAM} before {place}", NOW)) for place in places)
    return Turn(1, "a prompt of some words", NOW, "".join(pieces), tokens, slowest=400, slides=slides)


@given(PIECES, SLIDES, WIDTHS)
def test_a_growing_answer_has_the_rows_of_the_whole_one(pieces: list[str], slides: dict[int, int], width: int) -> None:
    growing, shown = RunningRows(), list[str]()
    for number, piece in enumerate(pieces):
        shown = ["another"] if number == 30 else [*shown, piece]  # a text that does not go on is laid out anew
        running = slid(shown, [place for told, place in slides.items() if told <= number])
        assert growing.rows(running, width, BLOCKS) == layout_item(running, width, BLOCKS)


@given(PIECES, st.sets(st.integers(0, 40), max_size=4), WIDTHS)
def test_seams_stand_between_their_tokens_and_each_sign_has_the_tint_of_its_own_token(
    pieces: list[str], places: set[int], width: int
) -> None:
    tint = Tint("time")
    answer = slid(pieces, places)
    parts, signs = [""], list[tuple[str, str]]()
    rows = layout_item(answer, width, BLOCKS, tint)
    for row in rows[len(prompt_rows(answer, width, BLOCKS)) :]:
        if row.style == "transcript--answer":
            parts[-1] += row.text[row.gutter :]
            signs += [(sign, name) for start, end, name in row.marks for sign in row.text[start:end]]
        elif row.text.startswith(BLOCKS.rule * 2):
            parts.append("")
    cuts = [0, *sorted(min(place, len(pieces)) for place in places), len(pieces)]
    wanted = [plain("".join(pieces[start:end])) for start, end in pairwise(cuts)]
    wanted[-1] += BLOCKS.cursor
    assert [part.replace(" ", "") for part in parts] == [part.replace(" ", "").replace("\n", "") for part in wanted]
    assert [sign for sign in signs if sign[0] != " "] == [
        (sign, style_of(token, tint, answer.slowest))
        for token in answer.tokens
        for sign in plain(answer.text[token.start : token.end])
        if sign not in " \n"
    ]


async def test_rows_that_only_moved_are_not_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    session = ScriptedSession(rich_state(items=(Text("\n".join(f"row {n}" for n in range(80)), NOW),), turn=None))
    async with scripted(session) as (app, pilot):
        view, drawn = app.main.transcript, list[int]()
        made = view.row_content
        monkeypatch.setattr(view, "row_content", lambda row, *more: (drawn.append(row), made(row, *more))[1])
        count = len(view.rows)
        view.set_rows(count, [Line("one more", "")])
        await wait_until(pilot, lambda: "one more" in screen_text(app), "scrolled")
        assert set(drawn) == {count}
        view.select(count)
        await wait_until(pilot, lambda: len(set(drawn)) > 10, "a mark draws all anew")


async def test_the_scroll_bar_reaches_the_end_with_the_text() -> None:
    session = ScriptedSession(rich_state(items=(), turn=None))
    async with scripted(session) as (app, _pilot):
        view = app.main.transcript
        for number in range(100):
            view.set_rows(number, [Line(str(number), "")])
        view.settle()
        assert view.vertical_scrollbar.window_virtual_size == 100
        assert view.vertical_scrollbar.position == view.scroll_y == view.max_scroll_y


async def test_another_moment_shows_its_own_items_whatever_was_laid_out_before(monkeypatch: pytest.MonkeyPatch) -> None:
    every = [turn(number, f"prompt {number}", "word " * (3 * number)) for number in range(40)]
    laid: list[object] = []
    layout = module.layout_item
    monkeypatch.setattr(module, "layout_item", lambda item, *rest: laid.append(item) or layout(item, *rest))
    session = ScriptedSession(rich_state(items=tuple(every[10:40]), dropped_items=10, turn=None))
    async with scripted(session, size=(90, 36)) as (app, _pilot):
        shown = app.main.transcript
        for first, end in ((4, 30), (20, 40), (0, 8), (8, 36)):
            laid.clear()
            before = set(map(id, shown._items))
            state = replace(session.state, items=tuple(every[first:end]), dropped_items=first)
            shown.show(replace(app.frame(), state=state))
            width = shown.scrollable_content_region.width
            rows = [row for item in every[first:end] for row in layout(item, width, app.glyphs)]
            assert shown.rows == rows
            assert not before & set(map(id, laid)), "what was laid out is not laid out anew"


def test_what_a_command_printed_goes_on_below_its_last_column() -> None:
    output = (
        "  /temp [value]              randomness of the draw; 0 always takes the most likely token\n"
        "  /test [prefill|decode|both] | alloc|oob|guard trips the sentinel in the next answer, or by a fault at once\n"
        "Anything else is the beginning or the continuation of a story. A line that ends goes on.\n"
        "  short   row\n"
    )
    item = Command("/help", True, output, "", NOW)
    rows = [row for row in layout_item(item, 70, BLOCKS) if row.style == "transcript--output"]
    assert [row.text for row in rows] == [
        "      /temp [value]              randomness of the draw; 0 always",
        "                                 takes the most likely token",
        "      /test [prefill|decode|both] | alloc|oob|guard trips the sentinel",
        "        in the next answer, or by a fault at once",
        "    Anything else is the beginning or the continuation of a story. A",
        "    line that ends goes on.",
        "      short   row",
    ]
    copied = "".join(row.text[row.gutter :] + (" " if row.soft else "\n") for row in rows)
    assert copied == output, "copied, it is what was printed"


@given(st.text(alphabet="ab  \n|éか", max_size=200), st.integers(1, 40))
def test_a_table_of_any_text_fits_and_loses_nothing(text: str, width: int) -> None:
    spans = wrap_table(text, width)
    assert all(cell_len(text[start:end]) + indent <= max(2, width) for start, end, indent in spans)
    shown = "".join(text[start:end] for start, end, _indent in spans)
    assert shown.replace(" ", "") == text.replace(" ", "").replace("\n", "")


FIRMWARE = "".join(f"BdsDxe: loading Boot{number:04}\n" for number in range(20))
KERNEL = "\nllmk-0.1.0 on EDK II 2022.11 (uefi), boot c66f889d\nmodel stories700K.bin\n"


async def test_what_the_firmware_printed_is_one_line_as_soon_as_the_kernel_begins_and_shown_on_demand() -> None:
    session = ScriptedSession(rich_state(items=(Text(FIRMWARE, NOW),), turn=None))
    async with scripted(session) as (app, pilot):
        assert "Boot0019" in screen_text(app), "while it boots, one wants to see it"
        session.push(ConsoleText(NOW, KERNEL), items=(Text(FIRMWARE + KERNEL, NOW),))
        await wait_until(pilot, lambda: '[20 lines of firmware text; ^p "Firmware text"' in screen_text(app), "folded")
        assert "Boot00" not in screen_text(app)
        assert "model stories700K.bin" in screen_text(app)
        app.do("view.firmware")
        await wait_until(pilot, lambda: "Boot0019" in screen_text(app), "shown")
        app.do("view.firmware")
        await wait_until(pilot, lambda: "Boot00" not in screen_text(app), "folded again")


def test_boot_text_of_another_kernel_is_not_folded() -> None:
    for text in (FIRMWARE, FIRMWARE + "llmk-1 is no banner\n", "one\ntwo\n" + KERNEL):
        assert folded(text, "^p") == text
