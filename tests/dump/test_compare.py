"""Two post-mortem files beside each other: real ones of the simulator, cut ones, and the earlier kernel's."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from llmbm_console import cli
from llmbm_console.core.paths import default_model, find_tokenizer, simulator_binary
from llmbm_console.core.postmortem.compare import NOT_HERE, compare
from llmbm_console.core.postmortem.dump import parse_post_mortem, read_post_mortem
from llmbm_console.core.postmortem.findings import PostMortem
from llmbm_console.core.postmortem.summary import summary
from llmbm_console.core.postmortem.verdict import last_of
from llmbm_console.core.sanitise import is_clean
from llmbm_console.tui.pages.compare import comparison_lines
from llmbm_protocol.schema import Sentinel


def dumped(folder: Path, lines: str) -> Path:
    """The dump that a kernel writes after some lines typed at it."""
    folder.mkdir()
    for source in (default_model(), find_tokenizer(default_model())):
        shutil.copy(source, folder)
    words = [str(simulator_binary()), "--files", str(folder), "--serial", "stdio"]
    typed = (lines + "/save_dump\nquit\n").encode()
    subprocess.run(words, input=typed, stdout=subprocess.DEVNULL, check=True, timeout=200)
    return folder / "llmk-dump.txt"


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dumped(tmp_path_factory.mktemp("calm") / "v", "Once upon a time\n")


@pytest.fixture(scope="module")
def tripped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lines = "/temp 0.25\nOnce upon a time\n/test_failsafe\nThe cat\n"
    return dumped(tmp_path_factory.mktemp("tripped") / "v", lines)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dumped(tmp_path_factory.mktemp("fresh") / "v", "Once upon a time\n/reset\n")


def test_a_budget_that_was_not_learnt_yet_is_told_so_and_not_as_zero(calm: Path, fresh: Path) -> None:
    file = read_post_mortem(fresh)
    sentinel = last_of(file.records, Sentinel)
    assert sentinel is not None
    assert (sentinel.decode_budget, sentinel.percentiles) == (0, ())
    assert "budgets: prefill and decode not learnt yet;" in "\n".join(summary(file))
    sections = compare(file, read_post_mortem(calm)).sections
    changes = {change.name: change for section in sections for change in section.changes}
    assert changes["decode_budget"].old == "not learnt yet"
    assert (changes["percentiles"].old, changes["decode_budget"].by) == ("", "")


def test_a_file_and_itself_say_the_same(calm: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = compare(read_post_mortem(calm), read_post_mortem(calm))
    assert found.equal
    assert not any(section.changes for section in found.sections)
    assert cli.main(["dump", str(calm), str(calm)]) == 0
    assert capsys.readouterr().out.startswith("The two files say the same.")


def test_what_differs_is_named_with_both_values_and_the_difference(calm: Path, tripped: Path) -> None:
    found = compare(read_post_mortem(calm), read_post_mortem(tripped))
    assert not found.equal
    sections = {section.name: {change.name: change for change in section.changes} for section in found.sections}
    assert sections["model"] == {}
    assert (sections["sampling"]["temperature"].old, sections["sampling"]["temperature"].new) == ("0.85", "0.25")
    assert sections["sampling"]["temperature"].by == "-0.6"
    assert sections["sentinel"]["state"].new == "tripped"
    assert {"decode p50", "decode p95", "decode p99"} & set(sections["sentinel"])
    assert "percentiles" not in sections["sentinel"]
    assert sections["zone SCRATCH"]["used"].new == "0"
    assert sections["zone SCRATCH"]["used"].by.startswith("-")
    assert not any("base" in changes or "boot" in changes for changes in sections.values())
    assert any(entry.record.code == "failsafe" for entry in found.only_new)
    assert "different: " in found.sentence.lower()
    assert "sentinel" in found.sentence
    back = compare(read_post_mortem(tripped), read_post_mortem(calm))
    assert [section.name for section in back.sections] == [section.name for section in found.sections]
    assert back.only_old == found.only_new


def test_text_and_json_have_the_same(calm: Path, tripped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["dump", str(calm), str(tripped)]) == 0
    said = capsys.readouterr().out
    assert "  temperature          0.85 > 0.25  (-0.6)" in said
    assert "+ error failsafe" in said
    assert cli.main(["dump", str(calm), str(tripped), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["equal"] is False
    assert any(section["name"] == "sentinel" for section in found["sections"])
    assert any(event["code"] == "failsafe" for event in found["only_new"])


def test_a_part_that_one_file_lacks_is_said_so(calm: Path, tripped: Path) -> None:
    data = calm.read_bytes()
    whole = read_post_mortem(tripped)
    for cut in range(len(data.partition(b"\n")[0]) + 1, len(data), 53):
        torn = parse_post_mortem(data[:cut], "torn.txt")
        found = compare(torn, whole)
        assert not found.equal
        lacking = {section.name for section in found.sections if section.absent == "old"}
        held = {type(record).__name__ for record in torn.records}
        assert ("sentinel" in lacking) == ("Sentinel" not in held)
        assert is_clean(found.sentence)


def test_an_earlier_kernels_file_is_compared_as_well(calm: Path) -> None:
    path = Path(__file__).parents[2].parent / "shared/fixtures/upstream/head-llmk-dump.txt"
    if not path.exists():
        pytest.skip("no sample of an earlier kernel beside this checkout")
    found = compare(read_post_mortem(path), read_post_mortem(calm))
    assert next(section for section in found.sections if section.name == "kernel").absent == "old"
    assert "kernel (only in the new file)" in found.sentence


EARLIER = """Context:
  dim=96 layers=5 heads=8 kv=4 vocab=512 seq=512 kv_pos=20
[llmk] Zone B: base=0x4BF6D000 size=768 MiB
  [WEIGHTS] base=0x4BF6D000 size=1 MiB used=0 MiB flags=0x1
  Sampling: temp=0.85 min_p=0.05 top_p=0.95 top_k=80
"""


def test_what_a_file_does_not_hold_is_no_zero(calm: Path) -> None:
    found = compare(parse_post_mortem(EARLIER.encode("utf-16"), "llmk-dump.txt"), read_post_mortem(calm))
    sections = {section.name: {change.name: change for change in section.changes} for section in found.sections}
    lacking = {("sampling", "seed"), ("model", "hidden_dim"), ("model", "parameters"), ("model", "bytes"),
               ("context", "row_bytes"), ("zone WEIGHTS", "peak"), ("zone WEIGHTS", "last_bytes")}  # fmt: skip
    for section, name in lacking:
        change = sections[section][name]
        assert (change.old, change.by) == (NOT_HERE, ""), (section, name)
        assert change.new not in ("", NOT_HERE)
    assert sections["zone WEIGHTS"]["used"].by, "what both have is compared"
    assert "dim" not in sections["model"], "and what is the same is no difference"


def test_two_files_of_one_name_are_told_apart(calm: Path, tripped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert calm.name == tripped.name
    assert cli.main(["dump", str(calm), str(tripped)]) == 0
    said = capsys.readouterr().out
    assert f"- {calm.name} (old): " in said
    assert f"+ {calm.name} (new): " in said


def test_hostile_text_stays_text(calm: Path) -> None:
    whole = read_post_mortem(calm)
    hostile: PostMortem = replace(whole, name="\x1b]0;x\x07[/b]", verdict="[bold]\x1b[2J")
    lines = comparison_lines(compare(hostile, whole), 100)
    assert any("[bold]" in line.plain for line in lines)
    assert not any("\x1b" in line.plain for line in lines)


def test_what_is_no_dump_is_refused(calm: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "no.txt").write_text("nothing of the kind")
    assert cli.main(["dump", str(calm), str(tmp_path / "no.txt")]) == 1
    assert "not a post-mortem file" in capsys.readouterr().err
    assert cli.main(["--plain", str(calm), str(tmp_path / "no.txt")]) == 2
    assert "dump" in capsys.readouterr().err, "the verb that compares is named"
