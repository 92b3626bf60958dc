"""Every kind of fault, made for real: it is found, told in one file, and nothing of it is left after /reset."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from made_models import put_model
from typed_kernel import GREEDY, Kernel, Start

from llmbm_console.core.postmortem.dump import parse_post_mortem

BEGINNING = "Once upon a time"
FAULTS = {
    "alloc": ("alloc_fail", "allocation refused"),
    "oob": ("oob", "row beyond the end of the KV cache"),
    "ro_write": ("ro_write", "WEIGHTS differ from what was loaded"),
    "guard": ("guard", "guard bytes behind the arena overwritten"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_trips_once_with_one_file_and_reset_heals_it(kernel: Kernel, fault: str) -> None:
    code, reason = FAULTS[fault]
    text = kernel.ask(BEGINNING)
    rows = kernel.rows()
    assert reason in kernel.ask(f"/test_failsafe {fault}")
    assert f"state=tripped strict=0 last_err={fault}" in kernel.ask("/zones")
    log = kernel.ask("/log 128")
    assert len(re.findall(rf"level=error code={code} ", log)) == 1
    assert log.count("wrote llmk-failsafe.txt") == 1
    told = parse_post_mortem((kernel.folder / "llmk-failsafe.txt").read_bytes(), "llmk-failsafe.txt")
    assert told.complete, told.problems
    assert told.header["cause"] == fault
    assert told.verdict.startswith("The sentinel tripped in a drill (/test_failsafe): ")
    assert reason in kernel.ask("more")  # refused, with the reason
    assert kernel.rows() == rows  # the conversation is kept
    assert "already" in kernel.ask("/test_failsafe oob")
    kernel.tell("/reset", "/clear")
    assert "state=armed" in kernel.ask("/zones")
    assert "guard=broken" not in kernel.ask("/zones")
    assert "as they were loaded" in kernel.ask("/zones verify")
    assert kernel.ask(BEGINNING) == text


def test_all_faults_one_after_the_other_under_the_sanitisers(start_checked: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    kernel = start_checked(tmp_path)
    kernel.tell(*GREEDY, "/max_tokens 12")
    text = kernel.ask(BEGINNING)
    for fault in FAULTS:
        assert "Tripped" in kernel.ask(f"/test_failsafe {fault}")
        kernel.tell("/reset", "/clear")
        assert kernel.ask(BEGINNING) == text


def test_a_fault_that_is_none_names_what_is_accepted(kernel: Kernel) -> None:
    said = kernel.ask("/test_failsafe fire")
    assert '"fire"' in said
    for word in (*FAULTS, "prefill", "decode", "both", "cycles"):
        assert word in said
    assert "state=armed" in kernel.ask("/zones")


def test_verify_names_the_bytes_and_the_sum_which_another_model_changes(start: Start, tmp_path: Path) -> None:
    put_model(tmp_path)
    kernel = start(tmp_path)
    first = kernel.ask("/zones verify")
    weights = re.search(r"\[WEIGHTS\].* used=(\d+)", kernel.ask("/zones"))
    assert weights is not None
    assert f"{weights[1]} bytes" in first
    assert kernel.ask("/zones verify") == first
    assert kernel.ask("/zones verify twice").startswith("/zones verify")


def test_without_a_model_there_is_nothing_to_verify_or_to_drill(start: Start, tmp_path: Path) -> None:
    kernel = start(tmp_path)
    assert "no model is loaded" in kernel.ask("/zones verify")
    for fault in FAULTS:
        assert "no model is loaded" in kernel.ask(f"/test_failsafe {fault}")
