"""The pure parts: text, numbers, scales, completion, actions."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from scripted import NOW, rich_state, turn

from llmbm_console.core.actions.action import unavailable
from llmbm_console.core.actions.panes import PANES
from llmbm_console.core.actions.table import ACTIONS, BY_ID
from llmbm_console.core.durations import duration, whole_seconds
from llmbm_console.core.parameter_text import micro
from llmbm_console.core.state.events import LinkPhase
from llmbm_console.core.state.state import LogLine, Seam, State
from llmbm_console.tui import figures
from llmbm_console.tui.completion import NAMES, candidates, complete, fit_hint
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.glyphs import ASCII, BLOCKS
from llmbm_console.tui.pages.details import NOTED, fields_of
from llmbm_console.tui.scale import Scale
from llmbm_console.tui.text import clip, plain, wrap
from llmbm_console.tui.verbs.table import Verbs
from llmbm_console.tui.widgets.histogram import buckets, histogram
from llmbm_console.tui.widgets.machine import MachinePanel
from llmbm_protocol.parameters import PARAMETERS, Parameter
from llmbm_protocol.schema import Arena, Bench, Event, LogCode, LogLevel, Phase, Stream

SLIDERS = [p for p in PARAMETERS if p.sampling]
anything = st.text(st.characters(), max_size=300)


# ---- the machine pane


def machine_pane(state: State) -> list[str]:
    return [content.plain for content in MachinePanel(id="machine").lines(Frame(state), 60, 40)]


def test_the_machine_pane_tells_speed_and_bench_where_the_kernel_told_them() -> None:
    state = rich_state()
    assert not any("GB/s" in row for row in machine_pane(state))
    assert state.perf is not None
    perf = state.perf.model_copy(update={"decode_mb_s": 746, "read_mb_s": 40_000})
    bench = Bench(
        time=1, level="avx2", processors=2, weights=60 << 20, cache=32 << 20, read_mb_s=44_800, decode_rate=101_300_000,
        decode_mb_s=41_230, prefill_rate=811_000_000,
    )  # fmt: skip
    rows = machine_pane(replace(state, perf=perf, bench=bench))
    assert "          0.746 GB/s, 2 % of reading" in rows
    assert "bench     101 tok/s, prefill 811 tok/s" in rows
    assert "          41.2 GB/s, 92 % of reading" in rows
    assert "          reads 60.0 MiB a token, from memory" in rows
    cached = bench.model_copy(update={"cache": 64 << 20})
    assert "          reads 60.0 MiB a token, from the cache" in machine_pane(replace(state, bench=cached))


def test_a_value_of_the_machine_goes_on_below_where_there_are_rows() -> None:
    state, pane = rich_state(), MachinePanel(id="machine")

    def rows(width: int, height: int) -> list[str]:
        return [content.plain for content in pane.lines(Frame(state), width, height)]

    short = rows(60, 40)
    assert len(rows(30, len(short))) == len(short), "a row each where there are no more"
    wrapped = rows(30, 60)
    assert " ".join(" ".join(wrapped).split()) == " ".join(" ".join(short).split())
    assert all(len(row) <= 30 for row in wrapped if "/" not in row)


def test_the_machine_pane_tells_the_size_in_memory_where_it_is_not_the_files() -> None:
    state = rich_state()
    assert state.model is not None
    assert "model     stories15M.bin  58.0 MiB" in machine_pane(state)
    weights = state.arenas[Arena.WEIGHTS].model_copy(update={"used": 17 << 20})
    smaller = replace(state, arenas=MappingProxyType({**state.arenas, Arena.WEIGHTS: weights}))
    assert "model     stories15M.bin  58.0 MiB file, 17.0 MiB in memory" in machine_pane(smaller)


# ---- text


@given(anything)
def test_plain_text_has_no_character_that_a_terminal_obeys(text: str) -> None:
    shown = plain(text)
    assert not any((ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0xA0 for c in shown)
    assert plain(shown) == shown


@given(anything, st.integers(2, 60))
def test_wrapped_lines_fit_and_lose_only_spaces_and_line_ends(text: str, width: int) -> None:
    text = plain(text)
    spans = wrap(text, width)
    assert all(cell_len(text[start:end]) <= width for start, end in spans)
    for (_start, end), (following, _end) in pairwise(spans):
        assert text[end:following] in ("", " ", "\n")
    assert spans[0][0] == 0
    assert spans[-1][1] == len(text)


def test_words_stay_whole_where_they_can() -> None:
    text = "the quick brown fox"
    assert [text[a:b] for a, b in wrap(text, 10)] == ["the quick", "brown fox"]
    assert [text[a:b] for a, b in wrap(text, 3)] == ["the", "qui", "ck", "bro", "wn", "fox"]


@given(anything, st.integers(0, 40))
def test_clipped_text_fits(text: str, width: int) -> None:
    assert cell_len(clip(text, width)) <= width


def test_a_path_is_broken_at_its_slashes_only_unless_a_name_has_no_room_at_all() -> None:
    text = "saved as ~/.local/state/files/20261126-llmk-dump.txt"
    assert [text[a:b] for a, b in wrap(text, 24)] == ["saved as", "~/.local/state/files/", "20261126-llmk-dump.txt"]
    name = text[-22:]
    assert [name[a:b] for a, b in wrap(name, 12)] == ["20261126-llm", "k-dump.txt"]


def test_a_line_of_100_kilobytes_is_wrapped_quickly_and_whole() -> None:
    text = "x" * 100_000
    assert len(wrap(text, 80)) == 1250


# ---- numbers


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (999, "999"), (241_000_000, "241M"), (1_750_000_000, "1.75G"), (12_340, "12.3k")]
)
def test_cycles_have_three_digits(value: int, text: str) -> None:
    assert figures.cycles(value) == text


def test_sizes_share_the_unit_of_the_larger() -> None:
    assert figures.size_pair(60_816_028, 62_914_560) == "58.0/60.0 MiB"
    assert figures.size_pair(0, 512) == "0/512 B"
    assert (figures.size(974_848), figures.size_pair(0, 974_848)) == ("952 KiB", "0.0/952 KiB")


@pytest.mark.parametrize(
    ("seconds", "fine", "whole"),
    [
        (0.38, "380 ms", "0 s"),
        (4.94, "4.9 s", "4 s"),
        (59.9, "59 s", "59 s"),
        (65, "1 min 05 s", "1 min 05 s"),
        (7_500, "2 h 05 min", "2 h 05 min"),
    ],
)
def test_a_time_span_has_no_figure_that_nobody_needs(seconds: float, fine: str, whole: str) -> None:
    assert (duration(seconds), whole_seconds(seconds)) == (fine, whole)


def test_what_is_not_full_is_never_shown_as_full() -> None:
    assert figures.percent(0.9999) == "99 %"
    assert figures.percent(1.0) == "100 %"


@given(st.integers(0, 4_294_967_295))
def test_millionths_are_spelt_exactly(value: int) -> None:
    whole, _point, rest = micro(value).partition(".")
    assert int(whole) * 1_000_000 + int((rest or "0").ljust(6, "0")) == value


# ---- scales


@pytest.mark.parametrize("parameter", SLIDERS, ids=lambda p: p.name)
def test_a_scale_reaches_both_ends_and_stays_inside(parameter: Parameter) -> None:
    scale = Scale.of(parameter)
    assert scale.value_at(0) == parameter.minimum
    assert scale.value_at(1) == scale.maximum
    assert scale.share(parameter.minimum) == 0
    assert scale.share(scale.maximum) == 1
    assert scale.stepped(scale.maximum, 5) == scale.maximum
    assert scale.stepped(parameter.minimum, -5, coarse=True) == parameter.minimum


@pytest.mark.parametrize("parameter", SLIDERS, ids=lambda p: p.name)
@given(data=st.data())
def test_a_value_typed_as_it_is_shown_is_the_same_value(parameter: Parameter, data: st.DataObject) -> None:
    scale = Scale.of(parameter)
    value = data.draw(st.integers(parameter.minimum, parameter.maximum))
    assert scale.parse(scale.text(value)) == value


@pytest.mark.parametrize("text", ["", "abc", "-1", "2.1", "1e3", "0.1234567", "٣", "1.5.0", ".", "9999999"])
def test_a_wrong_value_names_the_accepted_ones(text: str) -> None:
    scale = Scale.of(next(p for p in PARAMETERS if p.name == "temp"))
    with pytest.raises(ValueError, match=r"temp: expected 0 to 2"):
        scale.parse(text)


def test_a_larger_context_allows_more_tokens() -> None:
    parameter = next(p for p in PARAMETERS if p.name == "max_tokens")
    assert Scale.of(parameter, 1024).maximum == 1024
    assert Scale.of(parameter, 128).maximum == parameter.maximum


def test_the_rail_of_top_k_ends_with_the_tokens_of_the_model_and_larger_values_can_still_be_typed() -> None:
    parameter = next(p for p in PARAMETERS if p.name == "top_k")
    scale = Scale.of(parameter, vocab=1024)
    assert (scale.value_at(1), scale.share(1024), scale.share(5000)) == (1024, 1, 1)
    assert (scale.stepped(1000, 1, coarse=True), scale.stepped(5000, 1), scale.stepped(5000, -1)) == (1024, 5000, 4750)
    assert scale.clamp(scale.parse("5000")) == 5000


# ---- completion and fit


def test_completion_goes_as_far_as_all_agree() -> None:
    assert complete("/te") == "/te"  # /temp and /test_failsafe
    assert complete("/tem") == "/temp "
    assert complete("/zo") == "/zones"
    assert complete("/attn a") == "/attn a"
    assert candidates("/save_") == ["/save_dump", "/save_img", "/save_log"]
    assert candidates("/attn a") == ["/attn auto", "/attn avx2", "/attn avx512", "/attn avx512_vnni"]
    assert complete("Once upon") == "Once upon"
    assert {"temp", "zones", "ctx", "reset", "help"} <= set(NAMES)


def test_the_hint_says_whether_a_prompt_fits() -> None:
    state = rich_state(items=())
    fits, worry = fit_hint(replace(state, sampling=None), "And then what happened?")
    assert "119" in fits
    assert not worry
    long, worry = fit_hint(state, "And then what happened?")  # 160 more tokens do not fit
    assert long.endswith("+160 > 256: /overflow decides")
    assert worry
    long, worry = fit_hint(state, "word " * 110)
    assert "does not fit" in long
    assert worry
    assert fit_hint(state, "word " * 110, room=30) == ("~145 > 137 left: /overflow", True)
    assert fit_hint(state, "/zones") == ("", False)


def test_a_prompt_longer_than_the_whole_context_is_not_left_to_overflow() -> None:
    state = rich_state(items=())  # 256 rows
    for text, told in (("word " * 400, "will be refused"), ("word " * 200, "may be refused")):
        for room in (80, 40, 30):
            hint, worry = fit_hint(state, text, room)
            assert hint.endswith(told)
            assert len(hint) <= room
            assert worry


def test_the_estimate_learns_from_the_prompts_of_this_model() -> None:
    known = turn(2, "é" * 500, "answer")  # 1000 octets
    assert known.finished is not None
    known = replace(known, finished=known.finished.model_copy(update={"prompt_tokens": 1000}))
    state = rich_state(items=(known,), sampling=None)
    assert "~92 tok" in fit_hint(state, "y" * 100)[0], "an octet each, but for the guess at the start"
    slid = rich_state(items=(Seam("the context was full and slid", 0.0), known), sampling=None)
    assert fit_hint(slid, "y" * 100) == fit_hint(rich_state(items=(), sampling=None), "y" * 100)


# ---- actions


def test_every_action_is_known_and_can_be_carried_out() -> None:
    assert len(BY_ID) == len(ACTIONS)
    for action in ACTIONS:
        category, _dot, word = action.id.partition(".")
        assert action.line or category == "pane" or callable(getattr(Verbs, f"{category}_{word}", None)), action.id
        assert action.title
        assert action.description


def test_no_key_means_two_things_in_one_place() -> None:
    for pane, _title in PANES:
        keys = [key for action in ACTIONS if action.pane in ("", pane) for key in action.keys]
        assert len(keys) == len(set(keys)), pane


def test_what_ends_a_machine_or_a_conversation_is_dangerous() -> None:
    for name in ("machine.reset", "machine.quit", "chat.clear", "sentinel.reset"):
        assert BY_ID[name].danger[:1].islower(), 'it is read after "X again"'


def test_an_impossible_action_says_why() -> None:
    for shown, told in (({"file": True}, "a file"), ({"recorded": True}, "a recording"), ({}, "--read-only")):
        for name in ("chat.stop", "chat.prompt", "machine.reset"):
            assert told in unavailable(BY_ID[name], read_only=True, controllable=False, **shown)
    assert unavailable(BY_ID["chat.prompt"], read_only=False, controllable=False, not_now="the past is shown") == ""
    assert "serial" in unavailable(BY_ID["machine.reset"], read_only=False, controllable=False)
    assert unavailable(BY_ID["machine.reset"], read_only=False, controllable=True) == ""
    assert unavailable(BY_ID["view.help"], read_only=True, controllable=False) == ""


def entry(at: float, severity: Literal["info", "warn", "error"] = "info") -> LogLine:
    return LogLine(at, "link", severity, "link", "text")


def test_the_log_over_time_counts_every_line_and_shows_the_worst() -> None:
    log = [entry(0.0), entry(0.1), entry(0.2), entry(5.0, "warn"), entry(5.1, "error"), entry(5.2), entry(10.0)]
    found = buckets(log, 10)
    assert [count for count, _worst in found] == [3, 0, 0, 0, 0, 3, 0, 0, 0, 1]
    assert [worst for _count, worst in found] == [0, 0, 0, 0, 0, 2, 0, 0, 0, 0]
    assert histogram(log, 10, BLOCKS).cell_length == 10
    assert histogram(log, 10, ASCII).plain.isascii()
    assert not buckets(log[:5], 10), "too few lines"
    assert not buckets([entry(1.0)] * 9, 10), "all at once"
    assert not buckets(log, 3), "no room"


def _idle_frame() -> Frame:
    state = rich_state(phase=Phase.IDLE, turn=None)
    stamps = dict.fromkeys((Stream.KV, Stream.ZONES, Stream.SENTINEL, Stream.PERF), 100.0)
    link = replace(state.link, phase=LinkPhase.MACHINE)
    return Frame(state=replace(state, link=link, stamps=MappingProxyType(stamps)), now=101.0)


def _with_state(frame: Frame, **changes: Any) -> Frame:
    return replace(frame, state=replace(frame.state, **changes))


def test_an_idle_kernels_next_sample_of_the_same_says_the_same() -> None:
    frame = _idle_frame()
    assert frame.state.zones is not None
    later = frame.state.zones.model_copy(update={"time": 999, "number": 7})
    link = replace(frame.state.link, received_bytes=frame.state.link.received_bytes + 33, sent_bytes=99)
    assert replace(_with_state(frame, zones=later, link=link), now=102.0).says_the_same(frame)


def test_whatever_a_pane_shows_is_no_longer_the_same() -> None:
    frame = _idle_frame()
    state = frame.state
    assert state.kv is not None
    assert state.sampling is not None
    others = [
        _with_state(frame, kv=state.kv.model_copy(update={"rows": state.kv.rows + 1})),
        _with_state(frame, kv=None),
        _with_state(frame, sampling=state.sampling.model_copy()),
        _with_state(frame, phase=Phase.DECODE),
        _with_state(frame, link=replace(state.link, phase=LinkPhase.SLOW)),
        _with_state(frame, link=replace(state.link, rejected_lines=state.link.rejected_lines + 1)),
        _with_state(frame, log=(*state.log, LogLine(1.0, "console", "info", "x", "y"))),
        replace(frame, now=200.0),  # all of it is stale
        replace(frame, recording=1.0),
        replace(frame, held=True),
        replace(frame, glyphs=ASCII),
        replace(frame, failure="the machine has ended"),
    ]
    assert [other for other in others if other.says_the_same(frame)] == []
    assert [other for other in others if frame.says_the_same(other)] == []


def test_every_field_of_a_state_is_looked_at_or_left_out_on_purpose() -> None:
    frame = _idle_frame()
    left_out = {"now", "credit"}  # shown nowhere
    looked_into = {"link", "phase", "kv", "zones", "sentinel", "perf", "stamps"}  # see above
    for name in {entry.name for entry in fields(State)} - left_out - looked_into:
        assert not _with_state(frame, **{name: object()}).says_the_same(frame), name


@pytest.mark.parametrize(("level", "noted"), [(LogLevel.WARN, True), (LogLevel.ERROR, False)])
def test_an_overrun_that_stopped_nothing_says_so(level: LogLevel, noted: bool) -> None:
    text = "decode pass over its budget"
    record = Event(number=1, time=1, level=level, code=LogCode.BUDGET, first=900, second=700, message=text)
    entry = LogLine(NOW, "kernel", "error" if level is LogLevel.ERROR else "warn", "budget", text, record)
    assert (("why", NOTED) in fields_of(entry, Frame(rich_state()))) is noted
