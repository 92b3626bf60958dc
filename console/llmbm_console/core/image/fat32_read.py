"""Reading files of a FAT32 volume, among them those that the kernel wrote. Nothing on the volume is trusted."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from llmbm_console.core.image.fat32 import DIRECTORY, ENTRY, LABEL, SECTOR
from llmbm_console.core.image.fat32_names import LONG_NAME, checksum, decode_long, decode_short, long_part

MOST_DEPTH = 16
MOST_DIRECTORY_BYTES = 2 << 20  # the format's limit: 65,536 entries


class FatError(ValueError):
    """Not a FAT32 volume, or a damaged one."""


@dataclass(frozen=True, slots=True)
class FatFile:
    """A regular file: its path from the root with "/" between, its size, its first cluster (0: empty)."""

    path: str
    bytes: int
    first: int


class VolumeReader:
    """A FAT32 volume at byte `start` of a disk. Raises FatError for what is not one."""

    def __init__(self, disk: BinaryIO, start: int) -> None:
        self._disk = disk
        self._start = start
        self._bytes = disk.seek(0, 2) - start
        self._visited: set[int] = set()
        boot = self._read(0, SECTOR)
        sector, self._cluster_sectors, reserved, fats, root_entries = struct.unpack_from("<HBHBH", boot, 11)
        fat16_sectors, sectors, fat_sectors = *struct.unpack_from("<H", boot, 22), *struct.unpack_from("<II", boot, 32)
        if boot[510:] != b"\x55\xaa" or sector != SECTOR or root_entries != 0 or fat16_sectors != 0:
            raise FatError("not a FAT32 volume with sectors of 512 bytes")
        if self._cluster_sectors not in (1, 2, 4, 8, 16, 32, 64, 128) or not 1 <= fats <= 2 or fat_sectors == 0:
            raise FatError("the boot sector of the FAT32 volume is damaged")
        self._data = reserved + fats * fat_sectors
        self._clusters = (sectors - self._data) // self._cluster_sectors
        if not 0 < self._clusters <= fat_sectors * SECTOR // 4 - 2:
            raise FatError("the boot sector of the FAT32 volume is damaged: its sizes contradict each other")
        self._fat = array("I")
        self._fat.frombytes(self._read(reserved * SECTOR, (self._clusters + 2) * 4))
        if struct.pack("=I", 1) != struct.pack("<I", 1):
            self._fat.byteswap()
        (self._root,) = struct.unpack_from("<I", boot, 44)

    def _read(self, offset: int, size: int) -> bytes:
        if offset + size > self._bytes:
            raise FatError(f"its FAT32 volume claims to reach byte {self._start + offset + size}, behind the end")
        self._disk.seek(self._start + offset)
        return self._disk.read(size)

    def _chain(self, first: int, most: int) -> Iterator[int]:
        cluster = first
        for _ in range(most):
            if not 2 <= cluster < self._clusters + 2:
                raise FatError(f"a chain of clusters leads to {cluster}, outside 2 to {self._clusters + 1}")
            yield cluster
            cluster = self._fat[cluster] & 0x0FFF_FFFF
            if cluster >= 0x0FFF_FFF8:
                return

    def _contents(self, first: int, most_bytes: int) -> bytes:
        size = self._cluster_sectors * SECTOR
        chain = self._chain(first, min(-(-most_bytes // size), self._clusters))
        return b"".join(
            self._read((self._data + (cluster - 2) * self._cluster_sectors) * SECTOR, size) for cluster in chain
        )

    def read(self, file: FatFile) -> bytes:
        """A file's content. Raises FatError when it is shorter than its entry says."""
        if file.bytes == 0:
            return b""
        data = self._contents(file.first, file.bytes)
        if len(data) < file.bytes:
            raise FatError(f"{file.path}: has {len(data)} bytes of clusters, its entry says {file.bytes}")
        return data[: file.bytes]

    def files(self) -> Iterator[FatFile]:
        """Every regular file of the volume."""
        self._visited.clear()
        yield from self._files(self._root, "", 0)

    def _files(self, cluster: int, prefix: str, depth: int) -> Iterator[FatFile]:
        if depth > MOST_DEPTH or cluster in self._visited:
            raise FatError(f"{prefix}: folders lie within each other without end")
        self._visited.add(cluster)
        data = self._contents(cluster, MOST_DIRECTORY_BYTES)
        parts: list[bytes] = []
        sum_of_parts = -1
        for at in range(0, len(data), ENTRY):
            entry = data[at : at + ENTRY]
            if entry[0] == 0:
                return
            if entry[0] == 0xE5:  # removed
                parts = []
                continue
            if entry[11] == LONG_NAME:
                parts = [*parts, long_part(entry)] if not entry[0] & 0x40 else [long_part(entry)]
                sum_of_parts = entry[13]
                continue
            name = decode_long(parts) if parts and sum_of_parts == checksum(entry[:11]) else decode_short(entry)
            parts = []
            if entry[11] & LABEL or name in (".", ".."):
                continue
            first = struct.unpack_from("<H", entry, 20)[0] << 16 | struct.unpack_from("<H", entry, 26)[0]
            if entry[11] & DIRECTORY:
                yield from self._files(first, f"{prefix}{name}/", depth + 1)
            else:
                yield FatFile(prefix + name, struct.unpack_from("<I", entry, 28)[0], first)
