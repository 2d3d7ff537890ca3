"""What one road camera sees -> the road ahead: who is where, who leads, where our lane is."""

from __future__ import annotations

from edge.config import Geometry, Rules, Vehicle
from edge.core.geometry import Projection
from edge.core.lanes import LaneTracker
from edge.core.ranging import Ranging
from edge.core.tracker import BoxTrack, Tracker
from edge.core.units import seconds
from edge.core.vehicle import CarState
from edge.messages import Road, RoadView, Track

VEHICLES = ("car", "truck", "bus", "motorcycle", "bicycle")
"""What we follow in a lane; the rest of RoadUser are persons."""

_HEADWAY_MIN_SPEED_MPS = 1.0


class RoadWatch:
    """Follows the road through one camera."""

    def __init__(self, geometry: Geometry | None, vehicle: Vehicle, rules: Rules) -> None:
        self._geometry = geometry
        self._own_width_m = vehicle.width_m
        self._rules = rules.tracking
        self._tracker = Tracker(rules.tracking)
        self._lanes = LaneTracker(
            vehicle.width_m, rules.lane_departure.min_line_score, rules.tracking.lane_range_m
        )
        self._ranges: dict[int, Ranging] = {}
        self._projection: Projection | None = None
        self._size_px = (0, 0)
        self._taken_ns: int | None = None

    def update(self, view: RoadView, own: CarState) -> Road | None:
        """Take one picture's findings; None, and nothing changes, if it is not newer than the last."""
        if self._taken_ns is not None and view.taken_ns <= self._taken_ns:
            return None
        dt = 0.0 if self._taken_ns is None else seconds(view.taken_ns - self._taken_ns)
        self._taken_ns = view.taken_ns
        self._resize(view.width_px, view.height_px)
        lane = self._lanes.update(view.taken_ns, view.lanes, self._projection)
        tracks = self._follow(view, dt, own)
        lead = self._lead(tracks)
        speed = own.speed_mps
        headway = None
        if lead is not None and lead.distance_m is not None and speed and speed > _HEADWAY_MIN_SPEED_MPS:
            headway = lead.distance_m / speed
        return Road(
            t_ns=view.t_ns,
            camera=view.camera,
            taken_ns=view.taken_ns,
            frame_id=view.frame_id,
            tracks=tracks,
            lane=lane,
            lead_id=None if lead is None else lead.id,
            headway_s=headway,
        )

    def _resize(self, width_px: int, height_px: int) -> None:
        if self._geometry is not None and self._size_px != (width_px, height_px):
            self._size_px = (width_px, height_px)
            usable = width_px > 0 and height_px > 0
            self._projection = Projection(self._geometry, width_px, height_px) if usable else None

    def _follow(self, view: RoadView, dt: float, own: CarState) -> tuple[Track, ...]:
        if view.detections is None:
            return ()
        if dt > self._rules.forget_s:
            self._ranges.clear()
        reported = self._tracker.update(view.taken_ns, view.detections)
        projection = self._projection
        if projection is not None:
            self._range_all(projection, dt, own)
        return tuple(self._told(track, view.taken_ns, projection) for track in reported)

    def _range_all(self, projection: Projection, dt: float, own: CarState) -> None:
        """Distances of all tracks, the unconfirmed too: a new one is known well when it is confirmed."""
        ranges: dict[int, Ranging] = {}
        for track in self._tracker.tracks:
            ranging = self._ranges.get(track.id)
            if ranging is None:
                ranging = Ranging(track.kind)
            else:
                ranging.predict(dt, own.acceleration_mps2)
            if track.seen is not None:
                ranging.measure(track.kind, track.seen, projection, self._size_px, self._rules.pitch_sd_deg)
            camera_m = ranging.camera_distance_m
            if camera_m is not None:
                bend_m = self._bend_m(camera_m - projection.ahead_m, own)
                ranging.place(track.seen, projection, self._size_px[0], bend_m, self._own_width_m)
            ranges[track.id] = ranging
        self._ranges = ranges

    def _bend_m(self, ahead_m: float, own: CarState) -> float:
        """How far our path turns left until there: as the lane does, else as we turn now, else straight."""
        bend_m = self._lanes.bend_m(ahead_m)
        if bend_m is None:
            bend_m = 0.5 * (own.curvature_1pm or 0.0) * ahead_m * ahead_m
        return bend_m

    def _told(self, track: BoxTrack, taken_ns: int, projection: Projection | None) -> Track:
        ranging = self._ranges.get(track.id)
        distance = distance_sd = closing = closing_sd = ttc = None
        if projection is not None and ranging is not None and ranging.camera_distance_m is not None:
            distance = max(ranging.camera_distance_m - projection.ahead_m, 0.0)
            closing = ranging.closing_speed_mps
            distance_sd, closing_sd = ranging.deviations()
            ttc = distance / closing if closing is not None and closing > 0.1 else None
        return Track(
            id=track.id,
            kind=track.kind,
            box=track.box,
            score=track.score,
            age_s=seconds(taken_ns - track.born_ns),
            distance_m=distance,
            distance_sd_m=distance_sd,
            lateral_m=None if ranging is None else ranging.lateral_m,
            closing_speed_mps=closing,
            closing_speed_sd_mps=closing_sd,
            ttc_s=ttc,
            in_path=ranging is not None and ranging.in_path,
        )

    @staticmethod
    def _lead(tracks: tuple[Track, ...]) -> Track | None:
        """The nearest vehicle in our path."""
        ahead = [t for t in tracks if t.in_path and t.kind in VEHICLES and t.distance_m is not None]
        return min(ahead, key=lambda t: (t.distance_m, t.id), default=None)
