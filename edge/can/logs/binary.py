"""Binary logs: bytes read forward only, and viewed as columns."""

from __future__ import annotations

import zlib
from typing import BinaryIO

import numpy as np
import zstandard

from edge.can.logs.report import Report

DAMAGED = (EOFError, OSError, ValueError, zlib.error, zstandard.ZstdError)
"""What reading a damaged compressed file raises, gzip's and zstandard's own."""

KEEP_8 = np.array([(1 << 8 * min(n, 8)) - 1 for n in range(256)], "<u8")
"""Masks that keep the first n of 8 bytes."""
KEEP_64 = np.array(
    [[(1 << 8 * min(max(n - 8 * i, 0), 8)) - 1 for i in range(8)] for n in range(65)], dtype="<u8"
)
"""Masks that keep the first n of 64 bytes, as 8 numbers."""

_BLOCK_BYTES = 1 << 20


class ByteReader:
    """Reads forward with a look ahead; a compressed file that is damaged ends where the damage is.

    at: the offset in the (decompressed) file of the next byte.
    """

    def __init__(self, file: BinaryIO, report: Report) -> None:
        self.at = 0
        self._file = file
        self._report = report
        self._buffer = b""
        self._used = 0
        self._ended = False

    def peek(self, count: int) -> bytes:
        """The next bytes, fewer only where the file ends; they stay unread."""
        self._fill(count)
        return self._buffer[self._used : self._used + count]

    def take(self, count: int) -> bytes:
        """The next bytes, fewer only where the file ends."""
        taken = self.peek(count)
        self.skip(len(taken))
        return taken

    def block(self, count: int) -> tuple[bytes, int]:
        """A buffer and where in it the next byte is: at least count more follow there, fewer only where the
        file ends. Nothing is copied."""
        self._fill(count)
        return self._buffer, self._used

    def skip(self, count: int) -> None:
        """Read on by so many bytes, or to the end of the file."""
        while count:
            step = min(count, len(self._buffer) - self._used)
            self._used += step
            self.at += step
            count -= step
            if count and not self._fill(1):
                return

    def find(self, signature: bytes) -> int | None:
        """Skips to the next of these signatures; says how many bytes that were, None if there is no other."""
        start = self.at
        while self._fill(len(signature)):
            found = self._buffer.find(signature, self._used)
            if found >= 0:
                self.skip(found - self._used)
                return self.at - start
            self.skip(len(self._buffer) - self._used - len(signature) + 1)
        self.skip(len(signature))
        return None

    def _fill(self, count: int) -> bool:
        """Whether so many bytes are in the buffer, after reading."""
        missing = count - (len(self._buffer) - self._used)
        if missing <= 0:
            return True
        parts = [self._buffer[self._used :]]
        while missing > 0 and not self._ended:
            try:
                block = self._file.read(max(missing, _BLOCK_BYTES))
            except OSError as error:
                self._report.complain(
                    f"byte {self.at + sum(map(len, parts))}",
                    f"the file is damaged, the rest is lost ({error})",
                )
                block = b""
            self._ended = not block
            missing -= len(block)
            parts.append(block)
        self._buffer, self._used = b"".join(parts), 0
        return missing <= 0


def rows(data: bytes, at: np.ndarray, layout: np.dtype) -> np.ndarray:
    """(n,) of this layout at these offsets: a view where they are evenly apart, else a copy."""
    if len(at) > 1:
        stride = int(at[1]) - int(at[0])
        if int(at[-1]) - int(at[0]) == stride * (len(at) - 1) and (np.diff(at) == stride).all():
            return np.ndarray((len(at),), layout, data, int(at[0]), (stride,))
    size = layout.itemsize
    everywhere = np.ndarray((len(data) - size + 1,), f"V{size}", data, 0, (1,))
    return everywhere[at].view(layout)


def channel_name(channel: int) -> str:
    """The bus of a channel, for formats that count channels from 1."""
    return f"can{channel - 1}" if channel > 0 else f"channel{channel}"
