"""`icv bench can`, receiving: CPU time of this thread a frame, in turns with python-can on the same frames.

SocketCAN is measured on vcan0 where there is one, else on UDP datagrams of the same bytes: recvmmsg, control
messages and conversion are the same, the kernel's share of a UDP datagram is larger than that of a frame.
SLCAN is measured on a pseudo-terminal.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from edge.can.bus import BusError, CanBus, open_bus
from edge.can.bus.socketcan import SocketCanBus
from edge.can.bus.socketcan_link import Link
from edge.clock import cpu_ns, now_ns
from edge.config import Can
from edge.runtime.bench import Figure
from edge.runtime.quantile import quantile

TURNS = 12
STREAK = 8
BATCHES = (64, 256)
SLCAN_FRAMES = 128
_SO_TIMESTAMPNS = 35
_PATIENCE_NS = 2_000_000_000


def measure_receive(say: Callable[[str], None]) -> dict[str, Figure]:
    """CPU time a frame of SocketCanBus.receive() and of python-can's Bus.recv(), by frames a call."""
    figures: dict[str, Figure] = {}
    with contextlib.ExitStack() as stack:
        ours, peer, where = _on_vcan(stack) or _on_datagrams(stack)
        say(f"receiving: {where}, in turns with python-can ...")
        for count in BATCHES:
            own, other = _in_turns(ours, peer, count)
            title = f"receiving, {count} frames a call"
            figures[f"receive_{count}_us"] = Figure(f"  {title} ({where}): CPU a frame", own, "us")
            figures[f"receive_{count}_peer_us"] = Figure("  the same by python-can's Bus.recv", other, "us")
            figures[f"receive_{count}_ratio"] = Figure(
                f"{title}: python-can's CPU time of ours", other / own, "x"
            )
    return figures


def measure_slcan(say: Callable[[str], None]) -> dict[str, Figure]:
    """CPU time a frame of SlcanBus.receive() and of python-can's slcan, on one read of SLCAN_FRAMES lines."""
    import can

    if not hasattr(os, "openpty"):
        say("SLCAN: no pseudo-terminals on this system, not measured")
        return {}
    say("SLCAN: in turns with python-can ...")
    with contextlib.ExitStack() as stack:
        here, port = _terminal(stack)
        there, other_port = _terminal(stack)
        ours = open_bus(Can(name="a", kind="slcan", channel=port, options={"status": False}))
        stack.callback(ours.close)
        peer = can.Bus(interface="slcan", channel=other_port, sleep_after_open=0)
        stack.callback(peer.shutdown)
        own, other = _in_turns((ours, _typist(here)), (peer, _typist(there)), SLCAN_FRAMES)
    return {
        "slcan_us": Figure(f"  SLCAN, {SLCAN_FRAMES} frames a read: CPU a frame", own, "us"),
        "slcan_peer_us": Figure(f"  the same by python-can {can.__version__}", other, "us"),
        "slcan_ratio": Figure("SLCAN: python-can's CPU time of ours", other / own, "x"),
    }


Fill = Callable[[int], None]
"""Puts so many frames before a bus."""


def _on_vcan(stack: contextlib.ExitStack) -> tuple[tuple[CanBus, Fill], tuple[Any, Fill], str] | None:
    import can

    try:
        ours = open_bus(Can(name="a", channel="vcan0"))
        stack.callback(ours.close)
        open_bus(Can(name="b", channel="vcan1")).close()
    except BusError:
        return None
    peer = stack.enter_context(can.Bus(interface="socketcan", channel="vcan1"))

    def filler(channel: str) -> Fill:
        sender = stack.enter_context(socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW))
        sender.bind((channel,))
        return lambda count: _send(count, sender.send)

    return (ours, filler("vcan0")), (peer, filler("vcan1")), "vcan"


def _on_datagrams(stack: contextlib.ExitStack) -> tuple[tuple[CanBus, Fill], tuple[Any, Fill], str]:
    from can import BusABC
    from can.interfaces.socketcan import SocketcanBus

    def bound() -> socket.socket:
        own = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        own.bind(("127.0.0.1", 0))
        return own

    class Ours(SocketCanBus):
        def _open(self) -> socket.socket:
            return bound()

        def _prepare(self, wanted: object) -> int:
            return 0

        def _look(self, now_ns: int) -> None:
            self._next_look_ns = 1 << 62
            self._links = [Link(0, True, True, 16, {})]
            self._bus_of = np.zeros(1, np.uint8)

    class Peer(SocketcanBus):
        def __init__(self) -> None:
            self.socket, self.channel, self._is_filtered = bound(), "a", True
            self.socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            BusABC.__init__(self, channel="a")

        def _apply_filters(self, filters: object) -> None:
            """All."""

        def shutdown(self) -> None:
            BusABC.shutdown(self)

    ours, peer = Ours(["a"]), Peer()
    stack.callback(ours.close)
    stack.callback(peer.shutdown)
    sender = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))

    def filler(own: socket.socket) -> Fill:
        place = own.getsockname()
        return lambda count: _send(count, lambda frame: sender.sendto(frame, place))

    return (ours, filler(ours._socket)), (peer, filler(peer.socket)), "datagrams"


def _send(count: int, send: Callable[[bytes], object]) -> None:
    for i in range(count):
        send(struct.pack("=IB3x8s", 0x100 + i, 8, bytes(8)))


def _terminal(stack: contextlib.ExitStack) -> tuple[tuple[int, int], str]:
    import tty

    master, slave = os.openpty()
    tty.setraw(master)
    for number in (master, slave):
        stack.callback(os.close, number)
    return (master, slave), os.ttyname(slave)


def _typist(ends: tuple[int, int]) -> Fill:
    import fcntl
    import termios

    rng = np.random.default_rng(1)

    def fill(count: int) -> None:
        """The kernel passes them on in its own time; the processor is not to fall asleep meanwhile."""
        lines = "".join(f"t{i % 0x700:03X}8{rng.bytes(8).hex().upper()}\r" for i in range(count)).encode()
        there, deadline_ns = 0, now_ns() + _PATIENCE_NS
        for part in (lines[: len(lines) // 2], lines[len(lines) // 2 :]):  # it takes 2 KiB at a time
            there += os.write(ends[0], part)
            while now_ns() < deadline_ns:
                waiting = fcntl.ioctl(ends[1], termios.FIONREAD, bytes(4))
                if int.from_bytes(waiting, sys.byteorder) >= there:
                    break

    return fill


def _in_turns(ours: tuple[CanBus, Fill], peer: tuple[Any, Fill], count: int) -> tuple[float, float]:
    """Lower quartiles of the CPU time of a frame, us: others' work on the machine counts less. In a turn each
    reads some batches one after the other, as on a busy bus; then it is the other's turn."""
    own_us: list[float] = []
    peer_us: list[float] = []
    for turn in range(TURNS + 1):
        for (bus, fill), read, taken in ((ours, _drain, own_us), (peer, _recv, peer_us)):
            for _ in range(STREAK):
                fill(count)
                us = _cpu_us(read, bus, count) / count
                if turn:  # the first warms up
                    taken.append(us)
    return quantile(own_us, 0.25), quantile(peer_us, 0.25)


def _drain(bus: CanBus, count: int) -> None:
    deadline_ns = now_ns() + _PATIENCE_NS
    while count > 0 and now_ns() < deadline_ns:
        count -= len(bus.receive())


def _recv(bus: Any, count: int) -> None:
    deadline_ns = now_ns() + _PATIENCE_NS
    while count > 0 and now_ns() < deadline_ns:
        count -= bus.recv(0) is not None


def _cpu_us(run: Callable[[Any, int], None], bus: Any, count: int) -> float:
    began_ns, began_cpu_ns = now_ns(), cpu_ns()
    run(bus, count)
    took_ns = cpu_ns() - began_cpu_ns
    return (took_ns or now_ns() - began_ns) / 1e3  # some virtual machines count CPU time by the tick
