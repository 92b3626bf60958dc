"""Samples of memory: where they are taken, and what is told of them."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from llmbm_console.core.machine.byte_classes import SAMPLE, kind_of, samples


@given(st.integers(0, 1 << 48), st.integers(0, 1 << 32), st.integers(0, 200))
def test_samples_lie_inside_in_order_and_do_not_overlap(first: int, size: int, cells: int) -> None:
    found = samples(first, first + size, cells)
    assert len(found) == min(cells, size)
    end = first
    for address, length in found:
        assert end <= address
        assert 1 <= length <= SAMPLE
        end = address + length
    assert end <= first + size


def test_a_sample_is_zeros_text_or_told_by_its_entropy() -> None:
    assert kind_of(bytes(100)) == (0.0, True, False)
    assert kind_of(b"one text\n" + bytes(5)).text
    assert not kind_of(b"\xff" * 9).text
    assert kind_of(b"\xff\x01" * 9).bits == 1.0
    assert abs(kind_of(bytes(range(256))).bits - 8.0) < 1e-9
    assert kind_of(random.Random(1).randbytes(SAMPLE)).bits > 7.9
