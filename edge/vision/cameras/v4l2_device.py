"""A V4L2 device: what it can do, in the form and with the settings that the config asks for."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import select
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edge import config
from edge.vision.cameras import v4l2_api as api
from edge.vision.cameras.source import CameraError

FORMATS = {
    "nv12": ("NV12", "NM12"),
    "yuyv": ("YUYV",),
    "uyvy": ("UYVY",),
    "grey": ("GREY",),
    "mjpeg": ("MJPG", "JPEG"),
}
"""What we read, by its name in the config, the cheapest first; with V4L2's names for it."""

EVEN = {"NV12": 2, "NM12": 2, "YUYV": 1, "UYVY": 1}
"""What has one colour for two columns, and for so many rows."""

FAST_ENOUGH = 0.95  # of the frame rate that is asked for


class System:
    """The calls that are made of the kernel; a test gives others."""

    def open(self, path: str) -> int:
        """Without waiting in reads."""
        return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def close(self, descriptor: int) -> None:
        """Stops the stream, too."""
        os.close(descriptor)

    def ioctl(self, descriptor: int, request: int, argument: ctypes.Structure | ctypes.c_int) -> None:
        """Raises OSError."""
        fcntl.ioctl(descriptor, request, argument, True)

    def mmap(self, descriptor: int, length: int, offset: int) -> np.ndarray:
        """Memory that is shared with the driver until the array is gone."""
        memory = mmap.mmap(
            descriptor, length, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=offset
        )
        return np.frombuffer(memory, np.uint8)

    def wait(self, descriptor: int, timeout_s: float) -> bool:
        """Whether there is something to take, a picture or an error."""
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(timeout_s * 1000))


class Shape(NamedTuple):
    """What the device delivers. planes: bytes in a row and in all, of each plane of memory; full_range: of
    luma and chroma, 0 to 255."""

    fourcc: str
    width: int
    height: int
    planes: tuple[tuple[int, int], ...]
    full_range: bool = False


class Device:
    """An open device. Raises CameraError for what it cannot do."""

    def __init__(self, camera: config.Camera, system: System) -> None:
        self.path = f"/dev/video{camera.address}" if camera.address.isdigit() else camera.address
        self.notes: list[str] = []
        self._where = f"camera {camera.name}: {self.path}"
        self._system = system
        try:
            self.descriptor = system.open(self.path)
        except OSError as error:
            raise CameraError(f"{self._where}: {_why_closed(error)}") from None
        try:
            self._begin(camera)
        except OSError as error:
            self.close()
            raise CameraError(f"{self._where}: {_why_refused(error)}") from None
        except CameraError:
            self.close()
            raise

    def call(self, request: int, argument: ctypes.Structure | ctypes.c_int) -> None:
        """Raises OSError."""
        self._system.ioctl(self.descriptor, request, argument)

    def close(self) -> None:
        """May be called twice."""
        if self.descriptor >= 0:
            self._system.close(self.descriptor)
            self.descriptor = -1

    # ------------------------------------------------ inside

    def _begin(self, camera: config.Camera) -> None:
        capability = api.Capability()
        self.call(api.QUERYCAP, capability)
        can = (
            capability.device_caps
            if capability.capabilities & api.CAP_DEVICE_CAPS
            else capability.capabilities
        )
        if not can & (api.CAP_CAPTURE | api.CAP_CAPTURE_MPLANE):
            raise CameraError(
                f"{self._where} ({capability.card.decode(errors='replace')}) gives no pictures: many cameras "
                f"have a second node for other data; `ls /dev/v4l/by-id` shows which index is 0"
            )
        if not can & api.CAP_STREAMING:
            raise CameraError(
                f"{self._where} cannot stream (V4L2_CAP_STREAMING); its driver is not supported"
            )
        self.type = api.CAPTURE if can & api.CAP_CAPTURE else api.CAPTURE_MPLANE
        self.shape = self._set_format(camera)
        self._set_rate(camera.fps)
        for name, value in camera.controls.items():
            self._set_control(name, value)

    def _set_format(self, camera: config.Camera) -> Shape:
        wanted = api.Format(type=self.type)
        self.call(api.G_FMT, wanted)
        pix = wanted.fmt.pix if self.type == api.CAPTURE else wanted.fmt.pix_mp
        before = (pix.width, pix.height)
        if camera.width_px and camera.height_px:
            pix.width, pix.height = camera.width_px, camera.height_px
        pix.pixelformat = self._choose(camera, pix.width, pix.height)
        pix.field = 1  # V4L2_FIELD_NONE, progressive
        if self.type == api.CAPTURE:
            pix.bytesperline = pix.sizeimage = 0  # the driver's own, not those of the last user's format
        else:
            ctypes.memset(pix.plane_fmt, 0, ctypes.sizeof(pix.plane_fmt))
        self.call(api.S_FMT, wanted)
        if self.type == api.CAPTURE:
            planes: tuple[tuple[int, int], ...] = ((pix.bytesperline, pix.sizeimage),)
        else:
            planes = tuple((p.bytesperline, p.sizeimage) for p in pix.plane_fmt[: pix.num_planes])
        full = pix.quantization == api.QUANTIZATION_FULL or (
            pix.quantization == api.QUANTIZATION_DEFAULT and pix.colorspace == api.COLORSPACE_JPEG
        )
        shape = Shape(api.fourcc_text(pix.pixelformat), pix.width, pix.height, planes, full)
        if not any(shape.fourcc in names for names in FORMATS.values()):
            raise CameraError(f"{self._where} insists on the format {shape.fourcc}; {self._offers()}")
        if shape.fourcc in EVEN and (shape.width % 2 or shape.height % EVEN[shape.fourcc]):
            raise CameraError(
                f"{self._where} gives {shape.fourcc} of {shape.width} x {shape.height}: two pixels share a "
                f"colour there; set `width_px` and `height_px` to even sizes that it has"
            )
        asked = (camera.width_px or before[0], camera.height_px or before[1])
        if (shape.width, shape.height) != asked:
            self.notes.append(f"asked for {asked[0]} x {asked[1]}, it gives {shape.width} x {shape.height}")
        return shape

    def _choose(self, camera: config.Camera, width: int, height: int) -> int:
        """The format asked for, or the cheapest one that is fast enough, or the fastest one."""
        offered = {api.fourcc_text(number) for number in self._formats()}
        usable = [
            name
            for kind, names in FORMATS.items()
            if camera.format in ("auto", kind)
            for name in names
            if name in offered
        ]
        if not usable:
            what = "none of the formats that we read" if camera.format == "auto" else f"no {camera.format}"
            raise CameraError(f"{self._where} gives {what}; {self._offers()}")
        rates = {name: self._rate(api.fourcc(name), width, height) for name in usable}
        fast = [name for name in usable if rates[name] >= camera.fps * FAST_ENOUGH]
        return api.fourcc(fast[0] if fast else max(usable, key=lambda name: rates[name]))

    def _offers(self) -> str:
        return "it has " + (", ".join(api.fourcc_text(number) for number in self._formats()) or "none")

    def _formats(self) -> Iterator[int]:
        for index in range(64):
            description = api.FormatDescription(index=index, type=self.type)
            try:
                self.call(api.ENUM_FMT, description)
            except OSError:  # EINVAL: there are no more
                return
            yield description.pixelformat

    def _rate(self, pixelformat: int, width: int, height: int) -> float:
        """The highest frame rate at this size; infinite where the driver does not tell, 0: not this size."""
        best = 0.0
        for index in range(256):
            interval = api.FrameInterval(index=index, pixelformat=pixelformat, width=width, height=height)
            try:
                self.call(api.ENUM_FRAMEINTERVALS, interval)
            except OSError as error:
                if index:
                    return best
                return float("inf") if error.errno == errno.ENOTTY else 0.0
            shortest = interval.shortest
            if shortest.numerator:
                best = max(best, shortest.denominator / shortest.numerator)
            if interval.type != api.DISCRETE:
                return best
        return best

    def _set_rate(self, fps: float) -> None:
        parm = api.StreamParm(type=self.type)
        interval = parm.parm.capture.timeperframe
        interval.numerator, interval.denominator = 1000, round(fps * 1000)
        try:
            self.call(api.S_PARM, parm)
        except OSError:
            return  # a camera whose rate cannot be set
        given = interval.denominator / interval.numerator if interval.numerator else fps
        if not 0.95 < given / fps < 1.05:
            self.notes.append(f"asked for {fps:g} pictures a second, it gives {given:g}")

    def _set_control(self, name: str, value: config.ControlValue) -> None:
        controls = {_plain(description.name): description for description in self._controls()}
        if (control := controls.get(_plain(name.encode()))) is None:
            raise CameraError(
                f"{self._where}: no control {name!r}; it has {', '.join(sorted(controls)) or 'none'}"
            )
        number = self._number(control, name, value)
        try:
            self.call(api.S_CTRL, api.Control(id=control.id, value=number))
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ERANGE):
                why = f"{control.minimum} to {control.maximum} in steps of {control.step}"
            elif error.errno in (errno.EACCES, errno.EBUSY, errno.EIO):
                why = "not now: is another control, as an automatic one, in the way? set that first"
            else:
                raise
            raise CameraError(f"{self._where}: control {name} = {value!r} is refused: {why}") from None

    def _controls(self) -> Iterator[api.ControlDescription]:
        number = 0
        for _ in range(1024):
            control = api.ControlDescription(id=number | api.CTRL_NEXT)
            try:
                self.call(api.QUERY_EXT_CTRL, control)
            except OSError:  # EINVAL: there are no more
                return
            if control.type != api.CTRL_CLASS and not control.flags & api.CTRL_DISABLED:
                yield control
            number = control.id

    def _number(self, control: api.ControlDescription, name: str, value: config.ControlValue) -> int:
        """Of a menu the words may be given."""
        if isinstance(value, int | float) and float(value).is_integer():
            if control.minimum <= value <= control.maximum:
                return int(value)
            raise CameraError(
                f"{self._where}: control {name} = {value!r} is refused: {control.minimum} to "
                f"{control.maximum} in steps of {control.step}"
            )
        words = {}
        if control.type == api.CTRL_MENU:
            for index in range(control.minimum, control.maximum + 1):
                item = api.MenuItem(id=control.id, index=index)
                try:
                    self.call(api.QUERYMENU, item)
                except OSError:  # EINVAL: this one is not offered
                    continue
                words[_plain(item.name)] = index
        plain = _plain(value.encode()) if isinstance(value, str) else ""
        if plain not in words:
            known = f"one of {', '.join(words)}" if words else "a whole number"
            raise CameraError(f"{self._where}: control {name} = {value!r} is refused: it takes {known}")
        return words[plain]


def _plain(name: bytes) -> str:
    """A name as v4l2-ctl writes it: "Exposure Time, Absolute" is exposure_time_absolute."""
    letters = "".join(c if c.isalnum() else " " for c in name.decode(errors="replace").lower())
    return "_".join(letters.split())


def _why_closed(error: OSError) -> str:
    if error.errno == errno.ENOENT:
        there = ", ".join(sorted(str(path) for path in Path("/dev").glob("video*"))) or "none"
        return f"no such device; is the camera plugged in? There is: {there}"
    if error.errno == errno.EACCES:
        return "this user may not read it: sudo usermod -aG video $USER, and log in again"
    if error.errno == errno.EBUSY:
        return "another program uses it; `fuser -v` with its name tells which"
    return f"cannot be opened: {error.strerror}"


def _why_refused(error: OSError) -> str:
    if error.errno == errno.EBUSY:
        return "another program uses it; `fuser -v` with its name tells which"
    if error.errno == errno.ENOTTY:
        return "it is not a V4L2 camera"
    return f"the driver refuses: {error.strerror}"
