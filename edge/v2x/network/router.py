"""The GeoAdhoc router: what is new, who is there, what is sent on (EN 302 636-4-1 clause 10).

A state machine without a clock: `now_ns` is monotonic, our own place and date come in a position vector, and
random numbers from the caller. Inside an area packets are sent on by simple or contention-based forwarding
(annex F); towards an area they are not: there is no unicast on our links for greedy forwarding to use.
Packets for one station (GUC) are not sent on, and the location service is not answered.
"""

from __future__ import annotations

import math
from collections import deque

from edge.v2x.network.area import offset_m
from edge.v2x.network.geonetworking import MAX_AREA_M2, one_hop_less
from edge.v2x.network.packet import Packet, Source
from edge.v2x.network.stations import Mib, Station, Stations
from edge.v2x.uper import CodecError

_WHERE = "GeoNetworking"
_OWN_PACKETS = 64
_MOVED_ON = 5  # octets of family and basic header: what is sent on differs there


class Router:
    """State of one station. address: the lower 48 bits of its GN address.

    conflicts: how many packets of others came under our own address (duplicate address detection): the
    caller then takes a new one.
    """

    def __init__(self, address: int, mib: Mib | None = None) -> None:
        self.mib = mib or Mib()
        self.stations = Stations(self.mib)
        self.address = address
        self.conflicts = 0
        self._former = address
        self._own: deque[int] = deque(maxlen=_OWN_PACKETS)
        self._sequence = 0
        self._beacon_ns: int | None = None
        self._tolerance_ms = round(self.mib.tolerance_s * 1000)
        self._waiting: dict[tuple[int, int], tuple[int, bytes]] = {}  # in contention: when, what
        self._waiting_octets = 0
        self._next_ns = 1 << 63

    # ------------------------------------------------------------ what comes in

    def knows(self, packet: Packet, now_ns: int) -> bool:
        """Whether it was heard before: asked before a signature is checked, nothing is noted."""
        return self.stations.knows(packet, now_ns)

    def give_way(self, packet: Packet) -> None:
        """What we were about to send on has been, octet by octet, by somebody else: asked after `knows`."""
        if packet.source is None or packet.sequence is None:
            return
        key = packet.source.address, packet.sequence
        if key in self._waiting and self._waiting[key][1][_MOVED_ON:] == packet.data[_MOVED_ON:]:
            self._take(key)

    def hear(self, packet: Packet, now_ns: int, own: Source | None) -> list[bytes]:
        """Take note of a packet that is verified, or need not be; what is to be sent on at once.

        own: where and when we are, None: not known; then nobody judges age or area, and nothing is sent on.
        Raises CodecError for what is not for the layers above: "duplicate", "own" (it came back to us),
        "address taken", "expired", "future", "out of area", "for another" station, "secured" (not verified
        yet). Packets of other families pass: they have no source.
        """
        source = packet.source
        if source is None:
            if packet.secured is not None:
                raise CodecError(_WHERE, "its signature has not been checked", "secured")
            return []
        if source.address == self.address or source.address == self._former:
            self._refuse_own(packet, source)
        if own is not None:
            age_ms = (own.timestamp_ms - source.timestamp_ms + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000
            if age_ms > packet.lifetime_s * 1000 + self._tolerance_ms:
                raise CodecError(_WHERE, f"{age_ms} ms old, {packet.lifetime_s:g} s to live", "expired")
            if age_ms < -self._tolerance_ms:
                raise CodecError(_WHERE, f"{-age_ms} ms ahead of us", "future")
        station = self.stations.note(packet, source, now_ns)
        if station is None:
            self._give_way(packet, source)
            raise CodecError(_WHERE, f"{packet.kind} of {source.address:012x} was heard before", "duplicate")
        if packet.kind == "shb":
            return []
        return self._pass_on(packet, source, station, now_ns, own)

    def due(self, now_ns: int) -> list[bytes]:
        """The packets whose contention we have won: nobody else has sent them on. Asked each 10 ms or so."""
        if now_ns < self._next_ns:
            return []
        ready = [key for key, (due_ns, _) in self._waiting.items() if due_ns <= now_ns]
        packets = [self._take(key) for key in ready]
        self._next_ns = min((due_ns for due_ns, _ in self._waiting.values()), default=1 << 63)
        self.stations.forget_silent(now_ns)
        return packets

    # ------------------------------------------------------------ what goes out

    def next_sequence(self) -> int:
        """For the next packet of more than one hop."""
        self._sequence = (self._sequence + 1) & 0xFFFF
        return self._sequence

    def sent(self, data: bytes, now_ns: int, jitter_ratio: float = 0.0) -> None:
        """Our own packet has gone out: known when it comes back, and no beacon is needed for a while.

        jitter_ratio: 0 to 1, a new random number for each.
        """
        self._own.append(hash(data[_MOVED_ON:]))
        wait_s = self.mib.beacon_s + jitter_ratio * self.mib.beacon_jitter_s
        self._beacon_ns = now_ns + round(wait_s * 1e9)

    def beacon_due(self, now_ns: int) -> bool:
        """Nothing has been sent for so long that others could forget us."""
        return self._beacon_ns is None or now_ns >= self._beacon_ns

    def rename(self, address: int, sequence: int = 0) -> None:
        """A new pseudonym, or an answer to a conflict. sequence: the numbers of packets go on behind it."""
        self._former, self.address = self.address, address
        self._sequence = sequence & 0xFFFF

    # ------------------------------------------------------------

    def _refuse_own(self, packet: Packet, source: Source) -> None:
        if hash(packet.data[_MOVED_ON:]) in self._own:
            raise CodecError(_WHERE, "our own packet came back", "own")
        if source.address == self.address:
            self.conflicts += 1
        raise CodecError(_WHERE, f"another station has our address {source.address:012x}", "address taken")

    def _pass_on(
        self, packet: Packet, source: Source, station: Station, now_ns: int, own: Source | None
    ) -> list[bytes]:
        area, kind = packet.area, packet.kind
        if area is not None and own is not None and not area.holds(own.latitude, own.longitude):
            raise CodecError(_WHERE, f"for a {area.shape} that we are not in", "out of area")
        if kind == "guc" and packet.destination != self.address:
            raise CodecError(_WHERE, f"for {packet.destination or 0:012x}", "for another")
        method = self.mib.area_forwarding
        if (
            kind not in ("gbc", "tsb")
            or packet.remaining_hops <= 1
            or own is None
            or method == "none"
            or station.rate_octets_s > self.mib.max_rate_octets_s
            or (area is not None and area.square_m > MAX_AREA_M2)
        ):
            return []
        if kind == "tsb" or method == "simple":
            return [one_hop_less(packet)]
        self._contend(packet, source, now_ns, own)
        return []

    def _contend(self, packet: Packet, source: Source, now_ns: int, own: Source) -> None:
        """The farther we are from who sent it, the sooner (clause F.3). Known is only the first sender."""
        key = source.address, packet.sequence or 0
        if key in self._waiting:  # heard again, after so many others that its number was forgotten
            self._take(key)
            return
        mib = self.mib
        wait_s = mib.contention_max_s
        if packet.remaining_hops == packet.hop_limit:
            north, east = offset_m(
                source.latitude * 1e-7, source.longitude * 1e-7, own.latitude * 1e-7, own.longitude * 1e-7
            )
            near = max(1 - math.hypot(north, east) / mib.range_m, 0.0)
            wait_s = mib.contention_min_s + (mib.contention_max_s - mib.contention_min_s) * near
        data = one_hop_less(packet)
        while self._waiting and self._waiting_octets + len(data) > mib.buffer_octets:
            self._take(next(iter(self._waiting)))
        due_ns = now_ns + round(wait_s * 1e9)
        self._waiting[key] = (due_ns, data)
        self._waiting_octets += len(data)
        self._next_ns = min(self._next_ns, due_ns)

    def _give_way(self, packet: Packet, source: Source) -> None:
        if packet.sequence is not None and (source.address, packet.sequence) in self._waiting:
            self._take((source.address, packet.sequence))

    def _take(self, key: tuple[int, int]) -> bytes:
        _, data = self._waiting.pop(key)
        self._waiting_octets -= len(data)
        return data
