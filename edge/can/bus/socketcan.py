"""SocketCAN: one raw socket for all interfaces, drained in batches, with time stamps of kernel or controller.

Source: Linux Documentation/networking/can.rst, include/uapi/linux/can.h, can/raw.h.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Sequence

import numpy as np

from edge import clock
from edge.can.bus import MAX_BATCH, BusError, Wanted, check_length
from edge.can.bus.adapter_clock import AdapterClock
from edge.can.bus.socketcan_link import Link, Links, stamps_in_hardware
from edge.can.bus.socketcan_read import SO_RXQ_OVFL, DatagramReader, DatagramWriter, drop_count
from edge.can.frames import BRS, ERROR, ESI, EXTENDED, FD, KEY_EXTENDED, NONE, REMOTE, TX, Frames

BUFFER_BYTES = 8 << 20
"""Of receive buffer for each interface. The kernel doubles it and counts some 770 bytes a frame: 21,000
frames, 5 s of a full 500 kbit/s bus, 0.9 s of CAN FD at 1/8 Mbit/s. Linux's default holds 280 frames."""

MAX_FILTERS = 512  # CAN_RAW_FILTER_MAX
LOOK_NS = 1_000_000_000
"""A socket for all interfaces is not told that one has gone: they are looked at so often."""

# Numbers of the kernel's interface that Python's socket module does not name, or not in every build.
_CAN_RAW, _SOL_CAN_RAW = 1, 101
_CAN_RAW_FILTER, _CAN_RAW_ERR_FILTER, _CAN_RAW_FD_FRAMES = 1, 2, 5
_SO_RCVBUFFORCE = 33
_CAN_ERR_MASK = 0x1FFFFFFF
_FLAG_EXTENDED, _FLAG_REMOTE = 0x80000000, 0x40000000
_MTU, _FD_MTU = 16, 72
_BRS, _ESI, _FDF = 1, 2, 4

_HEAD = struct.Struct("=IBB2x")
_FILTER = struct.Struct("=II")
_FULL = (errno.ENOBUFS, errno.EAGAIN)
_NOT_OURS = 255
_STEP_NS = 1_000_000

# By the three flag bits at the top of the kernel's id (extended, remote, error), and by the flags of CAN FD.
_FLAGS = np.array(
    [ERROR if k & 1 else (REMOTE if k & 2 else 0) | (EXTENDED if k & 4 else 0) for k in range(8)], np.uint16
)
_FD_FLAGS = np.array(
    [FD | (BRS if k & _BRS else 0) | (ESI if k & _ESI else 0) for k in range(256)], np.uint16
)

_KIND_SHIFT, _ID_BITS = np.uint32(29), np.uint32(0x1FFFFFFF)
_KIND_ERROR, _KIND_REMOTE = 1, 2

_MASKS = np.where(np.arange(64) < np.arange(65)[:, None], 0xFF, 0).astype(np.uint8).view(np.uint64)
"""(65, 8): eight words that keep the first n bytes of 64."""
_MASKS_8 = _MASKS[:, 0].copy()
_any_bit, _largest, _smallest = np.bitwise_or.reduce, np.maximum.reduce, np.minimum.reduce


class SocketCanBus:
    """Interfaces such as can0 or vcan0 behind one socket. See CanBus.

    One that is missing or down is no error while another works: trouble() tells it, and it is heard as soon
    as it comes up. wanted: see open_bus; with more than MAX_FILTERS of them all comes; error frames always
    do. Raises BusError if none of the interfaces can be used.
    """

    def __init__(self, channels: Sequence[str], wanted: Wanted | None = None) -> None:
        self.channels = tuple(channels)
        names = ", ".join(channels)
        self._socket = self._open()
        count = len(self.channels)
        self._links: list[Link | None] = [None] * count
        self._lost = [0] * count
        self._hardware = [False] * count
        self._clocks = [AdapterClock() for _ in self.channels]
        self._bus_of = np.full(1, _NOT_OURS, np.uint8)
        self._foreign: set[int] = set()
        self._error_frames = [0] * count
        self._dropped = 0
        self._offset_ns = clock.realtime_offset_ns()
        self._emptied_ns = clock.now_ns()
        self._next_look_ns = 0
        try:
            self._granted = self._prepare(wanted)
            self._reader = DatagramReader(self._socket, MAX_BATCH)
            self._writer = DatagramWriter(self._socket, MAX_BATCH)
            self._words = self._reader.frames.view(np.uint64).reshape(MAX_BATCH, _FD_MTU // 8)
            self._asker = Links()
        except OSError as error:
            self._socket.close()
            raise BusError(f"{names}: {error.strerror or error}") from None
        self._look(clock.now_ns())
        if self._all_gone():
            self.close()
            raise BusError(self._troubles())

    def _open(self) -> socket.socket:
        try:
            return socket.socket(socket.AF_CAN, socket.SOCK_RAW, _CAN_RAW)
        except OSError as error:
            raise BusError(
                f"{', '.join(self.channels)}: this kernel has no SocketCAN ({error.strerror}):"
                " try `sudo modprobe can_raw`"
            ) from None

    def _prepare(self, wanted: Wanted | None) -> int:
        own = self._socket
        own.setblocking(False)
        own.setsockopt(_SOL_CAN_RAW, _CAN_RAW_FD_FRAMES, 1)
        own.setsockopt(_SOL_CAN_RAW, _CAN_RAW_ERR_FILTER, _CAN_ERR_MASK)
        if wanted is not None and len(wanted) <= MAX_FILTERS:
            flags = _FLAG_EXTENDED | _FLAG_REMOTE
            filters = [_FILTER.pack(key, mask | flags) for key, mask in sorted(set(wanted))]
            own.setsockopt(_SOL_CAN_RAW, _CAN_RAW_FILTER, b"".join(filters))
        own.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
        asked = BUFFER_BYTES * len(self.channels)
        try:
            own.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, asked)
        except PermissionError:  # without CAP_NET_ADMIN: up to net.core.rmem_max
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, asked)
        own.bind(("",))  # to all interfaces
        return own.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2

    def fileno(self) -> int | None:
        """The socket."""
        number = self._socket.fileno()
        return None if number < 0 else number

    def receive(self) -> Frames:
        """See CanBus."""
        now_ns = clock.now_ns()
        if now_ns >= self._next_look_ns:
            self._look(now_ns)
        try:
            count = self._reader.read()
        except OSError as error:
            raise BusError(f"{', '.join(self.channels)}: {error.strerror}") from None
        self._count_drops()
        if count:
            found = self._frames(count)
            if count < MAX_BATCH:
                self._emptied_ns = now_ns
            return found
        self._emptied_ns = now_ns
        if self._all_gone():  # what came before has been given
            raise BusError(self._troubles())
        return NONE

    def _count_drops(self) -> None:
        dropped = drop_count(self._socket)
        if dropped is None:
            dropped = self._reader.overflows
        self._dropped += (dropped - self._dropped) & 0xFFFFFFFF  # the kernel counts in 32 bits

    def _frames(self, count: int) -> Frames:
        """Few operations for the common case: calls of numpy, not frames, are what costs in a small batch."""
        reader = self._reader
        raw, sizes, said = reader.frames[:count], reader.sizes[:count], reader.said[:count]
        raw_ids = raw["id"]
        kinds = raw_ids >> _KIND_SHIFT
        flags = _FLAGS.take(kinds)
        length = kept = raw["length"].copy()
        all_kinds, all_sizes = int(_any_bit(kinds)), int(_any_bit(sizes))
        if _any_bit(said) & socket.MSG_DONTROUTE:
            flags |= ((said & socket.MSG_DONTROUTE) != 0) * np.uint16(TX)
        if all_kinds & _KIND_ERROR:
            flags[(kinds & _KIND_ERROR) != 0] = ERROR
        if all_kinds & _KIND_REMOTE:
            kept = length * (flags & REMOTE == 0)  # no data
        if all_sizes == _MTU:
            data = (self._words[:count, 1] & _MASKS_8.take(kept)).view(np.uint8).reshape(count, 8)
        else:
            flags |= np.where(sizes == _FD_MTU, _FD_FLAGS.take(raw["flags"]), np.uint16(0))
            kept = np.minimum(kept, sizes - 8)
            data = (self._words[:count, 1:] & _MASKS.take(kept, axis=0, mode="clip")).view(np.uint8)
        bus, strange = self._buses(reader.interfaces[:count])
        t_ns = self._stamps(count, bus)
        found = Frames(t_ns, raw_ids & _ID_BITS, flags, bus, length, data)
        if strange or all_sizes & ~(_MTU | _FD_MTU):  # the latter: CAN XL
            found = found[(bus != _NOT_OURS) & ((sizes == _MTU) | (sizes == _FD_MTU))]
        if all_kinds & _KIND_ERROR:
            for which in found.bus[found.flags == ERROR].tolist():
                self._error_frames[which] += 1
        return found

    def _buses(self, interfaces: np.ndarray) -> tuple[np.ndarray, bool]:
        """Of each frame, and whether some are of interfaces that are not ours."""
        bus = self._bus_of.take(interfaces, mode="clip")
        strange = _largest(bus) == _NOT_OURS
        if strange:
            unknown = set(interfaces[bus == _NOT_OURS].tolist()) - self._foreign
            if unknown:  # one of ours may just have been made anew
                self._look(clock.now_ns())
                self._foreign |= unknown - {link.index for link in self._links if link}
                bus = self._bus_of.take(interfaces, mode="clip")
        return bus, bool(strange)

    def _stamps(self, count: int, bus: np.ndarray) -> np.ndarray:
        now_ns = clock.now_ns()
        if not self._reader.all_stamped(count):  # the first few, while the kernel turns stamps on
            return np.full(count, now_ns, np.int64)
        t_ns = self._reader.stamps_ns(count)
        t_ns += self._date_offset_ns()
        earliest_ns = self._emptied_ns - _STEP_NS
        if _largest(t_ns) > now_ns or _smallest(t_ns) < earliest_ns:  # the date was set meanwhile
            np.clip(t_ns, earliest_ns, now_ns, out=t_ns)
        for which, own in enumerate(self._clocks):
            if self._hardware[which]:
                stamps = self._reader.stamps_ns(count, 2)
                rows = (bus == which) & (stamps != 0)
                if rows.any():
                    t_ns[rows] = own.to_ours(stamps[rows], t_ns[rows])
        return t_ns

    def _date_offset_ns(self) -> int:
        """Monotonic minus the date. It changes when the date is set; else the largest is the one that was
        read with the least delay."""
        offset_ns = clock.realtime_offset_ns()
        if abs(offset_ns - self._offset_ns) > _STEP_NS:  # or this thread had to wait between two clocks
            self._offset_ns = max(offset_ns, clock.realtime_offset_ns())
        else:
            self._offset_ns = max(self._offset_ns, offset_ns)
        return self._offset_ns

    def _look(self, now_ns: int) -> None:
        """How the interfaces are."""
        self._next_look_ns = now_ns + LOOK_NS
        for which, name in enumerate(self.channels):
            before = self._links[which]
            try:
                link = self._asker.read(name)
            except OSError:
                continue  # as it was; asked again in a second
            self._links[which] = link
            if link is None:
                continue
            if before is not None and before.index == link.index:
                self._lost[which] += max(0, link.lost - before.lost)
            else:
                self._hardware[which] = stamps_in_hardware(self._socket, name)
                self._clocks[which] = AdapterClock()
        links = [link for link in self._links if link]
        self._bus_of = np.full(2 + max((link.index for link in links), default=0), _NOT_OURS, np.uint8)
        for which, link in enumerate(self._links):
            if link:
                self._bus_of[link.index] = which

    def _all_gone(self) -> bool:
        return not any(link and link.up for link in self._links)

    def _troubles(self) -> str:
        return "; ".join(self.trouble(which) for which in range(len(self.channels)))

    def trouble(self, bus: int = 0) -> str:
        """See CanBus."""
        link = self._links[bus]
        if link is None:
            return self._explain(errno.ENODEV, bus)
        if not link.up:
            return self._explain(errno.ENETDOWN, bus)
        if link.state == "bus-off" or not link.carrier:
            return f"{self.channels[bus]}: bus-off: check wiring, termination and bit rate"
        return ""

    def notes(self, bus: int = 0) -> str:
        """See CanBus."""
        asked = BUFFER_BYTES * len(self.channels)
        if self._granted >= asked:
            return ""
        return (
            f"a receive buffer of {self._granted / 1e6:.1f} MB instead of {asked / 1e6:.1f} MB:"
            f" `sudo sysctl net.core.rmem_max={asked}` keeps frames when this machine is busy"
        )

    def health(self, bus: int = 0) -> dict[str, float]:
        """See CanBus; controller_dropped: what the interface counted as received and lost."""
        figures: dict[str, float] = {"dropped": self._dropped, "error_frames": self._error_frames[bus]}
        figures["controller_dropped"] = self._lost[bus]
        figures["hardware_stamps"] = float(self._hardware[bus])  # else they are the kernel's
        figures["receive_buffer_bytes"] = self._granted
        link = self._links[bus]
        for name in ("bitrate_bps", "data_bitrate_bps", "tx_error_count", "rx_error_count"):
            value = getattr(link, name, None)
            if value is not None:
                figures[name] = value
        return figures

    def send(self, key: int, data: bytes, bus: int = 0) -> None:
        """See CanBus."""
        check_length(data)
        number = key & 0x1FFFFFFF | (_FLAG_EXTENDED if key & KEY_EXTENDED else 0)
        wide = len(data) > 8
        raw = _HEAD.pack(number, len(data), _BRS | _FDF if wide else 0) + data.ljust(64 if wide else 8, b"\0")
        try:
            self._socket.sendto(raw, (self.channels[bus],))
        except OSError as error:
            raise BusError(self._explain(error.errno or errno.EIO, bus)) from None

    def send_many(self, frames: Frames) -> int:
        """See CanBus."""
        at = 0
        while at < len(frames):
            part = frames[at : at + MAX_BATCH]
            try:
                at += self._write(part)
            except OSError as error:
                if at or error.errno in _FULL:
                    break
                raise BusError(self._explain(error.errno or errno.EIO, int(part.bus[0]))) from None
        return at

    def _write(self, frames: Frames) -> int:
        writer, count, width = self._writer, len(frames), frames.data.shape[1]
        indices = np.array([link.index if link else -1 for link in self._links], np.int32)
        raw = writer.frames[:count]
        flags = frames.flags
        raw["id"] = frames.id
        raw["id"] |= np.where(flags & EXTENDED, np.uint32(_FLAG_EXTENDED), np.uint32(0))
        raw["id"] |= np.where(flags & REMOTE, np.uint32(_FLAG_REMOTE), np.uint32(0))
        raw["length"] = frames.length
        wide = flags & FD != 0
        fd_flags = _FDF | np.where(flags & BRS, _BRS, 0) | np.where(flags & ESI, _ESI, 0)
        raw["flags"] = np.where(wide, fd_flags, 0)
        raw["data"][:, :width] = frames.data
        raw["data"][:, width:] = 0
        writer.sizes[:count] = np.where(wide, _FD_MTU, _MTU)
        writer.interfaces[:count] = indices[frames.bus]
        return writer.write(count)

    def close(self) -> None:
        """See CanBus."""
        self._socket.close()
        self._asker.close()

    def _explain(self, number: int, bus: int) -> str:
        name = self.channels[bus]
        if number in (errno.ENODEV, errno.ENXIO):
            return f"{name}: no such interface: see `ip link show type can`"
        if number == errno.ENETDOWN:
            return (
                f"{name}: is down: `sudo ip link set {name} up type can bitrate 500000` (vcan: without type)"
            )
        if number in _FULL:
            return (
                f"{name}: the transmit queue is full: nobody acknowledges, or more is sent than fits the bus"
            )
        if number == errno.EINVAL:
            return f"{name}: refuses this frame: CAN FD on a bus without it (`ip link set {name} mtu 72`)"
        return f"{name}: {os.strerror(number)}"
