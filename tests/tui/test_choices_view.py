"""What the model nearly said, on the screen: the x-ray, the tint, the strip of tokens, and what sliders would keep."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from driving import assert_snapshot, make_app, screen_text, scripted, simulated, until, wait_until
from hypothesis import given
from hypothesis import strategies as st
from scripted import NOW, ScriptedSession, rich_state, turn
from test_hostile import HOSTILE, assert_harmless
from textual.pilot import Pilot

from llmbm_console.core.settings.settings import read_settings
from llmbm_console.core.state.events import MachineStatus, RecordReceived
from llmbm_console.core.state.state import State, Turn
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.glyphs import BLOCKS
from llmbm_console.tui.pages.xray import TokenXRay, described
from llmbm_console.tui.tint import Tint, marks
from llmbm_console.tui.transcript_rows import layout_item
from llmbm_console.tui.widgets import slider
from llmbm_protocol.choice import Choice

WORDS = MappingProxyType({1: " bird", 2: " little", 3: " man", 4: "\n", 5: " friend", 6: " dog", 7: " wind"})
LIST = "1:0;2:160!;3:1500;4:1800;5:2600;6:3300;7:4100"


def choice(index: int, **more: Any) -> Choice:
    values: dict[str, Any] = {"temperature": 850_000, "probability": 310_000, "rank": 2, "kept": (6, 6, 5)}
    values |= {"rest": (30_000, 300_000), "likeliest": LIST, **more}
    return Choice(generation=2, index=index, **values)


def told(base: Turn, *choices: Choice | None) -> Turn:
    """A turn with real places of its tokens, and the choices in their order over and over."""
    tokens, place = [], 0
    state = rich_state()
    for number, (token, text) in enumerate(zip(base.tokens, base.text.split(" "), strict=True)):
        end = place + len(text) + (number > 0)
        chosen = choices[number % len(choices)]
        known = {} if chosen is None else {"choice": chosen.model_copy(update={"index": number}), "token": 2}
        tokens.append(replace(token, start=place, end=end, sampling=state.sampling, **known))
        place = end
    return replace(base, tokens=tuple(tokens))


LEVELS = (
    choice(0, probability=900_000, rank=1), choice(0), choice(0, probability=120_000, rank=3),
    choice(0, probability=9_000, rank=40, weakened=True, banned=2, otherwise=6), None,
)  # fmt: skip


def told_state(**more: Any) -> State:
    state = rich_state()
    assert state.turn is not None
    return rich_state(turn=told(state.turn, *LEVELS), words=WORDS, **more)


# ---- on and off --------------------------------------------------------------------------------------------------


async def test_p_asks_and_asks_no_more_and_the_choice_is_kept(tmp_path: Path) -> None:
    session = ScriptedSession()
    async with scripted(session, memory=tmp_path, size=(120, 36), notifications=True) as (app, pilot):
        assert session.choices == 0, "off by default"
        assert "p shows what these keep" in screen_text(app)
        await pilot.press("escape", "p")
        await wait_until(pilot, lambda: session.choices == 12, "asked for")
        await wait_until(pilot, lambda: "from the next token on" in screen_text(app), "it says so")
    assert json.loads((tmp_path / "tui.json").read_text())["probabilities"] == "on"
    again = ScriptedSession()
    async with scripted(again, memory=tmp_path) as (app, pilot):
        assert again.choices == 12, "the next run asks by itself"
        await pilot.press("escape", "p")
        await wait_until(pilot, lambda: again.choices == 0, "off")
    assert json.loads((tmp_path / "tui.json").read_text())["probabilities"] == "off"


async def test_a_kernel_that_cannot_tell_is_said_to_be_older() -> None:
    session = ScriptedSession()
    session.choices_refused = "this kernel does not tell how likely its tokens are: it is older than this console"
    async with scripted(session, size=(120, 36), notifications=True) as (app, pilot):
        await pilot.press("escape", "p")
        await wait_until(pilot, lambda: "older than this" in screen_text(app), "it says so")


# ---- the x-ray ---------------------------------------------------------------------------------------------------


def rows_of(state: State, index: int, **more: Any) -> str:
    app_frame = make_app(ScriptedSession(state)).frame()
    turn_shown = state.turn
    assert turn_shown is not None
    rows = described(turn_shown, index, replace(app_frame, state=state), 90, **more)
    return "\n".join(row.plain for row in rows)


def test_the_glass_tells_chance_rank_rules_and_rivals() -> None:
    text = rows_of(told_state(), 1, height=40)
    assert "chance  0.310, rank 2; drawn among 5 as 0." in text
    assert "rules   min_p 0.05 left 6 · top_k 80 left 6 · top_p 0.95 left 5" in text
    lines = {line[:18].strip(): line for line in text.splitlines()}
    assert lines["1 ␣bird"].split()[2].startswith("0.")
    assert lines["2 ␣little"].endswith(" chosen   ")
    assert "top_p" in lines["6 ␣dog"]
    assert "min_p" in lines["7 ␣wind"]
    assert "all others" in text


def test_what_ban_and_penalty_did_is_told_in_words() -> None:
    text = rows_of(told_state(), 3, height=40)
    assert (
        "the n-gram ban took out 2; the penalty weakened this token; without them ␣dog would be the likeliest" in text
    )


def test_a_chosen_token_stays_in_sight_where_there_is_little_room() -> None:
    state = told_state()
    assert state.turn is not None
    chosen = replace(state.turn.tokens[1], token=7)
    tokens = (state.turn.tokens[0], chosen, *state.turn.tokens[2:])
    text = rows_of(replace(state, turn=replace(state.turn, tokens=tokens)), 1, height=17)
    assert "7 ␣wind" in text
    assert "␣dog" not in text
    assert len(text.splitlines()) <= 17


def test_what_is_not_known_is_said() -> None:
    assert "lost on the line, or left out for want of room" in rows_of(told_state(), 4)
    assert "not asked for" in rows_of(rich_state(), 1)
    assert "#6" in rows_of(replace(told_state(), words=MappingProxyType({1: " bird"})), 1, height=40)
    greedy = told_state()
    assert greedy.turn is not None
    greedy = replace(greedy, turn=told(replace(greedy.turn), choice(0, temperature=0, kept=(), rank=1)))
    assert "with temp 0 the likeliest is taken" in rows_of(greedy, 0)
    broken = told_state()
    assert broken.turn is not None
    broken = replace(broken, turn=told(broken.turn, choice(0, likeliest="nonsense")))
    assert "chance  0.310, rank 2\n" in rows_of(broken, 0)


@pytest.mark.parametrize("size", [(80, 24), (120, 36)], ids=lambda s: f"{s[0]}x{s[1]}")
async def test_the_glass_as_a_picture(size: tuple[int, int]) -> None:
    async with scripted(ScriptedSession(told_state()), size=size) as (app, pilot):
        await pilot.press("escape", "x", "home", "right")
        await wait_until(pilot, lambda: "all others" in screen_text(app), "the glass")
        assert_snapshot(f"xray-{size[0]}x{size[1]}", screen_text(app))


async def test_texts_that_come_later_are_shown_in_the_open_glass() -> None:
    session = ScriptedSession(replace(told_state(), words=MappingProxyType({})))
    async with scripted(session) as (app, pilot):
        await pilot.press("escape", "x", "home", "right")
        await wait_until(pilot, lambda: "#7" in screen_text(app), "ids at first")
        session.push(words=WORDS)
        await wait_until(pilot, lambda: "␣wind" in screen_text(app), "texts then")
        assert isinstance(app.screen, TokenXRay)


# ---- the tint ----------------------------------------------------------------------------------------------------


async def test_v_tints_by_probability_then_by_time_then_not_at_all(tmp_path: Path) -> None:
    async with scripted(ScriptedSession(told_state()), memory=tmp_path) as (app, pilot):
        view = app.main.transcript
        assert not any(row.marks for row in view.rows), "off by default"
        seen = []
        for mode in ("probability", "time", ""):
            await pilot.press("escape", "v")
            await wait_until(pilot, lambda mode=mode: app.main.transcript._tint.mode == mode, mode or "none")  # type: ignore[misc]
            seen.append({name for row in view.rows for _start, _end, name in row.marks})
        assert seen[0] == {f"transcript--tint-{level}" for level in ("none", 0, 1, 2, 3)}
        assert seen[1] <= {f"transcript--tint-{level}" for level in range(4)}
        assert seen[1]
        assert not seen[2]
    assert json.loads((tmp_path / "tui.json").read_text())["tint"] == ""


@given(
    st.lists(st.text(st.sampled_from("ab \t\n日é"), max_size=6), min_size=1, max_size=40),
    st.integers(12, 60),
)
def test_every_character_of_an_answer_has_the_tint_of_its_token(pieces: list[str], width: int) -> None:
    base = turn(1, "p", " ".join("x" for _ in pieces))
    tokens, text = [], ""
    for number, piece in enumerate(pieces):
        chosen = choice(number, probability=(900_000, 300_000, 100_000, 1_000)[number % 4])
        tokens.append(replace(base.tokens[number], start=len(text), end=len(text) + len(piece), choice=chosen))
        text += piece
    shown = replace(base, text=text, tokens=tuple(tokens))
    tint = Tint("probability")
    plain_rows, rows = layout_item(shown, width, BLOCKS), layout_item(shown, width, BLOCKS, tint)
    assert [row._replace(marks=()) for row in rows] == plain_rows, "only colours differ"
    laid = text.removeprefix(" ").replace("\t", "    ")
    levels: list[str] = []
    for start, end, name in marks(shown, tint):
        assert start == len(levels)
        levels += [name] * (end - start)
    assert len(levels) == len(laid)
    found = "".join(row.text[a:b] for row in rows for a, b, _name in row.marks)
    assert found.replace(" ", "") == laid.replace(" ", "").replace("\n", "")


@pytest.mark.parametrize("theme", ["house", "mono", "ansi", "contrast"])
@pytest.mark.parametrize("glyphs", ["blocks", "ascii"])
async def test_tint_glass_and_strip_hold_in_every_theme_and_without_blocks(theme: str, glyphs: str) -> None:
    probe = make_app()
    name = next((known for known in probe.themes if theme in known), next(iter(probe.themes)))
    async with scripted(ScriptedSession(told_state()), theme=name, glyphs=glyphs, size=(200, 60)) as (app, pilot):
        await pilot.press("escape", "v")
        await wait_until(pilot, lambda: app.main.transcript._tint.mode == "probability", "tinted")
        main = screen_text(app)
        await pilot.press("x", "home", "right")
        await wait_until(pilot, lambda: "all others" in screen_text(app), "the glass")
        if glyphs == "ascii":
            allowed = {chr(code) for code in range(32, 127)} | set("\n·±…")
            assert set(main + screen_text(app)) <= allowed


# ---- the strip and the sliders -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "shown"), [(139, False), (140, True), (200, True)])
async def test_from_140_columns_the_tokens_have_a_strip(width: int, shown: bool) -> None:
    async with scripted(ScriptedSession(told_state()), size=(width, 40)) as (app, _pilot):
        assert ("tokens" in app.main.deck.regions) == shown
        if shown:
            assert "p    █" in screen_text(app).replace("▇", "█")
    async with scripted(ScriptedSession(rich_state()), size=(width, 40)) as (app, _pilot):
        assert "tokens" not in app.main.deck.regions, "nothing is told and nothing was asked for"


async def test_wide_screen_as_a_picture() -> None:
    async with scripted(ScriptedSession(told_state()), size=(160, 44)) as (app, _pilot):
        assert_snapshot("choices-160x44", screen_text(app))


async def test_a_moved_slider_shows_what_it_would_keep_before_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slider, "DEBOUNCE", 1e6)
    session = ScriptedSession(told_state())
    async with scripted(session) as (app, pilot):
        await wait_until(pilot, lambda: "draws among 5 of the 7 likeliest" in screen_text(app), "as it is")
        await pilot.press("escape", "7", *["shift+right"] * 8)
        await wait_until(pilot, lambda: "now 5" in screen_text(app), "as it would be")
        assert "7 or more of the 7 likeliest" in screen_text(app)
        await pilot.press(*["shift+left"] * 14)
        await wait_until(pilot, lambda: "2 of the 7 likeliest · now 5" in screen_text(app), "colder")
        assert session.parameters == [], "nothing was sent"


async def test_a_value_that_is_being_typed_shows_what_it_would_keep() -> None:
    session = ScriptedSession(told_state())
    async with scripted(session) as (app, pilot):
        await wait_until(pilot, lambda: "draws among 5 of the 7 likeliest" in screen_text(app), "as it is")
        await pilot.press("escape", "7", *"0.25")
        await wait_until(pilot, lambda: "2 of the 7 likeliest · now 5" in screen_text(app), "as it would be")
        await pilot.press("escape")
        await wait_until(pilot, lambda: "draws among 5 of the 7 likeliest" in screen_text(app), "as it is")
        assert session.parameters == [], "nothing was sent"


async def test_a_new_token_brings_a_new_distribution() -> None:
    session = ScriptedSession(told_state())
    async with scripted(session) as (app, pilot):
        base = session.state.turn
        assert base is not None
        only = choice(0, likeliest="1:0;2:60000", kept=(1, 1, 1), rest=(0, 0))
        session.push(RecordReceived(NOW, only), turn=told(base, only))
        await wait_until(pilot, lambda: "draws among 1 of the 2 likeliest" in screen_text(app), "the last one counts")


@pytest.mark.parametrize("gone", ["kernel", "context", "machine"])
async def test_what_would_be_kept_of_a_token_goes_with_its_kernel_and_its_context(gone: str) -> None:
    session = ScriptedSession(told_state())
    async with scripted(session) as (app, pilot):
        await wait_until(pilot, lambda: "of the 7 likeliest" in screen_text(app), "of the last token")
        state = session.state
        assert state.turn is not None
        assert state.kv is not None
        ended = {"turn": None, "items": (*state.items, state.turn)}
        if gone == "kernel":
            session.push(boot_at=NOW + 1, **ended)
        elif gone == "context":
            session.push(kv=state.kv.model_copy(update={"rows": 0}), **ended)
        else:
            session.push(machine=replace(state.machine, status=MachineStatus.CRASHED), **ended)
        await wait_until(pilot, lambda: "of the 7 likeliest" not in screen_text(app), "gone")


# ---- what a line may bring ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_texts_of_tokens_are_only_drawn(text: str) -> None:
    state = replace(told_state(), words=MappingProxyType(dict.fromkeys(range(1, 8), text)))
    async with scripted(ScriptedSession(state)) as (app, pilot):
        await pilot.press("escape", "v", "x", "home", "right")
        await wait_until(pilot, lambda: "all others" in screen_text(app), "the glass")
        assert_harmless(app)


EXTREMES: list[dict[str, Any]] = [
    {"probability": 0, "rank": 0, "kept": (0, 0, 0), "rest": ()},
    {"probability": 2**21 - 1, "rank": 2**20 - 1, "kept": (2**20 - 1,) * 3, "rest": (2**20 - 1,) * 2},
    {"temperature": 0, "kept": ()},
    {"temperature": 1, "likeliest": "9999999:0;0:65535!"},
    {"temperature": 2**21 - 1, "likeliest": ";".join(f"{number}:0" for number in range(20)), "banned": 65535},
    {"likeliest": ""},
    {"kept": (3,)},
]


@pytest.mark.parametrize("values", EXTREMES, ids=range(len(EXTREMES)))
async def test_no_value_of_a_record_breaks_the_picture(values: dict[str, Any]) -> None:
    state = told_state()
    assert state.turn is not None
    state = replace(state, turn=told(state.turn, choice(0, **values)))
    async with scripted(ScriptedSession(state), size=(160, 44)) as (app, pilot):
        await pilot.press("escape", "v", "7", "right", "escape", "1", "x")
        await wait_until(pilot, lambda: isinstance(app.screen, TokenXRay), "the glass")
        await wait_until(pilot, lambda: "chance" in screen_text(app), "a chance")
        assert_harmless(app)


# ---- with a kernel -----------------------------------------------------------------------------------------------


@pytest.fixture
async def started() -> AsyncIterator[tuple[ConsoleApp, Pilot[Any]]]:
    if os.name != "posix":
        pytest.skip("the simulator needs a POSIX system")
    async with simulated((160, 44)) as started:
        yield started


async def test_a_real_kernel_tells_what_it_nearly_said(started: tuple[ConsoleApp, Pilot[Any]]) -> None:
    app, pilot = started
    await pilot.press("escape", "p")
    await until(pilot, lambda: app.frame().choices, "asked for")
    await pilot.press("i", *"Once upon a time", "enter")
    await until(pilot, lambda: any(isinstance(i, Turn) and i.finished for i in app.state.items), "story")
    await until(pilot, lambda: "of the 12 likeliest" in screen_text(app), "what the sliders keep")
    assert "tokens" in app.main.deck.regions
    await pilot.press("escape", "x")
    await until(
        pilot, lambda: "all others" in screen_text(app) and "#" not in screen_text(app), "rivals by their texts"
    )
    await pilot.press("escape", "p")
    await until(pilot, lambda: not app.frame().choices, "off")


async def test_the_settings_file_decides_and_is_written_where_it_says_so(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('# mine\nprobabilities = "on"\n')
    settings, problems = read_settings(path)
    assert problems == ()
    session = ScriptedSession()
    async with scripted(session, settings=settings, settings_file=path) as (_app, pilot):
        assert session.choices == 12
        await pilot.press("escape", "p")
        await wait_until(pilot, lambda: session.choices == 0, "off")
    assert path.read_text() == '# mine\nprobabilities = "off"\n'
    path.write_text('probabilities = "often"\n')
    assert "expected on or off" in read_settings(path)[1][0]
