"""Opened models for measuring: each alone, with what it needs of others given to it."""

from __future__ import annotations

import copy
from typing import NamedTuple

import cv2
import msgspec
import numpy as np

from edge import config
from edge.messages import Face
from edge.vision.adapters import Adapter, Runner, Seen, Tensor
from edge.vision.adapters.own_road import OwnRoad
from edge.vision.adapters.segmentation import RoadSegmentation
from edge.vision.perceive import load
from edge.vision.picture import Picture
from edge.vision.sessions import RunError, Session
from edge.vision.zoo import Entry, ModelError, Zoo

DOUBTFUL = 0.02  # what a detector is asked for where precision is drawn against recall
WIDTH_PX = 416  # in which masks are compared, whatever the networks' own sizes


class Tap:
    """A session that keeps what its last run was fed and said."""

    def __init__(self, session: Runner) -> None:
        self._session = session
        self.inputs: dict[str, Tensor] = session.inputs
        self.outputs: dict[str, Tensor] = session.outputs  # type: ignore[attr-defined]
        self.fed: dict[str, np.ndarray] = {}
        self.said: list[np.ndarray] = []

    def run(self, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """As the session; both are kept until the next run."""
        self.fed = feed
        self.said = self._session.run(feed)
        return self.said


class Network(NamedTuple):
    """One model. tap: between the session and the adapter."""

    name: str
    entry: Entry
    session: Session
    tap: Tap
    adapter: Adapter

    def see(self, image: np.ndarray, seen: Seen | None = None) -> Seen:
        """What its adapter sees in a picture uint8 BGR (H, W, 3); no more than was seen, if its run fails."""
        try:
            return self.look(image, seen)
        except RunError:
            return seen or Seen()

    def look(self, image: np.ndarray, seen: Seen | None = None) -> Seen:
        """The same. Raises RunError."""
        picture = Picture(t_ns=0, frame_id=0, image=np.ascontiguousarray(image))
        return self.adapter.see(picture, seen or Seen())


def open_network(
    name: str, perception: config.Perception, zoo: Zoo, min_score: float | None = None
) -> Network:
    """A model, its threshold lowered to min_score if that is given. Raises ModelError."""
    entry = zoo.entry(name)
    if min_score is not None:
        entry = msgspec.structs.replace(entry, min_score=min(min_score, entry.min_score))
        zoo = copy.copy(zoo)
        zoo.entries = zoo.entries | {name: entry}
    session, adapter = load(name, zoo.locate(name, perception.directory), perception, zoo)
    tap = Tap(session)
    make: type = type(adapter)
    return Network(name, entry, session, tap, make(tap, entry))


class Faces:
    """The face that models of drivers are given: found by the first public model that finds faces, its
    points and the pose of the head by the first that tell them."""

    def __init__(self, perception: config.Perception, zoo: Zoo, names: list[str]) -> None:
        """names: of the models that are at hand; without one for faces `find` finds none."""
        self._chain: list[Network] = []
        for what in ("face", "landmarks", "head"):
            public = [n for n in names if what in zoo.entry(n).finds and not zoo.entry(n).own]
            if public:
                self._chain.append(open_network(public[0], perception, zoo))

    def find(self, image: np.ndarray, landmarks: bool = True) -> Face | None:
        """The driver's face, with what the models at hand tell; landmarks: beyond those of the first."""
        seen = Seen()
        for network in self._chain:
            if landmarks or "landmarks" not in network.entry.finds:
                seen = network.see(image, seen)
        return seen.face


def without(face: Face, finds: tuple[str, ...]) -> Face:
    """A face before a model has added what it finds."""
    gone: dict[str, None] = {}
    if "head" in finds:
        gone |= dict.fromkeys(("head_yaw_deg", "head_pitch_deg", "head_roll_deg"))
    if "eyes" in finds:
        gone |= dict.fromkeys(("left_eye_open", "right_eye_open"))
    if "gaze" in finds:
        gone |= dict.fromkeys(("gaze_yaw_deg", "gaze_pitch_deg"))
    return msgspec.structs.replace(face, **gone)


class Masks(NamedTuple):
    """What a network says of a picture, WIDTH_PX wide, bool (H, W); kerb None: it does not say."""

    road: np.ndarray
    mark: np.ndarray
    kerb: np.ndarray | None


def size_of_masks(image: np.ndarray) -> tuple[int, int]:
    """Width and height of the masks of a picture."""
    return WIDTH_PX, max(1, round(image.shape[0] * WIDTH_PX / image.shape[1]))


def draws_surfaces(network: Network) -> bool:
    """Whether `masks` can read what it says."""
    return isinstance(network.adapter, OwnRoad | RoadSegmentation)


def masks(network: Network, image: np.ndarray) -> Masks:
    """Road (with its paint), marks and kerbs as a network draws them, before lines are made of them."""
    network.look(image)
    size = size_of_masks(image)
    output = network.tap.said[0]
    if isinstance(network.adapter, RoadSegmentation):  # other, road, kerb, mark, of the picture stretched
        classes = output[0] if output.shape[1] == 4 else output[0].transpose(2, 0, 1)
        likely = np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in classes])
        best = likely.argmax(axis=0)
        return Masks((best == 1) | (best == 3), best == 3, best == 2)
    if isinstance(network.adapter, OwnRoad):  # uint8 road, mark and perhaps kerb, of the letterboxed picture
        height, width = next(iter(network.entry.inputs.values()))[1:3]
        scale = min(height / image.shape[0], width / image.shape[1])
        rows, columns = (
            output.shape[1] * image.shape[0] * scale / height,
            output.shape[2] * image.shape[1] * scale / width,
        )
        place = np.array([[columns / size[0], 0, 0], [0, rows / size[1], 0]])
        # The middles of the px correspond, not their corners.
        place[:, 2] = [0.5 * columns / size[0] - 0.5, 0.5 * rows / size[1] - 0.5]
        planes = [
            cv2.warpAffine(
                plane,
                place,
                size,
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            )
            > 127
            for plane in output
        ]
        return Masks(planes[0], planes[1], planes[2] if len(planes) > 2 else None)
    raise ModelError(f"model {network.name} draws no masks that can be read")
