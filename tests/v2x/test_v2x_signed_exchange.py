"""Signed from one station to another: who is believed, who is counted, and that nothing else is lost."""

import os
import random
import select

import msgspec
import pytest
from v2x_security_world import START_NS

from edge.clock import RecordedClock
from edge.config import V2x, V2xSecurity, Vehicle
from edge.messages import (
    Announce,
    Gap,
    Health,
    OwnCar,
    PeerHeard,
    PerceivedObjects,
    RemoteObject,
    RoadEvent,
)
from edge.sim.traffic import Traffic
from edge.v2x import network
from edge.v2x.inlet import V2xInlet, VerifiedInlet
from edge.v2x.links.loopback import Loopback
from edge.v2x.security import issue
from edge.v2x.security.algorithms import BY_NAME
from edge.v2x.security.permissions import Ssp
from edge.v2x.security.region import Circle, Region
from edge.v2x.sender import V2xSender
from edge.v2x.station import Station

pytest.importorskip("cryptography")

S = 1_000_000_000
HERE = (39.9, 116.3)
CAR = RemoteObject(kind="car", latitude_deg=HERE[0], longitude_deg=HERE[1], speed_mps=20.0, heading_deg=90.0)
TURNS = int(os.environ.get("FUZZ_EXAMPLES", "1500")) // 50
SEEN = PerceivedObjects(
    objects=(RemoteObject(kind="person", id="5", latitude_deg=39.9002, longitude_deg=116.3, speed_mps=1.0),)
)
AIDS = {"etsi": {"CAM": 36, "DENM": 37}, "csae53": {"CAM": 111, "DENM": 3620}}


def event(number, kind="stationary_vehicle"):
    return RoadEvent(id=str(number), kind=kind, latitude_deg=39.901, longitude_deg=116.3)


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """Stations "a", "b", "c" ... of one root, and of another root "stranger"."""
    folder = tmp_path_factory.mktemp("keys")
    algorithm = BY_NAME["p256"]
    ours, theirs = (issue.make_root(algorithm, START_NS, 1000) for _ in range(2))
    far = Region((Circle((0, 0), 1000),))
    wishes = {
        "a": {}, "b": {}, "c": {}, "me": {},
        "far": {"region": far},
        "mute": {"permissions": {141: Ssp()}},
        "stranger": {},
    }  # fmt: skip
    for name, more in wishes.items():
        root, authority = theirs if name == "stranger" else ours
        wish = issue.Wishes(algorithm=algorithm, start_ns=START_NS, hours=100, tickets=2, **more)
        issue.write_station(folder, name, root, authority, issue.make_tickets(authority, wish), False)
    return folder


def own_car(t_ns, place=HERE):
    return OwnCar(
        t_ns=t_ns, speed_mps=20.0, acceleration_mps2=0.0, yaw_rate_radps=0.0, steering_angle_rad=None,
        brake_pressed=False, indicator=None, latitude_deg=place[0], longitude_deg=place[1], heading_deg=90.0,
        position_accuracy_m=1.0, speed_age_s=0.0,
    )  # fmt: skip


class Air:
    """Senders and one inlet with nothing but air between them."""

    def __init__(self, keys, standard, *, threaded=False, hear=None, **security):
        self.clock = RecordedClock(5 * S)
        self.keys, self.standard, self.settings = keys, standard, security
        self.near, self.far = Loopback.pair(self.clock)
        self.me = self.station("me", 7, self.far, threaded=threaded)
        self.ear = V2xInlet(self.me)
        self.believed = VerifiedInlet(self.ear, self.me)

    def config(self, name):
        security = V2xSecurity(directory=name and str(self.keys / name), **self.settings)
        return V2x(standard=self.standard, security=security, dcc=False)

    def station(self, name, number, link, **more):
        return Station(self.config(name), number, self.date, link, start_ns=S, **more)

    def date(self, t_ns):
        return START_NS + 3600 * S + t_ns

    def sender(self, name, number, **more):
        sender = V2xSender(self.station(name, number, self.near, **more))
        sender.station.place(own_car(self.now))
        return sender

    @property
    def now(self):
        return self.clock.now_ns()

    def wait(self, s=0.1):
        self.clock.sleep_until_ns(self.now + round(s * S))

    def say(self, sender, content=CAR):
        sender.station.place(own_car(self.now))
        return sender.take(Announce(t_ns=self.now, content=content, cause="test"), self.now)

    def poll(self):
        """What the loop gets: in a thread it waits until all is judged."""
        out = list(self.ear.poll(self.now))
        verifying = self.me.verifying
        while verifying.fileno() is not None and len(verifying):
            assert select.select([self.believed.fileno()], [], [], 10)[0]
            out += self.believed.poll(self.now)
        return out + list(self.ear.poll(self.now))


def heard(messages):
    return [m for m in messages if isinstance(m, PeerHeard)]


def gaps(messages):
    found = {}
    for m in messages:
        if isinstance(m, Gap):
            found[m.reason] = found.get(m.reason, 0) + m.count
    return found


BOTH = pytest.mark.parametrize("standard", ["csae53", "etsi"])
THREAD = pytest.mark.parametrize("threaded", [False, True], ids=["inline", "thread"])


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


def damaged(packet):
    return packet[:-1] + bytes((packet[-1] ^ 1,))


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


@BOTH
def test_our_own_that_come_back_are_passed_over_even_under_the_former_name(keys, standard):
    dice = random.Random(3)
    air = Air(keys, standard)
    air.me._random = dice.getrandbits
    me = V2xSender(air.station("me", 7, air.far, random=dice.getrandbits))
    air.ear = V2xInlet(me.station)
    air.me = me.station
    before = (me.station.station_id, me.station.router.address, me.station.signer.digest)
    packets = [*air.say(me), *air.say(me, event(1)), *air.say(me, SEEN)]
    assert len(packets) == 3
    air.say(me, event(1, "stationary_vehicle"))
    me._voice._events._own.clear()
    for step in range(400):  # five minutes and more, 10 m a second
        air.wait(1.0)
        me.station.place(own_car(air.now, (39.9 + step * 1e-4, 116.3)))
        me.due(air.now)
        if me.station.station_id != before[0]:
            break
    assert step >= 290
    after = (me.station.station_id, me.station.router.address, me.station.signer.digest)
    assert not set(before) & set(after)
    packets = [*air.say(me), *air.say(me, event(2))]
    for packet in packets:
        air.near.send(packet)
    messages = air.poll()
    assert (heard(messages), gaps(messages)) == ([], {})
    me.station.router.rename(me.station.router.address + 1)
    me.station.signer.change()
    me.station.station_id += 1
    for packet in packets:
        air.near.send(packet)
    messages = air.poll()
    assert (heard(messages), gaps(messages)) == ([], {})


@THREAD
@BOTH
def test_a_flood_keeps_nobody_from_being_heard(keys, standard, threaded):
    air = Air(keys, standard, threaded=threaded)
    loud, b = air.sender("a", 1), air.sender("b", 2)
    air.say(loud)
    air.poll()
    for n in range(300):
        air.clock.sleep_until_ns(air.now + 1000)
        air.say(loud)
        if n == 10:
            air.say(b)
    messages = air.poll()
    mine = "2" if standard == "etsi" else f"{2:016x}"
    assert [m.sender for m in heard(messages)].count(mine) == 1
    assert sum(gaps(messages).values()) + len(heard(messages)) == 301
    assert set(gaps(messages)) <= {"superseded", "not verified in time", "duplicate", "replayed"}
    air.ear.close()


@BOTH
def test_several_events_of_one_station_at_once_are_all_heard(keys, standard):
    air = Air(keys, standard)
    a = air.sender("a", 1)
    air.say(a, event(9))
    assert len(heard(air.poll())) == 1
    for n in range(4):
        assert len(air.say(a, event(n))) == 1
    messages = air.poll()
    assert gaps(messages) == {}
    assert len({e.id for m in heard(messages) for e in getattr(m.content, "events", (m.content,))}) == 4


def test_a_copy_that_another_has_sent_on_is_not_sent_on_again(keys):
    air = Air(keys, "etsi")
    air.me.place(own_car(air.now))
    (packet,) = air.say(air.sender("a", 1), event(1))
    assert len(heard(air.poll())) == 1
    assert air.me.router._waiting
    sent_on = packet[:4] + bytes((packet[4] - 1,)) + packet[5:]
    air.near.send(damaged(sent_on))
    air.poll()
    assert air.me.router._waiting
    air.near.send(sent_on)
    assert gaps(air.poll()) == {"duplicate": 1}
    assert not air.me.router._waiting


class Failing:
    """A link that fails while told to."""

    def __init__(self, link):
        self.link, self.broken = link, False

    def fileno(self):
        return None

    def receive(self):
        if self.broken:
            raise OSError("no carrier")
        return self.link.receive()

    def send(self, packet):
        if self.broken:
            raise OSError("no carrier")
        self.link.send(packet)

    def close(self):
        self.link.close()


@THREAD
@BOTH
def test_a_link_that_fails_comes_back(keys, standard, threaded):
    air = Air(keys, standard)
    link = Failing(air.far)
    air.me = air.station("me", 7, link, threaded=threaded)
    air.ear = V2xInlet(air.me)
    air.believed = VerifiedInlet(air.ear, air.me)
    a = air.sender("a", 1)
    air.say(a)
    assert len(heard(air.poll())) == 1
    link.broken = True
    assert [m.state for m in air.poll() if isinstance(m, Health)] == ["failed"]
    link.broken = False
    air.wait(2.0)
    air.say(a)
    messages = air.poll()
    assert [m.state for m in messages if isinstance(m, Health)] == ["ok"]
    assert len(heard(messages)) == 1
    air.ear.close()


def test_closing_while_much_waits_ends_the_thread(keys):
    air = Air(keys, "csae53", threaded=True)
    a = air.sender("a", 1)
    for n in range(200):
        air.say(a, event(n % 8))
        air.wait(0.11)
    air.ear.poll(air.now)
    thread = air.me.verifying._thread
    air.ear.close()
    assert thread is None or not thread.is_alive()
    air.ear.close()


def test_a_truck_says_that_it_is_one(keys):
    air = Air(keys, "etsi")
    truck = Vehicle(title="t", kind="truck", length_m=12.0, width_m=2.5)
    a = air.sender("a", 1, vehicle=truck)
    for content in (event(1), SEEN):
        air.say(a, content)
    packets = [network.read(data) for _, data in air.far._arrived]
    inside = [network.read_inside(p, issue.signed.read_signed(p.secured).payload) for p in packets]
    assert {p.source.station_type for p in inside} == {8}


@pytest.mark.fuzz
@BOTH
@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_damaged_packets_of_every_kind_give_counts_and_nothing_else(keys, standard, signed):
    dice, traffic = random.Random(11), Traffic(1, *HERE)
    air = Air(keys, standard, accept_unsigned=True)
    air.me.place(own_car(air.now))
    a = air.sender("a" if signed else None, 1)
    sent, counted = 0, 0
    for turn in range(TURNS):
        air.wait(0.6)
        air.me.place(own_car(air.now))
        a.station.place(own_car(air.now))
        air.far.receive()
        contents = (CAR, event(turn), SEEN, traffic.crossing(), traffic.signals(0.0, air.now))
        good = [packet for content in contents for packet in a.tell(content, air.now)]
        assert len(good) >= 5, a.trouble
        air.poll()
        for _ in range(50):
            packet = bytearray(dice.choice(good))
            for _ in range(dice.choice((1, 1, 2, 8))):
                packet[dice.randrange(len(packet))] = dice.randrange(256)
            if dice.random() < 0.2:
                del packet[dice.randrange(len(packet)) :]
            if dice.random() < 0.1:
                packet += dice.randbytes(dice.randrange(30))
            air.near.send(bytes(packet))
            sent += 1
        messages = air.poll()
        counted += len(heard(messages)) + sum(gaps(messages).values())
        assert all(isinstance(m, PeerHeard | Gap | Health) for m in messages)
    assert counted <= sent
