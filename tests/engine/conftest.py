"""Fixtures: the compiled engine, and the models that may be there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_harness import MODELS, ROOT, Harness, compile_harness

PUBLISHED = ROOT.parent / "shared" / "models"


@pytest.fixture(scope="session")
def harness_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_harness(tmp_path_factory.mktemp("engine"), "sim")


@pytest.fixture(scope="session")
def sanitised_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc for its sanitisers")
    return compile_harness(tmp_path_factory.mktemp("sanitised"), "asan")


@pytest.fixture(scope="module")
def harness(harness_program: Path) -> Iterator[Harness]:
    engine = Harness(harness_program)
    yield engine
    assert engine.close() == 0


@pytest.fixture(scope="module")
def sanitised(sanitised_program: Path) -> Iterator[Harness]:
    engine = Harness(sanitised_program)
    yield engine
    assert engine.close() == 0


@pytest.fixture(scope="session")
def own_model() -> Path:
    return MODELS / "stories700K.bin"


@pytest.fixture(scope="session")
def published_model() -> Path:
    path = PUBLISHED / "stories260K.bin"
    if not path.exists():
        pytest.skip("the published model is not beside this checkout")
    return path


@pytest.fixture(scope="session")
def published_tokenizer() -> Path:
    path = PUBLISHED / "tokenizer.bin"
    if not path.exists():
        pytest.skip("the published tokenizer is not beside this checkout")
    return path
