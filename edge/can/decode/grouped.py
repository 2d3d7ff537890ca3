"""Decoding column by column: all frames of a message at once, all like signals of it in one operation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from edge.can.decode.bundle import Bundle, bundles
from edge.can.decode.field import Field
from edge.can.decode.lookup import Lookup
from edge.can.decode.plan import Condition, Plan
from edge.can.decode.raw import Column, Words, physical_values, raw_values
from edge.can.frames import Frames

_SORT_FRAMES = 1 << 18  # at a time: fewer cost more calls a frame, more leave the cache
_DECODE_VALUES = 1 << 16  # at a time, of one message, for the same reason
_BUFFER_VALUES = 512  # below numpy's 8192, else it copies a scale as often as there are values in its row
_KEEP_BYTES = 24 << 20
"""An array of this size is made and thrown away once: from then on glibc keeps freed memory of up to twice as
much for the next chunk (mallopt(3), M_MMAP_THRESHOLD), which else costs a page fault for each 4 KiB."""


class Grouped:
    """The engine for whole logs. plans: numbered from 1, as the look-up gives them.

    Messages of one layout are decoded as if they were one, where their numbers follow one another.
    """

    def __init__(self, plans: Sequence[Plan]) -> None:
        np.empty(_KEEP_BYTES, np.uint8)
        self._lengths = np.array([0, *(plan.length for plan in plans)], np.uint8)
        self._numbers = np.arange(1, len(plans) + 2)
        self._units: list[_Unit] = []
        for number, plan in enumerate(plans, 1):
            if self._units and plan.layout is not None and self._units[-1].layout == plan.layout:
                self._units[-1].plans.append(plan)
            else:
                self._units.append(_Unit(number, plan))
        orders = [order for unit in self._units for order in unit.orders]
        self._usual = orders.count(True) > orders.count(False)

    def decode(self, frames: Frames, lookup: Lookup) -> list[Column]:
        """Every signal that is in a frame, in the order of the indices."""
        data = np.ascontiguousarray(frames.data)
        blocks = [self._sort(frames, data, start, lookup) for start in range(0, len(frames), _SORT_FRAMES)]
        length = frames.length if any(block.any_short for block in blocks) else None
        pieces = [(unit, piece) for unit in self._units if (piece := unit.piece(blocks))]
        room = np.empty(sum([unit.room * len(piece.frame) for unit, piece in pieces]))
        found: list[Column] = []
        before = np.setbufsize(_BUFFER_VALUES)
        try:
            with np.errstate(over="ignore", invalid="ignore"):  # of infinite and signalling floats
                for unit, piece in pieces:
                    used = unit.room * len(piece.frame)
                    unit.decode(piece, data, length, room[:used], found)
                    room = room[used:]
        finally:
            np.setbufsize(before)
        found.sort(key=attrgetter("signal"))
        return found

    def _sort(self, frames: Frames, data: np.ndarray, start: int, lookup: Lookup) -> _Block:
        block = frames[start : start + _SORT_FRAMES]
        numbers = lookup.find(block)
        order = numbers.argsort(kind="stable")
        ends = numbers.searchsorted(self._numbers, sorter=order).tolist()
        short = np.count_nonzero(self._lengths.take(numbers) > block.length)
        order = order[ends[0] :]
        words: dict[bool, np.ndarray] = {}
        if data.shape[1] == 8:
            first = data.reshape(-1).view("<u8")[start : start + _SORT_FRAMES].take(order)
            words[self._usual] = first.byteswap(inplace=True) if self._usual else first
        if start:
            order += start
        return _Block(order, [end - ends[0] for end in ends], bool(short), words)


class _Block:
    """Frames in the order of their numbers: those of m are order[ends[m - 1] : ends[m]]. any_short: one is
    too short for its signals."""

    def __init__(
        self, order: np.ndarray, ends: list[int], any_short: bool, words: dict[bool, np.ndarray]
    ) -> None:
        self.order, self.ends, self.any_short, self._words = order, ends, any_short, words

    def words(self, orders: Iterable[bool], which: slice) -> dict[bool, np.ndarray]:
        """In the same order, the first 8 bytes of some as little- (False) or big-endian (True) numbers;
        empty where the data are wider."""
        if not self._words:
            return {}
        for big in orders:
            if big not in self._words:
                self._words[big] = self._words[not big].byteswap()
        return {big: self._words[big][which] for big in orders}


class _Piece(NamedTuple):
    """The frames of a unit. counts: of each of its plans, which come one after the other."""

    frame: np.ndarray
    words: dict[bool, np.ndarray]
    counts: list[int]


class _Unit:
    """Messages of one layout. first: their first number; room: how many values of a frame are always there
    and read with others."""

    def __init__(self, first: int, plan: Plan) -> None:
        self.first = first
        self.plans = [plan]
        self.layout = plan.layout
        self._fields = plan.fields
        self._width = plan.width
        self._sets = tuple(_sets(plan))
        self.orders = {bundle.big for one in self._sets for bundle in one.bundles if bundle.byte == 0}
        self.room = sum(one.room for one in self._sets if not one.condition)

    def piece(self, blocks: Sequence[_Block]) -> _Piece | None:
        """What of the blocks is theirs; None: nothing."""
        before, last = self.first - 1, self.first + len(self.plans) - 1
        if len(blocks) == 1:
            block = blocks[0]
            which = slice(block.ends[before], block.ends[last])
            if which.start == which.stop:
                return None
            counts = [end - start for start, end in pairwise(block.ends[before : last + 1])]
            return _Piece(block.order[which], block.words(self.orders, which), counts)
        if all(block.ends[last] == block.ends[before] for block in blocks):
            return None
        parts = [
            [(block, slice(block.ends[m], block.ends[m + 1])) for block in blocks]
            for m in range(before, last)
        ]
        counts = [sum([which.stop - which.start for _, which in of_one]) for of_one in parts]
        together = [part for of_one in parts for part in of_one]
        frame = np.concatenate([block.order[which] for block, which in together])
        known = [block.words(self.orders, which) for block, which in together]
        words = {big: np.concatenate([of_one[big] for of_one in known]) for big in known[0]}
        return _Piece(frame, words, counts)

    def decode(
        self,
        piece: _Piece,
        data: np.ndarray,
        length: np.ndarray | None,
        room: np.ndarray,
        found: list[Column],
    ) -> None:
        """What the frames of these messages hold is added to found; room: for self.room values of each."""
        for one in self._sets:
            if one.condition:  # so there is one plan: see Plan.layout
                holds = _holds(one.condition, Words(data, piece.frame, self._width, piece.words), length)
                frame = piece.frame[holds]
                words = {big: word[holds] for big, word in piece.words.items()}
                here, own = _Piece(frame, words, [len(frame)]), np.empty(one.room * len(frame))
                if not len(frame):
                    continue
            else:
                here, own = piece, room
            rows = one.decode(here, data, self._width, self._fields, own)
            if length is not None:
                lengths = length.take(here.frame)
                for at, row in rows:
                    row[lengths < self._fields[at].end] = np.nan
            if len(self.plans) == 1:
                plan, fields = self.plans[0], self._fields
                found += [
                    Column(plan.first + at, here.frame, row, fields[at].signal, data) for at, row in rows
                ]
                continue
            end = 0
            for plan, count in zip(self.plans, here.counts, strict=True):
                if count:
                    start, end = end, end + count
                    frame = here.frame[start:end]
                    found += [
                        Column(plan.first + at, frame, row[start:end], plan.fields[at].signal, data)
                        for at, row in rows
                    ]


@dataclass(frozen=True)
class _Set:
    """The signals of a message that are there under the same condition.

    bundled, room: which and how many are in bundles; singles: those in none.
    """

    condition: Condition
    bundles: tuple[Bundle, ...]
    bundled: tuple[int, ...]
    room: int
    singles: tuple[int, ...]

    def decode(
        self, piece: _Piece, data: np.ndarray, width: int, fields: Sequence[Field], room: np.ndarray
    ) -> list[tuple[int, np.ndarray]]:
        """Which field, and its physical values, float64 (n,); those of bundles are put in room."""
        n = len(piece.frame)
        found: list[tuple[int, np.ndarray]] = []
        if self.bundles:
            values = room.reshape(self.room, n)
            step = _DECODE_VALUES // self.room + 1
            if n <= step:
                self._decode_bundles(Words(data, piece.frame, width, piece.words), values)
            else:
                for start in range(0, n, step):
                    part = slice(start, start + step)
                    first = {big: word[part] for big, word in piece.words.items()}
                    self._decode_bundles(Words(data, piece.frame[part], width, first), values[:, part])
            found += zip(self.bundled, values, strict=True)
        if self.singles:
            words = Words(data, piece.frame, width, piece.words)
            for at in self.singles:
                found.append((at, physical_values(fields[at], raw_values(fields[at], words))))
        return found

    def _decode_bundles(self, words: Words, values: np.ndarray) -> None:
        if len(self.bundles) == 1:
            self.bundles[0].decode(words, values)
            return
        row = 0
        for bundle in self.bundles:
            bundle.decode(words, values[row : row + len(bundle.fields)])
            row += len(bundle.fields)


def _sets(plan: Plan) -> Iterator[_Set]:
    by_condition: dict[object, list[int]] = {}
    for at, field in enumerate(plan.fields):
        by_condition.setdefault(field.signal.chosen_by, []).append(at)
    for members in by_condition.values():
        simple = [at for at in members if plan.fields[at].is_scaled_in_floats]
        rest = [at for at in members if not plan.fields[at].is_scaled_in_floats]
        together = tuple(bundles(plan.fields, simple))
        bundled = tuple(at for bundle in together for at in bundle.fields)
        yield _Set(plan.conditions[members[0]], together, bundled, len(bundled), tuple(rest))


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
