"""A processor that falls silent or does not come is told, and the answer is the same without it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from typed_kernel import Kernel

ATTACH, DETACH = 16, 17  # of ptrace: stops one thread of another process where it stands, and lets it go
ALL_CHILDREN = 0x40000000  # __WALL: threads too
PROMPT = "Once upon a time"


@contextlib.contextmanager
def silent(process: int) -> Iterator[None]:
    """The newest thread of a process is stopped meanwhile."""
    thread, ptrace = max(int(name.name) for name in Path(f"/proc/{process}/task").iterdir()), ctypes.CDLL(None).ptrace
    assert thread != process
    if ptrace(ATTACH, thread, 0, 0) != 0:
        pytest.skip("this system does not let a thread be stopped")
    assert os.WIFSTOPPED(os.waitpid(thread, ALL_CHILDREN)[1])
    try:
        yield
    finally:
        ptrace(DETACH, thread, 0, 0)


def test_a_processor_that_falls_silent_is_named_and_the_answer_goes_on(kernel: Kernel) -> None:
    kernel.tell("/max_tokens 12", "/threads 2")
    text = kernel.ask(PROMPT)
    assert "used=2 lost=0 missing=0" in kernel.ask("/cpu")
    with silent(kernel.process.pid):
        kernel.tell("/clear")
        assert kernel.ask(PROMPT) == f"{text}\n[processor 1 did not answer; one goes on alone]"
        assert "processor 1 did not answer; one goes on alone" in kernel.ask("/log 20")
        assert "used=1 lost=1 missing=0" in kernel.ask("/cpu")
    for _ in range(3):  # said once; and the other, which is back, does no harm
        kernel.tell("/clear")
        assert kernel.ask(PROMPT) == text
    assert "1 processor, " in kernel.ask("/bench 1")


def test_a_processor_that_falls_silent_in_a_bench_is_named(kernel: Kernel) -> None:
    kernel.tell("/max_tokens 2", "/threads 2")
    kernel.ask(PROMPT)
    with silent(kernel.process.pid):
        assert "  processor 1 did not answer; one goes on alone" in kernel.ask("/bench 1")
    assert "processor 1 did not answer; one goes on alone" in kernel.ask("/log 20")


def test_a_processor_that_does_not_come_is_named_and_asked_again(kernel: Kernel) -> None:
    """A thread needs address space for its stack, and gets none."""
    kernel.tell("/max_tokens 12", "/threads 1")
    text, process = kernel.ask(PROMPT), kernel.process.pid
    held = int(Path(f"/proc/{process}/statm").read_text().split()[0]) * resource.getpagesize()
    limits = resource.prlimit(process, resource.RLIMIT_AS, (held, resource.RLIM_INFINITY))
    kernel.tell("/clear", "/threads 2")
    assert kernel.ask(PROMPT) == f"{text}\n[processor 1 did not come; 1 at work]"
    assert "processor 1 did not come; 1 at work" in kernel.ask("/log 20")
    assert "used=1 lost=0 missing=1" in kernel.ask("/cpu")
    resource.prlimit(process, resource.RLIMIT_AS, limits)
    kernel.tell("/clear")
    assert kernel.ask(PROMPT) == text
    assert "used=2 lost=0 missing=0" in kernel.ask("/cpu")
