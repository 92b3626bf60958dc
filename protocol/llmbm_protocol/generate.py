"""`llmbm-wire gen|check`: writes what is generated from the schema, or tells what is stale."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from llmbm_protocol.c_params import config_example, params_header
from llmbm_protocol.c_wire import wire_header, wire_tables
from llmbm_protocol.spec_tables import with_tables


def checkout() -> Path:
    """The root of the checkout this package is used from. Raises SystemExit when it is installed without one."""
    for folder in Path(__file__).resolve().parents:
        if (folder / "kernel_c" / "core").is_dir():
            return folder
    raise SystemExit("llmbm-wire writes into a checkout of the project: give its folder with --root")


def outputs(root: Path) -> dict[Path, str]:
    """Every generated file and what it should hold."""
    spec = root / "protocol" / "SPEC.md"
    texts = {spec: with_tables(spec.read_text(encoding="utf-8"))} if spec.is_file() else {}
    return texts | {
        root / "kernel_c" / "gen" / "llmk_wire.h": wire_header(),
        root / "kernel_c" / "gen" / "llmk_wire_tables.h": wire_tables(),
        root / "kernel_c" / "gen" / "llmk_params.h": params_header(),
        root / "kernel_c" / "repl.cfg.example": config_example(),
    }


def stale(root: Path) -> list[Path]:
    """The generated files that differ from what the schema gives now."""
    return [
        path for path, text in outputs(root).items() if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]


def main(arguments: list[str] | None = None) -> int:
    """The command line: status 1 when `check` finds something stale."""
    parser = argparse.ArgumentParser(
        prog="llmbm-wire", description="Generate the kernel's headers from the protocol schema."
    )
    parser.add_argument("command", choices=["gen", "check"])
    parser.add_argument("--root", type=Path, help="folder of the checkout")
    options = parser.parse_args(arguments)
    root: Path = options.root or checkout()
    old = stale(root)
    if options.command == "check":
        for path in old:
            print(f"{path.relative_to(root)} is stale: run llmbm-wire gen", file=sys.stderr)
        return 1 if old else 0
    texts = outputs(root)
    for path in old:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[path], encoding="utf-8")
        print(path.relative_to(root))
    return 0


if __name__ == "__main__":
    sys.exit(main())
