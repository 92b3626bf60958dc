"""The application: one main screen, when it is drawn, and how keys and widgets reach the verbs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.events import Event as TextualEvent
from textual.events import Key, MouseDown, MouseEvent, Paste
from textual.widgets import Input, TextArea

from llmbm_console.core.actions.action import ENDS_SESSION, LOADS_STATE, STARTS_AGAIN, Action, unavailable
from llmbm_console.core.actions.key_labels import key_label, key_labels, over_text, pressed_label
from llmbm_console.core.counted import counted
from llmbm_console.core.settings.settings import Settings
from llmbm_console.core.settings.themes import theme_folders as default_theme_folders
from llmbm_console.core.state.events import Event, LinkPhase, PromptSent
from llmbm_console.tui.arming_bar import ArmingBar
from llmbm_console.tui.arrange import VIEWS
from llmbm_console.tui.chosen import Chosen
from llmbm_console.tui.frame import LINKED
from llmbm_console.tui.glyphs import ASCII, BLOCKS, GLYPHS, why_ascii
from llmbm_console.tui.memory import History, Remembered
from llmbm_console.tui.pacer import Pacer
from llmbm_console.tui.page_help import page_of
from llmbm_console.tui.screen import MainScreen
from llmbm_console.tui.screen_keys import main_screen
from llmbm_console.tui.session_app import NOTHING_SENT, SessionApp, SessionFactory
from llmbm_console.tui.terminal import garbage
from llmbm_console.tui.terminal.type_ahead import TypeAhead, Typed
from llmbm_console.tui.tint import MODES
from llmbm_console.tui.verbs.table import Verbs
from llmbm_console.tui.widgets.prompt import Prompt
from llmbm_console.tui.widgets.slider import Slider
from llmbm_protocol.words import Arena, Phase

if TYPE_CHECKING:
    from textual.driver import Driver

    from llmbm_console.tui.widgets.byte_strip import ByteStrip
    from llmbm_console.tui.widgets.files import FileList
    from llmbm_console.tui.widgets.hex_view import HexView


def _actions_provider() -> type[Provider]:
    from llmbm_console.tui.pages.palette_entries import ActionProvider

    return ActionProvider


class ConsoleApp(SessionApp):
    """Draws the state of a session and turns keys into its verbs."""

    TITLE = "llmbm-console"
    COMMANDS: ClassVar[set[Any]] = {_actions_provider}
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "standard('ctrl+q', 'session.quit')", "Quit", show=False, priority=True),
        Binding("ctrl+c", "press('ctrl+c', ['chat.break'])", "Copy or stop", show=False, system=True),
    ]
    CSS = """
    ToastRack { dock: bottom; align: left bottom; margin: 0; overflow: hidden; }
    Toast { background: $surface; color: $foreground; padding: 0 1; margin: 0; width: 1fr; max-width: 100%; }
    Toast.-information { border-left: none; padding: 0 1; }
    CommandPalette { background: $background 60%; }
    CommandPalette:ansi, CommandPalette:nocolor, CommandPalette.-themes { background: transparent; }
    CommandList:nocolor > .option-list--option-highlighted { text-style: bold; }
    CommandPalette > Vertical { background: $surface; width: 84; max-width: 100%; }
    CommandPalette SearchIcon { display: none; }
    CommandPalette CommandList, CommandPalette CommandList:focus {
        border: none; border-bottom: hkey $border; border-left: vkey $border; border-right: vkey $border;
    }
    CommandPalette #--input {
        border: hkey $border; border-left: vkey $border; border-right: vkey $border;
    }
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
        lacking: str = "",
    ) -> None:
        self.settings = settings or Settings()
        self.settings_file = settings_file
        self.actions = self.settings.actions()
        self.by_id = {action.id: action for action in self.actions}
        folders = theme_folders if theme_folders is not None else default_theme_folders()
        super().__init__(
            target, session_factory, folders, clock, time.time() - time.monotonic() if wall is None else wall
        )
        self.key_labels = key_labels(self.actions)
        self.problems = (*problems, *self.problems)
        self.remembered = Remembered(memory)
        self.chosen = Chosen(self.settings, settings_file, self.remembered)
        self._offer_tour = first_visit and self.settings.tour != "off"
        wanted = GLYPHS.get(glyphs or self.chosen.get("glyphs"), BLOCKS)
        self.lacking = lacking  # the terminal's encoding, where it has not every character
        self.glyphs = ASCII if lacking else wanted
        if lacking and wanted is not ASCII and self.remembered.get("told_ascii") != lacking:  # once of each encoding
            self.problems += (why_ascii(lacking),)
            self.remembered.keep("told_ascii", lacking)
        self.wants_choices = self.chosen.get("probabilities") == "on"
        self.tint = tint if (tint := self.chosen.get("tint")) in MODES else ""
        self.kept_unsent = False  # as the prompt's text when the console ended
        self.arming = ArmingBar(self, clock, self._show_keys)
        self._type_ahead = TypeAhead(self, self._deliver, self._leads_away)
        self.choose_theme(theme or self.settings.theme, self.remembered.get("theme"))
        self.main = main_screen(
            self.actions, History(memory / "history" if memory is not None else None, self._not_kept)
        )
        self.main.pictures = self.settings.pictures
        self.acts_in_text = False  # the key that is carried out now acts in the prompt, too, as F2 does
        self.verbs = Verbs(self)
        self.pacer = Pacer(self._draw, self._draw_routine)

    def action_command_palette(self) -> None:
        """Every action by name. Textual's own key for it comes here too."""
        from llmbm_console.tui.pages.palette import Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette(placeholder="a word of what to do", id="--command-palette"))

    def _not_kept(self, why: str) -> None:
        self.verbs.say(f"{why}: prompts are kept for now only", "warning")

    # ---- life

    def get_default_screen(self) -> MainScreen:
        """The main screen."""
        return self.main

    def get_driver_class(self) -> type[Driver]:
        """On a terminal one that sleeps while nobody types; Windows and a browser have others."""
        driver = super().get_driver_class()
        if driver.__name__ != "LinuxDriver":
            from llmbm_console.tui.terminal.key_parser import use_in_other_drivers

            use_in_other_drivers()
            return driver
        from llmbm_console.tui.terminal.driver import QuietDriver

        return QuietDriver

    def on_mount(self) -> None:
        """Paints first, then opens the session."""
        self.set_interval(1.0, self._tick, name="ageing of shown values")
        self.run_worker(self.pacer.run(), group="drawing")
        self.verbs.warn_of(self.problems)
        self.call_after_refresh(self._after_first_paint)

    def _after_first_paint(self) -> None:
        garbage.begin()
        self.connect()

    def on_app_focus(self) -> None:
        """A terminal that began without the focus (a page in a browser does) has no widget to give it back to. Where
        there is one, Textual gives it back behind this."""
        self.call_later(self._focus_something)

    def _focus_something(self) -> None:
        if self.main.is_mounted and self.main.is_current and self.main.focused is None:
            self.main.focus_pane("transcript" if self.read_only else "prompt")

    def session_opened(self) -> None:
        """What was wrong before goes into its log; a file is looked at, somebody new is offered the tour."""
        self.verbs.write_down()
        if self.read_only:
            self.main.focus_pane("transcript")
            self.verbs.file_opened()
        elif not self.failure:
            self._first_visit()

    def came_back(self) -> None:
        """To the main view. Single keys act there, as one of them led back."""
        self.verbs.write_down()
        self.main.show_view("chat")
        self.main.focus_pane("transcript")
        self.verbs.say(f"back to {self.target}, which went on meanwhile")

    def aside_ended(self, why: str) -> None:
        """Whoever looks at a file is told, too."""
        if self.aside is not None:
            self.verbs.say(f"{self.aside.target}: {why}; {self.verbs.key('session.back')} goes back to it", "warning")

    def _first_visit(self) -> None:
        """Offers the tour, once, to somebody who can use what it shows; it never stands between them and the prompt."""
        if self._offer_tour and not self.remembered.get("tour") and not self.is_web and len(self.screen_stack) == 1:
            self.verbs.offer_tour()
        self._offer_tour = False

    # ---- drawing

    @property
    def in_prompt(self) -> bool:
        """Whether the prompt has the focus."""
        return self.main.focused_pane == "prompt"

    def redraw(self) -> None:
        """Another picture, now."""
        self.pacer.flush()

    def happened(self, event: Event) -> None:
        """Another picture, when it is time for one."""
        if isinstance(event, PromptSent):
            self.sent = NOTHING_SENT  # the kernel took it
        if self.playback is None:
            self.verbs.tell_of_file(event)
        self.pacer.note(event, idle=self.state.phase is Phase.IDLE)

    def _draw(self, gauges: bool) -> None:
        if not self._can_draw:
            return
        self.arming.describe(self.main.keys)
        self.main.show(self.shown_frame(), gauges=gauges)

    def _draw_routine(self) -> None:
        if self._can_draw:
            self.main.show_routine(self.shown_frame())

    @property
    def _can_draw(self) -> bool:
        return self.is_running and self.main.is_mounted

    def _tick(self) -> None:
        """Once a second: changed theme files are read, and shown values age. Files and closed sessions do not."""
        if (problems := self.read_themes_again()) is not None:
            self.clear_notifications()  # what was wrong with the files before is so no more, and the log has it
            for problem in problems:
                self.verbs.say(problem, "warning", keep=True)
            self.pacer.flush()
        if self.state.phase is Phase.IDLE and len(self.screen_stack) == 1:
            garbage.collect()
        if self.playback is None and self.state.link.phase not in (LinkPhase.CLOSED, LinkPhase.POST_MORTEM):
            self.main.status.show(self.shown_frame())
            if self.clock() - self.state.now > 1:
                self.pacer.flush()

    # ---- actions

    async def on_event(self, event: TextualEvent) -> None:
        """A notice lies over the keys at the lower edge: whoever presses one has read it."""
        if isinstance(event, Key | Paste | MouseEvent) and not event.is_forwarded:
            if self._notifications and not isinstance(event, MouseEvent):
                self.clear_notifications()
            await self._type_ahead.take(event)
        else:
            await super().on_event(event)

    async def _deliver(self, typed: Typed) -> None:
        if not self.screen_stack:
            return  # it ended while this waited for its turn
        answers = isinstance(typed, Key) and self.arming.action is not None  # a question may have taken a pane's room
        if not answers and (not isinstance(typed, MouseEvent) or isinstance(typed, MouseDown)):
            self.main.stay()
        if isinstance(typed, Paste) and not isinstance(self.focused, Input | TextArea):
            self.verbs.paste(typed.text)
        else:
            await super().on_event(typed)

    def _leads_away(self, typed: Key) -> bool:
        """Whether a key goes to a view, and a page lies over them in which nothing is being written."""
        if self.screen is self.main or isinstance(self.focused, Input | TextArea):
            return False
        if not over_text(key_label(typed.key)):
            return False
        return any(typed.key in self.by_id[f"view.{view}"].keys for view in ("console", *VIEWS))

    def action_press(self, key: str, names: list[str]) -> None:
        """A key of the table was pressed: what it does in the focused pane, or everywhere."""
        for name in names:
            action = self.by_id[name]
            armed = self.arming.action is action  # perhaps from the palette, with the focus elsewhere
            if armed or action.acts_in(self.main.focused_pane):
                self.acts_in_text = over_text(key_label(key))
                self.do(name)
                self.acts_in_text = False
                return
        self.verbs.say_where(key, [self.by_id[name] for name in names])

    def on_key(self, event: Key) -> None:
        """Nothing took a key and nothing is bound to it: it is said, but not of what is being written, and not over a
        question. On a page the key of the help shows that of the page."""
        writes = isinstance(self.focused, Input | TextArea)
        if self.arming.action is not None or event.key in self.screen.active_bindings:
            return
        asks = event.key in self.by_id["view.help"].keys and not (writes and event.is_printable)
        if asks and self.screen is not self.main and page_of(self.screen):
            self.verbs.view_help()
        elif not writes:
            self.verbs.say_no_key(pressed_label(event.key, event.character))

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
        """Carries out an action of the table, shows a theme ("theme.NAME"), uses a preset ("preset.NAME") or goes to a
        slider ("slider.NAME")."""
        kind, _dot, rest = name.partition(".")
        if kind == "theme":
            self.verbs.use_theme(rest)
            return
        if kind == "preset":
            self.verbs.use_preset(rest)
            return
        if kind == "slider":
            self.verbs.go_to_slider(rest)
            return
        action = self._quitting() if name == "session.quit" else self.by_id[name]
        if name == "view.leave" and self.arming.disarm():
            return  # it answers the question, and leaves nothing else
        if reason := self.reason_against(action):
            self.verbs.say(f"{action.title}: {reason}", "warning")
            return
        if (self.machine_ended and action.id == STARTS_AGAIN) or (action.id == ENDS_SESSION and self._nothing_to_end):
            self.arming.disarm()
        elif not self.arming.press(action):
            if self.screen is not self.main:  # which lies over the question
                self.verbs.say(f"{self.key_labels[name]} again {action.danger}", "warning")
            return
        self.verbs.carry_out(action)

    def _quitting(self) -> Action:
        """Quitting asks where something would be lost by it that cannot be had again. A question that stands stays the
        same one, whatever became of its reasons, as long as there is one."""
        action, armed, session = self.by_id["session.quit"], self.arming.action, self.live_session
        states, waiting = len(session.states) if session is not None else 0, self.main.prompt.waiting
        lost = [
            "in the middle of an answer" if self._answering else "",
            f"{counted(waiting, 'line waits and is', 'lines wait and are')} not sent" if waiting else "",
            f"{counted(states, 'saved state goes', 'saved states go')} with the machine" if states else "",
        ]
        if not any(lost):
            return action
        if armed is not None and armed.id == action.id:
            return armed
        return replace(action, danger=f"quits{' ' if lost[0] else ': '}{'; '.join(filter(None, lost))}")

    @property
    def _answering(self) -> bool:
        """Whether an answer comes that this console asked for, shown or behind a file."""
        session = self.live_session
        return (
            session is not None
            and not session.read_only
            and session.state.turn is not None
            and session.state.link.phase in LINKED
        )

    @property
    def _nothing_to_end(self) -> bool:
        """Whether neither a session nor a machine would end, nor a saved state of one."""
        session = self.session
        runs = self.controllable and not self.machine_ended
        return bool(self.frame().failure) and not runs and self.aside is None and not (session and session.states)

    def reason_against(self, action: Action) -> str:
        """Why an action cannot be done now; empty when it can."""
        back = (
            f"this is a file: {self.verbs.key('session.back')} goes back to {self.aside.target}"
            if self.aside is not None
            else ""
        )
        reason = unavailable(
            action,
            read_only=self.read_only,
            controllable=self.controllable,
            seen=self.session is not None and self.session.sight is not None,
            file=self.shows_file,
            recorded=self.playback is not None,
            not_now=self.shown_frame().not_now if self.held is not None else "",
            live=self.playback is None and self.frame().live,
            ended=f"the machine has ended: {self.verbs.key('session.retry')} starts again"
            if self.machine_ended
            else "",
            aside=back,
        )
        reason = reason or self.lacks.get(action.id, "")
        if action.id == LOADS_STATE and self.session is not None and not self.session.states:
            lost, save = self._state.saves_lost, self.verbs.key("machine.save_state")
            if lost and (not reason or self.machine_ended):
                went = f"{counted(lost, 'saved state', 'saved states')} went with the machine that ended"
                again = f"{self.verbs.key('session.retry')} starts again"
                return f"{went}: {again if self.machine_ended else f'{save} saves another'}"
            return reason or f"no state was saved yet: {save} saves one"
        return reason

    def _show_keys(self) -> None:
        self.arming.describe(self.main.keys)
        self.main.relayout()
        self.main.keys.show(self.shown_frame())

    def exit(self, *arguments: Any, **settings: Any) -> None:
        """Leaves, whoever wants it; what was written and not sent is kept."""
        self.keep_unsent()
        super().exit(*arguments, **settings)

    def keep_unsent(self) -> None:
        """What was written and not sent can be brought back in the next run."""
        self.kept_unsent = self.main.prompt.keep() or self.kept_unsent

    async def action_quit(self) -> None:
        """Leaves; the session is closed by run_tui, whatever way the application ends."""
        self.exit(0)

    def action_lens(self, arena: str) -> None:
        """An arena was clicked: the hex lens looks into it."""
        self.verbs.look_into(Arena(arena))

    def action_look_at(self, address: int) -> None:
        """A place in memory was clicked."""
        self.main.views.hex.show_address(address)

    def action_leave_for_pane(self, key: str, names: list[str]) -> None:
        """A digit with alt, which is Esc and the digit to a terminal: to the pane, wherever the focus is."""
        if len(self.screen_stack) == 1:
            self.main.focus_pane(self.main.visible_main)
            self.action_press(key, names)

    # ---- from widgets

    def on_hex_view_page_wanted(self, message: HexView.PageWanted) -> None:
        """The hex lens looks at a page that was not read yet."""
        self.verbs.read_page(message.page)

    def on_hex_view_looked(self) -> None:
        """The hex lens looks at another place."""
        self.main.views.bytes.show(self.shown_frame())

    def on_byte_strip_samples_wanted(self, message: ByteStrip.SamplesWanted) -> None:
        """The line above the hex lens wants to know what kinds of octets there are."""
        self.verbs.read_samples(message.key, message.places)

    def on_file_list_wanted(self) -> None:
        """The list of files is on the screen, or another file was saved."""
        self.verbs.file_again()

    def on_file_list_highlighted(self, message: FileList.Highlighted) -> None:
        """A file is looked at."""
        self.verbs.explain(message.path)

    def on_prompt_submitted(self, message: Prompt.Submitted) -> None:
        """A prompt or command was written."""
        self.verbs.submit(message.text)

    def on_slider_moved(self, message: Slider.Moved) -> None:
        """A slider was moved."""
        self.verbs.moved(message.slider)

    def on_slider_refused(self, message: Slider.Refused) -> None:
        """What was typed into a slider is no value of it."""
        self.verbs.refused(message.slider, message.why)
