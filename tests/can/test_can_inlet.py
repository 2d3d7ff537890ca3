import numpy as np
import pytest

from edge import config
from edge.can.bus import BusError, open_bus
from edge.can.bus.load import wire_bits
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
    said = [encoder.encode("SPEED", {"SPEED": float(i)}) for i in range(min(count, 250))]
    said = [said[i % 250] for i in range(count)]
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


def test_what_the_driver_counts_is_a_gap_and_error_frames_do_not_count_it_twice(bench):
    bench.inlet.poll(0)
    bench.bus.figures["controller_dropped"] = 0
    bench.inlet._counted = True  # as it is when the bus counts from the beginning
    bench.bus.coming.append(error_frame(0x04, b"\0\x01" + bytes(6)))
    assert [m for m in bench.inlet.poll(1) if isinstance(m, Gap)] == []
    bench.bus.figures["controller_dropped"] = 3
    (gap,) = [m for m in bench.inlet.poll(S + 1) if isinstance(m, Gap)]
    assert (gap.source, gap.count) == ("can:a", 3)
    assert [m for m in bench.inlet.poll(2 * S + 1) if isinstance(m, Gap)] == []


def test_error_states_are_said_in_words_and_end(bench):
    bench.inlet.poll(0)
    bench.bus.coming.append(error_frame(0x204, b"\0\x20\0\0\0\0\x82\x05"))
    (said,) = bench.inlet.poll(1)
    assert said.state == "degraded"
    assert "error passive (130 errors sending, 5 receiving)" in said.detail
    bench.bus.coming.append(error_frame(0x204, b"\0\x40\0\0\0\0\x10\0"))
    bench.bus.coming.append(speeds(1))
    bench.inlet.poll(2)
    assert [m.state for m in bench.inlet.poll(3) if isinstance(m, Health)] == ["ok"]
    bench.bus.coming.append(error_frame(0x8C, b"\0\0\x04\x0a" + bytes(4)))
    bench.bus.coming.append(speeds(1))
    bench.inlet.poll(4)
    (told,) = [m for m in bench.inlet.poll(S + 3) if isinstance(m, Health)]
    assert (told.state, told.figures["frames_per_s"]) == ("degraded", pytest.approx(2, abs=0.1))
    assert "protocol violation: bit stuffing, in data" in told.detail


def test_load_is_a_figure_once_a_second(bench):
    bench.inlet.poll(0)
    busy = frames([0] * 100, [0x123] * 100, [0] * 100, [0] * 100, [bytes(range(8))] * 100)
    out = []
    for tick in range(201):
        bench.bus.coming.append(busy[:20])
        out += [m for m in bench.inlet.poll(tick * S // 100) if isinstance(m, Health) and m.figures]
    assert [m.figures["frames_per_s"] for m in out] == [pytest.approx(2000, rel=0.02)] * 2
    bits = int(wire_bits(busy[:1])[0][0])
    assert [m.figures["load_percent"] for m in out] == [pytest.approx(2000 * bits / 5000, rel=0.02)] * 2
    assert [m.detail for m in out] == ["", ""]


def test_a_busy_bus_is_polled_and_a_calm_one_wakes(bench):
    bench.inlet.poll(0)
    busy = frames([0] * 600, [0x123] * 600, [0] * 600, [0] * 600, [b""] * 600)
    for tick in range(102):
        bench.bus.coming += [busy[:512], busy[:88]]  # more than a batch: all of it at once
        bench.inlet.poll(tick * S // 100)
        assert bench.bus.coming == []
    assert bench.inlet.fileno() is None
    bench.bus.coming += [busy[:300], busy[:300]]  # an adapter gives what a read held, which is no full batch
    bench.inlet.poll(102 * S // 100)
    assert bench.bus.coming == []
    for tick in range(103, 310):
        bench.inlet.poll(tick * S // 100)
    assert bench.inlet.fileno() == 7


@pytest.fixture
def group():
    class Group:
        def open(self, *cans):
            self.bus = Bus(*cans)
            return self.bus

    group = Group()
    group.recorded = []
    group.inlet = CanInlet(
        [config.Can(name="a"), config.Can(name="b")],
        reader(),
        lambda *said: group.recorded.append(said),
        group.open,
    )
    group.inlet.poll(0)
    return group


def test_buses_behind_one_door_are_told_apart(group):
    assert group.inlet.name == "can:a+b"
    group.bus.coming.append(speeds(5))  # by turns on bus 0 and 1
    out = group.inlet.poll(1)
    signals = {m.bus: len(m.names) for m in out if isinstance(m, Signals)}
    assert signals == {"a": 3, "b": 2}
    assert [(topic, len(Frames.from_bytes(raw))) for topic, _, raw in group.recorded] == [
        ("can/a", 3),
        ("can/b", 2),
    ]
    assert {(m.source, m.state) for m in out if isinstance(m, Health)} == {("can:a", "ok"), ("can:b", "ok")}


def test_trouble_of_one_is_not_of_the_other_and_a_shared_loss_is_of_both(group):
    group.bus.troubles[1] = "b: is down"
    group.bus.coming.append(speeds(1))
    out = group.inlet.poll(1)
    assert {(m.source, m.state, m.detail) for m in out if isinstance(m, Health)} == {
        ("can:a", "ok", ""),
        ("can:b", "failed", "b: is down"),
    }
    group.bus.dropped = 4
    assert [(m.source, m.count) for m in group.inlet.poll(2)] == [("can:a+b", 4)]
    del group.bus.troubles[1]
    group.bus.coming.append(speeds(2))
    assert [(m.source, m.state) for m in group.inlet.poll(3) if isinstance(m, Health)] == [("can:b", "ok")]
    group.bus.broken = "gone"
    assert {(m.source, m.state) for m in group.inlet.poll(4)} == {("can:a", "failed"), ("can:b", "failed")}


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


@pytest.mark.parametrize("window_s", [1, 30])
def test_a_log_too_large_to_hold_is_played_the_same(tmp_path, window_s):
    path = tmp_path / "x.log"
    n = 40_000
    shuffled = speeds(n, step_ns=1_500_000, start_ns=1_600_000_000 * S)
    rng = np.random.default_rng(1)
    order = np.argsort(shuffled.t_ns + rng.integers(0, S // 2, n), kind="stable")  # late by half a second
    write_log(path, [shuffled[order]], ["can0", "can1"])
    held = LogInlet(path, reader(), start_ns=S)
    read = LogInlet(path, reader(), start_ns=S, kept_bytes=100_000, window_ns=window_s * S)
    assert (held.start_ns, held.end_ns, held.file_start_ns) == (
        read.start_ns,
        read.end_ns,
        read.file_start_ns,
    )
    for tick in range(0, 70, 7):
        assert list(held.poll(tick * S)) == list(read.poll(tick * S))
        assert held.progress == read.progress
    assert held.progress == 1.0


def test_what_is_too_late_in_a_large_log_is_a_gap(tmp_path):
    path = tmp_path / "x.log"
    found = speeds(40_000, step_ns=1_500_000, start_ns=1_600_000_000 * S)
    write_log(path, [found[3:], found[:3]], ["can0", "can1"])
    inlet = LogInlet(path, reader(), start_ns=0, kept_bytes=100_000)
    out = inlet.poll(61 * S)
    assert [(m.reason, m.count) for m in out if isinstance(m, Gap)] == [("out of order in the log", 3)]
    assert sum(len(m.names) for m in out if isinstance(m, Signals)) == 40_000 - 3
    assert [m.detail for m in out if isinstance(m, Health)] == ["the log has ended"]


def test_bad_lines_of_a_log_are_a_gap(tmp_path):
    path = tmp_path / "x.log"
    path.write_text("(1.0) can0 123#11\nnonsense\nnonsense\n")
    (gap, ended) = LogInlet(path, reader(), start_ns=0).poll(0)
    assert (gap.count, gap.reason) == (2, "unreadable lines in the log")
    assert ended.state == "degraded"
    path.write_text("nonsense")
    with pytest.raises(LogError):
        LogInlet(path, reader())
