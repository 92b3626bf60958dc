"""Verbs on post-mortem files."""

from __future__ import annotations

from pathlib import Path

from llmbm_console.core.dump import DumpError, read_post_mortem
from llmbm_console.core.dump_compare import compare
from llmbm_console.core.post_mortem import PostMortemSession
from llmbm_console.core.saved_files import saved_folder
from llmbm_console.tui.text import plain
from llmbm_console.tui.verbs_base import VerbGroup


def newest_dump(folders: tuple[Path, ...], beside: Path) -> Path | None:
    """The newest file that looks like another dump, to offer it."""
    found = [
        path
        for folder in folders
        if folder.is_dir()
        for path in folder.glob("*llmk-*.txt")
        if path.resolve() != beside.resolve()
    ]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


class FileVerbs(VerbGroup):
    """Comparing."""

    def file_compare(self) -> None:
        """Asks for the other file and shows what differs."""
        from llmbm_console.tui.ask import AskLine

        session = self.app.session
        if not isinstance(session, PostMortemSession):
            self.say("only post-mortem files can be compared: open one with llmbm-console FILE", "warning")
            return
        offered = newest_dump((session.path.parent, saved_folder()), session.path)
        chosen = [str(offered) if offered is not None else ""]

        def changed(text: str) -> str:
            chosen[0] = text.strip()
            return "" if not chosen[0] or Path(chosen[0]).expanduser().is_file() else "no such file"

        def answered(kept: bool | None) -> None:
            if kept and chosen[0]:
                self._compare(session, Path(chosen[0]).expanduser())

        self.app.push_screen(AskLine("compare with", chosen[0], "the older file   Enter compares", changed), answered)

    def _compare(self, session: PostMortemSession, path: Path) -> None:
        from llmbm_console.tui.compare import ComparePage

        try:
            older = read_post_mortem(path)
        except DumpError as error:
            self.say(plain(str(error)), "error")
            return
        self.app.push_screen(ComparePage(compare(older, session.found)))

    def file_compared(self) -> None:
        """What was asked for on the command line, as soon as the file is open."""
        session = self.app.session
        if isinstance(session, PostMortemSession) and session.older is not None:
            self._compare(session, session.older)
