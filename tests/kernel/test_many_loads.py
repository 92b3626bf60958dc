"""Model after model: nothing is left behind by a hundred loads, and a failed one takes nothing away for good."""

from __future__ import annotations

import re
import struct
from pathlib import Path

from made_models import DEFAULT_MODEL, Script, header_of, put_model
from typed_kernel import GREEDY, Kernel, Start

BEGINNING = "Once upon a time"


def memory_of(kernel: Kernel) -> list[tuple[str, ...]]:
    """Name, size and use of every arena."""
    return re.findall(r"\[([A-Z]+)\] base=\S+ size=(\d+) .*? used=(\d+)", kernel.ask("/zones"))


def resident_bytes(kernel: Kernel) -> int:
    """What the process holds of this computer's memory."""
    fields = Path(f"/proc/{kernel.process.pid}/statm").read_text().split()
    return int(fields[1]) * 4096


def test_a_hundred_loads_leave_nothing_behind(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    Script([b"a", b"b", b"c"], loop=True).write(tmp_path, "small.bin")
    (tmp_path / "broken.bin").write_bytes(DEFAULT_MODEL.read_bytes()[:5000])
    kernel = start(tmp_path)
    kernel.tell(*GREEDY, "/max_tokens 12")
    kernel.tell("/load small.bin", f"/load {DEFAULT_MODEL.name}")
    text, memory, held = kernel.ask(BEGINNING), memory_of(kernel), resident_bytes(kernel)
    assert len(memory) == 6
    for number in range(100):
        if number % 10 == 3:
            assert "broken.bin" in kernel.ask("/load broken.bin")
        kernel.tell("/load small.bin")
        assert memory_of(kernel) != memory
        kernel.tell(f"/load {DEFAULT_MODEL.name}")
    assert memory_of(kernel) == memory
    assert kernel.ask(BEGINNING) == text
    assert resident_bytes(kernel) < held + (1 << 20)


def put_zero_model(folder: Path, **fields: int) -> str:
    """A model of zeros and the size that its header says, sparse on the disk; with the tokenizer of the stored one."""
    header = header_of(DEFAULT_MODEL) | fields
    dim, hidden, layers, vocab, rows, heads, kv_heads = (
        header[key] for key in ("dim", "hidden_dim", "n_layers", "vocab_size", "seq_len", "n_heads", "n_kv_heads")
    )
    kv = dim // heads * kv_heads
    floats = vocab * dim + layers * (2 * dim + 2 * dim * dim + 2 * dim * kv + 3 * dim * hidden) + dim
    floats += rows * (dim // heads)
    with (folder / "large.bin").open("wb") as file:
        file.write(struct.pack("<7i", *header.values()))
        file.truncate(28 + 4 * floats)
    (folder / "large.tok.bin").write_bytes(DEFAULT_MODEL.with_name("stories700K.tok.bin").read_bytes())
    return "large.bin"


def test_a_model_as_large_as_memory_allows_runs_and_a_little_less_memory_is_refused(
    start: Start, tmp_path: Path
) -> None:
    put_zero_model(tmp_path, dim=256, hidden_dim=768, n_layers=4, n_heads=8, n_kv_heads=8, seq_len=128)
    poor = start(tmp_path, "--memory", "4")
    need = re.search(r"(\d+) bytes \(\d+ MiB\) are needed", poor.boot)
    assert need is not None, poor.boot
    mebibytes = -(-int(need[1]) // (1 << 20))
    assert mebibytes > 12
    rich = start(tmp_path, "--memory", str(mebibytes + 1))  # one for the tokenizer's file while it is read
    assert "Loaded large.bin" in rich.boot
    rich.tell("/max_tokens 4")
    assert rich.ask(BEGINNING) is not None
    assert rich.rows() > 0
    assert "are needed" in start(tmp_path, "--memory", str(mebibytes - 1)).boot


def test_a_model_larger_than_memory_names_what_it_needs_and_what_is_free(start: Start, tmp_path: Path) -> None:
    """The header asks for far more than the simulator is given; the file is as long as the header says, and sparse."""
    put_model(tmp_path)
    put_zero_model(tmp_path, dim=4096, hidden_dim=16384, n_layers=8, n_heads=32, n_kv_heads=32, seq_len=2048)
    kernel = start(tmp_path, "--memory", "64")
    kernel.tell(*GREEDY, "/max_tokens 12")
    text = kernel.ask(BEGINNING)
    refused = kernel.ask("/load large.bin")
    assert re.search(r"\d+ bytes \(\d+ MiB\) are needed", refused), refused
    assert re.search(r"\d+ bytes \(\d+ MiB\) are free", refused), refused
    kernel.tell(f"/load {DEFAULT_MODEL.name}", "/clear")
    assert kernel.ask(BEGINNING) == text
