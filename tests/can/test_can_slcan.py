"""SLCAN against a small adapter at the other end of a pseudo-terminal, and against python-can's own."""

import contextlib
import os
import pty
import select
import threading
import time
import tty

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge import clock, config
from edge.can.bus import BusError, open_bus
from edge.can.bus.slcan import _line, _StampClock
from edge.can.bus.slcan_parse import NO_STAMP, parse
from edge.can.bus.socketcan_errors import error_words
from edge.can.frames import (
    BRS,
    ERROR,
    ESI,
    EXTENDED,
    FD,
    FD_LENGTHS,
    KEY_EXTENDED,
    REMOTE,
    Frames,
    concat,
    frames,
)


class Adapter:
    """The device end of a port: what it was told, and what it says."""

    def __init__(self):
        self.master, slave = pty.openpty()
        tty.setraw(self.master)
        self.port = os.ttyname(slave)
        os.set_blocking(self.master, False)
        self._slave = slave
        self.told = b""

    def hear(self, until=b"", seconds=5.0):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if select.select([self.master], [], [], 0.05)[0]:
                self.told += os.read(self.master, 65536)
            if until and until in self.told:
                break
        return self.told

    def say(self, raw):
        os.write(self.master, raw)

    def unplug(self):
        os.close(self._slave)
        os.close(self.master)


@pytest.fixture
def adapter():
    adapter = Adapter()
    yield adapter
    for number in (adapter.master, adapter._slave):
        with contextlib.suppress(OSError):
            os.close(number)


def plug(adapter, **settings):
    return open_bus(config.Can(name="a", kind="slcan", channel=adapter.port, **settings))


def wait(bus, count):
    found, deadline = [], time.monotonic() + 5
    while sum(map(len, found)) < count and time.monotonic() < deadline:
        select.select([bus.fileno()], [], [], 0.2)
        found.append(bus.receive())
    return concat(found)


def rows(found):
    keys, flags = found.keys().tolist(), found.flags.tolist()
    return [(keys[i], flags[i], found.payload(i)) for i in range(len(found))]


def test_it_is_opened_with_its_settings_and_closed(adapter):
    bus = plug(adapter, bitrate=250_000, data_bitrate=2_000_000, options={"timestamps": True})
    assert adapter.hear(b"O\r") == b"\r\rC\rS5\rY2\rZ1\rO\r"
    bus.close()
    bus.close()
    assert bus.fileno() is None
    assert adapter.hear(b"O\rC\r").endswith(b"O\rC\r")


def test_listen_only_and_timing_registers(adapter):
    bus = plug(adapter, options={"listen_only": True, "btr": "031C"})
    assert adapter.hear(b"L\r") == b"\r\rC\rs031C\rL\r"
    bus.close()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"bitrate": 123}, "123 is not a bit rate"),
        ({"data_bitrate": 3}, "3 is not a data bit rate"),
        ({"options": {"speed": 1}}, "unknown option speed"),
    ],
)
def test_wrong_settings_are_said(adapter, settings, words):
    with pytest.raises(BusError, match=words):
        plug(adapter, **settings)


def test_one_that_did_not_answer_is_told_again(adapter, monkeypatch):
    now = [0]
    monkeypatch.setattr(clock, "now_ns", lambda: now[0])
    bus = plug(adapter, bitrate=500_000)
    bus.receive()
    now[0] = 2_100_000_000
    bus.receive()
    assert adapter.hear(b"S6\rO\r\r\rC\rS6\rO\r").count(b"S6\r") == 2
    adapter.say(b"\r\r\r\r")
    select.select([bus.fileno()], [], [], 5)
    bus.receive()
    now[0] = 9_000_000_000
    bus.receive()
    assert adapter.hear(seconds=0.2).count(b"S6\r") == 2
    bus.close()


def test_lines_of_all_kinds_in_pieces(adapter):
    said = (
        b"t1232A1b2\rT1ABCDEF0801020304050607ff\rr7ff4\rR000000010\r\rz\r"
        b"d32191112131415161718191a1b1c\rb3220\rB1ABCDEF01AB\rt0000\rV1013\rN12ab\r"
    )
    bus = plug(adapter)
    for i in range(0, len(said), 7):
        adapter.say(said[i : i + 7])
        time.sleep(0.001)
    found = wait(bus, 8)
    assert rows(found) == [
        (0x123, 0, b"\xa1\xb2"),
        (0x1ABCDEF0 | KEY_EXTENDED, EXTENDED, bytes(range(1, 8)) + b"\xff"),
        (0x7FF, REMOTE, b""),
        (0x1 | KEY_EXTENDED, REMOTE | EXTENDED, b""),
        (0x321, FD, bytes(range(0x11, 0x1D))),
        (0x322, FD | BRS, b""),
        (0x1ABCDEF0 | KEY_EXTENDED, EXTENDED | FD | BRS, b"\xab"),
        (0, 0, b""),
    ]
    assert found.length.tolist() == [2, 8, 4, 0, 12, 0, 1, 0]
    assert bus.health()["bad_lines"] == 0
    bus.close()


def test_python_can_reads_what_we_write_and_writes_what_we_read(adapter):
    can = pytest.importorskip("can")
    bus = plug(adapter)
    adapter.hear(b"O\r")
    sent = frames(
        [0] * 6,
        [0x123, 0x1ABCDEF0, 0x7FF, 0x321, 0x322, 0x5],
        [0, EXTENDED, REMOTE, FD | BRS, FD | EXTENDED, REMOTE | EXTENDED],
        [0] * 6,
        [b"\1\2", bytes(range(8)), bytes(3), bytes(range(64)), bytes(12), bytes(8)],
    )
    assert bus.send_many(sent) == 6
    told = adapter.hear(b"R000000058\r")
    bus.close()
    other = Adapter()
    judge = can.Bus(interface="slcan", channel=other.port, sleep_after_open=0)
    other.say(told[told.index(b"O\r") + 2 :])
    heard = [judge.recv(2) for _ in range(6)]
    assert [m.arbitration_id for m in heard] == sent.id.tolist()
    assert [bytes(m.data) for m in heard] == [sent.payload(i) for i in range(6)]
    assert [m.dlc for m in heard] == sent.length.tolist()
    assert [(m.is_fd, m.is_remote_frame, m.is_extended_id) for m in heard] == [
        (bool(f & FD), bool(f & REMOTE), bool(f & EXTENDED)) for f in sent.flags
    ]
    other.hear(b"O\r")
    other.told = b""
    for message in heard:
        judge.send(message)
    lines = parse(other.hear(b"R000000058\r"))
    assert (lines.id.tolist(), lines.length.tolist()) == (sent.id.tolist(), sent.length.tolist())
    assert lines.flags.tolist() == sent.flags.tolist()
    assert (lines.data == sent.data).all()
    judge.shutdown()
    other.unplug()


def test_a_frame_that_no_line_can_say_is_refused(adapter):
    bus = plug(adapter)
    with pytest.raises(BusError, match="9 bytes"):
        bus.send(1, bytes(9))
    bus.close()


def test_a_port_that_takes_nothing_is_full_and_never_blocks(adapter):
    bus = plug(adapter)
    burst = frames([0] * 20000, [1] * 20000, [0] * 20000, [0] * 20000, [bytes(8)] * 20000)
    sent = bus.send_many(burst)
    assert 0 < sent < 20000
    while bus.send_many(burst):  # the kernel moves on what it holds
        time.sleep(0.05)

    def send_on():
        for _ in range(5000):
            bus.send(1, bytes(8))

    with pytest.raises(BusError, match="queue is full"):
        send_on()
    bus.close()


def test_frames_that_were_taken_are_on_the_port_when_it_is_closed(adapter):
    bus = plug(adapter)
    adapter.hear(b"O\r")
    burst = frames([0] * 2000, range(2000), [0] * 2000, [0] * 2000, [bytes(8)] * 2000)
    adapter.told = b""
    sent = 0
    while len(burst) > sent:
        sent += bus.send_many(burst[sent:])
        if sent < len(burst):
            adapter.hear(seconds=0.001)
    hearing = threading.Thread(target=adapter.hear, args=(b"C\r",))
    hearing.start()
    bus.close()
    hearing.join()
    lines = adapter.told.split(b"\r")
    assert [int(line[1:4], 16) for line in lines if line[:1] == b"t"] == list(range(2000))
    assert {line for line in lines if line[:1] != b"t"} == {b"C", b""}


def test_a_line_that_comes_between_two_looks_is_no_hanging_up(adapter, monkeypatch):
    bus = plug(adapter)
    read, looks = os.read, []

    def late(number, size):
        looks.append(number)
        if len(looks) == 1:
            adapter.say(b"t1231AA\r")
            return b""
        return read(number, size)

    monkeypatch.setattr("edge.can.bus.slcan.os.read", late)
    assert rows(wait(bus, 1)) == [(0x123, 0, b"\xaa")]
    bus.close()


def test_garbage_is_counted_and_costs_only_itself(adapter):
    bus = plug(adapter)
    adapter.say(
        b"\x00\xfft1232A1\rt1241AA\rt12x1AA\rt9991AA\rt12324t1251BB\rnonsense\rt1261CC\r" + b"t1271DD"
    )
    found = wait(bus, 3)
    assert rows(found) == [(0x124, 0, b"\xaa"), (0x125, 0, b"\xbb"), (0x126, 0, b"\xcc")]
    assert bus.health()["bad_lines"] == 5
    assert bus.health()["controller_dropped"] == 5
    adapter.say(b"\r")
    assert rows(wait(bus, 1)) == [(0x127, 0, b"\xdd")]
    bus.close()


def test_a_line_without_an_end_does_not_grow(adapter):
    bus = plug(adapter)
    for _ in range(20):
        adapter.say(b"0" * 1000)
        select.select([bus.fileno()], [], [], 1)
        assert len(bus.receive()) == 0
    assert bus.health()["bad_lines"] > 0
    assert len(bus._rest) < 200
    bus.close()


def test_an_adapter_that_is_pulled_is_an_error(adapter):
    bus = plug(adapter)
    adapter.say(b"t1231AA\r")
    assert len(wait(bus, 1)) == 1
    adapter.unplug()
    select.select([bus.fileno()], [], [], 5)
    with pytest.raises(BusError, match="is gone"):
        bus.receive()
    bus.close()


def test_what_the_adapter_refuses_is_counted(adapter):
    bus = plug(adapter, bitrate=500_000)
    adapter.say(b"\r\r\a\r")
    select.select([bus.fileno()], [], [], 5)
    bus.receive()
    assert bus.health()["refused"] == 1
    assert "refused" in bus.notes()
    bus.close()


def test_flags_of_the_adapter_become_error_frames(adapter, monkeypatch):
    now = [0]
    monkeypatch.setattr(clock, "now_ns", lambda: now[0])
    bus = plug(adapter)
    adapter.say(b"\r")
    select.select([bus.fileno()], [], [], 5)
    bus.receive()
    now[0] = 1_100_000_000
    bus.receive()
    assert adapter.hear(b"F\r").endswith(b"F\r")
    adapter.say(b"F2D\rF00\r")
    found = wait(bus, 2)
    assert found.flags.tolist() == [ERROR, ERROR]
    words = [error_words(int(found.id[i]), found.payload(i)) for i in range(2)]
    assert "receive overflow" in words[0]
    assert "error passive" in words[0]
    assert "active again" in words[1]
    assert bus.health()["controller_dropped"] == 1
    bus.close()


def test_state_and_error_lines_become_error_frames():
    lines = parse(b"t1231AA\rsb255256\re1a\rsw010100\re2os\rt1241BB\rsx000000\r")
    assert [f & ERROR for f in lines.flags] == [0, ERROR, ERROR, ERROR, ERROR, 0]
    words = [error_words(int(lines.id[i]), lines.data[i].tobytes()) for i in range(1, 5)]
    assert words == [
        "bus-off; 255 errors sending, 255 receiving",
        "protocol violation, in ACK slot",
        "error warning, sending; 100 errors sending, 10 receiving",
        "receive overflow of the controller; protocol violation: bit stuffing",
    ]
    assert lines.bad == 1


def test_stamps_of_the_adapter_are_on_our_clock(adapter):
    bus = plug(adapter)
    before = clock.now_ns()
    adapter.say(b"t1231AA0010\r")
    assert before <= wait(bus, 1).t_ns[0] <= clock.now_ns()
    time.sleep(0.15)
    adapter.say(b"t1231AA0020\rt1231AA0030\r")  # 16 and 32 ms after the first, said late
    first, second = wait(bus, 2).t_ns.tolist()
    assert second - first == 16_000_000
    assert second < clock.now_ns() - 50_000_000
    assert bus.health()["hardware_stamps"] == 1
    bus.close()


@given(
    st.lists(st.tuples(st.integers(0, 130_000), st.integers(0, 40)), min_size=1, max_size=30),
    st.integers(0, 59_999),
)
@settings(deadline=None, max_examples=60)
def test_stamps_are_followed_through_every_wrap(steps, begin):
    """Whatever the pauses, a stamp is as late as its frame came, give or take what frames are late."""
    follow, true_ms = _StampClock(), begin
    for wait_ms, delay_ms in steps:
        true_ms += wait_ms
        now_ns = (true_ms + delay_ms) * 1_000_000
        (t_ns,) = follow.to_ours(np.array([true_ms % 60_000], np.int32), now_ns).tolist()
        assert now_ns - 50_000_000 <= t_ns + 10_000_000 <= now_ns + 50_000_000


FRAME = st.one_of(
    st.tuples(st.integers(0, 0x7FF), st.sampled_from([0, FD, FD | BRS])),
    st.tuples(st.integers(0, 0x1FFFFFFF), st.sampled_from([EXTENDED, EXTENDED | FD])),
).flatmap(
    lambda head: st.tuples(
        st.just(head[0]),
        st.just(head[1]),
        st.sampled_from(FD_LENGTHS if head[1] & FD else FD_LENGTHS[:9]).flatmap(
            lambda n: st.binary(min_size=n, max_size=n)
        ),
        st.one_of(st.just(NO_STAMP), st.integers(0, 0xFFFF)),
    )
)


@pytest.mark.fuzz
@given(st.lists(FRAME, max_size=20), st.binary(max_size=30), st.integers(0, 200))
@settings(deadline=None)
def test_every_frame_is_read_as_it_was_written_whatever_surrounds_it(said, rubbish, cut):
    text = b"".join(
        _line(i, f, len(d), d)[:-1] + (b"" if s == NO_STAMP else b"%04X" % s) + b"\r" for i, f, d, s in said
    )
    lines = parse(rubbish + b"\r" + text)
    assert len(lines.id) >= len(said)
    at = len(lines.id) - len(said)
    got = [
        (
            int(lines.id[i]),
            int(lines.flags[i]),
            lines.data[i, : lines.length[i]].tobytes(),
            int(lines.stamp_ms[i]),
        )
        for i in range(at, len(lines.id))
    ]
    assert got == said
    first = parse(text[:cut])
    second = parse(first.rest + text[cut:])
    assert len(first.id) + len(second.id) == len(said)
    assert first.bad + second.bad == 0


@pytest.mark.fuzz
@given(st.binary(max_size=400))
@example(b"t" * 300)
@example(b"T\rt\rd\rB\rR0000000\rt123F\rd321F\r")
@example(b"\r\a\r\a")
@settings(deadline=None)
def test_rubbish_is_survived(raw):
    lines = parse(raw)
    assert len(lines.id) == len(lines.flags) == len(lines.length) == len(lines.data) == len(lines.stamp_ms)
    assert len(lines.rest) <= 142
    zero = np.zeros(len(lines.id))
    whole = Frames(zero.astype(int), lines.id, lines.flags, zero.astype("u1"), lines.length, lines.data)
    assert Frames.from_bytes(whole.to_bytes()).id.tolist() == lines.id.tolist()
    assert not lines.flags[lines.flags & ERROR == 0].any() or not (lines.flags & ESI).any()
