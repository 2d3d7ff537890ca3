"""The location table: who has been heard lately, and what of theirs we know already (EN 302 636-4-1, 8.1)."""

from __future__ import annotations

from collections import OrderedDict, deque

import msgspec

from edge.v2x.network.packet import Packet, Source

_WINDOW_NS = 100_000_000  # over which a rate is taken


class Mib(msgspec.Struct, frozen=True, kw_only=True):
    """Constants of EN 302 636-4-1 annex H, named there itsGn...; those without a clause are ours.

    max_stations: when there are more, the one that has been silent longest is forgotten; buffer_octets: of
    packets that wait for their turn to be sent on; tolerance_s: by how much clocks may differ (ours).
    """

    station_lifetime_s: float = 20.0  # LifetimeLocTE
    max_stations: int = 1024
    duplicates: int = 8  # DPLLength
    max_rate_octets_s: float = 100_000.0  # MaxPacketDataRate
    rate_beta: float = 0.9  # MaxPacketDataRateEmaBeta
    beacon_s: float = 3.0  # BeaconServiceRetransmitTimer
    beacon_jitter_s: float = 0.75  # BeaconServiceMaxJitter
    area_forwarding: str = "cbf"  # AreaForwardingAlgorithm: "none", "simple" or "cbf"
    contention_min_s: float = 0.001  # CbfMinTime
    contention_max_s: float = 0.1  # CbfMaxTime
    range_m: float = 1000.0  # DefaultMaxCommunicationRange
    buffer_octets: int = 256 * 1024  # CbfPacketBufferSize
    tolerance_s: float = 2.0


class Station:
    """One entry. source: its newest position vector; neighbour: heard without anyone between."""

    __slots__ = ("heard_ns", "neighbour", "octets", "rate_octets_s", "seen", "source", "window_ns")

    def __init__(self, source: Source, now_ns: int, duplicates: int) -> None:
        self.source = source
        self.heard_ns = now_ns
        self.neighbour = False
        self.rate_octets_s = 0.0
        self.octets = 0
        self.window_ns = now_ns
        self.seen: deque[int] = deque(maxlen=duplicates)


class Stations:
    """The table, bounded in entries and in what each holds."""

    def __init__(self, mib: Mib) -> None:
        self._mib = mib
        self._lifetime_ns = round(mib.station_lifetime_s * 1e9)
        self._of: OrderedDict[int, Station] = OrderedDict()

    def __len__(self) -> int:
        return len(self._of)

    def get(self, address: int, now_ns: int) -> Station | None:
        """The entry of an address, unless it has run out."""
        station = self._of.get(address)
        if station is None or now_ns - station.heard_ns > self._lifetime_ns:
            return None
        return station

    def knows(self, packet: Packet, now_ns: int) -> bool:
        """Whether this packet has been heard; it is not noted."""
        if packet.source is None:
            return False
        station = self.get(packet.source.address, now_ns)
        return station is not None and key(packet) in station.seen

    def note(self, packet: Packet, source: Source, now_ns: int) -> Station | None:
        """Enter a packet; None: it has been heard before."""
        address = source.address
        station = self._of.get(address)
        mark = hash(packet.data) if packet.sequence is None else packet.sequence  # as key(), without a call
        if station is None:
            station = self._of[address] = Station(source, now_ns, self._mib.duplicates)
            if len(self._of) > self._mib.max_stations:
                self._of.popitem(last=False)
        else:
            if now_ns - station.heard_ns > self._lifetime_ns:
                station = self._of[address] = Station(source, now_ns, self._mib.duplicates)
            elif mark in station.seen:
                return None
            elif 0 < source.timestamp_ms - station.source.timestamp_ms & 0xFFFF_FFFF < 0x8000_0000:
                station.source = source
            self._of.move_to_end(address)
        station.seen.append(mark)
        station.heard_ns = now_ns
        if packet.remaining_hops == packet.hop_limit:
            station.neighbour = True
        station.octets += len(packet.data)
        passed_ns = now_ns - station.window_ns
        if passed_ns >= _WINDOW_NS:
            beta = self._mib.rate_beta
            station.rate_octets_s = (
                beta * station.rate_octets_s + (1 - beta) * station.octets * 1e9 / passed_ns
            )
            station.octets = 0
            station.window_ns = now_ns
        return station

    def forget_silent(self, now_ns: int) -> None:
        """Those whose lifetime has run out."""
        while self._of:
            address, station = next(iter(self._of.items()))
            if now_ns - station.heard_ns <= self._lifetime_ns:
                return
            del self._of[address]

    def neighbours(self, now_ns: int) -> list[Source]:
        """Everyone in reach, newest last."""
        return [
            station.source
            for station in self._of.values()
            if station.neighbour and now_ns - station.heard_ns <= self._lifetime_ns
        ]


def key(packet: Packet) -> int:
    """By what a packet is told from others of its source: its sequence number, else its octets (annex A)."""
    return hash(packet.data) if packet.sequence is None else packet.sequence
