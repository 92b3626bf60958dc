"""Verbs that keep what happened: a recording from now on, all of it so far, or a clip of it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

from llmbm_console.core.errors import SessionError
from llmbm_console.core.kept_files import SUFFIX, saved_folder, told_path, writable_folder
from llmbm_console.tui.verbs.time import TimeVerbs

if TYPE_CHECKING:
    from llmbm_console.core.recording.recorder import Recorder

BEHIND = 1e-6  # s, the step of a recording's clock
CLIP = 30.0  # s before the moment that is shown, where no mark says where a clip begins


def new_recording(folder: Path, what: str, now: float) -> Path:
    """A name that no file of the folder has: YYYYMMDD-HHMMSS-WHAT.llcap."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    numbers = ("", *(f"-{number}" for number in range(2, 1000)))
    return next(path for number in numbers if not (path := folder / f"{stamp}-{what}{number}{SUFFIX}").exists())


class RecordVerbs(TimeVerbs):
    """Writes recordings into the state folder, beside the kernel's files."""

    def _live_recorder(self) -> Recorder | None:
        if self._recorder is None:
            self.say("this was recorded already: only a live session can be", "warning")
        return self._recorder

    def _path(self, what: str) -> tuple[Path, str]:
        """Where to write a recording; and why it is not where they are kept, if it is elsewhere."""
        try:
            folder, why = writable_folder(saved_folder())
        except OSError as error:
            raise SessionError(f"{saved_folder()}: cannot be written: {error.strerror or error}") from error
        return new_recording(folder, what, time.time()), why

    def record_toggle(self) -> None:
        """Everything into a file, from what is still remembered on; or no longer."""
        recorder = self._live_recorder()
        if recorder is None:
            return
        if recorder.writing:
            recorder.stop()
            self.app.pacer.flush()
            self.say(recorder.failure or self._shown_by("recorded", recorder.path))
            return
        try:
            path, why = self._path("session")
            recorder.start(path)
        except SessionError as error:
            self.say(str(error), "error")
            return
        self.app.pacer.flush()
        self._say_kept(recorder.failure or f"recording, all that was before included: {told_path(path)}", why)

    def _say_kept(self, text: str, why: str) -> None:
        self.say(f"{text}; {why}" if why else text, "warning" if why else "information")

    def record_clip(self) -> None:
        """From the mark before the shown moment, or half a minute before it, up to it. A mark of the person counts
        before one that came by itself."""
        recorder = self._live_recorder()
        if recorder is None:
            return
        moment = self._moment
        mark = self.app.timeline.clip_begin(moment)
        begin = self.app.timeline.span[0]
        first = max(begin, mark.at if mark is not None else moment - CLIP)
        if mark is not None and mark.own:
            first += BEHIND  # what was shown when it was set had happened; a turn begins with its mark
        if mark is not None and mark.at >= begin:
            since = f'from "{mark.text}" on'
        elif first > begin:
            since = f"the last {CLIP:g} s, for there is no turn, warning or mark before"
        else:
            since = "from the first moment that is kept"

        async def run() -> None:
            path, why = self._path("clip")
            await recorder.save_clip(path, first, moment)
            self._say_kept(self._shown_by(f"a clip of {moment - first:.1f} s, {since}", path), why)

        self.background(run())

    def session_report(self) -> None:
        """Everything that a bug report needs, in one file."""
        session = self.app.session
        if session is None:
            self.say("there is no session to report about", "warning")
            return
        self.say("the bug report is being written")

        async def run() -> None:
            from llmbm_console.core.report import Sources, happened, report_told, write_report
            from llmbm_console.faces.doctor import told

            sources = Sources(self.app.settings_file, saved_folder(), lambda: "\n".join(told()))
            path, missing = await asyncio.to_thread(write_report, happened(session), sources, time.time())
            self.say(report_told(path, missing), "warning" if missing else "information")

        self.background(run())

    def _shown_by(self, what: str, path: Path | None) -> str:
        """What was saved where, and how to see it: there it is selected."""
        if path is not None:
            self.app.main.announce(path)
        return f"{what}: {told_path(path or '')}   {self.key('view.dumps')} shows it"
