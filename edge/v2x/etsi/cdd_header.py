"""ItsPduHeader: TS 102 894-2, the same bits in every release; the members as release 1 names them."""

from __future__ import annotations

from edge.v2x.uper import Integer, Sequence

ITS_PDU_HEADER = Sequence(
    {"protocolVersion": Integer(0, 255), "messageID": Integer(0, 255), "stationID": Integer(0, 4294967295)}
)
