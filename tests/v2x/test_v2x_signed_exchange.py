"""Signed from one station to another: who is believed, who is counted, and that nothing else is lost."""

import msgspec
import pytest

from edge.messages import (
    Health,
)
from edge.sim.traffic import Traffic
from edge.v2x import network
from edge.v2x.security import issue
from edge.v2x.sender import V2xSender

pytest.importorskip("cryptography")

from v2x_signed_air import AIDS, BOTH, CAR, HERE, SEEN, THREAD, Air, S, damaged, event, gaps, heard


@THREAD
@BOTH
def test_all_that_is_signed_is_heard(keys, standard, threaded):
    air = Air(keys, standard, threaded=threaded)
    a = air.sender("a", 0x1A2B)
    for content in (CAR, event(1), SEEN):
        assert air.say(a, content), a.trouble
    messages = air.poll()
    names = {"csae53": {"BSM", "RSI", "RSM"}, "etsi": {"CAM", "DENM", "CPM"}}[standard]
    assert gaps(messages) == {}
    assert {m.message for m in heard(messages)} == names
    assert {m.trust for m in heard(messages)} == {"signed"}
    assert {m.sender for m in heard(messages)} == {"0000000000001a2b" if standard == "csae53" else "6699"}
    thread = air.me.verifying._thread
    air.ear.close()
    assert thread is None or not thread.is_alive()
    assert air.believed.fileno() is None


@BOTH
def test_a_roadside_without_a_place_is_where_its_crossing_is(keys, standard):
    air, traffic = Air(keys, standard), Traffic(1, *HERE)
    roadside = V2xSender(air.station("a", 9, air.near))
    if standard == "etsi":
        assert roadside.tell(traffic.signals(0.0, air.now), air.now) == []
        assert "crossing" in roadside.trouble
    roadside.tell(traffic.crossing(), air.now)
    roadside.tell(traffic.signals(0.0, air.now), air.now)
    for data in [data for _, data in air.far._arrived] if standard == "etsi" else []:
        secured = network.read(data).secured
        source = network.read_inside(network.read(data), issue.signed.read_signed(secured).payload).source
        assert (source.latitude, source.longitude) == (399000000, 1163000000)
    assert {m.message for m in heard(air.poll())} in ({"MAP", "SPAT"}, {"MAPEM", "SPATEM"})


@THREAD
@BOTH
def test_forged(keys, standard, threaded):
    air = Air(keys, standard, threaded=threaded)
    a, b = air.sender("a", 1), air.sender("b", 2)
    air.say(b)
    (packet,) = air.say(a)
    air.poll()
    air.wait()
    air.say(b)
    a.station.config = msgspec.structs.replace(a.station.config, send=False)
    (packet,) = air.say(a)
    air.near.send(damaged(packet))
    messages = air.poll()
    assert gaps(messages) == {"forged": 1}
    assert [m.sender for m in heard(messages)] == ["2" if standard == "etsi" else f"{2:016x}"]
    assert [m.state for m in messages if isinstance(m, Health)] == ["degraded"]
    air.near.send(packet)
    assert len(heard(air.poll())) == 1  # the genuine one is not held to be known by the forged
    air.ear.close()


@THREAD
@BOTH
def test_replayed(keys, standard, threaded):
    air = Air(keys, standard, threaded=threaded)
    a, b = air.sender("a", 1), air.sender("b", 2)
    (packet,) = air.say(a)
    assert len(heard(air.poll())) == 1
    air.wait()
    air.near.send(packet)
    air.say(b)
    messages = air.poll()
    assert gaps(messages) == {"replayed" if standard == "csae53" else "duplicate": 1}
    assert len(heard(messages)) == 1
    air.ear.close()


@BOTH
@pytest.mark.parametrize(("late_s", "reason"), [(3.0, "expired"), (-1.0, "future")])
def test_too_old_or_from_the_future(keys, standard, late_s, reason):
    air = Air(keys, standard)
    a, b = air.sender("a", 1), air.sender("b", 2)
    then = air.now
    a.station._date = lambda t_ns: air.date(t_ns) - round(late_s * S)
    air.say(a)
    air.say(b)
    messages = air.poll()
    assert gaps(messages) == {reason: 1}
    assert len(heard(messages)) == 1
    assert air.now == then


@pytest.mark.parametrize(("who", "reason"), [("far", "region"), ("stranger", "untrusted")])
@BOTH
def test_a_wrong_region_and_an_untrusted_root(keys, standard, who, reason):
    air = Air(keys, standard)
    wrong, b = air.sender(who, 1), air.sender("b", 2)
    air.say(wrong)
    air.say(b)
    messages = air.poll()
    assert gaps(messages) == {reason: 1}
    assert len(heard(messages)) == 1


@BOTH
def test_without_permission_nothing_is_sent(keys, standard):
    air = Air(keys, standard)
    mute = air.sender("mute", 1)
    assert air.say(mute) == []
    assert f"is not for application {AIDS[standard]['CAM']}" in mute.trouble


def test_an_event_signed_as_something_harmless_is_not_believed(keys):
    """Under a port that no application is known for, or that of CAMs, an event needs its permission."""
    air = Air(keys, "etsi")
    a, b = air.sender("a", 1), air.sender("b", 2)
    (denm,) = b.packets(event(1), air.now)
    inside = network.read_inside(
        network.read(denm), issue.signed.read_signed(network.read(denm).secured).payload
    )
    place = CAR
    now = a.station.now(air.now)
    for port, aid in ((5000, 141), (2001, 36), (2009, 639)):
        source = a.station.source(CAR, now)
        secure = a.station.secure(aid, now, place)
        air.near.send(network.single_hop(inside.payload, source, port, secure=secure))
    air.say(b)
    messages = air.poll()
    assert gaps(messages) == {"permission": 3}
    assert len(heard(messages)) == 1


def test_a_bsm_is_believed_under_its_own_application_alone(keys):
    air = Air(keys, "csae53")
    a = air.sender("a", 1)
    a.station.config = msgspec.structs.replace(
        a.station.config, dsmp_aids=msgspec.structs.replace(a.station.config.dsmp_aids, bsm=3619)
    )
    air.say(a)
    assert gaps(air.poll()) == {"permission": 1}


@BOTH
def test_an_unknown_signer_is_known_a_second_later(keys, standard):
    air = Air(keys, standard)
    a, b = air.sender("a", 1), air.sender("b", 2)
    air.say(a)
    air.far.receive()  # nobody hears its certificate
    air.wait()
    air.say(a)
    air.say(b)
    messages = air.poll()
    assert gaps(messages) == {"unknown signer": 1}
    assert len(heard(messages)) == 1
    air.wait(1.0)
    air.say(a)
    assert len(heard(air.poll())) == 1


@BOTH
def test_what_nobody_signed_is_refused_or_marked(keys, standard):
    for accepted in (False, True):
        air = Air(keys, standard, accept_unsigned=accepted)
        air.say(air.sender(None, 1))
        air.say(air.sender("b", 2))
        messages = air.poll()
        assert gaps(messages) == ({} if accepted else {"unsigned": 1})
        assert sorted(m.trust for m in heard(messages)) == ["signed", "unsigned"][: 1 + accepted]
