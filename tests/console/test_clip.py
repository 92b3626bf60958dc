"""Clips: what is in the file is the part that was asked for, and nothing of what was before and after it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from link_records import token
from live_kernel import Kernel
from waiting import until

from llmbm_console.core.link.streams import IN_FRAME, JOINS
from llmbm_console.core.recording.capture import Capture, Entry, Header, write_capture
from llmbm_console.core.recording.clip import clip
from llmbm_console.core.session.live import LiveSession
from llmbm_console.core.session.replay import Replay, ReplaySession, open_replay
from llmbm_console.core.state.events import ConsoleText, Event, Gap, LinkChanged, LinkPhase, RecordReceived, TurnJoined
from llmbm_console.core.state.state import State, Turn
from llmbm_console.faces.explain import lines_of_capture
from llmbm_protocol.codec import to_frame
from llmbm_protocol.schema import Token, Word

Sessions = Callable[..., LiveSession]
SECRETS = "Penguin", "Zeppelin"  # words of prompts before and after the clip
CLIPPED = "Tim had a boat"


async def replayed(path: Path) -> tuple[ReplaySession, list[Event]]:
    session = open_replay(path)
    events: list[Event] = []
    session.listen(lambda _state, event: events.append(event))
    await session.open()
    await session.wait_ready(math.inf)
    await session.close()
    return session, events


def turns(state: State) -> list[Turn]:
    return [item for item in state.items if isinstance(item, Turn)]


async def test_a_clip_holds_its_own_turn_and_the_state_before_it_and_nothing_else(
    kernel: Kernel, sessions: Sessions, tmp_path: Path
) -> None:
    await kernel.start()
    session = sessions(kernel.socket)
    session.choices = 8
    await session.open()
    await session.wait_ready(20)
    assert (await session.submit("/max_tokens 20")).ok
    assert (await session.submit(SECRETS[0])).ok
    assert (await session.submit("/zones")).ok
    assert (await session.submit(CLIPPED)).ok
    own = turns(session.state)[-1]
    wanted = {one for token in own.tokens if token.choice for one in (token.token,)}
    await until(lambda: wanted <= session.state.words.keys(), what="the texts of its tokens")
    last, then = session.state.now, session.state
    assert (await session.submit(SECRETS[1])).ok
    path = tmp_path / "clip.llcap"
    await session.recorder.save_clip(path, own.started_at, last)

    replay, events = await replayed(path)
    assert [turn.prompt for turn in turns(replay.state)] == [CLIPPED]
    (shown,) = turns(replay.state)
    assert (shown.text, shown.finished, shown.lost_tokens) == (own.text, own.finished, 0)
    assert [token.choice for token in shown.tokens] == [token.choice for token in own.tokens]
    state = replay.state
    assert state.link.phase is LinkPhase.MACHINE
    assert (state.hello, state.model, state.cpu, state.version) == (then.hello, then.model, then.cpu, then.version)
    assert state.arenas.keys() == then.arenas.keys()
    assert (state.sampling, state.tokenizer) == (then.sampling, then.tokenizer)
    assert state.sentinel is not None
    told = [entry.at for entry in state.log if entry.record is not None]  # a slow pass is told by the kernel itself
    assert all(at >= own.started_at - 1e-6 for at in told), "a file has microseconds"
    words = {event.record.token for event in events if isinstance(event, RecordReceived) and type(event.record) is Word}
    assert wanted <= state.words.keys()
    assert words < then.words.keys(), "of the tokens before, none that this does not name"
    assert all(event.at <= last + 1e-6 for event in events)

    raw = b"".join(entry.data for entry in Capture(path).entries() if isinstance(entry.data, bytes))
    text = path.read_text() + raw.decode("utf-8", "replace")
    assert not any(secret in text for secret in SECRETS)
    lines = list(lines_of_capture(Capture(path)))
    assert not any(line.lost or line.what == "rejected" for line in lines), "its frames are numbered on"
    tokens = [line for line in lines if line.name == Token.__name__]
    assert {line.fields["generation"] for line in tokens} == {own.number}
    seen = {line.fields["index"] for line in tokens}
    assert seen == set(range(20))


async def test_a_clip_that_begins_within_an_answer_says_so_and_takes_its_rest_for_no_loss(
    slow_live: LiveSession, tmp_path: Path
) -> None:
    running = asyncio.create_task(slow_live.submit(SECRETS[0]))

    def on_its_way() -> bool:
        """The first tokens come in one read with the word that the prompt was taken, and are of one moment with it."""
        turn = slow_live.state.turn
        return turn is not None and len(turn.tokens) > 4 and slow_live.state.now > turn.started_at + 0.01

    await until(on_its_way)
    assert slow_live.state.turn is not None
    before, first = len(slow_live.state.turn.tokens), slow_live.state.now + 1e-4
    assert (await asyncio.wait_for(running, 60)).ok
    own = turns(slow_live.state)[-1]
    path = tmp_path / "clip.llcap"
    await slow_live.recorder.save_clip(path, first, slow_live.state.now)
    replay, _events = await replayed(path)
    (shown,) = turns(replay.state)
    assert (shown.prompt, shown.before, shown.lost_tokens) == ("", before, 0)
    assert own.text.endswith(shown.text)
    assert [token.index for token in shown.tokens] == [token.index for token in own.tokens[before:]]
    assert shown.finished == own.finished
    assert any(f"its prompt and {before} tokens were before this clip" in str(item) for item in replay.state.items)
    assert SECRETS[0] not in path.read_text()


async def test_wherever_a_recording_is_cut_the_parts_hold_each_token_once_and_no_damage(
    kernel: Kernel, sessions: Sessions, tmp_path: Path
) -> None:
    """Octets come in reads of any size: a frame that lies across two of them belongs to the part in which it ended."""
    await kernel.start()
    session = sessions(kernel.socket)
    session.recorder.start(tmp_path / "all.llcap")
    await session.open()
    await session.wait_ready(20)
    assert (await session.submit("/max_tokens 12")).ok
    assert (await session.submit(CLIPPED)).ok
    await session.close()
    whole = Capture(tmp_path / "all.llcap")
    entries = []
    for entry in whole.entries():  # in reads of seven octets; the events in their midst come behind them then
        if isinstance(entry.data, bytes) and entry.kind == "i":
            entries += [
                type(entry)(entry.at + at * 1e-7, "i", entry.data[at : at + 7]) for at in range(0, len(entry.data), 7)
            ]
        else:
            entries.append(type(entry)(entry.at + 1e-3, entry.kind, entry.data))
    entries.sort(key=lambda entry: entry.at)
    times = [entry.at for entry in entries if entry.kind == "i"]
    for cut in times[:: max(1, len(times) // 40)]:
        seen: list[tuple[int, int]] = []
        for name, part in (("a", clip(entries, 0, cut)), ("b", clip(entries, cut + 1e-9, math.inf))):
            path = tmp_path / f"{name}.llcap"
            write_capture(path, Header(llcap=1), part)
            lines = list(lines_of_capture(Capture(path)))
            assert not any(line.what == "rejected" for line in lines)
            seen += [
                (line.fields["index"], line.fields.get("part", 0)) for line in lines if line.name == Token.__name__
            ]
        assert sorted(seen) == [(index, 0) for index in range(12)], cut


TOKENS = [to_frame(token(index), index) for index in range(4)]
OCTETS, AFTER = 9, 11  # when the line that was opened again brought its first ones, and more
JOINED = [Entry(6, "x", JOINS), Entry(8, "e", Gap(8, 3, "")), Entry(OCTETS, "i", TOKENS[1][20:] + TOKENS[2])]
LOADED = [
    Entry(8, "x", IN_FRAME),
    Entry(OCTETS, "i", b"c=2*b6dcf1c1"),
    Entry(10.5, "i", b"\r\nllmk> text\r\n" + TOKENS[1]),
]


@pytest.mark.parametrize(("opened", "then"), [(JOINED, TOKENS[3]), (LOADED, TOKENS[2]), ([], TOKENS[1])])
def test_wherever_a_lost_line_is_cut_its_parts_show_what_the_whole_shows(opened: list[Entry], then: bytes) -> None:
    """A line that is lost in the midst of a frame goes on with the rest of that, begins in the midst of another one, or
    begins anew."""
    entries = [
        Entry(1, "e", LinkChanged(1, LinkPhase.MACHINE)),
        Entry(2, "e", TurnJoined(2, 1, 0)),
        Entry(3, "i", TOKENS[0]),
        Entry(4, "i", TOKENS[1][:20]),
        *(Entry(at, "e", LinkChanged(at, phase)) for at, phase in ((5, LinkPhase.OPENING), (7, LinkPhase.WAITING))),
        *opened,
        Entry(10, "e", LinkChanged(10, LinkPhase.MACHINE)),
        Entry(AFTER, "i", then + b"its end\r\n"),
    ]
    entries.sort(key=lambda entry: entry.at)

    def shown(entries: list[Entry], first: float, last: float) -> list[str | int]:
        replay = Replay()
        events = [event for entry in entries for event in replay.take(entry, 0)] + [*replay.finish(last)]
        return [
            event.text if isinstance(event, ConsoleText) else event.record.index
            for event in events
            if first <= event.at <= last
            if isinstance(event, ConsoleText) or (isinstance(event, RecordReceived) and isinstance(event.record, Token))
        ]

    assert shown(entries, 0, AFTER)[-1] == "its end\n"
    for cut in (half / 2 for half in range(4, 2 * AFTER)):
        assert shown(clip(entries, 0, cut), 0, cut) == shown(entries, 0, cut), cut
        assert shown(clip(entries, cut, AFTER), cut, AFTER) == shown(entries, cut, AFTER), cut
