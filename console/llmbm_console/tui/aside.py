"""The live session that goes on while a file is shown in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from llmbm_console.core.state.timeline import Timeline
from llmbm_console.tui.sampling_history import SamplingHistory

if TYPE_CHECKING:
    from llmbm_console.core.session.session import Session
    from llmbm_console.core.state.events import Event
    from llmbm_console.core.state.state import State


class Aside:
    """What SessionApp keeps of it. Its line is read on, and its past grows; `changed` is called with the states before
    and after each event. `session` is None where there was none, and `failure` says why."""

    def __init__(
        self,
        target: str,
        factory: Callable[[], Session],
        session: Session | None,
        failure: str,
        timeline: Timeline,
        sampling_history: SamplingHistory,
        changed: Callable[[State, State], None],
    ) -> None:
        self.target, self.factory = target, factory
        self.session, self.failure = session, failure
        self.timeline, self.sampling_history = timeline, sampling_history
        self._changed = changed
        self._before = session.state if session is not None else None
        self._unlisten = session.listen(self._note) if session is not None else None

    def _note(self, state: State, _event: Event) -> None:
        before, self._before = self._before, state
        self.timeline.note(state)
        self.sampling_history.note(state)
        if before is not None:
            self._changed(before, state)

    def give_back(self) -> None:
        """Somebody else listens to it from now on."""
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None
