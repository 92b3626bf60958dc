"""A FAT32 volume written once, front to back: directories first, then each file in one unbroken run of clusters.

Written here rather than taken from a library: the libraries found leave the free count and the geometry unset, which
checkers and other tools complain about, or need system tools that not every system has. Source of the layout:
Microsoft, "FAT32 File System Specification" 1.03.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from llmbm_console.core.image.fat32_names import long_entries, short_name

SECTOR = 512
ENTRY = 32
LEAST_CLUSTERS = (
    65_525 + 16
)  # with fewer a volume is FAT16, whatever it says; the distance is the specification's advice
MOST_FILE_BYTES = 0xFFFF_FFFF
RESERVED = 32
END_OF_CHAIN = 0x0FFF_FFFF
CHUNK = 1 << 20
DATE = (1980 - 1980) << 9 | 1 << 5 | 1  # always the same, so that the same files give the same bytes
FILE, DIRECTORY, LABEL = 0x20, 0x10, 0x08

Content = Path | bytes


@dataclass(slots=True)
class Node:
    """A file (`content`) or a directory (`children`) and where it lies."""

    name: str
    content: Content | None = None
    children: dict[str, Node] = field(default_factory=dict)
    bytes: int = 0
    first: int = 0  # cluster

    @property
    def is_directory(self) -> bool:
        """Directories have no content of their own."""
        return self.content is None

    def walk(self) -> Iterator[Node]:
        """All nodes below, directories before their files' contents are reached."""
        for child in self.children.values():
            yield child
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Geometry:
    """Sizes of a volume."""

    cluster_sectors: int
    clusters: int
    reserved: int
    fat_sectors: int

    @property
    def cluster_bytes(self) -> int:
        """Bytes of one cluster."""
        return self.cluster_sectors * SECTOR

    @property
    def data_sector(self) -> int:
        """Where cluster 2 is."""
        return self.reserved + 2 * self.fat_sectors

    @property
    def sectors(self) -> int:
        """The whole volume."""
        return self.data_sector + self.clusters * self.cluster_sectors

    def offset(self, cluster: int) -> int:
        """Byte offset of a cluster in the volume."""
        return (self.data_sector + (cluster - 2) * self.cluster_sectors) * SECTOR


def make_tree(files: dict[str, Content]) -> Node:
    """The directories of paths like "EFI/BOOT/BOOTX64.EFI". Raises OSError for a file that cannot be looked at."""
    root = Node("")
    for path, content in files.items():
        *folders, name = path.split("/")
        at = root
        for folder in folders:
            at = at.children.setdefault(folder, Node(folder))
        size = content.stat().st_size if isinstance(content, Path) else len(content)
        at.children[name] = Node(name, content, bytes=size)
    return root


def plan(root: Node, free_bytes: int) -> Geometry:
    """A volume for these files and at least `free_bytes` more, its clusters as large as it allows (4 KiB at most)."""
    total = sum(node.bytes for node in root.walk()) + free_bytes
    cluster_sectors = next((size for size in (8, 4, 2) if total // (size * SECTOR) >= LEAST_CLUSTERS), 1)
    cluster_bytes = cluster_sectors * SECTOR
    used = sum(_clusters(node, cluster_bytes) for node in (root, *root.walk()))
    clusters = max(used + -(-free_bytes // cluster_bytes), LEAST_CLUSTERS)
    fat_sectors = -(-(clusters + 2) * 4 // SECTOR)
    reserved = RESERVED + -(RESERVED + 2 * fat_sectors) % 8  # the clusters lie on boundaries of 4 KiB
    return Geometry(cluster_sectors, clusters, reserved, fat_sectors)


def _clusters(node: Node, cluster_bytes: int) -> int:
    if not node.is_directory:
        return -(-node.bytes // cluster_bytes)
    entries = 3 + sum(1 + len(long_entries(name, b" " * 11)) for name in node.children)
    return -(-entries * ENTRY // cluster_bytes)


class VolumeWriter:
    """Writes one volume into `disk` at byte `start`. The place must hold zeros."""

    def __init__(self, disk: BinaryIO, start: int, geometry: Geometry, root: Node, label: str) -> None:
        self._disk = disk
        self._start = start
        self._geometry = geometry
        self._root = root
        self._label = label.encode("ascii").ljust(11)[:11]
        self._fat = array("I", [0x0FFF_FFF8, END_OF_CHAIN])
        nodes = list(root.walk())
        for node in (root, *(n for n in nodes if n.is_directory), *(n for n in nodes if not n.is_directory)):
            node.first = self._allocate(_clusters(node, geometry.cluster_bytes))

    def _allocate(self, count: int) -> int:
        first = len(self._fat)
        if count == 0:
            return 0
        self._fat.extend(range(first + 1, first + count))
        self._fat.append(END_OF_CHAIN)
        return first

    def _write(self, offset: int, data: bytes) -> None:
        self._disk.seek(self._start + offset)
        self._disk.write(data)

    def write_directories(self) -> None:
        """Every directory, and both copies of the allocation table."""
        self._write_directory(self._root, None)
        table = self._fat
        if struct.pack("=I", 1) != struct.pack("<I", 1):
            table = array("I", self._fat)
            table.byteswap()
        for copy in range(2):
            self._write((self._geometry.reserved + copy * self._geometry.fat_sectors) * SECTOR, table.tobytes())

    def _write_directory(self, node: Node, parent: Node | None) -> None:
        if parent is None:
            entries = [_entry(self._label, LABEL, 0, 0)]
        else:
            above = parent.first if parent is not self._root else 0
            entries = [_entry(b".".ljust(11), DIRECTORY, node.first, 0), _entry(b"..".ljust(11), DIRECTORY, above, 0)]
        taken: set[bytes] = set()
        for name, child in node.children.items():
            short = short_name(name, taken)
            taken.add(short)
            entries += long_entries(name, short)
            kind = DIRECTORY if child.is_directory else FILE
            entries.append(_entry(short, kind, child.first, 0 if child.is_directory else child.bytes))
        self._write(self._geometry.offset(node.first), b"".join(entries))
        for child in node.children.values():
            if child.is_directory:
                self._write_directory(child, node)

    def write_file(self, node: Node) -> Iterator[bytes]:
        """Copies one file and hands out what it copied, chunk by chunk. Raises OSError, also when the size changed."""
        offset = self._geometry.offset(node.first)
        left = node.bytes
        for chunk in _chunks(node.content):
            left -= len(chunk)
            if left < 0:
                break
            self._write(offset, chunk)
            offset += len(chunk)
            yield chunk
        if left != 0:
            raise OSError(f"{node.name}: its size changed while it was copied")

    def write_boot_sectors(self, hidden: int, serial: int) -> None:
        """Boot sector and free count, with their backups. `hidden` is the first sector of the partition."""
        g = self._geometry
        boot = bytearray(SECTOR)
        struct.pack_into(
            "<3s8sHBHBHHBHHHIIIHHIHH12sBBBI11s8s", boot, 0,
            b"\xeb\x58\x90", b"LLMBM1.0", SECTOR, g.cluster_sectors, g.reserved, 2, 0, 0, 0xF8, 0, 63, 255, hidden,
            g.sectors, g.fat_sectors, 0, 0, self._root.first, 1, 6, b"", 0x80, 0, 0x29, serial, self._label,
            b"FAT32   ",
        )  # fmt: skip
        boot[90:92] = b"\xeb\xfe"  # an endless loop: nothing boots this sector
        boot[510:] = b"\x55\xaa"
        used = len(self._fat) - 2
        free = g.clusters - used
        info = struct.pack("<I480xIII12xI", 0x41615252, 0x61417272, free, len(self._fat) if free else 2, 0xAA550000)
        for base in (0, 6):
            self._write(base * SECTOR, bytes(boot) + info + bytes(508) + b"\0\0\x55\xaa")


def _entry(short: bytes, kind: int, first: int, size: int) -> bytes:
    high, low = first >> 16, first & 0xFFFF
    return struct.pack("<11sBBBHHHHHHHI", short, kind, 0, 0, 0, DATE, DATE, high, 0, DATE, low, size)


def _chunks(content: Content | None) -> Iterator[bytes]:
    if isinstance(content, Path):
        with content.open("rb") as source:
            while chunk := source.read(CHUNK):
                yield chunk
    elif content:
        yield content
