"""Which known words a mistyped one probably meant."""

from __future__ import annotations

import pytest

from llmbm_console.core.nearest import nearest

OPTIONS = ("--log", "--json", "--plain", "--model", "--memory", "--serial", "--theme")
ACTIONS = ("machine.pause", "machine.reset", "machine.screen", "kernel.zones", "sampling.use_preset")


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("--jsn", OPTIONS, ["--json"]),
        ("--plian", OPTIONS, ["--plain"]),
        ("--JSON", OPTIONS, ["--json"]),
        ("--bogus", OPTIONS, []),
        ("--x", OPTIONS, []),
        ("--", OPTIONS, []),
        ("machine.puase", ACTIONS, ["machine.pause"]),
        ("machin.pause", ACTIONS, ["machine.pause"]),
        ("puase", ACTIONS, ["machine.pause"]),
        ("zones", ACTIONS, ["kernel.zones"]),
        ("machine.fly", ACTIONS, []),
        ("", ACTIONS, []),
    ],
)
def test_only_what_is_near_is_suggested(word: str, known: tuple[str, ...], meant: list[str]) -> None:
    assert nearest(word, known) == meant
