"""China: MAP as T/CSAE 53-2020 and YD/T 3709-2020 define it, to and from Intersections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edge.messages import Connection, Intersection, Intersections, MapLane
from edge.v2x.csae53.map_schema import MANEUVERS
from edge.v2x.csae53.places import Place, in_degrees, offset, place, position, seen_from
from edge.v2x.csae53.schema import codec
from edge.v2x.moments import Now, minute_of_the_year
from edge.v2x.scales import steps
from edge.v2x.uper import CodecError, bits

_LANES_OF_LINK = 256
_MANOEUVRES = {
    "straight": bits(MANEUVERS, {"maneuverStraightAllowed"}),
    "left": bits(MANEUVERS, {"maneuverLeftAllowed"}),
    "right": bits(MANEUVERS, {"maneuverRightAllowed"}),
    "u_turn": bits(MANEUVERS, {"maneuverUTurnAllowed"}),
}
_MAX_POINTS = 31


# ---------------------------------------------------------------- in


def intersections(message: dict[str, Any]) -> Intersections:
    """The nodes of a decoded MAP that have a place.

    Lanes are those for vehicles of all links that lead to the node: id is laneID + 256 times the number of
    the link, from 0. A lane without points has those of its link; without connections, its link's movements.
    """
    nodes = ((node, place(node["refPos"])) for node in message["nodes"])
    return Intersections(
        intersections=tuple(_intersection(node, here) for node, here in nodes if here is not None)
    )


def node_name(reference: dict[str, int]) -> str:
    """A NodeReferenceID as Intersection.id."""
    return f"{reference.get('region', 0)}.{reference['id']}"


def _intersection(node: dict[str, Any], here: Place) -> Intersection:
    latitude_deg, longitude_deg = in_degrees(here)
    return Intersection(
        id=node_name(node["id"]),
        latitude_deg=latitude_deg,
        longitude_deg=longitude_deg,
        name=node.get("name", ""),
        lanes=tuple(
            _lane(lane, link, number, here)
            for number, link in enumerate(node.get("inLinks", ()))
            for lane in link["lanes"]
            if _for_vehicles(lane)
        ),
    )


def _for_vehicles(lane: dict[str, Any]) -> bool:
    return "laneAttributes" not in lane or lane["laneAttributes"]["laneType"][0] == "vehicle"


def _lane(lane: dict[str, Any], link: dict[str, Any], number: int, here: Place) -> MapLane:
    points = (seen_from(here, one["posOffset"]) for one in lane.get("points", link.get("points", ())))
    return MapLane(
        id=number * _LANES_OF_LINK + lane["laneID"],
        points=tuple(in_degrees(p) for p in points if p is not None)[::-1],
        width_m=lane["laneWidth"] / 100 if lane.get("laneWidth") else None,
        speed_limit_mps=_speed_limit_mps(lane.get("speedLimits", link.get("speedLimits", ()))),
        connections=tuple(_connections(lane, link)),
    )


def _speed_limit_mps(limits: Any) -> float | None:
    return next(
        (m["speed"] / 50 for m in limits if m["type"] == "vehicleMaxSpeed" and m["speed"] < 8191), None
    )


def _connections(lane: dict[str, Any], link: dict[str, Any]) -> Iterator[Connection]:
    of_lane = lane.get("maneuvers", 0)
    only = of_lane if len(_names(of_lane)) == 1 else 0
    if "connectsTo" not in lane:
        movements = link.get("movements", ())
        names = _names(only) if len(movements) == 1 else ()
        for movement in movements:
            yield Connection(manoeuvre=names[0] if names else None, group=movement.get("phaseId") or None)
        return
    for one in lane["connectsTo"]:
        onward = one.get("connectingLane", {})
        for name in _names(onward.get("maneuver", 0) or only) or (None,):
            yield Connection(
                manoeuvre=name, group=one.get("phaseId") or None, to_lane=onward.get("lane") or None
            )


def _names(maneuvers: int) -> tuple[str, ...]:
    return tuple(name for name, bit in _MANOEUVRES.items() if maneuvers & bit)


# ---------------------------------------------------------------- out


def map_data(content: Intersections, count: int, now: Now) -> bytes:
    """Intersections as a MAP in its frame; lanes that lead away belong to other nodes and are left out.

    What the neutral model does not know, the nodes at the other ends, is numbered from 0 in region 0, which
    the standard keeps for tests. Raises CodecError for a position that is none or an id of another form.
    """
    message = {
        "msgCnt": count % 128,
        "timeStamp": minute_of_the_year(now.utc_ns),
        "nodes": [_node(one) for one in content.intersections],
    }
    return codec("mapFrame").encode(("mapFrame", message))


def node_reference(name: str) -> dict[str, int]:
    """Intersection.id as a NodeReferenceID. Raises CodecError for what is not "region.number"."""
    region, _, number = name.partition(".")
    if not (region.isascii() and region.isdigit() and number.isascii() and number.isdigit()):
        raise CodecError("NodeReferenceID", f"{name!r} is not of the form region.number", "unencodable")
    return {"region": int(region), "id": int(number)}


def _node(one: Intersection) -> dict[str, Any]:
    here = position(one.latitude_deg, one.longitude_deg)
    links: dict[int, list[dict[str, Any]]] = {}
    for lane in one.lanes:
        if lane.approach:
            links.setdefault(lane.id // _LANES_OF_LINK, []).append(_lane_fields(lane, here))
    fields: dict[str, Any] = {"id": node_reference(one.id), "refPos": here}
    if one.name:
        fields["name"] = one.name[:63].encode("ascii", "replace").decode()
    if links:
        fields["inLinks"] = [
            {"upstreamNodeId": {"region": 0, "id": number}, "lanes": lanes} for number, lanes in links.items()
        ]
    return fields


def _lane_fields(lane: MapLane, here: dict[str, int]) -> dict[str, Any]:
    fields: dict[str, Any] = {"laneID": lane.id % _LANES_OF_LINK}
    if lane.width_m is not None:
        fields["laneWidth"] = steps("laneWidth", lane.width_m, 100, 0, 32767, 0)
    if lane.connections:
        fields["connectsTo"] = [_connection(one) for one in lane.connections]
    if lane.speed_limit_mps is not None:
        speed = steps("speedLimits", lane.speed_limit_mps, 50, 0, 8190, 8191)
        fields["speedLimits"] = [{"type": "vehicleMaxSpeed", "speed": speed}]
    if len(lane.points) > 1:
        near = [offset(position(*point), here) for point in lane.points[:_MAX_POINTS]]
        fields["points"] = [{"posOffset": away} for away in reversed(near)]
    return fields


def _connection(one: Connection) -> dict[str, Any]:
    fields: dict[str, Any] = {"remoteIntersection": {"region": 0, "id": 0}}
    if one.to_lane is not None or one.manoeuvre is not None:
        fields["connectingLane"] = {"lane": one.to_lane or 0}
        if one.manoeuvre is not None:
            fields["connectingLane"]["maneuver"] = _MANOEUVRES.get(one.manoeuvre, 0)
    if one.group is not None:
        fields["phaseId"] = one.group
    return fields
