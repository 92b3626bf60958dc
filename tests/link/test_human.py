"""The line in human mode: what a person types at a plain terminal, and what comes back."""

from __future__ import annotations

import random

import pytest
from link_client import SLOW, STOP, Boot, Host

from llmbm_protocol import frame
from llmbm_protocol.codec import to_frame
from llmbm_protocol.schema import Hello, HostHello

LEFT, RIGHT, UP, DOWN, HOME, END, DELETE = (
    b"\x1b" + tail for tail in (b"[D", b"[C", b"[A", b"[B", b"[H", b"[F", b"[3~")
)
PROMPT = b"llmk> "


class Screen:
    """What a terminal shows of one line: printable bytes, backspace and space over what was there."""

    def __init__(self) -> None:
        self.cells: list[str] = []
        self.at = 0

    def feed(self, text: str) -> Screen:
        """Takes what the kernel sent."""
        for letter in text:
            if letter == "\b":
                assert self.at > 0, "the cursor does not leave the line"
                self.at -= 1
            else:
                assert letter.isprintable(), repr(text)
                self.cells[self.at : self.at + 1] = [letter]
                self.at += 1
        return self

    def text(self) -> str:
        """Without what was wiped."""
        return "".join(self.cells).rstrip()


def line_of(person: Host, keys: bytes) -> tuple[str, str]:
    """Types keys and Enter; what the screen showed of the line, and what the kernel answered."""
    after = len(person.raw)
    person.send(keys + b"\r")
    shown = person.until_raw(PROMPT, after).decode()
    echo, _, rest = shown.partition("\r\n")
    return Screen().feed(echo).text(), rest


def taken(person: Host, keys: bytes) -> str:
    """The line that the kernel took: an unknown command is repeated in the refusal, and the screen shows the same."""
    shown, answer = line_of(person, keys)
    assert "unknown command" in answer, answer
    word = shown.split(" ")[0]
    assert word in answer, (shown, answer)
    return shown


def command(person: Host, line: bytes) -> str:
    """A command and its answer."""
    return line_of(person, line)[1]


def answer_to(person: Host, prompt: bytes) -> bytes:
    """What follows the echo of a prompt, up to the next kernel prompt."""
    after = len(person.raw)
    person.send(prompt + b"\r")
    return person.until_raw(PROMPT, after)


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (b"/qwert", "/qwert"),
        (b"/qwertz\x7f", "/qwert"),
        (b"/qwertz\b", "/qwert"),
        (b"\x7f\x7f/qwert", "/qwert"),
        (b"qwert\x01/", "/qwert"),
        (b"/qwt\x1b[D\x1b[Der\x05x", "/qerwtx"),
        (b"/qwer" + HOME + RIGHT + b"a" + END + b"b", "/aqwerb"),
        (b"rubbish\x15/qwert", "/qwert"),
        (b"/qwert  rubbish \x17", "/qwert"),
        (b"/qwert rubbish\x17\x17/abc", "/abc"),
        (b"/qwert" + LEFT + LEFT + DELETE, "/qwet"),
        (b"/qwert" + DELETE + RIGHT, "/qwert"),
        (LEFT + b"/qwert" + LEFT * 20 + RIGHT * 30, "/qwert"),
        (b"/qwe\x1bOD\x1bOCr", "/qwer"),
        (b"/q\twert", "/q wert"),
        (b"/q\x1b[1;5A\x1b[200~\x1b[999999999999999xwert", "/qwert"),
        (b"/q\x00\x02\x1d\x1fwert", "/qwert"),
        ("/äöü€😀".encode(), "/äöü€😀"),
        ("/ä€😀".encode() + b"\x7f\x7f", "/ä"),
        (b"/ab" + LEFT + "ä€😀".encode(), "/aä€😀b"),
        ("/äb".encode() + LEFT + LEFT + "€".encode(), "/€äb"),
        ("/äöü".encode() + LEFT + LEFT + b"\x7f", "/öü"),
        (b"/me@home", "/me@home"),
        (b"/mail @q 0001 x", "/mail @q 0001 x"),
        (b"/x @", "/x @"),
        (b"/x @\x7f\x7f", "/x"),
        (b"/x @@@q @q 0001@", "/x @@@q @q 0001@"),
        (b"/x @q 0001 id=1*00000000", "/x @q 0001 id=1*00000000"),
    ],
)
def test_keys_make_a_line(person: Host, keys: bytes, line: str) -> None:
    assert taken(person, keys) == line


def test_an_unfinished_escape_sequence_does_not_eat_enter(person: Host) -> None:
    for tail in (b"\x1b", b"\x1b[", b"\x1b[1;", b"\x1bO"):
        assert taken(person, b"/qwert" + tail) == "/qwert"


def test_every_octet_is_echoed_before_the_line_ends(person: Host) -> None:
    after = len(person.raw)
    for octet in b"Hello, w":
        person.send(bytes((octet,)))
        person.until(lambda after=after: len(person.raw) > after, "echo")
        after = len(person.raw)
    person.send(STOP)


def test_an_at_sign_is_shown_with_the_key_after_it(person: Host) -> None:
    """It may begin a frame; whatever shows that it does not brings it out."""
    for keys in (b"@ ", b"@1", b"@\x7f", b"@q0"):
        after = len(person.raw)
        person.send(keys)
        person.until(lambda after=after: b"@" in person.raw[after:], "the sign")
        person.send(STOP)
        person.until_raw(PROMPT, after)


def test_a_hello_may_end_without_an_enter(person: Host) -> None:
    """A console sends it so to a prompt of which it does not know whether it knows frames. A damaged one is dropped."""
    hello = to_frame(HostHello(protocol=1, session=1, nonce="quiet"), 1)[:-1]
    after = len(person.raw)
    person.send(hello.replace(b"quiet", b"quilt") + frame.END)
    person.until_raw(b"^C\r\n" + PROMPT, after)
    person.send(hello + frame.END)
    assert person.wait_for(Hello, lambda answer: answer.nonce == "quiet").machine


def test_history(person: Host) -> None:
    for word in (b"/one", b"/two", b"/three"):
        taken(person, word)
    assert taken(person, UP) == "/three"
    assert taken(person, UP + UP + UP) == "/two"
    assert taken(person, UP * 50) == "/one"
    assert taken(person, UP * 3 + DOWN) == "/two"
    assert taken(person, b"abc" + UP + DOWN + b"/new") == "/new"
    assert taken(person, UP + b"er") == "/newer"


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_every_line_end_is_one_line_end(person: Host, end: bytes) -> None:
    after = len(person.raw)
    person.send(b"/one" + end + b"/two" + end + end + b"/three" + end)
    person.until(lambda: person.raw[after:].count(PROMPT) == 4, "four prompts")
    person.settle(0.1)
    assert person.raw[after:].count(PROMPT) == 4
    assert person.raw[after:].count(b"unknown command") == 3


def quiet(person: Host) -> None:
    """Answers of one token, and nothing below them."""
    command(person, b"/max_tokens 1")
    command(person, b"/stats 0")


def prompt_tokens(person: Host) -> int:
    """Rows that the conversation has, and what is not cached yet does not count."""
    words = dict(word.split("=", 1) for word in command(person, b"/ctx").split() if "=" in word)
    return int(words["kv_pos"])


def test_a_prompt_over_several_lines_is_one_prompt(person: Host) -> None:
    """A backslash goes on, two are one, and `;;` alone ends."""
    quiet(person)
    counts = []
    for keys in (b"Once\\\rupon\r", b"Once\\\rupon\\\r;;\r"):
        command(person, b"/clear")
        after = len(person.raw)
        person.send(keys)
        shown = person.until_raw(PROMPT, after)
        assert shown.count(b"... ") == keys.count(b"\\")
        counts.append(prompt_tokens(person))
    assert counts[0] == counts[1] > 3
    command(person, b"/clear")
    answer = answer_to(person, b"Once\\\\")
    assert b"... " not in answer


def test_ctrl_c_drops_a_line_and_a_prompt_that_goes_on(person: Host) -> None:
    after = len(person.raw)
    person.send(b"half a li" + STOP)
    assert b"^C" in person.until_raw(PROMPT, after)
    after = len(person.raw)
    person.send(b"first\\\r")
    person.until_raw(b"... ", after)
    person.send(b"second" + STOP)
    person.until_raw(PROMPT, after)
    assert taken(person, b"/qwert") == "/qwert"


def test_ctrl_c_does_not_overtake_what_was_typed_before_it(person: Host) -> None:
    after = len(person.raw)
    person.send(b"/rubbish" + STOP + b"/qwert\r")
    person.until_raw(b"unknown command", after)
    person.until_raw(PROMPT, person.raw.index(b"unknown", after))
    assert b"/qwert" in person.raw[person.raw.index(b"unknown", after) :]
    assert b"/rubbish/" not in person.raw[after:]


def test_ctrl_c_stops_a_generation(boot: Boot) -> None:
    person = boot(*SLOW).connect()
    after = len(person.raw)
    person.send(b"Once upon a time\r")
    person.until(lambda: len(person.raw) > after + 60, "some of the story")
    person.send(STOP)
    person.until_raw(PROMPT, after)
    assert prompt_tokens(person) < 200
    assert taken(person, b"/qwert") == "/qwert"


def test_what_is_typed_ahead_is_taken_afterwards(boot: Boot) -> None:
    person = boot(*SLOW).connect()
    command(person, b"/max_tokens 10")
    after = len(person.raw)
    person.send(b"Once upon a time\r/one\r/two\r")
    person.until(lambda: person.raw[after:].count(PROMPT) == 3, "three prompts")
    assert person.raw[after:].count(b"unknown command") == 2


def test_the_longest_line_has_4095_octets(person: Host) -> None:
    quiet(person)
    for count, refused in ((4095, False), (4096, True)):
        after = len(person.raw)
        for start in range(0, count, 64):  # a terminal's only flow control is the echo
            had = len(person.raw)
            person.send(b"a" * min(64, count - start))
            person.until(lambda had=had: len(person.raw) > had, "echo")
        told = b"a line has at most 4095 bytes"
        if refused:
            person.until_raw(told, after)
        person.send(STOP)
        person.until_raw(PROMPT, after)
        assert (told in person.raw[after:]) == refused


def test_a_long_paste_is_taken_whole(person: Host) -> None:
    """A plain line waits: nothing of three thousand bytes in one write is lost."""
    after = len(person.raw)
    person.send(b"/" + b"z" * 3000 + b"\r")
    person.until_raw(PROMPT, after)
    assert person.raw[after:].count(b"z") >= 3000
    after = len(person.raw)
    person.send(b"".join(b"/paste%d\r" % number for number in range(200)))
    person.until(lambda: person.raw[after:].count(PROMPT) == 200, "200 prompts")
    assert all(b"/paste%d\r\n" % number in person.raw[after:] for number in range(200))


# ---- hostile octets --------------------------------------------------------------------------------------------------


def torture(person: Host, seed: int) -> None:
    """Anything at all, then a person who can still work."""
    noise = random.Random(seed)
    pieces = [
        bytes(octet for octet in range(256) if octet != 3),
        bytes(range(255, 3, -1)) * 3,
        b"\x1b[" + b"9" * 300 + b"A",
        b"\x1b" * 300,
        b"\x1b[3~" * 50 + LEFT * 50 + b"\x7f" * 50,
        UP * 40 + DOWN * 40 + UP + b"\x17" * 9,
        b"\xf0\x9f\x98" * 40 + b"\x80" * 40 + b"\x7f" * 90,
        b"\xff\xfe\xc0\x80" + LEFT + b"\xe2\x82" + RIGHT + b"\xac",
        b"@" * 300 + b"@q 0001 " * 40 + b"\r\n" * 5,
        b"@h 0001 " + b"a" * 600 + b"\r",
        b"\\\r" * 30 + b";;\r",
        *(bytes(noise.choice(range(256)) for _ in range(noise.randrange(400))).replace(STOP, b"") for _ in range(20)),
    ]
    for piece in pieces:
        person.send(piece)
        person.pass_time(0.01)
    # The last piece may have begun a generation: a stop ends that, and the next one clears the line and shows it.
    for _ in range(50):
        person.send(STOP)
        person.settle(0.4)
        if person.raw.endswith(b"^C\r\n" + PROMPT):
            break
    person.send(b"/survived\r")  # what a slow computer still has to say of the stops comes before this
    person.until_raw(b'unknown command "/survived"')
    person.until_raw(PROMPT, person.raw.rindex(b"/survived"))
    assert taken(person, b"/qwert") == "/qwert"


def test_hostile_octets(boot: Boot) -> None:
    person = boot().connect()
    command(person, b"/max_tokens 1")
    torture(person, 1)
    person.hello()
    assert person.ask("ping").ok
    person.send(bytes(octet for octet in range(256) if octet != 3) * 4)
    assert person.ask("ping").ok


def test_hostile_octets_under_the_sanitisers(boot_checked: Boot) -> None:
    person = boot_checked().connect()
    command(person, b"/max_tokens 1")
    torture(person, 2)
    person.hello()
    noise = random.Random(3)
    for _ in range(60):
        line = bytearray(person.line("text", text=bytes(noise.randrange(256) for _ in range(50)), offset=0)[1])
        for _ in range(noise.randrange(3)):
            line[noise.randrange(len(line))] = noise.choice(range(4, 256))
        person.send(bytes(line))
    person.send(b"\n")
    person.next_id = 1000
    assert person.ask("get", parameter="temp").value == "0"
