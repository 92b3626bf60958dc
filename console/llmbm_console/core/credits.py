"""How much may be sent: the kernel's absolute credits, and the repair of credit that was lost with lost bytes."""

from __future__ import annotations

from llmbm_protocol.schema import Credit

WRAP = 1 << 32
REBASE_AFTER = 0.3  # s without sending before bytes count as lost


class Credits:
    """Sent and consumed bytes since the hello, both modulo 2^32, and the window beyond them."""

    def __init__(self) -> None:
        self.lost_bytes = 0
        self._limit = WRAP
        self.begin(0, 0.0)

    def begin(self, window: int, now: float) -> None:
        """A hello was answered: both counts start anew."""
        self.sent = 0
        self.consumed = 0
        self.window = window
        self._last_sent_at = now
        self._agreed = False

    @property
    def room(self) -> int:
        """Bytes that may be sent now."""
        return max(0, min(self.window, self._limit) - self.under_way)

    @property
    def under_way(self) -> int:
        """Bytes sent and not yet reported as consumed."""
        return (self.sent - self.consumed) % WRAP

    def on_sent(self, count: int, now: float) -> None:
        """Bytes went out."""
        self.sent = (self.sent + count) % WRAP
        self._last_sent_at = now
        self._agreed = False

    def narrow(self, window: int) -> None:
        """The kernel begins to compute: until it says otherwise no more than the small window."""
        self.window = min(self.window, window)

    def limit(self, window: int) -> None:
        """The kernel's receiver overran although it was granted more: never again more than this on this line."""
        self._limit = min(self._limit, window)

    def on_credit(self, credit: Credit, now: float) -> int:
        """A credit frame. Returns how many bytes were found to be lost (0 almost always).

        The count is absolute, so a lost or repeated credit frame does no harm. Bytes that the line lost would block
        their part of the window for ever: when two credits agree and nothing was sent for a while, what is missing is
        lost.
        """
        ahead = (credit.consumed - self.sent) % WRAP
        if 0 < ahead < WRAP // 2:
            # It took bytes we did not count: the stop byte travels outside credit.
            self.sent = credit.consumed
        agrees = credit.consumed == self.consumed
        self.consumed = credit.consumed
        self.window = credit.window
        lost = 0
        if agrees and self._agreed and self.under_way and now - self._last_sent_at > REBASE_AFTER:
            lost = self.under_way
            self.lost_bytes += lost
            self.sent = self.consumed
        self._agreed = agrees and now - self._last_sent_at > REBASE_AFTER
        return lost

    def thaw(self, now: float) -> None:
        """The machine was paused: what was sent before did not have its time yet."""
        self._last_sent_at = now
        self._agreed = False
