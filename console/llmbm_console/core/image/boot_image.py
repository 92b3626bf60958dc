"""The boot image: a disk with one FAT32 system partition that holds the kernel, a model and its tokenizer.

The same file boots in QEMU and, written to a USB stick, on a PC. No root, no system tool, no library: see fat32.py.
The same files always give the same bytes.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

from llmbm_console.core.errors import SessionError
from llmbm_console.core.image import fat32, gpt
from llmbm_console.core.image.fat32_read import FatError, VolumeReader
from llmbm_console.core.paths import is_gguf

FREE_BYTES = 32 << 20  # for the files that the kernel writes
BOOT_PATH = "EFI/BOOT/BOOTX64.EFI"  # where firmware looks on removable media
LABEL = "LLMK"
MOST_NAME = 63  # KERNEL_NAME_BYTES - 1: longer names the kernel cannot open
FORBIDDEN = frozenset('\\/:*?"<>|')


class ImageError(SessionError):
    """The image cannot be made or read; the message says what was tried and what to do."""


def _volume_name(source: Path, name: str) -> str:
    """A name as it will be on the volume, refused when the kernel could not open it."""
    if len(name) > MOST_NAME or any(not " " <= c <= "~" or c in FORBIDDEN for c in name) or name[-1] in " .":
        raise ImageError(
            f"{source}: the kernel cannot open a file called {name!r}; expected at most {MOST_NAME} ASCII characters "
            f"without {' '.join(sorted(FORBIDDEN))}, so rename it"
        )
    return name


def _model_name(model: Path) -> str:
    """The kernel looks for NAME.bin and NAME.gguf; firmware without long names shows the latter as NAME.GGU."""
    lower = model.name.lower()
    if lower == "tokenizer.bin" or lower.endswith(".tok.bin"):
        raise ImageError(f"{model}: the kernel takes a file of this name for a tokenizer; rename the model")
    added = ".gguf" if is_gguf(model) else ".bin"
    return _volume_name(model, model.name if lower.endswith((".bin", ".gguf", ".ggu")) else model.name + added)


def _tokenizer_name(tokenizer: Path, model_name: str) -> str:
    """The kernel looks for NAME.tok.bin beside NAME.bin, then for tokenizer.bin."""
    if tokenizer.name.lower() == "tokenizer.bin":
        return "tokenizer.bin"
    return _volume_name(tokenizer, f"{model_name[:-4]}.tok.bin")


def volume_files(kernel: Path, model: Path | None, tokenizer: Path | None, config: Path | None) -> dict[str, Path]:
    """What goes where on the boot volume. Raises ImageError for what cannot be read or would not be found."""
    files = {BOOT_PATH: kernel}
    if model is not None:
        name = _model_name(model)
        files[name] = model
        if tokenizer is not None:
            files[_tokenizer_name(tokenizer, name)] = tokenizer
    elif tokenizer is not None:
        files[_volume_name(tokenizer, tokenizer.name)] = tokenizer
    if config is not None:
        files["repl.cfg"] = config
    for path, source in files.items():
        _check_source(source, path)
    return files


def _check_source(source: Path, path: str) -> None:
    try:
        if not source.is_file():
            raise ImageError(
                f"{source}: {'not a file' if source.exists() else 'no such file'}; it was to become {path}"
            )
        with source.open("rb") as file:
            file.read(1)
        size = source.stat().st_size
    except OSError as error:
        raise ImageError(f"{source}: cannot be read ({error.strerror}); it was to become {path}") from error
    if size > fat32.MOST_FILE_BYTES:
        raise ImageError(f"{source}: {size} bytes; a file on a FAT32 volume has at most {fat32.MOST_FILE_BYTES}")


def build_image(
    output: Path,
    kernel: Path,
    model: Path | None = None,
    tokenizer: Path | None = None,
    config: Path | None = None,
    free_bytes: int = FREE_BYTES,
) -> None:
    """Writes a boot image with `free_bytes` left for the kernel's files.

    An existing `output` is replaced only by a complete image. Raises ImageError.
    """
    write_image(output, volume_files(kernel, model, tokenizer, config), free_bytes)


def write_image(output: Path, files: dict[str, Path], free_bytes: int = FREE_BYTES) -> None:
    """Writes an image with these files, by their paths on the volume. See build_image."""
    if output.exists() and not output.is_file():
        raise ImageError(f"{output}: is not a regular file; write an image file first, then copy it to the device")
    part = output.with_name(f".{output.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as disk:
            _write_disk(disk, files, free_bytes)
            disk.flush()
            os.fsync(disk.fileno())
        os.replace(part, output)
    except OSError as error:
        raise ImageError(_reason(output, error)) from error
    finally:
        part.unlink(missing_ok=True)


def _reason(output: Path, error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return f"{output}: no space is left in {output.parent}; delete something or name another folder"
    if error.errno == errno.ENOENT:
        return f"{output}: the folder {output.parent} is not there; make it first"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{output}: the folder {output.parent} cannot be written to ({error.strerror}); name another"
    return f"{output}: the image cannot be written ({error.strerror or error})"


def _write_disk(disk: BinaryIO, files: dict[str, Path], free_bytes: int) -> None:
    root = fat32.make_tree(dict(files))
    geometry = fat32.plan(root, free_bytes)
    sectors = gpt.disk_sectors(geometry.sectors)
    disk.truncate(sectors * gpt.SECTOR)
    volume = fat32.VolumeWriter(disk, gpt.FIRST_LBA * gpt.SECTOR, geometry, root, LABEL)
    volume.write_directories()
    digest = hashlib.sha256()  # identifies the disk: other content, other identifiers
    for node in root.walk():
        digest.update(f"{node.name}\0{node.bytes}\0".encode())
        if not node.is_directory:
            for chunk in volume.write_file(node):
                digest.update(chunk)
    seed = digest.digest()
    volume.write_boot_sectors(gpt.FIRST_LBA, int.from_bytes(seed[:4], "little"))
    gpt.write_table(disk, sectors, geometry.sectors, "EFI system partition", seed)


def read_files(image: Path, names: Collection[str] | None = None) -> dict[str, bytes]:
    """Files of a boot image by their path on the volume: all, or those of `names` that are there (case does not count).

    Works beside a running QEMU for what the kernel has flushed. Raises ImageError.
    """
    wanted = None if names is None else {name.lower() for name in names}
    try:
        with image.open("rb") as disk:
            start, _ = gpt.find_system_partition(disk)
            volume = VolumeReader(disk, start)
            return {
                file.path: volume.read(file) for file in volume.files() if wanted is None or file.path.lower() in wanted
            }
    except OSError as error:
        raise ImageError(f"{image}: cannot be read ({error.strerror})") from error
    except (gpt.GptError, FatError) as error:
        raise ImageError(f"{image}: {error}") from error
