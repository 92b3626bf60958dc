"""Owns a child process so that it cannot outlive the console: run as `python -I -S supervise.py`, standard library only.

Standard input brings one line of JSON, {"command": [...], "folder": PATH, "log": PATH}, and then nothing: its end means
that the console is gone, however it went, kill -9 included. Then, and when the child ends by itself, the child is ended
and the private folder is removed. Standard output says {"pid": N} and {"exit": STATUS}.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from typing import Any

GRACE = 2.0  # s between the polite and the hard end


def say(**what: Any) -> None:
    """One line of JSON to the console, which may be gone."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()


def end(child: subprocess.Popen[bytes]) -> None:
    """Ends the child. A stopped one (SIGSTOP) must be continued to hear the polite word."""
    with contextlib.suppress(OSError):
        child.terminate()
        if hasattr(signal, "SIGCONT"):
            child.send_signal(signal.SIGCONT)
    try:
        child.wait(GRACE)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(OSError):
            child.kill()


def end_with_console(child: subprocess.Popen[bytes]) -> None:
    """Waits for the end of standard input."""
    with contextlib.suppress(OSError, ValueError):
        while sys.stdin.buffer.read(4096):
            pass
    end(child)


def main() -> int:
    """Starts the child, and stays until it has ended."""
    order = json.loads(sys.stdin.buffer.readline())
    # A Ctrl-C in the console's terminal is the console's business: it ends us by closing the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    options: dict[str, Any] = {"start_new_session": True} if os.name == "posix" else {"creationflags": 0x200}
    try:
        with open(order["log"], "wb") as log:
            child = subprocess.Popen(
                order["command"], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, **options
            )
    except OSError as error:
        say(error=f"{order['command'][0]}: {error.strerror}")
        shutil.rmtree(order["folder"], ignore_errors=True)
        return 1
    # Whoever ends this process politely means the child.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=end, args=(child,)).start())
    say(pid=child.pid)
    threading.Thread(target=end_with_console, args=(child,), daemon=True).start()
    status = child.wait()
    with contextlib.suppress(OSError):
        with open(order["log"], "rb") as log:
            said = log.read()[-8192:].decode("utf-8", "replace")
        say(exit=status, said=said)
    shutil.rmtree(order["folder"], ignore_errors=True)
    return 0


if __name__ == "__main__":
    code = main()
    # The thread that reads standard input may still hold its lock; a normal exit would wait for it.
    sys.stdout.flush()
    os._exit(code)
