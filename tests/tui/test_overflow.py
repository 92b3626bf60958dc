"""A full context on the real kernel: the ruler has the transcript's numbers, a seam says what was forgotten."""

from __future__ import annotations

import os
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
from driving import rows_of, screen_text, simulated, slow_simulator, until
from markdown_it import MarkdownIt
from textual.geometry import Offset
from textual.pilot import Pilot
from textual.selection import Selection

from llmbm_console.core.answers.conversation import turn_markdown
from llmbm_console.core.paths import default_model, find_tokenizer
from llmbm_console.core.session.targets import Target, make_session
from llmbm_console.core.state.state import Seam, Turn
from llmbm_console.core.state.turns import parts_of
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.frame import LINKED
from llmbm_console.tui.widgets import running, transcript
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


ROWS = 64  # of the context in which an answer slides twice


def with_fewer_rows(folder: Path) -> Path:
    """The model of the project with ROWS rows. Its file ends with two dead tables that have a line for each row."""
    data = default_model().read_bytes()
    dim, _hidden, _layers, heads, _kv_heads, _vocab, rows = struct.unpack_from("<7i", data)
    path = folder / "short.bin"
    path.write_bytes(data[:24] + struct.pack("<i", ROWS) + data[28 : -(rows - ROWS) * (dim // heads) * 4])
    shutil.copy(find_tokenizer(default_model()), path.with_suffix(".tok.bin"))
    return path


def parts(turn: Turn) -> list[str]:
    """What an answer says, and between it the words of its seams."""
    closed, last = parts_of(turn)
    told = [words for start, end, seam in closed for words in (turn.text[start:end], seam.text)]
    return [*told, turn.text[last:]]


def said(text: str) -> str:
    """Text without blanks: rows and blocks break it."""
    return "".join(text.split())


async def test_an_answer_in_which_the_context_slides_twice_tells_both_at_their_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it streams without being laid out anew, as it was, from its recording, and where it is copied."""
    whole, closed = list[Turn](), list[Turn]()
    layout, close = transcript.layout_item, running.closed_rows
    monkeypatch.setattr(transcript, "layout_item", lambda item, *more: (whole.append(item), layout(item, *more))[1])
    monkeypatch.setattr(running, "closed_rows", lambda turn, *more: (closed.append(turn), close(turn, *more))[1])
    slow_simulator(tmp_path, monkeypatch, 40_000)  # the timeline has moments between the two
    target = Target("sim", model=with_fewer_rows(tmp_path), record=tmp_path / "all.llcap")
    app = ConsoleApp(target.title, lambda: make_session(target))
    async with app.run_test(size=(100, 40)) as pilot:
        await until(pilot, lambda: app.state.link.phase in LINKED and app.state.sampling is not None, "linked")
        await tell(app, pilot, "/temp 0")
        await tell(app, pilot, "/max_tokens 110")
        view = app.main.transcript
        turn = await say(app, pilot, "Once upon a time")
        app.pacer.flush()
        assert not [item for item in whole if isinstance(item, Turn) and item.finished is None]
        slides = [len(shown.slides) for shown in closed]
        assert slides == sorted({*slides, 2}), "what stays is laid out once"

        assert turn.finished is not None
        first = ROWS + 1 - turn.finished.prompt_tokens  # the token that has no row
        assert [end for _start, end, _seam in parts_of(turn)[0]] == [
            turn.tokens[place].start for place in (first, first + ROWS // 2)
        ]
        words = f"the context was full in turn 1 and slid, from turn 1 on: {ROWS // 2} of {ROWS} tokens kept"
        assert [part.startswith(words) for part in parts(turn)] == [False, True, False, True, False]
        assert not any(isinstance(item, Seam) for item in (*app.state.items, *app.state.behind)), "they are told once"

        rows = rows_of(view)
        below = next(row for row, item in enumerate(rows) if item.text.startswith(" 1")) + 1
        above = next(row for row, item in enumerate(rows) if "110 tok" in item.text)
        copied = view.get_selection(Selection(Offset(0, below), Offset(len(rows[above - 1].text), above - 1)))
        assert copied is not None
        rule = app.glyphs.rule
        assert said(copied[0]).replace(rule, "") == said("".join(parts(turn)))
        blocks = [
            token.content for token in MarkdownIt().parse(turn_markdown(turn)) if token.type in ("fence", "inline")
        ]
        assert said("".join(blocks[3:8])).replace("`", "") == said("".join(parts(turn)))
        sought = parts(turn)[4].split()[2]
        assert view.find(sought) == "".join(row.text.casefold() for row in rows).count(sought.casefold())

        def past(moment: float) -> Turn:
            state = app.timeline.at(moment)
            assert state is not None
            assert state.turn is not None
            return state.turn

        moments = [token.at for token in turn.tokens[first + 1 : first + ROWS // 2]]  # read one by one, or many at once
        app.look_back(next(moment for moment in moments if len(past(moment).slides) == 1))
        assert app.held is not None
        then = app.held.state.turn
        assert then is not None
        assert turn.text.startswith(then.text)
        assert parts(then)[:-1] == parts(turn)[:2]
        await until(pilot, lambda: rows_of(view)[-1].text.endswith(app.glyphs.cursor), "the answer as it was")
        assert rows_of(view)[-len(layout(then, view.window.width, app.glyphs)) :] == layout(
            then, view.window.width, app.glyphs
        )
    await app.disconnect()

    replay = ConsoleApp("replay", lambda: make_session(Target("file", str(tmp_path / "all.llcap"))))
    async with replay.run_test(size=(100, 40)) as pilot:
        await until(pilot, lambda: replay.playback is not None and replay.playback.complete, "read")
        assert parts(ended(replay)[-1]) == parts(turn)
    await replay.disconnect()
