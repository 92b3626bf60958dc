"""How each token was chosen: told to who asks, priced as a sample, and never at the cost of what is said."""

from __future__ import annotations

import itertools

import pytest
from link_client import Boot, Credited, Host

from llmbm_protocol.choice import Choice
from llmbm_protocol.likeliest import MOST_LIKELIEST, read
from llmbm_protocol.schema import Counters, Stream, Token, Word

DRAWN = {"temp": "0.9", "norepeat": "4", "repeat": "1.15", "max_tokens": "40"}


@pytest.fixture
def host(boot: Boot) -> Host:
    """The plain kernels take longer for a token than lies between two polls, and what 40 tokens say fits into the
    socket: the ring is never half full, however late this host reads, and no choice is left out."""
    host = boot().session()
    assert host.ask("set", parameter="attn", value="reference").ok
    return host


def set_all(host: Host, **values: str) -> None:
    for name, value in values.items():
        assert host.ask("set", parameter=name, value=value).ok


def tell(host: Host, most: int, prompt: bytes = b"Once upon a time") -> tuple[list[Token], list[Choice]]:
    """One answer of a new conversation, with or without its choices."""
    assert host.ask("prob", count=most).value == str(min(most, MOST_LIKELIEST))
    set_all(host, seed="7")
    host.run("/clear")
    since = len(host.records)
    host.finished(host.generate(prompt))
    return host.of(Token, since), host.of(Choice, since)


def test_nothing_is_told_until_it_is_asked_for(host: Host) -> None:
    set_all(host, **DRAWN)
    host.finished(host.generate())
    assert host.of(Token)
    assert not host.of(Choice)


def test_every_token_is_followed_by_its_choice(host: Host) -> None:
    set_all(host, **DRAWN)
    tokens, choices = tell(host, 8)
    assert [(one.generation, one.index) for one in choices] == [(one.generation, one.index) for one in tokens]
    order = [type(record) for record in host.records if isinstance(record, (Token, Choice))]
    assert order == [Token, Choice] * len(tokens)
    for token, choice in zip(tokens, choices, strict=True):
        listed = read(choice.likeliest)
        assert len(listed) == 8
        assert 0 < choice.probability <= 1_000_000
        if choice.rank <= len(listed):
            assert listed[choice.rank - 1].token == token.token
        assert choice.rank <= choice.kept[2] <= choice.kept[1] <= choice.kept[0]
        assert choice.temperature == 900_000


def test_what_is_said_does_not_depend_on_whether_it_is_told(host: Host) -> None:
    for values in (DRAWN, {**DRAWN, "temp": "0"}, {**DRAWN, "min_p": "0", "top_p": "1", "top_k": "0"}):
        set_all(host, **values)
        silent, none = tell(host, 0)
        told, choices = tell(host, 20)
        assert [one.token for one in told] == [one.token for one in silent]
        assert (len(none), len(choices)) == (0, len(told))


def test_a_greedy_choice_has_no_cuts_and_the_first_rank(host: Host) -> None:
    set_all(host, temp="0")
    _, choices = tell(host, 3)
    assert {(one.temperature, one.rank, one.kept) for one in choices} == {(0, 1, ())}


@pytest.mark.parametrize("most", [1, 5, 20, 65535])
def test_a_list_has_as_many_as_were_granted_or_fit_into_the_line(host: Host, most: int) -> None:
    set_all(host, **DRAWN)
    _, choices = tell(host, most)
    lines = [line for line in host.raw.split(b"\r\n") if line.startswith(b"@C")]
    for choice, line in zip(choices, lines, strict=True):
        count = len(read(choice.likeliest))
        assert count == min(most, MOST_LIKELIEST) or len(line) + 2 > 240 - len("1023:65535!;") - 8
        assert len(line) + 2 <= 240


def test_it_ends_when_it_is_no_longer_wanted_and_with_the_session(host: Host) -> None:
    set_all(host, **DRAWN)
    assert tell(host, 4)[1]
    assert not tell(host, 0)[1]
    assert tell(host, 4)[1]
    host.hello()
    host.finished(host.generate())
    assert len(host.of(Choice)) == len({(one.generation, one.index) for one in host.of(Choice)})
    assert max(one.generation for one in host.of(Token)) > max(one.generation for one in host.of(Choice))


def test_it_can_be_asked_for_while_an_answer_runs(slow_host: Host) -> None:
    set_all(slow_host, **DRAWN)
    generation = slow_host.generate()
    slow_host.wait_for(Token, lambda token: token.index == 2)
    assert slow_host.ask("prob", count=2).ok
    slow_host.wait_for(Choice)
    assert slow_host.ask("prob", count=0).ok
    slow_host.finished(generation)
    choices = slow_host.of(Choice)
    assert all(after.dropped == after.index - before.index - 1 for before, after in itertools.pairwise(choices))
    assert choices[0].index - choices[0].dropped >= 2


def test_tokens_that_are_held_back_keep_their_choices(host: Host) -> None:
    """While a stop pattern may be beginning, tokens wait; a token's choice waits with it."""
    set_all(host, **DRAWN, stop_nl="1", stop_you="1")
    tokens, choices = tell(host, 5, b"He said:\n")
    assert tokens
    for token, choice in zip(tokens, choices, strict=True):
        assert choice.index == token.index
        if choice.rank <= 5:
            assert read(choice.likeliest)[choice.rank - 1].token == token.token


def test_what_the_ban_and_the_penalty_do_is_told(host: Host) -> None:
    set_all(host, temp="0", norepeat="2", repeat="1.8", max_tokens="150")
    _, choices = tell(host, 12)
    assert any(choice.banned for choice in choices)
    assert any(choice.weakened for choice in choices)
    assert any(one.weakened for choice in choices for one in read(choice.likeliest))
    for choice in choices:
        if choice.otherwise is not None:
            assert choice.otherwise != read(choice.likeliest)[0].token
    assert any(choice.otherwise is not None for choice in choices)


def test_a_full_line_loses_choices_before_tokens_and_counts_them(boot: Boot) -> None:
    """This kernel makes more tokens a second than a real line carries choices: the ring fills, and what is dropped is
    told by the next one that is sent."""
    host = boot("--uart", "16550").session(Credited)
    set_all(host, **{**DRAWN, "max_tokens": "256"})
    tokens, choices = tell(host, 20)
    assert 1 < len(choices) < len(tokens)
    assert [token.index for token in tokens] == list(range(len(tokens)))
    for before, after in itertools.pairwise(choices):
        assert after.dropped == after.index - before.index - 1
    assert host.ask("stat", stream=Stream.PERF).ok
    assert all(counters.dropped == 0 for counters in host.of(Counters)), "samples are not counted as lost frames"


def test_the_words_behind_ids_are_told(host: Host) -> None:
    set_all(host, **DRAWN)
    tokens, choices = tell(host, 8)
    ids = [one.token for one in read(choices[-1].likeliest)]
    said = {token.token: token.text for token in tokens}
    assert host.ask("word", text=" ".join(map(str, ids)).encode()).count == len(ids)
    words = host.of(Word)
    assert [word.token for word in words] == ids
    assert all(word.text == said[word.token] for word in words if word.token in said)
    assert sum(word.token in said for word in words) >= 1


@pytest.mark.parametrize(
    "text", [b"x", b"1 x", b"1  2", b"1,2", b"-1", b"999999", b"99999999999999999999", b" ", b"\x00"]
)
def test_ids_that_are_none_are_refused(host: Host, text: bytes) -> None:
    answer = host.ask("word", text=text)
    assert (answer.ok, answer.error, answer.field) == (False, "arg", "s")
    assert not host.of(Word)
    assert host.ask("word", text=b"").count == 0


def test_words_are_told_while_an_answer_runs(slow_host: Host) -> None:
    generation = slow_host.generate()
    slow_host.wait_for(Token)
    assert slow_host.ask("word", text=b"5 6").count == 2
    assert slow_host.ask("stop").ok
    slow_host.finished(generation)
