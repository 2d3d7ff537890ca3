"""What the reader and the writer generator share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edge.v2x.uper.types import Sequence

_CHUNK_BITS = 60
"""Fields are cut out of, and put into, the big int by chunks that CPython handles as two digits."""


def width_of(low: int, high: int) -> int:
    """Bits of a constrained whole number, clause 11.5."""
    return (high - low).bit_length()


def optional_members(kind: Sequence) -> list[str]:
    """The keys of the members that the presence bitmap tells."""
    return [name for name in kind.members if name.endswith("?")]


class Generator:
    """Lines of one function, and the run of fixed-width fields that is still open."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.constants: dict[str, Any] = {}
        self._depth = 1
        self._names = 0

    def name(self, prefix: str) -> str:
        """A variable name that was not used before."""
        self._names += 1
        return f"{prefix}{self._names}"

    def constant(self, value: Any) -> str:
        """A name for a value that the function shall find in its module."""
        name = self.name(type(self).__name__[1] + "_")
        self.constants[name] = value
        return name

    def line(self, text: str) -> None:
        """One line at the depth of now."""
        self.lines.append("    " * self._depth + text)

    def flush(self) -> None:
        """Deal with the open run here."""
        raise NotImplementedError

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """A conditional part: what is open before it and in it must be dealt with where it is."""
        self.flush()
        self.line(head)
        self._depth += 1
        start = len(self.lines)
        yield
        self.flush()
        if len(self.lines) == start:
            self.line("pass")
        self._depth -= 1


def chunks(widths: list[int]) -> Iterator[tuple[int, int]]:
    """Slices (from, to) of the fields, each of at most _CHUNK_BITS or of one field."""
    start = total = 0
    for i, width in enumerate(widths):
        if i > start and total + width > _CHUNK_BITS:
            yield start, i
            start, total = i, 0
        total += width
    if start < len(widths):
        yield start, len(widths)
