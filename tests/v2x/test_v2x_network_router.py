"""Who is there, what is new, what is sent on: EN 302 636-4-1 clause 10 and its annexes, as stories."""

import random

import pytest

from edge.v2x import network
from edge.v2x.network import Area, Mib, Router, Source
from edge.v2x.uper import CodecError

S = 1_000_000_000
MS = 1_000_000
T0_ITS = 700_000_000_000 % (1 << 32)
LATITUDE, LONGITUDE = 480_000_000, 110_000_000
M = 1e7 / 111_195
PLACE = Area("circle", LATITUDE, LONGITUDE, 500)


def at(address, t_ns=0, north_m=0.0):
    """A position vector, north of the middle of PLACE, at a time since the story's beginning."""
    return Source(
        station_type=5,
        address=address,
        timestamp_ms=(T0_ITS + t_ns // MS) % (1 << 32),
        latitude=LATITUDE + round(north_m * M),
        longitude=LONGITUDE,
    )


OWN = 0xAAAA
BOB = 0xBBBB


def shb(t_ns=0, payload=b"cam", address=BOB, **more):
    return network.read(network.single_hop(payload, at(address, t_ns), 2001, **more))


def gbc(sequence, t_ns=0, north_m=0.0, address=BOB, area=PLACE, payload=b"denm", **more):
    source = at(address, t_ns, north_m)
    return network.read(network.geo_broadcast(payload, source, 2002, area, sequence, **more))


def reason(router, packet, t_ns=0, own=None):
    with pytest.raises(CodecError) as caught:
        router.hear(packet, t_ns, own or at(OWN, t_ns))
    return caught.value.reason


def router(**mib):
    return Router(OWN, Mib(**mib))


# ---------------------------------------------------------------- location table


def test_a_station_is_known_for_twenty_seconds_after_it_was_heard():
    r = router()
    r.hear(shb(), 0, at(OWN))
    assert [n.address for n in r.stations.neighbours(19 * S)] == [BOB]
    assert r.stations.neighbours(21 * S) == []
    r.hear(shb(21 * S, address=0xCCCC), 21 * S, at(OWN, 21 * S))
    assert [n.address for n in r.stations.neighbours(21 * S)] == [0xCCCC]


def test_the_newest_position_counts_even_when_packets_overtake_each_other():
    r = router()
    r.hear(shb(500 * MS), 0, at(OWN, 500 * MS))
    r.hear(shb(100 * MS), 0, at(OWN, 500 * MS))
    assert r.stations.get(BOB, 0).source == at(BOB, 500 * MS)


def test_time_stamps_wrap_around_after_49_days():
    r = router()
    before = Source(station_type=5, address=BOB, timestamp_ms=(1 << 32) - 100, latitude=0, longitude=0)
    after = Source(station_type=5, address=BOB, timestamp_ms=100, latitude=9, longitude=0)
    for source in (before, after):
        r.hear(network.read(network.single_hop(b"", source, 2001)), 0, after)
    assert r.stations.get(BOB, 0).source == after


def test_a_station_heard_through_others_is_no_neighbour():
    r = router()
    packet = gbc(1)
    r.hear(network.read(network.geonetworking.one_hop_less(packet)), 0, at(OWN))
    assert len(r.stations) == 1
    assert r.stations.neighbours(0) == []


def test_a_flood_of_invented_stations_leaves_the_table_bounded():
    r = router(max_stations=50)
    for i in range(2000):
        r.hear(shb(address=0x10000 + i), i, at(OWN))
        r.hear(gbc(i, address=0x20000 + i), i, at(OWN))
    assert len(r.stations) == 50
    assert r._waiting_octets <= r.mib.buffer_octets


def test_what_waits_is_bounded_in_octets():
    r = router(buffer_octets=1000)
    for i in range(500):
        r.hear(gbc(i, payload=bytes(100)), 0, at(OWN))
    assert sum(map(len, r.due(S))) <= 1000
    assert r.due(2 * S) == []


# ---------------------------------------------------------------- duplicates


def test_a_packet_that_comes_twice_is_a_duplicate_the_second_time():
    for packet in (shb(), gbc(7)):
        r = router()
        assert not r.knows(packet, 0)
        r.hear(packet, 0, at(OWN))
        assert r.knows(packet, 0)
        assert reason(r, packet) == "duplicate"


def test_what_was_heard_is_known_for_as_long_as_its_station():
    r = router()
    packet = gbc(7, 100 * S)
    r.hear(packet, 100 * S, at(OWN, 100 * S))
    assert r.knows(packet, 120 * S)
    assert not r.knows(packet, 121 * S)
    assert not r.knows(network.read(network.wrap_dsmp(b"x", 111)), 0)


def test_two_messages_with_one_position_are_two():
    r = router()
    for payload in (b"cam", b"cpm"):
        r.hear(shb(payload=payload), 0, at(OWN))
    assert reason(r, shb(payload=b"cam")) == "duplicate"


def test_the_last_eight_sequence_numbers_are_remembered():
    r = router()
    for sequence in range(9):
        r.hear(gbc(sequence), 0, at(OWN))
    assert reason(r, gbc(1)) == "duplicate"
    r.hear(gbc(0), 0, at(OWN))  # the ninth before: forgotten, as the standard has it


def test_the_same_sequence_number_of_two_stations_is_no_duplicate():
    r = router()
    r.hear(gbc(1), 0, at(OWN))
    r.hear(gbc(1, address=0xCCCC), 0, at(OWN))


# ---------------------------------------------------------------- refusals


def test_a_packet_that_has_outlived_itself():
    r = router()
    assert reason(r, shb(0, lifetime_s=1), 10 * S) == "expired"
    r.hear(gbc(1, 0, lifetime_s=60), 10 * S, at(OWN, 10 * S))
    assert reason(r, shb(10 * S), 0) == "future"


def test_without_our_own_date_nothing_is_too_old():
    router().hear(shb(0), 0, None)


def test_our_own_packet_that_comes_back_and_a_stranger_with_our_address():
    r = router()
    mine = network.single_hop(b"mine", at(OWN), 2001)
    r.sent(mine, 0)
    assert reason(r, network.read(mine)) == "own"
    far = network.geo_broadcast(b"mine", at(OWN), 2002, PLACE, r.next_sequence())
    r.sent(far, 0)
    assert reason(r, network.read(network.geonetworking.one_hop_less(network.read(far)))) == "own"
    assert r.conflicts == 0
    assert reason(r, shb(address=OWN)) == "address taken"
    assert r.conflicts == 1
    r.rename(0xDDDD)
    assert reason(r, network.read(mine)) == "own"  # a late echo under the former name
    r.hear(shb(address=0xEEEE), 0, at(0xDDDD))


def test_a_secured_packet_must_be_verified_first():
    plain = []
    data = network.single_hop(b"cam", at(BOB), 2001, secure=lambda x: plain.append(x) or b"\3\x81")
    packet = network.read(data)
    r = router()
    assert reason(r, packet) == "secured"
    inside = network.read_inside(packet, plain[0])
    r.hear(inside, 0, at(OWN))
    assert reason(r, inside) == "duplicate"


def test_other_families_have_no_source_and_pass():
    assert router().hear(network.read(network.wrap_dsmp(b"x", 111)), 0, None) == []


def test_a_message_for_an_area_that_we_are_not_in():
    r = router()
    assert reason(r, gbc(1), own=at(OWN, north_m=501)) == "out of area"
    assert r.hear(gbc(2), 0, at(OWN, north_m=499)) == []


def test_a_packet_for_one_station_is_for_that_one_only():
    vector = network.beacon(at(BOB))[13:]
    for address in (OWN, 0x9999):
        to = address.to_bytes(8, "big") + vector[8:20]
        data = bytes.fromhex("0311001a0a 2020000000050a00 00090000") + vector + to + b"\x07\xd1\0\0x"
        r = router()
        if address == OWN:
            assert r.hear(network.read(data), 0, at(OWN)) == []
        else:
            assert reason(r, network.read(data)) == "for another"


# ---------------------------------------------------------------- sending on


def test_simple_forwarding_sends_on_at_once_with_one_hop_less():
    r = router(area_forwarding="simple")
    packet = gbc(1)
    (out,) = r.hear(packet, 0, at(OWN))
    again = network.read(out)
    assert again.remaining_hops == packet.remaining_hops - 1
    assert (again.payload, again.source, again.sequence) == (packet.payload, packet.source, 1)
    assert r.hear(gbc(2, hop_limit=1), 0, at(OWN)) == []
    assert r.hear(shb(), 0, at(OWN)) == []
    assert r.hear(gbc(3, anycast=True), 0, at(OWN)) == []


def test_a_topological_broadcast_is_sent_on_anywhere():
    data = network.topological(b"x", at(BOB), 2002, 5, hop_limit=2)
    (out,) = router().hear(network.read(data), 0, at(OWN))
    assert network.read(out).remaining_hops == 1
    assert router().hear(network.read(out), 0, at(OWN)) == []


@pytest.mark.parametrize(("north_m", "wait_ms"), [(0, 100), (499, 51), (400, 61)])
def test_in_contention_the_farthest_sends_first(north_m, wait_ms):
    """TO_CBF of annex F.3: 100 ms beside the sender, 1 ms at the range of 1000 m, a line between."""
    r = router()
    packet = gbc(1)
    assert r.hear(packet, 0, at(OWN, north_m=north_m)) == []
    assert r.due((wait_ms - 1) * MS) == []
    (out,) = r.due((wait_ms + 1) * MS)
    assert network.read(out).remaining_hops == 9
    assert r.due(S) == []


def test_who_hears_another_send_it_on_is_silent():
    r = router()
    packet = gbc(1)
    r.hear(packet, 0, at(OWN, north_m=100))
    assert reason(r, network.read(network.geonetworking.one_hop_less(packet))) == "duplicate"
    assert r.due(S) == []
    assert r._waiting_octets == 0


def test_a_packet_that_waits_gives_way_even_when_its_number_was_forgotten():
    r = router()
    for sequence in (*range(20), *range(11)):
        r.hear(gbc(sequence), 0, at(OWN))
    assert {network.read(out).sequence for out in r.due(S)} == set(range(11, 20))
    assert r._waiting_octets == 0


def test_behind_the_first_hop_the_sender_is_not_known_and_we_wait_longest():
    r = router()
    r.hear(network.read(network.geonetworking.one_hop_less(gbc(1))), 0, at(OWN, north_m=499))
    assert r.due(99 * MS) == []
    assert len(r.due(100 * MS)) == 1


def test_what_is_signed_is_sent_on_unchanged():
    plain = []
    source = at(BOB)
    data = network.geo_broadcast(
        b"d", source, 2002, PLACE, 1, secure=lambda x: plain.append(x) or b"\3\x81" + x + b"signature"
    )
    (out,) = router(area_forwarding="simple").hear(
        network.read_inside(network.read(data), plain[0]), 0, at(OWN)
    )
    assert out == data[:4] + b"\x09" + data[5:]


def test_nothing_is_sent_on_without_our_place_when_switched_off_or_for_too_large_an_area():
    huge = bytearray(gbc(1).data)
    at_a = 5 + 8 + 28 + 8
    huge[at_a : at_a + 2] = b"\xff\xff"
    for method in ("simple", "cbf"):
        r = router(area_forwarding=method)
        assert r.hear(network.read(bytes(huge)), 0, at(OWN)) == []
        assert r.hear(gbc(2), 0, None) == []
        assert r.due(S) == []
    off = router(area_forwarding="none")
    assert off.hear(gbc(1), 0, at(OWN)) == []
    assert off.due(S) == []


def test_a_source_that_sends_more_than_100_kB_a_second_is_heard_but_not_sent_on():
    r = router(area_forwarding="simple")
    sent_on = []
    for i in range(2000):
        t_ns = i * 2 * MS  # 500 packets of 1 kB a second
        sent_on.append(len(r.hear(gbc(i, t_ns, payload=bytes(1000)), t_ns, at(OWN, t_ns))))
    assert sent_on[0] == 1
    assert sent_on[-500:] == [0] * 500
    assert r.hear(gbc(1, 4 * S, address=0xCCCC), 4 * S, at(OWN, 4 * S))  # others are served


def test_a_usual_station_is_never_over_the_limit():
    r = router(area_forwarding="simple")
    for i in range(600):
        t_ns = i * 100 * MS
        assert len(r.hear(gbc(i, t_ns, payload=bytes(1000)), t_ns, at(OWN, t_ns))) == 1


def air(method, stations=15, gap_m=100, range_m=350, until_ms=2000):
    """A row of stations; the first tells all. (who has heard it, how often it was sent)"""
    area = Area("rectangle", LATITUDE, LONGITUDE, 3000, 50, 0)
    reasons = set()
    routers = [Router(i + 1, Mib(area_forwarding=method)) for i in range(stations)]
    data = network.geo_broadcast(b"denm", at(1), 2002, area, 1, lifetime_s=60)
    flying, heard, count = [(0, data)], {0}, 0
    routers[0].sent(data, 0)
    for t in range(until_ms):
        arriving, flying = flying, []
        for sender, packet in arriving:
            count += 1
            for i, one in enumerate(routers):
                if i != sender and abs(i - sender) * gap_m <= range_m:
                    own = at(i + 1, t * MS, i * gap_m)
                    try:
                        flying += [(i, out) for out in one.hear(network.read(packet), t * MS, own)]
                    except CodecError as error:
                        reasons.add(error.reason)
                        continue
                    assert i not in heard
                    heard.add(i)
        for i, one in enumerate(routers):
            flying += [(i, out) for out in one.due(t * MS)]
    assert reasons <= {"duplicate", "own"}
    return heard, count


def test_a_row_of_cars_tells_the_last_and_contention_needs_fewer_packets():
    everyone, simple = air("simple")
    assert everyone == set(range(15))
    assert simple == 15
    everyone, contention = air("cbf")
    assert everyone == set(range(15))
    assert contention < simple
    assert air("none") == ({0, 1, 2, 3}, 1)


# ---------------------------------------------------------------- beacons


def test_a_beacon_is_due_three_seconds_and_the_jitter_after_the_last_packet():
    r = router()
    assert r.beacon_due(0)
    r.sent(network.beacon(at(OWN)), 0, jitter_ratio=1.0)
    assert not r.beacon_due(3_700 * MS)
    assert r.beacon_due(3_750 * MS)
    r.sent(network.single_hop(b"", at(OWN), 2001), 3_800 * MS)
    assert not r.beacon_due(6_799 * MS)
    assert r.beacon_due(6_800 * MS)


def test_sequence_numbers_wrap_at_16_bits():
    r = router()
    numbers = [r.next_sequence() for _ in range(65537)]
    assert numbers[:2] == [1, 2]
    assert numbers[-2:] == [0, 1]


# ---------------------------------------------------------------- all of it, damaged


def test_a_hundred_thousand_damaged_packets_give_codec_errors_with_reasons_and_bounded_state():
    chance = random.Random(5)
    good = [
        shb().data, gbc(1).data, network.beacon(at(BOB)), network.topological(b"abc", at(BOB), 2002, 3),
        gbc(2, anycast=True).data, gbc(3, area=Area("ellipse", LATITUDE, LONGITUDE, 300, 20, 45)).data,
        network.wrap_dsmp(b"abcdef", 111), network.wrap_dsmp(bytes.fromhex("0381004003800400143344"), 70000),
        bytes.fromhex("0b030f01ac10010c04019e002004aabbccdd"), bytes.fromhex("04100204 01140f00 6f0002aabb"),
        bytes.fromhex("0014050102030405"), network.single_hop(b"x", at(BOB), 2001, secure=lambda x: x),
    ]  # fmt: skip
    known = {
        "unknown", "undecodable", "unsupported", "duplicate", "expired", "future", "out of area", "secured",
        "address taken", "for another",
    }  # fmt: skip
    r = router(max_stations=100)
    reasons = set()
    for i in range(100_000):
        data = bytearray(chance.choice(good))
        for _ in range(chance.randrange(1, 5)):
            how = chance.randrange(4)
            if how == 0 and data:
                data[chance.randrange(len(data))] = chance.randrange(256)
            elif how == 1 and data:
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            elif how == 2:
                del data[chance.randrange(len(data) + 1) :]
            elif len(data) < 400:
                data += chance.randbytes(chance.randrange(9))
        try:
            packet = network.read(bytes(data))
            if packet.secured is not None and packet.family == "geonetworking":
                packet = network.read_inside(packet, packet.secured)
            r.hear(packet, i * 1000, at(OWN))
            r.due(i * 1000)
        except CodecError as error:
            reasons.add(error.reason)
    assert reasons <= known
    assert {"undecodable", "unsupported", "unknown", "duplicate", "expired"} <= reasons
    assert len(r.stations) <= 100
    assert r._waiting_octets <= r.mib.buffer_octets
