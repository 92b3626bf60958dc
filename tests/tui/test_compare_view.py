"""Two dumps in the window."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from driving import make_app, screen_text, settled, until, wait_until
from hypothesis import given
from hypothesis import strategies as st
from textual.content import Content

from llmbm_console.core.postmortem.compare import Change, Section, compare
from llmbm_console.core.postmortem.dump import parse_post_mortem
from llmbm_console.core.session.targets import Target, make_session
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.pages.compare import ComparePage, comparison_lines
from llmbm_console.tui.text import both_names
from llmbm_console.tui.verbs import file as verbs_file

OLD = (
    "Context:\n  model=a.bin\n  kv_pos=17\nSampling:\n  temp=0.50 min_p=0.05 top_p=0.95 top_k=80\n"
    "Budgets:\n  prefill_max=100\n  decode_max=1000\n"
)
NEW = OLD.replace("temp=0.50", "temp=0.75").replace("a.bin", "b[/x]\x1b[2J.bin")


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    old, new = tmp_path / "old-llmk-dump.txt", tmp_path / "llmk-dump.txt"
    old.write_text(OLD)
    new.write_text(NEW)
    return old, new


@pytest.mark.parametrize("size", [(50, 20), (80, 24), (200, 60)])
async def test_two_files_on_the_command_line_are_compared(files: tuple[Path, Path], size: tuple[int, int]) -> None:
    target = Target("file", str(files[1]), older=files[0])
    app = ConsoleApp(target.title, lambda: make_session(target))
    async with app.run_test(size=size) as pilot:
        await wait_until(pilot, lambda: isinstance(app.screen, ComparePage))
        await wait_until(pilot, lambda: "Two files compared" in screen_text(app))
        text = screen_text(app)
        assert "0.5 > 0.75" in text or size[1] < 40
        assert "\x1b" not in text
        await pilot.press("escape")
        await wait_until(pilot, lambda: not isinstance(app.screen, ComparePage))
    await app.disconnect()


async def test_another_file_is_asked_for_and_the_newest_is_offered(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(verbs_file, "saved_folder", lambda: tmp_path / "none")
    target = Target("file", str(files[1]))
    app = ConsoleApp(target.title, lambda: make_session(target))
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await wait_until(pilot, lambda: app.shows_file)
        await pilot.press("c")
        await wait_until(pilot, lambda: "old-llmk-dump.txt" in screen_text(app), "the offer")
        await pilot.press("escape")
        await pilot.press("c", *"~x")
        await wait_until(pilot, lambda: "no such file" in screen_text(app))
        await pilot.press("enter")
        await pilot.pause()
        assert "~x: there is no such file" in screen_text(app), "it stays open"
        await pilot.press("escape", "c", "enter")
        await wait_until(pilot, lambda: isinstance(app.screen, ComparePage))
    await app.disconnect()


async def test_beside_a_live_session_the_list_of_dumps_compares() -> None:
    app = ConsoleApp("sim", lambda: make_session(Target("sim")))
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await until(pilot, lambda: app.state.sampling is not None, "linked")
        await pilot.press("escape", "c")
        await wait_until(pilot, lambda: "c marks a dump" in screen_text(app) and app.main.shape.tab == "dumps")
    await app.disconnect()


async def test_a_recording_is_not_marked_to_be_compared(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files[0].parent)
    capture = files[0].with_name("a.llcap")
    capture.write_bytes(Path(__file__).with_name("recordings").joinpath("story.llcap").read_bytes())
    for path in (capture, *files):
        os.utime(path, (4e9, 4e9))  # newer than what other tests left: the list has the newest
    app = make_app()
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await settled(pilot)
        await pilot.press("escape", "f5")
        listed = app.main.views.files
        await wait_until(pilot, lambda: capture in [path for path, _detail in listed._files or ()], "listed")
        rows = [path for path, _detail in listed._files or ()]
        for path, marked in ((capture, None), (files[0], files[0]), (capture, files[0])):
            listed.select(rows.index(path))
            await wait_until(
                pilot,
                lambda path=path: (
                    ("c mark" in screen_text(app) or "c compare" in screen_text(app)) == (path != capture)
                ),
                "keys",
            )
            await pilot.press("c")
            if path == capture:
                await wait_until(pilot, lambda: "a recording cannot be compared: " in screen_text(app), "why not")
            assert listed.marked == marked


@pytest.mark.parametrize("width", [30, 60, 113])
def test_no_line_is_wider_than_its_page_and_none_obeys(width: int) -> None:
    found = compare(parse_post_mortem(OLD.encode(), "old"), parse_post_mortem(NEW.encode(), "n\x1b[31mew"))
    lines = comparison_lines(found, width)
    for line in lines:
        assert isinstance(line, Content)
        assert "\x1b" not in line.plain
    assert max(line.cell_length for line in lines[4:]) <= max(width, 60)


@pytest.mark.parametrize("width", [30, 60, 120])
def test_all_that_two_files_have_in_common_is_named(width: int) -> None:
    found = compare(parse_post_mortem(OLD.encode(), "old"), parse_post_mortem(NEW.encode(), "new"))
    zones = tuple(Section(f"zone {name}", (), 5) for name in ("WEIGHTS", "KV", "SCRATCH", "ACTS", "ZONEC"))
    lines = comparison_lines(replace(found, sections=(*found.sections, *zones)), width)
    texts = [content.plain for content in lines]
    first = next(at for at, text in enumerate(texts) if text.startswith("the same"))
    told = " ".join(" ".join(texts[first : texts.index("", first)]).split()).removeprefix("the same ")
    assert told.endswith("zone WEIGHTS, zone KV, zone SCRATCH, zone ACTS, zone ZONEC")
    assert max(map(len, texts[first:])) <= width


def test_values_that_are_empty_and_the_rows_of_turns_are_told_in_words() -> None:
    found = compare(parse_post_mortem(OLD.encode(), "old"), parse_post_mortem(NEW.encode(), "new"))
    section = Section("context", (Change("turns", "", "0, 87"), Change("turns", "0", "")), 3)
    texts = [content.plain for content in comparison_lines(replace(found, sections=(section,)), 113)]
    assert "  turns at row      none > 0, 87" in texts
    assert "  turns at row      0 > none" in texts


@given(
    st.text("ab-_.0123", min_size=1, max_size=40), st.text("ab-_.0123", min_size=1, max_size=40), st.integers(25, 90)
)
def test_both_names_of_a_comparison_are_told_apart_in_its_title(one: str, other: str, width: int) -> None:
    title = both_names(one, other, width)
    assert len(title) <= width
    left, _and, right = title.partition(" and ")
    if len(one) + len(other) + len(" and ") <= width:
        assert (left, right) == (one, other)
    if one != other:
        assert left != right


@pytest.mark.parametrize("width", [36, 62])
def test_names_that_differ_in_their_middle_are_cut_around_it(width: int) -> None:
    one, other = "20261127-073802-llmk-failsafe.txt", "20261127-074517-llmk-failsafe.txt"
    left, _and, right = both_names(one, other, width).partition(" and ")
    assert "380" in left
    assert "451" in right
