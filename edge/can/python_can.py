"""Every other bus, through python-can: slcan, virtual, udp_multicast, pcan, kvaser, gs_usb, ..."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from typing import Any

from edge import clock, config
from edge.can.bus import MAX_BATCH, BusError, check_length
from edge.can.frames import KEY_EXTENDED, NONE, Frames, frames
from edge.can.logs.python_can import message_flags

_QUEUE_FRAMES = 65536
_MAX_AGE_NS = 1_000_000_000


class PythonCanBus:
    """A bus that python-can opens. One without a file descriptor is read by a thread, whose death is told.

    Raises BusError if python-can cannot open it.
    """

    def __init__(self, can: config.Can) -> None:
        import can as library

        self._name = f"{can.kind} {can.channel}"
        self._troubles = (library.CanError, OSError, ValueError, TypeError, AttributeError)
        options: dict[str, Any] = dict(can.options)
        if can.bitrate is not None:
            options["bitrate"] = can.bitrate
        try:
            self._bus = library.Bus(interface=can.kind, channel=can.channel, **options)
        except (*self._troubles, ImportError, LookupError, NotImplementedError) as error:
            raise BusError(f"{self._name}: cannot be opened: {error}") from None
        self._message = library.Message
        self._closed = False
        self._dropped = 0
        self._error_frames = 0
        self._fileno = self._own_fileno()
        self._queue: deque[Any] = deque()
        self._trouble: Exception | None = None
        self._thread: threading.Thread | None = None
        self._wake: tuple[int, int] | None = None
        if self._fileno is None:
            self._wake = os.pipe()
            for end in self._wake:
                os.set_blocking(end, False)
            self._fileno = self._wake[0]
            self._thread = threading.Thread(target=self._read, name=f"can {self._name}", daemon=True)
            self._thread.start()

    def _own_fileno(self) -> int | None:
        try:
            number = self._bus.fileno()
        except (NotImplementedError, *self._troubles):
            return None
        return number if isinstance(number, int) and number >= 0 else None

    def fileno(self) -> int | None:
        """The bus's own, or a pipe that the thread writes to."""
        return None if self._closed else self._fileno

    def receive(self) -> Frames:
        """See CanBus."""
        found = self._from_thread() if self._thread else self._from_bus()
        if not found:
            return NONE
        now_ns, offset_ns = clock.now_ns(), clock.realtime_offset_ns()
        stamps, ids, flags, payloads = [], [], [], []
        for message in found:
            stamps.append(_stamp(message.timestamp, now_ns, offset_ns))
            ids.append(message.arbitration_id & 0x1FFFFFFF)
            flags.append(message_flags(message))
            payloads.append(b"" if message.is_remote_frame else bytes(message.data))
            self._error_frames += bool(message.is_error_frame)
        return frames(stamps, ids, flags, [0] * len(found), payloads)

    def _from_bus(self) -> list[Any]:
        found: list[Any] = []
        try:
            while len(found) < MAX_BATCH and (message := self._bus.recv(0)) is not None:
                found.append(message)
        except self._troubles as error:
            if not found:
                raise BusError(f"{self._name}: {error}") from None
        return found

    def _from_thread(self) -> list[Any]:
        if self._wake and not self._closed:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake[0], 4096)
        found: list[Any] = []
        while self._queue and len(found) < MAX_BATCH:
            found.append(self._queue.popleft())
        if self._queue:
            self._ring()
        elif not found and self._trouble is not None:
            raise BusError(f"{self._name}: {self._trouble}")
        return found

    def _read(self) -> None:
        """The thread: until closed or in trouble."""
        while not self._closed:
            try:
                message = self._bus.recv(0.1)
            except self._troubles as error:
                self._trouble = error
                self._ring()
                return
            if message is None:
                continue
            if len(self._queue) >= _QUEUE_FRAMES:
                self._dropped += 1
                continue
            self._queue.append(message)
            self._ring()

    def _ring(self) -> None:
        if self._wake and not self._closed:
            with contextlib.suppress(BlockingIOError):  # full: it is readable already
                os.write(self._wake[1], b"\0")

    def send(self, key: int, data: bytes) -> None:
        """See CanBus."""
        check_length(data)
        message = self._message(
            arbitration_id=key & 0x1FFFFFFF,
            is_extended_id=bool(key & KEY_EXTENDED),
            data=data,
            is_fd=len(data) > 8,
            bitrate_switch=len(data) > 8,
        )
        try:
            self._bus.send(message, timeout=0)
        except self._troubles as error:
            raise BusError(f"{self._name}: {error}") from None

    def health(self) -> dict[str, float]:
        """Dropped by our own queue: what python-can or a driver loses, it does not tell."""
        return {"dropped": self._dropped, "error_frames": self._error_frames}

    def close(self) -> None:
        """See CanBus."""
        if self._closed:
            return
        self._closed = True
        if self._thread:
            self._thread.join(1.0)
        with contextlib.suppress(*self._troubles):
            self._bus.shutdown()
        for end in self._wake or ():
            os.close(end)


def _stamp(timestamp: float, now_ns: int, offset_ns: int) -> int:
    """Most back ends stamp with the date; one that counts from its own start cannot be converted: now."""
    t_ns = round(timestamp * 1e9) + offset_ns
    return t_ns if now_ns - _MAX_AGE_NS <= t_ns <= now_ns else now_ns
