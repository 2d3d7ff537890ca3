"""What a station of Europe really sends, captured as it goes and read by tshark; CPM by asn1tools."""

import json
import math
import re
import subprocess
from itertools import pairwise

import pytest
from msgspec.structs import replace
from v2x_air import (
    END_NS,
    ITS_MS,
    KINDS,
    OVER_NS,
    START_NS,
    STATION,
    UPDATED_NS,
    S,
    date,
    drive,
    keys,
    payloads,
    thing,
)
from v2x_judge import asn1tools_of, from_asn1tools
from v2x_tshark import NEEDS_TSHARK

from edge.messages import PerceivedObjects
from edge.v2x import network
from edge.v2x.etsi.cpm_message import codec
from edge.v2x.etsi.cpm_schema import CPM
from edge.v2x.links.pcap import PcapWriter

UNSAID = ("speed_limit", "sign", "other")  # a DENM has no cause for these
CAUSES = {  # TS 102 894-2, by tshark's names of them: cause, sub cause
    "accident": ("accident", 0), "stationary_vehicle": ("stationaryVehicle", 0),
    "broken_down_vehicle": ("stationaryVehicle", 2), "road_works": ("roadworks", 0),
    "obstacle": ("hazardousLocation-ObstacleOnTheRoad", 0), "person_on_road": ("humanPresenceOnTheRoad", 0),
    "animal_on_road": ("hazardousLocation-AnimalOnTheRoad", 0), "traffic_jam": ("trafficCondition", 0),
    "slippery_road": ("adverseWeatherCondition-Adhesion", 0),
    "low_visibility": ("adverseWeatherCondition-Visibility", 0),
    "bad_weather": ("adverseWeatherCondition-ExtremeWeatherCondition", 0),
    "wrong_way_driver": ("wrongWayDriving", 0), "emergency_vehicle": ("emergencyVehicleApproaching", 1),
    "rescue_works": ("rescueAndRecoveryWorkInProgress", 0), "slow_vehicle": ("slowVehicle", 0),
    "hard_braking": ("dangerousSituation", 1), "loss_of_control": ("dangerousSituation", 3),
    "signal_violation": ("signalViolation", 0), "collision_risk": ("collisionRisk", 0),
    "dangerous_curve": ("hazardousLocation-DangerousCurve", 0),
    "dangerous_spot": ("hazardousLocation-SurfaceCondition", 0),
}  # fmt: skip
HOLD_S = {"hard_braking": 2, "collision_risk": 2, "signal_violation": 2, "loss_of_control": 5}


@pytest.fixture(scope="module", params=["unsigned", "signed"])
def air(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("air")
    found = drive("etsi", keys(folder / "keys") if request.param == "signed" else None)
    writer = PcapWriter(folder / "air.pcap")
    for t_ns, packet in found.heard:
        writer.write(date(t_ns), packet)
    writer.close()
    assert writer.left_out == 0
    lines = tshark(folder, "-T", "ek").splitlines()
    found.seen = [
        flat(json.loads(line, object_pairs_hook=merged)["layers"])
        for line in lines
        if line.startswith('{"timestamp"')
    ]
    assert len(found.seen) == len(found.heard)
    found.folder, found.signed = folder, request.param == "signed"
    return found


def tshark(folder, *words):
    command = ["tshark", "-r", str(folder / "air.pcap"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def merged(pairs):
    """An object of JSON in which tshark may name a field twice: the values of both, as a list."""
    found = {}
    for name, value in pairs:
        if name in found:
            before = found[name] if isinstance(found[name], list) else [found[name]]
            value = before + (value if isinstance(value, list) else [value])
        found[name] = value
    return found


def flat(layers):
    """The fields of all layers of a packet; a list where a field is there more than once."""
    return {name: value for layer in layers.values() for name, value in layer.items()}


def many(value):
    return [int(v) for v in ([] if value is None else [value] if isinstance(value, str) else value)]


@NEEDS_TSHARK
def test_tshark_knows_every_packet_and_complains_of_none(air):
    fields = ["frame.protocols", "_ws.malformed", "_ws.expert.message", "its.messageID"]
    said = tshark(
        air.folder, "-T", "fields", "-E", "separator=|", *(p for f in fields for p in ("-e", f))
    ).splitlines()
    security = "ieee1609dot2:" if air.signed else ""
    counts = {}
    for line in said:
        protocols, malformed, expert, message = line.split("|")
        assert malformed == ""
        assert protocols.removesuffix(":data") == f"eth:ethertype:gnw:{security}btpb:its"
        assert protocols.endswith(":data") == (
            message == "14"
        )  # of release 2, which tshark 4.0 does not know
        complaints = [part for part in expert.split(",") if "Remain Hop Limit" not in part]
        if message == "14":
            assert len(complaints) == 1
            assert "No subdissector" in complaints[0]
        else:
            assert complaints in ([], [""])
        counts[message] = counts.get(message, 0) + 1
    assert counts["2"] == 400
    assert counts["1"] > 300
    assert (counts["4"], counts["5"], counts["14"]) == (40, 40, 40 + 8)
    assert (air.sender.held, air.sender.failed) == (0, len(UNSAID))
    assert air.sender.sent == len(air.heard) == sum(counts.values())


@NEEDS_TSHARK
def test_the_headers_say_who_where_when(air):
    ports = {"1": 2002, "2": 2001, "4": 2004, "5": 2003, "14": 2009}
    sequence = 0
    for (t_ns, packet), said in zip(air.heard, air.seen, strict=True):
        message, car = said["its_its_messageID"], air.car(t_ns)
        assert said["its_its_stationID"] == str(STATION) or message == "14"
        assert int(said["btpb_btpb_dstport"]) == ports[message]
        assert int(said["gnw_geonw_src_pos_tst"]) == (date(t_ns) // 1_000_000 - ITS_MS) % (1 << 32)
        assert int(said["gnw_geonw_src_pos_lat"]) == round(car.latitude_deg * 1e7)
        assert int(said["gnw_geonw_src_pos_long"]) == round(car.longitude_deg * 1e7)
        assert int(said["gnw_geonw_src_pos_speed"]) == round(car.speed_mps * 100)
        assert int(said["gnw_geonw_src_pos_hdg"]) == round(car.heading_deg * 10) % 3600
        assert said["gnw_geonw_src_pos_addr_type"] == "5"
        assert int(said["gnw_geonw_ch_tc_id"]) <= 2
        if message == "1":
            assert (said["gnw_geonw_ch_htype"], said["gnw_geonw_bh_rhl"]) == ("0x40", "10")
            sequence += 1
            assert int(said["gnw_geonw_seq_num"], 0) == sequence
            area = int(said["gnw_geonw_gxc_latitude"]), int(said["gnw_geonw_gxc_longitude"])
            places = many(said["its_its_latitude"])[0], many(said["its_its_longitude"])[0]
            assert area == places
            assert 500 <= int(said["gnw_geonw_gxc_radius"]) <= 1784  # 10 km2
        else:
            assert (said["gnw_geonw_ch_htype"], said["gnw_geonw_bh_rhl"]) == ("0x50", "1")
        if air.signed:
            aids = {"1": 37, "2": 36, "4": 137, "5": 138, "14": 639}
            assert many(said["ieee1609dot2_ieee1609dot2_psid"])[0] == aids[message]
            made_us = many(said["ieee1609dot2_ieee1609dot2_generationTime"])[0]
            assert made_us == date(t_ns) // 1000 - ITS_MS * 1000
            placed = "ieee1609dot2_ieee1609dot2_generationLocation_element" in said
            assert placed == (message == "1")
        assert len(packet) <= 1500


@NEEDS_TSHARK
def test_a_certificate_goes_once_a_second_with_cams_and_with_each_denm(air):
    if not air.signed:
        return
    whole = [t_ns for t_ns, said in air.of("CAM") if "ieee1609dot2_ieee1609dot2_digest" not in said]
    assert {b - a for a, b in pairwise(whole)} == {S}
    assert not [1 for _, said in air.of("DENM") if "ieee1609dot2_ieee1609dot2_digest" in said]


@NEEDS_TSHARK
def test_cams_say_what_the_car_does(air):
    for t_ns, said in air.of("CAM"):
        car = air.car(t_ns)
        assert int(said["its_cam_generationDeltaTime"]) == (date(t_ns) // 1_000_000 - ITS_MS) % 65536
        assert int(said["its_its_latitude"]) == round(car.latitude_deg * 1e7)
        assert int(said["its_its_longitude"]) == round(car.longitude_deg * 1e7)
        assert int(said["its_its_altitudeValue"]) == 1200
        assert int(said["its_its_speedValue"]) == round(car.speed_mps * 100)
        assert int(said["its_its_headingValue"]) == round(car.heading_deg * 10) % 3600
        assert int(said["its_its_longitudinalAccelerationValue"]) == round(car.acceleration_mps2 * 10)
        assert int(said["its_its_yawRateValue"]) == pytest.approx(
            math.degrees(car.speed_mps / 40) * 100, abs=1
        )
        if car.speed_mps > 1:
            assert int(said["its_its_curvatureValue"]) == 250  # 1 / 40 m, to the left
        assert (said["its_its_vehicleLengthValue"], said["its_cam_vehicleWidth"]) == ("46", "18")
        assert said["its_its_AccelerationControl_brakePedalEngaged"] == car.brake_pressed
        braking = "hard_braking" in car.events
        assert said["its_its_AccelerationControl_emergencyBrakeEngaged"] == braking
        assert (said["its_cam_stationType"], said["its_cam_driveDirection"]) == ("5", "0")
        low = "its_cam_lowFrequencyContainer" in said
        assert low == ((t_ns - START_NS) % (S // 2) == 0)


@NEEDS_TSHARK
def test_the_path_in_a_cam_is_the_way_that_was_driven(air):
    longest = 0
    for t_ns, said in air.of("CAM"):
        steps = [many(said.get(f"its_its_delta{axis}")) for axis in ("Latitude", "Longitude")]
        ages = many(said.get("its_its_pathDeltaTime"))
        assert len(ages) == len(steps[0]) == len(steps[1])
        latitude, longitude = int(said["its_its_latitude"]), int(said["its_its_longitude"])
        for north, east, age in zip(*steps, ages, strict=True):
            latitude, longitude, t_ns = latitude + north, longitude + east, t_ns - age * 10_000_000
            then = air.car(t_ns)
            assert latitude == pytest.approx(then.latitude_deg * 1e7, abs=20)
            assert longitude == pytest.approx(then.longitude_deg * 1e7, abs=20)
        longest = max(longest, len(ages))
    assert 10 < longest <= 23


# ---------------------------------------------------------------- events


@pytest.fixture(scope="module")
def denms(air):
    """By kind: (monotonic ns, what tshark says) of each."""
    found = {}
    sayable = [kind for kind in KINDS if kind not in UNSAID]
    for t_ns, said in air.of("DENM"):
        assert said["its_its_originatingStationID"] == str(STATION)
        found.setdefault(sayable[int(said["its_its_sequenceNumber"]) - 1], []).append((t_ns, said))
    assert set(found) == set(sayable) == set(CAUSES)
    return found


@NEEDS_TSHARK
def test_tshark_has_the_name_of_each_cause(air, denms):
    text = tshark(air.folder, "-Y", "its.messageID == 1", "-V")
    pattern = r"sequenceNumber: (\d+)|causeCode: (\S+) |SubCauseCode: .*\((\d+)\)"
    said, number, names = {}, 0, list(denms)
    for sequence, cause, sub_cause in re.findall(pattern, text):
        number = int(sequence or number)
        if cause:
            name = cause
        elif sub_cause:
            said.setdefault(number, set()).add((name, int(sub_cause)))
    assert said == {n: {CAUSES[kind]} for n, kind in enumerate(names, 1)}


@NEEDS_TSHARK
def test_events_say_what_was_meant(air, denms):
    for kind, told in denms.items():
        meant, at_ns = air.events[kind]
        for t_ns, said in told:
            if kind == "accident" and t_ns >= UPDATED_NS:
                continue
            detected = int(said["its_denm_detectionTime"])
            assert detected == int(said["its_denm_referenceTime"]) == date(at_ns) // 1_000_000 - ITS_MS
            assert many(said["its_its_latitude"])[0] == round(meant.latitude_deg * 1e7)
            assert many(said["its_its_longitude"])[0] == round(meant.longitude_deg * 1e7)
            assert (said["its_denm_relevanceDistance"], said["its_denm_relevanceTrafficDirection"]) == (
                "1",
                "1",
            )
            assert (said["its_its_headingValue"], said["its_its_speedValue"]) == ("900", "150")
            assert said["its_denm_informationQuality"] == "4"
            assert "its_denm_termination" not in said


@NEEDS_TSHARK
def test_events_are_repeated_as_they_say_until_they_are_over(denms):
    tick_ns = S // 10  # so often this drive asks what is due
    for kind, told in denms.items():
        if kind == "accident":
            continue
        _, first = told[0]
        valid_s = int(first.get("its_denm_validityDuration", 600))
        assert valid_s == HOLD_S.get(kind, valid_s)
        pause_ns = int(first["its_denm_transmissionInterval"]) * 1_000_000
        times = [t_ns for t_ns, _ in told]
        pause_ns = -(-pause_ns // tick_ns) * tick_ns
        assert {b - a for a, b in pairwise(times)} == {pause_ns}
        until_ns = min(times[0] + valid_s * S, END_NS)
        assert until_ns - pause_ns <= times[-1] < until_ns


@NEEDS_TSHARK
def test_an_event_is_updated_and_cancelled_under_its_number(air, denms):
    changes = {}
    for t_ns, said in denms["accident"]:
        what = (
            said["its_denm_detectionTime"],
            said["its_denm_referenceTime"],
            said.get("its_denm_termination"),
        )
        changes.setdefault(what, []).append(t_ns)
        assert ("its_denm_situation_element" in said) == (what[2] is None)
    its = [str(date(t_ns) // 1_000_000 - ITS_MS) for t_ns in (START_NS, UPDATED_NS, OVER_NS)]
    assert list(changes) == [(its[0], its[0], None), (its[1], its[1], None), (its[1], its[2], "0")]
    begins = [times[0] for times in changes.values()]
    assert begins == [START_NS, UPDATED_NS, OVER_NS]
    assert len(changes[its[1], its[2], "0"]) == 4


# ---------------------------------------------------------------- crossing and objects


@NEEDS_TSHARK
def test_the_crossing_has_its_lanes_and_its_lights(air):
    for _, said in air.of("MAPEM"):
        assert (said["its_dsrc_id"], said["its_dsrc_name"], said["its_dsrc_laneWidth"]) == (
            "7",
            "crossing",
            "350",
        )
        assert (said["its_dsrc_lat"], said["its_dsrc_long"]) == ("481000000", "115000000")
        assert sorted(many(said["its_dsrc_laneID"])) == list(range(1, 9))
        assert sorted(many(said["its_dsrc_signalGroup"])) == [1] * 6 + [2] * 6
    states = {"green": 6, "yellow": 8, "red": 3}  # MovementPhaseState
    for t_ns, said in air.of("SPATEM"):
        assert int(said["its_dsrc_moy"]) == 14 * 1440 + 8 * 60  # of the year
        assert many(said["its_dsrc_timeStamp"])[-1] == t_ns // 1_000_000  # of the minute
        meant = air.traffic.signals((t_ns - START_NS) / S, t_ns).signals
        assert many(said["its_dsrc_signalGroup"]) == [light.group for light in meant]
        phases = [phase for light in meant for phase in light.phases]
        assert many(said["its_dsrc_eventState"]) == [states[phase.state] for phase in phases]
        ends = [(date(phase.likely_end_ns) // 10**8) % 36_000 for phase in phases]
        assert many(said["its_dsrc_minEndTime"]) == pytest.approx(ends, abs=1)
        assert many(said["its_dsrc_likelyTime"]) == pytest.approx(ends, abs=1)


@NEEDS_TSHARK
def test_each_object_is_told_in_one_segment(air):
    told = {}
    for t_ns, service, payload in payloads(air):
        if service == 2009:
            value = from_asn1tools(CPM, asn1tools_of(CPM).decode("M", payload))
            assert value["header"] == {"protocolVersion": 2, "messageId": 14, "stationId": STATION}
            told.setdefault(t_ns, []).append(value["payload"])
    for t_ns, meant in air.objects:
        parts, car = told.pop(t_ns, []), air.car(t_ns)
        assert len(parts) == -(-len(meant.objects) // 32)
        found = []
        for n, part in enumerate(parts, 1):
            management = part["managementContainer"]
            segments = {"totalMsgNo": len(parts), "thisMsgNo": n} if len(parts) > 1 else None
            assert management.get("segmentationInfo") == segments
            assert management["referenceTime"] == date(t_ns) // 1_000_000 - ITS_MS
            assert management["referencePosition"]["latitude"] == round(car.latitude_deg * 1e7)
            (objects,) = (c["containerData"] for c in part["cpmContainers"] if c["containerId"] == 5)
            assert objects["numberOfPerceivedObjects"] == len(objects["perceivedObjects"])
            found += objects["perceivedObjects"]
        for one, its in zip(meant.objects, found, strict=True):
            assert (one.id, its["measurementDeltaTime"]) == (str(its["objectId"]), -40)
            north_m = (one.latitude_deg - car.latitude_deg) * 111_200
            east_m = (one.longitude_deg - car.longitude_deg) * 74_400
            assert its["position"]["yCoordinate"]["value"] == pytest.approx(north_m * 100, abs=8)
            assert its["position"]["xCoordinate"]["value"] == pytest.approx(east_m * 100, abs=8)
            form, velocity = its["velocity"]
            heading = math.radians(one.heading_deg)
            if form == "cartesianVelocity":
                x, y = velocity["xVelocity"]["value"], velocity["yVelocity"]["value"]
            else:
                size = velocity["velocityMagnitude"]["speedValue"]
                angle = math.radians(velocity["velocityDirection"]["value"] / 10)
                x, y = size * math.cos(angle), size * math.sin(angle)
            assert x == pytest.approx(one.speed_mps * 100 * math.sin(heading), abs=5)
            assert y == pytest.approx(one.speed_mps * 100 * math.cos(heading), abs=5)
            assert its["objectDimensionX"]["value"] == round(one.length_m * 10)
            assert its["objectDimensionY"]["value"] == pytest.approx(one.width_m * 10, abs=0.51)
    assert told == {}


def test_an_object_too_far_or_too_old_keeps_none_of_the_others_back():
    sender = drive("etsi", seconds=0.1).sender
    car, t_ns = sender.station.own(START_NS), START_NS + S
    good = thing(0, 0, car, t_ns)
    far = replace(good, id="8", latitude_deg=car.latitude_deg + 1.0)
    old = replace(good, id="9", measured_ns=t_ns - 3 * S)
    (packet,) = sender.tell(PerceivedObjects(objects=(far, good, old)), t_ns)
    containers = codec().decode(network.read(packet).payload)["payload"]["cpmContainers"]
    (objects,) = (c["containerData"]["perceivedObjects"] for c in containers if c["containerId"] == 5)
    assert [one["objectId"] for one in objects] == [int(good.id)]
