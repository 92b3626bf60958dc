"""What can be opened, and what is said when it cannot."""

from __future__ import annotations

import gc
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from llmbm_console import cli
from llmbm_console.core import paths
from llmbm_console.core.errors import SessionError
from llmbm_console.core.machine import firmware
from llmbm_console.core.session import targets
from llmbm_console.core.session.session import Session
from llmbm_console.core.session.targets import Target, boot_files, default_target, make_session
from llmbm_console.tui import run

CORE = Path(targets.__file__).parents[1]


def test_the_tokenizer_is_found_by_the_models_name_then_by_its_usual_one(tmp_path: Path) -> None:
    model = tmp_path / "story.bin"
    with pytest.raises(SessionError, match="no such model file"):
        paths.find_tokenizer(model)
    model.write_bytes(b"")
    with pytest.raises(SessionError, match="not a model file"):
        paths.find_tokenizer(model)
    model.write_bytes(struct.pack("<7i", 64, 172, 5, 8, 4, 512, 512))
    with pytest.raises(SessionError, match=r"story\.tok\.bin or tokenizer\.bin in .*--tokenizer"):
        paths.find_tokenizer(model)
    usual = tmp_path / "tokenizer.bin"
    usual.write_bytes(b"")
    assert paths.find_tokenizer(model) == usual
    own = tmp_path / "story.tok.bin"
    own.write_bytes(b"")
    assert paths.find_tokenizer(model) == own


def test_a_gguf_model_brings_its_tokenizer(tmp_path: Path) -> None:
    model, tokenizer = tmp_path / "story.gguf", tmp_path / "tokenizer.bin"
    model.write_bytes(b"GGUF")
    tokenizer.write_bytes(b"")
    assert boot_files(Target("sim", model=model), tmp_path).tokenizer is None
    with pytest.raises(SessionError, match="its tokenizer inside; leave --tokenizer out"):
        boot_files(Target("sim", model=model, tokenizer=tokenizer), tmp_path)


def test_files_that_are_not_there_are_named_before_anything_starts(tmp_path: Path) -> None:
    for target, said in [
        (Target("sim", model=tmp_path / "m.bin"), "m.bin: no such model"),
        (Target("sim", config=tmp_path / "repl.cfg"), "repl.cfg: no such configuration"),
        (Target("sim", tokenizer=tmp_path / "t.bin"), "t.bin: no such tokenizer"),
    ]:
        with pytest.raises(SessionError, match=said):
            boot_files(target, tmp_path)
    with pytest.raises(SessionError, match=r"no-qemu: not found.*--sim"):
        make_session(Target("qemu", qemu_binary="no-qemu"))
    with pytest.raises(SessionError, match="no such firmware"):
        make_session(Target("qemu", qemu_binary=sys.executable, firmware=tmp_path / "f.fd"))
    with pytest.raises(SessionError, match="is no address"):
        make_session(Target("connect", "nonsense"))
    with pytest.raises(SessionError, match="no kind of target"):
        Target("teapot")


async def test_a_monitor_that_is_not_there_ends_the_wait(tmp_path: Path) -> None:
    session = make_session(Target("qmp", str(tmp_path / "none")))
    await session.open()
    with pytest.raises(SessionError, match="no such socket"):
        await session.wait_ready(10)
    await session.close()


def test_titles_are_short() -> None:
    assert Target("qemu").title == "qemu:stories700K"
    assert Target("sim", model=Path("/a/b/story.bin")).title == "sim:story"
    assert Target("qemu", image=Path("/x/usb.img")).title == "qemu:usb"
    assert Target("serial", "/dev/ttyUSB0").title == "serial:ttyUSB0"
    assert Target("connect", "tcp:box:99").title == "tcp:box:99"


def test_the_simulator_stands_in_for_qemu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firmware, "find_firmware", lambda: None)
    assert default_target().kind == "sim"


def test_an_unbuilt_kernel_without_its_compiler_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMBM_BUILD", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SessionError, match=r"llmk-sim: not built.*\./run"):
        paths.simulator_binary()
    with pytest.raises(SessionError, match=r"BOOTX64\.EFI: not built"):
        paths.kernel_image()


def test_the_core_never_imports_the_screen_and_starts_without_heavy_libraries() -> None:
    """Textual belongs to one face; serial ports, QEMU's protocol and image making are loaded when they are used."""
    modules = [
        ".".join(("llmbm_console.core", *path.relative_to(CORE).with_suffix("").parts))
        for path in sorted(CORE.rglob("*.py"))
        if path.name != "__init__.py"
    ]
    assert len(modules) > 30
    script = "import sys\n" + "".join(f"import {name}\n" for name in modules) + "print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"textual", "rich", "serial", "qemu"}


def test_a_file_is_recognised_once_before_its_screen_and_anew_when_it_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "some.txt"
    path.write_text("a line")
    made: list[Session] = []
    read: list[str] = []
    monkeypatch.setattr(
        targets, "_file", lambda target, real=targets._file: read.append(target.address) or real(target)
    )

    def opened_twice(_title: str, sessions: Callable[[], Session], **_settings: object) -> int:
        assert read == [str(path)]
        made.extend((sessions(), sessions()))
        return 0

    monkeypatch.setattr(run, "run_tui", opened_twice)
    for stream in ("stdin", "stdout"):
        monkeypatch.setattr(sys, stream, SimpleNamespace(isatty=lambda: True))
    monkeypatch.setenv("TERM", "xterm")
    try:
        assert cli.run_console([str(path)]) == 0
    finally:
        gc.enable()
    assert read == [str(path)] * 2
    assert made[0] is not made[1]
