"""A short form of the fuzzing of every surface, and the proof that it would say something (long form: fuzz.py)."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest
from made_models import ROOT, Script

INPUTS = {"command": 8000, "wire": 30_000, "config": 8000, "model": 60_000, "tokenizer": 15_000, "gguf": 60_000}

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


#: A check that is taken out, and what must say so: a sanitiser, or the fuzzer itself.
PLANTED = {
    "the length of a tokenizer's entry is believed": (
        "tokenizer",
        "tokenizer.c",
        "if (file_bytes - at < length + HEAD_BYTES * (uint64_t)later)",
        "AddressSanitizer",
    ),
    "a GGUF file is not expected to change while it is read": (
        "gguf",
        "tokenizer_gguf.c",
        "if (kept > gguf->token_bytes - filled || kept > gguf->longest_token)",
        "AddressSanitizer",
    ),
    "the layer in a GGUF tensor's name is believed": (
        "gguf",
        "gguf_tensors.c",
        "if (layer >= layers)",
        "runtime error: index",
    ),
    "a GGUF tensor's place is believed": (
        "gguf",
        "gguf_tensors.c",
        "if (tensor->offset > room || tensor->bytes > room - tensor->offset)",
        "",
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found(fuzzer: Path, tmp_path: Path, volume: Path, fault: str) -> None:
    surface, file, check, said = PLANTED[fault]
    kernel = tmp_path / "kernel"
    shutil.copytree(ROOT / "kernel_c", kernel, ignore=shutil.ignore_patterns("models"))
    source = kernel / "core" / file
    assert check in source.read_text()
    source.write_text(source.read_text().replace(check, "if (false)"))
    program = FUZZ.build_fuzzer(tmp_path, kernel, fuzzer.parent)
    done = FUZZ.fuzz(program, surface, INPUTS[surface], 20261123, volume)
    assert done.returncode != 0
    assert said in done.stderr
