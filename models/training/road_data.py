"""Pictures of roads with what is on them: rendered by edge.sim, and real ones with their labels.

Real pictures come from a data directory that is not part of the project; each set is optional, and its
absence is said. Where a set has no labels of a sort, a public network of the zoo teaches (never in the
pictures that the figures of the card are measured on, except where the card says so).
"""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import cv2
import msgspec
import numpy as np
from networks import BOX_STRIDE, KINDS, ROAD_HEIGHT, ROAD_STRIDE, ROAD_WIDTH, session

from edge.config import Geometry
from edge.sim.road_picture import draw_road
from edge.sim.scene import Scene
from edge.sim.truth import LABELS, random_scene, road_labels, road_truth

UNKNOWN = 255  # in a mask
IGNORED = -1  # as the kind of a box: whatever is found there is neither right nor wrong
MIN_HEIGHT_PX = 6.0  # of an object in the network's picture; smaller ones are ignored
HIGHWAY_KINDS = ("bus", "car", "motorcycle", "person", "truck")  # the order of its classes.yaml
HELD_OUT_CLIP = "carnd_solidWhiteRight"
HELD_OUT_STILLS = ("solidWhite", "whiteCar")  # of the same drive as the clip
HELD_OUT_SEEDS = 1_000_000  # rendered scenes from here on are never trained on
SIZES = ((640, 360), (640, 480), (416, 234))  # of rendered pictures
MIN_VISIBLE = 0.25  # of a road user, by area; less is IGNORED
MEAN = np.array([114.0, 114.0, 114.0])


class Sample(NamedTuple):
    """One picture: image uint8 BGR (H, W, 3); mask uint8 (H, W) 0 other, 1 road, 2 mark, 255 unknown;
    boxes float32 (K, 5): index into KINDS or IGNORED, left, top, right, bottom px; taught: a teacher drew
    the boxes, so that "car" may be any vehicle; zoom: the range of scales that suits the set.
    """

    image: np.ndarray
    mask: np.ndarray
    boxes: np.ndarray
    taught: bool
    zoom: tuple[float, float]


class Target(NamedTuple):
    """What the network should say of a picture, float32: surface (2, 64, 104) and its weight (64, 104);
    heat (6, 32, 52) and its weight; sides (4, 32, 52) px and their weight (32, 52).
    """

    surface: np.ndarray
    surface_weight: np.ndarray
    heat: np.ndarray
    heat_weight: np.ndarray
    sides: np.ndarray
    sides_weight: np.ndarray


# ---------------------------------------------------------------- rendered


def rendered(scene: Scene, geometry: Geometry, size: tuple[int, int]) -> Sample:
    """One scene of edge.sim, with its truth."""
    image = draw_road(scene, geometry, *size)
    mask = road_labels(scene, geometry, *size)
    mask[mask > LABELS["lane mark"]] = 0
    boxes = [
        (KINDS.index(it.kind) if it.visible_ratio > MIN_VISIBLE else IGNORED, *it.box)
        for it in road_truth(scene, geometry, *size).objects
    ]
    return Sample(image, mask, _boxes(boxes), False, (0.8, 1.6))


def rendered_set(first: int, count: int, cache: Path) -> list[Sample]:
    """Scenes first..first+count-1 as they are, for figures, drawn once and kept."""

    def make() -> list[Sample]:
        return [
            rendered(*random_scene(seed), SIZES[seed % len(SIZES)]) for seed in range(first, first + count)
        ]

    return _cached(cache / f"road_rendered_{first}_{count}.pickle", make)


def learning_set(count: int, cache: Path) -> list[Sample]:
    """Scenes 0..count-1 for learning, in the order of their roads, drawn once by two processes and kept.

    A road's surface takes longer to make than all else in a picture, so that they share some: lane widths are
    rounded and the lines are one of three patterns.
    """

    def make() -> list[Sample]:
        scenes = sorted(map(_scene_on_shared_road, range(count)), key=_surface)
        parts = [scenes[i : i + 100] for i in range(0, count, 100)]
        with ProcessPoolExecutor(2) as pool:
            return [sample for part in pool.map(_drawn, parts) for sample in part]

    return _cached(cache / f"road_learning_{count}.pickle", make)


def _scene_on_shared_road(seed: int) -> tuple[Scene, Geometry, tuple[int, int]]:
    scene, geometry = random_scene(seed)
    road = scene.road
    width_m = round(road.lane_width_m / 0.25) * 0.25
    lanes = len(road.lines) - 1
    inner = "dashed" if seed % 3 else "solid"
    lines = ["solid", *[inner] * (lanes - 1), "solid"]
    if road.lanes_oncoming and seed % 3 == 1:
        lines[road.lanes_forward] = "solid"
    if seed % 3 == 2 and seed % 2:
        lines[0] = lines[-1] = "none"
    road = msgspec.structs.replace(road, lane_width_m=width_m, lines=tuple(lines))
    number = zlib.crc32(repr((lines, width_m)).encode())
    geometry = msgspec.structs.replace(geometry, focal_px=380.0 + number % 520)
    return msgspec.structs.replace(scene, road=road), geometry, SIZES[number % len(SIZES)]


def _surface(drawing: tuple[Scene, Geometry, tuple[int, int]]) -> str:
    road, weather = drawing[0].road, drawing[0].weather
    return repr((road.lines, road.lanes_forward, road.lane_width_m, weather, road.towns, drawing[0].light))


def _drawn(drawings: list[tuple[Scene, Geometry, tuple[int, int]]]) -> list[Sample]:
    return [rendered(*drawing) for drawing in drawings]


# ---------------------------------------------------------------- real


def highway_objects(data: Path, split: str) -> Iterator[Sample]:
    """Universitas Tidar, highway object detection, CC BY 4.0: boxes by people, no road."""
    folder = data / "images" / "highway_objects" / split
    for path in sorted(folder.glob("*.jpg")):
        image = cv2.imread(str(path))
        height, width = image.shape[:2]
        boxes = []
        label = data / "labels" / "highway_objects" / split / f"{path.stem}.txt"
        for line in label.read_text().splitlines():
            kind, *numbers = line.split()
            x, y, w, h = np.array([float(number) for number in numbers[:4]]) * (width, height, width, height)
            index = KINDS.index(HIGHWAY_KINDS[int(kind)])
            boxes.append((index, x - w / 2, y - h / 2, x + w / 2, y + h / 2))
        mask = np.full((height, width), UNKNOWN, np.uint8)
        yield Sample(image, mask, _boxes(boxes), False, (0.45, 1.3))


def road_camera_frames(data: Path) -> Iterator[np.ndarray]:
    """CarND clips and stills (MIT) and traffic_light_kr stills (CC BY 4.0), without the held-out drive."""
    for path in sorted((data / "video").glob("carnd_*.mp4")):
        if path.stem != HELD_OUT_CLIP:
            yield from clip(path, 4)
    for folder in ("carnd_P1", "carnd_P2", "traffic_light_kr/train", "traffic_light_kr/valid"):
        for path in sorted((data / "images" / folder).glob("*.jpg")):
            if not path.stem.startswith(HELD_OUT_STILLS):
                yield small(cv2.imread(str(path)))


def clip(path: Path, every: int) -> Iterator[np.ndarray]:
    """Each `every`th picture of a film, at most 640 px wide."""
    film = cv2.VideoCapture(str(path))
    number = 0
    while film.grab():
        if number % every == 0:
            yield small(film.retrieve()[1])
        number += 1


def small(image: np.ndarray) -> np.ndarray:
    """At most 640 px wide."""
    scale = min(1.0, 640 / image.shape[1])
    return (
        image if scale == 1.0 else cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    )


class Teachers:
    """Two public networks (Open Model Zoo, Apache-2.0) that label what people have not."""

    def __init__(self, directory: Path) -> None:
        self.road = session(directory / "road-segmentation-adas-0001_256x448.onnx")
        self.users = session(directory / "person-vehicle-bike-detection-2002.cut.onnx")

    def mask(self, image: np.ndarray, sure: float = 0.6) -> np.ndarray:
        """0 other, 1 road, 2 mark; UNKNOWN where the teacher is not sure, and outside of its view."""
        height, width = image.shape[:2]
        scale = min(448 / width, 256 / height)
        inside = (round(width * scale), round(height * scale))
        picture = np.full((256, 448, 3), 114, np.uint8)
        picture[: inside[1], : inside[0]] = cv2.resize(image, inside, interpolation=cv2.INTER_AREA)
        tensor = picture.astype(np.float32).transpose(2, 0, 1)[None]
        maps = self.road.run(None, {"data": tensor})[0][0][:, : inside[1], : inside[0]]
        kind = np.array([0, 1, 0, 2], np.uint8)[maps.argmax(0)]  # other, road, kerb, mark
        kind[maps.max(0) < sure] = UNKNOWN
        return cv2.resize(kind, (width, height), interpolation=cv2.INTER_NEAREST)

    def boxes(self, image: np.ndarray, sure: float = 0.5, doubtful: float = 0.15) -> np.ndarray:
        """Vehicles as cars, persons; bicycles and what is doubtful as IGNORED. (K, 5), see Sample."""
        height, width = image.shape[:2]
        tensor = cv2.resize(image, (512, 512), interpolation=cv2.INTER_AREA).astype(np.float32)
        outputs = self.users.run(None, {"image": tensor.transpose(2, 0, 1)[None]})
        by_name = dict(zip((o.name for o in self.users.get_outputs()), outputs, strict=True))
        prior, variance = next(v for v in outputs if v.ndim == 3)[0].reshape(2, -1, 4)
        scores = by_name["Reshape_195_output2"].reshape(-1, 4)
        shift = by_name["Concat_210_output2"].reshape(-1, 4) * variance
        size = prior[:, 2:] - prior[:, :2]
        middle = (prior[:, 2:] + prior[:, :2]) / 2 + shift[:, :2] * size
        half = np.exp(shift[:, 2:]) * size / 2
        boxes = np.hstack((middle - half, middle + half)) * (width, height, width, height)
        found: list[tuple[float, ...]] = []
        for source, kind in ((0, KINDS.index("car")), (1, KINDS.index("person")), (2, IGNORED)):
            keep = scores[:, source] > doubtful
            some, score = boxes[keep], scores[keep, source]
            rectangles = np.hstack((some[:, :2], some[:, 2:] - some[:, :2]))
            for i in np.ravel(cv2.dnn.NMSBoxes(rectangles.tolist(), score.tolist(), doubtful, 0.45)):
                found.append((kind if score[i] > sure else IGNORED, *some[i]))
        return _boxes(found)


def real_set(data: Path, teachers: Path, cache: Path) -> tuple[list[Sample], list[Sample]]:
    """Pictures of highway_objects (boxes by people, road taught) and of road cameras (all taught)."""

    def load() -> tuple[list[Sample], list[Sample]]:
        teacher = Teachers(teachers)
        objects = [
            sample._replace(mask=teacher.mask(sample.image, 0.8))
            for split in ("train", "valid")
            for sample in highway_objects(data, split)
        ]
        frames = [
            Sample(image, teacher.mask(image), teacher.boxes(image), True, (0.7, 1.8))
            for image in road_camera_frames(data)
        ]
        return objects, frames

    return _cached(cache / "road_real.pickle", load)


# ---------------------------------------------------------------- the network's view


def letterbox(width: int, height: int) -> float:
    """The scale at which a picture fits the network's, at its top left."""
    return min(ROAD_WIDTH / width, ROAD_HEIGHT / height)


def plain_view(image: np.ndarray) -> np.ndarray:
    """Uint8 (256, 416, 3): what the adapter gives the network."""
    height, width = image.shape[:2]
    scale = letterbox(width, height)
    inside = (round(width * scale), round(height * scale))
    view = np.full((ROAD_HEIGHT, ROAD_WIDTH, 3), 114, np.uint8)
    view[: inside[1], : inside[0]] = cv2.resize(image, inside, interpolation=cv2.INTER_LINEAR)
    return view


def random_view(sample: Sample, random: np.random.Generator) -> tuple[np.ndarray, Target]:
    """One augmented picture uint8 (256, 416, 3) and its target."""
    height, width = sample.image.shape[:2]
    scale = letterbox(width, height)
    matrix = np.array([[scale, 0.0, 0.0], [0.0, scale, 0.0]])
    if random.random() < 0.6 or sample.zoom[0] < 0.6:
        factor = np.exp(random.uniform(*np.log(sample.zoom)))
        turn = np.deg2rad(random.normal(0.0, 1.5))
        cosine, sine = scale * factor * np.cos(turn), scale * factor * np.sin(turn)
        matrix[:, :2] = ((cosine, -sine), (sine, cosine))
        slack = np.array([ROAD_WIDTH, ROAD_HEIGHT]) - scale * factor * np.array([width, height])
        matrix[:, 2] = (
            slack * random.uniform(0.0, 1.0, 2) if factor > 1 else slack * random.uniform(-0.1, 1.1, 2)
        )
    if random.random() < 0.5:
        matrix[0] = -matrix[0]
        matrix[0, 2] += scale * width if matrix[0, 2] == 0 else ROAD_WIDTH
    view = cv2.warpAffine(
        sample.image, matrix, (ROAD_WIDTH, ROAD_HEIGHT), flags=cv2.INTER_LINEAR, borderValue=MEAN.tolist()
    )
    mask = cv2.warpAffine(
        sample.mask, matrix, (ROAD_WIDTH, ROAD_HEIGHT), flags=cv2.INTER_NEAREST, borderValue=0
    )
    return recoloured(view, random), target(mask, moved(sample.boxes, matrix), sample.taught)


def recoloured(view: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Other light, another camera: gain, tint, gamma, night, blur, noise."""
    steps = np.arange(256) / 255.0
    night = random.random() < 0.12
    gain = random.uniform(0.2, 0.5) if night else random.uniform(0.65, 1.35)
    tint = random.uniform(0.9, 1.1, 3)
    gamma = np.exp(random.uniform(-0.35, 0.35))
    curve = (steps[:, None] ** gamma) * gain * tint + random.uniform(-0.06, 0.06)
    view = cv2.LUT(view, (curve.clip(0.0, 1.0) * 255).astype(np.uint8)[None])
    if random.random() < 0.25:
        view = cv2.GaussianBlur(view, (0, 0), random.uniform(0.4, 1.6))
    if random.random() < 0.15:
        size = int(random.integers(3, 8))
        view = cv2.blur(view, (size, 1))
    if night or random.random() < 0.4:
        noise = np.empty(view.shape, np.int8)
        cv2.randn(noise, 0, float(random.uniform(2.0, 12.0)))
        view = cv2.add(view, noise, dtype=cv2.CV_8U)
    if random.random() < 0.1:
        view = cv2.cvtColor(cv2.cvtColor(view, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return view


def moved(boxes: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Boxes through an affine map, clipped to the network's picture; what is mostly outside is IGNORED."""
    if not len(boxes):
        return boxes
    left, top, right, bottom = boxes[:, 1:].T
    corners = np.stack((left, top, right, top, right, bottom, left, bottom), 1).reshape(-1, 4, 2)
    corners = corners @ matrix[:, :2].T + matrix[:, 2]
    # The middles of a turned box's sides: its corners would make it too large.
    middles = (corners + np.roll(corners, -1, 1)) / 2
    low, high = middles.min(1), middles.max(1)
    limit = np.array([ROAD_WIDTH, ROAD_HEIGHT], float)
    seen_low, seen_high = low.clip(0, limit), high.clip(0, limit)
    area = (high - low).prod(1)
    seen = (seen_high - seen_low).clip(0).prod(1)
    kinds = np.where(
        (seen < 0.35 * area) | (seen_high[:, 1] - seen_low[:, 1] < MIN_HEIGHT_PX), IGNORED, boxes[:, 0]
    )
    return np.column_stack((kinds, seen_low, seen_high))[seen > 0].astype(np.float32)


def target(mask: np.ndarray, boxes: np.ndarray, taught: bool) -> Target:
    """Of a mask (256, 416) and boxes (K, 5) in the network's picture."""
    size = (ROAD_WIDTH // ROAD_STRIDE, ROAD_HEIGHT // ROAD_STRIDE)
    known = (mask != UNKNOWN).astype(np.float32)
    share = [
        cv2.resize(part.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        for part in ((mask == 1) | (mask == 2), mask == 2, known)
    ]
    # A mark narrower than its cell still has to be found: half of the cell counts as all.
    surface = np.stack((share[0], np.minimum(share[1] * 2, 1.0)))

    rows, columns = ROAD_HEIGHT // BOX_STRIDE, ROAD_WIDTH // BOX_STRIDE
    x = (np.arange(columns, dtype=np.float32) + 0.5) * BOX_STRIDE
    y = (np.arange(rows, dtype=np.float32)[:, None] + 0.5) * BOX_STRIDE
    heat = np.zeros((len(KINDS), rows, columns), np.float32)
    weight = np.ones_like(heat)
    sides = np.ones((4, rows, columns), np.float32)
    sides_weight = np.zeros((rows, columns), np.float32)
    nearest_last = boxes[np.argsort(boxes[:, 4], kind="stable")] if len(boxes) else boxes
    for kind, left, top, right, bottom in nearest_last:
        inside = (x > left - 4) & (x < right + 4) & (y > top - 4) & (y < bottom + 4)
        if kind == IGNORED:
            weight[:, inside] = 0.0
            continue
        if taught and KINDS[int(kind)] == "car":
            weight[:3, inside] = 0.0
        sigma_x = np.clip(0.1 * (right - left), 0.45 * BOX_STRIDE, 2.5 * BOX_STRIDE)
        sigma_y = np.clip(0.1 * (bottom - top), 0.45 * BOX_STRIDE, 2.5 * BOX_STRIDE)
        # The peak is put on a cell's middle, or no cell would be quite a centre.
        middle_x = (min(int((left + right) / 2 / BOX_STRIDE), columns - 1) + 0.5) * BOX_STRIDE
        middle_y = (min(int((top + bottom) / 2 / BOX_STRIDE), rows - 1) + 0.5) * BOX_STRIDE
        bell = np.exp(-(((x - middle_x) / sigma_x) ** 2 + ((y - middle_y) / sigma_y) ** 2) / 2)
        here = bell > heat.max(0)
        np.maximum(heat[int(kind)], bell, out=heat[int(kind)])
        weight[int(kind)][bell > 0.95] = 1.0
        near = here & (bell > 0.4) & (x > left) & (x < right) & (y > top) & (y < bottom)
        near |= bell > 0.999
        sides_weight[near] = bell[near]
        all_sides = np.stack(np.broadcast_arrays(x - left, y - top, right - x, bottom - y))
        sides[:, near] = all_sides[:, near].clip(0.5)
    return Target(surface, (share[2] > 0.5).astype(np.float32), heat, weight, sides, sides_weight)


def _boxes(rows: list[tuple[float, ...]]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 5)


def _cached(path, make):  # type: ignore[no-untyped-def]
    if path.exists():
        with path.open("rb") as file:
            return pickle.load(file)
    made = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        pickle.dump(made, file, protocol=5)
    return made
