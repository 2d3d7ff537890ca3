"""J1939 transport heard by a third party, against Wireshark's ISObus dissector and the standard's rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transport_judges import MS, heard, tshark

from edge.can.dbc import pgn_of
from edge.can.frames import EXTENDED, KEY_EXTENDED, frames
from edge.can.transport import j1939 as own
from edge.can.transport import pdu
from edge.can.transport.j1939 import J1939Transport, destination_of, source_of

DM1, COMPONENT, TO_ONE = 0xFECA, 0xFEEB, 0xEF00


def cm(source, destination, *data):
    return 0x1CEC0000 | KEY_EXTENDED | destination << 8 | source, bytes(data)


def dt(source, destination, number, data):
    return 0x1CEB0000 | KEY_EXTENDED | destination << 8 | source, bytes([number]) + data.ljust(7, b"\xff")


def packets(data):
    return [data[n : n + 7] for n in range(0, len(data), 7)]


def pgn_bytes(pgn):
    return pgn.to_bytes(3, "little")


def bam(source, pgn, data):
    count = len(packets(data))
    first = cm(source, 255, 32, *len(data).to_bytes(2, "little"), count, 255, *pgn_bytes(pgn))
    return [first, *(dt(source, 255, n + 1, part) for n, part in enumerate(packets(data)))]


def rts(source, destination, pgn, data):
    count = len(packets(data))
    return cm(source, destination, 16, *len(data).to_bytes(2, "little"), count, 255, *pgn_bytes(pgn))


def cts(source, destination, pgn, count, first):
    return cm(source, destination, 17, count, first, 255, 255, *pgn_bytes(pgn))


def end(source, destination, pgn, data):
    size = len(data).to_bytes(2, "little")
    return cm(source, destination, 19, *size, len(packets(data)), 255, *pgn_bytes(pgn))


def abort(source, destination, pgn, why):
    return cm(source, destination, 255, why, 255, 255, 255, *pgn_bytes(pgn))


def between(source, destination, pgn, data, window=5):
    """RTS, windows of packets, acknowledgement: 5.10.5, as the standard's own example goes."""
    rows, parts = [rts(source, destination, pgn, data)], packets(data)
    for n in range(0, len(parts), window):
        some = parts[n : n + window]
        rows.append(cts(destination, source, pgn, len(some), n + 1))
        rows += [dt(source, destination, n + i + 1, part) for i, part in enumerate(some)]
    return [*rows, end(destination, source, pgn, data)]


def take(rows, **options):
    transport = J1939Transport()
    return transport.take(heard(rows, **options)), transport


@pytest.mark.parametrize("size", [9, 14, 15, 100, 1784, 1785])
def test_broadcast(size):
    data = bytes(n & 0xFF for n in range(size))
    (pdu,), transport = take(bam(0x21, DM1, data), step_ns=50 * MS)
    assert (pdu.data, pgn_of(pdu.key), source_of(pdu.key), destination_of(pdu.key)) == (data, DM1, 0x21, 255)
    assert (pdu.start_ns, pdu.t_ns) == (0, (size + 6) // 7 * 50 * MS)
    assert transport.losses.total == transport.unfinished() == 0


@pytest.mark.parametrize("pgn", [COMPONENT, TO_ONE])
def test_between_two(pgn):
    data = bytes(range(100))
    (pdu,), transport = take(between(0x21, 0x03, pgn, data))
    assert (pdu.data, pgn_of(pdu.key), source_of(pdu.key)) == (data, pgn, 0x21)
    assert destination_of(pdu.key) == (0x03 if pgn == TO_ONE else 255)  # PF 240 and up have no destination
    assert pdu.key >> 29 == 0b100
    assert transport.losses.total == transport.unfinished() == 0


def test_wireshark_puts_the_same_together(tmp_path):
    one, two = bytes(range(60)), bytes(range(200, 239))
    found = heard([*bam(0x21, DM1, one), *between(0x55, 0x03, COMPONENT, two)])
    options = ["-d", "can.subdissector,isobus"]
    rows = tshark(tmp_path, found, options, ["isobus.reassembled.data"])
    assert [pdu.data for pdu in J1939Transport().take(found)] == [one, two]
    assert rows == [
        [(pgn_bytes(COMPONENT) + two).hex()]
    ]  # it leaves broadcasts alone, and begins with the PGN


def test_many_sources_at_once_and_both_ways():
    exchanges = [bam(n, DM1, bytes([n]) * 30) for n in range(10)]
    exchanges += [between(0x40, 0x41, TO_ONE, b"a" * 30), between(0x41, 0x40, TO_ONE, b"b" * 30)]
    rows = [e[i] for i in range(max(map(len, exchanges))) for e in exchanges if i < len(e)]
    pdus, transport = take(rows)
    expected = {(n, 255, bytes([n]) * 30) for n in range(10)} | {
        (0x40, 0x41, b"a" * 30),
        (0x41, 0x40, b"b" * 30),
    }
    assert {(source_of(p.key), destination_of(p.key), p.data) for p in pdus} == expected
    assert transport.losses.total == transport.unfinished() == 0


def test_two_buses_do_not_mix():
    both = [row for pair in zip(bam(1, DM1, b"x" * 20), bam(1, DM1, b"y" * 20), strict=True) for row in pair]
    together = heard(both)
    together.bus[1::2] = 1
    assert [(pdu.bus, pdu.data) for pdu in J1939Transport().take(together)] == [
        (0, b"x" * 20),
        (1, b"y" * 20),
    ]


def test_what_we_missed_comes_again_when_the_receiver_missed_it_too():
    data = bytes(range(28))
    a, b, c, d = (dt(1, 2, n + 1, part) for n, part in enumerate(packets(data)))
    begin = [rts(1, 2, TO_ONE, data), cts(2, 1, TO_ONE, 4, 1)]
    rows = [*begin, a, c, d, cts(2, 1, TO_ONE, 1, 2), b, end(2, 1, TO_ONE, data)]
    (pdu,), transport = take(rows)
    assert pdu.data == data
    rows = [*begin, a, b, c, d, cts(2, 1, TO_ONE, 2, 3), c, d, end(2, 1, TO_ONE, data)]
    (pdu,), transport = take(rows)  # the receiver missed what we heard: given out once
    assert pdu.data == data
    assert transport.losses.total == transport.unfinished() == 0
    none, transport = take([*begin, a, c, d, end(2, 1, TO_ONE, data)])
    assert none == ()
    assert transport.losses.by_reason() == {"packets missing": 1}


def late(rows, *stamps_ms):
    return [(*row, t * MS) for row, t in zip(rows, stamps_ms, strict=True)]


DATA = bytes(range(20))
FIRST, *REST = bam(1, DM1, DATA)
PAIR = between(1, 2, TO_ONE, DATA)  # RTS, CTS, three packets, acknowledgement


@pytest.mark.parametrize(
    ("rows", "reasons", "count"),
    [
        ([FIRST, REST[0], REST[2]], {"wrong sequence number": 1}, 0),
        ([FIRST, REST[0], REST[0], *REST[1:]], {"wrong sequence number": 1}, 0),
        (REST, {"began before we listened": 1}, 0),
        ([FIRST, REST[0], FIRST, *REST], {"announced anew": 1}, 1),
        (late([FIRST, *REST], 0, 750, 1500, 2250), {}, 1),
        (late([FIRST, *REST], 0, 751, 1500, 2250), {"time-out": 1}, 0),
        (late(PAIR, 0, 1250, 2500, 3250, 4000, 5250), {}, 1),
        (late(PAIR, 0, 1251, 2500, 3250, 4000, 5250), {"time-out": 1}, 0),
        (late(PAIR, 0, 1250, 2501, 3250, 4000, 5250), {"time-out": 1}, 0),
        (late(PAIR, 0, 1250, 2500, 3251, 4000, 5250), {"time-out": 1}, 0),
        ([*PAIR[:3], abort(2, 1, TO_ONE, 2), *PAIR[3:]], {"aborted: no resources": 1}, 0),
        ([*PAIR[:3], abort(1, 2, TO_ONE, 3)], {"aborted: time-out": 1}, 0),
        ([*PAIR[:3], abort(1, 2, TO_ONE, 251)], {"aborted: reason 251": 1}, 0),
        ([*PAIR[:3], abort(1, 2, DM1, 3), *PAIR[3:]], {}, 1),
        ([cm(1, 255, 32, 8, 0, 2, 255, *pgn_bytes(DM1))], {"announcement that contradicts itself": 1}, 0),
        ([cm(1, 255, 32, 20, 0, 2, 255, *pgn_bytes(DM1))], {"announcement that contradicts itself": 1}, 0),
        ([cm(1, 255, 16, 20, 0, 3, 255, *pgn_bytes(DM1))], {"announcement that contradicts itself": 1}, 0),
        ([cm(1, 255, 77, 20, 0, 3, 255, *pgn_bytes(DM1))], {"unknown control byte": 1}, 0),
        ([(FIRST[0], FIRST[1][:5])], {"transport frame without 8 bytes": 1}, 0),
    ],
)  # fmt: skip
def test_each_loss_is_counted_once_with_its_reason(rows, reasons, count):
    pdus, transport = take(rows)
    assert transport.losses.by_reason() == reasons
    assert [pdu.data for pdu in pdus] == [DATA] * count
    assert transport.unfinished() == 0


def test_a_receiver_that_asks_to_wait_keeps_the_message_alive():
    hold = [cts(2, 1, TO_ONE, 0, 255)] * 3
    rows = late([*PAIR[:1], *hold, *PAIR[1:]], 0, 1000, 2000, 3000, 4000, 4001, 4002, 4003, 4004)
    assert len(take(rows)[0]) == 1


def test_what_never_ends_is_a_time_out():
    _, transport = take([FIRST])
    assert transport.unfinished() == 1
    transport.expire(750 * MS)
    assert transport.unfinished() == 1
    transport.expire(750 * MS + 1)
    assert transport.losses.by_reason() == {"time-out": 1}


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(own, "MAX_SESSIONS", 8)
    _, transport = take([bam(n, DM1, DATA)[0] for n in range(20)])
    assert transport.unfinished() == 8
    assert transport.losses.by_reason() == {"too many messages at once": 12}


def test_the_count_of_losses_is_bounded(monkeypatch):
    monkeypatch.setattr(pdu, "MAX_COUNTS", 8)
    _, transport = take([cm(n, 255, 77, *bytes(7)) for n in range(20)])
    assert len(transport.losses.counts) == 9
    assert transport.losses.by_reason() == {"unknown control byte": 20}


def test_other_frames_are_passed_over():
    rows = [
        (key, FIRST[1]) for key in (0x7EC, 0x18ECFF01, 0x19ECFF01 | KEY_EXTENDED, 0x18EDFF01 | KEY_EXTENDED)
    ]
    pdus, transport = take([(key & 0x7FF if key < 1 << 30 else key, data) for key, data in rows])
    assert (pdus, transport.losses.total, transport.unfinished()) == ((), 0, 0)


def test_a_message_of_a_dbc_longer_than_a_frame_decodes_from_the_reassembled_bytes():
    """DM1 with two trouble codes: lamps, then SPN, FMI and count (J1939-73, 5.7.1)."""
    from edge.can.dbc import parse_dbc
    from edge.can.decode import decoder

    key = 0x18FECA00 | KEY_EXTENDED
    database = parse_dbc(
        f"BO_ {key} DM1: 10 X\n"
        ' SG_ Spn1Low : 16|16@1+ (1,0) [0|65535] "" X\n'
        ' SG_ Fmi2 : 64|5@1+ (1,0) [0|31] "" X\n'
    )
    message = database.messages[key]
    data = bytes([0x00, 0xFF, 0x64, 0x00, 0x03, 0x01, 0x9D, 0x02, 0x0C, 0x05])
    (pdu,), _ = take(bam(0, DM1, data))
    assert decoder(message, ["Spn1Low", "Fmi2"])(pdu.data) == (100.0, 12.0)


@given(
    st.lists(
        st.tuples(st.integers(0, 253), st.binary(min_size=9, max_size=200), st.booleans()),
        max_size=5, unique_by=lambda exchange: exchange[0],
    ),
    st.integers(1, 9),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_split_and_put_together_is_the_identity(exchanges, window, chance):
    lines = [
        bam(source, DM1, data) if broadcast else between(source, 254, TO_ONE, data, window)
        for source, data, broadcast in exchanges
    ]
    rows, expected = [], sorted((source, data) for source, data, _ in exchanges)
    while any(lines):
        rows.append(chance.choice([line for line in lines if line]).pop(0))
    pdus, transport = take(rows)
    assert sorted((source_of(pdu.key), pdu.data) for pdu in pdus) == expected
    assert transport.losses.total == 0


control = st.builds(
    lambda kind, size, numbers, pgn: bytes([kind]) + size.to_bytes(2, "little") + numbers + pgn_bytes(pgn),
    st.sampled_from([16, 17, 19, 32, 255, 0]),
    st.integers(0, 2000),
    st.binary(min_size=2, max_size=2),
    st.sampled_from([DM1, TO_ONE, 0x3FFFF]),
)
packet = st.builds(
    lambda number, data: bytes([number]) + data, st.integers(0, 4), st.binary(min_size=7, max_size=7)
)
number = st.builds(
    lambda part, destination, source: part | destination << 8 | source,
    st.sampled_from([0x1CEC0000, 0x18EB0000, 0x1CEB0000]),
    st.sampled_from([0, 1, 255]),
    st.sampled_from([0, 1]),
)


@pytest.mark.fuzz
@given(
    st.lists(
        st.tuples(
            number,
            st.sampled_from([EXTENDED, EXTENDED, EXTENDED, 0, 3, 5]),
            st.one_of(control, packet, st.binary(max_size=8)),
            st.integers(-(10**9), 3 * 10**9),
        ),
        max_size=60,
    )
)
def test_any_frames(rows):
    """Nothing raises, and no message is longer than what its frames carried."""
    ids, flags, data, stamps = zip(*rows, strict=True) if rows else ((),) * 4
    batch = frames(stamps, ids, flags, [0] * len(rows), data)
    transport = J1939Transport()
    pdus = [*transport.take(batch[:20]), *transport.take(batch[20:])]
    assert all(9 <= len(pdu.data) <= 1785 for pdu in pdus)
    assert sum(len(pdu.data) for pdu in pdus) <= 7 * len(rows)
    transport.expire(1 << 62)
    assert transport.unfinished() == 0
