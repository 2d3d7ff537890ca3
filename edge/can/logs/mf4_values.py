"""Values of variable length in an MDF 4 file: the payloads of frames, found by their offsets."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

MISSING = 255
"""The length of a value that is not there."""

_WIDTH = 64
_MAX_WINDOW = 64 << 20


class Values:
    """A stream of values, each after its length (uint32), read forward only as far as is asked for."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._window = b""
        self._base = 0

    @property
    def end(self) -> int:
        """So much of the stream was seen."""
        return self._base + len(self._window)

    def push(self, piece: bytes) -> None:
        """The next part of the stream."""
        self._window += piece

    def at(self, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The values at these offsets (uint64): (n, 8 or 64) uint8, which go on beyond their end, and their
        lengths (MISSING, if more than 64 bytes too). Offsets far behind the largest of earlier calls are
        forgotten."""
        n = len(offsets)
        if not n:
            return np.zeros((0, 8), np.uint8), np.zeros(0, np.uint8)
        self._read(int(offsets.min()), int(offsets.max()))
        inside = (offsets >= self._base) & (offsets < max(self.end - 3, 0))
        where = np.where(inside, offsets - np.uint64(self._base), 0).astype(np.int64)
        window = self._window + bytes(_WIDTH + 4)
        lengths = np.ndarray((len(window) - 3,), "<u4", window, 0, (1,))[where]
        inside &= (lengths <= _WIDTH) & (where + 4 + lengths <= len(self._window))
        width = 8 if not inside.any() or lengths[inside].max() <= 8 else _WIDTH
        everywhere = np.ndarray((len(window) - 3 - width,), f"V{width}", window, 4, (1,))
        found = everywhere[where].view(np.uint8).reshape(n, width)
        return found, np.where(inside, lengths, MISSING).astype(np.uint8)

    def _read(self, first: int, last: int) -> None:
        """Until the window holds what begins between these two, as far as it may grow."""
        parts = [self._window]
        size = len(self._window)
        needed = min(last, self._base + _MAX_WINDOW) + 4 + _WIDTH
        while self._base + size < needed:
            piece = next(self._pieces, b"")
            if not piece:
                break
            parts.append(piece)
            size += len(piece)
        if len(parts) > 1 or size > _MAX_WINDOW // 2:
            self._window = b"".join(parts)
            unused = min(first - self._base, size)
            if size > _MAX_WINDOW // 2:  # the first may be a wrong one
                unused = max(unused, size - _MAX_WINDOW // 4)
            if unused > 0:
                self._window = self._window[unused:]
                self._base += unused
