"""Pictures of roads with what is on them: rendered by edge.sim, and real ones with their labels.

Real pictures come from a data directory that is not part of the project; each set is optional, and its
absence is said. Where a set has no labels of a sort, a public network of the zoo teaches (never in the
pictures that the figures of the card are measured on, except where the card says so).
"""

from __future__ import annotations

import multiprocessing
import pickle
import zlib
from collections.abc import Iterator, Sequence
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
HELD_OUT_CLIP = "carnd_solidWhiteRight"  # its camera, that of the stills carnd_P1 too, is never trained on
HELD_OUT_SEEDS = 1_000_000  # rendered scenes from here on are never trained on
SIZES = ((640, 360), (640, 480), (416, 234))  # of rendered pictures
MIN_VISIBLE = 0.25  # of a road user, by area; less is IGNORED
MEAN = np.array([114.0, 114.0, 114.0])
COCO_KINDS = [2, 7, 5, 3, 1, 0]  # where COCO has KINDS
GROUPS = np.array([0, 0, 0, 2, 2, 1])  # of KINDS: vehicle, two-wheeler, person


class Sample(NamedTuple):
    """One picture: image uint8 BGR (H, W, 3); mask uint8 (H, W) 0 other, 1 road, 2 mark, 3 kerb, 255
    unknown; boxes float32 (K, 5): index into KINDS or IGNORED, left, top, right, bottom px; kerbs: whether
    the mask would tell of kerbs; zoom: the range of scales that suits the set.
    """

    image: np.ndarray
    mask: np.ndarray
    boxes: np.ndarray
    kerbs: bool
    zoom: tuple[float, float]


class Target(NamedTuple):
    """What the network should say of a picture, float32: surface (3, 64, 104) and its weight; heat
    (6, 32, 52) and its weight; sides (4, 32, 52) px and their weight (32, 52).
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
        yield Sample(image, mask, _boxes(boxes), True, (0.55, 1.7))


def without_bars(sample: Sample) -> Sample:
    """Without the black or white bars that filled the picture up to a square."""
    grey = cv2.cvtColor(sample.image, cv2.COLOR_BGR2GRAY)
    rows, columns = (((grey.max(axis) >= 40) & (grey.min(axis) <= 246)).nonzero()[0] for axis in (1, 0))
    if not len(rows) or not len(columns):
        return sample
    top, bottom, left, right = rows[0] + 1, rows[-1], columns[0] + 1, columns[-1]
    if bottom - top < 64 or right - left < 64:
        return sample
    boxes = sample.boxes - np.array([0, left, top, left, top], np.float32)
    boxes[:, 1::2] = boxes[:, 1::2].clip(0, right - left)
    boxes[:, 2::2] = boxes[:, 2::2].clip(0, bottom - top)
    inside = (slice(top, bottom), slice(left, right))
    return sample._replace(image=sample.image[inside].copy(), mask=sample.mask[inside].copy(), boxes=boxes)


def road_camera_frames(data: Path) -> Iterator[np.ndarray]:
    """CarND clips and stills (MIT), traffic_light_kr and cinta stills (CC BY 4.0), none held out."""
    for path in sorted((data / "video").glob("carnd_*.mp4")):
        if path.stem != HELD_OUT_CLIP:
            yield from clip(path, 2)
    stills = ("carnd_P2", "traffic_light_kr/train", "traffic_light_kr/valid", "cinta_traffic_lights/valid")
    for folder in stills:
        for path in sorted((data / "images" / folder).glob("*.jpg")):
            yield cv2.imread(str(path))


def clip(path: Path, every: int) -> Iterator[np.ndarray]:
    """Each `every`th picture of a film."""
    film = cv2.VideoCapture(str(path))
    number = 0
    while film.grab():
        if number % every == 0:
            yield film.retrieve()[1]
        number += 1


def small(sample: Sample) -> Sample:
    """At most 640 px wide."""
    width = sample.image.shape[1]
    if width <= 640:
        return sample
    scale = 640 / width
    size = (640, round(sample.image.shape[0] * scale))
    return sample._replace(
        image=cv2.resize(sample.image, size, interpolation=cv2.INTER_AREA),
        mask=cv2.resize(sample.mask, size, interpolation=cv2.INTER_NEAREST),
        boxes=sample.boxes * np.array([1, scale, scale, scale, scale], np.float32),
    )


class Teachers:
    """Public networks that label what people have not: road-segmentation-adas-0001 in two sizes and
    person-vehicle-bike-detection-2002 (Open Model Zoo), YOLOX-Nano (Megvii); all Apache-2.0.
    """

    SURE, DOUBTFUL, ALONE = 0.35, 0.15, 0.65  # scores

    def __init__(self, directory: Path) -> None:
        self.road = session(directory / "road-segmentation-adas-0001_nhwc_512x896.onnx")
        self.small_road = session(directory / "road-segmentation-adas-0001_256x448.onnx")
        self.users = session(directory / "person-vehicle-bike-detection-2002.cut.onnx")
        self.yolox = session(directory / "yolox_nano_416.onnx")

    def maps(self, image: np.ndarray, large: bool) -> np.ndarray:
        """Probabilities (H, W, 4) of other, road, kerb, mark, in px of what the teacher is shown."""
        size = (896, 512) if large else (448, 256)
        scale = min(size[0] / image.shape[1], size[1] / image.shape[0])
        inside = (round(image.shape[1] * scale), round(image.shape[0] * scale))
        picture = np.full((size[1], size[0], 3), 114, np.float32)
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        picture[: inside[1], : inside[0]] = cv2.resize(image, inside, interpolation=way)
        if large:
            (maps,) = self.road.run(None, {self.road.get_inputs()[0].name: picture[None]})
            maps = maps[0]
        else:
            (maps,) = self.small_road.run(None, {"data": picture.transpose(2, 0, 1)[None]})
            maps = maps[0].transpose(1, 2, 0)
        return maps[: inside[1], : inside[0]]

    def mask(self, image: np.ndarray, sure: float = 0.0) -> np.ndarray:
        """0 other, 1 road, 2 mark, 3 kerb, from the large network. If `sure` is over 0, the small one looks
        too, at the picture in a mirror, and UNKNOWN is where the mean of both is below it.
        """
        size = (image.shape[1], image.shape[0])
        maps = self.maps(image, True)
        if sure:
            mirrored = self.maps(np.ascontiguousarray(image[:, ::-1]), False)[:, ::-1]
            maps = (maps + cv2.resize(mirrored, maps.shape[1::-1], interpolation=cv2.INTER_LINEAR)) / 2
        kind = np.array([0, 1, 3, 2], np.uint8)[maps.argmax(2)]
        kind[maps.max(2) < sure] = UNKNOWN
        return cv2.resize(kind, size, interpolation=cv2.INTER_NEAREST)

    def boxes(self, image: np.ndarray) -> np.ndarray:
        """What both detectors see, of the kind that YOLOX calls it, or what YOLOX alone is very sure of;
        all else that one of them suspects is IGNORED. (K, 5), see Sample.
        """
        ours, theirs = self.by_yolox(image), self.by_2002(image)
        share = overlap(ours[:, 2:], theirs[:, 2:]) * (GROUPS[ours[:, 0].astype(int), None] == theirs[:, 0])
        found: list[tuple[float, ...]] = []
        matched = np.zeros(len(theirs), bool)
        for row, shares in zip(ours, share, strict=True):
            partner = shares.argmax() if len(theirs) else 0
            box = row[2:]
            agreed = len(theirs) > 0 and shares[partner] > 0.5
            if agreed:
                matched[partner] = True
                box = (box + theirs[partner, 2:]) / 2
                agreed = row[1] > self.SURE and theirs[partner, 1] > self.SURE
            found.append((row[0] if agreed or row[1] > self.ALONE else IGNORED, *box))
        found.extend((IGNORED, *row[2:]) for row in theirs[~matched])
        return _boxes(found)

    def unlabelled(self, image: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """`boxes`, and as IGNORED what a detector sees where people labelled nothing; bicycles, which they
        did not label at all, as such.
        """
        found: list[tuple[float, ...]] = []
        for row in self.by_yolox(image):
            kind = KINDS[int(row[0])]
            if row[1] < 0.3 or (len(boxes) and overlap(row[None, 2:], boxes[:, 1:]).max() > 0.3):
                continue
            low, high = np.maximum(row[2:4], boxes[:, 1:3]), np.minimum(row[4:], boxes[:, 3:])
            within = (high - low).clip(0).prod(1).max(initial=0.0) / (row[4:] - row[2:4]).prod()
            if within < 0.6:  # else it is a part of what is labelled
                found.append((row[0] if kind == "bicycle" and row[1] > self.ALONE else IGNORED, *row[2:]))
        return np.concatenate((boxes, _boxes(found)))

    def by_yolox(self, image: np.ndarray) -> np.ndarray:
        """(K, 6): index into KINDS, score, left, top, right, bottom px."""
        height, width = image.shape[:2]
        scale = min(416 / width, 416 / height)
        inside = (round(width * scale), round(height * scale))
        picture = np.full((416, 416, 3), 114, np.float32)
        picture[: inside[1], : inside[0]] = cv2.resize(image, inside, interpolation=cv2.INTER_AREA)
        feed = {self.yolox.get_inputs()[0].name: picture.transpose(2, 0, 1)[None]}
        rows = self.yolox.run(None, feed)[0][0]
        cells = [
            np.column_stack((x.ravel(), y.ravel(), np.full(x.size, stride)))
            for stride in (8, 16, 32)
            for x, y in (np.meshgrid(np.arange(416 // stride), np.arange(416 // stride)),)
        ]
        x, y, stride = np.concatenate(cells).T
        middle = np.stack(((rows[:, 0] + x) * stride, (rows[:, 1] + y) * stride), 1)
        half = np.exp(rows[:, 2:4]) * stride[:, None] / 2
        scores = rows[:, 4:5] * rows[:, 5:][:, COCO_KINDS]
        return self._distinct(np.hstack((middle - half, middle + half)) / scale, scores, GROUPS)

    def by_2002(self, image: np.ndarray) -> np.ndarray:
        """(K, 6): 0 vehicle, 1 person, 2 two-wheeler; then as above."""
        height, width = image.shape[:2]
        tensor = cv2.resize(image, (512, 512), interpolation=cv2.INTER_AREA).astype(np.float32)
        outputs = self.users.run(None, {"image": tensor.transpose(2, 0, 1)[None]})
        by_name = dict(zip((o.name for o in self.users.get_outputs()), outputs, strict=True))
        prior, variance = next(v for v in outputs if v.ndim == 3)[0].reshape(2, -1, 4)
        scores = by_name["Reshape_195_output2"].reshape(-1, 4)[:, :3]
        shift = by_name["Concat_210_output2"].reshape(-1, 4) * variance
        size = prior[:, 2:] - prior[:, :2]
        middle = (prior[:, 2:] + prior[:, :2]) / 2 + shift[:, :2] * size
        half = np.exp(shift[:, 2:]) * size / 2
        boxes = np.hstack((middle - half, middle + half)) * (width, height, width, height)
        return self._distinct(boxes, scores, np.arange(3))

    def _distinct(self, boxes: np.ndarray, scores: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """Of the boxes over DOUBTFUL the surest of each group at each place, with its best kind."""
        found = []
        for group in np.unique(groups):
            kinds = np.flatnonzero(groups == group)
            best = scores[:, kinds].max(1)
            keep = best > self.DOUBTFUL
            some, kind, best = boxes[keep], kinds[scores[keep][:, kinds].argmax(1)], best[keep]
            rectangles = np.hstack((some[:, :2], some[:, 2:] - some[:, :2]))
            chosen = np.ravel(cv2.dnn.NMSBoxes(rectangles.tolist(), best.tolist(), self.DOUBTFUL, 0.45))
            found.extend((kind[i], best[i], *some[i]) for i in chosen.astype(int))
        return np.array(found, np.float32).reshape(-1, 6)


def overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes (N, 4) and (M, 4): (N, M)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = (high - low).clip(0).prod(2)
    area = [(boxes[:, 2:] - boxes[:, :2]).prod(1) for boxes in (a, b)]
    return both / (area[0][:, None] + area[1][None] - both).clip(1e-9)


def taught(teachers: Teachers, image: np.ndarray, sure: float = 0.0) -> Sample:
    """A road camera's picture with what the teachers see; `sure` as in Teachers.mask."""
    return small(Sample(image, teachers.mask(image, sure), teachers.boxes(image), True, (0.7, 1.8)))


def labelled_set(data: Path) -> list[Sample]:
    """Pictures of highway_objects for learning, with what people labelled in them."""
    return [without_bars(sample) for split in ("train", "valid") for sample in highway_objects(data, split)]


def real_set(data: Path, teachers: Path, cache: Path) -> tuple[list[Sample], list[Sample]]:
    """Pictures of highway_objects (boxes by people, road taught) and of road cameras (all taught)."""

    def load() -> tuple[list[Sample], list[Sample]]:
        frames = list(road_camera_frames(data))
        objects = labelled_set(data)
        # Spawned: OpenCV's threads do not live on in a fork, which then waits for them for ever.
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(2, spawn, _bring, (teachers,)) as pool:
            return (
                list(pool.map(_taught_object, objects, chunksize=20)),
                list(pool.map(_taught_frame, frames, chunksize=5)),
            )

    return _cached(cache / "road_taught.pickle", load)


def held_out(data: Path, teachers: Path, cache: Path) -> dict[str, list[Sample]]:
    """Road cameras' pictures that are never trained on, with what the teachers see, by what they are."""

    def stills(folder: str) -> Iterator[np.ndarray]:
        return (cv2.imread(str(path)) for path in sorted((data / "images" / folder).glob("*.jpg")))

    def make() -> dict[str, list[Sample]]:
        teacher = Teachers(teachers)
        sets = {
            f"{HELD_OUT_CLIP}, a camera never seen": clip(data / "video" / f"{HELD_OUT_CLIP}.mp4", 5),
            "carnd_P1, stills of that camera": stills("carnd_P1"),
            "traffic_light_kr/test, a camera and often places that were seen": stills(
                "traffic_light_kr/test"
            ),
            "cinta_traffic_lights/test": stills("cinta_traffic_lights/test"),
        }
        return {name: [taught(teacher, image) for image in images] for name, images in sets.items()}

    return _cached(cache / "road_held_out.pickle", make)


_teachers: list[Teachers] = []  # of a process that teaches


def _bring(directory: Path) -> None:
    cv2.setNumThreads(1)
    _teachers.append(Teachers(directory))


def _taught_object(sample: Sample) -> Sample:
    boxes = _teachers[0].unlabelled(sample.image, sample.boxes)
    return sample._replace(mask=_teachers[0].mask(sample.image, 0.75), boxes=boxes)


def _taught_frame(image: np.ndarray) -> Sample:
    return taught(_teachers[0], image, 0.6)


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


class View(NamedTuple):
    """A part of a picture as the network may see it: image, mask and boxes in its px, see Sample."""

    image: np.ndarray
    mask: np.ndarray
    boxes: np.ndarray


def random_view(sample: Sample, random: np.random.Generator) -> tuple[np.ndarray, Target]:
    """One augmented picture uint8 (256, 416, 3) and its target."""
    view = placed(sample, (ROAD_WIDTH, ROAD_HEIGHT), sample.zoom, random)
    if random.random() < 0.12:
        view = with_bonnet(view, random)
    return finished(view, sample.kerbs, random)


def random_mosaic(samples: Sequence[Sample], random: np.random.Generator) -> tuple[np.ndarray, Target]:
    """Four pictures in one: what is small in it was large in them."""
    x, y = int(random.uniform(0.35, 0.65) * ROAD_WIDTH), int(random.uniform(0.35, 0.65) * ROAD_HEIGHT)
    image = np.empty((ROAD_HEIGHT, ROAD_WIDTH, 3), np.uint8)
    mask = np.empty((ROAD_HEIGHT, ROAD_WIDTH), np.uint8)
    boxes = []
    corners = ((0, 0, x, y), (x, 0, ROAD_WIDTH, y), (0, y, x, ROAD_HEIGHT), (x, y, ROAD_WIDTH, ROAD_HEIGHT))
    for sample, (left, top, right, bottom) in zip(samples, corners, strict=True):
        part = placed(sample, (right - left, bottom - top), (0.9, 1.8), random)
        image[top:bottom, left:right] = part.image
        mask[top:bottom, left:right] = part.mask
        boxes.append(part.boxes + np.array([0, left, top, left, top], np.float32))
    return finished(View(image, mask, np.concatenate(boxes)), all(s.kerbs for s in samples), random)


def placed(
    sample: Sample, size: tuple[int, int], zoom: tuple[float, float], random: np.random.Generator
) -> View:
    """A picture somewhere in `size`, enlarged, turned a little, stretched, mirrored: another camera, in
    another place. zoom: the range of scales; 1 is the scale at which all of it is just in.
    """
    height, width = sample.image.shape[:2]
    scale = min(size[0] / width, size[1] / height)
    matrix = np.array([[scale, 0.0, 0.0], [0.0, scale, 0.0]])
    if random.random() < 0.75:
        factor = np.exp(random.uniform(*np.log(zoom)))
        turn = np.deg2rad(random.normal(0.0, 1.5))
        across, down = scale * factor * np.exp(random.uniform(-0.12, 0.12, 2))
        matrix[:, :2] = (
            (across * np.cos(turn), -down * np.sin(turn)), (across * np.sin(turn), down * np.cos(turn)),
        )  # fmt: skip
        slack = np.array(size) - (across * width, down * height)
        matrix[:, 2] = np.where(
            slack < 0, slack * random.uniform(0.0, 1.0, 2), slack * random.uniform(-0.1, 1.1, 2)
        )
    if random.random() < 0.5:
        matrix[0] = -matrix[0]
        matrix[0, 2] += scale * width if matrix[0, 2] == 0 else size[0]
    border = MEAN if random.random() < 0.8 else np.full(3, random.integers(0, 256), float)
    image = cv2.warpAffine(sample.image, matrix, size, flags=cv2.INTER_LINEAR, borderValue=border.tolist())
    mask = cv2.warpAffine(sample.mask, matrix, size, flags=cv2.INTER_NEAREST, borderValue=0)
    return View(image, mask, moved(sample.boxes, matrix, size))


def finished(view: View, kerbs: bool, random: np.random.Generator) -> tuple[np.ndarray, Target]:
    """Things in the way, rain, other light; then what the network should say of it."""
    if random.random() < 0.2:
        view = covered(view, random)
    image = with_rain(view.image, random) if random.random() < 0.12 else view.image
    return recoloured(image, random), target(view.mask, view.boxes, kerbs)


def with_bonnet(view: View, random: np.random.Generator) -> View:
    """Our own bonnet along the lower edge: dark or bright, with a part of the picture mirrored in it."""
    rows = np.flatnonzero((view.image != view.image[-1, -1]).any((1, 2)))
    bottom = int(rows[-1]) + 1 if len(rows) else ROAD_HEIGHT
    high, half = random.uniform(0.04, 0.18) * ROAD_HEIGHT, random.uniform(0.45, 0.9) * ROAD_WIDTH
    middle = ROAD_WIDTH * random.uniform(0.4, 0.6)
    shape = np.zeros((ROAD_HEIGHT, ROAD_WIDTH), np.uint8)
    cv2.ellipse(shape, ((middle, float(bottom)), (2 * half, 2 * high), 0.0), 1, -1)
    shape[bottom:] = 0
    inside = shape > 0
    paint = np.clip(view.image[::-1] * random.uniform(0.0, 0.5) + random.uniform(0, 130, 3), 0, 255)
    image, mask = view.image.copy(), view.mask.copy()
    image[inside] = cv2.GaussianBlur(paint.astype(np.uint8), (0, 0), 3.0)[inside]
    mask[inside] = 0
    return View(image, mask, view.boxes)


def covered(view: View, random: np.random.Generator) -> View:
    """Up to three patches hide what is there; a road user mostly hidden is IGNORED."""
    image, mask, boxes = view.image.copy(), view.mask.copy(), view.boxes.copy()
    for _ in range(random.integers(1, 4)):
        wide, high = random.integers(8, 64), random.integers(8, 64)
        left, top = random.integers(0, ROAD_WIDTH - wide), random.integers(0, ROAD_HEIGHT - high)
        image[top : top + high, left : left + wide] = random.integers(0, 256, 3)
        mask[top : top + high, left : left + wide] = UNKNOWN
        if len(boxes):
            low = np.maximum(boxes[:, 1:3], (left, top))
            both = (np.minimum(boxes[:, 3:], (left + wide, top + high)) - low).clip(0).prod(1)
            boxes[both > 0.5 * (boxes[:, 3:] - boxes[:, 1:3]).prod(1), 0] = IGNORED
    return View(image, mask, boxes)


def with_rain(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Streaks, drops on the glass, and the haze of both."""
    veil = np.zeros(image.shape[:2], np.uint8)
    lean = random.uniform(-0.4, 0.4)
    for x, y, long in random.uniform((0, 0, 4), (ROAD_WIDTH, ROAD_HEIGHT, 22), (random.integers(30, 250), 3)):
        cv2.line(veil, (int(x), int(y)), (int(x + lean * long), int(y + long)), 255, 1)
    veil = cv2.GaussianBlur(veil, (0, 0), 0.7)[..., None] * random.uniform(0.1, 0.45) / 255.0
    grey = random.uniform(120, 220)
    haze = random.uniform(0.0, 0.35)
    wet = image * (1 - veil) * (1 - haze) + grey * (veil + haze - veil * haze)
    wet = wet.clip(0, 255).astype(np.uint8)
    for x, y, size in random.uniform((0, 0, 2), (ROAD_WIDTH, ROAD_HEIGHT, 9), (random.integers(0, 12), 3)):
        left, top, r = int(x), int(y), int(size)
        drop = wet[max(top - r, 0) : top + r, max(left - r, 0) : left + r]
        if drop.size:
            drop[:] = cv2.blur(drop[::-1], (2 * r + 1, 2 * r + 1))
    return wet


def recoloured(view: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Other light, another camera: gain, tint, gamma, night with lamps, blur, noise, JPEG."""
    steps = np.arange(256) / 255.0
    night = random.random() < 0.15
    gain = random.uniform(0.12, 0.5) if night else random.uniform(0.65, 1.35)
    tint = random.uniform(0.9, 1.1, 3)
    gamma = np.exp(random.uniform(-0.35, 0.35))
    curve = (steps[:, None] ** gamma) * gain * tint + random.uniform(-0.06, 0.06)
    view = cv2.LUT(view, (curve.clip(0.0, 1.0) * 255).astype(np.uint8)[None])
    if night and random.random() < 0.6:
        lamps = np.zeros(view.shape, np.uint8)
        spots = random.uniform((0, 60, 1), (ROAD_WIDTH, 180, 5), (random.integers(1, 8), 3))
        for x, y, size in spots:
            cv2.circle(lamps, (int(x), int(y)), int(size), random.integers((60, 120, 180), 256).tolist(), -1)
        view = cv2.add(cv2.add(view, lamps), cv2.GaussianBlur(lamps, (0, 0), random.uniform(3.0, 12.0)))
    if random.random() < 0.25:
        view = cv2.GaussianBlur(view, (0, 0), random.uniform(0.4, 1.6))
    if random.random() < 0.15:
        size = int(random.integers(3, 8))
        view = cv2.blur(view, (size, 1) if random.random() < 0.7 else (1, size))
    if night or random.random() < 0.4:
        noise = np.empty(view.shape, np.int8)
        cv2.randn(noise, 0, float(random.uniform(2.0, 12.0)))
        view = cv2.add(view, noise, dtype=cv2.CV_8U)
    if random.random() < 0.1:
        view = cv2.cvtColor(cv2.cvtColor(view, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if random.random() < 0.3:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(25, 85))]
        view = cv2.imdecode(cv2.imencode(".jpg", view, quality)[1], cv2.IMREAD_COLOR)
    return view


def moved(boxes: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Boxes through an affine map, clipped to a picture of `size`; what is mostly outside is IGNORED."""
    if not len(boxes):
        return boxes
    left, top, right, bottom = boxes[:, 1:].T
    corners = np.stack((left, top, right, top, right, bottom, left, bottom), 1).reshape(-1, 4, 2)
    corners = corners @ matrix[:, :2].T + matrix[:, 2]
    # The middles of a turned box's sides: its corners would make it too large.
    middles = (corners + np.roll(corners, -1, 1)) / 2
    low, high = middles.min(1), middles.max(1)
    limit = np.array(size, float)
    seen_low, seen_high = low.clip(0, limit), high.clip(0, limit)
    area = (high - low).prod(1)
    seen = (seen_high - seen_low).clip(0).prod(1)
    kinds = np.where(
        (seen < 0.35 * area) | (seen_high[:, 1] - seen_low[:, 1] < MIN_HEIGHT_PX), IGNORED, boxes[:, 0]
    )
    return np.column_stack((kinds, seen_low, seen_high))[seen > 0].astype(np.float32)


def target(mask: np.ndarray, boxes: np.ndarray, kerbs: bool) -> Target:
    """Of a mask (256, 416) and boxes (K, 5) in the network's picture."""
    size = (ROAD_WIDTH // ROAD_STRIDE, ROAD_HEIGHT // ROAD_STRIDE)
    known = (mask != UNKNOWN).astype(np.float32)
    share = [
        cv2.resize(part.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        for part in ((mask == 1) | (mask == 2), mask == 2, mask == 3, known)
    ]
    # What is narrower than its cell still has to be found: half of the cell counts as all.
    surface = np.stack((share[0], np.minimum(share[1] * 2, 1.0), np.minimum(share[2] * 2, 1.0)))
    surface_weight = np.repeat((share[3] > 0.5).astype(np.float32)[None], len(surface), 0)
    surface_weight[2] *= kerbs

    rows, columns = ROAD_HEIGHT // BOX_STRIDE, ROAD_WIDTH // BOX_STRIDE
    x = (np.arange(columns, dtype=np.float32) + 0.5) * BOX_STRIDE
    y = (np.arange(rows, dtype=np.float32)[:, None] + 0.5) * BOX_STRIDE
    heat = np.zeros((len(KINDS), rows, columns), np.float32)
    weight = np.ones_like(heat)
    sides = np.ones((4, rows, columns), np.float32)
    sides_weight = np.zeros((rows, columns), np.float32)
    # The IGNORED first, so that they take nothing from the others; then the nearest last.
    nearest_last = boxes[np.lexsort((boxes[:, 4], boxes[:, 0] != IGNORED))]
    for kind, left, top, right, bottom in nearest_last:
        inside = (x > left - 4) & (x < right + 4) & (y > top - 4) & (y < bottom + 4)
        if kind == IGNORED:
            weight[:, inside] = 0.0
            continue
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
    return Target(surface, surface_weight, heat, weight, sides, sides_weight)


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
