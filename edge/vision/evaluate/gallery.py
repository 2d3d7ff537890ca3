"""The pictures of docs/models.md: which ones, and by which networks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from edge import config
from edge.vision.adapters import Seen
from edge.vision.evaluate import datasets, pictures
from edge.vision.evaluate.bench import Wanted, at_hand
from edge.vision.evaluate.networks import Network, open_network
from edge.vision.zoo import Zoo

OURS = ("icv-road",)
PUBLIC = ("yolox_nano_416", "road-segmentation-adas-0001")
LIGHTS = ("yolox_nano_416-lights", "icv-light")
DRIVER = "icv-driver"
ROADS = (
    "carnd_P1/solidWhiteRight.jpg",
    "carnd_P1/solidYellowLeft.jpg",
    "carnd_P2/test1.jpg",
    "traffic_light_kr/test/KakaoTalk_20240226_183238497_01_jpg.rf.02a9d2c9dace58bf8f8a77216e646cb7.jpg",
)
"""Roads on which nobody can be recognised and no number plate read, at the size that is shown."""


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
    """The middles of pictures, as large as shows the light and little else."""
    networks = _open(LIGHTS, perception, zoo)
    if networks is None:
        return None
    cells = []
    for sample, lights in datasets.light_pictures(data, labels, 3):
        box = np.array(lights[0].box)
        image = sample.image
        height = image.shape[0]
        if not 0.08 < (box[3] - box[1]) / height < 0.35:
            continue
        drawn = pictures.road_drawn(image, networks)
        side = min(height, 3 * max(box[3] - box[1], box[2] - box[0]))
        left, top = (
            ((box[:2] + box[2:]) / 2 - side / 2).clip(0, (image.shape[1] - side, height - side)).astype(int)
        )
        cells.append(drawn[top : top + int(side), left : left + int(side)])
        if len(cells) == 8:
            break
    if len(cells) < 8:
        return None
    return pictures.sheet([cells[:4], cells[4:]], ["", "", "", ""], (220, 220))[pictures.CAPTION_PX :]


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
    return pictures.sheet([seen[:3], seen[3:]], ["", "", ""], (320, 240))[pictures.CAPTION_PX :]
