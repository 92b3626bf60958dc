"""UEFI firmware for QEMU: where systems put OVMF, and which variable store goes with which code."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from llmbm_console.core.errors import SessionError

#: Where Debian, Fedora, Arch, openSUSE, Homebrew and QEMU for Windows put it. Code without Secure Boot only.
USUAL_PLACES = (
    "/usr/share/OVMF/OVMF_CODE_4M.fd",
    "/usr/share/OVMF/OVMF_CODE.fd",
    "/usr/share/edk2/ovmf/OVMF_CODE.fd",
    "/usr/share/edk2/x64/OVMF_CODE.4m.fd",
    "/usr/share/edk2/x64/OVMF_CODE.fd",
    "/usr/share/edk2-ovmf/x64/OVMF_CODE.fd",
    "/usr/share/qemu/ovmf-x86_64-code.bin",
    "/usr/share/qemu/edk2-x86_64-code.fd",
    "/usr/local/share/qemu/edk2-x86_64-code.fd",
    "/opt/homebrew/share/qemu/edk2-x86_64-code.fd",
    "C:/Program Files/qemu/share/edk2-x86_64-code.fd",
    "/usr/share/ovmf/OVMF.fd",
)
VARIABLE_NAMES = (("CODE", "VARS"), ("-code", "-vars"), ("edk2-x86_64-code", "edk2-i386-vars"))
DESCRIPTORS = ("/etc/qemu/firmware", "/usr/share/qemu/firmware", "/usr/local/share/qemu/firmware")


@dataclass(frozen=True, slots=True)
class Firmware:
    """A code file and, when it is separate, the empty variable store that a machine gets a private copy of."""

    code: Path
    variables: Path | None


def firmware_at(code: Path) -> Firmware:
    """The firmware of a code file, with its variable store by its name. Raises SessionError when there is no file."""
    if not code.is_file():
        raise SessionError(f"{code}: no such firmware file; expected an OVMF code file, for example OVMF_CODE_4M.fd")
    for ours, theirs in VARIABLE_NAMES:
        candidate = code.with_name(code.name.replace(ours, theirs))
        if candidate != code and candidate.is_file():
            return Firmware(code, candidate)
    return Firmware(code, None)


def _described() -> Iterator[Firmware]:
    """What QEMU's own firmware descriptors name for UEFI on x86_64, those without Secure Boot."""
    for folder in map(Path, DESCRIPTORS):
        for path in sorted(folder.glob("*.json")):
            try:
                said = json.loads(path.read_text())
                mapping = said["mapping"]
                targets = [target["architecture"] for target in said["targets"]]
                if "uefi" not in said["interface-types"] or "x86_64" not in targets:
                    continue
                if "secure-boot" in said["features"] or mapping["device"] != "flash":
                    continue
                code, variables = Path(mapping["executable"]["filename"]), Path(mapping["nvram-template"]["filename"])
                raw = mapping["executable"]["format"] == "raw"
            except (OSError, ValueError, KeyError, TypeError):
                continue  # a broken descriptor of somebody else's is no reason to find nothing
            if raw and code.is_file() and variables.is_file():
                yield Firmware(code, variables)


def find_firmware() -> Firmware | None:
    """The firmware of this computer, None when there is none in the usual places. LLMBM_FIRMWARE names another."""
    given = os.environ.get("LLMBM_FIRMWARE")
    if given:
        return firmware_at(Path(given))
    for place in map(Path, USUAL_PLACES):
        if place.is_file():
            return firmware_at(place)
    return next(_described(), None)
