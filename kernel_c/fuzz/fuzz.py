#!/usr/bin/env python3
"""Inputs that nobody would write, for the kernel's core under the address and undefined-behaviour sanitisers.

    python kernel_c/fuzz/fuzz.py [SURFACE ...] [--inputs N] [--seed S]

Builds the simulator with fuzz.c in the place of the REPL and runs each surface (command, wire, config, model,
tokenizer, gguf; all by default) with N inputs each. A finding is what a sanitiser or the program says; the same seed
makes it again. Ten million inputs over all: `--inputs 1700000`.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
KERNEL = HERE.parent
sys.path.insert(0, str(KERNEL))

from build import LEVEL_FLAGS  # noqa: E402

SURFACES = ("command", "wire", "config", "model", "tokenizer", "gguf")
CHECKS = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]


def build_fuzzer(folder: Path, kernel: Path = KERNEL, earlier: Path | None = None) -> Path:
    """Compiles the fuzzer with gcc into a folder. Raises CalledProcessError with the compiler's words in stderr.

    `kernel` may be a changed copy; then `earlier`, the folder of a build of the original, saves what has not changed.
    """
    sources = sorted([*(kernel / "core").glob("*.c"), *(kernel / "port" / "posix").glob("*.c")])
    program = folder / "fuzz"
    common = ["gcc", "-std=gnu17", "-ffp-contract=off", "-fno-strict-aliasing", *CHECKS]
    common += ["-I", str(kernel / "core"), "-I", str(kernel / "gen")]

    def compile_one(source: Path) -> Path:
        result = folder / f"{source.parent.name}_{source.stem}.o"
        original = HERE / source.name if source.parent == HERE else KERNEL / source.relative_to(kernel)
        if earlier is not None and source.read_bytes() == original.read_bytes():
            return earlier / result.name
        level = LEVEL_FLAGS.get(source.name, [])
        subprocess.run([*common, *level, "-c", source, "-o", result], check=True, capture_output=True, text=True)
        return result

    parts = [*(path for path in sources if path.name != "repl.c"), *HERE.glob("*.c")]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        objects = list(pool.map(compile_one, parts))
    subprocess.run([*common, *objects, "-lpthread", "-o", program], check=True, capture_output=True, text=True)
    return program


def fuzz(program: Path, surface: str, inputs: int, seed: int, volume: Path) -> subprocess.CompletedProcess[str]:
    """Runs one surface; its status is 0 when there was no finding."""
    environment = {**os.environ, "FUZZ_SURFACE": surface, "FUZZ_COUNT": str(inputs), "FUZZ_SEED": str(seed)}
    command = [program, "--files", volume, "--serial", "none", "--die-with-parent"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", check=False)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("surfaces", nargs="*", metavar="SURFACE", help=f"of {', '.join(SURFACES)}; default: all")
    parser.add_argument("--inputs", type=int, default=100_000, help="of each surface")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    status = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = build_fuzzer(folder)
        volume = folder / "volume"
        volume.mkdir()
        for file in ("stories700K.bin", "stories700K.tok.bin"):
            (volume / file).symlink_to(KERNEL / "models" / file)
        for surface in arguments.surfaces or SURFACES:
            done = fuzz(program, surface, arguments.inputs, arguments.seed, volume)
            print(done.stdout.splitlines()[-1] if done.returncode == 0 else f"{surface}: status {done.returncode}")
            if done.returncode:
                print(done.stdout[-2000:], done.stderr[-6000:], file=sys.stderr)
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
