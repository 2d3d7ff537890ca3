"""Simulated stations that sign with the keys of our own."""

from types import SimpleNamespace

import pytest
from v2x_security_world import START_NS
from v2x_signed_air import CAR, S, gaps, heard

from edge.clock import RecordedClock
from edge.config import V2x, V2xSecurity
from edge.messages import Health
from edge.runtime import rig
from edge.v2x.inlet import V2xInlet
from edge.v2x.station import Station


@pytest.mark.parametrize("late_hours", [1, 101])
def test_simulated_peers_are_believed_with_keys_of_ours_while_these_are_good(keys, monkeypatch, late_hours):
    monkeypatch.setattr(rig, "peers", lambda scene: [(21, CAR)])
    world = SimpleNamespace(duration_s=1000.0, at=lambda t_s: None)
    clock = RecordedClock(0)
    begin_ns = START_NS + S

    def date(t_ns):
        return begin_ns + t_ns

    config = V2x(security=V2xSecurity(directory=str(keys / "me")))
    link = rig.SimulatedLink(world, config, 0, date, clock)
    inlet = V2xInlet(Station(config, 7, date, link))
    begin_ns = START_NS + late_hours * 3600 * S
    messages = list(inlet.poll(0))
    states = [m.state for m in messages if isinstance(m, Health)]
    if late_hours == 1:
        assert ([m.trust for m in heard(messages)], gaps(messages), states) == (["signed"], {}, ["ok"])
    else:
        assert (heard(messages), gaps(messages), states) == ([], {}, ["failed"])
