"""`icv can play` on a real bus, with candump as the witness.

On a machine without SocketCAN: hil_tests/with-vcan python -m pytest hil_tests/test_play.py
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

pytestmark = [
    pytest.mark.skipif(
        not hasattr(socket, "AF_CAN") or not os.path.exists("/sys/class/net/vcan0"),
        reason="no vcan0: run it by hil_tests/with-vcan",
    ),
    pytest.mark.skipif(shutil.which("candump") is None, reason="no candump: apt install can-utils"),
]

PLAY = [sys.executable, "-m", "edge.cli.main", "can", "play"]

FRAMES = [
    "can0 123#0102", "can0 1ABCDEF0#0001020304050607", "can1 7FF#R", "can0 321##0" + "AB" * 8,
    "can1 322##1" + "CD" * 64, "can0 010#", "can1 123#R5",
]  # fmt: skip


def write(path, count=200, step_us=5000):
    """count frames of all kinds, in turn, evenly spaced."""
    lines = []
    for n in range(count):
        t_us = n * step_us
        lines.append(f"({1700000000 + t_us // 10**6}.{t_us % 10**6:06d}) {FRAMES[n % len(FRAMES)]}")
    path.write_text("\n".join(lines) + "\n")
    return [line.split(" ", 1)[1] for line in lines]


class Witness:
    """candump on both buses until it has so many frames."""

    def __init__(self, count):
        command = ["candump", "-L", "-n", str(count), "-T", "6000", "-r", "30000000", "vcan0", "vcan1"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        time.sleep(0.5)

    def lines(self):
        """(seconds, "BUS FRAME") of each frame, in the kernel's order: candump asks each bus by itself."""
        said, _ = self._process.communicate(timeout=60)
        found = [re.fullmatch(r"\((\d+\.\d+)\) (\S+ \S+)(?: [RT])?", line) for line in said.splitlines()]
        rows = [(float(match[1]), _plain(match[2])) for match in found if match]
        return sorted(rows, key=lambda row: row[0])


def _plain(frame):
    """Without the bit that says CAN FD once more, which the kernel adds to the flags after ##."""
    return re.sub(r"##([4-7])", lambda flags: f"##{int(flags[1]) & 3}", frame)


def play(path, *options):
    command = [*PLAY, str(path), "--to", "can0=vcan0", "can1=vcan1", "--json", *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    return done.returncode, json.loads(done.stdout)


def renamed(frames):
    return [frame.replace("can", "vcan", 1) for frame in frames]


def test_order_content_and_spacing(tmp_path):
    frames = write(tmp_path / "drive.log")
    witness = Witness(len(frames))
    status, said = play(tmp_path / "drive.log")
    seen = witness.lines()
    assert [frame for _, frame in seen] == renamed(frames)
    assert status == 0
    assert sum(said["sent"].values()) == len(frames)
    assert said["lateness"]["early"] == 0
    span_s = seen[-1][0] - seen[0][0]
    late_s = (said["lateness"]["max_us"] + 5000) / 1e6  # of the first or the last, and a busy machine
    assert abs(span_s - (len(frames) - 1) * 0.005) <= late_s


def test_as_fast_as_the_bus_takes_it_nothing_is_lost(tmp_path):
    frames = write(tmp_path / "drive.log", 20_000)
    witness = Witness(len(frames))
    status, said = play(tmp_path / "drive.log", "--speed", "max")
    assert status == 0
    assert sum(said["sent"].values()) == len(frames)
    assert said["duration_s"] < 50
    seen = witness.lines()
    if len(seen) == len(frames):  # candump's own buffer may lose some
        for bus in ("vcan0", "vcan1"):  # frames of both share a microsecond
            own = [frame for frame in renamed(frames) if frame.startswith(bus)]
            assert [frame for _, frame in seen if frame.startswith(bus)] == own


def test_part_loop_and_ids(tmp_path):
    frames = write(tmp_path / "drive.log", 14)
    wanted = [f for f in renamed(frames[7:]) if "123#0102" in f or "010#" in f]
    witness = Witness(2 * len(wanted))
    options = ["--from-s", "0.035", "--only", "123,010", "--drop", "7FF", "--loop", "2", "--speed", "4"]
    status, said = play(tmp_path / "drive.log", *options, "--map-id", "010=18FEF100")
    expected = [frame.replace(" 010#", " 18FEF100#") for frame in wanted]
    remote = [f for f in renamed(frames[7:]) if "123#R5" in f]
    assert [f for _, f in witness.lines()][: len(expected)] == (expected + remote)[: len(expected)]
    assert status == 0
    assert said["rounds"] == 2


def test_ctrl_c_ends_it_with_the_answer(tmp_path):
    write(tmp_path / "drive.log", 2000)  # 10 s
    command = [*PLAY, str(tmp_path / "drive.log"), "--to", "vcan0", "--json"]
    with socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW) as first:
        first.bind(("vcan0",))
        first.settimeout(60)
        playing = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        first.recv(16)
    playing.send_signal(signal.SIGINT)
    said, _ = playing.communicate(timeout=30)
    assert 0 < json.loads(said)["sent"]["vcan0"] < 2000


def test_a_bus_that_is_not_there_is_said(tmp_path):
    write(tmp_path / "drive.log", 5)
    command = [*PLAY, str(tmp_path / "drive.log"), "--to", "vcan9"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "vcan9" in done.stderr
    assert "Traceback" not in done.stderr
