"""Playing a log onto buses: what is sent, when, where to; never early."""

import argparse
import json
import os
import subprocess
import sys
import time
import uuid
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.can.bus import BusError, open_bus
from edge.can.frames import BRS, ERROR, EXTENDED, FD, KEY_EXTENDED, REMOTE, concat, frames
from edge.can.lateness import Lateness
from edge.can.play import STUCK_NS, Choice, Player, ahead
from edge.cli.can import play as can_play
from edge.clock import PreciseClock
from edge.config import Can, UserError

MS = 1_000_000


class Clock:
    """Time goes by only in sleep, and by `cost_ns` with each look; sleeping overshoots by `late_ns`."""

    def __init__(self, late_ns=0, cost_ns=0):
        self.t_ns, self.late_ns, self.cost_ns = 10**12, late_ns, cost_ns

    def now_ns(self):
        self.t_ns += self.cost_ns
        return self.t_ns

    def sleep_until_ns(self, t_ns):
        if t_ns > self.t_ns:
            self.t_ns = t_ns + self.late_ns


class Bus:
    """Notes what it is given and when; takes `room` frames a call; `refuse` raises for an id."""

    def __init__(self, clock, room=1000, refuse=()):
        self.clock, self.room, self.refuse, self.got = clock, room, refuse, []
        self.on_send = lambda: None

    def send_many(self, found):
        if int(found.id[0]) in self.refuse:
            raise BusError("refused: no such thing")
        count = next((i for i in range(len(found)) if int(found.id[i]) in self.refuse), len(found))
        count = min(count, self.room)
        for i in range(count):
            self.got.append((self.clock.t_ns, int(found.id[i]), int(found.bus[i]), found.payload(i)))
        self.on_send()
        return count


def log(*rows, bus=0):
    """Frames of (time in ms, id)."""
    return frames([round(t * MS) for t, _ in rows], [i for _, i in rows], [0] * len(rows), [bus] * len(rows),
                  [b"x"] * len(rows))  # fmt: skip


def play(batches, speed=1.0, clock=None, bus=None, **options):
    clock = clock or Clock()
    bus = bus or Bus(clock)
    player = Player([(bus, 0)], clock, speed)
    for name, value in options.items():
        setattr(player, name, value)
    player.play(batches)
    since = player.began_ns
    return [((t - since) / MS, i) for t, i, _, _ in bus.got], player


ROWS = [(0, 1), (10, 2), (10, 3), (35, 4)]


@pytest.mark.parametrize(("speed", "factor"), [(1.0, 1), (2.0, 2), (0.5, 0.5), (3.0, 3)])
def test_frames_go_at_their_times(speed, factor):
    sent, player = play([log(*ROWS[:2]), log(*ROWS[2:])], speed)
    assert [i for _, i in sent] == [1, 2, 3, 4]
    assert [t for t, _ in sent] == pytest.approx([t / factor for t, _ in ROWS], abs=1e-5)
    assert player.lateness.early == 0
    assert player.sent == [4]


def test_delays_do_not_add_up_and_are_told():
    rows = [(n, n) for n in range(100)]
    sent, player = play([log(*rows)], clock=Clock(late_ns=300_000))
    assert [t for t, _ in sent] == pytest.approx([n + 0.3 for n in range(100)])
    assert player.lateness.quantile_ns(0.5) == pytest.approx(300_000, rel=0.02)
    sent, player = play(
        [log(*rows)], clock=Clock(late_ns=2_500_000)
    )  # later than the next ones: they go together
    assert [t for t, _ in sent[:4]] == pytest.approx([2.5, 2.5, 2.5, 5.5])
    assert player.lateness.max_ns == pytest.approx(2_500_000)


def test_as_fast_as_possible_does_not_wait():
    sent, player = play([log(*[(n * 1000, n) for n in range(2000)])], inf)
    assert sent[-1][0] <= 0.0
    assert len(sent) == 2000
    assert player.lateness.count == 0


def test_time_that_goes_backwards_is_sent_at_once_and_counted():
    sent, player = play([log((0, 1), (10, 2), (5, 3)), log((8, 4), (20, 5))])
    assert sent == [(0, 1), (10, 2), (10, 3), (10, 4), (20, 5)]
    assert player.backwards == 2


def test_a_queue_that_is_full_is_tried_again():
    clock = Clock()
    bus = Bus(clock, room=1)
    sent, player = play([log(*[(0, n) for n in range(5)])], clock=clock, bus=bus)
    assert [i for _, i in sent] == [0, 1, 2, 3, 4]
    assert not player.refused


def test_a_queue_that_stays_full_costs_what_is_due_or_ends_it():
    clock = Clock()
    bus = Bus(clock, room=0)
    rows = [(0, 1), (100, 2), (2 * STUCK_NS / MS, 3)]
    _, player = play([log(*rows)], clock=clock, bus=bus)
    assert player.sent == [0]
    assert player.refused == {(0, "the transmit queue stays full"): 3}
    with pytest.raises(BusError, match="taken"):
        play([log(*rows)], inf, clock=clock, bus=bus)


def test_a_queue_that_is_full_for_a_moment_after_a_long_wait_is_tried_again():
    clock = Clock()
    bus = Bus(clock)
    rooms = iter([0, 1000])

    def after_send():
        bus.room = next(rooms, 1000)

    bus.on_send = after_send
    sent, player = play([log((0, 1), (2 * STUCK_NS / MS, 2))], clock=clock, bus=bus)
    assert [i for _, i in sent] == [1, 2]
    assert not player.refused


def test_what_the_bus_refuses_is_counted_by_reason_and_costs_no_other():
    clock = Clock()
    sent, player = play([log(*ROWS)], clock=clock, bus=Bus(clock, refuse={2}))
    assert [i for _, i in sent] == [1, 3, 4]
    assert player.refused == {(0, "refused: no such thing"): 1}


def test_stop_pause_and_speed_while_it_plays():
    clock = Clock()
    bus = Bus(clock)
    player = Player([(bus, 0)], clock)
    bus.on_send = lambda: player.stop() if len(bus.got) == 2 else None
    player.play([log((0, 1), (50, 2), (100, 3)), log((150, 4))])
    assert [i for _, i, _, _ in bus.got] == [1, 2]

    clock = Clock()
    bus = Bus(clock)
    player = Player([(bus, 0)], clock)
    looks = []

    def tell():
        if player.paused:
            looks.append(clock.t_ns)
            if len(looks) == 5:
                player.resume()

    bus.on_send = lambda: player.pause() if len(bus.got) == 1 else None
    player.play([log((0, 1), (50, 2), (100, 3))], tell)
    times = [(t - player.began_ns) / MS for t, *_ in bus.got]
    assert times[1] == pytest.approx(50 + 5 * 20)
    assert times[2] - times[1] == pytest.approx(50)

    clock = Clock()
    bus = Bus(clock)
    player = Player([(bus, 0)], clock)
    bus.on_send = lambda: player.set_speed(4.0) if len(bus.got) == 2 else None
    player.play([log((0, 1), (100, 2), (200, 3), (300, 4))])
    times = [(t - player.began_ns) / MS for t, *_ in bus.got]
    assert times == pytest.approx([0, 100, 125, 150], abs=1e-3)


def test_several_buses_behind_one_door_and_several_doors():
    clock = Clock()
    one, two = Bus(clock), Bus(clock)
    player = Player([(one, 0), (one, 1), (two, 0)], clock)
    rows = log(*[(0, n) for n in range(6)])
    rows.bus[:] = [0, 1, 2, 2, 1, 0]
    player.play([rows])
    assert [(i, bus) for _, i, bus, _ in one.got] == [(0, 0), (1, 1), (4, 1), (5, 0)]
    assert [(i, bus) for _, i, bus, _ in two.got] == [(2, 0), (3, 0)]
    assert player.sent == [2, 2, 2]


spaced = st.lists(st.integers(0, 5 * MS), min_size=1, max_size=60)


@given(
    spaced,
    st.sampled_from([1.0, 2.0, 0.7, 10.0]),
    st.integers(0, 200_000),
    st.integers(0, 3000),
    st.integers(1, 5),
)
def test_never_early_none_lost_none_swapped(gaps, speed, late_ns, cost_ns, room):
    t_ns = np.cumsum(gaps)
    batch = frames(t_ns, range(len(gaps)), [0] * len(gaps), [0] * len(gaps), [b""] * len(gaps))
    clock = Clock(late_ns, cost_ns)
    bus = Bus(clock, room)
    player = Player([(bus, 0)], clock, speed)
    player.play([batch[i : i + 7] for i in range(0, len(batch), 7)])
    assert [i for _, i, _, _ in bus.got] == list(range(len(gaps)))
    for (sent_ns, *_), t in zip(bus.got, (t_ns - t_ns[0]).tolist(), strict=True):
        assert sent_ns - player.began_ns >= t / speed
    assert player.lateness.early == 0
    assert player.lateness.count == len(gaps)


def test_never_early_on_the_real_clock():
    clock = PreciseClock()
    got = []

    class RealBus:
        def send_many(self, found):
            got.append(clock.now_ns())
            return len(found)

    player = Player([(RealBus(), 0)], clock)
    batch = log(*[(n * 0.4, n) for n in range(100)])
    player.play([batch])
    assert player.lateness.early == 0
    assert player.lateness.count == 100
    assert got[0] >= player.began_ns


def test_an_impossible_speed_is_refused():
    with pytest.raises(ValueError, match="not positive"):
        Player([], Clock(), 0)


# ---------------------------------------------------------------- what is chosen


def chosen(batches, names=("a", "b"), **options):
    found = concat(list(Choice(**{"others": 0, **options}).of(batches, names)))
    return list(zip(found.keys().tolist(), found.bus.tolist(), strict=True))


MIXED = concat([log((0, 1), (10, 2)), log((20, 3), (30, 1), bus=1)])


def test_buses_ids_and_part_are_chosen():
    assert chosen([MIXED]) == [(1, 0), (2, 0), (3, 0), (1, 0)]
    assert chosen([MIXED], buses={"b": 5}, others=None) == [(3, 5), (1, 5)]
    assert chosen([MIXED], buses={"b": 1}) == [(1, 0), (2, 0), (3, 1), (1, 1)]
    assert chosen([MIXED], only=frozenset({1, 9})) == [(1, 0), (1, 0)]
    assert chosen([MIXED], drop=frozenset({1})) == [(2, 0), (3, 0)]
    assert chosen([MIXED], from_ns=10 * MS, to_ns=20 * MS) == [(2, 0), (3, 0)]
    assert chosen([MIXED], from_ns=40 * MS) == []
    wide = 0x18FEF100 | KEY_EXTENDED
    assert chosen([MIXED], rename={1: wide, 3: 7}) == [(wide, 0), (2, 0), (7, 0), (wide, 0)]
    assert chosen([MIXED], rename={1: 2, 2: 1}) == [(2, 0), (1, 0), (3, 0), (2, 0)]


def test_error_frames_are_not_sent_and_reading_ends_after_the_part():
    some = log((0, 1), (1, 2))
    some.flags[0] = ERROR
    assert chosen([some]) == [(2, 0)]

    def endless():
        t = 0
        while True:
            yield log((t, 1))
            t += 1

    assert len(chosen(endless(), to_ns=5 * MS)) == 6


def test_reading_ahead_changes_nothing_and_passes_errors_on(monkeypatch):
    monkeypatch.setattr("edge.can.play._AHEAD_FRAMES", 10)
    batches = [log((n, n), (n, n)) for n in range(100)]
    assert [int(b.id[0]) for b in ahead(batches)] == list(range(100))
    monkeypatch.setattr("edge.can.play._AHEAD_FRAMES", 1000)
    assert [int(b.id[0]) for b in ahead(batches)] == list(range(100))
    monkeypatch.setattr("edge.can.play._AHEAD_FRAMES", 10)

    def broken():
        yield from batches
        raise UserError("the disk is gone")

    with pytest.raises(UserError, match="disk"):
        list(ahead(broken()))
    reading = ahead(batches)
    next(reading)
    reading.close()


# ---------------------------------------------------------------- lateness


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=300))
def test_quantiles_are_right_to_two_percent(values):
    late = Lateness()
    late.add(values[:100])
    late.add(values[100:])
    for share in (0.5, 0.9, 0.99):
        exact = int(np.quantile(values, share, method="inverted_cdf"))
        assert exact <= late.quantile_ns(share) <= exact * 1.03 + 2
    assert late.max_ns == max(values)
    assert late.count == len(values)


def test_the_histogram_has_every_frame_once():
    late = Lateness()
    late.add([0, 500, 1500, 1500, 30_000, 7_000_000, 3_000_000_000])
    counts = [int(line.split()[4].replace(",", "")) for line in late.lines()]
    assert sum(counts) == 7
    assert late.lines()[0].split()[:4] == ["up", "to", "1", "us"]
    assert Lateness().lines() == []


# ---------------------------------------------------------------- icv can play


def icv(tmp_path, *arguments, rows=20):
    path = tmp_path / "drive.log"
    path.write_text(
        "".join(f"(1700000000.{n:06d}) can{n % 2} {0x100 + n:03X}#{n:02X}\n" for n in range(rows))
    )
    parser = argparse.ArgumentParser()
    can_play.configure(parser)
    return can_play.run(parser.parse_args([str(path), *arguments]))


@pytest.fixture
def peer():
    channel = uuid.uuid4().hex
    bus = open_bus(Can(name="peer", kind="virtual", channel=channel))
    yield channel, bus
    bus.close()


def heard(bus, count):
    import select

    found = []
    while sum(map(len, found)) < count and select.select([bus.fileno()], [], [], 5)[0]:
        found.append(bus.receive())
    return concat(found)


def test_a_log_goes_onto_a_bus(tmp_path, capsys, peer):
    channel, bus = peer
    assert icv(tmp_path, "--to", channel, "--kind", "virtual", "--json") == 0
    found = heard(bus, 20)
    assert found.id.tolist() == [0x100 + n for n in range(20)]
    assert [found.payload(n) for n in range(20)] == [bytes([n]) for n in range(20)]
    said = json.loads(capsys.readouterr().out)
    assert said["sent"] == {channel: 20}
    assert said["lateness"]["early"] == 0
    assert said["refused"] == []


def test_the_options_reach_the_player(tmp_path, capsys, peer):
    channel, bus = peer
    options = ["--kind", "virtual", "--speed", "max", "--loop", "2", "--map-id", "0x103=0x18FEF100"]
    assert icv(tmp_path, "--to", f"can1={channel}", *options, "--only", "0x101,103,105") == 0
    wide = 0x18FEF100 | KEY_EXTENDED
    assert heard(bus, 6).keys().tolist() == [0x101, wide, 0x105] * 2
    assert "6 frames" in capsys.readouterr().out
    assert (
        icv(tmp_path, "--to", channel, "--kind", "virtual", "--from-s", "0.000005", "--to-s", "0.000007") == 0
    )
    assert heard(bus, 3).id.tolist() == [0x105, 0x106, 0x107]
    assert "too early: 0" in capsys.readouterr().out


def test_a_bus_that_the_log_does_not_have_is_said(tmp_path, capsys, peer):
    assert icv(tmp_path, "--to", f"can7={peer[0]}", "--kind", "virtual") == 1
    assert "can7: the log has can0, can1" in capsys.readouterr().out


def test_real_buses_need_a_yes(tmp_path):
    with pytest.raises(UserError, match=r"can0: not a virtual bus.*--yes"):
        icv(tmp_path, "--to", "can0=can0")
    with pytest.raises(UserError, match="not a virtual bus"):
        icv(tmp_path, "--to", "PCAN_USBBUS1", "--kind", "pcan")


@pytest.mark.parametrize(
    "wrong",
    [
        ["--speed", "0"], ["--speed", "fast"], ["--from-s", "-1"], ["--from-s", "x"], ["--loop", "-1"],
        ["--only", "0xZZ"], ["--only", "0x3FFFFFFFF"], ["--map-id", "0x100"], ["--speed", "nan"],
        ["--to-s", "nan"], ["--to-s", "inf"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_options_are_told(tmp_path, capsys, wrong):
    with pytest.raises(SystemExit) as ended:
        icv(tmp_path, "--to", "vcan0", *wrong)
    assert ended.value.code == 2
    assert wrong[0] in capsys.readouterr().err


def test_frames_go_out_as_they_are(peer):
    channel, bus = peer
    kinds = [0, EXTENDED, REMOTE, FD, FD | BRS]
    payloads = [b"ab", b"", b"", bytes(8), bytes(range(64))]
    batch = frames([0] * 5, [1, 0x1ABCDEF0, 3, 4, 5], kinds, [0] * 5, payloads)
    sender = open_bus(Can(name="x", kind="virtual", channel=channel))
    try:
        Player([(sender, 0)], PreciseClock()).play([batch])
        found = heard(bus, 5)
    finally:
        sender.close()
    assert (found.flags & (EXTENDED | REMOTE | FD | BRS)).tolist() == kinds
    assert [found.payload(i) for i in range(5)] == payloads


def test_keys():
    player = Player([], Clock())
    press = lambda keys: [can_play._key(player, key) for key in keys]  # noqa: E731
    press(" ")
    assert player.paused
    press(" ")
    assert not player.paused
    player.play([])
    press("x")
    assert not player.stopped
    press("q")
    assert player.stopped


IN_BACKGROUND = """
import os, sys
from edge.can.play import Player
from edge.cli.can.play import _keys
from edge.clock import LiveClock
terminal = os.open(sys.argv[1], os.O_RDWR)  # of a new session: its terminal from now on
os.dup2(terminal, 0)
job = os.fork()
if not job:
    os.setpgid(0, 0)
    with _keys(Player([], LiveClock())) as hint:
        os._exit(3 if hint else 0)
_, status = os.waitpid(job, os.WUNTRACED)
if os.WIFSTOPPED(status):
    os.kill(job, 9)
sys.exit(9 if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status))
"""


def test_an_impatient_second_ctrl_c_leaves_the_terminal_as_it_was(monkeypatch):
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    master, slave = pty.openpty()
    monkeypatch.setattr("sys.stdin", open(slave, closefd=False))  # noqa: SIM115
    monkeypatch.setattr(os, "tcgetpgrp", lambda number: os.getpgrp())
    before = termios.tcgetattr(slave)

    def interrupted(thread, timeout=None):
        raise KeyboardInterrupt

    monkeypatch.setattr("threading.Thread.join", interrupted)
    with pytest.raises(KeyboardInterrupt), can_play._keys(Player([], Clock())):
        assert termios.tcgetattr(slave) != before
    assert termios.tcgetattr(slave) == before
    monkeypatch.undo()
    time.sleep(0.3)  # its thread ends
    os.close(master)
    os.close(slave)


@pytest.mark.skipif(sys.platform != "linux", reason="how a session gets its terminal")
def test_a_job_in_the_background_plays_on_without_keys():
    import pty

    master, slave = pty.openpty()
    command = [sys.executable, "-c", IN_BACKGROUND, os.ttyname(slave)]
    done = subprocess.run(command, start_new_session=True, stdin=subprocess.DEVNULL, timeout=30)
    os.close(master)
    os.close(slave)
    assert done.returncode == 0
