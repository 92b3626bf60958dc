"""The hex lens: what it says when there is nothing to see, what it reads when, and what changed between two pauses."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

import pytest
from driving import make_app, newest_message, screen_text, scripted, settled, simulated, until, wait_until
from hypothesis import given
from hypothesis import strategies as st
from scripted import MEMORY, NOW, PATTERN, ScriptedSession, machine_of, rich_state
from textual.pilot import Pilot

from llmbm_console.core.machine.byte_classes import kind_of
from llmbm_console.core.machine.guest_memory import PAGE
from llmbm_console.core.state.events import LinkPhase, MachineStatus
from llmbm_console.core.state.state import LinkState, MachineState
from llmbm_console.tui import figures
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.verbs.memory import address_of
from llmbm_console.tui.verbs.search import SLOW_MOST
from llmbm_console.tui.widgets.hex_rows import DECODINGS, Decoding, layout
from llmbm_console.tui.widgets.hex_view import HexView
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


async def opened(pilot: Pilot[Any]) -> None:
    await settled(pilot)
    await pilot.press("f2")
    await settled(pilot)


async def opened_in_kv(app: ConsoleApp, pilot: Pilot[Any]) -> HexView:
    """The lens at the second arena, with the focus."""
    await opened(pilot)
    app.verbs.look_into(Arena.KV)
    await wait_until(pilot, lambda: app.main.views.hex.span.name == "kv", "the arena")
    return app.main.views.hex


def pages_read(app: ConsoleApp, session: ScriptedSession) -> list[int]:
    """Pages that the lens has, in the order in which they were read; not the samples for the line above it."""
    return [at for at in dict.fromkeys(machine_of(session).reads) if app.main.views.hex.pages.known(at)]


def marked(view: HexView) -> list[str]:
    """Octets that are marked on the screen."""
    lines = [view.render_line(y) for y in range(view.window.height)]
    style = view._style("hex--mark")
    return [cell.text for strip in lines for cell in strip if cell.style == style and len(cell.text.strip()) == 2]


def rows(app: ConsoleApp) -> str:
    """What the pane shows."""
    return screen_text(app).split("Hex lens", 1)[1]


@pytest.mark.parametrize(
    ("changes", "options", "says"),
    [
        ({}, {}, "P pauses it"),
        ({}, {"controllable": False}, "With --qemu, --qmp or --sim"),
        ({}, {"read_only": True}, "who controls the machine can pause it"),
        ({"machine": MachineState(MachineStatus.STOPPED, "powered off", NOW, True)}, {}, "The machine has ended"),
        ({"machine": MachineState(MachineStatus.STOPPED, "powered off", NOW, True, ours=True)}, {}, "r: start again"),
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
        assert pages_read(app, session) == [BASE]
        app.main.focus_pane("hex")
        await pilot.press("end")
        await wait_until(pilot, lambda: len(pages_read(app, session)) == 2, "another page")
        zone = session.state.arenas[Arena.WEIGHTS]
        assert pages_read(app, session)[1] == zone.base + zone.size - PAGE
        session.push(machine=MachineState(MachineStatus.RUNNING, "", NOW + 1, True))
        await wait_until(pilot, lambda: "P pauses it" in rows(app), "running again")


async def test_what_changed_since_the_pause_before_is_counted_and_found() -> None:
    session = ScriptedSession(rich_state(arenas=spread_out(), machine=PAUSED))
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await opened(pilot)
        await wait_until(pilot, lambda: "the next pause shows what changed" in rows(app), "nothing to compare with")
        app.main.focus_pane("hex")
        await pilot.press("f")
        assert "nothing to compare with" in newest_message(app)
        machine_of(session).memory = {BASE + 5: 0xAA, BASE + 0x321: 0xBB}
        session.push(machine=MachineState(MachineStatus.PAUSED, "", NOW + 5, True))
        await wait_until(pilot, lambda: "2 changed of 4.0 KiB since the pause before" in rows(app), "compared")
        view = app.main.views.hex
        styles = {segment.style for segment in view.render_line(0) if segment.text == "aa"}
        assert styles == {view._style("hex--changed")}
        await pilot.press("f")
        assert view.mark == BASE + 5
        now = bytes([0xAA, *(PATTERN[(BASE + at) % len(PATTERN)] for at in range(6, 13))])
        was, number = PATTERN[(BASE + 5) % len(PATTERN)], int.from_bytes(now[:4], "little")
        heading = f"WEIGHTS  +5  was {was:02x}  i8 -86  u32 {number}"
        await wait_until(pilot, lambda: heading in rows(app), "what stands there")
        assert f"u64 {int.from_bytes(now, 'little')}" in rows(app)
        assert f"f32 {struct.unpack('<f', now[:4])[0]:.5g}" in rows(app)
        await pilot.press("f")
        assert view.mark == BASE + 0x321
        await wait_until(pilot, lambda: "00100320" in rows(app), "in view")


async def test_only_what_is_looked_at_counts_as_changed_here() -> None:
    arenas = spread_out()
    session = ScriptedSession(rich_state(arenas=arenas, machine=PAUSED))
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await opened(pilot)
        app.main.focus_pane("hex")
        await wait_until(pilot, lambda: pages_read(app, session) == [BASE], "the weights were read")
        await pilot.press("right")
        await wait_until(pilot, lambda: len(pages_read(app, session)) == 2, "and the KV cache")
        keys = arenas[Arena.KV].base
        machine_of(session).memory = {keys + 5: 0xAA}
        session.push(machine=MachineState(MachineStatus.PAUSED, "", NOW + 5, True))
        await wait_until(pilot, lambda: "1 changed of 4.0 KiB since the pause before" in rows(app), "in the KV cache")
        await pilot.press("left")
        await wait_until(pilot, lambda: "0 changed, 1 elsewhere" in rows(app), "not here")
        await pilot.press("right", "right")
        await wait_until(pilot, lambda: "not read in a pause before, 1 elsewhere" in rows(app), "nor here")
        await pilot.press("f")
        assert app.main.views.hex.mark == keys + 5
        assert app.main.views.hex.span.name == "kv"


@pytest.mark.parametrize("key", ["a", "d", "f", "left", "right"])
async def test_a_key_of_the_lens_says_why_it_does_nothing_while_the_machine_runs(key: str) -> None:
    app = make_app(ScriptedSession(rich_state(arenas=spread_out())))
    async with app.run_test(size=(120, 36)) as pilot:
        await opened(pilot)
        app.main.focus_pane("hex")
        before = app.main.views.hex.decoding
        await pilot.press(key)
        assert "pause the machine first (P)" in newest_message(app)
        assert app.screen is app.main
        assert app.main.views.hex.decoding is before


async def test_the_edge_tells_the_keys_where_they_act_and_the_way_there_where_they_do_not() -> None:
    app = make_app(ScriptedSession(rich_state(arenas=spread_out(), machine=PAUSED)))
    async with app.run_test(size=(120, 36)) as pilot:
        await opened(pilot)
        edge = app.main.views.hex
        assert "h goes here" in edge._bottom.plain
        assert "d as" not in edge._bottom.plain
        await pilot.press("h")
        assert app.main.focused_pane == "hex"
        wanted = "d as float32  a address  left right arena"
        await wait_until(pilot, lambda: wanted in edge._bottom.plain, "its keys")
        assert "goes here" not in edge._bottom.plain
        await pilot.press("escape")
        assert app.main.focused_pane == "memory", "back to the arenas, not out of the view"


async def test_without_arenas_an_address_is_gone_to_all_the_same() -> None:
    app = make_app(ScriptedSession(rich_state(arenas={}, machine=PAUSED)))
    async with app.run_test(size=(120, 36)) as pilot:
        await opened(pilot)
        app.main.focus_pane("hex")
        await pilot.press("a", *"100000", "enter")
        await wait_until(pilot, lambda: "00100000 27 2e 35 3c" in rows(app), "octets")


async def test_arenas_of_another_model_are_looked_at_where_they_are_now() -> None:
    session = ScriptedSession(rich_state(arenas=spread_out(), machine=PAUSED))
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await opened(pilot)
        await wait_until(pilot, lambda: "00100000 27" in rows(app), "read")
        weights = session.state.arenas[Arena.WEIGHTS].model_copy(update={"base": BASE + PAGE})
        session.push(arenas={**session.state.arenas, Arena.WEIGHTS: weights})
        await wait_until(pilot, lambda: "00101000 " in rows(app).splitlines()[1], "from its beginning")


async def test_memory_of_another_boot_is_not_compared_with() -> None:
    session = ScriptedSession(rich_state(arenas=spread_out(), machine=PAUSED))
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await opened(pilot)
        await wait_until(pilot, lambda: "00100000 27" in rows(app), "read")
        assert session.state.version is not None
        version = session.state.version.model_copy(update={"boot": session.state.version.boot + 1})
        again = MachineState(MachineStatus.PAUSED, "", NOW + 5, True)
        session.push(machine=again, version=version)
        await wait_until(pilot, lambda: machine_of(session).reads.count(BASE) == 2, "read again")
        await wait_until(pilot, lambda: "the next pause shows what changed" in rows(app), "as if for the first time")


async def test_the_edge_of_a_lens_without_room_for_what_changed_begins_with_its_keys() -> None:
    async with scripted(ScriptedSession(rich_state(arenas=spread_out(), machine=PAUSED)), size=(50, 20)) as (
        app,
        pilot,
    ):
        await pilot.press("escape")
        app.main.focus_pane("hex")
        await wait_until(pilot, lambda: "─ d as float32" in screen_text(app), "no hole in the edge")


async def test_a_row_keeps_its_address_in_another_width() -> None:
    app = make_app(ScriptedSession(rich_state(arenas=spread_out(), machine=PAUSED)))
    async with app.run_test(size=(120, 36)) as pilot:
        await opened(pilot)
        app.main.focus_pane("hex")
        await pilot.press("z", *["down"] * 8)
        await wait_until(pilot, lambda: "00100080" in rows(app).splitlines()[1], "scrolled")
        await pilot.resize_terminal(60, 20)
        await wait_until(pilot, lambda: "00100080" in rows(app).splitlines()[1], "the same place")
        app.main.show_view("log")
        await wait_until(pilot, lambda: not app.main.views.hex.display, "out of sight")
        await pilot.resize_terminal(120, 36)
        app.main.focus_pane("hex")
        await wait_until(pilot, lambda: "00100080" in rows(app).splitlines()[1], "also by then")


@given(st.integers(35, 220), st.integers(8, 12), st.sampled_from(DECODINGS))
def test_a_row_of_octets_never_ends_in_the_middle(width: int, digits: int, decoding: Decoding) -> None:
    row = layout(width, digits, decoding)
    assert row.cells <= width
    assert row.octets % decoding.octets == 0
    named = [at for column in range(width) if (at := row.octet_at(column)) is not None]
    assert sorted(set(named)) == list(range(0, row.octets, row.values.octets))


@pytest.mark.parametrize("size", [(50, 20), (60, 20), (80, 24)])
async def test_what_a_narrow_lens_shows_has_no_cut_word(size: tuple[int, int]) -> None:
    app = make_app(ScriptedSession(rich_state(arenas=spread_out(), machine=PAUSED)))
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("escape", "h")
        for _ in DECODINGS:
            await wait_until(pilot, lambda: "··" not in rows(app).splitlines()[1], "read")
            shown = rows(app).split("╰")[1].splitlines()[0]
            assert "…" not in rows(app).splitlines()[0] + shown
            assert "WEIGHTS" in rows(app).splitlines()[0]
            assert app.main.views.hex.decoding.name in rows(app).splitlines()[0]
            assert "d as" in shown
            await pilot.press("d")


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
        await until(pilot, lambda: "since the pause before" in rows(app), "said")


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


async def test_octets_are_looked_for_round_the_arena_and_then_beyond_it() -> None:
    arenas = spread_out()
    session = ScriptedSession(rich_state(arenas=arenas, machine=PAUSED))
    keys, first, second = arenas[Arena.KV], arenas[Arena.KV].base + 0xFFE, arenas[Arena.KV].base + 0x20010
    for base in (first, second):
        machine_of(session).memory |= {base + at: octet for at, octet in enumerate(b"hatbox")}
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        view = await opened_in_kv(app, pilot)
        await pilot.press("/", *"hatbox")
        await wait_until(pilot, lambda: "text of 6 octets" in screen_text(app), "how it was understood")
        await pilot.press("enter")
        await wait_until(pilot, lambda: view.mark == first, "found across two pages")
        assert f"found at {first:#x}, kv+ffe" in newest_message(app)
        await wait_until(pilot, lambda: len(marked(view)) == 6, "all of it is marked")
        await pilot.press("n")
        await wait_until(pilot, lambda: view.mark == second, "the next one")
        await pilot.press("n")
        await wait_until(pilot, lambda: view.mark == first, "round")
        assert "from the beginning of kv" in newest_message(app)
        await pilot.press("N")
        await wait_until(pilot, lambda: "from the end of kv" in newest_message(app), "and back")
        assert view.mark == second
        machine_of(session).memory = {keys.base + keys.size - 2 + at: octet for at, octet in enumerate(b"hatbox")}
        await pilot.press("n")
        await wait_until(pilot, lambda: view.mark == keys.base + keys.size - 2, "over the arena's border")
        assert "outside of kv" in newest_message(app)
        await pilot.press("enter")
        await wait_until(pilot, lambda: view.span.name == "memory", "all memory around it")
        await pilot.press("enter")
        await wait_until(pilot, lambda: view.span.name == "kv", "and the arena again")


async def test_the_only_place_is_told_as_that_and_a_number_where_none_is_kept_too() -> None:
    arenas = spread_out()
    session = ScriptedSession(rich_state(arenas=arenas, machine=PAUSED))
    only = arenas[Arena.KV].base + 0x1003
    machine_of(session).memory = {only + at: octet for at, octet in enumerate(struct.pack("<f", 12.34))}
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        view = await opened_in_kv(app, pilot)
        await pilot.press("/", *"f32:12.34", "enter")
        await wait_until(pilot, lambda: view.mark == only, "found")
        askew = "not at a multiple of 4 octets, as numbers are"
        assert f"found at {only:#x}, kv+1003, {askew}" in newest_message(app)
        for key in ("n", "N"):
            app.clear_notifications()
            await pilot.press(key)
            await wait_until(pilot, lambda: app._notifications, "all round")
            assert newest_message(app) == f"{only:#x}, kv+1003 is the only one in kv, {askew}"


async def test_what_is_not_in_memory_says_between_which_addresses_and_a_slow_search_asks_to_go_on() -> None:
    session = ScriptedSession(rich_state(arenas=spread_out(), machine=PAUSED))
    machine = machine_of(session)
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        view = await opened_in_kv(app, pilot)
        machine.slow = "QEMU is far away"
        await pilot.press("/", *"u99:1", "enter")
        await wait_until(pilot, lambda: view.sought == "u99:1", "text, as it is no type")
        kept = view.place
        await wait_until(pilot, lambda: "Memory is read slowly: QEMU is far away" in newest_message(app), "bounded")
        assert f"not found in {figures.size(SLOW_MOST)} from {kept:#x} on; n goes on at 0x" in newest_message(app)
        there = int(newest_message(app).split("goes on at ")[1].split(".")[0], 16)
        session.push(machine=MachineState(MachineStatus.RUNNING, "", NOW + 1, True))
        await pilot.press("n")
        assert "pause the machine first" in newest_message(app)
        session.push(machine=PAUSED)
        reads = len(machine.reads)
        await pilot.press("n")
        await wait_until(pilot, lambda: f"from {there:#x} on" in newest_message(app), "on from there")
        assert machine.reads[reads] == there
        machine.gate = asyncio.Event()
        await pilot.press("n")
        await wait_until(pilot, lambda: "escape stops" in rows(app) or "Esc stops" in rows(app), "how far it has come")
        await pilot.press("escape")
        assert "stopped at" in newest_message(app)
        assert app.main.focused_pane == "hex"
        machine.gate.set()
        machine.gate = None
        await pilot.press("/", "backspace", "enter")
        await wait_until(pilot, lambda: not view.sought, "nothing is looked for any more")


async def test_memory_without_it_is_looked_through_to_its_end_by_who_only_watches() -> None:
    session = ScriptedSession(rich_state(arenas=spread_out(), machine=PAUSED), read_only=True)
    app = make_app(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.main.focus_pane("hex")
        await wait_until(pilot, lambda: "00100000 27 2e" in rows(app), "it may read")
        await pilot.press("/", *"f32:0.1", "enter")
        await wait_until(
            pilot, lambda: f"not found between {MEMORY[0]:#x} and {MEMORY[1]:#x}" in newest_message(app), "nowhere"
        )


async def test_the_line_above_the_lens_tells_kinds_of_octets_where_one_looks_and_is_clicked_on() -> None:
    session = ScriptedSession(rich_state(arenas=spread_out(), machine=PAUSED))
    app = make_app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        view = await opened_in_kv(app, pilot)
        strip = app.main.views.bytes
        wanted = f"{kind_of(await machine_of(session).read_memory(*strip._places[0])).bits:.1f} bits of 8"
        await wait_until(pilot, lambda: wanted in strip._content.plain, "of the part in view")
        await wait_until(pilot, lambda: "  " not in strip._content.plain, "of all of it")
        await pilot.click(strip, offset=(1 + len("entropy ") + 40, 0))
        await wait_until(pilot, lambda: view.mark == strip._places[40].address, "gone to")
        machine_of(session).slow = "QEMU is far away"
        session.push(machine=MachineState(MachineStatus.PAUSED, "", NOW + 5, True))
        await wait_until(pilot, lambda: "as QEMU is far away" in strip._content.plain, "and why it does not")
        session.push(machine=MachineState(MachineStatus.RUNNING, "", NOW + 6, True))
        await wait_until(pilot, lambda: "bytes" not in app.main.deck.regions, "no line without memory")


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
