"""All measurements, in order: `icv models bench`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from edge import clock, config
from edge.vision.evaluate import datasets, on_drivers, on_roads
from edge.vision.evaluate.networks import DOUBTFUL, Faces, Network, draws_surfaces, open_network
from edge.vision.evaluate.results import Figure, Figures, Measured, Results, Step
from edge.vision.evaluate.speed import measure_speed
from edge.vision.zoo import ModelError, Zoo

TEACHER = "road-segmentation-adas-0001_512x896"
"""The public network that our road network learnt from, and that it is held against where nobody drew."""

HIGHWAY = "highway_objects/test"
COCO = "COCO val2017, CC BY"
LIGHTS = "traffic_light_kr and cinta, test"
CROPS = "foreign crops"
SIGNS = "real signs, named by eye"
EYES = "real eyes, labelled by eye"
RENDERED_ROADS = "rendered roads"
RENDERED_DRIVERS = "rendered drivers"


class Rendered(NamedTuple):
    """Pictures with their truth that somebody else draws: called when it is their turn."""

    roads: Callable[[], Iterable[datasets.Objects]]
    drivers: Callable[[], Iterable[on_drivers.Driver]]


class Wanted(NamedTuple):
    """What to measure. data None: no accuracy on real pictures; quick: on fewer pictures."""

    names: tuple[str, ...]
    data: Path | None
    labels: Path
    rendered: Rendered | None
    quick: bool


Stage = Callable[[str], Step]
"""Says that a part begins; what it returns is called after each picture."""


def at_hand(
    zoo: Zoo, perception: config.Perception, names: Sequence[str]
) -> tuple[list[str], dict[str, str]]:
    """Which of these models are here and can be run; of the others, why not."""
    here, absent = [], {}
    for name in names:
        try:
            zoo.locate(name, perception.directory)
        except ModelError as error:
            absent[name] = str(error)
        else:
            here.append(name)
    return here, absent


def bench(wanted: Wanted, perception: config.Perception, zoo: Zoo, machine: str, stage: Stage) -> Results:
    """Measures the models of those names, that must be at hand. Raises ModelError."""
    names = list(wanted.names)
    networks = [open_network(name, perception, zoo) for name in names]
    speeds = measure_speed(networks, *((20, 30.0) if wanted.quick else (100, 150.0)), stage("speed"))
    figures: Figures = {name: [] for name in names}
    _roads(networks, wanted, perception, zoo, figures, stage)
    _drivers(networks, wanted, perception, zoo, figures, stage)
    return Results(
        machine=machine,
        day=clock.utc_text()[:10],
        backend=perception.backend,
        threads=perception.threads,
        quick=wanted.quick,
        models={
            name: Measured(
                sha256=zoo.entry(name).sha256,
                speed=speeds[name],
                figures=tuple(_rounded(figure) for figure in figures[name]),
            )
            for name in names
        },
    )


def _rounded(figure: Figure) -> Figure:
    if figure.value is None:
        return figure
    return msgspec.structs.replace(figure, value=round(figure.value, 4))


def _finding(networks: Sequence[Network], what: str) -> list[Network]:
    return [network for network in networks if what in network.entry.finds]


def _roads(
    networks: Sequence[Network],
    wanted: Wanted,
    perception: config.Perception,
    zoo: Zoo,
    figures: Figures,
    stage: Stage,
) -> None:
    data, labels = wanted.data, wanted.labels
    every = 5 if wanted.quick else 1
    doubtful = [
        open_network(network.name, perception, zoo, DOUBTFUL)
        for network in networks
        if not {"objects", "lights"}.isdisjoint(network.entry.finds)
    ]
    objects = _finding(doubtful, "objects")
    sure = {network.name: zoo.entry(network.name).min_score for network in objects}
    if wanted.rendered is not None and objects:
        drawn = wanted.rendered.roads()
        on_roads.measure_objects(objects, sure, drawn, RENDERED_ROADS, figures, stage(RENDERED_ROADS))
    if data is None:
        return
    if objects:
        samples = datasets.highway_objects(data, labels, every)
        on_roads.measure_objects(objects, sure, samples, HIGHWAY, figures, stage(HIGHWAY))
        on_roads.measure_objects(objects, sure, datasets.coco(data), COCO, figures, stage(COCO))
    if lights := _finding(doubtful, "lights"):
        pictures = (sample for sample, _ in datasets.light_pictures(data, labels, every))
        on_roads.measure_lights(lights, pictures, LIGHTS, figures, stage(f"places of lights, {LIGHTS}"))
    if states := _finding(networks, "light_state"):
        crops = datasets.light_crops(data, every)
        on_roads.measure_light_states(states, crops, CROPS, figures, stage(f"lights, {CROPS}"))
        singles = (light for _, some in datasets.light_pictures(data, labels, every) for light in some)
        on_roads.measure_light_states(states, singles, LIGHTS, figures, stage(f"lights, {LIGHTS}"))
    if kinds := _finding(networks, "sign_kind"):
        on_roads.measure_sign_kinds(kinds, datasets.signs(data, labels), SIGNS, figures, stage(SIGNS))
    lanes = [n for n in networks if not {"lanes", "road"}.isdisjoint(n.entry.finds)]
    if lanes:
        drawn_by_eye = datasets.road_polygons(data, labels)
        on_roads.measure_polygons(lanes, drawn_by_eye, figures, stage("roads, drawn by eye"))
    surfaces = [network for network in lanes if draws_surfaces(network) and network.name != TEACHER]
    if surfaces and at_hand(zoo, perception, [TEACHER])[0]:
        teacher = open_network(TEACHER, perception, zoo)
        pictures_and_cameras = datasets.held_out_road(data, 5 * every)
        on_roads.measure_against_teacher(
            surfaces, teacher, pictures_and_cameras, figures, stage("roads, against the teacher")
        )


def _drivers(
    networks: Sequence[Network],
    wanted: Wanted,
    perception: config.Perception,
    zoo: Zoo,
    figures: Figures,
    stage: Stage,
) -> None:
    drivers = [network for network in networks if network.entry.role == "driver"]
    if not drivers:
        return
    faces = Faces(perception, zoo, at_hand(zoo, perception, list(zoo.entries))[0])
    every = 4 if wanted.quick else 1
    if wanted.rendered is not None:
        drawn = wanted.rendered.drivers()
        on_drivers.measure_rendered_drivers(
            drivers, faces, drawn, RENDERED_DRIVERS, figures, stage(RENDERED_DRIVERS)
        )
    if wanted.data is None:
        return
    frames = datasets.driver_frames(wanted.data, 10 * every)
    on_drivers.measure_mirror(drivers, faces, frames, figures, stage("drivers and their mirror images"))
    if eyes := _finding(drivers, "eyes"):
        samples = datasets.eye_frames(wanted.data, wanted.labels, 4 * every)
        on_drivers.measure_eyes(eyes, faces, samples, EYES, figures, stage(EYES))
