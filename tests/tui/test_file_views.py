"""Files in the window: what a log of a serial line shows, and what is said while one is opened."""

from __future__ import annotations

from pathlib import Path

import pytest
from driving import make_app, screen_text, settled, wait_until

from llmbm_console.core.postmortem.summary import file_summary
from llmbm_console.core.session.post_mortem import open_dump
from llmbm_console.core.state.events import LinkPhase
from llmbm_console.core.state.state import LinkState, State
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.guide import guide
from llmbm_console.tui.text import middle
from llmbm_console.tui.verbs.file import summary_lines
from llmbm_console.tui.widgets.status_line import StatusLine

LOG = """[llmk][sentinel] enabled=1 strict=0 max_cycles=0 last_err=0 reason=
You: Once upon
AI:\x20
[llmk][budget] prefill_max=0 decode_max=0
 a time there was a bear
[llmk][budget] final prefill_max=45000000 decode_max=46000000 overruns(p=0 d=0)

[stats] tokens=60 time_ms=1000 tok_s=60.000

You: /ctx
  model=stories15M.bin
  seq_len=512 kv_pos=266
  sample: temp=0.00 min_p=0.05 top_p=0.95 top_k=80

You: /render foo
ERROR: render failed

You: /clear
OK: KV cache cleared, context reset

You: """


def app_on(path: Path) -> ConsoleApp:
    return make_app(open_dump(path))  # type: ignore[arg-type]


async def test_a_serial_log_shows_its_conversation_and_claims_nothing_that_it_does_not_tell(tmp_path: Path) -> None:
    path = tmp_path / "old.raw"
    path.write_bytes(LOG.replace("\n", "\r\r\n").encode())
    app = app_on(path)
    async with app.run_test(size=(130, 50)) as pilot:
        await settled(pilot)
        shown = screen_text(app)
    assert "1❯ Once upon" in shown
    assert "a time there was a bear" in shown
    assert "60 tok · 1.0 s · 60.0 tok/s" in shown
    assert "what was said" not in shown
    assert "1 error line, line 16: 'ERROR: render failed'; no trip, no overrun." in shown
    assert "ERR  console    line 16: ERROR: render failed" in shown
    assert "266 of 512 context rows used when last" in shown
    assert "0 / 512" in shown
    assert "0 B" not in shown.partition("Context")[2].partition("\n")[0], "the log tells no size of a row"
    assert "seed" not in shown.partition("Transcript")[2].partition("\n")[0]
    assert [row for row in shown.splitlines() if "│ seed  " in row and row.rstrip(" │").endswith(" -")]
    assert "budget 46.0M, no pass told" in shown
    assert "0 %" not in shown


async def test_a_trip_in_an_earlier_kernels_dump_is_told_alike_everywhere(tmp_path: Path) -> None:
    path = tmp_path / "llmk-dump.txt"
    text = (
        "Context:\n  model=stories15M.bin\n  dim=64 seq=512\n  kv_pos=175\nBudgets:\n"
        "  prefill_max=36641173 decode_max=55160633 overruns(p=0 d=0)\n\n"
        "[llmk][sentinel] enabled=1 strict=0 max_cycles=0 last_err=4 reason=budget cycles exceeded\n\n"
        "[llmk][log] last 128 events (ring cap=128)\n"
        "  #0 tsc=44 code=5 arena=-1 ptr=0x0 size=0 msg=budget cycles exceeded\n"
        "  #1 tsc=43 code=4 arena=2 ptr=0xB98098 size=1000 msg=budget cycles exceeded\n\n"
    )
    path.write_bytes(b"\xff\xfe" + text.replace("\n", "\r\r\n").encode("utf-16-le"))
    app = app_on(path)
    async with app.run_test(size=(150, 40)) as pilot:
        await settled(pilot)
        shown = screen_text(app)
    assert "TRIPPED by budget in decode: 12.2M cycles, 1.00k" in shown
    assert "ARMED" not in shown
    assert "a dump of an earlier kernel is shown" in shown
    assert "post_mortem" not in shown


def test_while_a_file_is_opened_the_status_line_says_so() -> None:
    status = StatusLine(id="status")
    assert "opening" in status.content_for(Frame(State(target="file:a.txt"), opening=True), 100).plain
    assert "closed" in status.content_for(Frame(State(target="file:a.txt")), 100).plain


def test_a_text_is_not_called_a_file_of_a_kernel() -> None:

    link = LinkState(LinkPhase.POST_MORTEM)
    said = {kind: guide(Frame(State(link=link, file_kind=kind)))[0][0] for kind in ("text", "dump")}
    assert said["text"] == "This file is shown as a text: its lines are all there is."
    assert said["dump"] == "This file holds what the kernel knew, not what was said."


SAMPLE = Path(__file__).parent.parent / "dump" / "sample-llmk-failsafe.txt"
LONG = "20261127-034240-board-seven-overnight-of-the-north-bench-llmk-failsafe.txt"


def long_name(folder: Path, text: str = "") -> Path:
    path = folder / "runs of november" / LONG
    path.parent.mkdir()
    path.write_text(text or SAMPLE.read_text())
    return path


@pytest.mark.parametrize("size", [(120, 36), (80, 24), (50, 20)])
async def test_of_the_name_of_a_file_both_ends_can_be_read(size: tuple[int, int], tmp_path: Path) -> None:
    app = app_on(long_name(tmp_path))
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        header, banner = screen_text(app).splitlines()[:2]
        for row in (header, banner):
            assert "20261127-034" in row
            assert "safe.txt" in row


@pytest.mark.parametrize("size", [(80, 24), (50, 20)])
async def test_a_verdict_is_told_to_its_end(size: tuple[int, int], tmp_path: Path) -> None:
    app = app_on(long_name(tmp_path))
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        shown = " ".join(row.strip() for row in screen_text(app).splitlines()[2:8])
        assert app.state.verdict in shown
        await pilot.resize_terminal(40, 16)
        await wait_until(pilot, lambda: "…" in app.main.banner.content_for(app.frame(), 38).plain, "a cut is marked")


def test_a_name_is_cut_in_its_midst_and_a_path_among_its_folders() -> None:
    assert middle("/a/b/dump.txt", 20) == "/a/b/dump.txt"
    assert middle("/home/somebody/files/dump.txt", 20) == "/home/some…/dump.txt"
    assert middle("/home/somebody/files/a-rather-long-name-dump.txt", 20) == "a-rather-l…-dump.txt"
    assert middle("board-七七七七七七七七七七-dump.txt", 20) in ("board-七…-dump.txt", "board-七七…-dump.txt")
    for width in range(12):
        assert len(middle("a-rather-long-name-dump.txt", width)) <= width


def test_the_zones_of_a_file_have_a_row_each_beside_the_list_of_files() -> None:
    rows = [row.plain for row in summary_lines(file_summary(SAMPLE), 49)]
    zones = [row for row in rows if row.startswith("zone")]
    assert len(zones) >= 5
    assert all("B at 0x" in row for row in zones)


async def test_a_file_of_a_kernel_that_was_reset_says_that_no_pass_was_measured(tmp_path: Path) -> None:
    text = "Context:\n  model=stories15M.bin\n  dim=64 seq=512\n  kv_pos=0\nBudgets:\n"
    text += "  prefill_max=0 decode_max=0 overruns(p=0 d=0)\n\n"
    app = app_on(long_name(tmp_path, text))
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        assert "no pass measured" in screen_text(app)
        assert "not measured yet" not in screen_text(app)
