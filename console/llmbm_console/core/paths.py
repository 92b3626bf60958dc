"""Where things lie: the checkout, the built kernel, models and their tokenizers."""

from __future__ import annotations

import importlib.util
import os
import shlex
import struct
import subprocess
import sys
from pathlib import Path

from llmbm_console.core.errors import SessionError

MOST_DIM = 1 << 24  # of any dimension of a model; text read as a number is beyond it


def checkout() -> Path | None:
    """The folder of the project's checkout, None when only the packages are installed.

    The environment variable LLMBM_CHECKOUT names it when this file lies outside.
    """
    given = os.environ.get("LLMBM_CHECKOUT")
    candidates = [Path(given)] if given else [*Path(__file__).resolve().parents, Path.cwd(), *Path.cwd().parents]
    return next((folder for folder in candidates if (folder / "kernel_c" / "build.py").is_file()), None)


def install_command(extra: str, package: str) -> str:
    """The one command that gets an optional package for the interpreter that runs."""
    root = checkout()
    what = ["-e", f"{root}[{extra}]"] if root is not None else [package]
    return shlex.join([sys.executable, "-m", "pip", "install", *what])


def build_folder() -> Path:
    """Where the built kernel is: `build` in the checkout, or LLMBM_BUILD."""
    given = os.environ.get("LLMBM_BUILD")
    if given:
        return Path(given)
    root = checkout()
    return (root if root is not None else Path.cwd()) / "build"


def _built(name: str, target: str) -> Path:
    """A built program; it is built now when it is not there and the compiler is."""
    path = build_folder() / name
    if path.is_file():
        return path
    root = checkout()
    if root is None:
        raise SessionError(f"{path}: not there; run this in the project's checkout, or set LLMBM_BUILD to its folder")
    if importlib.util.find_spec("ziglang") is None:
        raise SessionError(
            f"{path}: not built, and the compiler is not installed; run ./run in {root}, which does both"
        )
    command = [sys.executable, str(root / "kernel_c" / "build.py"), target, "--out", str(build_folder())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not path.is_file():
        raise SessionError(f"the kernel could not be built with {' '.join(command)}:\n{done.stdout}{done.stderr}")
    return path


def kernel_image() -> Path:
    """The UEFI application BOOTX64.EFI. Raises SessionError when it is neither there nor can be built."""
    return _built("BOOTX64.EFI", "efi")


def simulator_binary() -> Path:
    """The kernel as a process, llmk-sim. Raises SessionError when it is neither there nor can be built."""
    return _built("llmk-sim", "sim")


def default_model() -> Path:
    """The small story model that comes with the project."""
    root = checkout()
    if root is None:
        raise SessionError("no model was named, and the one of the project's checkout is not here; use --model FILE")
    return root / "kernel_c" / "models" / "stories700K.bin"


def is_gguf(model: Path) -> bool:
    """Whether a model file is GGUF, by its first bytes. A file that cannot be read is none; its reader will say why."""
    try:
        with model.open("rb") as file:
            return file.read(4) == b"GGUF"
    except OSError:
        return False


def may_be_llama2(model: Path) -> bool:
    """Whether a file begins like a llama2.c model: "ak42" the other way round, or seven numbers of a possible size
    (dim, hidden_dim, layers, heads, kv_heads, vocab, seq_len; vocab may be negative). The kernel checks it closely."""
    try:
        with model.open("rb") as file:
            head = file.read(28)
    except OSError:
        return False
    if head[:4] == b"24ka":
        return True
    return len(head) == 28 and all(0 < abs(number) <= MOST_DIM for number in struct.unpack("<7i", head))


def tokenizer_for(model: Path, given: Path | None = None) -> Path | None:
    """The tokenizer file that a model needs beside it: the one that was named, or find_tokenizer; None for GGUF.

    Raises SessionError when there is none, and when one was named for a GGUF file, which has its own inside.
    """
    if not model.is_file() or not is_gguf(model):  # a pipe would wait for whoever writes into it
        return given or find_tokenizer(model)
    if given is not None:
        raise SessionError(f"{given}: {model.name} is a GGUF file and has its tokenizer inside; leave --tokenizer out")
    return None


def find_tokenizer(model: Path) -> Path:
    """The tokenizer of a llama2.c model: NAME.tok.bin beside it, else tokenizer.bin beside it."""
    if not model.is_file():
        raise SessionError(f"{model}: no such model file")
    candidates = [model.with_name(model.stem + ".tok.bin"), model.with_name("tokenizer.bin")]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    if not may_be_llama2(model):
        raise SessionError(
            f"{model}: not a model file; expected a llama2.c model (NAME.bin, its tokenizer beside it) or a GGUF file"
        )
    raise SessionError(
        f"{model}: its tokenizer is not beside it; expected {candidates[0].name} or {candidates[1].name} in "
        f"{model.parent}, or name one with --tokenizer FILE"
    )
