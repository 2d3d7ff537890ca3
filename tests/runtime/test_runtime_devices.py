"""What leaves: frames onto a bus, and what is said when they cannot."""

from __future__ import annotations

from rig_files import CAN, read_rig, write_rig

from edge.can.frames import KEY_EXTENDED
from edge.clock import RecordedClock
from edge.messages import Gap, Transmit
from edge.runtime import devices


def output(tmp_path, parts=CAN, vehicle=None):
    rig = write_rig(tmp_path, parts)
    if vehicle is not None:
        (tmp_path / "car.toml").write_text(vehicle)
        rig.write_text(rig.read_text().replace("configs/vehicles/simulated.toml", "car.toml"))
    setup = read_rig(rig)
    inlets = devices.can_inlets(setup, setup.world(), 0, RecordedClock(), lambda topic, t_ns, data: None)
    return inlets, devices.CanOutput(setup, inlets)


def brake(value=3.0, dry_run=False, bus="can0", signal="BRAKE_REQUEST"):
    return Transmit(
        t_ns=1, bus=bus, message="ICV_STATUS", signals={signal: value}, cause="test", dry_run=dry_run
    )


def test_what_the_gate_let_out_is_on_the_bus_and_a_dry_run_is_not(tmp_path):
    (inlet,), can = output(tmp_path)
    inlet.poll(0)  # opens the bus
    can.take(brake(dry_run=True))
    assert (can.sent, can.dry, inlet.bus.sent) == (0, 1, [])
    can.take(brake(3.0))
    ((_, key, data),) = inlet.bus.sent
    assert can.sent == 1
    assert key & ~KEY_EXTENDED
    assert any(data)
    assert can.poll(2) == []


def test_what_is_not_sent_is_a_gap_once_for_each_reason(tmp_path):
    _, can = output(tmp_path)
    for _ in range(3):
        can.take(brake())  # the bus is not open yet
    can.take(brake(bus="can7"))
    gaps = {
        (gap.source, gap.count) for gap in can.poll(5) if isinstance(gap, Gap) and "not open" in gap.reason
    }
    assert gaps == {("can:can0", 3), ("can:can7", 1)}
    assert can.poll(6) == []


def test_what_cannot_be_encoded_is_a_gap_too(tmp_path):
    (inlet,), can = output(tmp_path)
    inlet.poll(0)
    can.take(brake(signal="NO_SUCH_SIGNAL"))
    (gap,) = can.poll(5)
    assert "NO_SUCH_SIGNAL" in gap.reason
    assert inlet.bus.sent == []


def test_a_bus_that_is_only_heard_needs_no_dbc(tmp_path):
    """It is recorded; nothing is decoded or sent."""
    bus = '[[can]]\nname = "other"\nkind = "socketcan"\nchannel = "nosuchbus0"\n'
    _, can = output(tmp_path, bus, vehicle='title = "a car of which nothing is known"\n')
    can.take(brake(bus="other"))
    (gap,) = can.poll(1)
    assert gap.source == "can:other"
