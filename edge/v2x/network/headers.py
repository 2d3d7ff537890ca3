"""The names of before: see edge.v2x.network."""

from __future__ import annotations

from edge.v2x.network.dispatch import read
from edge.v2x.network.geonetworking import single_hop as wrap_single_hop
from edge.v2x.network.packet import DSMP, GEONETWORKING, Packet, Source
from edge.v2x.network.short import wrap_dsmp
from edge.v2x.uper import CodecError

BTP_PORT_CAM = 2001

__all__ = [
    "BTP_PORT_CAM",
    "DSMP",
    "GEONETWORKING",
    "Packet",
    "Source",
    "unwrap",
    "wrap_dsmp",
    "wrap_single_hop",
]


def unwrap(data: bytes) -> Packet:
    """`read`, without secured packets."""
    packet = read(data)
    if packet.secured is not None:
        raise CodecError("packet", "secured packets are not read yet", "secured")
    return packet
