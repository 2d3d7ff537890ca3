"""Where the objects of a Vector BLF file begin, found for thousands of them at once."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

import numpy as np

SIGNATURE = b"LOBJ"
HEADER_BYTES = 16
MAX_GAP = 7
"""Objects are padded by up to so many bytes: programs do not agree how."""
MAX_OBJECT = 32 << 20

_WORD = int.from_bytes(SIGNATURE, "little")
_NONE = np.empty(0, np.int64)
_SIZE_AT = 8

Complain = Callable[[int, str], None]
Found = tuple[np.ndarray, int, int]
"""Where the complete objects begin, int64; how much of the data is dealt with; how long the data must be for
the next object to be complete."""


def object_starts(data: bytes, length: int, complain: Complain) -> Found:
    """The objects in data[:length], which begins with one and may end within one.

    complain is told the offsets of what is no object or contradicts itself; it is skipped, up to the next
    signature. data goes on for at least 16 bytes of no meaning.
    """
    if length < HEADER_BYTES:
        return _NONE, 0, HEADER_BYTES
    first = data.find(SIGNATURE, 0, length)
    if first < 0:
        complain(0, f"{length} bytes that are no object")
        return _NONE, length, length
    if first > MAX_GAP:
        complain(0, f"{first} bytes that are no object")
    return (
        _all_alike(data, first, length)
        or _linked(data, _signatures(data, first, length, 4), length)
        or _linked(data, all_of_them := _signatures(data, first, length, 1), length)
        or _walk(data, all_of_them, length, complain)
    )


def _words(data: bytes, at: int, count: int, stride: int) -> np.ndarray:
    return np.ndarray((count,), "<u4", data, at, (stride,))


def _all_alike(data: bytes, first: int, length: int) -> Found | None:
    """If all objects are of one size."""
    if first + HEADER_BYTES > length:
        return None
    size = int.from_bytes(data[first + _SIZE_AT : first + _SIZE_AT + 4], "little")
    if not HEADER_BYTES <= size <= MAX_OBJECT:
        return None
    after = data.find(SIGNATURE, first + size, first + size + MAX_GAP + len(SIGNATURE))
    if after < 0:
        return None
    stride = after - first
    count = (length - first) // stride
    alike = _words(data, first, count, stride) == _WORD
    alike &= _words(data, first + _SIZE_AT, count, stride) == size
    if not alike.all():
        return None
    return _with_rest(data, first + np.arange(count, dtype=np.int64) * stride, length)


def _with_rest(data: bytes, starts: np.ndarray, length: int) -> Found | None:
    """None if what follows the last of these is neither the beginning of one more nor padding."""
    last = int(starts[-1])
    end = last + int.from_bytes(data[last + _SIZE_AT : last + _SIZE_AT + 4], "little")
    begins = data.find(SIGNATURE, end, end + MAX_GAP + len(SIGNATURE))
    if begins < 0 or begins + HEADER_BYTES > length:
        return (starts, end, end + MAX_GAP + HEADER_BYTES) if length - end < HEADER_BYTES + MAX_GAP else None
    size = int.from_bytes(data[begins + _SIZE_AT : begins + _SIZE_AT + 4], "little")
    if begins + size <= length or size > MAX_OBJECT:
        return None
    return starts, begins, begins + size


def _signatures(data: bytes, first: int, length: int, step: int) -> np.ndarray:
    """Offsets of the signature: of those whose distance to the first is a multiple of 4, or of all."""
    last = length - HEADER_BYTES
    if step == 4:
        return first + 4 * np.flatnonzero(_words(data, first, (last - first) // 4 + 1, 4) == _WORD)
    at = np.flatnonzero(np.frombuffer(data, np.uint8, last + 1 - first, first) == SIGNATURE[0]) + first
    return at[_words(data, 0, len(data) - 3, 1)[at] == _WORD]


def _linked(data: bytes, at: np.ndarray, length: int) -> Found | None:
    """If each object ends where the next begins."""
    if len(at) < 2:
        return None
    sizes = _words(data, _SIZE_AT, len(data) - _SIZE_AT - 3, 1)[at].astype(np.int64)
    gaps = np.diff(at) - sizes[:-1]
    if gaps.min() < 0 or gaps.max() > MAX_GAP or sizes.min() < HEADER_BYTES:
        return None
    last_end = int(at[-1] + sizes[-1])
    if last_end <= length:
        return _with_rest(data, at, length)
    return (at[:-1], int(at[-1]), last_end) if sizes[-1] <= MAX_OBJECT else None


def _walk(data: bytes, candidates: np.ndarray, length: int, complain: Complain) -> Found:
    """From one to the next. A signature within an object is its data, if another object follows this one."""
    at = candidates.tolist()
    sizes = _words(data, _SIZE_AT, len(data) - _SIZE_AT - 3, 1)[candidates].tolist()
    ends = [begin + size for begin, size in zip(at, sizes, strict=True)]
    beyond = length - HEADER_BYTES + 1  # no object is known to begin from here on
    at.append(beyond)
    starts: list[int] = []
    i = 0
    while i < len(ends):
        end = ends[i]
        follows = bisect_left(at, end, i + 1)
        cut = end > length and sizes[i] <= MAX_OBJECT
        if cut and not (i + 1 < len(ends) and _gap(at, ends[i + 1], i + 2) <= MAX_GAP):
            return np.array(starts, np.int64), at[i], end
        gap = _gap(at, end, follows)
        whole = HEADER_BYTES <= sizes[i] <= length - at[i]
        if whole and (gap <= MAX_GAP or follows == i + 1):
            starts.append(at[i])
            if gap > MAX_GAP:
                complain(end, f"{gap} bytes that are no object")
            i = follows
            if i >= len(ends) and gap <= MAX_GAP:
                beyond = end
        else:
            complain(at[i], f"an object that says it is {sizes[i]} bytes long, which it is not")
            i += 1
    return np.array(starts, np.int64), beyond, beyond + HEADER_BYTES + MAX_GAP


def _gap(at: list[int], end: int, first: int) -> int:
    """From the end of an object to the next at or after it."""
    follows = bisect_left(at, end, min(first, len(at) - 1))
    return at[min(follows, len(at) - 1)] - end
