"""For all tests: neither the time of a busy computer nor luck is a finding, programs are started as from a terminal,
and the settings and saved files of the person who runs them are neither read nor added to."""

from __future__ import annotations

import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from llmbm_console.core.kept_files import made_spare_folder

# The same examples on each run: a red suite says that something changed. `--hypothesis-profile explore` draws new ones.
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", settings.get_profile("explore"), derandomize=True, database=None)
settings.load_profile("same")

# A background job of a shell ignores Ctrl-C, and so would every program that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_folder = tempfile.TemporaryDirectory(prefix="llmbm-tests-")  # goes with the process
for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
    os.environ[name] = _folder.name


@pytest.fixture(autouse=True)
def _what_a_test_kept_in_the_spare_folder_goes_with_it() -> Iterator[None]:
    """That folder is listed beside the saved files, and one process has one: other tests would find the file there."""
    yield
    if made_spare_folder.cache_info().currsize:
        shutil.rmtree(made_spare_folder(), ignore_errors=True)
        made_spare_folder.cache_clear()


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Builds a target of the kernel ("efi", "sim", "asan"), once in a whole run; the compiler's words become the
    failure."""
    script, folder = Path(__file__).parents[1] / "kernel_c" / "build.py", tmp_path_factory.mktemp("product")

    @functools.cache
    def built(target: str) -> Path:
        command = [sys.executable, script, target, "--out", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return Path(done.stdout.strip().splitlines()[-1])

    return built
