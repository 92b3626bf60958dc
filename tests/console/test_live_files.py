"""Files over the line, from a kernel in the simulator: clean and bad lines, lines that end; and `get` as a command."""

from __future__ import annotations

import asyncio
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_kernel import PROMPT, Kernel
from waiting import until

from llmbm_console.chaos.proxy import Chaos
from llmbm_console.cli import main
from llmbm_console.core.link.download import Holes
from llmbm_console.core.link.requests import RequestError
from llmbm_console.core.postmortem.dump import parse_post_mortem
from llmbm_console.core.session.live import LiveSession

CONTENT = bytes(range(256)) * 16 + b"the end"


def ignore(done: int, total: int) -> None:
    """Progress that nobody looks at."""


async def ready(sessions: Callable[..., LiveSession], path: Path) -> LiveSession:
    session = sessions(path)
    await session.open()
    await session.wait_ready(20)
    return session


# ---- holes -----------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=600), st.randoms(use_true_random=False), st.integers(1, 200))
def test_holes_are_filled_whatever_is_lost_and_repeated(content: bytes, random: Random, part: int) -> None:
    holes = Holes(len(content))
    asked = 0
    while holes.missing:
        offset, count = holes.first(part)
        assert 0 < count <= part
        assert offset + count <= len(content)
        for at in range(offset, offset + count, 7):
            piece = content[at : min(at + 7, offset + count)]
            if random.random() < 0.6:
                before = holes.missing
                assert holes.fill(at, piece) == before - holes.missing
                assert holes.fill(at, piece) == 0, "what is there already is not counted again"
        asked += 1
        assert asked < 5000
    assert bytes(holes.data) == content


def test_a_piece_that_lies_outside_the_file_is_refused() -> None:
    holes = Holes(10)
    assert holes.fill(8, b"abc") == 0
    assert holes.missing == 10


# ---- the line --------------------------------------------------------------------------------------------------------


async def test_a_file_comes_whole_and_tells_its_progress(kernel: Kernel, sessions: Callable[..., LiveSession]) -> None:
    await kernel.start()
    (kernel.folder / "volume" / "notes.txt").write_bytes(CONTENT)
    session = await ready(sessions, kernel.socket)
    told: list[tuple[int, int]] = []
    assert await session.download("notes.txt", lambda *figures: told.append(figures)) == CONTENT
    assert told[0] == (0, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert told == sorted(told)


async def test_a_file_that_is_empty_missing_or_outside(kernel: Kernel, sessions: Callable[..., LiveSession]) -> None:
    await kernel.start()
    (kernel.folder / "volume" / "empty.txt").touch()
    session = await ready(sessions, kernel.socket)
    assert await session.download("empty.txt", ignore) == b""
    with pytest.raises(RequestError, match=r"missing.txt cannot be read: there is no such file"):
        await session.download("missing.txt", ignore)
    with pytest.raises(RequestError, match=r"cannot be the name of a file"):
        await session.download("../serial", ignore)


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_file_survives_a_line_that_loses_bytes(
    kernel: Kernel, sessions: Callable[..., LiveSession], tmp_path: Path, seed: int
) -> None:
    await kernel.start()
    (kernel.folder / "volume" / "notes.txt").write_bytes(CONTENT)
    async with Chaos(tmp_path / "front", str(kernel.socket), seed) as chaos:
        session = await ready(sessions, tmp_path / "front")
        chaos.up.drop_byte = chaos.down.drop_byte = 0.002
        chaos.down.flip_bit = 0.001
        chaos.down.double_line = 0.02
        assert await asyncio.wait_for(session.download("notes.txt", ignore), 240) == CONTENT
        assert chaos.damaged > 10
        chaos.up.drop_byte = chaos.down.drop_byte = chaos.down.flip_bit = 0.0


async def test_a_file_goes_on_where_the_line_was_cut(
    kernel: Kernel, sessions: Callable[..., LiveSession], tmp_path: Path
) -> None:
    await kernel.start()
    content = os.urandom(400_000)
    (kernel.folder / "volume" / "random.bin").write_bytes(content)
    async with Chaos(tmp_path / "front", str(kernel.socket), 1) as chaos:
        session = await ready(sessions, tmp_path / "front")
        told: list[int] = []
        running = asyncio.create_task(session.download("random.bin", lambda done, total: told.append(done)))
        await until(lambda: told and told[-1] > 20_000)
        reached = told[-1]
        chaos.cut()
        assert await asyncio.wait_for(running, 240) == content
        assert chaos.clients == 2
        assert min(told[told.index(reached) :]) >= reached, "what had come was not asked for again"


async def test_a_file_that_changes_between_two_connections_begins_again(
    kernel: Kernel, sessions: Callable[..., LiveSession], tmp_path: Path
) -> None:
    await kernel.start()
    path = kernel.folder / "volume" / "random.bin"
    path.write_bytes(os.urandom(400_000))
    changed = os.urandom(3000)
    async with Chaos(tmp_path / "front", str(kernel.socket), 1) as chaos:
        session = await ready(sessions, tmp_path / "front")
        told: list[int] = []
        running = asyncio.create_task(session.download("random.bin", lambda done, total: told.append(done)))
        await until(lambda: told and told[-1] > 20_000)
        path.write_bytes(changed)
        chaos.cut()
        assert await asyncio.wait_for(running, 240) == changed


async def test_a_download_that_is_cancelled_leaves_the_line_usable(
    kernel: Kernel, sessions: Callable[..., LiveSession]
) -> None:
    await kernel.start()
    (kernel.folder / "volume" / "random.bin").write_bytes(os.urandom(2_000_000))
    (kernel.folder / "volume" / "notes.txt").write_bytes(CONTENT)
    session = await ready(sessions, kernel.socket)
    told: list[int] = []
    running = asyncio.create_task(session.download("random.bin", lambda done, total: told.append(done)))
    await until(lambda: told and told[-1] > 20_000)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await session.submit("/version")).ok
    assert await session.download("notes.txt", ignore) == CONTENT


async def test_a_generation_and_a_file_share_the_line(kernel: Kernel, sessions: Callable[..., LiveSession]) -> None:
    await kernel.start("--poll-gap-us", "5000")
    content = os.urandom(300_000)
    (kernel.folder / "volume" / "random.bin").write_bytes(content)
    session = await ready(sessions, kernel.socket)
    await session.set_parameter("max_tokens", "60")
    told: list[int] = []
    running = asyncio.create_task(session.download("random.bin", lambda done, total: told.append(done)))
    await until(lambda: told and told[-1] > 2000)
    outcome = await asyncio.wait_for(session.submit(PROMPT), 240)
    assert outcome.turn is not None
    assert outcome.turn.lost_tokens == 0
    assert await asyncio.wait_for(running, 240) == content


# ---- the command -----------------------------------------------------------------------------------------------------


def test_get_writes_the_dump_of_the_memory(
    simulator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["get", "mem:dump", "--sim"]) == 0
    data = (tmp_path / "llmk-dump.txt").read_bytes()
    assert parse_post_mortem(data, "llmk-dump.txt").complete
    assert f"llmk-dump.txt: {len(data)} bytes, complete" in capsys.readouterr().err
    assert main(["get", "mem:dump", "--sim"]) == 1, "what is there is not overwritten without being told so"
    assert "is here already" in capsys.readouterr().err
    assert main(["get", "mem:dump", "--sim", "-o", "llmk-dump.txt"]) == 0
    assert not list(tmp_path.glob("*.part"))


def test_get_writes_to_the_standard_output(simulator: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["get", "mem:dump", "--sim", "-o", "-"]) == 0
    body, _, end = capfdbinary.readouterr().out.rpartition(b"end crc32=")
    assert end == b"%08x\n" % zlib.crc32(body)


def test_get_says_why_it_cannot(simulator: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["get", "missing.txt", "--sim", "-o", str(tmp_path / "x")]) == 1
    assert capsys.readouterr().err == "error: missing.txt cannot be read: there is no such file\n"
    assert not list(tmp_path.iterdir())
