"""United States: the messages of SAE J2735 (2016 and later) in their MessageFrame, received only.

BSM, MAP and SPAT are read; others are told by name and refused.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from edge.messages import PeerContent
from edge.v2x.dsrc import mapdata, signals
from edge.v2x.j2735 import bsm as _bsm
from edge.v2x.j2735 import roadside
from edge.v2x.moments import Now
from edge.v2x.sets import Glimpse, Heard
from edge.v2x.uper import Codec, CodecError, Integer, OpenBy, Sequence, Type

__all__ = ["MESSAGE_NAMES", "hear", "peek", "prepare"]

MESSAGE_NAMES = {
    18: "MAP", 19: "SPAT", 20: "BSM", 21: "CSR", 22: "EVA", 23: "ICA", 24: "NMEA", 25: "PDM", 26: "PVD",
    27: "RSA", 28: "RTCM", 29: "SRM", 30: "SSM", 31: "TIM", 32: "PSM", 33: "RSM", 41: "SDSM",
}  # fmt: skip
"""By messageId; those beyond are of local tests or later editions."""

_MAP, _SPAT, _BSM = 18, 19, 20
_VERSION = "SAE J2735"
_FRAME_MEMBERS: dict[str, Type] = {"messageId": Integer(0, 32767), "value": OpenBy("messageId", {})}
_FRAME = Codec("MessageFrame", Sequence(_FRAME_MEMBERS, extensible=True))


def prepare() -> None:
    """Make the functions for BSM now, so that none waits for them."""
    for codec in (_FRAME, _bsm.codec()):
        codec.prepare()


def hear(payload: bytes, now: Now) -> Heard:
    """Read one message. Raises CodecError: reason "undecodable", or "unsupported" for one not read."""
    frame = _FRAME.decode(payload)
    number = frame["messageId"]
    if number == _BSM:
        return _hear_bsm(frame["value"], now)
    if number == _MAP:
        value = roadside.map_codec().decode(frame["value"])
        content = mapdata.intersections(value)
        return _heard(number, value, value["msgIssueRevision"], None, content)
    if number == _SPAT:
        value = roadside.spat_codec().decode(frame["value"])
        measured_ns = signals.measured_ns(value, now)
        counter = value["intersections"][0].get("timeStamp", 0)
        states = signals.signal_states(value, now)
        return _heard(number, value, counter, measured_ns, states)
    name = MESSAGE_NAMES.get(number, f"message {number}")
    raise CodecError("MessageFrame", f"{name} (messageId {number}) is not read", "unsupported")


def _hear_bsm(data: bytes, now: Now) -> Heard:
    value = _bsm.codec().decode(data)
    core = value["coreData"]
    measured_ns = now.minute_ms(core["secMark"])
    content = _bsm.remote_object(value, measured_ns)
    return _heard(_BSM, value, core["msgCnt"], measured_ns, content, core["id"].hex())


@cache
def _kind(number: int) -> Sequence:
    codec = {_MAP: roadside.map_codec, _SPAT: roadside.spat_codec, _BSM: _bsm.codec}[number]
    return Sequence({"messageId": _FRAME_MEMBERS["messageId"], "value": codec().kind})


def _heard(
    number: int,
    value: Any,
    counter: int,
    measured_ns: int | None,
    content: PeerContent | None,
    sender: str = "",
) -> Heard:
    return Heard(
        standard="j2735",
        version=_VERSION,
        message=MESSAGE_NAMES[number],
        sender=sender,
        counter=counter,
        measured_ns=measured_ns,
        content=content,
        kind=_kind(number),
        value={"messageId": number, "value": value},
    )


def peek(payload: bytes, now: Now) -> Glimpse | None:
    """Sender, place and motion of a BSM, read alone and fast; None where it is another message."""
    if payload[:2] != b"\x00\x14":
        return None
    return _bsm.peek(_FRAME.decode(payload)["value"])
