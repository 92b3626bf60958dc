"""The compare view: two answers side by side, chosen, gone to, and asked for again."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from driving import (
    assert_snapshot,
    confirm,
    messages,
    newest_message,
    screen_text,
    scripted,
    settled,
    simulated,
    until,
    wait_until,
)
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from scripted import NOW, ScriptedSession, rich_state
from test_view_pictures import THEMES

from llmbm_console.core.state.state import SamplingChange, TokenInfo, Turn
from llmbm_console.tui.answers.lines import compared_lines
from llmbm_console.tui.answers.pair import AnswerPair
from llmbm_console.tui.answers.rows import answer_rows
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.glyphs import BLOCKS
from llmbm_protocol.likeliest import Likely, written
from llmbm_protocol.schema import Choice, Finished, Phase, StopReason

BEGIN = "Once upon a time, there was a little bear named Ben. He had a red"
ENDS = (
    " hat, and he loved it very much. One day the wind took it away, and Ben looked for it under every tree.",
    " ball. He took it to the park, where a big dog wanted to play with it, too.",
    " hat, and he loved it very much. One day the wind took it away, and Ben looked for it under every tree.",
)
SIZES = [(50, 20), (80, 24), (100, 30), (120, 36), (200, 60)]


def told_turns() -> tuple[Turn, ...]:
    """Three answers to one prompt, the second of another seed, with probabilities where it leaves the first."""
    words = {word: 300 + at for at, word in enumerate(sorted(set(_words("".join((BEGIN, *ENDS))))))}
    return tuple(_turn(number, end, words) for number, end in enumerate(ENDS, 1))


def _words(text: str) -> Iterator[str]:
    for at, word in enumerate(text.split(" ")):
        yield word if at == 0 else f" {word}"


def _turn(number: int, end: str, words: dict[str, int]) -> Turn:
    text, tokens = "", []
    parting = len(BEGIN.split(" "))
    for index, word in enumerate(_words(BEGIN + end)):
        start, text = len(text), text + word
        choice = None
        if index == parting:
            others = written([Likely(words[" hat,"], 0), Likely(words[" ball."], 600)])
            choice = Choice(
                generation=number,
                index=index,
                temperature=850_000,
                probability=610_000 if word == " hat," else 305_000,
                rank=1 if word == " hat," else 2,
                kept=(2, 2, 2),
                rest=(85_000, 200_000),
                likeliest=others,
            )
        cycles = 200_000_000 + index * 2_000_000
        tokens.append(TokenInfo(index, words[word], start, len(text), cycles, index * 80, NOW, choice))
    done = Finished(
        generation=number,
        time=9000,
        reason=StopReason.EOS if number != 2 else StopReason.MAX_TOKENS,
        tokens=len(tokens),
        prompt_tokens=9,
        prefill_us=380_000 + number,
        decode_us=len(tokens) * 80_000,
        kv_rows=60,
        turn=1,
    )
    state = rich_state()
    assert state.sampling is not None
    settings = state.sampling if number != 2 else state.sampling.model_copy(update={"seed": 4711})
    slowest = tokens[-1].cycles
    made = Turn(number, "Tell me of a bear.", NOW - 60 + number, text, tuple(tokens), slowest, finished=done)
    assert state.sentinel is not None
    budget = state.sentinel.decode_budget
    return replace(made, settings=settings, model=state.model, choices=1, budget=budget)


def session(**changes: object) -> ScriptedSession:
    state = {"items": told_turns()[:2], "turn": None, "phase": Phase.IDLE, **changes}
    return ScriptedSession(rich_state(**state))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_view_at_every_width(size: tuple[int, int]) -> None:
    async with scripted(session(), size=size) as (app, pilot):
        await pilot.press("escape", "f7")
        await wait_until(pilot, lambda: "turn 2" in screen_text(app), "compared")
        await settled(pilot)
        assert_snapshot(f"view-compare-{size[0]}x{size[1]}", screen_text(app))


@pytest.mark.parametrize("size", [(80, 24), (120, 36)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("theme", THEMES)
async def test_the_view_with_its_colours(theme: str, size: tuple[int, int]) -> None:
    async with scripted(session(), theme=THEMES[theme], size=size) as (app, pilot):
        await pilot.press("escape", "f7")
        await wait_until(pilot, lambda: "turn 2" in screen_text(app), "compared")
        await settled(pilot)
        picture = app.export_screenshot(title="llmbm-console", simplify=True)
        assert_snapshot(f"compare-{theme}-{size[0]}x{size[1]}", picture, "svg")


async def test_keys_choose_the_two_swap_them_and_go_to_one() -> None:
    async with scripted(session(items=told_turns())) as (app, pilot):
        shows = lambda text: wait_until(pilot, lambda: text in screen_text(app), text)  # noqa: E731
        await pilot.press("escape", "f7")
        await shows("A < turn 2 >   B < turn 3 >")
        await shows("differs  seed 4711 > 42")
        await pilot.press("a")
        await shows("A < turn 1 >   B < turn 3 >")
        await shows("so are the tokens")
        await pilot.press("right")
        await shows("A < turn 1 >   B < turn 2 >")
        await shows('A "␣hat," (p 0.610, "␣ball." ')
        await shows("l the newest: turn 2 and turn 3")
        await pilot.press("s")
        await shows("A < turn 2 >   B < turn 1 >")
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.main.shape.tab == "chat", "the transcript")
        await wait_until(pilot, lambda: app.main.transcript.selected_row >= 0, "selected")
        transcript = app.main.transcript
        assert transcript.row_line(transcript.selected_row).text.startswith(" 1")
        await pilot.press("f7", "l", "o")
        await wait_until(pilot, lambda: transcript.row_line(transcript.selected_row).text.startswith(" 2"), "A")


async def test_the_answers_are_chosen_swapped_and_gone_to_with_the_mouse() -> None:
    async with scripted(session(items=told_turns()), size=(80, 24)) as (app, pilot):

        async def click(text: str, shows: str) -> None:
            rows = screen_text(app).splitlines()
            y = next(y for y, row in enumerate(rows) if text in row)
            await pilot.click(offset=(rows[y].index(text) + len(text) - 1, y))
            await wait_until(pilot, lambda: shows in screen_text(app), shows)
            await settled(pilot)

        await pilot.press("escape", "f5")
        await click("F7 Compare", "A < turn 2 >   B < turn 3 >")
        await click("A <", "A < turn 1 >   B < turn 3 >")
        await click("s swap", "A < turn 3 >   B < turn 1 >")
        await click("turn 1", "Transcript")
        assert app.main.shape.tab == "chat"


async def test_a_long_answer_is_shown_where_it_leaves_the_other_one() -> None:
    first, second, _third = told_turns()
    many = " and on" * 400
    texts = [replace(turn, tokens=(), text=many + turn.text[-20:], told="ended") for turn in (first, second)]
    async with scripted(session(items=tuple(texts))) as (app, pilot):
        await pilot.press("escape", "f7")
        await wait_until(pilot, lambda: "compared by its characters" in screen_text(app), "compared")
        await wait_until(pilot, lambda: "under every tree" in screen_text(app), "where they part")
        await pilot.press("home")
        await wait_until(pilot, lambda: "under every tree" not in screen_text(app), "the beginning")
        await pilot.press("d")
        await wait_until(pilot, lambda: "under every tree" in screen_text(app), "there again")


@pytest.mark.parametrize("size", [(120, 36), (50, 20)])
async def test_with_fewer_than_two_answers_it_says_what_to_do(size: tuple[int, int]) -> None:
    one = session(items=())
    async with scripted(one, size=size) as (app, pilot):
        await pilot.press("escape", "f7")
        await wait_until(pilot, lambda: "there is none yet. i writes a prompt" in _flowed(app), "none")
        for key in ("a", "s", "d", "enter"):
            await pilot.press(key)
            await wait_until(pilot, lambda: "no two answers" in newest_message(app), key)
        one.push(items=told_turns()[:1])
        await settled(pilot)
        await wait_until(pilot, lambda: "f asks its prompt again" in _flowed(app), "one")
        await pilot.press("f")
        await wait_until(pilot, lambda: one.submitted == ["Tell me of a bear."], "asked again")
        assert app.main.shape.tab == "compare"


def test_answers_of_one_number_are_told_apart_with_what_changed_in_them() -> None:
    first, _second, third = told_turns()
    assert first.settings is not None
    cool = first.settings.model_copy(update={"temperature": 60_000})
    fork = replace(third, number=first.number, resumed=12, changes=(SamplingChange(20, cool),))
    state = rich_state(items=(first, fork), turn=None)
    pair = AnswerPair()
    for swapped in (False, True):
        look = pair.look(state)
        assert look is not None
        text = "\n".join(made.plain for made in compared_lines(look, Frame(state), 200))
        a, b = ("(2nd)", "(1st)") if swapped else ("(1st)", "(2nd)")
        assert f"A < turn 1 {a} >   B < turn 1 {b} >" in text
        own = "A" if swapped else "B"
        assert f"{own} went on from a saved state, behind its token 12, at " in text
        assert f"temp of {own} 0.85 to 0.06 from about token 20" in text
        assert ("= repeat A" in text) is not swapped, "what would be refused is not offered"
        pair.pairing = pair.pairing.swapped(look.turns)


def _flowed(app: ConsoleApp) -> str:
    return " ".join(screen_text(app).replace("│", " ").split())


async def test_of_two_answers_no_other_can_be_chosen_and_while_one_runs_none_asked_for() -> None:
    first, second, _third = told_turns()
    async with scripted(session(items=(first,), turn=replace(second, finished=None))) as (app, pilot):
        await pilot.press("escape", "f7")
        await wait_until(pilot, lambda: "none: the answer runs" in screen_text(app), "B runs")
        await pilot.press("b")
        await wait_until(pilot, lambda: "only these two answers: s swaps them" in newest_message(app), "said")
        for key in ("f", "F"):
            await pilot.press(key)
            await wait_until(pilot, lambda: "an answer runs" in newest_message(app), "refused")


@pytest.mark.skipif(os.name != "posix", reason="the simulator needs a POSIX system")
async def test_an_answer_is_given_with_another_seed_and_then_once_more_as_it_was() -> None:
    async with simulated() as (app, pilot):

        def turns() -> list[Turn]:
            return [item for item in app.state.items if isinstance(item, Turn)]

        await pilot.press(*"/max_tokens 24", "enter", *"Once upon a time", "enter")
        await until(pilot, lambda: len(turns()) == 1, "answered")
        await pilot.press("escape", "f7", "F")
        await until(pilot, lambda: len(turns()) == 2, "answered again")
        await until(pilot, lambda: "differs seed 42 >" in _flowed(app), "another seed")
        await until(pilot, lambda: "A is turn 1 of its conversation, B turn 2" in _flowed(app), "what came before")
        await pilot.press("=")
        await confirm(pilot, "=")
        await until(pilot, lambda: len(turns()) == 3, "repeated")
        await until(pilot, lambda: "A < turn 1 > B < turn 3 >" in _flowed(app), "A stayed")
        await until(pilot, lambda: "so are the tokens" in _flowed(app), "the same")
        await until(pilot, lambda: "the same 24 tokens" in _flowed(app), "all of them")
        await until(pilot, lambda: "both begin a conversation" in _flowed(app), "from the same beginning")
        await pilot.press("x")
        same = re.compile("the same 24 tokens as turn [12]")  # now and then another seed gives them, too
        await until(pilot, lambda: same.search(screen_text(app)) is not None, "the stamp of turn 3")
        await pilot.press("escape", "s", "b", "s", "=")
        await confirm(pilot, "=")
        await until(
            pilot,
            lambda: any("only one that began a conversation can be repeated" in told for told in messages(app)),
            "turn 2",
        )


TEXTS = st.text(st.sampled_from("ab ,.\n\t日本é\u0301👩\x1b[/]"), max_size=60)


@given(same=TEXTS, ends=st.tuples(TEXTS, TEXTS), width=st.integers(12, 150), running=st.booleans())
def test_whatever_was_said_no_row_is_wider_than_its_place_and_marks_are_in_it(
    same: str, ends: tuple[str, str], width: int, running: bool
) -> None:
    turns = [Turn(number, "p", float(number), same + end, told="ended") for number, end in enumerate(ends)]
    if running:
        turns[1] = replace(turns[1], told="")
    look = AnswerPair().look(rich_state(items=tuple(turns), turn=None))
    assert look is not None
    rows, parting = answer_rows(look, width, BLOCKS)
    assert -1 <= parting < len(rows)
    for row in rows:
        assert cell_len(row.text) <= width
        places = [place for start, end, _name in row.marks for place in (start, end)]
        assert places == sorted(places)
        assert not places or (places[0] >= 0 and places[-1] <= len(row.text))
    if ends[0][:1] != ends[1][:1] and ends[0] and ends[1]:
        assert parting >= 0
    for made in compared_lines(look, Frame(rich_state()), width):
        assert "\x1b" not in made.plain
