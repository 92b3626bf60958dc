"""The same time zone, and colours, for every test."""

from __future__ import annotations

import os
import time

import pytest

os.environ.pop("NO_COLOR", None)


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    if hasattr(time, "tzset"):
        time.tzset()
