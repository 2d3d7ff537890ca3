"""One picture of one camera."""

from __future__ import annotations

import msgspec
import numpy as np


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """image: uint8 (H, W, 3), BGR; t_ns: when it was taken, monotonic; frame_id counts from 0 in the camera,
    so that a skipped number is a lost picture."""

    t_ns: int
    frame_id: int
    image: np.ndarray

    @property
    def width_px(self) -> int:
        """Of the picture as captured."""
        return int(self.image.shape[1])

    @property
    def height_px(self) -> int:
        """Of the picture as captured."""
        return int(self.image.shape[0])
