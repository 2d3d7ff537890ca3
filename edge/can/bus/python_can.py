"""Every other bus, through python-can: virtual, udp_multicast, socketcand, PCAN, Vector, Kvaser, ..."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import sys
import threading
from collections import deque
from typing import Any

import numpy as np

from edge import clock, config
from edge.can.bus import MAX_BATCH, BusError, check_length
from edge.can.bus.adapter_clock import AdapterClock
from edge.can.bus.socketcan_read import drop_count
from edge.can.frames import BRS, ESI, FD, KEY_EXTENDED, NONE, REMOTE, Frames, frames
from edge.can.logs.python_can import message_flags

_QUEUE_FRAMES = 65536
_MAX_AGE_NS = 10_000_000_000
_SLACK_NS = 10_000_000
_BUFFER_BYTES = 4 << 20


class PythonCanBus:
    """A bus that python-can opens. One without a file descriptor is read by a thread, whose death is told.

    Raises BusError if python-can cannot open it.
    """

    def __init__(self, can: config.Can) -> None:
        import can as library

        self.channels: tuple[str, ...] = (can.channel,)
        self._name = f"{can.kind} {can.channel}"
        self._troubles = (library.CanError, OSError, ValueError, TypeError, AttributeError)
        options: dict[str, Any] = dict(can.options)
        if can.bitrate is not None:
            options["bitrate"] = can.bitrate
        if can.data_bitrate is not None:
            options["data_bitrate"] = can.data_bitrate
        try:
            self._bus = library.Bus(interface=can.kind, channel=can.channel, **options)
        except (*self._troubles, ImportError, LookupError, NotImplementedError) as error:
            raise BusError(f"{self._name}: cannot be opened: {error}") from None
        self._message = library.Message
        self._closed = False
        self._dropped = 0
        self._error_frames = 0
        self._fileno = self._own_fileno()
        self._socket = _socket_of(self._fileno)
        self._clock = AdapterClock()
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
        ids, flags, payloads = [], [], []
        for message in found:
            ids.append(message.arbitration_id & 0x1FFFFFFF)
            flags.append(message_flags(message))
            payloads.append(bytes(message.dlc) if message.is_remote_frame else bytes(message.data or b""))
            self._error_frames += bool(message.is_error_frame)
        stamps = self._stamps([message.timestamp for message in found])
        return frames(stamps, ids, flags, [0] * len(found), payloads)

    def _stamps(self, seconds: list[float]) -> list[int]:
        """Most back ends stamp with the date; the clock of one that counts from elsewhere is followed."""
        now_ns = clock.now_ns()
        stamps_ns = np.rint(np.array(seconds) * 1e9).astype(np.int64)
        dated_ns = stamps_ns + clock.realtime_offset_ns()
        if (dated_ns <= now_ns + _SLACK_NS).all() and (dated_ns >= now_ns - _MAX_AGE_NS).all():
            return np.minimum(dated_ns, now_ns).tolist()
        if (stamps_ns == 0).any():
            return [now_ns] * len(seconds)
        return self._clock.to_ours(stamps_ns, now_ns).tolist()

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

    def send(self, key: int, data: bytes, bus: int = 0) -> None:
        """See CanBus."""
        check_length(data)
        wide = FD | BRS if len(data) > 8 else 0
        self._send(key, data, wide)

    def _send(self, key: int, data: bytes, flags: int, length: int | None = None) -> None:
        message = self._message(
            arbitration_id=key & 0x1FFFFFFF,
            is_extended_id=bool(key & KEY_EXTENDED),
            is_remote_frame=bool(flags & REMOTE),
            data=None if flags & REMOTE else data,
            dlc=length,
            is_fd=bool(flags & FD),
            bitrate_switch=bool(flags & BRS),
            error_state_indicator=bool(flags & ESI),
        )
        try:
            self._bus.send(message, timeout=0)
        except self._troubles as error:
            raise BusError(f"{self._name}: {error}") from None

    def send_many(self, frames: Frames) -> int:
        """See CanBus; python-can does not say that a queue is full, so that is an error too."""
        for i, (key, flags, length) in enumerate(
            zip(frames.keys().tolist(), frames.flags.tolist(), frames.length.tolist(), strict=True)
        ):
            try:
                self._send(key, frames.payload(i), flags, length)
            except BusError:
                if i == 0:
                    raise
                return i
        return len(frames)

    def health(self, bus: int = 0) -> dict[str, float]:
        """See CanBus. Dropped by our own queue, or by the socket of a bus that is one: what python-can or a
        driver loses, it does not tell."""
        lost = 0 if self._socket is None or self._closed else drop_count(self._socket) or 0
        return {"dropped": self._dropped + lost, "error_frames": self._error_frames}

    def trouble(self, bus: int = 0) -> str:
        """See CanBus: python-can's buses do not say it."""
        return ""

    def notes(self, bus: int = 0) -> str:
        """See CanBus."""
        return ""

    def close(self) -> None:
        """See CanBus."""
        if self._closed:
            return
        self._closed = True
        if self._thread:
            self._thread.join(1.0)
        with contextlib.suppress(*self._troubles):
            self._bus.shutdown()
        if self._socket is not None:
            self._socket.close()
        for end in self._wake or ():
            os.close(end)


def _socket_of(number: int | None) -> socket.socket | None:
    """A bus that is a socket (udp_multicast, socketcand) gets room, and its losses can be asked for."""
    if number is None or sys.platform != "linux" or not stat.S_ISSOCK(os.fstat(number).st_mode):
        return None
    own = socket.socket(fileno=os.dup(number))
    own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    return own
