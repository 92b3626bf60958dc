"""A text file in the window: its first and its last lines, a filter, and lines that want to harm the terminal."""

from __future__ import annotations

from pathlib import Path

from driving import make_app, rows_of, screen_text, settled, until, wait_until
from test_hostile import HOSTILE, assert_harmless
from textual.pilot import Pilot

from llmbm_console.core.session.targets import Target, make_session
from llmbm_console.core.session.text_session import TextSession
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.pages.text import TextPage, TextView

COUNT = 200_000


def app_on(path: Path) -> ConsoleApp:
    session = make_session(Target(kind="file", address=str(path)))
    assert isinstance(session, TextSession)
    return make_app(session)  # type: ignore[arg-type]


async def page(pilot: Pilot[object], app: ConsoleApp) -> TextView:
    await wait_until(pilot, lambda: isinstance(app.screen, TextPage) and app.screen.is_mounted, "the page")
    assert isinstance(app.screen, TextPage)
    return app.screen.view


async def test_a_long_file_shows_both_ends_and_what_a_filter_lets_through(tmp_path: Path) -> None:
    path = tmp_path / "long.log"
    path.write_text("".join(f"{'WARN' if n % 1000 == 7 else 'info'} said {n}\n" for n in range(COUNT)))
    app = app_on(path)
    async with app.run_test(size=(100, 30)) as pilot:
        view = await page(pilot, app)
        await until(pilot, lambda: "info said 0\n" in screen_text(app).replace("│", "\n").replace("  ", ""), "top")
        await until(pilot, lambda: "200,000 lines" in screen_text(app), "all were found")
        await pilot.press("G")
        await until(pilot, lambda: f"{COUNT:,} info said {COUNT - 1}" in screen_text(app), "the last line")
        await pilot.press("pageup", "g")
        await until(pilot, lambda: "1 info said 0" in screen_text(app), "the first line")
        await pilot.press("/", *"warn", "f1")
        await until(pilot, lambda: "A line of input" in screen_text(app), "its help")
        await pilot.press("escape", "enter")
        await until(pilot, lambda: "/warn 200 of 200,000 lines" in screen_text(app), "counted")
        assert [row.text.split()[-1] for row in rows_of(view)] == [str(n) for n in range(7, COUNT, 1000)]
        assert "Esc takes the filter off" in screen_text(app), "and quits nothing yet"
        await pilot.press("G")
        await until(pilot, lambda: "199,008 WARN said 199007" in screen_text(app), "the last one that passes")
        await pilot.press("right")
        await until(pilot, lambda: "WARN said" not in screen_text(app), "sideways")
        await pilot.press("left", "escape")
        await until(pilot, lambda: "│ 200,000 lines" in screen_text(app) or " 200,000 lines" in screen_text(app), "all")
        assert not view.wanted
        assert "Esc quits" in screen_text(app)
        await pilot.press("escape")
    assert app.return_value == 0, "there is nothing else to see of it"


async def test_lines_that_want_to_harm_are_drawn(tmp_path: Path) -> None:
    path = tmp_path / "[red]\x1b[2Jhostile.log"
    path.write_text("\n".join(text.replace("\0", "") for text in HOSTILE), errors="surrogatepass")
    app = app_on(path)
    async with app.run_test(size=(100, 30)) as pilot:
        view = await page(pilot, app)
        await wait_until(pilot, lambda: view.row_count >= len(HOSTILE), "lines")
        for keys in (["right"], ["left"], ["G"], ["/", "q"], ["escape"]):
            await pilot.press(*keys)
            await pilot.pause()
            assert_harmless(app)
        await pilot.resize_terminal(30, 8)
        await pilot.pause()
        assert_harmless(app)
        assert app.is_running


async def test_ctrl_q_ends_the_console_from_the_page(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("one\ntwo\n")
    app = app_on(path)
    async with app.run_test(size=(100, 30)) as pilot:
        await page(pilot, app)
        await settled(pilot)
        await pilot.press("ctrl+q")
        await wait_until(pilot, lambda: not app.is_running, "ended")


async def test_keys_that_have_no_room_are_left_out_whole(tmp_path: Path) -> None:
    path = tmp_path / "short.log"
    path.write_text("a line\n")
    for columns, wanted, without in (
        (120, "left right sideways", ""),
        (60, "Esc quits", "PgUp"),
        (50, "Esc quits", "G last"),
    ):
        app = app_on(path)
        async with app.run_test(size=(columns, 24)) as pilot:
            await page(pilot, app)
            await settled(pilot)
            keys = screen_text(app).rstrip().splitlines()[-1]
        assert wanted in keys
        assert app.glyphs.ellipsis not in keys
        assert not without or without not in keys
