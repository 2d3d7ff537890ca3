"""SocketCAN for real, judged by can-utils and by the kernel: full load, every kind of frame, errors, losses.

On a machine without SocketCAN: hil_tests/with-vcan python -m pytest hil_tests/test_can_utils.py
"""

import contextlib
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import time

import numpy as np
import pytest

from edge import config
from edge.can.bus import BusError, open_bus
from edge.can.bus.socketcan_errors import error_words
from edge.can.frames import ERROR, EXTENDED, FD, REMOTE, TX, concat, frames
from edge.can.inlet import CanInlet
from edge.can.logs.reader import read_log
from edge.can.vehicle import VehicleReader
from edge.messages import Gap, Health

HINT = "run under hil_tests/with-vcan"
BUSES = ("vcan0", "vcan1", "vcan2", "vcan3")
ENVIRONMENT = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}

pytestmark = [
    pytest.mark.skipif(
        not hasattr(socket, "AF_CAN") or not os.path.exists("/sys/class/net/vcan3"),
        reason=f"no vcan3: {HINT}",
    ),
    pytest.mark.skipif(not shutil.which("cangen"), reason="no can-utils: apt install can-utils"),
]


@pytest.fixture
def bus():
    bus = open_bus(*cans())
    yield bus
    bus.close()


def cans(*channels, **settings):
    return [config.Can(name=c, channel=c, **settings) for c in channels or BUSES]


def inlet_of(*channels, **options):
    settings = options.pop("settings", {})
    return CanInlet(cans(*channels, **settings), VehicleReader(config.Vehicle(title=""), []), **options)


def wait(bus, count, seconds=10):
    found, deadline = [], time.monotonic() + seconds
    while sum(map(len, found)) < count and time.monotonic() < deadline:
        select.select([bus.fileno()], [], [], 0.2)
        found.append(bus.receive())
    return concat(found)


def ip(*arguments, check=True):
    if os.geteuid() != 0:
        pytest.skip(f"needs the right to change interfaces; {HINT}")
    subprocess.run(["ip", *arguments], env=ENVIRONMENT, check=check)


def ours(found):
    """What each frame is, bus by bus (candump reads them by turns), but for who sent it and when."""
    found = found[np.argsort(found.bus, kind="stable")]
    return [
        (int(found.bus[i]), int(k), int(found.flags[i]) & ~TX, int(found.length[i]), found.payload(i))
        for i, k in enumerate(found.keys().tolist())
    ]


def of_log(path, names=BUSES):
    log = read_log(path)
    found = concat(list(log))
    order = np.array([names.index(name) for name in log.buses], np.uint8)
    return concat(
        [type(found)(found.t_ns, found.id, found.flags, order[found.bus], found.length, found.data)]
    )


def test_all_that_cangen_makes_is_as_candump_has_it(bus, tmp_path):
    """Classic, extended, remote, CAN FD with and without bit rate switch and ESI, mixed, on four buses."""
    log = tmp_path / "dump.log"
    with log.open("wb") as file:
        dump = subprocess.Popen(["candump", "-L", "-r", "8000000", "-T", "3000", *BUSES], stdout=file)
        time.sleep(0.5)
        makers = [
            subprocess.Popen(["cangen", name, "-m", "-g", "0", "-n", "400", "-I", "r", "-L", "r", "-D", "r"])
            for name in BUSES
        ]
        found = wait(bus, 1600)
        assert [maker.wait(20) for maker in makers] == [0] * 4
        dump.wait(20)
    judge = of_log(log)
    assert len(judge) == 1600
    assert ours(found) == ours(judge)
    assert {0, EXTENDED, REMOTE} <= set((found.flags & (EXTENDED | REMOTE)).tolist())
    assert (found.flags & FD).any()
    for which in range(4):
        own, theirs = (f.t_ns[f.bus == which] for f in (found, judge))
        assert np.median(abs(np.diff(own) - np.diff(theirs))) < 2_000  # the same stamps, to the us
    assert bus.health()["dropped"] == 0


def test_all_that_we_send_is_as_candump_has_it(bus, tmp_path):
    rng = np.random.default_rng(2)
    n = 2000
    flags = rng.choice([0, EXTENDED, REMOTE, FD, FD | EXTENDED, FD | 1 << 4, FD | 1 << 5], n)
    lengths = [int(rng.choice([0, 8, 12, 64] if f & FD else range(9))) for f in flags]
    sent = frames(
        [0] * n,
        [int(rng.integers(1 << 29 if f & EXTENDED else 1 << 11)) for f in flags],
        flags.tolist(),
        rng.integers(0, 4, n).tolist(),
        [bytes(k) if f & REMOTE else rng.bytes(k) for k, f in zip(lengths, flags, strict=True)],
    )
    log = tmp_path / "dump.log"
    with log.open("wb") as file:
        dump = subprocess.Popen(["candump", "-L", "-r", "8000000", "-T", "2000", *BUSES], stdout=file)
        time.sleep(0.5)
        done = 0
        while done < n:
            done += bus.send_many(sent[done:])
        dump.wait(20)
    assert ours(of_log(log)) == ours(sent)
    assert len(bus.receive()) == 0  # our own do not come back


def test_canplayer_and_cansend(bus, tmp_path):
    log = tmp_path / "play.log"
    log.write_text(
        "".join(f"({100 + i / 1000:.6f}) {BUSES[i % 4]} {0x100 + i:03X}#{i:016X}\n" for i in range(400))
    )
    subprocess.run(["canplayer", "-I", str(log)], check=True)
    found = wait(bus, 400)
    assert found.id.tolist() == [0x100 + i for i in range(400)]
    assert found.bus.tolist() == [i % 4 for i in range(400)]
    for text in ("123#DEADBEEF", "1ABCDEF0#", "5A1#R4", "123##1112233"):
        subprocess.run(["cansend", "vcan2", text], check=True)
    assert ours(wait(bus, 4)) == [
        (2, 0x123, 0, 4, b"\xde\xad\xbe\xef"),
        (2, 0x9ABCDEF0, EXTENDED, 0, b""),
        (2, 0x5A1, REMOTE, 4, b""),
        (2, 0x123, FD | 1 << 4, 3, b"\x11\x22\x33"),
    ]


LOAD = """
import sys
import numpy as np
from edge import config
from edge.can.bus import open_bus
from edge.can.frames import Frames
from edge.clock import LiveClock, now_ns
each, rounds = int(sys.argv[1]), int(sys.argv[2])
names = ("vcan0", "vcan1", "vcan2", "vcan3")
bus = open_bus(*[config.Can(name=n, channel=n) for n in names])
clock, start, n = LiveClock(), now_ns(), 4 * each
late = 0
for number in range(rounds):
    place = np.arange(n)
    data = np.zeros((n, 8), np.uint8)
    data.view(">u8")[:, 0] = number * each + place // 4
    batch = Frames(np.zeros(n, np.int64), (0x100 + place % 64).astype(np.uint32), np.zeros(n, np.uint16),
                   (place % 4).astype(np.uint8), np.full(n, 8, np.uint8), data)
    done = 0
    while done < n:
        done += bus.send_many(batch[done:])
    clock.sleep_until_ns(start + (number + 1) * 20_000_000)
print(4 * each * rounds / ((now_ns() - start) / 1e9))
"""


def test_four_full_buses_lose_nothing(tmp_path):
    """20,000 frames/s and more together, through the inlet that a run has, with its raw recording."""
    each, rounds = 125, 150
    recorded = {name: [] for name in BUSES}
    inlet = inlet_of(
        settings={"bitrate": 1_000_000},
        record=lambda topic, t_ns, raw: recorded[topic.removeprefix("can/")].append(raw),
    )
    said = list(inlet.poll(0))
    player = subprocess.Popen(
        [sys.executable, "-c", LOAD, str(each), str(rounds)], stdout=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while player.poll() is None and time.monotonic() < deadline:
        watched = inlet.fileno()
        select.select([watched] if watched else [], [], [], 0.01)  # as the loop does
        said += inlet.poll(time.monotonic_ns())
    for _ in range(200):
        said += inlet.poll(time.monotonic_ns())
    inlet.close()
    rate = float(player.communicate()[0])
    from edge.can.frames import Frames

    for name in BUSES:
        numbers = concat([Frames.from_bytes(raw) for raw in recorded[name]]).data.copy().view(">u8")[:, 0]
        assert numbers.tolist() == list(range(each * rounds))
    assert [m for m in said if isinstance(m, Gap)] == []
    figures = [m.figures for m in said if isinstance(m, Health) and m.figures.get("frames_per_s", 0) > 1000]
    assert figures
    for f in figures:  # at 1 Mbit/s, frames of 111 to 135 bits
        assert 0.0110 < f["load_percent"] / f["frames_per_s"] < 0.0136
    if rate < 20_000:
        pytest.skip(f"nothing lost, but this machine sends only {rate:.0f} frames/s")


def test_the_last_frames_that_did_not_fit_are_counted_at_once():
    """Nothing comes after them that could carry the count."""
    inlet = inlet_of("vcan0", "vcan1")
    inlet.poll(0)
    inlet.bus._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # small, to make it happen
    subprocess.run(["cangen", "vcan1", "-g", "0", "-n", "500"], check=True)
    out = []
    got = 0
    receive = inlet.bus.receive

    def counting():
        nonlocal got
        found = receive()
        got += len(found)
        return found

    inlet.bus.receive = counting
    for now_ns in range(1, 4):
        out += inlet.poll(now_ns)
    gaps = [m for m in out if isinstance(m, Gap)]
    assert {m.source for m in gaps} == {"can:vcan0+vcan1"}
    assert 0 < sum(m.count for m in gaps) == 500 - got
    inlet.close()


def test_the_kernel_leaves_out_what_is_not_wanted():
    wanted = {(0x123, 0x9FFFFFFF), (0x98FEF100, 0x83FFFF00)}
    bus = open_bus(*cans("vcan0"), wanted=wanted)
    try:
        for text in ("122#00", "123#01", "00000123#02", "123#R", "18FEF1AA#03", "0CFEF122#04", "18FEF2AA#05"):
            subprocess.run(["cansend", "vcan0", text], check=True)
        sender = socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW)
        sender.bind(("vcan0",))
        sender.send(struct.pack("=IB3x8s", 0x20000040, 8, b""))
        sender.close()
        found = wait(bus, 4)
        assert found.keys().tolist() == [0x123, 0x98FEF1AA, 0x8CFEF122, 0x40]
        assert found.flags.tolist()[-1] == ERROR
    finally:
        bus.close()
    everything = open_bus(*cans("vcan0"), wanted={(i, 0x9FFFFFFF) for i in range(600)})  # more than it can
    subprocess.run(["cansend", "vcan0", "7FF#"], check=True)
    assert len(wait(everything, 1)) == 1
    everything.close()


def test_load_is_as_canbusload_has_it():
    """Exact stuff bits, within the timing of a second."""
    inlet = inlet_of("vcan0", settings={"bitrate": 500_000})
    inlet.poll(time.monotonic_ns())
    judge = subprocess.Popen(
        ["canbusload", "-e", "vcan0@500000"],
        stdout=subprocess.PIPE,
        text=True,
        env={**ENVIRONMENT, "LANG": "C"},
    )
    maker = subprocess.Popen(["cangen", "vcan0", "-g", "2", "-L", "8", "-n", "2500"])
    said = []
    while maker.poll() is None:
        time.sleep(0.01)
        said += inlet.poll(time.monotonic_ns())
    judge.terminate()
    rows = [line.split() for line in judge.communicate()[0].splitlines() if "vcan0@" in line]
    bits = [int(row[2]) / int(row[1]) for row in rows if int(row[1]) > 100]
    own = [m.figures for m in said if isinstance(m, Health) and m.figures.get("frames_per_s", 0) > 100]
    per_frame = [f["load_percent"] / 100 * 500_000 / f["frames_per_s"] for f in own]
    assert bits
    assert per_frame
    assert np.mean(per_frame) == pytest.approx(np.mean(bits), rel=0.01)
    inlet.close()


def test_one_interface_of_a_group_comes_late_and_goes():
    channels = ("vcan0", "vcan8")
    ip("link", "del", "vcan8", check=False)
    inlet = inlet_of(*channels)
    try:
        states = {}

        def poll(seconds=0.0):
            time.sleep(seconds)
            got = list(inlet.poll(time.monotonic_ns()))
            states.update({m.source: (m.state, m.detail) for m in got if isinstance(m, Health)})

        poll()
        assert states["can:vcan8"][0] == "failed"
        assert "no such interface" in states["can:vcan8"][1]
        ip("link", "add", "vcan8", "type", "vcan")
        ip("link", "set", "vcan8", "up")
        for name in channels:
            subprocess.run(["cansend", name, "123#11"], check=True)
        poll()
        assert {name: state for name, (state, _) in states.items()} == {"can:vcan0": "ok", "can:vcan8": "ok"}
        assert inlet.bus.health(1)["dropped"] == 0
        ip("link", "set", "vcan8", "down")
        poll(1.1)
        assert states["can:vcan8"][0] == "failed"
        assert "is down" in states["can:vcan8"][1]
        with pytest.raises(BusError, match="vcan8"):
            inlet.bus.send(1, b"", 1)
        ip("link", "del", "vcan8")
        poll(1.1)
        assert "no such interface" in states["can:vcan8"][1]
        subprocess.run(["cansend", "vcan0", "123#11"], check=True)
        poll()
        assert states["can:vcan0"][0] == "ok"
        ip("link", "add", "vcan8", "type", "vcan")  # another index, the same name
        ip("link", "set", "vcan8", "up")
        subprocess.run(["cansend", "vcan8", "123#11"], check=True)
        poll()
        assert states["can:vcan8"][0] == "ok"
    finally:
        inlet.close()
        ip("link", "del", "vcan8", check=False)


def test_frames_of_other_interfaces_are_not_ours():
    bus = open_bus(*cans("vcan1"))
    for name in BUSES:
        subprocess.run(["cansend", name, "321#22"], check=True)
    subprocess.run(["cansend", "vcan1", "322#22"], check=True)
    assert ours(wait(bus, 2)) == [(0, 0x321, 0, 1, b"\x22"), (0, 0x322, 0, 1, b"\x22")]
    bus.close()


@contextlib.contextmanager
def controller():
    """slcan0: a real CAN device of the kernel, with states and counters, whose adapter we play."""
    import fcntl
    import pty
    import termios
    import tty

    master, slave = pty.openpty()
    tty.setraw(master)
    before = set(os.listdir("/sys/class/net"))
    try:
        fcntl.ioctl(slave, termios.TIOCSETD, struct.pack("i", 17))  # N_SLCAN
    except OSError:
        pytest.skip("this kernel has no slcan")
    (made,) = set(os.listdir("/sys/class/net")) - before
    try:
        ip("link", "set", made, "name", "slcan0")
        ip("link", "set", "slcan0", "type", "can", "bitrate", "500000")
        up = subprocess.Popen(["ip", "link", "set", "slcan0", "up"], env=ENVIRONMENT)
        while up.poll() is None:  # the kernel waits until its commands are taken
            if select.select([master], [], [], 0.05)[0]:
                os.read(master, 4096)
        assert up.returncode == 0
        yield master
    finally:
        os.close(slave)
        os.close(master)


def test_a_real_controllers_errors_are_told_in_words():
    with controller() as adapter:
        inlet = inlet_of("slcan0", "vcan0")
        said = list(inlet.poll(time.monotonic_ns()))

        def poll(seconds=0.0):
            time.sleep(seconds)
            got = list(inlet.poll(time.monotonic_ns()))
            said.extend(got)
            return [m for m in got if isinstance(m, Health) and m.source == "can:slcan0"]

        os.write(adapter, b"t12321122\r")
        time.sleep(0.1)
        assert [m.state for m in poll()] == ["ok"]
        assert inlet.bus.health()["bitrate_bps"] == 500_000
        os.write(adapter, b"sw100020\r")
        (warned,) = poll(0.1)
        assert warned.state == "degraded"
        assert "error warning (20 errors sending, 100 receiving)" in warned.detail
        os.write(adapter, b"sp020130\r")
        (passive,) = poll(0.1)
        assert "error passive (130 errors sending, 20 receiving)" in passive.detail
        os.write(adapter, b"e1o\r")
        poll(1.1)
        gaps = [m for m in said if isinstance(m, Gap)]
        assert {(m.source, m.count) for m in gaps} == {("can:slcan0", 1)}
        os.write(adapter, b"sb000256\r")
        (off,) = [m for m in poll(0.1) if m.state == "failed"]
        assert "bus-off" in off.detail
        inlet.close()


def test_error_frames_are_as_the_kernel_makes_them():
    with controller() as adapter:
        bus = open_bus(*cans("slcan0"))
        for line in (b"e1a\r", b"e2bs\r", b"e1O\r", b"sp020130\r"):
            os.write(adapter, line)
        found = wait(bus, 4)
        words = [error_words(int(found.id[i]), found.payload(i)) for i in range(len(found))]
        assert words[0] == "nobody acknowledges; protocol violation, in ACK slot"
        assert "bit stuffing" in words[1]
        assert "transmit overflow" in words[2]
        assert "error passive, sending; 130 errors sending, 20 receiving" in words[3]
        assert bus.health()["error_frames"] == 4
        bus.close()
