"""China: RSI as T/CSAE 53-2020 and YD/T 3709-2020 define it, to and from RoadEvents."""

from __future__ import annotations

import math
import re
import zlib
from itertools import pairwise
from typing import Any

from edge.messages import RemoteObject, RoadEvent, RoadEvents
from edge.v2x.csae53 import bsm
from edge.v2x.csae53.codes import EVENT_CODES, OTHER_EVENT, SPEED_LIMIT_SIGN, kind_of_event, kind_of_sign
from edge.v2x.csae53.places import Place, in_degrees, offset, place, position, position_of, seen_from
from edge.v2x.csae53.schema import codec
from edge.v2x.moments import Now, minute_of_the_year
from edge.v2x.scales import steps

_SIGNS = ("sign", "speed_limit")
_MAX_PATH = 32
_MAX_TEXT = 512
_STRAIGHT = 0.9  # from end to end, of the way along a path
_MIDDLE_M = 7.5  # from the middle of a path, where nobody says how wide it is: two lanes

# GB/T 30699 codes of signs, 16 characters, may come before the words: YD/T 3709's profile for road-side units
_SIGN_CODE = re.compile(r"[0-9A-Za-z]{16}")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


# ---------------------------------------------------------------- in


def road_events(message: dict[str, Any], now: Now) -> RoadEvents | None:
    """The events and signs of a decoded RSI; None where it does not know its own place.

    id: "rte" or "rts" and the number. The place is that of the event or sign, else the end of its first path,
    else the reference of the message. Of several paths the first is taken, for events as far as to the event;
    links of the map are not.
    """
    here = place(message["refPos"])
    if here is None:
        return None
    events = [_event(one, here, now) for one in message.get("rtes", ())]
    events += [_sign(one, here, now) for one in message.get("rtss", ())]
    return RoadEvents(events=tuple(events))


def _event(rte: dict[str, Any], here: Place, now: Now) -> RoadEvent:
    code = rte["eventType"]
    confidence = rte.get("eventConfidence")
    return RoadEvent(
        id=f"rte{rte['rteId']}",
        kind=kind_of_event(code),
        code=code,
        text=_text(rte),
        confidence_ratio=None if confidence is None else confidence / 200,
        priority=_priority(rte),
        **_where(rte.get("eventPos"), rte.get("eventRadius"), rte, here, zone=False),
        **_when(rte, now),
    )


def _sign(rts: dict[str, Any], here: Place, now: Now) -> RoadEvent:
    code, text = rts["signType"], _text(rts)
    return RoadEvent(
        id=f"rts{rts['rtsId']}",
        kind=kind_of_sign(code),
        code=code,
        text=text,
        speed_limit_mps=_speed_limit_mps(text) if code == SPEED_LIMIT_SIGN else None,
        priority=_priority(rts),
        **_where(rts.get("signPos"), None, rts, here, zone=True),
        **_when(rts, now),
    )


def _priority(entry: dict[str, Any]) -> int | None:
    return entry["priority"][0] >> 5 if "priority" in entry else None


def _text(entry: dict[str, Any]) -> str:
    if "description" not in entry:
        return ""
    name, value = entry["description"]
    return value if name == "textString" else value.decode("gb18030", "replace")  # GB 2312 and more


def _speed_limit_mps(text: str) -> float | None:
    """The one number that the words hold, in km/h; None where there is none, or more than one."""
    numbers = _NUMBER.findall(_SIGN_CODE.sub("", text, count=1) if _SIGN_CODE.match(text) else text)
    limit_kmh = float(numbers[0]) if len(numbers) == 1 and len(numbers[0]) < 6 else 0.0
    return limit_kmh / 3.6 if 5.0 <= limit_kmh <= 150.0 else None


def _where(
    spot: dict[str, Any] | None, radius: int | None, entry: dict[str, Any], here: Place, zone: bool
) -> dict[str, Any]:
    points: list[Place] = []
    width: int | None = None
    if "referencePaths" in entry:
        first = entry["referencePaths"][0]
        width = first["pathRadius"]
        points = [p for p in (seen_from(here, one) for one in first["activePath"]) if p is not None]
    at = None if spot is None else seen_from(here, spot)
    if at is None:
        at = points[-1] if points else here
    if len(points) == 1 and radius is None:  # one point is the middle of a round area
        radius = width
    heading_deg = _heading_deg(points)
    if points and not zone:  # what has passed the event is not on the way to it
        points = points[: 1 + min(range(len(points)), key=lambda i: _square(points[i], at))]
    if len(points) < 2:
        points, width = [], None
    latitude_deg, longitude_deg = in_degrees(at)
    return {
        "latitude_deg": latitude_deg,
        "longitude_deg": longitude_deg,
        "radius_m": None if radius is None else radius / 10,
        "heading_deg": heading_deg,
        "path": tuple(in_degrees(p) for p in reversed(points)),
        "path_width_m": None if width is None else width / 5,
    }


def _east_north(a: Place, b: Place) -> tuple[float, float]:
    """From a to b, in 1e-7 degrees of latitude."""
    return (b[1] - a[1]) * math.cos(math.radians(a[0] / 1e7)), b[0] - a[0]


def _square(a: Place, b: Place) -> float:
    east, north = _east_north(a, b)
    return east * east + north * north


def _heading_deg(points: list[Place]) -> float | None:
    """The way that traffic takes on a path, where it is nearly straight."""
    if len(points) < 2:
        return None
    east, north = _east_north(points[0], points[-1])
    along = sum(math.hypot(*_east_north(a, b)) for a, b in pairwise(points))
    if not math.hypot(east, north) > _STRAIGHT * along:
        return None
    return math.degrees(math.atan2(east, north)) % 360.0


def _when(entry: dict[str, Any], now: Now) -> dict[str, Any]:
    details = entry.get("timeDetails", {})
    start, end = details.get("startTime"), details.get("endTime")
    from_ns = None if start is None else now.year_minutes(start)
    until_ns = None if end is None else now.year_minutes(end)
    return {"from_ns": from_ns, "until_ns": until_ns}


# ---------------------------------------------------------------- out


def rsi(events: RoadEvents, reference: RemoteObject, station_id: int, count: int, now: Now) -> bytes:
    """Events and signs as an RSI in its frame; those that are over are left out, as the standard ends them.

    `code` is the event type or sign type where it is given; a kind that no event type is known for goes as
    "other", said in words. An id should be "rte" or "rts" and a number of 0 to 255: of another a number is
    made, which two can share. Raises CodecError for a position that is none, or more than 8 events or 16
    signs.
    """
    here = position_of(reference)
    going = [event for event in events.events if not event.over]
    rtes = [_rte(event, here, now) for event in going if not is_sign(event)]
    rtss = [_rts(event, here, now) for event in going if is_sign(event)]
    message: dict[str, Any] = {
        "msgCnt": count % 128,
        "moy": minute_of_the_year(now.utc_ns),
        "id": bsm.identity(station_id),
        "refPos": here,
    }
    if rtes:
        message["rtes"] = rtes
    if rtss:
        message["rtss"] = rtss
    return codec("rsiFrame").encode(("rsiFrame", message))


def is_sign(event: RoadEvent) -> bool:
    """Whether an RSI tells it among the signs; else among the events."""
    return event.id.startswith("rts") or (event.kind in _SIGNS and not event.id.startswith("rte"))


def _number(event: RoadEvent) -> int:
    """Of 0 to 255, the same for the same id."""
    digits = event.id.removeprefix("rte").removeprefix("rts")
    known = digits.isascii() and digits.isdigit() and int(digits) < 256
    return int(digits) if known else zlib.crc32(event.id.encode("utf-8", "replace")) % 256


def _rte(event: RoadEvent, here: dict[str, int], now: Now) -> dict[str, Any]:
    code, text = event.code, event.text
    if code is None:
        code = EVENT_CODES.get(event.kind, OTHER_EVENT)
        if code == OTHER_EVENT:
            text = text or event.kind.replace("_", " ")
    fields: dict[str, Any] = {
        "rteId": _number(event),
        "eventType": code,
        "eventSource": "detection",
        "eventPos": offset(position(event.latitude_deg, event.longitude_deg), here),
    }
    if event.radius_m is not None:
        fields["eventRadius"] = steps("eventRadius", event.radius_m, 10, 0, 65535, 0)
    if event.confidence_ratio is not None:
        fields["eventConfidence"] = steps("eventConfidence", event.confidence_ratio, 200, 0, 200, 0)
    return fields | _common(event, text, here, now)


def _rts(event: RoadEvent, here: dict[str, int], now: Now) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "rtsId": _number(event),
        "signType": (SPEED_LIMIT_SIGN if event.kind == "speed_limit" else 0)
        if event.code is None
        else event.code,
        "signPos": offset(position(event.latitude_deg, event.longitude_deg), here),
    }
    return fields | _common(event, _limit_text(event), here, now)


def _limit_text(event: RoadEvent) -> str:
    limit_mps = event.speed_limit_mps
    if limit_mps is None:
        return event.text
    said_mps = _speed_limit_mps(event.text)
    if said_mps is not None and math.isclose(said_mps, limit_mps, abs_tol=0.1):
        return event.text
    return f"{steps('speed_limit', limit_mps, 3.6, 0, 999, 0)}"


def _common(event: RoadEvent, text: str, here: dict[str, int], now: Now) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if text:
        fields["description"] = _description(text)
    times = {
        name: minute_of_the_year(now.utc_ns + t_ns - now.t_ns)
        for name, t_ns in (("startTime", event.from_ns), ("endTime", event.until_ns))
        if t_ns is not None
    }
    if times:
        fields["timeDetails"] = times
    if event.priority is not None:
        fields["priority"] = bytes((min(max(event.priority, 0), 7) << 5,))
    if event.path:
        width_m = 2 * _MIDDLE_M if event.path_width_m is None else event.path_width_m
        points = [offset(position(*point), here) for point in event.path[:_MAX_PATH]]
        fields["referencePaths"] = [
            {"activePath": points[::-1], "pathRadius": steps("pathRadius", width_m, 5, 0, 65535, 0)}
        ]
    return fields


def _description(text: str) -> tuple[str, str | bytes]:
    if text.isascii():
        return "textString", text[:_MAX_TEXT]
    octets = text.encode("gb2312", "replace")
    while len(octets) > _MAX_TEXT:
        text = text[:-1]
        octets = text.encode("gb2312", "replace")
    return "textGB2312", octets.ljust(2)
