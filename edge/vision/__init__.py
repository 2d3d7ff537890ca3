"""Cameras, ONNX sessions, and one adapter file per family of models."""

import os

# OpenCV reads these when it is first imported: what it and FFmpeg would print about a bad file is said by our
# own errors, and a picture that no camera makes (64 megapixels, as cameras.source.MAX_PX) is not unpacked.
os.environ.setdefault("OPENCV_LOG_LEVEL", "FATAL")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1 << 26))
