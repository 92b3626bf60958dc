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


def test_a_model_larger_than_memory_names_what_it_needs_and_what_is_free(start: Start, tmp_path: Path) -> None:
    """The header asks for far more than the simulator is given; the file is as long as the header says, and sparse."""
    put_model(tmp_path)
    header = header_of(DEFAULT_MODEL)
    header |= {"dim": 4096, "hidden_dim": 16384, "n_layers": 8, "n_heads": 32, "n_kv_heads": 32, "seq_len": 2048}
    dim, hidden, layers, vocab, rows = (
        header[key] for key in ("dim", "hidden_dim", "n_layers", "vocab_size", "seq_len")
    )
    floats = vocab * dim + layers * (2 * dim + 4 * dim * dim + 3 * dim * hidden) + dim + rows * dim // 32
    with (tmp_path / "large.bin").open("wb") as file:
        file.write(struct.pack("<7i", *header.values()))
        file.truncate(28 + 4 * floats)
    (tmp_path / "large.tok.bin").write_bytes(DEFAULT_MODEL.with_name("stories700K.tok.bin").read_bytes())
    kernel = start(tmp_path, "--memory", "64")
    kernel.tell(*GREEDY, "/max_tokens 12")
    text = kernel.ask(BEGINNING)
    refused = kernel.ask("/load large.bin")
    assert re.search(r"\d+ bytes \(\d+ MiB\) are needed", refused), refused
    assert re.search(r"\d+ bytes \(\d+ MiB\) are free", refused), refused
    kernel.tell(f"/load {DEFAULT_MODEL.name}", "/clear")
    assert kernel.ask(BEGINNING) == text
