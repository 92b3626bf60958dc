"""Other ends of the line that break the protocol's rules: said in words, and never a console that hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from live_kernel import collect
from odd_kernel import OddKernel
from waiting import until

from llmbm_console.core.errors import SessionError
from llmbm_console.core.link import hello as link_hello
from llmbm_console.core.link import upkeep as link_upkeep
from llmbm_console.core.session.live import LiveSession
from llmbm_console.core.state.events import LinkChanged, LinkPhase, Notice

Sessions = Callable[..., LiveSession]


def said(events: list[Any]) -> str:
    return "\n".join(
        [e.detail for e in events if isinstance(e, LinkChanged)] + [e.text for e in events if isinstance(e, Notice)]
    )


@pytest.mark.parametrize(
    ("hello", "credit"),
    [({}, {"c": "4000000000"}), ({}, {"c": "0"}), ({"wi": "0", "wb": "0"}, {"w": "0"})],
    ids=["counter far off", "counter stands still", "no window"],
)
async def test_a_kernel_that_gives_no_credit_is_told_and_greeted_again(
    sessions: Sessions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hello: dict[str, str], credit: dict[str, str]
) -> None:
    monkeypatch.setattr(link_upkeep, "GIVE_UP", 1.0)
    async with OddKernel(tmp_path / "odd", hello, credit) as kernel:
        session = sessions(kernel.path)
        events = collect(session)
        await session.open()
        await until(lambda: "the kernel gave no room to send" in said(events))
        await until(lambda: kernel.hellos >= 2)
        with pytest.raises(SessionError, match="not ready"):
            await session.wait_ready(0.1)
        await session.close()


async def test_an_answer_to_another_hello_is_told(
    sessions: Sessions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_hello, "TRIES", (0.1, 0.1))
    async with OddKernel(tmp_path / "odd", {"n": "old"}, {}) as kernel:
        session = sessions(kernel.path)
        events = collect(session)
        await session.open()
        await until(lambda: any(isinstance(e, LinkChanged) and e.phase is LinkPhase.PLAIN for e in events))
        assert "A kernel answered, but not our hello (it names 'old', ours was '" in said(events)
        await session.close()


async def test_a_kernel_that_takes_no_line_is_told(sessions: Sessions, tmp_path: Path) -> None:
    async with OddKernel(tmp_path / "odd", {"mx": "5"}, {}) as kernel:
        session = sessions(kernel.path)
        events = collect(session)
        await session.open()
        await until(lambda: "this kernel says that it takes 5 at most" in said(events))
        outcome = await session.submit("/ctx")
        assert outcome.error_code == "toolong"
        await session.close()


async def test_what_a_person_sets_does_not_wait_for_the_first_questions(sessions: Sessions, tmp_path: Path) -> None:
    """A loaded state is in the midst of its answer: each of them costs tokens with the old values."""
    async with OddKernel(tmp_path / "odd", {"wi": "240", "wb": "240"}, {"w": "240"}) as kernel:
        session = sessions(kernel.path)
        await session.open()
        await until(lambda: session.state.link.phase is LinkPhase.WAITING)
        setting = asyncio.create_task(session.set_parameter("seed", "7"))
        await until(lambda: any(asked["op"] == "set" for asked in kernel.asked))
        assert {asked["op"] for asked in kernel.asked} <= {"ping", "set"}, "this kernel answers none of them"
        setting.cancel()
        await session.close()
