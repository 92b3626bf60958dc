"""Two answers beside each other: which ones, how far they are the same, and what may be said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbm_console.core.answers.compare import (
    Chance,
    Outcome,
    chances,
    compare,
    context,
    differences,
    in_common,
    moved,
    verdict,
    why_not_repeated,
)
from llmbm_console.core.answers.pairs import Pairing, answers, called, key_of
from llmbm_console.core.answers.stamp import likeness, stamp, why_no_stamp
from llmbm_console.core.state.events import PromptSent, RecordReceived
from llmbm_console.core.state.state import SamplingChange, Seam, Slide, State, TokenInfo, Turn
from llmbm_console.core.state.store import reduce
from llmbm_protocol.likeliest import Likely, written
from llmbm_protocol.schema import (
    Choice,
    Credit,
    Event,
    Finished,
    LogLevel,
    Model,
    SamplingState,
    Sentinel,
    StopReason,
    Token,
)
from llmbm_protocol.words import LogCode

WARM = SamplingState(
    time=1,
    temperature=800_000,
    min_p=50_000,
    top_p=950_000,
    top_k=80,
    no_repeat_ngram=4,
    repeat_penalty=1_150_000,
    max_tokens=160,
    seed=42,
)
GREEDY = WARM.model_copy(update={"temperature": 0})
MODEL = Model(time=1, file="stories700K.bin", format="fp32-v0", parameters=700_000)


def turn(
    number: int,
    ids: Sequence[int],
    *,
    prompt: str = "Once",
    place: int = 1,
    reason: StopReason = StopReason.EOS,
    settings: SamplingState | None = GREEDY,
    **changes: object,
) -> Turn:
    """An ended answer of tokens whose texts are their ids, as turn `place` of its conversation."""
    text, tokens = "", []
    for index, token in enumerate(ids):
        start, text = len(text), f"{text} {token}"
        tokens.append(TokenInfo(index, token, start, len(text), 1000 + index, index * 10, number + index / 100))
    done = Finished(
        generation=number,
        time=1,
        reason=reason,
        tokens=len(ids),
        prompt_tokens=3,
        prefill_us=10,
        decode_us=100,
        kv_rows=9,
        turn=place,
    )
    made = Turn(number, prompt, float(number), text, tuple(tokens), 1000, settings=settings, model=MODEL, finished=done)
    return replace(made, **changes)  # type: ignore[arg-type]


def running(one: Turn) -> Turn:
    return replace(one, finished=None)


# ---- which two


def test_the_newest_answer_is_put_beside_the_newest_earlier_one_to_the_same_prompt() -> None:
    turns = [turn(1, [1]), turn(2, [2], prompt="Other"), turn(3, [3])]
    assert Pairing().of(turns) == (turns[0], turns[2])
    assert Pairing().of([*turns, turn(4, [1], prompt="New")]) == (turns[2], turn(4, [1], prompt="New"))
    assert Pairing().of(turns[:1]) is None


def test_an_answer_that_was_chosen_stays_while_the_other_side_follows_the_session() -> None:
    turns = [turn(number, [number]) for number in range(1, 4)]
    again = Pairing(a=key_of(turns[0]))
    assert again.of(turns) == (turns[0], turns[2])
    grown = [*turns, running(turn(4, [9]))]
    assert again.of(grown) == (turns[0], grown[3])
    assert again.of(turns[1:]) == (turns[1], turns[2]), "what was let go is as if it had not been chosen"


def test_a_step_goes_past_the_other_side_and_behind_the_last_one_to_the_first() -> None:
    turns = [turn(number, [number]) for number in range(1, 5)]
    pairing = Pairing(key_of(turns[0]), key_of(turns[2]))
    seen = []
    for _ in range(4):
        pairing = pairing.stepped(turns, "b", 1)
        pair = pairing.of(turns)
        assert pair is not None
        seen.append((pair[0].number, pair[1].number))
    assert seen == [(1, 4), (1, 2), (1, 3), (1, 4)]
    swapped = pairing.swapped(turns).of(turns)
    assert swapped is not None
    assert [one.number for one in swapped] == [4, 1]


@given(st.integers(2, 6), st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from([-1, 1])), max_size=8))
def test_whatever_is_chosen_there_are_always_two_different_answers(count: int, steps: list[tuple[str, int]]) -> None:
    turns, pairing = [turn(number, [number]) for number in range(1, count + 1)], Pairing()
    for side, direction in steps:
        pairing = pairing.stepped(turns, side, direction)  # type: ignore[arg-type]
        pair = pairing.of(turns)
        assert pair is not None
        assert key_of(pair[0]) != key_of(pair[1])


def test_answers_whose_number_was_given_again_are_told_apart() -> None:
    turns = [turn(1, [1]), turn(2, [2]), turn(1, [3], started_at=9.0), turn(1, [3], started_at=11.0)]
    assert [called(one, turns) for one in turns] == ["turn 1 (1st)", "turn 2", "turn 1 (2nd)", "turn 1 (3rd)"]


# ---- how far they are the same


def test_tokens_are_compared_by_their_ids_up_to_the_first_that_differs() -> None:
    found = compare(turn(1, [5, 6, 7, 8]), turn(2, [5, 6, 9, 8, 1]))
    assert found.outcome is Outcome.DIVERGED
    assert in_common(found) == "the same up to token 2 of 4 in A and 5 in B"
    assert found.parts == (4, 4)
    assert found.tokens is not None
    assert [token.token for token in found.tokens] == [7, 9]


def test_the_same_text_of_other_tokens_is_not_the_same() -> None:
    one = turn(1, [5, 6])
    other = replace(one, number=2, tokens=tuple(replace(token, token=token.token + 1) for token in one.tokens))
    assert in_common(compare(one, other)) == "different from the first token on"


def test_an_answer_that_goes_on_behind_the_other_one_and_one_that_runs() -> None:
    short, long = turn(1, [5, 6]), turn(2, [5, 6, 7])
    assert in_common(compare(short, long)) == "A ends at token 2, B goes on: the same up to there"
    assert in_common(compare(long, short)) == "B ends at token 2, A goes on: the same up to there"
    assert in_common(compare(long, running(short))) == "the same 2 tokens so far"
    assert compare(running(long), short).outcome is Outcome.B_ENDS
    assert in_common(compare(long, running(turn(3, [])))) == "nothing to compare yet"
    assert in_common(compare(short, turn(3, [5, 6]))) == "the same 2 tokens"


def test_what_was_lost_on_the_line_is_not_taken_for_the_same() -> None:
    whole = turn(1, [5, 6, 7, 8])
    gap = replace(whole, number=2, tokens=(*whole.tokens[:2], whole.tokens[3]), lost_tokens=1)
    assert in_common(compare(whole, gap)) == "the same up to token 2; what followed was lost on the line"
    tail = replace(whole, number=2, tokens=whole.tokens[:3], lost_tokens=1)
    assert compare(whole, tail).outcome is Outcome.LOST


def test_an_answer_that_a_clip_joined_is_compared_from_there() -> None:
    whole = turn(1, [5, 6, 7, 8])
    joined = replace(whole, number=2, tokens=whole.tokens[2:], before=2)
    found = compare(whole, joined)
    assert (found.outcome, found.first, found.same) == (Outcome.SAME, 2, 2)
    assert in_common(found) == "the same 2 tokens from token 3 on"


def test_answers_of_a_log_are_compared_by_their_characters() -> None:
    one, other = (Turn(number, "Once", float(number), text, told="ended") for number, text in ((1, "abcd"), (2, "abX")))
    found = compare(one, other)
    assert not found.by_ids
    assert in_common(found) == "the same up to character 2 of 4 in A and 3 in B"


# ---- the stamp


def test_a_stamp_is_of_the_token_ids_in_their_order_and_of_nothing_else() -> None:
    made = turn(1, [1, 258])
    assert stamp(made) == sha256(bytes([1, 0, 0, 0, 2, 1, 0, 0])).hexdigest()[:8]
    assert stamp(turn(7, [1, 258], prompt="Other", settings=WARM)) == stamp(made)
    assert stamp(turn(1, [258, 1])) != stamp(made)


@pytest.mark.parametrize(
    ("of", "why"),
    [
        (running(turn(1, [1])), "the answer runs"),
        (turn(1, [1], lost_tokens=2), "2 tokens lost on the line"),
        (turn(1, [1], before=3), "the first 3 tokens came before this clip"),
        (turn(1, []), "the answer has no token"),
        (Turn(1, "p", 1.0, "text", told="ended"), "its token ids are not known"),
    ],
)
def test_an_answer_of_which_not_all_tokens_are_here_has_no_stamp(of: Turn, why: str) -> None:
    assert stamp(of) == ""
    assert why_no_stamp(of) == why
    assert likeness(of, [turn(0, [1]), of]) == ""


def test_an_answer_is_likened_to_the_newest_earlier_one_of_its_tokens_else_of_its_prompt() -> None:
    turns = [turn(1, [1, 2]), turn(2, [1, 3]), turn(3, [1, 2]), turn(4, [1, 2, 5]), turn(5, [1])]
    assert [likeness(one, turns) for one in turns] == [
        "",
        "diverged from turn 1 at token 2",
        "the same 2 tokens as turn 1",
        "begins with the 2 tokens of turn 3, and goes on",
        "is the beginning of turn 4, which has 3 tokens",
    ]
    other = turn(6, [1, 2], prompt="Other")
    assert likeness(other, [*turns, other]) == "the same 2 tokens as turn 3, which had another prompt"


# ---- what was not the same for both, and what follows


def test_only_what_differs_is_told_of_settings_and_model() -> None:
    settings = WARM.model_copy(update={"temperature": 200_000, "seed": 7})
    other = turn(2, [1], settings=settings, model=MODEL.model_copy(update={"format": "int8-v2", "time": 9}))
    found = differences(turn(1, [1], settings=WARM), other)
    assert found == [
        ("model", "stories700K.bin fp32-v0", "stories700K.bin int8-v2"),
        ("temp", "0.8", "0.2"),
        ("seed", "42", "7"),
    ]
    assert differences(turn(1, [1]), turn(2, [1], settings=None)) == []


def conversation(*turns: Turn | Seam) -> State:
    return State(items=turns)


def test_what_came_before_is_the_same_where_every_turn_before_is() -> None:
    first = [turn(1, [1]), turn(2, [2], prompt="And then?", place=2)]
    again = [turn(3, [1]), turn(4, [2], prompt="And then?", place=2)]
    state = conversation(*first, *again)
    assert context(state, first[0], again[0]) == (True, "both begin a conversation")
    assert context(state, first[1], again[1]) == (True, "the same 1 turn before")
    assert context(state, first[0], again[1]) == (False, "A is turn 1 of its conversation, B turn 2")
    another = replace(again[0], tokens=turn(3, [9]).tokens)
    assert context(conversation(*first, another, again[1]), first[1], again[1]).equal is False


def test_what_came_before_is_not_known_behind_a_gap_or_before_an_end() -> None:
    first = [turn(1, [1]), turn(2, [2], place=2)]
    again = [turn(3, [1]), turn(4, [2], place=2)]
    state = conversation(*first, again[0], Seam("gap", 3.5), again[1])
    assert context(state, first[1], again[1]).equal is None
    full = replace(again[0], slides=(Slide(1, 1, Seam("full", 3.5)),))
    assert context(conversation(*first, full, again[1]), first[1], again[1]).equal is None
    assert context(conversation(*first[1:], *again), first[1], again[1]).equal is None
    assert context(state, first[0], running(again[0])).equal is None


def told(a: Turn, b: Turn, *others: Turn) -> tuple[str, bool]:
    state = conversation(*others, a, b)
    return verdict(compare(a, b), differences(a, b), context(state, a, b))


def test_equal_circumstances_are_told_with_what_they_led_to() -> None:
    assert told(turn(1, [1]), turn(2, [1]))[0].endswith("what came before are equal, and so are the tokens")
    words, odd = told(turn(1, [1]), turn(2, [2]))
    assert "at temp 0 nothing is drawn: these should be the same" in words
    assert odd
    words, odd = told(turn(1, [1], settings=WARM), turn(2, [2], settings=WARM))
    assert "random numbers go on from answer to answer: they begin anew where /seed 42 is given" in words
    assert not odd


def test_nothing_is_concluded_from_what_is_explained_or_not_known() -> None:
    assert told(turn(1, [1]), turn(2, [2], settings=WARM)) == ("", False)
    assert told(turn(1, [1]), turn(2, [2], prompt="Other")) == ("", False)
    assert told(turn(1, [1]), turn(2, [2], place=2)) == ("", False)
    assert told(turn(1, [1, 2]), turn(2, [1], reason=StopReason.STOPPED)) == ("", False)
    words, odd = told(turn(1, [1]), turn(2, [2], settings=None, model=None))
    assert words == (
        "not known of both: the model, the sampling values; whether these should be the same cannot be told"
    )
    assert not odd


def test_the_probabilities_of_both_tokens_are_told_where_they_part() -> None:
    likeliest = written([Likely(7, 0, False), Likely(9, 256, False)])
    choice = Choice(
        generation=1, index=1, temperature=1_000_000, probability=700_000, rank=1, rest=(10_000, 0), likeliest=likeliest
    )
    a, b = turn(1, [5, 7]), turn(2, [5, 9])
    a = replace(a, tokens=(a.tokens[0], replace(a.tokens[1], choice=choice)))
    of_a, of_b = chances(compare(a, b), 1024)
    assert isinstance(of_a, Chance)
    assert of_a.own == 0.7
    assert of_a.other is not None
    assert 0 < of_a.other < of_a.own
    assert of_b is None


def test_a_turn_knows_the_model_that_was_loaded_when_it_began() -> None:
    state = reduce(State(), RecordReceived(1.0, MODEL))
    state = reduce(state, PromptSent(2.0, "Once", 1))
    state = reduce(state, RecordReceived(3.0, MODEL.model_copy(update={"file": "other.bin"})))
    assert answers(state)[0].model == MODEL


def test_only_an_answer_that_began_a_conversation_with_known_values_can_be_repeated() -> None:
    assert why_not_repeated(turn(1, [1])) == ""
    assert why_not_repeated(turn(2, [1], place=3)).startswith("turn 2 was turn 3 of its conversation: only one that")
    assert why_not_repeated(turn(2, [1], settings=None)) == "the sampling values of turn 2 are not known"
    assert "not known to begin a conversation" in why_not_repeated(running(turn(2, [1])))


# ---- what changed while an answer ran


def told_token(generation: int, index: int, cycles: int = 1000) -> RecordReceived:
    record = Token(generation=generation, index=index, token=index, cycles=cycles, time=index, text=b" a")
    return RecordReceived(3.0 + index, record)


def test_the_budget_of_an_answer_is_that_of_its_slowest_pass_whatever_is_in_force_later() -> None:
    budgets = [Sentinel.model_construct(time=1, decode_budget=budget, prefill_budget=9000) for budget in (2000, 4000)]
    state = reduce(State(), PromptSent(2.0, "Once", 1))
    state = reduce(state, RecordReceived(2.0, budgets[0]))
    for event in (told_token(1, 0), told_token(1, 1, 1500), RecordReceived(5.0, budgets[1]), told_token(1, 2)):
        state = reduce(state, event)
    assert state.turn is not None
    assert (state.turn.slowest, state.turn.budget) == (1500, 2000)
    over = reduce(state, told_token(1, 3, 7000))
    assert over.turn is not None
    assert over.turn.budget == 0, "a budget that was told earlier is not the one that let the pass go"
    entry = Event(number=1, time=9, level=LogLevel.WARN, code=LogCode.BUDGET, first=7000, second=6000, message="over")
    both = (told_token(1, 3, 7000), RecordReceived(9.0, entry))
    for first, then in (both, both[::-1]):
        over = reduce(reduce(state, first), then)
        assert over.turn is not None
        assert over.turn.budget == 6000


def test_sampling_values_that_were_moved_while_an_answer_ran_are_told_and_not_called_equal() -> None:
    state = reduce(State(), RecordReceived(1.0, GREEDY))
    for event in (PromptSent(2.0, "Once", 2), told_token(2, 0), told_token(2, 1)):
        state = reduce(state, event)
    for temperature in (0, 60_000):
        changed = GREEDY.model_copy(update={"temperature": temperature, "time": 9})
        state = reduce(state, RecordReceived(4.0, changed))
    assert state.turn is not None
    b = replace(turn(2, [2]), settings=state.turn.settings, changes=state.turn.changes)
    assert moved(b) == [("temp", "0 to 0.06 from about token 3")]
    assert told(turn(1, [1]), b) == ("", False)
    assert why_not_repeated(b).endswith("were changed while it ran: temp 0 to 0.06 from about token 3")


def test_an_answer_of_a_loaded_state_began_as_the_one_did_that_the_state_is_of() -> None:
    change = [SamplingChange(token, settings) for token, settings in ((3, WARM), (9, GREEDY))]
    first = turn(7, [1, 2], changes=tuple(change))
    state = reduce(State(items=(first,), sampling=GREEDY), PromptSent(99.0, "Once", 7, resumed=5))
    state = reduce(state, RecordReceived(99.1, WARM))
    assert state.turn is not None
    assert (state.turn.settings, state.turn.changes) == (GREEDY, (change[0],))
    state = reduce(state, RecordReceived(99.2, GREEDY))
    assert state.turn is not None
    assert state.turn.changes[1:] == (SamplingChange(6, GREEDY),)
    state = reduce(state, RecordReceived(99.3, Credit(consumed=9, window=15, generation=7, tokens=20)))
    state = reduce(state, RecordReceived(99.4, WARM))
    assert state.turn is not None
    assert state.turn.changes[2:] == (SamplingChange(21, WARM),), "the first 20 are asked for again, and come later"
