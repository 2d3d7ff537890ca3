"""Node lists of lanes in MapData, to and from points: offsets of every width, absolute, computed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from edge.v2x.plane import Plane
from edge.v2x.scales import degrees
from edge.v2x.uper import CodecError

Point = tuple[float, float]

_WIDTHS = tuple((f"node-XY{i}", 1 << bits - 1) for i, bits in enumerate((10, 11, 12, 13, 14, 16), 1))
_MOST_NODES = 63
_MOST_COMPUTED = 8  # lanes computed from lanes that are computed


def lane_points(lane: dict[str, Any], lanes: dict[int, dict[str, Any]], plane: Plane) -> tuple[Point, ...]:
    """Latitude and longitude of the nodes of a lane, from the stop line outward.

    lanes: those of the same intersection by laneID, for computed ones; () where the reference is not among
    them, or is computed in a circle.
    """
    return tuple(plane.place(*point) for point in _metres(lane, lanes, plane, _MOST_COMPUTED))


def _metres(
    lane: dict[str, Any], lanes: dict[int, dict[str, Any]], plane: Plane, depth: int
) -> list[tuple[float, float]]:
    form, listed = lane["nodeList"]
    if form == "nodes":
        return _nodes(listed, plane)
    if form != "computed" or listed["referenceLaneId"] not in lanes or not depth:
        return []
    return _computed(listed, _metres(lanes[listed["referenceLaneId"]], lanes, plane, depth - 1))


def _nodes(nodes: list[dict[str, Any]], plane: Plane) -> list[tuple[float, float]]:
    """Each is an offset in cm from the one before, the first from the reference point of the intersection."""
    east = north = 0.0
    points = []
    for node in nodes:
        form, delta = node["delta"]
        if form == "node-LatLon":
            if delta["lat"] == 900000001 or delta["lon"] == 1800000001:
                break
            east, north = plane.point(delta["lat"] / 1e7, delta["lon"] / 1e7)
        elif form == "regional":  # its length is not known, and all that follows hangs on it
            break
        else:
            east += delta["x"] / 100
            north += delta["y"] / 100
        points.append((east, north))
    return points


def _computed(computed: dict[str, Any], points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The reference lane scaled and turned about its first node, then moved.

    Scales are in steps of 0.05 % from 100 %; the angle, in steps of 0.0125 degrees, is taken as clockwise
    like a heading.
    """
    if not points:
        return []
    angle = math.radians(computed.get("rotateXY", 0) / 80)
    cosine, sine = math.cos(angle), math.sin(angle)
    scale_x = 1 + computed.get("scaleXaxis", 0) / 2000
    scale_y = 1 + computed.get("scaleYaxis", 0) / 2000
    first_x, first_y = points[0]
    move_x = first_x + computed["offsetXaxis"][1] / 100
    move_y = first_y + computed["offsetYaxis"][1] / 100
    out = []
    for east, north in points:
        x, y = (east - first_x) * scale_x, (north - first_y) * scale_y
        out.append((move_x + x * cosine + y * sine, move_y + y * cosine - x * sine))
    return out


def node_list(points: Sequence[Point], plane: Plane) -> list[dict[str, Any]]:
    """Points as nodes, each offset in the narrowest form that holds it.

    Rounding does not add up along the lane. Raises CodecError for less than 2 or more than 63 points.
    """
    if not 2 <= len(points) <= _MOST_NODES:
        raise CodecError("nodeList", f"{len(points)} points, a lane has 2 to {_MOST_NODES}", "unencodable")
    nodes: list[dict[str, Any]] = []
    last_x = last_y = 0
    for latitude_deg, longitude_deg in points:
        lat = degrees("lat", latitude_deg, 1e7, 90.0)
        lon = degrees("lon", longitude_deg, 1e7, 180.0)
        east, north = plane.point(latitude_deg, longitude_deg)
        x, y = round(east * 100), round(north * 100)
        delta: tuple[str, dict[str, int]] = ("node-LatLon", {"lon": lon, "lat": lat})
        for name, limit in _WIDTHS:
            if -limit <= x - last_x < limit and -limit <= y - last_y < limit:
                delta = (name, {"x": x - last_x, "y": y - last_y})
                break
        nodes.append({"delta": delta})
        last_x, last_y = x, y
    return nodes
