"""Questions to an ECU on a real bus: `icv run` asks, can-isotp's stack on python-can's socket answers.

On a machine without SocketCAN: hil_tests/with-vcan python -m pytest hil_tests/test_diagnostics.py
"""

import json
import os
import socket
import subprocess
import sys

import pytest

from edge import config as cfg

pytest.importorskip("isotp")
pytestmark = pytest.mark.skipif(
    not hasattr(socket, "AF_CAN") or not os.path.exists("/sys/class/net/vcan0"),
    reason="no vcan0: run it by hil_tests/with-vcan",
)

ECU = """
import time, can, isotp
bus = can.Bus("vcan0", interface="socketcan")
asked = can.Bus("vcan0", interface="socketcan", can_filters=[{"can_id": 0x7DF, "can_mask": 0x7FF}])
address = isotp.Address(isotp.AddressingMode.Normal_11bits, txid=0x7E8, rxid=0x7E0)
stack = isotp.CanStack(bus, address=address, params={"tx_padding": 0})
next_beat, pending = 0.0, None
print("ready", flush=True)
while True:
    now = time.monotonic()
    if BEAT and now >= next_beat:  # what a car's bus is full of, and shows that it is awake
        next_beat = now + 0.1
        bus.send(can.Message(arbitration_id=0x3D1, data=bytes(8), is_extended_id=False))
    stack.process(0.002)
    told = asked.recv(0)
    data = bytes(told.data[1 : 1 + told.data[0]]) if told else stack.recv() if stack.available() else None
    if pending and now >= pending[0]:
        stack.send(pending[1])
        pending = None
    if data == b"\\x01\\x0c":
        stack.send(bytes.fromhex("410C1AF8"))
    elif data == b"\\x22\\xf1\\x90":
        stack.send(b"\\x62\\xf1\\x90WVWZZZ1JZ3W386752")
    elif data == b"\\x19\\x02\\x08":
        stack.send(bytes.fromhex("7F1978"))
        pending = (now + 0.5, bytes.fromhex("5902FF0420002F"))
    elif data is not None:
        stack.send(bytes([0x7F, data[0], 0x31]))
"""

WITNESS = """
import can
bus = can.Bus("vcan0", interface="socketcan")
print("ready", flush=True)
for m in bus:
    if m.arbitration_id > 0x6FF:
        print(f"{m.arbitration_id:X} {m.data.hex()}", flush=True)
"""

QUESTIONS = """
[[diagnostics]]
name = "rpm"
bus = "can0"
service = 0x01
identifier = 0x0C
period_s = 0.5

[[diagnostics]]
name = "vin"
bus = "can0"
service = 0x22
identifier = 0xF190
request_id = 0x7E0

[[diagnostics]]
name = "codes"
bus = "can0"
service = 0x19
identifier = 0x08
request_id = 0x7E0

[[diagnostics]]
name = "unknown"
bus = "can0"
service = 0x22
identifier = 0x0007
request_id = 0x7E0

[[diagnostics]]
name = "write"
bus = "can0"
service = 0x2E
identifier = 0xF190
request_id = 0x7E0
"""


def drive(tmp_path, gate, *, beat=True, seconds=5):
    """What `icv run --json` says, and every frame of a diagnostic id that a witness saw meanwhile."""
    vehicle = cfg.shipped("configs/vehicles/simulated.toml")
    rig = tmp_path / "rig.toml"
    head = f'name = "t"\nvehicle = "{vehicle}"\n[[can]]\nname = "can0"\nchannel = "vcan0"\n'
    rig.write_text(f"{head}{QUESTIONS}[rules.gate]\n{gate}\n")
    ecu = subprocess.Popen([sys.executable, "-c", f"BEAT = {beat}\n{ECU}"], stdout=subprocess.PIPE, text=True)
    witness = subprocess.Popen([sys.executable, "-c", WITNESS], stdout=subprocess.PIPE, text=True)
    run = [sys.executable, "-m", "edge.cli.main", "run", "--config", str(rig), "--seconds", str(seconds),
           "--drive", str(tmp_path / "drive.mcap"), "--json"]  # fmt: skip
    try:
        assert [ecu.stdout.readline(), witness.stdout.readline()] == ["ready\n"] * 2
        said = json.loads(subprocess.run(run, check=True, stdout=subprocess.PIPE).stdout)
    finally:
        for process in (ecu, witness):
            process.terminate()
    ecu.communicate()
    frames = witness.communicate()[0].splitlines()
    return said, frames


def test_an_ecu_is_asked_and_its_answers_are_recorded(tmp_path):
    said, frames = drive(tmp_path, "diagnostics = true\ndry_run = false", seconds=9)
    answers = {answer["name"]: answer for answer in said["answers"]}
    assert (answers["rpm"]["value"], answers["rpm"]["unit"], answers["rpm"]["source"]) == (
        1726.0,
        "rpm",
        "7E8",
    )
    assert bytes.fromhex(answers["vin"]["text"]) == b"WVWZZZ1JZ3W386752"
    assert (answers["codes"]["value"], answers["codes"]["text"].split()[0]) == (1.0, "P0420")
    assert answers["unknown"]["reason"] == "request out of range"
    assert "write" not in answers
    assert not [frame for frame in frames if frame.startswith("7E0 032e")]
    assert any(frame == "7DF 02010ccccccccccc" for frame in frames)
    again = subprocess.run(
        [sys.executable, "-m", "edge.cli.main", "replay", str(tmp_path / "drive.mcap"), "--json"],
        stdout=subprocess.PIPE,
    )
    assert json.loads(again.stdout)["same"]


@pytest.mark.parametrize("gate", ["", "diagnostics = true", "dry_run = false"])
def test_it_is_silent_unless_both_switches_are_on(tmp_path, gate):
    _, frames = drive(tmp_path, gate)
    assert frames == []


def test_a_sleeping_bus_is_not_woken(tmp_path):
    said, frames = drive(tmp_path, "diagnostics = true\ndry_run = false", beat=False)
    assert frames == []
    assert said["answers"] == []
