"""The application: one session, one main screen, and what every action of the table does."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.command import CommandPalette, Provider
from textual.filter import LineFilter
from textual.timer import Timer

from llmbm_console.core.action import Action, unavailable
from llmbm_console.core.defaults import CHOICES
from llmbm_console.core.errors import SessionError
from llmbm_console.core.events import Event, LinkPhase, MachineStatus, RecordReceived
from llmbm_console.core.key_labels import key_labels
from llmbm_console.core.sampling import told
from llmbm_console.core.session import Playback, Session
from llmbm_console.core.settings import Settings
from llmbm_console.core.state import State
from llmbm_console.core.themes import DEFAULT_THEME, ThemeFile, load_themes, theme_folder, theme_stamps
from llmbm_console.core.timeline import Timeline
from llmbm_console.tui import garbage
from llmbm_console.tui.arming import Arming
from llmbm_console.tui.ascii_filter import AsciiFilter
from llmbm_console.tui.frame import LINKED, Frame
from llmbm_console.tui.glyphs import ASCII, BLOCKS, GLYPHS
from llmbm_console.tui.memory import History, configuration_folder, load_choices, save_choices, state_folder
from llmbm_console.tui.pacer import Pacer
from llmbm_console.tui.player import Player
from llmbm_console.tui.run import CHOOSE
from llmbm_console.tui.sampling_history import SamplingHistory
from llmbm_console.tui.screen import MainScreen, main_screen
from llmbm_console.tui.text import ControlFilter, plain
from llmbm_console.tui.theme import textual_name, textual_theme
from llmbm_console.tui.tint import MODES
from llmbm_console.tui.verbs import Verbs
from llmbm_console.tui.widgets.prompt import Prompt
from llmbm_console.tui.widgets.slider import Slider
from llmbm_protocol.words import Arena, Phase

if TYPE_CHECKING:
    from textual.driver import Driver

    from llmbm_console.core.targets import Target
    from llmbm_console.tui.widgets.files import FileList
    from llmbm_console.tui.widgets.hex_view import HexView

FREEZE_EVERY = 20_000  # events of a recording

SessionFactory = Callable[[], Session]


def _actions_provider() -> type[Provider]:
    from llmbm_console.tui.help import ActionProvider

    return ActionProvider


class ConsoleApp(App[int]):
    """Draws the state of a session and turns keys into its verbs."""

    TITLE = "llmbm-console"
    COMMANDS: ClassVar[set[Any]] = {_actions_provider}
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "standard('ctrl+q', 'session.quit')", "Quit", show=False, priority=True),
        Binding("ctrl+c", "press(['chat.break'])", "Copy or stop", show=False, system=True),
    ]
    CSS = """
    ToastRack { dock: bottom; align: right bottom; margin: 0 1 4 0; }
    Toast { background: $surface; color: $foreground; padding: 0 1; margin: 0; }
    CommandPalette { background: $background 60%; }
    CommandPalette > Vertical { background: $surface; width: 84; max-width: 100%; }
    CommandPalette SearchIcon { display: none; }
    """

    def __init__(
        self,
        target: str,
        session_factory: SessionFactory,
        *,
        theme: str | None = None,
        glyphs: str | None = None,
        theme_folders: Iterable[Path] | None = None,
        memory: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: float | None = None,
        settings: Settings | None = None,
        settings_file: Path | None = None,
        problems: Iterable[str] = (),
        first_visit: bool = False,
    ) -> None:
        self.settings = settings or Settings()
        self.settings_file = settings_file
        self.actions = self.settings.actions()
        self.by_id = {action.id: action for action in self.actions}
        self.key_labels = key_labels(self.actions)
        # Textual asks for the variables of the theme while it is set up.
        self.theme_folders = tuple(theme_folders if theme_folders is not None else default_theme_folders())
        self.themes, self.theme_problems = load_themes(self.theme_folders)
        self._theme_stamps = theme_stamps(self.theme_folders)
        self._theme_revision = 0
        self.problems = (*problems, *self.theme_problems)
        self.theme_name = DEFAULT_THEME if DEFAULT_THEME in self.themes else next(iter(self.themes))
        super().__init__()
        self.target = plain(target)
        self.factory = session_factory
        self.session: Session | None = None
        self.clock = clock
        self.wall = time.time() - time.monotonic() if wall is None else wall
        self.memory = memory
        self._offer_tour = first_visit and self.settings.tour != "off"
        self.choices = load_choices(memory / "tui.json" if memory is not None else None)
        self.glyphs = GLYPHS.get(glyphs or self.settings.glyphs or self.choices.get("glyphs", ""), BLOCKS)
        self.wants_choices = (self.settings.probabilities or self.choices.get("probabilities", "")) == "on"
        self.tint = tint if (tint := self.choices.get("tint", "")) in MODES else ""
        self.failure = ""
        self.next_target: Target | None = None  # what to open after this session
        self.recorded: list[Path] = []  # recordings of the sessions that were closed
        self._failed = False
        self.opening = True
        self.timeline = Timeline()
        self._read = 0  # events of a recording
        self.sampling_history = SamplingHistory()
        self.held: Frame | None = None
        self.held_events = 0
        self.player = Player(self, clock)
        self.arming = Arming(clock)
        self._control_filter, self._ascii_filter = ControlFilter(), AsciiFilter()
        self._unlisten: Callable[[], None] | None = None
        self._state = State(target=self.target)
        self._arm_timer: Timer | None = None
        self._use_themes(theme or self.settings.theme)
        self.main = main_screen(self.actions, History(memory / "history" if memory is not None else None))
        self.main.pictures = self.settings.pictures
        self.verbs = Verbs(self)
        self.pacer = Pacer(self._draw, self._draw_routine)

    # ---- themes

    def _use_themes(self, wanted: str | None) -> None:
        self._register_themes()
        if wanted and wanted not in self.themes:
            names = ", ".join(self.themes)
            self.problems += (f"theme {plain(wanted)}: there is no such theme; there are {names}",)
        order = (wanted or "", self.choices.get("theme", ""), DEFAULT_THEME, next(iter(self.themes)))
        self.theme_name = next(name for name in order if name in self.themes)
        self._show_theme(self.theme_name)

    def _register_themes(self) -> None:
        for theme in self.themes.values():
            self.register_theme(textual_theme(theme, self._theme_revision))

    def _show_theme(self, name: str) -> None:
        self.theme = textual_name(name, self._theme_revision)

    def read_themes_again(self) -> None:
        """Takes over what changed in the theme files; a broken one is a notice and leaves what was there."""
        stamps = theme_stamps(self.theme_folders)
        if stamps == self._theme_stamps:
            return
        self._theme_stamps = stamps
        themes, problems = load_themes(self.theme_folders)
        for problem in problems:
            self.verbs.say(problem, "warning")
        self.themes = {self.theme_name: self.themes[self.theme_name], **themes}
        self._theme_revision += 1
        self._register_themes()
        self._show_theme(self.theme_name)
        self.pacer.flush()

    def action_command_palette(self) -> None:
        """Every action by name. Textual's own key for it comes here too."""
        from llmbm_console.tui.palette import Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette(id="--command-palette"))

    def on_command_palette_option_highlighted(self, message: CommandPalette.OptionHighlighted) -> None:
        """A theme is shown while it is only looked at in the palette."""
        option = message.highlighted_event.option
        text = getattr(getattr(option, "hit", None), "text", None) or ""
        titles = {f"Theme: {title}": name for name, title, _about in self.theme_entries()}
        self._show_theme(titles.get(text, self.theme_name))

    def on_command_palette_closed(self, message: CommandPalette.Closed) -> None:
        """Without a choice the theme is the one of before."""
        if not message.option_selected:
            self._show_theme(self.theme_name)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The house theme's roles, so that a style never names a variable that is not there."""
        theme: ThemeFile = self.themes[self.theme_name]
        return textual_theme(theme).variables

    def use_theme(self, name: str) -> None:
        """Shows a theme and keeps the choice."""
        if name in self.themes:
            self.theme_name = name
            self._show_theme(name)
            self.keep("theme", name)
            self.pacer.flush()

    def theme_entries(self) -> list[tuple[str, str, str]]:
        """Name, title and description of each theme, for the palette."""
        return [(theme.name, plain(theme.title), plain(theme.about)) for theme in self.themes.values()]

    def preset_entries(self) -> list[tuple[str, str]]:
        """Name and values of each sampling preset of the person, for the palette."""
        return [(name, told(preset)) for name, preset in self.settings.sampling.items()]

    def keep(self, key: str, value: str) -> None:
        """Remembers a choice for the next run: in the person's own file where it names one, else beside the history."""
        if getattr(self.settings, key, "") and self.settings_file is not None:
            from llmbm_console.core.settings_write import write_setting

            try:
                write_setting(self.settings_file, key, value)
            except SessionError as error:
                self.verbs.say(f"{error}: the choice holds for now", "warning")
            return
        self.choices[key] = value
        save_choices(self.memory / "tui.json" if self.memory is not None else None, self.choices)

    # ---- life

    def get_default_screen(self) -> MainScreen:
        """The main screen."""
        return self.main

    def get_driver_class(self) -> type[Driver]:
        """On a terminal one that sleeps while nobody types; Windows and a browser have others."""
        driver = super().get_driver_class()
        if driver.__name__ != "LinuxDriver":
            return driver
        from llmbm_console.tui.driver import QuietDriver

        return QuietDriver

    def get_line_filters(self) -> list[LineFilter]:
        """No control character leaves in a line, whatever drew it, and with ASCII signs nothing else than ASCII."""
        signs = [self._ascii_filter] if self.glyphs is ASCII else []
        return [*super().get_line_filters(), self._control_filter, *signs]

    def on_mount(self) -> None:
        """Paints first, then opens the session."""
        self.set_interval(1.0, self._tick, name="ageing of shown values")
        self.run_worker(self.pacer.run(), group="drawing")
        for problem in self.problems:
            self.verbs.say(problem, "warning")
        self.call_after_refresh(self._after_first_paint)

    def _after_first_paint(self) -> None:
        garbage.begin()
        self.connect()

    def on_app_focus(self) -> None:
        """A terminal that began without the focus (a page in a browser does) has no widget to give it back to."""
        if self.main.is_mounted and self.main.is_current and self.main.focused is None:
            self.main.focus_pane("transcript" if self.read_only else "prompt")

    def connect(self) -> None:
        """Opens the session in the background."""
        self.run_worker(self._connect(), group="session", exclusive=True, exit_on_error=False)

    async def _connect(self) -> None:
        await self.disconnect()
        self.failure, self.opening = "", True
        self.pacer.flush()
        try:
            self.session = self.factory()
            self._unlisten = self.session.listen(self._on_session_event)
            self._state = self.session.state
            self.timeline, self.held = Timeline(whole=self.playback is not None), None
            if self.wants_choices and not self.session.choices:
                with contextlib.suppress(SessionError):  # a file cannot be asked
                    await self.session.want_choices(CHOICES)
            await self.session.open()
            self.player.begin()
        except (SessionError, OSError, ValueError) as error:
            self.failure = plain(str(error)) or type(error).__name__
        finally:
            self.opening = False
            if self.session is not None:
                self._state = self.session.state
            self.pacer.flush()
            if self.read_only:
                self.main.focus_pane("transcript")
                self.verbs.file_opened()
            elif not self.failure:
                self._first_visit()

    def _first_visit(self) -> None:
        """Offers the tour, once, to somebody who can use what it shows; it never stands between them and the prompt."""
        if self._offer_tour and "tour" not in self.choices and not self.is_web and len(self.screen_stack) == 1:
            self.verbs.offer_tour()
        self._offer_tour = False

    async def disconnect(self) -> None:
        """Closes the session and what it started. Idempotent."""
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None
        session, self.session = self.session, None
        if session is not None:
            if session.recorder is not None:
                self.recorded += session.recorder.paths
            await session.close()
            garbage.forget()

    # ---- drawing

    @property
    def state(self) -> State:
        """The session's state now."""
        return self._state

    @property
    def read_only(self) -> bool:
        """True for files."""
        return self.session is not None and self.session.read_only

    @property
    def playback(self) -> Playback | None:
        """Not None while a recording is shown."""
        return self.session.playback if self.session is not None else None

    @property
    def shows_file(self) -> bool:
        """True while a post-mortem file is shown."""
        return self._state.link.phase is LinkPhase.POST_MORTEM

    @property
    def controllable(self) -> bool:
        """True when the machine can be paused and reset from here."""
        return self.session is not None and self.session.machine is not None

    @property
    def _recording(self) -> float | None:
        """Seconds since the recording that runs began."""
        recorder = self.session.recorder if self.session is not None else None
        if recorder is None or not recorder.writing or recorder.began is None:
            return None
        return max(0.0, self.clock() - recorder.began)

    def frame(self) -> Frame:
        """What to draw now."""
        playback = self.playback
        return Frame(
            state=self._state if self._state.target else State(target=self.target, link=self._state.link),
            now=self.clock() if playback is None else self._state.now,
            wall=self.wall if playback is None else playback.wall,
            player=self.player.words(),
            playing=self.player.playing,
            recorded=playback is not None,
            activity=tuple(self.timeline.activity(200)) if playback is not None else (),
            place=1.0,
            glyphs=self.glyphs,
            failure=self.failure or (failure_of(self._state) if playback is None else ""),
            opening=self.opening,
            held=False,
            read_only=self.read_only,
            controllable=self.controllable,
            recording=self._recording,
            tint=self.tint,
            choices=self.session is not None and self.session.choices > 0,
            keys=self.key_labels,
        )

    def shown_frame(self) -> Frame:
        """The frame to draw: the held one, with the count of what came since, or the one of now."""
        if self.held is None:
            return self.frame()
        player = self.player
        return replace(
            self.held,
            held=True,
            held_events=self.held_events,
            player=player.words(),
            playing=player.playing,
            recording=self._recording,
            tint=self.tint,
        )

    def look_back(self, moment: float) -> bool:
        """Shows everything as it was at a moment of the host's clock; at or after the newest one: as it is. False when
        nothing was recorded before it."""
        first, last = self.timeline.span
        state = self.timeline.at(moment)
        if state is None or moment >= last:
            self.held = None
            self.pacer.flush()
            return state is not None
        moment = max(moment, first)
        self.held = replace(
            self.frame(),
            state=state,
            now=moment,
            behind=last - moment,
            activity=tuple(self.timeline.activity(200)),
            place=(moment - first) / (last - first),
        )
        self.held_events = 0
        self.pacer.flush()
        return True

    def _on_session_event(self, state: State, event: Event) -> None:
        if self.playback is not None:
            self._read_ahead(state, self.playback)
            return
        before, self._state = self._state, state
        again = isinstance(event, RecordReceived) and event.record is before.credit
        if again and state.phase is before.phase:
            return  # a heartbeat that says what the one before said: nothing is drawn from it
        if state.link.phase is not LinkPhase.POST_MORTEM:
            self.timeline.note(state)
        self.sampling_history.note(state)
        if self.held is not None and (state.log is not before.log or state.items is not before.items):
            self.held_events += 1  # samples of gauges are no news
        self.pacer.note(event, idle=state.phase is Phase.IDLE)

    def _read_ahead(self, state: State, playback: Playback) -> None:
        """A recording is read faster than it is shown: the player draws. A clip shows its own moments only."""
        self.player.take_marks(playback)
        first, last = playback.view or (state.now, state.now)
        if state.now > last:
            return
        self._state = state
        self._read += 1
        if self._read % FREEZE_EVERY == 0:
            garbage.keep()  # it stays: the collector need not look at all of it again, a third of a second each time
        if state.now < first:
            self.timeline.begin(state)  # the last state before the clip is what it begins with
        else:
            self.timeline.note(state)

    def _draw(self, gauges: bool) -> None:
        if not self._can_draw:
            return
        self.arming.describe(self.main.keys)
        frame = self.shown_frame()
        if frame.failure and not self._failed and not self.main.prompt.text:
            self.main.focus_pane("transcript")  # where single keys act: r and q
        self._failed = bool(frame.failure)
        self.main.show(frame, gauges=gauges)

    def _draw_routine(self) -> None:
        if self._can_draw:
            self.main.show_routine(self.shown_frame())

    @property
    def _can_draw(self) -> bool:
        return self.is_running and self.main.is_mounted

    def _tick(self) -> None:
        """Once a second: changed theme files are read, and shown values age. Files and closed sessions do not."""
        self.read_themes_again()
        if self._state.phase is Phase.IDLE and len(self.screen_stack) == 1:
            garbage.collect()
        if self.playback is None and self._state.link.phase not in (LinkPhase.CLOSED, LinkPhase.POST_MORTEM):
            self.main.status.show(self.shown_frame())
            if self.clock() - self._state.now > 1:
                self.pacer.flush()

    # ---- actions

    def action_press(self, names: list[str]) -> None:
        """A key of the table was pressed: what it does in the focused pane, or everywhere."""
        for name in names:
            action = self.by_id[name]
            armed = self.arming.action is action  # perhaps from the palette, with the focus elsewhere
            if armed or not action.pane or action.pane == self.main.focused_pane:
                self.do(name)
                return

    def action_standard(self, _key: str, name: str) -> None:
        """A key that acts over every page, too."""
        self.do(name)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Textual binds its own keys before those of the table; where the person gave one of them to something else,
        or to nothing, it is free."""
        key, name = {"command_palette": ("ctrl+p", "view.palette"), "standard": parameters}.get(action, ("", ""))
        return not key or key in self.by_id[str(name)].keys

    def action_do(self, name: str) -> None:
        """An action was clicked."""
        self.do(name)

    def do(self, name: str) -> None:
        """Carries out an action of the table, shows a theme ("theme.NAME") or uses a preset ("preset.NAME")."""
        kind, _dot, rest = name.partition(".")
        if kind == "theme":
            self.use_theme(rest)
            return
        if kind == "preset":
            self.verbs.use_preset(rest)
            return
        action = self.by_id[name]
        if reason := self.reason_against(action):
            self.verbs.say(f"{action.title}: {reason}", "warning")
            return
        if not self.arming.press(action):
            self._start_arming()
            return
        self.stop_arming()
        self.verbs.carry_out(action)

    def reason_against(self, action: Action) -> str:
        """Why an action cannot be done now; empty when it can."""
        return unavailable(action, read_only=self.read_only, controllable=self.controllable, file=self.shows_file)

    def _start_arming(self) -> None:
        if self._arm_timer is None:
            self._arm_timer = self.set_interval(0.1, self._arm_tick)
        self._arm_tick()

    def _arm_tick(self) -> None:
        if self.arming.action is None:
            self.stop_arming()
        self.arming.describe(self.main.keys)
        self.main.keys.show(self.shown_frame())

    def stop_arming(self) -> None:
        """The bar of the armed action goes."""
        if self._arm_timer is not None:
            self._arm_timer.stop()
            self._arm_timer = None
        self.arming.describe(self.main.keys)
        self.main.keys.show(self.shown_frame())

    async def action_quit(self) -> None:
        """Leaves; the session is closed by run_tui, whatever way the application ends."""
        self.exit(0)

    def action_lens(self, arena: str) -> None:
        """An arena was clicked: the hex lens looks into it."""
        self.verbs.look_into(Arena(arena))

    def leave_for(self, target: Target) -> None:
        """Ends this session and opens another target."""
        self.next_target = target
        self.exit(CHOOSE)

    def action_leave_for_pane(self, names: list[str]) -> None:
        """A digit with alt, which is Esc and the digit to a terminal: to the pane, wherever the focus is."""
        if len(self.screen_stack) == 1:
            self.main.focus_pane(self.main.visible_main)
            self.action_press(names)

    # ---- from widgets

    def on_hex_view_page_wanted(self, message: HexView.PageWanted) -> None:
        """The hex lens looks at a page that was not read yet."""
        self.verbs.read_page(message.page)

    def on_file_list_wanted(self) -> None:
        """The list of files is on the screen, or another file was saved."""
        self.verbs.file_again()

    def on_file_list_highlighted(self, message: FileList.Highlighted) -> None:
        """A file is looked at."""
        self.verbs.explain(message.path)

    def on_prompt_submitted(self, message: Prompt.Submitted) -> None:
        """A prompt or command was written."""
        self.verbs.submit(message.text)

    def on_slider_changed(self, message: Slider.Changed) -> None:
        """A slider was moved."""
        self.verbs.set_parameter(message.slider, message.parameter, message.value)


def failure_of(state: State) -> str:
    """Why a session that was opened cannot be used any more; empty while it can."""
    over = state.machine.status in (MachineStatus.STOPPED, MachineStatus.CRASHED)
    if over and state.link.phase not in LINKED and state.link.phase is not LinkPhase.POST_MORTEM:
        return plain(state.machine.detail) or "the machine has ended"
    return ""


def default_theme_folders() -> tuple[Path, ...]:
    """The console's own themes, then the person's."""
    return (theme_folder(), configuration_folder() / "themes")


def default_memory() -> Path:
    """Where history and choices are kept."""
    return state_folder()
