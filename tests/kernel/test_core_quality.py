"""The core's own rules: no warning from any compiler, functions of one screen, sums that are not rearranged."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from made_models import ROOT

KERNEL = ROOT / "kernel_c"
SOURCES = sorted([*(KERNEL / "core").glob("*.c"), *(KERNEL / "port" / "posix").glob("*.c")])
COMPILERS = [name for name in ("gcc", "clang", "clang-14", "clang-19") if shutil.which(name)]
MOST_LINES = 60  # of a function
MOST_FRAME = 3072  # bytes: UEFI grows no stack


def build_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("kernel_build_rules", KERNEL / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


BUILD = build_module()


@pytest.mark.skipif(not COMPILERS, reason="neither gcc nor clang is installed")
@pytest.mark.parametrize("compiler", COMPILERS)
def test_no_compiler_has_a_word_to_say(compiler: str, tmp_path: Path) -> None:
    said = []
    for source in SOURCES:
        flags = [*BUILD.COMMON, *BUILD.WARNINGS, *BUILD.LEVEL_FLAGS.get(source.name, []), "-O1"]
        if "core" in source.parts:
            flags.append(f"-Wframe-larger-than={MOST_FRAME}")
        command = [compiler, *flags, "-c", str(source), "-o", str(tmp_path / "out.o")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or done.stderr:
            said.append(done.stderr)
    assert not said, "\n".join(said)


def functions(path: Path) -> list[tuple[str, int]]:
    """Names and lengths of the functions of a file: what stands between a brace in the first column and the next."""
    found, name, start = [], "", 0
    for number, text in enumerate(path.read_text().splitlines(), 1):
        if re.match(r"[a-z].*\(", text) and not text.rstrip().endswith(";"):
            name = text
        if text == "{":
            start = number
        if text == "}" and start:
            found.append((name, number - start - 1))
            start = 0
    return found


def test_every_function_fits_on_a_screen() -> None:
    sources = sorted(KERNEL.rglob("*.c"))
    measured = [(path.name, *one) for path in sources for one in functions(path)]
    assert len(measured) > 300
    assert [one for one in measured if one[2] > MOST_LINES] == []


def test_every_module_is_short_enough_to_be_read_at_once() -> None:
    lengths = {path.name: path.read_text().count("\n") for path in KERNEL.rglob("*.[ch]") if "gen" not in path.parts}
    assert {name: lines for name, lines in lengths.items() if lines > 450} == {}


def all_flags() -> list[tuple[str, list[str]]]:
    """Every source with its flags, in every target."""
    return [
        (source.name, BUILD.compile_flags(target, source))
        for target in BUILD.targets().values()
        for source in BUILD.sources(target.port)
    ]


def test_no_sum_may_be_rearranged() -> None:
    for name, flags in all_flags():
        assert [flag for flag in flags if flag.startswith("-ffp-contract")] == ["-ffp-contract=off"], name
        loose = ("fast", "unsafe-math", "associative-math", "reciprocal-math", "finite-math")
        assert not [flag for flag in flags if any(word in flag for word in loose)], name
    pattern = r"#pragma.*(?:fast|FP_CONTRACT|optimize|float_control)|__attribute__.*optimize"
    assert [path.name for path in KERNEL.rglob("*.[ch]") if re.search(pattern, path.read_text())] == []


def test_only_the_files_of_the_levels_have_vector_flags() -> None:
    vectors = {
        name for name, flags in all_flags() if any(flag.startswith(("-mavx", "-mfma", "-march")) for flag in flags)
    }
    assert vectors == {"kernel_avx2.c", "kernel_avx512.c", "kernel_avx512_vnni.c"}
    targeted = {path.name for path in KERNEL.rglob("*.[ch]") if re.search(r"\btarget\(", path.read_text())}
    assert targeted == {"stream_read.c"}  # function by function


@pytest.mark.skipif(shutil.which("objdump") is None, reason="needs objdump")
@pytest.mark.parametrize("target", ["efi", "sim"])
def test_what_runs_on_every_processor_has_no_vector_instruction(target: str, product: Callable[[str], Path]) -> None:
    found: dict[str, set[str]] = {}
    for path in (product(target).parent / "objects" / target).glob("*.o"):
        command = ["objdump", "-d", "--no-show-raw-insn", str(path)]
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        names = set(re.findall(r"^ +[0-9a-f]+:\t(?:\{\w+\} )?([a-z]\w*)", listing, re.MULTILINE))
        found[path.stem] = {name for name in names if name.startswith("v") and name not in ("verr", "verw")}
    assert len(found) > 50
    with_vectors = {"core_kernel_avx2", "core_kernel_avx512", "core_kernel_avx512_vnni"}
    assert {name for name, vectors in found.items() if vectors} == {*with_vectors, "core_stream_read"}
    for name in with_vectors:
        assert {"vmulps", "vaddps", "vzeroupper"} <= found[name]
    assert not [one for vectors in found.values() for one in vectors if one.startswith(("vfm", "vfnm"))]  # fused
