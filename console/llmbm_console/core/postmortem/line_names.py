"""What each line of a serial log is: a prompt, an answer, what a command printed, a message of the firmware."""

from __future__ import annotations

import re

from llmbm_console.core.postmortem.serial_log import ANSWER, ERROR, MORE, NOISE, PROMPT, STATS, TIME
from llmbm_console.core.reading import is_command

_STAMP = re.compile(rf"^(?:[ \t>|]|{TIME})*(?=\S)")
_FIRMWARE = re.compile(r"^(?:BdsDxe|BDS|UEFI|PXE|>>Start)\b", re.IGNORECASE)
_BOOT = re.compile(r"^(?:\[[1-9]/[1-9]\] |llmk-[0-9.]+ on )")
_REPORT = re.compile(r"^\[llmk\]|^\[[0-9]{1,10} tokens, prefill |^\[sentinel |^\[over budget: |^\[the context ")


class LineNames:
    """Fed line by line, since what a line is depends on what was asked."""

    def __init__(self) -> None:
        self._usual = "text"  # what a line is that says nothing of its own

    def name(self, text: str) -> str:
        """What a line is. It is clean, and without its end."""
        line = text.strip()
        if not line:
            return "blank"
        said = _STAMP.sub("", text).lstrip(NOISE)
        if match := PROMPT.match(said):
            asked = match[2].strip()
            kind = "command" if is_command(asked) else "prompt"
            self._usual = "output" if kind == "command" or match[1] is None else "answer"
            return kind
        if MORE.match(said) and self._usual in ("output", "answer"):
            return "prompt"
        if ANSWER.match(said):
            self._usual = "answer"
            return "answer"
        if ERROR.match(line):
            return "error"
        if STATS.match(line) or _REPORT.match(line):
            return "report"
        if _FIRMWARE.match(line):
            return "firmware"
        if _BOOT.match(line):
            self._usual = "boot"
        return self._usual
