"""The port to one or more CAN buses, and how a config opens them."""

from __future__ import annotations

import socket
from collections.abc import Collection
from typing import Protocol

from edge import config
from edge.can.frames import FD_LENGTHS, Frames

MAX_BATCH = 512
"""Frames of one receive() at most, so that a full bus does not starve the loop."""


class BusError(config.UserError):
    """A bus that cannot be opened or is gone; the text says which, why and what to do."""


class CanBus(Protocol):
    """One or more buses behind one door. Contract test: tests/contracts/test_can_bus.py.

    channels: what they are called in the system, as config.Can.channel; the index is Frames.bus.
    """

    channels: tuple[str, ...]

    def fileno(self) -> int | None:
        """Readable when frames are there; None: must be polled."""
        ...

    def receive(self) -> Frames:
        """What has come, up to MAX_BATCH frames, in the order of their arrival, on the monotonic clock; never
        blocks. Frames of other programs on this machine come too, our own do not (but do through python-can's
        udp_multicast). Raises BusError when all channels are gone: close it and open it anew."""
        ...

    def send(self, key: int, data: bytes, bus: int = 0) -> None:
        """Send now or raise BusError; never blocks. key: the id, bit 31 set if extended; more than 8 bytes
        make a CAN FD frame with bit rate switch."""
        ...

    def send_many(self, frames: Frames) -> int:
        """Send as many of the frames as the transmit queues take now, from the first on, each as it is (CAN
        FD, remote, ...) and onto the channel that its `bus` says: how many. Error frames cannot be sent and
        must not be among them. Raises BusError if not even the first could be sent, for another reason than a
        full queue."""
        ...

    def health(self, bus: int = 0) -> dict[str, float]:
        """Of one channel, counted since it was opened: "dropped" frames, that a full buffer of ours lost (of
        all channels together, if they share it), "error_frames", and what else is known:
        "controller_dropped" frames, that were lost before we could see them, "tx_error_count" and
        "rx_error_count" of the controller, "bitrate_bps" and "data_bitrate_bps", "hardware_stamps" (1: the
        times are the controller's, 0: the kernel's or of the moment of reading), ..."""
        ...

    def trouble(self, bus: int = 0) -> str:
        """Why nothing can come from this channel now, "" if something can."""
        ...

    def notes(self, bus: int = 0) -> str:
        """What people should know of this channel and can mend: a buffer smaller than asked for, ..."""
        ...

    def close(self) -> None:
        """Let go; twice is harmless."""
        ...


Wanted = Collection[tuple[int, int]]
"""(key, mask): data frames whose key (the id, bit 31 set if extended) agrees in all bits of the mask."""


def open_bus(*cans: config.Can, wanted: Wanted | None = None) -> CanBus:
    """The buses of a config behind one door; only those of kind "socketcan" can share one.

    wanted: what may be left out by the kernel if it is none of these; None: all is wanted. Other kinds give
    all. Raises BusError.
    """
    kinds = {can.kind for can in cans}
    if kinds == {"socketcan"}:
        if not hasattr(socket, "AF_CAN"):
            names = ", ".join(can.channel for can in cans)
            raise BusError(f"{names}: this system has no SocketCAN, Linux has: choose another kind of bus")
        from edge.can.bus.socketcan import SocketCanBus

        return SocketCanBus([can.channel for can in cans], wanted)
    if len(cans) != 1:
        raise BusError(f"{', '.join(can.channel for can in cans)}: only SocketCAN buses share a door")
    if kinds == {"slcan"}:
        from edge.can.bus.slcan import SlcanBus

        return SlcanBus(cans[0])
    from edge.can.bus.python_can import PythonCanBus

    return PythonCanBus(cans[0])


def check_length(data: bytes) -> None:
    """Raises BusError for data of a length that no frame can carry."""
    if len(data) not in FD_LENGTHS:
        raise BusError(f"no CAN frame carries {len(data)} bytes")
