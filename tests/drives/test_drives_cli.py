"""`icv drive`, as one calls it."""

from __future__ import annotations

import json
import re

import pytest

from edge.can.frames import BRS, ERROR, EXTENDED, FD, REMOTE, frames
from edge.cli.main import main
from edge.drives.header import DriveHeader
from edge.drives.reader import read_drive
from edge.drives.writer import DriveWriter
from edge.messages import Gap, Signals, Tick, Warning

SECOND = 1_000_000_000


@pytest.fixture
def drive(tmp_path):
    path = tmp_path / "a.mcap"
    header = DriveHeader(title="motorway", simulated=True, core_config="{}", config_sha256="ab" * 32)
    with DriveWriter(path, header) as writer:
        for number in range(30):
            t_ns = 100 * SECOND + number * SECOND // 10
            writer.accept(Tick(t_ns=t_ns, number=number))
        writer.accept(Signals(t_ns=t_ns, bus="can0", names=("speed_mps",), values=(20.0,), stamps_ns=(t_ns,)))
        writer.accept(Gap(t_ns=t_ns, source="camera:road", reason="model too slow", count=7))
        writer.emit(
            Warning(
                t_ns=102 * SECOND,
                name="headway",
                level="warning",
                active=True,
                since_ns=t_ns,
                cause="0.7 s behind a car",
                values={"headway_s": 0.7},
                thresholds={"headway_s": 1.0},
            )
        )
        batch = frames(
            [100 * SECOND, 101 * SECOND, 101 * SECOND, 102 * SECOND, 102 * SECOND],
            [0x123, 0x18FEF100, 0x7FF, 0x1A0, 0x88],
            [0, EXTENDED, REMOTE, FD | BRS, ERROR],
            [0] * 5,
            [b"\x11\x22", b"\xff" * 8, b"", b"\xaa" * 12, b"\x00\x04" + bytes(6)],
        )
        writer.raw("can/can0", 102 * SECOND, batch.to_bytes())
        writer.raw("can/can0", 102 * SECOND, b"garbage")
    return path


def test_info_says_what_when_and_why(drive, capsys):
    assert main(["drive", "info", str(drive)]) == 0
    text = capsys.readouterr().out
    assert text.startswith("motorway   [SIMULATION]")
    assert re.search(r"2\.00 s +warning +headway: 0\.7 s behind a car \(headway_s 0\.7\)", text)
    assert "7 of camera:road: model too slow" in text
    assert "agrees with the outputs" in text


def test_info_as_json(drive, capsys):
    assert main(["drive", "info", str(drive), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["complete"]
    assert found["digest_agrees"]
    assert found["inputs"] == 32
    assert found["messages"]["in/Tick"] == 30
    assert found["warnings"][0]["name"] == "headway"
    assert found["duration_s"] == pytest.approx(2.9)
    assert found["problems"] == []


def test_info_of_a_recording_cut_short(drive, capsys):
    data = drive.read_bytes()
    drive.write_bytes(data[: int(len(data) * 0.5)])
    assert main(["drive", "info", str(drive)]) == 0
    assert "CUT SHORT" in capsys.readouterr().out


def test_what_cannot_be_used_is_said(tmp_path, drive, capsys):
    (tmp_path / "x").write_text("hello")
    assert main(["drive", "info", str(tmp_path / "x")]) == 2
    assert "not a recording" in capsys.readouterr().err
    assert main(["drive", "info", str(tmp_path / "y")]) == 2
    assert main(["drive", "cut", str(drive), "--to", "2", "-o", str(drive)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert main(["drive", "export", str(drive), "-o", str(drive)]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_cut(tmp_path, drive, capsys):
    out = tmp_path / "b.mcap"
    assert main(["drive", "cut", str(drive), "--from", "1", "--to", "2", "-o", str(out)]) == 0
    assert [message.number for message in read_drive(out).inputs()] == list(range(10, 20))
    capsys.readouterr()
    assert main(["drive", "info", str(out)]) == 0
    assert "1 to 2 s of a.mcap" in capsys.readouterr().out


def test_export_candump_is_read_by_python_can(tmp_path, drive, capsys):
    can = pytest.importorskip("can")
    assert main(["drive", "export", str(drive), "-o", str(tmp_path / "out"), "--format", "candump"]) == 0
    assert "1 batches of raw CAN frames are damaged" in capsys.readouterr().err
    messages = list(can.CanutilsLogReader(str(tmp_path / "out" / "can.log")))
    assert [m.arbitration_id for m in messages[:4]] == [0x123, 0x18FEF100, 0x7FF, 0x1A0]
    assert [bytes(m.data) for m in messages[:4]] == [b"\x11\x22", b"\xff" * 8, b"", b"\xaa" * 12]
    assert [m.is_extended_id for m in messages[:4]] == [False, True, False, False]
    assert messages[2].is_remote_frame
    assert messages[3].is_fd
    assert messages[3].bitrate_switch
    assert messages[4].is_error_frame
    assert messages[1].timestamp == 1.0


def test_export_of_the_rest(tmp_path, drive, capsys):
    for kind in ("csv", "json", "jpeg"):
        assert main(["drive", "export", str(drive), "-o", str(tmp_path / "out"), "--format", kind]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "messages.jsonl",
        "signals.csv",
        "warnings.csv",
    ]
    assert "nothing of this kind" in capsys.readouterr().err
