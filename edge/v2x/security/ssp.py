"""What service specific permissions of CAM and DENM allow: one bit for each delicate thing that is said.

Octet 0 is a version; then EN 302 637-2 V1.4.1 table in clause 6.2.2 for CAM, EN 302 637-3 V1.3.1 for DENM.
The bit numbers are widely implemented; they were not checked against the printed tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.v2x.security.permissions import Ssp

_CAM_BITS = (
    "cenDsrc",
    "publicTransportContainer",
    "specialTransportContainer",
    "dangerousGoodsContainer",
    "roadWorksContainerBasic",
    "rescueContainer",
    "emergencyContainer",
    "safetyCarContainer",
    "closedLanes",
    "requestForRightOfWay",
    "requestForFreeCrossingAtATrafficLight",
    "noPassing",
    "noPassingForTrucks",
    "speedLimit",
)
_CAUSES = (1, 2, 3, 6, 9, 10, 11, 12, 14, 15, 17, 18, 19, 26, 27, 91, 92, 93, 94, 95, 96, 97, 98, 99)

CAM_BITS = {name: 1 << (15 - bit) for bit, name in enumerate(_CAM_BITS)}
"""For each container and statement its bit in the two octets behind the version."""

DENM_BITS = {cause: 1 << (23 - bit) for bit, cause in enumerate(_CAUSES)}
"""For each cause code its bit in the three octets behind the version."""

_OCTETS = {"CAM": 2, "DENM": 3}


def needed(message: str, value: Any) -> int:
    """Which bits a decoded CAM or DENM needs; 0 for other messages.

    A cause code that has no bit needs none. value: as the codecs give it.
    """
    if message == "CAM":
        parameters = value["cam"]["camParameters"]
        _, frequent = parameters["highFrequencyContainer"]
        bits = 0
        if isinstance(frequent, Mapping) and "protectedCommunicationZonesRSU" in frequent:
            bits = CAM_BITS["cenDsrc"]
        if "specialVehicleContainer" not in parameters:
            return bits
        name, content = parameters["specialVehicleContainer"]
        if not isinstance(content, Mapping):
            return bits  # a container that is newer than our tables, passed over
        bits |= CAM_BITS.get(name, 0)
        for field in ("speedLimit", "closedLanes"):
            bits |= CAM_BITS[field] * (field in content)
        priority = content.get("emergencyPriority", 0)  # BIT STRING (SIZE (2)), the first bit is the greater
        bits |= CAM_BITS["requestForRightOfWay"] * (priority >> 1)
        bits |= CAM_BITS["requestForFreeCrossingAtATrafficLight"] * (priority & 1)
        return bits | CAM_BITS.get(content.get("trafficRule", ""), 0)
    if message == "DENM":
        situation = value["denm"].get("situation")
        return 0 if situation is None else DENM_BITS.get(_cause(situation["eventType"]), 0)
    return 0


def allows(message: str, ssp: Ssp, bits: int) -> bool:
    """Whether a station with these permissions may say it."""
    if not bits:
        return True
    octets = _OCTETS[message]
    if ssp.value is None or not ssp.bitmap or len(ssp.value) < 1 + octets or not ssp.value[0]:
        return False
    return int.from_bytes(ssp.value[1 : 1 + octets], "big") & bits == bits


def _cause(event: Mapping[str, Any]) -> int:
    """The code in release 1; in release 2 the number behind the name of a choice."""
    if "causeCode" in event:
        return int(event["causeCode"])
    name = str(event["ccAndScc"][0])
    digits = name[len(name.rstrip("0123456789")) :]
    return int(digits) if digits else 0
