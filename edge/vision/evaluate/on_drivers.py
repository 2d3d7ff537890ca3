"""Accuracy on drivers: eyes by labels, poses against mirror images, all of it against rendered drivers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from edge.messages import Face
from edge.vision.adapters import Seen
from edge.vision.adapters.face import eye_line, eyes_visible
from edge.vision.evaluate import metrics
from edge.vision.evaluate.networks import Faces, Network, without
from edge.vision.evaluate.results import Figure, Figures, Step


class Driver(NamedTuple):
    """A rendered driver: what is true of the face, None: nobody is there; whether each eye is in sight."""

    image: np.ndarray
    face: Face | None
    left_seen: bool
    right_seen: bool


def measure_mirror(
    networks: Sequence[Network], faces: Faces, samples: Iterable[np.ndarray], figures: Figures, step: Step
) -> None:
    """There are no labels: a driver and his mirror image must be told the same, left and right exchanged.

    A model that errs alike in both passes: this bounds the error from below only.
    """
    misses: dict[str, dict[str, list[float]]] = {network.name: {} for network in networks}
    total, found = 0, {network.name: 0 for network in networks}
    for image in samples:
        total += 1
        mirrored = np.ascontiguousarray(image[:, ::-1])
        bases = (faces.find(image), faces.find(mirrored))
        for network in networks:
            one, other = (
                _face_by(network, picture, base)
                for picture, base in zip((image, mirrored), bases, strict=True)
            )
            found[network.name] += one is not None
            if one is not None and other is not None:
                _compare_mirrored(one, other, image.shape[1], network, misses[network.name])
        step()
    on = "two films of real drivers, against their mirror image"
    for network in networks:
        if "face" in network.entry.finds:
            share = found[network.name] / total if total else None
            figures[network.name].append(
                Figure(what="face found", on="two films of real drivers", value=share, count=total)
            )
        for what, values in misses[network.name].items():
            unit = "" if what.endswith(("openness", "eyes' distance")) else "deg"
            figures[network.name].append(
                Figure(what=what, on=on, value=metrics.mean(values), unit=unit, count=len(values))
            )


def _compare_mirrored(
    one: Face, other: Face, width: int, network: Network, misses: dict[str, list[float]]
) -> None:
    finds = network.entry.finds
    pairs: list[tuple[str, float | None, float | None]] = []
    if "head" in finds:
        pairs += [
            ("head yaw differs by", one.head_yaw_deg, _minus(other.head_yaw_deg)),
            ("head pitch differs by", one.head_pitch_deg, other.head_pitch_deg),
            ("head roll differs by", one.head_roll_deg, _minus(other.head_roll_deg)),
        ]
    if "gaze" in finds:
        pairs += [
            ("gaze yaw differs by", one.gaze_yaw_deg, _minus(other.gaze_yaw_deg)),
            ("gaze pitch differs by", one.gaze_pitch_deg, other.gaze_pitch_deg),
        ]
    if "eyes" in finds:
        pairs += [
            ("difference of openness", one.left_eye_open, other.right_eye_open),
            ("difference of openness", one.right_eye_open, other.left_eye_open),
        ]
    for what, a, b in pairs:
        if a is not None and b is not None:
            miss = abs(a - b) if what == "difference of openness" else metrics.angle_between(a, b)
            misses.setdefault(what, []).append(miss)
    if "landmarks" in finds or ("face" in finds and one.landmarks is not None):
        eyes, mirrored = eye_line(one), eye_line(other)
        if eyes is not None and mirrored is not None:
            # What is the right eye here is the left one there.
            there = [(width - 1 - x, y) for x, y in (mirrored[1].tolist(), mirrored[0].tolist())]
            between = float(np.linalg.norm(eyes[1] - eyes[0])) or 1.0
            for point, back in zip(eyes[:2], there, strict=True):
                misses.setdefault("eyes differ by, in eyes' distance", []).append(
                    float(np.linalg.norm(point - back)) / between
                )


def measure_eyes(
    networks: Sequence[Network],
    faces: Faces,
    samples: Iterable[tuple[np.ndarray, Mapping[str, str]]],
    on: str,
    figures: Figures,
    step: Step,
) -> None:
    """Open against closed by the labels "open" and "closed" of "left" and "right"; "half" is neither.

    Of all eyes, and of those of heads that are not turned away: of others a car is not told.
    """
    scores: dict[str, list[tuple[float, bool, bool]]] = {network.name: [] for network in networks}
    for image, labels in samples:
        base, fewer = faces.find(image), faces.find(image, landmarks=False)
        ahead = base is not None and eyes_visible(base)
        for network in networks:
            given = fewer if "landmarks" in network.entry.finds else base
            # Without a pose nobody keeps quiet about eyes that are turned away.
            face = _face_by(network, image, given and without(given, ("head", "eyes", "gaze")))
            for side, state in labels.items():
                value = getattr(face, f"{side}_eye_open", None)
                if value is not None and state in ("open", "closed"):
                    scores[network.name].append((value, state == "open", ahead))
        step()
    for network in networks:
        for what, some in (
            ("eye AUC", scores[network.name]),
            ("eye AUC, head not turned away", [row for row in scores[network.name] if row[2]]),
        ):
            wide, shut = (
                np.array([value for value, is_open, _ in some if is_open == state]) for state in (True, False)
            )
            figures[network.name] += [
                Figure(what=what, on=on, value=metrics.area_under_curve(wide, shut), count=len(some)),
                Figure(what=f"{what}: closed", on=on, value=float(len(shut)), unit="eyes"),
            ]


def measure_rendered_drivers(
    networks: Sequence[Network],
    faces: Faces,
    samples: Iterable[Driver],
    on: str,
    figures: Figures,
    step: Step,
) -> None:
    """Against the truth of the drawing: eyes, head, gaze; boxes are not compared, each model has its own idea
    of where a face ends."""
    open_above, closed_below = 0.6, 0.15
    misses: dict[str, dict[str, list[float]]] = {network.name: {} for network in networks}
    eyes: dict[str, tuple[list[float], list[float]]] = {network.name: ([], []) for network in networks}
    right: dict[str, int] = {network.name: 0 for network in networks}
    total = 0
    for sample in samples:
        total += 1
        base = faces.find(sample.image)
        for network in networks:
            face = _face_by(network, sample.image, base)
            right[network.name] += (face is None) == (sample.face is None)
            if face is None or sample.face is None:
                continue
            for angle in ("head_yaw", "head_pitch", "head_roll", "gaze_yaw", "gaze_pitch"):
                said, true = (getattr(of, f"{angle}_deg") for of in (face, sample.face))
                if angle.split("_")[0] in network.entry.finds and said is not None and true is not None:
                    misses[network.name].setdefault(f"{angle.replace('_', ' ')} error", []).append(
                        metrics.angle_between(said, true)
                    )
            for side, seen in (("left", sample.left_seen), ("right", sample.right_seen)):
                said, true = (getattr(of, f"{side}_eye_open") for of in (face, sample.face))
                if "eyes" in network.entry.finds and seen and said is not None:
                    if true >= open_above:
                        eyes[network.name][0].append(said)
                    elif true <= closed_below:
                        eyes[network.name][1].append(said)
        step()
    for network in networks:
        if "face" in network.entry.finds:
            figures[network.name].append(
                Figure(
                    what="face or nobody right",
                    on=on,
                    value=right[network.name] / total if total else None,
                    count=total,
                )
            )
        for what, values in misses[network.name].items():
            figures[network.name].append(
                Figure(what=what, on=on, value=metrics.mean(values), unit="deg", count=len(values))
            )
        wide, shut = (np.array(values) for values in eyes[network.name])
        area = metrics.area_under_curve(wide, shut)
        if area is not None:
            figures[network.name].append(
                Figure(what="eye AUC", on=on, value=area, count=len(wide) + len(shut))
            )


def _face_by(network: Network, image: np.ndarray, base: Face | None) -> Face | None:
    """The face as a network tells of it: its own, or what it adds to the given one."""
    if "face" in network.entry.finds:
        return network.see(image).face
    if base is None:
        return None
    return network.see(image, Seen(face=without(base, network.entry.finds))).face


def _minus(value: float | None) -> float | None:
    return None if value is None else -value
