"""The table of other road users: bounded, newest of each, what is refused and how it is told."""

from __future__ import annotations

import math
import random

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from edge.config import CoreConfig, Freshness, PeerRules, Vehicle
from edge.core.around import Surroundings
from edge.core.core import Core
from edge.core.vehicle import OwnVehicle
from edge.messages import (
    Gap,
    PeerHeard,
    Peers,
    PerceivedObjects,
    Position,
    RemoteObject,
    Signals,
    Tick,
    Warning,
    decode,
    encode,
)

MS = 1_000_000
NORTH_M = 110_574.0  # metres per degree at the equator


def place(now_ms, latitude=0.0, heading=0.0, speed=0.0):
    own = OwnVehicle(Vehicle(title="x"), Freshness(position_s=1e6, signal_s=1e6))
    own.signals(
        Signals(t_ns=now_ms * MS, bus="a", names=("speed_mps",), values=(speed,), stamps_ns=(now_ms * MS,)),
        now_ms * MS,
    )
    fix = Position(
        t_ns=now_ms * MS, source="g", latitude_deg=latitude, longitude_deg=0.0, heading_deg=heading
    )
    own.position(fix, now_ms * MS)
    return own.state(now_ms * MS)


def said(ahead_m=0.0, left_m=0.0, **values):
    content = {"kind": "car", "latitude_deg": ahead_m / NORTH_M, "longitude_deg": -left_m / 111_320.0}
    return RemoteObject(**{**content, **values})


def heard(sender, t_ms, content=None, counter=0, trust="unsigned", **values):
    return PeerHeard(
        t_ns=t_ms * MS, link="v2x", standard="etsi", message="CAM", sender=sender, counter=counter,
        trust=trust, content=said() if content is None else content, **values,
    )  # fmt: skip


def table(**rules):
    return Surroundings(PeerRules(**rules), Vehicle(title="x"))


def listed(around, now_ms, own):
    peers = around.look(now_ms * MS, own, (), whole=True)
    around._said_ns = None
    told = around.say(now_ms * MS, peers)
    return [p.sender for p in told.peers]


def refused(around, now_ms):
    return {g.reason: g.count for g in around.table.gaps(now_ms * MS)}


def test_the_furthest_make_room_and_the_old_are_forgotten():
    peers = table(max_peers=3, max_age_s=1.0)
    peers.look(0, place(0), (), whole=True)
    for n, ahead_m in enumerate((100, 400, 200, 300, 50, 900)):
        peers.hear(heard(str(n), n, said(ahead_m)), n * MS)
    assert listed(peers, 10, place(10)) == ["4", "0", "2"]
    assert refused(peers, 10) == {"made room for nearer ones": 2, "table full": 1}
    assert listed(peers, 1001, place(1001)) == ["4", "2"]
    assert listed(peers, 5000, place(5000)) == []
    assert len(peers.table) == 0


def test_a_crowd_of_unsigned_ones_does_not_push_out_the_signed():
    peers = table(max_peers=4)
    peers.look(0, place(0), (), whole=True)
    for n in range(3):
        peers.hear(heard(f"s{n}", 1, said(200 + n), trust="signed"), MS)
    for n in range(100):
        peers.hear(heard(f"u{n}", 2, said(10 + n)), 2 * MS)
    assert listed(peers, 3, place(3)) == ["u0", "s0", "s1", "s2"]


def test_one_sender_cannot_fill_the_table_with_what_it_sees():
    peers = table(max_objects=20, max_objects_per_sender=8)
    many = PerceivedObjects(objects=tuple(said(20 + 10 * n, id=str(n)) for n in range(12)))
    peers.hear(heard("a", 0, many), 0)
    others = PerceivedObjects(objects=tuple(said(25 + 10 * n, 30, id=str(100 + n)) for n in range(12)))
    peers.hear(heard("a", 1, others), MS)
    peers.hear(heard("b", 1, PerceivedObjects(objects=(said(30, -30, id="1"),))), MS)
    assert len(peers.table) == 9
    assert refused(peers, 2) == {"too many objects": 4 + 4 + 8}


@pytest.mark.parametrize("stamped", [True, False])
def test_the_same_message_twice_and_an_older_one_count_once(stamped):
    def hear(t_ms, held_ms, counter):
        values = {"measured_ns": held_ms * MS} if stamped else {}
        peers.hear(heard("a", t_ms if stamped else held_ms, said(), counter, **values), t_ms * MS)
        return refused(peers, t_ms)

    peers = table()
    assert hear(100, 100, 7) == {}
    assert hear(110, 100, 7) == {"duplicate": 1}
    assert hear(1200, 200, 8) == {}
    assert hear(2300, 150, 6) in ({"older than the last": 1}, {"too old": 1})
    assert hear(2400, 2390, 9) == {}


def test_a_recorded_message_sent_again_later_is_too_old():
    peers = table()
    old = said(50, measured_ns=0)
    peers.hear(heard("a", 0, old), 0)
    peers.hear(heard("a", 3000, old, counter=1), 3000 * MS)
    assert refused(peers, 3000) == {"too old": 1}


@pytest.mark.parametrize(
    ("reason", "content"),
    [
        ("implausible: position", said(latitude_deg=float("nan"))),
        ("implausible: position", said(latitude_deg=91.0)),
        ("implausible: position", said(longitude_deg=-180.5)),
        ("implausible: out of range", said(2500)),
        ("implausible: speed", said(50, speed_mps=120.0)),
        ("implausible: from the future", said(50, measured_ns=2000 * MS)),
        ("too old", said(50, measured_ns=-2000 * MS)),
    ],
)
def test_what_cannot_be_is_refused_by_name(reason, content):
    peers = table()
    peers.look(0, place(0), (), whole=True)
    peers.hear(heard("a", 1, content), MS)
    assert refused(peers, 1) == {reason: 1}
    assert len(peers.table) == 0


def test_a_place_that_the_speed_does_not_allow_is_a_jump_and_does_not_count():
    peers = table()
    peers.look(0, place(0), (), whole=True)
    for k, ahead_m in enumerate((100, 102, 160, 106, 108)):
        peers.hear(heard("a", 100 * k, said(ahead_m, speed_mps=20.0), counter=k), 100 * k * MS)
    assert refused(peers, 500) == {"implausible: jump": 1}


def test_who_was_heard_signed_is_not_believed_unsigned():
    peers = table()
    peers.hear(heard("a", 0, trust="signed"), 0)
    peers.hear(heard("a", 100, said(5), counter=1), 100 * MS)
    assert refused(peers, 100) == {"unsigned in a signed sender's name": 1}
    peers.look(1500 * MS, place(1500), (), whole=True)
    peers.hear(heard("a", 1600, said(5), counter=2), 1600 * MS)  # the signed one has fallen silent
    assert len(peers.table) == 1


def test_refusals_are_told_once_a_second_with_their_count():
    core = Core(CoreConfig())
    gaps = []
    for k in range(300):
        gaps += core.step(heard("a", 10 * k, said(latitude_deg=99.0), counter=k))
        gaps += core.step(Tick(t_ns=10 * k * MS, number=k))
    gaps = [g for g in gaps if isinstance(g, Gap)]
    assert {(g.source, g.reason) for g in gaps} == {("v2x", "implausible: position")}
    assert [g.count for g in gaps] == [1, 100, 100]
    assert decode(encode(gaps[0])) == gaps[0]


def test_a_peer_is_carried_on_along_its_bend_until_now():
    peers = table()
    bend = said(100, speed_mps=20.0, heading_deg=0.0, yaw_rate_radps=0.2, measured_ns=0)
    peers.hear(heard("a", 0, bend), 0)
    around = peers.look(1000 * MS, place(1000), ())
    assert around.x_m[0] == pytest.approx(100 + 100 * math.sin(0.2), abs=0.5)  # a circle of 100 m
    assert around.y_m[0] == pytest.approx(100 * (1 - math.cos(0.2)), abs=0.1)
    assert around.u_mps[0] == pytest.approx(20 * math.cos(0.2))
    assert around.w_mps[0] == pytest.approx(20 * math.sin(0.2))


@given(
    st.floats(-80, 80), st.floats(-179, 179), st.floats(0, 360), st.floats(-800, 800), st.floats(-800, 800),
    st.floats(0, 360),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_places_in_our_frame_are_those_on_the_ellipsoid(latitude, longitude, heading, north, east, theirs):
    """Against earth-centred coordinates, rotated into the plane that touches the ellipsoid at our place."""
    lat = latitude + math.degrees(north / 6_370_000)
    lon = longitude + math.degrees(east / 6_370_000 / math.cos(math.radians(latitude)))
    fix = Position(t_ns=0, source="g", latitude_deg=latitude, longitude_deg=longitude, heading_deg=heading)
    own = OwnVehicle(Vehicle(title="x"), Freshness())
    own.position(fix, 0)
    peers = table()
    peers.hear(heard("a", 0, said(latitude_deg=lat, longitude_deg=lon, heading_deg=theirs)), 0)
    around = peers.look(0, own.state(0), ())
    f, a = latitude * math.pi / 180, longitude * math.pi / 180
    d = [p - q for p, q in zip(earth(lat, lon), earth(latitude, longitude), strict=True)]
    e = -math.sin(a) * d[0] + math.cos(a) * d[1]
    n = -math.sin(f) * (math.cos(a) * d[0] + math.sin(a) * d[1]) + math.cos(f) * d[2]
    h = math.radians(heading)
    if len(around.slots):  # else it is where we are: ourselves
        assert around.x_m[0] == pytest.approx(n * math.cos(h) + e * math.sin(h), abs=0.8)
        assert around.y_m[0] == pytest.approx(n * math.sin(h) - e * math.cos(h), abs=0.8)
        assert around.turned_cos[0] == pytest.approx(math.cos(math.radians(theirs - heading)), abs=1e-9)


def earth(latitude, longitude):
    f, a = math.radians(latitude), math.radians(longitude)
    radius = 6378137.0 / math.sqrt(1 - 6.69437999014e-3 * math.sin(f) ** 2)
    return (
        radius * math.cos(f) * math.cos(a),
        radius * math.cos(f) * math.sin(a),
        radius * (1 - 6.69437999014e-3) * math.sin(f),
    )


# ---------------------------------------------------------------- anything at all

any_float = st.floats(allow_nan=True, allow_infinity=True) | st.floats(-100, 100)
maybe = st.none() | any_float
times = st.none() | st.integers(-2_000, 6_000).map(lambda ms: ms * MS) | st.integers(-(2**63), 2**63 - 1)
objects = st.builds(
    RemoteObject,
    kind=st.sampled_from(["car", "bus", "person", "bicycle", "unknown", "dog", ""]),
    latitude_deg=st.floats(-0.002, 0.002) | any_float,
    longitude_deg=st.floats(-0.002, 0.002) | any_float,
    id=st.sampled_from(["", "1", "2", "3", "x" * 99]),
    measured_ns=times,
    altitude_m=maybe,
    speed_mps=maybe,
    heading_deg=maybe,
    acceleration_mps2=maybe,
    yaw_rate_radps=maybe,
    length_m=maybe,
    width_m=maybe,
    accuracy_m=maybe,
    confidence_ratio=maybe,
    events=st.lists(
        st.sampled_from(["hard_braking", "abs_active", "emergency_vehicle", "hazard_lights", "?"]), max_size=3
    ).map(tuple),
)
news = st.tuples(
    st.integers(-5, 120),
    st.sampled_from(["a", "b", "c", "d", "x" * 99]),
    st.integers(0, 3),
    st.sampled_from(["signed", "unsigned"]),
    times,
    objects | st.lists(objects, max_size=4).map(lambda some: PerceivedObjects(objects=tuple(some))),
)


@pytest.mark.fuzz
@given(st.lists(news, max_size=40), st.floats(0, 40), st.sampled_from(["off", "left", "right"]))
def test_anything_heard_gives_sound_outputs_live_and_replayed_alike(rows, speed, indicator):
    config = CoreConfig()
    live, replayed = Core(config), Core(config)
    now_ms = 1000
    stream: list = []
    for k, (later, sender, counter, trust, measured, content) in enumerate(rows):
        now_ms += later
        names = ("speed_mps", "indicator_left", "indicator_right", "yaw_rate_radps")
        values = (speed, float(indicator == "left"), float(indicator == "right"), 0.1)
        stream.append(
            Signals(t_ns=now_ms * MS, bus="c", names=names, values=values, stamps_ns=(now_ms * MS,) * 4)
        )
        stream.append(
            Position(
                t_ns=now_ms * MS,
                source="g",
                latitude_deg=0.0,
                longitude_deg=0.0,
                heading_deg=20.0,
                altitude_m=1.0,
            )
        )
        stream.append(heard(sender, now_ms, content, counter, trust, measured_ns=measured))
        stream.append(Tick(t_ns=now_ms * MS, number=k))
    for message in stream:
        try:
            again = decode(encode(message))
        except (
            msgspec.ValidationError
        ):  # a place that is no number: no recording can hold it, no codec gives it
            again = message
        out = [encode(m) for m in live.step(message)]
        assert out == [encode(m) for m in replayed.step(again)]
        for line in out:
            assert b"NaN" not in line
            told = decode(line)
            if isinstance(told, Warning | Peers):
                assert b"null" not in line or isinstance(told, Peers)


def test_the_table_does_not_grow_whatever_is_heard():
    draw = random.Random(3)
    peers = table(max_peers=20, max_objects=20, max_objects_per_sender=5)
    own = place(0)
    for k in range(4000):
        one = said(draw.uniform(-500, 500), draw.uniform(-500, 500), id=str(draw.randrange(50)))
        sender = str(draw.randrange(200))
        content = one if draw.random() < 0.5 else PerceivedObjects(objects=(one,))
        peers.hear(heard(sender, k, content, counter=k), k * MS)
        if k % 10 == 0:
            peers.look(k * MS, own, (), whole=k % 100 == 0)
        kept = peers.table
        assert len(kept) <= 40
        assert int(np.count_nonzero(kept.live)) == len(kept)
        assert len(kept._seen_by) <= 20
    peers.look(10_000 * MS, own, (), whole=True)
    assert len(peers.table) == 0
    assert not peers.table._seen_by
    assert not peers.table.live.any()
    assert (peers.table.same_as == -1).all()


def looks(peers, messages):
    """When it was looked, ms."""
    own, at = place(0), []
    for message in messages:
        if peers.hear(message, message.t_ns):
            peers.look(message.t_ns, own, ())
            at.append(message.t_ns // MS)
    return at


@pytest.mark.parametrize("how", ["one that toggles", "ever new ones"])
def test_a_flood_is_not_looked_at_message_by_message_and_delays_nobody(how):
    flood = [
        heard(
            "bad" if how == "one that toggles" else f"n{k}",
            k,
            said(50, events=("hard_braking",) if k % 2 else ()),
            counter=k,
        )
        for k in range(1000)
    ]
    peers = table()
    assert len(looks(peers, flood)) <= 10 + 1000 / 5 + 1000 / 20 + 1
    peers = table()
    good = heard("good", 503, said(60, events=("hard_braking",)))
    at = looks(peers, sorted([*flood, good], key=lambda m: m.t_ns))
    assert any(503 <= t <= 508 for t in at)


def test_what_changes_in_a_quiet_channel_is_looked_at_within_its_message():
    peers = table()
    calm = [heard("a", 100 * k, said(80 + k), counter=k) for k in range(5)]
    assert looks(peers, calm) == [0, 100, 200, 300, 400]
    brakes = heard("a", 402, said(85, events=("hard_braking",)), counter=9)
    assert looks(peers, [brakes]) == [402]


def test_the_ends_of_time_are_survived():
    for t_ns in (-(2**63), -(2**63) + 1, 2**63 - 1):
        core = Core(CoreConfig())
        for ahead_ns in (0, 1, 400 * MS, -400 * MS):
            one = said(30, measured_ns=t_ns + ahead_ns)
            core.step(structs.replace(heard("a", 0, one), t_ns=t_ns))
            core.step(Tick(t_ns=t_ns, number=0))
