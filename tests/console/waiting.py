"""Waiting for a condition or for octets, never for a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from llmbm_console.core.transport.base import Transport


async def until(condition: Callable[[], object], timeout: float = 60.0, what: str = "") -> None:
    """Returns as soon as `condition()` holds; fails the test when it does not within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"did not happen within {timeout:g} s: {what or condition}")
        await asyncio.sleep(0.01)


async def read_all(transport: Transport, count: int) -> bytes:
    """So many octets of a line, fewer where it ends."""
    data = b""
    while len(data) < count:
        more = await asyncio.wait_for(transport.read(), 10)
        if not more:
            break
        data += more
    return data
