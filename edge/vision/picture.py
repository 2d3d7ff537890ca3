"""One picture of one camera: BGR, or the planes of luma and chroma where the camera gives those."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from edge import config


class PictureError(config.UserError, ValueError):
    """An array that is no picture; the text says what it is and what it should be."""


class Planes(NamedTuple):
    """Luma and chroma (ITU-R BT.601, 16 to 235), as cameras give them: a third of the memory of BGR, or half.

    luma: uint8 (H, W). chroma: uint8 (ceil(H / 2), ceil(W / 2), 2), Cb beside Cr (NV12), or as many rows as
    luma (NV16, YUYV). Both may be views with padding at the end of each row.
    """

    luma: np.ndarray
    chroma: np.ndarray


class Picture:
    """A picture as captured; nobody changes its arrays.

    t_ns: when it was taken, monotonic; frame_id counts from 0 in the camera, so that a skipped number is a
    lost picture; planes: None where the camera gives BGR.
    """

    __slots__ = ("_image", "frame_id", "height_px", "planes", "t_ns", "width_px")

    def __init__(
        self, *, t_ns: int, frame_id: int, image: np.ndarray | None = None, planes: Planes | None = None
    ) -> None:
        """image: uint8 (H, W, 3), BGR; without it, planes. Raises PictureError for what is neither."""
        self.t_ns = t_ns
        self.frame_id = frame_id
        self.planes = planes
        self._image = image
        if planes is not None:
            _check_planes(*planes)
        elif (
            image is None
            or image.ndim != 3
            or image.shape[2] != 3
            or image.dtype != np.uint8
            or not image.size
        ):
            what = "nothing" if image is None else f"{image.dtype} {image.shape}"
            raise PictureError(f"not a picture: {what}; it must be uint8 (height, width, 3), BGR")
        self.height_px: int
        self.width_px: int
        self.height_px, self.width_px = self.plane.shape[:2]

    @property
    def plane(self) -> np.ndarray:
        """What is there without any conversion, uint8: luma (H, W), or else the image (H, W, 3)."""
        return self.planes.luma if self.planes is not None else self.image

    @property
    def image(self) -> np.ndarray:
        """uint8 (H, W, 3), BGR. Made of the planes when first asked for: 0.3 ms at 1280 x 720."""
        if self._image is None:
            assert self.planes is not None
            self._image = to_bgr(self.planes)
        return self._image

    def numbered(self, frame_id: int) -> Picture:
        """The same with another number; the arrays are shared."""
        return Picture(t_ns=self.t_ns, frame_id=frame_id, image=self._image, planes=self.planes)


def _check_planes(luma: np.ndarray, chroma: np.ndarray) -> None:
    ok = luma.ndim == 2 and luma.size and luma.dtype == np.uint8 and chroma.dtype == np.uint8
    if ok:
        height, width = luma.shape
        columns = (width + 1) // 2
        ok = chroma.shape in (((height + 1) // 2, columns, 2), (height, columns, 2))
    if not ok:
        raise PictureError(
            f"not the planes of a picture: luma {luma.dtype} {luma.shape}, "
            f"chroma {chroma.dtype} {chroma.shape}; they must be uint8 (height, width) and "
            f"(half the height, half the width, 2)"
        )


def to_bgr(planes: Planes) -> np.ndarray:
    """Planes at full size as uint8 (H, W, 3), BGR."""
    luma, chroma = planes
    height, width = luma.shape
    rows, columns = (height + 1) // 2, (width + 1) // 2
    if len(chroma) != rows:
        chroma = cv2.resize(chroma, (columns, rows), interpolation=cv2.INTER_AREA)
    if height % 2 or width % 2:
        luma = cv2.copyMakeBorder(luma, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    whole = cv2.cvtColorTwoPlane(luma, chroma, cv2.COLOR_YUV2BGR_NV12)
    return np.ascontiguousarray(whole[:height, :width])


def nv12(data: np.ndarray, width: int, height: int, stride: int = 0) -> Planes:
    """Planes of an NV12 buffer without a copy: height rows of luma, then half as many of chroma.

    data: uint8, one-dimensional, stride bytes in a row (0: the width, rounded up to even). The planes are
    valid as long as the buffer is. Raises PictureError if the buffer is too short.
    """
    columns, rows = (width + 1) // 2, (height + 1) // 2
    stride = stride or columns * 2
    need = stride * (height + rows - 1) + columns * 2
    if stride < columns * 2 or len(data) < need:
        raise PictureError(
            f"NV12 {width} x {height}, {stride} bytes in a row: {len(data)} bytes where {need} are needed"
        )
    whole = np.lib.stride_tricks.as_strided(data, (height + rows, columns * 2), (stride, 1), writeable=False)
    return Planes(whole[:height, :width], whole[height:].reshape(rows, columns, 2))


def yuyv(packed: np.ndarray) -> Planes:
    """Planes of YUYV, uint8 (H, W, 2) with an even W: what USB cameras give uncompressed. Copies."""
    luma, chroma = cv2.split(packed)
    return Planes(luma, chroma.reshape(len(chroma), -1, 2))


def i420(luma: np.ndarray, blue: np.ndarray, red: np.ndarray) -> Planes:
    """Planes of planar YUV 4:2:0 (I420, libcamera's YUV420). Chroma is copied, luma is not."""
    return Planes(luma, cv2.merge((blue, red)))
