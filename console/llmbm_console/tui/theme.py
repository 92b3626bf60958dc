"""Theme files as Textual themes: each role becomes a style variable of its name."""

from __future__ import annotations

from dataclasses import asdict

from textual.theme import Theme

from llmbm_console.core.settings.themes import ThemeFile

#: Roles that are Textual's own settings; all others are variables.
OWN = ("background", "surface", "foreground", "accent")


def textual_name(name: str, revision: int) -> str:
    """The name a theme is registered with: it never meets one of Textual's own, nor an earlier reading of the file."""
    return f"llm-{name}-{revision}"


def textual_theme(theme: ThemeFile, revision: int = 0) -> Theme:
    """The Textual theme of a file. `revision` is one more each time the files are read again."""
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
    if theme.terminal_colours:
        # There is no telling what stands beside the terminal's own background: marked text is black on a bright ground.
        variables |= {
            "ansi-background": "ansi_default",
            "ansi-foreground": "ansi_default",
            "block-cursor-foreground": "ansi_black",
            "input-cursor-foreground": "ansi_black",
            "screen-selection-foreground": "ansi_white",
            "input-selection-foreground": "ansi_white",
        }
    return Theme(
        name=textual_name(theme.name, revision),
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
        ansi=theme.terminal_colours,
        luminosity_spread=0.1,
        text_alpha=1.0,
        variables=variables,
    )
