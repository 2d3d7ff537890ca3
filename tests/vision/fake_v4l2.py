"""A V4L2 driver in memory, behind the calls that are made of the kernel."""

import ctypes
import errno
from collections import deque
from typing import NamedTuple

import numpy as np

from edge.vision.cameras import v4l2_api as api

EVERY_RATE = ((1, 30), (1, 20), (1, 10))


class Filled(NamedTuple):
    """What the driver has written into a buffer."""

    planes: tuple[bytes, ...]
    t_ns: int
    sequence: int
    flags: int = api.FLAG_STAMP_MONOTONIC


class FakeV4l2:
    """offers: fourcc -> {(width, height): frame intervals}, None: sizes that are not told. Each wait() fills
    as many buffers as `at_once`; a frame for which there is no buffer is lost, as in a driver."""

    def __init__(self, frames, offers, planes=1, stride=lambda fourcc, width: 0, at_once=1, controls=()):
        self.frames = deque(frames)
        self.offers = offers
        self.type = api.CAPTURE if planes == 1 else api.CAPTURE_MPLANE
        self.planes = planes
        self.stride = stride
        self.at_once = at_once
        self.controls = dict(enumerate(controls, 0x980900))
        self.set = {}
        self.capabilities = api.CAP_STREAMING | (
            api.CAP_CAPTURE if self.type == api.CAPTURE else api.CAP_CAPTURE_MPLANE
        )
        self.fails = {}  # request -> errno, or path -> errno
        self.free, self.full = deque(), deque()
        self.memory = {}
        self.streaming = self.opened = False
        self.asked_rate = None
        self.colorspace = 8  # V4L2_COLORSPACE_SRGB

    # ------------------------------------------------ the calls

    def open(self, path):
        self._fail(path)
        self.opened = True
        return 7

    def close(self, descriptor):
        assert descriptor == 7
        assert self.opened, "closed twice"
        self.opened = self.streaming = False

    def wait(self, descriptor, timeout_s):
        assert self.streaming
        if self.fails.get("wait"):
            return True
        for _ in range(self.at_once):
            if self.frames:
                frame = self.frames.popleft()
                if self.free:
                    self.full.append((self.free.popleft(), frame))
        return bool(self.full)

    def mmap(self, descriptor, length, offset):
        return self.memory.setdefault(offset, np.zeros(length, np.uint8))

    def ioctl(self, descriptor, request, argument):
        assert descriptor == 7
        self._fail(request)
        names = (name for name in vars(api) if name.isupper() and getattr(api, name) == request)
        getattr(self, "_" + next(names).lower())(argument)

    def _fail(self, what):
        if what in self.fails:
            raise OSError(self.fails[what], "fails")

    # ------------------------------------------------ requests

    def _querycap(self, cap):
        cap.card = b"Fake camera"
        cap.capabilities = self.capabilities | api.CAP_DEVICE_CAPS
        cap.device_caps = self.capabilities

    def _enum_fmt(self, description):
        assert description.type == self.type
        try:
            description.pixelformat = api.fourcc(list(self.offers)[description.index])
        except IndexError:
            raise OSError(errno.EINVAL, "no more") from None

    def _enum_frameintervals(self, interval):
        sizes = self.offers[api.fourcc_text(interval.pixelformat)]
        if sizes is None:
            raise OSError(errno.ENOTTY, "not told")
        rates = sizes.get((interval.width, interval.height), ())
        if interval.index >= len(rates):
            raise OSError(errno.EINVAL, "no more")
        interval.type = api.DISCRETE
        interval.shortest.numerator, interval.shortest.denominator = rates[interval.index]

    def _g_fmt(self, form):
        pix = form.fmt.pix if self.type == api.CAPTURE else form.fmt.pix_mp
        pix.width, pix.height = 640, 480

    def _s_fmt(self, form):
        pix = form.fmt.pix if self.type == api.CAPTURE else form.fmt.pix_mp
        fourcc = api.fourcc_text(pix.pixelformat)
        sizes = self.offers[fourcc]
        if sizes and (pix.width, pix.height) not in sizes:
            pix.width, pix.height = next(iter(sizes))
        pix.colorspace = self.colorspace
        stride = self.stride(fourcc, pix.width) or pix.width * {"YUYV": 2, "UYVY": 2}.get(fourcc, 1)
        whole = {"NV12": 1.5, "NM12": 1.0}.get(fourcc, 1.0)
        sizes = [round(stride * pix.height * whole)]
        if fourcc in ("MJPG", "JPEG"):
            stride, sizes = 0, [pix.width * pix.height * 2]
        if self.type == api.CAPTURE:
            pix.bytesperline, pix.sizeimage = stride, sizes[0]
        else:
            pix.num_planes = self.planes
            sizes.append(stride * pix.height // 2)
            for plane, size in zip(pix.plane_fmt, sizes[: self.planes], strict=False):
                plane.bytesperline, plane.sizeimage = stride, size
        self.sizes = sizes

    def _s_parm(self, parm):
        interval = parm.parm.capture.timeperframe
        self.asked_rate = interval.denominator / interval.numerator

    def _reqbufs(self, request):
        self.count = request.count

    def _querybuf(self, buffer):
        if self.type == api.CAPTURE:
            buffer.length, buffer.m.offset = self.sizes[0], buffer.index * 0x10000
        else:
            for number, plane in enumerate(self._planes_of(buffer)):
                plane.length, plane.m.mem_offset = self.sizes[number], buffer.index * 0x10000 + number

    def _planes_of(self, buffer):
        assert buffer.length == self.planes
        return (api.Plane * self.planes).from_address(buffer.m.planes)

    def _qbuf(self, buffer):
        assert buffer.index not in self.free, "queued twice"
        self.free.append(buffer.index)

    def _streamon(self, kind):
        assert kind.value == self.type
        self.streaming = True

    def _dqbuf(self, buffer):
        if not self.full:
            raise OSError(errno.EAGAIN, "nothing")
        index, frame = self.full.popleft()
        buffer.index, buffer.sequence, buffer.flags = index, frame.sequence, frame.flags
        buffer.timestamp.sec, buffer.timestamp.usec = divmod(frame.t_ns // 1000, 1_000_000)
        for number, data in enumerate(frame.planes):
            memory = self.memory[index * 0x10000 + number]
            memory[: len(data)] = np.frombuffer(data, np.uint8)
        if self.type == api.CAPTURE:
            buffer.bytesused = len(frame.planes[0])
        else:
            for plane, data in zip(self._planes_of(buffer), frame.planes, strict=True):
                plane.bytesused = len(data)

    def _query_ext_ctrl(self, control):
        after = [n for n in self.controls if n > control.id & ~api.CTRL_NEXT]
        if not after:
            raise OSError(errno.EINVAL, "no more")
        given = self.controls[after[0]]
        control.id, control.name, control.type = after[0], given["name"].encode(), given.get("type", 1)
        control.minimum, control.maximum, control.step = *given["range"], 1
        control.flags = given.get("flags", 0)

    def _querymenu(self, item):
        words = self.controls[item.id]["words"]
        if item.index not in words:
            raise OSError(errno.EINVAL, "not offered")
        item.name = words[item.index].encode()

    def _s_ctrl(self, control):
        self._fail(("control", self.controls[control.id]["name"]))
        self.set[self.controls[control.id]["name"]] = control.value


def sizes_on_64_bits():
    """Requests as <linux/videodev2.h> has them where a long has 64 bits; None elsewhere."""
    if ctypes.sizeof(ctypes.c_long) != 8:
        return None
    return {
        "QUERYCAP": 0x80685600, "ENUM_FMT": 0xC0405602, "G_FMT": 0xC0D05604, "S_FMT": 0xC0D05605,
        "REQBUFS": 0xC0145608, "QUERYBUF": 0xC0585609, "QBUF": 0xC058560F, "DQBUF": 0xC0585611,
        "STREAMON": 0x40045612, "S_PARM": 0xC0CC5616, "S_CTRL": 0xC008561C,
        "QUERYMENU": 0xC02C5625, "ENUM_FRAMEINTERVALS": 0xC034564B,
        "QUERY_EXT_CTRL": 0xC0E85667,
    }  # fmt: skip
