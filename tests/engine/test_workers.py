"""Products shared among threads: the same text for any count, and a processor that never answers."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from engine_harness import MODELS, ROOT, product_build
from llama2_files import Shape, random_model

sys.path.append(str(ROOT / "tests" / "kernel"))

from typed_kernel import Kernel

NATIVE = Path(__file__).with_name("native_workers")
#: Large enough that its products are shared; the vocabulary is the included tokenizer's.
SHAPES = {
    "float32": Shape(dim=288, hidden=480, layers=2, heads=6, kv_heads=6, vocab=1024, seq=64),
    "int8": Shape(dim=288, hidden=480, layers=2, heads=6, kv_heads=3, vocab=1024, seq=64, version=2, group=32),
}


@pytest.fixture(scope="module", params=["sim", "asan"])
def program(request: pytest.FixtureRequest, product: Callable[[str], Path]) -> Path:
    if request.param == "asan" and shutil.which("gcc") is None:
        pytest.skip("needs gcc for its sanitisers")
    return product(request.param)


@pytest.mark.parametrize("numbers", SHAPES)
def test_text_does_not_depend_on_the_number_of_threads(program: Path, tmp_path: Path, numbers: str) -> None:
    (tmp_path / "wide.bin").write_bytes(random_model(SHAPES[numbers]))
    shutil.copyfile(MODELS / "stories700K.tok.bin", tmp_path / "wide.tok.bin")
    kernel = Kernel(program, tmp_path)
    kernel.tell("/stats 0", "/max_tokens 40", "/temp 2", "/repeat 2")  # a draw tells more than the likeliest
    texts: dict[str, str] = {}
    for threads in ("1", "2", "3", "4", "2", "1"):
        kernel.tell(f"/threads {threads}", "/clear", "/seed 7")
        text = kernel.ask("Once upon a time").partition("\n[")[0]  # without a notice of a slow pass
        assert f"used={threads} lost=0" in kernel.ask("/cpu")
        texts.setdefault(threads, text)
        assert text == texts["1"], threads
    assert len(texts["1"]) > 40
    assert kernel.close() == 0


def test_small_model_is_shared_only_when_a_person_says_so(program: Path, tmp_path: Path) -> None:
    for name in ("stories700K.bin", "stories700K.tok.bin"):
        shutil.copyfile(MODELS / name, tmp_path / name)
    kernel = Kernel(program, tmp_path)
    kernel.tell("/max_tokens 8", "/temp 0", "/stats 0")
    texts = []
    for threads, used in (("auto", 1), ("2", 2), ("auto", 1)):
        kernel.tell(f"/threads {threads}", "/clear")
        texts.append(kernel.ask("Once upon a time").partition("\n[")[0])
        assert f"used={used} lost=0" in kernel.ask("/cpu")
    assert texts[0] == texts[1] == texts[2]
    assert kernel.close() == 0


@pytest.fixture(scope="module")
def losing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program whose third processor falls silent in the third of five phases."""
    build = product_build()
    program, target = tmp_path_factory.mktemp("lost") / "lost", build.targets()["sim"]
    sources = [ROOT / "kernel_c" / "core" / "workers.c", NATIVE / "lost.c"]
    flags = [*build.COMMON, *build.WARNINGS, *target.compile, *target.link]
    subprocess.run([*target.compiler, *flags, *map(str, sources), "-o", program], check=True)
    return program


def outcome(program: Path, *words: str) -> str:
    return subprocess.run([program, *words], capture_output=True, text=True, check=True, timeout=200).stdout


def test_a_lost_processor_is_named_and_its_share_done(losing: Path) -> None:
    assert outcome(losing) == "finished=1 lost=2 present=1 items=185\n"


def test_a_pass_that_is_stopped_does_not_wait_for_a_lost_processor(losing: Path) -> None:
    assert outcome(losing, "stop").startswith("finished=0 lost=2 present=1 items=")
