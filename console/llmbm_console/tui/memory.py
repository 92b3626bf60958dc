"""What the interface remembers between runs: prompts, the theme, the signs. Losing it is never an error."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import platformdirs

APPLICATION = "llmbm-console"
MAX_HISTORY = 1000


def state_folder() -> Path:
    """Where history and choices are kept."""
    return Path(platformdirs.user_state_dir(APPLICATION, appauthor=False))


class History:
    """Prompts of this and of earlier runs, one JSON string a line, newest last, readable by the person alone."""

    def __init__(self, path: Path | None, failed: Callable[[str], None] = lambda why: None) -> None:
        self.path = path
        self._failed = failed  # is told once, when a prompt cannot be kept for the next run
        self.entries: list[str] = []
        self._place = 0
        self._draft = ""
        if path is not None:
            try:
                lines = path.read_text("utf-8", errors="replace").splitlines()[-MAX_HISTORY:]
            except OSError:
                lines = []
            for text in lines:
                try:
                    entry = json.loads(text)
                except (ValueError, RecursionError):
                    continue  # a torn last line of a run that was killed
                if isinstance(entry, str) and entry:
                    self.entries.append(entry)
        self._place = len(self.entries)

    def add(self, text: str) -> None:
        """Remembers a prompt; the same one twice in a row is kept once."""
        if text.strip() and (not self.entries or self.entries[-1] != text):
            self.entries.append(text)
            self._append(text)
        del self.entries[:-MAX_HISTORY]
        self._place, self._draft = len(self.entries), ""

    def _append(self, text: str) -> None:
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(json.dumps(text) + "\n")
        except OSError as error:  # a full or read-only disk: this run still has its history
            self._failed(f"{self.path}: cannot be written: {error.strerror or error}")
            self.path = None

    def keep(self, current: str) -> bool:
        """What was being written and not sent is kept as if it had been; whether there was any, and a next run has it,
        too."""
        newest = self._place == len(self.entries)
        unsent = [current] if newest else [self._draft, *([current] if current != self.entries[self._place] else [])]
        written = [text for text in unsent if text.strip()]
        for text in written:
            self.add(text)
        return bool(written) and self.path is not None

    def step(self, direction: int, current: str) -> str | None:
        """The entry before (-1) or after (1); what was being written comes back after the newest. None at an end."""
        place = self._place + direction
        if not 0 <= place <= len(self.entries):
            return None
        if self._place == len(self.entries):
            self._draft = current
        self._place = place
        return self._draft if place == len(self.entries) else self.entries[place]

    def go_to(self, entry: str, current: str) -> str:
        """An entry that was looked for; stepping goes on from it. What was being written comes back after the newest,
        and what another entry was changed into is the newest one."""
        draft = current
        if self._place < len(self.entries):
            draft = self._draft
            if current != self.entries[self._place]:
                self.add(current)
        self._draft = draft
        self._place = len(self.entries) - 1 - self.entries[::-1].index(entry)
        return entry


class Remembered:
    """What was chosen in this and in earlier runs, by name."""

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / "tui.json" if folder is not None else None
        self._chosen: dict[str, str] = {}
        if self._path is not None:
            with contextlib.suppress(OSError, ValueError, RecursionError):
                document = json.loads(self._path.read_text("utf-8"))
                if isinstance(document, dict):
                    self._chosen = {name: value for name, value in document.items() if isinstance(value, str)}

    def get(self, name: str) -> str:
        """What was chosen last; empty when nothing was."""
        return self._chosen.get(name, "")

    def keep(self, name: str, value: str) -> str:
        """Keeps a choice for the next run, the file whole or not at all. Why it cannot, empty when it is kept."""
        self._chosen[name] = value
        if self._path is None:
            return ""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._path.with_suffix(".new")
            fresh.write_text(json.dumps(self._chosen), "utf-8")
            fresh.replace(self._path)
        except OSError as error:
            return f"{self._path}: cannot be written: {error.strerror or error}"
        return ""
