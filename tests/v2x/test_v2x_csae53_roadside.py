"""China: RSM, whom the roadside sees, and RSI, its events and signs: to our units and back."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from v2x_judge import asn1tools_of

from edge.messages import PerceivedObjects, RemoteObject, RoadEvent, RoadEvents
from edge.v2x import csae53
from edge.v2x.csae53.rsm import MAX_OBJECTS
from edge.v2x.csae53.schema import MESSAGE_FRAME, codec
from edge.v2x.moments import Now, minute_of_the_year
from edge.v2x.uper import CodecError

NOW = Now(5_000_000_000_000, 1_700_000_000_123_000_000)  # 2023-11-14T22:13:20.123Z
MINUTE = 31 + 28 + 31 + 30 + 31 + 30 + 31 + 31 + 30 + 31 + 13  # days of 2023 that are over
MINUTE = MINUTE * 1440 + 22 * 60 + 13
REF = {"lat": 399000000, "long": 1163000000, "elevation": 400}
HERE = RemoteObject(kind="car", latitude_deg=39.9, longitude_deg=116.3, altitude_m=40.0)


def near(lat, lon, up=None):
    """By the 24-bit form."""
    away = {"offsetLL": ("position-LL6", {"lon": lon, "lat": lat})}
    return away if up is None else away | {"offsetV": ("offset6", up)}


def heard(name, fields):
    return csae53.hear(
        codec(name).encode((name, {"msgCnt": 3, "id": b"RSU00007", "refPos": REF} | fields)), NOW
    )


def theirs(wire):
    return asn1tools_of(MESSAGE_FRAME).decode("M", wire)[1]


# ---------------------------------------------------------------- RSM

SEEN = {
    "ptcType": "motor", "ptcId": 7, "source": "lidar", "secMark": 20023, "pos": near(1000, -2000, -15),
    "posConfidence": {"pos": "a50cm"}, "transmission": "forwardGears", "speed": 500, "heading": 14400,
    "accelSet": {"long": 120, "lat": 0, "vert": 0, "yaw": -500}, "size": {"width": 250, "length": 1200},
    "vehicleClass": {"classification": 25},
}  # fmt: skip
ITSELF = {
    "ptcType": "rsu", "ptcId": 0, "source": "selfinfo", "secMark": 20123, "pos": near(0, 0),
    "posConfidence": {"pos": "unavailable"}, "speed": 0, "heading": 28800, "size": {"width": 0, "length": 0},
}  # fmt: skip


def test_an_rsm_in_our_units():
    said = heard("rsmFrame", {"participants": [ITSELF, SEEN]})
    assert (said.message, said.sender, said.counter) == ("RSM", b"RSU00007".hex(), 3)
    assert said.measured_ns == NOW.t_ns
    (seen,) = said.content.objects
    assert seen == RemoteObject(
        kind="truck",
        id="7",
        latitude_deg=39.9001,
        longitude_deg=116.2998,
        measured_ns=NOW.t_ns - 100_000_000,
        altitude_m=38.5,
        speed_mps=10.0,
        heading_deg=180.0,
        acceleration_mps2=1.2,
        yaw_rate_radps=seen.yaw_rate_radps,
        length_m=12.0,
        width_m=2.5,
        accuracy_m=0.5,
    )
    assert seen.yaw_rate_radps == pytest.approx(math.radians(5))


@pytest.mark.parametrize(
    ("change", "kind"),
    [({}, "truck"), ({"vehicleClass": {"classification": 50}}, "bus"), ({"vehicleClass": None}, "car"),
     ({"vehicleClass": None, "ptcType": "pedestrian"}, "person"),
     ({"vehicleClass": None, "ptcType": "non-motor"}, "bicycle"),
     ({"vehicleClass": {"classification": 40}, "ptcType": "non-motor"}, "motorcycle"),
     ({"vehicleClass": None, "ptcType": "unknown"}, "unknown")],
)  # fmt: skip
def test_kinds_of_participants(change, kind):
    fields = {name: value for name, value in (SEEN | change).items() if value is not None}
    assert heard("rsmFrame", {"participants": [fields]}).content.objects[0].kind == kind


def test_who_has_no_place_is_left_out():
    nowhere = {"offsetLL": ("position-LatLon", {"lon": 1800000001, "lat": 900000001})}
    assert heard("rsmFrame", {"participants": [SEEN | {"pos": nowhere}]}).content.objects == ()
    lost = {"refPos": {"lat": 900000001, "long": 0}, "participants": [SEEN]}
    assert heard("rsmFrame", lost).content is None


@pytest.mark.parametrize(
    ("offset", "place"),
    [
        ({"offsetLL": ("position-LL1", {"lon": -2048, "lat": 2047})}, (39.9002047, 116.2997952, None)),
        (
            {"offsetLL": ("position-LatLon", {"lon": 1, "lat": 2}), "offsetV": ("elevation", 77)},
            (2e-7, 1e-7, 7.7),
        ),
        (
            {"offsetLL": ("position-LL2", {"lon": 0, "lat": 0}), "offsetV": ("offset1", -64)},
            (39.9, 116.3, None),
        ),
        (
            {"offsetLL": ("position-LL2", {"lon": 0, "lat": 0}), "offsetV": ("offset2", -64)},
            (39.9, 116.3, 33.6),
        ),
        (
            {"offsetLL": ("position-LL2", {"lon": 0, "lat": 0}), "offsetV": ("elevation", -4096)},
            (39.9, 116.3, None),
        ),
    ],
)
def test_every_form_of_offset(offset, place):
    seen = heard("rsmFrame", {"participants": [SEEN | {"pos": offset}]}).content.objects[0]
    assert (seen.latitude_deg, seen.longitude_deg, seen.altitude_m) == place


def test_places_across_the_date_line():
    ref = RemoteObject(kind="car", latitude_deg=10.0, longitude_deg=179.9999)
    seen = RemoteObject(kind="person", id="1", latitude_deg=10.0, longitude_deg=-179.9999)
    wire = csae53.rsm(PerceivedObjects(objects=(seen,)), ref, 1, 0, NOW)
    assert theirs(wire)["participants"][1]["pos"] == {"offsetLL": ("position-LL1", {"lon": 2000, "lat": 0})}
    assert csae53.hear(wire, NOW).content.objects[0].longitude_deg == -179.9999


def close(got, sent, tolerance, turn=None):
    if sent is None or got is None:
        return got is sent
    off = abs(got - sent)
    return (min(off, turn - off) if turn else off) <= tolerance + 1e-9


OBJECTS = st.builds(
    RemoteObject,
    kind=st.sampled_from(["car", "truck", "bus", "motorcycle", "bicycle", "person", "unknown"]),
    id=st.integers(1, 65535).map(str),
    latitude_deg=st.floats(38, 41) | st.floats(-90, 90),
    longitude_deg=st.floats(115, 117) | st.floats(-180, 180),
    measured_ns=st.integers(NOW.t_ns - 1_000_000_000, NOW.t_ns),
    altitude_m=st.none() | st.floats(-400, 6000),
    speed_mps=st.none() | st.floats(-30, 160),
    heading_deg=st.none() | st.floats(0, 360),
    acceleration_mps2=st.none() | st.floats(-15.9, 15.9),
    yaw_rate_radps=st.none() | st.floats(-5, 5),
    length_m=st.none() | st.floats(0.1, 40),
    width_m=st.none() | st.floats(0.1, 6),
    accuracy_m=st.none() | st.floats(0.02, 40),
)


@settings(max_examples=80)
@given(st.lists(OBJECTS, max_size=MAX_OBJECTS))
def test_what_we_see_through_an_rsm(sent):
    wire = csae53.rsm(PerceivedObjects(objects=tuple(sent)), HERE, 0xA1B2, 130, NOW)
    assert theirs(wire)["participants"][0]["source"] == "selfinfo"
    said = csae53.hear(wire, NOW)
    assert (said.sender, said.counter, len(said.content.objects)) == ("000000000000a1b2", 2, len(sent))
    for got, one in zip(said.content.objects, sent, strict=True):
        assert (got.kind, got.id) == (one.kind, one.id)
        assert close(got.latitude_deg, one.latitude_deg, 0.5e-7)
        assert close(got.longitude_deg, one.longitude_deg, 1e-7, turn=360)
        assert close(got.measured_ns, one.measured_ns, 1e6)
        assert close(got.altitude_m, one.altitude_m, 0.05)
        assert close(got.speed_mps, one.speed_mps, 0.01)
        assert close(got.heading_deg, one.heading_deg, 0.00625, turn=360)
        assert close(got.acceleration_mps2, one.acceleration_mps2, 0.005)
        assert close(got.yaw_rate_radps, one.yaw_rate_radps, math.radians(0.005))
        assert close(got.length_m, one.length_m, 0.005)
        assert close(got.width_m, one.width_m, 0.005)


@pytest.mark.parametrize("number", ["", "0", "65536", "x", "-1", "\u0661"])
def test_an_id_that_does_not_fit_is_not_sent(number):
    seen = RemoteObject(kind="person", id=number, latitude_deg=39.9, longitude_deg=116.3)
    with pytest.raises(CodecError, match="ptcId") as caught:
        csae53.rsm(PerceivedObjects(objects=(seen,)), HERE, 1, 0, NOW)
    assert caught.value.reason == "unencodable"


def test_too_many_objects_are_not_sent():
    seen = RemoteObject(kind="person", id="1", latitude_deg=39.9, longitude_deg=116.3)
    with pytest.raises(CodecError, match="too many"):
        csae53.rsm(PerceivedObjects(objects=(seen,) * (MAX_OBJECTS + 1)), HERE, 1, 0, NOW)


# ---------------------------------------------------------------- RSI

WORKS = {
    "rteId": 17, "eventType": 501, "eventSource": "police", "eventPos": near(10000, 0), "eventRadius": 250,
    "description": ("textGB2312", "前方施工".encode("gb2312")),
    "timeDetails": {"startTime": MINUTE - 10, "endTime": MINUTE + 60},
    "eventConfidence": 150, "priority": b"\xa0",
    "referencePaths": [{"activePath": [near(0, 0), near(5000, 0), near(10000, 0), near(15000, 0)],
                        "pathRadius": 60}],
}  # fmt: skip


def test_an_event_in_our_units():
    said = heard("rsiFrame", {"rtes": [WORKS]})
    assert (said.message, said.sender, said.counter) == ("RSI", b"RSU00007".hex(), 3)
    (event,) = said.content.events
    started_ns = NOW.t_ns - (10 * 60 + 20) * 10**9 - 123_000_000  # the minute itself began 20.123 s ago
    assert event == RoadEvent(
        id="rte17",
        kind="road_works",
        latitude_deg=39.901,
        longitude_deg=116.3,
        code=501,
        text="前方施工",
        from_ns=started_ns,
        until_ns=started_ns + 70 * 60 * 10**9,
        radius_m=25.0,
        heading_deg=0.0,
        path=((39.901, 116.3), (39.9005, 116.3), (39.9, 116.3)),  # as far as to the event, from there on
        path_width_m=12.0,
        confidence_ratio=0.75,
        priority=5,
    )


@pytest.mark.parametrize(
    ("code", "kind"),
    [(100, "accident"), (101, "broken_down_vehicle"), (104, "accident"),
     (201, "dangerous_spot"), (301, "bad_weather"), (305, "low_visibility"), (407, "slippery_road"),
     (408, "slippery_road"), (707, "traffic_jam"), (902, "slow_vehicle"), (907, "hard_braking"),
     (9902, "other"), (0, "other"), (65535, "other")],
)  # fmt: skip
def test_codes_of_events(code, kind):
    event = heard("rsiFrame", {"rtes": [{"rteId": 1, "eventType": code, "eventSource": "unknown"}]})
    assert (event.content.events[0].kind, event.content.events[0].code) == (kind, code)


@pytest.mark.parametrize(
    ("code", "kind"),
    [(2, "dangerous_curve"), (15, "dangerous_spot"), (17, "slippery_road"), (38, "road_works"),
     (85, "speed_limit"), (0, "sign"), (21, "sign"), (114, "sign")],
)  # fmt: skip
def test_codes_of_signs(code, kind):
    event = heard("rsiFrame", {"rtss": [{"rtsId": 1, "signType": code}]}).content.events[0]
    assert (event.id, event.kind, event.code) == ("rts1", kind, code)
    assert (event.latitude_deg, event.longitude_deg) == (39.9, 116.3)  # nothing nearer is said


@pytest.mark.parametrize(
    ("text", "limit_kmh"),
    [("60", 60), ("限速80公里/小时", 80), ("max 5.5 km/h", 5.5), ("", None), ("40-60", None), ("999", None),
     ("1010203800001413限速60", 60), ("4", None), ("no number", None)],
)  # fmt: skip
def test_the_words_of_a_speed_limit(text, limit_kmh):
    sign = {"rtsId": 2, "signType": 85, "signPos": near(0, 5000)}
    if text:
        sign["description"] = ("textGB2312", text.encode("gb2312").ljust(2))
    event = heard("rsiFrame", {"rtss": [sign]}).content.events[0]
    assert event.longitude_deg == 116.3005
    expected = None if limit_kmh is None else pytest.approx(limit_kmh / 3.6)
    assert event.speed_limit_mps == expected
    assert heard("rsiFrame", {"rtss": [sign | {"signType": 38}]}).content.events[0].speed_limit_mps is None


def test_the_path_of_a_sign_is_where_it_holds():
    path = {"activePath": [near(0, 0), near(0, -5000), near(0, -10000)], "pathRadius": 35}
    sign = {"rtsId": 2, "signType": 85, "signPos": near(0, 0), "referencePaths": [path]}
    event = heard("rsiFrame", {"rtss": [sign]}).content.events[0]
    assert event.path == ((39.9, 116.299), (39.9, 116.2995), (39.9, 116.3))
    assert event.heading_deg == pytest.approx(270.0)
    assert event.path_width_m == 7.0


def test_a_path_of_one_point_is_a_round_area():
    path = {"activePath": [near(7000, 0)], "pathRadius": 300}
    event = heard("rsiFrame", {"rtes": [WORKS | {"referencePaths": [path], "eventRadius": 1}]})
    assert event.content.events[0].radius_m == 0.1
    bare = {"rteId": 1, "eventType": 100, "eventSource": "internet", "referencePaths": [path]}
    event = heard("rsiFrame", {"rtes": [bare]}).content.events[0]
    assert (event.latitude_deg, event.radius_m, event.path, event.path_width_m) == (39.9007, 30.0, (), None)


def test_a_winding_path_says_no_heading():
    path = {"activePath": [near(0, 0), near(9000, 0), near(9000, 9000), near(0, 9000)], "pathRadius": 30}
    bare = {"rteId": 1, "eventType": 100, "eventSource": "internet", "referencePaths": [path]}
    event = heard("rsiFrame", {"rtes": [bare]}).content.events[0]
    assert (event.heading_deg, len(event.path)) == (None, 4)
    assert (event.latitude_deg, event.longitude_deg) == event.path[0]


def test_octets_that_are_no_gb_2312_are_shown_as_well_as_can_be():
    odd = heard("rsiFrame", {"rtes": [WORKS | {"description": ("textGB2312", b"\xff\xff\xc7\xb0")}]})
    assert odd.content.events[0].text.endswith("前")


def test_no_time_is_taken_from_the_minute_that_means_unknown():
    event = heard("rsiFrame", {"rtes": [WORKS | {"timeDetails": {"endTime": 527040}}]}).content.events[0]
    assert (event.from_ns, event.until_ns) == (None, None)


PLACES = {"latitude_deg": st.floats(39, 41), "longitude_deg": st.floats(115, 117)}
POINTS = st.tuples(PLACES["latitude_deg"], PLACES["longitude_deg"])
WORDS = st.text("abcXYZ 019,", max_size=40) | st.text("前方施工拥堵限速道路", max_size=30)
TIMES = st.none() | st.integers(NOW.t_ns - 3600 * 10**9, NOW.t_ns + 30 * 86400 * 10**9)
EVENTS = st.builds(
    RoadEvent,
    id=st.integers(0, 255).map(lambda n: f"rte{n}"),
    kind=st.sampled_from(["accident", "bad_weather", "low_visibility", "traffic_jam",
                          "slippery_road", "road_works", "broken_down_vehicle",
                          "stationary_vehicle", "slow_vehicle", "wrong_way_driver", "hard_braking"]),
    text=WORDS,
    from_ns=TIMES,
    until_ns=TIMES,
    priority=st.none() | st.integers(0, 7),
    radius_m=st.none() | st.floats(0, 6000),
    confidence_ratio=st.none() | st.floats(0, 1),
    **PLACES,
)  # fmt: skip
SIGNS = st.builds(
    RoadEvent,
    id=st.integers(0, 255).map(lambda n: f"rts{n}"),
    kind=st.just("speed_limit"),
    speed_limit_mps=st.integers(5, 150).map(lambda kmh: kmh / 3.6),
    path=st.just(()) | st.lists(POINTS, min_size=2, max_size=32).map(tuple),
    path_width_m=st.none() | st.floats(0, 100),
    **PLACES,
)


@settings(max_examples=100)
@given(st.lists(EVENTS, max_size=8), st.lists(SIGNS, max_size=16))
def test_events_and_signs_through_an_rsi(events, signs):
    wire = csae53.rsi(RoadEvents(events=(*events, *signs)), HERE, 0xA1B2, 130, NOW)
    assert theirs(wire)["moy"] == MINUTE
    said = csae53.hear(wire, NOW)
    assert (said.sender, said.counter) == ("000000000000a1b2", 2)
    assert len(said.content.events) == len(events) + len(signs)
    for got, sent in zip(said.content.events, [*events, *signs], strict=True):
        assert (got.id, got.kind, got.priority) == (sent.id, sent.kind, sent.priority)
        assert close(got.latitude_deg, sent.latitude_deg, 1e-7)
        assert close(got.longitude_deg, sent.longitude_deg, 1e-7)
        for mine, yours in ((got.from_ns, sent.from_ns), (got.until_ns, sent.until_ns)):
            assert (mine is None) == (yours is None)
            assert mine is None or 0 <= yours - mine < 60 * 10**9
        assert close(got.radius_m, sent.radius_m, 0.05)
        assert close(got.confidence_ratio, sent.confidence_ratio, 0.0025)
        assert close(got.speed_limit_mps, sent.speed_limit_mps, 0.01)
        assert len(got.path) == len(sent.path)
        for mine, yours in zip(got.path, sent.path, strict=True):
            assert close(mine[0], yours[0], 1e-7)
            assert close(mine[1], yours[1], 1e-7)
        if sent.path:
            assert close(got.path_width_m, 15.0 if sent.path_width_m is None else sent.path_width_m, 0.1)
        if sent.kind != "speed_limit":
            assert got.text == sent.text


def test_an_event_that_is_over_is_left_out():
    jam = RoadEvent(id="jam", kind="traffic_jam", latitude_deg=39.9, longitude_deg=116.3)
    over = RoadEvent(id="fog", kind="accident", latitude_deg=39.9, longitude_deg=116.3, over=True)
    (event,) = csae53.hear(csae53.rsi(RoadEvents(events=(jam, over)), HERE, 1, 0, NOW), NOW).content.events
    assert event.kind == "traffic_jam"
    assert 0 <= int(event.id.removeprefix("rte")) <= 255


def test_what_no_code_is_known_for_is_said_in_words():
    spill = RoadEvent(id="1", kind="animal_on_road", latitude_deg=39.9, longitude_deg=116.3)
    rte = theirs(csae53.rsi(RoadEvents(events=(spill,)), HERE, 1, 0, NOW))["rtes"][0]
    assert (rte["eventType"], rte["description"]) == (9900, ("textString", "animal on road"))
    coded = RoadEvent(id="1", kind="animal_on_road", code=411, latitude_deg=39.9, longitude_deg=116.3)
    rte = theirs(csae53.rsi(RoadEvents(events=(coded,)), HERE, 1, 0, NOW))["rtes"][0]
    assert rte["eventType"] == 411
    assert "description" not in rte
    many = RoadEvents(events=tuple(coded for _ in range(9)))
    with pytest.raises(CodecError) as caught:
        csae53.rsi(many, HERE, 1, 0, NOW)
    assert caught.value.reason == "unencodable"


def test_long_words_are_cut_and_odd_ones_replaced():
    event = RoadEvent(id="1", kind="accident", text="长" * 300, latitude_deg=39.9, longitude_deg=116.3)
    wire = csae53.rsi(RoadEvents(events=(event,)), HERE, 1, 0, NOW)
    assert csae53.hear(wire, NOW).content.events[0].text == "长" * 256
    event = RoadEvent(id="1", kind="accident", text="车€", latitude_deg=39.9, longitude_deg=116.3)
    wire = csae53.rsi(RoadEvents(events=(event,)), HERE, 1, 0, NOW)
    assert csae53.hear(wire, NOW).content.events[0].text == "车?"


def test_the_minute_of_the_year():
    assert minute_of_the_year(NOW.utc_ns) == MINUTE
    new_year = Now(10**18, 1_704_067_200_000_000_000)  # 2024-01-01T00:00:00Z
    assert minute_of_the_year(new_year.utc_ns) == 0
    assert minute_of_the_year(new_year.utc_ns - 1) == 365 * 1440 - 1
    assert new_year.year_minutes(365 * 1440 - 1) == 10**18 - 60 * 10**9
    assert new_year.year_minutes(5) == 10**18 + 300 * 10**9
    assert new_year.year_minutes(527040) is None
