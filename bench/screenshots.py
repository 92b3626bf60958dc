"""Makes the pictures of the README: the real interface on the real kernel in the simulator, as SVG.

    python bench/screenshots.py [--theme NAME] [--size 120x36] [--out FILE]

Without arguments it writes console/screenshots/main.svg (house theme), narrow.svg (80x24, light) and memory.svg (the
memory of the paused machine).
"""

from __future__ import annotations

import argparse
import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from llmbm_console.core.session.targets import Target, make_session
from llmbm_console.core.state.events import MachineStatus
from llmbm_console.core.state.state import Turn
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.frame import LINKED
from llmbm_protocol.words import Arena

FOLDER = Path(__file__).resolve().parents[1] / "console" / "screenshots"
CELL = 12.2  # width of a cell in the SVG that Textual exports
#: Budgets with room for what else a shared machine does: those that are learned from a few passes are broken by it.
LINES = ("/budget 2000000 4000000", "/max_tokens 200", "Once upon a time, there was a little cat", "/temp 0.7")
TRIES = 8  # other programs on the same processors may take one away in the midst of a pass
LAST = "One day the cat met a bird"
_BLANK = "&#160;"


def tidy(svg: str) -> str:
    """Without fonts from the network, and with blanks as distances: every viewer draws the same columns."""

    def text(match: re.Match[str]) -> str:
        head, x, y, clip, body = match.groups()
        stripped = re.sub(rf"^(?:{_BLANK})+", "", body)
        start = float(x) + (len(body) - len(stripped)) / len(_BLANK) * CELL
        stripped = re.sub(rf"(?:{_BLANK})+$", "", stripped)
        if not stripped:
            return ""
        length = len(re.sub(r"&#?\w+;", "x", stripped)) * CELL
        place = f'x="{start:.1f}" y="{y}" textLength="{length:.1f}" clip-path="{clip}"'
        return f'<text class="{head}" {place}>{stripped}</text>'

    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.S)
    svg = svg.replace("Fira Code, monospace", "'DejaVu Sans Mono', Menlo, Consolas, monospace")
    pattern = (
        r'<text class="([^"]*-r\d+)" x="([\d.]+)" y="([\d.]+)" textLength="[\d.]+" clip-path="([^"]*)">([^<]*)</text>'
    )
    return re.sub(pattern, text, svg)


async def look_into_memory(app: ConsoleApp, until: Callable[[Callable[[], bool]], Awaitable[None]]) -> None:
    """The hex lens on the activations, paused twice, with an answer between the two pauses."""
    assert app.session is not None
    machine, view = app.session.machine, app.main.views.hex
    assert machine is not None
    await until(lambda: Arena.ACTS in app.state.arenas)
    app.main.show_view("memory")
    await machine.pause()
    await until(lambda: app.state.machine.status is MachineStatus.PAUSED)
    app.verbs.look_into(Arena.ACTS)
    await until(lambda: view.pages.octets(view.span.first, 1) != [None])
    await machine.resume()
    await app.session.submit(LAST)
    await machine.pause()
    await until(lambda: bool(view.pages.changed()))


async def picture(theme: str, width: int, height: int, memory: bool = False) -> tuple[str, bool]:
    """Starts the simulator, lets it tell a story, and takes the picture in the middle of the second one; or of its
    memory. Also says whether the machine had its processor for itself: no pass went over its budget."""
    target = Target("sim")
    app = ConsoleApp(target.title, lambda: make_session(target), theme=theme)
    async with app.run_test(size=(width, height)) as pilot:

        async def until(condition: Callable[[], bool]) -> None:
            for _ in range(2000):
                await pilot.pause(0.01)
                if condition():
                    return
            raise SystemExit("the simulator did not do what the picture needs; try `llmbm-console --sim`")

        def done() -> int:
            return sum(1 for item in app.state.items if isinstance(item, Turn) and item.finished)

        await until(lambda: app.state.link.phase in LINKED and app.state.sampling is not None)
        assert app.session is not None
        for line in LINES:
            await app.session.submit(line)
        if memory:
            await look_into_memory(app, until)
        else:
            app.verbs.submit(LAST)
        while not memory and done() < 2 and (app.state.turn is None or len(app.state.turn.tokens) < 60):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        app.pacer.flush()
        await pilot.pause()
        svg = app.export_screenshot(title="llmbm-console")
        undisturbed = all(entry.severity == "info" for entry in app.state.log)
    await app.disconnect()
    return tidy(svg), undisturbed


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description="pictures of the interface")
    parser.add_argument("--theme", default="")
    parser.add_argument("--size", default="120x36")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    width, height = (int(part) for part in arguments.size.split("x"))
    jobs = [(arguments.theme or "teranga", width, height, arguments.out or FOLDER / "main.svg")]
    if not arguments.out and not arguments.theme:
        jobs += [("paper", 80, 24, FOLDER / "narrow.svg"), ("teranga", 120, 36, FOLDER / "memory.svg")]
    for theme, columns, rows, path in jobs:
        path.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(TRIES):
            svg, undisturbed = asyncio.run(picture(theme, columns, rows, path.stem == "memory"))
            if undisturbed:
                break
        path.write_text(svg, "utf-8")
        print(path)


if __name__ == "__main__":
    main()
