"""The port to a CAN bus, and how a config opens one."""

from __future__ import annotations

from typing import Protocol

from edge import config
from edge.can.frames import FD_LENGTHS, Frames

MAX_BATCH = 512
"""Frames of one receive() at most, so that a full bus does not starve the loop."""


class BusError(config.UserError):
    """A bus that cannot be opened or is gone; the text says which, why and what to do."""


class CanBus(Protocol):
    """One bus. Contract test: tests/contracts/test_can_bus.py."""

    def fileno(self) -> int | None:
        """Readable when frames are there; None: must be polled."""
        ...

    def receive(self) -> Frames:
        """What has come, up to MAX_BATCH frames, in their order and of bus 0, on the monotonic clock; never
        blocks. Frames of other programs on this machine come too, our own do not (but do through python-can's
        udp_multicast). Raises BusError when the bus is gone: close it and open it anew."""
        ...

    def send(self, key: int, data: bytes) -> None:
        """Send now or raise BusError; never blocks. key: the id, bit 31 set if extended; more than 8 bytes
        make a CAN FD frame with bit rate switch."""
        ...

    def health(self) -> dict[str, float]:
        """Counted since the bus was opened: "dropped" frames, that a full buffer lost, and others."""
        ...

    def close(self) -> None:
        """Let go; twice is harmless."""
        ...


def open_bus(can: config.Can) -> CanBus:
    """The bus of a config. Raises BusError."""
    if can.kind == "socketcan":
        from edge.can.socketcan import SocketCanBus

        return SocketCanBus(can.channel)
    from edge.can.python_can import PythonCanBus

    return PythonCanBus(can)


def check_length(data: bytes) -> None:
    """Raises BusError for data of a length that no frame can carry."""
    if len(data) not in FD_LENGTHS:
        raise BusError(f"no CAN frame carries {len(data)} bytes")
