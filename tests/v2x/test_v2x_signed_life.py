"""Signed stations on a bad day: floods, echoes, new names, links that fail, damage."""

import random

import pytest

from edge.config import Vehicle
from edge.messages import (
    Gap,
    Health,
    PeerHeard,
)
from edge.sim.traffic import Traffic
from edge.v2x import network
from edge.v2x.facilities.congestion import Dcc
from edge.v2x.inlet import V2xInlet, VerifiedInlet
from edge.v2x.security import issue
from edge.v2x.sender import V2xSender

pytest.importorskip("cryptography")

from v2x_signed_air import BOTH, CAR, HERE, SEEN, THREAD, TURNS, Air, damaged, event, gaps, heard, own_car


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


def test_events_wait_for_congestion_control_and_are_not_lost(keys):
    air = Air(keys, "etsi")
    a = air.sender("a", 1)
    a.station.dcc = Dcc()
    for content in (CAR, SEEN, *(event(n) for n in range(4))):
        air.say(a, content)
    assert a.held == 1  # the CPM: another comes soon
    told = []
    for _ in range(60):
        told += heard(air.poll())
        air.wait(0.01)
        a.due(air.now)
    assert [m.message for m in told].count("CAM") == 1
    assert len({one.id for m in told for one in getattr(m.content, "events", ())}) == 4
    assert a.held == 1
    for n in range(4, 36):
        air.say(a, event(n))
    a.station.dcc.measured(1.0, air.now)
    air.wait(2.0)
    a.station.dcc.measured(1.0, air.now)
    a.due(air.now)
    assert a.held > 20
