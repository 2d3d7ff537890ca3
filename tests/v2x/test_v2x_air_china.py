"""What a station of China really sends, read by asn1tools."""

import math

import pytest
from v2x_air import (
    END_NS,
    KINDS,
    OVER_NS,
    START_NS,
    STATION,
    UPDATED_NS,
    S,
    date,
    drive,
    event,
    keys,
    payloads,
)
from v2x_judge import asn1tools_of

from edge.v2x.csae53.schema import MESSAGE_FRAME


@pytest.fixture(scope="module", params=["unsigned", "signed"])
def china(request, tmp_path_factory):
    """By name of the message: (monotonic ns, decoded) of each."""
    folder = tmp_path_factory.mktemp("air")
    found = drive("csae53", keys(folder / "keys") if request.param == "signed" else None)
    assert (found.sender.failed, found.sender.held) == (0, 0)
    found.decoded, aids = {}, {}
    for t_ns, aid, payload in payloads(found):
        name, value = asn1tools_of(MESSAGE_FRAME).decode("M", payload)
        aids.setdefault(name, set()).add(aid)
        found.decoded.setdefault(name, []).append((t_ns, value))
    assert aids == {
        "bsmFrame": {111},
        "mapFrame": {3618},
        "spatFrame": {3619},
        "rsiFrame": {3620},
        "rsmFrame": {3623},
    }
    for told in found.decoded.values():
        assert [value["msgCnt"] for _, value in told] == [n % 128 for n in range(len(told))]
    return found


IDENTITY = STATION.to_bytes(8, "big")


def test_bsms_say_what_the_car_does(china):
    told = china.decoded["bsmFrame"]
    assert len(told) == 400
    for t_ns, bsm in told:
        car = china.car(t_ns)
        assert (bsm["id"], bsm["secMark"]) == (IDENTITY, date(t_ns) // 1_000_000 % 60_000)
        assert bsm["pos"]["lat"] == round(car.latitude_deg * 1e7)
        assert bsm["pos"]["long"] == round(car.longitude_deg * 1e7)
        assert bsm["pos"]["elevation"] == 120
        assert bsm["speed"] == pytest.approx(car.speed_mps * 50, abs=0.51)
        assert bsm["heading"] == pytest.approx(car.heading_deg * 80, abs=0.51)
        assert bsm["accelSet"]["long"] == round(car.acceleration_mps2 * 100)
        right_deg = -math.degrees(car.speed_mps / 40)  # to the right positive
        assert bsm["accelSet"]["yaw"] == pytest.approx(right_deg * 100, abs=1)
        assert bsm["brakes"]["brakePadel"] == ("on" if car.brake_pressed else "off")
        assert bsm["size"] == {"width": 180, "length": 460}
    with_path = [
        (t_ns, v["safetyExt"]["pathHistory"]) for t_ns, v in told if "pathHistory" in v.get("safetyExt", {})
    ]
    assert len(with_path) > 350
    for t_ns, history in with_path:
        assert len(history["crumbData"]) <= 23
        for crumb in history["crumbData"]:
            then, (_, away), here = (
                china.car(t_ns - crumb["timeOffset"] * 10_000_000),
                crumb["llvOffset"]["offsetLL"],
                china.car(t_ns),
            )
            assert here.latitude_deg * 1e7 + away["lat"] == pytest.approx(then.latitude_deg * 1e7, abs=20)
            assert here.longitude_deg * 1e7 + away["lon"] == pytest.approx(then.longitude_deg * 1e7, abs=20)


def offset(position):
    return position["offsetLL"][1]["lat"], position["offsetLL"][1]["lon"]


def degrees(content):
    return content.latitude_deg * 1e7, content.longitude_deg * 1e7


IN_BSM = ("hard_braking", "loss_of_control", "emergency_vehicle", "collision_risk")
TYPES = {  # of GB/T 29100, as edge/v2x/csae53/codes.py has them; 9900 for what has none
    "accident": 100, "broken_down_vehicle": 101, "bad_weather": 300, "low_visibility": 305,
    "slippery_road": 408, "road_works": 501, "traffic_jam": 707, "slow_vehicle": 902,
    "stationary_vehicle": 903, "wrong_way_driver": 904,
}  # fmt: skip


def test_rsis_say_the_events_and_the_signs(china):
    sayable = [kind for kind in KINDS if kind not in IN_BSM]
    found = {}
    for t_ns, rsi in china.decoded["rsiFrame"]:
        car = china.car(t_ns)
        assert (rsi["id"], rsi["moy"]) == (IDENTITY, 14 * 1440 + 8 * 60)
        (entry,) = rsi.get("rtes", []) + rsi.get("rtss", [])
        kind = sayable[entry.get("rteId", entry.get("rtsId")) - 1]
        found.setdefault(kind, []).append(t_ns)
        sign = kind in ("sign", "speed_limit")
        assert ("rtss" in rsi) == sign
        if sign:
            assert entry["signType"] == (85 if kind == "speed_limit" else 0)
        else:
            assert entry["eventType"] == TYPES.get(kind, 9900)
            assert (entry["eventRadius"], entry["eventSource"]) == (800, "detection")
            assert entry["eventConfidence"] == (200 if kind == "accident" and t_ns >= UPDATED_NS else 100)
        words = {k: k.replace("_", " ") for k in sayable if k not in TYPES} | {"speed_limit": "50"}
        if kind != "sign":
            assert entry.get("description", ("", None))[1] == words.get(kind)
        meant, _ = china.events[kind]
        if kind == "accident" and t_ns >= UPDATED_NS:
            meant = event(kind, china.car(UPDATED_NS))
        north, east = offset(entry["signPos" if sign else "eventPos"])
        assert rsi["refPos"]["lat"] + north == pytest.approx(meant.latitude_deg * 1e7, abs=1)
        assert rsi["refPos"]["long"] + east == pytest.approx(meant.longitude_deg * 1e7, abs=1)
        assert (rsi["refPos"]["lat"], rsi["refPos"]["long"]) == pytest.approx(degrees(car), abs=1)
    assert list(found) == sayable
    assert max(found["accident"]) == OVER_NS - S // 2
    assert max(found["road_works"]) == END_NS - S + 3 * S // 10


def test_rsms_say_every_object_once(china):
    types = {"person": "pedestrian", "bicycle": "non-motor", "unknown": "unknown"}
    classes = {"car": 10, "truck": 25, "bus": 50, "motorcycle": 40}
    told = {}
    for t_ns, rsm in china.decoded["rsmFrame"]:
        own, *others = rsm["participants"]
        assert len(others) <= 15
        assert (rsm["id"], own["ptcId"], own["source"]) == (IDENTITY, 0, "selfinfo")
        told.setdefault(t_ns, []).extend((rsm["refPos"], one) for one in others)
    for t_ns, meant in china.objects:
        for one, (here, its) in zip(meant.objects, told.pop(t_ns, []), strict=True):
            assert (one.id, its["source"]) == (str(its["ptcId"]), "video")
            assert its["ptcType"] == types.get(one.kind, "motor")
            assert its.get("vehicleClass", {}).get("classification") == classes.get(one.kind)
            assert its["secMark"] == (t_ns // 1_000_000 - 40) % 60_000
            place = here["lat"] + offset(its["pos"])[0], here["long"] + offset(its["pos"])[1]
            assert place == pytest.approx(degrees(one), abs=1)
            assert (its["speed"], its["heading"]) == (one.speed_mps * 50, one.heading_deg * 80)
            size = its["size"]["length"] / 100, its["size"]["width"] / 100
            assert size == pytest.approx((one.length_m, one.width_m), abs=0.011)
            assert its["posConfidence"]["pos"] == "a50cm"
    assert told == {}


def test_maps_and_spats_say_lanes_and_lights(china):
    for _, said in china.decoded["mapFrame"]:
        (node,) = said["nodes"]
        assert (node["id"], node["name"]) == ({"region": 0, "id": 7}, "crossing")
        assert (node["refPos"]["lat"], node["refPos"]["long"]) == (481_000_000, 115_000_000)
        meant = china.traffic.crossing().intersections[0]
        lanes = {lane["laneID"]: lane for link in node["inLinks"] for lane in link["lanes"]}
        approaching = {lane.id: lane for lane in meant.lanes if lane.approach}
        assert set(lanes) == set(approaching)
        for number, lane in lanes.items():
            assert lane["laneWidth"] == 350
            assert lane["speedLimits"] == [{"type": "vehicleMaxSpeed", "speed": 694}]  # of 0.02 m/s
            assert {to["phaseId"] for to in lane["connectsTo"]} == {approaching[number].connections[0].group}
            points = [offset(point["posOffset"]) for point in lane["points"]]
            places = [(481_000_000 + north, 115_000_000 + east) for north, east in points]
            theirs = [(north * 1e7, east * 1e7) for north, east in approaching[number].points]
            for one, other in zip(places, theirs[::-1], strict=True):  # towards the stop line
                assert one == pytest.approx(other, abs=1)
    lights = {"green": "protected-green", "yellow": "yellow", "red": "red"}
    for t_ns, spat in china.decoded["spatFrame"]:
        (crossing,) = spat["intersections"]
        minute_ms = t_ns // 1_000_000 % 60_000
        assert (crossing["moy"], crossing["timeStamp"]) == (14 * 1440 + 8 * 60, minute_ms)
        signals = china.traffic.signals((t_ns - START_NS) / S, t_ns).signals
        for light, phase in zip(signals, crossing["phases"], strict=True):
            assert light.group == phase["id"]
            assert [lights[one.state] for one in light.phases] == [
                one["light"] for one in phase["phaseStates"]
            ]
            for one, its in zip(light.phases, phase["phaseStates"], strict=True):
                form, timing = its["timing"]
                assert (its["light"], form) == (lights[one.state], "utcTiming")
                for name, when_ns in (("startUTCTime", one.from_ns), ("likelyEndUTCTime", one.likely_end_ns)):
                    assert timing[name] == pytest.approx(date(when_ns) // 10**8 % 36_000, abs=1)
