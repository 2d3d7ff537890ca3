"""The input of a network: resized as uint8 into memory that is kept, then laid out as it must be."""

from __future__ import annotations

import math

import cv2
import numpy as np


class Canvas:
    """A uint8 picture of a network's size, and the float32 batch of one that it is turned into.

    pixels: (H, W, 3) BGR. channels_first: the batch is (1, 3, H, W), else (1, H, W, 3).
    """

    def __init__(self, height: int, width: int, channels_first: bool = True, pad: int = 0) -> None:
        self.height = height
        self.width = width
        self.pixels = np.full((height, width, 3), pad, np.uint8)
        self._pad = pad
        self._filled = (height, width)
        shape = (1, 3, height, width) if channels_first else (1, height, width, 3)
        self._batch = np.empty(shape, np.float32)
        # The same memory seen as (H, W, 3), so that one copy transposes and converts.
        self._as_pixels = self._batch[0].transpose(1, 2, 0) if channels_first else self._batch[0]

    def stretch(self, image: np.ndarray) -> None:
        """The whole image, whatever its proportions."""
        cv2.resize(image, (self.width, self.height), dst=self.pixels)

    def letterbox(self, image: np.ndarray) -> float:
        """The whole image in the top left corner, proportions kept. Returns canvas px per image px."""
        height, width = image.shape[:2]
        scale = min(self.height / height, self.width / width)
        fitted = (max(1, round(height * scale)), max(1, round(width * scale)))
        if fitted != self._filled:
            self.pixels[:] = self._pad
            self._filled = fitted
        cv2.resize(image, (fitted[1], fitted[0]), dst=self.pixels[: fitted[0], : fitted[1]])
        return scale

    def warp(self, image: np.ndarray, to_image: np.ndarray) -> None:
        """to_image (2, 3): from px of the canvas to px of the image."""
        cv2.warpAffine(
            image,
            to_image,
            (self.width, self.height),
            dst=self.pixels,
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )

    def batch(self, scale: float = 1.0, offset: float = 0.0, rgb: bool = False) -> np.ndarray:
        """pixels * scale + offset as float32, valid until the next call."""
        np.copyto(self._as_pixels, self.pixels[:, :, ::-1] if rgb else self.pixels)
        if scale != 1.0:
            self._batch *= scale
        if offset != 0.0:
            self._batch += offset
        return self._batch


def turned_square(middle: np.ndarray, side: float, angle_rad: float, size: int) -> np.ndarray:
    """(2, 3), for `warp`: a canvas of size x size px shows the square of that middle and side, in px of the
    image, turned clockwise as seen by angle_rad."""
    cos, sin = math.cos(angle_rad) * side / size, math.sin(angle_rad) * side / size
    turn = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack((turn, middle - turn @ (size / 2, size / 2)))
