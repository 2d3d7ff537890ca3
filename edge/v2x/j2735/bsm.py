"""United States: BSM as SAE J2735 (2016 and later) defines it, to RemoteObject; received only."""

from __future__ import annotations

from functools import cache
from typing import Any

from edge.messages import RemoteObject
from edge.v2x.csae53.bsm import remote_object as alike_object
from edge.v2x.csae53.bsm_schema import EVENTS
from edge.v2x.j2735.bsm_schema import (
    BSM,
    SAFETY,
    SPECIAL,
    SPECIAL_EXTENSIONS,
    SUPPLEMENTAL,
    SUPPLEMENTAL_EXTENSIONS,
)
from edge.v2x.sets import Glimpse
from edge.v2x.uper import Codec, CodecError, bits

_CORE_BITS = 290
_BSM_HEAD = 3  # extension bit, two presence bits
_SUDDEN = bits(
    EVENTS,
    {
        "eventHazardLights", "eventStopLineViolation", "eventABSactivated", "eventTractionControlLoss",
        "eventStabilityControlactivated", "eventHardBraking", "eventFlatTire", "eventDisabledVehicle",
        "eventAirBagDeployment",
    },
)  # fmt: skip


@cache
def codec() -> Codec:
    """BasicSafetyMessage."""
    return Codec("BasicSafetyMessage", BSM)


@cache
def _alerts() -> Any:
    paths = ("vehicleAlerts.sirenUse", "vehicleAlerts.lightsUse", "vehicleAlerts.responseType")
    return Codec("SpecialVehicleExtensions", SPECIAL_EXTENSIONS).peek(*paths)


@cache
def _classification() -> Any:
    return Codec("SupplementalVehicleExtensions", SUPPLEMENTAL_EXTENSIONS).peek("classification")


def remote_object(bsm: dict[str, Any], measured_ns: int | None = None) -> RemoteObject | None:
    """A decoded BSM as a neutral object; None when it does not know its own position.

    Units and unknown values are those of T/CSAE 53. The kind is in part II, where there is that part: most
    vehicles send it seldom or never, then it is "unknown".
    """
    core = bsm["coreData"]
    alike: dict[str, Any] = {
        "pos": {"lat": core["lat"], "long": core["long"], "elevation": core["elev"]},
        "posAccuracy": core["accuracy"],
        "transmission": core["transmission"],
        "speed": core["speed"],
        "heading": core["heading"],
        "accelSet": core["accelSet"],
        "brakes": core["brakes"],
        "size": core["size"],
    }
    code = 0
    for part in bsm.get("partII", ()):
        number, value = part["partII-Id"], part["partII-Value"]
        if number == SAFETY:
            alike["safetyExt"] = value
        elif number == SPECIAL:
            alike["emergencyExt"] = alerts(value)
        elif number == SUPPLEMENTAL:
            code = classification(value)
    return alike_object(alike | {"vehicleClass": {"classification": code}}, measured_ns)


def alerts(special: bytes) -> dict[str, Any]:
    """Siren, lights and response of SpecialVehicleExtensions, those that are said and understood."""
    try:
        said = _alerts()(special)
    except CodecError:
        return {}
    return {
        name: value
        for name, value in zip(("sirenUse", "lightsUse", "responseType"), said, strict=True)
        if value is not None
    }


def classification(supplemental: bytes) -> int:
    """BasicVehicleClass of SupplementalVehicleExtensions, 0: unknown."""
    try:
        (code,) = _classification()(supplemental)
    except CodecError:
        return 0
    return code or 0


def peek(value: bytes) -> Glimpse | None:
    """Sender, place and motion of a BSM without its frame, read alone; None where it knows no place.

    sudden: of safety extensions that are the first of part II, as they are. Raises CodecError.
    """
    n, left = int.from_bytes(value, "big"), len(value) * 8 - _BSM_HEAD
    if left < _CORE_BITS:
        raise CodecError("BasicSafetyMessage", "the data ends here")
    core = n >> left - _CORE_BITS & (1 << _CORE_BITS) - 1
    latitude = (core >> 204 & 0x7FFFFFFF) - 900000000
    longitude = (core >> 172 & 0xFFFFFFFF) - 1799999999
    if not (latitude <= 900000000 and longitude <= 1800000000):
        return None
    gear, speed, heading = core >> 121 & 7, core >> 108 & 0x1FFF, core >> 93 & 0x7FFF
    return Glimpse(
        (core >> 251 & 0xFFFFFFFF).to_bytes(4, "big").hex(),
        latitude / 1e7,
        longitude / 1e7,
        None if speed == 8191 else -speed / 50 if gear == 3 and speed else speed / 50,
        heading / 80 if heading < 28800 else None,
        bool(n >> len(value) * 8 - 2 & 1 and _first_events(n, left - _CORE_BITS) & _SUDDEN),
    )


def _first_events(n: int, left: int) -> int:
    """The event flags of the first part, 0 where it is another or has none."""
    left -= 9
    if left < 8 or n >> left & 0x3F != SAFETY:
        return 0
    left -= 16 if n >> left - 8 & 0x80 else 8
    left -= 5
    if left < 14 or not n >> left + 3 & 1 or n >> left - 1 & 1:
        return 0
    return n >> left - 14 & 0x1FFF
