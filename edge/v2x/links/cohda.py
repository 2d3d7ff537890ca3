"""Cohda MK5 and MK6 with exampleETSI: messages by UDP, with the unit's own GeoNetworking and security.

The unit sends indications of what it hears to us and takes requests; all numbers are big-endian. Source: the
public ROS and Python drivers of RWTH Aachen (ika) and FZI; the vendor's own description is not public, so the
layout is to be confirmed on a unit.

Both begin: protocol version 4, message 0 (request) or 1 (indication), length u16 of what follows; then BTP
type (2: BTP-B), transport (4: GBC, 7: SHB), traffic class, lifetime, BTP port u16, port info u16, area:
latitude i32, longitude i32, distances a and b u16, angle u16, shape u8, reserved u8. A request goes on with
profile, repetition, security profile, SSP length and 36 octets; an indication with security profile, results
of parsing and verifying, SSP length, ITS-AID u32, 32 octets SSP, 8 octets certificate. Last u16 length of the
message (0xFFFF: all that is left), and the message.
"""

from __future__ import annotations

import socket
import struct

from edge.v2x.links.datagrams import arrived, stamped
from edge.v2x.network import Packet, Source, read, single_hop
from edge.v2x.network.area import SHAPES
from edge.v2x.uper import CodecError

REQUEST_PORT = 4401
INDICATION_PORT = 4400
_VERSION, _REQUEST, _INDICATION = 4, 0, 1
_ALL = 0xFFFF
_COMMON = struct.Struct(">BBH")
_REQUEST_HEAD = struct.Struct(">BBBB HH iiHHHBB BBBB36sH")
_INDICATION_HEAD = struct.Struct(">BBBB HH iiHHHBB BBBBI32s8sH")
_BTP_B, _GBC, _SHB = 2, 4, 7
_LONGEST = 4096


def request(packet: Packet) -> bytes:
    """What asks the unit to send a packet's message. CodecError: of a kind that the unit cannot send."""
    if packet.secured is not None:
        raise CodecError("Cohda", "the unit signs by itself and takes nothing signed", "unsupported")
    if packet.kind not in ("shb", "gbc"):
        raise CodecError("Cohda", f"a packet of kind {packet.kind!r} cannot be asked for", "unsupported")
    place, area = (0, 0, 0, 0, 0, 0), packet.area
    if area is not None:
        place = area.latitude, area.longitude, area.a, area.b, area.angle, SHAPES.index(area.shape)
    transport = _GBC if packet.kind == "gbc" else _SHB
    head = _REQUEST_HEAD.pack(
        _BTP_B, transport, packet.traffic_class & 0xFF, 0, packet.service, packet.service_info, *place, 0,
        0, 0, 0, 0, bytes(36), len(packet.payload),
    )  # fmt: skip
    return _COMMON.pack(_VERSION, _REQUEST, len(head) + len(packet.payload)) + head + packet.payload


def indicated(datagram: bytes) -> bytes | None:
    """The message of an indication, in a single-hop packet of ours; None: no indication.

    The unit does not tell the sender's position vector: the address is made of the station id of the message,
    the position stays 0. What it has verified is not told on: the packet is an unsigned one.
    """
    if len(datagram) < _COMMON.size + _INDICATION_HEAD.size:
        return None
    version, kind, length = _COMMON.unpack_from(datagram)
    _, _, traffic_class, _, port, info, *_, size = _INDICATION_HEAD.unpack_from(datagram, _COMMON.size)
    payload = datagram[_COMMON.size + _INDICATION_HEAD.size :]
    if version != _VERSION or kind != _INDICATION or length > len(datagram) - _COMMON.size:
        return None
    if size != _ALL:
        if size > len(payload):
            return None
        payload = payload[:size]
    address = int.from_bytes(payload[2:6], "big")
    source = Source(station_type=0, address=address, timestamp_ms=0, latitude=0, longitude=0)
    try:
        return single_hop(payload, source, port, info=info, traffic_class=traffic_class)
    except CodecError:  # longer than a packet can be
        return None


class Cohda:
    """host: the unit's address. Beacons are dropped, it sends its own. damaged: datagrams that are none.

    Raises OSError as sockets do; on sending what the unit cannot send, too.
    """

    def __init__(self, host: str, port: int = REQUEST_PORT, listen_port: int = INDICATION_PORT) -> None:
        self._to = (host, port or REQUEST_PORT)
        self.damaged = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            stamped(self._socket)
            self._socket.bind(("", listen_port))
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int | None:
        """The socket's."""
        return self._socket.fileno()

    def receive(self) -> list[tuple[int, bytes]]:
        """At most 256 packets."""
        packets = []
        for t_ns, datagram, _ in arrived(self._socket, _LONGEST):
            packet = indicated(datagram)
            if packet is None:
                self.damaged += 1
            else:
                packets.append((t_ns, packet))
        return packets

    def send(self, packet: bytes) -> None:
        """Ask the unit to send."""
        try:
            known = read(packet)
            if known.kind == "beacon":
                return
            asked = request(known)
        except CodecError as error:
            raise OSError(str(error)) from None
        self._socket.sendto(asked, self._to)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
