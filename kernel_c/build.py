#!/usr/bin/env python3
"""Builds every target of the kernel with one compiler and no make: `python kernel_c/build.py [efi|sim|asan|all]`.

The compiler is zig's C compiler from the PyPI package `ziglang`: the same on Linux, macOS and Windows, and it links a
UEFI application directly. The sanitiser build (`asan`) uses gcc or clang, whose runtimes zig does not carry.
Objects are rebuilt when a source, any header or the command line changes.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import hashlib
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

HERE = Path(__file__).resolve().parent

WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow", "-Wvla", "-Wstrict-prototypes"]
# No contraction and no fast-math anywhere: every kernel must give the same bits as the reference.
COMMON = ["-std=c17", "-ffp-contract=off", "-fno-strict-aliasing", "-I", str(HERE / "core"), "-I", str(HERE / "gen")]
#: Set by coverage.py: the simulator is built with the sanitisers, and counts which of its lines run.
COVERAGE = bool(os.environ.get("LLMBM_COVERAGE"))
#: The simulator ends where the core does what it must never do.
CHECKED = "-DLLMK_CHECKED"
#: The line protocol: small before fast, a line carries 300 frames a second.
COMPACT = ("link*.c", "wire*.c")
#: zig cc takes -Oz for -Os; its compiler behind it knows the difference. Two optimisations that cost octets even then
#: are switched off: neighbours as vectors, and a second pointer that saves a loop an addition.
SMALL = ["-Os", "-Xclang", "-Oz", "-fomit-frame-pointer", "-fno-slp-vectorize", "-mllvm", "-disable-lsr"]
#: The only files with vector flags: what they hold is called where the processor has the instructions.
AVX512 = ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl"]
LEVEL_FLAGS = {
    "kernel_sse2.c": ["-msse2"],
    "kernel_avx2.c": ["-mavx2", "-mfma"],
    "kernel_avx512.c": AVX512,
    "kernel_avx512_vnni.c": [*AVX512, "-mavx512vnni"],
}


#: What each target is to people.
BUILT = {
    "efi": "the kernel for UEFI (a minute or less, once)",
    "sim": "the simulator (the same kernel as a process)",
    "asan": "the simulator with the sanitisers",
}


class BuildError(RuntimeError):
    """The compiler or the linker refused; the message is its own output."""


@dataclass(frozen=True)
class Target:
    """One program: its sources, its flags and the file it becomes."""

    name: str
    output: str
    port: str
    compile: list[str]
    link: list[str]
    compiler: list[str] = field(default_factory=lambda: [sys.executable, "-m", "ziglang", "cc"])


def targets() -> dict[str, Target]:
    """Every target by name. The EFI application stops at SSE2 outside the level files, as the firmware's ABI does."""
    counting = ["--coverage", "-fprofile-update=atomic", "-DLLMK_COUNT_LINES"] if COVERAGE else []
    checked = Target(
        "asan",
        "llmk-sim-asan",
        "posix",
        [
            "-O1",
            "-g",
            CHECKED,
            "-fsanitize=address,undefined",
            "-fno-sanitize-recover=all",
            "-fno-omit-frame-pointer",
            *counting,
        ],
        ["-fsanitize=address,undefined", "-lpthread", *counting[:1]],
        ["gcc"],
    )
    if COVERAGE:
        return {"asan": checked, "sim": replace(checked, name="sim", output="llmk-sim")}
    return {
        "efi": Target(
            "efi",
            "BOOTX64.EFI",
            "uefi",
            ["-target", "x86_64-windows-gnu", "-O2", "-ffreestanding", "-fno-stack-protector", "-mno-red-zone"],
            [
                *("-target", "x86_64-windows-gnu", "-nostdlib", "-s", "-Wl,--subsystem,efi_application"),
                "-Wl,/Brepro",  # the same sources give the same bytes: no time of day in the header
            ],
        ),
        "sim": Target(
            "sim", "llmk-sim", "posix", ["-O2", "-g", CHECKED, "-fno-sanitize=all", "-mcpu=x86_64"], ["-lpthread"]
        ),
        "asan": checked,
    }


def sources(port: str) -> list[Path]:
    """The portable core and one port, in a fixed order."""
    return sorted((HERE / "core").glob("*.c")) + sorted((HERE / "port" / port).glob("*.c"))


def compile_flags(target: Target, source: Path) -> list[str]:
    """All flags with which a target compiles a source."""
    flags = COMMON + WARNINGS + target.compile + LEVEL_FLAGS.get(source.name, [])
    if target.name != "asan" and any(source.match(pattern) for pattern in COMPACT):
        flags = [*flags, *SMALL]
    return flags


def headers_digest() -> str:
    """One digest over all headers: simple, and a full build takes seconds."""
    digest = hashlib.sha256()
    for path in sorted(HERE.rglob("*.h")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def run(command: list[str]) -> None:
    """Runs one compiler command; its output becomes the error."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BuildError(f"{' '.join(command[:6])} ... failed:\n{done.stdout}{done.stderr}")


Job = tuple[list[str], Path, str]  # a compiler's command, the file of its stamp, and the stamp


def plan(name: str, out: Path) -> tuple[list[Job], list[Path]]:
    """What must be compiled for a target, and all its object files."""
    target = targets()[name]
    objects = out / "objects" / name
    headers = headers_digest()
    jobs: list[Job] = []
    results: list[Path] = []
    for source in sources(target.port):
        flags = compile_flags(target, source)
        result = objects / f"{source.parent.name}_{source.stem}.o"
        command = [*target.compiler, *flags, "-c", str(source), "-o", str(result)]
        stamp = hashlib.sha256("\0".join([headers, *command]).encode() + source.read_bytes()).hexdigest()
        results.append(result)
        mark = result.with_suffix(".stamp")
        if not (result.exists() and mark.exists() and mark.read_text() == stamp):
            jobs.append((command, mark, stamp))
    return jobs, results


class Progress:
    """One line on stderr: what is built, and at its end how long it took. A terminal sees meanwhile how far it is."""

    def __init__(self, name: str, files: int) -> None:
        self._what, self._files, self._done = f"building {BUILT[name]}", files, 0
        self._begun, self._counts = time.monotonic(), sys.stderr.isatty()
        print(f"{self._what} ...", end="", file=sys.stderr, flush=True)

    def one_more(self) -> None:
        """A file was compiled."""
        self._done += 1  # by several threads: it is a number to look at
        if self._counts:
            print(f"\r{self._what} ... {self._done} of {self._files}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """The line's end, also where it failed."""
        head = f"\r{self._what} ... {self._done} of {self._files} files," if self._counts else ""
        print(f"{head} {time.monotonic() - self._begun:.0f} s", file=sys.stderr, flush=True)


def build(name: str, out: Path, tell: bool = False) -> Path:
    """Builds one target into `out` and returns its file; with `tell` it is said on stderr, if there is something to
    build. Raises BuildError with the compiler's words."""
    target = targets()[name]
    (out / "objects" / name).mkdir(parents=True, exist_ok=True)
    jobs, results = plan(name, out)

    output = out / target.output
    if not jobs and output.exists():
        return output
    progress = Progress(name, len(jobs)) if tell else None

    def compile_one(job: Job) -> None:
        command, mark, stamp = job
        mark.unlink(missing_ok=True)
        run(command)
        mark.write_text(stamp)
        if progress is not None:
            progress.one_more()

    try:
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
            list(pool.map(compile_one, jobs))
        # Linked beside and renamed, so that a running or half-linked program is never picked up.
        fresh = output.with_name(f".{os.getpid()}-{output.name}")
        run([*target.compiler, *map(str, results), *target.link, "-o", str(fresh)])
        fresh.replace(output)
    finally:
        if progress is not None:
            progress.end()
    return output


def protocol_size(out: Path) -> str:
    """How large the line protocol is in the built EFI application."""
    from sizes import report

    target = targets()["efi"]
    return report(out / "objects" / "efi", [*target.compiler, *COMMON, *target.compile])


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Build the kernel and its simulator.")
    parser.add_argument("target", nargs="?", default="all", choices=["efi", "sim", "asan", "all"])
    parser.add_argument("--out", type=Path, default=HERE.parent / "build", help="folder for the results")
    parser.add_argument("--quiet", action="store_true", help="no report of sizes; says only what it builds, if it does")
    arguments = parser.parse_args()
    names = ["efi", "sim"] if arguments.target == "all" else [arguments.target]
    try:
        for name in names:
            print(build(name, arguments.out, tell=arguments.quiet))
            if name == "efi" and not arguments.quiet:
                print(protocol_size(arguments.out), file=sys.stderr)  # the last line of the output is the program
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
