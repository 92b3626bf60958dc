"""A session without a kernel: a test sets its state, and sees what the interface asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from llmbm_console.core.errors import SessionError
from llmbm_console.core.machine.keys import Chord
from llmbm_console.core.machine.qmp_command import QmpCommand
from llmbm_console.core.machine.states import SavedState
from llmbm_console.core.recording.recorder import Recorder
from llmbm_console.core.session.session import Listener, Outcome, Playback, Session
from llmbm_console.core.state.events import (
    Event,
    LinkChanged,
    LinkPhase,
    MachineStatus,
    Notice,
    RecordReceived,
    Severity,
)
from llmbm_console.core.state.state import (
    Command,
    LinkState,
    LogLine,
    MachineState,
    PendingValue,
    Seam,
    State,
    Text,
    TokenInfo,
    Turn,
)
from llmbm_console.core.state.store import reduce
from llmbm_protocol.schema import (
    Arena,
    Cpu,
    Finished,
    KvCache,
    Model,
    Perf,
    Phase,
    Record,
    SamplingState,
    Sentinel,
    SentinelError,
    SentinelPhase,
    SentinelState,
    StopReason,
    Stream,
    TokenizerState,
    Version,
    Zone,
    Zones,
)

NOW = 1000.0
WALL = 1_767_225_600.0 - NOW  # 2026-01-01 00:00:00 UTC when the clock says NOW
MIB = 1 << 20
MEMORY = (0x100000, 0x1000_0000)
PATTERN = bytes(at * 7 % 251 if at % 64 < 48 else 0 for at in range(251 * 64))  # what octets hold, by their address

STORY = (
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a "
    "big, red ball. She wanted to play with it, but it was too high."
)

RUNNING = "Lily's mom said, \"Lily, let's go to the park.\" Lily was sad and didn't know"


def turn(number: int, prompt: str, text: str, *, running: bool = False) -> Turn:
    """A turn whose tokens are its words."""
    words = text.split(" ")
    tokens = tuple(
        TokenInfo(
            index=i,
            token=300 + i,
            start=0,
            end=0,
            cycles=210_000_000 + (i * 7919 % 60) * 1_000_000,
            time_ms=i * 80,
            at=NOW,
        )
        for i in range(len(words))
    )
    finished = Finished(
        generation=number,
        time=9000,
        reason=StopReason.EOS,
        tokens=len(words),
        prompt_tokens=9,
        prefill_us=380_000,
        decode_us=len(words) * 80_000,
        kv_rows=60 * number,
        turn=number,
    )
    slowest = max(token.cycles for token in tokens)
    return Turn(number, prompt, NOW, text, tokens, slowest, finished=None if running else finished)


def rich_state(**changes: Any) -> State:
    """A kernel in the middle of its second answer, with something in every pane."""
    zones = Zones(
        time=5,
        weights=(60_816_028, 62_914_560),
        kv=(5_872_025, 12_582_912),
        scratch=(4_299_161, 33_554_432),
        acts=(11_534_336, 33_554_432),
        zonec=(419_430, 16_777_216),
        keep=(1_048_576, 4_194_304),
    )
    arenas = {
        arena: Zone(
            time=5,
            arena=arena,
            base=0x100000,
            size=getattr(zones, arena.value)[1],
            used=getattr(zones, arena.value)[0],
            peak=min(getattr(zones, arena.value)[1], getattr(zones, arena.value)[0] * 3 // 2),
            read_only=arena is Arena.WEIGHTS,
            guard_ok=True,
            last_tag="att",
            last_bytes=65536,
        )
        for arena in Arena
        if arena is not Arena.NONE
    }
    state = State(
        target="qemu stories15M",
        now=NOW,
        link=LinkState(LinkPhase.MACHINE, "", NOW - 90, 184_320, 2_210, 0, 0, 0, 0.8),
        machine=MachineState(MachineStatus.RUNNING, "", NOW - 95, True),
        phase=Phase.DECODE,
        version=Version(
            time=1,
            version="llmk 0.1.0",
            port="uefi",
            machine="EDK II 2022.11",
            boot=0x5F03A9D1,
            schema_id=0x7C1E90AB,
        ),
        cpu=Cpu(
            time=1,
            brand="QEMU TCG CPU version 2.5+",
            level="avx2",
            best="avx2",
            pinned=False,
            hz=2_394_000_000,
            clock="PIT",
            spread_ppm=40,
            invariant=True,
        ),
        model=Model(
            time=1,
            file="stories15M.bin",
            format="fp32-v0",
            dim=288,
            hidden_dim=768,
            layers=6,
            heads=6,
            kv_heads=6,
            vocab=32000,
            seq_len=256,
            shared=True,
            parameters=15_191_712,
            bytes=60_816_028,
        ),
        tokenizer=TokenizerState(time=1, file="tokenizer.bin", vocab=32000, longest=27),
        sampling=SamplingState(
            time=1,
            temperature=850_000,
            min_p=50_000,
            top_p=950_000,
            top_k=80,
            no_repeat_ngram=4,
            repeat_penalty=1_150_000,
            max_tokens=160,
            seed=42,
        ),
        zones=zones,
        arenas=MappingProxyType(arenas),
        sentinel=Sentinel(
            time=5,
            state=SentinelState.ARMED,
            strict=False,
            error=SentinelError.OK,
            phase=SentinelPhase.GENERIC,
            prefill=1_140_000_000,
            prefill_budget=1_750_000_000,
            prefill_pinned=False,
            prefill_overruns=0,
            decode=241_000_000,
            decode_budget=340_000_000,
            decode_pinned=False,
            decode_overruns=1,
            percentiles=(238_000_000, 262_000_000, 331_000_000),
        ),
        kv=KvCache(time=5, rows=119, capacity=256, row_bytes=13824, turns=(0, 60), generation=2),
        perf=Perf(
            time=5,
            phase=Phase.DECODE,
            generation=2,
            tokens=17,
            token_us=80_600,
            prompt_done=9,
            prompt_total=9,
            decode_rate=12_400_000,
        ),
        stamps=MappingProxyType(dict.fromkeys(Stream, NOW)),
        decode_cycles=tuple((205 + i * 37 % 60 + (120 if i == 90 else 0)) * 1_000_000 for i in range(120)),
        items=(
            Text("llmk 0.1.0 on EDK II 2022.11\nmodel stories15M.bin: 15.2 M weights, 6 layers", NOW - 80),
            turn(1, "Once upon a time", STORY),
            Command("/cpu", True, "QEMU TCG CPU version 2.5+\navx2 in use, best here avx2", "", NOW - 20),
            Seam("gap: line silent for 1.8 s, 3 frames lost", NOW - 10),
        ),
        turn=turn(
            2,
            "And then? Keep it short.",
            RUNNING,
            running=True,
        ),
        log=(
            LogLine(NOW - 80, "link", "info", "machine", "session established, 115200 baud"),
            LogLine(NOW - 70, "kernel", "info", "load", "stories15M.bin 58.0 MiB in 1.9 s"),
            LogLine(NOW - 40, "kernel", "info", "token", "generation 1: 37 tokens"),
            LogLine(NOW - 12.5, "kernel", "warn", "budget", "decode overrun 361M of 340M cycles, token 21"),
            LogLine(NOW - 10, "link", "error", "silent", "no heartbeat for 1.8 s; 3 frames lost"),
            LogLine(NOW - 8, "link", "info", "machine", "the line is back"),
        ),
    )
    return replace(state, **changes)


class Machine:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.lacks: dict[str, str] = {}
        self.picture: bytes | Exception = b""
        self.text = ""
        self.memory: dict[int, int] = {}  # octets that are not what their address makes them
        self.reads: list[int] = []
        self.slow = ""  # why its memory is read slowly
        self.gate: asyncio.Event | None = None  # set: memory is read

    async def screenshot(self) -> bytes:
        if isinstance(self.picture, Exception):
            raise self.picture
        return self.picture

    async def registers(self) -> str:
        return self.text

    async def read_memory(self, address: int, length: int) -> bytes:
        self.reads.append(address)
        if self.gate is not None:
            await self.gate.wait()
        if not MEMORY[0] <= address <= MEMORY[1] - length:
            raise SessionError(f"{address:#x}: the machine has no memory there")
        begin = address % len(PATTERN)
        data = bytearray((PATTERN * (length // len(PATTERN) + 2))[begin : begin + length])
        for at, octet in self.memory.items():
            if address <= at < address + length:
                data[at - address] = octet
        return bytes(data)

    async def memory_around(self, address: int) -> tuple[int, int] | None:
        return MEMORY if MEMORY[0] <= address < MEMORY[1] else None

    async def slow_memory(self) -> str:
        return self.slow

    async def nmi(self) -> None:
        self.calls.append("nmi")

    async def press(self, chords: Sequence[Chord]) -> None:
        self.calls += ["-".join(chord) for chord in chords]

    async def command(self, command: QmpCommand) -> str:
        self.calls.append(command.name)
        return self.text

    async def command_names(self) -> tuple[str, ...]:
        return ("query-cpus-fast", "query-status", "stop")

    async def pause(self) -> None:
        self.calls.append("pause")

    async def resume(self) -> None:
        self.calls.append("resume")

    async def reset(self) -> None:
        self.calls.append("reset")

    async def quit(self) -> None:
        self.calls.append("quit")


class ScriptedSession:
    """The Session protocol over a state that the test sets with `push`."""

    def __init__(
        self, state: State | None = None, *, failure: str = "", read_only: bool = False, controllable: bool = True
    ) -> None:
        self.state = state if state is not None else rich_state()
        self.failure = failure
        self.read_only = read_only
        self.sight = Machine() if controllable else None
        self.machine = self.sight if not read_only else None
        self.playback: Playback | None = None
        self.recorder: Recorder | None = None
        self.choices = 0
        self.choices_refused = ""
        self.states: tuple[SavedState, ...] = ()
        self.listeners: list[Listener] = []
        self.submitted: list[str] = []
        self.parameters: list[tuple[str, str]] = []
        self.refusals: dict[str, str] = {}
        self.answer: Outcome | None = None
        self.stops = 0
        self.waited = 0
        self.opened = 0
        self.closed = 0
        self.answering: asyncio.Event | None = None  # set: an answer ends
        self.gate: asyncio.Event | None = None  # when set, answers wait for it

    def listen(self, listener: Listener) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def push(self, event: Event | None = None, **changes: Any) -> None:
        """Another state, as the store would make it from the event."""
        self.state = replace(self.state, **changes)
        for listener in list(self.listeners):
            listener(self.state, event or LinkChanged(NOW, self.state.link.phase))

    def note(self, severity: Severity, text: str) -> None:
        if not self.read_only:
            event = Notice(NOW, severity, text)
            self.push(event, log=reduce(self.state, event).log)

    async def send_break(self, seconds: float) -> None:
        raise SessionError("no break here")

    async def set_line(self, name: str, value: int) -> None:
        self.parameters.append((name, str(value)))

    async def save_state(self) -> SavedState:
        saved = SavedState(
            number=len(self.states) + 1,
            at=NOW,
            size=52 << 20,
            boot=1,
            generation=2,
            tokens=37,
            prompt="And then?",
            logged=9,
        )
        self.states = (*self.states, saved)
        self.push(Notice(NOW, "info", "saved"))
        return saved

    async def load_state(self, number: int) -> SavedState:
        machine_of(self).calls.append(f"load {number}")
        return self.states[number - 1]

    def follow(self, before: Session) -> bool:
        return False

    async def open(self) -> None:
        self.opened += 1
        if self.failure:
            raise SessionError(self.failure)

    async def wait_ready(self, timeout: float, opening: float = 0.0) -> None:
        self.waited += 1

    async def close(self) -> None:
        self.closed += 1

    async def submit(self, line: str) -> Outcome:
        if self.read_only:
            raise SessionError("a file cannot be asked: open a running kernel")
        self.submitted.append(line)
        if self.answering is not None:
            await self.answering.wait()
        return self.answer or Outcome(line, True)

    async def set_parameter(self, name: str, value: str) -> Outcome:
        self.parameters.append((name, value))
        pending = {**self.state.pending, name: PendingValue(value, NOW)}
        self.push(Notice(NOW, "info", "asked"), pending=MappingProxyType(pending))
        if self.gate is not None:
            await self.gate.wait()
        if why := self.refusals.get(name) or self.refusals.get(f"{name} {value}"):
            rest = {key: value for key, value in self.state.pending.items() if key != name}
            self.push(Notice(NOW, "warn", "refused"), pending=MappingProxyType(rest))
            return Outcome(name, False, error=why)
        from llmbm_console.core.sampling import FIELDS

        if name in FIELDS and self.state.sampling is not None:
            number = round(float(value) * 1_000_000) if name in ("temp", "min_p", "top_p", "repeat") else int(value)
            record = self.state.sampling.model_copy(update={FIELDS[name]: number})
            rest = {key: value for key, value in self.state.pending.items() if key != name}
            self.push(RecordReceived(NOW, record), sampling=record, pending=MappingProxyType(rest))
        return Outcome(name, True, output=value)

    async def want_choices(self, most: int) -> Outcome:
        self.choices = most
        return Outcome("choices", not self.choices_refused, output=str(most), error=self.choices_refused)

    async def stop(self) -> None:
        self.stops += 1

    async def copied(self) -> None:
        """Nothing is written."""

    async def fetch(self, stream: Stream) -> tuple[Record, ...]:
        return ()


def machine_of(session: ScriptedSession) -> Machine:
    """The machine of a session that has one."""
    assert session.machine is not None
    return session.machine
