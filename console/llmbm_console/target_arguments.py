"""Arguments that name a target, the same for the console and for every command, and the target that they describe."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmbm_console.core.defaults import CHOICES, MOST_CHOICES

if TYPE_CHECKING:
    from llmbm_console.core.session.targets import Target
    from llmbm_console.core.settings.settings import Settings


def named(word: str) -> str:
    """A name or an address: a variable of a script that is not set gives none."""
    if not word:
        raise argparse.ArgumentTypeError("it is empty; expected a name")
    return word


def positive(word: str) -> int:
    """A whole number from 1."""
    if not word.isascii() or not word.isdigit() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"{word!r} is not a whole number from 1")
    return int(word)


def rivals(word: str) -> int:
    """How many of the likeliest tokens are told."""
    if not word.isascii() or not word.isdigit() or not 1 <= int(word[:6]) <= MOST_CHOICES:
        raise argparse.ArgumentTypeError(f"{word!r} is not a whole number from 1 to {MOST_CHOICES}")
    return int(word)


def tcp_port(word: str) -> int:
    """The number of a TCP port that can be listened on."""
    if not word.isascii() or not word.isdigit() or not 1 <= int(word[:6]) <= 65535:
        raise argparse.ArgumentTypeError(f"{word!r} is not a TCP port, 1 to 65535")
    return int(word)


def number(word: str, fits: Callable[[float], bool], what: str) -> float:
    """A number of a command line that fits, whose error says `what` it is not."""
    try:
        value = float(word)
    except ValueError:
        value = math.nan  # which fits nothing
    if not fits(value):
        raise argparse.ArgumentTypeError(f"{word!r} is not {what}")
    return value


def seconds(word: str) -> float:
    """A time in seconds, or another amount above 0."""
    return number(word, lambda value: 0 < value < 1e7, "a number above 0")


def moment(word: str) -> float:
    """A moment in seconds from a beginning."""
    return number(word, lambda value: 0 <= value < 1e7, "a number from 0")


def add_target_arguments(parser: argparse.ArgumentParser) -> None:
    """The target and its options: the same for the console and for `exec`."""
    group = parser.add_argument_group("target (one of)").add_mutually_exclusive_group()
    parser.add_argument(
        "--profile", type=named, metavar="NAME", help="options of a profile in config.toml (see: settings)"
    )
    group.add_argument("--qemu", action="store_true", help="boot our kernel in QEMU")
    group.add_argument("--sim", action="store_true", help="run our kernel as a process on this computer")
    group.add_argument(
        "--serial", type=named, metavar="DEV", help="a serial port: /dev/ttyUSB0, /dev/serial/by-id/..., COM3"
    )
    group.add_argument(
        "--qmp", type=named, metavar="SOCKET", help="a running QEMU, by the socket of its machine protocol"
    )
    group.add_argument("--connect", type=named, metavar="URL", help="unix:PATH, tcp:HOST:PORT or rfc2217://HOST:PORT")
    model = parser.add_argument_group("what to boot (--qemu, --sim)")
    model.add_argument("--model", type=Path, metavar="FILE", help="a llama2.c model, its tokenizer beside it; or GGUF")
    model.add_argument("--tokenizer", type=Path, metavar="FILE", help="NAME.tok.bin or tokenizer.bin beside the model")
    model.add_argument("--config", type=Path, metavar="FILE", help="a repl.cfg for the kernel")
    qemu = parser.add_argument_group("QEMU")
    qemu.add_argument("--image", type=Path, metavar="IMG", help="boot this image instead of making one")
    qemu.add_argument("--memory", type=positive, metavar="MIB", help="guest memory (default: what the model needs)")
    qemu.add_argument("--smp", type=positive, metavar="N", help="guest processors (default: 2)")
    qemu.add_argument("--accel", choices=("auto", "kvm", "hvf", "whpx", "tcg"), help="default: auto, proven by booting")
    qemu.add_argument("--qemu-binary", metavar="FILE", help="default: qemu-system-x86_64")
    qemu.add_argument("--firmware", type=Path, metavar="FILE", help="OVMF code file")
    qemu.add_argument("--display", metavar="KIND", help="QEMU's own window: none (default), gtk, sdl, vnc=:1, ...")
    group_all = parser.add_argument_group("all targets")
    group_all.add_argument("--read-only", action="store_true", help="watch only: nothing is sent that changes anything")
    group_all.add_argument("--record", type=Path, metavar="FILE", help="record everything into a new FILE (NAME.llcap)")
    group_all.add_argument("--log", type=Path, metavar="FILE", help="append what is said to FILE, a time on each line")
    group_all.add_argument("--raw-log", type=Path, metavar="FILE", help="append the octets to FILE as they come")
    group_all.add_argument("--share", type=Path, metavar="NAME", help="a pseudo-terminal for tio at the same time")
    group_all.add_argument(
        "--probabilities",
        type=rivals,
        nargs="?",
        const=CHOICES,
        metavar="N",
        help=f"ask how each token was chosen, with its N likeliest rivals (default: {CHOICES}, at most {MOST_CHOICES})",
    )
    serial = parser.add_argument_group("serial")
    serial.add_argument("--baud", type=positive, metavar="N", help="line speed (default: 115200)")
    for name in ("dtr", "rts"):
        serial.add_argument(f"--{name}", choices=("on", "off"), help=f"set {name.upper()} (default: left as it is)")


def add_wait_argument(parser: argparse.ArgumentParser, default: float) -> None:
    """How long a line is waited for: scripts want an answer, and people a console that is there when the cable is."""
    parser.add_argument(
        "--wait",
        type=moment,
        metavar="S",
        help="how long a line that does not open is tried again: --serial, --connect, --qmp "
        + ("(default: without end)" if default == math.inf else "(default: 0, it fails at once)"),
    )
    parser.set_defaults(patience=default)


LINES = ("serial", "qmp", "connect")
BOOTED = ("model", "tokenizer", "config")
#: Which kinds of targets an option acts on, where it does not act on all of them.
ACTS_ON: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(BOOTED, ("qemu", "sim")),
    **dict.fromkeys(("image", "memory", "smp", "accel", "qemu_binary", "firmware", "display"), ("qemu",)),
    **dict.fromkeys(("baud", "wait"), LINES),
    **dict.fromkeys(("dtr", "rts"), ("serial", "connect")),
    **dict.fromkeys(("speed", "seek"), ("file",)),
}


def _check_options(given: Mapping[str, object], kind: str) -> None:
    """Raises WrongUsage for an option that does nothing for a kind of target: whoever gives it means something."""
    from llmbm_console.core.errors import WrongUsage

    def told(one: str) -> str:
        return "a recording" if one == "file" else f"--{one}"

    for name, kinds in ACTS_ON.items():
        if given.get(name) is not None and kind not in kinds:
            what = "a file" if kind == "file" else f"--{kind}"
            raise WrongUsage(
                f"--{name.replace('_', '-')} does nothing for {what}: it acts on {' and '.join(map(told, kinds))}"
            )


def own_settings() -> tuple[Settings, tuple[str, ...]]:
    """The person's settings and what is wrong with them."""
    from llmbm_console.core.settings.settings import read_settings, settings_file

    return read_settings(settings_file())


def target_of(arguments: argparse.Namespace, file: Path | None = None) -> Target:
    """The target that the arguments describe. Raises WrongUsage for options that do not go together, or do nothing."""
    from llmbm_console.core.errors import WrongUsage
    from llmbm_console.core.session.targets import Target, default_kind

    given: dict[str, Any] = dict(vars(arguments))
    if arguments.profile:
        from llmbm_console.core.settings.settings import options_of, with_profile

        settings, _problems = own_settings()
        for name, value in with_profile(vars(arguments), options_of(settings, arguments.profile)).items():
            setattr(arguments, name, value)
        if file is None and not any(given[name] for name in ("qemu", "sim", *LINES)):
            given = dict(vars(arguments))  # the profile's own target: what it says is meant for that
    chosen: list[tuple[str, str]] = []
    if arguments.qemu:
        chosen.append(("qemu", ""))
    if arguments.sim:
        chosen.append(("sim", ""))
    chosen += [(kind, value) for kind in ("serial", "qmp", "connect") if (value := getattr(arguments, kind))]
    if file is not None:
        if chosen:
            raise WrongUsage(f"{file}: a file is a target of its own and does not go together with --{chosen[0][0]}")
        chosen.append(("file", str(file)))
    kind, address = chosen[0] if chosen else (default_kind(), "")
    _check_options(given, kind)
    if given.get("baud") is not None and kind == "connect" and not address.startswith("rfc2217:"):
        raise WrongUsage(f"--baud does nothing for {address}: only a serial port has a speed (--serial, or rfc2217://)")
    if arguments.image is not None and kind == "qemu" and (inside := [n for n in BOOTED if getattr(arguments, n)]):
        raise WrongUsage(f"--{inside[0]} does nothing beside --image, which has its own inside: make another image")
    options = ("model", "tokenizer", "config", "image", "memory", "smp", "accel", "qemu_binary", "firmware", "display")
    used = {name: getattr(arguments, name) for name in (*options, "baud") if getattr(arguments, name) is not None}
    more = ("wait", "speed", "seek", "record", "log", "raw_log", "share", "probabilities")
    used = {"wait": getattr(arguments, "patience", math.inf)} | used
    used |= {name: value for name in more if (value := getattr(arguments, name, None)) is not None}
    for name in ("dtr", "rts"):
        if (value := getattr(arguments, name)) not in (None, "on", "off"):
            raise WrongUsage(f"{name} = {value!r}: expected on or off (a profile of config.toml)")
        if value:
            used[name] = value == "on"
    return Target(kind=kind, address=address, read_only=arguments.read_only, **used)
