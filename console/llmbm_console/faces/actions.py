"""Actions of the table without a screen: where a face takes a line, `:ID` carries one out (`exec -- :machine.pause`).

Nothing is armed first: who writes the name of an action means it. A colon and a letter are always meant so; a prompt
that begins with a colon is written with two, of which the kernel gets one.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping

from llmbm_console.core.actions.action import unavailable
from llmbm_console.core.actions.table import ACTIONS, BY_ID
from llmbm_console.core.answers.conversation import NAME, another_seed, conversation, last_prompt
from llmbm_console.core.errors import SessionError
from llmbm_console.core.kept_files import saved_folder
from llmbm_console.core.machine.control import MachineControl, MachineSight
from llmbm_console.core.machine.keys import parse_keys
from llmbm_console.core.machine.qmp_command import parse_command
from llmbm_console.core.machine.states import about
from llmbm_console.core.nearest import nearest
from llmbm_console.core.parameter_text import value_text
from llmbm_console.core.sampling import BUILT_IN, in_force, name_problem, preset_of, told
from llmbm_console.core.session.saved_files import keep_somewhere
from llmbm_console.core.session.session import Outcome, Session, wall_of
from llmbm_console.core.settings.settings import read_settings, settings_file
from llmbm_console.core.settings.write import remove_preset, write_preset
from llmbm_console.core.state.events import Event, LinkPhase, MachineStatus
from llmbm_console.core.state.state import State
from llmbm_protocol.parameters import PARAMETERS
from llmbm_protocol.words import Stream

BREAK = 0.25  # s
PATIENCE = 120.0  # s that a machine may take to boot

_ACTION = re.compile(r":[^\W\d_]")


def is_action(line: str) -> bool:
    """Whether a line is meant to name an action."""
    return _ACTION.match(line) is not None


def _machine(session: Session) -> MachineControl:
    if session.machine is None:
        raise SessionError("there is no machine to control")
    return session.machine


def _sight(session: Session) -> MachineSight:
    if session.sight is None:
        raise SessionError("there is no machine to look at")
    return session.sight


async def _pause(session: Session) -> str:
    machine = _machine(session)
    if session.state.machine.status is MachineStatus.PAUSED:
        await machine.resume()
        await session.wait_ready(PATIENCE)  # one that was paused from the beginning has not been greeted yet
        return "running"
    await machine.pause()
    return "paused"


async def _reset(session: Session) -> str:
    """Until the next boot answers, so that the next line reaches it."""
    boots, booted = session.state.boots, asyncio.Event()

    def hear(state: State, _event: Event) -> None:
        if state.boots > boots:
            booted.set()

    undo = session.listen(hear)
    try:
        await _machine(session).reset()
        await booted.wait()
    finally:
        undo()
    await session.wait_ready(PATIENCE)
    return ""


async def _quit(session: Session) -> str:
    await _machine(session).quit()
    return ""


async def _screen(session: Session) -> str:
    pixmap = await _sight(session).screenshot()
    path, instead = await asyncio.to_thread(keep_somewhere, saved_folder(), "screen.ppm", pixmap, time.time())
    return f"{path}{f' ({instead})' if instead else ''}"


async def _registers(session: Session) -> str:
    return await _sight(session).registers()


async def _nmi(session: Session) -> str:
    await _machine(session).nmi()
    return ""


async def _keys(session: Session, keys: str) -> str:
    await _machine(session).press(parse_keys(keys))
    return ""


async def _qmp(session: Session, command: str) -> str:
    return await _machine(session).command(parse_command(command))


async def _save_state(session: Session) -> str:
    return about(await session.save_state())


async def _load_state(session: Session, number: str) -> str:
    if not number.isdecimal() or len(number) > 9:
        raise SessionError(f"{number[:40]}: expected the number of a saved state")
    saved = await session.load_state(int(number))
    await session.wait_ready(PATIENCE)
    return about(saved)


async def _break(session: Session) -> str:
    await session.send_break(BREAK)
    return ""


async def _set(session: Session, name: str, value: str) -> str:
    outcome = await session.set_parameter(name, value)
    if not outcome.ok:
        raise SessionError(outcome.error)
    return f"{name} {outcome.output}"


async def _strict(session: Session) -> str:
    sentinel = session.state.sentinel
    return await _set(session, "strict_budget", "0" if sentinel is not None and sentinel.strict else "1")


async def _defaults(session: Session) -> str:
    values = {one.name: value_text(one, one.default) for one in PARAMETERS if one.sampling}
    return "\n".join([await _set(session, name, value) for name, value in values.items()])


async def _use_preset(session: Session, name: str) -> str:
    if name in BUILT_IN:
        outcome = await session.submit(f"/preset {name}")
        if not outcome.ok:
            raise SessionError(outcome.error)
        return outcome.output
    own = read_settings(settings_file())[0].sampling
    return "\n".join([await _set(session, *setting) for setting in preset_of(own, name).items()])


async def _save_preset(session: Session, name: str) -> str:
    """One of that name is another one now: who writes the name means it. The kernel's own are refused."""
    if not session.read_only:
        await session.fetch(Stream.SAMPLING)
    preset = in_force(session.state.sampling)
    write_preset(settings_file(), name, preset)
    return f"{name}: {told(preset)}"


async def _delete_preset(session: Session, name: str) -> str:
    if name in BUILT_IN:
        raise SessionError(name_problem(name))
    remove_preset(settings_file(), name)
    return name


async def _export(session: Session) -> str:
    content = conversation(session.state, wall_of(session)).encode("utf-8", "replace")
    path, instead = await asyncio.to_thread(keep_somewhere, saved_folder(), NAME, content, time.time())
    return f"{path}{f' ({instead})' if instead else ''}"


async def _report(session: Session) -> str:
    from llmbm_console.core.report import Sources, happened, write_report
    from llmbm_console.faces.doctor import told as doctor

    sources = Sources(settings_file(), saved_folder(), lambda: "\n".join(doctor()))
    path, missing = await asyncio.to_thread(write_report, happened(session), sources, time.time())
    return "\n".join((str(path), *missing))


async def _retry(session: Session) -> Outcome:
    return await session.submit(last_prompt(session.state))


async def _retry_seed(session: Session) -> Outcome:
    prompt = last_prompt(session.state)
    await _set(session, "seed", str(another_seed(session.state)))
    await session.fetch(Stream.SAMPLING)  # told before the turn begins that it belongs to
    return await session.submit(prompt)


#: Those that ask for an answer.
ASKING: Mapping[str, Callable[[Session], Awaitable[Outcome]]] = {
    "chat.retry": _retry,
    "chat.retry_seed": _retry_seed,
}
#: What is more than a line of the REPL, and needs no screen.
DEEDS: Mapping[str, Callable[[Session], Awaitable[str]]] = {
    "machine.pause": _pause,
    "machine.reset": _reset,
    "machine.quit": _quit,
    "machine.screen": _screen,
    "machine.registers": _registers,
    "machine.nmi": _nmi,
    "machine.save_state": _save_state,
    "machine.break": _break,
    "chat.export": _export,
    "session.report": _report,
    "sentinel.strict": _strict,
    "sampling.defaults": _defaults,
}
#: Those that want a name behind theirs.
NAMED_DEEDS: Mapping[str, Callable[[Session, str], Awaitable[str]]] = {
    "sampling.use_preset": _use_preset,
    "sampling.save_preset": _save_preset,
    "sampling.delete_preset": _delete_preset,
    "machine.load_state": _load_state,
    "machine.keys": _keys,
    "machine.qmp": _qmp,
}
#: Those that need no answer of the kernel.
OF_MACHINE = frozenset(name for name in (*DEEDS, *NAMED_DEEDS) if name.startswith("machine.")) | {
    "chat.export",
    "sampling.delete_preset",
    "session.report",
}
LISTED = "`llmbm-console settings` lists them all."
#: All that can be done here.
NAMES = tuple(one.id for one in ACTIONS if one.line or any(one.id in deeds for deeds in (DEEDS, NAMED_DEEDS, ASKING)))


def _unknown(name: str, line: str) -> str:
    """What to do about a name that no action has."""
    near = nearest(name, NAMES, 3)
    instead = f"did you mean {' or '.join(near)}?" if near else LISTED
    return f"there is no such action; {instead} A prompt that begins with a colon is written :{line:.40}"


async def _need_kernel(session: Session) -> None:
    """Behind a restart, until the next boot answers. Raises SessionError while the machine is paused: whoever asks
    would wait without end."""
    if session.state.machine.status is MachineStatus.PAUSED:
        resumes = "`:machine.pause` resumes it" if session.machine is not None else "whoever paused it has to resume it"
        raise SessionError(f"not sent: the machine is paused and answers nothing; {resumes}")
    if session.state.link.phase is LinkPhase.WAITING:
        await session.wait_ready(PATIENCE)


async def _to_kernel(session: Session, line: str) -> Outcome:
    await _need_kernel(session)
    return await session.submit(line)


async def carry_out(session: Session, line: str) -> Outcome:
    """Runs a line: an action by its name, else a prompt or command. What an action has to say is the output. Raises
    SessionError as Session.submit does. An error does not name the line again."""
    if not is_action(line):
        return await _to_kernel(session, line[1:] if line.startswith("::") else line)
    name, _, given = (word.strip() for word in line[1:].strip().partition(" "))
    action = BY_ID.get(name)
    if action is None:
        return Outcome(line, ok=False, error=_unknown(name, line))
    if action.id not in NAMES:
        why = "it changes what is on a screen, and there is none"
        return Outcome(line, ok=False, error=why)
    if given and not action.takes:
        return Outcome(line, ok=False, error=f"takes nothing behind its name, and {given!r:.60} was given")
    controllable = session.machine is not None or session.read_only
    seen = session.sight is not None
    if reason := unavailable(action, read_only=session.read_only, controllable=controllable, seen=seen, live=True):
        return Outcome(line, ok=False, error=reason)
    if action.line:
        return await _to_kernel(session, action.line)
    if action.takes and not given:
        return Outcome(line, ok=False, error=f"{action.takes} is missing: `:{action.id} {action.takes}`")
    if action.id not in OF_MACHINE:
        await _need_kernel(session)
    try:
        if action.id in ASKING:
            return await ASKING[action.id](session)
        deed = NAMED_DEEDS[action.id](session, given) if action.takes else DEEDS[action.id](session)
        return Outcome(line, ok=True, output=await deed)
    except (SessionError, OSError) as error:
        return Outcome(line, ok=False, error=str(error))
