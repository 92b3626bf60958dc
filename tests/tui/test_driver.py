"""The keyboard's thread on a real terminal: every key arrives, a lone Esc too, it sleeps while nobody types, and ends
when it is told to."""

from __future__ import annotations

import asyncio
import os
import pty
import selectors
import threading
import time
import tty
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from textual import events
from textual.app import App
from textual.message import Message

from llmbm_console.tui.driver import QuietDriver

PATIENCE = 30.0


class Keyboard(QuietDriver):
    """The driver without an application: what was typed, and how long it was ready to wait for more."""

    def __init__(self, terminal: int) -> None:
        super().__init__(App[None]())
        self.fileno = terminal
        self.typed: list[str] = []
        self.waits: list[float | None] = []
        self.thread = threading.Thread(target=self.run_input_thread)

    def process_message(self, message: Message) -> None:
        """Instead of the application."""
        if isinstance(message, events.Key):
            self.typed.append(message.key)


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Keyboard]]:
    """Makes drivers and starts their threads, which are told to end."""
    made: list[Keyboard] = []
    select = selectors.SelectSelector.select

    def noted(selector: selectors.SelectSelector, timeout: float | None = None) -> Any:
        made[-1].waits.append(timeout)
        return select(selector, timeout)

    monkeypatch.setattr(selectors.SelectSelector, "select", noted)

    async def in_a_loop(terminal: int) -> Keyboard:
        return Keyboard(terminal)

    def start(terminal: int) -> Keyboard:
        made.append(asyncio.run(in_a_loop(terminal)))
        made[-1].thread.start()
        return made[-1]

    yield start
    for driver in made:
        driver.exit_event.set()
        driver.thread.join(PATIENCE)
        assert not driver.thread.is_alive()


@pytest.fixture
def keyboard(make: Callable[[int], Keyboard]) -> Iterator[tuple[Keyboard, int]]:
    """A driver that reads one end of a pseudo-terminal, and the other end."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)  # as the driver does when it starts; else the terminal waits for the end of a line
    driver = make(theirs)
    yield driver, ours
    driver.exit_event.set()
    driver.thread.join(PATIENCE)
    for end in (ours, theirs):
        os.close(end)


def until(condition: Callable[[], object]) -> None:
    """Waits for a condition."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_keys_arrive_and_a_sequence_is_one_key(keyboard: tuple[Keyboard, int]) -> None:
    driver, terminal = keyboard
    os.write(terminal, "aé\x1b[A".encode())
    until(lambda: len(driver.typed) == 3)
    assert driver.typed == ["a", "é", "up"]


def test_a_character_may_come_in_two_pieces(keyboard: tuple[Keyboard, int]) -> None:
    driver, terminal = keyboard
    first, second = "é".encode()[:1], "é".encode()[1:]
    os.write(terminal, first)
    until(lambda: driver.waits[-1] is not None)
    os.write(terminal, second)
    until(lambda: driver.typed)
    assert driver.typed == ["é"]


def test_an_escape_that_nothing_follows_is_a_key(keyboard: tuple[Keyboard, int]) -> None:
    driver, terminal = keyboard
    os.write(terminal, b"\x1b")
    until(lambda: driver.typed)
    assert driver.typed == ["escape"]


def test_a_key_close_behind_an_escape_is_that_key_with_alt(keyboard: tuple[Keyboard, int]) -> None:
    driver, terminal = keyboard
    os.write(terminal, b"\x1b?")
    until(lambda: driver.typed)
    assert driver.typed == ["alt+question_mark"]


def test_it_sleeps_without_a_clock_while_nobody_types(keyboard: tuple[Keyboard, int]) -> None:
    driver, terminal = keyboard
    until(lambda: driver.waits == [None])
    os.write(terminal, b"x")
    until(lambda: len(driver.waits) > 2 and driver.waits[-1] is None)
    assert driver.typed == ["x"]


def test_it_ends_when_told_and_can_begin_again(keyboard: tuple[Keyboard, int]) -> None:
    driver, terminal = keyboard
    driver.exit_event.set()
    driver.thread.join(PATIENCE)
    assert not driver.thread.is_alive()
    driver.exit_event.clear()
    driver.thread = threading.Thread(target=driver.run_input_thread)
    driver.thread.start()
    os.write(terminal, b"z")
    until(lambda: driver.typed)
    assert driver.typed == ["z"]


def test_a_terminal_that_has_gone_is_not_read_for_ever(make: Callable[[int], Keyboard]) -> None:
    reading, writing = os.pipe()
    driver = make(reading)
    os.close(writing)
    until(lambda: len(driver.waits) > 2 and driver.waits[-1] is None)
    assert driver.thread.is_alive()
