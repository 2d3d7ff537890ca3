"""The pictures of docs/models.md: which ones, and by which networks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from edge import config
from edge.messages import TrafficLight
from edge.vision.adapters import Seen
from edge.vision.evaluate import datasets, pictures
from edge.vision.evaluate.bench import Wanted, at_hand
from edge.vision.evaluate.networks import Network, open_network
from edge.vision.zoo import Zoo

OURS = ("icv-road",)
PUBLIC = ("yolox_nano_416", "road-segmentation-adas-0001")
LIGHT = "icv-light"
DRIVER = "icv-driver"
ROADS = (
    "carnd_P1/solidWhiteRight.jpg",
    "carnd_P1/solidYellowLeft.jpg",
    "carnd_P2/test1.jpg",
    "traffic_light_kr/test/KakaoTalk_20240226_183238497_01_jpg.rf.02a9d2c9dace58bf8f8a77216e646cb7.jpg",
)
"""Roads on which nobody can be recognised and no number plate read, at the size that is shown."""

SOME_LIGHTS = (
    "images/cinta_traffic_lights/test/traffic-light--184-_jpg.rf.71993c2ade091e4161f9012750265bb0.jpg",
    "images/cinta_traffic_lights/test/traffic-light--195-_jpg.rf.6fbd825a570896d137fc0ced037a414c.jpg",
    "images/cinta_traffic_lights/test/traffic-light--384-_jpg.rf.5da196e7581d922f17a6ddfd026f3cc4.jpg",
    "images/cinta_traffic_lights/test/traffic-light--390-_jpg.rf.d2f81ecae93e7b6d2b58e0350385dd3d.jpg",
    "images/cinta_traffic_lights/test/traffic-light--595-_jpg.rf.c19b50acc6e99b63081d8c7d5c4a10eb.jpg",
    "images/cinta_traffic_lights/test/traffic-light--623-_jpg.rf.188ab821b0c39e2ea537dfbdaccb521f.jpg",
    "images/traffic_light_kr/test/KakaoTalk_20240226_182712484_09_jpg.rf.32b7633983e9d0478a19f5ccaa329dc9.jpg",
    "images/traffic_light_kr/test/KakaoTalk_20240226_183238497_01_jpg.rf.02a9d2c9dace58bf8f8a77216e646cb7.jpg",
)
"""Held-out pictures without people."""

LIGHT_CELL = 220  # px


def draw_gallery(folder: Path, wanted: Wanted, perception: config.Perception, zoo: Zoo) -> list[Path]:
    """Writes those pictures whose networks and photographs are at hand; says which. Raises OSError."""
    assert wanted.data is not None
    written = []
    sheets = {
        "roads.jpg": _roads(wanted.data, perception, zoo),
        "lights.jpg": _lights(wanted.data, wanted.labels, perception, zoo),
        "drivers.jpg": _drivers(wanted, perception, zoo),
    }
    for name, sheet in sheets.items():
        if sheet is not None:
            pictures.write(sheet, folder / name)
            written.append(folder / name)
    return written


def _open(names: Sequence[str], perception: config.Perception, zoo: Zoo) -> list[Network] | None:
    """All of them, or none."""
    if set(names) <= set(zoo.entries) and not at_hand(zoo, perception, names)[1]:
        return [open_network(name, perception, zoo) for name in names]
    return None


def _roads(data: Path, perception: config.Perception, zoo: Zoo) -> np.ndarray | None:
    ours, public = _open(OURS, perception, zoo), _open(PUBLIC, perception, zoo)
    paths = [data / "images" / name for name in ROADS]
    if ours is None or public is None or not all(path.exists() for path in paths):
        return None
    rows = []
    for path in paths:
        image = datasets.read_picture(path)
        if image.shape[0] == image.shape[1]:  # that set was pressed into squares
            image = cv2.resize(image, (960, 540), interpolation=cv2.INTER_AREA)
        rows.append([pictures.road_drawn(image, networks) for networks in (ours, public)])
    return pictures.sheet(rows, [", ".join(OURS), ", ".join(PUBLIC)])


def _lights(data: Path, labels: Path, perception: config.Perception, zoo: Zoo) -> np.ndarray | None:
    """Each light as large as shows it and a little round it."""
    networks = _open([LIGHT], perception, zoo)
    if networks is None:
        return None
    (network,) = networks
    cells = []
    for sample, labelled in datasets.light_pictures(data, labels, names=SOME_LIGHTS):
        image = sample.image
        given = tuple(TrafficLight(score=1.0, box=light.box) for light in labelled)
        seen = network.see(image, Seen(lights=given))
        box = np.array(labelled[0].box)
        side = min(*image.shape[:2], 2.5 * float((box[2:] - box[:2]).max()))
        left, top = ((box[:2] + box[2:] - side) / 2).clip(0, (image.shape[1] - side, image.shape[0] - side))
        scale = LIGHT_CELL / side
        place = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])
        cell = cv2.warpAffine(image, place, (LIGHT_CELL, LIGHT_CELL), flags=cv2.INTER_LINEAR)
        for light in (seen.lights or ())[:1]:
            corners = (np.array(light.box).reshape(2, 2) - (left, top)) * scale
            pictures.framed(cell, corners.ravel(), light.state or "?", pictures.STATES[light.state], 2)
        cells.append(cell)
    if len(cells) < 8:
        return None
    return pictures.sheet([cells[:4], cells[4:]], (), (LIGHT_CELL, LIGHT_CELL))


def _drivers(wanted: Wanted, perception: config.Perception, zoo: Zoo) -> np.ndarray | None:
    networks = _open([DRIVER], perception, zoo)
    if networks is None or wanted.rendered is None:
        return None
    (network,) = networks
    seen = [
        pictures.face_drawn(driver.image, network.see(driver.image, Seen()).face)
        for driver in islice(wanted.rendered.drivers(), 6)
    ]
    if len(seen) < 6:
        return None
    return pictures.sheet([seen[:3], seen[3:]], (), (320, 240))
