"""Verbs on files: dumps and recordings listed, explained, opened and compared."""

from __future__ import annotations

import asyncio
import os.path
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content

from llmbm_console.core.errors import SessionError
from llmbm_console.core.kept_files import DUMPS, kept_folders, newest_files, saved_folder
from llmbm_console.core.state.events import NOT_COPIED, CommandDone, Event, FileSaved, Notice
from llmbm_console.tui.text import line, plain, wrap
from llmbm_console.tui.verbs.base import VerbGroup

if TYPE_CHECKING:  # reading dumps needs the schema, and the first paint must not wait for that
    from llmbm_console.core.session.post_mortem import PostMortemSession

LABEL = 10  # columns of a summary's label


def summary_lines(lines: list[str], width: int) -> list[Content]:
    """A file's summary for the screen: the meaning first, then labels and values."""
    shown: list[Content] = []
    for number, text in enumerate(map(plain, lines)):
        label, value = ("", text) if number == 0 else (text[:LABEL], text[LABEL:])
        style = "bold $accent" if number == 0 else "$bad" if label.startswith("problem") else "$foreground"
        for row, (start, end) in enumerate(wrap(value, width - len(label))):
            head = label if row == 0 else " " * len(label)
            shown.append(line((head, "$muted"), (value[start:end], style)))
    return shown


class FileVerbs(VerbGroup):
    """The list of files, and comparing."""

    def file_again(self) -> None:
        """Makes the list anew."""
        from llmbm_console.core.session.choices import kept_files

        files = self.app.main.views.files

        async def run() -> None:
            folders = (*kept_folders(), Path.cwd())
            files.show_files(await asyncio.to_thread(lambda: list(kept_files(folders, time.time()))))

        self.background(run())

    def tell_of_file(self, event: Event) -> None:
        """Says where a file is that the kernel wrote, or why it is not here, and how it comes here."""
        if isinstance(event, FileSaved):
            shows = f"{self.app.key_labels['view.dumps']} shows it"
            self.app.main.announce(Path(event.path))
            if event.instead:
                self.say(f"{event.name} was saved as {event.path}: {event.instead}; {shows}", "warning")
            else:
                self.say(f"{event.name} was saved: {shows}")
        elif isinstance(event, Notice) and NOT_COPIED in event.text:
            self.say(event.text, "warning")
        elif isinstance(event, CommandDone) and event.ok and not self.app.state.machine.ours:
            from llmbm_console.core.command import command
            from llmbm_console.core.session.saved_files import written_file

            if name := written_file(event.output):
                fetch = f"{command('get', name)} with the same --serial, --connect or --qmp"
                self.say(
                    f"{name} is on the volume of the kernel's machine: once this console has ended, {fetch} gets it"
                )

    def explain(self, path: Path) -> None:
        """Shows what a file means."""
        pane = self.app.main.views.explanation

        async def run() -> None:
            from llmbm_console.core.postmortem.summary import file_summary

            try:
                lines = await asyncio.to_thread(file_summary, path)
            except (SessionError, OSError) as error:
                lines = ["This file cannot be explained.", "", f"problem   {plain(str(error))}"]
            if self.app.main.views.files.selected == path:
                pane.explain((path.name,), lambda width: summary_lines(lines, width))

        self.background(run())

    def file_explain(self) -> None:
        """Goes to the text about the selected file."""
        from llmbm_console.core.session.picture_session import is_picture

        chosen = self.app.main.views.files.selected
        if chosen is None:
            self._no_file()
        elif is_picture(chosen):
            self._show_picture(chosen)
        else:
            self.app.main.focus_pane("explanation")

    def _left(self, _result: None) -> None:
        """Who leaves the page of a file that has nothing else leaves the file."""
        self.app.do("session.leave")

    def _show_picture(self, path: Path, left: Callable[[None], None] | None = None) -> None:
        """A picture over the screen; the session goes on below."""
        from llmbm_console.core.session.picture_session import read_picture
        from llmbm_console.tui.pages.picture import PicturePage

        try:
            pixmap = read_picture(path)
        except SessionError as error:
            self.say(str(error), "error")
            return
        self.app.push_screen(PicturePage(path.name, pixmap, self.app.glyphs, self.app.settings.pictures), left)

    def file_open(self) -> None:
        """Shows the selected file; one that cannot be read leaves everything as it is."""
        from llmbm_console.core.session.targets import Target, make_session, sessions_of

        path = self.app.main.views.files.selected
        if path is None:
            self._no_file()
            return
        target = Target("file", str(path))

        async def run() -> None:
            first = await asyncio.to_thread(make_session, target)
            self.app.main.show_view("chat")
            self.app.open_file(target.title, sessions_of(target, first))

        self.background(run())

    def _no_file(self) -> None:
        self.say(f"there is no file yet: {self.key('record.toggle')} records a session, /save_dump makes a dump")

    # ---- comparing

    def file_compare(self) -> None:
        """In the list of files: marks one, shows what differs from it in another, and that one's meaning again. Else
        asks for the other file."""
        if self.app.main.shape.tab == "dumps":
            self._compare_listed()
            return
        from llmbm_console.core.session.post_mortem import PostMortemSession
        from llmbm_console.tui.pages.ask import AskLine

        session = self.app.session
        if not isinstance(session, PostMortemSession):
            self.app.main.show_view("dumps")
            self.say(f"{self.key('file.compare')} marks a dump, and on another one compares the two")
            return
        others = newest_files((session.path.parent, saved_folder()), DUMPS)
        chosen = next((str(path) for path, _status in others if path != session.path.resolve()), "")

        def read(text: str) -> Path | None:
            path = os.path.expanduser(text.strip())
            if path and not os.path.isfile(path):
                raise SessionError(f"{text.strip()}: there is no such file")
            return Path(path) if path else None

        def answered(path: Path | None) -> None:
            if path is not None:
                self._compare(session, path)

        self.app.push_screen(AskLine("compare with", chosen, "the older file", read, does="compares"), answered)

    def _compare_listed(self) -> None:
        files = self.app.main.views.files
        chosen = files.selected
        if chosen is None:
            self._no_file()
        elif files.compared:
            files.compare(None)
            self.explain(chosen)
        elif other := self._not_compared(chosen):
            self.say(f"{other} cannot be compared: {self.key('file.compare')} marks a dump or a log", "warning")
        elif files.marked is None or files.marked == chosen:
            files.mark(None if files.marked == chosen else chosen)
        else:
            self.background(self._show_difference(files.marked, chosen))

    def _not_compared(self, path: Path) -> str:
        """What a listed file is that has nothing to compare; empty for one of a kernel."""
        from llmbm_console.core.recording.capture import is_capture
        from llmbm_console.core.session.picture_session import is_picture

        try:
            return "a recording" if is_capture(path) else "a picture" if is_picture(path) else ""
        except OSError:
            return ""  # comparing says why it cannot be read

    async def _show_difference(self, marked: Path, chosen: Path) -> None:
        from llmbm_console.core.postmortem.compare import compare
        from llmbm_console.core.postmortem.dump import read_post_mortem
        from llmbm_console.tui.pages.compare import comparison_lines

        files, pane = self.app.main.views.files, self.app.main.views.explanation
        older, newer = sorted((marked, chosen), key=lambda path: path.stat().st_mtime)
        found = await asyncio.to_thread(lambda: compare(read_post_mortem(older), read_post_mortem(newer)))

        def lay_out(width: int) -> list[Content]:
            rows = comparison_lines(found, max(30, width), self.app.glyphs)
            return [part for row in rows for part in (row.wrap(width) if row.cell_length > width else [row])]

        if files.selected == chosen:
            files.compare(marked)
            pane.explain(found.names, lay_out)

    def _compare(self, session: PostMortemSession, path: Path) -> None:
        from llmbm_console.core.postmortem.compare import compare
        from llmbm_console.core.postmortem.dump import DumpError, read_post_mortem
        from llmbm_console.tui.pages.compare import ComparePage

        try:
            older = read_post_mortem(path)
        except DumpError as error:
            self.say(str(error), "error")
            return
        self.app.push_screen(ComparePage(compare(older, session.found)))

    def file_opened(self) -> None:
        """Shows what only some files have: a comparison that was asked for on the command line, the lines of a text."""
        from llmbm_console.core.session.picture_session import PictureSession
        from llmbm_console.core.session.post_mortem import PostMortemSession
        from llmbm_console.core.session.text_session import TextSession

        session = self.app.session
        if isinstance(session, PictureSession):
            self._show_picture(session.path, self._left)
        if isinstance(session, TextSession):
            from llmbm_console.tui.pages.text import TextPage

            back = ("Esc goes back", f"{self.app.key_labels['session.quit']} quits")
            ways = back if self.app.aside is not None else ("Esc quits",)
            self.app.push_screen(TextPage(session.log, self.app.glyphs, ways), self._left)
        if isinstance(session, PostMortemSession) and session.older is not None:
            self._compare(session, session.older)
