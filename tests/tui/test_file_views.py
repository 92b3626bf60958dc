"""Files in the window: what a log of a serial line shows, and what is said while one is opened."""

from __future__ import annotations

from pathlib import Path

from driving import make_app, screen_text, settled

from llmbm_console.core.events import LinkPhase
from llmbm_console.core.post_mortem import open_dump
from llmbm_console.core.state import LinkState, State
from llmbm_console.tui.app import ConsoleApp
from llmbm_console.tui.frame import Frame
from llmbm_console.tui.widgets.strips import StatusLine
from llmbm_console.tui.widgets.transcript import guide

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
