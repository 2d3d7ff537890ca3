"""A film, or a folder of pictures, of what was seen and decided."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from edge.config import UserError
from edge.messages import Message, Road, RoadView, Warning
from edge.runtime.annotate import HEIGHT, WIDTH, Overlay

CODECS = {".mp4": "mp4v", ".avi": "MJPG"}


class FilmError(UserError):
    """A film that cannot be written; the text says which and what to do."""


class Film:
    """A sink that draws each Road over its picture, and each warning's beginning to a still beside the film.

    path: a file that ends on .mp4 or .avi, or a directory, which gets one JPEG for each picture.
    """

    def __init__(self, path: str | Path, simulated: bool, fps: float, stills: bool = False) -> None:
        self.path = Path(path)
        self.frames = 0
        self.stills: list[Path] = []
        self._overlay = Overlay(simulated)
        self._wants_stills = stills
        self._begun: list[str] = []
        self._road: dict[int, np.ndarray] = {}
        self._driver: np.ndarray | None = None
        self._start_ns: int | None = None
        self._video: cv2.VideoWriter | None = None
        suffix = self.path.suffix.lower()
        if suffix not in CODECS and suffix:
            raise FilmError(f"{self.path}: ends on none of {', '.join(CODECS)}, and is no directory")
        try:
            (self.path.parent if suffix else self.path).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FilmError(f"{self.path}: cannot be written: {error.strerror}") from None
        if suffix:
            codec = cv2.VideoWriter.fourcc(*CODECS[suffix])
            self._video = cv2.VideoWriter(str(self.path), codec, fps, (WIDTH, HEIGHT))
            if not self._video.isOpened():
                raise FilmError(f"{self.path}: cannot be written as {CODECS[suffix]}; try another ending")

    def road_picture(self, frame_id: int, image: np.ndarray) -> None:
        """The picture that the Road of this frame will be about."""
        self._road = {frame_id: image}

    def driver_picture(self, image: np.ndarray) -> None:
        """The newest picture of the driver."""
        self._driver = image

    def watch(self, source: Iterable[Message]) -> Iterator[Message]:
        """Pass the inputs through, and remember what the networks saw."""
        for message in source:
            if isinstance(message, RoadView):
                self._overlay.view = message
            yield message

    def take(self, out: Message) -> None:
        """Draw when a Road comes whose picture is here."""
        if self._start_ns is None:
            self._start_ns = out.t_ns
        self._overlay.take(out)
        if (
            isinstance(out, Warning)
            and out.active
            and out.level != "information"
            and out.t_ns == out.since_ns
        ):
            self._begun.append(out.name)
        if isinstance(out, Road):
            image = self._road.pop(out.frame_id, None)
            if image is not None:
                self._write(image, (out.t_ns - self._start_ns) / 1e9)

    def _write(self, image: np.ndarray, time_s: float) -> None:
        drawn = self._overlay.draw(image, self._driver, time_s)
        self.frames += 1
        if self._video is not None:
            self._video.write(drawn)
        else:
            self._picture(self.path / f"{self.frames:06d}.jpg", drawn)
        if self._wants_stills and self._begun:
            what = "-".join(dict.fromkeys(self._begun))
            still = self.path.parent / f"{self.path.stem}-{time_s:06.2f}s-{what}.jpg"
            self._picture(still, drawn)
            self.stills.append(still)
        self._begun = []

    def _picture(self, path: Path, drawn: np.ndarray) -> None:
        if not cv2.imwrite(str(path), drawn, [cv2.IMWRITE_JPEG_QUALITY, 88]):
            raise FilmError(f"{path}: cannot be written")

    def close(self) -> None:
        """Finish the file."""
        if self._video is not None:
            self._video.release()
            self._video = None
