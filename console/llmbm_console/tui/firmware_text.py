"""What the firmware prints before the kernel begins: of no interest to who comes back to a conversation."""

from __future__ import annotations

import re

FEW = 3  # lines that may stay as they are
_KERNEL_BEGINS = re.compile(r"^llmk-\S+ on .*, boot [0-9a-f]{8}\s*$", re.MULTILINE)


def folded(text: str, palette: str) -> str:
    """Boot text with one line in place of the firmware's; unchanged where the kernel has not begun yet, or where there
    is little to fold. `palette` is the key that leads to the action which shows it."""
    begin = _KERNEL_BEGINS.search(text)
    count = len([line for line in text[: begin.start()].split("\n") if line.strip()]) if begin is not None else 0
    if begin is None or count <= FEW:
        return text
    return f'[{count} lines of firmware text; {palette} "Firmware text" shows them]\n{text[begin.start() :]}'
