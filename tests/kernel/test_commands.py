"""Commands: whole words, strict numbers, values shown as they are, and errors that name what is accepted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from made_models import Script, put_model
from typed_kernel import PATIENCE, Kernel, Start


@pytest.fixture
def plain(start: Start, tmp_path: Path) -> Kernel:
    """The default model as it comes up."""
    put_model(tmp_path)
    return start(tmp_path)


def test_what_the_readme_sets_to_try_a_stop_is_set_back_by_what_it_says_for_afterwards(plain: Kernel) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    row = next(row for row in readme.splitlines() if row.startswith("| stop it |"))
    tried, _, afterwards = row.partition("goes on for seconds")
    before = plain.ask("/sampling")
    plain.tell(*re.findall(r"`(/[^`]+)`", tried))
    assert plain.ask("/sampling") != before
    plain.tell(*re.findall(r"`(/[^`]+)`", afterwards.partition(")")[0]))
    assert plain.ask("/sampling") == before


@pytest.mark.parametrize(
    ("command", "initial", "accepted"),
    [
        ("/temp", "0.85 (0 to 2)", ["0", "2", "0.05", "1.999999", ".5"]),
        ("/min_p", "0.05 (0 (off) to 1)", ["0", "1", "0.05"]),
        ("/top_p", "0.95 (0 to 1 (off))", ["0", "1", "0.123456"]),
        ("/top_k", "80 (0 (off) to 262144)", ["0", "1", "262144"]),
        ("/norepeat", "4 (0 (off) to 16)", ["0", "16"]),
        ("/repeat", "1.15 (1 (off) to 2)", ["1", "2", "1.1"]),
        ("/max_tokens", "160 (1 to 512)", ["1", "512"]),
        ("/seed", "42 (0 to 18446744073709551615)", ["0", "18446744073709551615"]),
        ("/stats", "1 (0 or 1)", ["0", "1"]),
        ("/stop_you", "0 (0 or 1)", ["1", "0"]),
        ("/stop_nl", "0 (0 or 1)", ["1", "0"]),
        ("/strict_budget", "0 (0 or 1)", ["1", "0"]),
        ("/overflow", "slide (slide, clear or stop)", ["clear", "stop", "slide"]),
        ("/attn", "auto (auto, sse2, avx2, avx512, avx512_vnni or reference)", ["sse2", "reference", "auto"]),
    ],
)
def test_a_value_command_shows_value_and_range_and_takes_what_is_in_it(
    plain: Kernel, command: str, initial: str, accepted: list[str]
) -> None:
    name = command[1:]
    assert plain.ask(command).startswith(f"{name} = {initial}: ")
    for value in accepted:
        shown = value if not value.startswith(".") else "0" + value
        assert plain.ask(f"{command} {value}") == f"{name} = {shown}"
        assert plain.ask(command).startswith(f"{name} = {shown} (")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("/temp abc", 'temp cannot be "abc": expected 0 to 2'),
        ("/temp 2.000001", 'temp cannot be "2.000001": expected 0 to 2'),
        ("/temp -1", 'temp cannot be "-1": expected 0 to 2'),
        ("/temp 0.5x", 'temp cannot be "0.5x": expected 0 to 2'),
        ("/temp 1e-3", 'temp cannot be "1e-3": expected 0 to 2'),
        ("/temp 0.1234567", 'temp cannot be "0.1234567": expected 0 to 2'),
        ("/top_k 1.5", 'top_k cannot be "1.5": expected 0 (off) to 262144'),
        ("/top_k 99999999999999999999", "top_k cannot be"),
        ("/norepeat 17", 'norepeat cannot be "17": expected 0 (off) to 16'),
        ("/repeat 0.9", 'repeat cannot be "0.9": expected 1 (off) to 2'),
        ("/max_tokens 0", 'max_tokens cannot be "0": expected 1 to 512'),
        ("/max_tokens 513", "max_tokens cannot be"),
        ("/seed 18446744073709551616", "seed cannot be"),
        ("/seed -1", "seed cannot be"),
        ("/stats on", 'stats cannot be "on": expected 0 or 1'),
        ("/overflow wrap", 'overflow cannot be "wrap": expected slide, clear or stop'),
        ("/attn avx1", 'attn cannot be "avx1": expected auto, sse2, avx2, avx512, avx512_vnni or reference'),
        ("/cpu avx1", 'attn cannot be "avx1": expected auto, sse2, avx2, avx512, avx512_vnni or reference'),
        ("/cpu sse2 now", 'attn cannot be "sse2 now": expected auto'),
        ("/attn AVX2", "attn cannot be"),
        ("/temp 0.5 0.6", '/temp takes at most 1 argument; "0.6" is too much'),
        ("/ctx now", '/ctx takes no arguments; "now" is too much'),
        ("/clear all", "is too much"),
        ("/log 0", 'the number of events cannot be "0": expected 1 to 128'),
        ("/log 129", "the number of events cannot be"),
        ("/log x", "the number of events cannot be"),
        ("/budget 0", "a budget cannot be 0 cycles; /budget auto learns it"),
        ("/budget 1000 x", "budget_decode cannot be"),
        ("/budget 1 2 3", '"3" is too much'),
        ("/budget decode", "the cycles are missing: /budget decode n, or auto to learn them"),
        ("/budget prefill x", 'budget_prefill cannot be "x"'),
        ("/budget decode 0", "a budget cannot be 0 cycles; /budget auto learns it"),
        ("/budget decode 1 2", '"2" is too much'),
        ("/budget 1 decode", "budget_decode cannot be"),
        ("/budget both 1", '"both" is no number of cycles; /budget p d, /budget prefill n, /budget decode n or'),
        ("/test_failsafe soon", '"soon" is no fault (alloc, oob, ro_write, guard), no phase'),
        ("/test_failsafe both 0", "the test budget cannot be"),
        ("/bench 0", 'the time of a bench cannot be "0": expected 1 to 20'),
        ("/bench 21", "the time of a bench cannot be"),
        ("/bench soon", "the time of a bench cannot be"),
        ("/bench 1 2", '"2" is too much'),
        ("/load", "/load needs a file name"),
        ("/tmep 1", 'unknown command "/tmep"; did you mean /temp?'),
        ("/budgets", 'unknown command "/budgets"; did you mean /budget?'),
        ("/Temp 1", 'unknown command "/Temp"; did you mean /temp?'),
        ("/temperature 1", 'unknown command "/temperature"'),
        ("/model_extra", "unknown command"),
        ("/", "unknown command"),
        ("/xyzzy", 'unknown command "/xyzzy"; /help lists all'),
        ("/help nothing", 'there is no command "nothing"'),
    ],
)
def test_what_is_not_accepted_is_an_error_that_says_why_and_changes_nothing(
    plain: Kernel, line: str, reason: str
) -> None:
    before = plain.ask("/ctx"), plain.ask("/sampling")
    reply = plain.ask(line)
    assert reason in reply
    assert reply.count("\n") == 0
    assert (plain.ask("/ctx"), plain.ask("/sampling")) == before  # no row either: the line did not reach the model


def test_one_bad_budget_changes_neither(plain: Kernel) -> None:
    plain.ask("/budget 1000 x")
    assert "pinned" not in plain.ask("/budget")


def test_help_lists_every_command_and_explains_one(plain: Kernel) -> None:
    text = plain.ask("/help")
    commands = (
        "temp min_p top_p top_k norepeat repeat max_tokens seed stats stop_you stop_nl overflow attn strict_budget"
    )
    commands += " sampling preset model cpu zones ctx log save_log save_dump version help budget test_failsafe clear"
    commands += " reset models load reboot poweroff bench"
    for name in commands.split():
        assert re.search(rf"^  /{name} ", text, re.MULTILINE), name
    assert re.search(r"^  quit ", text, re.MULTILINE)
    assert "values: 0 to 2; now 0.85" in plain.ask("/help /temp")
    assert plain.ask("/help quit").startswith("  quit ")


def test_every_word_in_the_help_of_test_failsafe_does_what_it_says(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    kernel = start(tmp_path)
    usage = kernel.ask("/help /test_failsafe")
    found = re.match(r"^  /test_failsafe \[([a-z|]+)\] \[cycles\] \| ([a-z_|]+) trips the sentinel", usage)
    assert found is not None, usage
    for phase in found[1].split("|"):
        held = {"both": "prefill or decode"}.get(phase, phase)
        assert f"The next {held} pass is held to 1 cycles" in kernel.ask(f"/test_failsafe {phase} 1")
        assert "[sentinel tripped: " in kernel.ask("Once upon a time")
        kernel.tell("/reset")
    for fault in found[2].split("|"):
        kernel.ask(f"/test_failsafe {fault}")
        assert "state=tripped" in kernel.ask("/zones"), fault
        kernel.tell("/reset")


def test_models_accounts_for_every_file_that_could_be_one(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    (tmp_path / "models").mkdir()
    for name in ("é.bin", "a\x1b[31m.gguf", "x" * 60 + ".bin", "y" * 100 + ".bin", "models/" + "z" * 53 + ".bin"):
        (tmp_path / name).write_bytes(b"")
    for number in range(34):
        (tmp_path / "models" / f"{number:02}.bin").write_bytes(b"")
    lines = start(tmp_path).ask("/models").splitlines()
    assert [line[:24] for line in lines[:3]] == [
        "  not a model: ?.bin can",
        "  not a model: a?[31m.gg",
        "* stories700K.bin: 70780",
    ]
    assert lines[3] == "  and 2 more: at most 32 of a folder are shown, with names of at most 63 characters"
    assert sum(line.startswith("  not a model: models/") for line in lines) == 32
    assert lines[-1] == "  and 3 more: at most 32 of a folder are shown, with names of at most 56 characters"


def test_sampling_shows_all_values(plain: Kernel) -> None:
    plain.tell("/temp 0.05", "/seed 18446744073709551615")
    lines = {line.split()[0]: line.split()[1] for line in plain.ask("/sampling").splitlines()}
    assert lines == {
        "temp": "0.05", "min_p": "0.05", "top_p": "0.95", "top_k": "80", "norepeat": "4", "repeat": "1.15",
        "max_tokens": "160", "seed": "18446744073709551615",
    }  # fmt: skip


def test_a_preset_sets_its_values_together(plain: Kernel) -> None:
    plain.tell("/preset greedy")
    words = plain.words("/ctx")
    assert [words[key] for key in ("temp", "min_p", "top_p", "top_k", "norepeat", "repeat")] == [
        "0",
        "0",
        "1",
        "0",
        "0",
        "1",
    ]
    assert "expected greedy, default, calm, wild" in plain.ask("/preset loud")


def test_ctx_shows_the_model_that_is_loaded_and_values_as_they_are(plain: Kernel) -> None:
    words = plain.words("/ctx")
    assert words["model"] == "stories700K.bin"
    assert [words[key] for key in ("dim", "hidden", "layers", "heads", "kv", "vocab", "seq")] == [
        "96",
        "256",
        "6",
        "6",
        "3",
        "1024",
        "512",
    ]
    assert words["parameters"] == "707808"
    sections = [line for line in plain.ask("/ctx").splitlines() if not line.startswith(" ")]
    assert sections == ["Context:", "Sampling:", "Budgets:"]


def test_seed_repeats_a_drawn_answer(plain: Kernel) -> None:
    plain.tell("/temp 1", "/stats 0", "/budget 500000000000 500000000000")
    answers = []
    for seed in (7, 7, 8):
        plain.tell("/clear", f"/seed {seed}")
        answers.append(plain.ask("Once upon a time"))
    assert answers[0] == answers[1] != answers[2]


def test_zones_show_exact_bytes_inside_the_sizes(plain: Kernel) -> None:
    text = plain.ask("/zones")
    arenas = re.findall(
        r"\[(\w+)\] base=0x([0-9a-f]+) size=(\d+) \([\d.]+ MiB\) used=(\d+) .*? peak=(\d+) .*?guard=(\w+)", text
    )
    assert [arena[0] for arena in arenas] == ["WEIGHTS", "KV", "SCRATCH", "ACTS", "ZONEC", "KEEP"]
    ends = 0
    for _, base, size, used, peak, guard in arenas:
        assert int(base, 16) % 64 == 0
        assert int(base, 16) >= ends + (64 if ends else 0)
        assert int(used) <= int(peak) <= int(size)
        assert guard == "ok"
        ends = int(base, 16) + int(size)
    assert "WEIGHTS" in text
    assert re.search(r"\[WEIGHTS\].*flags=0x1 ", text)


def test_version_cpu_and_log_speak(plain: Kernel) -> None:
    assert re.search(
        r"^llmk-[\d.]+\n  port=posix machine=\w+.*\n  boot=[0-9a-f]{8} protocol=1\.\d schema=[0-9a-f]{8}$",
        plain.ask("/version"),
    )
    assert "clock_hz=" in plain.ask("/cpu")
    log = plain.ask("/log 1")
    assert log.startswith("[llmk][log] last 1 events (ring cap=128)")
    assert len(log.splitlines()) == 2


def test_the_log_lists_the_newest_first_and_keeps_128(start: Start, tmp_path: Path) -> None:
    Script([b"a"]).write(tmp_path)
    kernel = start(tmp_path)
    for number in range(70):
        kernel.tell(f"/stats {number % 2}", f"/stop_nl {number % 2}")
    lines = kernel.ask("/log 128").splitlines()
    assert lines[0] == "[llmk][log] last 128 events (ring cap=128)"
    numbers = [int(match) for line in lines[1:] if (match := re.match(r"  #(\d+) ", line)[1])]  # type: ignore[index]
    assert len(numbers) == 128
    assert numbers == sorted(numbers, reverse=True)
    assert "msg=stop_nl=1" in lines[1]
    assert len(kernel.ask("/log").splitlines()) == 17


def test_quit_and_exit_leave_and_are_whole_words(start: Start, tmp_path: Path) -> None:
    Script([b"ok"]).write(tmp_path)
    kernel = start(tmp_path)
    assert kernel.ask("quite").startswith("ok")
    kernel.send(b"exit\r")
    assert kernel.process.wait(PATIENCE) == 0


def test_poweroff_ends_the_machine(start: Start, tmp_path: Path) -> None:
    kernel = start(tmp_path)
    kernel.send(b"/poweroff\r")
    assert kernel.process.wait(PATIENCE) == 0


def test_reboot_comes_back_with_another_boot_number(start: Start, tmp_path: Path) -> None:
    kernel = start(tmp_path)
    first = re.search(r"boot ([0-9a-f]{8})", kernel.boot)
    second = re.search(r"boot ([0-9a-f]{8})", kernel.ask("/reboot"))
    assert first is not None
    assert second is not None
    assert first[1] != second[1]
