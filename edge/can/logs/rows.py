"""Lines of text made from columns: those of one layout as a matrix of characters, all of them in order."""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Sequence

import numpy as np

_PAIRS = np.frombuffer("".join(f"{n:02d}" for n in range(100)).encode(), "<u2")


def alike(*columns: np.ndarray) -> Iterator[np.ndarray]:
    """The row numbers of each set of rows that agree in all columns, of whole numbers below 2**16."""
    codes = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        codes <<= np.uint64(16)
        codes |= column.astype(np.uint64)
    left = np.arange(len(codes))
    while len(left):
        same = codes == codes[0]
        yield left[same]
        left, codes = left[~same], codes[~same]


def decimal(values: np.ndarray, width: int) -> np.ndarray:
    """uint8 (n, width): the digits of integers from 0, with leading zeros; an even width."""
    text = np.empty((len(values), width // 2), "<u2")
    for i in range(width // 2 - 1, 0, -1):
        above = values // 100
        text[:, i] = _PAIRS[values - above * 100]
        values = above
    text[:, 0] = _PAIRS[values]
    return text.view(np.uint8)


def hexadecimal(values: np.ndarray, width: int) -> np.ndarray:
    """uint8 (n, width): up to 8 upper-case digits of uint32, with leading zeros."""
    return pairs(values.astype(">u4").view(np.uint8).reshape(-1, 4))[:, 8 - width :]


def pairs(data: np.ndarray) -> np.ndarray:
    """uint8 (n, 2 k): two upper-case hex digits for each byte of uint8 (n, k)."""
    text = binascii.hexlify(np.ascontiguousarray(data).data).upper()
    return np.frombuffer(text, np.uint8).reshape(len(data), -1)


def beside(parts: Sequence[np.ndarray | bytes], count: int) -> np.ndarray:
    """uint8 (count, width): the parts of each line beside each other; bytes are the same in all lines."""
    widths = [len(part) if isinstance(part, bytes) else part.shape[1] for part in parts]
    text = np.empty((count, sum(widths)), np.uint8)
    at = 0
    for part, width in zip(parts, widths, strict=True):
        text[:, at : at + width] = np.frombuffer(part, np.uint8) if isinstance(part, bytes) else part
        at += width
    return text


def in_order(groups: Sequence[tuple[np.ndarray, np.ndarray]], count: int) -> bytes:
    """All lines, one after the other. groups: the numbers of some lines, 0 to count - 1, and their text."""
    widths = np.zeros(count, np.int64)
    for rows, text in groups:
        widths[rows] = text.shape[1]
    ends = np.cumsum(widths)
    whole = np.empty(int(ends[-1]) if count else 0, np.uint8)
    for rows, text in groups:
        kind = f"V{text.shape[1]}"
        lines = np.ndarray((len(whole) - text.shape[1] + 1,), kind, whole, strides=(1,))
        lines[ends[rows] - text.shape[1]] = text.view(kind)[:, 0]
    return whole.tobytes()
