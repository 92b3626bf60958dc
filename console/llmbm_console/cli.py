"""The command line: argument parsing only. `llmbm-console --help` names every way to begin."""

from __future__ import annotations

import argparse
import gc
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from llmbm_console.core.nearest import nearest
from llmbm_console.faces.ending import run_to_end, status_of
from llmbm_console.target_arguments import (
    LINES,
    add_target_arguments,
    add_wait_argument,
    moment,
    own_settings,
    positive,
    seconds,
    target_of,
    tcp_port,
)
from llmbm_console.usage import STATUS, Parser, unknown_word

if TYPE_CHECKING:
    from llmbm_console.core.session.session import Session
    from llmbm_console.core.session.targets import Target

EPILOG = """\
other commands:
  llmbm-console exec [TARGET] [--json] [--timeout S] -- LINE...   run REPL lines without a screen
  llmbm-console get NAME [TARGET] [-o FILE]                       fetch a file of the kernel, or mem:dump
  llmbm-console dump FILE [NEWER] [--json]                        say what a post-mortem file means, or what differs
  llmbm-console image OUT.img --model FILE                        make a bootable image (QEMU, USB stick)
  llmbm-console explain FILE [--rejected] [--hex] [--json]        a raw log or recording, line by line
  llmbm-console break --serial DEV [--ms N]                       take a line back by a break
  llmbm-console serve [TARGET] [--port N] [--writable]            the console in a browser of this computer
  llmbm-console ports [--json]                                    serial ports, their stable names, who holds them
  llmbm-console settings [--init]                                 your settings, keys and profiles
  llmbm-console doctor                                            what is installed, what is missing

without a target: a screen shows what there is to choose from; without a screen, or with an option of a kernel to start,
QEMU if it is installed with its UEFI firmware, else the simulator

"""


STATUSES = """\
exit status:
  0    done
  1    {}
  2    wrong usage, or no terminal for the full screen
  3    no kernel was reached: the line does not open, nobody answers on it, or the machine did not start
  130  interrupted by Ctrl+C; 143 and 129: ended by SIGTERM or SIGHUP"""


class ShowVersion(argparse.Action):
    """Prints the installed version and ends; it is looked up only when it is asked for, since that takes a while."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"llmbm-console {distribution_version()}")
        parser.exit()


def distribution_version() -> str:
    """The installed version."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("llmbm-console")
    except PackageNotFoundError:
        return "unknown"


def console_parser() -> argparse.ArgumentParser:
    """The console itself."""
    parser = Parser(
        prog="llmbm-console",
        description="A control console for a running bare-metal LLM instance.",
        epilog=EPILOG + STATUSES.format("failed, the reason is on stderr"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="a post-mortem file (llmk-dump.txt, ...) or a recording"
    )
    parser.add_argument("newer", nargs="?", type=Path, metavar="NEWER", help="a second post-mortem file: what differs")
    parser.add_argument("--choose", action="store_true", help="show what could be opened: ports, machines, files")
    parser.add_argument("--speed", type=seconds, metavar="X", help="speed of a recording that is shown (default: 1)")
    parser.add_argument("--seek", type=moment, metavar="S", help="where to begin in it, in seconds")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--plain", action="store_true", help="linear text instead of the full screen")
    instead.add_argument("--jsonl", action="store_true", help="one JSON document per event instead of the full screen")
    parser.add_argument("--theme", metavar="NAME", help="a theme of themes/ or of the configuration folder")
    add_wait_argument(parser, math.inf)
    parser.add_argument("--version", action=ShowVersion, nargs=0, help="print the version and end")
    add_target_arguments(parser)
    return parser


def tell_settings() -> None:
    """What cannot be used in the person's settings, on stderr, where no screen says it."""
    from llmbm_console.core.sanitise import clean
    from llmbm_console.core.settings.settings import settings_file

    for problem in own_settings()[1]:
        print(clean(str(settings_file().parent / problem)), file=sys.stderr)


def tell_theme(name: str | None) -> None:
    """That there is no such theme, where no screen says it."""
    if name is None:
        return
    from llmbm_console.core.sanitise import clean
    from llmbm_console.core.settings.themes import load_themes, theme_folders, why_no_theme

    themes, _problems = load_themes(theme_folders())
    if name not in themes:
        print(clean(why_no_theme(name, themes, theme_folders())), file=sys.stderr)


def refuse_for_screens(arguments: argparse.Namespace) -> None:
    """Raises WrongUsage for what a face without a screen would leave out without a word."""
    from llmbm_console.core.command import command
    from llmbm_console.core.errors import WrongUsage

    face = "--plain" if arguments.plain else "--jsonl" if arguments.jsonl else ""
    named = next((f"--{one}" for one in ("qemu", "sim", *LINES, "profile") if getattr(arguments, one)), arguments.file)
    if arguments.choose and (face or named):
        raise WrongUsage(
            f"--choose asks on the full screen what to open, and does not go together with {face or named}"
        )
    if face and arguments.speed is not None:
        raise WrongUsage(f"--speed does nothing for {face}, which tells all of a recording at once")
    if face and arguments.newer is not None:
        instead = command("dump", arguments.file, arguments.newer)
        raise WrongUsage(f"{face} tells of one file: `{instead}` prints what differs between two")


def refuse_binary(files: Sequence[Path | None]) -> None:
    """Tells at once what was given by mistake, before a screen is made for it. Raises SessionError."""
    from llmbm_console.core.errors import SessionError
    from llmbm_console.core.file_kind import binary_file
    from llmbm_console.core.session.picture_session import is_picture

    for path in files:
        if path is not None and not is_picture(path) and (binary := binary_file(path)):
            raise SessionError(f"{path}: {binary}")


def run_console(argv: Sequence[str]) -> int:
    """The full screen, or linear text."""
    from llmbm_console.core.session.targets import make_session

    arguments = console_parser().parse_args(argv)
    refuse_for_screens(arguments)
    refuse_binary((arguments.file, arguments.newer))
    if arguments.plain or arguments.jsonl:
        tell_settings()
        tell_theme(arguments.theme)
    target = target_of(arguments, arguments.newer or arguments.file)
    if arguments.newer is not None:
        target = replace(target, older=arguments.file)
    if arguments.plain:
        from llmbm_console.faces.plain import run_plain

        return run_to_end(run_plain(make_session(target)))
    if arguments.jsonl:
        from llmbm_console.faces.jsonl import run_jsonl

        return run_to_end(run_jsonl(make_session(target)))
    return run_full_screen(target, arguments, argv)


def run_full_screen(target: Target, arguments: argparse.Namespace, argv: Sequence[str]) -> int:
    """The full screen where there is a terminal for it; else what is wrong with the target, if anything, and what can
    be used instead. Raises SessionError for a file that cannot be shown: no screen is made for it."""
    from llmbm_console.core.session.targets import check, default_target, make_session

    in_browser = "WebDriver" in os.environ.get("TEXTUAL_DRIVER", "")
    if not in_browser and not (sys.stdin.isatty() and sys.stdout.isatty()):
        from llmbm_console.core.command import command

        check(target)
        print(
            f"error: {command(*argv)}: the full screen needs a terminal, and standard input or output is not one.\n"
            f"  for scripts:        {command('exec')} ... -- LINE...\n"
            f"  for linear text:    {command('--plain')} ...",
            file=sys.stderr,
        )
        return 2
    if os.environ.get("TERM", "") == "dumb":
        print("error: TERM=dumb cannot show the console; use --plain", file=sys.stderr)
        return 2
    if not sys.stderr.isatty():  # Textual draws on what was standard error at the start (8.2.8): nobody would see it
        sys.__stderr__ = sys.__stdout__  # type: ignore[misc]
    first = make_session(target) if target.kind == "file" and not in_browser else None
    nothing_said = target == default_target() and not (arguments.qemu or arguments.sim or in_browser)
    return run_screen(target, arguments, first, ask=arguments.choose or nothing_said)


def run_screen(target: Target, arguments: argparse.Namespace, first: Session | None, *, ask: bool) -> int:
    """The full screen, on one target after the other; `ask` shows first what there is. `first` is a session of the
    target, where one was made already."""
    from llmbm_console.core.session.targets import sessions_of
    from llmbm_console.core.settings.settings import settings_file

    # Nothing that is imported or built before the first frame is ever garbage: collecting in it costs 7 % of the time
    # to the first paint. The application switches the collector on again after it.
    gc.disable()
    from llmbm_console.tui.run import CHOOSE, choose, run_tui

    settings, problems = own_settings()
    wanted: Target | int = CHOOSE if ask else target
    while True:
        if wanted == CHOOSE:
            chosen = choose(arguments.theme, settings)
            if chosen is None:
                return 0
            wanted = chosen
        if isinstance(wanted, int):
            return wanted
        wanted = run_tui(
            wanted.title,
            sessions_of(wanted, first if wanted is target else None),
            theme=arguments.theme,
            settings=settings,
            settings_file=settings_file(),
            problems=problems,
        )


def run_exec(argv: Sequence[str]) -> int:
    """REPL lines without a screen."""
    parser = Parser(
        prog="llmbm-console exec",
        description="Runs REPL lines in order and prints what they answer on standard output, and only that.",
        epilog="an ACTION is one that `llmbm-console settings` lists and that needs no screen: :machine.pause, ...\n"
        "a prompt that begins with a colon and a letter is written with two colons\n\n"
        + STATUSES.format(
            "a line failed, its reason is on stderr; the lines behind it ran as well, but with --stop-on-error"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_target_arguments(parser)
    parser.add_argument("--json", action="store_true", help="one JSON document per line")
    parser.add_argument("--stop-on-error", action="store_true", help="run no line behind one that failed")
    parser.add_argument(
        "--timeout", type=seconds, default=300.0, metavar="S", help="longest time for the start and for each line"
    )
    add_wait_argument(parser, 0.0)
    parser.add_argument(
        "lines",
        nargs="+",
        metavar="LINE",
        help="a prompt, a command that begins with /, or :ACTION; - reads lines from standard input",
    )
    arguments = parser.parse_args(argv)
    from llmbm_console.core.session.targets import make_session
    from llmbm_console.faces.execute import execute

    tell_settings()
    session = make_session(target_of(arguments))
    run = execute(session, arguments.lines, arguments.json, arguments.timeout, arguments.stop_on_error)
    return run_to_end(run)


def run_get(argv: Sequence[str]) -> int:
    """A file of the kernel's volume."""
    parser = Parser(
        prog="llmbm-console get",
        description="Fetches a file of the kernel's volume over the line, whole and checked.",
        epilog=STATUSES.format("the file could not be fetched or written; nothing half is left behind"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", help="llmk-dump.txt, ...; mem:dump is the dump of now")
    add_target_arguments(parser)
    parser.add_argument("-o", "--output", metavar="FILE", help="where to (default: NAME here, if it is not there yet)")
    parser.add_argument(
        "--timeout", type=seconds, default=60.0, metavar="S", help="longest time for the start, and for a busy kernel"
    )
    add_wait_argument(parser, 0.0)
    arguments = parser.parse_args(argv)
    from llmbm_console.core.session.targets import make_session
    from llmbm_console.faces.get import get

    tell_settings()
    return run_to_end(get(make_session(target_of(arguments)), arguments.name, arguments.output, arguments.timeout))


def run_dump(argv: Sequence[str]) -> int:
    """One post-mortem file, explained."""
    parser = Parser(
        prog="llmbm-console dump",
        description="Reads llmk-dump.txt, llmk-log.txt or llmk-failsafe.txt, of this kernel or an earlier one.",
        epilog=f"{STATUS}. Two files that differ are no failure: `equal` of --json says it",
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("newer", nargs="?", type=Path, help="a second file: says what differs")
    parser.add_argument("--json", action="store_true", help="everything in the file as one JSON document")
    arguments = parser.parse_args(argv)
    from llmbm_console.faces.dump import print_comparison, print_dump

    if arguments.newer is not None:
        return print_comparison(arguments.file, arguments.newer, arguments.json)
    return print_dump(arguments.file, arguments.json)


def run_break(argv: Sequence[str]) -> int:
    """A break on a serial line."""
    parser = Parser(
        prog="llmbm-console break",
        description="Sends a break: the kernel gives the line back to people at once.",
        epilog=STATUSES.format("this line has no break, or it could not be sent"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--ms", type=positive, default=250, metavar="N", help="its length (default: 250 ms)")
    add_target_arguments(parser)
    arguments = parser.parse_args(argv)
    unused = ("read_only", "record", "log", "raw_log", "share", "probabilities")
    if idle := next((name for name in unused if getattr(arguments, name)), ""):
        parser.error(f"--{idle.replace('_', '-')} does nothing for a break, which begins no session")
    from llmbm_console.faces.send_break import send_break

    tell_settings()
    return run_to_end(send_break(target_of(arguments), arguments.ms / 1000))


def run_serve(argv: Sequence[str]) -> int:
    """The full screen in a browser."""
    parser = Parser(
        prog="llmbm-console serve",
        description="Shows the console in a browser, on this computer alone and only to watch, unless told otherwise.",
        epilog=f"everything else is an option of llmbm-console: serve --writable --sim; {STATUS}",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this computer only)")
    parser.add_argument("--port", type=tcp_port, default=8000, metavar="N", help="default: 8000")
    parser.add_argument("--writable", action="store_true", help="pages may type, not only watch")
    parser.add_argument("--public-url", default="", metavar="URL", help="how browsers reach it, behind a proxy")
    arguments, words = parser.parse_known_args(argv)
    inner = console_parser().parse_args(words)  # complains here and not in a page
    if inner.plain or inner.jsonl:
        parser.error("serve shows the full screen: --plain and --jsonl are faces of their own")
    refuse_for_screens(inner)
    from llmbm_console.core.session.targets import check
    from llmbm_console.faces.serve import is_loopback, serve

    target = target_of(inner, inner.newer or inner.file)
    check(target)
    may = "type into it" if arguments.writable else "watch it"
    if not is_loopback(arguments.host):
        print(
            f"warning: whoever reaches {arguments.host}:{arguments.port} can {may}; there is no password",
            file=sys.stderr,
        )
    if not arguments.writable and not inner.read_only:
        words = ["--read-only", *words]
    return serve(words, arguments.host, arguments.port, f"llmbm-console {target.title}", arguments.public_url)


def run_explain(argv: Sequence[str]) -> int:
    """Frames and noise of a raw log."""
    parser = Parser(
        prog="llmbm-console explain",
        description="Says what each line of a raw log or of a recording means, and why a line was rejected.",
    )
    parser.add_argument("file", metavar="FILE", help="octets as they came (--raw-log), a recording, or - for stdin")
    parser.add_argument("--rejected", action="store_true", help="only lines that were rejected")
    parser.add_argument("--hex", action="store_true", help="the octets of each line as well")
    parser.add_argument("--json", action="store_true", help="one JSON document per line")
    arguments = parser.parse_args(argv)
    from llmbm_console.faces.explain import explain

    return explain(arguments.file, as_json=arguments.json, with_hex=arguments.hex, only_rejected=arguments.rejected)


def run_image(argv: Sequence[str]) -> int:
    """A bootable image."""
    parser = Parser(
        prog="llmbm-console image",
        description="Makes a bootable disk image: for QEMU, or to be written to a USB stick.",
    )
    parser.add_argument("output", type=Path, metavar="OUT.img")
    parser.add_argument("--model", type=Path, metavar="FILE", help="default: the small story model of this project")
    parser.add_argument("--tokenizer", type=Path, metavar="FILE", help="NAME.tok.bin or tokenizer.bin beside the model")
    parser.add_argument("--config", type=Path, metavar="FILE", help="a repl.cfg for the kernel")
    arguments = parser.parse_args(argv)
    from llmbm_console.faces.image import make_image

    return make_image(arguments.output, arguments.model, arguments.tokenizer, arguments.config)


def run_ports(argv: Sequence[str]) -> int:
    """The serial ports of this computer."""
    parser = Parser(
        prog="llmbm-console ports", description="Lists the serial ports of this computer: what to give to --serial."
    )
    parser.add_argument("--json", action="store_true", help="one JSON document per port")
    arguments = parser.parse_args(argv)
    from llmbm_console.faces.ports import list_ports

    return list_ports(arguments.json)


def run_settings(argv: Sequence[str]) -> int:
    """The person's settings: where they are, what holds, and a file to begin with."""
    parser = Parser(
        prog="llmbm-console settings", description="Shows your settings, the keys of all actions, and your profiles."
    )
    parser.add_argument("--init", action="store_true", help="write a commented file to begin with")
    arguments = parser.parse_args(argv)
    from llmbm_console.faces.settings import begin_settings, show_settings

    return begin_settings() if arguments.init else show_settings()


def run_doctor(argv: Sequence[str]) -> int:
    """What is there and what is not."""
    Parser(
        prog="llmbm-console doctor", description="Says what is installed, what is missing and how to get it."
    ).parse_args(argv)
    from llmbm_console.faces.doctor import examine

    return examine()


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point. Returns the exit status: see STATUSES."""
    words = list(sys.argv[1:] if argv is None else argv)
    commands = {
        "exec": run_exec,
        "get": run_get,
        "dump": run_dump,
        "serve": run_serve,
        "break": run_break,
        "explain": run_explain,
        "image": run_image,
        "doctor": run_doctor,
        "ports": run_ports,
        "settings": run_settings,
    }
    from llmbm_console.core.errors import SessionError
    from llmbm_console.faces.output import guard_messages, guarded_output, open_closed_streams

    open_closed_streams()
    guard_messages()
    if words and words[0] not in commands and (said := unknown_word(words[0], commands)):
        print(f"llmbm-console: {said} (--help lists all)", file=sys.stderr)
        return 2 if nearest(words[0], commands) else 1  # a file that is not there fails alike, whatever it is to do
    if words and words[0] not in commands and "--" in words:  # what stands behind it are lines of a command
        late = next((word for word in words[: words.index("--")] if word in commands), "")
        if late:
            print(f"llmbm-console: {late} is a command and comes first: llmbm-console {late} ...", file=sys.stderr)
            return 2
    try:
        with guarded_output():
            return commands[words[0]](words[1:]) if words and words[0] in commands else run_console(words)
    except SessionError as error:
        print(f"error: {error}", file=sys.stderr)
        return status_of(error)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
