"""Live capture: where pictures come from, and a thread that keeps the newest one."""

from edge.vision.cameras.latest import LatestPicture, Stillness
from edge.vision.cameras.opening import open_camera
from edge.vision.cameras.source import Camera, CameraError, Source

__all__ = ["Camera", "CameraError", "LatestPicture", "Source", "Stillness", "open_camera"]
