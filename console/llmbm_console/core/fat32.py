"""A FAT32 file system, written once: directories and files one after the other, each in one run of clusters.

Source: Microsoft's FAT specification 1.03 (2000). Own code because the library for it on PyPI depends on a package that
current Python environments no longer import, and leaves the free-cluster count and the geometry wrong.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

SECTOR = 512
RESERVED = 32
FEWEST_CLUSTERS = 65_525 + 16  # below this a FAT is by definition no FAT32
END_OF_CHAIN = 0x0FFF_FFFF
ROOT_CLUSTER = 2
DATE, TIME = (2026 - 1980) << 9 | 1 << 5 | 1, 0  # fixed: the same input gives the same bytes
COPY_BYTES = 1 << 20


@dataclass(frozen=True)
class Geometry:
    """Sizes of a volume, in sectors unless named otherwise."""

    sectors: int
    cluster_sectors: int
    fat_sectors: int
    clusters: int

    @property
    def data_start(self) -> int:
        """First sector of cluster 2."""
        return RESERVED + 2 * self.fat_sectors


def geometry_for(payload_bytes: int, spare_bytes: int) -> Geometry:
    """A volume that holds the payload and leaves room.

    Clusters are as large as FAT32's least number of them allows, at most 4 KiB.
    """
    for cluster_sectors in (8, 4, 2, 1):
        cluster = cluster_sectors * SECTOR
        clusters = max((payload_bytes + spare_bytes) // cluster + 64, FEWEST_CLUSTERS)
        if clusters > FEWEST_CLUSTERS or cluster_sectors == 1:
            break
    fat_sectors = -(-(clusters + 2) * 4 // SECTOR)
    return Geometry(RESERVED + 2 * fat_sectors + clusters * cluster_sectors, cluster_sectors, fat_sectors, clusters)


@dataclass
class Folder:
    """A directory to be written: names to files (a path or bytes) and folders."""

    entries: dict[str, Folder | Path | bytes] = field(default_factory=dict)

    def add(self, path: str, content: Path | bytes) -> None:
        """Puts a file at `path` ("EFI/BOOT/BOOTX64.EFI"), making folders on the way."""
        folder, *rest = path.split("/", 1)
        if not rest:
            self.entries[folder] = content
            return
        inner = self.entries.setdefault(folder, Folder())
        assert isinstance(inner, Folder)
        inner.add(rest[0], content)


def size_of(content: Path | bytes) -> int:
    """Bytes of a file's content."""
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def short_names(names: list[str]) -> dict[str, bytes]:
    """The eleven bytes of the old name of each entry: the name itself if it is one, else STEM~1, STEM~2 ..."""
    taken: set[bytes] = set()
    found: dict[str, bytes] = {}
    for name in names:
        stem, _, extension = name.rpartition(".") if "." in name else (name, "", "")
        plain = [c for c in stem.upper() if c.isascii() and (c.isalnum() or c in "_-")]
        end = "".join(c for c in extension.upper() if c.isascii() and (c.isalnum() or c in "_-"))[:3]
        short = "".join(plain)[:8].ljust(8).encode() + end.ljust(3).encode()
        if not is_short(name) or short in taken:
            for number in range(1, 10_000):
                tail = f"~{number}"
                short = ("".join(plain)[: 8 - len(tail)] + tail).ljust(8).encode() + end.ljust(3).encode()
                if short not in taken:
                    break
        taken.add(short)
        found[name] = short
    return found


def is_short(name: str) -> bool:
    """Whether a name is a complete old name: upper case, eight and three."""
    stem, _, extension = name.partition(".")
    allowed = all(c.isascii() and (c.isdigit() or c in "_-" or "A" <= c <= "Z") for c in stem + extension)
    return allowed and 1 <= len(stem) <= 8 and len(extension) <= 3 and "." not in extension


def long_entries(name: str, short: bytes) -> Iterator[bytes]:
    """The entries in front of the old name that hold a long one, last part first."""
    checksum = 0
    for byte in short:
        checksum = ((checksum >> 1 | checksum << 7) & 0xFF) + byte & 0xFF
    units = [struct.unpack_from("<H", name.encode("utf-16-le"), i)[0] for i in range(0, 2 * len(name), 2)] + [0]
    units += [0xFFFF] * (-len(units) % 13)
    parts = len(units) // 13
    for part in range(parts, 0, -1):
        piece = struct.pack("<13H", *units[(part - 1) * 13 : part * 13])
        order = part | (0x40 if part == parts else 0)
        yield struct.pack("<B10sBBB12sH4s", order, piece[:10], 0x0F, 0, checksum, piece[10:22], 0, piece[22:])


def directory_entry(short: bytes, folder: bool, cluster: int, size: int) -> bytes:
    """An entry of 32 bytes."""
    attribute = 0x10 if folder else 0x20
    head = struct.pack("<11sBBBHHH", short, attribute, 0, 0, TIME, DATE, DATE)
    return head + struct.pack("<HHHHI", cluster >> 16, TIME, DATE, cluster & 0xFFFF, size)


class Volume:
    """Writes one volume into `disk` at `offset` bytes."""

    def __init__(self, disk: BinaryIO, offset: int, geometry: Geometry, label: str, serial: int) -> None:
        self.disk, self.offset, self.geometry = disk, offset, geometry
        self.label, self.serial = label.upper().ljust(11)[:11].encode("ascii"), serial
        self.fat = array("I", [0]) * (geometry.clusters + 2)
        self.fat[0], self.fat[1] = 0x0FFF_FFF8, END_OF_CHAIN
        self.next = ROOT_CLUSTER

    def write(self, root: Folder, hidden_sectors: int) -> None:
        """Writes files, directories, both FATs and the boot sectors."""
        self._write_folder(root, parent=0, is_root=True)
        self._write_fats()
        self._write_boot(hidden_sectors)

    def _take(self, size: int) -> int:
        cluster_bytes = self.geometry.cluster_sectors * SECTOR
        count = max(1, -(-size // cluster_bytes))
        first = self.next
        if first + count > self.geometry.clusters + 2:
            raise OSError("the volume is too small for its files")
        for cluster in range(first, first + count - 1):
            self.fat[cluster] = cluster + 1
        self.fat[first + count - 1] = END_OF_CHAIN
        self.next = first + count
        return first

    def _seek(self, cluster: int) -> None:
        sector = self.geometry.data_start + (cluster - 2) * self.geometry.cluster_sectors
        self.disk.seek(self.offset + sector * SECTOR)

    def _write_folder(self, folder: Folder, parent: int, is_root: bool = False) -> int:
        shorts = short_names(list(folder.entries))
        lengths = sum(32 * (1 + (0 if is_short(n) else -(-(len(n) + 1) // 13))) for n in folder.entries)
        own = self._take(lengths + 64)
        out = directory_entry_label(self.label) if is_root else b""
        if not is_root:
            out += directory_entry(b".".ljust(11), True, own, 0) + directory_entry(b"..".ljust(11), True, parent, 0)
        for name, content in folder.entries.items():
            if isinstance(content, Folder):
                cluster, size = self._write_folder(content, 0 if is_root else own), 0
            else:
                cluster, size = self._write_file(content), size_of(content)
            if not is_short(name):
                out += b"".join(long_entries(name, shorts[name]))
            out += directory_entry(shorts[name], isinstance(content, Folder), cluster, size)
        self._seek(own)
        self.disk.write(out)
        return own

    def _write_file(self, content: Path | bytes) -> int:
        size = size_of(content)
        if size == 0:
            return 0
        first = self._take(size)
        self._seek(first)
        if isinstance(content, bytes):
            self.disk.write(content)
            return first
        with content.open("rb") as source:
            copied = 0
            while chunk := source.read(COPY_BYTES):
                self.disk.write(chunk)
                copied += len(chunk)
        if copied != size:
            raise OSError(f"{content} changed while it was copied")
        return first

    def _write_fats(self) -> None:
        data = self.fat.tobytes()
        for number in range(2):
            self.disk.seek(self.offset + (RESERVED + number * self.geometry.fat_sectors) * SECTOR)
            self.disk.write(data)

    def _write_boot(self, hidden_sectors: int) -> None:
        g = self.geometry
        boot = struct.pack(
            "<3s8sHBHBHHBHHHII", b"\xeb\x58\x90", b"LLMBM1.0", SECTOR, g.cluster_sectors, RESERVED, 2, 0, 0, 0xF8, 0,
            63, 255, hidden_sectors, g.sectors,
        )  # fmt: skip
        boot += struct.pack(
            "<IHHIHH12sBBBI11s8s", g.fat_sectors, 0, 0, ROOT_CLUSTER, 1, 6, bytes(12), 0x80, 0, 0x29, self.serial,
            self.label, b"FAT32   ",
        )  # fmt: skip
        boot = boot.ljust(510, b"\0") + b"\x55\xaa"
        free = g.clusters + 2 - self.next
        info = b"RRaA" + bytes(480) + b"rrAa" + struct.pack("<II", free, self.next) + bytes(12) + b"\0\0\x55\xaa"
        for sector in (0, 6):
            self.disk.seek(self.offset + sector * SECTOR)
            self.disk.write(boot + info)


def directory_entry_label(label: bytes) -> bytes:
    """The root's first entry: the volume's name."""
    return struct.pack("<11sB10sHHHI", label, 0x08, bytes(10), TIME, DATE, 0, 0)
