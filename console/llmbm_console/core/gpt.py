"""A GUID partition table with one EFI system partition: what firmware needs to boot from a disk or a USB stick.

Source: UEFI specification 2.10, chapter 5. Own code because the library for it on PyPI fills the whole disk with zeros
in memory and draws a new disk GUID each time: images here are sparse, and the same input gives the same bytes.
"""

from __future__ import annotations

import struct
import uuid
import zlib
from typing import BinaryIO

SECTOR = 512
FIRST_SECTOR = 2048  # of the partition: 1 MiB, where every tool aligns it
ENTRIES, ENTRY_BYTES = 128, 128
TABLE_SECTORS = ENTRIES * ENTRY_BYTES // SECTOR
TAIL_SECTORS = TABLE_SECTORS + 1  # the backup table and header at the end of the disk
ESP_TYPE = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")


class PartitionError(ValueError):
    """The image has no partition table, or no EFI system partition."""


def disk_sectors(partition_sectors: int) -> int:
    """Sectors of a disk that holds one partition of this size."""
    return FIRST_SECTOR + partition_sectors + TAIL_SECTORS


def _header(here: int, other: int, table: int, total: int, disk: uuid.UUID, table_crc: int) -> bytes:
    first_usable, last_usable = 2 + TABLE_SECTORS, total - TAIL_SECTORS - 1
    fields = (b"EFI PART", 0x10000, 92, 0, 0, here, other, first_usable, last_usable, disk.bytes_le)
    fields = (*fields, table, ENTRIES, ENTRY_BYTES, table_crc)  # type: ignore[assignment]
    layout = struct.Struct("<8sIIIIQQQQ16sQIII")
    head = layout.pack(*fields)
    crc = zlib.crc32(head)
    return (head[:16] + struct.pack("<I", crc) + head[20:]).ljust(SECTOR, b"\0")


def write_table(disk: BinaryIO, partition_sectors: int, seed: bytes) -> None:
    """Writes protective MBR, both tables and both headers. The GUIDs are made from `seed`."""
    total = disk_sectors(partition_sectors)
    disk_id = uuid.uuid5(ESP_TYPE, "disk:" + seed.hex())
    partition_id = uuid.uuid5(ESP_TYPE, "partition:" + seed.hex())
    last = FIRST_SECTOR + partition_sectors - 1
    name = "EFI system".encode("utf-16-le").ljust(72, b"\0")
    entry = struct.pack("<16s16sQQQ", ESP_TYPE.bytes_le, partition_id.bytes_le, FIRST_SECTOR, last, 0) + name
    table = entry.ljust(ENTRIES * ENTRY_BYTES, b"\0")
    crc = zlib.crc32(table)
    covered = min(total - 1, 0xFFFF_FFFF)
    mbr_entry = struct.pack("<B3sB3sII", 0, b"\x00\x02\x00", 0xEE, b"\xff\xff\xff", 1, covered)
    disk.seek(0)
    disk.write(bytes(446) + mbr_entry + bytes(48) + b"\x55\xaa")
    disk.write(_header(1, total - 1, 2, total, disk_id, crc))
    disk.write(table)
    disk.seek((total - TAIL_SECTORS) * SECTOR)
    disk.write(table)
    disk.write(_header(total - 1, 1, total - TAIL_SECTORS, total, disk_id, crc))


def find_partition(disk: BinaryIO) -> tuple[int, int]:
    """First sector and number of sectors of the EFI system partition. Raises PartitionError."""
    disk.seek(SECTOR)
    header = disk.read(92)
    if len(header) < 92 or header[:8] != b"EFI PART":
        raise PartitionError("there is no GUID partition table: this is no image that llmbm-console made")
    table, count, size = struct.unpack_from("<QII", header, 72)
    if not (1 <= count <= 1024 and 128 <= size <= 4096):
        raise PartitionError(f"the partition table claims {count} entries of {size} bytes")
    disk.seek(table * SECTOR)
    entries = disk.read(count * size)
    for at in range(0, len(entries) - 127, size):
        kind, _, first, last = struct.unpack_from("<16s16sQQ", entries, at)
        if kind == ESP_TYPE.bytes_le and last >= first:
            return first, last - first + 1
    raise PartitionError("there is no EFI system partition")
