"""When: the only module that reads a clock. Times are int64 nanoseconds on one monotonic clock."""

from __future__ import annotations

import datetime
import time
from typing import Protocol


class Clock(Protocol):
    """What tells the time to a source of messages."""

    def now_ns(self) -> int:
        """The time, never going back."""
        ...

    def sleep_until_ns(self, t_ns: int) -> None:
        """Return at t_ns, or at once if that is past."""
        ...


class LiveClock:
    """The machine's monotonic clock."""

    def now_ns(self) -> int:
        """CLOCK_MONOTONIC."""
        return time.monotonic_ns()

    def sleep_until_ns(self, t_ns: int) -> None:
        """Sleep to an absolute deadline."""
        while (left_ns := t_ns - time.monotonic_ns()) > 0:
            time.sleep(left_ns / 1e9)


class RecordedClock:
    """A clock that shows the recording's time: it jumps to where it is told, at `pace` times real time.

    pace 0 is as fast as possible.
    """

    def __init__(self, start_ns: int = 0, pace: float = 0.0) -> None:
        self._now_ns = start_ns
        self._start_ns = start_ns
        self._pace = pace
        self._began_ns = time.monotonic_ns()

    def now_ns(self) -> int:
        """The recording's time."""
        return self._now_ns

    def sleep_until_ns(self, t_ns: int) -> None:
        """Jump to t_ns, having slept as the pace asks."""
        if self._pace > 0:
            deadline_ns = self._began_ns + int((t_ns - self._start_ns) / self._pace)
            left_ns = deadline_ns - time.monotonic_ns()
            if left_ns > 0:
                time.sleep(left_ns / 1e9)
        self._now_ns = max(self._now_ns, t_ns)


def now_ns() -> int:
    """CLOCK_MONOTONIC, for measuring how long something took."""
    return time.monotonic_ns()


def cpu_ns() -> int:
    """CPU time of this thread."""
    return time.thread_time_ns()


def utc_ns() -> int:
    """The date, nanoseconds since 1970, for names of files and messages with a date; never for ordering."""
    return time.time_ns()


def utc_text(t_ns: int | None = None) -> str:
    """The date as ISO 8601, to the second, in UTC."""
    seconds = (utc_ns() if t_ns is None else t_ns) / 1e9
    return datetime.datetime.fromtimestamp(seconds, tz=datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def realtime_offset_ns() -> int:
    """Monotonic minus CLOCK_REALTIME, for stamps that the kernel gives in the date's clock."""
    return time.monotonic_ns() - time.time_ns()
