"""Europe: SPATEM as ETSI TS 103 301 defines it, an ItsPduHeader before SPAT, to and from SignalStates.

protocolVersion 1 (V1) and 2 (V2) differ only within regional extensions, of which those are octets.
"""

from __future__ import annotations

from functools import cache

from edge.messages import SignalStates
from edge.v2x.dsrc import signals
from edge.v2x.dsrc.spat_schema import SPAT
from edge.v2x.etsi.cdd_header import ITS_PDU_HEADER
from edge.v2x.moments import Now
from edge.v2x.sets import Heard
from edge.v2x.uper import Codec, CodecError, Sequence

MESSAGE_ID = 4
SPATEM = Sequence({"header": ITS_PDU_HEADER, "spat": SPAT})


@cache
def codec() -> Codec:
    """SPATEM of both versions."""
    return Codec("SPATEM", SPATEM)


def hear(payload: bytes, now: Now) -> Heard:
    """A SPATEM. Raises CodecError. counter is when it was made, in ms of the minute, 0: not said."""
    value = codec().decode(payload)
    return Heard(
        standard="etsi",
        version=f"TS 103 301 V{value['header']['protocolVersion']}",
        message="SPATEM",
        sender=str(value["header"]["stationID"]),
        counter=value["spat"]["intersections"][0].get("timeStamp", 0),
        measured_ns=signals.measured_ns(value["spat"], now),
        content=signals.signal_states(value["spat"], now),
        kind=SPATEM,
        value=value,
    )


def spatem(content: SignalStates, station_id: int, now: Now, release: int = 2) -> bytes:
    """Signal groups as a SPATEM. Raises CodecError for what it cannot say."""
    if not content.signals:
        raise CodecError("SPATEM", "no signal group", "unencodable")
    header = {"protocolVersion": release, "messageID": MESSAGE_ID, "stationID": station_id}
    return codec().encode({"header": header, "spat": signals.spat(content, now)})
