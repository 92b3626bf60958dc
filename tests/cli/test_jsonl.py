"""Events for programs, and a session that only watches."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest
from console_program import run

from llmbm_console.core.actions.table import ACTIONS
from llmbm_console.core.reading import SHOWS
from llmbm_console.tui.completion import COMMANDS

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the simulator needs a POSIX system")


def documents(*words: str, lines: str) -> list[dict[str, Any]]:
    done = run("--sim", "--jsonl", *words, lines=lines)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_event_is_a_document_and_the_tokens_make_the_text() -> None:
    found = documents(lines="/max_tokens 12\nOnce upon a time\n")
    assert {"LinkChanged", "RecordReceived", "CommandDone", "PromptSent"} <= {entry["event"] for entry in found}
    tokens = [entry["record"] for entry in found if entry.get("kind") == "Token"]
    ends = [entry["record"] for entry in found if entry.get("kind") == "Finished"]
    assert len(ends) == 1
    assert ends[0]["tokens"] == 12
    assert len({token["index"] for token in tokens}) == 12
    assert "".join(token["text"] for token in tokens).strip()
    assert all(entry["at"] > 1e9 for entry in found)
    assert not [entry for entry in found if entry.get("kind") == "Choice"]


@pytest.mark.parametrize("line", ["Once upon a time", "/temp 0", "/reset"])
def test_a_session_that_only_watches_sends_nothing(line: str) -> None:
    found = documents("--read-only", lines=f"{line}\n")
    refused = [entry for entry in found if entry["event"] == "Refused"]
    assert len(refused) == 1
    assert "--read-only" in refused[0]["error"]
    assert not [entry for entry in found if entry["event"] in ("CommandDone", "PromptSent")]
    assert [entry for entry in found if entry.get("kind") == "SamplingState"]  # but it sees


def watched(*lines: str) -> subprocess.CompletedProcess[str]:
    return run("exec", "--sim", "--read-only", "--json", "--", *lines)


def test_exec_on_a_session_that_only_watches_asks_what_only_reads() -> None:
    reading = [f"/{name}" for name in sorted(SHOWS)]
    actions = [f":{action.id}" for action in ACTIONS if action.line in reading]
    done = watched(*reading, " /ctx", "/log 3", "/help log", *actions)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(one["ok"] and one["output"] for one in answers)
    assert {":kernel.context", ":kernel.zones", ":kernel.log"} <= set(actions)


def test_exec_on_a_session_that_only_watches_sends_nothing_that_changes_anything() -> None:
    others = [name for name in COMMANDS if name not in SHOWS]
    changing = [
        *(f"/{name}" for name in others),
        "/temp 0",
        "/cpu sse2",
        "/budget auto",
        "/preset wild",
        "/zones verify",
    ]
    done = watched(*changing, "Once", "quit", " /temp 0", "/", ":kernel.save_dump", ":sentinel.drill")
    assert done.returncode == 1
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(changing) + 6
    refused = ("not sent: --read-only sends only what reads", "this session only watches")
    assert all(one["error"].startswith(refused) for one in answers), answers
    assert "error: Once: not sent: --read-only" in done.stderr


def test_choices_are_events_when_they_are_asked_for() -> None:
    found = documents("--probabilities", lines="/max_tokens 12\nOnce upon a time\n")
    choices = [entry["record"] for entry in found if entry.get("kind") == "Choice"]
    told = [choice["index"] for choice in choices]
    assert told
    assert told == sorted(
        set(told) & set(range(12))
    )  # a sample may be left out on a busy computer, but none comes twice
    assert all(len(choice["likeliest"]) == 12 and 0 < choice["probability"] <= 1 for choice in choices)
    assert set(choices[0]["likeliest"][0]) == {"token", "below", "weakened"}
