"""Measures icv-eye on real eyes, beside open-closed-eye-0001 and the eye-aspect ratio of Face Mesh.

    python models/training/evaluate_eye.py [--clips] [--patches OPEN CLOSED] [--faces OPEN CLOSED]

--clips: shared/data/video with the labels of labels/eyes.json. The others are folders of pictures for
measuring only, no part of the project: --patches, one eye in each; --faces, one face in each, with both eyes
alike, through face detection and landmarks. What a model cannot judge counts as half open. All models judge
the same picture one after another, through their adapters; open-closed-eye-0001 in several crops of a patch.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import msgspec
import numpy as np
from crops import SHARED

from edge import config
from edge.messages import Face
from edge.vision.adapters import Adapter, Seen
from edge.vision.adapters.eyes import OpenClosedEye
from edge.vision.adapters.face import eyes_visible
from edge.vision.adapters.own_eye import OwnEye
from edge.vision.evaluate.datasets import eye_frames
from edge.vision.evaluate.metrics import area_under_curve
from edge.vision.perceive import load
from edge.vision.picture import Picture
from edge.vision.sessions import RunError
from edge.vision.zoo import Zoo

PEER_CROPS = (0.55, 0.7, 0.85, 1.0, 1.25)  # of a patch's shorter side
UNKNOWN = 0.5
PATCH_PX, LONG_PX = 128, 640  # a picture of an eye, of a face: at most
Scores = dict[str, tuple[list[float], list[float]]]  # of closed, of open eyes


def pictures(folder: Path, half: str) -> Iterator[np.ndarray]:
    """The pictures of a folder; half: a or b by a hash of their names, or all."""
    for path in sorted(folder.iterdir()):
        image = cv2.imread(str(path)) if half in ("all", "ab"[zlib.crc32(path.name.encode()) % 2]) else None
        if image is not None:
            yield image


class Models:
    """The adapters that are compared, and what finds faces for them."""

    def __init__(self, eye: Path | None) -> None:
        zoo, perception = Zoo(), config.Perception(directory=str(SHARED.parent / "models"))

        def one(name: str, path: Path | None = None) -> Adapter:
            return load(name, path or zoo.locate(name, perception.directory), perception, zoo)[1]

        self.own, self.peer = one("icv-eye", eye), one("open-closed-eye-0001")
        self.find = [
            one(name) for name in ("yunet_n_320_320", "facemesh_192", "head-pose-estimation-adas-0001")
        ]

    def patch(self, image: np.ndarray, scores: Scores, state: int) -> None:
        """One eye that fills its picture."""
        image = shrunk(image, PATCH_PX)
        assert isinstance(self.own, OwnEye)
        assert isinstance(self.peer, OpenClosedEye)
        picture = Picture(t_ns=0, frame_id=0, image=image)
        height, width = image.shape[:2]
        middle, side = np.array([width, height]) / 2, float(min(width, height))
        for model, crops in ((self.own, (1.0,)), (self.peer, PEER_CROPS)):
            for crop in crops:
                feed = model.prepare(picture, middle, side * crop, 0.0)
                try:
                    value = model.parse(model._session.run(feed))
                except RunError:  # open-closed-eye-0001 says NaN to some pictures
                    value = None
                name = f"{type(model).__name__} in {crop:g} of the picture"
                scores.setdefault(name, ([], []))[state].append(UNKNOWN if value is None else value)

    def face(self, image: np.ndarray, scores: Scores, states: dict[str, int]) -> None:
        """A face; states: of "left" and "right" eye, 0 closed, 1 open."""
        picture = Picture(t_ns=0, frame_id=0, image=image)
        seen = Seen()
        for model in self.find:
            seen = model.see(picture, seen)
        mesh = seen.face
        if mesh is None:
            return
        blind = msgspec.structs.replace(mesh, left_eye_open=None, right_eye_open=None)
        own = self.own.see(picture, Seen(face=blind)).face
        peer = self.peer.see(picture, Seen(face=blind)).face
        said = {"eye-aspect ratio": [mesh], "icv-eye": [own], "open-closed-eye-0001": [peer]}
        said |= {"ratio + icv-eye": [mesh, own], "ratio + open-closed-eye-0001": [mesh, peer]}
        for side, state in states.items():
            for name, faces in said.items():
                value = float(np.mean([_open(face, side) for face in faces]))
                scores.setdefault(name, ([], []))[state].append(value)
                if eyes_visible(mesh):
                    scores.setdefault(f"{name}, looking ahead", ([], []))[state].append(value)


def _open(face: Face | None, side: str) -> float:
    value = face and (face.left_eye_open if side == "left" else face.right_eye_open)
    return UNKNOWN if value is None else value


def shrunk(image: np.ndarray, most_px: int) -> np.ndarray:
    """At most so large."""
    by = min(1.0, most_px / max(image.shape[:2]))
    return np.asarray(cv2.resize(image, None, fx=by, fy=by, interpolation=cv2.INTER_AREA))


def with_margin(image: np.ndarray) -> np.ndarray:
    """A face that was cut out closely, as a detector finds it: at most LONG_PX, a third more all round."""
    image = shrunk(image, LONG_PX)
    margin = max(image.shape[:2]) // 3
    return np.asarray(
        cv2.copyMakeBorder(image, *[margin] * 4, borderType=cv2.BORDER_CONSTANT, value=(114, 114, 114))
    )


def told(title: str, scores: Scores) -> None:
    """Prints a line for each way to judge."""
    print(f"\n{title}")
    for name, (closed, opened) in scores.items():
        shut, wide = np.array(closed), np.array(opened)
        area = area_under_curve(wide, shut)
        print(
            f"  {name:44}{len(wide):5} open {len(shut):5} closed  "
            f"AUC {'-' if area is None else f'{area:.4f}'}  right at 0.5: open {np.mean(wide > 0.5):.3f}, "
            f"closed {np.mean(shut <= 0.5):.3f}; below 0.2: open {np.mean(wide < 0.2):.4f}, "
            f"closed {np.mean(shut < 0.2):.3f}"
        )


def main() -> None:
    """Reads the arguments and measures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", action="store_true")
    parser.add_argument("--patches", nargs=2, type=Path, metavar=("OPEN", "CLOSED"), default=None)
    parser.add_argument("--faces", nargs=2, type=Path, metavar=("OPEN", "CLOSED"), default=None)
    parser.add_argument(
        "--half", choices=("a", "b", "all"), default="all", help="of the pictures, by their names"
    )
    parser.add_argument("--most", type=int, default=10**9, help="pictures of each folder")
    parser.add_argument(
        "--model", type=Path, help="instead of the weights of the zoo: its hash is not checked"
    )
    args = parser.parse_args()
    cv2.setNumThreads(1)
    models = Models(args.model)
    if args.patches:
        scores: Scores = {}
        for state, folder in ((1, args.patches[0]), (0, args.patches[1])):
            for _, image in zip(range(args.most), pictures(folder, args.half), strict=False):
                models.patch(image, scores, state)
        told("patches", scores)
    if args.faces:
        scores = {}
        for state, folder in ((1, args.faces[0]), (0, args.faces[1])):
            for _, image in zip(range(args.most), pictures(folder, args.half), strict=False):
                models.face(with_margin(image), scores, {"left": state, "right": state})
        told("faces", scores)
    if args.clips:
        scores = {}
        for image, labels in eye_frames(SHARED, Path(__file__).parent / "labels", 1):
            states = {side: int(label == "open") for side, label in labels.items() if label != "half"}
            models.face(image, scores, states)
        told("clips, labelled by eye", scores)


if __name__ == "__main__":
    main()
