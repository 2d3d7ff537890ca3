"""Decoding: from frames to the physical values of signals, for a live batch as for a whole log.

Three engines give the same values in every bit, those of cantools where cantools decodes: straight-line
Python for a few frames, numpy over (frame, signal) pairs for hundreds, numpy message by message for more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

import msgspec
import numpy as np

from edge.can.dbc import Databases, Message, Signal
from edge.can.decode.field import prefers_big
from edge.can.decode.grouped import Grouped
from edge.can.decode.lookup import Lookup
from edge.can.decode.pairs import Pairs
from edge.can.decode.plan import Plan
from edge.can.decode.python import Values, decoder
from edge.can.decode.raw import Column
from edge.can.frames import Frames, concat

__all__ = [
    "CHUNK_FRAMES", "Column", "Decoded", "DecodedSignal", "Decoder", "Rows", "Series", "Values", "chunks",
    "collect", "decoder", "names",
]  # fmt: skip

CHUNK_FRAMES = 1 << 18
"""Of a long log, as many frames at a time cost the least: see `chunks`."""

Engine = Literal["python", "pairs", "grouped"]

# Measured with all signals of a car of 90 messages, 3.9 signals a frame.
_PAIRS_FROM = 8  # frames; for fewer, Python is faster
_GROUPED_FROM = 3000  # frames, when columns are asked for; rows are fastest from pairs at any size
_PAIRS_FRAMES = 1 << 13  # at a time


@dataclass(frozen=True)
class DecodedSignal:
    """One of the signals that a decoder gives. bus: on which it is defined; None: on every."""

    bus: str | None
    message: Message
    signal: Signal

    @property
    def name(self) -> str:
        """MESSAGE.SIGNAL."""
        return f"{self.message.name}.{self.signal.name}"


class Rows(msgspec.Struct, frozen=True, gc=False):
    """Values as parallel arrays, by frame, then in the order of the message.

    frame int (n,): index into the frames; signal int (n,): index into Decoder.signals; value float64 (n,),
    physical, NaN: not available.
    """

    frame: np.ndarray
    signal: np.ndarray
    value: np.ndarray

    def __len__(self) -> int:
        return len(self.frame)


class Decoded:
    """What a decoder finds in some frames: as rows or as columns, whichever is asked for, then decoded. The
    frames must stay as they are until then."""

    def __init__(self, decoder: Decoder, frames: Frames, lookup: Lookup, engine: Engine | None) -> None:
        self._decoder, self._frames, self._lookup, self._engine = decoder, frames, lookup, engine
        self._rows: Rows | None = None
        self._columns: list[Column] | None = None

    def rows(self) -> Rows:
        """All values by frame."""
        if self._rows is None:
            if self._engine == "grouped":
                self._rows = _rows([(one.signal, one.frame, one.value) for one in self.columns()])
            elif self._engine == "python" or (self._engine is None and len(self._frames) < _PAIRS_FROM):
                self._rows = self._decoder._python(self._frames, self._lookup)
            else:
                self._rows = self._decoder._by_pairs(self._frames, self._lookup)
        return self._rows

    def columns(self) -> Iterator[Column]:
        """All values by signal; a signal that no frame has gives none."""
        if self._columns is None:
            grouped = self._engine is None and self._rows is None and len(self._frames) >= _GROUPED_FROM
            if grouped or self._engine == "grouped":
                self._columns = self._decoder._grouped.decode(self._frames, self._lookup)
            else:
                data = np.ascontiguousarray(self._frames.data)
                signals = self._decoder.signals
                self._columns = [
                    Column(signal, frame, value, signals[signal].signal, data)
                    for signal, frame, value in _by_signal(self.rows())
                ]
        return iter(self._columns)


class Decoder:
    """Decodes the messages of some databases, or only the signals that are named ("MESSAGE.SIGNAL").

    Frames of other messages cost one look-up. Where several databases define an id on a bus, one that names
    the bus goes before one that does not, else the first. A message with a PGN (J1939) is found whatever the
    priority, source and destination, and the raw values that mean "error" and "not available" give NaN.

    signals: what it decodes; the index is used in what `decode` gives. missing: the names asked for that no
    database defines.
    """

    def __init__(self, databases: Databases, signals: Collection[str] | None = None) -> None:
        found: list[DecodedSignal] = []
        wanted: list[tuple[str | None, Message, list[Signal], int]] = []
        for database, bus in databases:
            for message in database.messages.values():
                of_message = [
                    signal
                    for signal in message.signals
                    if signals is None or f"{message.name}.{signal.name}" in signals
                ]
                if of_message:
                    wanted.append((bus, message, of_message, len(found)))
                    found += [DecodedSignal(bus, message, signal) for signal in of_message]
        self.signals = tuple(found)
        self.missing = tuple(sorted(set(signals or ()) - {signal.name for signal in found}))
        prefer_big = prefers_big([signal.signal for signal in found])
        self._plans = _by_layout([Plan(*one, prefer_big) for one in wanted])
        self._lookups: dict[tuple[str, ...], Lookup] = {}
        self._index = [tuple(range(plan.first, plan.first + len(plan.fields))) for plan in self._plans]

    def decode(self, frames: Frames, buses: Sequence[str], engine: Engine | None = None) -> Decoded:
        """The values in these frames; buses[i] is the name of bus i. engine: None chooses by size."""
        names_of = tuple(buses)
        lookup = self._lookups.get(names_of)
        if lookup is None:
            lookup = self._lookups[names_of] = Lookup(self._plans, names_of)
        return Decoded(self, frames, lookup, engine)

    @cached_property
    def _grouped(self) -> Grouped:
        return Grouped(self._plans)

    @cached_property
    def _pairs(self) -> Pairs:
        return Pairs(self._plans)

    def _by_pairs(self, frames: Frames, lookup: Lookup) -> Rows:
        if len(frames) > _PAIRS_FRAMES:
            starts = range(0, len(frames), _PAIRS_FRAMES)
            parts = [self._by_pairs(frames[start : start + _PAIRS_FRAMES], lookup) for start in starts]
            return Rows(
                np.concatenate([part.frame + start for part, start in zip(parts, starts, strict=True)]),
                np.concatenate([part.signal for part in parts]),
                np.concatenate([part.value for part in parts]),
            )
        if not self.signals or not len(frames):
            return _rows(())
        numbers = lookup.find(frames)
        (frame, signal, value), left_out = self._pairs.decode(frames, numbers)
        if left_out is None:
            return Rows(frame, signal, value)
        columns = self._grouped.decode(frames[left_out], lookup)
        rest = [(column.signal, left_out[column.frame], column.value) for column in columns]
        return _rows([(signal, frame, value), *rest])

    def _python(self, frames: Frames, lookup: Lookup) -> Rows:
        data = np.ascontiguousarray(frames.data[:, :8])
        little, big = data.view("<u8")[:, 0].tolist(), data.view(">u8")[:, 0].tolist()
        length = frames.length.tolist()
        frame: list[int] = []
        signal: list[int] = []
        value: list[float | None] = []
        for i, number in enumerate(lookup.find(frames).tolist()):
            if not number:
                continue
            plan, index = self._plans[number - 1], self._index[number - 1]
            if plan.width == 8 and length[i] >= plan.length:
                values = plan.decode_words(little[i], big[i])
            else:
                values = plan.decode(frames.payload(i))
            if plan.is_multiplexed:
                index = tuple(at for at, found in zip(index, values, strict=True) if found is not None)
                values = tuple(found for found in values if found is not None)
            signal += index
            value += values
            frame += [i] * len(index)
        return Rows(np.array(frame, np.intp), np.array(signal, np.intp), np.array(value, np.float64))


def _by_layout(plans: Iterable[Plan]) -> list[Plan]:
    """Those of one layout in a row, else in their order."""
    layouts: dict[object, list[Plan]] = {}
    for plan in plans:
        layouts.setdefault(plan.layout or plan.first, []).append(plan)
    return [plan for together in layouts.values() for plan in together]


def _rows(parts: Sequence[tuple[int | np.ndarray, np.ndarray, np.ndarray]]) -> Rows:
    """Of columns in the order of their signals, or of pieces of rows."""
    if not parts:
        return Rows(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0))
    frame = np.concatenate([frame for _, frame, _ in parts])
    signal = np.concatenate([np.broadcast_to(signal, frame.shape) for signal, frame, _ in parts])
    value = np.concatenate([value for _, _, value in parts])
    order = frame.argsort(kind="stable")
    return Rows(frame[order], signal[order], value[order])


def _by_signal(rows: Rows) -> list[tuple[int, np.ndarray, np.ndarray]]:
    few = rows.signal.max(initial=0) < 1 << 16  # then they are sorted in two passes
    order = (rows.signal.astype(np.uint16) if few else rows.signal).argsort(kind="stable")
    signal, frame, value = rows.signal[order], rows.frame[order], rows.value[order]
    starts = np.flatnonzero(np.diff(signal, prepend=-1)).tolist()
    return [
        (int(signal[start]), frame[start:end], value[start:end])
        for start, end in pairwise((*starts, len(signal)))
    ]


# ---------------------------------------------------------------- whole logs


def chunks(batches: Iterable[Frames], frame_count: int = CHUNK_FRAMES) -> Iterator[Frames]:
    """The same frames in batches of at least so many, but for the last."""
    parts: list[Frames] = []
    size = 0
    for batch in batches:
        parts.append(batch)
        size += len(batch)
        if size >= frame_count:
            yield concat(parts)
            parts, size = [], 0
    if size:
        yield concat(parts)


@dataclass(frozen=True)
class Series:
    """A signal over a whole log: t_ns int64 (n,), value float64 (n,), physical, NaN: not available."""

    t_ns: np.ndarray
    value: np.ndarray


def collect(decoder: Decoder, batches: Iterable[Frames], buses: Sequence[str]) -> list[Series]:
    """All values of all signals of a log, in the order of decoder.signals; buses may grow meanwhile.

    For 16 bytes of memory a value; to keep less, decode the `chunks` one by one.
    """
    found: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in decoder.signals]
    for chunk in chunks(batches):
        for column in decoder.decode(chunk, buses).columns():
            found[column.signal].append((chunk.t_ns[column.frame], column.value))
    return [
        Series(
            np.concatenate([np.empty(0, np.int64), *(t_ns for t_ns, _ in parts)]),
            np.concatenate([np.empty(0), *(value for _, value in parts)]),
        )
        for parts in found
    ]


def names(signal: Signal, raw: np.ndarray) -> list[str | None]:
    """The names (VAL_) of raw values; None where the file gives none."""
    name = signal.choices.get
    if signal.is_float:
        return [name(int(value)) if np.isfinite(value) else None for value in raw.tolist()]
    return [name(value) for value in raw.tolist()]
