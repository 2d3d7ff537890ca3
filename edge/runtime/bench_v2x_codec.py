"""`icv bench v2x`, codecs: whole messages and a few fields, beside asn1tools and pycrate in turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edge.clock import now_ns
from edge.runtime.bench import Figure
from edge.v2x.csae53.bsm_schema import BSM
from edge.v2x.etsi.cam_schema import CAM
from edge.v2x.uper import Codec, Type
from edge.v2x.uper.asn1_text import asn1_text

REPEATS = 15
PEER_MESSAGES = 60
"""Of the peer in each turn; ours does _MORE times as many."""

_MORE = 6
_BATCH = 1000
_VEHICLE = "cam.camParameters.highFrequencyContainer.basicVehicleContainerHighFrequency"
_POSITION = "cam.camParameters.basicContainer.referencePosition"
AWARENESS = (
    "header.stationID", "cam.generationDeltaTime", f"{_POSITION}.latitude", f"{_POSITION}.longitude",
    f"{_VEHICLE}.speed.speedValue", f"{_VEHICLE}.heading.headingValue",
    f"{_VEHICLE}.longitudinalAcceleration.longitudinalAccelerationValue",
)  # fmt: skip
"""What a table of road users needs of a CAM."""


def codec_figures(say: Callable[[str], None]) -> dict[str, Figure]:
    """Ratios of the fastest turns in one process, rates of ours beside them.

    The messages: a CAM of release 1 with the low-frequency container and 10 path points, a BSM of T/CSAE 53
    with event flags. asn1tools is compiled from our tables' text, pycrate's CAM is its official one.
    """
    say("codecs: CAM with 10 path points, BSM, in turns with asn1tools and pycrate ...")
    cam, bsm = Codec("CAM", CAM), Codec("BSM", BSM)
    turns: dict[str, tuple[Callable[[Any], Any], Any, int]] = {}
    differences = 0
    for name, codec, value in (("cam", cam, _cam()), ("bsm", bsm, _bsm())):
        wire, peer = codec.encode(value), _asn1tools(codec.name, codec.kind)
        theirs = peer["decode"](wire)
        differences += (peer["encode"](theirs) != wire) + (codec.decode(wire) != value)
        turns[f"{name}_decode"] = codec.decode, wire, _MORE
        turns[f"{name}_encode"] = codec.encode, value, _MORE
        turns[f"{name}_decode_asn1tools"] = peer["decode"], wire, 1
        turns[f"{name}_encode_asn1tools"] = peer["encode"], theirs, 1
    wire = cam.encode(_cam())
    official = _pycrate_cam()
    theirs = official["decode"](wire)
    differences += official["encode"](theirs) != wire
    turns["cam_decode_pycrate"] = official["decode"], wire, 1
    turns["cam_encode_pycrate"] = official["encode"], theirs, 1
    peek, columns, batch = cam.peek(*AWARENESS), cam.columns(*AWARENESS), [wire] * _BATCH
    differences += tuple(int(column[7]) for column in columns(batch)[0].values()) != peek(wire)
    turns["lazy_cam"] = peek, wire, 10 * _MORE
    us = _in_turns(turns)
    us["columns_cam"] = _in_turns({"columns": (columns, batch, 1 / PEER_MESSAGES)})["columns"] / _BATCH
    figures = {"codec_differences": Figure("bits or values that differ from the peers'", differences, "")}
    titles = {
        "cam_decode": "CAM, 10 path points: decode",
        "cam_encode": "CAM, 10 path points: encode",
        "bsm_decode": "BSM: decode",
        "bsm_encode": "BSM: encode",
        "lazy_cam": "CAM: 7 fields alone",
        "columns_cam": f"CAM: 7 fields as columns of {_BATCH}",
    }
    for name, title in titles.items():
        message = name.rpartition("_")[2] if name.endswith("cam") else name.partition("_")[0]
        against = name if name[:3] == message else f"{message}_decode"
        figures[f"{name}_ratio"] = Figure(
            f"{title}, of asn1tools' speed", us[f"{against}_asn1tools"] / us[name], "x"
        )
        if message == "cam":
            speed = us[f"{against}_pycrate"] / us[name]
            figures[f"{name}_ratio_pycrate"] = Figure(f"{title}, of pycrate's speed", speed, "x")
        figures[f"{name}_per_s"] = Figure(title, 1e6 / us[name], "1/s")
    for name in (
        "cam_decode_asn1tools",
        "cam_encode_asn1tools",
        "bsm_decode_asn1tools",
        "cam_decode_pycrate",
    ):
        what, _, peer_name = name.rpartition("_")
        figures[f"{name}_per_s"] = Figure(f"{peer_name}: {titles[what]}", 1e6 / us[name], "1/s")
    return figures


def _in_turns(turns: Mapping[str, tuple[Callable[[Any], Any], Any, float]]) -> dict[str, float]:
    """Microseconds of one call of each, in its fastest turn: others on the machine only make it slower."""
    taken: dict[str, list[float]] = {name: [] for name in turns}
    for turn in range(REPEATS + 1):
        for name, (run, argument, more) in turns.items():
            count = max(round(PEER_MESSAGES * more), 1)
            begin_ns = now_ns()
            for _ in range(count):
                run(argument)
            if turn:  # the first warms up
                taken[name].append((now_ns() - begin_ns) / 1e3 / count)
    return {name: min(all_us) for name, all_us in taken.items()}


def _asn1tools(name: str, kind: Type) -> dict[str, Callable[[Any], Any]]:
    import asn1tools

    module = asn1tools.compile_string(asn1_text(name, kind), "uper")
    return {
        "encode": lambda value: module.encode(name, value),
        "decode": lambda wire: module.decode(name, wire),
    }


def _pycrate_cam() -> dict[str, Callable[[Any], Any]]:
    from pycrate_asn1dir import ITS_CAM_2

    cam = ITS_CAM_2.CAM_PDU_Descriptions.CAM

    def encode(value: Any) -> Any:
        cam.set_val(value)
        return cam.to_uper()

    def decode(wire: bytes) -> Any:
        cam.from_uper(wire)
        return cam.get_val()

    return {"encode": encode, "decode": decode}


def _cam() -> dict[str, Any]:
    high = {
        "heading": {"headingValue": 1234, "headingConfidence": 10},
        "speed": {"speedValue": 1390, "speedConfidence": 5},
        "driveDirection": "forward",
        "vehicleLength": {
            "vehicleLengthValue": 45, "vehicleLengthConfidenceIndication": "noTrailerPresent",
        },
        "vehicleWidth": 18,
        "longitudinalAcceleration": {
            "longitudinalAccelerationValue": -12, "longitudinalAccelerationConfidence": 20,
        },
        "curvature": {"curvatureValue": 10, "curvatureConfidence": "onePerMeter-0-002"},
        "curvatureCalculationMode": "yawRateUsed",
        "yawRate": {"yawRateValue": -130, "yawRateConfidence": "degSec-000-05"},
    }  # fmt: skip
    path = [
        {
            "pathPosition": {"deltaLatitude": 900 * i, "deltaLongitude": -420 * i, "deltaAltitude": 5 * i},
            "pathDeltaTime": 50 + i,
        }
        for i in range(10)
    ]
    low = {"vehicleRole": "default", "exteriorLights": 0b00100000, "pathHistory": path}
    position = {
        "latitude": 485000000,
        "longitude": 112000000,
        "positionConfidenceEllipse": {
            "semiMajorConfidence": 50, "semiMinorConfidence": 40, "semiMajorOrientation": 900,
        },
        "altitude": {"altitudeValue": 40000, "altitudeConfidence": "alt-001-00"},
    }  # fmt: skip
    parameters = {
        "basicContainer": {"stationType": 5, "referencePosition": position},
        "highFrequencyContainer": ("basicVehicleContainerHighFrequency", high),
        "lowFrequencyContainer": ("basicVehicleContainerLowFrequency", low),
    }
    header = {"protocolVersion": 2, "messageID": 2, "stationID": 123456}
    return {"header": header, "cam": {"generationDeltaTime": 34567, "camParameters": parameters}}


def _bsm() -> dict[str, Any]:
    return {
        "msgCnt": 5,
        "id": b"car 0042",
        "secMark": 12345,
        "pos": {"lat": 311234567, "long": 1214567890, "elevation": 120},
        "posConfidence": {"pos": "a50cm"},
        "transmission": "forwardGears",
        "speed": 700,
        "heading": 14400,
        "angle": 3,
        "accelSet": {"long": -350, "lat": 3, "vert": 1, "yaw": 100},
        "brakes": {"brakePadel": "on", "wheelBrakes": 0b01111, "abs": "engaged"},
        "size": {"width": 180, "length": 450},
        "vehicleClass": {"classification": 10},
        "safetyExt": {"events": 0b0000000100000},
    }
