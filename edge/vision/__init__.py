"""Cameras, ONNX sessions, and one adapter file per family of models."""

import os

# OpenCV reads these when it is first imported. A V4L2 read gives up after 2 s instead of 10, so that a camera
# that stopped is noticed; what OpenCV and FFmpeg would print about a bad file is said by our own errors.
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "2")
os.environ.setdefault("OPENCV_LOG_LEVEL", "FATAL")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
