"""SocketCAN for real, with python-can as the other end.

On a machine without it: hil_tests/with-vcan python -m pytest hil_tests/test_socketcan.py
"""

import os
import select
import socket
import struct
import subprocess
import time

import numpy as np
import pytest

from edge import clock, config
from edge.can.bus import BusError, open_bus
from edge.can.frames import BRS, ERROR, ESI, EXTENDED, FD, KEY_EXTENDED, REMOTE, TX, concat
from edge.can.inlet import CanInlet
from edge.can.vehicle import VehicleReader
from edge.messages import Gap, Health

can = pytest.importorskip("can")

HINT = "run under hil_tests/with-vcan"


def present(channel):
    try:
        open_bus(config.Can(name="x", channel=channel)).close()
    except BusError as error:
        return str(error)
    return ""


pytestmark = pytest.mark.skipif(bool(present("vcan0")), reason=f"{present('vcan0')}; {HINT}")


@pytest.fixture
def bus():
    bus = open_bus(config.Can(name="vcan0", channel="vcan0"))
    yield bus
    bus.close()


@pytest.fixture
def peer():
    with can.Bus(interface="socketcan", channel="vcan0", fd=True) as peer:
        yield peer


def wait(bus, count, seconds=5):
    found, deadline = [], time.monotonic() + seconds
    while sum(map(len, found)) < count and time.monotonic() < deadline:
        select.select([bus.fileno()], [], [], 0.2)
        found.append(bus.receive())
    return concat(found)


MESSAGES = [
    can.Message(arbitration_id=0x123, is_extended_id=False, data=b"\x01\x02"),
    can.Message(arbitration_id=0x1ABCDEF0, is_extended_id=True, data=bytes(range(8))),
    can.Message(arbitration_id=0x7FF, is_extended_id=False, is_remote_frame=True, dlc=0),
    can.Message(arbitration_id=0x321, is_extended_id=False, is_fd=True, bitrate_switch=True, data=bytes(64)),
    can.Message(
        arbitration_id=0x322, is_extended_id=False, is_fd=True, error_state_indicator=True, data=bytes(12)
    ),
    can.Message(arbitration_id=0x10, is_extended_id=False, data=b""),
]


def test_what_python_can_sends(bus, peer):
    for message in MESSAGES:
        peer.send(message)
    found = wait(bus, len(MESSAGES))
    assert found.id.tolist() == [m.arbitration_id for m in MESSAGES]
    assert [found.payload(i) for i in range(len(found))] == [bytes(m.data) for m in MESSAGES]
    assert (found.flags & ~np.uint16(TX)).tolist() == [0, EXTENDED, REMOTE, FD | BRS, FD | ESI, 0]
    assert (found.flags & TX).all()  # from this machine


def test_what_python_can_hears(bus, peer):
    sent = [(0x123, b"abc"), (0x1ABCDEF0 | KEY_EXTENDED, bytes(8)), (0x321, bytes(range(64)))]
    for key, data in sent:
        bus.send(key, data)
    heard = [peer.recv(2) for _ in sent]
    assert [m.arbitration_id | m.is_extended_id << 31 for m in heard] == [key for key, _ in sent]
    assert [bytes(m.data) for m in heard] == [data for _, data in sent]
    assert [m.is_fd for m in heard] == [False, False, True]
    assert heard[2].bitrate_switch


def test_stamps_are_the_kernels(bus, peer):
    before = clock.now_ns()
    peer.send(can.Message(arbitration_id=1, is_extended_id=False))
    after = clock.now_ns()
    time.sleep(0.3)  # the frame waits in the buffer: only a stamp of the kernel is right
    (t_ns,) = wait(bus, 1).t_ns.tolist()
    assert before - 20_000_000 <= t_ns <= after + 20_000_000


@pytest.mark.parametrize("step_ns", [10**17, -(10**17), 5_000_000_000, -5_000_000_000])
def test_frames_that_wait_while_the_date_is_set_keep_their_place(bus, peer, monkeypatch, step_ns):
    bus.receive()
    before = clock.now_ns()
    bus.receive()
    peer.send(can.Message(arbitration_id=1, is_extended_id=False))
    offset_ns = clock.realtime_offset_ns
    monkeypatch.setattr(clock, "realtime_offset_ns", lambda: offset_ns() - step_ns)
    (t_ns,) = wait(bus, 1).t_ns.tolist()
    assert before - 20_000_000 <= t_ns <= clock.now_ns()


def test_frames_that_did_not_fit_are_counted(bus, peer):
    sender = socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW)
    sender.bind(("vcan0",))
    bus._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # small, to make it happen
    frame = struct.pack("=IB3x8s", 0x100, 8, b"")
    inlet = CanInlet(
        [config.Can(name="vcan0")], VehicleReader(config.Vehicle(title=""), []), opener=lambda _: bus
    )
    total = 1000
    for _ in range(total):
        sender.send(frame)
    out, got = [], []
    receive = bus.receive
    bus.receive = lambda: got.append(receive()) or got[-1]
    for tick in range(3):
        out += inlet.poll(tick * 10_000_000)
        sender.send(frame)
    out += inlet.poll(1)
    sender.close()
    lost = sum(m.count for m in out if isinstance(m, Gap))
    assert 0 < lost == total + 3 - sum(map(len, got))
    assert bus.health()["dropped"] == lost


def test_a_second_of_a_full_bus_waits_in_the_buffer(bus):
    """8000 frames are what a 1 Mbit/s bus carries in a second; all come before the first is read."""
    sender = socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW)
    sender.bind(("vcan0",))
    for i in range(8000):
        sender.send(struct.pack("=IB3x8s", 0x100 + i % 16, 8, i.to_bytes(4, "big")))
    sender.close()
    found = wait(bus, 8000)
    assert found.data[:, :4].copy().view(">u4").ravel().tolist() == list(range(8000))
    assert bus.health()["dropped"] == 0


def test_error_frames(bus, peer):
    sender = socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW)
    sender.bind(("vcan0",))
    sender.send(struct.pack("=IB3x8s", 0x20000000 | 0x40, 8, b""))  # bus-off
    found = wait(bus, 1)
    sender.close()
    assert found.flags.tolist() == [ERROR]
    assert found.id.tolist() == [0x40]
    assert bus.health()["error_frames"] == 1


def test_interface_missing_and_down():
    assert "no such interface" in present("can99")
    ip("link", "set", "vcan1", "down")
    try:
        assert "is down" in present("vcan1")
    finally:
        ip("link", "set", "vcan1", "up")
    assert present("vcan1") == ""


def test_inlet_survives_an_interface_that_goes_and_comes():
    ip("link", "add", "vcan7", "type", "vcan")
    ip("link", "set", "vcan7", "up")
    inlet = CanInlet([config.Can(name="vcan7", channel="vcan7")], VehicleReader(config.Vehicle(title=""), []))
    try:
        now_ns = 0

        def poll(seconds=0.01):
            nonlocal now_ns
            now_ns += int(seconds * 1e9)
            return [m for m in inlet.poll(now_ns) if isinstance(m, Health)]

        def speak():
            with can.Bus(interface="socketcan", channel="vcan7") as peer:
                peer.send(can.Message(arbitration_id=1, is_extended_id=False))
            assert select.select([inlet.fileno()], [], [], 5)[0]

        assert poll() == []
        speak()
        assert [m.state for m in poll()] == ["ok"]
        ip("link", "set", "vcan7", "down")
        time.sleep(1.1)  # interfaces are looked at once a second
        (down,) = poll()
        assert (down.state, "is down" in down.detail) == ("failed", True)
        assert poll() == []  # said once
        assert poll(1.1) == []  # tried again, still so
        ip("link", "set", "vcan7", "up")
        assert poll(1.1) == []
        speak()
        assert [m.state for m in poll()] == ["ok"]
        ip("link", "del", "vcan7")
        time.sleep(1.1)
        gone = [*poll(), *poll(1.1)]
        assert {m.state for m in gone} == {"failed"}
        assert "no such interface" in gone[-1].detail
        ip("link", "add", "vcan7", "type", "vcan")
        ip("link", "set", "vcan7", "up")
        assert poll(1.1) == []
        assert ["silent" in m.detail for m in poll(1.1)] == [True]
    finally:
        inlet.close()
        subprocess.run(["ip", "link", "del", "vcan7"], env=ENVIRONMENT, check=False)


ENVIRONMENT = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}


def ip(*arguments):
    if os.geteuid() != 0:
        pytest.skip(f"needs the right to change interfaces; {HINT}")
    subprocess.run(["ip", *arguments], env=ENVIRONMENT, check=True)
