"""FAT32 volumes: any tree of files survives, sizes obey the format, damage is an error and nothing worse."""

from __future__ import annotations

import io
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmbm_console.core.image import fat32
from llmbm_console.core.image.fat32_names import long_entries, short_name
from llmbm_console.core.image.fat32_read import FatError, VolumeReader

NAMES = st.text(st.sampled_from("abcXYZ019 ._-+~é木"), min_size=1, max_size=40).filter(
    lambda name: name.strip(". ") != "" and name[-1] not in " ."
)
TREES = st.dictionaries(st.lists(NAMES, min_size=1, max_size=3).map("/".join), st.binary(max_size=3000), max_size=12)


def without_conflicts(files: dict[str, bytes]) -> dict[str, bytes]:
    """One spelling of every name, and nothing that is a file and a folder at once."""
    kept: dict[str, bytes] = {}
    spelt: dict[str, str] = {}
    for path, data in files.items():
        parts = path.split("/")
        above = ["/".join(parts[: i + 1]) for i in range(len(parts))]
        if any(spelt.setdefault(folder.lower(), folder) != folder for folder in above):
            continue
        if any(other == folder or other.startswith(path + "/") for other in kept for folder in above):
            continue
        kept[path] = data
    return kept


def write_volume(files: dict[str, fat32.Content], disk: io.BufferedRandom, start: int = 0) -> fat32.Geometry:
    """A volume with these files and nothing more."""
    root = fat32.make_tree(files)
    geometry = fat32.plan(root, 0)
    disk.truncate(start + geometry.sectors * fat32.SECTOR)
    volume = fat32.VolumeWriter(disk, start, geometry, root, "TEST")
    volume.write_directories()
    for node in root.walk():
        if not node.is_directory:
            for _ in volume.write_file(node):
                pass
    volume.write_boot_sectors(0, 0x12345678)
    return geometry


@settings(max_examples=30, deadline=None)
@given(TREES.map(without_conflicts))
def test_any_tree_of_files_survives(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryFile() as disk:
        write_volume(dict(files), disk, 4096)
        reader = VolumeReader(disk, 4096)
        assert {file.path: reader.read(file) for file in reader.files()} == files


def test_a_directory_may_need_many_clusters() -> None:
    files = {f"folder/a file with a rather long name, number {number}.txt": b"%d" % number for number in range(300)}
    with tempfile.TemporaryFile() as disk:
        write_volume(dict(files), disk)
        reader = VolumeReader(disk, 0)
        assert {file.path: reader.read(file) for file in reader.files()} == files


@given(st.lists(NAMES, max_size=40))
def test_short_names_are_legal_and_differ(names: list[str]) -> None:
    taken: set[bytes] = set()
    for name in dict.fromkeys(names):
        short = short_name(name, taken)
        assert len(short) == 11
        assert short not in taken
        assert short[0] != ord(" ")
        assert short.decode("ascii").upper().encode() == short
        taken.add(short)


def test_a_plain_upper_case_name_needs_no_long_one() -> None:
    assert short_name("BOOTX64.EFI", set()) == b"BOOTX64 EFI"
    assert long_entries("BOOTX64.EFI", b"BOOTX64 EFI") == []


@given(st.integers(0, 40 << 30), st.integers(0, 40 << 30))
def test_sizes_obey_the_format(used: int, free: int) -> None:
    root = fat32.Node("", children={"A": fat32.Node("A", b"", bytes=used)})
    geometry = fat32.plan(root, free)
    assert geometry.clusters >= fat32.LEAST_CLUSTERS
    assert geometry.fat_sectors * fat32.SECTOR >= (geometry.clusters + 2) * 4
    assert geometry.data_sector % 8 == 0
    assert geometry.cluster_sectors in (1, 2, 4, 8)
    files = -(-used // geometry.cluster_bytes)
    assert (geometry.clusters - files - 1) * geometry.cluster_bytes >= free


@pytest.fixture(scope="module")
def small_volume() -> bytes:
    """A volume with a few files in folders."""
    files: dict[str, fat32.Content] = {"EFI/BOOT/BOOTX64.EFI": b"k" * 5000, "model file.bin": b"m" * 700, "empty": b""}
    with tempfile.TemporaryFile() as disk:
        write_volume(files, disk)
        disk.seek(0)
        return disk.read()


def read_everything(disk: io.BytesIO) -> None:
    """Walks the volume; what is damaged may be refused."""
    try:
        reader = VolumeReader(disk, 0)
        for file in reader.files():
            reader.read(file)
    except FatError:
        pass


def test_damage_is_an_error_and_nothing_worse(small_volume: bytes) -> None:
    directories = small_volume.index(b"TEST       \x08")
    tables = int.from_bytes(small_volume[14:16], "little") * 512
    places = [range(64), range(tables, tables + 64), range(directories, directories + 2048)]
    chance = random.Random(5)
    disk = io.BytesIO(small_volume)
    for _ in range(400):
        damaged = {chance.choice(chance.choice(places)) for _ in range(chance.randint(1, 4))}
        for place in damaged:
            disk.getbuffer()[place] = chance.choice((0, 1, 2, 0xFF, chance.randrange(256)))
        read_everything(disk)
        for place in damaged:
            disk.getbuffer()[place] = small_volume[place]


def test_a_folder_within_itself_is_refused(small_volume: bytes) -> None:
    damaged = bytearray(small_volume)
    entry = damaged.index(b"EFI        \x10")
    damaged[entry + 26 : entry + 28] = damaged[44:46]  # the folder EFI begins where the root does
    with pytest.raises(FatError, match="without end"):
        list(VolumeReader(io.BytesIO(damaged), 0).files())


@pytest.mark.parametrize("size", [0, 100, 511, 512, 20_000, 300_000])
def test_a_volume_cut_short_is_refused(small_volume: bytes, size: int) -> None:
    with pytest.raises(FatError):
        list(VolumeReader(io.BytesIO(small_volume[:size]), 0).files())


@pytest.mark.parametrize("size", [99, 101])
def test_a_source_that_changes_its_size_is_an_error(tmp_path: Path, size: int) -> None:
    source = tmp_path / "model.bin"
    source.write_bytes(bytes(100))
    root = fat32.make_tree({"model.bin": source})
    geometry = fat32.plan(root, 0)
    volume = fat32.VolumeWriter(io.BytesIO(), 0, geometry, root, "TEST")
    source.write_bytes(bytes(size))
    with pytest.raises(OSError, match=r"model\.bin: its size changed"):
        list(volume.write_file(root.children["model.bin"]))
