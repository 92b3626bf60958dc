"""The machine pane: what runs, on what, with which model, and how the line does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.style import Style

from llmbm_console.core.counted import counted
from llmbm_console.core.machine.states import about
from llmbm_console.core.postmortem.known_fields import knows, told
from llmbm_console.core.postmortem.zone_sizes import size_text
from llmbm_console.core.state.events import MachineStatus
from llmbm_console.core.state.state import State
from llmbm_console.tui import figures
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.text import Piece, dimmed, line, wrap
from llmbm_console.tui.widgets.panel import Panel
from llmbm_protocol.words import Arena

if TYPE_CHECKING:
    from llmbm_protocol.schema import Cpu, Model

NAMES = 10  # columns
MOST_BELOW = 4  # rows that a value goes on
MOST_BUTTONS = 2  # rows of them above what one has to scroll to; the others are below it
MACHINE_STYLES: dict[MachineStatus, str] = {
    MachineStatus.RUNNING: "$good",
    MachineStatus.PAUSED: "bold $warn",
    MachineStatus.CRASHED: "bold $bad",
    MachineStatus.ABSENT: "bold $bad",
    MachineStatus.STOPPED: "$bad",
    MachineStatus.RESETTING: "$warn",
    MachineStatus.LOADING: "$warn",
    MachineStatus.STARTING: "$warn",
}


def _sizes(model: Model, state: State) -> str:
    """The file's, and the one in memory where that is another: int8 made while it was loaded."""
    weights = state.arenas.get(Arena.WEIGHTS)
    used = size_text(weights, "used") if weights is not None and weights.used else ""
    memory = f"{used} in memory" if used else ""
    if not knows(model, "bytes"):
        return memory
    file = figures.size(model.bytes)
    return file if used in ("", file) else f"{file} file, {memory}"


def _shape(model: Model) -> tuple[str, str]:
    """The model's numbers in two lines, as far as they are told."""
    heads = f"{model.heads} heads" if model.heads == model.kv_heads else f"{model.heads}/{model.kv_heads} heads"
    groups = f" in groups of {model.group}" if model.group else ""
    first = (
        f"dim {model.dim}" if model.dim else "",
        f"{model.layers} layers" if model.layers else "",
        heads if model.heads and model.kv_heads else "",
    )
    second = (
        f"vocab {model.vocab}" if model.vocab else "",
        f"context {model.seq_len}" if model.seq_len else "",
        f"{model.format}{groups}" if model.format else "",
    )
    return ", ".join(filter(None, first)), ", ".join(filter(None, second))


def _buttons(frame: Frame, width: int) -> list[Content]:
    """What can be done to it, to click on, in as many rows as that takes."""
    paused = frame.state.machine.status is MachineStatus.PAUSED
    verbs = (
        ("resume" if paused else "pause", "pause"),
        ("reset", "reset"),
        ("off", "quit"),
        ("screen", "screen"),
        ("registers", "registers"),
        ("save", "save_state"),
        ("load", "load_state"),
        ("keys", "keys"),
        ("QMP", "qmp"),
        ("NMI", "nmi"),
    )
    parts = [
        line((frame.keys[f"machine.{verb}"], "bold $accent"), (f" {word}", "$muted")).stylize(
            Style.from_meta({"@click": f"app.do('machine.{verb}')"})
        )
        for word, verb in verbs
        if f"machine.{verb}" not in frame.lacks
    ]
    rows: list[list[Content]] = [[]]
    for part in parts:
        if rows[-1] and sum(one.cell_length + 2 for one in (*rows[-1], part)) - 2 > width:
            rows.append([])
        rows[-1].append(part)
    return [Content("  ").join(row) for row in rows]


def _table(rows: list[tuple[str, *tuple[Piece, ...]]], width: int, height: int) -> list[Content]:
    """Names and values, a row each; a value that does not fit goes on below, as long as there are rows left for it, or
    where one has to scroll anyway."""
    lines: list[Content] = []
    spare = height - len(rows) if len(rows) <= height else MOST_BELOW * len(rows)
    for name, *pieces in rows:
        value = line(*pieces)
        spans = wrap(value.plain, max(8, width - NAMES))
        if not 1 < len(spans) <= spare + 1:
            lines.append(line((f"{name:<{NAMES}}", "$muted"), value))
            continue
        spare -= len(spans) - 1
        for start, end in spans:
            lines.append(line((f"{name:<{NAMES}}", "$muted"), value[start:end]))
            name = ""
    return lines


class MachinePanel(Panel):
    """A table of names and values."""

    pane, number, title_text = "machine", 8, "Machine"

    def heading(self, frame: Frame) -> Content:
        version = frame.state.version
        was = "last known " if frame.last_known else ""
        return line((was, "$warn"), (f"boot {version.boot:08x}", "$muted")) if version is not None else line()

    def lines(self, frame: Frame, width: int, height: int) -> list[Content]:
        state = frame.state
        rows = [*self._status(frame)]
        now = len(rows)  # what the machine does is so now, whatever became of its kernel
        rows += [*self._kernel(state), *self._model(state), *self._speed(state), *self._line(frame)]
        lines = _table(rows, width, height)
        if frame.last_known:
            lines = [*lines[:now], *(dimmed(row) for row in lines[now:])]
        if not lines:
            return [
                line(("Nothing is known of the machine yet.", "$muted")),
                line(("The kernel's first records bring it.", "$muted")),
            ]
        if not frame.controllable or frame.read_only or frame.failure:
            return lines
        buttons = _buttons(frame, width)
        if height < len(lines) + len(buttons):  # one has to scroll: they stand where they are in sight at first
            status = len(_table(rows[:now], width, 0))
            return [*lines[:status], *buttons[:MOST_BUTTONS], *lines[status:], *buttons[MOST_BUTTONS:]]
        return [*lines, *[line()] * (height - len(lines) - len(buttons)), *buttons]

    def _status(self, frame: Frame) -> list[tuple[str, *tuple[Piece, ...]]]:
        machine = frame.state.machine
        if machine.status is MachineStatus.UNKNOWN:
            return []
        since = f"  since {frame.clock(machine.since)[:8]}" if machine.since else ""
        rows: list[tuple[str, *tuple[Piece, ...]]] = [
            ("state", (machine.status.value, MACHINE_STYLES.get(machine.status, "$foreground")), (since, "$muted"))
        ]
        if machine.detail:
            rows.append(("", (machine.detail, "$muted")))
        for number, saved in enumerate(frame.states):
            name = "saved" if number == 0 else ""
            rows.append((name, (f"{frame.clock(saved.at)[:8]}  ", "$foreground"), (about(saved), "$muted")))
        return rows

    def _kernel(self, state: State) -> list[tuple[str, *tuple[Piece, ...]]]:
        rows: list[tuple[str, *tuple[Piece, ...]]] = []
        if state.version is not None:
            port = f" ({state.version.port})" if state.version.port else ""
            rows.append(("kernel", (f"{state.version.version or 'its name is not told'}{port}", "$foreground")))
            if state.version.machine:
                rows.append(("firmware", (state.version.machine, "$foreground")))
        elif state.hello is not None:
            rows.append(("kernel", (state.hello.version, "$foreground")))
        return [*rows, *self._processor(state.cpu)] if state.cpu is not None else rows

    def _processor(self, cpu: Cpu) -> list[tuple[str, *tuple[Piece, ...]]]:
        """A file tells how fast the counter is, and nothing else of the processor."""
        rows: list[tuple[str, *tuple[Piece, ...]]] = []
        if knows(cpu, "brand"):
            rows.append(("processor", (cpu.brand.strip() or "unnamed", "$foreground")))
        if knows(cpu, "level", "best"):
            level = f"{cpu.level}" + (" (pinned)" if cpu.pinned else "")
            best = f", best here {cpu.best}" if cpu.best != cpu.level else ""
            used = f", {cpu.processors_used} of {cpu.processors} processors" if cpu.processors_used else ""
            rows.append(("vectors", (level + best + used, "$foreground")))
        source = f" by {cpu.clock}" if cpu.clock else ""
        spread = f" ±{cpu.spread_ppm} ppm" if cpu.spread_ppm else ""
        clock: Piece = (f"{cpu.hz / 1e9:.3f} GHz{source}{spread}", "$foreground")
        doubtful = told(cpu, "invariant") is False
        return [*rows, ("clock", clock, (" not invariant", "$warn")) if doubtful else ("clock", clock)]

    def _model(self, state: State) -> list[tuple[str, *tuple[Piece, ...]]]:
        model = state.model
        if model is None:
            return []
        if told(model, "file") == "":
            return [("model", ("none loaded: see /models and /load", "$warn"))]
        name = model.file or "its name is not told"
        rows: list[tuple[str, *tuple[Piece, ...]]] = [
            ("model", (f"{name}  {_sizes(model, state)}".strip(), "$foreground"))
        ]
        rows += [("", (text, "$muted")) for text in _shape(model) if text]
        if state.tokenizer is not None:
            rows.append(
                ("tokenizer", (state.tokenizer.file or "none", "$foreground" if state.tokenizer.file else "$warn"))
            )
        return rows

    def _speed(self, state: State) -> list[tuple[str, *tuple[Piece, ...]]]:
        """The last answer beside the bound that the memory sets, and the last /bench."""
        rows: list[tuple[str, *tuple[Piece, ...]]] = []
        perf, bench = state.perf, state.bench
        if perf is not None and perf.decode_rate and perf.decode_mb_s:
            rows.append(("speed", (figures.rate(perf.decode_rate / figures.MILLION), "$foreground")))
            rows.append(("", (figures.throughput(perf.decode_mb_s, perf.read_mb_s), "$muted")))
        if bench is not None and bench.level:
            prefill = figures.rate(bench.prefill_rate / figures.MILLION)
            source = "" if not bench.cache else ", from memory" if bench.weights > bench.cache else ", from the cache"
            rows.append(
                ("bench", (f"{figures.rate(bench.decode_rate / figures.MILLION)}, prefill {prefill}", "$foreground"))
            )
            rows.append(("", (figures.throughput(bench.decode_mb_s, bench.read_mb_s), "$muted")))
            rows.append(("", (f"reads {figures.size(bench.weights)} a token{source}", "$muted")))
        return rows

    def _line(self, frame: Frame) -> list[tuple[str, *tuple[Piece, ...]]]:
        state = frame.state
        if frame.post_mortem:
            return [("file", (state.file_path, "$foreground")), ("kind", (state.file_kind, "$foreground"))]
        link = state.link
        received: Piece = (
            f"{figures.size(link.received_bytes)} in, {figures.size(link.sent_bytes)} out",
            "$foreground",
        )
        rows: list[tuple[str, *tuple[Piece, ...]]] = [("line", received)]
        if link.round_trip_ms is not None:
            rows.append(("", (f"round trip {link.round_trip_ms:.1f} ms", "$muted")))
        told = (
            (link.rejected_lines, "bad line", "bad lines"),
            (link.lost_frames, "lost frame", "lost frames"),
            (link.retries, "retry", "retries"),
        )
        faults = ", ".join(counted(count, one, more) for count, one, more in told if count)
        rows.append(("", (faults or "no line errors", "$warn" if faults else "$muted")))
        if (counters := link.counters) is not None:
            seen = {
                "overruns": counters.overrun,
                "framing": counters.framing,
                "bad CRC": counters.checksum,
                "too long": counters.too_long,
                "malformed": counters.malformed,
                "frames dropped": counters.dropped,
            }
            faults = ", ".join(f"{count} {name}" for name, count in seen.items() if count) or "none seen by the kernel"
            rows.append(("", (faults, "$muted" if faults.startswith("none") else "$warn")))
        return rows
