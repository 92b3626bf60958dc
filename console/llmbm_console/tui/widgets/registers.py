"""The processors' registers as QEMU tells them; rows that are not as they were the last time are marked."""

from __future__ import annotations

import re
from typing import ClassVar

from llmbm_console.core.key_labels import spelt
from llmbm_console.tui.text import line, plain, wrap
from llmbm_console.tui.widgets.lines import Line, LineView

_REGISTER = re.compile(r"[A-Z0-9]{2,4} *=[0-9a-f]+(?: +|$)")


def in_columns(lines: list[str], width: int) -> list[str]:
    """The rows of registers that have nothing but a name and a value each, in as many columns as fit."""
    laid: list[str] = []
    run: list[str] = []
    for text in [*lines, ""]:
        registers = _REGISTER.findall(text)
        if registers and "".join(registers) == text:
            run += [register.rstrip() for register in registers]
            continue
        if run:
            cell = max(map(len, run)) + 1
            columns = max(1, (width + 1) // cell)
            laid += [
                "".join(f"{register:<{cell}}" for register in run[at : at + columns]).rstrip()
                for at in range(0, len(run), columns)
            ]
            run = []
        laid.append(text)
    while laid and not laid[0].strip():
        del laid[0]
    return laid[:-1] if laid and not laid[-1] else laid


class Registers(LineView):
    """Text to scroll through."""

    pane, number, title_text = "registers", 0, "Registers"

    COMPONENT_CLASSES: ClassVar[set[str]] = {"registers--row", "registers--changed", "registers--note"}

    DEFAULT_CSS = """
    Registers > .registers--row { color: $foreground; }
    Registers > .registers--changed { color: $warn; }
    Registers > .registers--note { color: $muted; }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.following = False
        self._texts: tuple[str, str] = ("", "")  # the last time, and now
        self._reason = ""

    def on_resize(self) -> None:
        """Rows are wrapped to the width."""
        self._draw()

    def show_text(self, text: str) -> None:
        """What QEMU says now."""
        self._texts, self._reason = (self._texts[1], plain(text.replace("\r\n", "\n"))), ""
        self.selected_row = -1
        self._draw()
        self.scroll_home(animate=False)

    def fail(self, reason: str) -> None:
        """They cannot be seen, and why."""
        self._reason = reason
        self._draw()

    def _draw(self) -> None:
        width = self.scrollable_content_region.width
        if width <= 0 or not self.display:
            return
        before, now = self._texts
        if not now or self._reason:
            rows = [Line(self._advice()[a:b], "registers--note") for a, b in wrap(self._advice(), width)]
            self.set_heading(line(), line())
        else:
            rows = self._rows(before.splitlines(), now.splitlines(), width)
            changed = sum(row.style == "registers--changed" for row in rows)
            self.set_heading(
                line((f"{changed} rows changed" if changed else "", "$warn")),
                line((self._frame.keys["machine.registers"], "$accent"), (" again", "$muted")),
            )
        if rows != self.rows:
            self.set_rows(0, rows)

    @staticmethod
    def _rows(before: list[str], now: list[str], width: int) -> list[Line]:
        rows: list[Line] = []
        before, now = in_columns(before, width), in_columns(now, width)
        for number, text in enumerate(now):
            same = not before or text == (before[number] if number < len(before) else "")
            style = "registers--row" if same else "registers--changed"
            rows += [Line(text[a:b], style) for a, b in wrap(text, width)]
        return rows

    def _advice(self) -> str:
        if self._reason:
            return self._reason
        if self._frame.read_only:
            return f"{self._frame.watcher} has no processor to look at."
        if not self._frame.controllable:
            return "A serial line does not show registers: that takes --qemu or --qmp."
        return spelt(
            "{0[machine.registers]} shows the registers of every processor. Pause the machine first "
            "({0[machine.pause]}) to hold them still.",
            self._frame.keys,
        )
