"""The engine as a child process: compiled once per session with the product's own flags, driven over pipes."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "kernel_c" / "models"
LEVELS = ["reference", "sse2", "avx2", "avx512", "avx512_vnni"]
REFERENCE, SSE2, AVX2, AVX512, AVX512_VNNI = range(5)
MOST = 16  # inputs of a batched product: KERNEL_TOKENS
CORE = [
    "model", "model_layout", "engine", "engine_products", "engine_load", "engine_tensor", "engine_panels", "attention",
    "engine_traffic", "stream_read",
    "gguf", "gguf_read", "gguf_keys", "gguf_tensors", "gguf_numbers", "engine_gguf", "tokenizer_gguf", "workers",
    "kernel_reference", "kernel_sse2", "kernel_avx2", "kernel_avx512", "kernel_avx512_vnni",
    "cpu", "maths", "tokenizer", "tokenizer_encode", "sampler", "choice", "error", "text", "number", "utf8",
]  # fmt: skip

Floats = npt.NDArray[np.float32]


def ids_of(reply: bytes) -> list[int]:
    """A reply of 32-bit ids."""
    return [int(value) for value in np.frombuffer(reply, np.uint32)]


class EngineError(Exception):
    """The engine refused; `code` is its enum error_code, 0 for a refusal of the harness itself."""

    def __init__(self, reply: str) -> None:
        head, _, rest = reply.partition(" ")
        self.code = int(head) if head.isdigit() else 0
        super().__init__(rest if head.isdigit() else reply)


class Harness:
    """One running harness. Every method is one request."""

    def __init__(self, program: Path) -> None:
        self.process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def call(self, name: str, *arguments: int, payload: bytes = b"") -> bytes:
        """Sends one request, returns the reply's bytes. Raises EngineError when refused, AssertionError on a crash."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        line = " ".join([name, *map(str, arguments), str(len(payload))]) + "\n"
        try:
            self.process.stdin.write(line.encode() + payload)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        head = self.process.stdout.readline().split()
        if len(head) != 2:
            assert self.process.stderr is not None
            raise AssertionError(f"the engine died: {self.process.stderr.read().decode(errors='replace')[-4000:]}")
        body = self.process.stdout.read(int(head[1]))
        if head[0] != b"ok":
            raise EngineError(body.decode())
        return body

    def load(self, file: bytes | Path, level: int = AVX2, stop_after: int = 0, q8: bool = False) -> dict[str, int]:
        """Loads a model from bytes or from a path, with `q8` quantised; returns what the loader saw."""
        if isinstance(file, Path):
            reply = self.call("open", level, stop_after, int(q8), payload=str(file).encode())
        else:
            reply = self.call("load", level, stop_after, int(q8), payload=file)
        names = [
            "largest_read",
            "last_progress",
            "parameters",
            "file_bytes",
            "dim",
            "vocab",
            "seq_len",
            "shared",
            "group",
        ]
        return dict(zip(names, map(int, reply.split()), strict=True))

    def forward(self, token: int, position: int) -> Floats:
        """The logits after `token` at `position`."""
        return np.frombuffer(self.call("forward", token, position, 1), np.float32)

    def prefill(self, ids: list[int], position: int) -> Floats:
        """The logits after `ids` at `position` and behind, in one pass."""
        payload = np.array(ids, np.uint32).tobytes()
        return np.frombuffer(self.call("prefill", position, 1, payload=payload), np.float32)

    def greedy(self, steps: int) -> list[int]:
        """Ids from BOS, each the most likely."""
        return ids_of(self.call("greedy", steps))

    def encode(self, text: bytes, bos: bool = True, capacity: int = 20000) -> list[int]:
        """The ids of a text."""
        return ids_of(self.call("encode", int(bos), capacity, payload=text))

    def decode(self, ids: list[int], previous: int = 1) -> bytes:
        """The bytes of ids that follow `previous`."""
        pieces = []
        for token in ids:
            pieces.append(self.call("decode", previous, token))
            previous = token
        return b"".join(pieces)

    def values(self, name: str, *arguments: int, payload: bytes = b"") -> Floats:
        """A request whose reply is floats."""
        return np.frombuffer(self.call(name, *arguments, payload=payload), np.float32)

    def exponential(self, x: Floats) -> Floats:
        """The engine's own e^x, of any number of values."""
        whole = np.zeros(-(-len(x) // 8) * 8, np.float32)
        whole[: len(x)] = x
        return self.values("exponential", REFERENCE, payload=whole.tobytes())[: len(x)]

    def levels(self) -> list[int]:
        """The levels that this processor can run."""
        best = int(self.call("cpu").split()[0])
        return list(range(best + 1))

    def close(self) -> int:
        """Ends the child and returns its exit status; its leaks and late errors are then in `errors`."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.stderr is not None
        self.errors = self.process.stderr.read().decode(errors="replace")[-8000:]
        status = self.process.wait(timeout=100)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        return status


def product_build() -> ModuleType:
    """kernel_c/build.py as a module, for its flags."""
    spec = importlib.util.spec_from_file_location("kernel_build", ROOT / "kernel_c" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def compile_harness(folder: Path, target: str) -> Path:
    """Compiles core and harness as the product's target ("sim" or "asan") is compiled; returns the program.

    "tsan" is "asan" with a sanitiser that finds data races.
    """
    build = product_build()
    settings = build.targets()["asan" if target == "tsan" else target]
    if target == "tsan":
        races = "-fsanitize=thread"
        settings = dataclasses.replace(settings, compile=["-O1", "-g", races], link=[races, "-lpthread"])
    native = Path(__file__).with_name("native")
    sources = [ROOT / "kernel_c" / "core" / f"{name}.c" for name in CORE] + sorted(native.glob("*.c"))
    sources.append(ROOT / "kernel_c" / "port" / "posix" / "workers.c")

    def compile_one(source: Path) -> Path:
        result = folder / f"{source.parent.name}_{source.stem}.o"
        flags = build.compile_flags(settings, source)
        run([*settings.compiler, *flags, "-c", str(source), "-o", str(result)])
        return result

    def run(command: list[str]) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        objects = list(pool.map(compile_one, sources))
    program = folder / f"engine-{target}"
    run([*settings.compiler, *map(str, objects), *settings.link, "-o", str(program)])
    return program
