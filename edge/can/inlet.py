"""CAN as a source of messages: a live bus, a log, the raw frames of a recorded drive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from edge import config
from edge.can.bus import MAX_BATCH, BusError, CanBus, Wanted, open_bus
from edge.can.bus.watch import BusWatch, HealthState
from edge.can.frames import NONE, Frames, concat
from edge.can.in_order import in_order, sort_by_time
from edge.can.logs.reader import read_log
from edge.can.logs.report import LogError
from edge.can.vehicle import VehicleReader
from edge.messages import Gap, Health, Message, Signals

Listen = Callable[[str, Frames], np.ndarray]
"""listen(bus, frames): hear them; bool (n,): those that do not show that the bus is awake."""

Record = Callable[[str, int, bytes], None]
"""record(topic, t_ns, data): keep raw data; the topic of CAN is "can/BUS", the data Frames.to_bytes()."""

RETRY_NS = SECOND_NS = 1_000_000_000
MAX_BATCHES = 4
BUSY_FRAMES = 1000
"""In a second. To wake for each frame of more costs a processor; they wait for the next tick instead."""

SETTLED_NS = 50_000_000
"""A frame reaches us no later than this after its stamp, so before it all is known."""

KEPT_BYTES = 128 << 20
"""A log of fewer bytes of frames (5 million classic ones) is held."""
WINDOW_NS = 5_000_000_000
_FRAME_BYTES = 16  # beside its data


class CanInlet:
    """One or more live buses behind one door, opened at the first poll, again once a second after trouble.

    Messages say "can:NAME" of one bus; a loss that the buses share is said of "can:NAME+NAME". wanted: see
    open_bus; nothing else is then sure to be seen, so it is not to be recorded. listen: told of all frames.
    """

    def __init__(
        self,
        buses: Sequence[config.Can],
        reader: VehicleReader,
        record: Record | None = None,
        opener: Callable[..., CanBus] = open_bus,
        wanted: Wanted | None = None,
    ) -> None:
        self.names = tuple(can.name for can in buses)
        self.name = "can:" + "+".join(self.names)
        self.bus: CanBus | None = None
        self.listen: Listen | None = None
        self._cans = tuple(buses)
        self._watches = [BusWatch(can, some_only=wanted is not None) for can in buses]
        self._reader = reader
        self._record = record
        self._opener = opener if wanted is None else partial(opener, wanted=wanted)
        self._next_try_ns: int | None = None
        self._dropped = 0
        self._counted = False
        self._busy = False
        self._second_ns = self._frames = 0

    def fileno(self) -> int | None:
        """Of the bus, while it is open and calm: a busy one is polled, many frames at a time."""
        return self.bus.fileno() if self.bus and not self._busy else None

    def poll(self, now_ns: int) -> Sequence[Message]:
        """Signals, Gap and Health up to now."""
        out: list[Message] = []
        if self.bus is None:
            self._open(now_ns, out)
        bus = self.bus
        if bus is None:
            self._overdue(now_ns, out)
            return out
        try:
            parts = [bus.receive()]
            with suppress(BusError):  # the next poll tells; what came is kept
                while len(parts[-1]) >= (1 if self._busy else MAX_BATCH) and len(parts) < MAX_BATCHES:
                    parts.append(bus.receive())
            found = concat(parts)
        except BusError as error:
            for which, watch in enumerate(self._watches):
                watch.say(now_ns, "failed", bus.trouble(which) or str(error), out)
            self.close()
            self._next_try_ns = now_ns + RETRY_NS
            return out
        if len(found):
            self._take(now_ns, found, out)
        else:
            self._overdue(now_ns, out)
        self._frames += len(found)
        if now_ns - self._second_ns >= SECOND_NS:
            self._busy = self._frames > BUSY_FRAMES
            self._second_ns, self._frames = now_ns, 0
        self._count(now_ns, bus, out)
        for which, watch in enumerate(self._watches):
            watch.check(now_ns, bus, which, out)
        return out

    def close(self) -> None:
        """Close the bus; a later poll opens it again."""
        if self.bus is not None:
            self.bus.close()
            self.bus = None

    def _open(self, now_ns: int, out: list[Message]) -> None:
        if self._next_try_ns is not None and now_ns < self._next_try_ns:
            return
        self._next_try_ns = now_ns + RETRY_NS
        try:
            self.bus = self._opener(*self._cans)
        except BusError as error:
            for watch in self._watches:
                watch.say(now_ns, "failed", str(error), out)
            return
        self._dropped = 0
        self._counted = "controller_dropped" in self.bus.health()
        for watch in self._watches:
            watch.opened(now_ns)

    def _take(self, now_ns: int, found: Frames, out: list[Message]) -> None:
        for which, watch in enumerate(self._watches):
            own = found
            name = self.names[which]
            if len(self._watches) > 1:
                own = found[found.bus == which].on_bus(0)
                if not len(own):
                    read_ns = min(now_ns, int(found.t_ns[-1]))  # more of it may still wait in the socket
                    out += self._reader.overdue(read_ns - SETTLED_NS, name)
                    continue
            if self._record:
                self._record(f"can/{name}", int(own.t_ns[-1]), own.to_bytes())
            out += _read(self._reader, own, name)
            if self.listen is not None:
                own = own[~self.listen(name, own)]
            if len(own):
                watch.take(now_ns, own, self._counted, out)

    def _overdue(self, now_ns: int, out: list[Message]) -> None:
        """All is quiet: which messages have stopped."""
        for name in self.names:
            out += self._reader.overdue(now_ns - SETTLED_NS, name)

    def _count(self, now_ns: int, bus: CanBus, out: list[Message]) -> None:
        dropped = int(bus.health().get("dropped", 0))
        if dropped > self._dropped:
            lost = dropped - self._dropped
            out.append(Gap(t_ns=now_ns, source=self.name, reason="receive buffer full", count=lost))
            self._dropped = dropped


class LogInlet:
    """The frames of a log up to now; with start_ns its first frame is at start_ns, else times stay its own.

    The log is read once for its length. One of more than kept_bytes of frames is not held but read a second
    time while it is played, window_ns ahead, since frames of several buses need not be in order in it: what
    comes later than that is a Gap, "out of order". Raises LogError if it cannot be read. start_ns, end_ns:
    times of the first and the last frame, as given out; file_start_ns: of the first, as in the file; bad:
    what could not be read in it.
    """

    def __init__(
        self,
        path: str | Path,
        reader: VehicleReader,
        start_ns: int | None = None,
        record: Record | None = None,
        name: str = "can:log",
        kept_bytes: int = KEPT_BYTES,
        window_ns: int = WINDOW_NS,
    ) -> None:
        self.name = name
        self._reader = reader
        self._record = record
        log = read_log(path)
        kept: list[Frames] = []
        size = self._count = self._given = self._late = 0
        starts, ends = [], []
        for batch in log:
            self._count += len(batch)
            starts.append(int(batch.t_ns.min()))
            ends.append(int(batch.t_ns.max()))
            size += _FRAME_BYTES * len(batch) + batch.data.nbytes
            if size <= kept_bytes:
                kept.append(batch)
            else:
                kept.clear()
        self.file_start_ns = min(starts)
        self._shift_ns = 0 if start_ns is None else start_ns - self.file_start_ns
        self.start_ns = self.file_start_ns + self._shift_ns
        self.end_ns = max(ends) + self._shift_ns
        self._buses = tuple(log.buses)
        self._bad_count = log.report.bad_count
        self.bad = tuple(log.report.bad)
        self._chunks = (
            iter([sort_by_time(concat(kept))]) if kept else in_order(read_log(path), window_ns, self._be_late)
        )
        self._ahead = NONE
        self._ended = False

    @property
    def buses(self) -> tuple[str, ...]:
        """Their names in the log."""
        return self._buses

    @property
    def progress(self) -> float:
        """Share of the frames given out, 0 to 1."""
        return self._given / self._count

    def fileno(self) -> None:
        """Polled."""

    def poll(self, now_ns: int) -> Sequence[Message]:
        """Signals of the frames up to now, one per bus."""
        out: list[Message] = []
        trouble = ""
        try:
            found = self._up_to(now_ns)
        except LogError as error:  # it was there a moment ago
            found, self._chunks, trouble = NONE, iter(()), str(error)
        self._gap(now_ns, "unreadable lines in the log", self._bad_count, out)
        self._gap(now_ns, "out of order in the log", self._late, out)
        self._bad_count = self._late = 0
        for bus, name in enumerate(self._buses):
            own = found[found.bus == bus].on_bus(0)
            if not len(own):
                out += self._reader.overdue(now_ns, name)
                continue
            if self._record:
                self._record(f"can/{name}", int(own.t_ns[-1]), own.to_bytes())
            out += _read(self._reader, own, name)
        if not self._ended and (trouble or self._given == self._count):
            self._ended = True
            detail = trouble or "the log has ended"
            state: HealthState = "failed" if trouble else "degraded"
            out.append(Health(t_ns=now_ns, source=self.name, state=state, detail=detail))
        return out

    def _up_to(self, now_ns: int) -> Frames:
        parts = []
        while True:
            cut = int(np.searchsorted(self._ahead.t_ns, now_ns, side="right"))
            if cut:
                parts.append(self._ahead[:cut])
                self._ahead = self._ahead[cut:]
                self._given += cut
            if len(self._ahead):
                break
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._ahead = replace(chunk, t_ns=chunk.t_ns + self._shift_ns)
        return concat(parts)

    def _be_late(self, count: int) -> None:
        self._late += count
        self._given += count

    def _gap(self, now_ns: int, reason: str, count: int, out: list[Message]) -> None:
        if count:
            out.append(Gap(t_ns=now_ns, source=self.name, reason=reason, count=count))

    def close(self) -> None:
        """Nothing to let go."""


class RawCanInlet:
    """The raw frames of a recorded drive, decoded anew: items (t_ns, Frames.to_bytes()) in order of time.

    A batch gives the same Signals as it gave when it was recorded, if the reader is the same.
    """

    def __init__(
        self, name: str, bus: str, items: Iterable[tuple[int, bytes]], reader: VehicleReader
    ) -> None:
        self.name = name
        self._bus = bus
        self._items = iter(items)
        self._next = next(self._items, None)
        self._reader = reader

    def fileno(self) -> None:
        """Polled."""

    def poll(self, now_ns: int) -> Sequence[Message]:
        """Signals of the batches up to now; Gap for one that is damaged."""
        out: list[Message] = []
        while self._next is not None and self._next[0] <= now_ns:
            t_ns, raw = self._next
            self._next = next(self._items, None)
            try:
                found = Frames.from_bytes(raw).on_bus(0)
            except ValueError:
                out.append(Gap(t_ns=t_ns, source=self.name, reason="damaged batch of raw frames", count=1))
                continue
            if not len(found):
                continue
            out += _read(self._reader, found, self._bus)
        if self._next is None:
            out += self._reader.overdue(now_ns, self._bus)
        return out

    def close(self) -> None:
        """Nothing to let go."""


def _read(reader: VehicleReader, frames: Frames, bus: str) -> list[Signals]:
    """What a batch of one bus says: what had stopped before it, then its own; the same live and in replay."""
    stopped = reader.overdue(int(frames.t_ns[0]), bus)
    signals = reader.read(frames, (bus,))
    return [*stopped, signals] if signals is not None else stopped
