"""Portable pixmaps (P6 with 8 bits a channel, after Netpbm's manual): QEMU's screendump and the kernel's /save_img."""

from __future__ import annotations

import re
from dataclasses import dataclass

LARGEST = 16384  # pixels along an edge

_HEADER = re.compile(rb"P6(?:\s|#[^\n]*\n)+(\d+)(?:\s|#[^\n]*\n)+(\d+)(?:\s|#[^\n]*\n)+(\d+)\s")

Colour = tuple[int, int, int]


class PixmapError(ValueError):
    """Bytes that are no such picture; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Pixmap:
    """A picture; `pixels` are rows of red, green, blue."""

    width: int
    height: int
    pixels: bytes

    def block(self, column: int, row: int, columns: int, rows: int) -> Colour:
        """The colour of one of `columns` x `rows` equal parts: of nine pixels spread over it the one that differs most
        from the picture's corner, so that thin writing stays to be seen."""
        ground = self._at(0, 0)
        best, most = ground, -1
        for down in (1, 3, 5):
            y = min(self.height - 1, (row * 6 + down) * self.height // (rows * 6))
            for right in (1, 3, 5):
                x = min(self.width - 1, (column * 6 + right) * self.width // (columns * 6))
                colour = self._at(x, y)
                distance = sum(abs(a - b) for a, b in zip(colour, ground, strict=True))
                if distance > most:
                    best, most = colour, distance
        return best

    def _at(self, x: int, y: int) -> Colour:
        place = (y * self.width + x) * 3
        red, green, blue = self.pixels[place : place + 3]
        return red, green, blue


def parse_ppm(data: bytes) -> Pixmap:
    """The picture in the bytes. Raises PixmapError."""
    header = _HEADER.match(data[:4096])
    if header is None:
        raise PixmapError(f"the picture begins with {data[:8]!r}; expected a P6 pixmap")
    width, height, most = (int(text[:9]) for text in header.groups())
    if not (0 < width <= LARGEST and 0 < height <= LARGEST):
        raise PixmapError(f"{width} x {height} pixels cannot be shown; expected 1 to {LARGEST} along an edge")
    if most != 255:
        raise PixmapError(f"the picture has {most} shades; expected 255")
    pixels = data[header.end() : header.end() + width * height * 3]
    if len(pixels) != width * height * 3:
        raise PixmapError(f"the picture ends after {len(pixels)} of {width * height * 3} bytes")
    return Pixmap(width, height, pixels)
