"""What QEMU tells: the processors' registers, or its answer to a command of its monitor. Rows that are not as they were
the last time are marked."""

from __future__ import annotations

import re
from typing import ClassVar

from llmbm_console.core.actions.key_labels import spelt
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.taken import Taken
from llmbm_console.tui.text import clip, line, plain, wrap
from llmbm_console.tui.widgets.lines import Line, LineView

TITLE = 28  # columns of a command on the edge
MOST_ROWS = 20_000  # lines of an answer: QEMU's longest, of its whole schema, has some 30,000

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
    REGISTERS = title_text

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
        self._command = ""  # of the monitor, whose answer is shown; empty: the registers are
        self._reason = ""
        self._taken: Taken | None = None

    def on_resize(self) -> None:
        """Rows are wrapped to the width."""
        self._draw()

    def show_text(self, text: str, now: Frame) -> None:
        """What QEMU says now of its processors."""
        self.show_answer("", text, now)

    def show_answer(self, command: str, text: str, now: Frame) -> None:
        """The answer to a command of the monitor."""
        self._taken = Taken.of(now)
        before = self._texts[1] if command == self._command else ""
        self._command, self._reason = command, ""
        self._texts = before, plain(text.replace("\r\n", "\n"))
        self.selected_row = -1
        self._draw()
        self.scroll_home(animate=False)

    @property
    def text(self) -> str:
        """All of what is shown; empty while nothing is."""
        return self._texts[1] if not self._reason else ""

    def fail(self, reason: str, command: str = "") -> None:
        """They cannot be seen, or the command was refused, and why."""
        self._reason, self._command = plain(reason), command
        self._draw()

    def _draw(self) -> None:
        if self._taken is not None and self._taken.is_over(self._frame):  # nor is what it would be compared with
            self._texts, self._command, self._reason, self._taken = ("", ""), "", "", None
        width = self.scrollable_content_region.width
        if width <= 0 or not self.display:
            return
        before, now = self._texts
        title, again = self.REGISTERS, "machine.registers"
        if self._command:
            title, again = clip(f"QMP {self._command}", TITLE, self._frame.glyphs.ellipsis), "machine.qmp"
        self.title_text = title
        if not now or self._reason:
            rows = [Line(self._advice()[a:b], "registers--note") for a, b in wrap(self._advice(), width)]
            self.set_heading(line(), line())
        else:
            rows = self._rows(before.splitlines(), now.splitlines()[:MOST_ROWS], width)
            if (more := now.count("\n") + 1 - MOST_ROWS) > 0:
                rows.append(Line(f"and {more:,} lines more, which are not shown", "registers--note"))
            changed = sum(row.style == "registers--changed" for row in rows)
            self.set_heading(
                line(
                    (f"{changed} rows changed  " if changed else "", "$warn"),
                    (self._taken.when(self._frame) if self._taken is not None else "", "$foreground"),
                ),
                line(
                    (self._frame.keys[again], "$accent"),
                    (" asks another" if self._command else " reads them again", "$muted"),
                ),
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
        if why := self._frame.lacks.get("machine.registers"):
            return why
        if self._frame.read_only and not self._frame.seen:
            return f"{self._frame.watcher} has no processor to look at."
        if not (self._frame.controllable or self._frame.seen):
            return "A serial line does not show registers: that takes --qemu or --qmp."
        holds = "" if self._frame.read_only else " Pause the machine first ({0[machine.pause]}) to hold them still."
        return spelt("{0[machine.registers]} shows the registers of every processor." + holds, self._frame.keys)
