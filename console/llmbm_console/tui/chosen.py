"""What the person chose of the interface: in their own settings where those name it, else in the last run."""

from __future__ import annotations

from pathlib import Path

from llmbm_console.core.errors import SessionError
from llmbm_console.core.settings.settings import Settings
from llmbm_console.tui.memory import Remembered


class Chosen:
    """Choices by name. `file` is where the settings were read from, None where there is none."""

    def __init__(self, settings: Settings, file: Path | None, remembered: Remembered) -> None:
        self._settings, self._file, self._remembered = settings, file, remembered

    def _set(self, name: str) -> str:
        value: str = getattr(self._settings, name, "")
        return value

    def get(self, name: str) -> str:
        """What holds; empty where nothing was chosen."""
        return self._set(name) or self._remembered.get(name)

    def keep(self, name: str, value: str) -> str:
        """Keeps a choice for the next run where it was read from. Why it cannot, empty when it is kept."""
        if not self._set(name) or self._file is None:
            return self._remembered.keep(name, value)
        from llmbm_console.core.settings.write import write_setting

        try:
            write_setting(self._file, name, value)
        except SessionError as error:
            return str(error)
        return ""
