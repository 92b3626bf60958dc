"""The prompt in the person's own editor: what it leaves is the prompt, and nothing that was written is lost."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from llmbm_console.core.editor import edited, editor_command
from llmbm_console.core.errors import SessionError
from llmbm_console.core.text_limit import MOST_TEXT as MOST

Editor = Callable[[str], list[str]]


@pytest.fixture
def editor(tmp_path: Path) -> Editor:
    """An editor that does something with its file, which is `path`."""

    def make(does: str) -> list[str]:
        program = tmp_path / "editor.py"
        program.write_text(f"import os, sys, pathlib\npath = pathlib.Path(sys.argv[-1])\n{does}\n")
        return [sys.executable, str(program)]

    return make


def test_visual_is_asked_before_editor_and_may_have_arguments() -> None:
    python = shlex.quote(sys.executable)
    assert editor_command({"VISUAL": f"{python} -x 'a b'", "EDITOR": "ed"}) == [sys.executable, "-x", "a b"]
    assert editor_command({"VISUAL": " ", "EDITOR": python}) == [sys.executable]


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "no editor is named: set VISUAL or EDITOR"),
        ({"EDITOR": "no-such-editor -w"}, "$EDITOR is 'no-such-editor -w': there is no such program"),
        ({"VISUAL": "vi 'x"}, '$VISUAL is "vi \'x", which is no command'),
    ],
)
def test_an_editor_that_cannot_be_run_is_named_with_what_was_expected(environment: dict[str, str], said: str) -> None:
    with pytest.raises(SessionError) as refused:
        editor_command(environment)
    assert said in str(refused.value)


async def test_what_the_editor_leaves_is_the_text_without_its_last_line_end(editor: Editor, tmp_path: Path) -> None:
    command = editor(
        "assert path.read_text() == 'a\\nb\\n'\npath.write_bytes(b'\\xef\\xbb\\xbfone\\r\\ntwo \\xc3\\xa9\\n')"
    )
    assert await edited("a\nb", command, tmp_path / "kept") == "one\ntwo é"
    assert not (tmp_path / "kept").exists()


async def test_an_editor_may_put_another_file_in_the_place_of_its_own(editor: Editor, tmp_path: Path) -> None:
    command = editor("new = path.with_name('new')\nnew.write_text('new\\n')\nnew.replace(path)")
    assert await edited("old", command, tmp_path) == "new"


async def test_a_text_that_was_left_alone_comes_back_as_it_was(editor: Editor, tmp_path: Path) -> None:
    for text in ("", "a", "a\n", "\n a\n\nb "):
        assert await edited(text, editor("pass"), tmp_path) == text


@pytest.mark.skipif(os.name != "posix", reason="rights of a file")
async def test_nobody_else_can_read_it(editor: Editor, tmp_path: Path) -> None:
    command = editor("path.write_text(oct(path.parent.stat().st_mode & 0o777))")
    assert await edited("secret", command, tmp_path) == "0o700"


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("path.write_bytes(b'ab\\xff')", "not UTF-8: octet 0xff at 2"),
        (f"path.write_text('x' * {MOST + 1})", f"has {MOST + 1:,} octets: a prompt has at most {MOST:,}"),
        ("path.write_text('changed')\nsys.exit(3)", "ended with status 3: expected 0"),
    ],
)
async def test_what_cannot_be_used_is_told_and_kept(editor: Editor, tmp_path: Path, does: str, said: str) -> None:
    with pytest.raises(SessionError) as refused:
        await edited("before", editor(does), tmp_path / "kept")
    assert said in str(refused.value)
    assert "the prompt is as it was" in str(refused.value)
    [kept] = (tmp_path / "kept").iterdir()
    assert str(kept.name) in str(refused.value)
    assert kept.read_bytes()[:2] in (b"ab", b"xx", b"ch")


async def test_an_editor_that_is_left_with_an_error_and_no_change_leaves_no_file(
    editor: Editor, tmp_path: Path
) -> None:
    with pytest.raises(SessionError, match=r"ended with status 1: expected 0; the prompt is as it was$"):
        await edited("before", editor("sys.exit(1)"), tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


async def test_a_file_that_the_editor_took_away_is_told(editor: Editor, tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="left no file; the prompt is as it was"):
        await edited("before", editor("path.unlink()"), tmp_path)
