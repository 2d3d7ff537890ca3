"""Two ends within one program."""

from __future__ import annotations

from collections import deque

from edge import clock


class Loopback:
    """One end of a pair within one program, for tests and simulation: stamps come from the given clock."""

    def __init__(self, time: clock.Clock) -> None:
        self._time = time
        self._arrived: deque[tuple[int, bytes]] = deque(maxlen=4096)
        self._other: Loopback | None = None

    @classmethod
    def pair(cls, time: clock.Clock) -> tuple[Loopback, Loopback]:
        """Two ends; what one sends the other receives."""
        one, other = cls(time), cls(time)
        one._other, other._other = other, one
        return one, other

    def fileno(self) -> int | None:
        """None: there is nothing to wait on."""
        return None

    def receive(self) -> list[tuple[int, bytes]]:
        """All that the other end has sent."""
        packets = list(self._arrived)
        self._arrived.clear()
        return packets

    def send(self, packet: bytes) -> None:
        """To the other end, if it is still there; the oldest of 4096 that nobody takes is lost."""
        if self._other is None:
            raise OSError("this end is closed")
        if self._other._other is self:
            self._other._arrived.append((self._time.now_ns(), packet))

    def close(self) -> None:
        """From now on nothing arrives."""
        self._other = None
        self._arrived.clear()
