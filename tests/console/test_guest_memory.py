"""A paused machine's memory: the simulator's and QEMU's as it is, and what was read at the pause before."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from waiting import until

from llmbm_console.core.errors import SessionError
from llmbm_console.core.machine.guest_memory import PAGE, GuestMemoryError, Pages, parse_ranges, parse_words, within
from llmbm_console.core.machine.machine import LaunchedQemu
from llmbm_console.core.machine.memory_search import Search, legs
from llmbm_console.core.machine.qemu_memory import QemuMemory
from llmbm_console.core.paths import default_model
from llmbm_console.core.session.live import LiveSession
from llmbm_console.core.session.targets import Target, make_session
from llmbm_console.core.state.events import MachineStatus
from llmbm_protocol.words import Arena

TREE = """FlatView #0
 AS "memory", root: system
 AS "cpu-memory-0", root: system
 Root memory region: system
  0000000000000000-000000000009ffff (prio 0, ram): pc.ram
  00000000000a0000-00000000000affff (prio 1, i/o): vga
  0000000000100000-000000000fffffff (prio 0, ram): pc.ram @0000000000100000
  0000000010000000-000000001000ffff (prio 0, romd): system.flash0
FlatView #1
 AS "I/O", root: io
  0000000000000000-0000000000000007 (prio 0, ram): other
"""


def test_words_are_octets_with_the_low_one_first() -> None:
    text = "0000000000001000: 0x0807060504030201 0x0000000000000009\n0000000000001010: 0x00000000000000ff \n"
    assert parse_words(text, 0x1000, 17) == bytes([*range(1, 9), 9, *[0] * 7, 255])


@pytest.mark.parametrize(
    "text",
    [
        "0000000000001000: Cannot access memory\n",
        "",
        "0000000000002000: 0x0000000000000000\n",
        "0000000000001000: 0x00",
    ],
)
def test_an_answer_that_is_not_that_memory_is_an_error(text: str) -> None:
    with pytest.raises(GuestMemoryError, match="0x1000"):
        parse_words(text, 0x1000, 8)


@given(st.text(max_size=200))
def test_any_answer_is_octets_or_an_error(text: str) -> None:
    try:
        found = parse_words(text, 0, 8)
    except GuestMemoryError:
        return
    assert len(found) == 8


def test_devices_are_no_memory_and_ranges_that_touch_are_one() -> None:
    ranges = parse_ranges(TREE)
    assert within(ranges, 0x9FFFF) == (0, 0xA0000)
    assert within(ranges, 0xA0000) is None
    assert within(ranges, 0x100000) == (0x100000, 0x10010000)
    assert within(ranges, 0x10010000) is None
    assert within((), 0) is None


def test_what_changed_since_the_pause_before_is_found_in_order() -> None:
    pages = Pages()
    pages.put(PAGE, bytes(PAGE))
    assert pages.compared() == 0
    pages.begin()
    assert not pages.known(PAGE)
    pages.put(PAGE, bytes(10) + b"\x07" + bytes(PAGE - 12) + b"\x01")
    assert pages.octets(PAGE + 9, 3) == [0, 7, 0]
    assert pages.before(PAGE + 9, 3) == [0, 0, 0]
    assert pages.octets(2 * PAGE - 1, 2) == [1, None]
    assert pages.compared() == PAGE
    assert pages.changed() == 2
    assert (pages.compared(PAGE + 8, PAGE + 11), pages.changed(PAGE + 8, PAGE + 11)) == (3, 1)
    assert (pages.compared(0, PAGE), pages.changed(0, PAGE)) == (0, 0)
    assert pages.next_change(0) == PAGE + 10
    assert pages.next_change(PAGE + 10) == 2 * PAGE - 1
    assert pages.next_change(2 * PAGE) == PAGE + 10
    pages.fail(0, "no memory")
    assert pages.known(0)
    assert pages.failure(12) == "no memory"
    pages.forget()
    pages.put(PAGE, bytes(PAGE))
    assert (pages.compared(), pages.next_change(0)) == (0, None), "another kernel's memory is not compared with"


async def pause_and_read(session: LiveSession, arena: Arena, length: int) -> bytes:
    assert session.machine is not None
    await session.machine.pause()
    await until(lambda: session.state.machine.status is MachineStatus.PAUSED)
    zone = session.state.arenas[arena]
    around = await session.machine.memory_around(zone.base)
    assert around is not None
    assert around[0] <= zone.base
    assert zone.base + zone.size <= around[1]
    return await session.machine.read_memory(zone.base, length)


async def a_number_of_the_weights_is_found_again(session: LiveSession, sought: bytes) -> None:
    """The weights' octets from 16 pages on, looked for from the arena's beginning in chunks that cut them in two."""
    assert session.machine is not None
    zone = session.state.arenas[Arena.WEIGHTS]
    around = await session.machine.memory_around(zone.base)
    assert around is not None
    way = legs((zone.base, zone.base + zone.size), around, zone.base, len(sought), 1, "kv")
    search, found = Search(sought, way, 1, 16 * PAGE - 32), None
    while found is None and not search.over:
        found = await search.step(session.machine.read_memory)
    assert found is not None
    assert found.address <= zone.base + 16 * PAGE - 64
    assert await session.machine.read_memory(found.address, 64) == sought


async def weights_and_context_are_where_the_kernel_says(session: LiveSession) -> None:
    """The weights hold what the model file holds, and an answer changes the context's rows."""
    await until(lambda: len(session.state.arenas) == 6)
    weights = default_model().read_bytes()
    numbers = {weights[at : at + 4] for at in range(0, len(weights) - 3, 4)}
    data = await pause_and_read(session, Arena.WEIGHTS, 16 * PAGE)
    tail = data[-PAGE:]  # behind the table of the tensors; products may want them in another order
    assert {tail[at : at + 4] for at in range(0, PAGE, 4)} <= numbers
    await a_number_of_the_weights_is_found_again(session, tail[-64:])
    before = await pause_and_read(session, Arena.KV, PAGE)
    assert session.machine is not None
    await session.machine.resume()
    await session.submit("/max_tokens 8")
    assert (await session.submit("Once upon a time")).ok
    after = await pause_and_read(session, Arena.KV, PAGE)
    assert before != after
    with pytest.raises(SessionError, match="memory"):
        await session.machine.read_memory(1 << 60, 8)
    assert await session.machine.memory_around(1 << 60) is None
    await session.machine.resume()


async def test_the_simulators_memory_is_read_while_it_is_paused(live: LiveSession) -> None:
    await weights_and_context_are_where_the_kernel_says(live)


async def a_qemu_that_cannot_write_for_us_is_read_as_text(session: LiveSession) -> None:
    """The same octets, more slowly, and it is told why; a folder that QEMU does not see is another computer's."""
    machine = session.machine
    assert isinstance(machine, LaunchedQemu)
    assert await machine.slow_memory() == ""
    zone, told = session.state.arenas[Arena.WEIGHTS], []

    async def elsewhere(command: str, **arguments: object) -> object:
        told.append(command)
        if command == "pmemsave":
            arguments["filename"] = f"/elsewhere{arguments['filename']}"
        return await machine._monitor.execute(command, **arguments)

    memory = QemuMemory(elsewhere)
    length = 5 * PAGE + 3
    assert await memory.read(zone.base, length) == await machine.read_memory(zone.base, length)
    assert "cannot write files for us" in await memory.why_slow()
    with pytest.raises(SessionError, match="no memory there"):
        await memory.read(0xFEE00000, 8)
    assert told.count("pmemsave") == 1, "it is tried once"


@pytest.mark.qemu
async def test_a_qemus_memory_is_read_while_it_is_paused(qemu: str) -> None:
    session = make_session(Target("qemu"))
    assert isinstance(session, LiveSession)
    try:
        await session.open()
        await session.wait_ready(120)
        await weights_and_context_are_where_the_kernel_says(session)
        assert session.machine is not None
        with pytest.raises(SessionError, match="no memory there"):
            await session.machine.read_memory(0xFEE00000, 8)  # the local APIC: a device
        await session.machine.pause()
        await until(lambda: session.state.machine.status is MachineStatus.PAUSED)
        await a_qemu_that_cannot_write_for_us_is_read_as_text(session)
    finally:
        await session.close()
