"""Below the message: GeoNetworking with BTP, DSMP, WSMP."""

from edge.v2x.network.area import Area, circle
from edge.v2x.network.dispatch import read, read_inside
from edge.v2x.network.geonetworking import BTP_PORTS, beacon, geo_broadcast, single_hop, topological
from edge.v2x.network.packet import DSMP, GEONETWORKING, Packet, Source
from edge.v2x.network.router import Router
from edge.v2x.network.short import wrap_dsmp
from edge.v2x.network.stations import Mib

__all__ = [
    "BTP_PORTS",
    "DSMP",
    "GEONETWORKING",
    "Area",
    "Mib",
    "Packet",
    "Router",
    "Source",
    "beacon",
    "circle",
    "geo_broadcast",
    "read",
    "read_inside",
    "single_hop",
    "topological",
    "wrap_dsmp",
]
