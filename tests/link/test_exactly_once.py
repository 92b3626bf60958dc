"""Nothing is done twice, and long texts are put together from pieces whatever is repeated."""

from __future__ import annotations

from link_client import PROMPT, Host, rows, short

from llmbm_protocol.schema import (
    Output,
    Token,
)

# ---- exactly once ----------------------------------------------------------------------------------------------------


def test_a_repeated_id_gets_the_stored_answer_and_nothing_else(host: Host) -> None:
    first = host.ask("set", id=50, parameter="temp", value="0.5")
    second = host.ask("set", id=50, parameter="temp", value="0.9")
    assert first.value == "0.5"
    assert second == first  # with the time of the first
    assert host.ask("get", parameter="temp").value == "0.5"


def test_a_repeated_run_runs_once(host: Host) -> None:
    short(host, 5)
    assert host.ask("run", id=60, text=b"/clear").ok
    short(host, 5)
    held = rows(host)
    host.next_id = 61
    since = len(host.records)
    assert host.ask("run", id=60, text=b"/clear").ok
    assert not host.of(Output, since)
    assert rows(host) == held > 0


def test_a_refusal_is_repeated_too(host: Host) -> None:
    first = host.ask("set", id=70, parameter="temp", value="9")
    again = host.ask("set", id=70, parameter="temp", value="1")
    assert not again.ok
    assert again.error == first.error


def test_a_generation_asked_for_again_while_it_runs_is_not_run_again(slow_host: Host) -> None:
    first = slow_host.ask("gen", id=80, text=PROMPT)
    slow_host.wait_for(Token)
    for _ in range(3):
        again = slow_host.ask("gen", id=80, text=PROMPT)
        assert (again.ok, again.generation) == (True, first.generation)
    slow_host.ask("stop")
    slow_host.finished(first.generation or 0)
    slow_host.settle(0.1)
    assert {token.generation for token in slow_host.of(Token)} == {first.generation}
    assert slow_host.next_credit().generation == first.generation


def test_a_request_that_comes_twice_before_it_is_answered_is_answered_once(host: Host) -> None:
    short(host, 3)
    since = len(host.records)
    _, run = host.line("run", id=90, text=b"/version")
    host.send(run + run)
    host.answer(90, since)
    host.settle(0.1)
    # Whether the second was read before or after the end of the first: the command ran once.
    assert len({output.index for output in host.of(Output, since)}) == len(host.of(Output, since))


def test_four_answers_are_kept(host: Host) -> None:
    values = ["0.1", "0.2", "0.3", "0.4"]
    for number, value in enumerate(values, 1):
        host.ask("set", id=number, parameter="temp", value=value)
    for number, value in enumerate(values, 1):
        assert host.ask("set", id=number, parameter="temp", value="1").value == value
    host.ask("ping", id=5)
    assert host.ask("set", id=1, parameter="temp", value="1").value == "1", "forgotten: done anew"


# ---- staged text -----------------------------------------------------------------------------------------------------


def staged(host: Host, data: bytes, piece: int = 56) -> int:
    """Stages all but the last piece; the offset of that."""
    at = 0
    while len(data) - at > piece:
        assert host.ask("text", text=data[at : at + piece], offset=at).ok
        at += piece
    return at


def test_a_long_prompt_is_put_together(host: Host) -> None:
    text = b"Once upon a time there was a little girl who liked to play. " * 4
    at = staged(host, text)
    host.ask("set", parameter="max_tokens", value="1")
    answer = host.ask("gen", text=text[at:], offset=at)
    long = host.finished(answer.generation or 0).prompt_tokens
    host.run("/clear")
    at = staged(host, text, 7)
    answer = host.ask("gen", text=text[at:], offset=at)
    assert host.finished(answer.generation or 0).prompt_tokens == long > 40


def test_pieces_that_are_staged_already_change_nothing(host: Host) -> None:
    for offset, piece in [(0, b"/temp"), (5, b" 0."), (8, b"12"), (5, b" 0."), (6, b"0.1"), (8, b"12")]:
        assert host.ask("text", text=piece, offset=offset).ok, (offset, piece)
    assert host.ask("run", text=b"5", offset=10).ok
    assert host.ask("get", parameter="temp").value == "0.125"


def test_a_gap_or_an_overlap_is_refused_with_the_offset_that_is_expected(host: Host) -> None:
    assert host.ask("text", text=b"/temp", offset=0).ok
    for offset, piece in [(6, b"x"), (3, b"mp 1"), (4_294_967_295, b"x")]:
        refused = host.ask("text", text=piece, offset=offset)
        assert (refused.ok, refused.error, refused.field) == (False, "state", "o")
        assert "o=5" in (refused.message or "")
    assert host.ask("run", text=b" 0.5", offset=5).ok
    assert host.ask("get", parameter="temp").value == "0.5"


def test_offset_zero_begins_anew_and_no_offset_takes_the_text_alone(host: Host) -> None:
    host.ask("text", text=b"/temp 0.1", offset=0)
    host.ask("text", text=b"/temp", offset=0)
    assert host.ask("run", text=b" 0.2", offset=5).ok
    host.ask("text", text=b"rubbish", offset=0)
    assert host.ask("run", text=b"/top_k 7").ok
    assert (host.ask("get", parameter="temp").value, host.ask("get", parameter="top_k").value) == ("0.2", "7")
    assert host.ask("text", text=b"x", offset=7).error == "state", "what was staged is forgotten"


def test_the_longest_text_has_4095_octets(host: Host) -> None:
    text = b"a" * 4095
    at = staged(host, text)
    assert host.ask("text", text=text[at:], offset=at).ok
    assert host.ask("text", text=b"b", offset=4095).error == "toolong"
    assert host.ask("gen", text=b"bb", offset=4095).error == "toolong"
