"""What the palette lists: every action of the table, every slider, preset and theme, and which of them is meant by what
is written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.style import Style

from llmbm_console.core.parameter_text import value_text
from llmbm_console.core.sampling import FIELDS, told
from llmbm_console.tui import figures
from llmbm_console.tui.pages.help import keys_of
from llmbm_console.tui.text import flat
from llmbm_console.tui.widgets.sentinel import suggestion
from llmbm_protocol.parameters import PARAMETERS
from llmbm_protocol.words import SentinelState

if TYPE_CHECKING:
    from llmbm_console.tui.app import ConsoleApp

OWN, WHOLE, BEGUN, PART, ABOUT = 4.0, 3.0, 2.0, 1.0, 0.4  # how well what is written fits: see `fit`
FIRST = 0.5  # more for a title that begins with it
NOT_NOW = 1.5  # less for what is not possible now: below what fits a level worse
AMOUNT = re.compile(r"[-+@]?\d[\d.:]*(?:s|min|%)?")  # says how much, and is no word of what is to be done

#: What people call an action beside its title, in a word or in some, or which of several titles with a word they mean
#: by it alone.
KNOWN_AS = {
    "chat.clear": ("clear", "new", "forget", "new chat", "clear chat", "start over"),
    "chat.copy": ("copy", "clipboard"),
    "chat.export": ("save chat", "save conversation"),
    "chat.history": ("history",),
    "chat.prompt": ("prompt", "write", "send", "ask"),
    "chat.retry": ("retry", "regenerate"),
    "chat.retry_seed": ("regenerate",),
    "chat.stop": ("cancel", "abort"),
    "chat.withdraw": ("queue", "waiting", "unsend"),
    "chat.xray": ("tokens", "xray"),
    "kernel.model": ("model", "load model", "change model"),
    "kernel.save_dump": ("save", "dump"),
    "log.next_error": ("error", "warning", "crash", "why"),
    "machine.load_state": ("load", "fork", "restore"),
    "machine.save_state": ("snapshot",),
    "machine.keys": ("keyboard", "keys", "send", "type"),
    "machine.nmi": ("nmi", "interrupt"),
    "machine.pause": ("resume", "continue", "halt", "freeze"),
    "machine.qmp": ("qmp", "monitor", "raw"),
    "machine.quit": ("shutdown", "shut down", "poweroff", "kill"),
    "machine.reset": ("reset", "restart", "reboot"),
    "machine.screen": ("screenshot", "picture"),
    "machine.speed": ("baud",),
    "pane.context": ("context",),
    "pane.events": ("events", "crash"),
    "pane.sampling": ("sampling",),
    "pane.sentinel": ("sentinel", "trip", "tripped", "why"),
    "pane.transcript": ("transcript",),
    "sentinel.drill": ("failsafe", "trip"),
    "sentinel.reset": ("trip", "untrip"),
    "sentinel.strict": ("trip",),
    "session.open": ("open", "disconnect"),
    "session.quit": ("exit", "disconnect"),
    "session.retry": ("reconnect", "retry"),
    "time.back": ("rewind", "past", "go", "ago", "seconds"),
    "time.jump": ("rewind", "ago"),
    "time.live": ("live", "now"),
    "time.mark": ("mark", "bookmark"),
    "view.compare": ("diff", "ab", "a/b"),
    "view.dumps": ("crash",),
    "view.find": ("find", "search", "filter", "grep"),
    "view.glyphs": ("ascii", "glyphs"),
    "view.help": ("keys", "shortcuts", "manual"),
    "view.hold": ("freeze", "play"),
    "view.larger": ("bigger", "wider", "font", "half screen"),
    "view.live": ("newest", "bottom", "follow"),
    "view.smaller": ("narrower", "font"),
    "view.themes": ("theme", "themes", "colours", "colors", "dark", "light", "dark mode", "light mode"),
    "view.zoom": ("full screen", "fullscreen", "maximize", "maximise", "bigger", "wider", "font"),
}


_WORD = re.compile(r"\w+")


class Entry(NamedTuple):
    """One line of the palette."""

    category: str
    name: str
    about: str  # what it does
    do: str  # the argument of the app's `do`
    keys: str = ""
    words: tuple[str, ...] = ()  # further ones that it is known by
    reason: str = ""  # why it is not possible now

    @property
    def title(self) -> str:
        """As it is shown."""
        return flat(f"{self.category}: {self.name}" + (f"  ({self.keys})" if self.keys else ""))

    @property
    def help(self) -> str:
        """What is shown below the title."""
        return flat(f"not possible: {self.reason}" if self.reason else self.about)


def fit(entry: Entry, query: str) -> float:
    """How well an entry fits what is written, in lower case; 0 for not at all. Best is its own name or another one that
    it is known by, then words of its name, then beginnings of any of these, then of words of its line, and last of
    words in what is told of it. Letters from the middle of words fit nothing: by chance one action has them, and stands
    there as if it were the answer."""
    words, name = query.split(), entry.name.casefold()
    of_name = _WORD.findall(name)
    begun = (*of_name, *(word for known in entry.words for word in known.split()))
    shown = (*begun, *entry.title.casefold().split(), *entry.keys.casefold().split())
    if query in entry.words or query == name:
        level = OWN
    elif all(word in of_name for word in words):
        level = WHOLE
    elif _begin(words, begun):
        level = BEGUN
    elif _begin(words, shown):
        level = PART
    elif _begin(words, (*shown, *_WORD.findall(entry.about.casefold()))):
        level = ABOUT
    else:
        return 0.0
    return level + FIRST * name.startswith(query) - (min(NOT_NOW, level / 2) if entry.reason else 0.0)


def fitting(listed: list[Entry], query: str) -> tuple[list[tuple[float, Entry]], list[str]]:
    """The entries that fit what is written, with how well they do, in their order; and the words that did it: where
    nothing fits all of them, an amount such as the 30 of "back 30" is left out."""
    words = query.casefold().split()
    for meant in (words, [word for word in words if not AMOUNT.fullmatch(word)]):
        if meant and (found := [(score, entry) for entry in listed if (score := fit(entry, " ".join(meant)))]):
            return found, meant
    return [], []


def _begin(words: list[str], others: Sequence[str]) -> bool:
    """Whether each word is how another one begins."""
    return all(any(other.startswith(word) for other in others) for word in words)


def entries(app: ConsoleApp) -> list[Entry]:
    """All of them, in the order in which they are listed before anything is written."""
    sentinel = app.shown_frame().state.sentinel
    tripped = sentinel is not None and sentinel.state is SentinelState.TRIPPED
    made = []
    for action in app.actions:
        if action.id == "view.palette":
            continue
        reason = app.reason_against(action)
        about = action.description
        if action.id == "sentinel.suggest" and not reason and sentinel is not None and (budget := suggestion(sentinel)):
            about = f"{figures.cycles(budget)} cycles now: {about}"
        words = KNOWN_AS.get(action.id, ())
        if action.id == "sentinel.reset" and tripped:
            words = ("reset", *words)
        made.append(Entry(action.category, action.title, about, action.id, keys_of(action), words, reason))
    return [*made, *_sliders(app), *_presets(app), *theme_entries(app)]


def _sliders(app: ConsoleApp) -> list[Entry]:
    record, reason = app.shown_frame().state.sampling, app.reason_against(app.by_id["sampling.use_preset"])
    made = []
    for parameter in PARAMETERS:
        if parameter.sampling:
            now = (
                f"{value_text(parameter, getattr(record, FIELDS[parameter.name]))} now: " if record is not None else ""
            )
            about, words = f"{now}{parameter.help}", (parameter.name, *parameter.aliases)
            made.append(
                Entry("Sampling", f"Set {parameter.name}", about, f"slider.{parameter.name}", "", words, reason)
            )
    return made


def _presets(app: ConsoleApp) -> list[Entry]:
    return [
        Entry("Sampling", f"Preset {name}", f"yours: {told(preset)}", f"preset.{name}")
        for name, preset in app.settings.sampling.items()
    ]


def theme_entries(app: ConsoleApp) -> list[Entry]:
    """The themes, the one that is shown first: in a list of them alone the first one is looked at."""
    themes = sorted(app.theme_entries(), key=lambda theme: theme[0] != app.theme_name)
    return [Entry("Theme", title, about, f"theme.{name}") for name, title, about in themes]


def marked(text: str, words: Sequence[str], style: Style) -> Content:
    """The text, with the words in it marked. Nothing in it is read as markup: a key may be a bracket."""
    content = Content(text)
    for word in words:
        for place in re.finditer(re.escape(word), text, re.IGNORECASE):
            content = content.stylize(style, *place.span())
    return content


class ActionProvider(Provider):
    """Gives the palette its entries."""

    def entries(self) -> list[Entry]:
        """What is looked through."""
        return entries(cast("ConsoleApp", self.app))

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for entry in self.entries():
            yield DiscoveryHit(
                Content(entry.title),
                lambda name=entry.do: self._do(name),
                text=entry.title,
                help=cast(str, Content(entry.help)),  # Textual reads a hit's help as markup, unless it is Content
            )

    async def search(self, query: str) -> Hits:
        """Those that have every word of the query, the one that is meant first."""
        style = self.matcher(query).match_style
        found, words = fitting(self.entries(), query)
        for place, (score, entry) in enumerate(best := sorted(found, key=lambda hit: -hit[0])):
            yield Hit(
                1 - place / len(best),
                marked(entry.title, words, style),
                lambda name=entry.do: self._do(name),
                text=entry.title,
                help=cast(str, marked(entry.help, words if score <= ABOUT else (), style)),
            )

    def _do(self, name: str) -> None:
        cast("ConsoleApp", self.app).do(name)


class ThemeProvider(ActionProvider):
    """Gives a palette the themes alone."""

    def entries(self) -> list[Entry]:
        """The themes."""
        return theme_entries(cast("ConsoleApp", self.app))
