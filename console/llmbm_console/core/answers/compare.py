"""Two answers beside each other: how far they are the same, what was not the same for them, and what may be concluded
from that.

Tokens are compared by the ids that the kernel sent, place by place from the first one; answers of which there is only
text, by its characters. What is found is told of these answers alone: that all of what is compared here is equal does
not mean that everything was (the kernel's build and the arithmetic that /attn chooses are not among it).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from llmbm_console.core.answers.distribution import Rules, distribution_of
from llmbm_console.core.answers.pairs import key_of, runs
from llmbm_console.core.answers.stamp import same_tokens, why_no_stamp
from llmbm_console.core.counted import counted
from llmbm_console.core.parameter_text import value_text
from llmbm_console.core.postmortem.known_fields import told
from llmbm_console.core.sampling import FIELDS
from llmbm_console.core.state.state import Seam, State, TokenInfo, TranscriptItem, Turn
from llmbm_protocol.parameters import PARAMETERS
from llmbm_protocol.words import StopReason

if TYPE_CHECKING:
    from llmbm_protocol.schema import Model

MILLION = 1_000_000
MOST_STEPS = 3  # of one value in an answer that are told
_BY_NAME = {one.name: one for one in PARAMETERS}


class Outcome(Enum):
    """How two answers go on behind what they have in common."""

    SAME = auto()  # both end there
    DIVERGED = auto()
    A_ENDS = auto()  # B goes on
    B_ENDS = auto()
    RUNS = auto()  # one of them is not at its end
    LOST = auto()  # what followed in one of them was lost on the line
    NOTHING = auto()  # one of them has nothing to compare yet


@dataclass(frozen=True, slots=True)
class Found:
    """What two answers have in common."""

    a: Turn
    b: Turn
    outcome: Outcome
    by_ids: bool  # compared by token ids, else by characters
    first: int  # the place that comparing began with: 0 but for an answer that a clip joined
    same: int  # so many tokens, or characters, are the same from there on
    parts: tuple[int, int]  # characters of each text up to where they part
    tokens: tuple[TokenInfo, TokenInfo] | None = None  # the first ones that differ


def compare(a: Turn, b: Turn) -> Found:
    """How far two answers are the same."""
    if a.tokens and b.tokens:
        return _by_ids(a, b)
    if not _words(a) or not _words(b):
        return Found(a, b, Outcome.NOTHING, False, 0, 0, (0, 0))
    same = next((at for at, (one, other) in enumerate(zip(a.text, b.text, strict=False)) if one != other), None)
    if same is not None:
        return Found(a, b, Outcome.DIVERGED, False, 0, same, (same, same))
    same = min(len(a.text), len(b.text))
    return Found(a, b, _end(a, b, len(a.text), len(b.text)), False, 0, same, (same, same))


def _words(turn: Turn) -> bool:
    """Whether there is something of it, or it is known that there is nothing."""
    return bool(turn.text or turn.tokens) or not runs(turn)


def _by_ids(a: Turn, b: Turn) -> Found:
    first = max(a.before, b.before)
    same, parts = 0, (0, 0)
    pairs = zip(_from(a, first), _from(b, first), strict=False)
    for one, other in pairs:
        if one.index != first + same or other.index != first + same:
            return Found(a, b, Outcome.LOST, True, first, same, parts)
        if one.token != other.token:
            return Found(a, b, Outcome.DIVERGED, True, first, same, (one.start, other.start), (one, other))
        same, parts = same + 1, (one.end, other.end)
    ends = len(a.tokens) - (first - a.before), len(b.tokens) - (first - b.before)
    return Found(a, b, _end(a, b, *ends), True, first, same, parts)


def _from(turn: Turn, first: int) -> islice[TokenInfo]:
    return islice(turn.tokens, first - turn.before, None)


def _end(a: Turn, b: Turn, of_a: int, of_b: int) -> Outcome:
    """Nothing differs in what is here of both: so many tokens, or characters, are there of each."""
    if a.lost_tokens or b.lost_tokens:
        return Outcome.LOST
    if (runs(a) and of_a <= of_b) or (runs(b) and of_b <= of_a):
        return Outcome.RUNS
    return Outcome.SAME if of_a == of_b else Outcome.A_ENDS if of_a < of_b else Outcome.B_ENDS


def size_of(turn: Turn, by_ids: bool) -> int:
    """Tokens, or characters, that an answer has so far."""
    return turn.before + len(turn.tokens) + turn.lost_tokens if by_ids else len(turn.text)


def in_common(found: Found) -> str:
    """How far two answers are the same, in a sentence without its full stop."""
    unit = "token" if found.by_ids else "character"
    at, known = found.first + found.same, counted(found.same, unit)
    of_a, of_b = size_of(found.a, found.by_ids), size_of(found.b, found.by_ids)
    from_there = f" from token {found.first + 1} on" if found.first else ""
    match found.outcome:
        case Outcome.NOTHING:
            return "nothing to compare yet"
        case Outcome.SAME:
            return f"the same {known}{from_there}" if found.same else "both are empty"
        case Outcome.DIVERGED if not found.same:
            return f"different from the first {unit} on" if not found.first else f"different{from_there}"
        case Outcome.DIVERGED:
            many = f"{of_a:,}" if of_a == of_b else f"{of_a:,} in A and {of_b:,} in B"
            return f"the same{from_there} up to {unit} {at:,} of {many}"
        case Outcome.A_ENDS:
            return f"A ends at {unit} {at:,}, B goes on: the same{from_there} up to there"
        case Outcome.B_ENDS:
            return f"B ends at {unit} {at:,}, A goes on: the same{from_there} up to there"
        case Outcome.LOST:
            return f"the same{from_there} up to {unit} {at:,}; what followed was lost on the line"
    return f"the same {known} so far{from_there}"


# ---- what was not the same for both


class Difference(NamedTuple):
    """A value that was another one for each."""

    name: str
    a: str
    b: str


def settings_known(a: Turn, b: Turn) -> bool:
    """Whether all sampling values are known that both answers began with."""
    return all(told(turn.settings, field) is not None for turn in (a, b) for field in FIELDS.values())


def differences(a: Turn, b: Turn) -> list[Difference]:
    """The model and the sampling values that are known of both and differ."""
    found = []
    if a.model is not None and b.model is not None and _weights(a.model) != _weights(b.model):
        found.append(Difference("model", _model(a.model), _model(b.model)))
    for name, field in FIELDS.items():
        one, other = told(a.settings, field), told(b.settings, field)
        if one is not None and other is not None and one != other:
            parameter = _BY_NAME[name]
            found.append(Difference(name, value_text(parameter, one), value_text(parameter, other)))
    return found


def moved(turn: Turn) -> list[tuple[str, str]]:
    """The sampling values that were changed while an answer ran, and from which to which about where."""
    found = []
    for name, field in FIELDS.items():
        began = now = told(turn.settings, field)
        steps = list[str]()
        for change in turn.changes:
            value = told(change.settings, field)
            if value is not None and now is not None and value != now:
                steps.append(f"to {value_text(_BY_NAME[name], value)} from about token {change.token:,}")
                now = value
        if steps:
            more = f", and {len(steps) - MOST_STEPS} more times" if len(steps) > MOST_STEPS else ""
            found.append((name, f"{value_text(_BY_NAME[name], began)} {', '.join(steps[:MOST_STEPS])}{more}"))
    return found


def _weights(model: Model) -> tuple[object, ...]:
    return model.file, model.format, model.group, model.bytes, model.vocab, model.parameters


def _model(model: Model) -> str:
    return f"{model.file} {model.format}".strip() or "none"


class Context(NamedTuple):
    """Whether the model knew the same when both prompts came; None: it is not known. And that in words."""

    equal: bool | None
    words: str


def context(state: State, a: Turn, b: Turn) -> Context:
    """What was said before each prompt in its conversation, from the kernel's count of turns and what is kept here."""
    places = tuple(told(turn.finished, "turn") for turn in (a, b))
    if None in places:
        still = any(runs(turn) for turn in (a, b))
        return Context(None, "not known before both have ended" if still else "how it began is not known")
    if places[0] != places[1]:
        return Context(False, f"A is turn {places[0]:,} of its conversation, B turn {places[1]:,}")
    if places[0] == 1:
        return Context(True, "both begin a conversation")
    chains = [_chain(state.items, turn, places[0]) for turn in (a, b)]
    if chains[0] is None or chains[1] is None:
        return Context(None, f"both are turn {places[0]:,}; what came before is not all known here")
    if all(_equal(one, other) for one, other in zip(*chains, strict=True)):
        return Context(True, f"the same {counted(places[0] - 1, 'turn')} before")
    return Context(False, f"both are turn {places[0]:,}, behind other turns")


def _chain(items: Sequence[TranscriptItem], turn: Turn, place: int) -> list[Turn] | None:
    """The turns of its conversation before an answer, newest first. None where one is not here, or where something is
    missing between them: a gap, a restart, a context that made room."""
    here = next((at for at, item in enumerate(items) if isinstance(item, Turn) and key_of(item) == key_of(turn)), 0)
    chain: list[Turn] = []
    for item in reversed(items[:here]):
        if len(chain) == place - 1:
            break
        if isinstance(item, Seam):
            return None
        if isinstance(item, Turn):
            if item.slides:
                return None
            if told(item.finished, "turn") != place - 1 - len(chain):
                return None
            chain.append(item)
    return chain if len(chain) == place - 1 else None


def _equal(one: Turn, other: Turn) -> bool:
    known = not why_no_stamp(one) and not why_no_stamp(other)
    return one is other or (known and one.prompt == other.prompt and same_tokens(one, other))


def why_not_repeated(turn: Turn) -> str:
    """Why an answer cannot be given once more under the circumstances that it had; empty when it can."""
    if not settings_known(turn, turn):
        return f"the sampling values of turn {turn.number} are not known"
    if changes := moved(turn):
        what = ", ".join(f"{name} {how}" for name, how in changes)
        return f"the sampling values of turn {turn.number} were changed while it ran: {what}"
    if (place := told(turn.finished, "turn")) != 1:
        what = f"turn {place:,} of its conversation" if place else "not known to begin a conversation"
        return f"turn {turn.number} was {what}: only one that began a conversation can be repeated"
    return ""


# ---- what may be concluded


class Verdict(NamedTuple):
    """What the comparison says of determinism; `odd` where that should not be."""

    words: str
    odd: bool = False


def verdict(found: Found, changed: Sequence[Difference], before: Context) -> Verdict:
    """What follows from what is equal and what is not. Empty while one of the answers runs, or where something that is
    known to differ explains that they do."""
    a, b = found.a, found.b
    differs = changed or a.changes or b.changes or before.equal is False or a.prompt != b.prompt
    if differs or _ends_early(found):
        return Verdict("")
    same = found.outcome is Outcome.SAME
    if unknown := _unknown(a, b, before):
        end = "" if same else "; whether these should be the same cannot be told"
        return Verdict(f"not known of both: {', '.join(unknown)}{end}")
    equal = "model, prompt, sampling values and what came before are equal"
    if same:
        return Verdict(f"{equal}, and so are the tokens" if found.by_ids else equal)
    temperature = told(a.settings, "temperature")
    if temperature == 0:
        return Verdict(
            f"{equal}, and at temp 0 nothing is drawn: these should be the same. Not compared: the kernel's build and "
            "its arithmetic (/attn)",
            True,
        )
    seed = told(a.settings, "seed")
    return Verdict(
        f"{equal}, but random numbers go on from answer to answer: they begin anew where /seed {seed} is given before "
        "the prompt"
    )


def _ends_early(found: Found) -> bool:
    """Whether nothing follows from where the answers end: one runs, was lost in part, or was ended from outside."""
    shorter = {Outcome.A_ENDS: found.a, Outcome.B_ENDS: found.b}.get(found.outcome)
    if shorter is not None:
        done = shorter.finished
        return done is None or done.reason in (StopReason.STOPPED, StopReason.TRIP)
    return found.outcome in (Outcome.NOTHING, Outcome.RUNS, Outcome.LOST)


def _unknown(a: Turn, b: Turn, before: Context) -> list[str]:
    """What would have to be equal, and is not known of both."""
    unknown = [] if a.model is not None and b.model is not None else ["the model"]
    unknown += [] if settings_known(a, b) else ["the sampling values"]
    unknown += [] if a.prompt.strip() and b.prompt.strip() else ["the prompt"]
    return unknown + ([] if before.equal is not None else ["what came before"])


class Chance(NamedTuple):
    """How likely one answer's model held its own token and the other's, where they parted; None: not told."""

    own: float
    other: float | None


def chances(found: Found, vocab: int) -> tuple[Chance | None, Chance | None]:
    """The probabilities at the first tokens that differ, of A and of B, before min_p, top_k and top_p cut, at the
    temperature in force (at 1 with temp 0). None for an answer of which they were not recorded."""
    if found.tokens is None:
        return None, None
    one, other = found.tokens
    return _chance(one, other.token, vocab), _chance(other, one.token, vocab)


def _chance(token: TokenInfo, other: int, vocab: int) -> Chance | None:
    choice = token.choice
    if choice is None:
        return None
    distribution = distribution_of(choice, vocab)
    shares = distribution.cut(Rules(choice.temperature / MILLION)).shares if distribution is not None else ()
    listed = distribution.tokens if distribution is not None else ()
    share = next((share for one, share in zip(listed, shares, strict=True) if one.token == other), None)
    return Chance(choice.probability / MILLION, share)
