"""A question from the config to an ECU on a bus of python-can, and its answer in the summary."""

from __future__ import annotations

import uuid

import pytest
from rig_files import read_rig

from edge.clock import LiveClock
from edge.config import ConfigError
from edge.core.core import Core
from edge.messages import Answer, Ask, Health, Tick
from edge.runtime import devices
from edge.runtime.summary import Summary

can = pytest.importorskip("can")
isotp = pytest.importorskip("isotp")

RIG = """
name = "t"
vehicle = "configs/vehicles/simulated.toml"
[rules.gate]
diagnostics = true
dry_run = {dry_run}
[[can]]
name = "can0"
kind = "virtual"
channel = "{channel}"
[[diagnostics]]
name = "vin"
bus = "{bus}"
service = 0x22
identifier = 0xF190
request_id = 0x7E0
period_s = 100.0
"""
VIN = b"WVWZZZ1JZ3W386752"


def rig(tmp_path, channel="x", dry_run="false", bus="can0"):
    path = tmp_path / "rig.toml"
    path.write_text(RIG.format(channel=channel, dry_run=dry_run, bus=bus))
    return read_rig(path)


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ("[[diagnostics]]", "period_s = 0.0"), ("[[diagnostics]]", "period_s = -1.0"),
        ("[[diagnostics]]", "period_s = inf"), ("[[diagnostics]]", "period_s = nan"),
        ("[[diagnostics]]", "request_id = -1"), ("[[diagnostics]]", "response_id = 0x20000000"),
        ("[[diagnostics]]", "response_id = -1"), ("[[diagnostics]]", "first_byte = -1"),
        ("[rules.gate]", "diagnostics_interval_ms = 0.0"), ("[rules.gate]", "diagnostics_interval_ms = nan"),
    ],
)  # fmt: skip
def test_numbers_that_cannot_be_meant_are_refused(tmp_path, section, line):
    key = line.partition(" ")[0]
    kept = [one for one in RIG.splitlines() if not one.startswith(key + " ")]
    kept.insert(kept.index(section) + 1, line)
    path = tmp_path / "rig.toml"
    path.write_text("\n".join(kept).format(channel="x", dry_run="true", bus="can0"))
    with pytest.raises(ConfigError, match=f"Expected.*{key}"):
        read_rig(path)


def drive(setup, channel, *, beat=True, rounds=3000):
    """The loop's own steps, the ECU between them; returns outputs, the summary, and who spoke on the bus."""
    clock = LiveClock()
    inlets = devices.can_inlets(setup, None, 0, clock, lambda topic, t_ns, data: None)
    tester = devices.tester(setup, inlets)
    core, summary, out, spoken = Core(setup.core), Summary(), [], []
    with (
        can.Bus(interface="virtual", channel=channel) as bus,
        can.Bus(interface="virtual", channel=channel) as ear,
    ):
        address = isotp.Address(isotp.AddressingMode.Normal_11bits, txid=0x7E8, rxid=0x7E0)
        ecu = isotp.CanStack(bus, address=address, params={"tx_padding": 0})
        for n in range(rounds):
            if beat:
                bus.send(can.Message(arbitration_id=0x3D1, data=bytes(8), is_extended_id=False))
            ecu.process(0)
            if ecu.available() and ecu.recv() == b"\x22\xf1\x90":
                ecu.send(b"\x62\xf1\x90" + VIN)
            clock.sleep_until_ns(clock.now_ns() + 1_000_000)
            now_ns = clock.now_ns()
            news = [m for inlet in (*inlets, tester) for m in inlet.poll(now_ns)]
            for message in summary.watch([*news, Tick(t_ns=now_ns, number=n)]):
                for one in core.step(message):
                    out.append(one)
                    tester.take(one)
            while (heard := ear.recv(0)) is not None:
                spoken.append((heard.arbitration_id, bytes(heard.data)))
            if any(isinstance(m, Answer) for m in news) or any(isinstance(m, Ask) and m.dry_run for m in out):
                break
    for inlet in inlets:
        inlet.close()
    return out, summary, spoken


def test_a_question_is_asked_and_its_answer_told(tmp_path):
    channel = uuid.uuid4().hex
    out, summary, spoken = drive(rig(tmp_path, channel), channel)
    assert [ask.name for ask in out if isinstance(ask, Ask)] == ["vin"]
    (answer,) = summary.as_dict()["answers"]
    assert bytes.fromhex(answer["text"]) == VIN
    assert any("57 56 57 5A" in line for line in summary.lines())
    assert [data[:3].hex() for number, data in spoken if number == 0x7E0] == ["0322f1", "300000"]


def test_a_dry_run_and_a_sleeping_bus_hear_nothing(tmp_path):
    channel = uuid.uuid4().hex
    out, _, spoken = drive(rig(tmp_path, channel, dry_run="true"), channel)
    assert [ask.dry_run for ask in out if isinstance(ask, Ask)] == [True]
    assert {number for number, _ in spoken} == {0x3D1}
    out, _, spoken = drive(rig(tmp_path, channel), channel, beat=False, rounds=100)
    assert not [ask for ask in out if isinstance(ask, Ask)]
    assert spoken == []


def test_answers_alone_do_not_keep_a_bus_awake(tmp_path):
    """A core that hears only ECUs answering must not go on asking them: it might be what keeps them up."""
    channel = uuid.uuid4().hex
    setup = rig(tmp_path, channel)
    (inlet,) = devices.can_inlets(setup, None, 0, LiveClock(), lambda topic, t_ns, data: None)
    devices.tester(setup, [inlet])
    now_ns, said = LiveClock().now_ns(), []
    with can.Bus(interface="virtual", channel=channel) as bus:
        said += inlet.poll(now_ns)
        for number in (0x7E8, 0x7E8, 0x3D1):
            bus.send(can.Message(arbitration_id=number, data=b"\x02\x7e\x00", is_extended_id=False))
            for _ in range(300):
                found = inlet.poll(now_ns)
                said += found
                if any(isinstance(m, Health) and m.state == "ok" for m in found):
                    break
                LiveClock().sleep_until_ns(LiveClock().now_ns() + 100_000)
            states = [m.state for m in said if isinstance(m, Health)]
            assert ("ok" in states) is (number == 0x3D1)
    inlet.close()


def test_a_question_for_a_bus_that_is_not_there_is_an_error(tmp_path):
    setup = rig(tmp_path, bus="can7")
    inlets = devices.can_inlets(setup, None, 0, LiveClock(), lambda topic, t_ns, data: None)
    with pytest.raises(ConfigError, match="no bus can7; known: can0"):
        devices.tester(setup, inlets)
