"""Decoding column by column: all frames of a message at once, all like signals of it in one operation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from operator import itemgetter

import numpy as np

from edge.can.decode_bundle import Bundle, bundles
from edge.can.decode_field import Field
from edge.can.decode_lookup import Lookup
from edge.can.decode_plan import Condition, Plan
from edge.can.decode_raw import Words, physical_values, raw_values
from edge.can.frames import Frames

_SORT_FRAMES = 1 << 17  # at a time: they and their order stay in the cache
_DECODE_VALUES = 1 << 16  # at a time, of one message, for the same reason
_BUFFER_VALUES = 512  # below numpy's 8192, else it copies a scale as often as there are values in its row

Found = tuple[int, np.ndarray, np.ndarray]
"""Index of a signal; the frames that have it, ascending; its physical values in them."""


class Grouped:
    """The engine for whole logs. plans: numbered from 1, as the look-up gives them.

    Messages of one layout are decoded as if they were one, where their numbers follow one another.
    """

    def __init__(self, plans: Sequence[Plan]) -> None:
        self._lengths = np.array([0, *(plan.length for plan in plans)], np.uint8)
        self._numbers = np.arange(1, len(plans) + 2)
        self._units: list[_Unit] = []
        for number, plan in enumerate(plans, 1):
            if self._units and plan.layout is not None and self._units[-1].layout == plan.layout:
                self._units[-1].plans.append(plan)
            else:
                self._units.append(_Unit(number, plan))

    def decode(self, frames: Frames, lookup: Lookup) -> list[Found]:
        """Every signal that is in a frame, in the order of the indices."""
        data = np.ascontiguousarray(frames.data)
        blocks = [self._sort(frames, start, lookup) for start in range(0, len(frames), _SORT_FRAMES)]
        length = frames.length if any(block.any_short for block in blocks) else None
        found: list[Found] = []
        before = np.setbufsize(_BUFFER_VALUES)
        try:
            for unit in self._units:
                found += unit.decode(blocks, data, length)
        finally:
            np.setbufsize(before)
        found.sort(key=itemgetter(0))
        return found

    def _sort(self, frames: Frames, start: int, lookup: Lookup) -> _Block:
        block = frames[start : start + _SORT_FRAMES]
        numbers = lookup.find(block)
        order = numbers.argsort(kind="stable")
        ends = numbers.searchsorted(self._numbers, sorter=order).tolist()
        short = np.count_nonzero(self._lengths.take(numbers) > block.length)
        return _Block(order + start if start else order, ends, bool(short))


@dataclass(frozen=True)
class _Block:
    """Frames in the order of their numbers: those of m are order[ends[m - 1] : ends[m]]. any_short: one is
    too short for its signals."""

    order: np.ndarray
    ends: list[int]
    any_short: bool


class _Unit:
    """Messages of one layout. first: their first number."""

    def __init__(self, first: int, plan: Plan) -> None:
        self.first = first
        self.plans = [plan]
        self.layout = plan.layout
        self._fields = plan.fields
        self._width = plan.width
        self._sets = tuple(_sets(plan))

    def decode(self, blocks: Sequence[_Block], data: np.ndarray, length: np.ndarray | None) -> list[Found]:
        """What the frames of these messages hold."""
        numbers = range(self.first, self.first + len(self.plans))
        parts = [block.order[block.ends[m - 1] : block.ends[m]] for m in numbers for block in blocks]
        counts = [sum(map(len, parts[at : at + len(blocks)])) for at in range(0, len(parts), len(blocks))]
        if not any(counts):
            return []
        if len(blocks) == 1:
            block = blocks[0]
            frame = block.order[block.ends[self.first - 1] : block.ends[numbers[-1]]]
        else:
            frame = np.concatenate(parts)
        found: list[Found] = []
        for one in self._sets:
            here = frame
            if one.condition:  # so there is one plan: see Plan.layout
                holds = _holds(one.condition, Words(data, frame, self._width), length)
                here = frame[holds]
                counts = [len(here)]
            if not len(here):
                continue
            cuts = list(pairwise(accumulate(counts, initial=0)))
            frames_of = [here[start:end] for start, end in cuts]
            for at, values in one.decode(data, here, self._width, self._fields):
                if length is not None:
                    values[length[here] < self._fields[at].end] = np.nan
                for plan, (start, end), of_one in zip(self.plans, cuts, frames_of, strict=True):
                    if start < end:
                        found.append((plan.first + at, of_one, values[start:end]))
        return found


@dataclass(frozen=True)
class _Set:
    """The signals of a message that are there under the same condition; singles: those in no bundle."""

    condition: Condition
    bundles: tuple[Bundle, ...]
    singles: tuple[int, ...]

    def decode(
        self, data: np.ndarray, frame: np.ndarray, width: int, fields: Sequence[Field]
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Which field, and its physical values, float64 (n,)."""
        n = len(frame)
        outs = [np.empty((len(bundle.fields), n)) for bundle in self.bundles]
        k = max([1, *(len(out) for out in outs)])
        step = max(_DECODE_VALUES // k, 1)
        for start in range(0, n, step) if outs else ():
            words = Words(data, frame[start : start + step], width)
            for bundle, out in zip(self.bundles, outs, strict=True):
                bundle.decode(words, out[:, start : start + step])
        for bundle, out in zip(self.bundles, outs, strict=True):
            yield from zip(bundle.fields, out, strict=True)
        words = Words(data, frame, width)
        for at in self.singles:
            yield at, physical_values(fields[at], raw_values(fields[at], words))


def _sets(plan: Plan) -> Iterator[_Set]:
    by_condition: dict[object, list[int]] = {}
    for at, field in enumerate(plan.fields):
        by_condition.setdefault(field.signal.chosen_by, []).append(at)
    for members in by_condition.values():
        simple = [at for at in members if plan.fields[at].is_scaled_in_floats]
        rest = [at for at in members if not plan.fields[at].is_scaled_in_floats]
        yield _Set(plan.conditions[members[0]], tuple(bundles(plan.fields, simple)), tuple(rest))


def _holds(condition: Condition, words: Words, length: np.ndarray | None) -> np.ndarray:
    holds = np.ones(len(words.frame), bool)
    for chooser, ranges in condition:
        raw = raw_values(chooser, words)
        within = np.zeros(len(raw), bool)
        for low, high in ranges:
            within |= (raw >= low) & (raw <= high)
        holds &= within
        if length is not None:
            holds &= length[words.frame] >= chooser.end
    return holds
