"""USB and other cameras of the Linux kernel, read without a library in between.

OpenCV would convert each picture to BGR at full size and hides what the driver says: here the planes are
taken as they come, with the driver's own stamp, its count of pictures, and whether one is damaged.
"""

from __future__ import annotations

import ctypes
import errno
from typing import NamedTuple

import cv2
import numpy as np

from edge import config
from edge.clock import Clock
from edge.vision.cameras import v4l2_api as api
from edge.vision.cameras.source import (
    DRIVER,
    NEWER,
    READ_TIMEOUT_S,
    UNUSABLE,
    CameraError,
    Source,
    decoded,
    studio_range,
)
from edge.vision.cameras.v4l2_device import Device, System
from edge.vision.picture import Picture, Planes, nv12, yuyv

BUFFERS = 4  # one that we look into, three for the driver; how old pictures get does not depend on it
JPEG_END = b"\xff\xd9"


class Filled(NamedTuple):
    """A buffer with a picture. used: bytes in each plane of memory; t_ns: None if of another clock."""

    number: int
    used: tuple[int, ...]
    damaged: bool
    t_ns: int | None


class V4l2Camera(Source):
    """A capture device of Video4Linux2. What waits in its buffers is skipped: a read gives the newest."""

    def __init__(self, camera: config.Camera, clock: Clock, system: System | None = None) -> None:
        super().__init__(camera.name)
        self._clock = clock
        self._system = system or System()
        self._sequence: int | None = None
        self._device = Device(camera, self._system)
        self.shape = self._device.shape
        self._memory: list[list[np.ndarray]] = []
        try:
            self._start()
        except OSError as error:
            self.close()
            why = "another program uses it" if error.errno == errno.EBUSY else error.strerror
            raise CameraError(
                f"camera {camera.name}: {self._device.path} does not stream: {why}; on USB: too little "
                f'bandwidth? Try another port, a smaller picture or format = "mjpeg"'
            ) from None
        for note in self._device.notes:
            self._say(note)

    def read(self) -> Picture | None:
        """The newest picture; None if none came in time, or what came is damaged."""
        if self.ended:
            return None
        try:
            if not self._system.wait(self._device.descriptor, READ_TIMEOUT_S):
                return None
            filled = self._newest()
            if filled is None:
                return None
            now_ns = self._clock.now_ns()
            image = None if filled.damaged else self._image(filled)
            self._queue(filled.number)
        except OSError as error:
            self.close()
            gone = error.errno == errno.ENODEV
            self._say("the device is gone" if gone else f"the driver gave up: {error.strerror}")
            return None
        if isinstance(image, Planes) and self.shape.full_range:
            image = studio_range(image)
        if image is None:
            self._lose(UNUSABLE)
            self._say("some of its pictures come damaged")
            return None
        return self._give(self._stamp(filled.t_ns, now_ns), image)

    def close(self) -> None:
        """Stop and let the device go."""
        self.ended = True
        self._memory = []
        self._device.close()

    # ------------------------------------------------ buffers

    def _start(self) -> None:
        device = self._device
        request = api.RequestBuffers(count=BUFFERS, type=device.type, memory=api.MEMORY_MMAP)
        device.call(api.REQBUFS, request)
        for index in range(request.count):
            buffer, planes = self._buffer(index)
            device.call(api.QUERYBUF, buffer)
            if device.type == api.CAPTURE:
                places = [(buffer.length, buffer.m.offset)]
            else:
                places = [(plane.length, plane.m.mem_offset) for plane in planes[: len(self.shape.planes)]]
            self._memory.append(
                [self._system.mmap(device.descriptor, length, offset) for length, offset in places]
            )
        for index in range(request.count):
            self._queue(index)
        device.call(api.STREAMON, ctypes.c_int(device.type))

    def _buffer(self, index: int) -> tuple[api.Buffer, ctypes.Array[api.Plane]]:
        """The planes must live as long as the buffer is used."""
        buffer = api.Buffer(index=index, type=self._device.type, memory=api.MEMORY_MMAP)
        planes = (api.Plane * api.MAX_PLANES)()
        if self._device.type == api.CAPTURE_MPLANE:
            buffer.m.planes = ctypes.addressof(planes)
            buffer.length = len(self.shape.planes)
        return buffer, planes

    def _queue(self, index: int) -> None:
        buffer, _planes = self._buffer(index)
        self._device.call(api.QBUF, buffer)

    def _newest(self) -> Filled | None:
        """The last of the buffers that are filled; those before it go back, counted."""
        newest: Filled | None = None
        while True:
            buffer, planes = self._buffer(0)
            try:
                self._device.call(api.DQBUF, buffer)
            except OSError as error:
                if error.errno == errno.EAGAIN:
                    return newest
                raise
            self._count(buffer.sequence)
            if newest is not None:
                self._lose(NEWER)
                self._queue(newest.number)
            stamp = buffer.timestamp
            monotonic = buffer.flags & api.FLAG_STAMP_MASK == api.FLAG_STAMP_MONOTONIC
            one = self._device.type == api.CAPTURE
            newest = Filled(
                number=buffer.index,
                used=(buffer.bytesused,) if one else tuple(plane.bytesused for plane in planes),
                damaged=bool(buffer.flags & api.FLAG_ERROR),
                t_ns=stamp.sec * 1_000_000_000 + stamp.usec * 1000 if monotonic else None,
            )

    def _count(self, sequence: int) -> None:
        """A driver that does not count says 0 each time; one that begins anew falls back."""
        if self._sequence is not None and sequence > self._sequence + 1:
            self._lose(DRIVER, sequence - self._sequence - 1)
        self._sequence = sequence

    # ------------------------------------------------ pixels

    def _image(self, filled: Filled) -> np.ndarray | Planes | None:
        """A copy of the buffer's picture; None if it is not whole."""
        fourcc, width, height, planes, _full = self.shape
        memory = self._memory[filled.number]
        data, stride, used = memory[0], planes[0][0], filled.used[0]
        if fourcc in ("MJPG", "JPEG"):
            jpeg = data[:used].tobytes()
            # What lacks its end was cut on the way; it would be decoded to a picture that is grey below.
            if not jpeg.rstrip(b"\0").endswith(JPEG_END):
                return None
            return decoded(jpeg)
        if fourcc == "NV12":
            stride = max(stride, width)
            size = stride * height * 3 // 2
            return nv12(data[:size].copy(), width, height, stride) if used >= size else None
        if fourcc == "NM12":
            stride, below, half = max(stride, width), max(planes[1][0], width), height // 2
            if used < stride * height or filled.used[1] < below * half:
                return None
            luma = data[: stride * height].reshape(height, stride)[:, :width]
            chroma = memory[1][: below * half].reshape(half, below)[:, :width]
            return Planes(luma.copy(), chroma.copy().reshape(half, width // 2, 2))
        each = 1 if fourcc == "GREY" else 2
        stride = max(stride, width * each)
        if used < stride * height:
            return None
        rows = data[: stride * height].reshape(height, stride)[:, : width * each]
        if fourcc == "GREY":
            return rows.copy()
        packed = rows.reshape(height, width, 2)
        if fourcc == "YUYV":
            return yuyv(packed)
        chroma, luma = cv2.split(packed)
        return Planes(luma, chroma.reshape(height, -1, 2))
