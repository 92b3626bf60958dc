"""Each row of the failure table (protocol/SPEC.md, section 12) against a real kernel in the simulator: what happens to
a person's session when it happens."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from live_kernel import PROMPT, SLOWLY, Kernel, Line, collect, records
from waiting import until

from llmbm_console.chaos.endpoints import connect
from llmbm_console.chaos.faults import NOISE
from llmbm_console.chaos.proxy import Chaos
from llmbm_console.core.errors import SessionError
from llmbm_console.core.link import hello as link_hello
from llmbm_console.core.session.live import LiveSession
from llmbm_console.core.session.targets import Target, make_session
from llmbm_console.core.state.events import ConsoleText, Gap, LinkChanged, LinkPhase, MachineStatus, Notice
from llmbm_protocol.schema import Credit, Hello, SamplingState, Stream

Sessions = Callable[..., LiveSession]


@asynccontextmanager
async def bad_line(kernel: Kernel, sessions: Sessions, *options: str, share: bool = False) -> AsyncIterator[Line]:
    """A session in machine mode, on a line that is good until the test says otherwise."""
    await kernel.start(*options)
    front = kernel.folder / "front"
    async with Chaos(front, kernel.socket, seed=1, share=share) as chaos:
        session = sessions(front)
        events = collect(session)
        await session.open()
        await session.wait_ready(30)
        assert (await session.set_parameter("max_tokens", "40")).ok
        yield Line(chaos, session, events)
        chaos.calm()
        await session.close()


async def test_row_01_damaged_lines_from_the_kernel_are_rejected_counted_and_repaired(
    kernel: Kernel, sessions: Sessions
) -> None:
    async with bad_line(kernel, sessions) as line:
        line.chaos.down.flip_bit = 0.002
        await line.whole_answer()
        await until(lambda: line.session.state.link.rejected_lines > 0)
        assert line.chaos.ways["down"].counts["flip_bit"] > 0


async def test_row_02_damaged_lines_to_the_kernel_are_counted_there_and_sent_again(
    kernel: Kernel, sessions: Sessions
) -> None:
    async with bad_line(kernel, sessions) as line:
        line.chaos.up.flip_bit = 0.02
        for number in range(8):
            await line.seed(number)
        line.chaos.calm()
        await until(lambda: line.counters.checksum + line.counters.malformed > 0)
        await until(lambda: line.session.state.link.retries > 0)


async def test_row_03_a_lost_line_end_costs_one_line(kernel: Kernel, sessions: Sessions) -> None:
    async with bad_line(kernel, sessions) as line:
        line.chaos.up.splice = line.chaos.down.splice = 0.2
        for number in range(8):
            await line.seed(number)
        await line.whole_answer()
        assert line.chaos.ways["down"].counts["splice"] > 0


async def test_row_04_lost_lines_are_seen_and_asked_for_again(kernel: Kernel, sessions: Sessions) -> None:
    async with bad_line(kernel, sessions) as line:
        line.chaos.down.drop_line = 0.15
        await line.whole_answer()
        outcome = await asyncio.wait_for(line.session.submit("/help"), 60)
        assert outcome.ok
        assert "/zones" in outcome.output
        assert "/version" in outcome.output
        await until(lambda: line.session.state.link.lost_frames > 0)


async def test_row_04_lost_lines_to_the_kernel_do_not_end_the_session(kernel: Kernel, sessions: Sessions) -> None:
    async with bad_line(kernel, sessions) as line:
        line.chaos.up.drop_line = 0.3
        for number in range(8):
            await line.seed(number)
        assert line.chaos.ways["up"].counts["drop_line"] > 0
        hellos = [record for record in records(line.events, Hello) if isinstance(record, Hello) and record.machine]
        assert len(hellos) == 1


async def test_row_05_repeated_lines_are_dropped(kernel: Kernel, sessions: Sessions) -> None:
    async with bad_line(kernel, sessions) as line:
        line.chaos.up.double_line = line.chaos.down.double_line = 0.5
        turn = await line.whole_answer()
        assert turn.number == 1
        for number in range(8):
            await line.seed(number)
        assert (await line.whole_answer()).number == 2, "no prompt was run twice"


async def test_row_06_octets_lost_on_the_way_to_the_kernel_free_their_credit(
    kernel: Kernel, sessions: Sessions
) -> None:
    async with bad_line(kernel, sessions) as line:
        line.chaos.up.drop_byte = 0.03
        for number in range(6):
            await line.seed(number)
        assert line.session._link is not None
        assert line.session._link.credits.lost_bytes > 0


async def test_row_06_octets_that_are_only_late_are_not_taken_for_lost(kernel: Kernel, sessions: Sessions) -> None:
    """The way to a kernel that computes stands still for longer than lost octets are waited for; then everything
    arrives at once, and must fit into the receiver."""
    async with bad_line(kernel, sessions, "--uart", "16550", "--poll-gap-us", "200000") as line:
        assert line.session._link is not None
        credits = line.session._link.credits
        for name, value in (("max_tokens", "256"), ("attn", "reference")):  # an answer of many seconds
            assert (await line.session.set_parameter(name, value)).ok
        running = asyncio.create_task(line.session.submit(PROMPT))
        await until(lambda: line.session.state.turn and line.session.state.turn.tokens)
        line.chaos.open["up"].clear()
        late = asyncio.create_task(line.seed(1))
        await until(lambda: credits.under_way)
        await asyncio.sleep(2.0)  # heartbeats come all the time, and say that nothing was taken
        assert not running.done(), "the kernel computes, and looks at its line now and then"
        line.chaos.open["up"].set()
        await late
        await running
        assert credits.lost_bytes == 0
        heard = len(records(line.events, Credit))
        await until(lambda: len(records(line.events, Credit)) > heard + 4)  # an overrun would be told within two
        assert line.session.state.link.counters is None


async def test_row_07_an_overrun_is_an_alarm_and_nothing_is_lost_for_good(kernel: Kernel, sessions: Sessions) -> None:
    """Somebody else writes to the line: the one way in which a receiver can overrun."""
    options = ("--uart", "16550", *SLOWLY)
    async with bad_line(kernel, sessions, *options, share=True) as line:
        # While it computes it looks at its line too seldom: an answer of five seconds, which is stopped then.
        assert (await line.session.set_parameter("max_tokens", "256")).ok
        running = asyncio.create_task(line.whole_answer())
        await until(lambda: line.session.state.turn)
        _, intruder = await connect(line.chaos.front)
        passed = line.chaos.ways["up"].octets
        intruder.write(b"x" * 400)
        await until(lambda: line.chaos.ways["up"].octets >= passed + 400)
        intruder.transport.abort()
        await until(lambda: line.session.state.link.counters and line.session.state.link.counters.overrun)
        await line.session.stop()
        await running
        await line.seed(5)
        alarms = [event for event in line.events if isinstance(event, Notice) and event.severity == "error"]
        assert any("another program writes to this line" in alarm.text for alarm in alarms)


async def test_row_08_lost_heartbeats_and_credits_do_no_harm(kernel: Kernel, sessions: Sessions) -> None:
    async with bad_line(kernel, sessions) as line:
        line.chaos.down.drop_line = 0.3
        for number in range(4):
            await line.seed(number)
        phases = {event.phase for event in line.events if isinstance(event, LinkChanged)}
        assert LinkPhase.SILENT not in phases
        line.chaos.calm()
        await line.seed(9)


async def test_row_09_a_kernel_that_hangs_is_slow_then_silent(kernel: Kernel, sessions: Sessions) -> None:
    async with bad_line(kernel, sessions) as line:
        assert kernel.process is not None
        kernel.process.send_signal(signal.SIGSTOP)
        await until(lambda: line.session.state.link.phase is LinkPhase.SLOW)
        await until(lambda: line.session.state.link.phase is LinkPhase.SILENT)
        kernel.process.send_signal(signal.SIGCONT)
        await until(lambda: line.session.state.link.phase is LinkPhase.MACHINE)
        await line.seed(1)


async def test_row_10_a_paused_machine_is_neither_slow_nor_silent(live: LiveSession) -> None:
    events = collect(live)
    assert live.machine is not None
    await live.machine.pause()
    await until(lambda: live.state.machine.status is MachineStatus.PAUSED)
    await asyncio.sleep(1.3)  # longer than a heartbeat may be late
    await live.machine.resume()
    assert (await asyncio.wait_for(live.submit("/version"), 20)).ok
    assert not {event.phase for event in events if isinstance(event, LinkChanged)} & {LinkPhase.SLOW, LinkPhase.SILENT}


async def test_row_11_a_reboot_in_the_middle_fails_what_is_pending_and_says_hello_again(
    kernel: Kernel, sessions: Sessions
) -> None:
    async with bad_line(kernel, sessions, *SLOWLY) as line:
        running = asyncio.create_task(line.session.submit(PROMPT))
        await until(lambda: line.session.state.turn and line.session.state.turn.tokens)
        await kernel.end()
        await kernel.start()
        outcome = await asyncio.wait_for(running, 60)
        assert (outcome.ok, outcome.error_code) == (False, "rebooted")
        await line.session.wait_ready(30)
        assert line.session.state.boots == 2
        assert (await line.session.submit(PROMPT)).ok


async def test_row_12_a_host_that_starts_again_clears_what_belonged_to_the_last_one(
    kernel: Kernel, sessions: Sessions
) -> None:
    async with bad_line(kernel, sessions) as line:
        await line.seed(1)
        line.chaos.cut()
        await until(lambda: line.chaos.clients == 2)
        await line.session.wait_ready(20)
        await line.seed(2)  # ids of the session before do not answer for it
        await until(lambda: line.session.state.perf)
        assert [event for event in line.events if isinstance(event, Gap)], "the gap is marked"


async def test_row_13_a_pulled_cable_is_opened_again_under_its_name(kernel: Kernel, tmp_path: Path) -> None:
    await kernel.start()
    port = tmp_path / "ttyTEST"
    async with Chaos(f"pty:{port}", kernel.socket) as chaos:
        session = make_session(Target("serial", str(port)))
        events = collect(session)  # type: ignore[arg-type]
        await session.open()
        await session.wait_ready(30)
        chaos.cut()
        await until(lambda: session.state.link.phase is not LinkPhase.MACHINE)
        await session.wait_ready(30)
        assert (await asyncio.wait_for(session.submit("/version"), 30)).ok
        gaps = [event for event in events if isinstance(event, Gap)]
        assert len(gaps) == 1
        assert 0 < gaps[0].seconds < 20
        await session.close()


async def test_row_14_a_second_program_on_the_port_takes_frames_away_and_they_are_repaired(
    kernel: Kernel, sessions: Sessions
) -> None:
    async with bad_line(kernel, sessions, share=True) as line:
        reader, writer = await connect(line.chaos.front)
        await until(lambda: line.chaos.clients == 2)
        await line.seed(3)
        await line.whole_answer()
        assert await asyncio.wait_for(reader.read(1), 10), "it did get something"
        writer.transport.abort()


async def test_row_14_a_line_that_stays_silent_names_a_second_program(tmp_path: Path, sessions: Sessions) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(100):
            pass

    server = await asyncio.start_unix_server(serve, tmp_path / "line")
    session = sessions(tmp_path / "line")
    await session.open()
    with pytest.raises(SessionError, match="Another program may hold the line"):
        await session.wait_ready(60)
    server.close()


async def test_row_15_firmware_noise_and_terminal_controls_are_shown_clean(kernel: Kernel, sessions: Sessions) -> None:
    async with bad_line(kernel, sessions) as line:
        line.chaos.down.noise = 0.3
        await line.whole_answer()
        await line.seed(4)
        text = "".join(event.text for event in line.events if isinstance(event, ConsoleText))
        assert "BdsDxe" in text
        assert "\x1b" not in text
        assert "\x07" not in text


async def test_row_16_text_that_looks_like_a_frame_is_not_acted_upon(kernel: Kernel, sessions: Sessions) -> None:
    async with bad_line(kernel, sessions) as line:
        for piece in NOISE:
            for writer in line.chaos._readers:
                writer.write(piece)
        assert line.chaos._line is not None
        line.chaos._line[1].write(b"@q 0001 id=1 op=reboot*deadbeef\n")
        await line.seed(6)
        assert line.session.state.boots == 1
        await until(lambda: line.session.state.link.rejected_lines > 0)


async def test_row_18_a_wrong_speed_is_named_with_others_to_try(tmp_path: Path, sessions: Sessions) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(100):
            writer.write(b"\xf8\x00\x80\xfe\x18\xe0" * 4)

    server = await asyncio.start_unix_server(serve, tmp_path / "line")
    session = sessions(tmp_path / "line")
    await session.open()
    with pytest.raises(SessionError, match=r"no text: the speed is probably wrong; try --baud 115200, 9600"):
        await session.wait_ready(60)
    server.close()


async def test_row_19_a_storm_of_stops_gives_the_line_back_and_the_session_returns(
    kernel: Kernel, sessions: Sessions
) -> None:
    async with bad_line(kernel, sessions) as line:
        assert line.chaos._line is not None
        line.chaos._line[1].write(b"\x03" * 300)
        await until(lambda: line.session.state.link.phase is not LinkPhase.MACHINE)
        await line.session.wait_ready(30)
        await line.seed(7)


async def test_row_20_a_host_that_does_not_read_stops_nothing_for_good(kernel: Kernel, sessions: Sessions) -> None:
    async with bad_line(kernel, sessions) as line:
        assert (await line.session.set_parameter("max_tokens", "256")).ok
        line.chaos.open["down"].clear()
        running = asyncio.create_task(line.session.submit(PROMPT))
        began = time.monotonic()
        await until(lambda: time.monotonic() - began > 0.8)
        assert not running.done()
        line.chaos.open["down"].set()
        outcome = await asyncio.wait_for(running, 60)
        assert outcome.turn is not None
        assert outcome.turn.finished is not None
        assert (outcome.turn.lost_tokens, outcome.turn.number) == (0, 1), "asked for again, and run once"
        (sampling,) = await line.session.fetch(Stream.SAMPLING)
        assert isinstance(sampling, SamplingState)


async def test_row_21_a_kernel_that_is_heard_and_hears_nothing_is_told_from_none(
    kernel: Kernel, sessions: Sessions
) -> None:
    await kernel.start("--wait")  # its beacon comes when the line is open
    front = kernel.folder / "front"
    async with Chaos(front, kernel.socket) as chaos:
        chaos.up.drop_byte = 1.0
        session = sessions(front)
        await session.open()
        with pytest.raises(SessionError, match=r"A kernel is there: what it says arrives, .* transmit pin"):
            await session.wait_ready(60)
        assert session.state.link.phase is LinkPhase.PLAIN
        await session.close()


async def test_row_21_a_kernel_that_starts_for_ever_is_not_waited_for_in_silence(
    kernel: Kernel, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel's real beacon, again and again."""
    monkeypatch.setattr(link_hello, "TRIES", (0.1, 0.1))
    await kernel.start("--wait")
    reader, writer = await connect(f"unix:{kernel.socket}")
    beacon = await asyncio.wait_for(reader.readuntil(b"@H"), 20) + await reader.readuntil(b"\n")
    writer.close()

    async def start_again(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while not reader.at_eof():
                writer.write(beacon)
                await writer.drain()
                await asyncio.sleep(2 * link_hello.QUIET)  # a knock waits for quiet
        writer.close()

    server = await asyncio.start_unix_server(start_again, kernel.folder / "loop")
    session = sessions(kernel.folder / "loop")
    await session.open()
    with pytest.raises(SessionError, match=r"it was heard to start \d+ times, .* restarts before it can answer"):
        await session.wait_ready(60)
    await session.close()
    server.close()
    await server.wait_closed()


def test_every_row_has_its_test() -> None:
    """Row 17, the escape of rfc2217, belongs to the transport: test_rfc2217_carries_every_byte."""
    named = {name.split("_")[2] for name in globals() if name.startswith("test_row_")}
    assert named == {f"{number:02}" for number in range(1, 22)} - {"17"}
