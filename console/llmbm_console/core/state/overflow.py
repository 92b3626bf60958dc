"""What the kernel tells when the context was full and it made room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmbm_console.core.sanitise import clean
from llmbm_protocol.words import LogCode

if TYPE_CHECKING:
    from llmbm_protocol.schema import Event


def overflow_told(record: Event) -> str:
    """An event of code `context` in a sentence: from which turn on the model still knows the conversation, and how many
    of its tokens. "" for any other event."""
    if record.code is not LogCode.CONTEXT:
        return ""
    kept = max(0, record.second - 1)  # without BOS, which is always there
    if not kept:
        return f"{clean(record.message)}: {max(0, record.first - 1)} tokens forgotten"
    # A row depends on its place: what moved has to be computed again, and counts as prefill.
    return f"{clean(record.message)}: {kept} of {max(0, record.first - 1)} tokens kept, their rows computed anew"
