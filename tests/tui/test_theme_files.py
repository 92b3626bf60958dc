"""Theme files: ours can be read by everybody, a broken one is a sentence, a person's own replaces ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmbm_console.core.settings.themes import FALLBACK, ThemeFile, load_themes, read_theme, theme_folder, why_no_theme


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def all_themes() -> list[ThemeFile]:
    themes, problems = load_themes([theme_folder()])
    assert not problems
    return [*themes.values(), FALLBACK]


def test_there_are_dark_and_light_themes() -> None:
    themes = all_themes()
    assert len(themes) >= 5
    assert {theme.dark for theme in themes} == {True, False}


# Which colours the terminal itself has is its own affair.
@pytest.mark.parametrize("theme", [t for t in all_themes() if not t.terminal_colours], ids=lambda t: t.name)
def test_text_can_be_read(theme: ThemeFile) -> None:
    roles = theme.roles
    least = 7.0 if theme.name == "contrast" else 4.5
    for role in ("foreground", "muted", "prompt", "good", "warn", "bad", "info", "accent", "focus"):
        for behind in (roles.background, roles.surface):
            assert contrast(getattr(roles, role), behind) >= least, f"{role} on {behind}"
    for role in ("weights", "kv", "scratch", "acts", "zonec", "keep"):
        assert contrast(getattr(roles, role), roles.background) >= 3, role
    assert contrast(roles.foreground, roles.selection) >= 4.5


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"name = ", "is not TOML"),
        (b"name = " + b"9" * 5000, "is not TOML"),
        (b"name = " + b"[" * 9000, "is not TOML"),
        (b"\xff\xfe", "is not UTF-8"),
        (b'name = "x"', "title"),
        (b'name = "../x"\ntitle = "X"', "name"),
        (b'name = "x"\ntitle = "X"\n[roles]\nbackground = "red"', "roles.background"),
    ],
)
def test_a_broken_theme_is_a_sentence(tmp_path: Path, content: bytes, part: str) -> None:
    (tmp_path / "broken.toml").write_bytes(content)
    themes, problems = load_themes([theme_folder(), tmp_path])
    assert "teranga" in themes
    assert len(problems) == 1
    assert "broken.toml" in problems[0]
    assert part in problems[0]


def test_a_theme_of_another_name_than_its_file_says_how_it_is_chosen(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes((theme_folder() / "paper.toml").read_bytes())
    said = why_no_theme("mine", load_themes((tmp_path,))[0], (tmp_path,))
    assert said.endswith('mine.toml says name = "paper"; name = "mine" there makes it this theme')
    (tmp_path / "mine.toml").write_text("name =")
    assert why_no_theme("mine", {}, (tmp_path,)).endswith("is there, but cannot be used")


def test_without_any_theme_there_is_still_one(tmp_path: Path) -> None:
    themes, _problems = load_themes([tmp_path, tmp_path / "missing"])
    assert list(themes) == [FALLBACK.name]


def test_a_persons_theme_replaces_ours(tmp_path: Path) -> None:
    text = (theme_folder() / "paper.toml").read_text().replace('title = "Paper"', 'title = "Mine"')
    (tmp_path / "mine.toml").write_text(text)
    assert load_themes([theme_folder(), tmp_path])[0]["paper"].title == "Mine"
    assert read_theme(theme_folder() / "paper.toml").title == "Paper"
