"""Every promised command by its name: known, explained, and the same in the REPL, in repl.cfg and on the wire."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_models import put_model
from typed_kernel import Kernel, Start
from wire_kernel import WireKernel

from llmbm_protocol.parameters import PARAMETERS, Parameter

#: Value commands, and the range or words that their help and their errors must name.
VALUES = {
    "temp": "0 to 2",
    "min_p": "0 (off) to 1",
    "top_p": "0 to 1",
    "top_k": "0 (off) to 262144",
    "norepeat": "0 (off) to 16",
    "repeat": "1 (off) to 2",
    "max_tokens": "1 to ",
    "seed": "0 to 18446744073709551615",
    "stats": "0 or 1",
    "stop_you": "0 or 1",
    "stop_nl": "0 or 1",
    "strict_budget": "0 or 1",
    "overflow": "slide, clear or stop",
    "attn": "auto, sse2, avx2",
    "threads": "auto",
}
#: Commands that are no values.
OTHERS = (
    *("sampling", "preset", "model", "cpu", "zones", "ctx", "log", "save_log", "save_dump", "reset", "version", "help"),
    *("bench", "budget", "test_failsafe", "save_img", "clear", "models", "load", "reboot", "poweroff"),
)
#: Long names of repl.cfg and what they set.
LONG = {
    "temperature": ("temp", "0.5"),
    "repeat_penalty": ("repeat", "1.5"),
    "no_repeat_ngram": ("norepeat", "3"),
    "strict_budget": ("strict_budget", "1"),
    "stats": ("stats", "0"),
    "stop_you": ("stop_you", "1"),
    "stop_nl": ("stop_nl", "1"),
    "attn": ("attn", "sse2"),
    "seed": ("seed", "18446744073709551615"),
    "max_tokens": ("max_tokens", "77"),
    "top_k": ("top_k", "0"),
    "top_p": ("top_p", "0.5"),
    "min_p": ("min_p", "0.25"),
    "threads": ("threads", "1"),
    "overflow": ("overflow", "stop"),
}


@pytest.fixture(scope="module")
def shared(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One kernel for all that changes nothing of importance."""
    folder = tmp_path_factory.mktemp("every")
    put_model(folder)
    kernel = Kernel(program, folder)
    yield kernel
    assert kernel.close() == 0


@pytest.mark.parametrize("name", [*VALUES, *OTHERS])
def test_help_knows_every_command(shared: Kernel, name: str) -> None:
    said = shared.ask(f"/help /{name}")
    assert f"/{name}" in said
    assert "there is no command" not in said
    if name in VALUES:
        assert VALUES[name] in said


@pytest.mark.parametrize("name", VALUES)
def test_a_value_command_shows_takes_and_refuses(shared: Kernel, name: str) -> None:
    shown = shared.ask(f"/{name}")
    before = re.search(rf"{name} = (\S+)", shown)
    assert before is not None, shown
    assert VALUES[name] in shown
    for wrong in ("abc", "-1", "99999999999999999999999", "0.5 0.6", "1e3", "٣"):
        refused = shared.ask(f"/{name} {wrong}")
        assert VALUES[name] in refused or "too much" in refused, refused
    assert shared.ask(f"/{name}") == shown
    assert f"{name} = {before[1]}" in shared.ask(f"/{name} {before[1]}")


@pytest.mark.parametrize("name", [*VALUES, *OTHERS])
def test_no_command_is_known_by_half_its_name_or_more_than_it(shared: Kernel, name: str) -> None:
    for wrong in (f"/{name[:-1]}", f"/{name}x", f"/{name.upper()}"):
        if wrong[1:] in {*VALUES, *OTHERS}:
            continue
        assert "unknown command" in shared.ask(wrong)


def test_repl_cfg_knows_the_long_names(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    (tmp_path / "repl.cfg").write_text("".join(f"{key} = {value}\n" for key, (_name, value) in LONG.items()))
    kernel = start(tmp_path)
    assert "ignored" not in kernel.boot
    for name, value in LONG.values():
        assert f"{name} = {value}" in kernel.ask(f"/{name}")


def test_repl_cfg_names_line_and_range_of_what_it_cannot_take(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    lines = [f"{name} = abc" for name in VALUES]
    (tmp_path / "repl.cfg").write_text("\n".join(lines) + "\n")
    kernel = start(tmp_path)
    for number, name in enumerate(VALUES, 1):
        complaint = next(line for line in kernel.boot.splitlines() if f"line {number} " in line)
        assert name in complaint
        assert VALUES[name] in complaint


def test_the_table_has_every_value_command() -> None:
    commands = {parameter.name for parameter in PARAMETERS if not parameter.boot_only}
    assert commands == set(VALUES)
    keys = {key for parameter in PARAMETERS for key in (parameter.name, *parameter.aliases)}
    assert {
        "temperature",
        "repeat_penalty",
        "no_repeat_ngram",
        "budget_prefill",
        "budget_decode",
        "model",
        "baud",
    } <= keys


def settable(parameter: Parameter) -> str:
    """A value that a parameter takes."""
    if parameter.kind == "micro":
        return f"{parameter.default / 1e6:g}"
    return parameter.choices[parameter.default] if parameter.kind == "choice" else str(parameter.default)


def test_the_wire_sets_and_refuses_with_the_same_words(program: Path, tmp_path: Path) -> None:
    put_model(tmp_path)
    kernel = WireKernel(program, tmp_path)
    try:
        for parameter in PARAMETERS:
            if parameter.name not in VALUES:
                continue
            taken = kernel.host.ask("set", parameter=parameter.name, value=settable(parameter))
            assert taken.ok, taken
            refused = kernel.host.ask("set", parameter=parameter.name, value="abc")
            assert not refused.ok
            assert parameter.name in refused.message
    finally:
        kernel.end()
