"""The kernel's wire code as ordinary programs, compiled with the kernel's own warnings by zig and by gcc with
sanitisers."""

from __future__ import annotations

import shutil

import pytest
from wire_native import COMPILERS, Native


@pytest.fixture(scope="session", params=list(COMPILERS))
def native(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Native:
    """Each compiler in turn."""
    if request.param == "gcc-asan" and not shutil.which("gcc"):
        pytest.skip("gcc is not installed")
    return Native(request.param, tmp_path_factory.mktemp(f"native-{request.param}"))
