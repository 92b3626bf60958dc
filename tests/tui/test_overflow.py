"""A full context on the real kernel: the ruler has the transcript's numbers, a seam says what was forgotten."""

from __future__ import annotations

import os
from typing import Any

import pytest
from driving import rows_of, screen_text, simulated, until
from textual.pilot import Pilot

from llmbm_console.core.state.state import Seam, Turn
from llmbm_console.tui.app import ConsoleApp
from llmbm_protocol.words import LogCode

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the simulator needs a POSIX system")

PROMPT = "One day a cat and a dog went to the park and saw a big red ball under the old tree near the lake"


def ended(app: ConsoleApp) -> list[Turn]:
    return [item for item in app.state.items if isinstance(item, Turn) and item.finished]


async def tell(app: ConsoleApp, pilot: Pilot[Any], line: str) -> None:
    """A prompt or a command, to its end."""
    assert app.session is not None
    outcome = await app.session.submit(line)
    assert outcome.ok, outcome.error
    await pilot.pause()


async def say(app: ConsoleApp, pilot: Pilot[Any], prompt: str = PROMPT) -> Turn:
    before = len(ended(app))
    await tell(app, pilot, prompt)
    await until(pilot, lambda: len(ended(app)) == before + 1, "ended")
    turn = ended(app)[-1]
    await until(pilot, lambda: app.state.kv and app.state.kv.generation == turn.number, "the cache's record of it")
    return turn


def labels(app: ConsoleApp) -> list[str]:
    """The turns that the ruler's lower line names."""
    return [
        word
        for line in screen_text(app).splitlines()
        for word in line.split()
        if word[:1] == "t" and word[1:].isdigit()
    ]


async def test_after_a_slide_the_ruler_has_the_numbers_of_the_transcript_and_a_seam_stands_where_it_slid() -> None:
    async with simulated(size=(160, 50)) as (app, pilot):
        await tell(app, pilot, "/max_tokens 1")  # whose row is made in the next turn: no answer needs room
        while not any(isinstance(item, Seam) for item in app.state.items):
            turn = await say(app, pilot, f"{PROMPT}. {PROMPT}")
            assert turn.number < 12, "the context never became full"
        place = next(place for place, item in enumerate(app.state.items) if isinstance(item, Seam))
        seam, behind = app.state.items[place], app.state.items[place + 1]
        assert isinstance(seam, Seam)
        assert behind is turn, "it slid to make room for this turn's prompt"
        event = next(entry for entry in app.state.log if entry.code == LogCode.CONTEXT)
        assert event.record is not None
        kv = app.state.kv
        assert kv is not None
        first = kv.generation - len(kv.turns) + 1
        assert 1 < first < turn.number
        kept, before = event.record.second - 1, event.record.first - 1
        told = f"slid, from turn {first} on: {kept} of {before} tokens kept, their rows computed anew"
        assert event.text == told
        assert seam.text == f"the context was full and {told}"
        assert turn.finished is not None
        assert turn.finished.prompt_tokens > kept, "what was kept is prefilled with the prompt"
        app.pacer.flush()
        await until(pilot, lambda: f"t{first}" in labels(app), "the ruler's oldest turn")
        assert set(labels(app)) <= {f"t{number}" for number in range(first, turn.number + 1)}
        assert seam.text in " ".join(row.text.strip() for row in rows_of(app.main.transcript))


async def test_a_new_conversation_goes_on_with_the_numbers_of_the_transcript() -> None:
    async with simulated(size=(160, 50)) as (app, pilot):
        await tell(app, pilot, "/max_tokens 40")
        await say(app, pilot)
        await say(app, pilot)
        await tell(app, pilot, "/clear")
        assert app.session is not None
        assert not (await app.session.submit("x" * 4097)).ok, "a refused prompt is no turn"
        assert (await say(app, pilot)).number == 3
        app.pacer.flush()
        await until(pilot, lambda: labels(app) == ["t3"], "the ruler")


async def test_a_slide_within_an_answer_is_told_behind_it_with_the_number_of_its_turn() -> None:
    async with simulated(size=(160, 50)) as (app, pilot):
        await tell(app, pilot, "/temp 0")
        await tell(app, pilot, "/max_tokens 512")
        while not any(isinstance(item, Seam) for item in app.state.items):
            turn = await say(app, pilot, "Once upon a time, there was a little girl named Lily.")
            assert turn.number < 12, "the context never became full"
        *_, last, seam = app.state.items
        assert last is turn
        assert isinstance(seam, Seam)
        assert seam.text.startswith(f"the context was full in turn {turn.number} and slid, from turn ")
        assert seam.text.endswith(": 256 of 512 tokens kept, their rows computed anew")
