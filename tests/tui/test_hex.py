"""The hex lens: what it says when there is nothing to see, what it reads when, and what changed between two pauses."""

from __future__ import annotations

from typing import Any

import pytest
from driving import make_app, screen_text, settled, simulated, until, wait_until
from hypothesis import given
from hypothesis import strategies as st
from scripted import NOW, Machine, ScriptedSession, rich_state
from textual.pilot import Pilot

from llmbm_console.core.events import LinkPhase, MachineStatus
from llmbm_console.core.guest_memory import PAGE
from llmbm_console.core.state import LinkState, MachineState
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.verbs_memory import address_of
from llmbm_console.tui.widgets.hex_view import DECODINGS
from llmbm_protocol.words import Arena

BASE = 0x100000
PAUSED = MachineState(MachineStatus.PAUSED, "", NOW, True)


def spread_out() -> dict[Arena, Any]:
    """Arenas one behind the other."""
    arenas = dict(rich_state().arenas)
    base = BASE
    for arena, zone in arenas.items():
        arenas[arena] = zone.model_copy(update={"base": base})
        base += zone.size
    return arenas


def machine_of(session: ScriptedSession) -> Machine:
    assert session.machine is not None
    return session.machine


async def opened(pilot: Pilot[Any]) -> None:
    await settled(pilot)
    await pilot.press("f2")
    await settled(pilot)


def rows(app: ConsoleApp) -> str:
    """What the pane shows."""
    return screen_text(app).split("Hex lens", 1)[1]


@pytest.mark.parametrize(
    ("changes", "options", "says"),
    [
        ({}, {}, "P pauses it"),
        ({}, {"controllable": False}, "With --qemu, --qmp or --sim"),
        ({"link": LinkState(LinkPhase.POST_MORTEM)}, {"read_only": True}, "A dump holds the numbers"),
        ({"machine": PAUSED, "arenas": {}}, {}, "where its arenas are"),
    ],
)
async def test_without_memory_to_see_it_says_why_and_what_to_do(
    changes: dict[str, Any], options: dict[str, Any], says: str
) -> None:
    app = make_app(ScriptedSession(rich_state(**changes), **options))
    async with app.run_test(size=(120, 36)) as pilot:
        await opened(pilot)
        app.main.focus_pane("hex")
        await wait_until(pilot, lambda: says in rows(app), says)


async def test_a_running_machine_is_not_read_and_a_paused_one_page_by_page() -> None:
    session = ScriptedSession(rich_state(arenas=spread_out()))
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await opened(pilot)
        assert machine_of(session).reads == []
        session.push(machine=PAUSED)
        await wait_until(pilot, lambda: "00100000 27 2e 35 3c" in rows(app), "octets")
        assert "'.5<CJQX" in rows(app)
        assert machine_of(session).reads == [BASE]
        app.main.focus_pane("hex")
        await pilot.press("end")
        await wait_until(pilot, lambda: len(machine_of(session).reads) == 2, "another page")
        zone = session.state.arenas[Arena.WEIGHTS]
        assert machine_of(session).reads[1] == zone.base + zone.size - PAGE
        session.push(machine=MachineState(MachineStatus.RUNNING, "", NOW + 1, True))
        await wait_until(pilot, lambda: "P pauses it" in rows(app), "running again")


async def test_what_changed_since_the_pause_before_is_counted_and_found() -> None:
    session = ScriptedSession(rich_state(arenas=spread_out(), machine=PAUSED))
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await opened(pilot)
        await wait_until(pilot, lambda: "pause twice" in rows(app), "nothing to compare with")
        machine_of(session).memory = {BASE + 5: 0xAA, BASE + 0x321: 0xBB}
        session.push(machine=MachineState(MachineStatus.PAUSED, "", NOW + 5, True))
        await wait_until(pilot, lambda: "2 changed since the last pause" in rows(app), "compared")
        view = app.main.views.hex
        styles = {segment.style for segment in view.render_line(0) if segment.text == "aa"}
        assert styles == {view._style("hex--changed")}
        app.main.focus_pane("hex")
        await pilot.press("f")
        assert view.mark == BASE + 5
        await pilot.press("f")
        assert view.mark == BASE + 0x321
        await wait_until(pilot, lambda: "00100320" in rows(app), "in view")


async def test_a_real_kernels_octets_are_shown_while_it_stands_and_what_an_answer_changed() -> None:
    async with simulated(size=(120, 44)) as (app, pilot):
        await until(pilot, lambda: Arena.ACTS in app.state.arenas, "where the arenas are")
        assert app.session is not None
        machine = app.session.machine
        assert machine is not None
        view = app.main.views.hex
        await pilot.press("escape", "f2")
        await until(pilot, lambda: "P pauses it" in rows(app), "not while it runs")
        await pilot.press("P")
        app.verbs.look_into(Arena.ACTS)
        await until(pilot, lambda: view.pages.octets(view.span.first, 1) != [None], "read")
        first = view.span.first
        octets = await machine.read_memory(first - first % 16, 16)
        await until(pilot, lambda: octets[:8].hex(" ") in rows(app), "the machine's own octets")
        await pilot.press("P")
        await until(pilot, lambda: app.state.machine.status is MachineStatus.RUNNING, "it runs on")
        await app.session.submit("Once upon a time")
        await pilot.press("P")
        await until(pilot, lambda: bool(view.pages.changed()), "the activations are others")
        await until(pilot, lambda: "changed since the last pause" in rows(app), "said")


async def test_arenas_are_gone_through_and_addresses_gone_to() -> None:
    arenas = spread_out()
    session = ScriptedSession(rich_state(arenas=arenas, machine=PAUSED))
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await opened(pilot)
        await pilot.press("down", "enter")
        assert app.main.focused_pane == "hex"
        await wait_until(pilot, lambda: f"{arenas[Arena.KV].base:08x}" in rows(app), "the second arena")
        await pilot.press("right")
        assert app.main.views.hex.span.name == "scratch"
        await pilot.press("left", "left")
        assert app.main.views.hex.span.name == "weights"
        await pilot.press("a", *"kv+1c0", "enter")
        await wait_until(pilot, lambda: app.main.views.hex.mark == arenas[Arena.KV].base + 0x1C0, "marked")
        await pilot.press("a", *"0xfff0000", "enter")
        await wait_until(pilot, lambda: app.main.views.hex.span.name == "memory", "outside of all arenas")
        await wait_until(pilot, lambda: "0fff0000" in rows(app), "in view")


async def test_an_address_that_is_no_memory_says_so() -> None:
    app = make_app(ScriptedSession(rich_state(arenas=spread_out(), machine=PAUSED)))
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await opened(pilot)
        app.main.focus_pane("hex")
        await pilot.press("a", *"fee00000", "enter")
        await wait_until(pilot, lambda: "no memory there" in screen_text(app), "asked again, with the reason")
        await wait_until(pilot, lambda: "0xfee00000" in screen_text(app).splitlines()[-3], "what was written")
        await pilot.press("escape", "a", *"nowhere")
        await wait_until(pilot, lambda: "there is no such arena" in screen_text(app), "told while it is written")
        await pilot.press("enter")
        await pilot.pause()
        assert "nowhere: there is no such arena" in screen_text(app), "it stays open"
        await pilot.press(*["backspace"] * 7, "a", "tab", "enter")
        await wait_until(pilot, lambda: app.main.views.hex.span.name == "acts", "the arena's name was completed")


async def test_octets_are_read_as_numbers_too() -> None:
    session = ScriptedSession(rich_state(arenas=spread_out(), machine=PAUSED))
    machine_of(session).memory = {BASE + at: octet for at, octet in enumerate(b"\x00\x00\x80\x3f\xff\xff\xff\xff")}
    app = make_app(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("escape", "h")
        found: dict[str, str] = {}
        # The weights of a float32 model are read as such first, then comes the usual order.
        for name in ("octets", "float32", "uint64", "octets", "int8", "int32"):
            await wait_until(pilot, lambda name=name: name in rows(app).splitlines()[0], name)
            await wait_until(pilot, lambda: "··" not in rows(app).splitlines()[1], "read")
            found[name] = rows(app).splitlines()[1].split("00100000", 1)[1].split()[0]
            await pilot.press("d")
        assert set(found) == {decoding.name for decoding in DECODINGS}
        assert found == {
            "octets": "00",
            "int8": "0",
            "int32": "1065353216",
            "float32": "1",
            "uint64": "18446744070479937536",
        }


@given(st.text(max_size=30))
def test_any_text_is_an_address_or_a_clear_error(text: str) -> None:
    state = rich_state()
    try:
        address = address_of(text, state)
    except ValueError as error:
        assert any(word in str(error) for word in ("expected", "no such arena", "no machine"))  # noqa: PT017
        return
    assert 0 <= address < 1 << 63


@pytest.mark.parametrize(
    ("text", "address"), [("0x1F0", 0x1F0), ("1f0", 0x1F0), ("kv", BASE), (" KV + 10 ", BASE + 16), ("0xff+1", 0x100)]
)
def test_addresses_are_written_in_several_ways(text: str, address: int) -> None:
    assert address_of(text, rich_state()) == address
