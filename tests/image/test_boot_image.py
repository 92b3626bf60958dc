"""The boot image: read back by this project's reader, and checked by the system's own tools where they are there."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from llmbm_console.core.gpt import FIRST_LBA
from llmbm_console.core.image import ImageError, build_image, read_files


@pytest.fixture
def parts(tmp_path: Path) -> dict[str, Path]:
    """Files of the sizes that matter: empty, one byte, over several clusters."""
    found = {}
    for name, content in {
        "BOOTX64.EFI": b"MZ" + bytes(range(256)) * 700,
        "my model.bin": bytes(range(256)) * 9000,
        "my model.tok.bin": b"tokens",
        "repl.cfg": b"temp=0.5\n",
    }.items():
        found[name] = tmp_path / name
        found[name].write_bytes(content)
    return found


def build(parts: dict[str, Path], output: Path) -> None:
    build_image(output, parts["BOOTX64.EFI"], parts["my model.bin"], parts["my model.tok.bin"], parts["repl.cfg"])


def test_every_file_comes_back_byte_for_byte(parts: dict[str, Path], tmp_path: Path) -> None:
    build(parts, tmp_path / "a.img")
    found = read_files(tmp_path / "a.img")
    assert set(found) == {"EFI/BOOT/BOOTX64.EFI", "my model.bin", "my model.tok.bin", "repl.cfg"}
    assert found["EFI/BOOT/BOOTX64.EFI"] == parts["BOOTX64.EFI"].read_bytes()
    assert found["my model.bin"] == parts["my model.bin"].read_bytes()


def test_the_same_input_gives_the_same_bytes(parts: dict[str, Path], tmp_path: Path) -> None:
    build(parts, tmp_path / "a.img")
    build(parts, tmp_path / "b.img")
    assert (tmp_path / "a.img").read_bytes() == (tmp_path / "b.img").read_bytes()


def test_a_tokenizer_is_named_for_its_model(parts: dict[str, Path], tmp_path: Path) -> None:
    other = tmp_path / "other.tok.bin"
    other.write_bytes(b"t")
    build_image(tmp_path / "a.img", parts["BOOTX64.EFI"], parts["my model.bin"], other, None)
    assert "my model.tok.bin" in read_files(tmp_path / "a.img")


@pytest.mark.skipif(shutil.which("fsck.vfat") is None, reason="dosfstools is not installed")
def test_the_systems_checker_finds_nothing(parts: dict[str, Path], tmp_path: Path) -> None:
    build(parts, tmp_path / "a.img")
    partition = tmp_path / "partition"
    partition.write_bytes((tmp_path / "a.img").read_bytes()[FIRST_LBA * 512 :])
    done = subprocess.run(["fsck.vfat", "-n", str(partition)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(shutil.which("sfdisk") is None, reason="sfdisk is not installed")
def test_the_systems_partition_tool_sees_one_efi_partition(parts: dict[str, Path], tmp_path: Path) -> None:
    build(parts, tmp_path / "a.img")
    done = subprocess.run(["sfdisk", "--verify", str(tmp_path / "a.img")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shown = subprocess.run(
        ["sfdisk", "-l", str(tmp_path / "a.img")], capture_output=True, text=True, check=False
    ).stdout
    assert shown.count("EFI System") == 1


def test_missing_and_unwritable_files_are_named(parts: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"nothing\.bin"):
        build_image(tmp_path / "a.img", parts["BOOTX64.EFI"], tmp_path / "nothing.bin", None, None)
    with pytest.raises(ImageError, match="cannot be written"):
        build(parts, tmp_path / "no folder" / "a.img")


def test_an_image_that_fails_leaves_the_old_one(parts: dict[str, Path], tmp_path: Path) -> None:
    output = tmp_path / "a.img"
    build(parts, output)
    before = output.read_bytes()
    with pytest.raises(ImageError):
        build_image(output, parts["BOOTX64.EFI"], tmp_path / "nothing.bin", None, None)
    assert output.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.name.endswith(".new")] == []


@pytest.mark.parametrize("damage", [0, 512, 512 + 72, FIRST_LBA * 512, FIRST_LBA * 512 + 36])
def test_a_damaged_image_is_an_error_and_no_crash(parts: dict[str, Path], tmp_path: Path, damage: int) -> None:
    build(parts, tmp_path / "a.img")
    with (tmp_path / "a.img").open("r+b") as disk:
        disk.seek(damage)
        disk.write(b"\xff" * 512)
    with contextlib.suppress(ImageError):
        read_files(tmp_path / "a.img")


def test_not_an_image_is_said(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"hello")
    with pytest.raises(ImageError, match="no GUID partition table"):
        read_files(tmp_path / "x")


def test_the_command_says_what_to_do_with_it(parts: dict[str, Path], tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "llmbm_console",
        "image",
        str(tmp_path / "out.img"),
        "--model",
        str(parts["my model.bin"]),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "dd if=" in done.stdout
    assert "my model.bin" in read_files(tmp_path / "out.img")
