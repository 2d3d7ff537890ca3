"""Europe: MAPEM as ETSI TS 103 301 defines it, an ItsPduHeader before MapData, to and from Intersections.

protocolVersion 1 (V1) and 2 (V2) differ only within regional extensions, of which those are octets.
"""

from __future__ import annotations

from functools import cache

from edge.messages import Intersections
from edge.v2x.dsrc import mapdata
from edge.v2x.dsrc.map_schema import MAP_DATA
from edge.v2x.etsi.cdd_header import ITS_PDU_HEADER
from edge.v2x.moments import Now
from edge.v2x.sets import Heard
from edge.v2x.uper import Codec, CodecError, Sequence

MESSAGE_ID = 5
MAPEM = Sequence({"header": ITS_PDU_HEADER, "map": MAP_DATA})


@cache
def codec() -> Codec:
    """MAPEM of both versions."""
    return Codec("MAPEM", MAPEM)


def hear(payload: bytes, now: Now) -> Heard:
    """A MAPEM. Raises CodecError. counter is its issue revision."""
    value = codec().decode(payload)
    return Heard(
        standard="etsi",
        version=f"TS 103 301 V{value['header']['protocolVersion']}",
        message="MAPEM",
        sender=str(value["header"]["stationID"]),
        counter=value["map"]["msgIssueRevision"],
        measured_ns=None,
        content=mapdata.intersections(value["map"]),
        kind=MAPEM,
        value=value,
    )


def mapem(content: Intersections, station_id: int, now: Now, release: int = 2) -> bytes:
    """Intersections as a MAPEM. Raises CodecError for what it cannot say."""
    if not content.intersections:
        raise CodecError("MAPEM", "no intersection", "unencodable")
    header = {"protocolVersion": release, "messageID": MESSAGE_ID, "stationID": station_id}
    return codec().encode({"header": header, "map": mapdata.map_data(content, now)})
