"""Wrong usage in a line: what was given, what was meant perhaps, and where all of it is listed."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from llmbm_console.core.nearest import nearest

if TYPE_CHECKING:
    from _typeshed import SupportsWrite


def _meant(words: list[str]) -> str:
    return f": did you mean {words[0]}?" if words else ""


def unknown_word(word: str, commands: Iterable[str]) -> str:
    """What is wrong with a first word that looks like a command and is none, nor a file here; "" for any other."""
    if not re.fullmatch(r"\w[\w-]*", word) or Path(word).exists():
        return ""
    return f"{word!r} is no command, and there is no such file{_meant(nearest(word, commands))}"


#: For commands with nothing of their own to say about it; those with a kernel have more (cli.STATUSES).
STATUS = "exit status: 0 done; 1 failed, with the reason on standard error; 2 wrong usage; 130 interrupted"


class Parser(argparse.ArgumentParser):
    """A parser whose errors are a line: the usage of all options is longer than what went wrong."""

    def __init__(self, *, epilog: str = STATUS, **settings: Any) -> None:
        super().__init__(epilog=epilog, **settings)

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """As argparse, but an unknown option is answered by the known one that is spelled most alike."""
        found, unknown = self.parse_known_args(args, namespace)
        if unknown:
            self.error(self._unknown(unknown[0]))
        return found

    def _unknown(self, word: str) -> str:
        if not word.startswith("-"):
            return f"{word!r} is one argument too many"
        option = word.partition("=")[0]
        return f"unknown option {option}{_meant(nearest(option, self._option_string_actions))}"

    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        """As argparse, which would take a full disk for a success."""
        print(self.format_help(), end="", file=file)

    def error(self, message: str) -> NoReturn:
        """Ends with status 2."""
        self.exit(2, f"{self.prog}: {message} (--help lists all)\n")
