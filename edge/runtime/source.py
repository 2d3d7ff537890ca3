"""Many inlets and one clock become one ordered stream of messages."""

from __future__ import annotations

import select
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Protocol

from edge.clock import Clock
from edge.messages import Gap, Health, Message, Tick
from edge.runtime.quantile import quantile

TICK_NS = 10_000_000
KEPT_TICKS = 360_000  # an hour of them; a car drives on for longer than a list may grow
LATE_TICKS = 5  # so many periods behind, ticks are skipped and counted rather than run after


class Inlet(Protocol):
    """Where messages come in. A live one has a file descriptor; others are polled at every tick."""

    name: str

    def fileno(self) -> int | None:
        """Readable when something is there."""
        ...

    def poll(self, now_ns: int) -> Sequence[Message]:
        """All that came up to now_ns; never blocks, never raises for trouble of a device."""
        ...

    def close(self) -> None:
        """Let the device go."""
        ...


class Merge:
    """The messages of all inlets as they come, and a Tick each 10 ms.

    On a live clock it sleeps in select() until something is readable or the next tick is due; on a recorded
    clock it steps from tick to tick, and messages of one step are ordered by their time. `lateness_ns` keeps
    how late each tick of the last hour was.
    """

    def __init__(self, inlets: Sequence[Inlet], clock: Clock, until_ns: int | None = None) -> None:
        self._inlets = tuple(inlets)
        self._clock = clock
        self._until_ns = until_ns
        self._stopped = False
        self.lateness_ns: deque[int] = deque(maxlen=KEPT_TICKS)

    def stop(self) -> None:
        """End the stream at the next tick; may be called from a signal handler."""
        self._stopped = True

    def __iter__(self) -> Iterator[Message]:
        """Yield until stopped or until until_ns."""
        clock, inlets = self._clock, self._inlets
        deadline_ns = clock.now_ns()
        number = 0
        second: list[int] = []
        while not self._stopped and (self._until_ns is None or deadline_ns <= self._until_ns):
            yield from self._until(deadline_ns)
            clock.sleep_until_ns(deadline_ns)
            now_ns = clock.now_ns()
            second.append(now_ns - deadline_ns)
            batch = [message for inlet in inlets for message in inlet.poll(now_ns)]
            batch.sort(key=_time)
            yield from batch
            now_ns = clock.now_ns()
            yield Tick(t_ns=now_ns, number=number)
            if number % 100 == 99:
                yield _health(now_ns, second)
                self.lateness_ns += second
                second = []
            number += 1
            deadline_ns += TICK_NS
            behind = (clock.now_ns() - deadline_ns) // TICK_NS
            if behind >= LATE_TICKS:
                yield Gap(
                    t_ns=clock.now_ns(),
                    source="loop",
                    reason="ticks skipped: the loop was late",
                    count=behind,
                )
                deadline_ns += behind * TICK_NS
        self.lateness_ns += second

    def _until(self, deadline_ns: int) -> Iterator[Message]:
        """Messages of inlets with a file descriptor, as they come, until the deadline."""
        by_descriptor = {fd: inlet for inlet in self._inlets if (fd := inlet.fileno()) is not None}
        if not by_descriptor:
            return
        descriptors = list(by_descriptor)
        while (left_ns := deadline_ns - self._clock.now_ns()) > 0:
            readable, _, _ = select.select(descriptors, [], [], left_ns / 1e9)
            for descriptor in readable:
                inlet = by_descriptor[descriptor]
                yield from inlet.poll(self._clock.now_ns())
                if inlet.fileno() != descriptor:  # gone or opened anew: leave it to the tick
                    descriptors.remove(descriptor)


def _time(message: Message) -> int:
    return message.t_ns


def _health(now_ns: int, lateness_ns: list[int]) -> Health:
    figures = {
        "lateness_p50_ms": quantile(lateness_ns, 0.5) / 1e6,
        "lateness_p99_ms": quantile(lateness_ns, 0.99) / 1e6,
    }
    return Health(t_ns=now_ns, source="loop", state="ok", figures=figures)
