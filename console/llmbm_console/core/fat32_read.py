"""Reads a FAT32 volume back: what the kernel wrote into its image, without mounting it.

Bounded: a damaged volume gives a FatError, never an endless loop.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

MAX_DEPTH = 8
MAX_ENTRIES = 65_536


class FatError(ValueError):
    """The volume is no FAT32, or is damaged."""


class FatReader:
    """A volume that begins at `offset` bytes of `disk`."""

    def __init__(self, disk: BinaryIO, offset: int) -> None:
        self.disk, self.offset = disk, offset
        boot = self._read(0, 512)
        if len(boot) < 512 or boot[510:] != b"\x55\xaa":
            raise FatError("the boot sector has no signature")
        self.sector, self.cluster_sectors, self.reserved, self.fats = struct.unpack_from("<HBHB", boot, 11)
        self.fat_sectors, self.root = struct.unpack_from("<I", boot, 36)[0], struct.unpack_from("<I", boot, 44)[0]
        if self.sector not in (512, 1024, 2048, 4096) or not self.cluster_sectors or not self.fat_sectors:
            raise FatError("the boot sector is not that of a FAT32 volume")
        self.cluster_bytes = self.sector * self.cluster_sectors
        self.fat = self._read(self.reserved * self.sector, self.fat_sectors * self.sector)

    def _read(self, at: int, count: int) -> bytes:
        self.disk.seek(self.offset + at)
        return self.disk.read(count)

    def _chain(self, cluster: int) -> Iterator[int]:
        for _ in range(len(self.fat) // 4):
            if not 2 <= cluster < len(self.fat) // 4:
                return
            yield cluster
            cluster = struct.unpack_from("<I", self.fat, cluster * 4)[0] & 0x0FFF_FFFF
        raise FatError("a chain of clusters never ends")

    def _content(self, cluster: int, size: int | None) -> bytes:
        start = (self.reserved + self.fats * self.fat_sectors) * self.sector
        pieces, got = [], 0
        for number in self._chain(cluster):
            pieces.append(self._read(start + (number - 2) * self.cluster_bytes, self.cluster_bytes))
            got += len(pieces[-1])
            if size is not None and got >= size:
                break
        data = b"".join(pieces)
        if size is not None and len(data) < size:
            raise FatError(f"a file of {size} bytes has only {len(data)}")
        return data if size is None else data[:size]

    def files(self) -> dict[str, bytes]:
        """Every file by its path."""
        return dict(self._folder(self.root, "", 0))

    def _folder(self, cluster: int, prefix: str, depth: int) -> Iterator[tuple[str, bytes]]:
        if depth > MAX_DEPTH:
            raise FatError("the folders are nested too deeply")
        data = self._content(cluster, None)[: MAX_ENTRIES * 32]
        long_name = ""
        for at in range(0, len(data) - 31, 32):
            entry = data[at : at + 32]
            if entry[0] == 0:
                return
            if entry[0] == 0xE5:
                long_name = ""
                continue
            if entry[11] == 0x0F:
                units = entry[1:11] + entry[14:26] + entry[28:32]
                piece = units.decode("utf-16-le", "replace").partition("\0")[0].rstrip("\uffff")
                long_name = piece + ("" if entry[0] & 0x40 else long_name)
                continue
            name, long_name = long_name or short_name(entry), ""
            if entry[11] & 0x08 or name in (".", ".."):
                continue
            first = struct.unpack_from("<H", entry, 20)[0] << 16 | struct.unpack_from("<H", entry, 26)[0]
            if entry[11] & 0x10:
                yield from self._folder(first, f"{prefix}{name}/", depth + 1)
            else:
                size = struct.unpack_from("<I", entry, 28)[0]
                yield prefix + name, self._content(first, size) if size else b""


def short_name(entry: bytes) -> str:
    """The old name of an entry; bits 3 and 4 of byte 12 say that stem or extension are lower case."""
    stem, extension = (part.decode("cp437").rstrip() for part in (entry[:8], entry[8:11]))
    if entry[12] & 0x08:
        stem = stem.lower()
    if entry[12] & 0x10:
        extension = extension.lower()
    return f"{stem}.{extension}" if extension else stem
