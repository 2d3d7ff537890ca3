"""Many inlets and a clock become one stream."""

from __future__ import annotations

import os

from edge.clock import RecordedClock
from edge.messages import Gap, Health, Position, Tick
from edge.runtime.source import LATE_TICKS, TICK_NS, Merge


def said(t_ns, source="x"):
    return Position(t_ns=t_ns, source=source, latitude_deg=1.0, longitude_deg=2.0)


class Script:
    """An inlet that says given messages when their time has come."""

    def __init__(self, name, times):
        self.name = name
        self.waiting = [said(t_ns, name) for t_ns in times]
        self.closed = False

    def fileno(self):
        return None

    def poll(self, now_ns):
        out = [m for m in self.waiting if m.t_ns <= now_ns]
        self.waiting = [m for m in self.waiting if m.t_ns > now_ns]
        return out

    def close(self):
        self.closed = True


class Hand:
    """A live clock moved by hand: sleeping moves it, and so do the steps that a test plans."""

    def __init__(self):
        self.t_ns = 1_000_000_000
        self.busy_ns = {}

    def now_ns(self):
        return self.t_ns

    def sleep_until_ns(self, t_ns):
        self.t_ns = max(self.t_ns, t_ns)


def ms(value):
    return round(value * 1e6)


def test_a_tick_each_10_ms_up_to_the_end_and_its_numbers_have_no_holes():
    stream = list(Merge([], RecordedClock(ms(5)), ms(1505)))
    ticks = [m for m in stream if isinstance(m, Tick)]
    assert [tick.number for tick in ticks] == list(range(151))
    assert [tick.t_ns for tick in ticks] == [ms(5) + n * TICK_NS for n in range(151)]
    health = [m for m in stream if isinstance(m, Health)]
    assert [h.source for h in health] == ["loop"]
    assert health[0].figures["lateness_p99_ms"] == 0.0


def test_messages_of_one_step_are_in_the_order_of_their_time_before_its_tick():
    inlets = [Script("a", [ms(1), ms(9), ms(15)]), Script("b", [ms(2), ms(3), ms(12), ms(25)])]
    stream = list(Merge(inlets, RecordedClock(), ms(20)))
    assert [(type(m).__name__, m.t_ns) for m in stream] == [
        ("Tick", 0),
        *[("Position", ms(t)) for t in (1, 2, 3, 9)], ("Tick", ms(10)),
        *[("Position", ms(t)) for t in (12, 15)], ("Tick", ms(20)),
    ]  # fmt: skip


def test_equal_times_keep_the_order_of_the_inlets():
    inlets = [Script("b", [ms(4)]), Script("a", [ms(4)])]
    stream = [m for m in Merge(inlets, RecordedClock(), ms(10)) if isinstance(m, Position)]
    assert [m.source for m in stream] == ["b", "a"]


def test_ticks_that_would_be_late_are_skipped_and_counted():
    clock = Hand()
    stream, ticks = [], 0
    for message in Merge([], clock, clock.t_ns + ms(200)):
        stream.append(message)
        if isinstance(message, Tick):
            ticks += 1
            if message.number == 3:
                clock.t_ns += ms(87)  # somebody held the loop up
    (gap,) = [m for m in stream if isinstance(m, Gap)]
    assert (gap.source, gap.count) == ("loop", 7)
    numbers = [m.number for m in stream if isinstance(m, Tick)]
    assert numbers == list(range(len(numbers)))
    assert ticks + gap.count == 21  # every period of the 200 ms is accounted for
    times = [m.t_ns for m in stream]
    assert times == sorted(times)


def test_a_little_late_is_made_up_for_without_loss():
    clock = Hand()
    stream = []
    for message in Merge([], clock, clock.t_ns + ms(200)):
        stream.append(message)
        if isinstance(message, Tick) and message.number == 3:
            clock.t_ns += (LATE_TICKS - 1) * TICK_NS
    assert [m for m in stream if isinstance(m, Gap)] == []
    assert sum(isinstance(m, Tick) for m in stream) == 21


def test_stop_ends_the_stream_at_the_tick():
    merge = Merge([Script("a", [ms(t) for t in range(100)])], RecordedClock(), None)
    stream = []
    for message in merge:
        stream.append(message)
        if message.t_ns == ms(43):
            merge.stop()
    assert isinstance(stream[-1], Tick)
    assert stream[-1].t_ns == ms(50)


class Pipe:
    """An inlet with a file descriptor; what is written to it is delivered, and when it was asked is kept."""

    name = "pipe"

    def __init__(self, clock):
        self.read_end, self.write_end = os.pipe()
        os.set_blocking(self.read_end, False)
        self.clock = clock
        self.asked_ns = []
        self.gone = False

    def fileno(self):
        return None if self.gone else self.read_end

    def poll(self, now_ns):
        try:
            data = os.read(self.read_end, 100)
        except BlockingIOError:
            return []
        if data == b"":
            self.gone = True
            return [Health(t_ns=now_ns, source="pipe", state="failed")]
        self.asked_ns.append(now_ns)
        return [said(now_ns) for _ in data]


class Writes(Hand):
    """Time passes by looking at it, and at planned times something is written."""

    def __init__(self, plan):
        super().__init__()
        self.pipe = None
        self.plan = plan

    def now_ns(self):
        self.t_ns += 200_000
        while self.plan and self.t_ns >= self.plan[0][0]:
            _, do = self.plan.pop(0)
            do(self.pipe)
        return self.t_ns


def test_what_comes_through_a_descriptor_is_delivered_before_the_next_tick():
    start = 1_000_000_000
    clock = Writes([(start + ms(13), lambda pipe: os.write(pipe.write_end, b"x"))])
    clock.pipe = Pipe(clock)
    stream = list(Merge([clock.pipe], clock, start + ms(40)))
    place = next(i for i, m in enumerate(stream) if isinstance(m, Position))
    tick_before = [m for m in stream[:place] if isinstance(m, Tick)][-1]
    tick_after = next(m for m in stream[place:] if isinstance(m, Tick))
    assert tick_before.t_ns < stream[place].t_ns < tick_after.t_ns
    assert stream[place].t_ns < start + ms(15)  # not at the tick of 20 ms


def test_a_descriptor_that_is_gone_is_left_to_the_ticks_and_does_not_spin():
    start = 1_000_000_000
    clock = Writes([(start + ms(13), lambda pipe: os.close(pipe.write_end))])
    clock.pipe = Pipe(clock)
    polls = 0
    ask = clock.pipe.poll

    def counted(now_ns):
        nonlocal polls
        polls += 1
        return ask(now_ns)

    clock.pipe.poll = counted
    stream = list(Merge([clock.pipe], clock, start + ms(60)))
    assert sum(isinstance(m, Health) and m.state == "failed" for m in stream) >= 1
    assert polls <= 1 + sum(isinstance(m, Tick) for m in stream)
