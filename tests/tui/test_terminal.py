"""The program as a person runs it, in a real terminal emulator (tmux): keys in, cells out, and a terminal left as it
was."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmbm_console.core.settings.themes import load_themes, theme_folder

if shutil.which("tmux") is None:
    pytest.skip("tmux is not installed", allow_module_level=True)

PATIENCE = 60.0


class Terminal:
    """A window of a tmux server of its own."""

    def __init__(self, folder: Path, tour: bool = False) -> None:
        self._socket = str(folder / "tmux")
        self.environment = os.environ | {"XDG_STATE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        self.environment["LLMBM_TOUR"] = "once" if tour else "off"
        self.environment.pop("TMUX", None)
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30", "-c", str(folder), "exec sh")

    def _tmux(self, *words: str) -> str:
        command = ["tmux", "-S", self._socket, *words]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True).stdout

    def type(self, *keys: str) -> None:
        """Keys, by their names in tmux, or text."""
        self._tmux("send-keys", *keys)

    @property
    def screen(self) -> str:
        """What is on it."""
        return self._tmux("capture-pane", "-p")

    def until(self, *texts: str) -> str:
        """Waits until all of some texts are on it."""
        end = time.monotonic() + PATIENCE
        while True:
            screen = self.screen
            if all(text in screen for text in texts):
                return screen
            assert time.monotonic() < end, f"not on the screen: {texts}\n{screen}"
            time.sleep(0.05)

    def until_bold(self, text: str) -> None:
        """Waits until a text is on it, and bold."""
        bold = re.compile(r"\x1b\[1(;[0-9;]*)?m(\x1b\[[0-9;]*m)* *" + re.escape(text))
        end = time.monotonic() + PATIENCE
        while not bold.search(screen := self._tmux("capture-pane", "-p", "-e")):
            assert time.monotonic() < end, f"not bold on the screen: {text}\n{screen}"
            time.sleep(0.05)

    @property
    def title(self) -> str:
        """What the program named the window."""
        return self._tmux("display-message", "-p", "#{pane_title}").strip()

    @property
    def clipboard(self) -> str:
        """What programs put into the clipboard."""
        return self._tmux("list-buffers", "-F", "#{buffer_sample}")

    def resize(self, width: int, height: int) -> None:
        """Another size of the window."""
        self._tmux("resize-window", "-x", str(width), "-y", str(height))

    def until_gone(self, text: str) -> str:
        """Waits until a text is not on it any more."""
        end = time.monotonic() + PATIENCE
        while text in (screen := self.screen):
            assert time.monotonic() < end, f"still on the screen: {text}\n{screen}"
            time.sleep(0.05)
        return screen

    def leave(self, text: str) -> None:
        """Presses Escape and waits until a text is gone: a key that follows at once would be taken for its Alt."""
        self.type("Escape")
        end = time.monotonic() + PATIENCE
        while text in self.screen:
            assert time.monotonic() < end, self.screen
            time.sleep(0.05)

    def end(self) -> None:
        """Ends the server and what runs in it."""
        self._tmux("kill-server")


def themes() -> list[str]:
    """The titles of all themes."""
    found, _problems = load_themes((theme_folder(),))
    return [theme.title for theme in found.values()]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    one = Terminal(tmp_path)
    yield one
    one.end()


def test_a_first_visit_from_the_prompt_to_the_shell_again(terminal: Terminal) -> None:
    console = shlex.join([sys.executable, "-m", "llmbm_console.cli", "--sim"])
    terminal.type("stty -a | md5sum > before", "Enter")
    terminal.type(
        f"{console}; echo 'ended with' $?; stty -a | md5sum > after; cmp before after && echo as before", "Enter"
    )
    terminal.until("kernel ready", "Transcript", "Memory")
    terminal.type("Once upon a time", "Enter")
    terminal.until("Once upon a time", "tok/s")
    terminal.type("F1")
    terminal.until("Esc closes")
    terminal.leave("Esc closes")
    terminal.type("C-p")
    terminal.until("Write a prompt")
    terminal.leave("Write a prompt")
    terminal.type("/temp 0.5", "Enter")
    terminal.until("temp = 0.5")
    terminal.type("not sent", "C-q")
    screen = terminal.until("arrow up brings it back in the next run", "ended with 0", "as before")
    assert "Transcript" not in screen, "the alternate screen was left"


@pytest.mark.qemu
def test_a_kernel_that_is_asked_for_is_started_and_no_question_asked(terminal: Terminal) -> None:
    console = shlex.join([sys.executable, "-m", "llmbm_console.cli", "--qemu"])
    terminal.type(f"{console}; echo 'ended with' $?", "Enter")
    terminal.until("qemu:", "kernel ready")
    terminal.type("C-q")
    terminal.until("ended with 0")


def test_the_start_screen_opens_what_was_chosen(terminal: Terminal) -> None:
    console = shlex.join([sys.executable, "-m", "llmbm_console.cli"])
    terminal.type(f"{console}; echo 'ended with' $?", "Enter")
    terminal.until("Start a kernel", "Simulator")
    terminal.type("Down", "Enter")
    terminal.until("sim:", "kernel ready")
    terminal.leave("Enter send")
    terminal.type("O", "O")
    terminal.until("O again", "ends this session")
    terminal.until_bold("O again")
    terminal.type("O")
    terminal.until("Start a kernel", "Simulator")
    terminal.type("Escape")
    terminal.until("ended with 0")


def test_the_tour_is_offered_once_and_shown_when_asked_for(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, tour=True)
    try:
        console = shlex.join([sys.executable, "-m", "llmbm_console.cli", "--sim"])
        terminal.type(f"{console}; echo 'ended with' $?", "Enter")
        terminal.until("New here?", "kernel ready")
        terminal.type("F9")
        terminal.until("A kernel that answers", "1 of 7")
        terminal.type("Enter")
        terminal.until("2 of 7")
        terminal.leave("2 of 7")
        terminal.type("C-q")
        terminal.until("ended with 0")
        terminal.type("clear", "Enter")
        terminal.type(f"{console}; echo 'ended with' $?", "Enter")
        screen = terminal.until("kernel ready")
        assert "New here?" not in screen
        terminal.type("C-p")
        terminal.until("Write a prompt")
        terminal.type("Tour")
        terminal.until("View: Tour")
        terminal.type("Enter")
        terminal.until("1 of 7")
    finally:
        terminal.end()


def test_every_size_view_and_theme_while_an_answer_streams(terminal: Terminal) -> None:
    console = shlex.join([sys.executable, "-m", "llmbm_console.cli", "--sim"])
    terminal.type("stty -a | md5sum > before", "Enter")
    terminal.type(
        f"{console}; echo 'ended with' $?; stty -a | md5sum > after; cmp before after && echo as before", "Enter"
    )
    terminal.until("kernel ready", "Transcript")
    terminal.type("/max_tokens 512", "Enter")
    terminal.until("max_tokens = ")
    for prompt in ("Once upon a time", "Lily had a dog", "One day a bird", "The little cat"):
        terminal.type(prompt, "Enter")
    terminal.until("tok/s")
    for width, height, texts in (
        (140, 40, ("1 Transcript", "5 Sentinel", "7 Sampling", "2 Events")),
        (200, 60, ("1 Transcript", "8 Machine", "7 Sampling", "2 Events")),
        (110, 24, ("1 Transcript", "5 Sentinel")),
        (80, 24, ("1 Transcript", "KV ", "SEN ", "MEM ")),
        (50, 16, ("1 Transcript",)),
        (24, 8, ("Transcript",)),
        (100, 30, ("1 Transcript", "4 Memory")),
    ):
        terminal.resize(width, height)
        terminal.until(*texts)
    for key, text in (
        ("F2", "4 Memory"),
        ("F3", "2 Events"),
        ("F4", "8 Machine"),
        ("F5", "Dumps and recordings"),
        ("F7", "Answers"),
    ):
        terminal.type(key)
        terminal.until(text)
    terminal.type("Escape")
    terminal.until("1 Transcript")
    for theme in themes():
        terminal.type("C-p")
        terminal.until("Write a prompt")
        terminal.type(f"Theme: {theme}")
        terminal.until(f"Theme: {theme}")
        terminal.type("Enter")
        terminal.until_gone("Theme: ")
        terminal.until("1 Transcript")
    terminal.type("C-q")
    screen = terminal.until("ended with 0", "as before")
    assert "Transcript" not in screen, "the alternate screen was left"


def test_nothing_of_what_a_file_says_reaches_the_terminal_as_a_command(terminal: Terminal, tmp_path: Path) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\x1b]52;c;b3duZWQ=\x07\x1bc\x9b31m[/x][@click=app.quit]here[/]\r\x08"
    (tmp_path / "evil.log").write_text(f"before\n{evil}\nafter\n", encoding="utf-8")
    console = shlex.join([sys.executable, "-m", "llmbm_console.cli", "evil.log"])
    terminal.type(f"{console}; echo 'ended with' $?", "Enter")
    screen = terminal.until("before", "after", "3 lines")
    assert "[/x][@click=app.quit]here[/]" in screen
    assert terminal.title != "owned"
    assert "owned" not in terminal.clipboard
    terminal.type("C-q")
    terminal.until("ended with 0")


def test_the_prompt_goes_to_an_editor_and_back(terminal: Terminal, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text(
        '#!/bin/sh\necho "in the editor"; cat "$1"; stty -a < /dev/tty | md5sum > inside\nread line\n'
        'test -z "$line" || printf "%s\\n" "$line" > "$1"\n'
    )
    editor.chmod(0o700)
    console = shlex.join([sys.executable, "-m", "llmbm_console.cli", "--sim"])
    terminal.type("stty -a | md5sum > before", "Enter")
    terminal.type(f"VISUAL={editor} {console}; echo 'ended with' $?", "Enter")
    terminal.until("kernel ready", "Transcript")
    terminal.type("a draft", "C-e")
    screen = terminal.until("in the editor", "a draft")
    assert "Transcript" not in screen, "all of it is the editor's"
    terminal.type("C-c")  # for the editor, not for the console: a shell ends by it
    terminal.until("Transcript", "the prompt is as it was", "a draft")
    terminal.type("C-e")
    terminal.until("in the editor")
    terminal.type("Enter")
    terminal.until("Transcript", "a draft")
    terminal.type("C-e")
    terminal.until("in the editor")
    terminal.type("another text", "Enter")
    terminal.until("Transcript", "another text")
    terminal.type("Enter")
    terminal.until("another text", " tok ·")  # the answer has ended: no question is asked
    terminal.type("C-q")
    terminal.until("ended with 0")
    terminal.type("cmp before inside && echo as before", "Enter")
    terminal.until("as before")
