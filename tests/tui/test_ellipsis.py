"""What is cut ends with one sign everywhere, the one of the glyphs that are drawn with."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from driving import make_app, screen_text, settled, wait_until
from scripted import NOW, ScriptedSession, rich_state

import llmbm_console
from llmbm_console.core.state.state import LogLine
from llmbm_console.tui.glyphs import ASCII, BLOCKS, Glyphs
from llmbm_console.tui.text import clip, middle, shorten

PACKAGE = Path(llmbm_console.__file__).parent
#: Where the signs are defined, where text that is not ours is drawn or read, and what is written into a file.
OWNERS = {"tui/glyphs.py", "tui/text.py", "tui/terminal/ascii_filter.py", "core/link/decode.py", "core/report.py"}


def texts(path: Path) -> list[str]:
    """The string constants of a module that are no documentation."""
    tree = ast.parse(path.read_text("utf-8"))
    told = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    constants = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return [str(node.value) for node in constants if id(node) not in told]


def test_no_text_of_the_screen_brings_an_ellipsis_of_its_own() -> None:
    paths = [path for folder in ("core", "tui") for path in (PACKAGE / folder).rglob("*.py")]
    own = {
        f"{path.relative_to(PACKAGE)}: {text}"
        for path in paths
        if str(path.relative_to(PACKAGE)) not in OWNERS
        for text in texts(path)
        if "…" in text or ("..." in text and "://" not in text)
    }
    assert not own


@pytest.mark.parametrize("cut", [clip, middle, shorten])
@pytest.mark.parametrize("width", range(12))
def test_a_cut_has_room_for_all_of_its_sign_or_for_what_there_is_room_for(cut: object, width: int) -> None:
    shown = cut("a long enough name", width, ASCII.ellipsis)  # type: ignore[operator]
    assert len(shown) <= width
    assert "." * min(width, 3) in shown


@pytest.mark.parametrize("glyphs", [ASCII, BLOCKS], ids=["ascii", "blocks"])
async def test_the_screen_has_the_sign_of_its_glyphs(glyphs: Glyphs) -> None:
    log = (LogLine(NOW - 5, "kernel", "info", "note", "a very long event " * 20),)
    app = make_app(ScriptedSession(rich_state(log=log)), glyphs=glyphs.name)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert f"Once upon a time{glyphs.ellipsis}" in screen_text(app)
        await pilot.press("escape", "f3")
        await wait_until(pilot, lambda: "a very long event" in screen_text(app), "the log")
        (row,) = (row for row in screen_text(app).splitlines() if "a very long event" in row)
        assert row.rstrip(" |│").endswith(glyphs.ellipsis)
        assert "~" not in row


async def test_the_palette_asks_in_words_of_the_console() -> None:
    app = make_app()
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+p")
        await wait_until(pilot, lambda: "a word of what to do" in screen_text(app), "the palette")
        assert "Search for commands" not in screen_text(app)
