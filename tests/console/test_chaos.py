"""The middleman that damages lines: what it does, that a seed repeats it, and that it does nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from waiting import until

from llmbm_console.chaos.__main__ import configured, main, parser
from llmbm_console.chaos.endpoints import AddressError, connect, split
from llmbm_console.chaos.faults import Damager, Faults, SmallFifo
from llmbm_console.chaos.proxy import Chaos
from llmbm_protocol.schema import ENQUIRY

LINES = b"".join(b"@K %04x c=%d w=240*00000000\r\n" % (number, number) for number in range(400))
ALL = Faults(flip_bit=0.01, drop_byte=0.01, burst=0.002, drop_line=0.05, double_line=0.05, splice=0.05, noise=0.05)


# ---- damage ----------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, len(LINES))))
def test_the_same_seed_gives_the_same_damage_however_it_is_cut(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(LINES)]
    whole, cut = Damager(ALL, 7), Damager(ALL, 7)
    expected = whole.feed(LINES)
    assert b"".join(cut.feed(LINES[a:b]) for a, b in itertools.pairwise(places)) == expected
    assert cut.counts == whole.counts
    assert set(whole.counts) == {"flip_bit", "drop_byte", "burst", "drop_line", "double_line", "splice", "noise"}


def test_another_seed_gives_other_damage() -> None:
    assert Damager(ALL, 7).feed(LINES) != Damager(ALL, 8).feed(LINES)


def test_without_faults_nothing_is_changed() -> None:
    damager = Damager(Faults(), 7)
    assert damager.feed(LINES) == LINES
    assert damager.damaged == 0


def test_each_fault_does_what_it_says() -> None:
    lines = LINES.splitlines(keepends=True)
    dropped = Damager(Faults(drop_line=0.1), 1)
    left = dropped.feed(LINES).splitlines(keepends=True)
    assert len(left) == len(lines) - dropped.counts["drop_line"]
    assert set(left) < set(lines)
    doubled = Damager(Faults(double_line=0.1), 1)
    assert len(doubled.feed(LINES).splitlines()) == len(lines) + doubled.counts["double_line"]
    spliced = Damager(Faults(splice=0.1), 1)
    out = spliced.feed(LINES)
    assert len(out) == len(LINES) - 2 * spliced.counts["splice"]
    flipped = Damager(Faults(flip_bit=0.01), 1)
    out = flipped.feed(LINES)
    differing = [a ^ b for a, b in zip(LINES, out, strict=True) if a != b]
    assert len(differing) == flipped.counts["flip_bit"] > 20
    assert all(bin(bits).count("1") == 1 for bits in differing)
    lost = Damager(Faults(drop_byte=0.01), 1)
    assert len(lost.feed(LINES)) == len(LINES) - lost.counts["drop_byte"]


def test_an_enquiry_belongs_to_no_line_and_is_not_lost_with_one() -> None:
    """The sender of a lost line would wait for ever: it may not end the line before it knows what became of it."""
    enquiry = bytes((ENQUIRY,))
    assert Damager(Faults(drop_line=1.0), 1).feed(b"@q 0001 id=" + enquiry + b"1*\n" + enquiry) == enquiry * 2
    assert Damager(Faults(drop_byte=1.0), 1).feed(enquiry) == b""


def test_a_small_fifo_loses_what_does_not_fit_between_two_looks() -> None:
    fifo = SmallFifo(gap=0.1)
    assert fifo.feed(bytes(16), 0.0) == bytes(16)
    assert fifo.feed(bytes(10), 0.01) == b""
    assert fifo.feed(bytes(10), 0.11) == bytes(10), "the kernel has looked"
    assert fifo.lost == 10
    assert SmallFifo(gap=0.001).feed(bytes(1000), 0.0) == bytes(1000), "a line of 115200 bit/s brings 12 octets a look"


# ---- passing on ------------------------------------------------------------------------------------------------------


def until_cut() -> contextlib.suppress:
    """An aborted connection ends by an error or by its end."""
    return contextlib.suppress(ConnectionError)


class Far:
    """The far side: keeps what came, and whom to answer."""

    def __init__(self) -> None:
        self.got = b""
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        while data := await reader.read(100):
            self.got += data


@pytest.fixture
async def far(tmp_path: Path) -> AsyncIterator[Far]:
    one = Far()
    server = await asyncio.start_unix_server(one.serve, tmp_path / "far")
    yield one
    server.close()


@pytest.mark.parametrize("front", ["unix:{}/near", "tcp:127.0.0.1:0", "pty:{}/near"])
async def test_octets_pass_both_ways_over_every_kind_of_line(far: Far, tmp_path: Path, front: str) -> None:
    chaos = Chaos(front.format(tmp_path), tmp_path / "far")
    async with chaos:
        address = chaos.front.replace("pty:", "serial:")
        if isinstance(chaos._server, asyncio.Server) and "tcp" in front:
            address = f"tcp:127.0.0.1:{chaos._server.sockets[0].getsockname()[1]}"
        reader, writer = await connect(address)
        everything = bytes(range(256))
        writer.write(everything)
        await until(lambda: far.got == everything)
        far.writers[0].write(everything)
        assert await asyncio.wait_for(reader.readexactly(256), 10) == everything
        writer.transport.abort()


async def test_a_pseudo_terminal_that_was_cut_comes_back_under_its_name(far: Far, tmp_path: Path) -> None:
    async with Chaos(f"pty:{tmp_path}/near", tmp_path / "far") as chaos:
        first = os.readlink(tmp_path / "near")
        _, writer = await connect(f"serial:{tmp_path}/near")
        writer.write(b"one")
        await until(lambda: far.got == b"one")
        chaos.cut()
        await until(lambda: chaos.clients == 2 and (tmp_path / "near").exists())
        writer.transport.abort()
        _, writer = await connect(f"serial:{tmp_path}/near")
        writer.write(b"two")
        await until(lambda: far.got == b"onetwo")
        writer.transport.abort()
        assert first


@pytest.mark.parametrize("place", [0, 1, 137])
async def test_the_line_is_cut_at_the_very_octet(far: Far, tmp_path: Path, place: int) -> None:
    async with Chaos(tmp_path / "near", tmp_path / "far") as chaos:
        chaos.cut_at = place
        reader, _ = await connect(f"unix:{tmp_path}/near")
        await until(lambda: far.writers)
        far.writers[0].write(LINES[:200])
        came = b""
        with until_cut():
            while data := await asyncio.wait_for(reader.read(50), 10):
                came += data
        assert came == LINES[:place]
        assert chaos.cuts == 1


async def test_a_second_client_takes_octets_away_and_writes_between(far: Far, tmp_path: Path) -> None:
    async with Chaos(tmp_path / "near", tmp_path / "far", share=True) as chaos:
        first, first_writer = await connect(f"unix:{tmp_path}/near")
        await until(lambda: far.writers)
        second, second_writer = await connect(f"unix:{tmp_path}/near")
        await until(lambda: chaos.clients == 2)
        assert len(far.writers) == 1
        first_writer.write(b"a")
        await until(lambda: far.got == b"a")
        second_writer.write(b"b")
        await until(lambda: far.got == b"ab")
        both = [b"", b""]

        async def collect(number: int, reader: asyncio.StreamReader) -> None:
            while data := await reader.read(100):
                both[number] += data

        tasks = [asyncio.create_task(collect(0, first)), asyncio.create_task(collect(1, second))]
        sent = 0
        while not (both[0] and both[1]):
            far.writers[0].write(b"x")
            sent += 1
            await until(lambda: len(both[0]) + len(both[1]) == sent)  # noqa: B023
            assert sent < 200
        for task in tasks:
            task.cancel()


async def test_what_is_delayed_comes_late_and_in_order(far: Far, tmp_path: Path) -> None:
    async with Chaos(tmp_path / "near", tmp_path / "far") as chaos:
        chaos.pace["down"].delay, chaos.pace["down"].jitter, chaos.pace["down"].one_byte = 0.05, 0.02, True
        reader, _ = await connect(f"unix:{tmp_path}/near")
        await until(lambda: far.writers)
        begun = time.monotonic()
        for number in range(20):
            far.writers[0].write(b"%02d" % number)
            await asyncio.sleep(0)
        came = await asyncio.wait_for(reader.readexactly(40), 10)
        assert came == b"".join(b"%02d" % number for number in range(20))
        assert time.monotonic() - begun >= 0.05


async def test_a_kernel_that_is_not_there_is_a_line_that_ends(tmp_path: Path) -> None:
    async with Chaos(tmp_path / "near", tmp_path / "nobody"):
        reader, _ = await connect(f"unix:{tmp_path}/near")
        with until_cut():
            assert await asyncio.wait_for(reader.read(1), 10) == b""


# ---- the command -----------------------------------------------------------------------------------------------------


async def test_the_command_passes_and_reports(far: Far, tmp_path: Path) -> None:
    words = ["--listen", f"unix:{tmp_path}/near", "--to", f"unix:{tmp_path}/far", "--seed", "3", "--way", "up"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "llmbm_console.chaos", *words, "--flip", "0.1", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert b"seed 3" in await asyncio.wait_for(process.stdout.readline(), 20)
    _, writer = await connect(f"unix:{tmp_path}/near")
    writer.write(LINES)
    await until(lambda: len(far.got) == len(LINES))
    assert far.got == Damager(Faults(flip_bit=0.1), "3/up").feed(LINES), "the seed says what happens"
    process.send_signal(signal.SIGINT)
    said = (await asyncio.wait_for(process.communicate(), 20))[0].decode()
    assert process.returncode == 0
    assert f"up: {len(LINES)} octets, flip_bit" in said
    assert "down: 0 octets, no damage" in said


def test_every_option_reaches_its_fault() -> None:
    rates = [word for name in ("flip", "drop", "burst", "drop-line", "dup", "splice", "noise", "stall")
             for word in (f"--{name}", "0.25")]  # fmt: skip
    words = ["--listen", "unix:a", "--to", "unix:b", *rates, "--delay", "4", "--jitter", "2", "--one-byte"]
    chaos = configured(parser().parse_args([*words, "--fifo16", "20", "--cut-at", "99", "--way", "down", "--share"]))
    assert chaos.up == Faults()
    assert chaos.down == Faults(0.25, 0.25, 0.25, 12, 0.25, 0.25, 0.25, 0.25)
    assert (chaos.pace["up"].delay, chaos.pace["up"].jitter, chaos.pace["down"].stall) == (0.004, 0.002, 0.25)
    assert chaos.pace["down"].one_byte
    assert chaos.fifo is not None
    assert (chaos.fifo.gap, chaos.cut_at) == (0.02, 99)


@pytest.mark.parametrize("address", ["", "unix:", "x:y", "tcp:host", "tcp:host:name", "plain"])
def test_a_bad_address_says_what_was_expected(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AddressError, match="expected"):
        split(address)
    with pytest.raises(SystemExit):
        main(["--listen", address, "--to", "unix:x"])
    assert "expected" in capsys.readouterr().err


def test_an_address_that_cannot_be_used_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--listen", f"unix:{tmp_path}/no/where", "--to", "unix:x"]) == 1
    assert capsys.readouterr().err.startswith("error: ")
