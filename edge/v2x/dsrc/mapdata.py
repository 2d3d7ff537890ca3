"""MapData of ISO/TS 19091 (MAPEM of ETSI, MAP of SAE J2735), to and from Intersections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edge.messages import Connection, Intersection, Intersections, MapLane
from edge.v2x.dsrc.lane_points import lane_points, node_list
from edge.v2x.dsrc.nodes import ALLOWED_MANEUVERS
from edge.v2x.moments import Now, minute_of_the_year
from edge.v2x.plane import Plane
from edge.v2x.scales import degrees, steps
from edge.v2x.uper import CodecError, bits

_INGRESS, _EGRESS = 0b10, 0b01
_MANOEUVRES = {
    "straight": bits(ALLOWED_MANEUVERS, {"maneuverStraightAllowed"}),
    "left": bits(ALLOWED_MANEUVERS, {"maneuverLeftAllowed"}),
    "right": bits(ALLOWED_MANEUVERS, {"maneuverRightAllowed"}),
    "u_turn": bits(ALLOWED_MANEUVERS, {"maneuverUTurnAllowed"}),
}
_NO_GROUPS = (None, 0, 255)  # not known; always free to go
_UNKNOWN_SPEED = 8191


# ---------------------------------------------------------------- in


def intersections(message: dict[str, Any]) -> Intersections | None:
    """The intersections of a decoded MapData that have a place; None where it has none, road segments only.

    Lanes are those for vehicles. Width and limit are those at the first node, else of the intersection.
    """
    found = tuple(_intersection(one) for one in message.get("intersections", ()) if _has_place(one))
    return Intersections(intersections=found) if found else None


def name_of(reference: dict[str, int]) -> str:
    """An IntersectionReferenceID as Intersection.id."""
    return f"{reference.get('region', 0)}.{reference['id']}"


def _has_place(one: dict[str, Any]) -> bool:
    return bool(one["refPoint"]["lat"] != 900000001 and one["refPoint"]["long"] != 1800000001)


def _intersection(one: dict[str, Any]) -> Intersection:
    here = one["refPoint"]
    plane = Plane(here["lat"] / 1e7, here["long"] / 1e7)
    by_id = {lane["laneID"]: lane for lane in one["laneSet"]}
    return Intersection(
        id=name_of(one["id"]),
        latitude_deg=plane.latitude_deg,
        longitude_deg=plane.longitude_deg,
        name=one.get("name", ""),
        lanes=tuple(
            _lane(lane, one, by_id, plane)
            for lane in one["laneSet"]
            if lane["laneAttributes"]["laneType"][0] == "vehicle"
        ),
    )


def _lane(
    lane: dict[str, Any], of: dict[str, Any], by_id: dict[int, dict[str, Any]], plane: Plane
) -> MapLane:
    form, listed = lane["nodeList"]
    first = listed[0].get("attributes", {}) if form == "nodes" else {}
    width = of.get("laneWidth", 0) + first.get("dWidth", 0)
    limits = next((value for name, value in first.get("data", ()) if name == "speedLimits"), None)
    return MapLane(
        id=lane["laneID"],
        points=lane_points(lane, by_id, plane),
        approach=bool(lane["laneAttributes"]["directionalUse"] & _INGRESS),
        width_m=width / 100 if width > 0 else None,
        speed_limit_mps=_speed_limit_mps(of.get("speedLimits", ()) if limits is None else limits),
        connections=tuple(_connections(lane)),
    )


def _speed_limit_mps(limits: Any) -> float | None:
    return next(
        (m["speed"] / 50 for m in limits if m["type"] == "vehicleMaxSpeed" and m["speed"] < _UNKNOWN_SPEED),
        None,
    )


def _connections(lane: dict[str, Any]) -> Iterator[Connection]:
    of_lane = lane.get("maneuvers", 0)
    if "connectsTo" not in lane:
        yield from (Connection(manoeuvre=name) for name in _names(of_lane))
        return
    only = of_lane if len(_names(of_lane)) == 1 else 0
    for one in lane["connectsTo"]:
        onward, group = one["connectingLane"], one.get("signalGroup")
        for name in _names(onward.get("maneuver", 0) or only) or (None,):
            yield Connection(
                manoeuvre=name,
                group=None if group in _NO_GROUPS else group,
                to_lane=onward["lane"] or None,
            )


def _names(maneuvers: int) -> tuple[str, ...]:
    return tuple(name for name, bit in _MANOEUVRES.items() if maneuvers & bit)


# ---------------------------------------------------------------- out


def map_data(content: Intersections, now: Now) -> dict[str, Any]:
    """Intersections as a MapData, its revisions 0 since the neutral model has none.

    Raises CodecError for what MapData cannot say: a position that is none, an intersection without lanes, a
    lane of one point, an id of another form.
    """
    return {
        "timeStamp": minute_of_the_year(now.utc_ns),
        "msgIssueRevision": 0,
        "layerType": "intersectionData",
        "intersections": [_geometry(one) for one in content.intersections],
    }


def reference_of(name: str) -> dict[str, int]:
    """Intersection.id as an IntersectionReferenceID. Raises CodecError for what is not "region.number"."""
    region, _, number = name.partition(".")
    if not (region.isascii() and region.isdigit() and number.isascii() and number.isdigit()):
        raise CodecError(
            "IntersectionReferenceID", f"{name!r} is not of the form region.number", "unencodable"
        )
    return {"region": int(region), "id": int(number)} if int(region) else {"id": int(number)}


def _geometry(one: Intersection) -> dict[str, Any]:
    here = {
        "lat": degrees("lat", one.latitude_deg, 1e7, 90.0),
        "long": degrees("long", one.longitude_deg, 1e7, 180.0),
    }
    plane = Plane(here["lat"] / 1e7, here["long"] / 1e7)
    width = next((round(lane.width_m * 100) for lane in one.lanes if lane.width_m is not None), None)
    fields: dict[str, Any] = {
        "id": reference_of(one.id),
        "revision": 0,
        "refPoint": here,
        "laneSet": [_lane_fields(lane, plane, width) for lane in one.lanes],
    }
    if width is not None:
        fields["laneWidth"] = width
    if one.name:
        fields["name"] = "".join(c if " " <= c <= "~" else "?" for c in one.name[:63])
    return fields


def _lane_fields(lane: MapLane, plane: Plane, width: int | None) -> dict[str, Any]:
    nodes = node_list(lane.points, plane)
    first: dict[str, Any] = {}
    if lane.speed_limit_mps is not None:
        speed = steps("speedLimits", lane.speed_limit_mps, 50, 0, _UNKNOWN_SPEED - 1, _UNKNOWN_SPEED)
        first["data"] = [("speedLimits", [{"type": "vehicleMaxSpeed", "speed": speed}])]
    if width is not None and lane.width_m is not None and round(lane.width_m * 100) != width:
        first["dWidth"] = steps("dWidth", lane.width_m - width / 100, 100, -512, 511, 0)
    if first:
        nodes[0]["attributes"] = first
    fields: dict[str, Any] = {
        "laneID": lane.id,
        "laneAttributes": {
            "directionalUse": _INGRESS if lane.approach else _EGRESS,
            "sharedWith": 0,
            "laneType": ("vehicle", 0),
        },
        "nodeList": ("nodes", nodes),
    }
    onward = [one for one in lane.connections if one.to_lane is not None or one.group is not None]
    allowed = {one.manoeuvre for one in lane.connections} - {None}
    if allowed and (not onward or all(one.manoeuvre is not None for one in onward)):
        fields["maneuvers"] = sum(bit for name, bit in _MANOEUVRES.items() if name in allowed)
    if onward:
        fields["connectsTo"] = [_connection(one) for one in onward]
    return fields


def _connection(one: Connection) -> dict[str, Any]:
    to: dict[str, Any] = {"lane": one.to_lane or 0}
    if one.manoeuvre is not None:
        to["maneuver"] = _MANOEUVRES[one.manoeuvre]
    return {"connectingLane": to} | ({} if one.group is None else {"signalGroup": one.group})
