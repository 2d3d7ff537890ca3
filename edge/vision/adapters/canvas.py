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

    pixels: (H, W, 3) BGR. A network that takes uint8 (1, H, W, 3) is fed these very bytes; any other what its
    entry says: as planes or RGB, and if it takes numbers pixels * scale + offset.
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
        self._pad = entry.pad
        self._filled = (self.height, self.width)
        self._luma = self._chroma = np.empty((0, 0), np.uint8)
        takes_bytes = dtype == np.uint8
        # One that was made to take bytes turns the channels itself.
        turned = entry.rgb and (not takes_bytes or entry.input.startswith("uint8"))
        self._channels = slice(None, None, -1 if turned else 1)
        if takes_bytes and not channels_first and not turned:
            self._batch = self.pixels[None]
            self._as_pixels = None
        else:
            self._batch = np.empty(shape, dtype)
            # The same memory seen as (H, W, 3), so that one copy transposes and converts.
            self._as_pixels = self._batch[0].transpose(1, 2, 0) if channels_first else self._batch[0]
        # One number, or one for each channel in the order in which they are fed.
        along = (1, 3, 1, 1) if channels_first else (1, 1, 1, 3)
        self._scale, self._offset = (
            np.asarray(value, np.float32).reshape(along if isinstance(value, tuple) else ())
            for value in ((1.0, 0.0) if takes_bytes else (entry.scale, entry.offset))
        )

    def stretch(self, picture: Picture) -> None:
        """The whole picture, whatever its proportions."""
        self._filled = (self.height, self.width)
        self._fill(picture, self.height, self.width, cv2.INTER_LINEAR)

    def letterbox(self, picture: Picture, shrink: int = cv2.INTER_LINEAR) -> float:
        """The whole picture in the top left corner, proportions kept. Returns canvas px per picture px."""
        height, width = picture.height_px, picture.width_px
        scale = min(self.height / height, self.width / width)
        fitted = (max(1, round(height * scale)), max(1, round(width * scale)))
        if fitted != self._filled:
            self.pixels[:] = self._pad
            self._filled = fitted
        self._fill(picture, *fitted, shrink)
        return scale

    def warp(self, picture: Picture, to_picture: np.ndarray) -> None:
        """to_picture (2, 3): from px of the canvas to px of the picture. Beyond its border the picture goes
        on as it is there."""
        self._filled = (self.height, self.width)
        if picture.planes is None:
            _warp(picture.image, to_picture, self.pixels)
            return
        luma, chroma = self._small(self.height, self.width)
        _warp(picture.planes.luma, to_picture, luma)
        # A sample of chroma lies in the middle of those of luma that it is for.
        picture_step = (
            np.array([picture.width_px > 1, len(picture.planes.chroma) < picture.height_px], np.float64) + 1.0
        )
        turn, move = to_picture[:, :2], to_picture[:, 2]
        moved = turn @ (0.5, 0.5) + move - (picture_step - 1) / 2
        to_chroma = np.column_stack((2 * turn, moved)) / picture_step[:, None]
        _warp(picture.planes.chroma, to_chroma, chroma)
        self._convert(luma, chroma, self.height, self.width)

    def _fill(self, picture: Picture, height: int, width: int, shrink: int) -> None:
        """The top left part of the canvas."""
        if picture.planes is None:
            part = self.pixels[:height, :width]
            cv2.resize(picture.image, (width, height), dst=part, interpolation=shrink)
            return
        # Planes are converted at the small size: a third of the work.
        luma, chroma = self._small(height, width)
        cv2.resize(picture.planes.luma, (width, height), dst=luma[:height, :width], interpolation=shrink)
        cv2.resize(picture.planes.chroma, chroma.shape[1::-1], dst=chroma, interpolation=shrink)
        self._convert(luma, chroma, height, width)

    def _small(self, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Memory that is kept for luma and chroma of a part, both sides rounded up to even."""
        rows, columns = (height + 1) // 2, (width + 1) // 2
        if self._luma.shape != (2 * rows, 2 * columns):
            self._luma = np.zeros((2 * rows, 2 * columns), np.uint8)
            self._chroma = np.zeros((rows, columns, 2), np.uint8)
        return self._luma, self._chroma

    def _convert(self, luma: np.ndarray, chroma: np.ndarray, height: int, width: int) -> None:
        part = self.pixels[:height, :width]
        if part.shape[:2] == luma.shape:
            cv2.cvtColorTwoPlane(luma, chroma, cv2.COLOR_YUV2BGR_NV12, dst=part)
        else:
            np.copyto(part, cv2.cvtColorTwoPlane(luma, chroma, cv2.COLOR_YUV2BGR_NV12)[:height, :width])

    def square(self, picture: Picture, middle: np.ndarray, side: float, angle_rad: float = 0.0) -> np.ndarray:
        """The square of that middle and side, px of the picture, turned clockwise as seen: for a canvas that
        is one. Returns (2, 3), from px of the canvas to px of the picture."""
        to_picture = turned_square(middle, side, angle_rad, self.width)
        self.warp(picture, to_picture)
        return to_picture

    def batch(self) -> np.ndarray:
        """What the network is fed, valid until the next call."""
        if self._as_pixels is not None:
            np.copyto(self._as_pixels, self.pixels[:, :, self._channels])
            if (self._scale != 1.0).any():
                np.multiply(self._batch, self._scale, out=self._batch)
            if self._offset.any():
                np.add(self._batch, self._offset, out=self._batch)
        return self._batch

    def feed(self) -> dict[str, np.ndarray]:
        """The feed of a network with one input."""
        return {self.name: self.batch()}


def _warp(source: np.ndarray, to_source: np.ndarray, target: np.ndarray) -> None:
    """Fill target with what lies at to_source (2, 3) of each of its px."""
    cv2.warpAffine(
        source,
        to_source,
        target.shape[1::-1],
        dst=target,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def turned_square(middle: np.ndarray, side: float, angle_rad: float, size: int) -> np.ndarray:
    """(2, 3), for `warp`: a canvas of size x size px shows the square of that middle and side, in px of the
    picture, turned clockwise as seen by angle_rad."""
    cos, sin = math.cos(angle_rad) * side / size, math.sin(angle_rad) * side / size
    turn = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack((turn, middle - turn @ (size / 2, size / 2)))
