"""The transports of the simulator's line: who may come, leave and come again, and what happens to bytes meanwhile."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import socket
import stat
import subprocess
import termios
import time
from pathlib import Path

import pytest
from sim_machine import TIMEOUT, Boot, Line, Machine, connect_unix, wait_until


def cpu_seconds(machine: Machine) -> float:
    """Processor time that the process has used."""
    fields = Path(f"/proc/{machine.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# ---- standard input and output


def test_the_end_of_input_ends_the_process_when_all_is_answered(boot: Boot) -> None:
    machine = boot("--uart-stats")
    out, _ = machine.process.communicate(b"echo one\nflood 300000\necho last\n", timeout=TIMEOUT)
    assert out.startswith(b"ready\none\n")
    assert out.endswith(b"\nlast\n")
    assert len(out) == len("ready\none\n") + 300000 + len("\nlast\n")
    assert machine.process.returncode == 0
    assert machine.counters()["sent"] == len(out)


def test_the_end_of_input_waits_for_the_modelled_line(boot: Boot) -> None:
    machine = boot("--uart", "16550", "--latency-us", "20000")
    out, _ = machine.process.communicate(b"echo slow\n", timeout=TIMEOUT)
    assert (out, machine.process.returncode) == (b"ready\nslow\n", 0)


def test_no_input_at_all_is_an_end_too(boot: Boot) -> None:
    machine = boot(stdin=subprocess.DEVNULL)
    assert machine.end() == 0


def test_the_kernels_own_end_brings_out_everything(boot: Boot) -> None:
    machine = boot()
    machine.stdio().send(b"flood 100000\nleave 3\n")
    out, _ = machine.process.communicate(timeout=TIMEOUT)
    assert machine.process.returncode == 3
    assert len(out) == len("ready\n") + 100000 + len("\n\n")


def test_a_reader_that_leaves_ends_the_process(boot: Boot) -> None:
    machine = boot()
    assert machine.process.stdout is not None
    line = machine.stdio()
    line.until(b"ready\n")
    machine.process.stdout.close()
    with contextlib.suppress(BrokenPipeError):
        line.send(b"flood 1000000\n")
    assert machine.end() == 0


@pytest.mark.parametrize("how", ["leave", "SIGTERM", "SIGINT", "SIGHUP", "crash", "reboot"])
def test_a_terminal_is_raw_meanwhile_and_as_before_afterwards(boot: Boot, how: str) -> None:
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    machine = boot(stdin=slave, stdout=slave)
    line = Line(master, master, lambda: os.close(master))
    line.until(b"ready\n")
    assert not termios.tcgetattr(slave)[3] & (termios.ICANON | termios.ECHO | termios.ISIG)
    assert line.ask("echo raw") == "raw"
    if how == "reboot":
        line.send(b"reboot\n")
        line.until(b"ready\n")
        assert not termios.tcgetattr(slave)[3] & (termios.ICANON | termios.ECHO)
        how = "leave"
    if how.startswith("SIG"):
        machine.process.send_signal(getattr(signal, how))
    else:
        line.send(how.encode() + b"\n")
    assert machine.end() == (-signal.SIGSEGV if how == "crash" else 0)
    assert termios.tcgetattr(slave) == before
    os.close(slave)
    line.close()


# ---- sockets and pseudo-terminals


def test_a_client_leaves_and_the_next_is_served(boot: Boot, tmp_path: Path) -> None:
    path = tmp_path / "line"
    machine = boot("--serial", f"unix:{path}", "--wait", "--uart-stats")
    first = connect_unix(path)
    first.until(b"ready\n")
    assert first.ask("echo first") == "first"
    second = connect_unix(path)  # accepted by the system, served when the first has left
    second.send(b"echo second\n")
    assert first.ask("echo still the first") == "still the first"
    first.close()
    assert second.until(b"\n") == b"second"
    second.close()
    third = connect_unix(path)
    assert third.ask("echo third") == "third"
    third.send(b"poweroff\n")
    assert machine.end() == 0
    assert not path.exists()


def test_what_is_printed_to_nobody_is_discarded_and_counted(boot: Boot, tmp_path: Path) -> None:
    path, screen = tmp_path / "line", tmp_path / "screen"
    machine = boot("--serial", f"unix:{path}", "--wait", "--screen", str(screen), "--uart-stats")
    first = connect_unix(path)
    first.until(b"ready\n")
    with machine.stopped():
        first.send(b"deaf 300\nflood 5000\ndraw done\n")
        first.close()
    wait_until(lambda: "done" in screen.read_text(), "the flood has gone to nobody")
    second = connect_unix(path)
    assert second.ask("echo back") == "back"
    second.send(b"poweroff\n")
    assert machine.end() == 0
    assert machine.counters()["discarded"] == len("\n") + 5000 + len("\n") + len("\n")


def test_without_wait_the_machine_boots_alone(boot: Boot, tmp_path: Path) -> None:
    path = tmp_path / "line"
    machine = boot("--serial", f"unix:{path}", "--screen", str(tmp_path / "screen"), "--uart-stats")
    wait_until(path.exists, "the socket")
    machine.process.send_signal(signal.SIGTERM)
    assert machine.end() == 0
    assert not path.exists()


def test_the_socket_is_its_owners_alone(boot: Boot, tmp_path: Path) -> None:
    path = tmp_path / "line"
    boot("--serial", f"unix:{path}")
    wait_until(path.exists, "the socket")
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_a_stale_socket_is_replaced_and_a_living_one_is_not(boot: Boot, tmp_path: Path) -> None:
    path = tmp_path / "line"
    killed = boot("--serial", f"unix:{path}")
    connect_unix(path).greet("up")
    killed.process.kill()
    killed.end()
    assert path.exists()
    living = boot("--serial", f"unix:{path}")
    line = connect_unix(path)
    line.greet("new")
    thief = boot("--serial", f"unix:{path}")
    assert thief.end() == 1
    assert "another process does" in thief.said()
    assert line.ask("echo still mine") == "still mine"
    line.send(b"poweroff\n")
    assert living.end() == 0


def test_another_kind_of_file_is_not_replaced(boot: Boot, tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("data")
    for line in ("unix", "pty"):
        machine = boot("--serial", f"{line}:{path}")
        assert machine.end() == 1
        assert str(path) in machine.said()
    assert path.read_text() == "data"


def test_the_end_of_one_does_not_remove_its_successors_socket(boot: Boot, tmp_path: Path) -> None:
    path = tmp_path / "line"
    old = boot("--serial", f"unix:{path}")
    connect_unix(path).greet("old")
    path.unlink()
    boot("--serial", f"unix:{path}")
    wait_until(path.exists, "the new socket")
    old.process.send_signal(signal.SIGTERM)
    assert old.end() == 0
    connect_unix(path).greet("successor")


def test_tcp_on_any_free_port_names_it(boot: Boot) -> None:
    machine = boot("--serial", "tcp:0", "--wait")
    wait_until(lambda: "127.0.0.1:" in machine.said(), "the port is named")
    port = int(machine.said().rsplit(":", 1)[1])
    for name in ("one", "two"):
        line = Line.of_socket(socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT))
        line.greet(name)
        line.close()


def test_a_pty_has_a_stable_name_and_survives_its_users(boot: Boot, tmp_path: Path) -> None:
    link = tmp_path / "tty"
    machine = boot("--serial", f"pty:{link}", "--uart-stats")
    wait_until(link.is_symlink, "the link")
    wait_until(lambda: os.readlink(link) in machine.said(), "the name on stderr")
    for name in ("one", "two"):
        line = Line.of_terminal(str(link))
        assert not termios.tcgetattr(line.reading)[3] & (termios.ECHO | termios.ICANON)
        line.greet(name)
        line.close()
    line = Line.of_terminal(str(link))
    line.send(b"poweroff\n")
    assert machine.end() == 0
    assert not link.is_symlink()
    line.close()


def test_a_pty_that_nobody_has_open_does_not_hold_the_machine(boot: Boot, tmp_path: Path) -> None:
    link, screen = tmp_path / "tty", tmp_path / "screen"
    machine = boot("--serial", f"pty:{link}", "--screen", str(screen), "--uart-stats")
    wait_until(link.is_symlink, "the link")
    line = Line.of_terminal(str(link))
    line.greet("here")
    with machine.stopped():
        line.send(b"deaf 200\nflood 100000\ndraw done\n")
        line.close()
    wait_until(lambda: "done" in screen.read_text(), "the flood has gone to nobody")
    again = Line.of_terminal(str(link))
    assert again.ask("echo alive") == "alive"
    again.send(b"poweroff\n")
    assert machine.end() == 0
    assert machine.counters()["discarded"] >= 100000
    again.close()


def test_a_host_that_does_not_read_stops_a_plain_line_and_loses_nothing(boot: Boot, tmp_path: Path) -> None:
    path = tmp_path / "line"
    machine = boot("--serial", f"unix:{path}", "--wait", "--uart-stats")
    line = connect_unix(path)
    line.until(b"ready\n")
    line.send(b"flood 2000000\necho end\n")
    before = cpu_seconds(machine)
    time.sleep(0.5)  # is measured: back-pressure stops the kernel, which waits without spinning
    assert cpu_seconds(machine) - before < 0.3
    assert len(line.until(b"\nend\n")) == 2000000
    line.send(b"poweroff\n")
    assert machine.end() == 0
    assert machine.counters()["tx_lost"] == 0


def test_no_line_at_all(boot: Boot, tmp_path: Path) -> None:
    machine = boot("--serial", "none", "--screen", str(tmp_path / "screen"))
    assert machine.end() == 0
    assert (tmp_path / "screen").read_text() == "no line\n"


# ---- reboot


@pytest.mark.parametrize("kind", ["stdio", "unix", "tcp", "pty"])
def test_a_reboot_keeps_the_client(boot: Boot, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "line"
    option = {"unix": f"unix:{path}", "tcp": "tcp:0", "pty": f"pty:{path}"}.get(kind, kind)
    machine = boot("--serial", option, "--uart-stats")
    if kind == "stdio":
        line = machine.stdio()
    elif kind == "unix":
        line = connect_unix(path)
    elif kind == "pty":
        wait_until(path.is_symlink, "the link")
        line = Line.of_terminal(str(path))
    else:
        wait_until(lambda: "127.0.0.1:" in machine.said(), "the port is named")
        line = Line.of_socket(
            socket.create_connection(("127.0.0.1", int(machine.said().rsplit(":", 1)[1])), timeout=TIMEOUT)
        )
    line.greet("before")
    process = machine.process.pid
    for _ in range(3):
        line.send(b"reboot\n")
        line.until(b"ready\n")
        assert line.ask("echo after") == "after"
    assert machine.process.pid == process
    line.send(b"poweroff\n")
    assert machine.end() == 0
    assert not path.exists()
    assert not path.is_symlink()


def test_after_a_reboot_the_next_client_is_served_as_well(boot: Boot, tmp_path: Path) -> None:
    path = tmp_path / "line"
    boot("--serial", f"unix:{path}", "--wait")
    line = connect_unix(path)
    line.until(b"ready\n")
    line.send(b"reboot\n")
    line.until(b"ready\n")
    line.close()
    assert connect_unix(path).ask("echo next") == "next"


# ---- time


def test_an_idle_machine_rests_and_answers(boot: Boot, tmp_path: Path) -> None:
    path = tmp_path / "line"
    machine = boot("--serial", f"unix:{path}")
    line = connect_unix(path)
    line.greet("here")
    before = cpu_seconds(machine)
    time.sleep(1)
    assert line.ask("echo awake") == "awake"
    assert cpu_seconds(machine) - before < 0.1


def test_polling_is_not_a_system_call_each_time(boot: Boot) -> None:
    """A kernel polls hundreds of thousands of times a second while it decodes."""
    machine = boot()
    line = machine.stdio()
    line.until(b"ready\n")
    user = system = 0
    while user + system < 40:  # hundredths of a second: fewer say nothing, and a busy computer gives it fewer
        line.ask("poll 500")
        fields = Path(f"/proc/{machine.process.pid}/stat").read_text().rpartition(")")[2].split()
        user, system = int(fields[11]), int(fields[12])
    assert system < (user + system) / 3


def test_a_break_on_the_line(boot: Boot) -> None:
    machine = boot()
    line = machine.stdio()
    line.until(b"ready\n")
    machine.process.send_signal(signal.SIGUSR1)
    assert line.until(b"\n") == b"break"


def test_the_lines_counters_are_told_when_asked_for(boot: Boot) -> None:
    machine = boot("--uart-stats")
    line = machine.stdio()
    line.until(b"ready\n")
    machine.process.send_signal(signal.SIGUSR2)
    line.send(b"echo on\n")
    assert line.until(b"\n") == b"on"
    line.send(b"leave 0\n")
    assert machine.end() == 0
    assert machine.said().count("uart received=") == 2


def test_the_modelled_line_loses_what_a_deaf_kernel_does_not_read(boot: Boot) -> None:
    machine = boot("--uart", "16550", "--uart-stats")
    line = machine.stdio()
    line.until(b"ready\n")
    line.send(b"deaf 300\n" + b"echo " + b"x" * 100 + b"\n")
    line.until(b"\n")
    line.send(b"\nleave 0\n")
    assert machine.end() == 0
    counters = machine.counters()
    assert counters["overruns"] > 50
    assert counters["received"] + counters["overruns"] == len(b"deaf 300\n" + b"echo " + b"x" * 100 + b"\n\nleave 0\n")


@pytest.mark.parametrize("order", ["work", "rest"])
def test_a_poll_schedule_holds_a_busy_kernel_back_but_not_a_resting_one(boot: Boot, order: str) -> None:
    machine = boot("--uart", "16550", "--poll-gap-us", "20000", "--uart-stats")
    line = machine.stdio()
    line.until(b"ready\n")
    lost = 0
    for _ in range(50):  # until this computer let the process wait no longer than the kernel does
        line.send(f"{order} 500\n".encode() + b"y" * 1000)  # 230 bytes arrive in a gap, of which 16 stay
        polls, taken = map(int, line.until(b"\n").split())
        lost += 1000 - taken
        if order == "work" or taken > 600:
            break
    line.send(b"leave 0\n")
    assert machine.end() == 0
    assert machine.counters()["overruns"] == lost
    if order == "work":
        assert 0 < polls < 100  # 26, but for its first millisecond and a busy computer; free it would be thousands
        assert 0 < taken < 300
    else:
        assert taken > 600  # all of them


def test_the_baud_clock_is_the_rate(boot: Boot) -> None:
    line = boot("--uart", "16550", "--baud", "115200").stdio()
    line.until(b"ready\n")
    begun = time.monotonic()
    line.send(b"flood 3000\n")
    line.until(b"\n")
    assert time.monotonic() - begun > 0.9 * 3000 * 10 / 115200  # never faster than the wire


def test_a_wrong_baud_rate_is_unreadable(boot: Boot) -> None:
    machine = boot("--uart", "16550", "--baud", "9600", "--uart-stats")
    assert machine.process.stdin is not None
    out, _ = machine.process.communicate(b"leave 0\n" * 3, timeout=TIMEOUT)
    assert b"ready" not in out
    assert machine.process.returncode == 0


def test_the_cycle_counter_is_calibrated_or_given(boot: Boot) -> None:
    for options, exact in (([], None), (["--clock-hz", "12345678"], 12345678)):
        line = boot(*options).stdio()
        line.until(b"ready\n")
        words = dict(word.split("=") for word in line.ask("clock").split())
        assert exact is None or int(words["hz"]) == exact
        assert int(words["hz"]) > 1_000_000
        assert abs(int(words["unix"]) - time.time()) < 100
        begun = time.monotonic()
        counted = int(line.ask("elapsed 200000"))
        taken = (time.monotonic() - begun) * 1e6
        assert 200_000 <= counted <= taken * 1.02


# ---- the process


def test_it_dies_with_its_parent(probe: Path, tmp_path: Path) -> None:
    script = f"{probe} --files {tmp_path} --serial unix:{tmp_path}/line --die-with-parent & echo $!; read wait"
    with subprocess.Popen(["/bin/sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        connect_unix(tmp_path / "line").greet("up")
        parent.kill()
    wait_until(lambda: not (tmp_path / "line").exists(), "the socket is removed")
    wait_until(lambda: not alive(child), "the child ends")


def alive(process: int) -> bool:
    """Running; one that waits to be collected by nobody counts as ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
