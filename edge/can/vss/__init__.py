"""Decoded signals under VSS names (COVESA Vehicle Signal Specification), by a Kuksa overlay.

`VssMapper` is a pure state machine: a decoded value in, the values of its leaves out, when they are due.
`vss_columns` does the same for decoded batches of a log. Rules (Kuksa CAN provider, dbc2vssmapper): a value
is due interval_ms after the last due one; then it is transformed; with on_change it must then differ from the
last one given. Unlike there a formula gets the number of a value that has a name, and what does not fit the
leaf's datatype, min and max is refused and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edge.can.dbc import Databases
from edge.can.dbc.names import full_names
from edge.can.decode import Column, Decoded, Decoder, names
from edge.can.vss.expression import NoValueError, Value, text
from edge.can.vss.overlay import INTEGERS, Leaf, Overlay

VssValue = bool | int | float | str

_TRUE, _FALSE = ("true", "1", "on", "yes"), ("false", "0", "off", "no")
_KEPT = 4096
"""So many transformed values of a leaf are remembered."""


class _RefusedError(Exception):
    """Why a leaf has no value now."""


class _State:
    """A leaf and what it gave last."""

    def __init__(self, leaf: Leaf) -> None:
        self.leaf = leaf
        self.interval_ns = leaf.interval_ms * 1_000_000
        self._due_ns: int | None = None
        self._last: Value | None = None
        self._known: dict[tuple[float, str | None], tuple[Value, VssValue] | _RefusedError] = {}

    def is_due(self, t_ns: int) -> bool:
        """Whether the interval since the last due value is over, or time has gone back by as much."""
        if self._due_ns is not None and abs(t_ns - self._due_ns) < self.interval_ns:
            return False
        self._due_ns = t_ns
        return True

    def give(self, value: float, choice: str | None) -> VssValue | None:
        """The leaf's value, None if it is unchanged and only changes are asked for. Raises _RefusedError."""
        known = self._known.get((value, choice))
        if known is None:
            try:
                result = transformed(self.leaf, value, choice)
                known = result, fitting(self.leaf, result)
            except _RefusedError as refused:
                known = refused
            if len(self._known) < _KEPT:
                self._known[value, choice] = known
        if isinstance(known, _RefusedError):
            raise known
        result, given = known
        if self.leaf.on_change and self._last is not None and result == self._last:
            return None
        self._last = result
        return given

    def due_rows(self, t_ns: np.ndarray) -> Iterator[int]:
        """The rows of a batch that are due, int64 (n,), ns."""
        row, skips = 0, self.interval_ns > 0 and bool((np.diff(t_ns) >= 0).all())
        while row < len(t_ns):
            due = self.is_due(int(t_ns[row]))
            if due:
                yield row
            row += 1
            if skips and self._due_ns is not None:
                row = max(row, int(np.searchsorted(t_ns, self._due_ns + self.interval_ns)))


def transformed(leaf: Leaf, value: float, choice: str | None) -> Value:
    """The leaf's value of a signal's physical value and the name (VAL_) of its raw one."""
    if leaf.mapping is not None:
        for before, after in leaf.mapping:
            if before == value or (choice is not None and before == choice):
                return after
        raise _RefusedError("the mapping has no entry for it")
    if leaf.math is not None:
        try:
            return leaf.math(value)
        except NoValueError as error:
            raise _RefusedError(f"math gives nothing: {error}") from None
    return choice if choice is not None and leaf.datatype == "string" else value


def fitting(leaf: Leaf, value: Value) -> VssValue:
    """The value in the leaf's datatype; a fraction is cut off a whole number."""
    if leaf.datatype == "string":
        return text(value)
    if leaf.datatype == "boolean":
        if isinstance(value, str):
            if value.lower() not in (*_TRUE, *_FALSE):
                raise _RefusedError("no boolean")
            return value.lower() in _TRUE
        return bool(value)
    if isinstance(value, str):
        raise _RefusedError(f"a text for a {leaf.datatype}")
    try:
        number = int(value) if leaf.datatype in INTEGERS else float(value)
    except OverflowError:
        raise _RefusedError(f"beyond {leaf.datatype}") from None
    if leaf.datatype in INTEGERS:
        low, high = INTEGERS[leaf.datatype]
        if not low <= number <= high:
            raise _RefusedError(f"beyond {leaf.datatype}")
    if (leaf.minimum is not None and number < leaf.minimum) or (
        leaf.maximum is not None and number > leaf.maximum
    ):
        raise _RefusedError("beyond the leaf's min and max")
    return number


class VssMapper:
    """Gives VSS values. signals: those that the overlay names, as it does; refused: how many values of a leaf
    could not be given, by (path, why)."""

    def __init__(self, overlay: Overlay) -> None:
        self._by_signal: dict[str, list[_State]] = {}
        for leaf in overlay.leaves:
            self._by_signal.setdefault(leaf.signal, []).append(_State(leaf))
        self.signals = tuple(self._by_signal)
        self.refused: Counter[tuple[str, str]] = Counter()

    def take(
        self, t_ns: int, signal: str, value: float, choice: str | None = None
    ) -> list[tuple[int, str, VssValue]]:
        """The leaves' values that are due: (t_ns, path, value) each.

        signal: SIGNAL or MESSAGE.SIGNAL; value: physical, NaN (not available) gives nothing; choice: the name
        (VAL_) of the raw value.
        """
        if value != value:
            return []
        return [
            (t_ns, state.leaf.path, given)
            for state in self._states(signal)
            if state.is_due(t_ns) and (given := self._give(state, value, choice)) is not None
        ]

    def _states(self, signal: str) -> Sequence[_State]:
        found = self._by_signal.get(signal, [])
        _, _, bare = signal.rpartition(".")
        return [*found, *self._by_signal.get(bare, [])] if bare != signal else found

    def _give(self, state: _State, value: float, choice: str | None) -> VssValue | None:
        try:
            return state.give(value, choice)
        except _RefusedError as refused:
            self.refused[state.leaf.path, str(refused)] += 1
            return None


@dataclass(frozen=True)
class Found:
    """What a mapper's signals are in some databases. names: MESSAGE.SIGNAL of all, for a Decoder; missing: no
    message has it; ambiguous: a signal without its message that is in several, all of which are used."""

    names: frozenset[str]
    missing: tuple[str, ...]
    ambiguous: dict[str, tuple[str, ...]]


def find_signals(signals: Collection[str], databases: Databases) -> Found:
    """Where the databases have the signals that an overlay names."""
    known = full_names(databases)
    found = {signal: known.get(signal, []) for signal in signals}
    return Found(
        frozenset(name for names_of in found.values() for name in names_of),
        tuple(signal for signal, names_of in found.items() if not names_of),
        {signal: tuple(names_of) for signal, names_of in found.items() if len(names_of) > 1},
    )


@dataclass(frozen=True)
class VssColumn:
    """n values of one leaf: t_ns int64 (n,), values as long, bool, int, float or str by its datatype."""

    leaf: Leaf
    t_ns: np.ndarray
    values: list[VssValue]


def vss_columns(
    mapper: VssMapper, decoder: Decoder, decoded: Decoded, t_ns: np.ndarray
) -> Iterator[VssColumn]:
    """The leaves' values that are due in a decoded batch; the next batch of the log goes on from there.

    t_ns: of the batch's frames. The same as `take` for each row of the batch, leaf by leaf.
    """
    fed: dict[int, tuple[_State, list[Column]]] = {}
    for column in decoded.columns():
        for state in mapper._states(decoder.signals[column.signal].name):
            fed.setdefault(id(state), (state, []))[1].append(column)
    for state, columns in fed.values():
        yield _column(mapper, decoder, state, columns, t_ns)


def _column(
    mapper: VssMapper, decoder: Decoder, state: _State, columns: list[Column], t_ns: np.ndarray
) -> VssColumn:
    frame = np.concatenate([column.frame for column in columns])
    value = np.concatenate([column.value for column in columns])
    rows = np.argsort(frame, kind="stable") if len(columns) > 1 else np.arange(len(frame))
    rows = rows[~np.isnan(value[rows])]
    due = rows[list(state.due_rows(t_ns[frame[rows]]))]
    choices = np.full(len(frame), None)
    at = 0
    for column in columns:
        signal, first, at = decoder.signals[column.signal].signal, at, at + len(column.frame)
        if signal.choices:
            its = due[(due >= first) & (due < at)]
            choices[its] = names(signal, column.raw[its - first])
    times, values = [], []
    for t, one, choice in zip(
        t_ns[frame[due]].tolist(), value[due].tolist(), choices[due].tolist(), strict=True
    ):
        result = mapper._give(state, one, choice)
        if result is not None:
            times.append(t)
            values.append(result)
    return VssColumn(state.leaf, np.array(times, np.int64), values)
