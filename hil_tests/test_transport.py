"""The kernel's own J1939 transport as the sender, heard by ours.

On a machine without SocketCAN: hil_tests/with-vcan python -m pytest hil_tests/test_transport.py
"""

import os
import socket
import threading
import time

import pytest

from edge import config
from edge.can.bus import open_bus
from edge.can.transport.j1939 import J1939Transport, destination_of, pgn_of, source_of

CAN_J1939 = getattr(socket, "CAN_J1939", 7)
NO_NAME, NO_PGN, ALL = 0, 0x40000, 0xFF
_SOL_CAN_J1939, _SO_PROMISC, _SO_BROADCAST = 107, 2, socket.SO_BROADCAST


def j1939(address, timeout=10.0):
    """A socket of the kernel's protocol with this address."""
    own = socket.socket(socket.AF_CAN, socket.SOCK_DGRAM, CAN_J1939)
    own.setsockopt(socket.SOL_SOCKET, _SO_BROADCAST, 1)
    own.settimeout(timeout)
    own.bind(("vcan0", NO_NAME, NO_PGN, address))
    return own


def missing():
    if not hasattr(socket, "AF_CAN") or not os.path.exists("/sys/class/net/vcan0"):
        return "no vcan0: run it by hil_tests/with-vcan"
    try:
        j1939(0x7F).close()
    except OSError as error:
        return f"no J1939 in this kernel ({error.strerror}): modprobe can-j1939"
    return ""


pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


@pytest.mark.parametrize("size", [9, 100, 1785])
@pytest.mark.parametrize("destination", [ALL, 0x42], ids=["broadcast", "to one"])
def test_what_the_kernel_sends(size, destination):
    bus, transport = open_bus(config.Can(name="vcan0", channel="vcan0")), J1939Transport()
    sender, receiver = j1939(0x21), j1939(0x42)
    data = bytes(n & 0xFF for n in range(size))
    pgn = 0xFECA if destination == ALL else 0xEF00
    found = []
    try:
        sending = threading.Thread(target=sender.sendto, args=(data, ("vcan0", NO_NAME, pgn, destination)))
        sending.start()
        deadline = time.monotonic() + 40  # a broadcast takes 50 ms a packet
        while not found and time.monotonic() < deadline:
            time.sleep(0.01)
            found += transport.take(bus.receive())
        sending.join(10)
        time.sleep(0.2)
        found += transport.take(bus.receive())
        heard, _ = receiver.recvfrom(4096)
    finally:
        for one in (sender, receiver, bus):
            one.close()
    assert heard == data
    assert [pdu.data for pdu in found] == [data]
    assert (pgn_of(found[0].key), source_of(found[0].key), destination_of(found[0].key)) == (
        pgn,
        0x21,
        destination,
    )
    assert transport.losses.total == transport.unfinished() == 0
