"""icv v2x listen, and icv v2x peers that it hears."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from edge.cli.main import main
from edge.cli.v2x.board import Board
from edge.messages import (
    Gap,
    Health,
    Intersection,
    Intersections,
    PeerHeard,
    PerceivedObjects,
    RemoteObject,
    RoadEvent,
    RoadEvents,
    SignalPhase,
    SignalState,
    SignalStates,
)

ROOT = Path(__file__).resolve().parents[2]
S = 1_000_000_000
CAR = RemoteObject(
    kind="car", latitude_deg=31.28, longitude_deg=121.17, speed_mps=8.0, events=("hard_braking",)
)


def heard(content, t_ns, sender="77", message="CAM"):
    return PeerHeard(
        t_ns=t_ns,
        link="v2x",
        standard="etsi",
        message=message,
        sender=sender,
        counter=0,
        trust="unsigned",
        content=content,
    )


def test_a_row_for_each_station_until_it_is_silent():
    board = Board()
    assert "nobody is heard" in board.lines(0)
    for n in range(31):
        board.take(heard(CAR, n * S // 10))
    board.take(heard(PerceivedObjects(objects=(CAR, CAR)), 3 * S, message="CPM"))
    row = board.lines(3 * S + S // 2)[1]
    for part in ("77 ", "etsi", "CAM,CPM", "car", "unsigned", "31.280000", "121.170000", "8.0", " ? ", "0.5"):
        assert part in row
    assert row.endswith("HARD BRAKING, sees 2")
    assert float(row.split("HARD")[0].split()[-1]) == pytest.approx(9.0, abs=0.7)
    assert "nobody is heard" in board.lines(20 * S)
    assert board.summary() == "32 messages of 1 stations"


def test_the_roadside_below():
    board = Board(at=(31.28, 121.17))
    phase = SignalPhase(state="red_yellow", likely_end_ns=5 * S)
    board.take(heard(SignalStates(signals=(SignalState(intersection="0.7", group=2, phases=(phase,)),)), S))
    place = Intersection(id="0.7", latitude_deg=31.28, longitude_deg=121.17, name="crossing")
    board.take(heard(Intersections(intersections=(place,)), S))
    event = RoadEvent(id="a", kind="road_works", latitude_deg=31.281, longitude_deg=121.17, until_ns=61 * S)
    board.take(heard(RoadEvents(events=(event,)), S))
    board.take(Gap(t_ns=S, source="v2x", reason="forged", count=3))
    board.take(Health(t_ns=S, source="v2x", state="failed", detail="no carrier"))
    lines = board.lines(S)
    assert "intersection 0.7 crossing (0 lanes): 2 red yellow 4 s" in lines
    assert "event road works at 31.281000 121.170000, 111 m away, for 60 s more, says 77" in lines
    assert lines[-2:] == ["dropped: 3 forged", "link failed: no carrier"]
    assert not any(line.startswith("event") for line in board.lines(62 * S))


def test_a_full_table_is_cut_and_bounded():
    board = Board()
    for n in range(5000):
        board.take(heard(CAR, n, sender=str(n)))
    lines = board.lines(S, 20)
    assert len(lines) == 20
    assert lines[-1] == "... and 4078 more"


@pytest.fixture
def config(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = tmp_path / "rig.toml"
    path.write_text(
        f'name = "rig"\nvehicle = "none.toml"\n[v2x.link]\nport = {port}\n'
        "[v2x.security]\naccept_unsigned = true\n"
    )
    return path


def icv(*words):
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    program = [sys.executable, "-m", "edge.cli.main", "v2x", *map(str, words)]
    return subprocess.Popen(program, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("standard", "kinds"), [("csae53", {"BSM", "MAP", "SPAT"}), ("etsi", {"CAM", "MAPEM", "SPATEM"})]
)
def test_peers_in_one_process_are_heard_in_another(standard, kinds, config, tmp_path):
    capture = tmp_path / "heard.pcap"
    listener = icv("listen", "--config", config, "--json", "--record", capture, "--seconds", 30)
    assert json.loads(listener.stdout.readline())["state"] == "ok"
    peers = icv(
        "peers", 3, "--config", config, "--standard", standard, "--roadside", "--seconds", 1.5, "--json"
    )
    out, err = peers.communicate(timeout=60)
    listener.terminate()
    found, complaints = listener.communicate(timeout=60)
    assert (peers.returncode, err, listener.returncode, complaints) == (0, "", 0, "")
    sent = json.loads(out)
    assert sent["sent"] > 0
    assert sent["failed"] == 0
    messages = [json.loads(line) for line in found.splitlines()]
    peers_heard = [m for m in messages if m["type"] == "PeerHeard"]
    assert {m["message"] for m in peers_heard} == kinds
    assert len({m["sender"] for m in peers_heard if m["message"] in ("BSM", "CAM")}) == 3
    assert {m["standard"] for m in peers_heard} == {standard}
    assert capture.stat().st_size > 1000


def test_listen_ends_by_itself(config, capsys):
    assert main(["v2x", "listen", "--config", str(config), "--seconds", "0.05"]) == 0
    assert "0 messages of 0 stations" in capsys.readouterr().out
    assert main(["v2x", "listen", "--config", str(config), "--seconds", "0.05", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["state"] == "ok"


@pytest.mark.parametrize(
    "words",
    [
        ["listen", "--at", "here"],
        ["listen", "--config", "nosuch.toml"],
        ["listen", "--keys", "nosuch"],
        ["listen", "--record", "nosuch/file.pcap"],
        ["peers", "0"],
        ["peers", "3", "--at", "95,0"],
        ["peers", "3", "--rate", "0"],
        ["peers", "3", "--keys", "nosuch"],
        ["peers"],
    ],
)
def test_what_cannot_be_is_said(words, capsys):
    try:
        status = main(["v2x", *words])
    except SystemExit as end:
        status = end.code
    found = capsys.readouterr()
    assert (status, found.out) == (2, "")
    assert "Traceback" not in found.err
    assert found.err
