"""Models and tokenizers that are not what they claim: a rescue prompt that names the field, never a crash."""

from __future__ import annotations

import random
import re
import struct
from pathlib import Path

import pytest
from made_models import DEFAULT_MODEL, HEADER, put_model
from typed_kernel import GREEDY, Start

GIBI = 1 << 30


def with_field(data: bytes, field: str, value: int) -> bytes:
    """The model with another value in one header field."""
    at = HEADER.index(field) * 4
    return data[:at] + struct.pack("<i", value) + data[at + 4 :]


WRONG = [(field, value) for field in HEADER for value in (0, -1, 1, 7, 1_000_000_000, 2**31 - 1, -(2**31))]
#: What is small and still lawful alone does not fit the size of the file; then the error names that.
NAMED = {"dim": "dim|head", "vocab_size": "vocab_size|bytes", "n_heads": "n_heads|head size|n_kv_heads|bytes"}


@pytest.mark.parametrize(("field", "value"), WRONG, ids=lambda part: str(part))
def test_a_wrong_header_field_is_named(start: Start, tmp_path: Path, field: str, value: int) -> None:
    put_model(tmp_path)
    path = tmp_path / DEFAULT_MODEL.name
    path.write_bytes(with_field(path.read_bytes(), field, value))
    kernel = start(tmp_path)
    reason = kernel.boot.partition("No model: ")[2].splitlines()[0]
    assert any(word in reason for word in [*NAMED.get(field, field).split("|"), "bytes, its header needs"]), reason
    assert "no model is loaded: stories700K.bin: " in kernel.ask("x")


def test_many_truncations_and_mutations_end_at_a_prompt_under_the_sanitisers(
    start_checked: Start, tmp_path: Path
) -> None:
    """One kernel tries them all with /load, so that nothing of a refused file may stay behind."""
    put_model(tmp_path)
    good = DEFAULT_MODEL.read_bytes()
    tokenizer = (tmp_path / "stories700K.tok.bin").read_bytes()
    random_numbers = random.Random(2)
    kernel = start_checked(tmp_path)
    kernel.tell(*GREEDY, "/max_tokens 5")
    text = kernel.ask("Once upon a time")
    (tmp_path / "bad.tok.bin").write_bytes(tokenizer)
    cuts = [0, 1, 3, 4, 27, 28, 29, 1000, len(good) // 2, len(good) - 4, len(good) - 1]
    broken = [good[:cut] for cut in cuts] + [good + b"\0", good + bytes(4096)]
    broken += [with_field(good, field, value) for field, value in WRONG]
    broken += [
        struct.pack("<7i", GIBI, GIBI, 1, 1, 1, GIBI, GIBI),
        b"ak42" + bytes(300),
        b"24ka" + bytes(300),
        b"GGUF" + bytes(300),
    ]
    broken += [struct.pack("<7i", 16384, 65536, 256, 256, 256, 262144, 65536) + bytes(64)]
    broken += [bytes(random_numbers.randrange(256) for _ in range(64)) for _ in range(20)]
    for bad in (float("nan"), float("inf"), float("-inf")):
        at = 28 + 4 * random_numbers.randrange(700_000)
        broken.append(good[:at] + struct.pack("<f", bad) + good[at + 4 :])
    for data in broken:
        (tmp_path / "bad.bin").write_bytes(data)
        reply = kernel.ask("/load bad.bin")
        assert reply.startswith("bad.bin: ") or "cannot be read" in reply, reply
        assert "loaded" not in reply
    kernel.tell("/load stories700K.bin")
    assert kernel.ask("Once upon a time") == text


def test_not_a_number_in_the_weights_ends_in_rescue_and_can_be_left(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    good = DEFAULT_MODEL.read_bytes()
    (tmp_path / DEFAULT_MODEL.name).write_bytes(good[:40_000] + struct.pack("<f", float("nan")) + good[40_004:])
    kernel = start(tmp_path)
    reason = kernel.boot.partition("No model: ")[2]
    assert reason.startswith("stories700K.bin: ")
    (tmp_path / DEFAULT_MODEL.name).write_bytes(good)
    kernel.tell("/load stories700K.bin", "/stats 0")
    assert "no model" not in kernel.ask("x")


def test_broken_tokenizers_are_refused_under_the_sanitisers(start_checked: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    good = (tmp_path / "stories700K.tok.bin").read_bytes()
    (tmp_path / "other.bin").write_bytes(DEFAULT_MODEL.read_bytes())
    kernel = start_checked(tmp_path)

    def patched(at: int, number: int) -> bytes:
        return good[:at] + struct.pack("<i", number) + good[at + 4 :]

    broken = [good[:cut] for cut in (0, 3, 4, 8, 12, 13, 5000, len(good) - 1)] + [good + b"\0"]
    broken += [patched(0, value) for value in (0, -1, 3, 2**31 - 1)]  # max_token_length
    broken += [patched(8, value) for value in (0, -1, 2, 100, 2**31 - 1, -(2**31))]  # length of the first token
    broken += [good[:4] + struct.pack("<f", float("nan")) + good[8:]]
    refused = 0
    for data in broken:
        (tmp_path / "other.tok.bin").write_bytes(data)
        reply = kernel.ask("/load other.bin")
        if "other.bin is loaded" in reply:
            kernel.tell("/max_tokens 5")
            kernel.ask("Once upon a time")  # what is accepted must also work
        else:
            refused += 1
            assert reply.startswith("other.tok.bin: tokenizer: "), reply
    assert refused >= len(broken) - 2


def test_a_tokenizer_of_another_vocabulary_is_refused_at_boot(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    data = (tmp_path / "stories700K.tok.bin").read_bytes()
    (tmp_path / "stories700K.tok.bin").write_bytes(data[: len(data) // 2])
    kernel = start(tmp_path)
    assert "No model: stories700K.tok.bin: tokenizer: " in kernel.boot


def test_random_configuration_files_do_no_harm_under_the_sanitisers(start_checked: Start, tmp_path: Path) -> None:
    random_numbers = random.Random(3)
    alphabet = b"=#;.,0123456789\n\n\r\t temp_kodls\x00\xff\xef\xbb\xbf"
    for _ in range(6):
        (tmp_path / "repl.cfg").write_bytes(bytes(random_numbers.choice(alphabet) for _ in range(3000)))
        kernel = start_checked(tmp_path)
        assert "temp = " in kernel.ask("/temp")
    (tmp_path / "repl.cfg").write_bytes(b"#" * 70_000)
    assert "repl.cfg has 70000 bytes; at most 65536 are accepted" in start_checked(tmp_path).boot


def test_controls_in_tokens_names_and_settings_reach_no_terminal(start: Start, tmp_path: Path) -> None:
    """A person reads this line with a plain terminal: what a file holds must not clear it or change its title."""
    hostile = b"\x1b]0;x\x07\x9b\xc2\x9b"
    put_model(tmp_path)
    tokenizer = tmp_path / "stories700K.tok.bin"
    pieces, at = bytearray(), 4
    data = tokenizer.read_bytes()
    for token in range(1024):
        (length,) = struct.unpack_from("<I", data, at + 4)
        piece = hostile if token > 300 else data[at + 8 : at + 8 + length]
        pieces += data[at : at + 4] + struct.pack("<I", len(piece)) + piece
        at += 8 + length
    tokenizer.write_bytes(struct.pack("<I", 16) + pieces)
    (tmp_path / "repl.cfg").write_bytes(b"temp=\x1b[2J9\nno\x1b]0;x\x07such=1\n")
    kernel = start(tmp_path)
    said = kernel.ask("Once upon a time") + kernel.ask("/load \x0b.bin") + kernel.ask("/log 9")
    assert "?]0;x?" in said
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", kernel.boot + said)
