"""Keys and monitor commands as a person writes them, and both, with an NMI, on a machine that runs its firmware."""

from __future__ import annotations

import asyncio
import json

import pytest
from waiting import until

from llmbm_console.core.errors import SessionError
from llmbm_console.core.machine.firmware import find_firmware
from llmbm_console.core.machine.keys import MOST, parse_keys
from llmbm_console.core.machine.machine import LaunchedQemu
from llmbm_console.core.machine.qemu_command import QemuOptions
from llmbm_console.core.machine.qmp_command import QmpCommand, answer_text, parse_command
from llmbm_console.core.session.live import LiveSession
from llmbm_console.core.state.events import Event, MachineStatus, QmpEvent


@pytest.mark.parametrize(
    ("line", "chords"),
    [
        ("ret", [("ret",)]),
        (" Ctrl-Alt-Del  enter ", [("ctrl", "alt", "delete"), ("ret",)]),
        ('"/T 0" ret', [("slash",), ("shift", "t"), ("spc",), ("0",), ("ret",)]),
        (r'"\"a_\\"', [("shift", "apostrophe"), ("a",), ("shift", "minus"), ("backslash",)]),
        ("kp_7 f12", [("kp_7",), ("f12",)]),
    ],
)
def test_keys_are_names_and_text_between_quotation_marks(line: str, chords: list[tuple[str, ...]]) -> None:
    assert parse_keys(line) == chords


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "no key is named"),
        ('""', "no key is named"),
        ("delte", "delte: no name of a key; did you mean delete"),
        ("hello", 'Text is written between quotation marks: "hello"'),
        ("ctrl-", "nothing: no name of a key"),
        ("ctrl-ctrl", "named twice"),
        ('"open', '"open: expected keys and text'),
        ('esc"a"', "expected keys and text"),
        ('"Zürich"', "'ü': a US keyboard"),
        ("a " * (MOST + 1), f"at most {MOST}"),
    ],
)
def test_what_is_no_key_is_refused_with_what_is(line: str, why: str) -> None:
    with pytest.raises(SessionError, match=why):
        parse_keys(line)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (" query-status ", QmpCommand("query-status")),
        ('qom-list {"path": "/machine"}', QmpCommand("qom-list", {"path": "/machine"})),
        ('{"execute": "stop"}', QmpCommand("stop")),
        ('{"execute": "x-y", "arguments": {"a": [1]}, "id": 3}', QmpCommand("x-y", {"a": [1]})),
    ],
)
def test_a_monitor_command_is_a_name_a_name_with_arguments_or_json(line: str, command: QmpCommand) -> None:
    assert parse_command(line) == command
    assert command.only_reads is (command.name == "query-status")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "no command: expected a name"),
        ("query status", "what stands behind query is no JSON \\(character 1: "),
        ("stop [1]", "no JSON object"),
        ('{"execute": 1}', '"execute" has to be the name'),
        ('{"execute": "stop", "arguments": 1}', '"arguments" has to be an object'),
        ('{"exec-oob": "stop"}', "'exec-oob' is no member"),
        ("{" * 3, "the command is no JSON"),
        ("[" * 100_000, "expected a name"),
        ("stop " + '{"a":' * 100_000, "no JSON"),
    ],
)
def test_what_is_no_monitor_command_is_refused_with_what_is(line: str, why: str) -> None:
    with pytest.raises(SessionError, match=why):
        parse_command(line)


def test_an_answer_that_is_text_is_shown_as_text_and_any_other_as_json_over_lines() -> None:
    assert answer_text("CPU#0\r\nRIP=1\r\n") == "CPU#0\nRIP=1"
    assert answer_text({"status": "läuft"}) == '{\n  "status": "läuft"\n}'


@pytest.mark.qemu
async def test_keys_monitor_commands_and_an_nmi_reach_the_machine(qemu: str) -> None:
    """One machine for all of them: firmware is enough."""
    firmware = find_firmware()
    assert firmware is not None
    events: list[Event] = []
    options = QemuOptions(qemu, firmware, "tcg", None, memory=128)
    session = LiveSession("qemu:none", machine=lambda emit: LaunchedQemu(options, None, emit), boots=True)
    session.listen(lambda state, event: events.append(event))
    await session.open()
    await until(lambda: session.state.machine.status is MachineStatus.RUNNING)
    machine = session.machine
    assert machine is not None

    assert {"query-status", "send-key"} <= set(await machine.command_names())
    status = json.loads(await machine.command(parse_command('{"execute": "query-status"}')))
    assert status["status"] == "running"
    with pytest.raises(SessionError, match="QEMU refused: The command no-such has not been found"):
        await machine.command(parse_command("no-such"))
    with pytest.raises(SessionError, match="QEMU refused"):
        await machine.press([("no-such",)])
    typed = parse_command('human-monitor-command {"command-line": "info version"}')
    assert (await machine.command(typed))[0].isdigit()

    await machine.press(parse_keys('esc "setup" ret'))
    await machine.nmi()
    assert any("an NMI was sent to every processor" in line.text for line in session.state.log)
    assert await machine.command(parse_command("stop")) == "{}"
    await until(lambda: session.state.machine.status is MachineStatus.PAUSED)
    with pytest.raises(SessionError, match="resume it first"):
        await machine.press(())
    await machine.command(parse_command("system_reset"))
    await until(lambda: any(isinstance(event, QmpEvent) and event.name == "RESET" for event in events))
    await machine.command(parse_command("quit"))
    await asyncio.wait_for(until(lambda: session.state.machine.status is MachineStatus.STOPPED), 60)
    assert session.state.machine.detail.endswith("as you asked")
    await session.close()
