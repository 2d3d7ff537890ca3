"""How long each model takes for one picture, all of them by turns: the machine's moods hit all alike."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from edge import clock
from edge.messages import Face, Sign, TrafficLight, read_only
from edge.vision import golden
from edge.vision.adapters import Seen
from edge.vision.evaluate.networks import Network
from edge.vision.evaluate.results import Speed, Step
from edge.vision.picture import Picture

ROAD_SIZE = (720, 1280)
DRIVER_SIZE = (480, 640)
WARM_UP = 2  # rounds that are not counted
AT_LEAST = 5  # rounds that are


def measure_speed(networks: Sequence[Network], rounds: int, limit_s: float, step: Step) -> dict[str, Speed]:
    """Lower quartiles over `rounds` rounds, fewer if they take longer than limit_s, but 5 at least.

    Each gives every model the drawn picture of golden.py once, and then runs the bare network on the same
    tensors. What a model needs of others is given to it.

    Between two turns of a model all others have run, so that it finds the caches cold, as in a car.
    """
    cv2.setNumThreads(1)
    pictures = {
        role: Picture(t_ns=0, frame_id=0, image=_drawn(*size, role))
        for role, size in (("road", ROAD_SIZE), ("driver", DRIVER_SIZE))
    }
    known = {"road": _given_of_road(), "driver": _given_of_driver()}
    taken: dict[str, list[tuple[int, int, int, int, int]]] = {network.name: [] for network in networks}
    started_ns = clock.now_ns()
    for number in range(rounds + WARM_UP):
        if number >= WARM_UP + AT_LEAST and clock.now_ns() - started_ns > limit_s * 1e9:
            break
        for network in networks:
            picture, given = pictures[network.entry.role], known[network.entry.role]
            network.session.start_timing()
            began_ns = clock.now_ns()
            network.adapter.see(picture, given)
            whole = clock.now_ns() - began_ns
            run = network.session.run_ns
            before = network.session.began_ns - began_ns
            feed = network.tap.fed
            began_ns = clock.now_ns()
            network.session.run(feed)
            bare = clock.now_ns() - began_ns
            if number >= WARM_UP:
                taken[network.name].append((run, before, whole - run - before, whole, bare))
        step()
    speeds = {}
    for name, rows in taken.items():
        times = np.array(rows) / 1e6
        typical = [round(float(value), 3) for value in np.percentile(times, 25, axis=0)]
        speeds[name] = Speed(
            run_ms=typical[0],
            before_ms=typical[1],
            after_ms=typical[2],
            whole_ms=typical[3],
            whole_p95_ms=round(float(np.percentile(times[:, 3], 95)), 3),
            bare_ms=typical[4],
        )
    return speeds


def _drawn(height: int, width: int, role: str) -> np.ndarray:
    """At half the size and doubled: drawing takes longer than all else here."""
    return golden.picture(height // 2, width // 2, role).repeat(2, axis=0).repeat(2, axis=1)


def _given_of_road() -> Seen:
    """Where the drawing has its traffic light; and a car, taken for a sign."""
    height, width = ROAD_SIZE
    light = (0.098 * width, 0.11 * height, 0.142 * width, 0.29 * height)
    sign = (0.67 * width, 0.53 * height, 0.85 * width, 0.72 * height)
    return Seen(lights=(TrafficLight(score=1.0, box=light),), signs=(Sign(score=1.0, box=sign),))


def _given_of_driver() -> Seen:
    """The face of the drawing."""
    height, width = DRIVER_SIZE
    points = np.array([(0.41, 0.45), (0.59, 0.45), (0.5, 0.57), (0.43, 0.69), (0.57, 0.69)])
    return Seen(
        face=Face(
            score=1.0,
            box=(0.27 * width, 0.17 * height, 0.73 * width, 0.83 * height),
            landmarks=read_only(points * (width, height)),
            head_yaw_deg=0.0,
            head_pitch_deg=0.0,
            head_roll_deg=0.0,
        )
    )
