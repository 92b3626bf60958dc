"""The boot image: GPT, an EFI system partition with FAT32, the kernel as default boot file, model, tokenizer, settings.

The same image boots in QEMU and, written to a USB stick, a real machine. No root is needed and nothing but Python.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from llmbm_console.core.fat32 import Folder, Volume, geometry_for, size_of
from llmbm_console.core.fat32_read import FatError, FatReader
from llmbm_console.core.gpt import FIRST_SECTOR, SECTOR, PartitionError, disk_sectors, find_partition, write_table
from llmbm_console.core.session import SessionError

SPARE_BYTES = 32 << 20  # room for dumps and logs
LARGEST_FILE = (1 << 32) - 1  # FAT32's
KERNEL_PATH = "EFI/BOOT/BOOTX64.EFI"  # where firmware looks on a removable disk


class ImageError(SessionError):
    """The image cannot be made or read; the message names the file and what to do."""


def build_image(output: Path, kernel: Path, model: Path | None, tokenizer: Path | None, config: Path | None) -> None:
    """Writes the image to `output`, whole or not at all. The same input gives the same bytes. Raises ImageError."""
    root = Folder()
    root.add(KERNEL_PATH, _readable(kernel, "kernel"))
    if model is not None:
        root.add(_volume_name(model), _readable(model, "model"))
    if tokenizer is not None:
        root.add(_tokenizer_name(tokenizer, model), _readable(tokenizer, "tokenizer"))
    if config is not None:
        root.add("repl.cfg", _readable(config, "configuration"))
    fresh = output.with_name(f".{output.name}.{os.getpid()}.new")
    try:
        _write(fresh, root)
        fresh.replace(output)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        reason = error.strerror or str(error)
        raise ImageError(f"{output}: the image cannot be written: {reason}") from error


def _readable(path: Path, what: str) -> Path:
    try:
        with path.open("rb"):
            size = path.stat().st_size
    except OSError as error:
        raise ImageError(f"{path}: the {what} cannot be read: {error.strerror}") from error
    if size > LARGEST_FILE:
        raise ImageError(f"{path}: {size:,} bytes are more than a FAT32 file can have ({LARGEST_FILE:,})")
    return path


def _volume_name(path: Path) -> str:
    """A file's name on the volume: the kernel reads ASCII names only."""
    name = path.name
    if not name.isascii() or any(c in '\\/:*?"<>|' for c in name) or len(name) > 60:
        raise ImageError(f"{path}: the name cannot be used on the boot volume; expected at most 60 ASCII characters")
    return name


def _tokenizer_name(tokenizer: Path, model: Path | None) -> str:
    """Named for the model, so that the kernel takes this tokenizer and no other."""
    if model is None or tokenizer.name == "tokenizer.bin":
        return _volume_name(tokenizer)
    return f"{model.stem}.tok.bin"


def _payload(folder: Folder) -> int:
    return sum(_payload(c) + 8192 if isinstance(c, Folder) else size_of(c) + 4096 for c in folder.entries.values())


def _digest(folder: Folder) -> bytes:
    """Names and sizes: enough to give different disks different identities."""
    digest = hashlib.sha256()
    for name, content in folder.entries.items():
        digest.update(name.encode() + b"\0")
        digest.update(_digest(content) if isinstance(content, Folder) else str(size_of(content)).encode())
    return digest.digest()


def _write(path: Path, root: Folder) -> None:
    geometry = geometry_for(_payload(root), SPARE_BYTES)
    seed = _digest(root)
    with path.open("w+b") as disk:
        disk.truncate(disk_sectors(geometry.sectors) * SECTOR)
        write_table(disk, geometry.sectors, seed)
        volume = Volume(disk, FIRST_SECTOR * SECTOR, geometry, "LLMK", int.from_bytes(seed[:4], "little"))
        volume.write(root, FIRST_SECTOR)
        disk.flush()
        os.fsync(disk.fileno())


def read_files(image: Path) -> dict[str, bytes]:
    """Every file on an image's boot volume, by path: the kernel's dumps among them. Raises ImageError."""
    try:
        with image.open("rb") as disk:
            first, _ = find_partition(disk)
            return FatReader(disk, first * SECTOR).files()
    except OSError as error:
        raise ImageError(f"{image}: cannot be read: {error.strerror}") from error
    except (PartitionError, FatError) as error:
        raise ImageError(f"{image}: {error}") from error
