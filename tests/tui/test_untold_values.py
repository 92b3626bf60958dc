"""What a file does not tell is in no pane: no state, no number, no guard, no time."""

from __future__ import annotations

from pathlib import Path

import pytest
from driving import make_app, screen_text, settled

from llmbm_console.core.postmortem.plain_kernel import PlainKernel
from llmbm_console.core.session.post_mortem import open_dump
from llmbm_console.core.state.state import State
from llmbm_console.core.state.store_records import RECORDS
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.widgets import memory_map

EARLIER = """Context:
  model=stories15M.bin
  dim=64 layers=5 heads=8 kv=4 vocab=512 seq=512
  kv_pos=175
Budgets:
  prefill_max=36641173 decode_max=55160633 overruns(p=0 d=0)

[llmk] Zone B: base=0x4BF6D000 size=768 MiB
  [WEIGHTS] base=0x4BF6D000 size=1 MiB used=1 MiB flags=0x1
  [KV] base=0x4C06EF00 size=0 MiB used=0 MiB flags=0x0
  [SCRATCH] base=0x4C10EF00 size=32 MiB used=0 MiB flags=0x0

[llmk][sentinel] enabled=1 strict=0 max_cycles=0 last_err=4 reason=budget cycles exceeded

[llmk][log] last 128 events (ring cap=128)
  #0 tsc=44537592840 code=5 arena=-1 ptr=0x0 size=0 msg=budget cycles exceeded
  #1 tsc=44537426440 code=4 arena=2 ptr=0xB98098 size=1000 msg=budget cycles exceeded
  #2 tsc=6855781166 code=0 arena=-1 ptr=0x0 size=0 msg=log init

"""
OURS = Path(__file__).parents[1] / "dump" / "sample-llmk-failsafe.txt"


async def shown(text: str, tmp_path: Path, size: tuple[int, int], *keys: str) -> str:
    """The screen of a file, after some keys."""
    path = tmp_path / "llmk-dump.txt"
    path.write_text(text)
    app: ConsoleApp = make_app(open_dump(path))  # type: ignore[arg-type]
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press(*keys)
        await settled(pilot)
        return screen_text(app)


def pane(screen: str, title: str) -> str:
    """A pane's title line, from its title on."""
    return screen.partition(title)[2].partition("\n")[0]


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_a_dump_that_was_cut_before_its_sentinel_line_shows_no_state(
    size: tuple[int, int], tmp_path: Path
) -> None:
    screen = await shown(EARLIER.partition("\n[llmk][sentinel]")[0], tmp_path, size)
    assert "armed" not in screen.lower()
    assert "strict" not in screen
    assert "0 %" not in screen
    assert "state not told" in screen


async def test_sizes_that_were_rounded_are_not_made_exact(tmp_path: Path) -> None:
    table = await shown(EARLIER, tmp_path, (120, 36), "f2")
    assert "zone B 768 MiB" in pane(table, "4 Memory")
    row = next(line for line in table.splitlines() if "0x4c06ef00" in line)
    assert row.count("<1 MiB") == 2
    assert "intact" not in table
    assert " rw  -      -" in row
    bars = await shown(EARLIER, tmp_path, (120, 36))
    assert "<1/<1 MiB" in bars
    assert "<1/32 MiB" in bars
    assert "0 B" not in bars
    assert "free about 32.0 MiB" in bars


async def test_without_a_zone_line_the_arenas_are_not_called_zone_b(tmp_path: Path) -> None:
    text = "\n".join(line for line in EARLIER.split("\n") if "Zone B" not in line)
    assert "arenas about 33.0 MiB" in pane(await shown(text, tmp_path, (120, 36)), "4 Memory")


async def test_events_without_a_clock_have_their_cycles(tmp_path: Path) -> None:
    screen = await shown(EARLIER, tmp_path, (120, 36), "f3")
    assert "0.000" not in screen
    assert "6.856 Gc      info" in screen
    assert "44.538 Gc ERR  failsafe" in screen
    screen = await shown(EARLIER, tmp_path, (120, 36), "f3", "E")
    assert "at 44,537,426,440 cycles" in screen
    assert "37,681,645,274 after" in screen
    assert "since then" not in screen


async def test_a_model_without_a_size_has_none(tmp_path: Path) -> None:
    screen = await shown(EARLIER, tmp_path, (120, 36), "f4")
    assert "stories15M.bin  1 MiB in memory" in screen
    assert "0 B" not in screen


async def test_a_context_without_its_size_is_not_one_of_zero_rows(tmp_path: Path) -> None:
    text = EARLIER.replace(" seq=512", "")
    assert "175 rows used, of how many is not told" in await shown(text, tmp_path, (120, 36))
    assert "175/?" in await shown(text, tmp_path, (80, 24))


async def test_of_the_processor_a_dump_tells_the_clock_alone(tmp_path: Path) -> None:
    screen = await shown(OURS.read_text(), tmp_path, (120, 36), "f4")
    assert "clock     2.400 GHz" in screen
    for word in ("unnamed", "not invariant", "vectors", "firmware"):
        assert word not in screen


async def test_a_cut_failsafe_report_shows_the_trip_that_its_header_tells(tmp_path: Path) -> None:
    screen = await shown(OURS.read_text().partition("Sampling")[0], tmp_path, (120, 36))
    assert "TRIPPED" in pane(screen, "5 Sentinel")
    assert "strict" not in pane(screen, "5 Sentinel")
    assert "TRIPPED by budget in decode" in screen
    assert screen.count("not in this file") == 2, "of neither phase a budget"


def test_a_kernel_that_is_read_by_its_text_tells_no_guards() -> None:
    kernel, state = PlainKernel(), State()
    kernel.speak()
    for record in kernel.feed(EARLIER):
        state = RECORDS[type(record)](state, record, 1.0)
    rows = [line.plain for line in memory_map.table(Frame(state), 118)]
    assert len(rows) == 4
    assert not any("intact" in row for row in rows)
