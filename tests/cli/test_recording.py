"""A recording in the faces without a screen: what --seek leaves out, and that a clip is the same in each of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from console_program import run

from llmbm_console.core.recording.capture import Capture, write_capture
from llmbm_console.core.recording.clip import clip
from llmbm_console.core.state.events import PromptSent

FIRST, SECOND = "Penguin", "Tim had a boat"


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two answers of the simulator."""
    path = tmp_path_factory.mktemp("recording") / "two.llcap"
    done = run("exec", "--sim", "--record", path, "--", "/max_tokens 12", FIRST, SECOND)
    assert done.returncode == 0, done.stderr
    return path


def second_prompt(path: Path) -> float:
    (at,) = (
        entry.at
        for entry in Capture(path).entries()
        if isinstance(entry.data, PromptSent) and entry.data.text == SECOND
    )
    return at


@pytest.mark.parametrize("face", ["--plain", "--jsonl"])
def test_a_face_without_a_screen_begins_where_it_was_told_to(recording: Path, face: str) -> None:
    whole, rest = run(recording, face), run(recording, face, "--seek", second_prompt(recording))
    assert (whole.returncode, rest.returncode) == (0, 0)
    assert FIRST in whole.stdout
    assert SECOND in whole.stdout
    assert FIRST not in rest.stdout
    assert SECOND in rest.stdout
    assert whole.stdout.endswith(rest.stdout), "and from there on it tells the same"


@pytest.mark.parametrize("face", ["--plain", "--jsonl"])
def test_a_line_that_was_opened_again_then_is_not_waited_for_now(tmp_path: Path, face: str) -> None:
    path = tmp_path / "reset.llcap"
    done = run("exec", "--sim", "--record", path, "--", ":machine.reset", "/version")
    assert (done.returncode, "opening it again" in done.stderr) == (0, True)
    played = run(path, face)
    assert (played.returncode, played.stderr) == (0, "")


@pytest.mark.parametrize("face", ["--plain", "--jsonl"])
def test_to_begin_behind_the_end_is_refused_with_the_length(recording: Path, face: str) -> None:
    done = run(recording, face, "--seek", "999")
    assert done.returncode != 0
    assert "--seek 999 is behind its end: the recording is " in done.stderr
    assert FIRST not in done.stdout
    assert SECOND not in done.stdout


def test_a_clip_is_the_same_part_in_every_face(recording: Path, tmp_path: Path) -> None:
    whole, first = Capture(recording), second_prompt(recording)
    path, last = tmp_path / "clip.llcap", max(entry.at for entry in whole.entries())
    header = whole.header.model_copy(update={"view": (first, last)})
    write_capture(path, header, clip(whole.entries(), first, last))
    plain, jsonl, explained = run(path, "--plain"), run(path, "--jsonl"), run("explain", path)
    for face in (plain, jsonl, explained):
        assert face.returncode == 0, face.stderr
        assert FIRST not in face.stdout
    assert SECOND in plain.stdout
    assert f"the recording ends here, after {last - first:.1f} s" in plain.stdout
    documents = [json.loads(line) for line in jsonl.stdout.splitlines()]
    tokens = [one["record"]["index"] for one in documents if one.get("kind") == "Token"]
    assert tokens == list(range(12))
    assert explained.stdout.count(" Token ") == len(tokens)
    from_clip = {one["kind"] for one in documents if "kind" in one and one["at"] - whole.header.wall < first - 1e-5}
    assert not from_clip & {"Token", "Finished", "Event", "Output", "Response"}, "of before only states"
