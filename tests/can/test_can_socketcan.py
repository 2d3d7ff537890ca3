"""The parts of SocketCAN that need no CAN in the kernel: the rest is in hil_tests."""

import os
import re
import socket
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import clock
from edge.can.bus.adapter_clock import AdapterClock
from edge.can.bus.load import wire_bits, wire_ns
from edge.can.bus.socketcan_errors import error_counts, error_words
from edge.can.frames import BRS, ERROR, EXTENDED, FD, REMOTE, concat, frames

linux = pytest.mark.skipif(sys.platform != "linux", reason="system calls of Linux")


def bits_of(value, size):
    return [value >> place & 1 for place in range(size - 1, -1, -1)]


def written_out(can_id, extended, remote, data, dlc):
    """A classic frame bit by bit, as ISO 11898-1 draws it."""
    if extended:
        bits = [0, *bits_of(can_id >> 18, 11), 1, 1, *bits_of(can_id & 0x3FFFF, 18), remote, 0, 0]
    else:
        bits = [0, *bits_of(can_id, 11), remote, 0, 0]
    bits += bits_of(dlc, 4) + [bit for octet in data for bit in bits_of(octet, 8)]
    crc = 0
    for bit in bits:
        crc = (crc << 1) ^ (0x4599 if bit ^ crc >> 14 & 1 else 0)
        crc &= 0x7FFF
    sent, run = [], 0
    for bit in bits + bits_of(crc, 15):
        run = run + 1 if sent and sent[-1] == bit else 1
        sent.append(bit)
        if run == 5:
            sent.append(1 - bit)
            run = 1
    return len(sent) + 13


DATA = st.lists(st.sampled_from([0, 0xFF, 0x0F, 0x1F, 0xAA, 0x37]), max_size=8).map(bytes)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 0x1FFFFFFF) | st.sampled_from([0, 0x7FF, 0x1FFFFFFF]),
            st.booleans(),
            st.booleans(),
            DATA,
        ),
        min_size=1,
        max_size=40,
    )
)
@settings(deadline=None)
def test_stuff_bits_are_counted_one_by_one(rows):
    rows = [(i if ext else i & 0x7FF, ext, remote, data) for i, ext, remote, data in rows]
    found = frames(
        [0] * len(rows),
        [row[0] for row in rows],
        [row[1] * EXTENDED | row[2] * REMOTE for row in rows],
        [0] * len(rows),
        [bytes(len(row[3])) if row[2] else row[3] for row in rows],
    )
    expected = [written_out(i, ext, int(rem), b"" if rem else d, len(d)) for i, ext, rem, d in rows]
    assert wire_bits(found)[0].tolist() == expected


def test_lengths_of_can_fd_lie_where_they_must():
    """Between no stuff bit and one in four: header, data, count and CRC with their fixed stuff bits, end."""
    rng = np.random.default_rng(3)
    lengths = [0, 8, 12, 16, 20, 64]
    for extended in (0, EXTENDED):
        found = frames(
            [0] * 6,
            rng.integers(0, 0x7FF, 6).tolist(),
            [FD | BRS | extended] * 6,
            [0] * 6,
            [rng.bytes(n) for n in lengths],
        )
        slow, fast = wire_bits(found)
        for i, n in enumerate(lengths):
            crc = 4 + 17 + 6 if n <= 16 else 4 + 21 + 7
            least_slow, least_fast = (36 if extended else 17) + 13, 5 + 8 * n + crc
            assert least_slow <= slow[i] <= least_slow + 10
            assert least_fast <= fast[i] <= least_fast + (5 + 8 * n) // 4 + 1
        plain = frames(
            [0] * 6, found.id.tolist(), [FD | extended] * 6, [0] * 6, [found.payload(i) for i in range(6)]
        )
        assert abs(wire_bits(plain)[0] - slow - fast).max() <= 2  # the bit BRS itself may end a run
    assert (wire_ns(found, 500_000, 2_000_000) == slow * 2000 + fast * 500).all()


def test_full_bus_of_the_textbook():
    """8 octets at 500 kbit/s: 3,704 to 4,505 frames/s."""
    found = frames([0] * 2, [0x555, 0], [0, 0], [0, 0], [b"\x55" * 8, bytes(8)])
    rate = 1e9 / wire_ns(found, 500_000)
    assert rate[0] == pytest.approx(4505, rel=0.03)
    assert 3704 <= rate[1] < 4000
    assert wire_ns(concat([frames([0], [0x40], [ERROR], [0], [bytes(8)])]), 500_000).tolist() == [0]


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        (0x40, "0000000000000000", "bus-off"),
        (0x20, "0000000000000000", "nobody acknowledges"),
        (0x02, "0a00000000000000", "arbitration lost in bit 10"),
        (0x04, "0001000000000000", "receive overflow of the controller"),
        (
            0x04,
            "0030000000008007",
            "error passive, receiving; error passive, sending; 128 errors sending, 7 receiving",
        ),
        (0x88, "0000040a00000000", "protocol violation: bit stuffing, in data"),
        (
            0x88,
            "0000901900000000",
            "protocol violation: recessive bit read as dominant, while sending, in ACK slot",
        ),
        (0x10, "0000000075000000", "transceiver: CAN-H shorted to the battery, CAN-L shorted to ground"),
        (0x10, "0000000080000000", "transceiver: CAN-L shorted to CAN-H"),
        (0x80, "0000000000000000", "bus error"),
        (0x101, "0000000000000000", "controller restarted; sending timed out"),
        (0x200, "0000000000000000", "0 errors sending, 0 receiving"),
        (0, "0000000000000000", "error"),
    ],
)
def test_error_frames_in_words(kind, data, words):
    assert error_words(kind, bytes.fromhex(data)) == words


@given(st.integers(0, 0x1FFFFFFF), st.binary(min_size=8, max_size=8))
def test_any_error_frame_has_words(kind, data):
    assert error_words(kind, data)
    assert error_counts(kind, data) in (None, (data[6], data[7]))


def test_a_clock_that_drifts_and_jumps_is_followed():
    own = AdapterClock()
    rng = np.random.default_rng(5)
    true_ns = np.cumsum(rng.integers(1_000_000, 20_000_000, 3000))
    for rate, start in ((1 + 80e-6, 0), (1 - 80e-6, 10**15), (1.0, 500)):
        stamps = (true_ns * rate).astype(np.int64) + start
        arrived = true_ns + rng.integers(100_000, 3_000_000, 3000)
        out = [int(own.to_ours(stamps[i : i + 5], arrived[i : i + 5]).max()) for i in range(0, 3000, 5)]
        late = np.array(out[20:]) - true_ns[4::5][20:]
        assert late.min() > -500_000
        assert late.max() < 1_000_000
        assert (np.array(out) <= arrived.reshape(-1, 5).max(axis=1)).all()
        true_ns = true_ns + int(true_ns[-1])


@linux
def test_links_are_as_sysfs_has_them():
    from edge.can.bus.socketcan_link import Links

    links = Links()
    link = links.read("lo")
    there = Path("/sys/class/net/lo")
    assert link.index == int((there / "ifindex").read_text())
    assert link.mtu == int((there / "mtu").read_text())
    assert link.up == bool(int((there / "flags").read_text(), 16) & 1)
    assert link.counts["rx_dropped"] == int((there / "statistics/rx_dropped").read_text())
    assert link.bitrate_bps is None
    assert link.state is None
    assert links.read("nosuch0") is None
    links.close()


@linux
def test_a_can_controllers_attributes():
    """As linux/can/netlink.h lays them out; hil_tests asks a real driver."""
    from edge.can.bus.socketcan_link import parse_link

    def attribute(kind, value):
        return struct.pack("=HH", 4 + len(value), kind) + value.ljust(-(-len(value) // 4) * 4, b"\0")

    can = attribute(1, struct.pack("=8I", 500_000, 875, 125, 6, 7, 2, 1, 4)) + attribute(
        4, struct.pack("=I", 2)
    )
    can += attribute(8, struct.pack("=HH", 130, 7)) + attribute(9, struct.pack("=8I", 2_000_000, *[1] * 7))
    info = (
        attribute(1, b"can\0")
        + attribute(2 | 0x8000, can)
        + attribute(3, struct.pack("=6I", 1, 2, 3, 4, 5, 6))
    )
    stats = struct.pack("=24Q", *range(24))
    body = attribute(3, b"can0\0") + attribute(4, struct.pack("=I", 72)) + attribute(33, b"\0")
    body += attribute(18 | 0x8000, info) + attribute(23, stats)
    raw = struct.pack("=IHHII", 32 + len(body), 16, 0, 1, 0) + struct.pack("=BxHiII", 0, 280, 7, 1, 0) + body
    link = parse_link(raw)
    assert (link.index, link.up, link.carrier, link.mtu, link.state) == (7, True, False, 72, "error passive")
    assert (link.bitrate_bps, link.data_bitrate_bps) == (500_000, 2_000_000)
    assert (link.tx_error_count, link.rx_error_count) == (130, 7)
    assert (link.counts["rx_errors"], link.counts["bus_offs"], link.lost) == (4, 4, 6 + 11 + 15)
    assert parse_link(raw[:20]) is None
    for cut in range(32, len(raw)):
        parse_link(raw[:cut])


@linux
def test_datagrams_by_the_hundred_with_their_stamps_and_losses():
    from edge.can.bus.socketcan_read import SO_RXQ_OVFL, DatagramReader, DatagramWriter, drop_count

    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    receiver.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.connect(receiver.getsockname())
    reader, writer = DatagramReader(receiver, 16), DatagramWriter(sender, 64, named=False)
    assert reader.read() == 0
    writer.frames["id"] = np.arange(64)
    writer.frames["data"] = np.arange(64)[:, None]
    writer.sizes[:] = 16
    assert writer.write(64) == 64
    got = []
    while count := reader.read():
        assert reader.all_stamped(count)
        ages = clock.utc_ns() - reader.stamps_ns(count)
        assert (ages > 0).all()
        assert (ages < 5_000_000_000).all()
        assert (reader.sizes[:count] == 16).all()
        assert (reader.frames["data"][:count, :8] == reader.frames["id"][:count, None]).all()
        got += reader.frames["id"][:count].tolist()
    assert got == list(range(len(got)))
    assert 0 < len(got) < 64
    assert drop_count(receiver) in (64 - len(got), None)  # at once
    writer.write(1)
    assert reader.read() == 1
    assert reader.overflows == 64 - len(got)  # with the next that comes
    receiver.close()
    with pytest.raises(OSError, match=r"(?i)bad file"):
        reader.read()
    sender.close()


@linux
def test_layouts_are_the_c_librarys():
    """On a 64-bit machine; the structures are native, so they follow elsewhere."""
    if struct.calcsize("P") != 8:
        pytest.skip("64 bits only")
    import ctypes

    from edge.can.bus import socketcan_read as read

    assert (ctypes.sizeof(read._Msghdr), ctypes.sizeof(read._Mmsghdr), read._CMSG) == (56, 64, 16)
    assert read._Msghdr.flags.offset == 48
    assert read.FRAME.itemsize == 72
    assert socket.CMSG_SPACE(48) == read._space(48)
    assert socket.CMSG_LEN(0) == read._CMSG


def test_without_socketcan_it_says_what_to_do():
    from edge import config
    from edge.can.bus import BusError, open_bus

    if hasattr(socket, "AF_CAN") and os.path.exists("/sys/class/net/nosuch9"):
        pytest.skip("there is one")
    with pytest.raises(BusError, match="nosuch9") as told:
        open_bus(config.Can(name="a", channel="nosuch9"), config.Can(name="b", channel="nosuch8"))
    assert re.search("no such interface|no SocketCAN", str(told.value))
    with pytest.raises(BusError, match="share a door"):
        open_bus(config.Can(name="a", kind="virtual"), config.Can(name="b", channel="can0"))
