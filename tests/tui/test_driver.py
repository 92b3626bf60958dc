"""The driver on a real terminal: every key arrives, a lone Esc too, its thread sleeps while nobody types and ends when
it is told to; what is drawn goes out at once and in its order, and waits for no terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import selectors
import sys
import threading
import time
import tty
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from driving import make_app
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.drivers import web_driver
from textual.drivers._writer_thread import WriterThread
from textual.message import Message

from llmbm_console.tui.terminal.driver import QuietDriver
from llmbm_console.tui.terminal.key_parser import PASTE_BEGINS, PASTE_ENDS, PASTE_PATIENCE, KeyParser

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
    until(lambda: driver.waits and driver.waits[-1] is not None)
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


@pytest.mark.parametrize("typed", ["\x1bi", "\x1bR", "\x1b?", "\x1b4", "\x1b\r"])
def test_an_escape_and_a_key_that_begin_no_sequence_are_not_waited_for(typed: str) -> None:
    (key,) = KeyParser().feed(typed)
    assert isinstance(key, events.Key)
    assert key.key.startswith("alt+")
    assert key.character == typed[1]


@pytest.mark.parametrize("beginning", ["\x1b[", "\x1bO", "\x1bP", "\x1b]"])
def test_an_escape_and_what_may_begin_a_sequence_are_waited_for(beginning: str) -> None:
    parser = KeyParser()
    assert list(parser.feed(beginning)) == []
    (key,) = parser.feed("")
    assert isinstance(key, events.Key)
    assert key.key.startswith("alt+")


def test_a_browsers_keys_are_read_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_driver, "XTermParser", XTermParser)
    monkeypatch.setattr(App, "get_driver_class", lambda _app: web_driver.WebDriver)
    assert make_app().get_driver_class() is web_driver.WebDriver
    assert web_driver.XTermParser is KeyParser


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


class Screen(QuietDriver):
    """The driver without an application, drawing on one end of a pseudo-terminal."""

    def __init__(self, terminal: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stream = os.fdopen(terminal, "w", encoding="utf-8", closefd=False)
        monkeypatch.setattr(sys, "__stderr__", self.stream)
        super().__init__(App[None]())
        self._output.open()  # both as the driver does when it starts
        self._writer_thread = WriterThread(self._file)
        self.handed: list[str] = []
        hand = self._writer_thread.write
        monkeypatch.setattr(self._writer_thread, "write", lambda text: (self.handed.append(text), hand(text)))

    def begin(self) -> None:
        """The thread begins to write what it was handed."""
        assert self._writer_thread is not None
        self._writer_thread.start()

    def end(self) -> None:
        """It has written everything."""
        assert self._writer_thread is not None
        self._writer_thread.stop()
        self._output.close()
        self.stream.close()


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Both ends of a pseudo-terminal that changes nothing."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    yield ours, theirs
    for end in (ours, theirs):
        os.close(end)


def read_all(terminal: int, count: int) -> str:
    """So many octets of what was drawn."""
    data = b""
    while len(data) < count:
        data += os.read(terminal, count - len(data))
    return data.decode()


async def test_a_picture_is_written_at_once(terminal: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = terminal
    screen = Screen(theirs, monkeypatch)
    screen.write("a pïcture")
    assert read_all(ours, 10) == "a pïcture"
    assert not screen.handed
    screen.begin()
    screen.end()


async def test_pictures_keep_their_order_where_the_terminal_takes_only_a_part(
    terminal: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = terminal
    screen = Screen(theirs, monkeypatch)
    long = "─" * 100_000  # of three octets each: it is cut within one of them
    for text in (long, "short", "another"):
        screen.write(text)  # returns although nobody reads
    assert screen.handed == ["", "short", "another"], "the rest, and what must not overtake it"
    screen.begin()
    assert read_all(ours, 300_012) == long + "shortanother"
    until(lambda: screen._output.gone == screen._queued)
    screen.write("at once again")
    assert read_all(ours, 13) == "at once again"
    assert len(screen.handed) == 3
    screen.end()


async def test_what_is_no_terminal_is_left_to_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    screen = Screen(writing, monkeypatch)
    screen.write("one")
    screen.write("two")
    assert screen.handed == ["", "two"]
    screen.begin()
    assert read_all(reading, 6) == "onetwo"
    screen.end()
    for end in (reading, writing):
        os.close(end)


async def test_what_is_drawn_on_a_terminal_that_has_gone_is_nobodys_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    screen = Screen(theirs, monkeypatch)
    os.close(ours)
    screen.write("a picture")
    assert not screen.handed
    screen.begin()
    screen.end()
    os.close(theirs)


async def test_a_terminal_that_takes_nothing_is_left_to_the_thread(
    terminal: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = terminal
    os.set_blocking(theirs, False)
    filled = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            filled += os.write(theirs, b"." * 512)
    os.set_blocking(theirs, True)
    screen = Screen(theirs, monkeypatch)
    count = 0
    while not screen.handed:  # the system may find some more room meanwhile
        screen.write("later")  # returns although nobody reads
        count += 1
    screen.begin()
    assert read_all(ours, filled + 5 * count) == "." * filled + "later" * count
    screen.end()


def test_octets_that_are_no_text_are_no_end(keyboard: tuple[Keyboard, int]) -> None:
    driver, terminal = keyboard
    os.write(terminal, b"a\xe9\xff(b")
    until(lambda: len(driver.typed) >= 5)
    assert driver.typed[0] == "a"
    assert driver.typed[-1] == "b"


@given(
    st.text(st.sampled_from("ab\x1b[]0;m~2130\x07\n\u241b"), max_size=40).filter(lambda text: PASTE_ENDS not in text),
    st.lists(st.integers(0, 60), max_size=6),
)
def test_what_is_pasted_is_text_to_its_last_character_wherever_it_is_cut(pasted: str, cuts: list[int]) -> None:
    whole = f"x{PASTE_BEGINS}{pasted}{PASTE_ENDS}y"
    parser, messages = KeyParser(), list[Message]()
    edges = [0, *sorted({min(cut, len(whole)) for cut in cuts}), len(whole)]
    for start, end in pairwise(edges):
        if start < end:  # nothing is the end
            messages += parser.feed(whole[start:end])
    first, paste, last = messages
    assert isinstance(first, events.Key)
    assert isinstance(paste, events.Paste)
    assert isinstance(last, events.Key)
    assert (first.key, last.key) == ("x", "y")
    assert paste.text == pasted.replace("\x1b", "\u241b")


def test_a_paste_that_never_ends_ends_when_nothing_more_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("llmbm_console.tui.terminal.key_parser.time.monotonic", lambda: now[0])
    parser = KeyParser()
    assert not list(parser.feed(f"{PASTE_BEGINS}half a paste\x1b[20"))
    assert parser.waits == PASTE_PATIENCE
    now[0] += PASTE_PATIENCE - 1
    assert not list(parser.tick())
    assert not list(parser.feed("x"))
    now[0] += PASTE_PATIENCE
    (paste,) = parser.tick()
    assert isinstance(paste, events.Paste)
    assert paste.text == "half a paste\u241b[20x"
    assert parser.waits is None
    (key,) = parser.feed("q")
    assert isinstance(key, events.Key)
    assert key.key == "q"
