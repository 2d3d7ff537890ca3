"""CAN as a source of messages: a live bus, a log, the raw frames of a recorded drive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from edge import config
from edge.can.bus import BusError, CanBus, open_bus
from edge.can.frames import ERROR, Frames, concat
from edge.can.logs.reader import read_log
from edge.can.vehicle import VehicleReader
from edge.messages import Gap, Health, Message

Record = Callable[[str, int, bytes], None]
"""record(topic, t_ns, data): keep raw data; the topic of CAN is "can/BUS", the data Frames.to_bytes()."""

HealthState = Literal["ok", "degraded", "failed"]

RETRY_NS = 1_000_000_000
SILENT_NS = 1_000_000_000

_BUS_OFF, _RESTARTED, _CONTROLLER = 0x40, 0x100, 0x04  # classes of error frames, linux/can/error.h
_RX_OVERFLOW = 0x01  # in data[1] of a controller error


class CanInlet:
    """A live bus: opened at the first poll, again once a second after trouble; silence is told."""

    def __init__(
        self,
        name: str,
        can: config.Can,
        reader: VehicleReader,
        record: Record | None = None,
        opener: Callable[[config.Can], CanBus] = open_bus,
    ) -> None:
        self.name = name
        self.bus: CanBus | None = None
        self._can = can
        self._reader = reader
        self._record = record
        self._opener = opener
        self._said: tuple[str, str] | None = None
        self._next_try_ns: int | None = None
        self._last_ns = 0
        self._dropped = 0
        self._bus_off = False

    def fileno(self) -> int | None:
        """Of the bus, while it is open."""
        return self.bus.fileno() if self.bus else None

    def poll(self, now_ns: int) -> Sequence[Message]:
        """Signals, Gap and Health up to now."""
        out: list[Message] = []
        if self.bus is None:
            self._open(now_ns, out)
        if self.bus is None:
            return out
        try:
            found = self.bus.receive()
        except BusError as error:
            self._fail(now_ns, str(error), out)
            return out
        if len(found):
            self._take(now_ns, found, out)
        self._count(now_ns, self.bus, out)
        if self._bus_off:
            self._say(now_ns, "failed", "bus-off: check wiring, termination and bit rate", out)
        elif now_ns - self._last_ns >= SILENT_NS:
            why = "silent: no frame for 1 s: is the ignition on, is the bit rate right?"
            self._say(now_ns, "degraded", why, out)
        elif self._last_ns == now_ns and len(found):
            self._say(now_ns, "ok", "", out)
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
            self.bus = self._opener(self._can)
        except BusError as error:
            self._say(now_ns, "failed", str(error), out)
            return
        self._dropped = 0
        self._bus_off = False
        self._last_ns = now_ns

    def _fail(self, now_ns: int, why: str, out: list[Message]) -> None:
        self.close()
        self._next_try_ns = now_ns + RETRY_NS
        self._say(now_ns, "failed", why, out)

    def _take(self, now_ns: int, found: Frames, out: list[Message]) -> None:
        if self._record:
            self._record(f"can/{self._can.name}", int(found.t_ns[-1]), found.to_bytes())
        signals = self._reader.read(found, (self._can.name,))
        if signals is not None:
            out.append(signals)
        errors = found.flags & ERROR != 0
        if not errors.all():
            self._last_ns = now_ns
            self._bus_off = False
        if errors.any():
            self._errors(now_ns, found[errors], out)

    def _errors(self, now_ns: int, found: Frames, out: list[Message]) -> None:
        lost = 0
        for i in range(len(found)):
            kind = int(found.id[i])
            if kind & (_BUS_OFF | _RESTARTED):
                self._bus_off = bool(kind & _BUS_OFF)
            if kind & _CONTROLLER and found.data[i, 1] & _RX_OVERFLOW:
                lost += 1
        if lost:
            out.append(Gap(t_ns=now_ns, source=self.name, reason="overflow of the controller", count=lost))

    def _count(self, now_ns: int, bus: CanBus, out: list[Message]) -> None:
        dropped = int(bus.health().get("dropped", 0))
        if dropped > self._dropped:
            lost = dropped - self._dropped
            out.append(Gap(t_ns=now_ns, source=self.name, reason="receive buffer full", count=lost))
            self._dropped = dropped

    def _say(self, now_ns: int, state: HealthState, detail: str, out: list[Message]) -> None:
        if self._said == (state, detail):
            return
        self._said = (state, detail)
        figures = self.bus.health() if self.bus else {}
        out.append(Health(t_ns=now_ns, source=self.name, state=state, detail=detail, figures=figures))


class LogInlet:
    """The frames of a log up to now; with start_ns its first frame is at start_ns, else times stay its own.

    The log is read whole, since frames of several buses need not be in order in it. Raises LogError if it
    cannot be read. start_ns, end_ns: times of the first and the last frame, as given out; file_start_ns: of
    the first, as in the file; bad: what could not be read in it.
    """

    def __init__(
        self,
        path: str | Path,
        reader: VehicleReader,
        start_ns: int | None = None,
        record: Record | None = None,
        name: str = "can:log",
    ) -> None:
        self.name = name
        log = read_log(path)
        everything = concat(list(log))
        order = np.argsort(everything.t_ns, kind="stable")
        self.file_start_ns = int(everything.t_ns[order[0]])
        shift_ns = 0 if start_ns is None else start_ns - self.file_start_ns
        self._frames = replace(everything[order], t_ns=everything.t_ns[order] + shift_ns)
        self._buses = log.buses
        self._reader = reader
        self._record = record
        self._at = 0
        self._ended = False
        self._bad_count = log.report.bad_count
        self.bad = tuple(log.report.bad)
        self.start_ns = int(self._frames.t_ns[0])
        self.end_ns = int(self._frames.t_ns[-1])

    @property
    def buses(self) -> tuple[str, ...]:
        """Their names in the log."""
        return tuple(self._buses)

    @property
    def progress(self) -> float:
        """Share of the frames given out, 0 to 1."""
        return self._at / len(self._frames)

    def fileno(self) -> None:
        """Polled."""

    def poll(self, now_ns: int) -> Sequence[Message]:
        """Signals of the frames up to now, one per bus."""
        out: list[Message] = []
        if self._bad_count:
            out.append(
                Gap(
                    t_ns=now_ns, source=self.name, reason="unreadable lines in the log", count=self._bad_count
                )
            )
            self._bad_count = 0
        end = max(self._at, int(np.searchsorted(self._frames.t_ns, now_ns, side="right")))
        found = self._frames[self._at : end]
        self._at = end
        for bus in np.unique(found.bus).tolist():
            own = found[found.bus == bus].on_bus(0)
            bus_name = self._buses[bus]
            if self._record:
                self._record(f"can/{bus_name}", int(own.t_ns[-1]), own.to_bytes())
            signals = self._reader.read(own, (bus_name,))
            if signals is not None:
                out.append(signals)
        if end == len(self._frames) and not self._ended:
            self._ended = True
            out.append(Health(t_ns=now_ns, source=self.name, state="degraded", detail="the log has ended"))
        return out

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
            signals = self._reader.read(found, (self._bus,))
            if signals is not None:
                out.append(signals)
        return out

    def close(self) -> None:
        """Nothing to let go."""
