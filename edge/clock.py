"""When: the only module that reads a clock. Times are int64 nanoseconds on one monotonic clock."""

from __future__ import annotations

import ctypes
import datetime
import sys
import time
from typing import Protocol

SPIN_NS = 80_000
"""So long before a precise deadline sleep ends and asking the clock begins: waking up takes that, mostly."""

_TOGETHER_NS, _TRIES = 5_000, 8  # two clocks read within such a time are read at once

_PR_SET_TIMERSLACK = 29
_TIMER_ABSTIME = 1


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


class PreciseClock(LiveClock):
    """The same clock for deadlines that must be met within microseconds: sleeps, then asks without a pause.

    Costs SPIN_NS of a processor for each deadline. On Linux it asks the kernel to wake this thread without
    its usual slack of 50 us, which stays so; where there is no clock_nanosleep (macOS) it sleeps relatively.
    """

    def __init__(self) -> None:
        library = ctypes.CDLL(None) if sys.platform == "linux" else None
        if library is not None:
            library.prctl(_PR_SET_TIMERSLACK, ctypes.c_ulong(1), 0, 0, 0)
            self._nanosleep = library.clock_nanosleep
            self._until = (ctypes.c_long * 2)()  # struct timespec
        self._absolute = library is not None

    def sleep_until_ns(self, t_ns: int) -> None:
        """Return at t_ns, never before."""
        early_ns = t_ns - SPIN_NS
        if self._absolute:
            until = self._until
            while time.monotonic_ns() < early_ns:  # again after a signal
                until[0], until[1] = divmod(early_ns, 1_000_000_000)
                self._nanosleep(time.CLOCK_MONOTONIC, _TIMER_ABSTIME, until, None)
        else:
            super().sleep_until_ns(early_ns)
        while time.monotonic_ns() < t_ns:
            pass


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
    """Monotonic minus CLOCK_REALTIME, for stamps that the kernel gives in the date's clock.

    Right to _TOGETHER_NS / 2, unless other programs come between the two clocks several times in a row.
    """
    offset_ns, least_ns = 0, 1 << 62
    for _ in range(_TRIES):
        before_ns, date, after_ns = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        if after_ns - before_ns < least_ns:
            least_ns = after_ns - before_ns
            offset_ns = (before_ns + after_ns) // 2 - date
            if least_ns <= _TOGETHER_NS:
                break
    return offset_ns


def date_ns(t_ns: int) -> int:
    """The date, ns since 1970, of a moment near to now on the monotonic clock."""
    return t_ns - realtime_offset_ns()
