"""state = reduce(state, event): the only place where the state changes. Pure and total: no event makes it raise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from llmbm_console.core.kept_files import told_path
from llmbm_console.core.sanitise import clean
from llmbm_console.core.state import events as ev
from llmbm_console.core.state.events import LinkPhase, MachineStatus
from llmbm_console.core.state.series import Series
from llmbm_console.core.state.state import (
    MAX_SAVED,
    MAX_SAVES,
    Command,
    LogLine,
    PendingValue,
    State,
    Text,
    Turn,
    changed,
)
from llmbm_console.core.state.store_parts import add_item, add_log, add_seam, cut_turn, lose_saves
from llmbm_console.core.state.store_records import RECORDS, as_saved
from llmbm_console.core.state.turns import resumed

MAX_TEXT = 65_536  # characters of one Text item; a new one is begun after that


def reduce(state: State, event: ev.Event) -> State:
    """The state after `event`."""
    step = _STEPS.get(type(event))
    if step is not None:
        state = step(state, event)
    return state if state.now == event.at else changed(state, now=event.at)


# ---- one function per kind of event ---------------------------------------------------------------------------------


def _record(state: State, event: ev.RecordReceived) -> State:
    step = RECORDS.get(type(event.record))
    return step(state, event.record, event.at) if step is not None else state


def _console_text(state: State, event: ev.ConsoleText) -> State:
    text = clean(event.text)
    if not text:
        return state
    newest = state.behind if state.turn is not None else state.items
    last = newest[-1] if newest else None
    if isinstance(last, Text) and len(last.text) < MAX_TEXT:
        longer = Text(last.text + text, last.at)
        if state.turn is not None:
            return replace(state, behind=(*state.behind[:-1], longer))
        return replace(state, items=Series.of(state.items).with_last(longer))
    if not isinstance(last, Text):
        text = text.lstrip("\n")  # the end of a line that is not there, such as one of a prompt that was void
    return add_item(state, Text(text, event.at)) if text else state


_PHASE_SEVERITY: dict[LinkPhase, ev.Severity] = {
    LinkPhase.SLOW: "warn",
    LinkPhase.SILENT: "error",
    LinkPhase.PLAIN: "warn",
    LinkPhase.OPENING: "info",
}


def _link_changed(state: State, event: ev.LinkChanged) -> State:
    if event.phase is state.link.phase and event.detail == state.link.detail:
        return state
    detail = clean(event.detail)
    since = state.link.since if event.phase is state.link.phase else event.at
    state = replace(state, link=replace(state.link, phase=event.phase, detail=detail, since=since))
    words = "a session with the kernel stands" if event.phase is LinkPhase.MACHINE else str(event.phase)
    text = detail if event.phase is LinkPhase.POST_MORTEM else f"{words}: {detail}" if detail else words
    return add_log(state, LogLine(event.at, "link", _severity(state), "link", text))


def _severity(state: State) -> ev.Severity:
    """How bad the link's new phase is. With a reason it is one of trouble: closed for good, or not opened yet where no
    machine of ours is on its way."""
    link = state.link
    if link.failed:
        return "error"
    if link.phase is LinkPhase.OPENING and link.detail and state.hello is None and not state.machine.controllable:
        return "warn"
    return _PHASE_SEVERITY.get(link.phase, "info")


def _line_statistics(state: State, event: ev.LineStatistics) -> State:
    link = replace(
        state.link,
        received_bytes=event.received_bytes,
        sent_bytes=event.sent_bytes,
        rejected_lines=event.rejected_lines,
        lost_frames=event.lost_frames,
        retries=event.retries,
        round_trip_ms=event.round_trip_ms if event.round_trip_ms is not None else state.link.round_trip_ms,
    )
    return replace(state, link=link)


def _clock(state: State, event: ev.ClockEstimated) -> State:
    return replace(state, link=replace(state.link, clock_offset=event.offset, clock_error=event.error))


#: what is said of a machine that had a kernel and begins with another one
_BEGINS_ANEW = {
    MachineStatus.RESETTING: "the machine was restarted",
    MachineStatus.STARTING: "the machine was started again",
}
STATE_LOADED = "an earlier state of the machine was loaded"
_ENDS_AN_ANSWER = {
    MachineStatus.RESETTING: "the machine was reset",
    MachineStatus.STOPPED: "the machine stopped",
    MachineStatus.CRASHED: "the machine crashed",
    MachineStatus.ABSENT: "the machine is not there",
}
_BAD_STATUS = {MachineStatus.CRASHED: "error", MachineStatus.ABSENT: "error", MachineStatus.STOPPED: "warn"}


def _machine_changed(state: State, event: ev.MachineChanged) -> State:
    if event.status is state.machine.status and event.detail == state.machine.detail:
        return state
    detail = clean(event.detail)
    since = state.machine.since if event.status is state.machine.status else event.at
    goes_on = event.status is MachineStatus.RUNNING and state.machine.status is MachineStatus.PAUSED and state.loaded
    state = replace(state, machine=replace(state.machine, status=event.status, detail=detail, since=since))
    if event.status.over or event.status is MachineStatus.RESETTING:
        state = cut_turn(state, _ENDS_AN_ANSWER[event.status])
    if event.status.over:
        state = lose_saves(state)
    if event.status is MachineStatus.LOADING and state.boots:
        # Turns are counted again from there. The hello that comes is of that boot, and begins none.
        state = add_seam(cut_turn(state, STATE_LOADED), detail or STATE_LOADED, event.at, "info")
        link = replace(state.link, clock_offset=None)  # the machine's clock is an earlier one, too
        state = replace(state, hello=None, boot_at=event.at, link=link, kv=None, credit=None, decode_cycles=())
        if event.saved:
            state = replace(as_saved(state, event.saved), loaded=event.saved)
    if goes_on:
        detail = f"state {state.loaded} goes on"
        if state.turn is None:  # an answer shows by itself that it goes on
            state = add_seam(state, detail, event.at, "info")
    text = f"{event.status}: {detail}" if detail else str(event.status)
    severity: Any = "info" if event.asked else _BAD_STATUS.get(event.status, "info")
    if event.status in _BEGINS_ANEW and state.hello is not None and not state.restarting:
        # Before the new kernel's own text, and with a detail only when nobody asked for it.
        severity = "warn" if detail else "info"
        state = add_seam(state, f"{_BEGINS_ANEW[event.status]}{f': {detail}' if detail else ''}", event.at, severity)
        state = replace(state, restarting=True, boot_at=event.at)
    return add_log(state, LogLine(event.at, "machine", severity, "machine", text))


def _state_saved(state: State, event: ev.StateSaved) -> State:
    """All that is known of the machine stays known of that state."""
    then = replace(
        state, items=(), items_room=0, behind=(), log=(), pending=MappingProxyType({}), saves=MappingProxyType({})
    )
    saves = dict([*state.saves.items(), (event.number, then)][-MAX_SAVES:])
    return replace(state, saves=MappingProxyType(saves), saves_lost=0)


def _qmp_event(state: State, event: ev.QmpEvent) -> State:
    text = clean(f"{event.name} {event.detail}".rstrip())
    return add_log(state, LogLine(event.at, "machine", "info", "qmp", text))


def _gap(state: State, event: ev.Gap) -> State:
    reason = clean(event.reason)
    state = add_seam(state, reason, event.at)
    return add_log(state, LogLine(event.at, "link", "warn", "gap", reason))


def _notice(state: State, event: ev.Notice) -> State:
    return add_log(state, LogLine(event.at, "console", event.severity, "console", clean(event.text)))


def _file_saved(state: State, event: ev.FileSaved) -> State:
    severity: ev.Severity = "warn" if event.instead else "info"
    why = f", because {event.instead}" if event.instead else ""
    text = clean(f"{event.name} was saved as {told_path(event.path)}{why}")
    state = replace(state, saved=(*state.saved, event.path)[-MAX_SAVED:])
    return add_log(add_seam(state, text, event.at, severity), LogLine(event.at, "console", severity, "file", text))


def _prompt_sent(state: State, event: ev.PromptSent) -> State:
    turn = state.turn
    if turn is not None and turn.number == event.generation:
        return replace(state, turn=replace(turn, prompt=clean(event.text)))
    if turn is not None:
        state = cut_turn(state, "its end was not received")
    turn = Turn(event.generation, clean(event.text), event.at, settings=state.sampling, model=state.model)
    if not event.resumed:
        return replace(state, turn=turn)
    then = state.saves[state.loaded].turn if state.loaded in state.saves else None
    if then is not None and then.number == event.generation and not then.lost_tokens:
        # It is told anew from its first token on, as more of it may have been made than was here.
        return replace(state, turn=replace(then, started_at=event.at, resumed=event.resumed))
    return replace(state, turn=resumed(turn, state.items, event.resumed))


def _turn_joined(state: State, event: ev.TurnJoined) -> State:
    text = f"turn {event.generation} runs: its prompt and {event.tokens} tokens were before this clip"
    state = add_seam(state, text, event.at, "info")
    return replace(state, turn=Turn(event.generation, "", event.at, before=event.tokens))


def _turn_read(state: State, event: ev.TurnRead) -> State:
    turn = Turn(event.number, clean(event.prompt), event.at, text=clean(event.text), told=clean(event.told))
    return add_item(state, turn if event.whole else replace(turn, cut=turn.told, told=""))


def _command_done(state: State, event: ev.CommandDone) -> State:
    command = Command(clean(event.line), event.ok, clean(event.output), clean(event.error), event.at)
    return add_item(state, command)


def _with_pending(state: State, name: str, value: PendingValue) -> State:
    return replace(state, pending=MappingProxyType({**state.pending, name: value}))


def _without_pending(state: State, name: str) -> State:
    return replace(state, pending=MappingProxyType({key: v for key, v in state.pending.items() if key != name}))


def _parameter_requested(state: State, event: ev.ParameterRequested) -> State:
    return _with_pending(state, event.name, PendingValue(event.value, event.at))


def _parameter_refused(state: State, event: ev.ParameterRefused) -> State:
    pending = state.pending.get(event.name)
    if pending is not None and pending.value == event.value:  # else a later one is on its way
        state = _without_pending(state, event.name)
    text = f"{event.name} {event.value}: {event.message}"
    return add_log(state, LogLine(event.at, "console", "warn", "param", clean(text)))


def _parameter_accepted(state: State, event: ev.ParameterAccepted) -> State:
    return _without_pending(state, event.name) if event.name in state.pending else state


def _file_opened(state: State, event: ev.FileOpened) -> State:
    state = replace(state, file_path=clean(event.path), file_kind=clean(event.kind), verdict=clean(event.verdict))
    state = replace(state, file_context=clean(event.context), zone_b=event.zone_b)
    severity: ev.Severity = "info" if event.complete else "warn"
    return add_log(state, LogLine(event.at, "console", severity, "file", state.verdict))


_STEPS: dict[type[ev.Event], Callable[[State, Any], State]] = {
    ev.RecordReceived: _record,
    ev.ConsoleText: _console_text,
    ev.LinkChanged: _link_changed,
    ev.LineStatistics: _line_statistics,
    ev.ClockEstimated: _clock,
    ev.MachineChanged: _machine_changed,
    ev.StateSaved: _state_saved,
    ev.QmpEvent: _qmp_event,
    ev.Gap: _gap,
    ev.Notice: _notice,
    ev.FileSaved: _file_saved,
    ev.PromptSent: _prompt_sent,
    ev.TurnJoined: _turn_joined,
    ev.TurnRead: _turn_read,
    ev.CommandDone: _command_done,
    ev.ParameterRequested: _parameter_requested,
    ev.ParameterRefused: _parameter_refused,
    ev.ParameterAccepted: _parameter_accepted,
    ev.FileOpened: _file_opened,
}
