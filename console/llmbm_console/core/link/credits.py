"""How much may be sent: the kernel's absolute credits, and the repair of credit that was lost with lost bytes."""

from __future__ import annotations

from llmbm_protocol.schema import ENQUIRIES, ENQUIRY, Credit

WRAP = 1 << 32
ENQUIRE_AFTER = 0.3  # s without sending before bytes may be lost; three times that for each one without an answer
RESERVE = ENQUIRIES - 1  # bytes of the window that lines leave to enquiries


class Credits:
    """Sent and consumed bytes since the hello, both modulo 2^32, and the window beyond them.

    What was sent and not consumed is under way or lost, and no time tells which: a line may stand still for a second
    and then bring everything. So an enquiry is sent behind it, a byte that counts like any other. The kernel tells
    which enquiry it took last, and a line keeps its order: what was sent before that one has arrived, or never will.
    """

    def __init__(self) -> None:
        self.lost_bytes = 0
        self._limit = WRAP
        self.begin(0, 0.0)

    def begin(self, window: int, now: float) -> None:
        """A hello was answered: all counts start anew."""
        self.sent = 0
        self.consumed = 0
        self.window = window
        self._last_sent_at = now
        self._enquiry = 0  # the last one sent, 1 to ENQUIRIES
        self._open: dict[int, int] = {}  # enquiries without an answer, in their order: bytes sent behind each
        self._due = False

    @property
    def room(self) -> int:
        """Bytes of lines that may be sent now."""
        return 0 if self._open else max(0, self._free - RESERVE)

    @property
    def _free(self) -> int:
        return min(self.window, self._limit) - self.under_way

    @property
    def under_way(self) -> int:
        """Bytes sent and not yet reported as consumed."""
        return (self.sent - self.consumed) % WRAP

    def on_sent(self, count: int, now: float) -> None:
        """Bytes went out."""
        self.sent = (self.sent + count) % WRAP
        self._open = {enquiry: behind + count for enquiry, behind in self._open.items()}
        self._last_sent_at = now
        self._due = False

    def enquire(self, now: float) -> bytes:
        """An enquiry, counted as sent, when it is time for one; otherwise b""."""
        if not self._due:
            return b""
        self.on_sent(1, now)
        self._enquiry = self._enquiry % ENQUIRIES + 1
        self._open[self._enquiry] = 0
        return bytes((ENQUIRY + self._enquiry - 1,))

    def quiet(self, now: float) -> float:
        """Seconds since something was sent, or the session began."""
        return now - self._last_sent_at

    def narrow(self, window: int) -> None:
        """The kernel begins to compute: until it says otherwise no more than the small window."""
        self.window = min(self.window, window)

    def limit(self, window: int) -> None:
        """The kernel's receiver overran although it was granted more: never again more than this on this line."""
        self._limit = min(self._limit, window)

    def on_credit(self, credit: Credit, now: float) -> int:
        """A credit frame. Returns how many bytes were found to be lost (0 almost always).

        The count is absolute, so a lost or repeated credit frame does no harm.
        """
        ahead = (credit.consumed - self.sent) % WRAP
        if 0 < ahead < WRAP // 2:
            self.sent = credit.consumed  # noise on the line was counted as well
        self.consumed = credit.consumed
        self.window = credit.window
        lost = self._settle(credit.enquiry)
        # One number is left out, so that none under way is that of one taken before.
        self._due = (
            0 < self.under_way < min(self.window, self._limit)
            and len(self._open) < RESERVE
            and now - self._last_sent_at > ENQUIRE_AFTER * 3 ** len(self._open)
        )
        return lost

    def _settle(self, enquiry: int) -> int:
        """The kernel took this enquiry: only what was sent behind it can be under way. How many bytes are lost."""
        if enquiry not in self._open:
            return 0
        behind = self._open[enquiry]
        numbers = list(self._open)
        self._open = {number: self._open[number] for number in numbers[numbers.index(enquiry) + 1 :]}
        lost = max(0, self.under_way - behind)
        self.sent = (self.sent - lost) % WRAP
        self.lost_bytes += lost
        return lost

    def thaw(self, now: float) -> None:
        """The machine was paused: what was sent before did not have its time yet."""
        self._last_sent_at = now
        self._due = False
