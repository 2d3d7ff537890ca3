"""Whether a network says here what it said where it was first run: a drawn picture, and a few of its numbers.

models/golden.json holds, for each model, numbers that plain ONNX Runtime gave on the CPU, in float32, for the
pictures drawn here. A provider, driver or build that computes something else is noticed by them, and by how
much. models/training/golden.py writes the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
import numpy as np

from edge.vision.adapters import Tensor
from edge.vision.zoo import Entry, ModelError

BLOCKS = 8  # of each output, whose means are kept
NUMBERS = 4 + BLOCKS  # of each output, in all
EXACT = 0.001
"""Differences up to this are those of another order of adding, as processors have it."""
ROUNDED = 0.15
"""Up to this they are those of fewer bits (float16, bfloat16, int8); beyond it something is broken."""


class Golden(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one file said. outputs: by name, the numbers of `numbers`."""

    sha256: str
    outputs: dict[str, Annotated[list[float], msgspec.Meta(min_length=NUMBERS, max_length=NUMBERS)]]


class Difference(NamedTuple):
    """The largest: of which output, and how large as a share of what that output is on the whole."""

    output: str
    share: float

    @property
    def words(self) -> str:
        """What to make of it, for a person."""
        if self.share <= EXACT:
            return "as it should be"
        if self.share <= ROUNDED:
            return f"{self.output} differs by {self.share:.1%}, as with fewer bits"
        return f"{self.output} differs by {self.share:.0%}"


def read_golden(path: Path) -> dict[str, Golden]:
    """The golden numbers by model, {} if there is no such file. Raises ModelError."""
    if not path.exists():
        return {}
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Golden])
    except (OSError, msgspec.MsgspecError) as error:
        raise ModelError(f"{path}: cannot be used: {error}") from None


def feed(entry: Entry, inputs: dict[str, Tensor]) -> dict[str, np.ndarray]:
    """The golden picture for every input that is one, (1, 3, H, W) or (1, H, W, 3); small numbers for others.

    A size that is not fixed is the zoo's, or 1. inputs: of the open session, which may be those of the zoo
    with scale and offset folded in.
    """
    return {name: _fed(name, tensor, entry) for name, tensor in inputs.items()}


def _fed(name: str, tensor: Tensor, entry: Entry) -> np.ndarray:
    said = entry.inputs.get(name, tensor.shape)
    shape = [size or (said[axis] if axis < len(said) else 0) or 1 for axis, size in enumerate(tensor.shape)]
    if len(shape) != 4 or 3 not in (shape[1], shape[3]):
        count = int(np.prod(shape))
        if len(shape) == 4:  # a mask of what is not picture: nothing
            return np.zeros(shape, tensor.dtype)
        return (np.arange(count, dtype=np.float64) * 4 - 4).reshape(shape).astype(tensor.dtype)
    first = shape[1] == 3
    height, width = shape[2:] if first else shape[1:3]
    image = picture(height, width, entry.role)
    if tensor.dtype == np.uint8:
        return np.repeat((image.transpose(2, 0, 1) if first else image)[None], shape[0], axis=0)
    fed = image[:, :, ::-1] if entry.rgb else image
    fed = fed.astype(np.float32) * np.asarray(entry.scale, np.float32) + np.asarray(entry.offset, np.float32)
    fed = fed.transpose(2, 0, 1) if first else fed
    return np.ascontiguousarray(np.repeat(fed[None], shape[0], axis=0)).astype(tensor.dtype)


def numbers(output: np.ndarray) -> list[float]:
    """Least, greatest, mean and root mean square of an output, and the means of 8 equal parts of it."""
    flat = np.asarray(output, np.float64).ravel()
    if not flat.size:
        return [0.0] * NUMBERS
    means = [float(part.mean()) if part.size else 0.0 for part in np.array_split(flat, BLOCKS)]
    return [
        float(value) for value in (flat.min(), flat.max(), flat.mean(), np.sqrt((flat**2).mean()), *means)
    ]


def difference(golden: Golden, outputs: dict[str, np.ndarray]) -> Difference:
    """Between what was said first and what is said now. What is not a number differs without end."""
    worst = Difference("", 0.0)
    for name, expected in golden.outputs.items():
        if name not in outputs:
            return Difference(name, float("inf"))
        found = numbers(outputs[name])
        # Against the whole output: its root mean square, and for the extremes the largest of them.
        mean_scale = max(expected[3], 1e-6)
        peak_scale = max(abs(expected[0]), abs(expected[1]), 1e-6)
        for index, (now, then) in enumerate(zip(found, expected, strict=True)):
            share = abs(now - then) / (peak_scale if index < 2 else mean_scale)
            if not share <= worst.share:
                worst = Difference(name, share if np.isfinite(share) else float("inf"))
    return worst


# ---------------------------------------------------------------- the pictures


def picture(height: int, width: int, role: str) -> np.ndarray:
    """A road with two cars, or a face: uint8 BGR (height, width, 3), the same numbers on every machine.

    Drawn with sums, products and comparisons only, since functions of libraries change in the last digit.
    """
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    y, x = (y + 0.5) / height, (x + 0.5) / width
    image = _road(y, x) if role == "road" else _face(y, x)
    rows, columns = np.mgrid[0:height, 0:width]
    grain = (rows * 7919 + columns * 104729 + rows * columns * 31) % 17 - 8
    return np.clip(np.floor(image) + grain[:, :, None], 0, 255).astype(np.uint8)


def _paint(image: np.ndarray, where: np.ndarray, blue: float, green: float, red: float) -> None:
    image[where] = (blue, green, red)


def _road(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    image = np.stack((250 - 90 * y, 225 - 60 * y, 190 - 20 * y), axis=2)  # the sky
    far = y - 0.45
    ground = far > 0
    _paint(image, ground, 50, 110, 90)
    _paint(image, ground & (abs(x - 0.5) < 0.02 + 0.95 * far), 92, 90, 88)
    for lane, dashed in ((-0.80, False), (-0.27, True), (0.27, True), (0.80, False)):
        on = ground & (abs(x - 0.5 - lane * far) < 0.002 + 0.02 * far)
        _paint(image, on & ((np.floor(1.2 / (far + 0.05)) % 2 == 0) | (not dashed)), 235, 238, 240)
    for middle, bottom, size, colour in (
        (0.50, 0.66, 0.11, (40, 40, 190)),
        (0.76, 0.74, 0.17, (170, 165, 160)),
    ):
        _car(image, y, x, middle, bottom, size, colour)
    post = (abs(x - 0.12) < 0.006) & (y > 0.2) & (y < 0.7)
    _paint(image, post, 60, 60, 60)
    _paint(image, (abs(x - 0.12) < 0.022) & (abs(y - 0.2) < 0.09), 20, 20, 20)
    for place, colour in ((0.145, (30, 30, 245)), (0.2, (20, 60, 60)), (0.255, (20, 60, 20))):
        _paint(image, (x - 0.12) ** 2 + ((y - place) * 0.6) ** 2 < 0.014**2, *colour)
    return image


def _car(
    image: np.ndarray,
    y: np.ndarray,
    x: np.ndarray,
    middle: float,
    bottom: float,
    size: float,
    colour: tuple[int, ...],
) -> None:
    """From behind; size: its width as a share of the picture's."""
    across, up = (x - middle) / size, (bottom - y) / (size * 1.35)
    _paint(image, (abs(across) < 0.55) & (abs(up + 0.02) < 0.05), 35, 35, 35)  # its shadow
    for side in (-0.36, 0.36):
        _paint(image, (abs(across - side) < 0.1) & (up > 0) & (up < 0.2), 15, 15, 15)
    _paint(image, (abs(across) < 0.5) & (up > 0.1) & (up < 0.55), *colour)
    _paint(image, (abs(across) < 0.5 - 0.35 * (up - 0.55)) & (up >= 0.55) & (up < 0.95), *colour)
    _paint(image, (abs(across) < 0.42 - 0.35 * (up - 0.55)) & (up >= 0.58) & (up < 0.9), 70, 60, 50)
    for side in (-0.42, 0.42):
        _paint(image, (abs(across - side) < 0.07) & (abs(up - 0.45) < 0.05), 30, 30, 230)
    _paint(image, (abs(across) < 0.16) & (abs(up - 0.3) < 0.05), 230, 230, 230)


def _face(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    def within(middle_x: float, middle_y: float, half_width: float, half_height: float) -> np.ndarray:
        return ((x - middle_x) / half_width) ** 2 + ((y - middle_y) / half_height) ** 2 < 1

    image = np.stack((120 - 40 * x, 115 - 30 * y, 105 - 20 * x), axis=2)
    _paint(image, within(0.5, 1.1, 0.45, 0.25), 90, 60, 40)  # shoulders
    _paint(image, within(0.5, 0.42, 0.27, 0.36), 30, 40, 50)  # hair
    head = within(0.5, 0.5, 0.23, 0.33)
    shade = 1.0 - 0.6 * abs(x - 0.45)
    for channel, tone in enumerate((130, 165, 215)):
        image[:, :, channel] = np.where(head, tone * shade, image[:, :, channel])
    for side in (-0.09, 0.09):
        _paint(image, within(0.5 + side, 0.38, 0.055, 0.012), 35, 45, 60)  # brow
        _paint(image, within(0.5 + side, 0.45, 0.045, 0.026), 235, 235, 235)
        _paint(image, within(0.5 + side, 0.45, 0.02, 0.026), 40, 60, 80)
        _paint(image, within(0.5 + side, 0.45, 0.009, 0.012), 10, 10, 10)
    _paint(image, within(0.5, 0.56, 0.03, 0.05), 110, 140, 190)  # nose
    _paint(image, within(0.5, 0.58, 0.04, 0.012), 85, 105, 150)
    _paint(image, within(0.5, 0.69, 0.075, 0.024), 90, 90, 180)
    _paint(image, within(0.5, 0.69, 0.07, 0.005), 50, 50, 110)
    return image
