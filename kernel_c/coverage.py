#!/usr/bin/env python3
"""Which lines of the kernel's core the tests run, under the address and undefined-behaviour sanitisers.

    python kernel_c/coverage.py [--least PERCENT] [tests ...]

Builds the simulator and the C test programs with gcc, --coverage and the sanitisers, runs the tests of the kernel on
them (tests/kernel, tests/engine, tests/link, tests/sim, or those named), and prints a table of kernel_c/core by file.
The exit status is 1 when a test fails or fewer lines run than --least says. Takes some minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
CORE = HERE / "core"
#: About the machine code of the product's own build, or about times that a kernel which counts its lines does not keep.
NOT_HERE = (
    "tests/engine/test_arithmetic.py",
    "tests/link/test_credit.py::test_a_host_that_keeps_to_the_credit_loses_nothing",
    "tests/link/test_file_transfer.py::test_parts_flow_beside_a_generation_and_starve_nothing",
    "tests/link/test_human.py::test_hostile_octets",
    "tests/link/test_human.py::test_hostile_octets_under_the_sanitisers",
    "tests/kernel/test_fuzz.py",
)
TESTS = ("tests/kernel", "tests/engine", "tests/link", "tests/sim")


def run_tests(folder: Path, tests: list[str]) -> int:
    """Runs the tests with everything they build in `folder`."""
    environment = {**os.environ, "LLMBM_COVERAGE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "--basetemp", str(folder), "-p", "no:cacheprovider", *tests]
    command += [f"--deselect={name}" for name in NOT_HERE]
    return subprocess.run(command, cwd=HERE.parent, env=environment, check=False).returncode


def counted_lines(folder: Path) -> dict[str, dict[int, int]]:
    """Runs of each line by source file of the core, over every program that was built."""
    lines: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for data in folder.rglob("*.gcda"):
        done = subprocess.run(
            ["gcov", "--json-format", "--stdout", data.name], cwd=data.parent, capture_output=True, check=False
        )
        for document in done.stdout.splitlines():
            for file in json.loads(document)["files"]:
                path = Path(file["file"])
                if path.parent != CORE:
                    continue
                for line in file["lines"]:
                    lines[path.name][line["line_number"]] += line["count"]
    return lines


def report(lines: dict[str, dict[int, int]]) -> float:
    """Prints the table; returns the share of lines that ran, in per cent."""
    ran = known = 0
    for name in sorted(lines):
        counts = lines[name]
        missed = [number for number, count in sorted(counts.items()) if not count]
        ran += len(counts) - len(missed)
        known += len(counts)
        shown = " ".join(map(str, missed[:14])) + (" ..." if len(missed) > 14 else "")
        print(f"{name:<28} {len(counts):5} lines {100 * (1 - len(missed) / len(counts)):6.1f} %   {shown}")
    share = 100 * ran / known if known else 0.0
    print(f"{'core':<28} {known:5} lines {share:6.1f} %")
    return share


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--least", type=float, default=90.0, metavar="PERCENT")
    parser.add_argument("tests", nargs="*", default=list(TESTS))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        status = run_tests(Path(folder) / "build", arguments.tests)
        share = report(counted_lines(Path(folder)))
    return 1 if status or share < arguments.least else 0


if __name__ == "__main__":
    sys.exit(main())
