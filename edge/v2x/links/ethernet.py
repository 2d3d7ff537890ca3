"""Raw Ethernet frames on a network interface, such as a radio for IEEE 802.11 OCB: Linux, AF_PACKET."""

from __future__ import annotations

import ctypes
import socket
import struct
import sys

from edge.v2x.links import MAX_PACKET
from edge.v2x.links.datagrams import arrived, stamped
from edge.v2x.links.frames import EXPERIMENTAL_TYPE, GEONETWORKING_TYPE, WSMP_TYPE, from_frame, to_frame

_ETH_P_ALL = 3
_SO_ATTACH_FILTER = 26
_OUTGOING = 4  # PACKET_OUTGOING: what this machine sends comes by as well
_HEADERS = 14 + 2 * 4
_VLAN_TYPES = (0x8100, 0x88A8)


class Ethernet:
    """Broadcast frames of our ethertypes, with VLAN tags or without.

    device: the interface's name. Frames of other stations are received, those of this machine only on the
    loopback. Raises OSError as sockets do; PermissionError without the right CAP_NET_RAW.
    """

    def __init__(self, device: str, dsmp_type: int = EXPERIMENTAL_TYPE) -> None:
        if sys.platform != "linux":
            raise OSError("raw Ethernet needs Linux")
        if not device:
            raise ValueError("device, the name of the network interface, must be given")
        self._dsmp_type = dsmp_type
        try:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        except PermissionError as error:
            raise PermissionError(
                error.errno, "raw sockets need the right CAP_NET_RAW: run as root, or setcap on python"
            ) from None
        try:
            stamped(self._socket)
            self._attach((GEONETWORKING_TYPE, WSMP_TYPE, dsmp_type, *_VLAN_TYPES))
            self._socket.bind((device, _ETH_P_ALL))
            self._source = self._socket.getsockname()[4][:6].ljust(6, b"\0")
        except OSError:
            self._socket.close()
            raise

    def _attach(self, types: tuple[int, ...]) -> None:
        """A filter in the kernel (linux/filter.h): the half word at 12 is one of these types."""
        rows = [(0x28, 0, 0, 12)]  # load a half word
        rows += [(0x15, len(types) - i, 0, kind) for i, kind in enumerate(types)]  # equal: to the last row
        rows += [(0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFF)]  # drop; take whole
        program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *row) for row in rows))
        self._socket.setsockopt(
            socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(rows), ctypes.addressof(program))
        )

    def fileno(self) -> int | None:
        """The socket's."""
        return self._socket.fileno()

    def receive(self) -> list[tuple[int, bytes]]:
        """At most 256 packets, stamped by the kernel."""
        packets = []
        for t_ns, frame, whence in arrived(self._socket, MAX_PACKET + _HEADERS):
            packet = None if whence[2] == _OUTGOING else from_frame(frame, self._dsmp_type)
            if packet is not None:
                packets.append((t_ns, packet))
        return packets

    def send(self, packet: bytes) -> None:
        """To everyone in reach."""
        try:
            frame = to_frame(packet, self._source, self._dsmp_type)
        except ValueError as error:
            raise OSError(str(error)) from None
        self._socket.send(frame)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
