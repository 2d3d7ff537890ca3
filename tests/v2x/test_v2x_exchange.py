"""What is sent is heard; what is bad is counted; what is lost comes back."""

import random
import socket

import msgspec
import pytest
from v2x_judge import judge

from edge.clock import RecordedClock
from edge.config import V2x, V2xLink, V2xSecurity
from edge.messages import Announce, Gap, Health, PeerHeard, RemoteObject, RoadEvent
from edge.v2x import network
from edge.v2x.hear import hear
from edge.v2x.inlet import V2xInlet
from edge.v2x.links.loopback import Loopback
from edge.v2x.moments import Now
from edge.v2x.network import Source
from edge.v2x.sender import V2xSender
from edge.v2x.station import Station
from edge.v2x.uper import Codec

UTC_NS = 1_700_000_000_123_000_000
S = 1_000_000_000
CAR = RemoteObject(
    kind="car",
    latitude_deg=39.9,
    longitude_deg=116.3,
    speed_mps=20.0,
    heading_deg=90.0,
    brake_pressed=True,
    events=("hard_braking",),
)


def heard(messages):
    return [m for m in messages if isinstance(m, PeerHeard)]


def gaps(messages):
    return {m.reason: m.count for m in messages if isinstance(m, Gap)}


OPEN = V2xSecurity(accept_unsigned=True)


def date(t_ns):
    return UTC_NS + t_ns


class Air:
    """A sender and an inlet with nothing but air between them."""

    def __init__(self, standard="csae53", security=OPEN, **config):
        self.clock = RecordedClock(5 * S)
        near, far = Loopback.pair(self.clock)
        settings = V2x(standard=standard, security=security, **config)
        self.link = near
        self.sender = V2xSender(Station(settings, 0x1A2B, date, near))
        self.recorded = []
        self.inlet = V2xInlet(Station(settings, 7, date, far), lambda *raw: self.recorded.append(raw))

    def send(self, content=CAR, after_ns=S // 10):
        self.clock.sleep_until_ns(self.clock.now_ns() + after_ns)
        t_ns = self.clock.now_ns()
        return self.sender.take(Announce(t_ns=t_ns, content=content, cause="test"), t_ns)

    def poll(self):
        return list(self.inlet.poll(self.clock.now_ns()))

    def read(self, packet):
        return hear(network.read(packet), Now(self.clock.now_ns(), date(self.clock.now_ns())))


@pytest.mark.parametrize(
    ("standard", "message", "sender"), [("csae53", "BSM", "0000000000001a2b"), ("etsi", "CAM", "6699")]
)
def test_what_is_sent_is_heard(standard, message, sender):
    air = Air(standard)
    packets = [packet for _ in range(3) for packet in air.send()]
    messages = air.poll()
    assert [m for m in messages if isinstance(m, Health)] == [
        Health(t_ns=air.clock.now_ns(), source="v2x", state="ok")
    ]
    first, second, third = heard(messages)
    assert (first.standard, first.message, first.sender, first.trust) == (
        standard,
        message,
        sender,
        "unsigned",
    )
    assert [first.measured_ns, third.measured_ns] == [first.t_ns, third.t_ns]
    for one in (first, third):
        assert msgspec.structs.replace(one.content, measured_ns=None, indicator=None) == CAR
    assert second.t_ns - first.t_ns == S // 10
    assert len({m.counter for m in (first, second, third)}) == 3
    assert air.recorded == [("v2x", 5 * S + S // 10 * (i + 1), p) for i, p in enumerate(packets)]
    assert air.poll() == []


def test_the_judge_reads_what_is_sent():
    bsm = network.read(Air("csae53").send()[0])
    assert (bsm.family, bsm.service) == ("dsmp", 111)
    name, value = judge("csae53").decode("MessageFrame", bsm.payload)
    assert (name, value["speed"], value["heading"], value["brakes"]["brakePadel"]) == (
        "bsmFrame",
        1000,
        7200,
        "on",
    )
    cam = network.read(Air("etsi").send()[0])
    assert (cam.service, cam.source.latitude, cam.source.speed, cam.source.heading) == (
        2001,
        399000000,
        2000,
        900,
    )
    value = judge("cam").decode("CAM", cam.payload)["cam"]["camParameters"]
    assert value["highFrequencyContainer"][1]["speed"]["speedValue"] == 2000


def test_the_low_frequency_container_goes_every_half_second():
    air = Air("etsi")
    has = ["lowFrequencyContainer" in repr(air.read(air.send()[0]).tree) for _ in range(11)]
    assert has == [True, False, False, False, False] * 2 + [True]


def test_an_emergency_vehicle_says_so_every_half_second():
    air = Air("etsi")
    on_duty = msgspec.structs.replace(CAR, events=("emergency_vehicle",))
    has = ["emergencyContainer" in repr(air.read(air.send(on_duty)[0]).tree) for _ in range(11)]
    assert has == [True, False, False, False, False] * 2 + [True]


def test_a_packet_lives_no_longer_than_the_event_it_tells_of():
    air = Air("etsi")
    event = RoadEvent(
        id="1",
        kind="hard_braking",
        latitude_deg=39.9,
        longitude_deg=116.3,
        until_ns=air.clock.now_ns() + 7 * S,
    )
    (packet,) = air.send(event)
    assert 6.0 <= network.read(packet).lifetime_s <= 7.0


def test_who_borrows_our_address_makes_us_change_it_every_10_s_only():
    air = Air("etsi")
    near, far = Loopback.pair(air.clock)
    me = Station(
        V2x(standard="etsi", security=OPEN), 7, date, far, start_ns=5 * S,
        random=random.Random(1).getrandbits,
    )  # fmt: skip
    inlet, names = V2xInlet(me), []
    for second in range(5, 40):
        source = Source(
            station_type=5,
            address=me.router.address,
            timestamp_ms=0,
            latitude=399000000,
            longitude=1163000000,
        )
        near.send(network.single_hop(b"borrowed %d" % second, source, 2001))
        inlet.poll(second * S)
        names.append(me.renamed(second * S, False) is not None)
        air.clock.sleep_until_ns((second + 1) * S)
    assert [5 + i for i, new in enumerate(names) if new] == [5, 15, 25, 35]


def test_duplicates_and_our_own_are_dropped():
    air = Air()
    (packet,) = air.send()
    air.link.send(packet)
    for own in V2xSender(Station(V2x(), 7, date, air.link)).packets(CAR, 0):
        air.link.send(own)
    messages = air.poll()
    assert len(heard(messages)) == 1
    assert gaps(messages) == {"duplicate": 1}


def test_unsigned_is_refused_when_not_accepted():
    air = Air(security=V2xSecurity())
    air.send()
    messages = air.poll()
    assert heard(messages) == []
    assert gaps(messages) == {"unsigned": 1}


def test_the_undecodable_is_counted_and_shown_once():
    air = Air()
    air.link.send(b"\x99\x01\x02")
    air.link.send(b"\x99\x01\x03")
    air.link.send(b"\x05\x45" + bytes(30))  # IPv4
    air.link.send(network.wrap_dsmp(b"\x00", 1))
    messages = air.poll()
    assert gaps(messages) == {"unknown": 2, "unsupported": 1, "undecodable": 1}
    (health,) = (m for m in messages if isinstance(m, Health))
    assert health.state == "degraded"
    assert "990102" in health.detail
    air.link.send(b"\x99")
    assert not any(isinstance(m, Health) for m in air.poll())
    air.clock.sleep_until_ns(air.clock.now_ns() + 10 * S)
    assert [m.state for m in air.poll()] == ["ok"]


def test_a_peer_without_position_is_counted():
    air = Air()
    kind, value = air.read(air.send()[0]).kind, air.read(air.send()[0]).value
    air.poll()
    value[1]["pos"]["lat"] = 900000001
    air.link.send(network.wrap_dsmp(Codec("MessageFrame", kind).encode(value), 1))
    assert gaps(air.poll()) == {"no content": 1}


@pytest.mark.parametrize("standard", ["csae53", "etsi"])
def test_five_thousand_damaged_packets_give_counts_and_nothing_else(standard):
    air, dice = Air(standard), random.Random(20)
    counted = received = 0
    for _ in range(50):
        (good,) = air.send(CAR)
        received += len(heard(air.poll()))
        for _ in range(100):
            packet = bytearray(good)
            for _ in range(dice.choice((1, 1, 2, 8))):
                packet[dice.randrange(len(packet))] = dice.randrange(256)
            if dice.random() < 0.3:
                del packet[dice.randrange(len(packet)) :]
            if dice.random() < 0.1:
                packet += dice.randbytes(dice.randrange(30))
            air.link.send(bytes(packet))
        messages = air.poll()
        counted += len(heard(messages)) + sum(gaps(messages).values())
        assert all(isinstance(m, PeerHeard | Gap | Health) for m in messages)
    assert received == 50
    assert counted == 5000


class Broken:
    """A link that fails while told to."""

    broken = True

    def fileno(self):
        return None

    def receive(self):
        if self.broken:
            raise OSError("no carrier")
        return []

    def send(self, packet):
        if self.broken:
            raise OSError("no carrier")

    def close(self):
        pass


def test_a_lost_link_is_said_once_and_comes_back():
    link = Broken()
    inlet, sender = V2xInlet(Station(V2x(), 1, date, link)), V2xSender(Station(V2x(), 1, date, link))
    (health,) = [m for t in range(300) for m in inlet.poll(t * S // 100)]
    assert (health.state, "no carrier" in health.detail) == ("failed", True)
    announce = Announce(t_ns=0, content=CAR, cause="test")
    assert sender.take(announce, 0)
    assert (sender.sent, sender.failed, "no carrier" in sender.trouble) == (0, 1, True)
    link.broken = False
    assert [m.state for m in inlet.poll(3 * S)] == ["ok"]
    sender.take(announce, 3 * S)
    assert (sender.sent, sender.failed, sender.trouble) == (1, 1, "")


def test_an_interface_that_is_not_there_is_retried_once_a_second():
    settings = V2x(link=V2xLink(interface="203.0.113.7"))
    inlet = V2xInlet(Station(settings, 1, date))
    (health,) = [m for t in range(35) for m in inlet.poll(t * S // 10)]
    assert health.state == "failed"
    assert "203.0.113.7" in health.detail
    assert inlet.fileno() is None
    sender = V2xSender(Station(settings, 1, date))
    for t in range(3):
        sender.take(Announce(t_ns=t, content=CAR, cause="test"), t)
    assert (sender.sent, sender.failed) == (0, 3)


def test_a_station_id_that_does_not_fit_and_a_place_that_is_none():
    with pytest.raises(ValueError, match="station_id"):
        Station(V2x(standard="etsi"), 1 << 32, date)
    air = Air()
    nowhere = RemoteObject(kind="car", latitude_deg=100.0, longitude_deg=0.0)
    assert air.send(nowhere) == []
    assert (air.sender.failed, heard(air.poll())) == (1, [])


def test_what_must_not_be_sent_is_not():
    air = Air(send=False)
    assert air.send()
    assert heard(air.poll()) == []


def test_two_programs_on_one_machine_hear_each_other():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = V2x(link=V2xLink(port=port), security=OPEN)
    inlets = [V2xInlet(Station(settings, i, date)) for i in (1, 2)]
    for inlet in inlets:
        assert [m.state for m in inlet.poll(0)] == ["ok"]
    for i in (1, 2):
        V2xSender(Station(settings, i, date)).take(Announce(t_ns=0, content=CAR, cause="test"), 0)
    try:
        assert [[m.sender for m in heard(inlet.poll(1))] for inlet in inlets] == [
            [f"{2:016x}"],
            [f"{1:016x}"],
        ]
    finally:
        for inlet in inlets:
            inlet.close()
