"""Datagrams of a socket by the hundred: recvmmsg and sendmmsg on arrays that are made once.

Every structure is that of the C library in its native size, so 32-bit machines are served too. Time stamps
are asked for in the form with 64-bit seconds (Linux 5.1), which is the same everywhere; before it, in the
native one. Source: recvmmsg(2), cmsg(3), Linux include/uapi/asm-generic/socket.h, net_tstamp.h, linux/can.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct

import numpy as np

SO_RXQ_OVFL = 40
SO_TIMESTAMPING_OLD, SO_TIMESTAMPING_NEW = 37, 65
SO_MEMINFO, _MEMINFO_DROPS = 55, 8
_RX_HARDWARE, _RX_SOFTWARE, _SOFTWARE, _RAW_HARDWARE = 1 << 2, 1 << 3, 1 << 4, 1 << 6
_STAMPS = _RX_HARDWARE | _RX_SOFTWARE | _SOFTWARE | _RAW_HARDWARE

FRAME = np.dtype(
    [("id", "u4"), ("length", "u1"), ("flags", "u1"), ("reserved", "u1"), ("dlc", "u1"), ("data", "u1", 64)]
)
"""struct canfd_frame, 72 bytes; a struct can_frame is its first 16."""
ADDRESS = np.dtype([("family", "u2"), ("_", "u2"), ("interface", "i4"), ("rest", "u1", 24)])
"""struct sockaddr_can, with room."""


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_size_t), ("size", ctypes.c_size_t))


class _Msghdr(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_size_t),
        ("name_size", ctypes.c_uint32),
        ("iov", ctypes.c_size_t),
        ("iov_count", ctypes.c_size_t),
        ("control", ctypes.c_size_t),
        ("control_size", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Mmsghdr(ctypes.Structure):
    _fields_ = (("head", _Msghdr), ("size", ctypes.c_uint))


class _Cmsghdr(ctypes.Structure):
    _fields_ = (("size", ctypes.c_size_t), ("level", ctypes.c_int), ("kind", ctypes.c_int))


_WORD = ctypes.sizeof(ctypes.c_size_t)
_CMSG = -(-ctypes.sizeof(_Cmsghdr) // _WORD) * _WORD  # CMSG_LEN(0)


def _space(size: int) -> int:
    """CMSG_SPACE."""
    return _CMSG + -(-size // _WORD) * _WORD


def _call(name: str) -> ctypes._NamedFuncPointer:
    function = getattr(ctypes.CDLL(None, use_errno=True), name)
    function.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int]
    if name == "recvmmsg":
        function.argtypes = [*function.argtypes, ctypes.c_void_p]
    return function


class DatagramReader:
    """Up to `rows` datagrams of at most 72 bytes at a call, into columns that the next call overwrites.

    frames (rows,) of FRAME: the bytes; beyond sizes[i] of a row they are of earlier datagrams; sizes (rows,)
    uint32; said (rows,) int32: MSG_ flags; interfaces (rows,) int32: of the address, if it is one of CAN.
    Only the first n rows that read() gave are of now.
    """

    def __init__(self, own: socket.socket, rows: int) -> None:
        self._fd = own.fileno()
        self._rows = rows
        wide = _ask_for_stamps(own)
        seconds = np.dtype(np.int64 if wide else ctypes.c_long)
        stamp = 3 * 2 * seconds.itemsize
        self._stamp_space = _space(stamp)  # the kernel writes the stamps first, then the count
        control = np.dtype(
            {
                "names": ["stamps", "count"],
                "formats": [(seconds, (3, 2)), "u4"],
                "offsets": [_CMSG, self._stamp_space + _CMSG],
                "itemsize": self._stamp_space + _space(4),
            }
        )
        self.frames = np.zeros(rows, FRAME)
        self._control = np.zeros(rows, control)
        names = np.zeros(rows, ADDRESS)
        iov = np.zeros(rows, np.dtype(_Iovec))
        heads = np.zeros(rows, np.dtype(_Mmsghdr))
        iov["base"] = _addresses(self.frames)
        iov["size"] = FRAME.itemsize
        head = heads["head"]
        head["name"], head["iov"], head["iov_count"] = _addresses(names), _addresses(iov), 1
        head["control"] = _addresses(self._control)
        head["name_size"], head["control_size"] = ADDRESS.itemsize, control.itemsize
        self._keep = (names, iov)
        self._heads = heads.view(np.uint8).reshape(rows, -1)
        self._fresh = self._heads.copy()
        self._address = heads.ctypes.data
        self._control_size = head["control_size"]
        self.sizes, self.said, self.interfaces = heads["size"], head["flags"], names["interface"]
        stamps = self._control["stamps"]
        self._seconds, self._ns = stamps[:, :, 0], stamps[:, :, 1]
        self._recvmmsg = _call("recvmmsg")
        self._used = 0
        self.overflows = 0

    def read(self) -> int:
        """How many came; 0: none are there. Raises OSError."""
        used = self._used
        self._heads[:used] = self._fresh[:used]
        count = self._recvmmsg(self._fd, self._address, self._rows, socket.MSG_DONTWAIT, None)
        if count > 0:
            self._used = count
            if self._control_size[count - 1] > self._stamp_space:
                self.overflows = int(self._control["count"][count - 1])
            return int(count)
        self._used = 0
        number = ctypes.get_errno()
        if count == 0 or number in (errno.EAGAIN, errno.EINTR):
            return 0
        raise OSError(number, os.strerror(number))

    def all_stamped(self, count: int) -> bool:
        """Whether the kernel stamped all of them."""
        return bool(np.minimum.reduce(self._control_size[:count]) >= self._stamp_space)

    def stamps_ns(self, count: int, which: int = 0) -> np.ndarray:
        """int64 (count,): when the kernel (which 0, CLOCK_REALTIME) or the hardware (2, its own clock) had
        them, 0 where it does not say. Only if all are stamped."""
        stamps = np.multiply(self._seconds[:count, which], 1_000_000_000, dtype=np.int64)
        stamps += self._ns[:count, which]
        return stamps


class DatagramWriter:
    """sendmmsg of up to `rows` CAN frames; fill frames, sizes and interfaces, then write(n)."""

    def __init__(self, own: socket.socket, rows: int, *, named: bool = True) -> None:
        self._fd = own.fileno()
        self.frames = np.zeros(rows, FRAME)
        names = np.zeros(rows, ADDRESS)
        names["family"] = getattr(socket, "AF_CAN", 29)
        iov = np.zeros(rows, np.dtype(_Iovec))
        heads = np.zeros(rows, np.dtype(_Mmsghdr))
        iov["base"] = _addresses(self.frames)
        head = heads["head"]
        head["iov"], head["iov_count"] = _addresses(iov), 1
        if named:
            head["name"], head["name_size"] = _addresses(names), 16  # before Linux 5.4 no larger one exists
        self._keep = (names, iov, heads)
        self._address = heads.ctypes.data
        self.sizes, self.interfaces = iov["size"], names["interface"]
        self._sendmmsg = _call("sendmmsg")

    def write(self, count: int) -> int:
        """How many were taken, in order. Raises OSError if not even the first was."""
        sent = self._sendmmsg(self._fd, self._address, count, socket.MSG_DONTWAIT)
        if sent >= 0:
            return int(sent)
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def drop_count(own: socket.socket) -> int | None:
    """How many datagrams did not fit into the receive buffer since the socket was made, in 32 bits; None
    before Linux 4.12. Unlike SO_RXQ_OVFL it does not wait for the next datagram to tell."""
    try:
        raw = own.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 4 * (_MEMINFO_DROPS + 1))
    except OSError:
        return None
    return struct.unpack_from("=I", raw, 4 * _MEMINFO_DROPS)[0] if len(raw) > 4 * _MEMINFO_DROPS else None


def _ask_for_stamps(own: socket.socket) -> bool:
    """Ask for time stamps of kernel and hardware; whether they come with 64-bit seconds."""
    try:
        own.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING_NEW, _STAMPS)
        return True
    except OSError:
        own.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING_OLD, _STAMPS)
        return False


def _addresses(rows: np.ndarray) -> np.ndarray:
    return rows.ctypes.data + rows.strides[0] * np.arange(len(rows), dtype=np.uint64)
