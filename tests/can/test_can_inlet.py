import pytest

from edge import config
from edge.can.bus import BusError, open_bus
from edge.can.dbc import read_dbc
from edge.can.encode import Encoder
from edge.can.frames import ERROR, NONE, Frames, frames
from edge.can.inlet import CanInlet, LogInlet, RawCanInlet
from edge.can.logs.report import LogError
from edge.can.logs.writer import write_log
from edge.can.vehicle import VehicleReader, read_databases
from edge.messages import Gap, Health, Signals

S = 1_000_000_000
SIMULATED = config.shipped("configs/vehicles/simulated.toml")


def reader():
    vehicle = config.read(SIMULATED, config.Vehicle)
    return VehicleReader(vehicle, read_databases(vehicle, SIMULATED))


def speeds(count, step_ns=20_000_000, start_ns=0):
    encoder = Encoder(read_dbc(SIMULATED.with_suffix(".dbc")))
    said = [encoder.encode("SPEED", {"SPEED": float(i)}) for i in range(count)]
    keys, payloads = zip(*said, strict=True)
    return frames(
        [start_ns + i * step_ns for i in range(count)],
        keys,
        [0] * count,
        [i % 2 for i in range(count)],
        payloads,
    )


class Bus:
    """A door whose every trouble is scripted."""

    def __init__(self, *cans):
        self.channels = tuple(can.channel for can in cans)
        self.troubles = {}
        self.figures = {}
        self.coming = []
        self.broken = None
        self.dropped = 0
        self.closed = False

    def fileno(self):
        return 7

    def receive(self):
        if self.broken:
            raise BusError(self.broken)
        return self.coming.pop(0) if self.coming else NONE

    def send(self, key, data, bus=0): ...

    def send_many(self, frames): ...

    def health(self, bus=0):
        return {"dropped": self.dropped, "error_frames": 0, **self.figures}

    def trouble(self, bus=0):
        return self.troubles.get(bus, "")

    def notes(self, bus=0):
        return ""

    def close(self):
        self.closed = True


def error_frame(kind, data=bytes(8)):
    return frames([1], [kind], [ERROR], [0], [data])


@pytest.fixture
def bench():
    class Bench:
        tries = 0
        refuse = None
        recorded = []  # noqa: RUF012

        def open(self, *cans):
            self.tries += 1
            if self.refuse:
                raise BusError(self.refuse)
            self.bus = Bus(*cans)
            return self.bus

    bench = Bench()
    bench.recorded = []
    bench.inlet = CanInlet(
        [config.Can(name="a", bitrate=500_000)],
        reader(),
        lambda *said: bench.recorded.append(said),
        bench.open,
    )
    return bench


def test_frames_become_signals_and_are_recorded(bench):
    assert bench.inlet.fileno() is None
    assert list(bench.inlet.poll(0)) == []
    assert bench.inlet.fileno() == 7
    given = speeds(3)
    bench.bus.coming.append(given.on_bus(0))
    out = bench.inlet.poll(10)
    assert [type(m) for m in out] == [Signals, Health]
    assert out[0].bus == "a"
    assert out[0].values == pytest.approx((0, 1 / 3.6, 2 / 3.6))
    assert (out[1].source, out[1].state) == ("can:a", "ok")
    ((topic, t_ns, raw),) = bench.recorded
    assert (topic, t_ns) == ("can/a", given.t_ns[-1])
    assert Frames.from_bytes(raw).id.tolist() == given.id.tolist()


def test_missing_bus_is_said_once_and_tried_once_a_second(bench):
    bench.refuse = "a: no such interface"
    out = [m for tick in range(250) for m in bench.inlet.poll(tick * S // 100)]
    assert [(m.state, m.detail) for m in out] == [("failed", "a: no such interface")]
    assert bench.tries == 3
    bench.refuse = None
    assert list(bench.inlet.poll(3 * S)) == []
    bench.bus.coming.append(speeds(1))
    assert [m.state for m in bench.inlet.poll(3 * S + 1) if isinstance(m, Health)] == ["ok"]


def test_bus_that_breaks_is_closed_and_opened_again(bench):
    bench.inlet.poll(0)
    broken = bench.bus
    broken.broken = "a: is down"
    assert [(m.state, m.detail) for m in bench.inlet.poll(S)] == [("failed", "a: is down")]
    assert broken.closed
    assert bench.inlet.fileno() is None
    bench.inlet.poll(2 * S)
    assert bench.bus is not broken
    assert bench.inlet.fileno() == 7


def test_silence_is_said_and_its_end(bench):
    bench.inlet.poll(0)
    assert [m.state for m in bench.inlet.poll(S)] == ["degraded"]
    assert [m.state for m in bench.inlet.poll(2 * S)] == ["degraded"]  # its figures
    assert list(bench.inlet.poll(2 * S)) == []
    bench.bus.coming.append(speeds(1))
    assert [m.state for m in bench.inlet.poll(2 * S + 1) if isinstance(m, Health)] == ["ok"]
    silent = [m for m in bench.inlet.poll(4 * S) if isinstance(m, Health)]
    assert silent[0].state == "degraded"
    assert "silent" in silent[0].detail


def test_losses_become_gaps(bench):
    bench.inlet.poll(0)
    bench.bus.dropped = 5
    assert [(m.source, m.count) for m in bench.inlet.poll(1)] == [("can:a", 5)]
    assert list(bench.inlet.poll(2)) == []
    bench.bus.dropped = 7
    assert [m.count for m in bench.inlet.poll(3)] == [2]
    bench.bus.coming.append(error_frame(0x04, b"\0\x01" + bytes(6)))
    assert [(m.reason, m.count) for m in bench.inlet.poll(4) if isinstance(m, Gap)] == [
        ("overflow of the controller", 1)
    ]


def test_bus_off_is_said(bench):
    bench.inlet.poll(0)
    bench.bus.coming.append(error_frame(0x40))
    (said,) = bench.inlet.poll(1)
    assert (said.state, "bus-off" in said.detail) == ("failed", True)
    bench.bus.coming.append(speeds(1))
    assert [m.state for m in bench.inlet.poll(2) if isinstance(m, Health)] == ["ok"]


def test_real_bus_through_the_inlet():
    pytest.importorskip("can")
    settings = config.Can(name="a", kind="virtual", channel="test_real_bus_through_the_inlet")
    inlet = CanInlet([settings], reader())
    inlet.poll(0)
    peer = open_bus(settings)
    key, data = Encoder(read_dbc(SIMULATED.with_suffix(".dbc"))).encode("SPEED", {"SPEED": 36.0})
    peer.send(key, data)
    import select

    assert select.select([inlet.fileno()], [], [], 5)[0]
    out = inlet.poll(1)
    assert [m.values for m in out if isinstance(m, Signals)] == [pytest.approx((10.0,))]
    inlet.close()
    peer.close()


def test_log_gives_frames_up_to_now_and_raw_gives_them_again(tmp_path):
    path = tmp_path / "x.log"
    shuffled = speeds(10, start_ns=1_600_000_000 * S)
    write_log(path, [shuffled[5:], shuffled[:5]], ["can0", "can1"])  # as two devices write into one file
    recorded = []
    inlet = LogInlet(path, reader(), start_ns=5 * S, record=lambda *said: recorded.append(said))
    assert (inlet.start_ns, inlet.end_ns) == (5 * S, 5 * S + 180_000_000)
    assert inlet.buses == ("can1", "can0")
    assert list(inlet.poll(5 * S - 1)) == []
    first = list(inlet.poll(5 * S + 40_000_000))
    assert sorted(t for m in first for t in m.stamps_ns) == [5 * S, 5 * S + 20_000_000, 5 * S + 40_000_000]
    assert {m.bus for m in first} == {"can0", "can1"}
    assert inlet.progress == 0.3
    rest = list(inlet.poll(9 * S))
    assert inlet.progress == 1.0
    assert [m.detail for m in rest if isinstance(m, Health)] == ["the log has ended"]
    stopped = list(inlet.poll(10 * S))
    assert {value for m in stopped for value in m.values} == {None}  # what no longer comes is unknown
    assert list(inlet.poll(11 * S)) == []
    live = [m for m in first + rest + stopped if isinstance(m, Signals)]
    again = []
    for bus in ("can0", "can1"):
        items = [(t_ns, raw) for topic, t_ns, raw in recorded if topic == f"can/{bus}"]
        again += RawCanInlet("can:raw", bus, items, reader()).poll(9 * S)
    assert sorted(again, key=lambda m: (m.bus, m.t_ns)) == sorted(live, key=lambda m: (m.bus, m.t_ns))


def test_raw_frames_wait_for_their_time_and_damage_is_a_gap():
    raw = speeds(1).to_bytes()
    inlet = RawCanInlet("can:raw", "can0", [(1, raw), (2, raw[:-1]), (3, raw)], reader())
    assert [type(m) for m in inlet.poll(1)] == [Signals]
    assert [type(m) for m in inlet.poll(9)] == [Gap, Signals]


def test_bad_lines_of_a_log_are_a_gap(tmp_path):
    path = tmp_path / "x.log"
    path.write_text("(1.0) can0 123#11\nnonsense\nnonsense\n")
    (gap, ended) = LogInlet(path, reader(), start_ns=0).poll(0)
    assert (gap.count, gap.reason) == (2, "unreadable lines in the log")
    assert ended.state == "degraded"
    path.write_text("nonsense")
    with pytest.raises(LogError):
        LogInlet(path, reader())
