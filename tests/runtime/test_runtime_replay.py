"""Replay: the same decisions again, from everywhere; and files that are not what they should be."""

from __future__ import annotations

import json
import shutil

import msgspec
import numpy as np
import pytest
from rig_files import CAMERAS, CAN, OTHERS, ROOT, icv, needs_own_models, read_rig, write_rig
from test_runtime_worker import movie, noise

from edge import config as cfg
from edge.cli.main import main
from edge.drives.header import DriveError
from edge.drives.reader import read_drive
from edge.messages import DriverView, OwnCar, Position, RoadView, Signals
from edge.runtime.replay import replay_scenario
from edge.runtime.replay_drive import replay_drive

DBC = ROOT / "configs/vehicles/simulated.dbc"
ALL = CAN + OTHERS + CAMERAS


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """A scenario of 2 s with pictures, in its own time, recorded."""
    needs_own_models()
    folder = tmp_path_factory.mktemp("recording")
    path = folder / "first.mcap"
    outcome = replay_scenario(read_rig(write_rig(folder, ALL)), title="t", drive_path=path)
    return path, outcome


def test_a_scenario_twice_gives_the_same_decisions_bit_for_bit(recording, tmp_path):
    path, first = recording
    again = replay_scenario(read_rig(write_rig(tmp_path, ALL)), title="t", drive_path=tmp_path / "b.mcap")
    assert again.digest == first.digest
    one, other = ([*read_drive(p).records("out/")] for p in (path, tmp_path / "b.mcap"))
    assert one == other
    assert len(one) > 30


def test_another_scenario_gives_others(recording, tmp_path):
    rig = write_rig(tmp_path, ALL)
    scenario = tmp_path / "scenario.toml"
    scenario.write_text(scenario.read_text().replace("speed_kmh = 60.0 }}\n", "speed_kmh = 61.0 }\n").replace(
        "own = { speed_kmh = 60.0 }", "own = { speed_kmh = 61.0 }"))  # fmt: skip
    assert replay_scenario(read_rig(rig), title="t", drive_path=None).digest != recording[1].digest


def test_a_recording_twice_gives_the_recorded_decisions(recording):
    path, first = recording
    for _ in range(2):
        outcome = replay_drive(read_drive(path))
        assert outcome.same
        assert outcome.digest == first.digest == outcome.recorded
        assert outcome.first_difference is None
        assert outcome.compared > 30


def test_a_recording_from_another_working_directory(recording, tmp_path):
    path, first = recording
    found = icv("replay", path, "--json", cwd=tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    said = json.loads(found.stdout)
    assert (said["digest"], said["same"]) == (first.digest, True)


def test_from_raw_decodes_and_sees_the_same_again(recording, tmp_path, monkeypatch):
    path, first = recording
    copy = shutil.copy(path, tmp_path / "elsewhere.mcap")
    monkeypatch.chdir(tmp_path)
    drive = read_drive(copy)
    outcome = replay_drive(drive, raw=True)
    assert outcome.digest == first.digest
    assert outcome.again.differ == {}
    assert outcome.again.made == {kind.__name__: len(list(drive.messages(kind)))
                                  for kind in (Signals, RoadView, DriverView)}  # fmt: skip
    assert outcome.again.made["Signals"] > 100
    assert outcome.again.made["RoadView"] == outcome.again.made["DriverView"] == 21


def test_a_core_that_decides_otherwise_is_found_out(recording, tmp_path, monkeypatch):
    """The comparison can fail: the same recording with another car's width in its core's config."""
    path, _ = recording
    drive = read_drive(path)
    core = msgspec.json.decode(drive.header.core_config)
    core["rules"]["freshness"]["signal_s"] = 0.001
    changed = msgspec.structs.replace(drive.header, core_config=msgspec.json.encode(core).decode())
    drive.header = changed
    outcome = replay_drive(drive)
    assert not outcome.same
    assert "recorded" in outcome.first_difference


def test_a_recording_that_was_cut_short_replays_as_far_as_it_goes(recording, tmp_path, capsys):
    path, _ = recording
    data = path.read_bytes()
    cut = tmp_path / "cut.mcap"
    compared = []
    for share in (0.95, 0.7, 0.5):
        cut.write_bytes(data[: int(len(data) * share)])
        outcome = replay_drive(read_drive(cut))
        assert outcome.same
        compared.append(outcome.compared)
    assert outcome.recorded is None
    assert compared[0] >= compared[1] >= compared[2]
    assert main(["replay", str(cut)]) == 0
    out = capsys.readouterr().out
    assert "trouble: " in out
    assert "all the same" in out


def test_a_scenario_that_has_changed_is_told(tmp_path):
    needs_own_models()
    rig, path = write_rig(tmp_path, ALL, seconds=0.3), tmp_path / "d.mcap"
    replay_scenario(read_rig(rig), title="t", drive_path=path)
    assert replay_drive(read_drive(path)).same
    scenario = tmp_path / "scenario.toml"
    scenario.write_text(scenario.read_text() + "\n")
    with pytest.raises(DriveError, match=r"scenario.*has changed"):
        replay_drive(read_drive(path), raw=True)
    scenario.unlink()
    with pytest.raises(DriveError, match="not there any more"):
        replay_drive(read_drive(path), raw=True)
    assert replay_drive(read_drive(path)).same  # the recorded messages need neither


def test_a_scenario_has_no_real_devices(tmp_path, capsys):
    scenario = write_rig(tmp_path).parent / "scenario.toml"
    config = str(cfg.shipped("configs/desktop.toml"))
    assert main(["replay", "--scenario", str(scenario), "--config", config]) == 2
    err = capsys.readouterr().err
    assert "can can0 (socketcan)" in err
    assert "v2x (udp_multicast)" in err


# ------------------------------------------------ files of others


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A CAN log of the simulated car as candump writes it, and a video."""
    folder = tmp_path_factory.mktemp("files")
    path = folder / "d.mcap"
    replay_scenario(read_rig(write_rig(folder, CAN)), title="t", drive_path=path)
    from edge.can.frames import Frames

    lines = []
    for _, raw in read_drive(path).raw("can/can0"):
        frames = Frames.from_bytes(raw)
        for i in range(len(frames)):
            data = frames.data[i, : frames.length[i]].tobytes().hex().upper()
            lines.append(f"({1700000000 + frames.t_ns[i] / 1e9:.6f}) can0 {frames.id[i]:03X}#{data}")
    (folder / "car.log").write_text("\n".join(lines) + "\n")
    movie(folder / "cabin.avi", noise(20))
    return folder


def replay(capsys, *arguments):
    code = main(["replay", *map(str, arguments)])
    found = capsys.readouterr()
    assert "Traceback" not in found.err
    return code, found.out, found.err


def test_a_log_and_its_dbc_give_the_speed_of_the_car(files, tmp_path, capsys):
    out_path = tmp_path / "d.mcap"
    code, out, err = replay(
        capsys, "--can", files / "car.log", "--dbc", DBC, "--drive-out", out_path, "--json"
    )
    assert (code, err) == (0, "")
    said = json.loads(out)
    assert any("simulated" in note for note in said["notes"])
    cars = list(read_drive(out_path).messages(OwnCar))
    speeds = [car.speed_mps for car in cars if car.speed_mps is not None]
    assert np.median(speeds) == pytest.approx(60 / 3.6, abs=0.1)
    code, out, err = replay(capsys, out_path, "--from", "raw")
    assert (code, err) == (0, "")
    assert ", 0 differ" in out


@pytest.mark.parametrize("offset", [1.5, -1.5])
def test_a_log_may_begin_after_or_before_the_video(files, tmp_path, capsys, offset):
    needs_own_models()
    path = tmp_path / "d.mcap"
    code, _, err = replay(
        capsys, "--can", files / "car.log", "--dbc", DBC, "--video-driver", files / "cabin.avi",
        "--models-driver", "icv-driver", "--can-offset", offset, "--drive-out", path,
    )  # fmt: skip
    assert (code, err) == (0, "")
    drive = read_drive(path)
    signals = next(drive.messages(Signals)).stamps_ns[0]
    view = next(drive.messages(DriverView)).taken_ns
    assert (signals - view) / 1e9 == pytest.approx(offset, abs=0.011)
    assert min(signals, view) == pytest.approx(0, abs=11e6)
    code, out, err = replay(capsys, path, "--from", "raw")
    assert (code, err) == (0, "")
    assert "20 DriverView, 0 differ" in out


def test_positions_that_begin_before_the_log_are_recorded_too(files, tmp_path, capsys):
    csv = tmp_path / "way.csv"
    rows = [f"{1700000000 - 3 + n},31.0,{121.0 + n / 1e4}" for n in range(6)]
    csv.write_text("t_unix_s,latitude_deg,longitude_deg\n" + "\n".join(rows) + "\n")
    path = tmp_path / "d.mcap"
    code, _, err = replay(
        capsys, "--can", files / "car.log", "--dbc", DBC, "--gnss", csv, "--drive-out", path
    )
    assert (code, err) == (0, "")
    drive = read_drive(path)
    assert [p.t_ns / 1e9 for p in drive.messages(Position)] == pytest.approx([-3, -2, -1, 0, 1, 2])
    assert replay_drive(drive).same


def test_garbage_lines_in_a_log_are_counted_and_the_drive_goes_on(files, tmp_path, capsys):
    lines = (files / "car.log").read_text().splitlines()
    lines[50:50] = ["(17000000", "no frame at all", "(1700000000.5) can0 ZZZ#00"]
    log = tmp_path / "bad.log"
    log.write_text("\n".join(lines) + "\n")
    code, out, _ = replay(capsys, "--can", log, "--dbc", DBC, "--json")
    assert code == 0
    (loss,) = json.loads(out)["losses"]
    assert loss["count"] == 3
    assert "unreadable" in loss["reason"]


def test_a_video_that_ends_early_is_told_and_the_rest_goes_on(files, tmp_path, capsys):
    needs_own_models()
    data = (files / "cabin.avi").read_bytes()
    cut = tmp_path / "cut.avi"
    movie(tmp_path / "long.avi", noise(60))
    data = (tmp_path / "long.avi").read_bytes()
    cut.write_bytes(data[: len(data) // 3])
    code, out, _ = replay(
        capsys, "--video-driver", cut, "--models-driver", "icv-driver", "--can", files / "car.log",
        "--dbc", DBC, "--json",
    )  # fmt: skip
    said = json.loads(out)
    assert code == 0
    told = [t["detail"] for t in said["troubles"] if t["source"] == "camera:driver"]
    assert told
    assert "ends early" in told[0] or "ended" in told[0]
    assert 5 < said["inputs"]["DriverView"] < 40
    assert said["duration_s"] >= 1.9  # to the end of the log


def test_a_video_whose_length_nobody_knows_is_read_to_its_end(files, tmp_path, capsys, monkeypatch):
    """Raw streams (.h264, .mjpeg) say no length, and some containers a wrong one."""
    needs_own_models()
    from edge.vision.cameras.files import FileCamera

    begin = FileCamera.__init__

    def unknown(self, camera, clock):
        begin(self, camera, clock)
        self.length = 0

    monkeypatch.setattr(FileCamera, "__init__", unknown)
    code, out, _ = replay(
        capsys, "--video-driver", files / "cabin.avi", "--models-driver", "icv-driver", "--json"
    )
    assert code == 0
    assert json.loads(out)["inputs"]["DriverView"] == 20


WRONG = {
    "no video": ("--video-driver", "{bad}", "--models-driver", "icv-driver"),
    "no such video": ("--video-driver", "{tmp}/nosuch.mp4", "--models-driver", "icv-driver"),
    "no such log": ("--can", "{tmp}/nosuch.log", "--dbc", "{dbc}"),
    "no log": ("--can", "{binary}", "--dbc", "{dbc}"),
    "no such dbc": ("--can", "{log}", "--dbc", "{tmp}/nosuch.dbc"),
    "no dbc": ("--can", "{log}", "--dbc", "{bad}"),
    "a dbc that fits no vehicle": ("--can", "{log}", "--dbc", "{other_dbc}"),
    "no dbc given": ("--can", "{log}"),
    "no such vehicle": ("--can", "{log}", "--dbc", "{dbc}", "--vehicle", "{tmp}/nosuch.toml"),
    "a vehicle that is none": ("--can", "{log}", "--dbc", "{dbc}", "--vehicle", "{bad}"),
    "an unknown model": ("--video-driver", "{video}", "--models-driver", "nosuch"),
    "a model for the other camera": ("--video-driver", "{video}", "--models-driver", "icv-road"),
    "a model that is not there": (
        "--video-driver", "{video}", "--models-driver", "yunet_n_320_320", "--models-dir", "{tmp}",
    ),
    "a model of the wrong hash": (
        "--video-driver", "{video}", "--models-driver", "yunet_n_320_320", "--models-dir", "{wrong}",
    ),
    "no such recording": ("{tmp}/nosuch.mcap",),
    "no recording": ("{bad}",),
    "no such scenario": ("--scenario", "{tmp}/nosuch.toml"),
    "a scenario that is none": ("--scenario", "{bad}"),
    "no such positions": ("--gnss", "{tmp}/nosuch.nmea"),
    "positions that are none": ("--gnss", "{binary}"),
    "nothing": (),
    "two things": ("--scenario", "x.toml", "--can", "{log}"),
    "an argument that says nothing": ("{bad}", "--drive-out", "x.mcap"),
    "raw of files": ("--can", "{log}", "--dbc", "{dbc}", "--from", "raw"),
    "no film by that ending": ("--can", "{log}", "--dbc", "{dbc}", "--save-video", "{tmp}/x.xyz"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_used_is_told_in_one_line_with_status_2_and_leaves_no_recording(
    case, files, tmp_path, capsys
):
    bad = tmp_path / "bad.txt"
    bad.write_text("this is neither\na video nor a log\n")
    binary = tmp_path / "bad.bin"
    binary.write_bytes(bytes(range(256)) * 20)
    other = tmp_path / "other.dbc"
    other.write_text('VERSION ""\nBU_: X\nBO_ 1 OTHER: 8 X\n SG_ THING : 0|8@1+ (1,0) [0|255] "" X\n')
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    (wrong / "yunet_n_320_320.onnx").write_bytes(b"not the file")
    names = {
        "bad": bad, "binary": binary, "tmp": tmp_path, "wrong": wrong, "dbc": DBC, "other_dbc": other,
        "log": files / "car.log", "video": files / "cabin.avi",
    }  # fmt: skip
    arguments = [argument.format(**names) for argument in WRONG[case]]
    if "recording" not in case and "argument" not in case:
        arguments += ["--drive-out", str(tmp_path / "out.mcap")]
    code, _, err = replay(capsys, *arguments)
    assert code == 2, err
    assert err.startswith("icv replay: ")
    assert len(err) > 40
    for name in ("nosuch", "bad."):
        if any(name in argument for argument in arguments) and "drive_out" not in arguments:
            assert name in err or case == "an argument that says nothing"
    assert not (tmp_path / "out.mcap").exists()


def test_an_unknown_key_of_a_config_names_the_nearest(tmp_path, capsys):
    rig = write_rig(tmp_path, top="[rules.headway]\nheadway_seconds = 2.0\n")
    for arguments in (
        ["run", "--config", str(rig)],
        ["replay", "--scenario", str(tmp_path / "scenario.toml"), "--config", str(rig)],
    ):
        assert main(arguments) == 2
        err = capsys.readouterr().err
        assert "headway_seconds" in err
        assert "headway_s" in err
        assert str(rig) in err


def test_a_recording_that_is_already_there_is_not_overwritten(files, tmp_path, capsys):
    path = tmp_path / "mine.mcap"
    path.write_bytes(b"precious")
    code, _, err = replay(capsys, "--can", files / "car.log", "--dbc", DBC, "--drive-out", path)
    assert code == 2
    assert "exists already" in err
    assert path.read_bytes() == b"precious"


def test_a_core_that_falls_silent_is_found_out_in_a_recording_without_a_digest(
    recording, tmp_path, monkeypatch
):
    from edge.core.core import Core

    path, _ = recording
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size * 7 // 10])
    assert read_drive(cut).digest is None
    assert replay_drive(read_drive(cut)).compared > 0
    monkeypatch.setattr(Core, "step", lambda self, message: ())
    outcome = replay_drive(read_drive(cut))
    assert not outcome.same
    assert "now nothing" in outcome.first_difference


def test_a_provider_that_is_not_used_is_said_in_a_replay_too(tmp_path, capsys):
    rig = (cfg.shipped("configs/demo.toml")).read_text()
    folder = cfg.shipped("configs")
    for name in ("vehicles/", "cameras/", "scenarios/"):
        rig = rig.replace(f'"{name}', f'"{folder}/{name}')
    path = tmp_path / "rig.toml"
    providers = 'providers = ["CUDAExecutionProvider", "CPUExecutionProvider"]'
    path.write_text(rig.replace("[perception]", f"[perception]\n{providers}"))
    scenario = tmp_path / "short.toml"
    scenario.write_text('title = "t"\nduration_s = 0.3\n[road]\npieces = [{ length_m = 300.0 }]\n')
    assert main(["replay", "--scenario", str(scenario), "--config", str(path), "--json"]) == 0
    troubles = json.loads(capsys.readouterr().out)["troubles"]
    for camera in ("camera:road", "camera:driver"):
        assert any(t["source"] == camera and "CUDAExecutionProvider" in t["detail"] for t in troubles)
