"""`llmbm-console settings`: where the settings are, what holds, which keys do what, and a file to begin with."""

from __future__ import annotations

import sys

from llmbm_console.core.command import command
from llmbm_console.core.sampling import told
from llmbm_console.core.sanitise import clean
from llmbm_console.core.settings.settings import PRESETS, read_settings, settings_file
from llmbm_console.core.settings.themes import load_themes, theme_folders, theme_in_force, why_no_theme
from llmbm_console.tui.memory import Remembered, state_folder

EXAMPLE = """\
# Settings of llmbm-console. Every line is optional; a # before it switches it off.

# theme = "teranga"            # a theme of the console, or a file of your own in the folder themes/ beside this one
# glyphs = "blocks"            # or "ascii": nothing else is drawn, what the model says by its nearest letters
# keys = "basic"               # or "vim"
# pictures = "auto"            # or "kitty", "sixel", "blocks": how the machine's screen is drawn
# probabilities = "off"        # or "on": ask how each token was chosen (the key p turns it over)
# tour = "once"                # or "off": no tour at the first start

[bindings]
# Keys of single actions, by the names that `llmbm-console settings` lists; [] takes an action its keys.
# "view.jump" = ["ctrl+o", "J"]

# A sampling preset: `s` in the sampling pane writes one, `a` uses it. What it does not name stays.
# [sampling.story]
# temp = 0.7
# top_k = 40

# A profile holds options of the command line: llmbm-console --profile bench
# [profiles.bench]
# serial = "/dev/ttyUSB0"
# baud = 115200
"""

LAST, DEFAULT = "the last one chosen", "none was chosen yet"


def show_settings() -> int:
    """Prints everything; 1 when something in the file cannot be used."""
    path = settings_file()
    settings, problems = read_settings(path)
    missing = "" if path.exists() else f"   (not there; `{command('settings', '--init')}` writes one)"
    print(f"{path}{missing}")
    themes, wrong = load_themes(theme_folders())
    kept = Remembered(state_folder()).get("theme")
    chosen, why = theme_in_force(themes, settings.theme, kept), LAST if kept in themes else DEFAULT
    print(f"theme    {clean(chosen if chosen == settings.theme else f'{chosen} ({why})')}")
    if settings.theme and settings.theme not in themes:
        problems += (why_no_theme(settings.theme, themes, theme_folders()),)
    problems += wrong
    print(f"glyphs   {settings.glyphs or 'the last ones chosen'}")
    print(f"keys     {settings.keys} (there are {', '.join(PRESETS)})")
    print(f"pictures {settings.pictures}")
    print(f"probabilities {settings.probabilities or 'as last chosen'}")
    print(f"tour     {settings.tour}")
    for name, options in settings.profiles.items():
        print(clean(f"profile  {name}: {' '.join(f'{key}={value}' for key, value in options.items())}"))
    for name, preset in settings.sampling.items():
        print(clean(f"sampling {name}: {told(preset)}"))
    print("\nactions and their keys")
    for action in settings.actions():
        print(f"  {action.id:<22} {' or '.join(action.keys) or '-':<19} {action.title}")
    for problem in problems:
        print(f"error: {clean(problem)}", file=sys.stderr)
    return 1 if problems else 0


def begin_settings() -> int:
    """Writes the commented file; one that is there is left alone."""
    path = settings_file()
    if path.exists():
        print(f"error: {path} is there already; it was left as it is", file=sys.stderr)
        return 1
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(EXAMPLE, "utf-8")
    except OSError as error:
        print(f"error: {path}: cannot be written: {error.strerror or error}", file=sys.stderr)
        return 1
    print(path)
    return 0
