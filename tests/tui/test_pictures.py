"""The machine's own screen as a picture in cells, and bytes that are no picture."""

from __future__ import annotations

import pytest
from driving import make_app, screen_text, settled, wait_until
from hypothesis import given
from hypothesis import strategies as st
from scripted import ScriptedSession, rich_state

from llmbm_console.core.ppm import PixmapError, parse_ppm
from llmbm_console.core.session import SessionError
from llmbm_console.tui.page import PicturePage, TextPage


def ppm(width: int, height: int, lit: tuple[int, int]) -> bytes:
    """Black with one white pixel."""
    pixels = bytearray(width * height * 3)
    place = (lit[1] * width + lit[0]) * 3
    pixels[place : place + 3] = b"\xff\xff\xff"
    return b"P6\n# made by a test\n%d %d\n255\n" % (width, height) + bytes(pixels)


def test_a_block_shows_what_differs_from_the_ground() -> None:
    picture = parse_ppm(ppm(60, 60, (35, 15)))
    lit = [(x, y) for x in range(6) for y in range(6) if picture.block(x, y, 6, 6) != (0, 0, 0)]
    assert lit == [(3, 1)]


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"", "P6"),
        (b"P5\n2 2\n255\n0000", "P6"),
        (b"P6\n0 2\n255\n", "0 x 2"),
        (b"P6\n99999999999999999999 2\n255\n", "along an edge"),
        (b"P6\n2 2\n65535\n", "65535 shades"),
        (b"P6\n2 2\n255\n12345678901", "11 of 12"),
    ],
)
def test_what_is_no_picture_is_said(data: bytes, named: str) -> None:
    with pytest.raises(PixmapError, match=named):
        parse_ppm(data)


@given(st.binary(max_size=80))
def test_any_bytes_after_the_mark_are_a_picture_or_an_error(data: bytes) -> None:
    try:
        picture = parse_ppm(b"P6" + data)
    except PixmapError:
        return
    assert len(picture.pixels) == picture.width * picture.height * 3


async def test_capital_s_shows_the_screen_and_r_takes_it_again() -> None:
    session = ScriptedSession(rich_state(), controllable=True)
    assert session.machine is not None
    session.machine.picture = ppm(64, 48, (63, 47))
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "S")
        await wait_until(pilot, lambda: isinstance(app.screen, PicturePage), "the picture")
        await wait_until(pilot, lambda: "64 x 48" in screen_text(app), "its size")
        session.machine.picture = ppm(32, 48, (0, 1))
        await pilot.press("r")
        page = app.screen
        assert isinstance(page, PicturePage)
        await wait_until(pilot, lambda: page._picture.pixmap.width == 32, "again")
        session.machine.picture = SessionError("the machine has ended")
        await pilot.press("r", "escape")
        await wait_until(pilot, lambda: app.screen is app.main, "closed, and nothing broke")


async def test_registers_are_text_and_nothing_else() -> None:
    session = ScriptedSession(rich_state(), controllable=True)
    assert session.machine is not None
    session.machine.text = "RAX=0 \x1b[2J [bold]x[/bold]"
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        app.do("machine.registers")
        await wait_until(pilot, lambda: isinstance(app.screen, TextPage), "the page")
        await wait_until(pilot, lambda: "RAX=0 ␛[2J [bold]x[/bold]" in screen_text(app), "as text")
