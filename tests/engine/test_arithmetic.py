"""Exponentials, tables and processor detection: accuracy as stated, and the same bits at every level."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from engine_harness import AVX2, LEVELS, MOST, REFERENCE, ROOT, SSE2, Floats, Harness, product_build


def exponential(harness: Harness, level: int, values: Floats) -> Floats:
    return harness.values("exponential", level, payload=values.tobytes())


def test_exponential_is_within_one_ulp(harness: Harness) -> None:
    x = np.linspace(-86, 88, 2_000_000).astype(np.float32)
    want = np.exp(x.astype(np.longdouble))
    got = exponential(harness, REFERENCE, x)
    ulp = np.spacing(want.astype(np.float32)).astype(np.longdouble)
    assert (np.abs(got.astype(np.longdouble) - want) / ulp).max() < 1.0


def test_exponential_of_zero_is_one(harness: Harness) -> None:
    assert exponential(harness, SSE2, np.zeros(8, np.float32)).tolist() == [1.0] * 8


def test_exponential_has_the_same_bits_at_every_level(harness: Harness) -> None:
    random = np.random.default_rng(2)
    ends = [
        0.0,
        -0.0,
        np.inf,
        -np.inf,
        np.nan,
        -86.0,
        -86.00001,
        88.0,
        88.00001,
        1e-45,
        -1e-45,
        3e38,
        -3e38,
        1.0,
        -1.0,
        0.5,
    ]
    bits = random.integers(0, 2**32, 1 << 20, dtype=np.uint64).astype(np.uint32).view(np.float32)
    values = np.concatenate([np.array(ends, np.float32), bits, random.uniform(-90, 90, 1 << 20).astype(np.float32)])
    want = exponential(harness, REFERENCE, values)
    assert np.isfinite(want).all()
    assert (want > 0).all()
    for level in harness.levels():
        assert exponential(harness, level, values).tobytes() == want.tobytes()


def products(harness: Harness, level: int, matrix: Floats, x: Floats, batched: bool) -> Floats:
    """matrix [rows][columns] times x [columns] through matvec, or times each of x [count][columns] through matmul."""
    rows, columns = matrix.shape
    panels = matrix.reshape(rows // 16, 16, columns).transpose(0, 2, 1)
    payload = panels.tobytes() + x.tobytes()
    return harness.values("multiply", level, 0, columns, rows // 16, len(x) if batched else 0, payload=payload)


@pytest.mark.parametrize("panels", [1, 2, 3, 4, 5, 7, 9])
@pytest.mark.parametrize("columns", [1, 2, 64, 173])
def test_products_have_the_same_bits_at_every_level_one_by_one_or_together(
    harness: Harness, panels: int, columns: int
) -> None:
    random = np.random.default_rng(100 * panels + columns)
    matrix = random.standard_normal((16 * panels, columns)).astype(np.float32)
    x = random.standard_normal((MOST, columns)).astype(np.float32)
    want = np.zeros((MOST, 16 * panels), np.float32)
    for k in range(columns):
        want = want + x[:, k, None] * matrix[None, :, k]
    for level in harness.levels():
        for t in range(MOST):
            assert products(harness, level, matrix, x[t], False).tobytes() == want[t].tobytes()
        for count in range(1, MOST + 1):
            assert products(harness, level, matrix, x[:count], True).tobytes() == want[:count].tobytes()


@pytest.mark.parametrize("count", [1, 2, 7, 8, 15, 16, 17, 33, 100, 259])
def test_softmax_sums_in_order_and_has_the_same_bits_at_every_level(harness: Harness, count: int) -> None:
    random = np.random.default_rng(count)
    scores, divisor = (8 * random.standard_normal(count)).astype(np.float32), np.float32(2.6457512)
    scaled = scores / divisor
    powers = exponential(harness, REFERENCE, np.resize(scaled - scaled.max(), (count + 7) // 8 * 8))[:count]
    total = np.float32(0)
    for power in powers:
        total += power
    want = powers / total
    for level in harness.levels():
        assert (
            harness.values("kernel_softmax", level, payload=divisor.tobytes() + scores.tobytes()).tobytes()
            == want.tobytes()
        )


def test_softmax_of_equal_and_of_far_scores(harness: Harness) -> None:
    for level in harness.levels():
        for scores, want in (([-3e38] * 4, [0.25] * 4), ([0.0, -0.0], [0.5, 0.5]), ([-200.0, 3e38, 0.0], [0, 1, 0])):
            payload = np.array([1, *scores], np.float32).tobytes()
            assert harness.values("kernel_softmax", level, payload=payload) == pytest.approx(want, abs=1e-36)


def test_the_gate_has_the_same_bits_at_every_level(harness: Harness) -> None:
    random = np.random.default_rng(6)
    gates = np.concatenate([random.uniform(-100, 100, 4000), [0.0, -0.0, 1e-45, -1e-45, 3e38, -3e38]] * 8)
    gates, ups = gates.astype(np.float32), random.standard_normal(len(gates)).astype(np.float32)
    one = np.float32(1)
    want = gates * (one / (one + exponential(harness, REFERENCE, -gates))) * ups
    for level in harness.levels():
        got = harness.values("gate", level, payload=gates.tobytes() + ups.tobytes())
        assert got.tobytes() == want.tobytes()


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("exp", -700.0, 700.0), ("log", 1e-300, 1e300), ("log", 0.5, 2.0), ("power", -8.0, 8.0), ("sqrt", 0.0, 1e30)],
)
def test_functions_agree_with_the_hosts(harness: Harness, name: str, low: float, high: float) -> None:
    x = np.random.default_rng(1).uniform(low, high, 20_000)
    if name == "sqrt":
        x = x.astype(np.float32).astype(np.float64)
    got = np.frombuffer(harness.call(name, payload=x.tobytes()))
    hosts: dict[str, Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]] = {
        "exp": np.exp,
        "log": np.log,
        "power": lambda v: np.power(10000.0, v),
        "sqrt": lambda v: np.sqrt(v.astype(np.float32)).astype(np.float64),
    }
    want = hosts[name](x)
    assert np.allclose(got, want, rtol=0 if name == "sqrt" else 1e-13, atol=1e-16)


@pytest.mark.parametrize("scale", [0.8, 10.0, 65536.0, 1e6])
def test_sine_and_cosine_agree_with_the_hosts(harness: Harness, scale: float) -> None:
    x = np.concatenate([np.random.default_rng(3).uniform(-scale, scale, 20_000), np.arange(0, min(scale, 20_000), 1.0)])
    for name, function in (("sin", np.sin), ("cos", np.cos)):
        got = np.frombuffer(harness.call(name, payload=x.tobytes()))
        assert np.abs(got - function(x)).max() < 1e-13


#: Features in the order of their bits, by the names that Linux gives them; the last two are the system's.
FEATURES = [
    "avx",
    "avx2",
    "fma",
    "avx512f",
    "avx512dq",
    "avx512bw",
    "avx512vl",
    "avx512_vnni",
    "ymm_state",
    "zmm_state",
]


def test_the_processor_is_described_as_the_system_sees_it(harness: Harness) -> None:
    best, name, osxsave, features, xcr0, *brand = harness.call("cpu").decode().split()
    flags: set[str] = set()
    model = ""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "flags":
            flags = set(value.split())
        if key.strip() == "model name":
            model = value.strip()
    if not flags:
        pytest.skip("this system does not list the processor's flags")
    state = int(xcr0, 16) if osxsave == "1" else 0
    flags |= {name for name, bits in (("ymm_state", 0x06), ("zmm_state", 0xE6)) if state & bits == bits}
    found = {feature for bit, feature in enumerate(FEATURES) if int(features, 16) >> bit & 1}
    assert found == flags & set(FEATURES)
    avx2 = {"avx", "avx2", "fma", "ymm_state"} <= flags
    avx512 = avx2 and {"avx512f", "avx512dq", "avx512bw", "avx512vl", "zmm_state"} <= flags
    assert int(best) == SSE2 + avx2 + avx512 + (avx512 and "avx512_vnni" in flags)
    assert name == LEVELS[int(best)]
    assert " ".join(brand) == " ".join(model.split())


@pytest.mark.parametrize("without", [*FEATURES, ""])
def test_a_level_without_one_of_its_features_says_which(harness: Harness, without: str) -> None:
    avx2 = {"avx", "avx2", "fma", "ymm_state"}
    avx512 = avx2 | {"avx512f", "avx512dq", "avx512bw", "avx512vl", "zmm_state"}
    features = sum(1 << bit for bit, name in enumerate(FEATURES) if name != without)
    wanted: list[set[str]] = [set(), set(), avx2, avx512, avx512 | {"avx512_vnni"}]
    lines = harness.call("missing", features).decode().splitlines()
    assert lines == [without if without in level else "" for level in wanted]
    assert harness.call("missing", 0).decode().splitlines()[AVX2] == "avx, avx2, fma, ymm_state"


def mnemonics(target: str, name: str, folder: Path) -> set[str]:
    """The instructions that a file of the core becomes with the product's flags."""
    build = product_build()
    settings = build.targets()[target]
    listing = folder / "listing.s"
    flags = [*build.COMMON, *settings.compile, *build.LEVEL_FLAGS.get(name, [])]
    source = ROOT / "kernel_c" / "core" / name
    command = [*settings.compiler, *flags, "-g0", "-S", str(source), "-o", str(listing)]
    subprocess.run(command, check=True, capture_output=True)
    return set(re.findall(r"^\s+([a-z][a-z0-9]+)\b", listing.read_text(), re.MULTILINE))


@pytest.mark.parametrize("target", ["efi", "sim"])
@pytest.mark.parametrize("name", ["kernel_avx2.c", "kernel_avx512.c", "kernel_avx512_vnni.c"])
def test_no_product_is_fused_into_its_sum(tmp_path: Path, target: str, name: str) -> None:
    found = mnemonics(target, name, tmp_path)
    assert {"vmulps", "vaddps", "vzeroupper"} <= found
    assert not {name for name in found if name.startswith(("vfm", "vfnm"))}


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
@pytest.mark.parametrize("name", ["kernel_avx2.c", "kernel_avx512.c", "kernel_avx512_vnni.c"])
def test_gcc_does_not_fuse_either(tmp_path: Path, name: str) -> None:
    found = mnemonics("asan", name, tmp_path)
    assert {"vmulps", "vaddps", "vzeroupper"} <= found
    assert not {name for name in found if name.startswith(("vfm", "vfnm"))}


@pytest.mark.parametrize(
    "name", ["kernel_sse2.c", "kernel_reference.c", "attention.c", "engine.c", "engine_tensor.c", "sampler.c", "cpu.c"]
)
def test_only_the_wider_kernels_use_avx(tmp_path: Path, name: str) -> None:
    found = mnemonics("efi", name, tmp_path)
    assert "ret" in found or "retq" in found
    assert not {instruction for instruction in found if instruction.startswith("v")}
