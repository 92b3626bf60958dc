"""Verbs on post-mortem files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from llmbm_console.core.kept_files import DUMPS, newest_files, saved_folder
from llmbm_console.tui.verbs_base import VerbGroup

if TYPE_CHECKING:  # reading dumps needs the schema, and the first paint must not wait for that
    from llmbm_console.core.post_mortem import PostMortemSession


class FileVerbs(VerbGroup):
    """Comparing."""

    def file_compare(self) -> None:
        """Asks for the other file and shows what differs."""
        from llmbm_console.core.post_mortem import PostMortemSession
        from llmbm_console.tui.ask import AskLine

        session = self.app.session
        if not isinstance(session, PostMortemSession):
            self.say("only post-mortem files can be compared: open one with llmbm-console FILE", "warning")
            return
        others = newest_files((session.path.parent, saved_folder()), DUMPS)
        chosen = next((str(path) for path, _status in others if path != session.path.resolve()), "")

        def changed(text: str) -> str:
            nonlocal chosen
            chosen = text.strip()
            return "" if not chosen or Path(chosen).expanduser().is_file() else "no such file"

        def answered(kept: bool | None) -> None:
            if kept and chosen:
                self._compare(session, Path(chosen).expanduser())

        self.app.push_screen(AskLine("compare with", chosen, "the older file   Enter compares", changed), answered)

    def _compare(self, session: PostMortemSession, path: Path) -> None:
        from llmbm_console.core.dump import DumpError, read_post_mortem
        from llmbm_console.core.dump_compare import compare
        from llmbm_console.tui.compare import ComparePage

        try:
            older = read_post_mortem(path)
        except DumpError as error:
            self.say(str(error), "error")
            return
        self.app.push_screen(ComparePage(compare(older, session.found)))

    def file_compared(self) -> None:
        """What was asked for on the command line, as soon as the file is open."""
        from llmbm_console.core.post_mortem import PostMortemSession

        session = self.app.session
        if isinstance(session, PostMortemSession) and session.older is not None:
            self._compare(session, session.older)
