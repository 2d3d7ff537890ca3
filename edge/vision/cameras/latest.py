"""Live capture: a thread that reads, one slot in which the newest picture wins, and how the camera is."""

from __future__ import annotations

import threading
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Literal, TypeVar

import cv2
import numpy as np

from edge import config
from edge.clock import Clock
from edge.messages import Health
from edge.vision.cameras.source import NEWER, UNUSABLE, Camera, CameraError
from edge.vision.picture import Picture

RETRY_S = 1.0
SILENT_S = 1.5  # without a picture for so long a camera has failed, whatever its driver says,
SILENT_PERIODS = 3  # or for so many periods, where those are longer
STUCK_S = 15.0  # no call into a camera takes so long, but one that never returns
CLOSE_S = 3.0
COVERED_SPREAD = 3.0  # grey levels: a lens with a hand or a lid before it shows less, even a dark road more
COVERED_AFTER_S = 2.0
ENDING = ("file", "simulated", "recording")

State = Literal["ok", "failed"]
T = TypeVar("T")


class Stillness:
    """Tells a camera that repeats one picture, or shows nothing, from one that works.

    A sensor's noise makes any two real pictures differ; an exact repeat is a stuck driver or decoder. Not so
    where there is nothing to see: camera chips make black of the dark, noise and all.
    """

    def __init__(self, frozen_after_s: float) -> None:
        self._frozen_after_ns = round(frozen_after_s * 1e9)
        self._last_hash = -1
        self._changed_ns = 0
        self._empty_since_ns: int | None = None

    def look(self, picture: Picture) -> str:
        """What is wrong as of this picture, "" for nothing. Looks at every 8th row and column."""
        few = np.ascontiguousarray(picture.plane[::8, ::8])
        if (hashed := zlib.crc32(few.data)) != self._last_hash:
            self._last_hash, self._changed_ns = hashed, picture.t_ns
        if float(cv2.meanStdDev(few)[1].max()) < COVERED_SPREAD:
            if self._empty_since_ns is None:
                self._empty_since_ns = picture.t_ns
            covered = picture.t_ns - self._empty_since_ns >= COVERED_AFTER_S * 1e9
            return "the picture shows nothing; is the lens covered?" if covered else ""
        self._empty_since_ns = None
        if picture.t_ns - self._changed_ns >= self._frozen_after_ns:
            return "frozen: the same picture comes again and again; restart the camera"
        return ""


class LatestPicture:
    """Reads a camera in a thread of its own and keeps only the newest picture.

    The camera is opened in that thread, so that nobody waits for it, and opened again once a second when it
    is lost or cannot be opened. How it is, is judged by the pictures that come, not by what its driver says.
    A file, a recording or a simulation is not begun anew, neither at its end nor where it has a hole.
    """

    def __init__(self, open_it: Callable[[], Camera], camera: config.Camera, clock: Clock) -> None:
        """open_it raises CameraError while the camera is not there."""
        self._open = open_it
        self._ends = camera.kind in ENDING
        self._source = f"camera:{camera.name}"
        self._clock = clock
        self._frozen_after_s = camera.frozen_after_s
        self._silent_ns = round(max(SILENT_S, SILENT_PERIODS / camera.fps) * 1e9)
        self._changed = threading.Condition()
        self._picture: Picture | None = None
        self._first_id = 0  # of the camera that is open: one that was opened again begins at 0
        self._next_id = 0
        self._lost: Counter[str] = Counter()
        self._trouble = ""
        self._note = ""
        self._newest_ns = clock.now_ns()
        self._called_ns: int | None = None  # since when a call into the camera has not returned
        self._said: str | None = None
        self._over = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=self._source, daemon=True)
        self._thread.start()

    def take(self, timeout_s: float = 0.0) -> Picture | None:
        """The newest picture that was not taken yet, waiting up to timeout_s for one.

        A frozen or empty picture is not given out: what is seen in it says nothing about now.
        """
        with self._changed:
            if self._picture is None and timeout_s > 0:
                self._changed.wait(timeout_s)
            picture, self._picture = self._picture, None
            return picture

    def take_lost(self) -> Counter[str]:
        """How many pictures were lost since the last call, by reason: here, in the driver, as unusable."""
        with self._changed:
            lost, self._lost = self._lost, Counter()
            return lost

    def state(self) -> tuple[State, str]:
        """How the camera is, and what to do about it."""
        with self._changed:
            trouble, now_ns = self._trouble, self._clock.now_ns()
            if self._hangs(now_ns):
                trouble = "the camera does not answer: its driver hangs; unplug it, or restart the machine"
            elif self._died():
                trouble = "reading the camera ended by an error of the program, which is printed"
            elif not trouble and now_ns - self._newest_ns > self._silent_ns:
                trouble = "no picture comes"
                if not self._ends:
                    trouble += "; the camera is opened again each second"
            return ("failed", trouble) if trouble else ("ok", self._note)

    def stuck(self) -> bool:
        """Whether the reader hangs in the camera's driver, so that only the end of the process frees the
        device, or has died."""
        with self._changed:
            return self._hangs(self._clock.now_ns()) or self._died()

    def _hangs(self, now_ns: int) -> bool:
        return self._called_ns is not None and now_ns - self._called_ns > STUCK_S * 1e9

    def _died(self) -> bool:
        return not self._over and not self._thread.is_alive()

    def trouble(self, now_ns: int) -> tuple[Health, ...]:
        """A Health if the state is another than at the last call."""
        state, detail = self.state()
        if detail == (self._said or ""):
            return ()
        self._said = detail
        return (Health(t_ns=now_ns, source=self._source, state=state, detail=detail),)

    def close(self) -> None:
        """Stop the thread; a read that hangs in a driver is left behind."""
        self._stop.set()
        self._thread.join(timeout=CLOSE_S)

    # ------------------------------------------------ in the thread

    def _run(self) -> None:
        self._read()
        self._over = True  # not so after an exception: the thread ends with its traceback

    def _read(self) -> None:
        while not self._stop.is_set():
            try:
                camera = self._call(self._open)
            except CameraError as error:
                self._fail(str(error))
                self._stop.wait(RETRY_S)
                continue
            try:
                self._read_until_lost(camera)
            finally:
                self._call(camera.close)
            if camera.ended and self._ends:
                with self._changed:  # its last picture may still be taken
                    self._trouble = "; ".join(
                        filter(None, ("the recording has come to its end", camera.note))
                    )
                return
            self._stop.wait(RETRY_S)

    def _read_until_lost(self, camera: Camera) -> None:
        opened_ns = self._clock.now_ns()
        unusable = 0
        still = Stillness(self._frozen_after_s)
        self._first_id = self._next_id
        while not self._stop.is_set():
            picture = self._call(camera.read)
            unusable += camera.lost[UNUSABLE]
            self._heed(camera)
            if picture is not None:
                self._put(picture, still.look(picture))
            elif camera.ended:
                if not self._ends:
                    self._fail(f"{camera.note or 'the camera ended'}; it is opened again each second")
                return
            elif self._ends:
                continue
            elif self._clock.now_ns() - max(opened_ns, self._newest_ns) > self._silent_ns:
                what = f"none of its pictures can be used ({camera.note})" if unusable else "no picture comes"
                self._fail(f"{what}; the camera is opened again each second")
                return

    def _call(self, function: Callable[[], T]) -> T:
        with self._changed:
            self._called_ns = self._clock.now_ns()
        try:
            return function()
        finally:
            with self._changed:
                self._called_ns = None

    def _heed(self, camera: Camera) -> None:
        if camera.lost or camera.note != self._note:
            with self._changed:
                self._lost.update(camera.lost)
                self._note = camera.note
            camera.lost.clear()

    def _put(self, picture: Picture, trouble: str) -> None:
        with self._changed:
            self._newest_ns = self._clock.now_ns()
            self._trouble = trouble
            if self._picture is not None:
                self._lost[NEWER] += 1
            numbered = picture.numbered(self._first_id + picture.frame_id)
            self._next_id = numbered.frame_id + 1
            self._picture = None if trouble else numbered
            self._changed.notify()

    def _fail(self, trouble: str) -> None:
        with self._changed:
            self._trouble = trouble
            self._picture = None
