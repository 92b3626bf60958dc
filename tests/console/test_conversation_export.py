"""The conversation as Markdown, read by a CommonMark parser: all that was said is in it, nothing of it as markup."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from llmbm_console.core.answers.conversation import conversation, fenced, last_prompt, turn_markdown
from llmbm_console.core.errors import SessionError
from llmbm_console.core.sanitise import clean
from llmbm_console.core.state.state import Command, Seam, Slide, State, TokenInfo, Turn
from llmbm_protocol.schema import Finished
from llmbm_protocol.words import StopReason

DONE = Finished(
    generation=1,
    time=5000,
    reason=StopReason.EOS,
    tokens=61,
    prompt_tokens=14,
    prefill_us=380_000,
    decode_us=4_900_000,
    kv_rows=75,
    turn=1,
)


def blocks(markdown: str) -> list[str]:
    """The contents of its blocks of code."""
    return [token.content for token in MarkdownIt().parse(markdown) if token.type == "fence"]


def kinds(markdown: str) -> set[str]:
    return {token.type for token in MarkdownIt().parse(markdown)}


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]) | st.sampled_from("`~\n#<>"), min_size=1))
def test_any_text_comes_out_of_its_block_as_it_was(text: str) -> None:
    [block] = blocks(fenced(text))
    assert block.removesuffix("\n") == clean(text).removesuffix("\n")
    assert kinds(fenced(text)) == {"fence"}


def test_no_control_character_is_in_it() -> None:
    turn = Turn(1, "a\x1b[31mb", 0.0, "c\x07\u202ed")
    written = turn_markdown(turn)
    assert not any(sign in written for sign in "\x1b\x07\u202e")


def test_every_turn_command_and_seam_is_told_with_what_it_cost() -> None:
    state = State(
        target="sim:`x` [link](y)",
        items=(
            Turn(1, "Tell `me`", 10.0, "```\n# Once\n```", finished=DONE, slowest=1234),
            Command("/temp 0.5", True, "temp = 0.5\n", "", 11.0),
            Seam("the *line* was lost", 12.0),
            Turn(2, "And then?", 13.0, "<b>", cut="the machine restarted"),
        ),
        dropped_items=3,
    )
    written = conversation(state, 0.0)
    assert blocks(written) == ["Tell `me`\n", "```\n# Once\n```\n", "/temp 0.5\ntemp = 0.5\n", "And then?\n", "<b>\n"]
    assert not {"html_block", "html_inline"} & kinds(written)
    assert "61 tokens, 4.9 s, 12.2 tokens/s, prefill 14 tokens in 0.38 s, slowest token 1,234 cycles, end of story" in (
        written
    )
    assert "`the *line* was lost`" in written
    assert "`the machine restarted`" in written
    assert "3 older entries were let go" in written
    titles = [inline.content for inline in MarkdownIt().parse(written) if inline.type == "inline"]
    assert titles[0] == "Conversation with `` sim:`x` [link](y) ``"


def test_an_answer_in_which_the_context_became_full_has_a_block_for_each_part_and_what_was_done_between_them() -> None:
    tokens = tuple(TokenInfo(at, 5, 4 * at, 4 * at + 4, 1, 10 * at, 10.0) for at in range(3))
    slides = (Slide(5, 1, Seam("it *slid*", 10.0)), Slide(15, 2, Seam("again", 10.0)))
    written = turn_markdown(Turn(1, "Tell", 10.0, " one two ```", tokens, finished=DONE, slides=slides))
    assert blocks(written) == ["Tell\n", " one\n", " two\n", " ```\n"]
    order = [token.content for token in MarkdownIt().parse(written) if token.type in ("fence", "inline")]
    assert order[2:7] == ["Answer:", " one\n", "`it *slid*`", " two\n", "`again`"]


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (State(), "nothing was asked yet"),
        (State(turn=Turn(1, "Once", 0.0)), "an answer runs"),
        (State(items=(Turn(1, "", 0.0, "upon"),)), "the last prompt is not known"),
    ],
)
def test_a_prompt_that_cannot_be_asked_again_is_refused_with_the_reason(state: State, why: str) -> None:
    with pytest.raises(SessionError, match=why):
        last_prompt(state)
