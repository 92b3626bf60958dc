"""GUID partition table with one EFI system partition: what firmware looks for on a disk or a USB stick.

Source: UEFI specification 2.10, chapter 5. Sectors have 512 bytes.
"""

from __future__ import annotations

import struct
import uuid
import zlib
from typing import BinaryIO

SECTOR = 512
FIRST_LBA = 2048  # the partition starts at 1 MiB, where every flash memory has a block boundary
ENTRIES = 128
ENTRY_BYTES = 128
TABLE_SECTORS = ENTRIES * ENTRY_BYTES // SECTOR
BACKUP_SECTORS = TABLE_SECTORS + 1
ESP_TYPE = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
HEADER = struct.Struct("<8sIIIIQQQQ16sQIII")


class GptError(ValueError):
    """No GUID partition table, or a broken one."""


def disk_sectors(partition_sectors: int) -> int:
    """Sectors of a disk that has one partition of this size; a whole number of MiB."""
    least = FIRST_LBA + partition_sectors + BACKUP_SECTORS
    return -(-least // 2048) * 2048


def _header(own: int, other: int, table: int, last: int, disk: uuid.UUID, entries: bytes) -> bytes:
    def pack(crc: int) -> bytes:
        return HEADER.pack(
            b"EFI PART", 0x10000, HEADER.size, crc, 0, own, other, 2 + TABLE_SECTORS, last, disk.bytes_le, table,
            ENTRIES, ENTRY_BYTES, zlib.crc32(entries),
        )  # fmt: skip

    return pack(zlib.crc32(pack(0))).ljust(SECTOR, b"\0")


def write_table(disk: BinaryIO, sectors: int, partition_sectors: int, name: str, seed: bytes) -> None:
    """Writes the protective MBR, the table and its backup. `seed` (32 bytes) makes the identifiers."""
    last_usable = sectors - BACKUP_SECTORS - 1
    entry = struct.pack(
        "<16s16sQQQ72s",
        ESP_TYPE.bytes_le,
        uuid.UUID(bytes=seed[:16], version=4).bytes_le,
        FIRST_LBA,
        FIRST_LBA + partition_sectors - 1,
        0,
        name.encode("utf-16-le"),
    )
    entries = entry.ljust(ENTRIES * ENTRY_BYTES, b"\0")
    identity = uuid.UUID(bytes=seed[16:32], version=4)
    protective = struct.pack("<B3sB3sII", 0, b"\0\x02\0", 0xEE, b"\xff\xff\xff", 1, min(sectors - 1, 0xFFFFFFFF))
    disk.seek(0)
    disk.write(bytes(446) + protective + bytes(48) + b"\x55\xaa")
    disk.write(_header(1, sectors - 1, 2, last_usable, identity, entries))
    disk.write(entries)
    disk.seek((sectors - BACKUP_SECTORS) * SECTOR)
    disk.write(entries)
    disk.write(_header(sectors - 1, 1, sectors - BACKUP_SECTORS, last_usable, identity, entries))


def find_system_partition(disk: BinaryIO) -> tuple[int, int]:
    """Offset and size in bytes of the EFI system partition. Raises GptError."""
    sectors = disk.seek(0, 2) // SECTOR
    disk.seek(SECTOR)
    raw = disk.read(SECTOR)
    if len(raw) < SECTOR or raw[:8] != b"EFI PART":
        raise GptError('no GUID partition table: expected "EFI PART" at byte 512')
    fields = HEADER.unpack(raw[: HEADER.size])
    header_bytes, crc, table, count, entry_bytes, entries_crc = fields[2], fields[3], *fields[10:14]
    zeroed = raw[:16] + bytes(4) + raw[20:header_bytes]
    if not HEADER.size <= header_bytes <= SECTOR or zlib.crc32(zeroed) != crc:
        raise GptError("the header of the partition table is damaged: its checksum is wrong")
    if not 1 <= count <= 1024 or not ENTRY_BYTES <= entry_bytes <= 4096:
        raise GptError(f"the partition table claims {count} entries of {entry_bytes} bytes; expected 128 of 128")
    disk.seek(min(table, sectors) * SECTOR)
    entries = disk.read(count * entry_bytes)
    if zlib.crc32(entries) != entries_crc:
        raise GptError("the partition table is damaged: the checksum of its entries is wrong")
    for at in range(0, len(entries), entry_bytes):
        kind, _, first, last = struct.unpack_from("<16s16sQQ", entries, at)
        if kind == ESP_TYPE.bytes_le:
            if not 2 + TABLE_SECTORS <= first <= last < sectors:
                raise GptError(f"the system partition has sectors {first} to {last}, but the disk has {sectors}")
            return first * SECTOR, (last - first + 1) * SECTOR
    raise GptError("the disk has no EFI system partition")
