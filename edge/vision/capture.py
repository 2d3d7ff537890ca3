"""Live capture: a thread that reads, one slot in which the newest picture wins, and how the camera is."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable

from edge.clock import Clock
from edge.messages import Gap, Health, Message
from edge.vision.cameras import Camera, CameraError
from edge.vision.picture import Picture

RETRY_S = 1.0
SILENT_S = 1.5  # without a picture for so long a camera has failed, whatever its driver says
COVERED_SPREAD = 3.0  # grey levels: a lens with a hand or a lid before it shows less, even a dark road more
COVERED_AFTER_S = 2.0


class Stillness:
    """Tells a camera that repeats one picture, or sees nothing, from one that works.

    A sensor's noise makes any two real pictures differ; an exact repeat is a stuck driver or decoder.
    """

    def __init__(self, frozen_after_s: float) -> None:
        self._frozen_after_ns = int(frozen_after_s * 1e9)
        self._last_hash = -1
        self._changed_ns = 0
        self._contrast_ns: int | None = None

    def look(self, picture: Picture) -> str:
        """What is wrong as of this picture, "" for nothing. Costs a hash of every 8th row and column."""
        few = picture.image[::8, ::8]
        now_hash = zlib.crc32(few.tobytes())
        if now_hash != self._last_hash:
            self._last_hash, self._changed_ns = now_hash, picture.t_ns
        if self._contrast_ns is None or float(few.std()) >= COVERED_SPREAD:
            self._contrast_ns = picture.t_ns
        if picture.t_ns - self._changed_ns >= self._frozen_after_ns:
            return f"the picture has been frozen for {(picture.t_ns - self._changed_ns) / 1e9:.1f} s"
        if picture.t_ns - self._contrast_ns >= COVERED_AFTER_S * 1e9:
            return "the picture shows nothing: is the lens covered?"
        return ""


class LatestPicture:
    """Reads a camera in a thread of its own and keeps only the newest picture.

    The camera is opened, and opened again once a second when it is lost or cannot be opened, in that thread,
    so that nobody waits for it. How it is, is judged by the pictures that come.
    """

    def __init__(self, name: str, open_it: Callable[[], Camera], clock: Clock, frozen_after_s: float) -> None:
        """open_it raises CameraError while the camera is not there."""
        self.name = name
        self._open = open_it
        self._clock = clock
        self._still = Stillness(frozen_after_s)
        self._news = threading.Condition()
        self._picture: Picture | None = None
        self._frame_id = 0
        self._overwritten = 0
        self._trouble = "no picture has come yet"
        self._newest_ns = clock.now_ns()
        self._said: tuple[str, str] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, name=f"camera-{name}", daemon=True)
        self._thread.start()

    def take(self, timeout_s: float = 0.0) -> Picture | None:
        """The newest picture that was not taken yet, waiting for one up to timeout_s; frames that are not fit
        to be seen (frozen or covered) are not given out."""
        with self._news:
            if self._picture is None and timeout_s > 0:
                self._news.wait(timeout_s)
            picture, self._picture = self._picture, None
            return picture

    def messages(self, now_ns: int) -> tuple[Message, ...]:
        """A Health when the camera's state changed, a Gap with the pictures that nobody took in time."""
        with self._news:
            trouble, overwritten, self._overwritten = self._trouble, self._overwritten, 0
            if not trouble and now_ns - self._newest_ns > SILENT_S * 1e9:
                trouble = "no picture comes any more"
        source = f"camera:{self.name}"
        said: list[Message] = []
        kind = trouble.split(":")[0].rstrip("0123456789. s")  # a frozen picture's growing age is no news
        if self._said is None or kind != self._said[0]:
            self._said = (kind, trouble)
            said.append(
                Health(t_ns=now_ns, source=source, state="failed" if trouble else "ok", detail=trouble)
            )
        if overwritten:
            said.append(
                Gap(t_ns=now_ns, source=source, reason="overwritten by a newer one", count=overwritten)
            )
        return tuple(said)

    def close(self) -> None:
        """Stop the thread; a read that hangs in the driver is left behind."""
        self._stop.set()
        self._thread.join(timeout=3.0)

    def _read(self) -> None:
        camera: Camera | None = None
        while not self._stop.is_set():
            if camera is None:
                try:
                    camera = self._open()
                except CameraError as error:
                    self._set_trouble(str(error))
                    self._stop.wait(RETRY_S)
                    continue
            picture = camera.read()
            if picture is not None:
                self._put(picture)
            elif camera.ended or self._clock.now_ns() - self._newest_ns > SILENT_S * 1e9:
                self._set_trouble(camera.note or "no picture comes any more: the camera is opened again")
                camera.close()
                camera = None
                self._stop.wait(RETRY_S)
        if camera is not None:
            camera.close()

    def _put(self, picture: Picture) -> None:
        trouble = self._still.look(picture)
        with self._news:
            # Numbered here: a camera that was opened again begins at 0.
            picture = Picture(t_ns=picture.t_ns, frame_id=self._frame_id, image=picture.image)
            self._frame_id += 1
            self._newest_ns = self._clock.now_ns()
            self._trouble = trouble
            if trouble:
                self._picture = None
                return
            if self._picture is not None:
                self._overwritten += 1
            self._picture = picture
            self._news.notify()

    def _set_trouble(self, trouble: str) -> None:
        with self._news:
            self._trouble = trouble
            self._picture = None
