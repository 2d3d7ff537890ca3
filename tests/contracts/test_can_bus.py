"""What every CanBus must do. hil_tests/with-vcan runs it with real SocketCAN."""

import contextlib
import os
import select
import socket
import sys
import threading
import time
import uuid

import numpy as np
import pytest

from edge import clock, config
from edge.can.bus import MAX_BATCH, BusError, open_bus
from edge.can.frames import BRS, ERROR, ESI, EXTENDED, FD, KEY_EXTENDED, REMOTE, TX, concat, frames

pytest.importorskip("can")


def virtual():
    return config.Can(name="a", kind="virtual", channel=uuid.uuid4().hex)


def udp():
    pytest.importorskip("msgpack")
    return config.Can(
        name="a",
        kind="udp_multicast",
        channel="239.74.163.2",
        options={"port": 40000 + uuid.uuid4().int % 9999},
    )


def socketcan():
    if not hasattr(socket, "AF_CAN"):
        pytest.skip("no SocketCAN on this system")
    try:
        open_bus(config.Can(name="a", channel="vcan0")).close()
    except BusError as error:
        pytest.skip(str(error))
    return config.Can(name="a", channel="vcan0")


@contextlib.contextmanager
def slcan():
    """Two adapters on one wire: what one is told as a frame, the other says."""
    pty, tty = pytest.importorskip("pty"), pytest.importorskip("tty")
    ends = [pty.openpty() for _ in range(2)]
    for master, _ in ends:
        tty.setraw(master)
    done = threading.Event()

    def wire():
        held = {master: b"" for master, _ in ends}
        while not done.is_set():
            for master in select.select(list(held), [], [], 0.05)[0]:
                *lines, held[master] = (held[master] + os.read(master, 4096)).split(b"\r")
                said = b"".join(line + b"\r" for line in lines if line[:1] in b"tTrRdDbB" and line)
                (other,) = held.keys() - {master}
                while said:
                    said = said[os.write(other, said) :]

    thread = threading.Thread(target=wire)
    thread.start()
    try:
        yield [config.Can(name="a", kind="slcan", channel=os.ttyname(slave)) for _, slave in ends]
    finally:
        done.set()
        thread.join()
        for number in sum(ends, ()):
            os.close(number)


def both(settings):
    return contextlib.nullcontext([settings, settings])


@pytest.fixture(params=[virtual, udp, slcan, socketcan], ids=lambda f: f.__name__)
def pair(request):
    found = request.param()
    with both(found) if isinstance(found, config.Can) else found as settings:
        try:
            buses = [open_bus(one) for one in settings]
        except BusError as error:
            if "multicast" in settings[0].kind:
                pytest.skip(f"no multicast here: {error}")
            raise
        yield buses
        for bus in buses:
            bus.close()


def wait(bus, count):
    """At least `count` frames, by what fileno() promises."""
    found = []
    deadline = time.monotonic() + 5
    while sum(map(len, found)) < count and time.monotonic() < deadline:
        select.select([bus.fileno()], [], [], 0.5)
        found.append(bus.receive())
    return concat(found)


class TestCanBus:
    def test_quiet_bus_gives_no_frames_at_once(self, pair):
        assert len(pair[0].receive()) == 0

    def test_frames_arrive_in_order_and_whole(self, pair):
        sent = [
            (0x123, b""),
            (0x7FF, b"\x01"),
            (0x1ABCDEF0 | KEY_EXTENDED, bytes(range(8))),
            (5, b"\xff" * 8),
        ]
        for key, data in sent:
            pair[0].send(key, data)
        found = wait(pair[1], len(sent))
        assert [(int(k), found.payload(i)) for i, k in enumerate(found.keys())] == sent
        assert (found.flags & EXTENDED != 0).tolist() == [False, False, True, False]
        assert not (found.flags & FD).any()
        assert found.bus.tolist() == [0] * len(sent)

    def test_own_frames_do_not_come_back(self, pair, request):
        if "udp" in request.node.name:
            pytest.skip("python-can's udp_multicast cannot tell them apart")
        pair[0].send(0x10, b"mine")
        wait(pair[1], 1)
        assert len(pair[0].receive()) == 0

    def test_stamps_are_monotonic_time(self, pair):
        before = clock.now_ns()
        pair[0].send(1, b"a")
        found = wait(pair[1], 1)
        slack_ns = 50_000_000  # the date may be adjusted meanwhile
        assert before - slack_ns <= found.t_ns[0] <= clock.now_ns() + slack_ns

    def test_more_than_a_batch_comes_in_several(self, pair):
        count = MAX_BATCH + 100
        found = []
        for i in range(count):
            pair[0].send(0x100, i.to_bytes(4, "big"))
            if i % 50 == 49:
                batch = wait(pair[1], 50)
                assert len(batch) <= MAX_BATCH
                found.append(batch)
        everything = concat([*found, wait(pair[1], count - sum(map(len, found)))])
        assert everything.data[:, :4].copy().view(">u4").ravel().tolist() == list(range(count))
        assert pair[1].health()["dropped"] == 0

    def test_a_batch_is_sent_each_frame_as_it_is(self, pair, request):
        sent = frames(
            [0] * 4,
            [0x123, 0x1ABCDEF0, 0x7FF, 0x124],
            [0, EXTENDED, REMOTE, 0],
            [0] * 4,
            [b"ab", bytes(8), bytes(5), b"c"],
        )
        assert pair[0].send_many(sent) == 4
        found = wait(pair[1], 4)
        assert found.keys().tolist() == sent.keys().tolist()
        assert (found.flags & ~np.uint16(TX)).tolist() == sent.flags.tolist()
        assert found.length.tolist() == sent.length.tolist()
        assert [found.payload(i) for i in range(4)] == [sent.payload(i) for i in range(4)]
        if "slcan" not in request.node.name:  # it has no ESI
            wide = frames([0] * 2, [1, 2], [FD, FD | BRS | ESI], [0] * 2, [bytes(range(12)), bytes(64)])
            try:
                assert pair[0].send_many(wide) == 2
            except BusError:
                pytest.skip("this bus has no CAN FD")
            found = wait(pair[1], 2)
            assert (found.flags & ~np.uint16(TX)).tolist() == wide.flags.tolist()
            assert (found.data == wide.data).all()
        assert pair[0].send_many(sent[:0]) == 0

    def test_it_says_how_it_is(self, pair):
        assert len(pair[0].channels) == 1
        assert pair[0].trouble() == ""
        assert isinstance(pair[0].notes(), str)
        assert not (pair[0].receive().flags & ERROR).any()

    def test_impossible_length_is_refused(self, pair):
        for size in (9, 65):
            with pytest.raises(BusError, match=f"{size} bytes"):
                pair[0].send(1, bytes(size))

    def test_fd_frame(self, pair):
        try:
            pair[0].send(0x321, bytes(range(64)))
        except BusError:
            pytest.skip("this bus has no CAN FD")
        found = wait(pair[1], 1)
        assert found.payload(0) == bytes(range(64))
        assert found.flags[0] & (FD | BRS) == FD | BRS

    def test_fileno_tells_of_frames(self, pair):
        assert select.select([pair[1].fileno()], [], [], 0)[0] == []
        pair[0].send(1, b"a")
        assert select.select([pair[1].fileno()], [], [], 5)[0] == [pair[1].fileno()]

    def test_closing_twice_is_harmless_and_fileno_ends(self, pair):
        pair[0].close()
        pair[0].close()
        assert pair[0].fileno() is None

    def test_health_counts(self, pair):
        assert {"dropped", "error_frames"} <= set(pair[0].health())
        assert all(np.isfinite(list(pair[0].health().values())))


def test_what_a_bus_of_python_can_loses_in_its_socket_is_counted():
    settings = udp()
    try:
        ours, peer = open_bus(settings), open_bus(settings)
    except BusError as error:
        pytest.skip(f"no multicast here: {error}")
    if sys.platform != "linux":
        pytest.skip("Linux tells")
    ours._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # small, to make it happen
    for i in range(200):
        peer.send(i, bytes(8))
    got = 0
    while len(found := ours.receive()):
        got += len(found)
    assert 0 < ours.health()["dropped"] == 200 - got
    ours.close()
    peer.close()


@pytest.mark.parametrize(
    "can",
    [
        config.Can(name="a", channel="nocan9"),
        config.Can(name="a", kind="nothing_of_this_name"),
        config.Can(name="a", kind="slcan", channel="/dev/does-not-exist"),
    ],
    ids=["no interface", "no kind", "no device"],
)
def test_what_cannot_be_opened_is_said(can):
    with pytest.raises(BusError, match=can.channel):
        open_bus(can)
