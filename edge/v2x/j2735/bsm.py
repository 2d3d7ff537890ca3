"""United States: the core of BSM as SAE J2735 (2016 and later) defines it, received only.

Written from facts, checked by others against public recordings; of Part II only the event flags are read.
"""

from __future__ import annotations

from typing import Any

from edge.messages import RemoteObject
from edge.v2x.csae53.bsm import remote_object as alike_object
from edge.v2x.csae53.bsm_schema import EVENTS
from edge.v2x.uper import Bits, Codec, CodecError, Enumerated, Integer, Octets, Open, Sequence, SequenceOf

_ACCELERATION = Integer(-2000, 2001)
_ENGAGED = Enumerated("unavailable off on engaged")
CORE_DATA = Sequence(
    {
        "msgCnt": Integer(0, 127),
        "id": Octets(4),
        "secMark": Integer(0, 65535),
        "lat": Integer(-900000000, 900000001),
        "long": Integer(-1799999999, 1800000001),
        "elev": Integer(-4096, 61439),
        "accuracy": Sequence(
            {"semiMajor": Integer(0, 255), "semiMinor": Integer(0, 255), "orientation": Integer(0, 65535)}
        ),
        "transmission": Enumerated(
            "neutral park forwardGears reverseGears reserved1 reserved2 reserved3 unavailable"
        ),
        "speed": Integer(0, 8191),
        "heading": Integer(0, 28800),
        "angle": Integer(-126, 127),
        "accelSet": Sequence(
            {
                "long": _ACCELERATION,
                "lat": _ACCELERATION,
                "vert": Integer(-127, 127),
                "yaw": Integer(-32767, 32767),
            }
        ),
        "brakes": Sequence(
            {
                "wheelBrakes": Bits(5, names="unavailable leftFront leftRear rightFront rightRear"),
                "traction": _ENGAGED,
                "abs": _ENGAGED,
                "scs": _ENGAGED,
                "brakeBoost": Enumerated("unavailable off on"),
                "auxBrakes": Enumerated("unavailable off on reserved"),
            }
        ),
        "size": Sequence({"width": Integer(0, 1023), "length": Integer(0, 4095)}),
    }
)
BSM = Sequence(
    {
        "coreData": CORE_DATA,
        "partII?": SequenceOf(Sequence({"partII-Id": Integer(0, 63), "partII-Value": Open()}), 1, 8),
        "regional?": SequenceOf(Sequence({"regionId": Integer(0, 255), "regExtValue": Open()}), 1, 4),
    },
    extensible=True,
)
MESSAGE_FRAME = Sequence({"messageId": Integer(0, 32767), "value": Open()}, extensible=True)

BSM_CODEC = Codec("BasicSafetyMessage", BSM)
MESSAGE_FRAME_CODEC = Codec("MessageFrame", MESSAGE_FRAME)
_BSM_ID = 20
_SAFETY_EXTENSIONS_ID = 0


def decode_bsm(data: bytes) -> dict[str, Any]:
    """The BSM of a MessageFrame. Raises CodecError, reason "unsupported" for another message."""
    frame = MESSAGE_FRAME_CODEC.decode(data)
    if frame["messageId"] != _BSM_ID:
        raise CodecError("MessageFrame", f"messageId {frame['messageId']} is not read", "unsupported")
    return BSM_CODEC.decode(frame["value"])


def remote_object(bsm: dict[str, Any]) -> RemoteObject | None:
    """A decoded BSM as a neutral object; None when it does not know its own position.

    Units and unknown values are those of T/CSAE 53. The kind of vehicle is in no part that is read: unknown.
    """
    core = bsm["coreData"]
    alike = {
        "pos": {"lat": core["lat"], "long": core["long"], "elevation": core["elev"]},
        "posAccuracy": core["accuracy"],
        "speed": core["speed"],
        "heading": core["heading"],
        "accelSet": core["accelSet"],
        "brakes": core["brakes"],
        "size": core["size"],
        "vehicleClass": {"classification": 0},
        "safetyExt": {"events": _event_flags(bsm)},
    }
    return alike_object(alike)


def _event_flags(bsm: dict[str, Any]) -> int:
    """Of VehicleSafetyExtensions: extension bit, four presence bits, then the flags with their own bit."""
    for part in bsm.get("partII", ()):
        if part["partII-Id"] == _SAFETY_EXTENSIONS_ID and len(part["partII-Value"]) >= 3:
            head = int.from_bytes(part["partII-Value"][:3], "big")
            present, extended = head >> 22 & 1, head >> 18 & 1
            return head >> 5 & (1 << EVENTS.low) - 1 if present and not extended else 0
    return 0
