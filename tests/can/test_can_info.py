import json

import pytest

from edge.cli.main import main
from edge.config import shipped

LOG = "(1.0) can0 0B4#00\n(2.0) can0 0B4#00\n(3.0) can1 18FEF100#00\n"


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "x.log"
    path.write_text(LOG)
    return path


def test_json(log, capsys):
    assert (
        main(["can", "info", str(log), "--dbc", str(shipped("configs/vehicles/simulated.dbc")), "--json"])
        == 0
    )
    found = json.loads(capsys.readouterr().out)
    assert (found["frames"], found["duration_s"]) == (3, 2.0)
    assert {name: bus["frames"] for name, bus in found["buses"].items()} == {"can0": 2, "can1": 1}
    assert (found["frames_defined"], found["frames_undefined"]) == (2, 1)
    assert found["ids"] == [
        {
            "bus": "can0",
            "id": "0B4",
            "frames": 2,
            "rate_hz": 1.0,
            "period_ms": None,
            "missing": 0,
            "message": "SPEED",
        },
        {
            "bus": "can1",
            "id": "18FEF100",
            "frames": 1,
            "rate_hz": 0.5,
            "period_ms": None,
            "missing": 0,
            "message": None,
        },
    ]


def test_text_and_bad_lines(log, capsys):
    log.write_text(LOG + "nonsense\n")
    assert main(["can", "info", str(log)]) == 1
    text = capsys.readouterr().out
    assert "3 frames" in text
    assert f"{log}:4: not a candump line: 'nonsense'" in text


def test_a_wild_time_is_no_reason_to_wait(log, capsys):
    log.write_text("(1.0) can0 0B4#00\n(4102444800.0) can0 0B4#00\n")
    assert main(["can", "info", str(log), "--json"]) == 0
    (bus,) = json.loads(capsys.readouterr().out)["buses"].values()
    assert len(bus["load_over_time"]) == 60
    assert bus["peak_at_s"] in (0, 4102444799)


@pytest.mark.parametrize("text", ["0", "-5", "500k"])
def test_a_bit_rate_is_more_than_0(log, text, capsys):
    with pytest.raises(SystemExit):
        main(["can", "info", str(log), f"--bitrate={text}"])
    assert "no bit rate" in capsys.readouterr().err


def test_what_cannot_be_used_is_said(tmp_path, log, capsys):
    assert main(["can", "info", str(tmp_path / "none.log")]) == 2
    assert main(["can", "info", str(log), "--dbc", str(log)]) == 2
    said = capsys.readouterr().err.splitlines()
    assert "none.log: cannot be read" in said[0]
    assert "x.log: not a DBC file" in said[1]
