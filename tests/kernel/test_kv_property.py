"""Random conversations: after every turn the kernel's cache, tokens, text and reason are those of the slow kernel.

The default run takes the same few examples every time. A long one takes new ones:

    LLMK_EXAMPLES=2000 pytest --timeout 0 tests/kernel/test_kv_property.py
"""

from __future__ import annotations

import dataclasses
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from babbling_model import write_babbling_model
from engine_harness import REFERENCE, Harness, compile_harness
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from made_models import DEFAULT_MODEL, PUBLISHED_MODEL, header_of
from numpy_model import BOS, EOS, Model
from slow_kernel import SlowKernel, Stop, Turn
from slow_sampler import SlowSampler
from wire_kernel import WireKernel

EXAMPLES = int(os.environ.get("LLMK_EXAMPLES", "0"))


def conversations(few: int) -> settings:
    """So many conversations, or as many as were asked for."""
    return settings(
        max_examples=EXAMPLES or few,
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )


PATTERNS = {"stop_you": b"\nYou:", "stop_nl": b"\n\n"}

# ---- models ----------------------------------------------------------------------------------------------------------


def with_fewer_rows(model: Path, folder: Path, seq_len: int) -> Path:
    """A stored model with a shorter context. The file ends with two dead tables that have a line for each row."""
    data, header = model.read_bytes(), header_of(model)
    assert header["vocab_size"] > 0, "with a classifier of its own the tables are not the end"
    gone = (header["seq_len"] - seq_len) * (header["dim"] // header["n_heads"]) * 4
    path = folder / f"{model.stem}-{seq_len}.bin"
    path.write_bytes(data[:24] + struct.pack("<i", seq_len) + data[28:-gone])
    path.with_name(path.stem + ".tok.bin").write_bytes(model.with_name(model.stem + ".tok.bin").read_bytes())
    return path


BABBLING = {8: 3, 33: 4, 64: 5, 150: 6}  # rows of the context, and the seed of the weights; 64 rows fit a pass
STORED = [path for path in (DEFAULT_MODEL, PUBLISHED_MODEL) if path.exists()]


@dataclass
class Pair:
    """A kernel and what it is compared with."""

    kernel: WireKernel
    model: Model
    engine: Harness


@pytest.fixture(scope="module")
def engine_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kernel's own engine without a conversation."""
    return compile_harness(tmp_path_factory.mktemp("engine"), "sim")


def running_pair(path: Path, program: Path, engine_program: Path, *options: str) -> Iterator[Pair]:
    """One kernel for all conversations with a model: what they leave behind must not matter."""
    (path.parent / "repl.cfg").write_text("temp=0\nnorepeat=0\nrepeat=1\nstats=0\n")
    kernel = WireKernel(program, path.parent, *options)
    engine = Harness(engine_program)
    engine.load(path, max(engine.levels()))
    yield Pair(kernel, Model(path), engine)
    kernel.end()
    assert engine.close() == 0


@pytest.fixture(scope="module", params=sorted(BABBLING))
def babbling(
    request: pytest.FixtureRequest, program: Path, engine_program: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    """A kernel with a small made model."""
    folder = tmp_path_factory.mktemp("babbling")
    yield from running_pair(
        write_babbling_model(folder, request.param, BABBLING[request.param]), program, engine_program
    )


@pytest.fixture(scope="module", params=STORED, ids=lambda path: path.stem)
def stored(
    request: pytest.FixtureRequest, program: Path, engine_program: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    """A kernel with a trained model."""
    folder = tmp_path_factory.mktemp("stored")
    yield from running_pair(with_fewer_rows(request.param, folder, 48), program, engine_program)


@pytest.fixture(scope="module")
def unhurried(program: Path, engine_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A kernel that takes so long for a layer that it can be stopped anywhere."""
    path = with_fewer_rows(DEFAULT_MODEL, tmp_path_factory.mktemp("unhurried"), 48)
    for pair in running_pair(path, program, engine_program, "--poll-gap-us", "1000"):
        pair.kernel.set(attn="reference")
        pair.engine.call("level", REFERENCE)
        yield pair


# ---- conversations ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Say:
    """A prompt."""

    text: str

    def prompt(self, slow: SlowKernel) -> str:
        return self.text


@dataclass(frozen=True)
class Fill:
    """A prompt that reaches the last row of the cache, or so many more: of what is left, or of the whole context."""

    more: int
    whole: bool

    def prompt(self, slow: SlowKernel) -> str:
        taken = 1 if self.whole or not slow.context else len(slow.context)
        count: int = max(0, slow.seq_len - taken + self.more - 1)
        return "?" * count  # llama2.c's space is a token, too


@dataclass(frozen=True)
class Set:
    """A parameter."""

    name: str
    value: str


@dataclass(frozen=True)
class Run:
    """A command."""

    line: str


Step = Say | Fill | Set | Run
WORDS = [
    "Once upon a time",
    "Lily",
    "the",
    " ",
    "x",
    "a",
    "\n",
    "\n\nYou:",
    "é",
    "€uro",
    "😀",
    "?",
    "\\",
    "<0x0A>",
    "\t",
]
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map("".join) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40
)
TRIPS = [Run("/test_failsafe prefill"), Run("/test_failsafe decode")]
STEPS: st.SearchStrategy[Step] = st.one_of(
    TEXTS.map(Say),
    TEXTS.map(Say),
    st.builds(Fill, st.integers(-2, 2), st.booleans()),
    st.builds(Set, st.just("overflow"), st.sampled_from(["slide", "clear", "stop"])),
    st.builds(Set, st.just("max_tokens"), st.sampled_from(["1", "2", "7", "30", "90"])),
    st.builds(Set, st.sampled_from(list(PATTERNS)), st.sampled_from(["0", "1"])),
    st.sampled_from([Run("/clear"), Run("/reset"), Say(""), *TRIPS]),
)
TALKS = st.lists(STEPS, min_size=2, max_size=9)
BEGINNINGS: st.SearchStrategy[list[Step]] = st.builds(
    lambda overflow, you, empty_line: [
        Set("overflow", overflow), Set("max_tokens", "40"), Set("stop_you", you), Set("stop_nl", empty_line),
        Run("/clear"), Run("/reset"), Say("a"),
    ],
    st.sampled_from(["slide", "clear", "stop"]), st.sampled_from(["1", "0"]), st.sampled_from(["0", "1"]),
)  # fmt: skip


def apply(slow: SlowKernel, step: Set | Run) -> None:
    """What a setting or command means for the conversation."""
    match step:
        case Run("/clear"):
            slow.clear()
        case Run("/reset"):
            slow.tripped = False
        case Run():
            pass
        case Set("overflow", value):
            slow.overflow = value
        case Set("max_tokens", value):
            slow.max_tokens = int(value)
        case Set(name, value):
            slow.stop_at(PATTERNS[name], value == "1")


def compare_turn(kernel: WireKernel, slow: SlowKernel, text: str, stop_after: int | None = None) -> Turn:
    """One turn of both."""
    got = kernel.say(text, stop_after)
    end = got.finished
    stop = None
    if end is not None and end.reason in ("stopped", "trip"):
        stop = Stop(end.reason, end.prompt_tokens, end.kv_rows)
    want = slow.say(text, got.tokens, stop)
    cache = kernel.cache()
    assert got.refused.startswith(want.refused[:60]) if want.refused else not got.refused
    assert (cache.rows, cache.capacity, list(cache.turns)) == (slow.rows, slow.seq_len, slow.starts())
    if got.finished is not None:
        assert got.tokens == want.tokens
        assert cache.generation == got.finished.generation
        assert got.text == want.text
        assert (got.finished.reason, got.finished.kv_rows) == (want.reason, want.rows)
        assert (got.finished.prompt_tokens, got.finished.turn) == (want.prefilled, want.number)
    return want


def count(want: Turn) -> None:
    """For --hypothesis-show-statistics: whether everything happens."""
    event(f"refused: {' '.join(want.refused.split()[:3])}" if want.refused else f"reason: {want.reason}")
    for when, notice in (("before", want.notice_before), ("after", want.notice_after)):
        if "was full" in notice:
            event(f"{'slid' if 'newest' in notice else 'cleared'} {when} the answer")
    if want.reason == "trip":
        event("tripped in the answer" if want.tokens else "tripped in the prompt")
    if "times" in want.notice_after:
        event("several overflows in an answer")


def continue_afresh(pair: Pair, slow: SlowKernel) -> None:
    """The next answer is that of an engine which computes every row of the same context anew, to the bit."""
    slow.max_tokens, slow.overflow, slow.tripped = 8, "stop", False
    pair.kernel.run("/reset")
    pair.kernel.set(max_tokens=8, overflow="stop")
    got = pair.kernel.say("x")
    want = slow.say("x", got.tokens)
    assert bool(got.refused) == bool(want.refused)
    if want.refused or want.reason == "pattern":
        return
    ids = slow.ids()
    first = len(ids) - len(got.tokens)
    ends = want.reason == "eos"
    for position, token in enumerate(ids[: slow.seq_len]):
        logits = pair.engine.forward(token, position)
        if position + 1 < first:
            continue
        best = int(np.argmax(logits))
        if position + 1 < len(ids):
            assert best == ids[position + 1]
        elif ends:
            assert best in (BOS, EOS)


def converse(pair: Pair, talk: list[Step]) -> None:
    """A whole conversation with both."""
    slow = SlowKernel(pair.model)
    for step in talk:
        match step:
            case Set(name, value):
                pair.kernel.set(**{name: value})
                apply(slow, step)
            case Run() if step in TRIPS and slow.tripped:
                pass  # refused
            case Run(line):
                pair.kernel.run(line)
                apply(slow, step)
                assert pair.kernel.cache().rows == slow.rows
            case Say() | Fill():
                count(compare_turn(pair.kernel, slow, step.prompt(slow)))
    continue_afresh(pair, slow)


@given(beginning=BEGINNINGS, talk=TALKS)
@conversations(60)
def test_every_turn_is_that_of_the_slow_kernel(babbling: Pair, beginning: list[Step], talk: list[Step]) -> None:
    converse(babbling, beginning + talk)


@given(beginning=BEGINNINGS, talk=TALKS)
@conversations(6)
def test_so_it_is_with_trained_models(stored: Pair, beginning: list[Step], talk: list[Step]) -> None:
    converse(stored, beginning + talk)


@given(
    sampler=st.builds(
        SlowSampler,
        seed=st.integers(1, 2**64 - 1),
        temp=st.sampled_from([0.0, 0.3, 0.85, 1.0, 2.0]),
        min_p=st.sampled_from([0.0, 0.0, 0.05, 0.4]),
        top_p=st.sampled_from([1.0, 1.0, 0.95, 0.5, 0.0]),
        top_k=st.sampled_from([0, 0, 1, 5, 80]),
        norepeat=st.sampled_from([0, 1, 2, 4]),
        repeat=st.sampled_from([1.0, 1.15, 2.0]),
    ),
    texts=st.lists(TEXTS, min_size=1, max_size=5),
    max_tokens=st.sampled_from([3, 40, 120]),
    overflow=st.sampled_from(["slide", "clear"]),
)
@conversations(15)
def test_drawn_answers_are_those_of_the_slow_sampler(
    babbling: Pair, sampler: SlowSampler, texts: list[str], max_tokens: int, overflow: str
) -> None:
    """Bans and penalties look at this turn, prompt and answer, whatever has left the context since."""
    settings = dataclasses.asdict(sampler) | {
        "max_tokens": max_tokens,
        "overflow": overflow,
        "stop_you": 0,
        "stop_nl": 0,
    }
    slow = SlowKernel(babbling.model)
    slow.sampler, slow.max_tokens, slow.overflow = sampler, max_tokens, overflow
    babbling.kernel.run("/clear")
    babbling.kernel.set(**settings)
    try:
        for text in texts:
            count(compare_turn(babbling.kernel, slow, text))
    finally:
        babbling.kernel.set(temp=0, norepeat=0, repeat=1)


@given(
    turns=st.lists(st.tuples(TEXTS, st.sampled_from([None, 0, 1, 3, 10, 20, 30, 45, 60])), min_size=2, max_size=6),
    overflow=st.sampled_from(["slide", "slide", "clear"]),
)
@conversations(8)
def test_a_stop_anywhere_leaves_exact_rows(unhurried: Pair, turns: list[tuple[str, int | None]], overflow: str) -> None:
    """What the stopped pass did not compute is computed in the next turn, and the conversation goes on as it should."""
    slow = SlowKernel(unhurried.model)
    slow.overflow, slow.max_tokens = overflow, 60
    unhurried.kernel.run("/clear")
    unhurried.kernel.set(overflow=overflow, max_tokens=60, stop_you=0, stop_nl=0)
    for text, stop_after in turns:
        want = compare_turn(unhurried.kernel, slow, text, stop_after)
        count(want)
        if want.reason == "stopped":
            event("stopped in the answer" if want.tokens else "stopped in the prompt")
            if slow.rows < len(slow.context) - 1 and want.tokens:
                event("stopped while a slide is computed")
    continue_afresh(unhurried, slow)
