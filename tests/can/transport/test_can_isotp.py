"""ISO-TP heard by a third party, against can-isotp's sender and receiver, Wireshark, and real cars."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from transport_judges import MS, heard, isotp_exchange, tshark

from edge.can.frames import EXTENDED, KEY_EXTENDED, concat, frames
from edge.can.transport import isotp as own
from edge.can.transport.isotp import IsoTp, answering_key, is_diagnostic

FAR = 0x18DA00F1 | KEY_EXTENDED


def take(rows, **options):
    listener = IsoTp(**options)
    return [pdu.data for pdu in listener.take(heard(rows))], listener


SIZES = [1, 6, 7, 8, 20, 62, 63, 64, 100, 300, 4095]


@pytest.mark.parametrize(
    ("options", "listen"),
    [
        ({}, {}),
        ({"block": 0}, {}),
        ({"block": 1}, {}),
        ({"fd": True}, {}),
        ({"key": 0x18DAF110 | KEY_EXTENDED, "partner": 0x18DA10F1 | KEY_EXTENDED}, {}),
        ({"target": 0x55}, {"address_byte": True}),
        ({"target": 0x55, "fd": True}, {"address_byte": True}),
        ({"mixed": 0x99}, {"address_byte": True}),
        ({"key": 0x123, "partner": 0x456}, {"keys": {0x123}}),
    ],
    ids=["normal", "one block", "block 1", "fd", "29 bits", "extended", "extended fd", "mixed", "own ids"],
)
def test_what_can_isotp_sends(options, listen):
    sizes = SIZES + ([5000] if options.get("fd") else [])
    payloads = [bytes((i * 7 + n) & 0xFF for i in range(n)) for n in sizes]
    rows = isotp_exchange(payloads, **options)
    found, listener = take(rows, **listen)
    assert found == payloads
    assert listener.losses.total == 0
    assert listener.unfinished() == 0


def test_beyond_4095_bytes_the_length_has_32_bits():
    payload = bytes(range(256)) * 20
    rows = isotp_exchange([payload])
    assert rows[0][1][:6] == bytes([0x10, 0, 0, 0, 0x14, 0])
    assert take(rows)[0] == [payload]


def test_times_bus_and_address_are_told():
    rows = isotp_exchange([bytes(20)], target=0x55)
    (pdu,) = IsoTp(address_byte=True).take(heard(rows, start_ns=5))
    first, last = 5, 5 + (len(rows) - 1) * MS
    assert (pdu.start_ns, pdu.t_ns, pdu.bus, pdu.key, pdu.address) == (first, last, 0, 0x7E8, 0x55)


def test_sessions_of_many_ids_and_buses_do_not_mix():
    exchanges = [isotp_exchange([bytes([n]) * 50], key=0x7E8 + n, partner=0x7E0 + n) for n in range(8)]
    longest = max(map(len, exchanges))
    rows, buses, expected = [], [], []
    for i in range(longest):
        for n, exchange in enumerate(exchanges):
            for bus in (0, 1):
                if i < len(exchange):
                    rows.append(exchange[i])
                    buses.append(bus)
                    expected += [(bus, n)] if i == len(exchange) - 1 else []
    together = heard(rows)
    together.bus[:] = buses
    pdus = IsoTp().take(together)
    assert [(pdu.bus, pdu.data) for pdu in pdus] == [(bus, bytes([n]) * 50) for bus, n in expected]


def test_in_pieces_it_is_the_same_as_at_once():
    rows = isotp_exchange([bytes(range(100)), b"ab", bytes(70)])
    everything = heard(rows)
    listener, found = IsoTp(), []
    for i in range(len(everything)):
        found += listener.take(everything[i : i + 1])
    assert found == list(IsoTp().take(everything))


FIRST = (0x7E8, bytes([0x10, 20, 1, 2, 3, 4, 5, 6]))
NEXT = [(0x7E8, bytes([0x20 + n, *range(n * 7, n * 7 + 7)])) for n in (1, 2)]
SINGLE = (0x7E8, b"\x01\x7e")


@pytest.mark.parametrize(
    ("rows", "reasons", "count"),
    [
        ([FIRST, NEXT[1], NEXT[0]], {"wrong sequence number": 1}, 0),
        ([FIRST, NEXT[0], NEXT[0], NEXT[1]], {"wrong sequence number": 1}, 0),
        ([*NEXT, SINGLE], {"began before we listened": 1}, 1),
        ([FIRST, NEXT[0], SINGLE], {"interrupted by a new message": 1}, 1),
        ([FIRST, FIRST, *NEXT], {"interrupted by a new message": 1}, 1),
        ([FIRST, (*NEXT[0], 1_000_000_000), (*NEXT[1], 2_000_000_001)], {"time-out": 1}, 0),
        ([FIRST, (*NEXT[0], 1_000_000_000), (*NEXT[1], 2_000_000_000)], {}, 1),
        ([FIRST, (0x7E0, b"\x32\0\0"), *NEXT], {"refused by the receiver: too long for it": 1}, 0),
        ([(0x7E8, b"\x00")], {"single frame with an impossible length": 1}, 0),
        ([(0x7E8, b"\x05abc")], {"single frame with an impossible length": 1}, 0),
        ([(0x7E8, b"\x04abcd" + bytes(7))], {"single frame with an impossible length": 1}, 0),
        ([(0x7E8, b"")], {"frame too short": 1}, 0),
        ([(0x7E8, bytes([0x10, 7]) + bytes(6)), *NEXT], {"first frame with an impossible length": 1}, 0),
        ([(0x7E8, b"\x10"), (0x7E8, b"\x21")], {"first frame with an impossible length": 1}, 0),
        ([(0x7E8, bytes([0x10, 20, 1]))], {"first frame with an impossible length": 1}, 0),
        ([FIRST, (0x7E8, b"\x21abc"), NEXT[1]], {"consecutive frame of another length": 1}, 0),
        ([(0x7E8, b"\x80abc")], {"unknown kind of frame": 1}, 0),
    ],
)
def test_each_loss_is_counted_once_with_its_reason(rows, reasons, count):
    found, listener = take(rows)
    assert listener.losses.by_reason() == reasons
    assert len(found) == count
    assert listener.unfinished() == 0


def test_flow_control_that_asks_to_wait_keeps_the_message_alive():
    wait = [(0x7E0, b"\x31\0\0", t * 900 * MS) for t in (1, 2, 3)]
    rows = [FIRST, *wait, *((*row, (3000 + i) * MS) for i, row in enumerate(NEXT))]
    assert len(take(rows)[0]) == 1
    assert len(take([(0x123, r[1], *r[2:]) if r[0] == 0x7E8 else r for r in rows], keys={0x123})[0]) == 0
    other = [(0x123 if r[0] == 0x7E8 else 0x456, r[1], *r[2:]) for r in rows]
    assert len(take(other, keys={0x123, 0x456}, partners={0x123: 0x456})[0]) == 1


def test_what_never_ends_is_a_time_out():
    listener = IsoTp()
    listener.take(heard([FIRST]))
    assert listener.unfinished() == 1
    listener.expire(1_000_000_000)
    assert listener.unfinished() == 1
    listener.expire(1_000_000_001)
    assert listener.unfinished() == 0
    assert listener.losses.counts == {(0, 0x7E8, "time-out"): 1}


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(own, "MAX_SESSIONS", 8)
    starts = [(FAR + (n << 8), FIRST[1]) for n in range(20)]
    listener = IsoTp()
    listener.take(heard(starts))
    assert listener.unfinished() == 8
    assert listener.losses.by_reason() == {"too many messages at once": 12}
    huge = (0x7E8, bytes([0x10, 0, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2]))
    assert take([huge, *NEXT])[1].losses.by_reason() == {"longer than 1048576 bytes": 1}
    assert take([FIRST, *NEXT], max_bytes=19)[1].losses.by_reason() == {"longer than 19 bytes": 1}


def test_only_diagnostic_ids_are_heard_unless_others_are_named():
    rows = [(key, b"\x01\x7e") for key in (0x7DE, 0x7DF, 0x7E0, 0x7EF, 0x7F0, 0x7E8 | KEY_EXTENDED, FAR)]
    assert [pdu.key for pdu in IsoTp().take(heard(rows))] == [0x7DF, 0x7E0, 0x7EF, FAR]
    far = np.array([0x18D9FFFF, 0x18DA0000, 0x18DB33F1, 0x18DC0000], dtype=np.uint32) | KEY_EXTENDED
    assert is_diagnostic(far).tolist() == [False, True, True, False]
    assert answering_key(0x7E1) == 0x7E9
    assert answering_key(0x7E9) == 0x7E1
    assert answering_key(FAR) == 0x18DAF100 | KEY_EXTENDED
    assert answering_key(0x7DF) is None


def test_wireshark_reads_the_same(tmp_path):
    payloads = [bytes(range(n)) for n in (3, 30, 200, 7)]
    found = heard(isotp_exchange(payloads))
    options = ["-o", "iso15765.can.ids:0x7e8,0x7e0"]
    lengths = tshark(tmp_path, found, options, ["iso15765.reassembled.length", "frame.number"])
    pdus = IsoTp().take(found)
    assert [pdu.data for pdu in pdus] == payloads
    times = {pdu.t_ns: len(pdu.data) for pdu in pdus if len(pdu.data) > 7}
    assert {(int(number) - 1) * MS: int(length) for length, number in lengths} == times


payload = st.binary(min_size=1, max_size=400)


@given(st.lists(payload, min_size=1, max_size=4), st.booleans(), st.booleans(), st.integers(0, 3))
def test_split_and_put_together_is_the_identity(payloads, fd, address_byte, noise):
    """The split is written here from ISO 15765-2, clause 9."""
    head = b"\x42" if address_byte else b""
    room = (64 if fd else 8) - len(head)
    rows = []
    for data in payloads:
        if len(data) <= 7 - len(head):
            rows.append((0x7E8, head + bytes([len(data)]) + data))
        elif fd and len(data) <= room - 2:
            rows.append((0x7E8, padded(head + bytes([0, len(data)]) + data)))
        else:
            rows.append((0x7E8, head + (0x1000 | len(data)).to_bytes(2, "big") + data[: room - 2]))
            rest = data[room - 2 :]
            for n in range(0, len(rest), room - 1):
                number = (n // (room - 1) + 1) % 16
                rows.append((0x7E8, padded(head + bytes([0x20 | number]) + rest[n : n + room - 1])))
                rows += [(0x123, b"\x21noise")] * noise
    found, listener = take(rows, address_byte=address_byte)
    assert found == payloads
    assert listener.losses.total == 0


def padded(data):
    return data.ljust(next(n for n in (*range(9), 12, 16, 20, 24, 32, 48, 64) if n >= len(data)), b"\xcc")


any_frame = st.tuples(
    st.sampled_from([0x7DF, 0x7E0, 0x7E8, 0x18DAF110, 0x1FFFFFFF]),
    st.sampled_from([0, EXTENDED, 2, 4]),
    st.integers(0, 2),
    st.one_of(
        st.binary(max_size=8),
        st.builds(
            lambda a, b, c: bytes([a, b]) + c,
            st.integers(0, 0x32), st.integers(0, 40), st.binary(min_size=6, max_size=6),
        ),
        st.builds(padded, st.binary(max_size=64)),
    ),
    st.integers(-(10**9), 3 * 10**9),
)  # fmt: skip


@pytest.mark.fuzz
@given(st.lists(any_frame, max_size=60), st.booleans(), st.booleans())
@example([], True, False)
def test_any_frames(rows, address_byte, named):
    """Nothing raises, nothing is invented: what comes out is made of the payload bytes that went in."""
    keys = {0x7E8, 0x7E0, 0x1FFFFFFF} if named else None
    listener = IsoTp(keys, address_byte=address_byte)
    ids, flags, buses, data, stamps = zip(*rows, strict=True) if rows else ((),) * 5
    batch = frames(stamps, ids, flags, buses, data)
    pdus = [*listener.take(batch[:20]), *listener.take(batch[20:])]
    assert sum(len(pdu.data) for pdu in pdus) <= sum(map(len, data))
    assert len(pdus) + listener.losses.total + listener.unfinished() <= len(rows)
    whole = b"".join(data)
    for pdu in pdus:
        assert len(pdu.data) >= 1
        assert pdu.data[:1] in whole
    listener.expire(1 << 62)
    assert listener.unfinished() == 0


def test_a_real_car(real):
    """A Nissan Leaf that is asked for its battery's state (service 0x21), every third second."""
    log = leaf(real)
    listener = IsoTp({0x79B, 0x7BB}, partners={0x79B: 0x7BB})
    pdus = [pdu for i in range(0, len(log), 1000) for pdu in listener.take(log[i : i + 1000])]
    listener.expire(int(log.t_ns[-1]) + 2_000_000_000)
    asked = [pdu.data for pdu in pdus if pdu.key == 0x79B]
    told = [pdu.data for pdu in pdus if pdu.key == 0x7BB]
    assert set(asked) == {b"\x21\x01", b"\x21\x04"}
    assert {(data[:2], len(data)) for data in told} == {(b"\x61\x01", 0x35), (b"\x61\x04", 0x1F)}
    assert listener.losses.by_reason().keys() <= {"interrupted by a new message", "time-out"}
    starts = int(((log.id == 0x7BB) & (log.data[:, 0] >> 4 == 1)).sum())
    assert len(told) + listener.losses.total == starts
    assert len(told) >= 26


def leaf(real):
    asammdf = pytest.importorskip("asammdf")
    with asammdf.MDF(real / "j1939_truck" / "uds.mf4") as mdf:
        get = lambda name: mdf.get(f"CAN_DataFrame.{name}", group=0, raw=True).samples  # noqa: E731
        data = np.asarray(get("DataBytes"), dtype=np.uint8)
        lengths, ids, buses = get("DataLength"), get("ID"), get("BusChannel")
        stamps = mdf.get_master(0)
    rows = [bytes(row[:n]) for row, n in zip(data, lengths, strict=True)]
    return concat([frames([round(t * 1e9)], [int(i) & 0x1FFFFFFF], [0], [int(b)], [row])
                   for t, i, b, row in zip(stamps, ids, buses, rows, strict=True)])  # fmt: skip
