"""Boot images: what is put in comes out, other tools agree, and every failure leaves the old image."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from llmbm_console.core.image import gpt
from llmbm_console.core.image.boot_image import BOOT_PATH, ImageError, build_image, read_files


def content(size: int, seed: int = 0) -> bytes:
    """Bytes that differ from place to place."""
    return random.Random(seed).randbytes(size)


@pytest.fixture
def sources(tmp_path: Path) -> dict[str, Path]:
    """A kernel, a model, its tokenizer and a configuration, of awkward sizes."""
    sizes = {"BOOTX64.EFI": 153_600, "tales.bin": (1 << 20) + 1, "tales.tok.bin": 6_227, "my.cfg": 512}
    for number, (name, size) in enumerate(sizes.items()):
        (tmp_path / name).write_bytes(content(size, number))
    return {name: tmp_path / name for name in sizes}


@pytest.fixture
def image(sources: dict[str, Path], tmp_path: Path) -> Path:
    """An image of all four."""
    output = tmp_path / "boot.img"
    build_image(output, *sources.values())
    return output


def test_what_goes_in_comes_out(image: Path, sources: dict[str, Path]) -> None:
    found = read_files(image)
    names = {BOOT_PATH: "BOOTX64.EFI", "tales.bin": "tales.bin", "tales.tok.bin": "tales.tok.bin", "repl.cfg": "my.cfg"}
    assert found == {path: sources[name].read_bytes() for path, name in names.items()}


def test_only_the_files_asked_for_are_read(image: Path) -> None:
    assert set(read_files(image, ["REPL.CFG", "llmk-dump.txt"])) == {"repl.cfg"}


def test_a_kernel_alone_makes_an_image(sources: dict[str, Path], tmp_path: Path) -> None:
    build_image(tmp_path / "bare.img", sources["BOOTX64.EFI"])
    assert set(read_files(tmp_path / "bare.img")) == {BOOT_PATH}


def test_the_same_files_give_the_same_bytes(image: Path, sources: dict[str, Path], tmp_path: Path) -> None:
    again = tmp_path / "again.img"
    build_image(again, *sources.values())
    assert again.read_bytes() == image.read_bytes()


def test_other_files_make_another_disk(image: Path, sources: dict[str, Path], tmp_path: Path) -> None:
    other = tmp_path / "other.img"
    sources["my.cfg"].write_bytes(content(512, 99))
    build_image(other, *sources.values())
    assert other.read_bytes()[568:584] != image.read_bytes()[568:584]  # the disk's identifier


def test_the_tokenizer_gets_the_name_that_the_kernel_looks_for(sources: dict[str, Path], tmp_path: Path) -> None:
    stranger = tmp_path / "vocabulary.dat"
    stranger.write_bytes(content(100))
    build_image(tmp_path / "a.img", sources["BOOTX64.EFI"], sources["tales.bin"], stranger)
    assert set(read_files(tmp_path / "a.img")) == {BOOT_PATH, "tales.bin", "tales.tok.bin"}


def test_the_shared_tokenizer_keeps_its_name(sources: dict[str, Path], tmp_path: Path) -> None:
    shared = tmp_path / "tokenizer.bin"
    shared.write_bytes(content(100))
    build_image(tmp_path / "a.img", sources["BOOTX64.EFI"], sources["tales.bin"], shared)
    assert set(read_files(tmp_path / "a.img")) == {BOOT_PATH, "tales.bin", "tokenizer.bin"}


def test_a_model_without_extension_is_found_by_the_kernel(sources: dict[str, Path], tmp_path: Path) -> None:
    sources["tales.bin"].rename(tmp_path / "tales")
    build_image(tmp_path / "a.img", sources["BOOTX64.EFI"], tmp_path / "tales", sources["tales.tok.bin"])
    assert set(read_files(tmp_path / "a.img")) == {BOOT_PATH, "tales.bin", "tales.tok.bin"}


def test_both_partition_tables_are_whole_and_agree(image: Path) -> None:
    data = image.read_bytes()
    assert len(data) % (1 << 20) == 0
    assert data[510:512] == b"\x55\xaa"
    assert data[450] == 0xEE
    headers = {}
    for place in (1, len(data) // 512 - 1):
        raw = data[place * 512 : place * 512 + 512]
        fields = gpt.HEADER.unpack(raw[: gpt.HEADER.size])
        assert fields[0] == b"EFI PART"
        assert fields[3] == zlib.crc32(raw[:16] + bytes(4) + raw[20:92])
        assert fields[5] == place
        entries = data[fields[10] * 512 : fields[10] * 512 + 128 * 128]
        assert fields[13] == zlib.crc32(entries)
        headers[place] = (fields[7:10], entries)
    assert len(set(headers.values())) == 1
    (first_usable, last_usable, _), entries = next(iter(headers.values()))
    first, last = struct.unpack_from("<QQ", entries, 32)
    assert first_usable <= first == 2048
    assert last <= last_usable == len(data) // 512 - 34


def volume(image: Path) -> bytes:
    """The FAT32 volume of an image, as firmware would see it."""
    with image.open("rb") as disk:
        start, size = gpt.find_system_partition(disk)
        disk.seek(start)
        return disk.read(size)


def test_the_volume_checker_has_nothing_to_say(image: Path, tmp_path: Path) -> None:
    checker = shutil.which("fsck.vfat") or shutil.which("fsck.vfat", path="/sbin:/usr/sbin")
    if checker is None:
        pytest.skip("fsck.vfat (dosfstools) is not installed")
    (tmp_path / "volume").write_bytes(volume(image))
    done = subprocess.run([checker, "-n", tmp_path / "volume"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert len(done.stdout.splitlines()) == 2, done.stdout  # its version and its count: no complaint between


def test_mtools_reads_the_same_files(image: Path, sources: dict[str, Path]) -> None:
    if shutil.which("mcopy") is None:
        pytest.skip("mtools are not installed")
    command = ["mcopy", "-n", "-i", f"{image}@@{gpt.FIRST_LBA * 512}", "::tales.bin", "-"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.stderr, done.stdout) == (b"", sources["tales.bin"].read_bytes())


def test_the_systems_partition_tool_sees_one_efi_partition(image: Path) -> None:
    tool = shutil.which("sfdisk") or shutil.which("sfdisk", path="/sbin:/usr/sbin")
    if tool is None:
        pytest.skip("sfdisk is not installed")
    done = subprocess.run([tool, "--verify", image], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shown = subprocess.run([tool, "-l", image], capture_output=True, text=True, check=True).stdout
    assert shown.count("EFI System") == 1


def test_room_is_left_for_the_files_of_the_kernel(image: Path) -> None:
    data = volume(image)
    (free,) = struct.unpack_from("<I", data, 512 + 488)
    assert free * data[13] * 512 >= 32 << 20


@pytest.mark.parametrize(
    ("which", "name"),
    [("tales.bin", "tökens.bin"), ("tales.bin", "a" * 60 + ".bin"), ("tales.bin", "tokenizer.bin"), ("my.cfg", None)],
    ids=["not ASCII", "too long", "a tokenizer's", "missing"],
)
def test_what_the_kernel_could_not_open_is_refused(
    sources: dict[str, Path], tmp_path: Path, which: str, name: str | None
) -> None:
    if name is None:
        sources[which].unlink()
    else:
        sources[which] = sources[which].rename(tmp_path / name)
    with pytest.raises(ImageError, match=str(sources[which].name)):
        build_image(tmp_path / "a.img", *sources.values())
    assert not (tmp_path / "a.img").exists()


def test_a_folder_is_no_model(sources: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "folder.bin").mkdir()
    with pytest.raises(ImageError, match="not a file"):
        build_image(tmp_path / "a.img", sources["BOOTX64.EFI"], tmp_path / "folder.bin")


def test_a_missing_folder_is_named(sources: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="nowhere is not there"):
        build_image(tmp_path / "nowhere" / "a.img", sources["BOOTX64.EFI"])


def test_a_device_is_not_overwritten(sources: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "device").symlink_to("/dev/null")
    with pytest.raises(ImageError, match="not a regular file"):
        build_image(tmp_path / "device", sources["BOOTX64.EFI"])


def test_a_failed_write_leaves_the_old_image(image: Path, sources: dict[str, Path]) -> None:
    before = image.read_bytes()
    program = (
        "import resource, sys; from pathlib import Path; from llmbm_console.core.image.boot_image import build_image;"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({1 << 20}, {1 << 20}));"
        "build_image(Path(sys.argv[1]), *map(Path, sys.argv[2:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, image, *sources.values()], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"ImageError: {image}: the image cannot be written" in done.stderr
    assert image.read_bytes() == before
    assert not list(image.parent.glob(".*.part"))


def test_not_an_image_is_said(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"hello")
    with pytest.raises(ImageError, match="no GUID partition table"):
        read_files(tmp_path / "x")
    with pytest.raises(ImageError, match="cannot be read"):
        read_files(tmp_path / "nothing.img")


@pytest.mark.parametrize("place", [512 + 16, 512 + 72, 1024 + 32, gpt.FIRST_LBA * 512 + 11, gpt.FIRST_LBA * 512 + 36])
def test_a_damaged_image_is_refused_with_its_name(image: Path, place: int) -> None:
    with image.open("r+b") as disk:
        disk.seek(place)
        disk.write(b"\xff" * 16)
    with pytest.raises(ImageError, match=r"boot\.img: "):
        read_files(image)


def test_the_command_says_what_to_do_with_it(sources: dict[str, Path], tmp_path: Path) -> None:
    output = tmp_path / "out.img"
    command = [sys.executable, "-m", "llmbm_console", "image", output, "--model", sources["tales.bin"]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "dd if=" in done.stdout
    assert set(read_files(output)) == {BOOT_PATH, "tales.bin", "tales.tok.bin"}


def test_a_gguf_file_needs_no_tokenizer_and_keeps_its_name(sources: dict[str, Path], tmp_path: Path) -> None:
    for name, on_the_volume in [
        ("tales.gguf", "tales.gguf"),
        ("TALES.GGU", "TALES.GGU"),
        ("tales-q8", "tales-q8.gguf"),
    ]:
        (tmp_path / name).write_bytes(b"GGUF" + content(100))
        build_image(tmp_path / "a.img", sources["BOOTX64.EFI"], tmp_path / name)
        assert set(read_files(tmp_path / "a.img")) == {BOOT_PATH, on_the_volume}


def test_the_command_takes_a_gguf_file_alone_and_refuses_a_tokenizer_beside_it(
    sources: dict[str, Path], tmp_path: Path
) -> None:
    model, output = tmp_path / "tales.gguf", tmp_path / "a.img"
    model.write_bytes(b"GGUF" + content(100))
    command = [sys.executable, "-m", "llmbm_console", "image", str(output), "--model", str(model)]
    subprocess.run(command, check=True, capture_output=True)
    assert set(read_files(output)) == {BOOT_PATH, "tales.gguf"}
    done = subprocess.run(
        [*command, "--tokenizer", str(sources["tales.tok.bin"])], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "tales.gguf is a GGUF file and has its tokenizer inside; leave --tokenizer out" in done.stderr
