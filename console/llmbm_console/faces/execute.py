"""`llmbm-console exec`: runs REPL lines without a screen, in order, and prints what they answer."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Any, TextIO

from llmbm_console.core.errors import SessionError
from llmbm_console.core.reading import is_command
from llmbm_console.core.session.session import Listener, Outcome, Session
from llmbm_console.core.state.events import Event, LinkPhase, MachineStatus
from llmbm_console.core.state.state import State, Turn, newest_turn
from llmbm_console.faces.actions import carry_out, is_action
from llmbm_console.faces.ending import DONE, FAILED, status_of
from llmbm_console.faces.listening import Problems, listening, reached, tell_waiting, with_standard_input
from llmbm_console.faces.output import json_line
from llmbm_console.faces.records import COMMAND_STREAMS, choice_json, kernel_log, log_json, records_json, turn_json
from llmbm_protocol.likeliest import read
from llmbm_protocol.schema import LogCode

DEFAULT_LOG = 16  # what `/log` shows when no number is given


class Streamer:
    """Prints the text of the running turn as it grows, the prompt first: together they are the story."""

    def __init__(self, out: TextIO) -> None:
        self.out = out
        self.generation, self.began = -1, 0.0
        self.written = 0

    def __call__(self, state: State, event: Event) -> None:
        turn = newest_turn(state)
        if turn is None:
            return
        if self.generation < 0 and state.turn is None:  # it ended before anybody listened
            self.generation, self.began, self.written = turn.number, turn.started_at, len(turn.text)
        if turn.number != self.generation or turn.started_at != self.began:  # another boot counts from 1 again
            self.generation, self.began, self.written = turn.number, turn.started_at, 0
            self.out.write(turn.prompt)
        if len(turn.text) > self.written:
            self.out.write(turn.text[self.written :])
            self.written = len(turn.text)
            self.out.flush()


async def log_complete(session: Session, timeout: float = 2.0) -> None:
    """Waits until the last event that the kernel counts is here: lost ones are asked for again, and that takes time."""
    end = asyncio.get_running_loop().time() + timeout
    while asyncio.get_running_loop().time() < end:
        newest = kernel_log(session.state, 1)
        record = newest[0].record if newest else None
        credit = session.state.credit
        if credit is not None and (credit.events == 0 or (record is not None and record.number + 1 >= credit.events)):
            return
        await asyncio.sleep(0.02)


async def words_complete(session: Session, turn: Turn, timeout: float = 20.0) -> None:
    """Waits until the texts of all listed tokens are here, for at most so many seconds."""
    wanted = {one.token for token in turn.tokens if token.choice for one in read(token.choice.likeliest)}
    end = asyncio.get_running_loop().time() + timeout
    while asyncio.get_running_loop().time() < end:
        if wanted <= session.state.words.keys():
            return
        await asyncio.sleep(0.02)


async def typed_answer(session: Session, line: str, outcome: Outcome) -> Any:
    """The records behind a diagnostic command, None for other commands."""
    words = line.split()
    if not words or not outcome.ok:
        return None
    if words[0] == "/log":
        await log_complete(session)
        count = int(words[1]) if len(words) > 1 and words[1].isdigit() else DEFAULT_LOG
        return [log_json(entry) for entry in kernel_log(session.state, count)]
    streams = COMMAND_STREAMS.get(words[0])
    if streams is None:
        return None
    records = [record for stream in streams for record in await session.fetch(stream)]
    return records_json(tuple(records))


async def document(session: Session, line: str, outcome: Outcome) -> dict[str, Any]:
    """One line's answer as a JSON object."""
    answer: dict[str, Any] = {"line": line, "ok": outcome.ok}
    if outcome.turn is not None:
        answer |= {"kind": "prompt", **turn_json(outcome.turn)}
        if session.choices:
            await words_complete(session, outcome.turn)
            vocab = session.state.model.vocab if session.state.model is not None else 0
            answer["choices"] = [choice_json(token, session.state.words, vocab) for token in outcome.turn.tokens]
    else:
        kind = "action" if is_action(line) else "command" if is_command(line) else "prompt"
        answer |= {"kind": kind, "output": outcome.output}
        record = await typed_answer(session, outcome.line, outcome)
        if record is not None:
            answer["record"] = record
    if not outcome.ok:
        answer |= {"error": outcome.error, "error_code": outcome.error_code or None}
    return answer


async def run_line(session: Session, line: str, timeout: float) -> Outcome:
    """Submits one line; when it takes too long the generation is stopped and the outcome says so."""
    try:
        async with asyncio.timeout(timeout):
            return await carry_out(session, line)
    except TimeoutError:
        if session.state.link.phase is LinkPhase.WAITING:  # firmware may have the line, which must not be typed at
            return Outcome(line, ok=False, error=f"no kernel has answered after {timeout:g} s (--timeout)")
        await session.stop()
        paused = session.state.machine.status is MachineStatus.PAUSED
        stopped = "the machine is paused, and the generation is stopped when it goes on"
        stopped = stopped if paused else "the generation was stopped"
        return Outcome(line, ok=False, error=f"no end after {timeout:g} s (--timeout); {stopped}")
    except SessionError as error:
        return Outcome(line, ok=False, error=str(error))


async def tell_boot_warnings(session: Session) -> None:
    """What the kernel found wrong while it started (lines of repl.cfg, say), on stderr: up to its first model."""
    await log_complete(session)
    for entry in reversed(kernel_log(session.state, len(session.state.log))):
        if entry.severity != "info":
            print(f"kernel: {entry.severity}: {entry.text}", file=sys.stderr)
        elif entry.code == LogCode.LOAD:
            return


async def execute(
    session: Session, lines: Sequence[str], as_json: bool, timeout: float, stop_on_error: bool = False
) -> int:
    """Runs all lines; DONE only if every one succeeded, NOT_REACHED if there was no kernel to run one. A line that
    fails keeps the next from running only with `stop_on_error`."""
    problems = Problems()
    faces: list[Listener] = [problems, tell_waiting]
    if not as_json:
        faces.append(Streamer(sys.stdout))
    failed = 0
    try:
        with listening(session, *faces):
            await session.open()
            if await reached(session, timeout):
                await tell_boot_warnings(session)
            async for line in with_standard_input(lines):
                outcome = await run_line(session, line, timeout)
                await tell_outcome(session, line, outcome, as_json)
                failed += not outcome.ok
                if failed and stop_on_error:
                    break
            await session.copied()
    except SessionError as error:
        problems.tell_end(error)
        return status_of(error)
    finally:
        await session.close()
    return FAILED if failed else DONE


async def tell_outcome(session: Session, line: str, outcome: Outcome, as_json: bool) -> None:
    """The answer of one line on stdout, where it was not streamed, and its failure on stderr."""
    if as_json:
        print(json_line(await document(session, line, outcome)), flush=True)
    elif outcome.turn is not None:
        print(flush=True)
    elif outcome.output:
        print(outcome.output.rstrip("\n"), flush=True)
    if not outcome.ok:
        print(f"error: {f'{line}: ' if line.strip() else ''}{outcome.error}", file=sys.stderr)
