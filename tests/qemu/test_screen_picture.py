"""The picture that the kernel takes of its own screen is the one that QEMU sees."""

from __future__ import annotations

from pathlib import Path

import pytest
from qemu_machine import Boot, Setup

from llmbm_console.core.image.boot_image import read_files
from llmbm_console.core.machine.ppm import parse_ppm

pytestmark = pytest.mark.qemu


def test_the_picture_is_what_the_screen_shows(boot: Boot, default_image: Path, tmp_path: Path) -> None:
    machine = boot(default_image)
    machine.until(r"\nllmk> ")
    machine.ask("/sampling")
    before = machine.screen(tmp_path)
    said = machine.ask("/save_img Shot-1.ppm")
    assert "wrote Shot-1.ppm" in said, said
    picture = parse_ppm(read_files(tmp_path / "disk.img")["Shot-1.ppm"])
    assert f"{picture.width} x {picture.height}" in said
    assert len(picture.pixels) == len(before)
    assert sum(byte != 0 for byte in picture.pixels[::3]) > 2_000  # there is something on it
    # The line with the command itself was written after QEMU's picture. (Upside down, 28,796 pixels are different.)
    different = sum(a != b for a, b in zip(picture.pixels[::3], before[::3], strict=True))
    assert different < 4_000, different
    assert "ends in .ppm" in machine.ask("/save_img stories700K.bin")
    assert "no model" not in machine.ask("/model")


def test_a_read_only_volume_takes_no_picture(boot: Boot, default_image: Path) -> None:
    machine = boot(default_image, Setup(read_only=True))
    machine.until(r"\nllmk> ")
    assert "read-only" in machine.ask("/save_img shot.ppm")
    assert "temp = 0.5" in machine.ask("/temp 0.5")
