"""A session over a picture: what a machine's screen showed, as QEMU's screendump or the kernel's /save_img wrote it."""

from __future__ import annotations

import time
from pathlib import Path

from llmbm_console.core.errors import SessionError
from llmbm_console.core.machine.ppm import Pixmap, PixmapError, parse_ppm
from llmbm_console.core.session.file_session import FileSession
from llmbm_console.core.state.events import FileOpened, LinkChanged, LinkPhase

KIND = "picture"
MOST = 64 << 20  # octets: sixteen times a screen of 1280 x 1024 pixels


def is_picture(path: Path) -> bool:
    """True for a file that begins as a portable pixmap does."""
    try:
        if not path.is_file():  # a pipe would be waited for
            return False
        with path.open("rb") as file:
            head = file.read(3)
    except OSError:
        return False
    return head[:2] == b"P6" and head[2:].isspace()


def read_picture(path: Path) -> Pixmap:
    """The picture in a file. Raises SessionError."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST + 1)
        if len(content) > MOST:
            raise PixmapError(f"the file has more than {MOST >> 20} MiB")
        return parse_ppm(content)
    except OSError as error:
        raise SessionError(f"{path}: cannot be read: {error.strerror or error}") from error
    except PixmapError as error:
        raise SessionError(f"{path}: cannot be shown: {error}") from error


def picture_verdict(pixmap: Pixmap) -> str:
    """What it is, in one sentence."""
    return f"A picture of {pixmap.width} x {pixmap.height} pixels: what a machine's screen showed."


class PictureSession(FileSession):
    """See core/session/session.py: Session."""

    kind = "a picture"

    def __init__(self, path: Path) -> None:
        super().__init__(path, path.name)
        self.pixmap = read_picture(path)

    async def open(self) -> None:
        """Says what was opened; who shows it draws it."""
        now = time.monotonic()
        self._emit(FileOpened(now, str(self.path), KIND, picture_verdict(self.pixmap), True))
        self._emit(LinkChanged(now, LinkPhase.POST_MORTEM, f"the picture {self.path.name} is shown"))
