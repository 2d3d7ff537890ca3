"""What a log holds: how long, which buses and ids, how busy, what seems to be missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from edge.can.bus.load import wire_ns
from edge.can.dbc import Databases, Message, pgn_of
from edge.can.frames import ERROR, FD, KEY_EXTENDED, Frames

SILENCE_NS = 1_000_000_000
"""A bus without a frame for longer has a gap."""

_LEARN = 64  # intervals from which the period of an id is learned
_STEADY = 0.3  # spread of the middle 80 % of them, of the median: wider is no period
_NEVER = np.iinfo(np.int64).min


@dataclass
class BusStatistics:
    """One bus. busy_ns: how long frames occupied it, by the second of the log's own time; gaps: (from, to) in
    ns of each silence longer than SILENCE_NS."""

    frames: int = 0
    error_frames: int = 0
    fd_frames: int = 0
    busy_ns: dict[int, int] = field(default_factory=dict)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    last_ns: int = _NEVER


@dataclass(frozen=True)
class IdStatistics:
    """One id on one bus. period_ns: the median interval of an id that comes steadily, else None; missing:
    frames that did not come though their time had, an estimate from the period (silences are not counted)."""

    bus: int
    key: int
    frames: int
    period_ns: int | None
    missing: int

    @property
    def id(self) -> str:
        """In hex, 3 digits or 8."""
        return f"{self.key & ~KEY_EXTENDED:08X}" if self.key & KEY_EXTENDED else f"{self.key:03X}"


class LogStatistics:
    """Gathers batch by batch; memory grows with ids and seconds, not with frames.

    A log does not tell the bit rates: bitrate_bps, and data_bitrate_bps of CAN FD with bit rate switch.
    """

    def __init__(self, bitrate_bps: int = 500_000, data_bitrate_bps: int = 2_000_000) -> None:
        self.bitrates_bps = (bitrate_bps, data_bitrate_bps)
        self.first_ns: int | None = None
        self.last_ns = 0
        self.buses: dict[int, BusStatistics] = {}
        self._index: dict[int, int] = {}
        self._count = np.zeros(0, np.int64)
        self._last_ns = np.zeros(0, np.int64)
        self._period_ns = np.zeros(0, np.int64)  # 0: not yet known, -1: none
        self._missing = np.zeros(0, np.int64)
        self._intervals: dict[int, list[np.ndarray]] = {}

    @property
    def duration_s(self) -> float:
        """From the earliest frame to the latest."""
        return 0.0 if self.first_ns is None else (self.last_ns - self.first_ns) / 1e9

    def take(self, frames: Frames) -> None:
        """One batch."""
        if not len(frames):
            return
        first_ns, last_ns = int(frames.t_ns.min()), int(frames.t_ns.max())
        self.first_ns = first_ns if self.first_ns is None else min(first_ns, self.first_ns)
        self.last_ns = max(last_ns, self.last_ns)
        for bus in np.unique(frames.bus).tolist():
            self._take_bus(self.buses.setdefault(bus, BusStatistics()), frames[frames.bus == bus])
        self._take_ids(frames[frames.flags & ERROR == 0])

    def ids(self) -> list[IdStatistics]:
        """The most frequent first."""
        rows = []
        for place, i in self._index.items():
            bus, key = divmod(place, 1 << 32)
            self._learn(i)
            period_ns = int(self._period_ns[i])
            rows.append(
                IdStatistics(
                    bus,
                    key,
                    int(self._count[i]),
                    period_ns if period_ns > 0 else None,
                    int(self._missing[i]),
                )
            )
        return sorted(rows, key=lambda row: (-row.frames, row.bus, row.key))

    def _take_bus(self, bus: BusStatistics, frames: Frames) -> None:
        errors = frames.flags & ERROR != 0
        bus.frames += len(frames)
        bus.error_frames += int(errors.sum())
        bus.fd_frames += int((frames.flags & FD != 0).sum())
        seconds, which = np.unique(frames.t_ns // 1_000_000_000, return_inverse=True)
        busy_ns = np.bincount(which, weights=wire_ns(frames, *self.bitrates_bps))
        for second, ns in zip(seconds.tolist(), busy_ns.tolist(), strict=True):
            bus.busy_ns[second] = bus.busy_ns.get(second, 0) + int(ns)
        before = np.concatenate([[bus.last_ns], frames.t_ns[:-1]])
        known = before != _NEVER
        step = np.where(known, frames.t_ns - np.where(known, before, 0), 0)
        bus.gaps += [(int(before[i]), int(frames.t_ns[i])) for i in np.flatnonzero(step > SILENCE_NS)]
        bus.last_ns = int(frames.t_ns[-1])

    def _take_ids(self, frames: Frames) -> None:
        if not len(frames):
            return
        places = frames.bus.astype(np.uint64) << np.uint64(32) | frames.keys()
        found, which, counts = np.unique(places, return_inverse=True, return_counts=True)
        at = np.array([self._place(place) for place in found.tolist()])
        order = np.argsort(which, kind="stable")
        t_ns, ends = frames.t_ns[order], np.cumsum(counts)
        before = np.concatenate([[0], t_ns[:-1]])
        before[ends - counts] = self._last_ns[at]
        known = before != _NEVER
        step_ns = np.where(known, t_ns - np.where(known, before, 0), 0)
        period_ns = np.repeat(self._period_ns[at], counts)
        self._count[at] += counts
        self._last_ns[at] = t_ns[ends - 1]
        self._missing[at] += np.add.reduceat(_missing(step_ns, period_ns), ends - counts)
        for i, start, end in zip(at.tolist(), (ends - counts).tolist(), ends.tolist(), strict=True):
            if self._period_ns[i] == 0:
                self._intervals.setdefault(i, []).append(step_ns[start:end][known[start:end]])
                if self._count[i] > _LEARN:
                    self._learn(i)

    def _place(self, place: int) -> int:
        i = self._index.setdefault(place, len(self._index))
        if i == len(self._count):
            more = 64
            self._count = np.pad(self._count, (0, more))
            self._last_ns = np.pad(self._last_ns, (0, more), constant_values=_NEVER)
            self._period_ns = np.pad(self._period_ns, (0, more))
            self._missing = np.pad(self._missing, (0, more))
        return i

    def _learn(self, i: int) -> None:
        """The period of an id, from the intervals kept so far, and what they missed."""
        kept = self._intervals.pop(i, None)
        if kept is None:
            return
        intervals = np.concatenate(kept)
        self._period_ns[i] = -1
        if len(intervals) < 8:
            return
        low, middle, high = np.quantile(intervals, (0.1, 0.5, 0.9))
        if middle > 0 and high - low <= _STEADY * middle:
            self._period_ns[i] = round(middle)
            self._missing[i] += int(_missing(intervals, np.full_like(intervals, round(middle))).sum())


def _missing(step_ns: np.ndarray, period_ns: np.ndarray) -> np.ndarray:
    """Frames that each interval lacks; none where there is no period or all may have been silent."""
    some = (period_ns > 0) & (step_ns > period_ns + period_ns // 2) & (step_ns <= SILENCE_NS)
    return np.where(some, (step_ns + period_ns // 2) // np.where(some, period_ns, 1) - 1, 0)


def definitions(
    rows: Sequence[IdStatistics], databases: Databases, buses: Sequence[str]
) -> list[Message | None]:
    """What each id is in the databases, None if in none; buses: names, as IdStatistics.bus counts them."""
    exact: dict[tuple[str | None, int], Message] = {}
    groups: dict[tuple[str | None, int], Message] = {}
    for database, bus in databases:
        for key, message in database.messages.items():
            if message.pgn is not None:
                groups.setdefault((bus, message.pgn), message)
            exact.setdefault((bus, key), message)
    found = []
    for row in rows:
        group = pgn_of(row.key) if row.key & KEY_EXTENDED else -1
        bus = buses[row.bus]
        found.append(
            exact.get((bus, row.key))
            or exact.get((None, row.key))
            or groups.get((bus, group))
            or groups.get((None, group))
        )
    return found
