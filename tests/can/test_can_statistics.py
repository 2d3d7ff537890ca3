"""What a log holds, gathered from batches."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.can.frames import ERROR, EXTENDED, concat, frames
from edge.can.statistics import LogStatistics

MS = 1_000_000


def steady(can_id, period_ms, count, bus=0, without=(), start_ms=0, flags=0):
    at = [i for i in range(count) if i not in without]
    return frames(
        [(start_ms + i * period_ms) * MS for i in at],
        [can_id] * len(at),
        [flags] * len(at),
        [bus] * len(at),
        [bytes(8)] * len(at),
    )


def by_time(*parts):
    everything = concat(parts)
    return everything[np.argsort(everything.t_ns, kind="stable")]


def gathered(everything, cuts=()):
    statistics = LogStatistics()
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(everything)], strict=True):
        statistics.take(everything[start:end])
    return statistics


def test_counts_rates_and_duration():
    log = by_time(steady(0x100, 10, 1000), steady(0x1ABCDE, 100, 100, bus=1, flags=EXTENDED))
    found = gathered(log)
    assert found.duration_s == 9.99
    assert [(row.bus, row.id, row.frames, row.period_ns, row.missing) for row in found.ids()] == [
        (0, "100", 1000, 10 * MS, 0),
        (1, "001ABCDE", 100, 100 * MS, 0),
    ]
    assert {number: bus.frames for number, bus in found.buses.items()} == {0: 1000, 1: 100}


@given(
    st.sets(st.integers(1, 398), max_size=20),
    st.lists(st.integers(0, 400), max_size=6),
)
def test_missing_frames_are_counted_however_the_log_is_cut(without, cuts):
    log = steady(0x100, 10, 400, without=without)
    (row,) = gathered(log, [min(cut, len(log)) for cut in cuts]).ids()
    assert (row.frames, row.missing) == (400 - len(without), len(without))


def test_an_id_that_comes_by_events_misses_nothing():
    generator = np.random.default_rng(1)
    t_ns = np.cumsum(generator.exponential(50 * MS, 500)).astype(np.int64)
    log = frames(t_ns.tolist(), [1] * 500, [0] * 500, [0] * 500, [b""] * 500)
    (row,) = gathered(log).ids()
    assert (row.period_ns, row.missing) == (None, 0)


def test_a_silent_bus_is_a_gap_and_not_a_thousand_missing_frames():
    log = by_time(
        steady(0x100, 10, 100), steady(0x100, 10, 100, start_ms=5000), steady(0x200, 10, 600, bus=1)
    )
    found = gathered(log)
    assert found.buses[0].gaps == [(990 * MS, 5000 * MS)]
    assert found.buses[1].gaps == []
    assert [row.missing for row in found.ids()] == [0, 0]


def test_error_frames_are_of_the_bus_and_of_no_id():
    log = frames([1, 2], [0x40, 0x100], [ERROR, 0], [0, 0], [bytes(8), b"a"])
    found = gathered(log)
    assert found.buses[0].error_frames == 1
    assert [row.id for row in found.ids()] == ["100"]


def test_times_of_all_years_cost_no_memory():
    log = frames([0, 2**61, -(2**61)], [1] * 3, [0] * 3, [0] * 3, [b""] * 3)
    assert len(gathered(log).buses[0].busy_ns) == 3


def test_load_is_the_time_that_the_bus_is_busy():
    """1000 frames/s of 8 bytes: 111 bits each without stuff bits, 135 with the most (ISO 11898-1)."""
    busy_ns = gathered(steady(0x555, 1, 2000)).buses[0].busy_ns
    assert list(busy_ns) == [0, 1]
    for ns in busy_ns.values():
        assert 111 * 2000 <= ns / 1000 <= 135 * 2000


def test_nothing_gives_nothing():
    found = LogStatistics()
    found.take(frames([], [], [], [], []))
    assert (found.duration_s, found.ids(), found.buses) == (0.0, [], {})


@pytest.mark.parametrize("extended", [0, EXTENDED])
def test_id_reads_as_people_write_it(extended):
    (row,) = gathered(steady(0x1A, 10, 3, flags=extended)).ids()
    assert row.id == ("0000001A" if extended else "01A")
