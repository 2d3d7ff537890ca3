"""China: RSM as T/CSAE 53-2020 and YD/T 3709-2020 define it, to and from PerceivedObjects."""

from __future__ import annotations

from typing import Any

from edge.messages import PerceivedObjects, RemoteObject
from edge.v2x.csae53 import bsm
from edge.v2x.csae53.places import NO_ELEVATION, Place, offset, place, position_of, seen_from
from edge.v2x.csae53.schema import codec
from edge.v2x.moments import Now
from edge.v2x.uper import CodecError

MAX_OBJECTS = 15
"""In one message, beside the sender itself."""

_KIND_OF_TYPE = {"motor": "car", "non-motor": "bicycle", "pedestrian": "person"}
_TYPE_OF_KIND = {"person": "pedestrian", "bicycle": "non-motor"} | dict.fromkeys(
    ("car", "truck", "bus", "motorcycle"), "motor"
)


def perceived(message: dict[str, Any], now: Now) -> PerceivedObjects | None:
    """Whom a decoded RSM describes, without the sender itself and what has no place; None: it knows no place.

    id is ptcId. A motor vehicle whose class is not said is a car, since that is what most are.
    """
    here = place(message["refPos"])
    if here is None:
        return None
    found = (_object(one, here, now) for one in message["participants"] if not _is_sender(one))
    return PerceivedObjects(objects=tuple(one for one in found if one is not None))


def measured_ns(message: dict[str, Any], now: Now) -> int | None:
    """When the newest of it held."""
    times = (now.minute_ms(one["secMark"]) for one in message["participants"])
    return max((t for t in times if t is not None), default=None)


def _is_sender(participant: dict[str, Any]) -> bool:
    return participant["source"] == "selfinfo" or participant["ptcType"] == "rsu"


def _object(participant: dict[str, Any], here: Place, now: Now) -> RemoteObject | None:
    there = seen_from(here, participant["pos"])
    if there is None:
        return None
    kind = (
        bsm.KINDS[participant["vehicleClass"]["classification"]]
        if "vehicleClass" in participant
        else "unknown"
    )
    acceleration = participant.get("accelSet", _NO_ACCELERATION)
    along, yaw = acceleration["long"], acceleration["yaw"]
    heading, size = participant["heading"], participant["size"]
    return RemoteObject(
        kind=_KIND_OF_TYPE.get(participant["ptcType"], kind) if kind == "unknown" else kind,
        latitude_deg=there[0] / 1e7,
        longitude_deg=there[1] / 1e7,
        id=str(participant["ptcId"]),
        measured_ns=now.minute_ms(participant["secMark"]),
        altitude_m=None if there[2] == NO_ELEVATION else there[2] / 10,
        speed_mps=bsm.speed_of(participant["speed"], participant.get("transmission") == "reverseGears"),
        heading_deg=None if heading == 28800 else heading / 80,
        acceleration_mps2=None if along == 2001 else along / 100,
        yaw_rate_radps=None if yaw == bsm.YAW_UNKNOWN else 0.0 - yaw * bsm.RAD_PER_STEP,
        length_m=size["length"] / 100 or None,
        width_m=size["width"] / 100 or None,
        accuracy_m=bsm.CONFIDENCE_M.get(participant["posConfidence"]["pos"]),
    )


_NO_ACCELERATION = {"long": 2001, "yaw": bsm.YAW_UNKNOWN}


def rsm(objects: PerceivedObjects, reference: RemoteObject, station_id: int, count: int, now: Now) -> bytes:
    """What we see as an RSM in its frame, ourselves (`reference`) its first participant.

    Raises CodecError for a position that is none, an id that is no number of 1 to 65535, or more than
    MAX_OBJECTS.
    """
    if len(objects.objects) > MAX_OBJECTS:
        raise CodecError("participants", f"{len(objects.objects)} are too many", "unencodable")
    here = position_of(reference)
    participants = [_participant(reference, 0, "selfinfo", here, now)]
    participants += [_participant(one, _number(one.id), "video", here, now) for one in objects.objects]
    message = {
        "msgCnt": count % 128,
        "id": bsm.identity(station_id),
        "refPos": here,
        "participants": participants,
    }
    return codec("rsmFrame").encode(("rsmFrame", message))


def _number(name: str) -> int:
    if not (name.isascii() and name.isdigit() and 0 < int(name) < 65536):
        raise CodecError("ptcId", f"{name!r} is no number of 1 to 65535", "unencodable")
    return int(name)


def _participant(
    content: RemoteObject, number: int, source: str, here: dict[str, int], now: Now
) -> dict[str, Any]:
    ptc_type = _TYPE_OF_KIND.get(content.kind, "unknown")
    fields: dict[str, Any] = {
        "ptcType": ptc_type,
        "ptcId": number,
        "source": source,
        "secMark": bsm.second_mark(content, now),
        "pos": offset(position_of(content), here),
        "posConfidence": {"pos": bsm.confidence_name(content.accuracy_m)},
        "transmission": bsm.gear(content.speed_mps),
        "speed": bsm.speed_steps(content.speed_mps),
        "heading": bsm.heading_steps(content.heading_deg),
        "size": bsm.size_of(content),
    }
    if content.acceleration_mps2 is not None or content.yaw_rate_radps is not None:
        fields["accelSet"] = bsm.acceleration_set(content)
    if ptc_type == "motor":
        fields["vehicleClass"] = {"classification": bsm.CLASS_OF_KIND[content.kind]}
    return fields
