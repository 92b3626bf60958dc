"""The console in a browser: the real server, a real page's requests, a real kernel behind it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from llmbm_console import cli
from llmbm_console.faces.serve import FONT, host_and_port, is_loopback, is_own_page

aiohttp = pytest.importorskip("aiohttp", reason="textual-serve, an optional package, is not installed")

PATIENCE = 120.0  # s that a busy computer may take to start a program, or to draw


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _listening(port: int) -> None:
    """Until the port takes connections: the line that tells it comes a moment before."""
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.02)


@asynccontextmanager
async def served(folder: Path, *words: str) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """A server that is up, and its address."""
    port = free_port()
    command = ["-m", "llmbm_console.cli", "serve", "--port", str(port), *words]
    environment = os.environ | {"XDG_STATE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=environment
    )
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
    assert b"in a browser" in line, line
    await asyncio.wait_for(_listening(port), PATIENCE)
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Page:
    """What a browser does: gets the page, opens its socket, sends keys."""

    def __init__(self, web: aiohttp.ClientWebSocketResponse) -> None:
        self._web = web
        self.seen = ""

    async def until(self, text: str) -> None:
        """Reads what is drawn until a text was in it."""

        async def read() -> None:
            while text not in STYLE.sub("", self.seen):  # a row is written in pieces
                message = await self._web.receive()
                assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT), (message, self.seen[-500:])
                if message.type is aiohttp.WSMsgType.BINARY:
                    self.seen += message.data.decode("utf-8", "replace")

        await asyncio.wait_for(read(), PATIENCE)

    async def type(self, text: str) -> None:
        """A click into the page, then keys."""
        await self._web.send_json(["focus"])
        for key in text:
            await self._web.send_json(["stdin", key])


async def browse(address: str, work: Callable[[Page], Awaitable[None]]) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(address) as answer:
            assert answer.status == 200
            page = await answer.text()
        assert f"ws://{address.removeprefix('http://')}/ws" in page.replace("\\/", "/")
        hosts = set(re.findall(r'(?:href|src|url)[=(]"(https?://[^/"]+)', page))
        assert hosts == {address}, "nothing is got from another host"
        async with session.get(address + FONT) as answer:
            assert answer.status == 200
        url = f"{address}/ws?width=120&height=36"
        async with session.ws_connect(url, headers={"Origin": address}) as web:
            await web.send_json(["resize", {"width": 120, "height": 36}])
            await work(Page(web))


def simulators(folder: Path) -> set[str]:
    """The simulators that a server of this folder started, and that run now: others may run for other tests."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            ours = f"XDG_STATE_HOME={folder}".encode() in (process / "environ").read_bytes().split(b"\0")
            if ours and (process / "comm").read_text().strip() == "llmk-sim":
                found.add(process.name)
    return found


async def simulators_run(folder: Path, wanted: bool) -> None:
    """Until there are some, or none any more."""

    async def look() -> None:
        while True:
            if bool(simulators(folder)) is wanted:
                return
            await asyncio.sleep(0.05)

    await asyncio.wait_for(look(), PATIENCE)


async def test_a_page_shows_the_console_and_only_watches(tmp_path: Path) -> None:
    async with served(tmp_path, "--sim") as (address, process):

        async def work(page: Page) -> None:
            await page.until("Sampling")
            await page.until("this session only watches")
            await page.type("P")
            await page.until("the machine: this session")
            await simulators_run(tmp_path, True)

        await browse(address, work)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
    await simulators_run(tmp_path, False)  # no kernel is left behind


async def test_a_page_that_may_write_tells_a_story(tmp_path: Path) -> None:
    async with served(tmp_path, "--writable", "--sim") as (address, _process):

        async def work(page: Page) -> None:
            await page.until("kernel ready")
            await page.type("Once upon a time\r")
            await page.until("tok/s")

        await browse(address, work)


async def test_pages_of_other_sites_are_refused(tmp_path: Path) -> None:
    async with served(tmp_path, "--sim") as (address, _process), aiohttp.ClientSession() as session:
        for headers in ({"Origin": "https://elsewhere.example"}, {"Origin": "null"}, {"Host": "elsewhere.example"}):
            async with session.get(address, headers=headers) as answer:
                assert answer.status == 403, headers
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(f"{address}/ws", headers=headers)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            words = ["-m", "llmbm_console.cli", "serve", "--port", str(taken.getsockname()[1]), "--sim"]
            process = await asyncio.create_subprocess_exec(sys.executable, *words, stderr=asyncio.subprocess.PIPE)
            _out, said = await asyncio.wait_for(process.communicate(), PATIENCE)
            assert process.returncode == 1
            assert b"cannot be served: " in said
            assert b"Traceback" not in said


def test_wrong_words_are_refused_before_anything_is_served(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["serve", "--no-such-option"])
    assert "unknown option --no-such-option" in capsys.readouterr().err
    assert cli.main(["serve", "--sim", "nothing.txt"]) == 2


def test_a_missing_package_is_named_with_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "textual_serve", None)
    monkeypatch.setitem(sys.modules, "textual_serve.server", None)
    assert cli.main(["serve", "--host", "0.0.0.0", "--sim"]) == 1
    said = capsys.readouterr().err
    assert "textual-serve, which is not installed" in said
    assert f"{sys.executable} -m pip install -e " in said
    assert said.count("pip install") == 1
    assert "warning: whoever reaches 0.0.0.0:8000 can watch it; there is no password" in said


@pytest.mark.parametrize(
    ("origin", "host", "public", "own"),
    [
        (None, "a:1", "", True),
        ("http://a:1", "a:1", "", True),
        ("https://a:1", "a:1", "", True),
        ("http://b:1", "a:1", "", False),
        ("http://a:2", "a:1", "", False),
        ("null", "a:1", "", False),
        ("http://[", "a:1", "", False),
        ("https://out.example", "a:1", "https://out.example/console", True),
        ("https://other.example", "a:1", "https://out.example/console", False),
    ],
)
def test_what_is_an_own_page(origin: str | None, host: str, public: str, own: bool) -> None:
    assert is_own_page(origin, host, public) is own


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "::1"])
def test_what_is_this_computer_alone(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org", ""])
def test_what_is_not(host: str) -> None:
    assert not is_loopback(host)


def test_the_parts_of_a_place() -> None:
    assert host_and_port("[::1]:80") == ("::1", 80)
    assert host_and_port("a:x") == ("", None)
