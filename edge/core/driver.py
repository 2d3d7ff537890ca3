"""What the driver camera sees -> eyes, gaze and how long they have been where they should not be."""

from __future__ import annotations

import math

from edge.config import Rules
from edge.core.filters import Episode, Share
from edge.core.units import known, seconds
from edge.messages import Driver, DriverView, Face

_BRIDGE_UNKNOWN_NS = 500_000_000
_NEUTRAL_HALF_WIDTH_DEG = 6
_RETURN_RATIO = 0.85  # looking at the road again: well within the limit


class Neutral:
    """Where the driver looks when looking ahead: the most usual direction, which mirrors and radio are not.

    A histogram of whole degrees, halved when full, so that it follows a changed seat or driver.
    """

    def __init__(self, learn_ns: int) -> None:
        self._learn_ns = learn_ns
        self._total_ns = 0
        self._next_ns = learn_ns
        self._yaw = [0] * 181
        self._pitch = [0] * 181
        self.learnt: tuple[float, float] | None = None

    def add(self, yaw_deg: float, pitch_deg: float, lasted_ns: int) -> None:
        """The driver looked there for so long."""
        self._yaw[_bin(yaw_deg)] += lasted_ns
        self._pitch[_bin(pitch_deg)] += lasted_ns
        self._total_ns += lasted_ns
        if self._total_ns >= self._next_ns:
            self._next_ns = self._total_ns + 1_000_000_000
            self.learnt = _usual(self._yaw), _usual(self._pitch)
        if self._total_ns >= 4 * self._learn_ns:
            self._yaw = [n // 2 for n in self._yaw]
            self._pitch = [n // 2 for n in self._pitch]
            self._total_ns //= 2
            self._next_ns = self._total_ns + 1_000_000_000


def _bin(angle_deg: float) -> int:
    return min(max(round(angle_deg), -90), 90) + 90


def _usual(counts: list[int]) -> float:
    """The middle of the fullest window, weighted: degrees."""
    half = _NEUTRAL_HALF_WIDTH_DEG
    inside = sum(counts[: 2 * half + 1])
    best, best_inside = half, inside
    for middle in range(half + 1, len(counts) - half):
        inside += counts[middle + half] - counts[middle - half - 1]
        if inside > best_inside:
            best, best_inside = middle, inside
    window = range(best - half, best + half + 1)
    return sum(counts[i] * (i - 90) for i in window) / max(best_inside, 1)


class DriverWatch:
    """Follows the driver through one camera."""

    def __init__(self, rules: Rules) -> None:
        self._eyes, self._gaze = rules.drowsiness, rules.distraction
        self._view_ns = round(rules.freshness.view_s * 1e9)
        learn_ns = round(self._gaze.neutral_learning_s * 1e9)
        self._neutral_gaze, self._neutral_head = Neutral(learn_ns), Neutral(learn_ns)
        self._perclos_ns = round(self._eyes.perclos_window_s * 1e9)
        self._closed_share = Share(self._perclos_ns)
        self._closure = Episode(round(self._eyes.eyes_reopen_s * 1e9))
        self._closed_now = False
        self._begin_gaze()
        self._eyes_known_ns = self._gaze_known_ns = 0
        self._taken_ns: int | None = None
        self._no_face_since_ns: int | None = None
        self.no_face_s = 0.0
        self.eyes_known = self.gaze_known = False  # in the newest picture

    def update(self, view: DriverView, speed_mps: float | None) -> Driver | None:
        """Take one picture's findings; None, and nothing changes, if it is not newer than the last."""
        taken_ns = view.taken_ns
        if self._taken_ns is not None and taken_ns <= self._taken_ns:
            return None
        lasted_ns = 0 if self._taken_ns is None else min(taken_ns - self._taken_ns, self._view_ns)
        self._taken_ns = taken_ns
        face = view.face
        self._miss(face, taken_ns)

        closed = None if face is None else self._closed(face)
        self.eyes_known = closed is not None
        self._closed_share.add(taken_ns, lasted_ns, closed)
        eyes_closed, closed_s = _follow(self._closure, closed, taken_ns, self._eyes_known_ns)
        if self.eyes_known:
            self._eyes_known_ns = taken_ns

        neutral, direction = self._direction(face)
        self.gaze_known = direction is not None
        if direction is not None and speed_mps is not None and speed_mps >= self._gaze.neutral_min_speed_mps:
            was_learnt = neutral.learnt is not None
            neutral.add(direction[0], direction[1], lasted_ns)
            if neutral.learnt is not None and not was_learnt:
                self._begin_gaze()  # what was judged against a guess does not count any more
        away = None if direction is None else self._away(direction, neutral.learnt or (0.0, 0.0))
        self._away_share.add(taken_ns, lasted_ns, away)
        looking_away, away_s = _follow(self._looking, away, taken_ns, self._gaze_known_ns)
        if self.gaze_known:
            self._gaze_known_ns = taken_ns

        learnt = neutral.learnt or (None, None)
        return Driver(
            t_ns=view.t_ns,
            camera=view.camera,
            taken_ns=taken_ns,
            frame_id=view.frame_id,
            face=face is not None,
            eyes_closed=eyes_closed,
            eyes_closed_s=closed_s,
            perclos_ratio=self._perclos(),
            looking_away=looking_away,
            looking_away_s=away_s,
            away_in_30_s=seconds(self._away_share.true_ns) if self._away_share.known_ns else None,
            neutral_yaw_deg=learnt[0],
            neutral_pitch_deg=learnt[1],
        )

    def _begin_gaze(self) -> None:
        self._away_share = Share(round(self._gaze.away_window_s * 1e9))
        self._looking = Episode(round(self._gaze.back_s * 1e9))
        self._away_now = False

    def _miss(self, face: Face | None, taken_ns: int) -> None:
        if face is not None:
            self._no_face_since_ns = None
        elif self._no_face_since_ns is None:
            self._no_face_since_ns = taken_ns
        since_ns = self._no_face_since_ns
        self.no_face_s = 0.0 if since_ns is None else seconds(taken_ns - since_ns)

    def _closed(self, face: Face) -> bool | None:
        """Both eyes shut, or the one that is seen; None when a turned head hides them."""
        rules = self._eyes
        yaw, pitch = known(face.head_yaw_deg), known(face.head_pitch_deg)
        if yaw is not None and math.fabs(yaw) > rules.eyes_max_yaw_deg:
            return None
        if pitch is not None and math.fabs(pitch) > rules.eyes_max_pitch_deg:
            return None
        left, right = known(face.left_eye_open), known(face.right_eye_open)
        if left is None or right is None:
            openness = left if right is None else right
            if openness is None:
                return None
        else:
            openness = max(left, right)
        limit = rules.eyes_open_above if self._closed_now else rules.eyes_closed_below
        self._closed_now = openness < limit
        return self._closed_now

    def _direction(self, face: Face | None) -> tuple[Neutral, tuple[float, float] | None]:
        """Where the driver looks: the gaze, else where the head points."""
        if face is not None:
            yaw, pitch = known(face.gaze_yaw_deg), known(face.gaze_pitch_deg)
            if yaw is not None and pitch is not None:
                return self._neutral_gaze, (yaw, pitch)
            yaw, pitch = known(face.head_yaw_deg), known(face.head_pitch_deg)
            if yaw is not None and pitch is not None:
                return self._neutral_head, (yaw, pitch)
        used_head = self._neutral_gaze.learnt is None and self._neutral_head.learnt is not None
        return self._neutral_head if used_head else self._neutral_gaze, None

    def _away(self, direction: tuple[float, float], ahead: tuple[float, float]) -> bool:
        ratio = _RETURN_RATIO if self._away_now else 1.0
        self._away_now = (
            math.fabs(direction[0] - ahead[0]) > ratio * self._gaze.yaw_deg
            or math.fabs(direction[1] - ahead[1]) > ratio * self._gaze.pitch_deg
        )
        return self._away_now

    def _perclos(self) -> float | None:
        """PERCLOS: the share of the window with closed eyes (FHWA-MCRT-98-006), if enough of it is known."""
        share = self._closed_share
        if share.known_ns <= 0 or share.known_ns < self._eyes.perclos_min_coverage * self._perclos_ns:
            return None
        return share.true_ns / share.known_ns


def _follow(
    episode: Episode, holds: bool | None, t_ns: int, known_ns: int
) -> tuple[bool | None, float | None]:
    """(does it hold, for how many seconds); a short time of not knowing changes nothing."""
    if holds is None:
        if t_ns - known_ns > _BRIDGE_UNKNOWN_NS:
            episode.add(t_ns, None)
        return None, None
    lasted_ns = episode.add(t_ns, holds)
    return (False, 0.0) if lasted_ns is None else (True, seconds(lasted_ns))
