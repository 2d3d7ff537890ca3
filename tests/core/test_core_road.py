"""Geometry and tracking against truth that others computed."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from msgspec.structs import replace

from edge.config import Geometry, Rules, Vehicle
from edge.core.geometry import Projection, ahead_left, heading_difference, metres_per_degree, moved, sin_cos
from edge.core.lanes import fit
from edge.core.road import RoadWatch
from edge.core.vehicle import OwnVehicle
from edge.messages import Detections, RoadView, Signals, read_only

F, W, H, UP, BEHIND = 1000.0, 1280, 720, 1.3, 1.5
LEVEL = Geometry(width_px=W, height_px=H, focal_px=F, height_m=UP, ahead_m=BEHIND)


def test_sines_are_those_of_the_maths_library():
    for tenth in range(-7300, 7301, 7):
        sine, cosine = sin_cos(tenth / 10)
        assert sine == pytest.approx(math.sin(math.radians(tenth / 10)), abs=3e-15)
        assert cosine == pytest.approx(math.cos(math.radians(tenth / 10)), abs=3e-15)


def test_a_pixel_of_the_road_by_hand():
    """A level camera 1.3 m up, f 1000 px: 100 px below the horizon is 13 m away, 200 px aside there 2.6 m."""
    ahead, left = Projection(LEVEL, W, H).ground(640 - 200, 360 + 100)
    assert (ahead, left) == (pytest.approx(13.0 - 1.5), pytest.approx(2.6))
    assert Projection(LEVEL, W, H).ground(640, 359) is None


def test_a_camera_looking_down_and_aside_by_hand():
    down = Projection(replace(LEVEL, ahead_m=0.0, pitch_deg=5.0), W, H)
    ahead, left = down.ground(640, 360)
    assert (ahead, left) == (pytest.approx(1.3 / math.tan(math.radians(5))), pytest.approx(0))
    aside = Projection(replace(LEVEL, ahead_m=0.0, yaw_deg=10.0), W, H)
    ahead, left = aside.ground(640, 460)
    assert left / ahead == pytest.approx(math.tan(math.radians(10)))


@pytest.mark.parametrize("size", [(W, H), (640, 360), (416, 416)])
def test_places_agree_with_the_simulated_camera(size):
    sim = pytest.importorskip("edge.sim.projection")
    geometry = Geometry(
        width_px=W, height_px=H, focal_px=900, height_m=1.4, pitch_deg=3, yaw_deg=-2, left_m=0.2, ahead_m=1.7
    )
    ours, theirs = Projection(geometry, *size), sim.PinholeCamera(geometry, *size)
    for ahead, left in [(5, 0), (12, -3), (40, 6), (80, 2)]:
        x, y = theirs.project(np.array([[ahead, left, 0.0]]))[0]
        assert ours.ground(x, y) == (pytest.approx(ahead, abs=1e-6), pytest.approx(left, abs=1e-6))
        assert ours.pixel(ahead, left) == (pytest.approx(x), pytest.approx(y))


def test_metres_per_degree_are_those_of_the_ellipsoid():
    """Of tables of WGS 84: one degree at the equator 110.574 by 111.320 km, at 45 N 111.132 by 78.847 km."""
    assert metres_per_degree(0.0) == (pytest.approx(110574, abs=1), pytest.approx(111320, abs=1))
    assert metres_per_degree(45.0) == (pytest.approx(111132, abs=1), pytest.approx(78847, abs=1))


def test_ahead_and_left_turn_with_the_heading():
    north_m, east_m = metres_per_degree(48.0)
    to = (48.0 + 30 / north_m, 11.0 + 40 / east_m)
    assert ahead_left(48.0, 11.0, 0.0, *to) == (pytest.approx(30), pytest.approx(-40))
    assert ahead_left(48.0, 11.0, 90.0, *to) == (pytest.approx(40), pytest.approx(30))
    there = moved(48.0, 179.9999, 90.0, 100.0)
    assert ahead_left(48.0, 179.9999, 90.0, *there)[0] == pytest.approx(100, abs=0.01)
    assert heading_difference(350.0, 10.0) == pytest.approx(20.0)


def test_a_line_is_fitted_as_numpy_does_and_outliers_are_dropped():
    points = [(float(x), 1.7 + 0.01 * x + 0.002 * x * x) for x in range(4, 40, 3)]
    curve = fit([*points, (20.0, 9.0)])
    assert curve is not None
    assert [curve.offset, curve.slope, curve.bend] == pytest.approx([1.7, 0.01, 0.002], abs=1e-6)
    short = fit([(5.0, 1.0), (10.0, 1.5)])
    assert (short.offset, short.slope, short.bend) == pytest.approx((0.5, 0.1, 0.0))


# ---------------------------------------------------------------- tracking against truth


def box(kind, gap, left, jitter, chance):
    """Where a pinhole camera sees the near face of an object."""
    width, height = {"car": (1.8, 1.52), "truck": (2.5, 3.2), "person": (0.5, 1.7)}[kind]
    z = gap + BEHIND
    edges = [
        W / 2 - F * (left + width / 2) / z,
        H / 2 + F * (UP - height) / z,
        W / 2 - F * (left - width / 2) / z,
        H / 2 + F * UP / z,
    ]
    return [e + chance.gauss(0, jitter) for e in edges]


def watchers():
    car = Vehicle(title="x")
    return RoadWatch(LEVEL, car, Rules()), OwnVehicle(car, Rules().freshness)


def watch_scene(objects, seconds, jitter=1.0, miss=0.0, pitch_deg=0.0, seed=0, own_mps=20.0):
    """Roads for objects (kind, gap, left, closing speed) seen 20 times a second; pitch swings at 1.5 Hz."""
    chance = random.Random(seed)
    watch, own = (
        RoadWatch(LEVEL, Vehicle(title="x"), Rules()),
        OwnVehicle(Vehicle(title="x"), Rules().freshness),
    )
    roads = []
    for n in range(int(seconds * 20)):
        t_ns = 50_000_000 * n + 1_000_000_000
        own.signals(
            Signals(t_ns=t_ns, bus="", names=("speed_mps",), values=(own_mps,), stamps_ns=(t_ns,)), t_ns
        )
        swing = F * math.radians(pitch_deg) * math.sin(2 * math.pi * 1.5 * n / 20)
        kinds, boxes = [], []
        for kind, gap, left, closing in objects:
            edges = box(kind, gap - closing * n / 20, left, jitter, chance)
            if chance.random() >= miss:
                kinds.append(kind)
                boxes.append([edges[0], edges[1] + swing, edges[2], edges[3] + swing])
        view = RoadView(
            t_ns=t_ns,
            camera="road",
            taken_ns=t_ns,
            frame_id=n,
            width_px=W,
            height_px=H,
            models=(),
            detections=Detections(
                kinds=tuple(kinds),
                scores=read_only([0.8] * len(kinds)),
                boxes=read_only(boxes or [[]]).reshape(-1, 4),
            ),
        )
        roads.append(watch.update(view, own.state(t_ns)))
    return roads


@pytest.mark.parametrize(("kind", "gap"), [("car", 30.0), ("car", 60.0), ("truck", 40.0), ("person", 20.0)])
@pytest.mark.parametrize("seed", range(3))
def test_distance_and_closing_speed_are_true_within_what_they_claim(kind, gap, seed):
    roads = watch_scene([(kind, gap, 0.0, 5.0)], 3.0, jitter=1.0, seed=seed)
    late = [(n, r.tracks[0]) for n, r in enumerate(roads) if n >= 30]
    for n, track in late:
        truth = gap - 5.0 * n / 20
        assert abs(track.distance_m - truth) < 3.5 * track.distance_sd_m
        assert abs(track.distance_m - truth) < 0.10 * truth
        assert track.distance_sd_m < 0.15 * truth + 0.5
        assert abs(track.closing_speed_mps - 5.0) < 3.5 * track.closing_speed_sd_mps
    closing = [t.closing_speed_mps for _, t in late]
    assert np.mean(closing) == pytest.approx(5.0, abs=0.8)


def test_a_swinging_pitch_does_not_fake_a_closing_speed():
    """0.5 degrees at 1.5 Hz moves a ground-plane distance of 30 m by 6 m to and fro: 50 m/s at the peak."""
    roads = watch_scene([("car", 30.0, 0.0, 0.0)], 6.0, jitter=0.5, pitch_deg=0.5)
    closing = [r.tracks[0].closing_speed_mps for r in roads[40:]]
    assert max(abs(c) for c in closing) < 2.0


def test_what_stands_across_the_road_is_where_it_is():
    roads = watch_scene([("car", 40.0, 3.5, 2.0), ("car", 25.0, -3.2, 1.0), ("car", 30.0, 0.0, 0.0)], 3.0)
    by_left = sorted(roads[-1].tracks, key=lambda t: -t.lateral_m)
    assert [t.lateral_m for t in by_left] == [pytest.approx(y, abs=0.4) for y in (3.5, 0.0, -3.2)]
    assert [t.in_path for t in by_left] == [False, True, False]
    assert roads[-1].lead_id == by_left[1].id
    assert roads[-1].headway_s == pytest.approx(30 / 20, rel=0.1)


def test_identities_are_kept_through_noise_and_misses():
    """Six road users for 20 s, a fifth of the detections missing: each keeps one number."""
    objects = [
        (k, 60.0 + 9 * i, -9.0 + 3.6 * i, 2.0) for i, k in enumerate(["car"] * 4 + ["truck", "person"])
    ]
    roads = watch_scene(objects, 20.0, jitter=1.0, miss=0.2)
    ids = {t.id for r in roads for t in r.tracks}
    assert len(ids) == 6
    shown = [len(r.tracks) for r in roads[20:]]
    assert np.mean(shown) > 5.8


def test_two_that_cross_in_the_picture_keep_their_numbers():
    roads = watch_scene([("car", 20.0, -4.0, -4.0), ("truck", 60.0, 3.5, 8.0)], 4.0)
    kinds = {}
    for road in roads:
        for track in road.tracks:
            kinds.setdefault(track.id, set()).add(track.kind)
    assert sorted(map(sorted, kinds.values())) == [["car"], ["truck"]]


def test_a_box_cut_off_by_the_border_is_measured_by_what_is_left():
    """At 2 m the bottom edge is outside the picture: 1.3 m / 3.5 m * 1000 = 371 px below the middle."""
    roads = watch_scene([("car", 12.0, 0.0, 2.0)], 4.9, jitter=0.3)
    assert box("car", 2.3, 0.0, 0.0, random.Random(0))[3] > H - 20
    assert roads[-1].tracks[0].distance_m == pytest.approx(12 - 2 * 4.85, abs=0.5)
    assert roads[-1].tracks[0].closing_speed_mps == pytest.approx(2.0, abs=0.5)


def test_a_view_from_the_past_changes_nothing():
    watch, own = (
        RoadWatch(LEVEL, Vehicle(title="x"), Rules()),
        OwnVehicle(Vehicle(title="x"), Rules().freshness),
    )
    view = RoadView(t_ns=5, camera="road", taken_ns=5, frame_id=1, width_px=W, height_px=H, models=())
    assert watch.update(view, own.state(5)) is not None
    assert watch.update(view, own.state(5)) is None


@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_bus_at_its_stop_is_passed_and_never_in_our_path(side, seed):
    """12 m long: its box holds the near face and the side that runs inwards, and leaves by the border."""
    chance = random.Random(seed)
    watch, own = watchers()
    for n in range(100):
        t_ns, gap = 50_000_000 * n + 1_000_000_000, 55.0 - 0.6 * n
        speed = Signals(t_ns=t_ns, bus="", names=("speed_mps",), values=(12.0,), stamps_ns=(t_ns,))
        own.signals(speed, t_ns)
        corners = [
            (W / 2 - F * (side * 3.5 + across) / z, H / 2 + F * (UP - up) / z)
            for z in (max(gap + BEHIND, 0.3), gap + BEHIND + 12)
            for across in (-1.25, 1.25)
            for up in (0.0, 3.1)
        ]
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        edges = [e + chance.gauss(0, 1.5) for e in (min(xs), min(ys), max(xs), max(ys))]
        clipped = [max(edges[0], 0), max(edges[1], 0), min(edges[2], W), min(edges[3], H)]
        if gap + BEHIND + 12 < 1 or clipped[2] - clipped[0] < 3:
            break
        view = RoadView(
            t_ns=t_ns,
            camera="road",
            taken_ns=t_ns,
            frame_id=n,
            width_px=W,
            height_px=H,
            models=(),
            detections=Detections(kinds=("bus",), scores=read_only([0.8]), boxes=read_only([clipped])),
        )
        tracks = watch.update(view, own.state(t_ns)).tracks
        assert not any(t.in_path for t in tracks)
        if n > 20 and gap > 10:
            assert tracks[0].lateral_m == pytest.approx(side * 3.5, abs=0.8)
