"""Boxes of one picture -> road users followed from picture to picture, in pixels.

SORT (Bewley 2016) with the two-stage association of ByteTrack (Zhang 2022), our own arithmetic: four
constant-velocity filters per box in closed form that share one covariance, and greedy matching by overlap.
"""

from __future__ import annotations

from edge.config import Tracking
from edge.core.units import known, seconds
from edge.messages import Detections

Box = tuple[float, float, float, float]

_GROUPS = {"car": 0, "truck": 0, "bus": 0, "motorcycle": 1, "bicycle": 1, "person": 2}
_SAME_OBJECT_IOU = 0.6
_NOISE = 0.05  # of a box's edge, as a part of its height (ByteTrack: 1/20)
_WANDER = 0.5  # of a box's velocity, heights per s^1.5


class Seen:
    """One usable detection."""

    __slots__ = ("area", "bottom", "group", "kind", "left", "right", "score", "top")

    def __init__(self, kind: str, score: float, box: Box) -> None:
        self.kind, self.score, self.group = kind, score, _GROUPS[kind]
        self.left, self.top, self.right, self.bottom = box
        self.area = (self.right - self.left) * (self.bottom - self.top)


class BoxTrack:
    """One followed box: edges and their velocities in px and px/s; covariance in parts of its height."""

    __slots__ = (
        "_p_v", "_p_x", "_p_xv", "_votes", "area", "born_ns", "bottom", "group", "hits", "id", "kind", "left",
        "matched_ns", "right", "score", "seen", "top", "v_bottom", "v_left", "v_right", "v_top",
    )  # fmt: skip

    def __init__(self, number: int, seen: Seen, taken_ns: int) -> None:
        self.id = number
        self.group = seen.group
        self.kind = seen.kind
        self._votes = {seen.kind: seen.score}
        self.score = seen.score
        self.left, self.top, self.right, self.bottom = seen.left, seen.top, seen.right, seen.bottom
        self.area = seen.area
        self.v_left = self.v_top = self.v_right = self.v_bottom = 0.0
        self._p_x, self._p_xv, self._p_v = _NOISE * _NOISE, 0.0, 1.0
        self.born_ns = self.matched_ns = taken_ns
        self.hits = 1
        self.seen: Seen | None = seen  # in the newest picture

    @property
    def box(self) -> Box:
        """Left, top, right, bottom in px."""
        return self.left, self.top, self.right, self.bottom

    def predict(self, dt: float) -> None:
        """Go dt seconds on."""
        self.left += self.v_left * dt
        self.top += self.v_top * dt
        self.right += self.v_right * dt
        self.bottom += self.v_bottom * dt
        if self.right < self.left + 1.0:
            self.right = self.left + 1.0
        if self.bottom < self.top + 1.0:
            self.bottom = self.top + 1.0
        self.area = (self.right - self.left) * (self.bottom - self.top)
        noise = _WANDER * _WANDER * dt
        self._p_x += dt * (2.0 * self._p_xv + dt * self._p_v) + noise * dt * dt / 3.0
        self._p_xv += dt * self._p_v + noise * dt / 2.0
        self._p_v += noise
        self.seen = None

    def update(self, seen: Seen, taken_ns: int) -> None:
        """Take the detection that belongs to it."""
        total = self._p_x + _NOISE * _NOISE
        gain_x, gain_v = self._p_x / total, self._p_xv / total
        self._p_v -= gain_v * self._p_xv
        self._p_xv -= gain_x * self._p_xv
        self._p_x -= gain_x * self._p_x
        left, top = seen.left - self.left, seen.top - self.top
        right, bottom = seen.right - self.right, seen.bottom - self.bottom
        self.left += gain_x * left
        self.top += gain_x * top
        self.right += gain_x * right
        self.bottom += gain_x * bottom
        self.v_left += gain_v * left
        self.v_top += gain_v * top
        self.v_right += gain_v * right
        self.v_bottom += gain_v * bottom
        self.score = seen.score
        votes = self._votes
        votes[seen.kind] = votes.get(seen.kind, 0.0) + seen.score
        if seen.kind != self.kind and votes[seen.kind] > votes[self.kind]:
            self.kind = seen.kind
        self.matched_ns = taken_ns
        self.hits += 1
        self.seen = seen


class Tracker:
    """Follows the boxes of one camera."""

    def __init__(self, rules: Tracking) -> None:
        self._rules = rules
        self._forget_ns = round(rules.forget_s * 1e9)
        self._report_ns = round(rules.report_missed_s * 1e9)
        self._next_id = 1
        self._taken_ns: int | None = None
        self.tracks: list[BoxTrack] = []

    def update(self, taken_ns: int, detections: Detections) -> list[BoxTrack]:
        """The tracks to report after a picture, oldest first: confirmed, and seen or missed only shortly.

        taken_ns must be later than that of the last picture.
        """
        rules = self._rules
        if self._taken_ns is None or taken_ns - self._taken_ns > self._forget_ns:
            self.tracks = []
        else:
            dt = seconds(taken_ns - self._taken_ns)
            for track in self.tracks:
                track.predict(dt)
        self._taken_ns = taken_ns

        seen = usable(detections, rules.low_score)
        sure = [s for s in seen if s.score >= rules.high_score]
        doubtful = [s for s in seen if s.score < rules.high_score]
        new = _associate(self.tracks, sure, rules.min_iou, taken_ns)
        confirmed = [t for t in self.tracks if t.seen is None and t.hits >= rules.confirm_hits]
        _associate(confirmed, doubtful, rules.min_iou, taken_ns)

        keep_ns = self._forget_ns
        self.tracks = [
            t
            for t in self.tracks
            if t.seen is not None or (t.hits >= rules.confirm_hits and taken_ns - t.matched_ns <= keep_ns)
        ]
        for candidate in new:
            if not any(
                t.seen is not None and _iou(t.seen, candidate) > _SAME_OBJECT_IOU for t in self.tracks
            ):
                self.tracks.append(BoxTrack(self._next_id, candidate, taken_ns))
                self._next_id += 1
        return [
            t
            for t in self.tracks
            if t.hits >= rules.confirm_hits and taken_ns - t.matched_ns <= self._report_ns
        ]


def usable(detections: Detections, low_score: float) -> list[Seen]:
    """The detections that are boxes at all, of a kind that we know and not below the lowest score."""
    found = []
    for kind, score, box in zip(
        detections.kinds, detections.scores.tolist(), detections.boxes.tolist(), strict=False
    ):
        if kind not in _GROUPS or not score >= low_score or len(box) != 4:
            continue
        left, top, right, bottom = (known(edge) for edge in box)
        if left is None or top is None or right is None or bottom is None:
            continue
        if right - left >= 1.0 and bottom - top >= 1.0:
            found.append(Seen(kind, min(score, 1.0), (left, top, right, bottom)))
    return found


def _associate(tracks: list[BoxTrack], seen: list[Seen], min_iou: float, taken_ns: int) -> list[Seen]:
    """Update tracks by the best-overlapping detections, best pair first; returns what is left over."""
    pairs = []
    for i, track in enumerate(tracks):
        for j, candidate in enumerate(seen):
            if (
                track.group == candidate.group
                and candidate.left < track.right
                and track.left < candidate.right
                and candidate.top < track.bottom
                and track.top < candidate.bottom
            ):
                iou = _iou(track, candidate)
                if iou >= min_iou:
                    pairs.append((-iou, i, j))
    pairs.sort()
    taken: set[int] = set()
    for _, i, j in pairs:
        if j not in taken and tracks[i].seen is None:
            taken.add(j)
            tracks[i].update(seen[j], taken_ns)
    return [s for j, s in enumerate(seen) if j not in taken]


def _iou(a: BoxTrack | Seen, b: Seen) -> float:
    """Intersection over union of two boxes."""
    width = (a.right if a.right < b.right else b.right) - (a.left if a.left > b.left else b.left)
    height = (a.bottom if a.bottom < b.bottom else b.bottom) - (a.top if a.top > b.top else b.top)
    if width <= 0.0 or height <= 0.0:
        return 0.0
    both = width * height
    return both / (a.area + b.area - both)
