"""The process outside: it may die and may be slow, and the drive tells it and goes on."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading

import pytest
from rig_files import CAN, icv, read_rig, write_rig

from edge import clock
from edge.messages import Gap, Health
from edge.runtime.outside import Outside
from edge.web.server import serve

WEB = "[web]\nenabled = true\nport = 0\n"
S = 1_000_000_000


@pytest.fixture
def outside(tmp_path):
    setup = read_rig(write_rig(tmp_path, CAN + WEB))
    made = Outside(setup.config, setup.header("t"), serve)
    (process,) = [child for child in multiprocessing.active_children() if child.name == "outside"]
    yield made, process.pid
    made.close()
    assert not process.is_alive()


def poll(outside, now_ns, until):
    for _ in range(500):
        said = outside.poll(now_ns)
        if until(said):
            return said
        now_ns += S
        threading.Event().wait(0.01)
    raise AssertionError("not said")


def test_a_death_is_told_once_and_nobody_waits(outside):
    made, pid = outside
    os.kill(pid, signal.SIGKILL)
    said = poll(made, 0, bool)
    assert [(m.source, m.state) for m in said if isinstance(m, Health)] == [("outside", "failed")]
    for _ in range(10):
        made.take(Health(t_ns=1, source="x", state="ok"))  # into the void
    assert made.poll(1 << 60) == []


def test_what_a_slow_one_does_not_take_is_counted(outside):
    made, pid = outside
    os.kill(pid, signal.SIGSTOP)
    picture = bytes(100_000)
    for _ in range(2500):
        made.picture("road", picture)
    (gap,) = made.poll(clock.now_ns())
    assert isinstance(gap, Gap)
    assert gap.source == "outside"
    assert 400 <= gap.count <= 500  # 2000 wait, a few are on their way
    assert made.poll(clock.now_ns()) == []
    os.kill(pid, signal.SIGCONT)


def test_the_dashboard_of_a_run_does_not_disturb_its_json(tmp_path):
    rig = write_rig(tmp_path, CAN + WEB)
    found = icv("run", "--config", rig, "--seconds", 2, "--json", cwd=tmp_path)
    assert found.returncode == 0
    json.loads(found.stdout)
    assert found.stderr.startswith("dashboard: http://127.0.0.1:")
    assert found.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_told_and_the_drive_goes_on(tmp_path):
    from http.server import BaseHTTPRequestHandler, HTTPServer

    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        web = f"[web]\nenabled = true\nport = {server.server_address[1]}\n"
        rig = write_rig(tmp_path, CAN + web, seconds=4.0)
        found = icv("run", "--config", rig, "--json", cwd=tmp_path)
    said = json.loads(found.stdout)
    assert found.returncode == 0
    assert "cannot listen" in found.stderr
    assert any(t["source"] == "outside" and t["state"] == "failed" for t in said["troubles"])
    assert said["inputs"]["Tick"] > 300


def test_the_uplink_says_how_it_is(tmp_path):
    parts = """
[uplink]
directory = "queue"
[uplink.jt808]
enabled = true
address = "127.0.0.1"
port = 9
phone = "013912345678"
manufacturer = "X"
model = "Y"
terminal_id = "Z"
plate = "A"
"""
    rig = write_rig(tmp_path, CAN + parts, seconds=3.0)
    found = icv("run", "--config", rig, "--json", cwd=tmp_path)
    assert found.returncode == 0
    (told,) = [t for t in json.loads(found.stdout)["troubles"] if t["source"] == "uplink:jt808"]
    assert "127.0.0.1:9" in told["detail"]
