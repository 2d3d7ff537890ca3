"""What a camera is, and the one door through which all its pictures come."""

from __future__ import annotations

import re
from collections import Counter
from typing import Protocol

import cv2
import numpy as np

from edge import config
from edge.vision.picture import Picture, PictureError, Planes

READ_TIMEOUT_S = 0.5  # of one read: a camera is asked to close no later than after this
NEWER = "newer picture came first"
DRIVER = "the driver lost it"
UNUSABLE = "damaged or unusable"
MAX_AGE_NS = 10_000_000_000  # of a stamp; an older one is of another clock
MAX_EARLY_NS = 50_000_000  # some drivers compute when the picture should be there
MIN_SIDE_PX = 8
MAX_PX = 1 << 26  # 64 megapixels, twice 8K; edge.vision tells OpenCV the same


class CameraError(config.UserError):
    """A camera that cannot be opened; the text says what, where and what to do."""


class Camera(Protocol):
    """A source of pictures. frame_id and t_ns of what `read` returns never fall.

    ended: there will be no more pictures. note: what a person should know: what the camera gives in place of
    what was asked for, what had to be converted, how it ended if not as it should have. lost: pictures that
    did not come, by reason; each has used up a frame_id.
    """

    name: str
    ended: bool
    note: str
    lost: Counter[str]

    def read(self) -> Picture | None:
        """The next picture. None: none came in time, or, when `ended`, there are no more."""
        ...

    def close(self) -> None:
        """Let go of the device or file; may be called twice."""
        ...


class Source:
    """What all cameras share: numbers, times that never fall, the count of what is lost, and the door."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ended = False
        self.note = ""
        self.lost: Counter[str] = Counter()
        self._frame_id = 0
        self._last_ns = -1
        self._size: tuple[int, int] | None = None

    def _give(self, t_ns: int, image: np.ndarray | Planes) -> Picture | None:
        """What the camera took at t_ns, as a Picture. None: it is none; it is counted, and said once."""
        try:
            image, converted = admitted(image)
            picture = Picture(
                t_ns=max(t_ns, self._last_ns),
                frame_id=self._frame_id,
                image=None if isinstance(image, Planes) else image,
                planes=image if isinstance(image, Planes) else None,
            )
        except PictureError as error:
            self._lose(UNUSABLE)
            self._say(f"a picture was refused: {error}")
            return None
        if converted:
            self._say(f"its pictures are {converted}; they are converted")
        size = (picture.width_px, picture.height_px)
        if self._size is not None and size != self._size:
            self._say("its pictures change their size")
        self._size = size
        self._last_ns = picture.t_ns
        self._frame_id += 1
        return picture

    def _stamp(self, t_ns: int | None, now_ns: int) -> int:
        """When a picture was taken: as its stamp says, if that can be of our clock; never in the future."""
        if t_ns is not None and -MAX_EARLY_NS <= now_ns - t_ns <= MAX_AGE_NS:
            return min(t_ns, now_ns)
        self._say("its stamps are missing or of another clock: pictures are stamped when they arrive")
        return now_ns

    def _lose(self, reason: str, count: int = 1) -> None:
        self.lost[reason] += count
        self._frame_id += count

    def _unheeded(self, camera: config.Camera, *keys: str) -> None:
        """Say which of these keys are given, although a camera of this kind does nothing with them."""
        plain = config.Camera(name=camera.name, role=camera.role)
        if given := [key for key in keys if getattr(camera, key) != getattr(plain, key)]:
            self._say(f"cameras of kind {camera.kind} do not heed {', '.join(given)}")

    def _say(self, text: str) -> None:
        """Add to the note what it does not say yet. What is said of a picture is said of the first."""
        if text.partition(":")[0] not in self.note:
            self.note = f"{self.note}; {text}" if self.note else text


def decoded(data: bytes) -> np.ndarray | None:
    """A picture of JPEG, PNG, ..., uint8 BGR (H, W, 3). None: it is none, or too large for OpenCV's limit."""
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # of no bytes, and of a header, damaged on the way, that says 4 gigapixels
        return None


def without_password(text: str) -> str:
    """An address, or a pipeline with some, as it may be shown."""
    return re.sub(r"(user-pw=)\S+", r"\1...", re.sub(r"//[^/\s\"]*@", "//...@", text))


def studio_range(planes: Planes) -> Planes:
    """Planes of the full range, as JPEG and some drivers have them, in the range that Planes are of."""
    return Planes(
        cv2.convertScaleAbs(planes.luma, alpha=219 / 255, beta=16),
        cv2.convertScaleAbs(planes.chroma, alpha=224 / 255, beta=128 - 128 * 224 / 255),
    )


def admitted(image: np.ndarray | Planes) -> tuple[np.ndarray | Planes, str]:
    """The picture as networks take it, uint8 BGR (H, W, 3) contiguous or planes, and what it was ("" for no
    conversion). Grey, alpha and 16 bits (of which the upper 8 count) are converted. Raises PictureError."""
    plane = image.luma if isinstance(image, Planes) else image
    if plane.ndim not in (2, 3) or not plane.size:
        raise PictureError(f"it is empty: {plane.shape}")
    height, width = plane.shape[:2]
    if min(width, height) < MIN_SIDE_PX or width * height > MAX_PX:
        raise PictureError(
            f"{width} x {height}; a side must have {MIN_SIDE_PX} pixels, the whole at most {MAX_PX}"
        )
    if isinstance(image, Planes):
        return image, ""
    was = []
    if image.dtype == np.uint16:
        was.append("of 16 bits")
        image = (image >> 8).astype(np.uint8)
    if image.dtype != np.uint8:
        raise PictureError(f"its pixels are {image.dtype}, not 8 or 16 bits")
    channels = 1 if image.ndim == 2 else image.shape[2]
    if channels == 1:
        was.insert(0, "grey")
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    elif channels == 4:
        was.append("with alpha")
        image = cv2.cvtColor(image, cv2.COLOR_BGRA2BGR)
    elif channels != 3:
        raise PictureError(f"it has {channels} channels, not 1, 3 or 4")
    return np.ascontiguousarray(image), " and ".join(was)
