"""From a table of the config to a camera that delivers."""

from __future__ import annotations

from pathlib import Path

from edge import config
from edge.clock import Clock
from edge.vision.cameras.source import Camera, CameraError


def open_camera(camera: config.Camera, clock: Clock) -> Camera:
    """The camera that the config describes, delivering. Raises CameraError: what, where, what to do.

    A file, or a folder of pictures, begins at clock.now_ns() and keeps its own time from there. The kinds
    "simulated" and "recording" are not opened here. Only what a kind needs is imported.
    """
    if camera.kind == "file":
        from edge.vision.cameras.files import FileCamera, FolderCamera

        return (FolderCamera if Path(camera.address).is_dir() else FileCamera)(camera, clock)
    if camera.kind == "v4l2":
        from edge.vision.cameras.v4l2 import V4l2Camera

        return V4l2Camera(camera, clock)
    if camera.kind == "rtsp":
        from edge.vision.cameras.network import NetworkCamera

        return NetworkCamera(camera, clock)
    if camera.kind == "gstreamer":
        from edge.vision.cameras.gstreamer import GStreamerCamera

        return GStreamerCamera(camera, clock)
    if camera.kind == "picamera2":
        from edge.vision.cameras.picamera2 import Picamera2Camera

        return Picamera2Camera(camera, clock)
    raise CameraError(f"camera {camera.name}: kind {camera.kind!r} is not a device, a file or a stream")
