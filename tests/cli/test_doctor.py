"""What `llmbm-console doctor` finds."""

from __future__ import annotations

import os
import re
import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from console_program import ROOT, run

from llmbm_console.core.session.targets import default_kind
from llmbm_console.faces import doctor


def test_doctor_names_what_is_there() -> None:
    done = run("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("Python", "QEMU", "UEFI firmware", "simulator", "terminal"):
        assert word in done.stdout


@pytest.mark.parametrize(("locale", "told"), [("C", "LC_ALL=C does not say so"), ("C.UTF-8", "")])
def test_a_locale_that_says_nothing_of_utf_8_is_a_note(monkeypatch: pytest.MonkeyPatch, locale: str, told: str) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    monkeypatch.delenv("PYTHONIOENCODING", raising=False)
    monkeypatch.setattr(doctor, "lacking", str)
    (found,) = (one for one in doctor.terminal() if one.what == "encoding")
    assert (found.verdict == "note") == bool(told)
    assert told in found.found


@pytest.mark.parametrize("with_qemu", [True, False])
def test_the_last_line_of_doctor_is_what_a_start_without_words_does(with_qemu: bool, tmp_path: Path) -> None:
    if with_qemu and default_kind() != "qemu":
        pytest.skip("QEMU or its firmware is not installed")
    path = os.environ["PATH"] if with_qemu else str(tmp_path)
    done = run("doctor", env=os.environ | {"PATH": path})
    assert done.returncode == 0, done.stderr
    line = done.stdout.splitlines()[-1]
    if with_qemu:
        assert re.fullmatch(r"ready: \S+ boots the kernel in QEMU; \S+ --sim runs it as a process, at once", line)
    else:
        assert re.fullmatch(r"ready: \S+ runs the kernel as a process \(--sim\), because QEMU or its .* missing", line)
        assert "MISSING  QEMU" in done.stdout


def test_what_is_optional_is_told_and_how_to_get_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "textual-image":
            raise PackageNotFoundError(name)
        return "1.2.3"

    monkeypatch.setattr(doctor, "version", version)
    found = {finding.what: finding for finding in doctor.extras()}
    assert set(found) == {"textual-serve", "textual-image", "llama-cpp-python"}
    assert found["textual-serve"].found == "1.2.3: the console in a browser"
    assert found["textual-image"].verdict == "note"
    assert "not installed" in found["textual-image"].found
    assert found["textual-image"].remedy.startswith("optional: ")
    assert found["textual-image"].remedy.endswith("[images]'")


def test_doctor_knows_every_extra_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    optional = set(project["optional-dependencies"]) - {"kernel", "build", "dev"}  # ./run installs those, but for dev
    assert set(doctor.EXTRAS) == optional
    for extra, (package, _use) in doctor.EXTRAS.items():
        assert project["optional-dependencies"][extra][0].startswith(f"{package}==")
