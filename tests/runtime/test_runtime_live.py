"""Live runs: what breaks is told, and the rest works."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading

import pytest
from rig_files import CAMERAS, CAN, OTHERS, environment, icv, needs_own_models, read_rig, write_rig
from test_runtime_worker import movie, noise

from edge.can.frames import NONE
from edge.cli.main import main
from edge.config import ConfigError
from edge.drives import mcap_file
from edge.drives.header import DriveError
from edge.drives.reader import read_drive
from edge.messages import Health, Position, Signals, Unavailable
from edge.runtime import devices
from edge.runtime.live import run_live
from edge.runtime.replay import replay_scenario
from edge.runtime.replay_drive import replay_drive


class Kept:
    def __init__(self):
        self.outputs = []

    def take(self, out):
        self.outputs.append(out)

    def unavailable(self):
        return [out for out in self.outputs if isinstance(out, Unavailable) and not out.over]


def troubles(outcome, source, state="failed"):
    return [detail for _, name, how, detail in outcome.summary.troubles if (name, how) == (source, state)]


def test_devices_that_are_not_there_are_told_with_what_to_do_and_the_rest_works(tmp_path):
    parts = """
[[can]]
name = "can1"
kind = "socketcan"
channel = "nosuchbus0"

[[gnss]]
port = "/dev/ttyNOSUCH"

[v2x.link]
interface = "203.0.113.9"
"""
    kept = Kept()
    setup = read_rig(write_rig(tmp_path, CAN + parts))
    outcome = run_live(setup, title="t", drive_path=tmp_path / "d.mcap", seconds=1.0, sinks=[kept])
    for source, words in (("can:can1", "nosuchbus0"), ("gnss", "/dev/ttyNOSUCH"), ("v2x", "interface")):
        (detail,) = troubles(outcome, source)
        assert words in detail
    assert outcome.summary.counts["Signals"] > 5  # of a hundred, on a machine that has time
    drive = read_drive(tmp_path / "d.mcap")
    assert drive.complete
    assert any(signals.bus == "can0" for signals in drive.messages(Signals))
    assert replay_drive(drive).same


def test_what_cannot_be_sent_by_radio_is_told(tmp_path):
    parts = CAN + '[[gnss]]\nkind = "simulated"\n[v2x.link]\ninterface = "203.0.113.9"\n'
    outcome = run_live(read_rig(write_rig(tmp_path, parts)), title="t", drive_path=None, seconds=1.5)
    assert any(source == "v2x" and "not sent" in reason for source, reason in outcome.summary.losses)


def test_a_bus_that_goes_silent_is_told_and_nothing_is_guessed(tmp_path, monkeypatch):
    class GoesSilent(devices.SimulatedBus):
        def receive(self):
            found = super().receive()
            return found if self._clock.now_ns() < 2e9 else NONE

    monkeypatch.setattr(devices, "SimulatedBus", GoesSilent)
    kept = Kept()
    path = tmp_path / "d.mcap"
    outcome = replay_scenario(
        read_rig(write_rig(tmp_path, seconds=5.0)), title="t", drive_path=path, sinks=[kept]
    )
    (detail,) = troubles(outcome, "can:can0", "degraded")
    assert "silent" in detail
    found = {out.function: out for out in kept.unavailable() if out.input.startswith("can ")}
    assert {"harsh_braking", "harsh_acceleration", "harsh_cornering"} <= set(found)
    assert all(2.1e9 < out.t_ns < 3.1e9 for out in found.values())
    last = [out for out in kept.outputs if type(out).__name__ == "OwnCar"][-1]
    assert (last.acceleration_mps2, last.yaw_rate_radps, last.indicator) == (None, None, None)
    assert last.speed_mps is not None  # the satellite receiver still tells it


def test_a_frozen_camera_makes_its_functions_unavailable_and_names_itself(tmp_path):
    needs_own_models()
    movie(tmp_path / "film.avi", [*noise(10), *(noise(1, seed=2) * 100)])
    camera = """
[[cameras]]
name = "cabin"
role = "driver"
kind = "file"
address = "film.avi"
models = ["icv-driver"]
frozen_after_s = 0.5
"""
    kept = Kept()
    setup = read_rig(write_rig(tmp_path, CAN + camera, seconds=6.0))
    outcome = run_live(setup, title="t", drive_path=None, seconds=5.0, sinks=[kept])
    assert any("frozen" in detail for detail in troubles(outcome, "camera:cabin")), outcome.summary.troubles
    found = [out for out in kept.unavailable() if "frozen" in out.reason]
    assert found
    assert all(out.input == "camera:cabin" for out in found)


class FullDisk:
    """Chunks of a recording cannot be written from one on."""

    def __init__(self, monkeypatch, after):
        self.left = after
        write = mcap_file.McapFile.write_chunk

        def full(file, chunk):
            self.left -= 1
            if self.left < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            write(file, chunk)

        monkeypatch.setattr(mcap_file.McapFile, "write_chunk", full)


def test_a_disk_that_fills_up_is_told_and_the_drive_goes_on(tmp_path, monkeypatch, capsys):
    rig = write_rig(tmp_path)
    FullDisk(monkeypatch, after=1)
    code = main(
        ["run", "--config", str(rig), "--drive", str(tmp_path / "d.mcap"), "--seconds", "2", "--json"]
    )
    said = json.loads(capsys.readouterr().out)
    assert code == 1
    assert "No space left" in said["recording_failure"]
    assert any(t["source"] == "recording" and "No space left" in t["detail"] for t in said["troubles"])
    assert said["inputs"]["Tick"] > 150
    assert any(loss["source"] == "recording" for loss in said["losses"])


def test_a_replay_that_cannot_be_recorded_says_so(tmp_path, monkeypatch):
    setup = read_rig(write_rig(tmp_path))
    FullDisk(monkeypatch, after=0)
    with pytest.raises(DriveError, match="No space left"):
        replay_scenario(setup, title="t", drive_path=tmp_path / "d.mcap")


def test_raw_can_is_recorded_only_where_it_is_wanted(tmp_path):
    for wanted in (True, False):
        top = f"recording = {{ raw_can = {str(wanted).lower()} }}\n"
        path = tmp_path / f"{wanted}.mcap"
        replay_scenario(read_rig(write_rig(tmp_path, top=top)), title="t", drive_path=path)
        assert ("can/can0" in read_drive(path).topics) == wanted


def test_a_station_id_that_does_not_fit_is_the_users_to_mend_and_leaves_no_file(tmp_path):
    parts = CAN + '[v2x]\nlink = {{ kind = "simulated" }}\nstandard = "etsi"\nstation_id = 9999999999\n'
    setup = read_rig(write_rig(tmp_path, parts))
    for run in (run_live, replay_scenario):
        with pytest.raises(ConfigError, match="station_id"):
            run(setup, title="t", drive_path=tmp_path / "d.mcap")
    assert not (tmp_path / "d.mcap").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_live_run_cleanly_with_a_complete_recording(tmp_path, number):
    needs_own_models()
    rig, path = write_rig(tmp_path, CAN + OTHERS + CAMERAS, seconds=60.0), tmp_path / "d.mcap"
    process = subprocess.Popen(
        [sys.executable, "-m", "edge.cli.main", "run", "--config", rig, "--drive", path, "--json"],
        cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    pause = threading.Event()
    for _ in range(1000):
        if path.exists() or process.poll() is not None:
            break
        pause.wait(0.02)
    pause.wait(0.5)  # workers are starting: they are not to be bothered
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    said = json.loads(out)
    drive = read_drive(path)
    assert drive.complete
    assert drive.problems == []
    assert drive.digest == said["digest"]
    assert replay_drive(drive).same


def test_a_run_ends_by_itself_and_says_where_it_recorded(tmp_path):
    rig = write_rig(tmp_path)
    found = icv("run", "--config", rig, "--seconds", 1, cwd=tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    (path,) = (tmp_path / "drives").glob("rig-*.mcap")
    assert str(path.relative_to(tmp_path)) in found.stdout
    positions = list(read_drive(path).messages(Position))
    assert len(positions) >= 5
    assert "SIMULATION" in found.stdout


def test_the_loop_says_how_late_it_is(tmp_path):
    kept = []
    setup = read_rig(write_rig(tmp_path))
    path = tmp_path / "d.mcap"
    outcome = run_live(setup, title="t", drive_path=path, seconds=1.2)
    kept = [m for m in read_drive(path).messages(Health) if m.source == "loop"]
    assert kept
    assert set(kept[0].figures) == {"lateness_p50_ms", "lateness_p99_ms"}
    assert len(outcome.lateness_ns) == outcome.summary.counts["Tick"]
