"""One object for each road user: heard from itself, seen by others, seen by our camera; and not ourselves.

The states of one moment are compared: place, speed, kind. Nearest pairs first, and nobody tells of the same
road user twice, so that two cars side by side stay two.
"""

from __future__ import annotations

import numpy as np

from edge.core.peers import KINDS
from edge.core.units import known, seconds
from edge.messages import FloatArray, Road, Track

FAR_M = 300.0  # beyond, nothing is compared
_SAME_M, _PART = 1.5, 0.25  # from middle to middle across its way, and this part of both accuracies
_LONGEST_M = 3.0  # further than this along its way two places are not the same, however long it is
_ACCURACY_M = 3.0  # a worse accuracy does not widen what is the same
_SAME_MPS = 3.0
_US_AHEAD_M, _US_ASIDE_M = 2.5, 1.2  # nobody else's middle can be so near to ours
_SEEN_AHEAD_M, _SEEN_ASIDE_M = 3.5, 1.5  # but what others see of us is less exact
_SAME_WAY = 0.87
_TRACK_AHEAD_M, _TRACK_ASIDE_M = 3.0, 1.5
_GROUPS = {"car": 0, "truck": 0, "bus": 0, "motorcycle": 1, "bicycle": 1, "person": 2, "unknown": 3}
_ANY = 3
_GROUP_OF = np.array([_GROUPS[kind] for kind in KINDS])


class Seen:
    """What is compared, each (n,): where and how fast in our frame, how exactly, of which kind, who tells."""

    __slots__ = ("accuracy_m", "groups", "half_length_m", "moves", "seers", "u_mps", "w_mps", "x_m", "y_m")

    def __init__(
        self,
        x_m: FloatArray,
        y_m: FloatArray,
        u_mps: FloatArray,
        w_mps: FloatArray,
        moves: np.ndarray,
        accuracy_m: FloatArray,
        half_length_m: FloatArray,
        kinds: np.ndarray,
        seers: np.ndarray,
    ) -> None:
        self.x_m, self.y_m, self.u_mps, self.w_mps, self.moves = x_m, y_m, u_mps, w_mps, moves
        self.accuracy_m = np.minimum(accuracy_m, _ACCURACY_M)
        self.half_length_m = half_length_m
        self.groups = _GROUP_OF[kinds]
        self.seers = seers  # 0: it tells of itself


def ourselves(seen: Seen, own_speed_mps: float, turned_cos: FloatArray, level: np.ndarray) -> np.ndarray:
    """Who is our own car: our own messages come back, or others see us, (n,) bool."""
    by_others = seen.seers > 0
    apart = np.abs(seen.u_mps - own_speed_mps) > _SAME_MPS
    other_way = ~(turned_cos > _SAME_WAY) & (np.abs(seen.u_mps) + np.abs(seen.w_mps) > 2.0)
    ahead = np.where(by_others, _SEEN_AHEAD_M, _US_AHEAD_M)
    aside = np.where(by_others, _SEEN_ASIDE_M, _US_ASIDE_M)
    same = (np.abs(seen.x_m) < ahead) & (np.abs(seen.y_m) < aside) & level
    vehicle = (seen.groups == 0) | (seen.groups == _ANY)
    return same & vehicle & ~(seen.moves & (apart | other_way))


def same_users(seen: Seen, among: np.ndarray) -> np.ndarray:
    """For each the index of whom it is the same as, -1: of nobody, or it is the one that stands for all.

    Who tells of itself stands for the others; else who was entered first. among: indices to be compared.
    """
    same = np.full(len(seen.x_m), -1)
    near = among[np.abs(seen.x_m[among]) + np.abs(seen.y_m[among]) < FAR_M]
    by_others = near[seen.seers[near] > 0]
    if not len(by_others):
        return same
    order = np.concatenate((near[seen.seers[near] == 0], by_others))  # who may stand for whom comes first
    rank = np.empty(len(seen.x_m), np.int64)
    rank[order] = np.arange(len(order))
    a, b = _beside(seen, by_others, order)
    dx, dy = seen.x_m[b] - seen.x_m[a], seen.y_m[b] - seen.y_m[a]
    side_m = _SAME_M + _PART * (seen.accuracy_m[a] + seen.accuracy_m[b])
    along_m = side_m + np.minimum(0.5 * seen.half_length_m[b], _LONGEST_M)
    apart_sq = dx * dx + dy * dy
    speed = np.sqrt(seen.u_mps[b] * seen.u_mps[b] + seen.w_mps[b] * seen.w_mps[b])
    rolls = speed > 1.0  # along its way a place is less exact than across
    along = np.where(rolls, (dx * seen.u_mps[b] + dy * seen.w_mps[b]) / np.where(rolls, speed, 1.0), 0.0)
    across_sq = apart_sq - along * along
    du, dw = np.abs(seen.u_mps[b] - seen.u_mps[a]), np.abs(seen.w_mps[b] - seen.w_mps[a])
    fits = (np.abs(along) <= along_m) & (across_sq <= side_m * side_m)
    fits &= (seen.seers[a] != seen.seers[b]) & (rank[b] < rank[a])
    fits &= _alike(seen.groups[a], seen.groups[b])
    fits &= ((du <= _SAME_MPS) & (dw <= _SAME_MPS)) | ~(seen.moves[a] & seen.moves[b])
    index = np.nonzero(fits)[0]
    tell: dict[int, set[int]] = {}  # of each one that stands for others: who tells of it
    for k in index[np.argsort(apart_sq[index], kind="stable")]:
        one, other = int(a[k]), int(b[k])
        while same[other] >= 0:
            other = int(same[other])
        mine, theirs = (tell.setdefault(n, {int(seen.seers[n])}) for n in (one, other))
        if same[one] < 0 and one != other and mine.isdisjoint(theirs):
            same[one] = other
            theirs |= mine
    for one in by_others.tolist():
        while same[one] >= 0 and same[same[one]] >= 0:
            same[one] = same[same[one]]
    return same


def _beside(seen: Seen, of: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (one of `of`, one of `among`) that are within reach of each other along x."""
    reach_m = 2.0 * (_SAME_M + 2.0 * _PART * _ACCURACY_M) + _LONGEST_M  # along and across its way
    along = among[np.argsort(seen.x_m[among], kind="stable")]
    begin = np.searchsorted(seen.x_m[along], seen.x_m[of] - reach_m, side="left")
    counts = np.searchsorted(seen.x_m[along], seen.x_m[of] + reach_m, side="right") - begin
    first = np.repeat(begin - (np.cumsum(counts) - counts), counts)
    return np.repeat(of, counts), along[first + np.arange(len(first))]


def same_tracks(
    seen: Seen, among: np.ndarray, roads: tuple[Road, ...], now_ns: int, own: tuple[float, float]
) -> np.ndarray:
    """For each the number of the camera's track that is the same, -1: none. own: our speed, half length."""
    found = np.full(len(seen.x_m), -1)
    own_speed, own_half_length = own
    pairs: list[tuple[float, int, int, int]] = []
    for camera, road in enumerate(roads):
        age_s = seconds(max(now_ns - road.taken_ns, 0))
        for track in road.tracks:
            place = _place(track, age_s)
            if place is None or not len(among):
                continue
            gap_m, closing = place
            off_x = np.abs(seen.x_m[among] - (gap_m + own_half_length + seen.half_length_m[among]))
            off_y = np.abs(seen.y_m[among] - (track.lateral_m or 0.0))
            reach_x = _TRACK_AHEAD_M + seen.accuracy_m[among] + min(2.0 * (track.distance_sd_m or 0.0), 6.0)
            reach_y = _TRACK_ASIDE_M + 0.5 * np.minimum(seen.accuracy_m[among], _ACCURACY_M)
            fits = (off_x <= reach_x) & (off_y <= reach_y)
            fits &= _alike(seen.groups[among], np.full(len(among), _GROUPS.get(track.kind, _ANY)))
            if closing is not None:
                limit = _SAME_MPS + 2.0 * (track.closing_speed_sd_mps or 0.0)
                fits &= (np.abs(own_speed - seen.u_mps[among] - closing) <= limit) | ~seen.moves[among]
            cost = off_x / reach_x + off_y / reach_y
            pairs += [(float(cost[i]), camera, track.id, int(among[i])) for i in np.nonzero(fits)[0]]
    taken: set[tuple[int, int]] = set()
    for _, camera, number, index in sorted(pairs):
        if found[index] < 0 and (camera, number) not in taken:
            found[index] = number
            taken.add((camera, number))
    return found


def _place(track: Track, age_s: float) -> tuple[float, float | None] | None:
    """(gap now, closing speed if it is known well) of a track that has a place."""
    gap, lateral = known(track.distance_m), known(track.lateral_m)
    if gap is None or lateral is None:
        return None
    closing, sd = known(track.closing_speed_mps), known(track.closing_speed_sd_mps)
    if closing is None or sd is None or sd > _SAME_MPS:
        return gap, None
    return gap - closing * age_s, closing


def _alike(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Whether kinds can be the same: persons and cyclists are easily taken for each other, vehicles not."""
    return (a == b) | (a == _ANY) | (b == _ANY) | ((a > 0) & (b > 0))
