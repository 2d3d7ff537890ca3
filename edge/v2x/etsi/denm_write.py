"""Events as DENM."""

from __future__ import annotations

from typing import Any, Literal

from edge.messages import RemoteObject, RoadEvent
from edge.v2x.etsi.cam_write import heading
from edge.v2x.etsi.denm_causes import cause_of
from edge.v2x.etsi.denm_read import DISTANCES, codec_1, codec_2
from edge.v2x.etsi.places import reference_position, trace
from edge.v2x.moments import Now, timestamp_its_ns
from edge.v2x.network.packet import STATION_TYPES
from edge.v2x.scales import steps
from edge.v2x.uper import CodecError

_TRACE_POINTS = 40
_MAX_VALIDITY_S = 86_400
_TERMINATIONS = {"cancellation": "isCancellation", "negation": "isNegation"}


def denm(
    event: RoadEvent,
    originator: RemoteObject,
    station_id: int,
    action: tuple[int, int],
    detected_ns: int,
    referenced_ns: int,
    now: Now,
    termination: Literal["", "cancellation", "negation"] = "",
    validity_s: int = 600,
    interval_ms: int | None = None,
    release: int = 1,
    protocol: int = 2,
) -> bytes:
    """An event, or its end. Raises CodecError for a place that is none, and for kinds that IVIM tells.

    originator: us; action: the station that told it first, and its number there; detected_ns, referenced_ns:
    monotonic; validity_s: from detected_ns on; interval_ms: between repetitions. An end says nothing but
    which event and where. release 2 (TS 103 831) says too whether the event is elsewhere than we are;
    otherwise its bits are those of release 1. protocol 1: as EN 302 637-3 V1.2 had it.
    """
    position = reference_position(event)
    management: dict[str, Any] = {
        "actionID": {"originatingStationID": action[0], "sequenceNumber": action[1]},
        "detectionTime": _its_ms(detected_ns, now),
        "referenceTime": _its_ms(referenced_ns, now),
        "eventPosition": position,
        "validityDuration": min(max(validity_s, 0), _MAX_VALIDITY_S),
        "stationType": STATION_TYPES.get(originator.kind, 0),
    }
    if event.radius_m is not None:
        management["relevanceDistance"] = next(
            (name for name, metres in DISTANCES.items() if event.radius_m <= metres), "over10km"
        )
    management["relevanceTrafficDirection"] = (
        "allTrafficDirections" if event.heading_deg is None else "upstreamTraffic"
    )
    if interval_ms is not None:
        management["transmissionInterval"] = min(max(interval_ms, 1), 10_000)
    body: dict[str, Any] = {"management": management}
    if termination:
        management["termination"] = _TERMINATIONS[termination]
    else:
        body.update(_contents(event, position))
        if release == 2:
            here = (originator.latitude_deg, originator.longitude_deg)
            body["situation"]["perceivedEvent"] = here != (event.latitude_deg, event.longitude_deg)
    header = {"protocolVersion": protocol, "messageID": 1, "stationID": station_id}
    return (codec_1() if protocol == 1 else codec_2()).encode({"header": header, "denm": body})


def _contents(event: RoadEvent, position: dict[str, Any]) -> dict[str, Any]:
    cause = cause_of(event.kind, event.code)
    if cause is None:
        raise CodecError("DENM", f"has no cause for {event.kind}", "unencodable")
    sure = event.confidence_ratio
    situation: dict[str, Any] = {
        "informationQuality": steps("informationQuality", sure, 7, 1, 7, 0),
        "eventType": {"causeCode": cause[0], "subCauseCode": cause[1]},
    }
    location: dict[str, Any] = {"traces": [trace(position, event.path, _TRACE_POINTS)]}
    if event.speed_mps is not None:
        location["eventSpeed"] = {
            "speedValue": steps("speedValue", abs(event.speed_mps), 100, 0, 16382, 16383),
            "speedConfidence": 127,
        }
    if event.heading_deg is not None:
        location["eventPositionHeading"] = {
            "headingValue": heading(event.heading_deg),
            "headingConfidence": 127,
        }
    contents = {"situation": situation, "location": location}
    if event.speed_limit_mps is not None and event.kind == "road_works":
        kmh = steps("speedLimit", event.speed_limit_mps, 3.6, 1, 255, 255)
        contents["alacarte"] = {"roadWorks": {"speedLimit": kmh}}
    return contents


def _its_ms(t_ns: int, now: Now) -> int:
    return timestamp_its_ns(now.utc_ns + t_ns - now.t_ns) // 1_000_000
