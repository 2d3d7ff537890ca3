"""The frame that every message of T/CSAE 53-2020 and YD/T 3709-2020 comes in."""

from __future__ import annotations

from functools import cache

from edge.v2x.csae53.bsm_schema import BSM
from edge.v2x.csae53.map_schema import MAP
from edge.v2x.csae53.rsi_schema import RSI
from edge.v2x.csae53.rsm_schema import RSM
from edge.v2x.csae53.spat_schema import SPAT
from edge.v2x.uper import Choice, Codec, Integer, Open, Sequence, Unread

EXTENSION = Sequence({"messageId": Integer(0, 32767), "value": Open()}, extensible=True)
"""The messages of "day 2" (T/CSAE 157), told apart by number; their tables are not public."""
MESSAGES = {"bsmFrame": BSM, "mapFrame": MAP, "rsmFrame": RSM, "spatFrame": SPAT, "rsiFrame": RSI}
MESSAGE_FRAME = Choice(MESSAGES, extensible=True, more={"msgFrameExt": EXTENSION})


@cache
def codec(name: str) -> Codec:
    """For one kind of frame, made when it is first needed; the others it tells apart by name alone."""
    alternatives = {other: kind if other == name else Unread() for other, kind in MESSAGES.items()}
    return Codec("MessageFrame", Choice(alternatives, extensible=True, more={"msgFrameExt": EXTENSION}))
