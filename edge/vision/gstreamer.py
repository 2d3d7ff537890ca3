"""Cameras behind a GStreamer pipeline, such as the CSI cameras of a Jetson."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge import config
from edge.clock import Clock
from edge.vision.picture import Picture
from edge.vision.sources import CameraError

READ_TIMEOUT_NS = 2_000_000_000
SINK = "appsink name=icv max-buffers=1 drop=true sync=false"


class GStreamerCamera:
    """A pipeline; to one without an appsink, the conversion to BGR and an appsink are added.

    PyPI's OpenCV is built without GStreamer, so this speaks to it through PyGObject.
    """

    def __init__(self, camera: config.Camera, clock: Clock) -> None:
        try:
            import gi  # type: ignore[import-not-found]

            gi.require_version("Gst", "1.0")
            from gi.repository import GLib, Gst  # type: ignore[import-not-found]
        except (ImportError, ValueError) as error:
            raise CameraError(
                f"camera {camera.name}: GStreamer needs PyGObject, which is not here ({error}); "
                f"sudo apt install python3-gi gir1.2-gst-plugins-base-1.0, and make the environment with "
                f"--system-site-packages"
            ) from None
        self.name = camera.name
        self.ended = False
        self.note = ""
        self._gst: Any = Gst
        self._clock = clock
        self._frame_id = 0
        self._last_ns = -1
        Gst.init(None)
        text = camera.address
        if "appsink" not in text:
            text = f"{text} ! videoconvert ! video/x-raw,format=BGR ! {SINK}"
        try:
            self._pipeline = Gst.parse_launch(text)
        except GLib.Error as error:
            raise CameraError(f"camera {camera.name}: not a pipeline: {text}: {error}") from None
        self._sink = self._pipeline.get_by_name("icv")
        if self._sink is None:
            raise CameraError(f"camera {camera.name}: the appsink of the pipeline must have name=icv: {text}")
        if self._pipeline.set_state(Gst.State.PLAYING) == Gst.StateChangeReturn.FAILURE:
            raise CameraError(
                f"camera {camera.name}: no video from the pipeline {text}; try gst-launch-1.0 with it"
            )

    def read(self) -> Picture | None:
        """The next picture; None if none came in time."""
        if self.ended:
            return None
        sample = self._sink.emit("try-pull-sample", READ_TIMEOUT_NS)
        if sample is None:
            if self._sink.get_property("eos"):
                self.close()
            return None
        buffer, form = sample.get_buffer(), sample.get_caps().get_structure(0)
        width, height = form.get_value("width"), form.get_value("height")
        ok, memory = buffer.map(self._gst.MapFlags.READ)
        if not ok:
            return None
        try:
            row = len(memory.data) // height  # rows are padded to a multiple of 4
            pixels = np.frombuffer(memory.data, np.uint8, row * height).reshape(height, row)
            image = pixels[:, : width * 3].reshape(height, width, 3).copy()
        finally:
            buffer.unmap(memory)
        now_ns = self._clock.now_ns()
        # The pipeline's clock is the monotonic one unless an element brings its own.
        stamp_ns = self._pipeline.get_base_time() + buffer.pts
        t_ns = stamp_ns if 0 <= now_ns - stamp_ns < READ_TIMEOUT_NS else now_ns
        self._last_ns = t_ns = max(t_ns, self._last_ns)
        self._frame_id += 1
        return Picture(t_ns=t_ns, frame_id=self._frame_id - 1, image=image)

    def close(self) -> None:
        """Stop the pipeline."""
        self.ended = True
        self._pipeline.set_state(self._gst.State.NULL)
