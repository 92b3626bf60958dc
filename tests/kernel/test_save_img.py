"""/save_img where there is no framebuffer, and names that it does not take."""

from __future__ import annotations

import pytest
from typed_kernel import Kernel


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "needs a file name"),
        ("screen.png", "ends in .ppm"),
        ("stories700K.bin", "ends in .ppm"),
        (".ppm", "ends in .ppm"),
        ("EFI/BOOT/x.ppm", "letters, digits"),
        ("..\\x.ppm", "letters, digits"),
        ("a b.ppm", "is too much"),
        ("x" * 80 + ".ppm", "at most 63"),
        ("screen.ppm", "no framebuffer"),
        ("SCREEN.PPM", "no framebuffer"),
    ],
)
def test_what_cannot_be_written_is_said_and_nothing_is(kernel: Kernel, name: str, reason: str) -> None:
    before = sorted(kernel.folder.iterdir())
    assert reason in kernel.ask(f"/save_img {name}")
    assert sorted(kernel.folder.iterdir()) == before
