"""The same time zone, and colours, for every test."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator

import pytest
from quiet import quiet

from llmbm_console.tui.terminal import garbage

os.environ.pop("NO_COLOR", None)
os.environ["LLMBM_TOUR"] = "off"  # a program that is started shows no tour; the tests of it switch it on
for name in ("DISPLAY", "WAYLAND_DISPLAY", "TMUX"):
    os.environ.pop(name, None)  # what is copied in a test is not put on the clipboard of the person who runs it


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    if hasattr(time, "tzset"):
        time.tzset()


@pytest.fixture(autouse=True)
def _no_guessing_when_it_is_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("textual.app", "textual.pilot"):
        monkeypatch.setattr(f"{module}.wait_for_idle", quiet)


@pytest.fixture(autouse=True)
def _what_an_app_kept_from_the_collector_is_given_back() -> Iterator[None]:
    """Otherwise every app of a whole run stays in memory, and the test that looks for one of them goes through all."""
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    garbage.forget()
