"""Who will meet whom: road users carried on along their ways, and when their outlines first touch.

Each goes on along its bend at its speed and, if it brakes, brakes on until it stands. Outlines are
rectangles. Between two moments everything moves straight, so that the time of touching is solved for, not
searched: nobody passes through another between two steps. Every pair gives the same bits whichever way round.
"""

from __future__ import annotations

import msgspec
import numpy as np

from edge.core.geometry import along_all
from edge.messages import FloatArray

STEP_S = 0.1
_STRAIGHT_RADPS = 0.005  # turning slower than this is going straight
_BRAKES_MPS2 = 0.3
_COARSE_S = 1.0
_TINY = 1e-9
_BLOCK = 64  # rows of the matrix of all pairs at a time, so that it stays in the cache


class Movers(msgspec.Struct, frozen=True, kw_only=True):
    """N road users in one flat frame, each field (N,) and finite: the middle of each, the direction in which
    it moves, its speed there (not negative), the bend of its way (to the left positive), its outline."""

    x_m: FloatArray
    y_m: FloatArray
    cosine: FloatArray
    sine: FloatArray
    speed_mps: FloatArray
    acceleration_mps2: FloatArray
    curvature_1pm: FloatArray
    half_length_m: FloatArray
    half_width_m: FloatArray


class Conflicts(msgspec.Struct, frozen=True, kw_only=True):
    """M pairs: first and second index; when and how near their middles come closest within the horizon; when
    their outlines first touch, infinite if they do not."""

    first: np.ndarray
    second: np.ndarray
    closest_s: FloatArray
    closest_m: FloatArray
    conflict_s: FloatArray


def all_pairs(movers: Movers, horizon_s: float, margin_m: float = 0.0) -> Conflicts:
    """Every pair whose outlines, margin_m apart in length and width, touch within the horizon.

    Pairs are in the order of their indices, the lower one first.
    """
    return touching(movers, *_candidates(movers, horizon_s, margin_m), horizon_s, margin_m)


def touching(
    movers: Movers, first: np.ndarray, second: np.ndarray, horizon_s: float, margin_m: float = 0.0
) -> Conflicts:
    """Those of these pairs whose outlines touch, in their order."""
    near = _near(movers, first, second, horizon_s, margin_m)
    first, second = first[near], second[near]
    found = pairs(movers, first, second, horizon_s, margin_m)
    touch = np.nonzero(found.conflict_s <= horizon_s)[0]
    return Conflicts(
        first=first[touch],
        second=second[touch],
        closest_s=found.closest_s[touch],
        closest_m=found.closest_m[touch],
        conflict_s=found.conflict_s[touch],
    )


def pairs(
    movers: Movers, first: np.ndarray, second: np.ndarray, horizon_s: float, margin_m: float = 0.0
) -> Conflicts:
    """These pairs, whether they touch or not."""
    bent = _bent(movers)
    steps = np.nonzero(bent[first] | bent[second])[0]
    closest_s, closest_sq, conflict_s = _straight(movers, first, second, horizon_s, margin_m)
    if len(steps):
        found = _stepwise(movers, first[steps], second[steps], horizon_s, margin_m)
        closest_s[steps], closest_sq[steps], conflict_s[steps] = found
    return Conflicts(
        first=first,
        second=second,
        closest_s=closest_s,
        closest_m=np.sqrt(closest_sq),
        conflict_s=conflict_s,
    )


def travelled(speed_mps: FloatArray, acceleration_mps2: FloatArray, seconds: FloatArray) -> FloatArray:
    """How far each gets (arrays of one shape): speeding up does not count, braking ends in standing."""
    braking = np.maximum(-acceleration_mps2, 0.0)
    stops_s = np.where(braking > _TINY, speed_mps / np.maximum(braking, _TINY), np.inf)
    moving_s = np.minimum(seconds, stops_s)
    return (speed_mps - 0.5 * braking * moving_s) * moving_s


def _bent(movers: Movers) -> np.ndarray:
    """Whose way is not a straight line at one speed."""
    turns = np.abs(movers.curvature_1pm) * movers.speed_mps > _STRAIGHT_RADPS
    return turns | ((movers.acceleration_mps2 < -_BRAKES_MPS2) & (movers.speed_mps > 0.0))


def _candidates(movers: Movers, horizon_s: float, margin_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Pairs whose circles come together when all go straight on; who bends has a wider circle."""
    x, y = movers.x_m, movers.y_m
    vx, vy = movers.speed_mps * movers.cosine, movers.speed_mps * movers.sine
    turning = np.abs(movers.curvature_1pm) * movers.speed_mps * movers.speed_mps
    off_m = 0.5 * (turning + np.maximum(-movers.acceleration_mps2, 0.0)) * (horizon_s * horizon_s)
    off_m = np.minimum(off_m, 2.0 * movers.speed_mps * horizon_s)
    radius = _radius(movers, margin_m) + np.where(_bent(movers), off_m, 0.0)
    firsts, seconds = [], []
    for begin in range(0, len(x), _BLOCK):
        rows = slice(begin, begin + _BLOCK)
        dx, dy = x[None, begin:] - x[rows, None], y[None, begin:] - y[rows, None]
        dvx, dvy = vx[None, begin:] - vx[rows, None], vy[None, begin:] - vy[rows, None]
        speed_sq = dvx * dvx
        speed_sq += dvy * dvy
        closest_s = dx * dvx
        closest_s += dy * dvy
        closest_s /= np.maximum(speed_sq, _TINY, out=speed_sq)
        np.negative(closest_s, out=closest_s)
        np.maximum(closest_s, 0.0, out=closest_s)
        np.minimum(closest_s, horizon_s, out=closest_s)
        dvx *= closest_s
        dvy *= closest_s
        dx += dvx
        dy += dvy
        dx *= dx
        dy *= dy
        dx += dy
        reach = radius[None, begin:] + radius[rows, None]
        reach *= reach
        i, j = np.nonzero(dx <= reach)
        upper = j > i
        firsts.append(i[upper] + begin)
        seconds.append(j[upper] + begin)
    if not firsts:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return np.concatenate(firsts), np.concatenate(seconds)


def _near(
    movers: Movers, first: np.ndarray, second: np.ndarray, horizon_s: float, margin_m: float
) -> np.ndarray:
    """Whose circles come together in one of a few long steps; off the chord of a step nobody gets further
    than an eighth of its acceleration times the step squared."""
    bent = _bent(movers)
    count = max(round(horizon_s / _COARSE_S), 1)
    step_s = horizon_s / count
    used, place = np.unique(np.concatenate((first, second)), return_inverse=True)
    x, y = _ways(movers, used, count, step_s)
    a, b = place[: len(first)], place[len(first) :]
    rx, ry = x[b] - x[a], y[b] - y[a]
    dx, dy = rx[:, :-1], ry[:, :-1]
    _, distance_sq = _closest(dx, dy, (rx[:, 1:] - dx) / step_s, (ry[:, 1:] - dy) / step_s, step_s)
    turning = np.abs(movers.curvature_1pm) * movers.speed_mps * movers.speed_mps
    bend = turning + np.maximum(-movers.acceleration_mps2, 0.0)
    reach = _radius(movers, margin_m) + np.where(bent, bend * (0.125 * step_s * step_s), 0.0)
    reach = reach[first] + reach[second]
    return distance_sq.min(axis=1) <= reach * reach


def _straight(
    movers: Movers, first: np.ndarray, second: np.ndarray, horizon_s: float, margin_m: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(when closest, that distance squared, when they touch) of pairs that go straight at one speed."""
    vx, vy = movers.speed_mps * movers.cosine, movers.speed_mps * movers.sine
    dx, dy = movers.x_m[second] - movers.x_m[first], movers.y_m[second] - movers.y_m[first]
    dvx, dvy = vx[second] - vx[first], vy[second] - vy[first]
    closest_s, closest_sq = _closest(dx, dy, dvx, dvy, horizon_s)
    outline = _outlines(movers, first, second, margin_m)
    directions = (movers.cosine[first], movers.sine[first], movers.cosine[second], movers.sine[second])
    return closest_s, closest_sq, _touch(dx, dy, dvx, dvy, directions, outline, horizon_s)


def _stepwise(
    movers: Movers, first: np.ndarray, second: np.ndarray, horizon_s: float, margin_m: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The same for pairs of which one turns or brakes, step by step."""
    count = max(round(horizon_s / STEP_S), 1)
    step_s = horizon_s / count
    starts_s = np.arange(count) * step_s
    used, place = np.unique(np.concatenate((first, second)), return_inverse=True)
    x, y = _ways(movers, used, count, step_s)
    cosine, sine = _directions(movers, used, x, y)
    a, b = place[: len(first)], place[len(first) :]
    rx, ry = x[b] - x[a], y[b] - y[a]
    dx, dy = rx[:, :-1], ry[:, :-1]
    dvx, dvy = (rx[:, 1:] - dx) / step_s, (ry[:, 1:] - dy) / step_s
    within_s, distance_sq = _closest(dx, dy, dvx, dvy, step_s)
    at = np.argmin(distance_sq, axis=1)
    row = np.arange(len(at))
    outline = _outlines(movers, first, second, margin_m)
    reach = np.sqrt(outline[0] * outline[0] + outline[1] * outline[1]) + np.sqrt(
        outline[2] * outline[2] + outline[3] * outline[3]
    )
    i, k = np.nonzero(distance_sq <= (reach * reach)[:, None])
    directions = (cosine[a[i], k], sine[a[i], k], cosine[b[i], k], sine[b[i], k])
    touch_s = np.full(distance_sq.shape, np.inf)
    touch_s[i, k] = starts_s[k] + _touch(
        dx[i, k], dy[i, k], dvx[i, k], dvy[i, k], directions, tuple(edge[i] for edge in outline), step_s
    )
    return starts_s[at] + within_s[row, at], distance_sq[row, at], touch_s.min(axis=1)


def _ways(movers: Movers, used: np.ndarray, count: int, step_s: float) -> tuple[FloatArray, FloatArray]:
    """(x, y) at the count + 1 ends of the steps, by rows."""
    shape = (len(used), count + 1)

    def spread(values: FloatArray) -> FloatArray:
        return np.broadcast_to(values[used][:, None], shape)

    times_s = np.broadcast_to(np.arange(count + 1) * step_s, shape)
    metres = travelled(spread(movers.speed_mps), spread(movers.acceleration_mps2), times_s)
    along_x, along_y, _, _ = along_all(
        spread(movers.cosine), spread(movers.sine), spread(movers.curvature_1pm), metres
    )
    return movers.x_m[used][:, None] + along_x, movers.y_m[used][:, None] + along_y


def _directions(
    movers: Movers, used: np.ndarray, x: FloatArray, y: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(cosine, sine) of the way during each step; who stands keeps the direction it had."""
    dx, dy = x[:, 1:] - x[:, :-1], y[:, 1:] - y[:, :-1]
    metres = np.sqrt(dx * dx + dy * dy)
    moves = metres > 1e-3
    cosine = np.where(moves, dx / np.where(moves, metres, 1.0), movers.cosine[used][:, None])
    sine = np.where(moves, dy / np.where(moves, metres, 1.0), movers.sine[used][:, None])
    stood = np.nonzero(~moves.all(axis=1) & moves[:, 0])[0]
    if len(stood):
        last = (moves[stood] * 1).sum(axis=1) - 1  # braking ends in standing, for good
        for values in (cosine, sine):
            values[stood] = np.where(moves[stood], values[stood], values[stood, last][:, None])
    return cosine, sine


def _radius(movers: Movers, margin_m: float) -> FloatArray:
    length, width = movers.half_length_m + 0.5 * margin_m, movers.half_width_m + 0.5 * margin_m
    return np.sqrt(length * length + width * width)


def _outlines(
    movers: Movers, first: np.ndarray, second: np.ndarray, margin_m: float
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    length, width = movers.half_length_m + 0.5 * margin_m, movers.half_width_m + 0.5 * margin_m
    return length[first], width[first], length[second], width[second]


def _closest(
    dx: FloatArray, dy: FloatArray, dvx: FloatArray, dvy: FloatArray, until_s: float
) -> tuple[FloatArray, FloatArray]:
    """(when, distance squared) of two points that move straight."""
    speed_sq = np.maximum(dvx * dvx + dvy * dvy, _TINY)
    closest_s = np.minimum(np.maximum(-(dx * dvx + dy * dvy) / speed_sq, 0.0), until_s)
    x, y = dx + dvx * closest_s, dy + dvy * closest_s
    return closest_s, x * x + y * y


def _touch(
    dx: FloatArray,
    dy: FloatArray,
    dvx: FloatArray,
    dvy: FloatArray,
    directions: tuple[FloatArray, ...],
    outline: tuple[FloatArray, ...],
    until_s: float,
) -> FloatArray:
    """When two rectangles that move straight and do not turn first touch; infinite if not in time.

    The separating axis theorem in time: on each of the four axes they overlap during one interval.
    """
    cos_a, sin_a, cos_b, sin_b = directions
    length_a, width_a, length_b, width_b = outline
    aligned, across = np.abs(cos_a * cos_b + sin_a * sin_b), np.abs(cos_a * sin_b - sin_a * cos_b)
    enter, leave = np.zeros_like(dx), np.full_like(dx, until_s)
    for axis_x, axis_y, reach in (
        (cos_a, sin_a, length_a + (length_b * aligned + width_b * across)),
        (-sin_a, cos_a, width_a + (length_b * across + width_b * aligned)),
        (cos_b, sin_b, length_b + (length_a * aligned + width_a * across)),
        (-sin_b, cos_b, width_b + (length_a * across + width_a * aligned)),
    ):
        apart, rate = dx * axis_x + dy * axis_y, dvx * axis_x + dvy * axis_y
        rate = np.where(np.abs(rate) < _TINY, _TINY, rate)
        one, other = (-reach - apart) / rate, (reach - apart) / rate
        np.maximum(enter, np.minimum(one, other), out=enter)
        np.minimum(leave, np.maximum(one, other), out=leave)
    return np.where(enter <= leave, enter, np.inf)
