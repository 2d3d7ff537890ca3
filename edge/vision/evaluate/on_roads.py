"""Accuracy on roads: every function reads its pictures once, for all models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import cv2
import numpy as np

from edge.messages import Sign, TrafficLight
from edge.vision.adapters import Seen
from edge.vision.evaluate import datasets, metrics
from edge.vision.evaluate.datasets import TWO_WHEELERS, VEHICLES, Light, Objects, Surface
from edge.vision.evaluate.metrics import Areas, Boxes
from edge.vision.evaluate.networks import Network, draws_surfaces, masks, size_of_masks
from edge.vision.evaluate.results import Figure, Figures, Step

GROUPS: dict[str, tuple[str, ...]] = {
    "vehicle": VEHICLES, "car": ("car",), "truck": ("truck",), "bus": ("bus",), "two-wheeler": TWO_WHEELERS,
    "person": ("person",),
}  # fmt: skip
"""What AP50 is told of. A vehicle is right whatever kind of vehicle it is called."""

Row = tuple[tuple[str, ...], np.ndarray, np.ndarray]
"""Kinds, boxes (N, 4) and scores (N,) that were found in one picture."""

NOTHING: Row = ((), np.zeros((0, 4)), np.zeros(0))

ENOUGH = 10  # objects of a group; of fewer nothing is told

LINE_TOLERANCE = 20 / 1280  # of the picture's width
EVENT = 0.5  # of the points of a drawn line, that must be hit for it to be found


# ---------------------------------------------------------------- objects, lights


def measure_objects(
    networks: Sequence[Network],
    min_scores: Mapping[str, float],
    samples: Iterable[Objects],
    on: str,
    figures: Figures,
    step: Step,
) -> None:
    """AP50 of GROUPS; of vehicles also how many are found at a threshold, and how many boxes are right there.

    networks: with a low threshold; min_scores: that of the zoo, by model.
    """
    truth: list[Objects] = []
    found: dict[str, list[Row]] = {n.name: [] for n in networks}
    for sample in samples:
        truth.append(sample._replace(image=sample.image[:0]))
        for network in networks:
            seen = network.see(sample.image).detections
            found[network.name].append((seen.kinds, seen.boxes, seen.scores) if seen else NOTHING)
        step()
    labelled = {kind for sample in truth for kind in sample.boxes}
    for network in networks:
        knows = set(network.entry.kinds)
        for group, kinds in GROUPS.items():
            if not knows & set(kinds) or not labelled & set(kinds):
                continue
            if group in VEHICLES and not set(VEHICLES) <= knows:
                continue  # it calls every vehicle a car
            wanted = [_together(sample.boxes, kinds) for sample in truth]
            value = metrics.average_precision(
                [_of_kinds(row, kinds) for row in found[network.name]], wanted, [s.ignored for s in truth]
            )
            count = sum(map(len, wanted))
            if count >= ENOUGH:
                figures[network.name].append(Figure(what=f"{group} AP50", on=on, value=value, count=count))
        total, said, right = _at_threshold(found[network.name], truth, min_scores[network.name])
        if total >= ENOUGH:
            figures[network.name] += [
                Figure(what="vehicles found", on=on, value=right / total, count=total),
                Figure(what="vehicle boxes right", on=on, value=right / said if said else None, count=said),
            ]


def _at_threshold(rows: Sequence[Row], truth: Sequence[Objects], min_score: float) -> tuple[int, int, int]:
    """Vehicles to find, boxes over the threshold that count, and how many of these are right."""
    total = said = right = 0
    for (kinds, boxes, scores), sample in zip(rows, truth, strict=True):
        wanted = _together(sample.boxes, VEHICLES)
        sure = scores >= min_score
        chosen = _of_kinds((kinds, boxes, scores), VEHICLES, sure).boxes
        counts = ~metrics.excused(chosen, sample.ignored)
        shares = metrics.overlap(chosen, wanted)
        while shares.size and shares.max() >= metrics.MIN_OVERLAP:
            one, other = np.unravel_index(shares.argmax(), shares.shape)
            shares[one, :] = shares[:, other] = 0.0
            counts[one] = True
            right += 1
        total += len(wanted)
        said += int(counts.sum())
    return total, said, right


def measure_lights(
    networks: Sequence[Network], samples: Iterable[Objects], on: str, figures: Figures, step: Step
) -> None:
    """AP50 of traffic lights, whatever their state."""
    truth: list[Objects] = []
    found: dict[str, list[Boxes]] = {network.name: [] for network in networks}
    for sample in samples:
        truth.append(sample._replace(image=sample.image[:0]))
        for network in networks:
            lights = network.see(sample.image).lights or ()
            boxes = np.array([light.box for light in lights], np.float64).reshape(-1, 4)
            found[network.name].append(Boxes(boxes, np.array([light.score for light in lights], np.float64)))
        step()
    wanted = [_together(sample.boxes, ("traffic light",)) for sample in truth]
    for network in networks:
        value = metrics.average_precision(found[network.name], wanted, [sample.ignored for sample in truth])
        figures[network.name].append(
            Figure(what="traffic light AP50", on=on, value=value, count=sum(map(len, wanted)))
        )


def measure_light_states(
    networks: Sequence[Network], samples: Iterable[Light], on: str, figures: Figures, step: Step
) -> None:
    """Of lights whose place is given: the state, and what must not happen."""
    true: list[str] = []
    said: dict[str, list[str | None]] = {network.name: [] for network in networks}
    for sample in samples:
        true.append(sample.state)
        seen = Seen(lights=(TrafficLight(score=1.0, box=sample.box),))
        for network in networks:
            (light,) = network.see(sample.image, seen).lights or (None,)
            said[network.name].append(light.state if light else None)
        step()
    for network in networks:
        result = metrics.choices(said[network.name], true)
        if result is None:
            continue
        red_green = metrics.called(said[network.name], true, "red", "green")
        figures[network.name] += [
            Figure(what="light state right", on=on, value=result.right, count=len(true)),
            Figure(what="light state said", on=on, value=result.said, count=len(true)),
            Figure(what="red called green", on=on, value=red_green, count=true.count("red")),
        ]


def measure_sign_kinds(
    networks: Sequence[Network], samples: Iterable[Light], on: str, figures: Figures, step: Step
) -> None:
    """Of signs whose place is given: the kind."""
    true: list[str] = []
    said: dict[str, list[str | None]] = {network.name: [] for network in networks}
    for sample in samples:
        true.append(sample.state)
        for network in networks:
            (sign,) = network.see(sample.image, Seen(signs=(Sign(score=1.0, box=sample.box),))).signs or (
                None,
            )
            said[network.name].append(sign.kind if sign else None)
        step()
    for network in networks:
        result = metrics.choices(said[network.name], true)
        if result is not None:
            figures[network.name] += [
                Figure(what="sign kind right", on=on, value=result.right, count=len(true)),
                Figure(what="sign kind said", on=on, value=result.said, count=len(true)),
                Figure(what="sign kind wrong where said", on=on, value=result.wrong_of_said, count=len(true)),
            ]


# ---------------------------------------------------------------- road


def measure_polygons(
    networks: Sequence[Network], samples: Iterable[Surface], figures: Figures, step: Step
) -> None:
    """Road against what was drawn by eye, camera by camera; lines of the own lane in all of them."""
    areas: dict[tuple[str, str], Areas] = {}
    lines: dict[str, list[metrics.LineHits]] = {network.name: [] for network in networks}
    pictures: dict[str, int] = {}
    for sample in samples:
        where = f"{sample.camera}, drawn by eye"
        pictures[where] = pictures.get(where, 0) + 1
        size = size_of_masks(sample.image)
        truth = cv2.resize(sample.mask, size, interpolation=cv2.INTER_NEAREST)
        for network in networks:
            if draws_surfaces(network):
                said = masks(network, sample.image)
                areas.setdefault((network.name, where), Areas()).add(
                    said.road, truth == datasets.ROAD, truth != datasets.UNSURE
                )
            found = [line.points for line in network.see(sample.image).lanes or ()]
            tolerance = LINE_TOLERANCE * sample.image.shape[1]
            lines[network.name] += [metrics.line_hits(line, found, tolerance) for line in sample.lines]
        step()
    for (name, where), area in areas.items():
        figures[name].append(Figure(what="road IoU", on=where, value=area.iou, count=pictures[where]))
    for network in networks:
        hits = lines[network.name]
        if hits:
            on = "lines of the own lane, drawn by eye"
            share = metrics.mean(hit.share for hit in hits)
            found_lines = metrics.mean(hit.share >= EVENT for hit in hits)
            figures[network.name] += [
                Figure(what="lane points within 1.6 % of the width", on=on, value=share, count=len(hits)),
                Figure(what="lane lines found", on=on, value=found_lines, count=len(hits)),
            ]


def measure_against_teacher(
    networks: Sequence[Network],
    teacher: Network,
    samples: Iterable[tuple[str, np.ndarray]],
    figures: Figures,
    step: Step,
) -> None:
    """Road, marks and kerbs against those of the large public network, which is not always right either."""
    areas: dict[tuple[str, str, str], Areas] = {}
    pictures: dict[str, int] = {}
    for camera, image in samples:
        pictures[camera] = pictures.get(camera, 0) + 1
        true = masks(teacher, image)
        for network in networks:
            said = masks(network, image)
            for what, ours, theirs in zip(("road", "mark", "kerb"), said, true, strict=True):
                if ours is not None and theirs is not None:
                    areas.setdefault((network.name, camera, what), Areas()).add(
                        ours, theirs, np.ones(theirs.shape, bool)
                    )
        step()
    for (name, camera, what), area in areas.items():
        on = f"{camera}, against {teacher.name}"
        figures[name].append(Figure(what=f"{what} IoU", on=on, value=area.iou, count=pictures[camera]))


def _together(boxes: Mapping[str, np.ndarray], kinds: Sequence[str]) -> np.ndarray:
    some = [boxes[kind] for kind in kinds if kind in boxes]
    return np.concatenate(some) if some else np.zeros((0, 4))


def _of_kinds(row: Row, kinds: Sequence[str], also: np.ndarray | None = None) -> Boxes:
    chosen = np.array([kind in kinds for kind in row[0]], bool)
    if also is not None:
        chosen &= also
    return Boxes(row[1][chosen], row[2][chosen])
