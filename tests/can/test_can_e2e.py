import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.can.protection.crc import crc
from edge.can.protection.e2e import ACCEPTED, Profile, Receiver, Status, profile_1, profile_2, profile_5

OK, LOST, SYNC = Status.OK, Status.OK_SOME_LOST, Status.SYNC
FIRST, AGAIN, WRONG, BAD = Status.INITIAL, Status.REPEATED, Status.WRONG_SEQUENCE, Status.WRONG_CRC
INCLUSIONS = {"both": "BOTH", "alternating": "ALT", "low": "LOW", "nibble": "NIBBLE"}


def columns(payloads):
    width = 8 if len(payloads[0]) <= 8 else 64
    return np.frombuffer(b"".join(p.ljust(width, b"\0") for p in payloads), np.uint8).reshape(-1, width)


def holds(profile, payload):
    one = profile.holds_one(payload)
    assert profile.holds(columns([payload])).tolist() == [one]
    return one


def test_published_check_values_of_the_crcs():
    """AUTOSAR SWS_CRCLibrary, the check value of "123456789" of each."""
    assert crc(b"123456789", 8, 0x1D, 0xFF, 0xFF) == 0x4B
    assert crc(b"123456789", 8, 0x2F, 0xFF, 0xFF) == 0xDF
    assert crc(b"123456789", 16, 0x1021, 0xFFFF) == 0x29B1


@pytest.mark.parametrize(
    ("profile", "counter", "wire"),
    [
        (profile_1(8, 0x123), 0, "cc00000000000000"),
        (profile_1(8, 0x123), 1, "9101000000000000"),
        (profile_1(8, 0x123, "nibble"), 0, "2a10000000000000"),
        (profile_1(8, 0x123, "nibble"), 1, "7711000000000000"),
        (profile_2(8, bytes(range(1, 17))), 1, "1b01000000000000"),
        (profile_2(8, bytes(range(1, 17))), 2, "9802000000000000"),
        (profile_5(8, 0x1234), 0, "1cca000000000000"),
        (profile_5(16, 0x1234, offset=8), 0, "0000000000000000" + "2891000000000000"),
    ],
)
def test_examples_of_the_standard(profile, counter, wire):
    """AUTOSAR FO PRS_E2EProtocol: protected messages of zeros."""
    assert profile.fill(bytes(profile.length), counter).hex() == wire


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_profile_1_is_that_of_autosar_e2e(data):
    p01 = pytest.importorskip("e2e.p01")
    payload = data.draw(st.binary(min_size=2, max_size=64))
    data_id = data.draw(st.integers(0, 0xFFFF))
    counter = data.draw(st.integers(0, 14))
    inclusion = data.draw(st.sampled_from(list(INCLUSIONS)))
    offset = data.draw(st.integers(0, len(payload) - 2))
    theirs = bytearray(payload)
    theirs[offset + 1] = theirs[offset + 1] & 0xF0 | counter
    mode = getattr(p01, f"E2E_P01_DATAID_{INCLUSIONS[inclusion]}")
    p01.e2e_p01_protect(theirs, data_id, data_id_mode=mode, offset=offset, increment_counter=False)
    bits = {"counter_bit": 8 * offset + 8, "nibble_bit": 8 * offset + 12}
    profile = profile_1(len(payload), data_id, inclusion, crc_byte=offset, **bits)
    ours = profile.fill(payload, counter)
    assert ours == bytes(theirs)
    check_damage(data, profile, ours)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_profile_2_is_that_of_autosar_e2e(data):
    p02 = pytest.importorskip("e2e.p02")
    payload = data.draw(st.binary(min_size=2, max_size=64))
    data_ids = data.draw(st.binary(min_size=16, max_size=16))
    counter = data.draw(st.integers(0, 15))
    theirs = bytearray(payload)
    theirs[1] = theirs[1] & 0xF0 | counter
    p02.e2e_p02_protect(theirs, data_ids, increment_counter=False)
    profile = profile_2(len(payload), data_ids)
    ours = profile.fill(payload, counter)
    assert ours == bytes(theirs)
    check_damage(data, profile, ours)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_profile_5_is_that_of_autosar_e2e(data):
    p05 = pytest.importorskip("e2e.p05")
    payload = data.draw(st.binary(min_size=3, max_size=64))
    data_id = data.draw(st.integers(0, 0xFFFF))
    counter = data.draw(st.integers(0, 255))
    offset = data.draw(st.integers(0, len(payload) - 3))
    theirs = bytearray(payload)
    theirs[offset + 2] = counter
    p05.e2e_p05_protect(theirs, data_id, offset=offset, increment_counter=False)
    profile = profile_5(len(payload), data_id, offset=offset)
    ours = profile.fill(payload, counter)
    assert ours == bytes(theirs)
    check_damage(data, profile, ours)


def check_damage(data, profile, payload):
    assert holds(profile, payload)
    bit = data.draw(st.integers(0, 8 * len(payload) - 1))
    damaged = bytearray(payload)
    damaged[bit // 8] ^= 1 << bit % 8
    found = holds(profile, bytes(damaged))
    if profile.counter.first != bit // 8:  # another counter may belong to another data id
        assert not found
    assert not profile.holds_one(payload + b"\0")
    assert not profile.holds_one(payload[:-1])


def received(profile, counters):
    """A receiver's answers to these counters; None: a frame whose CRC is wrong."""
    payloads = []
    for counter in counters:
        payload = profile.fill(bytes(profile.length), counter or 0)
        payloads.append(payload if counter is not None else bytes([payload[0] ^ 1]) + payload[1:])
    return [Status(s) for s in Receiver(profile).check(columns(payloads))]


def test_sequence_of_profile_1():
    """After 1, the next may be 2 or 3 with MaxDeltaCounterInit 1; each frame that fails adds one."""
    p = profile_1(8, 0x123)
    assert received(p, [5, 6, 7]) == [FIRST, OK, OK]
    assert received(p, [13, 14, 0, 1]) == [FIRST, OK, OK, OK]
    assert received(p, [1, 3, 6]) == [FIRST, LOST, WRONG]
    assert received(p, [1, 1, 2]) == [FIRST, AGAIN, OK]
    assert received(p, [1, None, 4]) == [FIRST, BAD, LOST]
    assert received(p, [1, None, 5]) == [FIRST, BAD, WRONG]
    # Without SyncCounterInit the old counter stays: the tolerance grows until the sender is within it.
    assert received(p, [1, 8, 9, 10, 11]) == [FIRST, WRONG, WRONG, WRONG, WRONG]
    assert received(p, [1, 4, 4, 4]) == [FIRST, WRONG, LOST, AGAIN]
    assert received(profile_1(8, 0x123, max_delta=3), [1, 5, 10]) == [FIRST, LOST, WRONG]


def test_synchronising_of_profiles_1_and_2():
    p = profile_2(8, bytes(range(16)), sync=2)
    assert received(p, [0, 1, 9, 10, 11, 12]) == [FIRST, OK, WRONG, SYNC, SYNC, OK]
    assert received(p, [0, 9, 10, None, 11, 12]) == [FIRST, WRONG, SYNC, BAD, SYNC, OK]
    frozen = profile_2(8, bytes(range(16)), max_repeated=1, sync=1)
    assert received(frozen, [3, 3, 4, 5]) == [FIRST, AGAIN, OK, OK]
    assert received(frozen, [3, 3, 3, 4, 5, 6]) == [FIRST, AGAIN, AGAIN, SYNC, SYNC, OK]


def test_sequence_of_profile_5():
    """A receiver begins as if it had seen 255; whatever has a right CRC becomes the last."""
    p = profile_5(8, 0x1234, max_delta=2)
    assert received(p, [0, 1, 3, 6, 7, 7, 8]) == [OK, OK, LOST, WRONG, OK, AGAIN, OK]
    assert received(p, [200, 201]) == [WRONG, OK]
    assert received(p, [0, None, 2]) == [OK, BAD, LOST]


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_many_frames_are_judged_as_one_at_a_time(data):
    settings_1_2 = {
        "max_delta": data.draw(st.integers(0, 4)),
        "max_repeated": data.draw(st.integers(0, 3)),
        "sync": data.draw(st.integers(0, 3)),
    }
    profile: Profile = data.draw(
        st.sampled_from(
            [
                profile_1(8, 0x123, **settings_1_2),
                profile_2(8, bytes(range(16)), **settings_1_2),
                profile_5(8, 0x123, max_delta=settings_1_2["max_delta"] + 1),
            ]
        )
    )
    steps = data.draw(
        st.lists(st.one_of(st.just(1), st.just(1), st.none(), st.integers(0, 20)), min_size=1, max_size=60)
    )
    counter = 0
    payloads = []
    for step in steps:
        counter += step or 1
        payload = profile.fill(bytes(8), counter)
        payloads.append(payload if step is not None else bytes([payload[0] ^ 1]) + payload[1:])
    one, many = Receiver(profile), Receiver(profile)
    singly = [one.step(profile.holds_one(p), profile.counter.one(p)) for p in payloads]
    cut = data.draw(st.integers(0, len(payloads)))
    parts = [many.check(columns(part)) for part in (payloads[:cut], payloads[cut:]) if part]
    assert np.concatenate(parts).tolist() == singly
    assert many.lost == one.lost


def test_what_may_be_used():
    assert [Status(i) for i in np.flatnonzero(ACCEPTED)] == [OK, LOST, SYNC]


def test_settings_that_cannot_be():
    for make, what in (
        (lambda: profile_1(1, 0), "2 to 64"),
        (lambda: profile_1(8, 0x10000), "16 bits"),
        (lambda: profile_1(8, 0, crc_byte=8), "beyond"),
        (lambda: profile_1(8, 0, counter_bit=9), "multiple of 4"),
        (lambda: profile_2(8, b"short"), "16 data ids"),
        (lambda: profile_5(8, 0, offset=6), "beyond"),
        (lambda: profile_5(8, 0, max_delta=0), "MaxDeltaCounter"),
        (lambda: profile_2(8, bytes(16), sync=-1), "SyncCounterInit"),
    ):
        with pytest.raises(ValueError, match=what):
            make()
