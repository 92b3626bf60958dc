"""What has no room is left out with a mark: no number is half shown, or without its unit, at any width."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from driving import screen_text, simulated, until
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.content import Content
from textual.pilot import Pilot

from llmbm_console.core.state.state import Turn
from llmbm_console.tui.text import line, shorten, shortened
from llmbm_console.tui.widgets.memory import MemoryPanel

#: A decimal in the memory pane that has no unit behind it.
BARE = re.compile(r"\d\.\d+(?! (?:[KMGT]i)?B|[KMGT]?/|[KMGT]\b|\d)")

quantities = st.tuples(
    st.sampled_from(["free", "last activations", "tokens", "of"]),
    st.integers(0, 10**9).map(lambda n: f"{n:,}") | st.floats(0, 999).map(lambda x: f"{x:.1f}"),
    st.sampled_from(["", " MiB", " %", " ms", " tok/s"]),
).map(lambda parts: (f"{parts[0]} ", f"{parts[1]}{parts[2]}"))


@given(st.lists(quantities, min_size=1, max_size=6), st.integers(1, 90))
def test_what_is_left_of_a_line_has_whole_numbers_only(parts: list[tuple[str, str]], width: int) -> None:
    text = ", ".join(name + number for name, number in parts)
    cut = shorten(text, width)
    assert cell_len(cut) <= width
    assert shortened(line((text, "$muted")), width).plain == cut
    if cut == text:
        return
    assert cut.endswith("…")
    left = cut[:-1].rstrip(" ")  # behind a number the mark stands apart: it is no place of missing digits
    assert text.startswith(left)
    numbers = [number for _name, number in parts]
    for number in numbers:
        name, found, left = left.partition(number)
        if not found:
            assert not re.search(r"\d", name), f"{number} in pieces: {cut}"
            break


def test_a_line_that_fits_and_words_that_do_not_stay_what_they_are() -> None:
    assert shorten("stories15M.bin is loaded", 11) == "stories15M…"
    assert shorten("5.6 MiB", 7) == "5.6 MiB"
    assert shorten("5.6 MiB", 6) == "…"
    assert shorten("full in 3 min 20 s", 17) == "full in…"
    assert shortened(Content("一二三四"), 5).plain == "一二…"


async def _answered(pilot: Pilot[Any], app: Any) -> None:
    await pilot.press(*"/max_tokens 12", "enter", *"Once upon", "enter")
    await until(pilot, lambda: any(isinstance(item, Turn) and item.finished for item in app.state.items), "an answer")
    await until(pilot, lambda: app.state.arenas and app.state.sentinel.percentiles[2], "records")


@pytest.mark.parametrize("key", ["f6", "f2", "f3", "f4", "f5", "f7"])
async def test_no_pane_shows_half_a_number_at_any_width(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    async with simulated(size=(200, 40)) as (app, pilot):
        await _answered(pilot, app)
        await pilot.press("escape", key)
        for width in (160, 140, 139, 120, 107, 100, 99, 80, 70, 61, 53, 50):
            await pilot.resize_terminal(width, 40)
            app.pacer.flush()
            await pilot.pause()
            rows = screen_text(app).splitlines()
            assert not [row for row in rows if re.search(r"(?<![\w.])\d[\d.,/]*…", row)], f"at {width} columns"
            memory = app.main.query_one(MemoryPanel)
            assert not [text for text in memory._lines if BARE.search(text.plain)], f"at {width} columns"
