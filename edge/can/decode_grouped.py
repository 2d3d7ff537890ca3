"""Decoding column by column: all frames of a message at once, all like signals of it in one operation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.can.decode_field import Field
from edge.can.decode_lookup import Lookup
from edge.can.decode_plan import Condition, Plan
from edge.can.decode_raw import Words, physical_values, raw_values
from edge.can.frames import Frames

_BLOCK_FRAMES = 1 << 16  # sorted at a time: stays in the cache
_BLOCK_VALUES = 1 << 15  # shifted and scaled at a time

Found = tuple[int, np.ndarray, np.ndarray]
"""Index of a signal; the frames that have it, ascending; its physical values in them."""


class Grouped:
    """The engine for whole logs. plans: numbered from 1, as the look-up gives them."""

    def __init__(self, plans: Sequence[Plan]) -> None:
        self._plans = plans
        self._lengths = np.array([0, *(plan.length for plan in plans)], np.uint8)
        self._numbers = np.arange(1, len(plans) + 2)
        self._sets: dict[int, list[_Set]] = {}

    def decode(self, frames: Frames, lookup: Lookup) -> list[Found]:
        """Every signal that is in a frame, in the order of the indices."""
        data = np.ascontiguousarray(frames.data)
        narrow = data.reshape(-1).view("<u8") if data.shape[1] == 8 else None
        parts: dict[int, list[tuple[np.ndarray, np.ndarray | None]]] = {}
        short: set[int] = set()
        for start in range(0, len(frames), _BLOCK_FRAMES):
            block = frames[start : start + _BLOCK_FRAMES]
            numbers = lookup.find(block)
            is_short = self._lengths.take(numbers) > block.length
            if np.count_nonzero(is_short):
                short.update(np.unique(numbers[is_short]).tolist())
            order = numbers.argsort(kind="stable")
            ends = numbers.searchsorted(self._numbers, sorter=order)
            words = None if narrow is None else narrow[start : start + _BLOCK_FRAMES].take(order)
            order += start
            for i in np.flatnonzero(np.diff(ends)).tolist():
                which = slice(ends[i], ends[i + 1])
                parts.setdefault(i + 1, []).append((order[which], None if words is None else words[which]))
        found: list[Found] = []
        for number in sorted(parts):
            frame = np.concatenate([frame for frame, _ in parts[number]])
            first = [word for _, word in parts[number] if word is not None]
            width = self._plans[number - 1].width
            all_of_it = Words(data, frame, width, np.concatenate(first) if first else None)
            length = frames.length[frame] if number in short else None
            found += self._columns(number, all_of_it, length)
        return found

    def _columns(self, number: int, words: Words, length: np.ndarray | None) -> list[Found]:
        plan = self._plans[number - 1]
        if number not in self._sets:
            self._sets[number] = _sets(plan)
        found: list[Found] = []
        for one in self._sets[number]:
            here, length_here = words, length
            if one.condition:
                there = np.flatnonzero(_holds(one.condition, words, length))
                if not there.size:
                    continue
                here = words.some(there)
                length_here = None if length is None else length[there]
            rows = [
                (at, row)
                for bundle in one.bundles
                for at, row in zip(bundle.fields, bundle.values(here), strict=True)
            ]
            rows += [
                (at, physical_values(plan.fields[at], raw_values(plan.fields[at], here)))
                for at in one.singles
            ]
            for at, values in rows:
                if length_here is not None:
                    values[length_here < plan.fields[at].end] = np.nan
                found.append((plan.first + at, here.frame, values))
        return sorted(found, key=lambda column: column[0])


@dataclass(frozen=True)
class _Bundle:
    """Signals of a message that are read from one word in the same way, a row each.

    fields: which of the plan's; those before `scaled` are raw * 1 + 0, those before `moved` need no offset.
    left, right, limit: (k, 1); scale, offset: of the rows from there on.
    """

    fields: tuple[int, ...]
    byte: int
    big: bool
    kind: type[np.signedinteger] | type[np.unsignedinteger]
    left: np.ndarray
    right: np.ndarray
    limit: np.ndarray | None
    scaled: int
    scale: np.ndarray
    moved: int
    offset: np.ndarray

    def values(self, words: Words) -> np.ndarray:
        """float64 (k, n)."""
        word = words.word(self.byte, self.big)
        n, k = len(word), len(self.fields)
        values = np.empty((k, n))
        step = max(_BLOCK_VALUES // k, 1)
        block = np.empty((k, min(step, n)), np.uint64)
        for at in range(0, n, step):
            part = word[at : at + step]
            value = values[:, at : at + step]
            bits = block[:, : len(part)]
            np.left_shift(part, self.left, out=bits)
            raw = bits.view(self.kind)
            np.right_shift(raw, self.right, out=raw)
            value[:] = raw
            if self.scaled < k:
                value[self.scaled :] *= self.scale
            if self.moved < k:
                value[self.moved :] += self.offset
            if self.limit is not None:
                np.copyto(value, np.nan, where=bits > self.limit)
        return values


@dataclass(frozen=True)
class _Set:
    """The signals of a message that are there under the same condition; singles: those in no bundle."""

    condition: Condition
    bundles: tuple[_Bundle, ...]
    singles: tuple[int, ...]


def _sets(plan: Plan) -> list[_Set]:
    by_condition: dict[object, list[int]] = {}
    for at, field in enumerate(plan.fields):
        by_condition.setdefault(field.signal.chosen_by, []).append(at)
    return [_set(plan, fields) for fields in by_condition.values()]


def _set(plan: Plan, fields: Sequence[int]) -> _Set:
    alike: dict[tuple[int, bool, bool], list[int]] = {}
    singles = []
    for at in fields:
        field = plan.fields[at]
        if field.is_scaled_in_floats:
            alike.setdefault((field.byte, field.big, field.signal.signed), []).append(at)
        else:
            singles.append(at)
    bundles = tuple(_bundle(plan, members) for members in alike.values())
    return _Set(plan.conditions[fields[0]], bundles, tuple(singles))


def _bundle(plan: Plan, members: Sequence[int]) -> _Bundle:
    fields = sorted(members, key=lambda at: _steps(plan.fields[at]))
    steps = [_steps(plan.fields[at]) for at in fields]
    own = [plan.fields[at] for at in fields]
    scaled, moved = steps.count(0), steps.count(0) + steps.count(1)
    limits = [2**64 - 1 if field.limit is None else field.limit for field in own]
    return _Bundle(
        fields=tuple(fields),
        byte=own[0].byte,
        big=own[0].big,
        kind=np.int64 if own[0].signal.signed else np.uint64,
        left=_column([field.left for field in own], np.uint64),
        right=_column([field.right for field in own], np.int64 if own[0].signal.signed else np.uint64),
        limit=_column(limits, np.uint64) if any(field.limit is not None for field in own) else None,
        scaled=scaled,
        scale=_column([field.signal.scale for field in own[scaled:]], np.float64),
        moved=moved,
        offset=_column([field.signal.offset for field in own[moved:]], np.float64),
    )


def _steps(field: Field) -> int:
    """0: raw; 1: times scale; 2: plus offset, too (adding 0 makes 0 of -0)."""
    scale, offset = field.signal.scale, field.signal.offset
    if scale == 1 and offset == 0:
        return 0
    return 1 if offset == 0 and scale > 0 else 2


def _column(numbers: Sequence[float], kind: type) -> np.ndarray:
    return np.array(numbers, kind)[:, None]


def _holds(condition: Condition, words: Words, length: np.ndarray | None) -> np.ndarray:
    holds = np.ones(len(words.frame), bool)
    for chooser, ranges in condition:
        raw = raw_values(chooser, words)
        within = np.zeros(len(raw), bool)
        for low, high in ranges:
            within |= (raw >= low) & (raw <= high)
        holds &= within
        if length is not None:
            holds &= length >= chooser.end
    return holds
