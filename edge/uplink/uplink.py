"""The port to a fleet platform, whatever it speaks."""

from __future__ import annotations

from typing import Protocol

from edge.messages import Health, Message


class Uplink(Protocol):
    """One platform that hears from the vehicle.

    `offer` keeps what the platform shall hear, on disk, whether or not there is a connection; `step` sends it
    and forgets it when the platform has answered: at least once, and lost only when the queue is full (which
    is counted). Neither raises for trouble with the network, the platform or the disk: that is a Health.
    """

    name: str

    def offer(self, message: Message, utc_ns: int) -> None:
        """Take one message of the core or of an inlet; utc_ns: its t_ns as a date. Others are ignored."""
        ...

    def step(self, now_ns: int) -> tuple[Health, ...]:
        """Do what can be done now without waiting; how it is, when that changed and every 10 s."""
        ...

    def close(self) -> None:
        """End the connection; what waits stays on disk for the next start."""
        ...
