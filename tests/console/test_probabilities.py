"""How tokens were chosen, on its way to the state: behind its token, once, bounded, and missing where it was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from link_records import end, token
from live_kernel import PATIENCE, PROMPT, Kernel, collect, records
from test_store import finished, run
from waiting import until

from llmbm_console.chaos.proxy import Chaos
from llmbm_console.core.answers.distribution import Distribution, Rules, distribution_of
from llmbm_console.core.link.repair import TokenStream
from llmbm_console.core.sanitise import is_clean
from llmbm_console.core.session.live import LiveSession
from llmbm_console.core.state import store_parts, turns
from llmbm_console.core.state.events import Event, RecordReceived
from llmbm_console.core.state.state import State, Turn
from llmbm_protocol.choice import Choice, Word
from llmbm_protocol.likeliest import Likely, read, written
from llmbm_protocol.schema import Model, Record, SamplingState, Token

Sessions = Callable[..., LiveSession]


def choice(index: int, generation: int = 1, **more: Any) -> Choice:
    values: dict[str, Any] = {"temperature": 850_000, "probability": 300_000, "rank": 2, "kept": (9, 9, 7)}
    values |= {"rest": (90_000, 400_000), "likeliest": "5:0;7:120!;9:4000", **more}
    return Choice(generation=generation, index=index, **values)


# ---- the list ----------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 9_999_999), st.integers(0, 65535), st.booleans()), max_size=20))
def test_a_list_is_read_as_it_was_written(tokens: list[tuple[int, int, bool]]) -> None:
    unique = {one[0]: Likely(*one) for one in tokens}
    ordered = sorted(unique.values(), key=lambda one: one.below)
    if ordered:
        ordered[0] = ordered[0]._replace(below=0)
    assert read(written(ordered)) == tuple(ordered)


@given(st.text(alphabet="0123456789:;!-+ x", max_size=60))
def test_any_text_is_a_list_or_none(text: str) -> None:
    tokens = read(text)
    assert not tokens or written(tokens) == text


@pytest.mark.parametrize(
    "text",
    ["5:1", "5:0;5:1", "5:0;6:9;7:8", "5", "5:0;", ";", "05:0", "5:00", "5:0!!", "5:0;6:65536", "5:-0", "12345678:0"],
)
def test_what_a_kernel_does_not_write_is_no_list(text: str) -> None:
    assert read(text) == ()
    assert distribution_of(choice(0, likeliest=text)) is None


# ---- what other rules would leave --------------------------------------------------------------------------------


def known(*below: int, rest: float = 0.0, others: int = 0) -> Distribution:
    return Distribution(
        tuple(Likely(number, one) for number, one in enumerate(below)), ((1.0, rest), (0.5, rest)), others
    )


def test_the_rules_cut_in_their_order() -> None:
    distribution = known(0, 710, 1420, 2840, 5680)  # 1, 0.5, 0.25, 0.0625, 0.0039
    assert distribution.cut(Rules(1.0)).cut_by == ("", "", "", "", "")
    assert distribution.cut(Rules(1.0, min_p=0.05)).cut_by == ("", "", "", "", "min_p")
    assert distribution.cut(Rules(1.0, min_p=0.05, top_k=3)).cut_by == ("", "", "", "top_k", "min_p")
    assert distribution.cut(Rules(1.0, top_p=0.8)).cut_by == ("", "", "top_p", "top_p", "top_p")
    assert distribution.cut(Rules(0.0)).cut_by == ("", "temp", "temp", "temp", "temp")
    assert distribution.cut(Rules(0.0)).entropy == 0
    two = distribution.cut(Rules(1.0, top_k=2))
    assert (two.count, two.open) == ("2", False)
    assert two.entropy == pytest.approx(0.918, abs=1e-2)  # shares 2/3 and 1/3


def test_a_hotter_draw_keeps_more_and_is_less_certain() -> None:
    distribution = known(0, 900, 1500, 2500, 4000)
    cold, hot = distribution.cut(Rules(0.5, min_p=0.1)), distribution.cut(Rules(2.0, min_p=0.1))
    assert cold.most < hot.most
    assert cold.entropy is not None
    assert hot.entropy is not None
    assert cold.entropy < hot.entropy


def test_what_lies_outside_the_list_is_said_to_be_unknown() -> None:
    cut = known(0, 100, 200, rest=0.5, others=1000).cut(Rules(1.0))
    assert cut.open
    assert cut.entropy is None
    assert cut.count == "3 or more"
    assert not known(0, 100, 200, rest=0.5, others=1000).cut(Rules(1.0, top_k=3)).open
    assert not known(0, 100, 200, rest=0.5, others=1000).cut(Rules(1.0, top_p=0.3)).open


@given(
    temperature=st.floats(0, 2.1),
    min_p=st.floats(0, 1),
    top_k=st.integers(0, 300_000),
    top_p=st.floats(0, 1),
    record=st.builds(
        choice,
        index=st.just(0),
        temperature=st.integers(0, 2**21 - 1),
        probability=st.integers(0, 2**21 - 1),
        rest=st.lists(st.integers(0, 2**20 - 1), max_size=2).map(tuple),
        likeliest=st.sampled_from(["5:0", "5:0;6:0;7:0", "5:0;6:65535", "1:0;2:1;3:2;4:3;5:65535!", "9:0;8:40"]),
    ),
    vocab=st.integers(0, 2**20),
)
def test_no_record_and_no_rules_make_it_fail(
    temperature: float, min_p: float, top_k: int, top_p: float, record: Choice, vocab: int
) -> None:
    distribution = distribution_of(record, vocab)
    assert distribution is not None
    cut = distribution.cut(Rules(temperature, min_p, top_k, top_p))
    assert 0 <= cut.least <= cut.most <= len(distribution.tokens)
    assert all(0 <= share <= 1 for share in cut.shares)
    assert cut.entropy is None or 0 <= cut.entropy <= 5
    assert cut.count


# ---- its way through the link ------------------------------------------------------------------------------------


def test_a_choice_waits_for_its_token_and_for_nothing_else() -> None:
    stream = TokenStream()
    assert stream.on_token(token(0)) == [token(0)]
    assert stream.on_choice(choice(0)) == [choice(0)]
    assert stream.on_choice(choice(1)) == []  # its token was lost
    assert stream.on_token(token(2)) == []
    assert stream.on_choice(choice(2)) == []
    assert stream.on_token(token(1)) == [token(1), choice(1), token(2), choice(2)]
    assert stream.on_token(token(3)) == [token(3)]
    assert stream.on_finished(end(4)) == [end(4)], "the choice of the last one was lost, and is not waited for"


def test_choices_of_a_gap_that_stays_come_out_behind_it() -> None:
    stream = TokenStream()
    stream.on_token(token(0))
    assert stream.on_choice(choice(3)) == []
    assert stream.on_token(token(3)) == []
    assert stream.skip() == [token(3), choice(3)]
    assert stream.begin(2) == []


def test_parts_of_a_long_token_come_before_its_choice() -> None:
    stream = TokenStream()
    assert stream.on_choice(choice(0)) == [choice(0)], "nothing is followed yet"
    assert stream.on_token(token(0, more=True)) == [token(0, more=True)]
    assert stream.on_choice(choice(0)) == []
    assert stream.on_token(token(0, part=1)) == [token(0, part=1), choice(0)]


# ---- the state ---------------------------------------------------------------------------------------------------


def turn_of(state: State) -> Turn:
    turn = state.turn or state.items[-1]
    assert isinstance(turn, Turn)
    return turn


def sampling(**more: Any) -> SamplingState:
    values: dict[str, Any] = {"temperature": 850_000, "min_p": 50_000, "top_p": 950_000, "top_k": 80}
    values |= {"no_repeat_ngram": 4, "repeat_penalty": 1_150_000, "max_tokens": 160, "seed": 42, **more}
    return SamplingState(time=1, **values)


def test_a_choice_belongs_to_its_token_with_the_rules_of_that_moment() -> None:
    state = run(sampling(), token(0), token(1), choice(1), sampling(top_k=5), token(2), choice(2), choice(7), choice(0))
    tokens = turn_of(state).tokens
    assert [one.choice for one in tokens] == [choice(0), choice(1), choice(2)]
    assert [one.sampling.top_k if one.sampling else None for one in tokens] == [5, 80, 5]
    assert run(choice(1, rank=5), state=state).turn is state.turn, "a line may come twice"
    assert turn_of(run(choice(2, generation=9), state=state)).tokens == tokens


def test_only_so_many_choices_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_parts, "MAX_CHOICES", 40)
    monkeypatch.setattr(turns, "MAX_CHOICES", 40)
    state = State()
    for generation in range(1, 8):
        things: list[Record] = []
        for index in range(10):
            things += [token(index, generation), choice(index, generation)]
        state = run(*things, finished(generation, tokens=10), state=state)
    kept = [item.choices for item in state.items if isinstance(item, Turn)]
    assert kept[-2:] == [10, 10]
    assert kept[0] == 0
    assert sum(kept) <= 40
    long: list[Record] = []
    for index in range(100):
        long += [token(index, 9), choice(index, 9)]
    turn = turn_of(run(*long, state=state))
    known = [one.index for one in turn.tokens if one.choice is not None]
    assert 20 <= len(known) <= 40
    assert known == list(range(100 - len(known), 100))
    assert turn.choices == len(known)


def test_words_are_clean_and_belong_to_one_vocabulary() -> None:
    model = Model(time=1, file="a.bin", vocab=100)
    state = run(model, Word(token=5, text=b" bird"), Word(token=6, text=b"\x1b]0;x\x07\xff"), model)
    assert state.words[5] == " bird"
    assert is_clean(state.words[6])
    assert run(Model(time=2, file="b.bin", vocab=100), state=state).words == {}


# ---- with a kernel -----------------------------------------------------------------------------------------------


async def test_every_token_of_an_answer_has_its_choice_and_words_or_is_counted_as_one_without(
    live: LiveSession,
) -> None:
    granted = await live.want_choices(50)
    assert (granted.ok, granted.output) == (True, "20")
    outcome = await live.submit(PROMPT)
    assert outcome.turn is not None
    told = [(place, one) for place, one in enumerate(outcome.turn.tokens) if one.choice is not None]
    dropped = sum(one.choice.dropped for _place, one in told if one.choice is not None)  # the line was full
    assert len(told) + dropped == told[-1][0] + 1
    assert len(told) > len(outcome.turn.tokens) / 2
    assert all(one.sampling is not None for _place, one in told)
    listed = {one.token for token in outcome.turn.tokens if token.choice for one in read(token.choice.likeliest)}
    await until(lambda: listed <= live.state.words.keys())
    texts = [outcome.turn.text[one.start : one.end] for one in outcome.turn.tokens]
    assert [
        live.state.words.get(one.token, text) for one, text in zip(outcome.turn.tokens, texts, strict=True)
    ] == texts
    assert (await live.want_choices(0)).output == "0"
    again = await live.submit(PROMPT)
    assert again.turn is not None
    assert not any(one.choice for one in again.turn.tokens)


async def test_what_was_wanted_is_asked_for_again_after_a_restart(live: LiveSession) -> None:
    await live.want_choices(4)
    machine = live.machine
    assert machine is not None
    await machine.reset()
    await until(lambda: live.state.boots == 2)
    await live.wait_ready(30)
    outcome = await live.submit(PROMPT)
    assert outcome.turn is not None
    told = [one for one in outcome.turn.tokens if one.choice is not None]  # some found no room on the line
    assert len(told) > len(outcome.turn.tokens) / 2


async def test_on_a_bad_line_choices_are_missing_and_never_wrong(kernel: Kernel, sessions: Sessions) -> None:
    await kernel.start()
    async with Chaos(kernel.folder / "front", kernel.socket, seed=5) as chaos:
        session = sessions(kernel.folder / "front")
        session.choices = 6
        events: list[Event] = collect(session)
        await session.open()
        await session.wait_ready(30)
        chaos.down.drop_line, chaos.down.double_line, chaos.down.flip_bit = 0.15, 0.1, 0.001
        outcome = await asyncio.wait_for(session.submit(PROMPT), PATIENCE)
        assert outcome.turn is not None
        tokens = outcome.turn.tokens
        assert outcome.turn.lost_tokens == 0
        told = [one for one in tokens if one.choice is not None]
        assert 0 < len(told) < len(tokens)
        for one in told:
            assert one.choice is not None
            listed = read(one.choice.likeliest)
            if one.choice.rank <= len(listed):
                assert listed[one.choice.rank - 1].token == one.token
    seen: set[int] = set()
    for event in events:
        if isinstance(event, RecordReceived) and isinstance(event.record, Token):
            seen.add(event.record.index)
        elif isinstance(event, RecordReceived) and isinstance(event.record, Choice):
            assert event.record.index in seen, "a choice comes behind its token"
    assert records(events, Choice)


async def test_an_older_kernel_refuses_and_nothing_else_fails(
    live: LiveSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel that does not know the operation: the word of its refusal is the protocol's own."""
    from llmbm_console.core.link.requests import RequestError

    assert live._link is not None
    request = live._link.request

    async def refuse(op: str, *rest: Any, **arguments: Any) -> Any:
        if op == "prob":
            raise RequestError("op", "is not a known word")
        return await request(op, *rest, **arguments)

    monkeypatch.setattr(live._link, "request", refuse)
    outcome = await live.want_choices(5)
    assert not outcome.ok
    assert "older than this console" in outcome.error
    assert (await live.submit(PROMPT)).ok
