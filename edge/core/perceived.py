"""What our road cameras see, as others can use it: tracks as objects on Earth."""

from __future__ import annotations

import math

from edge.core.geometry import moved
from edge.core.units import seconds
from edge.core.vehicle import CarState
from edge.messages import PerceivedObjects, RemoteObject, Road, Track

_EVERY_NS = 100_000_000
_MOST = 128
_IDS = 4096  # of each camera: 16 cameras fill the 16 bits of an object's id; none is 0, which an RSM has not
_HALF_LENGTH_M = {"car": 2.3, "truck": 4.5, "bus": 6.0, "motorcycle": 1.1, "bicycle": 0.9, "person": 0.2}
"""From the face that we see to the middle: typical."""
_HEADING_SD = 0.02  # radians, of our own course: it moves what is far away aside
_LATERAL_SD_M = 0.5


def placed(
    track: Track, taken_ns: int, own: CarState, now_ns: int, front_m: float
) -> tuple[float, float] | None:
    """(latitude, longitude) of the middle of a track when its picture was taken; front_m: from our own place
    to our bumper. None where we do not know."""
    if (
        own.latitude_deg is None
        or own.longitude_deg is None
        or own.heading_deg is None
        or own.speed_mps is None
        or track.distance_m is None
        or track.lateral_m is None
    ):
        return None
    back_m = own.speed_mps * seconds(now_ns - taken_ns)
    ahead_m = track.distance_m + front_m + _HALF_LENGTH_M.get(track.kind, 0.0) - back_m
    latitude, longitude = moved(own.latitude_deg, own.longitude_deg, own.heading_deg, ahead_m)
    return moved(latitude, longitude, own.heading_deg - 90.0, track.lateral_m)


class Perceived:
    """Keeps what was told when."""

    def __init__(self, cameras: tuple[str, ...], front_m: float, max_sd_m: float) -> None:
        self._cameras = {name: number for number, name in enumerate(cameras)}
        self._front_m, self._max_sd_m = front_m, max_sd_m
        self._tried_ns: int | None = None
        self._taken_ns: int | None = None

    def due(
        self, own: CarState, roads: tuple[Road, ...], known: frozenset[int], now_ns: int
    ) -> PerceivedObjects | None:
        """What is seen in pictures that were not told of yet, at most every 100 ms; None: nothing, or we do
        not know where that is. known: tracks of those who speak for themselves."""
        if self._tried_ns is not None and now_ns - self._tried_ns < _EVERY_NS:
            return None
        objects = [
            told
            for road in roads
            if road.camera in self._cameras and (self._taken_ns is None or road.taken_ns > self._taken_ns)
            for track in road.tracks
            if track.id not in known and (told := self._object(track, road, own, now_ns)) is not None
        ]
        return PerceivedObjects(objects=tuple(objects[:_MOST])) if objects else None

    def tried(self, content: PerceivedObjects, now_ns: int) -> None:
        """It was let out or refused."""
        self._tried_ns = now_ns
        self._taken_ns = max(
            (o.measured_ns for o in content.objects if o.measured_ns is not None), default=None
        )

    def _object(self, track: Track, road: Road, own: CarState, now_ns: int) -> RemoteObject | None:
        sd, heading = track.distance_sd_m, own.heading_deg
        if sd is None or sd > self._max_sd_m or heading is None or own.speed_mps is None:
            return None
        place = placed(track, road.taken_ns, own, now_ns, self._front_m)
        if place is None or track.distance_m is None:
            return None
        aside = _LATERAL_SD_M + _HEADING_SD * track.distance_m
        ours = own.position_accuracy_m
        speed, course = _motion(track, own.speed_mps, heading)
        return RemoteObject(
            id=str(self._cameras[road.camera] * _IDS + (track.id - 1) % (_IDS - 1) + 1),
            kind=track.kind,
            latitude_deg=place[0],
            longitude_deg=place[1],
            measured_ns=road.taken_ns,
            speed_mps=speed,
            heading_deg=course,
            accuracy_m=None
            if ours is None
            else math.sqrt(ours * ours + 6.0 * (sd * sd + aside * aside)),  # 95 % of two dimensions: 2.45 sd
            confidence_ratio=track.score,
        )


def _motion(track: Track, own_mps: float, heading_deg: float) -> tuple[float | None, float | None]:
    """(speed, heading) along our own road; people go where they like, and we see only what comes nearer."""
    closing, sd = track.closing_speed_mps, track.closing_speed_sd_mps
    if closing is None or sd is None or track.kind == "person":
        return None, None
    along = own_mps - closing
    if math.fabs(along) <= max(1.0, 2.0 * sd):
        return math.fabs(along), None
    return math.fabs(along), heading_deg if along > 0.0 else math.fmod(heading_deg + 180.0, 360.0)
