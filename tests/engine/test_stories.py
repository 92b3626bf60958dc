"""The engine tells the same story as llama2.c, at every level."""

from __future__ import annotations

from pathlib import Path

from engine_harness import Harness

# Greedy, 200 steps from BOS; made with llama2.c.
STORY_700K = (
    "Once upon a time, there was a little girl named Lily. She loved to play with her toys and her toys. One day, she "
    "went to the park to play with her friends. They played together and had lots of fun.\n"
    "As they were playing, Lily saw a big, red ball. She wanted to play with it, but she didn't want to play with it. "
    "She asked her friend, a little girl named Lily, to help her.\n"
    '"Hi, Lily! What are you doing?" asked Lily.\n'
    '"I\'m sorry," said Lily. "I\'m sorry, Lily. I didn\'t know what to do."\n'
    "Lily said, \"I'm sorry, Lily. I didn't know what to do. I will help you.\"\n"
    "Lily was sad and didn't know what to do. She said, \"I'm sorry, Lily. I didn't know what to do.\"\n"
    "Lily was"
)
STORY_260K = (
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a "
    "big, red ball. She wanted to play with it, but it was too high.\n"
    "Lily's mom said, \"Lily, let's go to the park.\" Lily was sad and didn't know what to do. She said, \"I want to "
    "play with your ball, but I can't find it.\"\n"
    "Lily was sad and didn't know what to do. She said, \"I'm sorry, Lily. I didn't know what to do.\"\n"
    "Lily didn't want to help her mom, so she"
)


def tell(harness: Harness, model: Path, level: int) -> str:
    vocab = harness.load(model, level)["vocab"]
    harness.call("tokenizer", vocab, payload=model.with_suffix(".tok.bin").read_bytes())
    return harness.decode(harness.greedy(200)).decode()


def test_own_model_tells_its_story_at_every_level(harness: Harness, own_model: Path) -> None:
    for level in harness.levels():
        assert tell(harness, own_model, level) == STORY_700K


def test_published_model_tells_its_story_at_every_level(harness: Harness, published_model: Path) -> None:
    for level in harness.levels():
        assert tell(harness, published_model, level) == STORY_260K


def test_stories_under_sanitisers(sanitised: Harness, own_model: Path) -> None:
    assert tell(sanitised, own_model, max(sanitised.levels())) == STORY_700K
