"""Decoding pair by pair: all (frame, signal) pairs of a batch at once, whatever their messages.

Some thirty numpy operations however many messages and signals there are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge.can.decode.field import Field
from edge.can.decode.plan import Plan
from edge.can.frames import Frames

_COUNT, _BASE, _LENGTH, _ODD = range(4)
_LEFT, _RIGHT, _HALF, _SCALE, _OFFSET = range(5)
_SPECIAL, _BOTH_ORDERS = 1, 2

Found = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Frame, index of the signal, physical value: a pair at each place, by frame, then by signal."""


class Pairs:
    """The engine for middle batches. plans: numbered from 1, as the look-up gives them.

    It leaves out the frames of messages that have signals of unusual kinds.
    """

    def __init__(self, plans: Sequence[Plan]) -> None:
        fields = [field for plan in sorted(plans, key=lambda plan: plan.first) for field in plan.fields]
        self._usual_big = sum(field.big for field in fields) * 2 > len(fields)
        none = np.zeros(4, np.intp)
        self._plans = np.stack([none, *(self._of_plan(plan) for plan in plans)], axis=1)
        self._fields = np.stack([_of_field(field) for field in fields], axis=1)
        self._any_odd = bool(self._plans[_ODD].any())
        self._any_signed = any(field.signal.signed for field in fields)
        self._ends = np.array([field.end for field in fields], np.uint8)
        self._word = np.array([field.byte // 8 for field in fields], np.intp)
        self._unusual = np.array([field.big != self._usual_big for field in fields])
        limited = any(field.limit is not None for field in fields)
        self._limits = np.array([_limit(field) for field in fields], np.float64) if limited else None
        self._range = np.arange(1024)

    def _of_plan(self, plan: Plan) -> np.ndarray:
        if not plan.is_plain:
            return np.array([0, 0, 0, _SPECIAL], np.intp)
        count = len(plan.fields)
        mixed = any(field.big != self._usual_big for field in plan.fields)
        return np.array([count, plan.first + count, plan.length, mixed and _BOTH_ORDERS], np.intp)

    def decode(self, frames: Frames, numbers: np.ndarray) -> tuple[Found, np.ndarray | None]:
        """The pairs of the frames whose plans have these numbers, and which frames were left out."""
        plans = self._plans.take(numbers, axis=1)
        ends = np.add.accumulate(plans[_COUNT])
        n, total = len(numbers), int(ends[-1])
        if max(n, total) > len(self._range):
            self._range = np.arange(2 * max(n, total))
        frame = self._range[:n].repeat(plans[_COUNT])
        signal = (plans[_BASE] - ends).take(frame)
        signal += self._range[:total]
        odd = int(np.bitwise_or.reduce(plans[_ODD])) if self._any_odd else 0
        fields = self._fields.take(signal, axis=1)
        bits = self._words(frames, frame, signal, bool(odd & _BOTH_ORDERS))
        bits <<= fields[_LEFT]
        bits >>= fields[_RIGHT]
        if self._any_signed:
            bits ^= fields[_HALF]
            bits -= fields[_HALF]
        value = bits.view(np.int64).astype(np.float64)
        unavailable = None if self._limits is None else value > self._limits.take(signal)
        scaling = fields.view(np.float64)
        value *= scaling[_SCALE]
        value += scaling[_OFFSET]
        if unavailable is not None:
            value[unavailable] = np.nan
        if np.count_nonzero(plans[_LENGTH] > frames.length):
            value[self._ends.take(signal) > frames.length.take(frame)] = np.nan
        left_out = np.flatnonzero(plans[_ODD] == _SPECIAL) if odd & _SPECIAL else None
        return (frame, signal, value), left_out

    def _words(self, frames: Frames, frame: np.ndarray, signal: np.ndarray, both: bool) -> np.ndarray:
        """uint64: the word that holds each pair's bits; where the data has no such word, any."""
        data = np.ascontiguousarray(frames.data)
        words = data.reshape(-1).view("<u8")
        at = frame
        if data.shape[1] > 8:
            at = frame * (data.shape[1] // 8) + self._word.take(signal)
        usual = words.byteswap() if self._usual_big else words
        if both:
            usual = np.concatenate((usual, usual.byteswap()))
            at = at + self._unusual.take(signal) * len(words)
        return usual.take(at)


def _of_field(field: Field) -> np.ndarray:
    """uint64 (5,): left, right, half, scale, offset; the last two are floats."""
    signal = field.signal
    half = 1 << signal.length - 1 if signal.signed and signal.length < 64 else 0
    parameters = np.array([field.left & 63, field.right, half, 0, 0], np.uint64)
    parameters[_SCALE:].view(np.float64)[:] = field.scale, field.offset
    return parameters


def _limit(field: Field) -> float:
    return np.inf if field.limit is None else field.limit
