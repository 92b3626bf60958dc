"""What terminals take for more or fewer cells than others is drawn sign by sign; what was written stays what it was."""

from __future__ import annotations

from driving import burst, make_app, settled, simulated, until, wait_until
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len, get_character_cell_size
from rich.segment import Segment
from textual.color import Color

from llmbm_console.core.state.state import Turn
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.completion import fit_hint
from llmbm_console.tui.sure_width import own
from llmbm_console.tui.text import ControlFilter, flat, safe

WRITTEN = "\U0001f44d\U0001f3fd \U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \u2764\ufe0f 1\ufe0f\u20e3 "
WRITTEN += "\U0001f1e9\U0001f1ea a\u200bb n\u0303 \u0645\u06cc\u200c\u062e"
DRAWN = "\U0001f44d \U0001f468\U0001f469\U0001f467\U0001f466 \u2764 1\u20e3 DE ab n\u0303 \u0645\u06cc\u062e"
SIGNS = "\u200b\u200c\u200d\ufe0e\ufe0f\u20e3\u0301\xad12a \u2764\U0001f3f3\U0001f468\U0001f44d\U0001f3fd\U0001f1e9"


def written(text: str) -> str:
    """What the last net lets through of a text."""
    return ControlFilter().apply([Segment(text)], Color(0, 0, 0))[0].text


def cells(text: str) -> int:
    """The width that a terminal counts which joins nothing."""
    return sum(map(get_character_cell_size, text))


@given(st.text(max_size=40) | st.text(st.sampled_from(SIGNS), max_size=40))
def test_each_sign_is_as_wide_by_itself_as_all_were_counted_together(text: str) -> None:
    laid_out = flat(text)
    for counted in (laid_out, text.replace("\n", " ").replace("\t", " ")):  # ours, and a widget's of Textual's own
        drawn = written(counted)
        assert cells(drawn) == cell_len(safe(counted))
        assert not set(drawn) & set("\u200b\u200c\u200d\ufe0e\ufe0f\xad\U0001f3fd\U0001f1e9")
    assert own(laid_out) == safe(text).replace("\n", " ")


def screen_rows(app: ConsoleApp) -> list[str]:
    """What is written to the terminal, row by row."""
    rows = []
    for strip in app.screen._compositor.render_strips():
        for one in app.get_line_filters():
            strip = strip.apply_filter(one, Color(0, 0, 0))
        rows.append(strip.text)
    return rows


async def test_what_is_typed_is_written_as_what_is_pasted() -> None:
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        burst(pilot, WRITTEN)
        await wait_until(pilot, lambda: app.main.prompt.text == WRITTEN, "all of it")
        burst(pilot, "\u202e\u2028")
        await settled(pilot)
        assert app.main.prompt.text == WRITTEN, "no control"


async def test_the_prompt_and_the_transcript_draw_it_alike_and_it_is_sent_and_copied_as_it_was_written() -> None:
    async with simulated(size=(80, 24)) as (app, pilot):
        prompt = app.main.prompt
        prompt.take_paste(WRITTEN)
        await wait_until(pilot, lambda: any(DRAWN in row for row in screen_rows(app)), "drawn in the prompt")
        assert prompt.text == WRITTEN
        guess, _worry = fit_hint(app.state, prompt.text, 30)
        prompt.select_all()
        assert prompt.chosen_text == WRITTEN
        await pilot.press("enter")
        await until(pilot, lambda: app.state.items and isinstance(app.state.items[-1], Turn), "answered")
        turn = app.state.items[-1]
        assert isinstance(turn, Turn)
        assert turn.prompt == WRITTEN
        assert turn.finished is not None
        tokens = turn.finished.prompt_tokens
        assert abs(int(guess[1:].split()[0]) - tokens) < tokens / 5, "an octet each, as this model has no such signs"
        app.main.transcript.top()
        await wait_until(pilot, lambda: any(f"1❯ {DRAWN}" in row for row in screen_rows(app)), "and in the transcript")
        assert {cells(row) for row in screen_rows(app)} == {80}
        await pilot.press("up")
        assert prompt.text == WRITTEN, "recalled"
