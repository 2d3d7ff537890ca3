"""`icv v2x peers`: simulated vehicles, and a crossing, that send on a real link."""

from __future__ import annotations

import msgspec

from edge.clock import LiveClock, date_ns
from edge.config import ConfigError, UserError, V2x
from edge.messages import Announce, Intersections, RemoteObject, SignalStates
from edge.runtime.stopping import stopped_by_signals
from edge.sim.traffic import Traffic
from edge.v2x.links import open_link
from edge.v2x.sender import V2xSender
from edge.v2x.station import Station

_FIRST_ID = 0x1C50000
_MAP_NS, _SPAT_NS = 1_000_000_000, 100_000_000
_BURST_NS = 20_000_000


class Sent(msgspec.Struct, frozen=True):
    """What went out. trouble: why the last that failed did."""

    packets: int
    failed: int
    seconds: float
    trouble: str


class Crowd:
    """The vehicles of `traffic`, each a station on one link that sends `rate_hz` messages a second.

    start_ns: when the traffic's time began. Raises UserError for a link or keys that cannot be used.
    """

    def __init__(self, traffic: Traffic, config: V2x, rate_hz: float, *, roadside: bool = False) -> None:
        self._traffic = traffic
        self._period_ns = 1e9 / rate_hz / len(traffic)  # between two vehicles
        self._late_ns = 0.5e9 / rate_hz  # so that two of one vehicle never come close together
        self._clock = LiveClock()
        self.start_ns = self._clock.now_ns()
        try:
            self._link = open_link(config.link)
        except (OSError, ValueError) as error:
            raise UserError(f"[v2x.link] {config.link.kind}: {error}") from None
        self.where = config.link.kind
        self.certificates = 0
        store = None
        if config.security.directory is not None:
            from edge.v2x.security import load

            store = load(config.security.directory, date_ns(self.start_ns))
            self.certificates = len(store.tickets)
        try:
            self._senders = [
                V2xSender(
                    Station(config, _FIRST_ID + i, date_ns, self._link, start_ns=self.start_ns, store=store)
                )
                for i in range(len(traffic) + roadside)
            ]
        except ValueError as error:
            raise ConfigError(str(error)) from None
        for i, sender in enumerate(self._senders):  # each with a certificate of its own, as far as there are
            signer = sender.station.signer
            if signer is not None:
                for _ in range(i % self.certificates):
                    signer.change()
        self._roadside = self._senders[-1] if roadside else None
        self._number = 0
        self._map_ns = self._spat_ns = self.start_ns

    def due(self, now_ns: int) -> int:
        """Send all that is due; when the next will be."""
        while (at_ns := self.start_ns + round(self._number * self._period_ns)) <= now_ns:
            if now_ns - at_ns > self._late_ns:  # this machine cannot: skip rather than burst
                self._number += round((now_ns - at_ns) / self._period_ns)
                continue
            vehicle = self._number % len(self._traffic)
            content = self._traffic.vehicle(vehicle, (now_ns - self.start_ns) / 1e9)
            self._send(self._senders[vehicle], content, now_ns)
            self._number += 1
        if self._roadside is not None:
            if self._map_ns <= now_ns:
                self._map_ns += _MAP_NS
                self._send(self._roadside, self._traffic.crossing(), now_ns)
            if self._spat_ns <= now_ns:
                self._spat_ns += _SPAT_NS
                t_s = (now_ns - self.start_ns) / 1e9
                self._send(self._roadside, self._traffic.signals(t_s, now_ns), now_ns)
            at_ns = min(at_ns, self._spat_ns)
        return at_ns

    def sent(self) -> Sent:
        """What went out until now."""
        return Sent(
            sum(s.sent for s in self._senders),
            sum(s.failed for s in self._senders),
            (self._clock.now_ns() - self.start_ns) / 1e9,
            next((s.trouble for s in self._senders if s.trouble), ""),
        )

    def close(self) -> None:
        """Leave the link."""
        self._link.close()

    @staticmethod
    def _send(sender: V2xSender, content: RemoteObject | Intersections | SignalStates, now_ns: int) -> None:
        if isinstance(content, RemoteObject):
            sender.take(Announce(t_ns=now_ns, content=content, cause="simulated"), now_ns)
        else:
            sender.tell(content, now_ns)


def drive_crowd(crowd: Crowd, seconds: float) -> Sent:
    """Send until `seconds` are over (0: never), Ctrl-C or SIGTERM."""
    clock = LiveClock()
    end_ns = clock.now_ns() + round(seconds * 1e9) if seconds > 0 else None
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True

    try:
        with stopped_by_signals(stop):
            while not stopped and (end_ns is None or clock.now_ns() < end_ns):
                next_ns = crowd.due(clock.now_ns())
                clock.sleep_until_ns(min(next_ns, clock.now_ns() + _BURST_NS))
        return crowd.sent()
    finally:
        crowd.close()
