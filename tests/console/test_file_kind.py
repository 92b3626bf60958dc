"""Files that are given by mistake: what they are is said, and what to do with them, in a person's words."""

from __future__ import annotations

import random
import struct
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbm_console import cli
from llmbm_console.core.file_kind import binary_file, binary_kind, is_model, is_utf16
from llmbm_console.core.image.boot_image import build_image
from llmbm_console.core.paths import default_model, find_tokenizer, kernel_image, simulator_binary
from llmbm_console.core.postmortem.dump import DumpError, read_post_mortem
from llmbm_console.core.postmortem.summary import file_summary
from llmbm_console.core.recording.capture import VERSION, Entry, Header, capture_lines

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 1, 1, 8, 2, 0, 0, 0)


def test_the_programs_and_the_model_of_this_project_are_known() -> None:
    assert binary_file(simulator_binary()).startswith("a program or a core of one (ELF): ")
    assert binary_file(kernel_image()).startswith("a program of UEFI or Windows (PE): a kernel is booted as a whole")
    assert binary_file(default_model()).startswith("a model (llama2.c): a kernel runs it: ")
    assert f"--sim --model {default_model()}" in binary_file(default_model())
    assert binary_file(find_tokenizer(default_model())).startswith("a binary file: ")


def test_a_boot_image_says_how_it_is_booted(tmp_path: Path) -> None:
    image = tmp_path / "boot.img"
    build_image(image, kernel_image(), default_model(), find_tokenizer(default_model()))
    assert binary_file(image).startswith("a disk image (GPT): QEMU boots it: ")
    assert f"--qemu --image {image}" in binary_file(image)


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (zlib.compressobj(wbits=31).compress(b"x") or b"\x1f\x8b\x08\0", "packed with gzip: unpack it first"),
        (b"PK\x03\x04\x14\0", "a zip archive: unpack it first"),
        (b"BZh91AY&SY\x11", "packed with bzip2: unpack it first"),
        (b"a.txt" + bytes(252) + b"ustar\0", "a tar archive: unpack it first"),
        (PNG, "a picture (PNG): "),
        (b"P6\n1 1\n255\n\xff\xff\xff", "a picture (PPM), as /save_img writes one: the console shows it: "),
        (b"GGUF\x03\0\0\0" + bytes(40), "a model (GGUF): a kernel runs it: "),
        (b"24ka\x02\0\0\0" + bytes(40), "a model (llama2.c): a kernel runs it: "),
        (bytes(510) + b"\x55\xaa", "a disk image: QEMU boots it: "),
        (b"QFI\xfb\0\0\0\x03", "a disk image (qcow2): QEMU boots it: "),
        (bytes(range(256)) * 2 + bytes(200), "a binary file: "),
    ],
)
def test_each_kind_is_named_with_what_to_do(head: bytes, what: str) -> None:
    assert binary_kind(head, len(head), "file").startswith(what)


@pytest.mark.parametrize(
    "head",
    [
        b"# A title\n",
        "größer\n".encode(),
        "[llmk][log] last".encode("utf-16-le"),
        b"\xff\xfe" + "größer".encode("utf-16-le"),
        b"MZ is no program\n",
        b"\0\0\0\0\0\0BdsDxe: starting\r\n",  # a line that was switched on
        b"\0" * 300 + b"@K 0001 c=1",
        b"",
    ],
)
def test_texts_and_logs_with_noise_are_none(head: bytes) -> None:
    assert binary_kind(head, len(head), "file") == ""


@given(st.binary(max_size=600))
def test_no_octets_break_it(head: bytes) -> None:
    binary_kind(head, len(head), "file")
    is_model(head, len(head))
    is_utf16(head)


def test_seven_numbers_alone_are_no_model() -> None:
    shape = struct.pack("<7i", 96, 256, 6, 6, 3, 1024, 512)
    assert is_model(shape, 500_000)
    assert not is_model(shape, 1000), "too small for its vocabulary"
    assert not is_model(struct.pack("<7i", 96, 256, 6, 7, 3, 1024, 512), 500_000), "7 heads do not divide 96"
    assert not is_model(b"Once upon a time there was a bear", 500_000)


def test_every_way_of_opening_one_tells_the_same_and_shows_none_of_its_octets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "program"
    path.write_bytes(Path(sys.executable).read_bytes()[:5000] if sys.platform == "linux" else b"\x7fELF" + bytes(60))
    for words in ([str(path)], ["--plain", str(path)], ["dump", str(path)]):
        assert cli.main(words) == 1
        said = capsys.readouterr().err
        assert "program: a program or a core of one (ELF): there is nothing in it" in said
        assert said.isascii()
    with pytest.raises(DumpError, match="ELF"):
        read_post_mortem(path)
    large = tmp_path / "large.gguf"
    with large.open("wb") as file:
        file.write(b"GGUF\x03\0\0\0")
        file.truncate(30 << 20)
    with pytest.raises(DumpError, match=r"a model \(GGUF\)"):
        read_post_mortem(large)


@pytest.mark.parametrize("seed", range(5))
def test_octets_at_random_are_not_called_a_text(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "rnd.bin"
    path.write_bytes(random.Random(seed).randbytes(4096))
    with pytest.raises(DumpError, match=r"rnd\.bin: a binary file: "):
        read_post_mortem(path)


def test_a_text_in_another_encoding_is_no_binary_file_and_not_called_one_that_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes("Жили-были старик со старухой".encode("koi8-r") * 20)
    with pytest.raises(DumpError, match="no text in UTF-8 or UTF-16, and not a post-mortem file"):
        read_post_mortem(path)


def test_a_recording_is_no_post_mortem_file_and_its_summary_tells_spans_not_times_of_day(
    tmp_path: Path,
) -> None:
    path = tmp_path / "run.llcap"
    header = Header(llcap=VERSION, target="sim", wall=0.0, clock=0.0, view=(5.0, 731.0))
    path.write_text("".join(capture_lines(header, [Entry(731.0, "m", "mark")])))
    with pytest.raises(DumpError, match=r"run\.llcap: a recording of a session, no post-mortem file: .* plays it"):
        read_post_mortem(path)
    told = file_summary(path)
    assert told[0] == "A recording of 12 min 11 s of sim with 0 prompts."
    assert "clip      shows 5 s to 12 min 11 s of it" in told
