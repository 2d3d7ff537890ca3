"""SocketCAN: a raw socket of Linux's CAN family, drained in batches, with the kernel's time stamps.

Source: Linux Documentation/networking/can.rst, include/uapi/linux/can.h, can/raw.h, can/error.h.
"""

from __future__ import annotations

import errno
import os
import socket
import struct

from edge import clock
from edge.can.bus import MAX_BATCH, BusError, check_length
from edge.can.frames import BRS, ERROR, ESI, EXTENDED, FD, KEY_EXTENDED, NONE, REMOTE, TX, Frames, frames

RECEIVE_BUFFER_BYTES = 4 << 20
"""The default holds some 280 frames, 70 ms of a full 500 kbit/s bus."""

# Numbers of the kernel's interface that Python's socket module does not name, or not in every build.
_CAN_RAW, _SOL_CAN_RAW = 1, 101
_CAN_RAW_ERR_FILTER, _CAN_RAW_FD_FRAMES = 2, 5
_SO_RCVBUFFORCE = 33
_SO_TIMESTAMPNS = 35
_SO_RXQ_OVFL = 40
_CAN_ERR_MASK = 0x1FFFFFFF
_FLAG_EXTENDED = 0x80000000
_FLAG_REMOTE = 0x40000000
_FLAG_ERROR = 0x20000000
_MTU, _FD_MTU = 16, 72
_BRS, _ESI, _FDF = 1, 2, 4

_HEAD = struct.Struct("=IBB2x")
_TIMESPEC = struct.Struct("@ll")
_COUNT = struct.Struct("=I")
_ANCILLARY_BYTES = 128
_GONE = {errno.ENETDOWN, errno.ENODEV, errno.ENXIO, errno.EBADF}


class SocketCanBus:
    """An interface such as can0 or vcan0. Raises BusError if it does not exist or is down."""

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self._dropped = 0
        self._error_frames = 0
        if not hasattr(socket, "AF_CAN"):
            raise BusError(f"{channel}: this system has no SocketCAN, Linux has: choose another kind of bus")
        try:
            self._socket = socket.socket(socket.AF_CAN, socket.SOCK_RAW, _CAN_RAW)
        except OSError as error:
            raise BusError(
                f"{channel}: this kernel has no SocketCAN ({error.strerror}): try `sudo modprobe can_raw`"
            ) from None
        try:
            self._prepare()
            self._socket.bind((channel,))
            trouble = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        except OSError as error:
            trouble = error.errno or errno.EIO
        if trouble:
            self._socket.close()
            raise BusError(self._explain(trouble))

    def _prepare(self) -> None:
        own = self._socket
        own.setblocking(False)
        own.setsockopt(_SOL_CAN_RAW, _CAN_RAW_FD_FRAMES, 1)
        own.setsockopt(_SOL_CAN_RAW, _CAN_RAW_ERR_FILTER, _CAN_ERR_MASK)
        own.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        own.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
        try:
            own.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
        except PermissionError:  # without CAP_NET_ADMIN: up to net.core.rmem_max
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)

    def fileno(self) -> int | None:
        """The socket."""
        number = self._socket.fileno()
        return None if number < 0 else number

    def receive(self) -> Frames:
        """See CanBus."""
        offset_ns = clock.realtime_offset_ns()
        stamps: list[int] = []
        ids: list[int] = []
        flags: list[int] = []
        payloads: list[bytes] = []
        for _ in range(MAX_BATCH):
            try:
                raw, ancillary, said, _ = self._socket.recvmsg(_FD_MTU, _ANCILLARY_BYTES)
            except BlockingIOError:
                break
            except OSError as error:
                if stamps:
                    break  # give what came before; the next call tells
                raise BusError(self._explain(error.errno or errno.EIO)) from None
            if len(raw) not in (_MTU, _FD_MTU):
                continue  # CAN XL
            number, length, fd_flags = _HEAD.unpack_from(raw)
            stamps.append(self._stamp(ancillary) + offset_ns)
            ids.append(number & 0x1FFFFFFF)
            flags.append(self._flags(number, said, len(raw), fd_flags))
            payloads.append(b"" if number & _FLAG_REMOTE else raw[8 : 8 + min(length, len(raw) - 8)])
        if not stamps:
            return NONE
        return frames(stamps, ids, flags, [0] * len(stamps), payloads)

    def _stamp(self, ancillary: list[tuple[int, int, bytes]]) -> int:
        t_ns = clock.utc_ns()
        for level, kind, data in ancillary:
            if level != socket.SOL_SOCKET:
                continue
            if kind == _SO_TIMESTAMPNS and len(data) == _TIMESPEC.size:
                seconds, ns = _TIMESPEC.unpack(data)
                t_ns = seconds * 1_000_000_000 + ns
            elif kind == _SO_RXQ_OVFL and len(data) == _COUNT.size:
                # The kernel counts in 32 bits since the socket was made.
                self._dropped += (_COUNT.unpack(data)[0] - self._dropped) & 0xFFFFFFFF
        return t_ns

    def _flags(self, number: int, said: int, size: int, fd_flags: int) -> int:
        if number & _FLAG_ERROR:
            self._error_frames += 1
            return ERROR
        flags = EXTENDED if number & _FLAG_EXTENDED else 0
        flags |= REMOTE if number & _FLAG_REMOTE else 0
        flags |= TX if said & socket.MSG_DONTROUTE else 0
        if size == _FD_MTU:
            flags |= FD | (BRS if fd_flags & _BRS else 0) | (ESI if fd_flags & _ESI else 0)
        return flags

    def send(self, key: int, data: bytes) -> None:
        """See CanBus."""
        check_length(data)
        number = key & 0x1FFFFFFF | (_FLAG_EXTENDED if key & KEY_EXTENDED else 0)
        wide = len(data) > 8
        raw = _HEAD.pack(number, len(data), _BRS | _FDF if wide else 0) + data.ljust(64 if wide else 8, b"\0")
        try:
            self._socket.send(raw)
        except OSError as error:
            raise BusError(self._explain(error.errno or errno.EIO)) from None

    def health(self) -> dict[str, float]:
        """Dropped by the socket's full buffer; error frames that the controller reported."""
        return {"dropped": self._dropped, "error_frames": self._error_frames}

    def close(self) -> None:
        """See CanBus."""
        self._socket.close()

    def _explain(self, number: int) -> str:
        name = self.channel
        if number == errno.ENODEV:
            return f"{name}: no such interface: see `ip link show type can`"
        if number == errno.ENETDOWN:
            return (
                f"{name}: is down: `sudo ip link set {name} up type can bitrate 500000` (vcan: without type)"
            )
        if number in (errno.ENOBUFS, errno.EAGAIN):
            return (
                f"{name}: the transmit queue is full: nobody acknowledges, or more is sent than fits the bus"
            )
        if number == errno.EINVAL:
            return f"{name}: refuses this frame: CAN FD on a bus without it (`ip link set {name} mtu 72`)"
        return f"{name}: {os.strerror(number)}"
