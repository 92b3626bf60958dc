"""The panes of the console by name, in the order in which Tab goes through them."""

from __future__ import annotations

PANES: tuple[tuple[str, str], ...] = (
    ("transcript", "Transcript"),
    ("events", "Events"),
    ("prompt", "Prompt"),
    ("memory", "Memory"),
    ("sentinel", "Sentinel"),
    ("context", "Context"),
    ("sampling", "Sampling"),
    ("machine", "Machine"),
)

#: Panes of the views of their own, without a number: Tab, a click or a jump goes there, and the action that fills them.
VIEW_PANES: tuple[tuple[str, str], ...] = (
    ("hex", "Hex lens"),
    ("histogram", "Over time"),
    ("facets", "Filter"),
    ("details", "Event"),
    ("machine_log", "Machine events"),
    ("display", "Screen"),
    ("registers", "Registers"),
    ("files", "Dumps and recordings"),
    ("explanation", "Explained"),
    ("differences", "Compare"),
    ("answers", "Answers"),
)
