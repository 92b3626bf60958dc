"""The same time zone, and colours, for every test."""

from __future__ import annotations

import os
import time

import pytest

os.environ.pop("NO_COLOR", None)
os.environ["LLMBM_TOUR"] = "off"  # a program that is started shows no tour; the tests of it switch it on
for name in ("DISPLAY", "WAYLAND_DISPLAY", "TMUX"):
    os.environ.pop(name, None)  # what is copied in a test is not put on the clipboard of the person who runs it


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    if hasattr(time, "tzset"):
        time.tzset()
