"""Theme files as Textual themes: each role becomes a style variable of its name."""

from __future__ import annotations

from dataclasses import asdict

from textual.theme import Theme

from llmbm_console.core.themes import ThemeFile

#: Roles that are Textual's own settings; all others are variables.
OWN = ("background", "surface", "foreground", "accent")


def textual_theme(theme: ThemeFile) -> Theme:
    """The Textual theme of a file. Names get a prefix so that they never meet those that come with Textual."""
    roles = asdict(theme.roles)
    variables = {name: colour for name, colour in roles.items() if name not in OWN}
    variables |= {
        "screen-selection-background": roles["selection"],
        "block-cursor-background": roles["focus"],
        "block-cursor-foreground": roles["background"],
        "input-cursor-background": roles["focus"],
        "input-cursor-foreground": roles["background"],
        "input-selection-background": roles["selection"],
        "scrollbar": roles["border"],
        "scrollbar-background": roles["background"],
    }
    return Theme(
        name=f"llm-{theme.name}",
        primary=roles["accent"],
        secondary=roles["info"],
        warning=roles["warn"],
        error=roles["bad"],
        success=roles["good"],
        accent=roles["accent"],
        foreground=roles["foreground"],
        background=roles["background"],
        surface=roles["surface"],
        panel=roles["surface"],
        dark=theme.dark,
        luminosity_spread=0.1,
        text_alpha=1.0,
        variables=variables,
    )
