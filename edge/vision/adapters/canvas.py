"""The input of a network: resized as uint8 into memory that is kept, then laid out as it must be."""

from __future__ import annotations

import math

import cv2
import numpy as np

from edge.vision.adapters import Runner
from edge.vision.picture import Picture
from edge.vision.zoo import Entry


class Canvas:
    """A uint8 picture of a network's size, and the batch of one that it is turned into.

    pixels: (H, W, 3) BGR. A network that takes uint8 (1, H, W, 3) is fed these very bytes; for any other the
    entry says what it wants: pixels * scale + offset, as BGR or RGB.
    """

    def __init__(self, session: Runner, entry: Entry, name: str | None = None) -> None:
        """name: of the input; without it the only one."""
        if name is None:
            (name,) = session.inputs
        shape, dtype = session.inputs[name]
        self.name = name
        channels_first = shape[1] == 3
        self.height, self.width = shape[2:] if channels_first else shape[1:3]
        self.pixels = np.full((self.height, self.width, 3), entry.pad, np.uint8)
        self._entry = entry
        self._filled = (self.height, self.width)
        if dtype == np.uint8:
            self._batch = self.pixels[None]
            self._as_pixels = None
        else:
            self._batch = np.empty(shape, np.float32)
            # The same memory seen as (H, W, 3), so that one copy transposes and converts.
            self._as_pixels = self._batch[0].transpose(1, 2, 0) if channels_first else self._batch[0]
        # One number, or one for each channel in the order in which they are fed.
        along = (1, 3, 1, 1) if channels_first else (1, 1, 1, 3)
        self._scale, self._offset = (
            np.asarray(value, np.float32).reshape(along if isinstance(value, tuple) else ())
            for value in (entry.scale, entry.offset)
        )

    def stretch(self, picture: Picture) -> None:
        """The whole picture, whatever its proportions."""
        cv2.resize(picture.image, (self.width, self.height), dst=self.pixels)

    def letterbox(self, picture: Picture, shrink: int = cv2.INTER_LINEAR) -> float:
        """The whole picture in the top left corner, proportions kept. Returns canvas px per picture px."""
        height, width = picture.height_px, picture.width_px
        scale = min(self.height / height, self.width / width)
        fitted = (max(1, round(height * scale)), max(1, round(width * scale)))
        if fitted != self._filled:
            self.pixels[:] = self._entry.pad
            self._filled = fitted
        part = self.pixels[: fitted[0], : fitted[1]]
        cv2.resize(picture.image, (fitted[1], fitted[0]), dst=part, interpolation=shrink)
        return scale

    def warp(self, picture: Picture, to_picture: np.ndarray) -> None:
        """to_picture (2, 3): from px of the canvas to px of the picture."""
        cv2.warpAffine(
            picture.image,
            to_picture,
            (self.width, self.height),
            dst=self.pixels,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )

    def batch(self) -> np.ndarray:
        """What the network is fed, valid until the next call."""
        if self._as_pixels is not None:
            np.copyto(self._as_pixels, self.pixels[:, :, ::-1] if self._entry.rgb else self.pixels)
            if (self._scale != 1.0).any():
                np.multiply(self._batch, self._scale, out=self._batch)
            if self._offset.any():
                np.add(self._batch, self._offset, out=self._batch)
        return self._batch

    def feed(self) -> dict[str, np.ndarray]:
        """The feed of a network with one input."""
        return {self.name: self.batch()}


def turned_square(middle: np.ndarray, side: float, angle_rad: float, size: int) -> np.ndarray:
    """(2, 3), for `warp`: a canvas of size x size px shows the square of that middle and side, in px of the
    picture, turned clockwise as seen by angle_rad."""
    cos, sin = math.cos(angle_rad) * side / size, math.sin(angle_rad) * side / size
    turn = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack((turn, middle - turn @ (size / 2, size / 2)))
