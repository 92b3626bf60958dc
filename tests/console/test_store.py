"""The state that events make: turns, logs, seams; and that no event can make the store raise."""

from __future__ import annotations

import typing
from dataclasses import replace
from enum import Enum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmbm_console.core.sanitise import is_clean
from llmbm_console.core.state import events as ev
from llmbm_console.core.state.context_rows import kv_now
from llmbm_console.core.state.events import LinkPhase, MachineStatus
from llmbm_console.core.state.state import (
    MAX_BEHIND,
    MAX_ITEMS,
    MAX_LOG,
    MAX_SLIDES,
    Command,
    MachineState,
    Seam,
    State,
    Text,
    Turn,
    newest_turn,
)
from llmbm_console.core.state.store import MAX_TEXT, reduce
from llmbm_console.core.state.turns import parts_of
from llmbm_protocol.schema import (
    KERNEL_RECORDS,
    Arena,
    Bench,
    Credit,
    Event,
    Finished,
    Hello,
    KvCache,
    LogCode,
    LogLevel,
    Model,
    Perf,
    Phase,
    Record,
    StopReason,
    Stream,
    Token,
    Zone,
    Zones,
)


def token(index: int, text: bytes, generation: int = 1, part: int = 0, more: bool = False) -> Token:
    return Token(
        generation=generation,
        index=index,
        part=part,
        more=more,
        time=10 * index,
        token=7,
        cycles=100 + index,
        text=text,
    )


def finished(generation: int = 1, tokens: int = 2) -> Finished:
    return Finished(
        generation=generation, time=99, reason=StopReason.EOS, tokens=tokens, prompt_tokens=4, prefill_us=10,
        decode_us=20, kv_rows=6, turn=1,
    )  # fmt: skip


def hello(boot: int) -> Hello:
    return Hello(
        protocol=1, revision=0, schema_id=1, boot=boot, machine=True, nonce="n", window_idle=240, window_busy=15,
        max_line=240, baud=0, version="v",
    )  # fmt: skip


def run(*things: Record | ev.Event, state: State | None = None) -> State:
    state = state or State()
    for number, thing in enumerate(things):
        event = thing if isinstance(thing, ev.Event) else ev.RecordReceived(float(number), thing)
        state = reduce(state, event)
    return state


@pytest.mark.parametrize("change", [{"format": "int8-q8", "group": 32}, {"file": "other.bin"}, {"bytes": 7}])
def test_figures_of_another_model_are_forgotten(change: dict[str, Any]) -> None:
    model = Model(time=1, file="a.bin", format="fp32-v0", bytes=2_864_028)
    bench = Bench(time=1, level="avx2", decode_rate=5)
    perf = Perf(
        time=1,
        phase=Phase.IDLE,
        generation=1,
        tokens=2,
        token_us=1,
        prompt_done=1,
        prompt_total=1,
        decode_rate=7,
        decode_mb_s=8,
        read_mb_s=9,
    )
    state = run(model, bench, perf, model)
    assert (state.bench, state.perf) == (bench, perf), "the same model told again"
    state = run(model.model_copy(update=change), state=state)
    assert state.bench is None
    assert state.perf is not None
    assert (state.perf.decode_rate, state.perf.decode_mb_s, state.perf.read_mb_s) == (0, 0, 0)


def test_a_prompt_and_its_tokens_become_a_turn() -> None:
    state = run(ev.PromptSent(0.0, "Once", 1), token(0, b" upon"), token(1, b" a"))
    assert state.turn is not None
    assert (state.turn.prompt, state.turn.text, state.phase) == ("Once", " upon a", Phase.DECODE)
    state = run(finished(), state=state)
    assert state.turn is None
    assert state.phase is Phase.IDLE
    turn = state.items[-1]
    assert isinstance(turn, Turn)
    assert turn.finished is not None
    assert [turn.text[info.start : info.end] for info in turn.tokens] == [" upon", " a"]
    assert turn.lost_tokens == 0


def test_bytes_of_a_split_character_belong_to_the_token_that_completes_it() -> None:
    state = run(token(0, b"caf\xc3"), token(1, b"\xa9!"), token(2, b"\xe2\x82"), finished(tokens=3))
    turn = state.items[-1]
    assert isinstance(turn, Turn)
    assert turn.text == "café!\ufffd"
    assert [turn.text[info.start : info.end] for info in turn.tokens] == ["caf", "é!", "\ufffd"]


def test_parts_of_a_long_token_are_one_token() -> None:
    state = run(
        token(0, b"a" * 40, more=True), token(0, b"b" * 40, part=1, more=True), token(0, b"c", part=2), token(1, b"d")
    )
    assert state.turn is not None
    assert len(state.turn.tokens) == 2
    assert state.turn.text == "a" * 40 + "b" * 40 + "cd"
    assert state.turn.tokens[0].end == 81


def test_a_token_that_comes_again_changes_nothing() -> None:
    once = run(token(0, b"a"), token(1, b"b"))
    again = run(token(0, b"a"), token(1, b"b"), state=once)
    assert again.turn == once.turn
    assert again.decode_cycles == once.decode_cycles


def test_tokens_that_never_came_are_counted() -> None:
    state = run(token(0, b"a"), token(3, b"d"), finished(tokens=6))
    turn = state.items[-1]
    assert isinstance(turn, Turn)
    assert turn.lost_tokens == 4


def test_frames_of_a_generation_that_is_over_do_not_open_it_again() -> None:
    over = run(token(0, b"a"), token(1, b"b"), finished())
    assert run(token(1, b"b"), finished(), state=over).items == over.items


def test_a_restart_cuts_the_turn_and_forgets_what_was_true_of_the_boot_before() -> None:
    kv = KvCache(time=1, rows=3, capacity=256, row_bytes=8)
    before = run(hello(1), kv, token(0, b"a"))
    assert before.kv is kv
    assert before.stamps[Stream.KV] == 1.0
    after = run(hello(2), state=before)
    assert (after.turn, after.kv, after.boots, dict(after.stamps)) == (None, None, 2, {})
    assert [type(item) for item in after.items] == [Turn, Seam]
    assert "restarted" in typing.cast(Turn, after.items[0]).cut
    assert run(hello(2), state=after).boots == 2


def test_console_text_grows_until_something_else_comes() -> None:
    state = run(
        ev.ConsoleText(0.0, "Bds"), ev.ConsoleText(1.0, "Dxe\n"), ev.Gap(2.0, 1.0, "cut"), ev.ConsoleText(3.0, "x")
    )
    assert [item.text for item in state.items if isinstance(item, Text | Seam)] == ["BdsDxe\n", "cut", "x"]
    long = run(*[ev.ConsoleText(0.0, "y" * 1000) for _ in range(100)])
    assert max(len(item.text) for item in long.items if isinstance(item, Text)) < MAX_TEXT + 1000


def test_lists_are_bounded_and_count_what_they_dropped() -> None:
    event = Event(number=1, time=1, level=LogLevel.WARN, code=LogCode.BUDGET, message="over")
    full = replace(State(), log=tuple(run(event).log) * MAX_LOG, items=(Command("", True, "", "", 0.0),) * MAX_ITEMS)
    state = run(event, ev.CommandDone(1.0, "/cpu", True, "x"), state=full)
    assert (len(state.log), state.dropped_log) == (MAX_LOG, 1)
    assert (len(state.items), state.dropped_items) == (MAX_ITEMS, 1)
    assert state.log[-1].severity == "warn"


def test_a_parameter_is_pending_until_it_is_accepted_or_refused() -> None:
    asked = run(ev.ParameterRequested(1.0, "temp", "0.5"))
    assert asked.pending["temp"].value == "0.5"
    assert "temp" not in run(ev.ParameterAccepted(2.0, "temp", "0.5"), state=asked).pending
    refused = run(ev.ParameterRefused(2.0, "temp", "0.5", "0 to 2"), state=asked)
    assert "temp" not in refused.pending
    assert refused.log[-1].text == "temp 0.5: 0 to 2"
    later = run(ev.ParameterRequested(2.0, "temp", "0.6"), ev.ParameterRefused(3.0, "temp", "0.5", "no"), state=asked)
    assert later.pending["temp"].value == "0.6", "another one is on its way"


def test_link_and_machine_changes_are_logged_once() -> None:
    state = run(
        ev.LinkChanged(1.0, LinkPhase.SLOW), ev.LinkChanged(2.0, LinkPhase.SLOW),
        ev.MachineChanged(3.0, MachineStatus.PAUSED), ev.MachineChanged(4.0, MachineStatus.PAUSED),
    )  # fmt: skip
    assert [line.source for line in state.log] == ["link", "machine"]
    assert (state.link.since, state.machine.since, state.now) == (1.0, 3.0, 4.0)


def test_an_end_that_was_asked_for_is_no_warning() -> None:
    asked = run(ev.MachineChanged(1.0, MachineStatus.STOPPED, "the simulator has ended", True))
    assert [line.severity for line in asked.log] == ["info"]
    unasked = run(
        ev.MachineChanged(1.0, MachineStatus.STOPPED, "the guest switched itself off"),
        ev.MachineChanged(2.0, MachineStatus.CRASHED, "QEMU ended with status 1"),
    )
    assert [line.severity for line in unasked.log] == ["warn", "error"]


def test_a_reset_machine_ends_the_running_turn() -> None:
    state = run(token(0, b"a"), ev.MachineChanged(2.0, MachineStatus.RESETTING))
    assert state.turn is None
    assert typing.cast(Turn, state.items[-1]).cut


def test_credit_and_cycles_feed_phase_and_strip() -> None:
    state = run(
        token(0, b"a"), *[token(i, b"b") for i in range(1, 300)], Credit(consumed=1, window=2, phase=Phase.PREFILL)
    )
    assert len(state.decode_cycles) == 256
    assert state.decode_cycles[-1] == 100 + 299
    assert state.phase is Phase.PREFILL


# ---- totality ------------------------------------------------------------------------------------------------------


def values_of(annotation: Any) -> st.SearchStrategy[Any]:
    """Anything of about the right type, however odd."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return values_of(arguments[0])
    if annotation is bool:
        return st.booleans()
    if annotation is int:
        return st.integers(0, 2**64)
    if annotation is bytes:
        return st.binary(max_size=12)
    if annotation is float:
        return st.floats(0, 1e9)
    if annotation is str:
        return st.text(st.characters(codec=None), max_size=12)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return st.sampled_from(list(annotation))
    if origin is tuple:
        return st.lists(st.integers(0, 99), max_size=4).map(tuple)
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    return st.one_of(*[values_of(a) if a is not type(None) else st.none() for a in arguments])


def records() -> st.SearchStrategy[Record]:
    def of(kind: type[Record]) -> st.SearchStrategy[Record]:
        hints = typing.get_type_hints(kind, include_extras=True)
        fields = {name: values_of(hints[name]) for name in kind.model_fields}
        small = {"generation": st.integers(0, 3), "index": st.integers(0, 4), "part": st.integers(0, 2)}
        return st.fixed_dictionaries({**fields, **{k: v for k, v in small.items() if k in fields}}).map(
            lambda values: kind.model_construct(**values)
        )

    return st.one_of(*[of(kind) for kind in (*KERNEL_RECORDS, Record)])


def any_event() -> st.SearchStrategy[ev.Event]:
    def of(kind: type[ev.Event]) -> st.SearchStrategy[ev.Event]:
        hints = typing.get_type_hints(kind)
        fields = {name: values_of(hint) for name, hint in hints.items()}
        return st.builds(kind, **fields)

    kinds = [kind for kind in ev.Event.__subclasses__() if kind.__name__ != "RecordReceived"]
    assert len(kinds) > 10
    received = st.tuples(st.floats(0, 1e9), records()).map(lambda pair: ev.RecordReceived(*pair))
    return st.one_of(received, *[of(kind) for kind in kinds])


def texts(value: Any) -> typing.Iterator[str]:
    """Every text in a state that a face could draw."""
    for item in (*value.items, *([value.turn] if value.turn else [])):
        for name in ("text", "prompt", "line", "output", "error", "cut"):
            yield getattr(item, name, "")
    for line in value.log:
        yield from (line.code, line.text)
    yield from (value.link.detail, value.machine.detail, value.verdict, value.file_path)


@settings(max_examples=300, deadline=None)
@given(st.lists(any_event(), max_size=25))
def test_no_sequence_of_events_makes_the_store_raise_or_show_a_control(events: list[ev.Event]) -> None:
    state = State()
    for event in events:
        before = state
        state = reduce(state, event)
        assert state.now == event.at
        assert reduce(before, event) == state, "not pure"
    for text in texts(state):
        assert is_clean(text)


@pytest.mark.parametrize("count", [2000])
def test_a_long_answer_keeps_every_token(count: int) -> None:
    state = run(*[token(i, b"ab") for i in range(count)])
    assert state.turn is not None
    assert len(state.turn.text) == 2 * count
    assert state.turn.tokens[-1].end == 2 * count


def context_full(message: str = "slid, from turn 3 on", kept: int = 257, time: int = 50) -> ev.RecordReceived:
    record = Event(
        number=4, time=time, level=LogLevel.WARN, code=LogCode.CONTEXT, first=511, second=kept, message=message
    )
    return ev.RecordReceived(3.0, record)


def test_what_comes_while_a_turn_runs_follows_the_turn_that_caused_it() -> None:
    """The dump of a trip is copied before the end of the answer that tripped is here, when the machine is busy."""
    state = reduce(State(), ev.PromptSent(1.0, "One day", 3))
    state = reduce(state, ev.RecordReceived(1.5, token(0, b" a cat", 3)))
    state = reduce(state, ev.FileSaved(2.0, "llmk-failsafe.txt", "/tmp/x"))
    state = reduce(state, ev.ConsoleText(2.1, "said "))
    state = reduce(state, ev.ConsoleText(2.2, "meanwhile"))
    assert state.items == ()
    assert [type(item) for item in state.behind] == [Seam, Text]
    state = reduce(state, ev.RecordReceived(3.0, finished(3, 1)))
    turn, seam, text = state.items
    assert isinstance(turn, Turn)
    assert isinstance(seam, Seam)
    assert "llmk-failsafe.txt" in seam.text
    assert isinstance(text, Text)
    assert text.text == "said meanwhile"
    assert state.behind == ()


def test_a_turn_that_never_ends_keeps_a_bounded_number_behind_it_and_loses_nothing() -> None:
    state = reduce(State(), ev.PromptSent(1.0, "One day", 3))
    for number in range(MAX_BEHIND + 5):
        state = reduce(state, ev.Gap(2.0, 1.0, f"gap {number}"))
    assert len(state.behind) == MAX_BEHIND
    state = reduce(state, ev.RecordReceived(3.0, finished(3, 0)))
    seams = [item.text for item in state.items if isinstance(item, Seam)]
    assert seams == [f"gap {number}" for number in range(MAX_BEHIND + 5)]


def test_a_slide_is_a_seam_with_its_numbers_and_the_same_words_in_the_log() -> None:
    state = reduce(State(), context_full())
    assert state.items == ()  # attached later: no turn that is shown was forgotten
    assert state.log[-1].text == ("slid, from turn 3 on: 256 of 510 tokens kept, their rows computed anew")
    state = reduce(reduce(state, ev.PromptSent(1.0, "One day", 3)), ev.RecordReceived(2.0, finished(3, 0)))
    state = reduce(state, context_full("cleared", kept=1, time=100))
    seam = state.items[-1]
    assert isinstance(seam, Seam)
    assert seam.text == "the context was full and cleared: 510 tokens forgotten"


@pytest.mark.parametrize(
    ("came", "before"),
    [(6, 6), (8, 6), (5, 5), (3, 5), (0, 5)],
    ids=["in its order", "late", "none of its millisecond", "tokens of before were lost", "all were"],
)
@pytest.mark.parametrize("ends", [False, True])
def test_a_slide_within_an_answer_stands_between_its_tokens_whatever_came_first(
    came: int, before: int, ends: bool
) -> None:
    """It was at 50 ms, as the token of index 5: of those in its millisecond, the ones that were here were before it."""
    tokens = [ev.RecordReceived(1.5, token(index, f" {index}".encode(), 3)) for index in range(8)]
    events = [ev.PromptSent(1.0, "One day", 3), *tokens[:came], context_full(), *tokens[came:]]
    state = run(*events, *([finished(3, 8)] if ends else []))
    turn = newest_turn(state)
    assert turn is not None
    [(start, end, seam)], last = parts_of(turn)
    assert (start, end, turn.text[:end]) == (0, last, "".join(f" {index}" for index in range(before)))
    assert seam.text == (
        "the context was full in turn 3 and slid, from turn 3 on: 256 of 510 tokens kept, their rows computed anew"
    )
    assert not any(isinstance(item, Seam) for item in (*state.items, *state.behind)), "it is told once"


def test_a_slide_that_is_told_behind_the_end_still_stands_in_its_answer_and_a_later_one_behind_it() -> None:
    tokens = [token(index, f" {index}".encode(), 3) for index in range(8)]
    done = run(ev.PromptSent(1.0, "One day", 3), *tokens, finished(3, 8))  # at 99 ms
    [turn] = run(context_full(), state=done).items
    assert isinstance(turn, Turn)
    assert turn.text[parts_of(turn)[1] :] == " 6 7"
    assert [type(item) for item in run(context_full(time=100), state=done).items] == [Turn, Seam], "of the next prompt"


def test_slides_of_one_answer_are_bounded_and_in_their_order() -> None:
    slides = [context_full(time=time) for time in range(5 * MAX_SLIDES, 0, -1)]
    state = run(ev.PromptSent(1.0, "One day", 3), *slides, *(token(index, b" x", 3) for index in range(20)))
    assert state.turn is not None
    closed, last = parts_of(state.turn)
    assert len(closed) == MAX_SLIDES
    assert not state.behind
    places = [place for start, end, _seam in closed for place in (start, end)] + [last]
    assert places == sorted(places)


def test_an_arena_known_in_full_has_the_use_and_size_that_the_short_record_told_since() -> None:
    full = [
        Zone(time=1, arena=arena, base=4096, size=100, used=60, peak=80, read_only=False, guard_ok=True)
        for arena in (Arena.KV, Arena.ACTS)
    ]
    pairs = dict.fromkeys(("weights", "scratch", "zonec", "keep"), (1, 2))
    kept = run(*full, Zones(time=2, **pairs, kv=(60, 100), acts=(60, 100)))
    assert [kept.arenas[arena] for arena in (Arena.KV, Arena.ACTS)] == full
    wiped = run(Zones(time=3, **pairs, kv=(90, 100), acts=(0, 100)), state=kept)
    assert [(zone.used, zone.peak) for zone in wiped.arenas.values()] == [(90, 90), (0, 80)]
    again = run(full[1], state=wiped)
    assert again.arenas[Arena.ACTS] == full[1], "the newer record tells it"


def rows(state: State) -> int:
    kv = kv_now(state)
    assert kv is not None
    return kv.rows


def within_an_answer() -> State:
    """Of three tokens, two of which came behind the last sample."""
    told = KvCache(time=10, rows=100, capacity=512, row_bytes=1, generation=1)
    return run(hello(1), ev.PromptSent(1.0, "hi", 1), token(0, b"a"), told, token(1, b"b"), token(2, b"c"))


def test_a_state_saved_within_an_answer_has_when_it_is_loaded_the_rows_that_it_had() -> None:
    saved = run(ev.StateSaved(20.0, 1), token(3, b"d"), finished(tokens=4), state=within_an_answer())
    loading = ev.MachineChanged(30.0, MachineStatus.LOADING, "the state of 9 s ago stands here, paused", saved=1)
    waits = ev.LinkChanged(31.0, LinkPhase.OPENING, "waiting for the kernel")
    assert rows(run(loading, ev.PromptSent(30.5, "hi", 1, 3), waits, state=saved)) == 102


@pytest.mark.parametrize("cut", [LinkPhase.PLAIN, LinkPhase.CLOSED])
def test_rows_of_tokens_count_also_where_the_kernel_left_and_where_their_answer_got_no_end(cut: LinkPhase) -> None:
    left = run(ev.LinkChanged(20.0, cut, ""), state=within_an_answer())
    assert rows(left) == 102
    assert rows(run(ev.PromptSent(21.0, "and", 2), state=left)) == 102
    before = run(hello(1), KvCache(time=1, rows=9, capacity=512, row_bytes=1), ev.PromptSent(1.0, "hi", 1))
    cut_off = run(token(0, b"a"), ev.PromptSent(21.0, "and", 2), state=before)
    assert rows(cut_off) == 9, "of how many rows its prompt was is not known"


def test_the_end_of_an_answer_tells_the_rows_unless_they_were_told_since() -> None:
    state = within_an_answer()
    assert rows(run(finished(), state=state)) == 6
    since = KvCache(time=100, rows=0, capacity=512, row_bytes=1, generation=1)
    assert rows(run(since, finished(), state=state)) == 0


def test_that_a_state_loaded_paused_goes_on_is_said_when_it_does() -> None:
    state = run(ev.StateSaved(1.0, 2), state=replace(run(hello(1)), machine=MachineState(MachineStatus.PAUSED)))
    loading = ev.MachineChanged(2.0, MachineStatus.LOADING, "the state of 1 s ago stands here, paused", saved=2)
    paused = ev.MachineChanged(3.0, MachineStatus.PAUSED, "as it was loaded")
    state = run(loading, paused, *[ev.MachineChanged(4.0, MachineStatus.RUNNING)] * 2, state=state)
    texts = [item.text for item in state.items if isinstance(item, Seam)]
    assert texts == ["the state of 1 s ago stands here, paused", "state 2 goes on"]
    assert [line.text for line in state.log][-1] == "running: state 2 goes on"


@pytest.mark.parametrize("boot", [1, 2])
def test_a_loaded_state_cuts_the_answer_and_its_own_begins_anew_with_one_seam(boot: int) -> None:
    """Whether it is of the boot that ran, or of one before."""
    loading = ev.MachineChanged(10.0, MachineStatus.LOADING, "the state of 9 s ago goes on")
    sent = ev.PromptSent(11.0, "hi", 1)
    before = run(hello(2), ev.PromptSent(1.0, "hi", 1), token(0, b"a"), token(1, b"b"))
    state = run(loading, sent, ev.RecordReceived(12.0, hello(boot)), state=before)
    for record in (token(0, b"a"), token(1, b"c"), finished()):
        state = reduce(state, ev.RecordReceived(13.0, record))
    cut, seam, turn = state.items
    assert isinstance(cut, Turn)
    assert isinstance(turn, Turn)
    assert (cut.text, bool(cut.cut), turn.prompt, turn.text, turn.cut) == ("ab", True, "hi", "ac", "")
    assert isinstance(seam, Seam)
    assert seam.text == "the state of 9 s ago goes on"
