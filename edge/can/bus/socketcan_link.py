"""What the kernel knows of a CAN interface: state, bit rates, error counters, losses. Asked by rtnetlink.

Source: Linux include/uapi/linux/if_link.h (struct rtnl_link_stats64), linux/can/netlink.h, rtnetlink(7);
for time stamps linux/ethtool.h (struct ethtool_ts_info).
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

STATES = ("error active", "error warning", "error passive", "bus-off", "stopped", "sleeping")
"""enum can_state."""

_GETLINK, _NEWLINK, _REQUEST = 18, 16, 1
_IFNAME, _MTU, _LINKINFO, _STATS64, _CARRIER = 3, 4, 18, 23, 33
_INFO_DATA, _INFO_XSTATS = 2, 3
_CAN_BITTIMING, _CAN_STATE, _CAN_BERR_COUNTER, _CAN_DATA_BITTIMING = 1, 4, 8, 9
_UP = 1
_HEAD = struct.Struct("=IHHII")
_INFO = struct.Struct("=BxHiII")
_ATTRIBUTE = struct.Struct("=HH")
_KINDS = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER
_STATISTICS = (
    "rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "rx_errors", "tx_errors", "rx_dropped", "tx_dropped",
    "multicast", "collisions", "rx_length_errors", "rx_over_errors", "rx_crc_errors", "rx_frame_errors",
    "rx_fifo_errors", "rx_missed_errors",
)  # fmt: skip
_DEVICE_STATISTICS = (
    "bus_errors", "error_warnings", "error_passives", "bus_offs", "arbitration_losses", "restarts",
)  # fmt: skip

_SIOCETHTOOL, _GET_TS_INFO = 0x8946, 0x41
_RX_HARDWARE, _RAW_HARDWARE = 1 << 2, 1 << 6


@dataclass(frozen=True)
class Link:
    """One interface at one moment. None: the driver does not say (a virtual bus has no bit rate).

    counts: of the interface since it was made, by the names above; those of _DEVICE_STATISTICS only if the
    driver has them.
    """

    index: int
    up: bool
    carrier: bool
    mtu: int
    counts: dict[str, int]
    state: str | None = None
    bitrate_bps: int | None = None
    data_bitrate_bps: int | None = None
    tx_error_count: int | None = None
    rx_error_count: int | None = None

    @property
    def lost(self) -> int:
        """Frames that came and never reached a socket, as far as the driver counts: at least so many."""
        counts = self.counts
        return counts["rx_dropped"] + counts["rx_over_errors"] + counts["rx_missed_errors"]


class Links:
    """Asks the kernel; each question takes some 50 us. Raises OSError if there is no rtnetlink."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)  # NETLINK_ROUTE
        self._socket.setblocking(False)

    def read(self, name: str) -> Link | None:
        """An interface; None: there is none of this name."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(1 << 16)  # the late answer to an earlier question
        attribute = _attribute(_IFNAME, name.encode() + b"\0")
        size = _HEAD.size + _INFO.size + len(attribute)
        ask = _HEAD.pack(size, _GETLINK, _REQUEST, 1, 0) + _INFO.pack(0, 0, 0, 0, 0) + attribute
        self._socket.sendto(ask, (0, 0))
        try:
            return parse_link(self._socket.recv(1 << 16))  # the answer was made while we sent
        except BlockingIOError:
            return None

    def close(self) -> None:
        """Let go."""
        self._socket.close()


def parse_link(raw: bytes) -> Link | None:
    """The answer to RTM_GETLINK; None for any other message (an error: no such interface)."""
    if len(raw) < _HEAD.size + _INFO.size or _HEAD.unpack_from(raw)[1] != _NEWLINK:
        return None
    size = _HEAD.unpack_from(raw)[0]
    _, _, index, flags, _ = _INFO.unpack_from(raw, _HEAD.size)
    top = dict(_attributes(raw[_HEAD.size + _INFO.size : size]))
    info = dict(_attributes(top.get(_LINKINFO, b"")))
    can = dict(_attributes(info.get(_INFO_DATA, b"")))
    counts = _counts(_STATISTICS, "Q", top.get(_STATS64, b""))
    counts |= _counts(_DEVICE_STATISTICS, "I", info.get(_INFO_XSTATS, b""), pad=False)
    state = _number(can.get(_CAN_STATE))
    errors = can.get(_CAN_BERR_COUNTER, b"")
    tx_errors, rx_errors = struct.unpack("=HH", errors[:4]) if len(errors) >= 4 else (None, None)
    return Link(
        index=index,
        up=bool(flags & _UP),
        carrier=top.get(_CARRIER, b"\1")[:1] != b"\0",
        mtu=_number(top.get(_MTU)) or 16,
        counts=counts,
        state=STATES[state] if state is not None and state < len(STATES) else None,
        bitrate_bps=_number(can.get(_CAN_BITTIMING)) or None,
        data_bitrate_bps=_number(can.get(_CAN_DATA_BITTIMING)) or None,
        tx_error_count=tx_errors,
        rx_error_count=rx_errors,
    )


def stamps_in_hardware(own: socket.socket, name: str) -> bool:
    """Whether the controller itself stamps what it receives."""
    answer = ctypes.create_string_buffer(struct.pack("=I", _GET_TS_INFO), 44)
    request = bytearray(struct.pack("@16sP16x", name.encode(), ctypes.addressof(answer)))
    try:
        fcntl.ioctl(own.fileno(), _SIOCETHTOOL, request)
    except OSError:
        return False
    offered = struct.unpack_from("=I", answer.raw, 4)[0]
    return bool(offered & _RX_HARDWARE and offered & _RAW_HARDWARE)


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value.ljust(-(-len(value) // 4) * 4, b"\0")


def _attributes(raw: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _ATTRIBUTE.size <= len(raw):
        size, kind = _ATTRIBUTE.unpack_from(raw, at)
        if size < _ATTRIBUTE.size:
            return
        yield kind & _KINDS, raw[at + _ATTRIBUTE.size : at + size]
        at += -(-size // 4) * 4


def _number(raw: bytes | None) -> int | None:
    """The u32 that an attribute is, or that its structure begins with."""
    return None if raw is None or len(raw) < 4 else struct.unpack_from("=I", raw)[0]


def _counts(names: tuple[str, ...], kind: str, raw: bytes, pad: bool = True) -> dict[str, int]:
    size = struct.calcsize(kind)
    have = min(len(names), len(raw) // size)
    found = dict(zip(names, struct.unpack_from(f"={have}{kind}", raw), strict=False))
    return dict.fromkeys(names, 0) | found if pad else found
