"""Verbs on the sampling parameters: one at a time, several as one change, and presets."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from llmbm_console.core.errors import SessionError
from llmbm_console.core.parameter_text import refusal
from llmbm_console.core.sampling import BUILT_IN, Preset, in_force, name_problem, preset_of, told
from llmbm_console.tui.pages.ask import AskLine, Remark
from llmbm_console.tui.text import plain
from llmbm_console.tui.verbs.base import VerbGroup
from llmbm_protocol.parameters import PARAMETERS

if TYPE_CHECKING:
    from llmbm_console.tui.app import ConsoleApp
    from llmbm_console.tui.sampling_history import Ask, Step
    from llmbm_console.tui.widgets.slider import Slider


class SamplingVerbs(VerbGroup):
    """What the sliders and the keys of their pane ask for."""

    def __init__(self, app: ConsoleApp) -> None:
        super().__init__(app)
        self._unsaved: set[str] = set()  # presets that the settings file never had

    def moved(self, slider: Slider) -> None:
        """A slider was moved: the kernel is asked for its value; the slider shows what became of it."""
        if (value := slider.take()) is not None:
            self._ask(self.app.sampling_history.change({slider.parameter: value}))

    def _moved(self) -> None:
        """What was moved a moment ago is asked for before anything else is."""
        for slider in self.app.main.sampling.sliders.values():
            self.moved(slider)

    def sampling_undo(self) -> None:
        """The value before the last change."""
        self._moved()
        self._again(self.app.sampling_history.undo(), "undone", "nothing to undo")

    def sampling_redo(self) -> None:
        """The change that was undone."""
        self._moved()
        self._again(self.app.sampling_history.redo(), "made again", "nothing to redo")

    def _again(self, step: Step, done: str, otherwise: str) -> None:
        self._ask(step)
        sliders = self.app.main.sampling.sliders
        said = ", ".join(f"{ask.name} {sliders[ask.name].scale.text(ask.value)}" for ask in step)
        self.say(f"{done}: {said}" if said else otherwise)

    def _set_together(self, values: Mapping[str, int]) -> None:
        """Moves several sliders; undo takes them back at once."""
        self._moved()
        sliders = self.app.main.sampling.sliders
        self._ask(self.app.sampling_history.change({n: sliders[n].scale.clamp(value) for n, value in values.items()}))

    def _ask(self, step: Step) -> None:
        """Asks the kernel for the values of a step, in their order."""
        for ask in step:
            self._ask_for(ask, step)

    def _ask_for(self, ask: Ask, step: Step) -> None:
        self.background(self._answer_to(ask, step))

    def _answer_to(self, ask: Ask, step: Step) -> Coroutine[Any, Any, bool]:
        """Sets a value and shows what became of it; whether it was taken."""
        session, history = self.app.session, self.app.sampling_history
        slider = self.app.main.sampling.sliders[ask.name]
        slider.asks(ask.value)

        async def run() -> bool:
            why, value = "there is no session", slider.scale.text(ask.value)
            if session is not None:
                try:
                    outcome = await session.set_parameter(ask.name, value)
                except (SessionError, OSError) as error:
                    why = plain(str(error))
                else:
                    why = "" if outcome.ok else plain(outcome.error) or "the kernel did not take it"
            if not why:
                self.app.redraw()  # the kernel's own value is where the knob is, before the knob goes there
            instead = history.answered(ask, not why, step)
            if instead:
                slider.answered()
                self._again(instead, "undone" if ask.change.undone else "made again", "")
                return not why
            problem = refusal(ask.name, value, why) if why else ""
            slider.answered(problem)
            if problem:
                self.refused(slider, problem)
            return not why

        return run()

    def refused(self, slider: Slider, why: str) -> None:
        """Says why a value was not set, and what is in force."""
        stays = f"; {slider.scale.text(slider.accepted)} stays" if slider.accepted is not None else ""
        self.say(f"{why}{stays}", "warning")

    def sampling_defaults(self) -> None:
        """Every slider to its default."""
        sliders = self.app.main.sampling.sliders
        self._set_together({one.name: one.default for one in PARAMETERS if one.name in sliders})

    def go_to_slider(self, name: str) -> None:
        """The keys move a slider."""
        if reason := self.app.reason_against(self.app.by_id["sampling.use_preset"]):
            self.say(f"{name}: {reason}", "warning")
            return
        self.app.main.focus_pane("sampling")
        self.app.main.sampling.sliders[name].focus()

    # ---- presets

    def use_preset(self, name: str) -> None:
        """Sets what a preset keeps: one of the kernel's own, or of the person."""
        if reason := self.app.reason_against(self.app.by_id["sampling.use_preset"]):
            self.say(f"preset {name}: {reason}", "warning")
            return
        if name in BUILT_IN:
            self.app.do(f"sampling.{name}")
            return
        try:
            preset = preset_of(self.app.settings.sampling, name)
        except SessionError as error:
            self.say(plain(str(error)), "warning")
            return
        if self.app.state.sampling is None:
            self.say("the kernel has not said its sampling values yet", "warning")
            return
        sliders = self.app.main.sampling.sliders
        self._set_together({key: sliders[key].scale.parse(value) for key, value in preset.items()})
        self.say(f"preset {name}: {told(preset)}")

    def sampling_use_preset(self) -> None:
        """Asks which one."""
        self._choose("preset", (*self.app.settings.sampling, *BUILT_IN), self.use_preset, does="uses it")

    def sampling_save_preset(self) -> None:
        """Asks for a name, and keeps the values in force under it."""
        try:
            preset = in_force(self.app.shown_frame().state.sampling)
        except SessionError as error:
            self.say(str(error), "warning")
            return

        def problem(name: str) -> str:
            if name in self.app.settings.sampling:
                return Remark(f"{name} is there already: Enter replaces it")
            return name_problem(name) if name else ""

        def save(name: str) -> None:
            known = self.app.settings.sampling.keys() - self._unsaved
            failed = self._write(name, preset)
            self.app.settings = replace(self.app.settings, sampling={**self.app.settings.sampling, name: preset})
            if failed:
                self._unsaved |= {name} - known
                self.say(f"preset {name} holds until the console ends, for {failed}", "warning")
            else:
                self._unsaved.discard(name)
                self.say(f"preset {name} saved: {told(preset)}")

        self._ask_name("save preset as", f"a name for {told(preset)}", str.strip, problem, save, does="saves it")

    def sampling_delete_preset(self) -> None:
        """Asks which one, and takes it out of the settings."""
        own = self.app.settings.sampling
        if not own:
            self.say(f"there is no preset of yours: {self.key('sampling.save_preset')} in the sampling pane saves one")
            return

        def delete(name: str) -> None:
            failed = self._write(name, None) if name not in self._unsaved else ""
            self._unsaved.discard(name)
            rest = {other: preset for other, preset in own.items() if other != name}
            self.app.settings = replace(self.app.settings, sampling=rest)
            if failed:
                self.say(f"preset {name} is gone until the console ends, for {failed}", "warning")
            else:
                self.say(f"preset {name} deleted")

        self._choose("delete preset", tuple(own), delete, does="deletes it")

    def _choose(self, label: str, names: Sequence[str], do: Callable[[str], None], *, does: str) -> None:
        """Asks for one of the names; the beginning of a single one is enough."""

        def meant(text: str) -> list[str]:
            return [text] if text in names else [name for name in names if name.startswith(text)]

        def problem(text: str) -> str:
            found = meant(text)
            if text in BUILT_IN and not found:
                return f"{text} is one of the kernel's own, and it stays"
            if text and not found:
                return f"{text}: there is no such preset; there are {', '.join(names)}"
            return Remark("  ".join(found)) if text else ""

        def read(text: str) -> str:
            name = text.strip()
            found = meant(name) if name else [""]
            if len(found) > 1:
                raise SessionError(f"{name} begins {' and '.join(found)}: which one?")
            return found[0]

        self._ask_name(label, "  ".join(names), read, problem, do, does=does, names=names)

    def _ask_name(
        self,
        label: str,
        hint: str,
        read: Callable[[str], str],
        problem: Callable[[str], str],
        do: Callable[[str], None],
        *,
        does: str,
        names: Sequence[str] = (),
    ) -> None:
        """Asks for a preset's name; see AskLine."""

        def answered(name: str | None) -> None:
            if name:
                do(name)

        def changed(text: str) -> str:
            return problem(text.strip())

        self.app.push_screen(AskLine(label, "", hint, read, changed=changed, does=does, names=names), answered)

    def _write(self, name: str, preset: Preset | None) -> str:
        """Writes a preset into the settings, or takes it out (None). Why that cannot be, else an empty string."""
        from llmbm_console.core.settings.write import remove_preset, write_preset

        path = self.app.settings_file
        try:
            if path is None:
                raise SessionError("there is no settings file")
            if preset is None:
                remove_preset(path, name)
            else:
                write_preset(path, name, preset)
        except SessionError as error:
            return str(error)
        return ""
