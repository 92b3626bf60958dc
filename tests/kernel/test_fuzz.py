"""A short form of the fuzzing of every surface, and the proof that it would say something (long form: fuzz.py)."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest
from made_models import ROOT, Script

INPUTS = {"command": 8000, "wire": 30_000, "config": 8000, "model": 60_000, "tokenizer": 15_000}

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="the sanitisers come with gcc")


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"kernel_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


FUZZ = load(ROOT / "kernel_c" / "fuzz" / "fuzz.py")


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("volume")
    Script([b"a", b"b"], loop=True).write(folder)
    return folder


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built: Path = FUZZ.build_fuzzer(tmp_path_factory.mktemp("fuzz"))
    return built


@pytest.mark.parametrize("surface", INPUTS)
def test_no_input_breaks_the_core(fuzzer: Path, volume: Path, surface: str) -> None:
    done = FUZZ.fuzz(fuzzer, surface, INPUTS[surface], 20261123, volume)
    assert done.returncode == 0, done.stderr[-4000:]
    words = done.stdout.splitlines()[-1].split()
    assert words[:3] == [f"{surface}:", str(INPUTS[surface]), "inputs,"]
    assert int(words[3]) > INPUTS[surface] // 100, "too few inputs came behind the first check"


def test_a_planted_fault_is_found(tmp_path: Path, volume: Path) -> None:
    """With the length of a tokenizer's entry believed, what it says is read beyond the file."""
    check = "if (file_bytes - at < length + HEAD_BYTES * (uint64_t)later)"
    kernel = tmp_path / "kernel"
    shutil.copytree(ROOT / "kernel_c", kernel, ignore=shutil.ignore_patterns("models"))
    source = kernel / "core" / "tokenizer.c"
    assert check in source.read_text()
    source.write_text(source.read_text().replace(check, "if (false)"))
    program = FUZZ.build_fuzzer(tmp_path, kernel)
    done = FUZZ.fuzz(program, "tokenizer", INPUTS["tokenizer"], 20261123, volume)
    assert done.returncode != 0
    assert "AddressSanitizer" in done.stderr
