"""Like signals of a message, decoded in one operation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.can.decode.field import Field
from edge.can.decode.raw import Words


@dataclass(frozen=True)
class Bundle:
    """Integers that are read from one word of a message: a row each, its numbers in columns of (k, 1).

    fields: which of the message's, in such an order that the rows from `signed` on have a sign, and those to
    be multiplied (`scaled`) and added to (`moved`) follow one another.
    """

    fields: tuple[int, ...]
    byte: int
    big: bool
    left: np.ndarray
    right: np.ndarray
    signed: int
    full: bool
    scaled: slice | None
    scale: np.ndarray
    moved: slice | None
    offset: np.ndarray
    limit: np.ndarray | None

    def decode(self, words: Words, out: np.ndarray) -> None:
        """The physical values into out, float64 (k, n)."""
        bits = words.word(self.byte, self.big) << self.left
        raw = bits.view(np.int64)
        if self.signed == len(bits):
            bits >>= self.right
        else:
            _shift(bits[: self.signed], self.right[: self.signed])
            _shift(raw[self.signed :], self.right[self.signed :].view(np.int64))
        out[:] = bits if self.full else raw
        if self.scaled:
            scaled = out[self.scaled]
            scaled *= self.scale
        if self.moved:
            moved = out[self.moved]
            moved += self.offset
        if self.limit is not None:
            np.copyto(out, np.nan, where=bits > self.limit)


def _shift(bits: np.ndarray, by: np.ndarray) -> None:
    bits >>= by


def bundles(fields: Sequence[Field], members: Sequence[int]) -> list[Bundle]:
    """Of those of a message's fields that floats scale."""
    alike: dict[tuple[int, bool, bool], list[int]] = {}
    for at in members:
        one = fields[at]
        full = one.signal.length == 64 and not one.signal.signed
        alike.setdefault((one.byte, one.big, full), []).append(at)
    return [_bundle(fields, *kind, together) for kind, together in alike.items()]


def _bundle(fields: Sequence[Field], byte: int, big: bool, full: bool, members: Sequence[int]) -> Bundle:
    members = sorted(members, key=lambda at: _rank(fields[at]))
    own = [fields[at] for at in members]
    ranks = [_rank(one) for one in own]
    scaled = slice(sum(rank < 1 for rank in ranks), sum(rank < 5 for rank in ranks))
    moved = slice(sum(rank < 2 for rank in ranks), sum(rank < 4 for rank in ranks))
    limits = [2**64 - 1 if one.limit is None else one.limit for one in own]
    return Bundle(
        fields=tuple(members),
        byte=byte,
        big=big,
        left=_column([one.left for one in own], np.uint64),
        right=_column([one.right for one in own], np.uint64),
        signed=sum(rank < 3 for rank in ranks),
        full=full,
        scaled=scaled if own[scaled] else None,
        scale=_column([one.scale for one in own[scaled]], np.float64),
        moved=moved if own[moved] else None,
        offset=_column([one.offset for one in own[moved]], np.float64),
        limit=_column(limits, np.uint64) if any(one.limit is not None for one in own) else None,
    )


def _rank(field: Field) -> int:
    """Without a sign: 0 raw, 1 times scale, 2 plus offset, too; with a sign: 3, 4, 5 the other way round."""
    scale, offset = field.scale, field.offset
    if scale == 1 and offset == 0:
        steps = 0
    elif offset == 0 and scale > 0:
        steps = 1
    else:
        steps = 2  # to add 0 makes 0 of -0
    return 5 - steps if field.signal.signed else steps


def _column(numbers: Sequence[float], kind: type) -> np.ndarray:
    return np.array(numbers, kind)[:, None]
