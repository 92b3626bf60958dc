"""The texts of tokens by their ids, as a state knows them: one dictionary is shared by all states that were made from
one another, because each moment that the timeline remembers would hold a copy of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


class KnownWords(Mapping[int, str]):
    """The first `count` entries of a dictionary that grows."""

    __slots__ = ("_count", "_shared")

    def __init__(self, words: Mapping[int, str] | None = None) -> None:
        #: of each id, how many came before it, and its text
        self._shared = {token: (place, text) for place, (token, text) in enumerate((words or {}).items())}
        self._count = len(self._shared)

    @classmethod
    def of(cls, words: Mapping[int, str]) -> KnownWords:
        """The same words; known ones are returned as they are."""
        return words if isinstance(words, KnownWords) else cls(words)

    def with_word(self, token: int, text: str, most: int) -> KnownWords:
        """With one more; when there are more than `most`, a tenth of them goes, the oldest first."""
        if (known := self.get(token)) is not None:
            return self if known == text else KnownWords({**self, token: text})
        base = self
        if len(self._shared) != self._count or self._count >= most:  # another one went on from here, or it is full
            surplus = max(0, self._count + 1 - most)
            first = surplus + most // 10 if surplus else 0
            base = KnownWords(dict(list(self.items())[first:]))
        made = KnownWords.__new__(KnownWords)
        made._shared, made._count = base._shared, base._count + 1
        made._shared[token] = (base._count, text)
        return made

    def __getitem__(self, token: int) -> str:
        place, text = self._shared[token]
        if place >= self._count:
            raise KeyError(token)
        return text

    def __iter__(self) -> Iterator[int]:
        # Others may add to the dictionary meanwhile; what is here was there first.
        for token, (place, _text) in list(self._shared.items()):
            if place >= self._count:
                return
            yield token

    def __len__(self) -> int:
        return self._count

    def __eq__(self, other: object) -> bool:
        if isinstance(other, KnownWords) and other._shared is self._shared:
            return other._count == self._count
        return Mapping.__eq__(self, other)

    __hash__ = None  # type: ignore[assignment]
