"""Owns a child process so that it cannot outlive the console; standard library only.

Run as `python -I -S supervise.py FOLDER`. Each line of standard input is an order, {"command": [...]}: end the running
child, if any, and start this one. The end of standard input means that the console is gone, however it went, kill -9
included: the child is ended and the private folder is removed. Standard output says {"pid": N}, {"error": TEXT}, and
{"exit": STATUS, "pid": N, "said": TEXT}.
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
from collections.abc import Callable
from typing import Any

GRACE = 2.0  # s between the polite and the hard end
SAID = 8192  # bytes of the child's last words that are passed on
_speaking = threading.Lock()


def say(**what: Any) -> None:
    """One line of JSON to the console, which may be gone."""
    with contextlib.suppress(OSError, ValueError), _speaking:
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()


def die_with_us() -> Callable[[], None] | None:
    """On Linux the child is also ended when this process is killed: what it must do before it runs."""
    if not sys.platform.startswith("linux"):
        return None
    import ctypes

    prctl = ctypes.CDLL(None, use_errno=True).prctl
    return lambda: prctl(1, signal.SIGKILL) and None  # PR_SET_PDEATHSIG


def start(command: list[str], log: str) -> subprocess.Popen[bytes]:
    """Starts the child, out of reach of the terminal's signals, and a thread that tells its end."""
    options: dict[str, Any] = {"creationflags": 0x200}  # CREATE_NEW_PROCESS_GROUP
    if os.name == "posix":
        options = {"start_new_session": True, "preexec_fn": die_with_us()}
    with open(log, "wb") as output:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, **options)
    say(pid=child.pid)
    threading.Thread(target=watch, args=(child, log), daemon=True).start()
    return child


def watch(child: subprocess.Popen[bytes], log: str) -> None:
    """Waits for the child's end and says it."""
    status = child.wait()
    said = b""
    with contextlib.suppress(OSError), open(log, "rb") as output:
        said = output.read()[-SAID:]
    say(exit=status, pid=child.pid, said=said.decode("utf-8", "replace"))


def end(child: subprocess.Popen[bytes] | None) -> None:
    """Ends the child. A stopped one (SIGSTOP) must be continued to hear the polite word."""
    if child is None or child.poll() is not None:
        return
    with contextlib.suppress(OSError):
        child.terminate()
        if hasattr(signal, "SIGCONT"):
            child.send_signal(signal.SIGCONT)
    try:
        child.wait(GRACE)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(OSError):
            child.kill()
            child.wait(GRACE)


def main(folder: str) -> None:
    """Follows orders until there are no more."""
    child: subprocess.Popen[bytes] | None = None

    def leave(*_: object) -> None:
        end(child)
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)  # a thread may still hold the lock of standard output; a normal exit would wait for it

    # A Ctrl-C in the console's terminal is the console's business: it ends us by closing the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, leave)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with contextlib.suppress(OSError, ValueError):
        while line := sys.stdin.buffer.readline():
            command = json.loads(line)["command"]
            end(child)
            try:
                child = start(command, os.path.join(folder, "output"))
            except OSError as error:
                say(error=f"{command[0]}: {error.strerror}")
    leave()


if __name__ == "__main__":
    main(sys.argv[1])
