"""The program on a real bus: frames of the simulated car from another process, decisions from `icv run`."""

import json
import os
import socket
import subprocess
import sys

import pytest

from edge import config as cfg

pytestmark = pytest.mark.skipif(
    not hasattr(socket, "AF_CAN") or not os.path.exists("/sys/class/net/vcan0"),
    reason="no vcan0: run it by hil_tests/with-vcan",
)

SCENARIO = """
title = "one hard stop"
duration_s = 7.0
[road]
pieces = [{ length_m = 900.0 }]
[own]
speed_kmh = 70.0
events = [{ at_s = 4.0, speed_kmh = 10.0, acceleration_mps2 = 7.0 }]
"""


def _play(tmp_path, config):
    """The car of the scenario on vcan0, by python-can, in a process of its own."""
    script = tmp_path / "play.py"
    script.write_text(
        "import sys, can\n"
        "from edge.clock import LiveClock, now_ns\n"
        "from edge.runtime.rig import SimulatedBus\n"
        "from edge.runtime.setup import read_setup\n"
        "setup = read_setup(sys.argv[1])\n"
        "clock, start = LiveClock(), now_ns()\n"
        "car = SimulatedBus(setup.world(), setup.databases[0][0], start, clock)\n"
        "with can.Bus('vcan0', interface='socketcan') as bus:\n"
        "    while now_ns() - start < 7_000_000_000:\n"
        "        frames = car.receive()\n"
        "        for i in range(len(frames)):\n"
        "            bus.send(can.Message(arbitration_id=int(frames.id[i]), data=frames.payload(i), "
        "is_extended_id=False))\n"
        "        clock.sleep_until_ns(now_ns() + 10_000_000)\n"
    )
    return subprocess.Popen([sys.executable, str(script), str(config)])


def test_a_hard_stop_on_the_bus_is_told_and_the_recording_replays_the_same(tmp_path):
    vehicle = cfg.shipped("configs/vehicles/simulated.toml")
    (tmp_path / "stop.toml").write_text(SCENARIO)
    common = f'name = "t"\nvehicle = "{vehicle}"\nscenario = "stop.toml"\n[[can]]\nname = "can0"\n'
    (tmp_path / "car.toml").write_text(common + 'kind = "simulated"\n')
    (tmp_path / "rig.toml").write_text(
        common.replace('scenario = "stop.toml"\n', "") + 'kind = "socketcan"\nchannel = "vcan0"\n'
    )
    drive = tmp_path / "drive.mcap"
    icv = [sys.executable, "-m", "edge.cli.main"]
    run = [
        *icv,
        "run",
        "--config",
        str(tmp_path / "rig.toml"),
        "--seconds",
        "20",
        "--drive",
        str(drive),
        "--json",
    ]
    player = _play(tmp_path, tmp_path / "car.toml")
    try:
        said = json.loads(subprocess.run(run, check=True, stdout=subprocess.PIPE).stdout)
    finally:
        player.terminate()
        player.wait()
    assert "harsh_braking" in [warning["name"] for warning in said["warnings"]]
    assert said["inputs"]["Signals"] > 100
    assert [t["state"] for t in said["troubles"] if t["source"] == "can:can0"][-1] == "degraded"  # it ended
    again = json.loads(
        subprocess.run([*icv, "replay", str(drive), "--from", "raw", "--json"], stdout=subprocess.PIPE).stdout
    )
    assert again["same"]
    assert again["differ"] == {}
