"""A sequence that grows at its end and is never changed: what the state keeps of tokens, events and transcript items.

A tuple would be copied for each new element, and every moment that the timeline remembers would hold a copy of its own.
Here all of them share one list, each with its own end, as long as each is made from the newest one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, Protocol, Self, TypeVar, overload

T = TypeVar("T")

SPARE = 8  # a list is made anew when more than this part of it is before the first element


class Buffer(Protocol[T]):
    """Where the elements are: a list, or what keeps them in less room."""

    def append(self, element: T, /) -> None: ...
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, place: int, /) -> T: ...
    @overload
    def __getitem__(self, places: slice, /) -> Self: ...
    def __iter__(self) -> Iterator[T]: ...


class Series(Sequence[T], Generic[T]):
    """Elements `buffer[start:stop]`, and behind them `last`: it can be replaced while the rest is shared."""

    __slots__ = ("_buffer", "_last", "_start", "_stop")

    def __init__(self, elements: Iterable[T] = (), buffer: Buffer[T] | None = None) -> None:
        """`buffer` is an empty one; a list without it."""
        (*shared,) = elements
        self._last: list[T] = [shared.pop()] if shared else []
        self._buffer: Buffer[T] = shared if buffer is None else buffer
        if buffer is not None:
            for element in shared:
                buffer.append(element)
        self._start, self._stop = 0, len(shared)

    @classmethod
    def of(cls, elements: Sequence[T]) -> Series[T]:
        """The same elements; a series is returned as it is."""
        return elements if isinstance(elements, Series) else cls(elements)

    def appended(self, element: T, most: int) -> Series[T]:
        """With one more element; the first ones go when there are more than `most` (1 or more)."""
        buffer, start, stop = self._buffer, self._start, self._stop
        if len(buffer) != stop or start > most // SPARE:  # another one went on from here, or much of it is of no use
            buffer = buffer[start:stop]
            start, stop = 0, len(buffer)
        if self._last:
            buffer.append(self._last[0])
            stop += 1
        return self._made(buffer, max(start, stop + 1 - most), stop, [element])

    def with_last(self, element: T) -> Series[T]:
        """With another element in place of the last one. Raises IndexError when there is none."""
        if not self._last:
            raise IndexError("an empty series has no last element")
        return self._made(self._buffer, self._start, self._stop, [element])

    def with_buffer(self, buffer: Buffer[T], last: T) -> Series[T]:
        """The same places of another buffer with as many elements. Raises IndexError where there is no last element."""
        if not self._last:
            raise IndexError("an empty series has no last element")
        return self._made(buffer, self._start, self._stop, [last])

    @classmethod
    def _made(cls, buffer: Buffer[T], start: int, stop: int, last: list[T]) -> Series[T]:
        made = cls.__new__(cls)
        made._buffer, made._start, made._stop, made._last = buffer, start, stop, last
        return made

    @property
    def buffer(self) -> Buffer[T]:
        """Where the elements are, perhaps with others before and behind them. Not to be changed."""
        return self._buffer

    def __len__(self) -> int:
        return self._stop - self._start + len(self._last)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...
    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        count = len(self)
        if isinstance(index, slice):
            first, end, step = index.indices(count)
            if step != 1:
                return tuple(self)[index]
            low, high = self._start + first, min(self._stop, self._start + end)
            return (*self._buffer[low:high], *(self._last if first < end == count else ()))
        place = index + count if index < 0 else index
        if not 0 <= place < count:
            raise IndexError(f"index {index} of a series of {count}")
        return self._last[0] if place == count - 1 else self._buffer[self._start + place]

    def __iter__(self) -> Iterator[T]:
        # Others may append to the list meanwhile; the end stays this one's own.
        for place in range(self._start, self._stop):
            yield self._buffer[place]
        yield from self._last

    def __reversed__(self) -> Iterator[T]:
        yield from self._last
        for place in range(self._stop - 1, self._start - 1, -1):
            yield self._buffer[place]

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Series | tuple):
            return NotImplemented
        return len(self) == len(other) and all(a is b or a == b for a, b in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"Series({list(self)!r})"
