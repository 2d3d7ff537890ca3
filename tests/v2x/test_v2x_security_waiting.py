"""Verification on demand: who waits, who comes first, and what a flood does."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from v2x_security_world import PLACE, at, store, tickets

from edge.config import V2xSecurity
from edge.v2x.security import Signer, Verifier, Waiting, read_signed
from edge.v2x.uper import CodecError

MS = 1_000_000
COST = 100_000


def waiting(**settings):
    return Waiting(V2xSecurity(**settings))


def put(queue, message, sender, now_ns=0, threat=0.0, stream=36, known=True):
    queue.put(message, sender=sender, stream=stream, threat=threat, known=known, now_ns=now_ns, cost_ns=COST)


def test_the_greatest_threat_comes_first():
    queue = waiting()
    for sender, threat in ((b"far", 1.0), (b"near", 9.0), (b"middle", 5.0)):
        put(queue, sender, sender, threat=threat)
    assert queue.take(0, 2 * COST) == [b"near", b"middle"]
    assert queue.take(0, 2 * COST) == [b"far"]
    assert queue.take(0, 2 * COST) == []
    assert not queue.lost


def test_the_newest_of_a_sender_wins_in_each_stream():
    queue = waiting()
    put(queue, "old", b"a")
    put(queue, "event", b"a", stream=37)
    put(queue, "new", b"a")
    assert sorted(queue.take(0, 10 * COST)) == ["event", "new"]
    assert queue.lost == {"superseded": 1}


def test_what_waits_too_long_is_counted():
    queue = waiting(wait_ms=100)
    put(queue, "late", b"a", now_ns=0)
    put(queue, "in time", b"b", now_ns=1 * MS)
    assert queue.take(101 * MS, 10 * COST) == ["in time"]
    assert queue.lost == {"not verified in time": 1}
    assert len(queue) == 0


def test_each_sender_has_a_turn_before_any_has_two():
    queue = waiting()
    for stream in range(4):
        put(queue, ("loud", stream), b"loud", threat=100 + stream, stream=stream)
    for name in (b"x", b"y"):
        put(queue, name, name, threat=1.0)
    assert queue.take(0, 3 * COST) == [("loud", 3), b"x", b"y"]
    assert queue.take(0, 3 * COST) == [("loud", 2), ("loud", 1), ("loud", 0)]


def test_a_flood_under_one_name_displaces_and_delays_nobody_else():
    """2,500 a second under one digest against 50 honest senders at 10 Hz; time for 1,000 a second."""
    queue = waiting()
    verified, forged, waited = 0, 0, []
    for tick in range(300):  # of 10 ms
        now_ns = tick * 10 * MS
        for n in range(25):
            put(queue, ("flood", now_ns), b"flood", now_ns + n, threat=1000.0, stream=n % 7)
        for sender in range(50):
            if (tick + sender) % 10 == 0:
                put(queue, ("honest", now_ns), b"%d" % sender, now_ns, threat=1.0)
        for name, since_ns in queue.take(now_ns, 10 * COST):
            if name == "flood":
                forged += 1
                queue.judged(b"flood", False, now_ns)
            else:
                verified += 1
                waited.append(now_ns - since_ns)
    assert verified == 1500
    assert max(waited) <= 10 * MS
    assert forged > 0
    assert set(queue.lost) <= {"superseded", "not verified in time"}


def test_a_flood_of_new_names_displaces_no_known_sender():
    """Each with another certificate that nobody issued: they share their part of places and time."""
    queue = waiting(waiting=40, newcomers_ratio=0.25)
    verified, serial, new = 0, 0, 0
    for tick in range(200):
        now_ns = tick * 10 * MS
        for _ in range(30):
            serial += 1
            put(queue, "flood", b"n%d" % serial, now_ns, threat=1e9, known=False)
        for sender in range(70):
            if (tick + sender) % 10 == 0:
                put(queue, "honest", b"%d" % sender, now_ns, threat=1.0)
        taken = queue.take(now_ns, 10 * COST)
        new += taken.count("flood")
        verified += taken.count("honest")
        assert len(queue) <= 50
    assert verified == 1400
    assert new >= 200 * 2  # and they have their part


def test_newcomers_have_their_part_when_the_known_fill_everything():
    queue = waiting(newcomers_ratio=0.25)
    for sender in range(100):
        put(queue, "known", b"%d" % sender, threat=1e9)
        put(queue, "new", b"n%d" % sender, threat=0.0, known=False)
    taken = queue.take(0, 20 * COST)
    assert (taken.count("known"), taken.count("new")) == (15, 5)
    assert taken[:15] == ["known"] * 15


def test_a_full_queue_keeps_the_greater_threats():
    queue = waiting(waiting=3)
    for threat in (5.0, 1.0, 3.0, 2.0, 0.5):
        put(queue, threat, b"%f" % threat, threat=threat)
    assert queue.take(0, 10 * COST) == [5.0, 3.0, 2.0]
    assert queue.lost == {"not verified in time": 2}


def test_a_sender_that_proves_itself_is_no_longer_behind():
    queue = waiting()
    queue.judged(b"a", False, 0)
    for sender, threat in ((b"a", 9.0), (b"b", 1.0)):
        put(queue, sender, sender, threat=threat)
    assert queue.take(0, COST) == [b"b"]
    assert queue.take(0, COST) == [b"a"]
    queue.judged(b"a", True, 0)
    for sender, threat in ((b"a", 9.0), (b"b", 1.0)):
        put(queue, sender, sender, threat=threat)
    assert queue.take(0, COST) == [b"a"]


def test_one_is_taken_even_if_it_costs_more_than_the_budget():
    queue = waiting()
    put(queue, "a", b"a", known=False)
    put(queue, "b", b"b")
    assert len(queue.take(0, COST // 2)) == 1
    assert len(queue.take(0, COST // 2)) == 1
    assert queue.take(0, COST // 2) == []


def test_forged_messages_in_one_name_keep_no_other_sender_waiting():
    """Real packets: 20 stations at 10 Hz, and 40 forged ones every 10 ms with the digest of the first."""
    pytest.importorskip("cryptography")
    verifier, queue = Verifier(store()), waiting()
    signers = [Signer(store([ticket])) for ticket in tickets(20)]
    for signer in signers:
        verifier.verify(read_signed(signer.sign(b"first", 36, at(0.5))), at(0.5))
    verified, reasons = Counter(), Counter()
    for tick in range(20):
        now = at(1 + tick / 100)
        arrived = [signer.sign(b"x", 36, now) for n, signer in enumerate(signers) if n % 10 == tick % 10]
        genuine = signers[0].sign(b"brake", 37, now, PLACE)
        arrived[1:1] = [genuine.replace(b"brake", b"for%02d" % n) for n in range(40)]
        for data in arrived:
            signed = read_signed(data)
            verifier.check(signed, now)
            queue.put(
                signed,
                sender=signed.signer,
                stream=signed.aid,
                threat=9.0 if signed.aid == 37 else 1.0,
                known=verifier.knows(signed.signer),
                now_ns=now.t_ns,
            )
        for signed in queue.take(now.t_ns, 5 * MS):
            try:
                verified[verifier.verify(signed, now)] += 1
                queue.judged(signed.signer, True, now.t_ns)
            except CodecError as error:
                reasons[error.reason] += 1
                queue.judged(signed.signer, False, now.t_ns)
        assert len(queue) == 0
    assert all(verified[signer.digest] == 2 for signer in signers)
    assert reasons == {"forged": 20}
    assert queue.lost == {"superseded": 20 * 39}


@given(
    st.lists(
        st.tuples(
            st.integers(0, 30), st.integers(0, 6), st.floats(-10, 10), st.booleans(), st.integers(0, 60)
        ),
        max_size=200,
    ),
    st.integers(1, 12),
)
def test_everything_is_taken_once_or_counted_and_bounds_hold(puts, budget):
    queue = waiting(waiting=12, newcomers_ratio=0.5, wait_ms=200)
    now_ns, taken = 0, []
    for number, (sender, stream, threat, known, later_ms) in enumerate(puts):
        now_ns += later_ms * MS
        put(queue, number, b"%d" % sender, now_ns, threat, stream, known)
        assert len(queue) <= (12 + 6) * 4
        if number % 5 == 0:
            batch = queue.take(now_ns, budget * COST)
            assert len(batch) <= budget
            taken += batch
    assert len(set(taken)) == len(taken)
    assert len(taken) + len(queue) + sum(queue.lost.values()) == len(puts)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6), st.integers(-3, 3)), max_size=40),
    st.sets(st.integers(0, 5)),
    st.integers(1, 12),
)
def test_the_order_is_that_of_turns_and_threats(puts, forgers, budget):
    """Beside the rule written out: of each sender the most threatening first; forgers behind all others."""
    queue, waits = waiting(), {}
    for sender in forgers:
        queue.judged(b"%d" % sender, False, 0)
    for number, (sender, stream, threat) in enumerate(puts):
        put(queue, number, b"%d" % sender, number, threat, stream)
        waits[sender, stream] = (-threat, number)
    while waits:
        turns = []
        for sender in {sender for sender, _ in waits}:
            mine = sorted(place for (who, _), place in waits.items() if who == sender)
            turns += [(sender in forgers, turn, *place) for turn, place in enumerate(mine)]
        first = [turn[-1] for turn in sorted(turns)[:budget]]
        assert queue.take(len(puts), budget * COST) == first
        waits = {name: place for name, place in waits.items() if place[1] not in first}
    assert not queue
