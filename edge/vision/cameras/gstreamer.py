"""Cameras behind a GStreamer pipeline: the CSI cameras of a Jetson, network cameras, whatever it reads."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge import config
from edge.clock import Clock
from edge.vision.cameras.source import (
    DRIVER,
    READ_TIMEOUT_S,
    UNUSABLE,
    CameraError,
    Source,
    studio_range,
    without_password,
)
from edge.vision.picture import Picture, Planes, nv12

START_TIMEOUT_NS = 5_000_000_000
SETTLE_NS = 500_000_000  # after which an element has said why it does not start
NOT_COUNTED = (1 << 64) - 1  # GST_BUFFER_OFFSET_NONE, GST_CLOCK_TIME_NONE
SINK = (
    "videoconvert ! video/x-raw,format=(string){NV12,BGR} ! "
    "appsink name=icv max-buffers=1 drop=true sync=false"
)


class GStreamerCamera(Source):
    """A pipeline; to one without an appsink, the conversion to NV12 or BGR and an appsink are added.

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
                f"sudo apt install python3-gi gir1.2-gst-plugins-base-1.0 gstreamer1.0-plugins-good, and "
                f"make the environment with --system-site-packages"
            ) from None
        super().__init__(camera.name)
        self._unheeded(camera, "width_px", "height_px", "format", "controls")
        self._gst: Any = Gst
        self._clock = clock
        self._offset: int | None = None
        self._why = ""
        shown = without_password(camera.address)
        Gst.init(None)
        text = camera.address if "appsink" in camera.address else f"{camera.address} ! {SINK}"
        try:
            self._pipeline = Gst.parse_launch(text)
        except GLib.Error as error:
            why = without_password(error.message)
            raise CameraError(f"camera {camera.name}: not a pipeline: {shown}: {why}") from None
        self._sink: Any = (
            self._pipeline.get_by_name("icv") if hasattr(self._pipeline, "get_by_name") else None
        )
        if self._sink is None:
            raise CameraError(
                f"camera {camera.name}: the appsink of the pipeline must have name=icv: {shown}"
            )
        # The monotonic clock, whatever an element brings: the base time is then ours.
        self._pipeline.use_clock(Gst.SystemClock.obtain())
        started = self._pipeline.set_state(Gst.State.PLAYING)
        if started != Gst.StateChangeReturn.FAILURE:
            started = self._pipeline.get_state(START_TIMEOUT_NS)[0]
        if started == Gst.StateChangeReturn.FAILURE:
            why = self._error(SETTLE_NS) or "the pipeline does not start"
            self.close()
            raise CameraError(f"camera {camera.name}: {why}; `gst-launch-1.0 {shown} ! fakesink` tells more")

    def read(self) -> Picture | None:
        """The next picture; None if none came in time, or the pipeline ended."""
        if self.ended:
            return None
        sample = self._sink.emit("try-pull-sample", round(READ_TIMEOUT_S * 1e9))
        self._why = self._why or self._error()  # asked each time: what is not fetched stays in memory
        if sample is None:
            if self._why or self._sink.get_property("eos"):
                if self._why:
                    self._say(self._why)
                self.close()
            return None
        now_ns = self._clock.now_ns()
        buffer = sample.get_buffer()
        self._count(buffer.offset)
        image = self._image(buffer, sample.get_caps().get_structure(0))
        if image is None:
            self._lose(UNUSABLE)
            return None
        return self._give(self._stamp(self._taken_ns(sample, buffer), now_ns), image)

    def close(self) -> None:
        """Stop the pipeline."""
        self.ended = True
        self._pipeline.set_state(self._gst.State.NULL)

    def _error(self, timeout_ns: int = 0) -> str:
        """What the pipeline says went wrong, "" for nothing; what else it has said is thrown away."""
        message = self._pipeline.get_bus().timed_pop_filtered(timeout_ns, self._gst.MessageType.ERROR)
        if message is None:
            return ""
        error, _details = message.parse_error()
        return f"{message.src.get_name()}: {without_password(error.message)}"

    def _count(self, offset: int) -> None:
        """Some sources number their pictures; what is missing was lost in the driver or in the pipeline."""
        if offset != NOT_COUNTED:
            if self._offset is not None and offset > self._offset + 1:
                self._lose(DRIVER, offset - self._offset - 1)
            self._offset = offset

    def _taken_ns(self, sample: Any, buffer: Any) -> int | None:
        if buffer.pts == NOT_COUNTED:
            return None
        running_ns = sample.get_segment().to_running_time(self._gst.Format.TIME, buffer.pts)
        return int(self._pipeline.get_base_time() + running_ns)

    def _image(self, buffer: Any, form: Any) -> np.ndarray | Planes | None:
        """A copy; rows are padded to 4 bytes, planes begin at an even row."""
        width, height, kind = form.get_value("width"), form.get_value("height"), form.get_value("format")
        if kind not in ("NV12", "BGR"):
            self._say(f"the appsink gives {kind}: let it take video/x-raw,format=NV12 or BGR")
            return None
        ok, memory = buffer.map(self._gst.MapFlags.READ)
        if not ok:
            return None
        try:
            data = np.frombuffer(memory.data, np.uint8).copy()
        finally:
            buffer.unmap(memory)
        if kind == "NV12":
            stride, even = (width + 3) // 4 * 4, (height + 1) // 2 * 2
            if len(data) < stride * even * 3 // 2:
                return None
            luma, chroma = nv12(data, width, even, stride)
            planes = Planes(luma[:height], chroma)
            # "bt601", "bt709", or range:matrix:transfer:primaries, where a range of 1 is the full one
            full = (form.get_value("colorimetry") or "").startswith("1:")
            return studio_range(planes) if full else planes
        stride = (width * 3 + 3) // 4 * 4
        if len(data) < stride * height:
            return None
        return data[: stride * height].reshape(height, stride)[:, : width * 3].reshape(height, width, 3)
