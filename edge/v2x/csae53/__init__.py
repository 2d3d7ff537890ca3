"""China: the messages of T/CSAE 53-2020 and YD/T 3709-2020, day 1; those of day 2 are told apart."""

from __future__ import annotations

from edge.messages import PeerContent
from edge.v2x.csae53 import bsm as _bsm
from edge.v2x.csae53 import mapdata as _map
from edge.v2x.csae53 import rsi as _rsi
from edge.v2x.csae53 import rsm as _rsm
from edge.v2x.csae53 import spat as _spat
from edge.v2x.csae53.schema import codec
from edge.v2x.moments import Now
from edge.v2x.sets import Glimpse, Heard
from edge.v2x.uper import CodecError

bsm, rsm, rsi, map_data, spat = _bsm.bsm, _rsm.rsm, _rsi.rsi, _map.map_data, _spat.spat
__all__ = ["bsm", "hear", "map_data", "peek", "prepare", "rsi", "rsm", "spat"]

_VERSION = "T/CSAE 53-2020 (YD/T 3709-2020)"
_VERSION_2 = "T/CSAE 157-2020"
_FRAMES = ("bsmFrame", "mapFrame", "rsmFrame", "spatFrame", "rsiFrame")
_DAY_2 = {10: "RTCM", 11: "RSC", 12: "SSM", 13: "VIR", 15: "PSM", 16: "CLPMM"}


def prepare() -> None:
    """Make the functions for BSM, RSM and RSI now (a tenth of a second), so that none waits for them."""
    for reader in (_bsm.CODEC, codec("rsmFrame"), codec("rsiFrame")):
        reader.prepare()


def hear(payload: bytes, now: Now) -> Heard:
    """Read one message. Raises CodecError: reason "undecodable", or "unsupported" for one not known.

    A message of day 2 is named, or "message N" where its number is not known, and has no content.
    """
    if not payload:
        raise CodecError("MessageFrame", "is empty")
    first = payload[0] >> 4  # the extension bit and the number of the alternative
    if first == 0:
        value = _bsm.CODEC.decode(payload)
        fields = value[1]
        measured_ns = now.minute_ms(fields["secMark"])
        return Heard(
            standard="csae53",
            version=_VERSION,
            message="BSM",
            sender=fields["id"].hex(),
            counter=fields["msgCnt"],
            measured_ns=measured_ns,
            content=_bsm.remote_object(fields, measured_ns),
            kind=_bsm.CODEC.kind,
            value=value,
        )
    return _hear_rare(payload, first, now)


def peek(payload: bytes, now: Now) -> Glimpse | None:
    """Sender, place and motion, read alone and fast; None where it is no message about the sender."""
    return _bsm.peek(payload)


def _hear_rare(payload: bytes, first: int, now: Now) -> Heard:
    if first >= 8:
        return _hear_day_2(payload)
    if first >= len(_FRAMES):
        raise CodecError("MessageFrame", f"has no alternative {first}")
    reader = codec(_FRAMES[first])
    value = reader.decode(payload)
    name, fields = value
    content: PeerContent | None
    measured_ns: int | None = None
    if name == "rsmFrame":
        content, measured_ns = _rsm.perceived(fields, now), _rsm.measured_ns(fields, now)
    elif name == "rsiFrame":
        content = _rsi.road_events(fields, now)
    elif name == "mapFrame":
        content = _map.intersections(fields)
    else:
        content, measured_ns = _spat.signal_states(fields, now), _spat.measured_ns(fields, now)
    return Heard(
        standard="csae53",
        version=_VERSION,
        message=name.removesuffix("Frame").upper(),
        sender=fields["id"].hex() if "id" in fields else "",
        counter=fields["msgCnt"],
        measured_ns=measured_ns,
        content=content,
        kind=reader.kind,
        value=value,
    )


def _hear_day_2(payload: bytes) -> Heard:
    name, value = _bsm.CODEC.decode(payload)
    if name != "msgFrameExt":
        raise CodecError("MessageFrame", f"has no extension {name}", "unsupported")
    number = value["messageId"]
    return Heard(
        standard="csae53",
        version=_VERSION_2,
        message=_DAY_2.get(number, f"message {number}"),
        sender="",
        counter=0,
        measured_ns=None,
        content=None,
        kind=_bsm.CODEC.kind,
        value=(name, value),
    )
