"""Wrong usage in a line: what was given, what was meant perhaps, and where all of it is listed."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """A parser whose errors are a line: the usage of all options is longer than what went wrong."""

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
        alike = difflib.get_close_matches(option, self._option_string_actions, n=1)
        return f"unknown option {option}" + (f": did you mean {alike[0]}?" if alike else "")

    def error(self, message: str) -> NoReturn:
        """Ends with status 2."""
        self.exit(2, f"{self.prog}: {message} (--help lists all)\n")
