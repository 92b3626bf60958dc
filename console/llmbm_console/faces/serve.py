"""`llmbm-console serve`: the full screen in a browser, by textual-serve. Each page that is opened is a session of its
own.

There is no password: whoever can open the page sees the session. So it listens on this computer alone and only watches,
unless it is told otherwise, and it answers pages of its own origin only, whatever another site has a browser do.
"""

from __future__ import annotations

import asyncio
import re
import shlex
import sys
from collections.abc import Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from llmbm_console.core.errors import SessionError
from llmbm_console.core.paths import install_command

if TYPE_CHECKING:
    from aiohttp import web


FOREIGN_LINK = re.compile(r'<link\b[^>]*\bhref="((?:https?:)?//[^"]*)"[^>]*>')
FONT = "/static/fonts/RobotoMono-VariableFont_wght.ttf"


def missing() -> str:
    """That the package is not there, and the one command that gets it for the interpreter that runs."""
    get = install_command("serve", "textual-serve")
    return f"serving a page needs the package textual-serve, which is not installed: {get}"


def is_loopback(host: str) -> bool:
    """True when only this computer can reach an address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def host_and_port(text: str) -> tuple[str, int | None]:
    """The two parts of a Host header or of a URL's place; ("", None) when it is neither."""
    try:
        parts = urlsplit(f"//{text}")
        return parts.hostname or "", parts.port
    except ValueError:
        return "", None


def is_own_page(origin: str | None, host: str, public: str) -> bool:
    """Whether a browser's request comes from a page of this server: its Origin names the host that was asked, or the
    public address. A request without an Origin comes from no page."""
    if origin is None:
        return True
    try:
        place = urlsplit(origin).netloc
    except ValueError:
        return False
    return place in (host, urlsplit(public).netloc if public else host)


def with_own_font(page: str, own: str) -> str:
    """textual-serve's page with the font that it has itself, instead of one that it would have a browser get from
    another host: that one would be told of a page that perhaps only this computer reaches."""
    face = f'<style>@font-face {{ font-family: "Roboto Mono"; src: url("{own}{FONT}"); }}</style>'
    return FOREIGN_LINK.sub(lambda link: link[0] if link[1].startswith(f"{own}/") else face, page)


def serve(words: Sequence[str], host: str, port: int, title: str, public: str) -> int:
    """Serves until it is ended. `words` are the console's arguments in each page's session. Raises SessionError when
    the package is missing or the port cannot be had."""
    try:
        from aiohttp import web
        from textual_serve.server import Server
    except ImportError as error:
        raise SessionError(missing()) from error

    class ConsoleServer(Server):
        """Knows its own pages, and ends its sessions with itself."""

        _pages: set[asyncio.Task[object]]

        async def on_startup(self, app: web.Application) -> None:
            self._pages = set()
            print(f"{title}: open http://{self.host}:{self.port} in a browser; Ctrl+C ends it", flush=True)

        async def on_shutdown(self, app: web.Application) -> None:
            for page in self._pages:
                page.cancel()
            if self._pages:
                await asyncio.wait(self._pages, timeout=5)

        def _check(self, request: web.Request) -> None:
            asked, _port = host_and_port(request.host)
            # A name that another site's owner points here would make that site "this computer".
            if is_loopback(host) and not public and not is_loopback(asked):
                raise web.HTTPForbidden(text=f"this page is served for this computer, not for {asked[:80]}")
            if not is_own_page(request.headers.get("Origin"), request.host, public):
                raise web.HTTPForbidden(text="another site's page has no business here")

        async def handle_index(self, request: web.Request) -> web.StreamResponse:
            self._check(request)
            if not public:
                self.public_url = f"{request.scheme}://{request.host}"
            page: web.StreamResponse = await super().handle_index(request)
            if isinstance(page, web.Response) and page.text is not None:
                page.text = with_own_font(page.text, self.public_url)
            return page

        async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
            self._check(request)
            task = asyncio.current_task()
            assert task is not None
            self._pages.add(task)
            try:
                answer: web.WebSocketResponse = await super().handle_websocket(request)
            finally:
                self._pages.discard(task)
            return answer

    command = shlex.join([sys.executable, "-m", "llmbm_console.cli", *words])
    server = ConsoleServer(command, host=host, port=port, title=title, public_url=public or None)
    try:
        server.serve()
    except OSError as error:
        raise SessionError(f"{host}:{port}: cannot be served: {error.strerror or error}") from error
    return 0
