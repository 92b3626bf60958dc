"""The folder that is the boot volume: confined, written whole, and as full or write-protected as it is told to be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sim_machine import Boot, Line


def started(boot: Boot, *options: str) -> Line:
    line = boot(*options).stdio()
    line.until(b"ready\n")
    return line


def test_files_are_read_whole_and_not_beyond(boot: Boot, volume: Path) -> None:
    line = started(boot)
    (volume / "models").mkdir()
    (volume / "models" / "a.bin").write_bytes(b"content.")
    (volume / "empty").write_bytes(b"")
    assert line.ask("cat models/a.bin") == "ok 8 ok io content"
    assert line.ask("cat empty") == "ok 0 ok io "
    assert line.ask("cat missing") == "not-found"
    assert line.ask("cat models") == "not-found"
    assert line.ask("cat missing/a.bin") == "not-found"
    assert line.ask("cat models/a.bin/b") == "not-found"


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "models/../../secret",
        "/etc/hostname",
        "..",
        ".",
        "./a",
        "models//a",
        "models/",
        "",
        "a\\b",
        "c:a",
        "a*",
        "a\x01",
        "ü",
        "x" * 256,
        "link",
        "folder-link/secret",
        "dangling",
    ],
)
def test_no_name_leaves_the_volume(boot: Boot, volume: Path, name: str) -> None:
    line = started(boot)
    secret = volume.parent / "secret"
    secret.write_text("secret")
    (volume / "models").mkdir()
    (volume / "link").symlink_to(secret)
    (volume / "folder-link").symlink_to(volume.parent)
    (volume / "dangling").symlink_to(volume.parent / "made")
    assert line.ask(f"cat {name}") in ("bad-name", "not-found")
    assert line.ask(f"write {name} changed") in ("bad-name", "not-found")
    assert secret.read_text() == "secret"
    assert not (volume.parent / "made").exists()
    assert "secret" not in line.ask(f"ls {name}")


def test_a_listing_is_sorted_and_of_files_only(boot: Boot, volume: Path) -> None:
    line = started(boot)
    (volume / "models").mkdir()
    for name in ("zeta.bin", "Alpha.bin", "beta.bin"):
        (volume / name).write_bytes(b"12345")
        (volume / "models" / name).write_bytes(b"1")
    (volume / "link.bin").symlink_to(volume / "beta.bin")
    os.mkfifo(volume / "pipe.bin")
    (volume / "ümlaut.bin").write_bytes(b"1")
    assert line.ask("ls") == " Alpha.bin:5 beta.bin:5 zeta.bin:5 ?mlaut.bin:1ok"
    assert line.ask("ls models") == " Alpha.bin:1 beta.bin:1 zeta.bin:1ok"
    assert line.ask("ls missing") == "not-found"
    assert line.ask("ls beta.bin") == "not-found"


def test_writing_replaces_the_whole_file_and_leaves_nothing_beside_it(boot: Boot, volume: Path) -> None:
    line = started(boot)
    (volume / "dump.txt").write_text("a long old content with a tail")
    assert line.ask("write dump.txt new") == "ok"
    assert (volume / "dump.txt").read_text() == "new"
    assert line.ask("write models/x no folder") == "not-found"
    assert os.listdir(volume) == ["dump.txt"]
    (volume / "folder").mkdir()
    assert line.ask("write folder x") == "bad-name"


def test_a_write_protected_volume_keeps_what_it_has(boot: Boot, volume: Path) -> None:
    line = started(boot, "--read-only")
    (volume / "dump.txt").write_text("old")
    assert line.ask("write dump.txt new") == "read-only"
    assert line.ask("write other.txt new") == "read-only"
    assert (volume / "dump.txt").read_text() == "old"
    assert line.ask("cat dump.txt") == "ok 3 ok io ol"
    assert os.listdir(volume) == ["dump.txt"]


def test_a_file_marked_read_only_is_kept(boot: Boot, volume: Path) -> None:
    line = started(boot)
    (volume / "model.bin").write_text("weights")
    (volume / "model.bin").chmod(0o444)
    assert line.ask("write model.bin x") == "read-only"
    assert (volume / "model.bin").read_text() == "weights"


def test_a_full_volume_keeps_the_old_file(boot: Boot, volume: Path) -> None:
    line = started(boot, "--disk-free", "100")
    (volume / "dump.txt").write_text("old")
    assert line.ask(f"write dump.txt {'x' * 101}") == "full"
    assert (volume / "dump.txt").read_text() == "old"
    assert line.ask(f"write dump.txt {'x' * 90}") == "ok"  # the old one's 3 bytes are free again: 13 are left
    assert line.ask(f"write log.txt {'x' * 14}") == "full"
    assert line.ask(f"write log.txt {'x' * 13}") == "ok"
    line.send(b"reboot\n")  # the disk is as full as before
    line.until(b"ready\n")
    assert line.ask("write more.txt x") == "full"
    assert sorted(os.listdir(volume)) == ["dump.txt", "log.txt"]


def test_a_volume_that_is_gone(boot: Boot, volume: Path) -> None:
    line = started(boot)
    volume.rmdir()
    assert [line.ask(order) for order in ("cat a", "write a b", "ls")] == ["no-volume"] * 3


def test_a_megabyte_is_written_as_it_is(boot: Boot, volume: Path) -> None:
    line = started(boot)
    assert line.ask("fill 1000003") == "ok"
    assert (volume / "filler").read_bytes() == bytes(1000003)
