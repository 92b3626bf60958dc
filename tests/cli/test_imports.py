"""What is imported when: a start waits for nothing that it does not need."""

from __future__ import annotations

import subprocess
import sys

from console_program import ROOT


def test_help_and_version_do_not_load_the_interface() -> None:
    code = (
        "import sys\n"
        "from llmbm_console.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('textual', 'rich', 'pydantic')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip().endswith("[]"), done.stdout[-300:]


def test_the_window_is_painted_before_the_schema_is_loaded() -> None:
    """Building the validators takes as long as the rest of the start: the first paint must not wait for them."""
    code = (
        "import sys, llmbm_console.tui.app\n"
        "late = ('pydantic', 'llmbm_protocol.schema', 'llmbm_console.core.recording.capture')\n"
        "print([m for m in late if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_the_core_never_imports_textual() -> None:
    core = ROOT / "console/llmbm_console/core"
    code = "import sys, importlib\n" + "".join(
        f"importlib.import_module('llmbm_console.core.{'.'.join(p.relative_to(core).with_suffix('').parts)}')\n"
        for p in sorted(core.rglob("*.py"))
        if p.name not in ("__init__.py", "supervise.py")
    )
    code += "print([m for m in sys.modules if m.split('.')[0] == 'textual'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
