"""Listing serial ports: stable names, holders, and no port at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from serial.tools import list_ports

from llmbm_console.core.transport.ports import serial_ports, stable_names
from llmbm_console.faces import ports as face


@pytest.fixture
def adapters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """Two ports as pyserial finds them: a pseudo-terminal that stands for an adapter, and a bare UART."""
    leader, follower = os.openpty()
    device = os.ttyname(follower)
    os.close(follower)
    folder = tmp_path / "by-id"
    folder.mkdir()
    (folder / "usb-Maker_Cable_42-if00").symlink_to(device)
    found = [
        SimpleNamespace(device="/dev/ttyS0", description="n/a", hwid="n/a"),
        SimpleNamespace(device=device, description="Cable \x1b[31m", hwid="USB VID:PID=0403:6001 SER=42"),
    ]
    monkeypatch.setattr(list_ports, "comports", lambda: found)
    monkeypatch.setattr(face, "serial_ports", lambda: serial_ports(folder))
    yield folder, device
    os.close(leader)


def test_an_adapter_comes_first_and_by_its_stable_name(
    adapters: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, device = adapters
    assert stable_names(folder) == {device: str(folder / "usb-Maker_Cable_42-if00")}
    assert face.list_ports(as_json=False) == 0
    said = capsys.readouterr().out
    assert said.index(device) < said.index("/dev/ttyS0")
    assert f"--serial {folder / 'usb-Maker_Cable_42-if00'}" in said
    assert "\x1b" not in said


def test_who_holds_a_port_is_told(adapters: tuple[Path, str], capsys: pytest.CaptureFixture[str]) -> None:
    _folder, device = adapters
    program = f"port = open({device!r}, 'rb', buffering=0); print('open', flush=True); input()"
    holder = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        assert face.list_ports(as_json=True) == 0
        first = json.loads(capsys.readouterr().out.splitlines()[0])
        assert any(f"({holder.pid})" in who for who in first["holders"]), first
    finally:
        holder.kill()
        holder.communicate()


def test_no_port_at_all_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(list_ports, "comports", list)
    assert face.list_ports(as_json=False) == 1
    assert "plugged in" in capsys.readouterr().err
