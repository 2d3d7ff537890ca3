"""Where the records of a capture begin, found for many of one size at once, and found again after damage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MAX_RECORD = 16 << 20
_FIRST_RUN = 16


def run_of(data: bytes, at: int, size: int, fields: Sequence[tuple[int, int]], order: str, most: int) -> int:
    """How many records of this size follow each other from here, at most so many: (offset, value) of uint32
    fields that all of them have."""
    same = np.ones(most, bool)
    for offset, value in fields:
        same &= np.ndarray((most,), f"{order}u4", data, at + offset, (size,)) == value
    return most if same.all() else int(np.argmin(same))


class Runs:
    """Collects the starts of records, whole runs of one size at a time."""

    def __init__(self, data: bytes, length: int, order: str) -> None:
        self.starts: list[int] = []
        self._data, self._length, self._order = data, length, order
        self._most = _FIRST_RUN

    def add(self, at: int, size: int, fields: Sequence[tuple[int, int]]) -> int:
        """A complete record, and those like it that follow: gives the end of the last."""
        most = min((self._length - at) // size, self._most)
        count = 1
        if most > 1 and all(
            self._data[at + offset : at + offset + 4]
            == self._data[at + size + offset : at + size + offset + 4]
            for offset, _ in fields
        ):
            count = run_of(self._data, at, size, fields, self._order, most)
            self._most = self._most * 2 if count == self._most else _FIRST_RUN
        end = at + count * size
        self.starts.extend(range(at, end, size))
        return end


def words(data: bytes, at: int, count: int, order: str) -> np.ndarray:
    """The uint32 that begins at each of these bytes."""
    return np.ndarray((max(count, 0),), f"{order}u4", data, at, (1,))
