"""China: the tables and codecs of all messages against asn1tools and pycrate; what is heard, and damaged."""

import contextlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from v2x_judge import MANY, agree, agree_official, asn1tools_of, from_asn1tools, pycrate_of, some, values

from edge.messages import (
    Connection,
    Intersection,
    Intersections,
    MapLane,
    PerceivedObjects,
    RemoteObject,
    RoadEvent,
    RoadEvents,
    SignalPhase,
    SignalState,
    SignalStates,
)
from edge.v2x import csae53
from edge.v2x.csae53.schema import EXTENSION, MESSAGE_FRAME, MESSAGES, codec
from edge.v2x.moments import Now
from edge.v2x.sets import PathPoint
from edge.v2x.uper import CodecError

NOW = Now(5_000_000_000_000, 1_700_000_000_123_000_000)  # 2023-11-14T22:13:20.123Z
HERE = RemoteObject(kind="car", latitude_deg=39.9, longitude_deg=116.3)
every_message = pytest.mark.parametrize("name", MESSAGES)


@every_message
@MANY
@given(st.data())
def test_every_message_as_asn1tools(name, data):
    agree(MESSAGE_FRAME, (name, data.draw(values(MESSAGES[name]))), codec(name))


@every_message
def test_every_message_as_pycrate(name):
    drawn = [(name, some(MESSAGES[name], random.Random(seed))) for seed in range(60)]
    fit = [value for value in drawn if "\\x7f" not in repr(value)]  # DEL, which pycrate takes for no IA5
    assert len(fit) > 20
    for value in fit:
        agree_official(MESSAGE_FRAME, value, pycrate_of(MESSAGE_FRAME), codec(name))


@MANY
@given(values(EXTENSION))
def test_the_extension_frame_as_asn1tools(value):
    agree(MESSAGE_FRAME, ("msgFrameExt", value), codec("bsmFrame"))


@every_message
def test_the_others_are_told_apart_and_left_unread(name):
    other = next(one for one in MESSAGES if one != name)
    wire = codec(other).encode((other, some(MESSAGES[other], random.Random(5))))
    assert codec(name).decode(wire) == (other, None)


@pytest.mark.parametrize(
    ("number", "name"),
    [(10, "RTCM"), (11, "RSC"), (12, "SSM"), (13, "VIR"), (15, "PSM"), (16, "CLPMM"), (14, "message 14")],
)
def test_messages_of_day_2_are_named(number, name):
    """By hand: extension bit and index 0, length, extension bit and 15 bits of id, length, the octets."""
    wire = bytes((0x80, 5, 0, number, 2)) + b"ab"
    heard = csae53.hear(wire, NOW)
    assert (heard.standard, heard.message, heard.sender, heard.content) == ("csae53", name, "", None)
    assert heard.tree == {"msgFrameExt": {"messageId": number, "value": "6162"}}
    assert csae53.peek(wire, NOW) is None


def test_an_extension_that_nobody_knows_is_unsupported():
    with pytest.raises(CodecError) as caught:
        csae53.hear(bytes((0x81, 2, 1, 2)), NOW)
    assert caught.value.reason == "unsupported"


@pytest.mark.parametrize("wire", [b"", b"\x50", b"\x70\x00", b"\x00", b"\x80", b"\x80\x03\x00"])
def test_what_is_no_message_is_refused(wire):
    with pytest.raises(CodecError) as caught:
        csae53.hear(wire, NOW)
    assert caught.value.reason == "undecodable"


@every_message
@MANY
@given(data=st.data())
def test_every_valid_message_is_heard(name, data):
    fields = data.draw(values(MESSAGES[name]))
    wire = codec(name).encode((name, fields))
    heard = csae53.hear(wire, NOW)
    assert heard.message == name.removesuffix("Frame").upper()
    assert heard.counter == fields["msgCnt"]
    assert heard.sender == (fields["id"].hex() if "id" in fields else "")
    assert heard.value == (name, fields)
    assert from_asn1tools(MESSAGE_FRAME, asn1tools_of(MESSAGE_FRAME).decode("M", wire)) == heard.value
    assert list(heard.tree) == [name]
    if name != "bsmFrame":
        assert csae53.peek(wire, NOW) is None
        return
    seen = csae53.peek(wire, NOW)
    assert (seen is None) == (heard.content is None)
    if seen is not None:
        assert seen.sender == heard.sender
        assert (seen.latitude_deg, seen.longitude_deg) == (
            heard.content.latitude_deg,
            heard.content.longitude_deg,
        )
        assert (seen.speed_mps, seen.heading_deg) == (heard.content.speed_mps, heard.content.heading_deg)
        brakes = {"abs_active", "traction_control_active", "stability_control_active", "hazard_lights"}
        assert seen.sudden or not set(heard.content.events) - brakes


@pytest.mark.fuzz
@given(st.sampled_from(sorted(MESSAGES)), st.integers(0, 2**32), st.integers(1, 12))
def test_damaged_messages_give_a_message_or_a_codec_error(name, seed, wounds):
    chance = random.Random(seed)
    wire = bytearray(codec(name).encode((name, some(MESSAGES[name], chance))))
    for _ in range(wounds):
        at = chance.randrange(len(wire) + 1)
        change = chance.randrange(4)
        if change == 0:
            del wire[at:]
        elif change == 1:
            wire[at:at] = chance.randbytes(chance.randrange(4))
        elif at < len(wire):
            wire[at] = chance.randrange(256) if change == 2 else wire[at] ^ 1 << chance.randrange(8)
    data = bytes(wire)
    with contextlib.suppress(CodecError):
        csae53.peek(data, NOW)
    with contextlib.suppress(CodecError):
        heard = csae53.hear(data, NOW)
        assert heard.tree


@pytest.mark.fuzz
@given(st.binary(max_size=300))
def test_any_octets_give_a_message_or_a_codec_error(data):
    for read in (csae53.hear, csae53.peek):
        with contextlib.suppress(CodecError):
            read(data, NOW)


# ---------------------------------------------------------------- whatever we are asked to send

ANY = st.floats() | st.sampled_from([0.0, 39.9, 116.3, 1e300, -1e-300])
MAYBE = st.none() | ANY
TIMES = st.none() | st.integers(-(1 << 70), 1 << 70)
WORDS = st.text(max_size=20)
OBJECTS = st.builds(
    RemoteObject, kind=WORDS | st.just("car"), latitude_deg=ANY, longitude_deg=ANY, id=WORDS | st.just("7"),
    measured_ns=TIMES, altitude_m=MAYBE, speed_mps=MAYBE, heading_deg=MAYBE, acceleration_mps2=MAYBE,
    yaw_rate_radps=MAYBE, length_m=MAYBE, width_m=MAYBE, accuracy_m=MAYBE,
    events=st.lists(WORDS, max_size=3).map(tuple),
)  # fmt: skip
POINTS = st.lists(st.tuples(ANY, ANY), max_size=3).map(tuple)
ROAD_EVENTS = st.builds(
    RoadEvent, id=WORDS, kind=WORDS | st.sampled_from(["accident", "speed_limit", "sign"]), latitude_deg=ANY,
    longitude_deg=ANY, code=st.none() | st.integers(), text=WORDS, from_ns=TIMES, until_ns=TIMES,
    radius_m=MAYBE, speed_limit_mps=MAYBE, path=POINTS, path_width_m=MAYBE, confidence_ratio=MAYBE,
)  # fmt: skip
ONWARD = st.builds(
    Connection, manoeuvre=st.none() | WORDS, group=st.none() | st.integers(), to_lane=st.integers()
)
LANES = st.builds(
    MapLane, id=st.integers(), points=POINTS, width_m=MAYBE, speed_limit_mps=MAYBE,
    connections=st.lists(ONWARD, max_size=2).map(tuple),
)  # fmt: skip
NODES = st.builds(
    Intersection, id=WORDS | st.just("1.2"), latitude_deg=ANY, longitude_deg=ANY, name=WORDS,
    lanes=st.lists(LANES, max_size=3).map(tuple),
)  # fmt: skip
PHASES = st.builds(
    SignalPhase, state=WORDS | st.just("red"), from_ns=TIMES, earliest_end_ns=TIMES, latest_end_ns=TIMES,
    likely_end_ns=TIMES, confidence_ratio=MAYBE,
)  # fmt: skip
SIGNALS = st.builds(
    SignalState, intersection=WORDS | st.just("1.2"), group=st.integers(), phases=st.lists(PHASES).map(tuple)
)
PATH = st.lists(st.builds(PathPoint, ANY, ANY, st.integers(), MAYBE), max_size=3)


def several(kind, items):
    return st.lists(items, max_size=3).map(tuple).map(kind)


@pytest.mark.fuzz
@given(
    OBJECTS,
    PATH,
    several(lambda items: PerceivedObjects(objects=items), OBJECTS),
    several(lambda items: RoadEvents(events=items), ROAD_EVENTS),
    several(lambda items: Intersections(intersections=items), NODES),
    several(lambda items: SignalStates(signals=items), SIGNALS),
)
def test_whatever_is_to_be_sent_becomes_a_message_or_a_codec_error(own, path, seen, events, nodes, signals):
    for make in (
        lambda: csae53.bsm(own, 1, 2, NOW, path),
        lambda: csae53.rsm(seen, HERE, 1, 2, NOW),
        lambda: csae53.rsi(events, HERE, 1, 2, NOW),
        lambda: csae53.map_data(nodes, 2, NOW),
        lambda: csae53.spat(signals, 2, NOW),
    ):
        with contextlib.suppress(CodecError):
            assert csae53.hear(make(), NOW).tree
