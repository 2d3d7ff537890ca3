"""Everyone in the peer table at one moment, in our own frame: one object for each road user."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from edge.config import PeerRules, Vehicle
from edge.core import peers as column
from edge.core.conflict import Movers, travelled
from edge.core.fusion import Seen, ourselves, same_tracks, same_users
from edge.core.geometry import along_all, sin_cos, sin_cos_all
from edge.core.peers import EVENT_BITS, KINDS, Entry, PeerTable
from edge.core.units import known, seconds
from edge.core.vehicle import CarState
from edge.messages import FloatArray, Peer, PeerHeard, Peers, RemoteObject, Road

_SIZES = {
    "car": (4.6, 1.8), "truck": (10.0, 2.5), "bus": (12.0, 2.5), "motorcycle": (2.2, 0.8),
    "bicycle": (1.8, 0.6), "person": (0.5, 0.5), "unknown": (4.6, 1.8),
}  # fmt: skip
_LENGTHS = np.array([_SIZES[kind][0] for kind in KINDS])
_WIDTHS = np.array([_SIZES[kind][1] for kind in KINDS])
_SHARPEST_1PM = 0.2  # a bend of 5 m: nobody turns sharper while it moves
_BEND_MIN_MPS = 2.0
_MAX_SIZE_M = 40.0
_BEND_SEEN_M = 150.0  # our bend now says nothing of the road beyond
_URGENT_NS, _BURST_NS = 5_000_000, 50_000_000  # a look for what is urgent costs so much of the credit
_JOIN_NS = 50_000_000
_SAY_EVERY_NS, _SAY_SOON_NS = 1_000_000_000, 100_000_000


class Own(msgspec.Struct, frozen=True, kw_only=True):
    """Our own car at that moment: in the middle of the frame, looking along x."""

    speed_mps: float
    acceleration_mps2: float
    curvature_1pm: float
    half_length_m: float
    half_width_m: float
    accuracy_m: float


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """N road users, each field (N,): x ahead of our middle, y to the left; nan: not known.

    slots: in the table; movers: how each goes on; u_mps, w_mps: its speed along our direction and to the left
    (0 where it is not known); speed_mps: along its heading; turned_cos: cosine of its heading against ours;
    aside_m: to the left of our path; events: bits of peers.EVENT_BITS; sure: 0 to 1, by its place, age, trust
    and existence; level: on our level.
    """

    own: Own
    slots: np.ndarray
    movers: Movers
    x_m: FloatArray
    y_m: FloatArray
    distance_m: FloatArray
    aside_m: FloatArray
    u_mps: FloatArray
    w_mps: FloatArray
    speed_mps: FloatArray
    turned_cos: FloatArray
    acceleration_mps2: FloatArray
    half_length_m: FloatArray
    half_width_m: FloatArray
    kinds: np.ndarray
    events: np.ndarray
    sure_ratio: FloatArray
    age_s: FloatArray
    accuracy_m: FloatArray
    signed: np.ndarray
    level: np.ndarray
    same_way: np.ndarray
    opposite: np.ndarray
    entries: list[Entry | None]  # the table's, by slot

    def entry(self, i: int) -> Entry:
        """What the table keeps of road user i."""
        entry = self.entries[self.slots[i]]
        assert entry is not None
        return entry

    def having(self, *events: str) -> np.ndarray:
        """Who has one of these events, (N,) bool."""
        bits = 0
        for event in events:
            bits |= EVENT_BITS[event]
        return (self.events & bits) != 0


class Surroundings:
    """The table seen from our own car, from look to look."""

    def __init__(self, rules: PeerRules, vehicle: Vehicle) -> None:
        self._rules = rules
        self._vehicle = vehicle
        self.table = PeerTable(rules)
        _, self._same_way_cos = sin_cos(rules.same_heading_deg)
        self._look_ns = round(rules.look_every_ms * 1e6)
        self._looked_ns: int | None = None
        self._joined_ns: int | None = None
        self._urgent = False
        self._paid_ns: int | None = None  # until when the urgent looks that were made are paid for
        self._said_ns: int | None = None
        self._said_bits: tuple[tuple[str, int], ...] = ()

    def hear(self, message: PeerHeard, now_ns: int) -> bool:
        """Take one message; whether to look now."""
        if self.table.hear(message, now_ns):
            self._urgent = True
        return self.due(now_ns)

    def due(self, now_ns: int) -> bool:
        """Whether somebody's events changed or somebody near is new, or other news waited long enough.

        However much changes, what is urgent makes ten looks of its own at once, and one every 5 ms on the
        long run; else it waits like news.
        """
        if not self.table.news or self._looked_ns is None:
            return self.table.news
        if self._urgent:
            paid_ns = now_ns if self._paid_ns is None else max(now_ns, self._paid_ns)
            if paid_ns < now_ns + _BURST_NS:
                self._paid_ns = paid_ns + _URGENT_NS
                return True
        return now_ns - self._looked_ns >= self._look_ns

    def look(self, now_ns: int, own: CarState, roads: tuple[Road, ...], whole: bool = False) -> Around | None:
        """Everyone now, none twice; None without our own place and heading. whole: who is the same is new."""
        self._looked_ns, self._urgent = now_ns, False
        table = self.table
        table.own_place(own)
        table.flush()
        if whole:
            table.prune(now_ns)
        if own.latitude_deg is None or own.longitude_deg is None or own.heading_deg is None:
            return None
        live = np.nonzero(table.live)[0]
        age_s = (now_ns - table.held_ns[live]) / 1e9
        fresh = age_s <= self._rules.max_age_s
        if not fresh.all():
            live, age_s = live[fresh], age_s[fresh]
        around = self._place(live, np.maximum(age_s, 0.0), own)
        seen = Seen(
            around.x_m, around.y_m, around.u_mps, around.w_mps, around.turned_cos == around.turned_cos,
            around.accuracy_m, around.half_length_m, around.kinds, table.seers[live],
        )  # fmt: skip
        others = ~ourselves(seen, around.own.speed_mps, around.turned_cos, around.level)
        if whole or (table.added and (self._joined_ns is None or now_ns - self._joined_ns >= _JOIN_NS)):
            self._joined_ns, table.added = now_ns, False
            index = np.nonzero(others)[0]
            same = same_users(seen, index)
            table.same_as[live] = np.where(same >= 0, live[same], -1)
            alone = index[same[index] < 0]
            ours = around.own.speed_mps, around.own.half_length_m
            table.tracks[live] = same_tracks(seen, alone, roads, now_ns, ours)
        shown = others & (table.same_as[live] < 0)
        return around if shown.all() else _picked(around, np.nonzero(shown)[0])

    def heard_tracks(self, around: Around | None) -> frozenset[int]:
        """The camera's tracks of those who speak for themselves: they need nobody to tell of them."""
        if around is None:
            return frozenset()
        slots = around.slots[self.table.seers[around.slots] == 0]
        return frozenset(track for track in self.table.tracks[slots].tolist() if track >= 0)

    def say(self, now_ns: int, around: Around | None) -> Peers | None:
        """Everyone, once a second, and soon after someone's events changed; None otherwise."""
        if around is None:
            everyone = [e for e in self.table.slots if e is not None]
            places = [(None, None, None)] * len(everyone)
        else:
            everyone = [e for slot in around.slots.tolist() if (e := around.entries[slot]) is not None]
            columns = around.x_m, around.y_m, around.distance_m
            places = list(zip(*(values.tolist() for values in columns), strict=True))
        bits = tuple(sorted([(e.key, e.bits) for e in everyone if e.bits]))
        since_ns = _SAY_EVERY_NS if self._said_ns is None else now_ns - self._said_ns
        if since_ns < (_SAY_EVERY_NS if bits == self._said_bits else _SAY_SOON_NS):
            return None
        self._said_ns, self._said_bits = now_ns, bits
        tracks = self.table.tracks.tolist()
        peers = [_peer(e, now_ns, place, tracks[e.slot]) for e, place in zip(everyone, places, strict=True)]
        peers.sort(key=lambda p: (p.distance_m if p.distance_m is not None else 1e9, p.sender))
        return Peers(t_ns=now_ns, peers=tuple(peers))

    def _place(self, slots: np.ndarray, age_s: FloatArray, own: CarState) -> Around:
        assert own.latitude_deg is not None
        assert own.longitude_deg is not None
        assert own.heading_deg is not None
        rules = self._rules
        of = self.table.columns[:, slots]
        north_m, east_m = self.table.scale()
        turn = of[column.LONGITUDE] - own.longitude_deg
        turn = np.where(turn > 180.0, turn - 360.0, np.where(turn < -180.0, turn + 360.0, turn))
        north, east = (of[column.LATITUDE] - own.latitude_deg) * north_m, turn * east_m
        sine, cosine = sin_cos(own.heading_deg)
        x, y = north * cosine + east * sine, north * sine - east * cosine
        heading_known, speed_known = (
            of[column.HEADING] == of[column.HEADING],
            of[column.SPEED] == of[column.SPEED],
        )
        turned_sin, turned_cos = sin_cos_all(
            np.where(heading_known, own.heading_deg - of[column.HEADING], 0.0)
        )  # to the left
        moves = heading_known & speed_known
        speed = np.where(moves, of[column.SPEED], 0.0)
        back = speed < 0.0
        acceleration = np.where(
            moves & (of[column.ACCELERATION] == of[column.ACCELERATION]), of[column.ACCELERATION], 0.0
        )
        yaw = np.where(of[column.YAW_RATE] == of[column.YAW_RATE], of[column.YAW_RATE], 0.0)
        curvature = np.where(speed >= _BEND_MIN_MPS, yaw / np.maximum(speed, _BEND_MIN_MPS), 0.0)
        curvature = np.minimum(np.maximum(curvature, -_SHARPEST_1PM), _SHARPEST_1PM)
        direction = np.where(back, -1.0, 1.0)
        speed, acceleration = np.abs(speed), acceleration * direction
        metres = travelled(speed, acceleration, age_s)
        along_x, along_y, way_cos, way_sin = along_all(
            turned_cos * direction, turned_sin * direction, curvature, metres
        )
        x, y = x + along_x, y + along_y
        speed = np.maximum(speed - np.maximum(-acceleration, 0.0) * age_s, 0.0)
        kinds = np.where(of[column.KIND] == of[column.KIND], of[column.KIND], KINDS.index("unknown"))
        code = kinds.astype(np.int64)
        length = np.where(
            (of[column.LENGTH] > 0.0) & (of[column.LENGTH] < _MAX_SIZE_M), of[column.LENGTH], _LENGTHS[code]
        )
        width = np.where(
            (of[column.WIDTH] > 0.0) & (of[column.WIDTH] < _MAX_SIZE_M), of[column.WIDTH], _WIDTHS[code]
        )
        own_speed = own.speed_mps or 0.0
        bend = own.curvature_1pm or 0.0
        own_accuracy = own.position_accuracy_m
        ours = Own(
            speed_mps=own_speed,
            acceleration_mps2=own.acceleration_mps2 or 0.0,
            curvature_1pm=min(max(bend, -_SHARPEST_1PM), _SHARPEST_1PM),
            half_length_m=0.5 * self._vehicle.length_m,
            half_width_m=0.5 * self._vehicle.width_m,
            accuracy_m=rules.assumed_accuracy_m if own_accuracy is None else max(own_accuracy, 0.0),
        )
        bend_x = np.minimum(np.maximum(x, -_BEND_SEEN_M), _BEND_SEEN_M)
        distance = np.sqrt(x * x + y * y)
        signed, seen = of[column.SIGNED] == 1.0, of[column.SEEN] == 1.0
        accuracy = np.where(of[column.ACCURACY] >= 0.0, of[column.ACCURACY], rules.assumed_accuracy_m)
        spread = (accuracy * accuracy + ours.accuracy_m * ours.accuracy_m) / (
            rules.lane_width_m * rules.lane_width_m
        )
        exists = of[column.CONFIDENCE]
        exists = np.where((exists >= 0.0) & (exists <= 1.0), exists, np.where(seen, 0.5, 1.0))
        sure = exists * (1.0 - 0.5 * age_s / rules.max_age_s) / (1.0 + spread)
        sure = np.where(signed, sure, sure * rules.unsigned_ratio)
        levels = of[column.ALTITUDE] - (np.nan if own.altitude_m is None else own.altitude_m)
        return Around(
            own=ours,
            slots=slots,
            movers=Movers(
                x_m=x,
                y_m=y,
                cosine=way_cos,
                sine=way_sin,
                speed_mps=speed,
                acceleration_mps2=acceleration,
                curvature_1pm=np.where(back, -curvature, curvature),
                half_length_m=0.5 * length,
                half_width_m=0.5 * width,
            ),
            x_m=x,
            y_m=y,
            distance_m=distance,
            aside_m=y - 0.5 * ours.curvature_1pm * bend_x * bend_x,
            u_mps=speed * way_cos,
            w_mps=speed * way_sin,
            speed_mps=np.where(moves, speed * direction, of[column.SPEED]),
            turned_cos=np.where(heading_known, way_cos * direction, np.nan),
            acceleration_mps2=acceleration,
            half_length_m=0.5 * length,
            half_width_m=0.5 * width,
            kinds=code,
            events=of[column.EVENTS].astype(np.int64),
            sure_ratio=sure,
            age_s=age_s,
            accuracy_m=accuracy,
            signed=signed,
            level=~(np.abs(levels) > rules.other_level_m),
            same_way=way_cos * direction >= np.where(heading_known, self._same_way_cos, np.inf),
            opposite=-way_cos * direction >= np.where(heading_known, self._same_way_cos, np.inf),
            entries=self.table.slots,
        )


def _picked(around: Around, index: np.ndarray) -> Around:
    """Only these."""
    fields: dict[str, Any] = {}
    for name in Around.__struct_fields__:
        value = getattr(around, name)
        fields[name] = value[index] if isinstance(value, np.ndarray) else value
    movers = around.movers
    fields["movers"] = Movers(**{name: getattr(movers, name)[index] for name in Movers.__struct_fields__})
    return Around(**fields)


def _peer(entry: Entry, now_ns: int, place: tuple[float | None, ...], track: int) -> Peer:
    said, message, bits = entry.content, entry.message, entry.bits
    ahead, left, distance = place
    return Peer(
        sender=entry.key,
        kind=said.kind,
        standard=message.standard,
        trust=message.trust,
        age_s=seconds(max(now_ns - entry.held_ns, 0)),
        latitude_deg=float(said.latitude_deg),
        longitude_deg=float(said.longitude_deg),
        speed_mps=known(said.speed_mps),
        heading_deg=known(said.heading_deg),
        ahead_m=ahead,
        left_m=left,
        distance_m=distance,
        events=tuple([name for name, bit in EVENT_BITS.items() if bits & bit]) if bits else (),
        seen_by="" if type(message.content) is RemoteObject else message.sender,
        track=None if track < 0 else track,
    )
