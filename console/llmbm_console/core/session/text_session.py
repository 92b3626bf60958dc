"""A session over a text file that is neither a recording nor a post-mortem file: its lines, and nothing else."""

from __future__ import annotations

import time
from pathlib import Path

from llmbm_console.core.session.file_session import FileSession
from llmbm_console.core.state.events import FileOpened, LinkChanged, LinkPhase
from llmbm_console.core.text_log import TextLog

KIND = "text"


class TextSession(FileSession):
    """See core/session/session.py: Session."""

    kind = "a text file"

    def __init__(self, path: Path) -> None:
        super().__init__(path, path.name)
        self.log = TextLog(path)

    async def open(self) -> None:
        """Says what was opened; its lines are found by who shows them."""
        now = time.monotonic()
        verdict = f"A text of {self.log.size:,} bytes: no recording and no post-mortem file, so its lines are shown."
        self._emit(FileOpened(now, str(self.path), KIND, verdict, True))
        self._emit(LinkChanged(now, LinkPhase.POST_MORTEM, f"the text {self.path.name} is shown"))
