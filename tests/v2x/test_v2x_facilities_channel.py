"""How busy the channel is, and by what name we speak: TS 102 687 annex A; pseudonyms. As stories."""

import math
import random

import pytest

from edge.v2x.facilities import Dcc, PseudonymRules, Pseudonyms
from edge.v2x.facilities.pseudonyms import RANDOM_BITS

MS = 1_000_000
S = 1_000_000_000
SHORT, LONG = 300, 600  # octets: 0.48 and 0.88 ms at 6 Mbit/s


# ---------------------------------------------------------------- reactive DCC


@pytest.mark.parametrize(
    ("octets", "cbr", "pause_ms"),
    [
        (LONG, 0.0, 100), (LONG, 0.29, 100), (LONG, 0.3, 200), (LONG, 0.39, 200), (LONG, 0.4, 400),
        (LONG, 0.5, 500), (LONG, 0.59, 500), (LONG, 0.6, 1000), (LONG, 1.0, 1000),
        (SHORT, 0.0, 50), (SHORT, 0.3, 100), (SHORT, 0.4, 200), (SHORT, 0.5, 250), (SHORT, 0.64, 250),
        (SHORT, 0.65, 1000),
    ],
)  # fmt: skip
def test_the_tables_of_annex_a(octets, cbr, pause_ms):
    dcc = Dcc()
    dcc.measured(cbr, 0)
    assert dcc.pause_ns(octets) == pause_ms * MS
    assert dcc.cam_interval_ns(octets, 0) == max(pause_ms, 100) * MS


def test_the_states_have_names():
    dcc = Dcc()
    names = []
    for cbr in (0.1, 0.35, 0.45, 0.55, 0.9):
        dcc.measured(cbr, 0)
        names.append(dcc.state())
    assert names == ["relaxed", "active 1", "active 2", "active 3", "restrictive"]


def test_the_share_of_time_that_packets_take_at_the_data_rate():
    dcc = Dcc(6e6)
    air_s = 40e-6 + (LONG + 30) * 8 / 6e6
    assert dcc.airtime_s(LONG) == pytest.approx(air_s)
    for i in range(2000):  # 400 packets a second for 5 s
        dcc.heard(LONG, i * 2_500_000)
    assert dcc.cbr == pytest.approx(400 * air_s, rel=0.03)
    assert dcc.state(LONG) == "active 1"


def test_silence_brings_it_down_and_a_full_channel_is_one():
    dcc = Dcc()
    for i in range(20_000):
        dcc.heard(1000, i * 100_000)
    assert dcc.cbr == pytest.approx(1.0, abs=0.01)
    assert dcc.cam_interval_ns(SHORT, 2 * S) == 1000 * MS
    assert dcc.cam_interval_ns(SHORT, 4 * S) == 100 * MS
    assert dcc.cbr < 0.001
    dcc.cam_interval_ns(SHORT, 10**6 * S)  # and a very long silence costs no time
    assert dcc.cbr < 0.001


def test_the_modem_knows_better_than_the_estimate():
    dcc = Dcc()
    for i in range(100):
        if i % 10 == 0:
            dcc.measured(0.55, i * 10 * MS)
        dcc.heard(50, i * 10 * MS)
    assert dcc.cbr == 0.55
    dcc.heard(50, 5 * S)  # it has not spoken for a second
    assert dcc.cbr < 0.3
    dcc.measured(math.nan, 5 * S)
    assert dcc.cbr < 0.3


def test_the_gatekeeper_keeps_packets_apart():
    dcc = Dcc()
    dcc.measured(0.35, 0)
    went = []
    for t in range(0, 1000, 10):
        dcc.measured(0.35, t * MS)
        if dcc.may_send(2, LONG, t * MS):
            went.append(t)
    assert went == [0, 200, 400, 600, 800]


def test_a_packet_longer_than_a_millisecond_pays_for_its_length():
    dcc = Dcc()
    assert dcc.airtime_s(1400) > 1.9e-3
    assert dcc.pause_ns(1400) == 200 * MS


def test_an_emergency_goes_at_once_but_not_without_end():
    dcc = Dcc()
    dcc.measured(0.9, 0)
    assert dcc.may_send(2, SHORT, 0)
    went = sum(dcc.may_send(0, SHORT, t * MS) for t in range(10, 900, 10))
    assert went == 20
    assert not dcc.may_send(2, SHORT, 900 * MS)  # the others still wait for their own
    assert dcc.may_send(2, SHORT, 1000 * MS)
    assert dcc.may_send(0, SHORT, 10_500 * MS)
    assert dcc.may_send(0x80, SHORT, 10_600 * MS)  # store-carry-forward bit: class 0 too


# ---------------------------------------------------------------- adaptive DCC


def shares(stations, seconds):
    """So many on one channel, all with something to say: each uses its share, each hears them all."""
    all_of_them = [Dcc(method="adaptive") for _ in range(stations)]
    for i, one in enumerate(all_of_them):
        one.share = 0.0006 if i % 2 else 0.02
    for t in range(seconds * 10):
        busy = sum(one.share for one in all_of_them)
        for one in all_of_them:
            one.measured(busy, t * 100 * MS)
            one.cam_interval_ns(SHORT, t * 100 * MS)
    return [one.share for one in all_of_them]


@pytest.mark.parametrize("stations", [50, 200])
def test_the_shares_become_equal_and_the_channel_is_used_as_theory_says(stations):
    """Where alpha * share = beta * (target - stations * share) nothing changes any more."""
    told = shares(stations, 120)
    assert max(told) - min(told) < 0.02 * max(told)
    assert told[0] == pytest.approx(0.0012 * 0.68 / (0.016 + 0.0012 * stations), rel=0.02)


def test_alone_one_has_the_most_and_in_a_full_channel_the_least():
    assert shares(1, 60) == [0.03]
    dcc = Dcc(method="adaptive")
    assert dcc.pause_ns(SHORT) == pytest.approx(0.48e-3 / 0.0006 * S, rel=0.01)
    dcc.share = 0.03
    assert dcc.pause_ns(SHORT) == 25 * MS
    for t in range(1000):
        dcc.measured(1.0, t * 100 * MS)
        dcc.cam_interval_ns(SHORT, t * 100 * MS)
    assert dcc.share == 0.0006


# ---------------------------------------------------------------- pseudonyms

M = 1 / 111_195


def drive(names, until_s, speed_mps, in_event=lambda t: False, seed=1):
    """Change when due; the seconds of the changes."""
    chance, changes = random.Random(seed), []
    for t in range(until_s):
        names.moved(48 + t * speed_mps * M, 11.0)
        if names.due(t * S, in_event(t)):
            names.change(chance.getrandbits(RANDOM_BITS), t * S)
            changes.append(t)
    return changes


def fresh(rules=None, seed=0):
    return Pseudonyms(random.Random(seed).getrandbits(RANDOM_BITS), 0, rules)


def test_after_five_minutes_and_800_to_1500_metres():
    changes = drive(fresh(), 1300, speed_mps=30)
    assert changes == [300, 600, 900, 1200]
    slow = drive(fresh(), 1500, speed_mps=1)
    assert len(slow) == 1
    assert 800 <= slow[0] <= 1501


def test_who_parks_keeps_the_name():
    assert drive(fresh(), 4000, speed_mps=0) == []


def test_not_while_an_event_of_ours_is_told_unless_told_so():
    busy = drive(fresh(), 700, 30, in_event=lambda t: 250 <= t < 400)
    assert busy == [400]
    anyway = fresh(PseudonymRules(keep_in_events=False))
    assert drive(anyway, 700, 30, in_event=lambda t: True) == [300, 600]


def test_everything_changes_together():
    chance = random.Random(3)
    names = fresh()
    before = names.current
    after = names.change(chance.getrandbits(RANDOM_BITS), 0)
    assert names.current is after
    assert (before.number, after.number) == (0, 1)
    for part in ("station_id", "long_id", "address", "sequence", "count"):
        assert getattr(before, part) != getattr(after, part), part


def test_names_fit_their_fields():
    chance = random.Random(4)
    for random_bits in [0, (1 << RANDOM_BITS) - 1, *(chance.getrandbits(RANDOM_BITS) for _ in range(500))]:
        name = Pseudonyms(random_bits, 0).current
        assert 0 < name.station_id < 1 << 32
        assert 0 < name.long_id < 1 << 64
        assert 0 <= name.count < 128
        assert 0 <= name.sequence < 1 << 16
        first = name.address >> 40
        assert name.address < 1 << 48
        assert first & 1 == 0  # not a group
        assert first & 2 == 2  # locally administered


def test_a_jump_of_the_receiver_is_no_way_driven():
    names = fresh()
    for t in range(400):
        names.moved(48 + (t % 2) * 0.1, 11.0)
    assert not names.due(400 * S)
