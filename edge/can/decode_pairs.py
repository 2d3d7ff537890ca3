"""Decoding pair by pair: all (frame, signal) pairs of a batch at once, whatever their messages.

Some thirty numpy operations however many messages and signals there are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge.can.decode_field import Field
from edge.can.decode_plan import Plan
from edge.can.frames import Frames

_COUNT, _BASE, _LENGTH = range(3)
_LEFT, _RIGHT, _HALF, _SCALE, _OFFSET = range(5)

Found = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Frame, index of the signal, physical value: a pair at each place, by frame, then by signal."""


class Pairs:
    """The engine for middle batches. plans: numbered from 1, as the look-up gives them.

    special bool (1 + plans,): whose frames it leaves out, because their signals are not all plain.
    """

    def __init__(self, plans: Sequence[Plan]) -> None:
        self.special = np.array([False, *(not plan.is_plain for plan in plans)])
        counts = [0, *(len(plan.fields) if plan.is_plain else 0 for plan in plans)]
        firsts = [0, *(plan.first for plan in plans)]
        self._plans = np.array(
            [
                counts,
                [first + count for first, count in zip(firsts, counts, strict=True)],
                [0, *(plan.length if plan.is_plain else 0 for plan in plans)],
            ],
            np.intp,
        )
        fields = [field for plan in plans for field in plan.fields]
        self._fields = np.stack([_parameters(field) for field in fields], axis=1)
        self._signed = any(field.signal.signed for field in fields)
        self._ends = np.array([field.end for field in fields], np.uint8)
        self._word = np.array([field.byte // 8 for field in fields], np.intp)
        self._big = np.array([field.big for field in fields])
        self._all_big, self._no_big = bool(self._big.all()), not self._big.any()
        limited = any(field.limit is not None for field in fields)
        self._limits = np.array([_limit(field) for field in fields], np.float64) if limited else None
        self._range = np.arange(1024)

    def decode(self, frames: Frames, numbers: np.ndarray) -> Found:
        """The pairs of the frames whose plans have these numbers."""
        plans = self._plans.take(numbers, axis=1)
        counts = plans[_COUNT]
        ends = counts.cumsum()
        total = int(ends[-1]) if len(ends) else 0
        if total > len(self._range) or len(frames) > len(self._range):
            self._range = np.arange(2 * max(total, len(frames)))
        frame = self._range[: len(frames)].repeat(counts)
        signal = (plans[_BASE] - ends).repeat(counts)
        signal += self._range[:total]
        fields = self._fields.take(signal, axis=1)
        bits = self._words(frames, frame, signal)
        bits <<= fields[_LEFT]
        bits >>= fields[_RIGHT]
        if self._signed:
            bits ^= fields[_HALF]
            bits -= fields[_HALF]
        value = bits.view(np.int64).astype(np.float64)
        raw = value.copy() if self._limits is not None else None
        scaling = fields.view(np.float64)
        value *= scaling[_SCALE]
        value += scaling[_OFFSET]
        if raw is not None and self._limits is not None:
            value[raw > self._limits.take(signal)] = np.nan
        if np.count_nonzero(plans[_LENGTH] > frames.length):
            value[self._ends.take(signal) > frames.length.take(frame)] = np.nan
        return frame, signal, value

    def _words(self, frames: Frames, frame: np.ndarray, signal: np.ndarray) -> np.ndarray:
        """uint64: the word that holds each pair's bits; where the data has no such word, any."""
        data = np.ascontiguousarray(frames.data)
        words = data.reshape(-1).view("<u8")
        at = frame
        if data.shape[1] > 8:
            at = frame * (data.shape[1] // 8) + self._word.take(signal)
        if self._no_big:
            return words.take(at, mode="clip")
        if self._all_big:
            return words.byteswap().take(at, mode="clip")
        both = np.concatenate((words, words.byteswap()))
        return both.take(at + self._big.take(signal) * len(words), mode="clip")


def _parameters(field: Field) -> np.ndarray:
    """uint64 (5,): left, right, half, scale, offset; the last two are floats."""
    signal = field.signal
    half = 1 << signal.length - 1 if signal.signed and signal.length < 64 else 0
    parameters = np.array([field.left & 63, field.right, half, 0, 0], np.uint64)
    parameters[_SCALE:].view(np.float64)[:] = signal.scale, signal.offset
    return parameters


def _limit(field: Field) -> float:
    return np.inf if field.limit is None else field.limit
