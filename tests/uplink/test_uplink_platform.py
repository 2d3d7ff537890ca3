"""Over real sockets and in a process of its own, against a platform on this machine."""

import multiprocessing
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from platform_808 import Platform, TcpPlatform, read_location
from test_uplink_reports import S, car, warning
from test_uplink_terminal import FIELDS

from edge.clock import LiveClock
from edge.config import Config, Jt808, Uplink
from edge.messages import decode, encode
from edge.uplink.jt808_uplink import Jt808Uplink
from edge.uplink.link import TcpLink
from edge.uplink.serve import serve

PATIENCE_S = 15.0


def until(done, act=lambda: None):
    deadline = time.monotonic() + PATIENCE_S
    while not done() and time.monotonic() < deadline:
        act()
        time.sleep(0.005)
    assert done()


@pytest.fixture
def tcp():
    server = TcpPlatform(Platform())
    yield server
    server.close()


def settings(port, **changes):
    return Jt808(**{**FIELDS, "address": "127.0.0.1", "port": port, **changes})


@pytest.mark.parametrize("version", [2013, 2019])
def test_over_tcp_with_a_connection_that_drops_in_the_middle(tmp_path, tcp, version):
    tcp.platform.hangs_up_on = {2}
    tcp.platform.wrong = ("noise", "serial")
    uplink = Jt808Uplink(settings(tcp.port, version=version), tmp_path, 100)
    for n in range(10):
        uplink.offer(car(10 * n), (1_764_000_000 + n) * S)
    uplink.offer(warning(100, level="alarm"), 1_764_000_100 * S)
    clock = LiveClock()
    until(lambda: len(tcp.platform.kept) >= 11, lambda: uplink.step(clock.now_ns()))
    until(lambda: uplink._queue.depth == 0, lambda: uplink.step(clock.now_ns()))
    uplink.close()
    times = [read_location(body)["time"] for body in tcp.platform.kept]
    assert len(times) == len(set(times)) == 11
    assert tcp.platform.connections == 2


def test_a_link_to_nobody_says_why():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    link = TcpLink("127.0.0.1", port)
    until(lambda: link.state() == "closed")
    assert "refused" in link.why
    assert (link.send(b"x"), link.receive()) == (0, b"")


def test_a_name_that_does_not_exist_says_so():
    link = TcpLink("no-such-host.invalid", 1)
    assert link.state() == "closed"
    assert link.why


def test_the_process_outside_reports_survives_nonsense_and_ends_with_the_pipe(tmp_path, tcp):
    config = Config(
        name="test", vehicle="none", uplink=Uplink(directory=str(tmp_path), jt808=settings(tcp.port))
    )
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    child = spawn.Process(target=serve, args=(config, theirs), daemon=True)
    child.start()
    theirs.close()
    now_s = time.monotonic()
    ours.send_bytes(b"nonsense")
    ours.send_bytes(encode(car(now_s)))
    ours.send_bytes(encode(warning(now_s, "drowsiness", "alarm")))
    until(lambda: len(tcp.platform.kept) == 2)
    heard = []
    until(lambda: any(h.state == "ok" for h in heard), lambda: heard.append(decode(ours.recv_bytes())))
    assert "decoded" in heard[0].detail
    assert heard[-1].source == "uplink:jt808"
    ours.close()
    child.join(10)
    assert child.exitcode == 0


def test_nothing_is_opened_unless_enabled(tmp_path):
    """In its own process, with every socket call watched by an audit hook."""
    program = (
        "import sys, multiprocessing\n"
        "from edge.config import Config, Uplink\n"
        "from edge.uplink.serve import serve\n"
        "def watch(event, args):\n"
        "    if event.startswith('socket.') or event == 'sqlite3.connect': print('AUDIT', event)\n"
        "ours, theirs = multiprocessing.Pipe()\n"
        "sys.addaudithook(watch)\n"
        "ours.send_bytes(b'{}'); ours.close()\n"
        "serve(Config(name='x', vehicle='y', uplink=Uplink(directory=sys.argv[1])), theirs)\n"
        "print('ended')\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "q")],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == "ended\n", done.stderr
    assert not (tmp_path / "q").exists()


def test_wrong_settings_are_said_and_the_process_goes_on(tmp_path):
    config = Config(
        name="test", vehicle="none", uplink=Uplink(directory=str(tmp_path), jt808=settings(1, phone="no"))
    )
    ours, theirs = multiprocessing.Pipe()
    ours.send_bytes(encode(car(1)))

    thread = threading.Thread(target=serve, args=(config, theirs))
    thread.start()
    health = decode(ours.recv_bytes())
    assert health.state == "failed"
    assert "phone" in health.detail
    ours.close()
    thread.join(10)
    assert not thread.is_alive()
