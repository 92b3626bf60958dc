"""The simulator with one line of its sources altered: for what the real one never does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "kernel_c"))

import build  # noqa: E402  (kernel_c/build.py is a script beside the sources)


def altered_kernel(program: Path, source: str, line: str, instead: str, folder: Path) -> Path:
    """Compiles `source` with `instead` in the place of `line`, and links it with the other objects of `program`, the
    simulator that was built last."""
    found = ROOT / "kernel_c" / source
    text = found.read_text("utf-8")
    assert text.count(line) == 1, f"{source} has {text.count(line)} times {line!r}"
    copy, output = folder / found.name, folder / "altered-sim"
    copy.write_text(text.replace(line, instead), "utf-8")
    target = build.targets()["sim"]
    name = f"{found.parent.name}_{found.stem}.o"
    flags = build.compile_flags(target, copy)
    subprocess.run([*target.compiler, *flags, "-I", found.parent, "-c", copy, "-o", folder / name], check=True)
    others = [at for at in (program.parent / "objects" / "sim").glob("*.o") if at.name != name]
    assert others
    subprocess.run([*target.compiler, folder / name, *others, *target.link, "-o", output], check=True)
    return output
