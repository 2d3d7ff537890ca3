"""Other road users heard by V2X: the newest state of each, in columns, and why the others were refused."""

from __future__ import annotations

from typing import get_args

import numpy as np

from edge.config import PeerRules
from edge.core.geometry import metres_per_degree
from edge.core.vehicle import CarState
from edge.messages import FloatArray, Gap, PeerEvent, PeerHeard, PerceivedObjects, RemoteObject

EVENT_BITS: dict[str, int] = {name: 1 << bit for bit, name in enumerate(get_args(PeerEvent))}
"""A column holds a road user's events as one number."""

KINDS = ("car", "truck", "bus", "motorcycle", "bicycle", "person", "unknown")
"""A column holds a kind as its place in this list."""

(
    LATITUDE, LONGITUDE, ALTITUDE, SPEED, HEADING, ACCELERATION, YAW_RATE, LENGTH, WIDTH, ACCURACY,
    CONFIDENCE, EVENTS, KIND, SIGNED, SEEN,
) = range(15)  # fmt: skip
_COLUMNS = 15
_KIND_CODES = {kind: float(code) for code, kind in enumerate(KINDS)}
_UNKNOWN_KIND = _KIND_CODES["unknown"]
_MAX_NAME = 64
_MAX_NS = (1 << 63) - 1  # of int64
_NEAR_M = 300.0  # the widest range of any warning
_URGENT_AGAIN_NS = 50_000_000  # one sender's changes are looked at no more often than this
_SAY_EVERY_NS = 1_000_000_000
_FASTER_MPS = 5.0  # than it said: what a speed may change between two messages


class Entry:
    """One road user in the table."""

    __slots__ = ("bits", "content", "held_ns", "key", "latitude", "longitude", "message", "slot", "urgent_ns")

    def __init__(self, key: str, slot: int) -> None:
        self.key, self.slot = key, slot
        self.urgent_ns: int | None = None
        self.bits = 0
        self.held_ns = 0
        self.latitude = self.longitude = 0.0
        self.message: PeerHeard
        self.content: RemoteObject


class PeerTable:
    """At most max_peers that speak for themselves and max_objects that others see, none older than max_age_s.

    columns (15, capacity): one slot for each road user; live (capacity,); held_ns (capacity,): when its state
    held. What is taken is written to the columns by flush().
    """

    def __init__(self, rules: PeerRules) -> None:
        self._rules = rules
        self._max_age_ns = round(rules.max_age_s * 1e9)
        self._ahead_ns = round(rules.clock_tolerance_s * 1e9)
        self._speed_limit = rules.max_speed_mps
        self._hard_braking = -rules.hard_braking_mps2
        self._range_sq = rules.radio_range_m * rules.radio_range_m
        capacity = rules.max_peers + rules.max_objects
        self.columns: FloatArray = np.full((_COLUMNS, capacity), np.nan)
        self.live = np.zeros(capacity, bool)
        self.held_ns = np.zeros(capacity, np.int64)
        self.seers = np.zeros(capacity, np.int64)  # who sees it, by number; 0: it speaks for itself
        self.same_as = np.full(capacity, -1)  # the slot of the one that stands for the same road user
        self.tracks = np.full(capacity, -1)  # of our own camera
        self.slots: list[Entry | None] = [None] * capacity
        self.news = False
        self.added = False
        self._entries: dict[str, Entry] = {}
        self._pending: dict[int, Entry] = {}
        self._free_peers = list(range(rules.max_peers - 1, -1, -1))
        self._free_objects = list(range(capacity - 1, rules.max_peers - 1, -1))
        self._seen_by: dict[str, list[int]] = {}  # [number, count] of those who tell what they see
        self._seer_number = 0
        self._place: tuple[float, float] | None = None  # our own
        self._scale = (111_000.0, 80_000.0)  # metres per degree to the north and east
        self._scaled_at: float | None = None
        self._event_bits: dict[tuple[str, ...], int] = {(): 0}
        self._refused: dict[str, int] = {}
        self._refused_ns: int | None = None

    def hear(self, message: PeerHeard, now_ns: int) -> bool:
        """Take one message of a road user or of what it sees; True: it should be looked at now."""
        content, sender = message.content, message.sender
        if len(sender) > _MAX_NAME:
            self._refuse("implausible: sender")
            return False
        if type(content) is RemoteObject:
            return self._take(sender, "", content, message, now_ns)
        if type(content) is not PerceivedObjects:
            return False
        urgent = False
        limit = self._rules.max_objects_per_sender
        for seen in content.objects[:limit]:
            if not 0 < len(seen.id) <= _MAX_NAME:
                self._refuse("implausible: object without id")
            elif self._take(f"{sender}/{seen.id}", sender, seen, message, now_ns):
                urgent = True
        if len(content.objects) > limit:
            self._refuse("too many objects", len(content.objects) - limit)
        return urgent

    def own_place(self, own: CarState) -> None:
        """Where we are: it decides who is too far away to be heard, and who makes room for whom."""
        self._place = None
        if own.latitude_deg is not None and own.longitude_deg is not None:
            self._place = own.latitude_deg, own.longitude_deg
            self._rescale(own.latitude_deg)

    def scale(self) -> tuple[float, float]:
        """Metres per degree to the north and to the east where the table is."""
        return self._scale

    def flush(self) -> None:
        """Write what was taken into the columns."""
        self.news = False
        if not self._pending:
            return
        slots = list(self._pending)
        rows = np.array([self._row(entry) for entry in self._pending.values()], dtype=np.float64)
        known = np.abs(rows) < 1e6
        self.columns[:, slots] = np.where(known, rows, np.nan).T
        self.held_ns[slots] = [min(max(e.held_ns, -_MAX_NS), _MAX_NS) for e in self._pending.values()]
        self._pending.clear()

    def prune(self, now_ns: int) -> None:
        """Forget who is too old."""
        oldest_ns = now_ns - self._max_age_ns
        for entry in [e for e in self._entries.values() if e.held_ns < oldest_ns]:
            self._remove(entry)

    def gaps(self, now_ns: int) -> list[Gap]:
        """What was refused, by reason, once a second."""
        if not self._refused or (self._refused_ns is not None and now_ns - self._refused_ns < _SAY_EVERY_NS):
            return []
        self._refused_ns = now_ns
        said = [Gap(t_ns=now_ns, source="v2x", reason=why, count=n) for why, n in self._refused.items()]
        self._refused.clear()
        return said

    def __len__(self) -> int:
        return len(self._entries)

    def _refuse(self, reason: str, count: int = 1) -> None:
        self._refused[reason] = self._refused.get(reason, 0) + count

    def _take(self, key: str, seer: str, content: RemoteObject, message: PeerHeard, now_ns: int) -> bool:
        measured_ns = content.measured_ns
        if measured_ns is None:
            measured_ns = message.measured_ns
        held_ns = message.t_ns if measured_ns is None else measured_ns
        if held_ns > now_ns:
            if held_ns > now_ns + self._ahead_ns:
                self._refuse("implausible: from the future")
                return False
        elif held_ns < now_ns - self._max_age_ns:
            self._refuse("too old")
            return False
        latitude, longitude, speed = content.latitude_deg, content.longitude_deg, content.speed_mps
        if not (-90.0 <= latitude <= 90.0 and -180.0 <= longitude <= 180.0):
            self._refuse("implausible: position")
            return False
        if speed is not None and self._speed_limit < abs(speed) < 1e6:
            self._refuse("implausible: speed")
            return False
        if self._place is not None:
            if self._apart_sq(latitude, longitude, *self._place) > self._range_sq:
                self._refuse("implausible: out of range")
                return False
        elif self._scaled_at is None or abs(latitude - self._scaled_at) > 0.1:
            self._rescale(latitude)
        entry = self._entries.get(key)
        new = entry is None
        if entry is None:
            entry = self._add(key, seer, latitude, longitude, message)
            if entry is None:
                return False
        elif not self._follows(entry, content, message, measured_ns, held_ns):
            return False
        bits = self._event_bits.get(content.events)
        if bits is None:
            bits = self._bits(content.events)
        acceleration = content.acceleration_mps2
        if acceleration is not None and -1e6 < acceleration <= self._hard_braking:
            bits |= EVENT_BITS["hard_braking"]
        urgent = (new or bits != entry.bits) and self._near(latitude, longitude)
        entry.held_ns = held_ns
        entry.latitude, entry.longitude = latitude, longitude
        entry.bits, entry.message, entry.content = bits, message, content
        self._pending[entry.slot] = entry
        self.news = True
        if not urgent or (entry.urgent_ns is not None and now_ns - entry.urgent_ns < _URGENT_AGAIN_NS):
            return False
        entry.urgent_ns = now_ns
        return True

    def _follows(
        self, entry: Entry, content: RemoteObject, message: PeerHeard, measured_ns: int | None, held_ns: int
    ) -> bool:
        """Whether a state can be the one after the last."""
        before = entry.message
        passed_ns = held_ns - entry.held_ns
        if passed_ns < 0:
            self._refuse("older than the last")
        elif (passed_ns == 0) if measured_ns is not None else (message.counter == before.counter):
            self._refuse("duplicate")
        elif before.trust == "signed" and message.trust != "signed":
            self._refuse("unsigned in a signed sender's name")
        else:
            speed, last = content.speed_mps, entry.content.speed_mps
            limit = self._speed_limit
            fastest = limit if speed is None else abs(speed)
            fastest = max(fastest, limit if last is None else abs(last)) + _FASTER_MPS
            reach = self._rules.jump_m + (fastest if fastest < limit else limit) * passed_ns * 1e-9
            if (
                self._apart_sq(content.latitude_deg, content.longitude_deg, entry.latitude, entry.longitude)
                <= reach * reach
            ):
                return True
            self._refuse("implausible: jump")
        return False

    def _apart_sq(self, latitude: float, longitude: float, from_lat: float, from_lon: float) -> float:
        turn = longitude - from_lon
        if turn > 180.0:
            turn -= 360.0
        elif turn < -180.0:
            turn += 360.0
        north, east = (latitude - from_lat) * self._scale[0], turn * self._scale[1]
        return north * north + east * east

    def _near(self, latitude: float, longitude: float) -> bool:
        """Whether a warning could be about it."""
        place = self._place
        return place is not None and self._apart_sq(latitude, longitude, *place) < _NEAR_M * _NEAR_M

    def _rescale(self, latitude: float) -> None:
        self._scaled_at = latitude
        self._scale = metres_per_degree(latitude)

    def _bits(self, events: tuple[str, ...]) -> int:
        bits = 0
        for event in events:
            bits |= EVENT_BITS.get(event, 0)
        if len(self._event_bits) < 4096:
            self._event_bits[tuple(events)] = bits
        return bits

    def _add(
        self, key: str, seer: str, latitude: float, longitude: float, message: PeerHeard
    ) -> Entry | None:
        """A new entry, if need be in the place of one that matters less; None: there is no room."""
        number = self._seen_by.get(seer)
        if number is not None and number[1] >= self._rules.max_objects_per_sender:
            self._refuse("too many objects")
            return None
        free = self._free_objects if seer else self._free_peers
        if not free:
            if not (self._rules.max_objects if seer else self._rules.max_peers):
                return None
            loser = self._least(seer != "")
            if not self._matters_more(latitude, longitude, message, loser):
                self._refuse("table full")
                return None
            self._refuse("made room for nearer ones")
            self._remove(loser)
        entry = self._entries[key] = Entry(key, free.pop())
        if seer:
            number = self._seen_by.get(seer)
            if number is None:
                self._seer_number += 1
                number = self._seen_by[seer] = [self._seer_number, 0]
            number[1] += 1
            self.seers[entry.slot] = number[0]
        self.slots[entry.slot] = entry
        self.live[entry.slot] = True
        self.added = True
        return entry

    def _least(self, seen: bool) -> Entry:
        """Who makes room: the unsigned before the signed, then the furthest away, then the oldest."""
        self.flush()
        of = self.columns
        slots = slice(self._rules.max_peers, None) if seen else slice(0, self._rules.max_peers)
        if self._place is None:
            away = -self.held_ns[slots].astype(np.float64)
        else:
            north = (of[LATITUDE, slots] - self._place[0]) * self._scale[0]
            east = (of[LONGITUDE, slots] - self._place[1]) * self._scale[1]
            away = north * north + east * east
        unsigned = of[SIGNED, slots] == 0.0
        if unsigned.any():
            away = np.where(unsigned, away, -np.inf)
        entry = self.slots[int(np.argmax(away)) + (slots.start or 0)]
        assert entry is not None
        return entry

    def _matters_more(self, latitude: float, longitude: float, message: PeerHeard, than: Entry) -> bool:
        signed = message.trust == "signed"
        if signed != (than.message.trust == "signed"):
            return signed
        if self._place is None:
            return True
        return self._apart_sq(latitude, longitude, *self._place) < self._apart_sq(
            than.latitude, than.longitude, *self._place
        )

    def _remove(self, entry: Entry) -> None:
        del self._entries[entry.key]
        self._pending.pop(entry.slot, None)
        slot = entry.slot
        self.slots[slot] = None
        self.live[slot] = False
        self.columns[:, slot] = np.nan
        self.same_as[slot] = self.tracks[slot] = -1
        self.same_as[self.same_as == slot] = -1
        if slot < self._rules.max_peers:
            self._free_peers.append(slot)
            return
        self._free_objects.append(slot)
        self.seers[slot] = 0
        seer = entry.message.sender
        count = self._seen_by[seer]
        count[1] -= 1
        if not count[1]:
            del self._seen_by[seer]

    def _row(self, entry: Entry) -> tuple[float | None, ...]:
        said = entry.content
        return (
            entry.latitude,
            entry.longitude,
            said.altitude_m,
            said.speed_mps,
            said.heading_deg,
            said.acceleration_mps2,
            said.yaw_rate_radps,
            said.length_m,
            said.width_m,
            said.accuracy_m,
            said.confidence_ratio,
            entry.bits,
            _KIND_CODES.get(said.kind, _UNKNOWN_KIND),
            entry.message.trust == "signed",
            entry.slot >= self._rules.max_peers,
        )
