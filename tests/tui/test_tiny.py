"""Screens of a few cells: nothing has room there, and nothing breaks."""

from __future__ import annotations

from pathlib import Path

import pytest
from driving import make_app, wait_until
from textual.geometry import Size

ENDING = {"session.quit", "session.open"}


@pytest.mark.parametrize("size", [(1, 1), (120, 3), (30, 8)], ids=["1x1", "120x3", "30x8"])
async def test_every_action_can_be_carried_out_on_a_screen_of_any_size(
    size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))  # no file that another test saved can be opened
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await wait_until(pilot, lambda: not app.opening)
        assert app.size == Size(*size)
        for action in app.actions:
            if action.id in ENDING:
                continue
            app.do(action.id)
            await pilot.press("escape")
            assert app.return_code is None, action.id


@pytest.mark.parametrize("size", [(1, 1), (120, 3), (120, 36)], ids=["1x1", "120x3", "120x36"])
async def test_page_keys_in_a_palette_that_has_no_lines_yet_do_nothing(size: tuple[int, int]) -> None:
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await wait_until(pilot, lambda: not app.opening)
        await pilot.press("ctrl+p", "pagedown", "pageup", "m", "pagedown", "escape")
        assert app.return_code is None
