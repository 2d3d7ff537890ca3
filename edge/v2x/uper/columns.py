"""Many messages at once: numpy columns of the fields that stand where a few bits in front of them tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge.v2x.uper import types
from edge.v2x.uper.lines import check_paths, extent, is_extensible, optional_members, width_of

Ints: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]
Messages: TypeAlias = "Sequence[bytes] | NDArray[np.uint8]"

ABSENT = int(np.iinfo(np.int64).min)
"""Of a member that is not there."""

_REACH = 512  # octets of a message that are looked at
_WINDOW = 8


class Columns:
    """Reads the members at these paths out of many messages.

    Raises KeyError for no such member, ValueError for one behind something of no calculable size (a list, a
    text, an open type), for one that is no number, and for one wider than 57 bits.
    """

    def __init__(self, kind: types.Type, paths: Sequence[str]) -> None:
        self._kind = kind
        self._paths = tuple(paths)
        check_paths(kind, paths)
        self(np.zeros((0, 1), np.uint8))

    def __call__(self, messages: Messages) -> tuple[dict[str, Ints], Mask]:
        """The columns by path, and which rows are good.

        messages: bytes each, or a uint8 array of one row each, filled up with anything. Columns are int64:
        the value of an INTEGER, the index of an ENUMERATED, a BIT STRING as int, a BOOLEAN as 0 or 1; ABSENT
        where an optional member is not there. A row is good if it is long enough, goes through an
        alternative that a path names, has no extension in front of its last field, and its values are in
        range; what is behind is not looked at. In other rows the values mean nothing.
        """
        walk = _Walk(messages, set(self._paths))
        walk.read(self._kind, "", walk.good.copy())
        return {path: walk.columns[path] for path in self._paths}, walk.good


class _Walk:
    """Through one type and all messages at once; `at` is the bit where each of them is."""

    def __init__(self, messages: Messages, wanted: set[str]) -> None:
        if isinstance(messages, np.ndarray):
            data = messages[:, :_REACH]
            lengths = np.full(len(data), data.shape[1])
        else:
            lengths = np.array([len(m) for m in messages], np.int64)
            width = min(int(lengths.max(initial=0)), _REACH)
            joined = b"".join([m[:width].ljust(width, b"\0") for m in messages])
            data = np.frombuffer(joined, np.uint8).reshape(len(messages), width)
        self._data = np.zeros((len(data), data.shape[1] + _WINDOW), np.uint8)
        self._data[:, : data.shape[1]] = data
        self._bits = np.minimum(lengths, _REACH) * 8
        self.at: int | Ints = 0
        self.good: Mask = np.ones(len(data), bool)
        self.left = wanted
        self.columns: dict[str, Ints] = {}

    def _inside(self, path: str) -> bool:
        """Whether a wanted member that was not met yet is this or within."""
        return any(w == path or w.startswith(path + ".") for w in self.left) if path else bool(self.left)

    def _cut(self, width: int, active: Mask) -> Ints:
        """The next bits of all messages as numbers; those that are too short are no longer good."""
        if width > 8 * _WINDOW - 7:
            raise ValueError(f"a field of {width} bits is too wide for a column")
        at = self.at
        self.at = at + width
        self.good &= ~active | (self.at <= self._bits)
        if isinstance(at, int):
            if at >> 3 > self._data.shape[1] - _WINDOW:
                return np.zeros(len(self._data), np.int64)
            window = np.ascontiguousarray(self._data[:, at >> 3 : (at >> 3) + _WINDOW])
        else:
            first = np.minimum(at >> 3, self._data.shape[1] - _WINDOW)
            window = np.take_along_axis(self._data, first[:, None] + np.arange(_WINDOW), axis=1)
        word = window.view(">u8")[:, 0].astype(np.uint64)
        shift = np.asarray(8 * _WINDOW - width - (at & 7)).astype(np.uint64)
        return (word >> shift & np.uint64((1 << width) - 1)).astype(np.int64)

    def read(self, kind: types.Type, path: str, active: Mask) -> None:
        """Go over one value; active: the rows where it is."""
        least, most = extent(kind)
        if not self._inside(path) and least == most:
            self.at = self.at + least
        elif isinstance(kind, types.Sequence):
            self._sequence(kind, path, active)
        elif isinstance(kind, types.Choice):
            self._choice(kind, path, active)
        elif isinstance(kind, types.Default):
            self.read(kind.kind, path, active)
        else:
            self._leaf(kind, path, active)

    def _leaf(self, kind: types.Type, path: str, active: Mask) -> None:
        low, high = 0, None
        if isinstance(kind, types.Integer) and kind.low is not None and kind.high is not None:
            low, high = kind.low, kind.high
        elif isinstance(kind, types.Enumerated):
            high = len(kind.names.split()) - 1
        elif isinstance(kind, types.Boolean):
            high = 1
        elif isinstance(kind, types.Bits) and not kind.variable:
            high = (1 << kind.low) - 1
        if high is None:
            raise ValueError(f"{path} is no number, or of no calculable size")
        extensible = getattr(kind, "extensible", False) or bool(getattr(kind, "more", ""))
        width = width_of(low, high) + extensible
        value = self._cut(width, active) + low if width else np.full(len(self.good), low)
        self.good &= ~active | (value <= high)  # with the extension bit it is above
        if path in self.left:
            self.left.discard(path)
            self.columns[path] = np.where(active, value, ABSENT)

    def _sequence(self, kind: types.Sequence, path: str, active: Mask) -> None:
        extended = self._cut(1, active) if is_extensible(kind) else None
        optional = optional_members(kind.members)
        present = self._cut(len(optional), active) if optional else None
        for key, member in kind.members.items():
            if not self.left:
                return
            place = f"{path}.{key.rstrip('?')}" if path else key.rstrip("?")
            if present is None or key not in optional:
                self.read(member, place, active)
                continue
            there = present >> (len(optional) - 1 - optional.index(key)) & 1 != 0
            before = self.at
            self.read(member, place, active & there)
            self.at = np.where(there, self.at, before)
            if isinstance(member, types.Default) and place in self.columns:
                default = _number(member)
                self.columns[place] = np.where(active & ~there, default, self.columns[place])
        if extended is not None and self.left:
            self.good &= ~active | (extended == 0)

    def _choice(self, kind: types.Choice, path: str, active: Mask) -> None:
        width = width_of(0, len(kind.alternatives) - 1) + is_extensible(kind)
        index = self._cut(width, active) if width else np.zeros(len(self.good), np.int64)
        asked = [f"{path}.{name}" if path else name for name in kind.alternatives]
        through = [self._inside(place) for place in asked]
        before, after = self.at, None
        known = np.zeros(len(self.good), bool)
        for i, (place, member) in enumerate(zip(asked, kind.alternatives.values(), strict=True)):
            if not through[i] and (any(through) or not self.left):
                continue
            self.at = before
            here = index == i
            self.read(member, place, active & here)
            after = self.at if after is None else np.where(here, self.at, after)
            known |= here
        if after is not None:  # of rows with none of these alternatives it means nothing
            self.at = after
            self.good &= ~active | known


def _number(member: types.Default) -> int:
    """The default as it stands in a column."""
    if isinstance(member.kind, types.Enumerated):
        return member.kind.names.split().index(member.value)
    return int(member.value)
