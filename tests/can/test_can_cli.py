"""`icv can decode`, `plot`, `convert`, as a person types them."""

import csv
import json
import os
from pathlib import Path

import cantools
import cv2
import pytest
from mcap.reader import make_reader

from edge.can.dbc import read_dbc
from edge.can.encode import Encoder
from edge.can.frames import EXTENDED, frames
from edge.can.logs.reader import read_log
from edge.can.logs.writer import write_log
from edge.cli.main import main
from edge.config import shipped

DBC = shipped("configs/vehicles/simulated.dbc")
COUNT = 200


@pytest.fixture
def log(tmp_path):
    """SPEED every 10 ms on can0, BODY on can1, and an id that nobody defines."""
    encoder = Encoder(read_dbc(DBC))
    rows = []
    for i in range(COUNT):
        key, data = encoder.encode("SPEED", {"SPEED": i % 100})
        rows.append((i * 10_000_000, key, 0, 0, data))
        key, data = encoder.encode("BODY", {"GEAR": i % 4})
        rows.append((i * 10_000_000 + 1000, key, 0, 1, data))
        rows.append((i * 10_000_000 + 2000, 0x7AB, 0, 1, b"\1"))
    path = tmp_path / "drive.log"
    write_log(path, [frames(*zip(*rows, strict=True))], ["can0", "can1"])
    return path


def decoded(log):
    """What cantools makes of it: (t_ns, bus, message, signal, value, text)."""
    database = cantools.database.load_file(DBC)
    rows = []
    read = read_log(log)
    for batch in read:
        for i in range(len(batch)):
            if batch.id[i] == 0x7AB:
                continue
            message = database.get_message_by_frame_id(int(batch.id[i]))
            numbers = message.decode(batch.payload(i), decode_choices=False)
            texts = message.decode(batch.payload(i))
            for signal in message.signals:
                text = texts[signal.name]
                rows.append((
                    int(batch.t_ns[i]), read.buses[batch.bus[i]], message.name, signal.name,
                    float(numbers[signal.name]), None if isinstance(text, (int, float)) else str(text),
                ))  # fmt: skip
    return rows


def test_parquet_holds_what_cantools_decodes(log, tmp_path, capsys):
    parquet = pytest.importorskip("pyarrow.parquet")
    out = tmp_path / "out.parquet"
    assert main(["can", "decode", str(log), "--dbc", str(DBC), "-o", str(out), "--json"]) == 0
    table = parquet.read_table(out)
    assert table.column_names == ["t_ns", "bus", "message", "signal", "value", "text"]
    expected = decoded(log)
    assert sorted(zip(*table.to_pydict().values(), strict=True), key=repr) == sorted(expected, key=repr)
    times = table["t_ns"].to_pylist()
    assert times == sorted(times)
    said = json.loads(capsys.readouterr().out)
    assert (said["frames"], said["frames_defined"], said["values"]) == (3 * COUNT, 2 * COUNT, len(expected))
    assert said["undefined"] == {"can1 7AB": COUNT}


def test_csv_holds_what_cantools_decodes(log, tmp_path):
    out = tmp_path / "out.csv"
    assert main(["can", "decode", str(log), "--dbc", str(DBC), "-o", str(out)]) == 0
    with out.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["t_ns", "bus", "message", "signal", "value", "text"]
    found = [
        (int(t), bus, message, signal, float(v), text or None) for t, bus, message, signal, v, text in rows
    ]
    assert sorted(found, key=repr) == sorted(decoded(log), key=repr)


def test_mcap_holds_a_message_per_frame(log, tmp_path):
    out = tmp_path / "out.mcap"
    assert main(["can", "decode", str(log), "--dbc", str(DBC), "-o", str(out)]) == 0
    expected: dict = {}
    for t_ns, bus, message, signal, value, text in decoded(log):
        expected.setdefault((t_ns, f"{bus}/{message}"), {})[signal] = text or value
    with out.open("rb") as file:
        found = {
            (message.log_time, channel.topic): json.loads(message.data)
            for _, channel, message in make_reader(file).iter_messages()
        }
    assert found == expected


def test_only_the_signals_asked_for(log, tmp_path):
    out = tmp_path / "out.csv"
    arguments = ["can", "decode", str(log), "--dbc", str(DBC), "-o", str(out), "--signals", "SPEED.SPEED"]
    assert main(arguments) == 0
    assert {line.split(",")[3] for line in out.read_text().splitlines()[1:]} == {"SPEED"}


def test_a_database_of_one_bus_is_for_that_bus(log, tmp_path, capsys):
    out = tmp_path / "out.csv"
    assert main(["can", "decode", str(log), "--dbc", f"can1={DBC}", "-o", str(out)]) == 0
    assert {line.split(",")[1] for line in out.read_text().splitlines()[1:]} == {"can1"}
    assert main(["can", "decode", str(log), "--dbc", f"can9={DBC}", "-o", str(out)]) == 1
    assert "no frame of this log is defined" in capsys.readouterr().out


def test_a_bad_line_is_told_and_costs_only_itself(log, tmp_path, capsys):
    log.write_text(log.read_text() + "rubbish\n(9.0) can0 0B4#00\n")
    out = tmp_path / "out.csv"
    assert main(["can", "decode", str(log), "--dbc", str(DBC), "-o", str(out)]) == 1
    assert f"{log}:{3 * COUNT + 1}: not a candump line: 'rubbish'" in capsys.readouterr().out
    assert out.read_text().splitlines()[-1].startswith("9000000000,can0,SPEED,")


def test_plot(log, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    out = tmp_path / "out.png"
    asked = ["SPEED.SPEED", "GEAR"]
    assert main(["can", "plot", str(log), "--dbc", str(DBC), *asked, "-o", str(out)]) == 0
    assert "SPEED.SPEED: 200 values" in capsys.readouterr().out
    picture = cv2.imread(str(out))
    assert picture.shape[1] > 1000
    assert len({tuple(pixel) for pixel in picture.reshape(-1, 3)[::7].tolist()}) > 10  # it is not blank


@pytest.mark.parametrize(
    ("asked", "words"),
    [("SPEEDD", "did you mean SPEED"), ("COUNTER", "in several messages"), ("Xyzzy", "icv dbc show")],
)
def test_a_signal_that_is_not_there_is_said(log, asked, words, capsys):
    assert main(["can", "plot", str(log), "--dbc", str(DBC), asked]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".log", ".log.gz", ".csv", ".asc", ".blf", ".trc", ".pcapng", ".log.zst"])
def test_convert_there_and_back(log, tmp_path, suffix):
    there, back = tmp_path / f"there{suffix}", tmp_path / "back.log"
    assert main(["can", "convert", str(log), "-o", str(there)]) == 0
    assert main(["can", "convert", str(there), "-o", str(back)]) == 0

    def content(path):
        return [line.split(" ", 1)[1] for line in path.read_text().splitlines()]

    assert content(back) == content(log)


@pytest.mark.parametrize(
    ("verb", "suffix"), [("convert", ".log"), ("decode", ".csv"), ("decode", ".mcap"), ("vss", ".csv")]
)
def test_a_log_is_not_written_onto_itself(log, tmp_path, verb, suffix, capsys):
    source, link = tmp_path / f"source{suffix}", tmp_path / f"link{suffix}"
    assert verb == "convert" or main(["can", "convert", str(log), "-o", str(source)]) == 0
    source = log if verb == "convert" else source
    link.symlink_to(source)
    before = source.read_bytes()
    options = [] if verb == "convert" else ["--dbc", str(DBC)]
    options += ["--vss", str(shipped("configs/vehicles/simulated.vss.json"))] if verb == "vss" else []
    verb = "decode" if verb == "vss" else verb
    for output in source, link:
        assert main(["can", verb, str(source), *options, "-o", str(output)]) == 2
        assert "give the new file another name" in capsys.readouterr().err
    assert source.read_bytes() == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("suffix", [".csv", ".mcap", ".parquet"])
def test_a_full_disk_is_said(log, tmp_path, suffix, capsys):
    full = tmp_path / f"full{suffix}"
    full.symlink_to("/dev/full")
    assert main(["can", "decode", str(log), "--dbc", str(DBC), "-o", str(full)]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_pipe_is_said(tmp_path, capsys):
    pipe = tmp_path / "x.log"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDWR)
    assert main(["can", "info", str(pipe)]) == 2
    os.close(end)
    assert "it is a pipe" in capsys.readouterr().err


def test_a_picture_without_an_ending_is_named_as_it_is(log, tmp_path, capsys):
    out = tmp_path / "speed"
    assert main(["can", "plot", str(log), "--dbc", str(DBC), "SPEED", "-o", str(out)]) == 0
    assert out.with_suffix(".png").exists()
    assert f"{out}.png:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["decode", "{log}", "--dbc", "{dbc}", "-o", "x.xlsx"], "end its name in"),
        (["decode", "{log}", "--dbc", "{log}", "-o", "x.csv"], "not a DBC file"),
        (["decode", "{dbc}", "--dbc", "{dbc}", "-o", "x.csv"], "not a CAN log"),
        (["decode", "{log}", "--dbc", "{dbc}", "-o", "none/x.csv"], "cannot be written"),
        (["decode", "{log}", "--dbc", "{dbc}", "-o", "x.csv", "--signals", "SPED"], "did you mean SPEED"),
        (["convert", "{log}", "-o", "x.docx"], "cannot write that"),
        (["convert", "{log}", "-o", "none/x.asc"], "cannot be written"),
    ],
)
def test_what_cannot_be_used_is_said(log, arguments, words, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["can", *(a.format(log=log, dbc=DBC) for a in arguments)]) == 2
    assert words in capsys.readouterr().err


def test_vss_paths_by_an_overlay(log, tmp_path, capsys):
    out = tmp_path / "out.csv"
    overlay = shipped("configs/vehicles/simulated.vss.json")
    arguments = ["can", "decode", str(log), "--dbc", str(DBC), "--vss", str(overlay), "-o", str(out)]
    assert main(arguments) == 1  # the log has no message for most leaves
    assert "Vehicle.Speed: 20" in capsys.readouterr().out  # every 100 ms of 2 s
    with out.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["t_ns", "path", "value"]
    speeds = [(int(t_ns), float(value)) for t_ns, path, value in rows if path == "Vehicle.Speed"]
    assert speeds == [(i * 10_000_000, i % 100) for i in range(0, COUNT, 10)]
    assert main([*arguments[:-1], "x.parquet"]) == 2
    assert "as CSV" in capsys.readouterr().err


J1939_DBC = """VERSION ""
BU_: ECU
BO_ 2565865726 LONG: 20 ECU
 SG_ Mode : 0|8@1+ (1,0) [0|250] "" X
 SG_ Total : 72|32@1+ (0.5,0) [0|2105540607.5] "L" X
 SG_ Last : 152|8@1+ (1,-40) [-40|210] "degC" X
BA_DEF_ "ProtocolType" STRING ;
BA_DEF_DEF_ "ProtocolType" "";
BA_ "ProtocolType" "J1939";
BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","reserved","J1939PG";
BA_DEF_DEF_ "VFrameFormat" "J1939PG";
VAL_ 2565865726 Mode 0 "off" 3 "on" ;
"""


def test_a_j1939_message_of_several_frames_is_decoded(tmp_path, capsys):
    """BAM as SAE J1939-21 5.10.3.5 has it: 20, size (2 bytes), packets, 255, PGN (3 bytes)."""
    dbc, log, out = tmp_path / "j1939.dbc", tmp_path / "truck.log", tmp_path / "out.csv"
    dbc.write_text(J1939_DBC)
    content = bytes([3]) + bytes(8) + (1234).to_bytes(4, "little") + bytes(6) + bytes([100])
    pgn = (2565865726 >> 8 & 0x3FFFF).to_bytes(3, "little")
    rows = [(0, 0x1CECFF21, bytes([32, 20, 0, 3, 255]) + pgn)]
    for number in range(3):
        part = content[7 * number : 7 * number + 7].ljust(7, b"\xff")
        rows.append((50_000_000 * (number + 1), 0x1CEBFF21, bytes([number + 1]) + part))
    rows.append((400_000_000, 0x1CECFF21, bytes([32, 20, 0, 3, 255]) + pgn))  # begun, never completed
    rows.append((2_000_000_000, 0x1CECFF21, bytes([32, 20, 0, 3, 255]) + pgn))
    times, ids, payloads = zip(*rows, strict=True)
    batch = frames(times, ids, [EXTENDED] * len(rows), [0] * len(rows), payloads)
    write_log(log, [batch], ["can0"])
    assert main(["can", "decode", str(log), "--dbc", str(dbc), "-o", str(out)]) == 0
    judged = cantools.database.load_file(dbc).get_message_by_name("LONG").decode(content)
    with out.open(newline="") as file:
        _, *found = csv.reader(file)
    assert [(row[0], row[3]) for row in found] == [("150000000", n) for n in ("Mode", "Total", "Last")]
    assert {row[3]: row[5] or float(row[4]) for row in found} == {
        name: str(value) if name == "Mode" else value for name, value in judged.items()
    }
    assert "incomplete" in capsys.readouterr().out
    assert main(["can", "decode", str(log), "--dbc", str(dbc), "-o", str(tmp_path / "out.mcap")]) == 0
    with (tmp_path / "out.mcap").open("rb") as file:
        ((_, channel, message),) = make_reader(file).iter_messages()
    assert channel.topic == "can0/LONG"
    assert json.loads(message.data) == {"Mode": "on", "Total": 617.0, "Last": 60.0}
