"""What is typed on a machine's own keyboard: names of keys held together, and text between quotation marks.

Names are those of QEMU's QKeyCode (docs: QMP reference, "send-key"), with the everyday ones beside them; text is typed
as on a US keyboard, which is what UEFI firmware expects.
"""

from __future__ import annotations

import re

from llmbm_console.core.errors import SessionError
from llmbm_console.core.nearest import nearest

#: Keys pressed together, in the order in which they go down.
Chord = tuple[str, ...]

MOST = 256  # chords of one line: half a minute of typing

_LETTERS_DIGITS = "abcdefghijklmnopqrstuvwxyz0123456789"
_SIGNS = {
    " ": "spc", "-": "minus", "=": "equal", "[": "bracket_left", "]": "bracket_right", ";": "semicolon",
    "'": "apostrophe", "`": "grave_accent", "\\": "backslash", ",": "comma", ".": "dot", "/": "slash", "\t": "tab",
}  # fmt: skip
_SHIFTED = dict(zip('!@#$%^&*()_+{}|:"~<>?', "1234567890-=[]\\;'`,./", strict=True))

KEYS = frozenset({
    *_LETTERS_DIGITS, *_SIGNS.values(), *(f"f{number}" for number in range(1, 13)),
    *(f"kp_{name}" for name in (*range(10), "add", "subtract", "multiply", "divide", "enter", "decimal")),
    "shift", "shift_r", "ctrl", "ctrl_r", "alt", "alt_r", "meta_l", "meta_r", "menu", "esc", "ret", "backspace",
    "caps_lock", "num_lock", "scroll_lock", "print", "sysrq", "pause", "insert", "delete", "home", "end", "pgup",
    "pgdn", "up", "down", "left", "right",
})  # fmt: skip
ALSO = {
    "enter": "ret", "return": "ret", "escape": "esc", "space": "spc", "del": "delete", "ins": "insert",
    "control": "ctrl", "altgr": "alt_r", "super": "meta_l", "win": "meta_l", "pageup": "pgup", "pagedown": "pgdn",
}  # fmt: skip

_WORD = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))(?=\s|$)')
_ESCAPED = re.compile(r"\\(.)")


def parse_keys(line: str) -> list[Chord]:
    """The chords of a line such as `ctrl-alt-delete`, `esc down down ret` or `"/version" ret`. Raises SessionError."""
    chords: list[Chord] = []
    at, line = 0, line.strip()
    while at < len(line):
        word = _WORD.match(line, at)
        if word is None:
            raise SessionError(
                f'{line[at:].strip()[:40]}: expected keys and text, as esc, ctrl-alt-delete or "/version" ret; '
                'in a text \\" is a quotation mark'
            )
        at = word.end()
        text, keys = word.groups()
        chords += [_chord(keys)] if text is None else [_typed(sign) for sign in _ESCAPED.sub(r"\1", text)]
    if not chords:
        raise SessionError('no key is named: expected ret, ctrl-alt-delete, or text between quotation marks: "hello"')
    if len(chords) > MOST:
        raise SessionError(f"{len(chords)} keys: at most {MOST} are typed at once")
    return chords


def _chord(word: str) -> Chord:
    names = tuple(ALSO.get(name, name) for name in word.lower().split("-"))
    unknown = next((name for name in names if name not in KEYS), None)
    if unknown is None and len(set(names)) == len(names):
        return names
    if unknown is None:
        raise SessionError(f"{word[:40]}: a key is named twice, and can be held down once")
    near = nearest(unknown, sorted(KEYS | ALSO.keys()), 2) if len(unknown) > 1 else []
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    raise SessionError(
        f'{unknown[:40] or "nothing"}: no name of a key; {meant}Text is written between quotation marks: "{word[:40]}"'
    )


def _typed(sign: str) -> Chord:
    """The keys of one sign."""
    if sign in _SHIFTED:
        return ("shift", *_typed(_SHIFTED[sign]))
    if sign in _SIGNS:
        return (_SIGNS[sign],)
    if sign.lower() in _LETTERS_DIGITS and len(sign.lower()) == 1:
        return ("shift", sign.lower()) if sign.isupper() else (sign,)
    raise SessionError(f"{sign!r}: a US keyboard, as firmware has it, has no key for this sign")


def told(chord: Chord) -> str:
    """A chord as it is written."""
    return "-".join(chord)
