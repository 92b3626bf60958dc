"""Many tokens in a pass, and many processors at one: the bits are those of one token and one processor."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from engine_harness import AVX2, SSE2, EngineError, Harness, compile_harness
from llama2_files import Shape, random_model
from test_forward import SHAPES, tokens

CHUNK = 64  # tokens of a pass at most
LONG = {
    "float32": Shape(dim=48, hidden=80, heads=6, kv_heads=3, layers=3, vocab=70, seq=300),
    "int8": Shape(dim=48, hidden=80, heads=6, kv_heads=3, layers=3, vocab=70, seq=300, version=2, group=16),
    "one head": Shape(dim=32, hidden=48, heads=1, kv_heads=1, layers=2, vocab=40, seq=300),
    "one layer": Shape(dim=32, hidden=48, heads=2, kv_heads=1, layers=1, vocab=40, seq=300, version=2, group=16),
}


@dataclasses.dataclass(frozen=True)
class Rows:
    """What is left when some tokens have been run: the whole cache, and the logits after the last of them."""

    cache: bytes
    logits: bytes


def one_at_a_time(harness: Harness, ids: list[int]) -> Rows:
    for position, token in enumerate(ids[:-1]):
        harness.call("forward", token, position, 0)
    logits = harness.forward(ids[-1], len(ids) - 1).tobytes()
    return Rows(harness.call("cache"), logits)


def in_chunks(harness: Harness, ids: list[int], sizes: list[int]) -> Rows:
    """Sizes are taken in turn, over and over; the last chunk is what is left."""
    done, turn, logits = 0, 0, b""
    while done < len(ids):
        some = ids[done : done + sizes[turn % len(sizes)]]
        last = done + len(some) == len(ids)
        logits = harness.call("prefill", done, int(last), payload=np.array(some, np.uint32).tobytes())
        done, turn = done + len(some), turn + 1
    return Rows(harness.call("cache"), logits)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_many_tokens_in_a_pass_leave_the_bits_of_one_at_a_time(harness: Harness, shape: Shape) -> None:
    harness.load(random_model(shape, 5), SSE2)
    ids = tokens(shape, min(shape.seq, 150))
    want = one_at_a_time(harness, ids)
    most = min(CHUNK, shape.seq)
    for level in harness.levels():
        harness.call("level", level)
        for sizes in ([most], [min(8, most)], [1, min(9, most)], [min(17, most), min(3, most), 1]):
            assert in_chunks(harness, ids, sizes) == want, (level, sizes)


@pytest.mark.parametrize("count", range(2, CHUNK + 1))
def test_a_pass_has_the_same_bits_whatever_its_number_of_tokens(harness: Harness, count: int) -> None:
    shape = LONG["int8" if count % 2 else "float32"]
    harness.load(random_model(shape, count))
    ids = tokens(shape, count + 5)
    want = one_at_a_time(harness, ids)
    assert in_chunks(harness, ids, [5, count]) == want


@pytest.mark.parametrize("shape", LONG.values(), ids=LONG.keys())
@pytest.mark.parametrize("shares", [2, 3, 5, 16])
def test_shares_do_not_depend_on_each_other_or_on_their_order(harness: Harness, shape: Shape, shares: int) -> None:
    """Each is done twice as well: the share of a processor that fell silent is done again."""
    harness.load(random_model(shape, 3))
    ids = tokens(shape, shape.seq)
    want = one_at_a_time(harness, ids)
    assert int(harness.call("shares", shares)) == shares
    for level in harness.levels():
        harness.call("level", level)
        assert in_chunks(harness, ids, [CHUNK]) == want
        assert in_chunks(harness, ids, [1]) == want
        assert in_chunks(harness, ids, [31, 1, 2]) == want


@pytest.mark.parametrize("shape", LONG.values(), ids=LONG.keys())
@pytest.mark.parametrize("threads", [2, 3, 4])
def test_threads_leave_the_same_bits(harness: Harness, shape: Shape, threads: int) -> None:
    harness.load(random_model(shape, 4))
    ids = tokens(shape, shape.seq)
    want = one_at_a_time(harness, ids)
    assert int(harness.call("threads", threads)) == threads
    assert in_chunks(harness, ids, [CHUNK]) == want
    assert in_chunks(harness, ids, [1]) == want
    assert in_chunks(harness, ids, [40, 1, 1, 5]) == want


@pytest.mark.parametrize("threads", [1, 3])
def test_an_aborted_pass_leaves_the_rows_before_it(harness: Harness, threads: int) -> None:
    """At whatever poll it is aborted; the abort wipes the activations while the others may still write them."""
    shape = dataclasses.replace(LONG["int8"], dim=192, hidden=400)
    harness.load(random_model(shape, 6))
    ids = tokens(shape, 60)
    before, behind = ids[:20], ids[20:]
    want = one_at_a_time(harness, ids)
    harness.call("threads", threads)
    in_chunks(harness, ids, [20, 40])
    whole = int(harness.call("polls"))
    assert whole > 40
    for stop in range(1, whole + 1, 1 if threads == 1 else 7):
        harness.prefill(before, 0)
        harness.call("allow", stop)
        try:
            harness.prefill(behind, 20)  # with threads the number of polls varies
        except EngineError as error:
            assert str(error) == "aborted"  # noqa: PT017
        else:
            assert threads > 1
        harness.call("allow", 0)
        logits = harness.prefill(behind, 20)
        assert Rows(harness.call("cache"), logits.tobytes()) == want


@pytest.mark.parametrize(
    ("count", "position"), [(0, 0), (CHUNK + 1, 0), (2, 99), (CHUNK, 37), (1, 100), (2, 2**32 - 1)]
)
def test_tokens_without_rows_are_refused_and_nothing_is_touched(harness: Harness, count: int, position: int) -> None:
    shape = Shape(seq=100)
    harness.load(random_model(shape))
    untouched = harness.call("cache")
    with pytest.raises(EngineError):
        harness.prefill(tokens(shape, count), position)
    assert harness.call("cache") == untouched


@pytest.mark.parametrize("place", [0, 1, 6])
def test_a_token_that_does_not_exist_refuses_the_whole_pass(harness: Harness, place: int) -> None:
    shape = Shape()
    harness.load(random_model(shape))
    untouched, ids = harness.call("cache"), tokens(shape, 7)
    ids[place] = shape.vocab
    with pytest.raises(EngineError):
        harness.prefill(ids, 0)
    assert harness.call("cache") == untouched


def test_a_pass_of_many_tokens_is_polled_as_often_as_its_work_asks(harness: Harness) -> None:
    """No more than two panels and eight tokens of a product lie between two polls."""
    shape = Shape(dim=256, hidden=1024, layers=2, heads=4, kv_heads=4, vocab=16, seq=CHUNK)
    harness.load(random_model(shape))
    harness.prefill(tokens(shape, CHUNK), 0)
    products = CHUNK * 256 * (3 * 256 + 256 + 3 * 1024)  # of one layer: of the last one only the last token's are made
    assert int(harness.call("polls")) >= products // (2 * 16 * 8 * 1024)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_read_of_the_weights_alone_is_polled_within_two_mebibytes(harness: Harness, threads: int) -> None:
    shape = Shape(dim=256, hidden=1024, layers=2, heads=4, kv_heads=4, vocab=512, seq=8)
    harness.load(random_model(shape))
    harness.call("threads", threads)
    harness.forward(1, 0)
    before, rounds = int(harness.call("polls")), 20
    harness.call("bench_read", rounds)
    weights = 4 * (512 * 256 + 2 * (4 * 256 * 256 + 3 * 256 * 1024))
    assert int(harness.call("polls")) - before >= rounds * weights / threads // 2**21
    harness.call("threads", 1)


@pytest.fixture(scope="module")
def racing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """A harness that is watched for data races."""
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc for its sanitisers")
    folder: Path = tmp_path_factory.mktemp("tsan")
    harness = Harness(compile_harness(folder, "tsan"))
    yield harness
    assert harness.close() == 0, harness.errors


@pytest.mark.parametrize("shape", LONG.values(), ids=LONG.keys())
def test_threads_do_not_race(racing: Harness, shape: Shape) -> None:
    racing.load(random_model(shape, 4))
    ids = tokens(shape, 160)
    want = one_at_a_time(racing, ids)
    for threads in (2, 4):
        racing.call("threads", threads)
        assert in_chunks(racing, ids, [CHUNK, 1, 1, 5]) == want
        for stop in (1, 2):
            racing.call("allow", stop, 1)
            with pytest.raises(EngineError, match="aborted"):
                racing.prefill(ids[:60], 0)
        racing.call("allow", 0)


def test_passes_under_sanitisers(sanitised: Harness) -> None:
    for shape in (*LONG.values(), SHAPES["odd hidden"], SHAPES["heads of 22"], SHAPES["one position"]):
        sanitised.load(random_model(shape, 9), AVX2 if AVX2 in sanitised.levels() else SSE2)
        ids = tokens(shape, min(shape.seq, 150))
        for level in sanitised.levels():
            sanitised.call("level", level)
            want = one_at_a_time(sanitised, ids)
            assert in_chunks(sanitised, ids, [min(CHUNK, shape.seq)]) == want
            sanitised.call("shares", 7)
            assert in_chunks(sanitised, ids, [min(CHUNK, shape.seq), 1]) == want
            sanitised.call("threads", 1)
