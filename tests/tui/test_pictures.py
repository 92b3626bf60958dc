"""The machine's own screen as a picture in cells, and bytes that are no picture."""

from __future__ import annotations

from dataclasses import replace

import pytest
from driving import screen_text, scripted, settled, wait_until
from hypothesis import given
from hypothesis import strategies as st
from scripted import NOW, ScriptedSession, rich_state

from llmbm_console.core.errors import SessionError
from llmbm_console.core.machine.ppm import PixmapError, parse_ppm
from llmbm_console.core.state.events import MachineStatus


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


async def test_capital_s_shows_the_screen_and_takes_it_again() -> None:
    session = ScriptedSession(rich_state(), controllable=True)
    assert session.machine is not None
    session.machine.picture = ppm(64, 48, (63, 47))
    async with scripted(session) as (app, pilot):
        await pilot.press("escape", "S")
        await wait_until(pilot, lambda: "64 x 48" in screen_text(app), "the picture and its size")
        assert app.main.focused_pane == "display"
        assert app.main.shape.tab == "machine"
        session.machine.picture = ppm(32, 48, (0, 1))
        await pilot.press("S")
        await wait_until(pilot, lambda: "32 x 48" in screen_text(app), "again")
        session.machine.picture = SessionError("the machine has ended")
        await pilot.press("S")
        await wait_until(pilot, lambda: app.main.views.display.reason == "the machine has ended", "said")
        await pilot.press("escape")
        await wait_until(pilot, lambda: app.main.shape.tab == "chat", "back, and nothing broke")


@pytest.mark.parametrize("how", ["crashed", "another kernel"])
async def test_what_was_taken_of_a_machine_that_is_no_more_goes_with_it(how: str) -> None:
    session = ScriptedSession(rich_state(), controllable=True)
    assert session.machine is not None
    session.machine.picture, session.machine.text = ppm(64, 48, (63, 47)), "RAX=0"
    async with scripted(session) as (app, pilot):
        await pilot.press("escape", "S", "I")
        await wait_until(pilot, lambda: screen_text(app).count("taken 00:00:00") == 2, "when each was taken")
        session.push(machine=replace(session.state.machine, status=MachineStatus.PAUSED))
        await settled(pilot)
        assert screen_text(app).count("taken 00:00:00") == 2, "it is the same machine"
        if how == "crashed":
            session.push(machine=replace(session.state.machine, status=MachineStatus.CRASHED))
        else:
            session.push(boot_at=NOW + 1)
        await wait_until(pilot, lambda: "S takes a picture" in screen_text(app), "the picture is gone")
        assert "RAX=0" not in screen_text(app)
        assert "taken" not in screen_text(app)


async def test_without_a_screen_the_pane_says_why() -> None:
    session = ScriptedSession(rich_state(), controllable=True)
    assert session.machine is not None
    session.machine.picture = SessionError("the simulator has no screen of its own")
    async with scripted(session) as (app, pilot):
        await pilot.press("escape", "f4")
        await wait_until(pilot, lambda: "S takes a picture" in screen_text(app), "what to do")
        await pilot.press("S")
        await wait_until(pilot, lambda: "has no screen of its own" in screen_text(app), "the reason")


async def test_on_a_narrow_screen_the_picture_has_all_of_it() -> None:
    session = ScriptedSession(rich_state(), controllable=True)
    assert session.machine is not None
    session.machine.picture = ppm(64, 48, (63, 47))
    async with scripted(session, size=(80, 24)) as (app, pilot):
        await pilot.press("escape", "S")
        await wait_until(pilot, lambda: "64 x 48" in screen_text(app), "the picture")
        assert set(app.main.deck.regions) == {"status", "display", "keys"}
        await pilot.press("escape")
        await wait_until(pilot, lambda: "display" not in app.main.deck.regions, "its place again")


async def test_registers_are_text_and_nothing_else_and_changed_rows_are_marked() -> None:
    session = ScriptedSession(rich_state(), controllable=True)
    assert session.machine is not None
    session.machine.text = "RAX=0 \x1b[2J [bold]x[/bold]\r\nRBX=1"
    async with scripted(session) as (app, pilot):
        app.do("machine.registers")
        await wait_until(pilot, lambda: "RAX=0 ␛[2J [bold]x[/bold]" in screen_text(app), "as text")
        assert [row.text for row in app.main.views.registers.rows] == ["RAX=0 ␛[2J [bold]x[/bold]", "RBX=1"]
        session.machine.text = session.machine.text.replace("RBX=1", "RBX=2")
        await pilot.press("I")
        await wait_until(pilot, lambda: "RBX=2" in screen_text(app), "again")
        styles = [row.style for row in app.main.views.registers.rows]
        assert styles == ["registers--row", "registers--changed"]


async def test_speed_and_modem_lines_of_the_port_are_set() -> None:
    session = ScriptedSession(rich_state())
    async with scripted(session) as (app, pilot):
        app.do("machine.speed")
        await wait_until(pilot, lambda: "115200, 9600, 57600, 38400" in screen_text(app), "the list of speeds")
        await pilot.press(*"96x")
        await wait_until(
            pilot, lambda: "96x: expected bits per second" in screen_text(app), "what is no speed is named"
        )
        await pilot.press("backspace", "0", "0", "enter")
        await wait_until(pilot, lambda: session.parameters == [("baud", "9600")], "set")
        app.do("machine.lines")
        await wait_until(pilot, lambda: "dtr or rts, and 0 or 1" in screen_text(app), "the lines")
        await pilot.press("r", "t", "s", "space", "0", "enter")
        await wait_until(pilot, lambda: session.parameters[1:] == [("rts", "0")], "set")
