"""`icv dbc check` and `icv dbc show`."""

import json

import pytest

from edge.cli.main import main
from edge.config import shipped

SIMULATED = str(shipped("configs/vehicles/simulated.dbc"))
TEXT = """BU_: ECU
BO_ 416 A: 3 ECU
 SG_ MODE M : 0|2@1+ (1,0) [0|3] "" ECU
 SG_ SPEED m1 : 15|12@0- (0.5,-4) [0|9999] "km/h" ECU
 SG_ FAR : 40|8@1+ (1,0) [0|0] "" ECU
BO_ 2566844926 CCVS: 8 Vector__XXX
 SG_ RATIO : 0|32@1- (1,0) [0|0] "" ECU
CM_ BO_ 416 "what it
is";
BA_DEF_ BO_ "GenMsgCycleTime" INT 0 9;
BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","reserved","J1939PG";
BA_ "GenMsgCycleTime" BO_ 416 20;
BA_ "VFrameFormat" BO_ 2566844926 3;
SIG_VALTYPE_ 2566844926 RATIO : 1;
VAL_ 416 MODE 0 "off" 1 "on" ;
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "x.dbc"
    path.write_text(TEXT)
    return str(path)


def test_check_tells_errors_and_warnings_by_line(file, capsys):
    assert main(["dbc", "check", file]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out == [
        f"{file}:4: warning: signal SPEED: [0|9999] is beyond what 12 bits hold, [-1028|1019.5]",
        f"{file}:5: error: signal FAR: beyond the 3 bytes of A",
        f"{file}: 2 messages, 4 signals, ASCII: 1 error, 1 warning",
    ]


def test_check_of_sound_files_is_0_and_of_no_dbc_2(file, tmp_path, capsys):
    assert main(["dbc", "check", SIMULATED]) == 0
    assert "0 errors, 0 warnings" in capsys.readouterr().out
    page = tmp_path / "page.dbc"
    page.write_text("<html></html>")
    assert main(["dbc", "check", str(page), SIMULATED]) == 2
    found = capsys.readouterr()
    assert "HTML page" in found.err
    assert SIMULATED in found.out  # the others are looked at all the same


def test_check_json(file, capsys):
    assert main(["dbc", "check", "--json", file, file + "x"]) == 2
    first, second = json.loads(capsys.readouterr().out)
    assert (first["encoding"], first["messages"], first["signals"]) == ("ASCII", 2, 4)
    assert (first["errors"], first["warnings"]) == (1, 1)
    assert [defect["line"] for defect in first["defects"]] == [4, 5]
    assert "cannot be read" in second["error"]


def test_show_all(file, capsys):
    assert main(["dbc", "show", file]) == 0
    out = capsys.readouterr().out
    assert "0x1A0 A: 3 bytes, every 20 ms, from ECU\n  what it is\n" in out
    assert "0x18FEF1FE CCVS: 8 bytes, PGN 65265\n" in out
    rows = {row.split()[0]: " ".join(row.split()) for row in out.splitlines() if row.startswith("  ")}
    assert rows["SPEED"] == "SPEED 15|12@0- raw * 0.5 - 4 0 to 9999 km/h MODE = 1"
    assert rows["MODE"] == "MODE 0|2@1+ raw 0 to 3 chooses 0 off, 1 on"
    assert rows["RATIO"] == "RATIO 0|32@1- float32 raw"


@pytest.mark.parametrize("name", ["A", "0x1A0", "416"])
def test_show_one_draws_its_bits(name, file, capsys):
    assert main(["dbc", "show", file, name]) == 0
    out = capsys.readouterr().out
    assert "CCVS" not in out
    picture = [" ".join(row.split()) for row in out.splitlines()][-9:]
    assert picture == [
        "byte 7 6 5 4 3 2 1 0", "0 . . . . . . a a", "1 b b b b b b b b", "2 b b b b . . . .",
        "3-4 . . . . . . . . beyond the message", "5 c c c c c c c c beyond the message",
        "a MODE", "b SPEED", "c FAR",
    ]  # fmt: skip


def test_show_json(file, capsys):
    assert main(["dbc", "show", "--json", file, "A", "CCVS"]) == 0
    a, ccvs = json.loads(capsys.readouterr().out)
    assert (a["id"], a["extended"], a["cycle_ms"], a["pgn"]) == (416, False, 20, None)
    assert (ccvs["id"], ccvs["extended"], ccvs["pgn"]) == (0x18FEF1FE, True, 65265)
    assert a["signals"][1]["chosen_by"] == ["MODE", [[1, 1]]]
    assert a["signals"][0]["choices"] == {"0": "off", "1": "on"}


def test_show_of_an_unknown_message_is_2(file, capsys):
    assert main(["dbc", "show", file, "NONE"]) == 2
    assert "no message NONE" in capsys.readouterr().err
