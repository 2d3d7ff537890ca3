"""`icv doctor` here, and its checks on machines made of files."""

from __future__ import annotations

import json
import os
import sys

import pytest

from edge.cli.main import main
from edge.runtime import machine, machine_devices, machine_system

STATES = {"ok", "missing", "warning", "broken"}


def put(root, tree):
    for path, text in tree.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def by_name(findings):
    return {finding.name: finding for finding in findings}


def test_it_runs_here(tmp_path, capsys):
    code = main(["doctor", "--json", "--directory", str(tmp_path)])
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] == (code == 0)
    assert {finding["state"] for finding in found["findings"]} <= STATES
    topics = {finding["topic"] for finding in found["findings"]}
    assert topics >= {
        "machine",
        "program",
        "models",
        "can",
        "cameras",
        "serial",
        "real time",
        "clock",
        "disk",
    }
    for finding in found["findings"]:
        assert finding["found"]
        assert finding["advice"] or finding["state"] == "ok", finding
    assert list(tmp_path.iterdir()) == []


def test_what_a_board_of_files_has(tmp_path):
    root = put(
        tmp_path,
        {
            "proc/device-tree/model": "Raspberry Pi 5 Model B\0",
            "proc/meminfo": "MemTotal:  4000000 kB\nMemAvailable:  100000 kB\nHugePages_Total: 0\n",
            "sys/class/net/can0/type": "280\n",
            "sys/class/net/can0/flags": "0x40080\n",
            "sys/class/net/can1/type": "280\n",
            "sys/class/net/can1/flags": "0x40081\n",
            "sys/class/net/can1/operstate": "up\n",
            "sys/class/net/can1/mtu": "72\n",
            "sys/class/net/eth0/type": "1\n",
            "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
            "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
            "sys/class/thermal/thermal_zone0/temp": "78000\n",
            "sys/class/thermal/thermal_zone0/trip_point_0_type": "passive\n",
            "sys/class/thermal/thermal_zone0/trip_point_0_temp": "80000\n",
            "dev/pps0": "",
        },
    )
    buses = by_name(machine_devices.can(root))
    assert buses["can0"].state == "warning"
    assert "ip link set can0 up" in buses["can0"].advice
    assert (buses["can1"].state, buses["can1"].found) == ("ok", "up, up, MTU 72")
    assert "eth0" not in buses
    board = by_name(machine.machine(root))
    assert board["board"].found.startswith("Raspberry Pi 5 Model B,")
    assert board["memory"].state == "warning"
    heat = by_name(machine_system.heat(root))["cpu-thermal"]
    assert (heat.state, heat.found) == ("warning", "78 °C, limit 80 °C")
    if hasattr(os, "sched_setscheduler"):
        assert by_name(machine_system.real_time(root))["frequency governor"].state == "warning"
    assert by_name(machine_system.clocks(root))["pulse per second"].found == "pps0"


def test_a_machine_without_anything(tmp_path):
    assert by_name(machine_devices.can(tmp_path))["interfaces"].state == "missing"
    assert by_name(machine_devices.cameras(tmp_path))["video devices"].state == "missing"
    assert list(machine_system.heat(tmp_path)) == [] or "throttling" in by_name(machine_system.heat(tmp_path))
    assert "memory" not in by_name(machine.machine(tmp_path))


@pytest.mark.skipif(sys.platform != "linux", reason="Video4Linux is Linux's")
def test_a_camera_that_does_not_answer(tmp_path):
    put(tmp_path, {"dev/video0": "", "sys/class/video4linux/video0/name": "HD Camera\n"})
    camera = by_name(machine_devices.cameras(tmp_path))["/dev/video0"]
    assert (camera.state, camera.found) == ("warning", "HD Camera: does not answer")


def test_a_check_that_breaks_does_not_hide_the_others(tmp_path, monkeypatch):
    def broken(root):
        raise OSError("odd system")

    monkeypatch.setattr(machine_system, "heat", broken)
    findings = machine.examine(tmp_path, tmp_path)
    assert findings[-1].found == "did not work: odd system"
    assert len(findings) > 10


def test_an_import_that_kills_is_told():
    found, error = machine._try_import("import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    assert found == []
    assert "signal 4" in error
    found, error = machine._try_import("import no_such_package")
    assert "No module named 'no_such_package'" in error


@pytest.mark.parametrize(
    ("answer", "state", "says"),
    [
        ("throttled=0x0\n", "ok", "now: nothing; since the start: nothing"),
        ("throttled=0x50005\n", "warning", "now: voltage too low, throttled"),
        ("throttled=0x80000\n", "warning", "since the start: soft temperature limit"),
    ],
)
def test_what_a_raspberry_pi_says_of_its_power(answer, state, says):
    (finding,) = machine_system.throttling(answer)
    assert finding.state == state
    assert says in finding.found


def test_a_disk_that_cannot_be_written(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(machine_system.tempfile, "NamedTemporaryFile", refuse)
    findings = by_name(machine_system.disk(tmp_path / "not" / "yet"))
    assert findings["writing"].state == "missing"
    assert "Read-only file system" in findings["writing"].found
