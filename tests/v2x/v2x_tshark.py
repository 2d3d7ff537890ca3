"""tshark on ITS messages: each in BTP-B and a single-hop broadcast, in an Ethernet frame of a capture."""

import shutil
import struct
import subprocess

import pytest

from edge.v2x.network import Source, single_hop

NEEDS_TSHARK = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
_ETHERNET = b"\xff" * 6 + b"\x02\x00\x00\x00\x00\x01" + b"\x89\x47"
_OF_SINGLE_HOPS = '"Remain Hop Limit" only 1'  # what tshark notes of each of them


def dissect(folder, payloads, port, *fields):
    """For each: its protocols, what is malformed, what an expert finds, and the fields."""
    path = folder / "messages.pcap"
    source = Source(station_type=5, address=0x020000000001, timestamp_ms=1, latitude=0, longitude=0)
    with path.open("wb") as file:
        file.write(_HEADER)
        for payload in payloads:
            packet = single_hop(payload, source, port)
            frame = _ETHERNET + packet[1:]  # without the octet of the adaptation layer
            file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
    command = ["tshark", "-r", str(path), "-T", "fields", "-E", "separator=|", "-E", "occurrence=f"]
    for field in ("frame.protocols", "_ws.malformed", "_ws.expert.message", *fields):
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [tuple(line.split("|")) for line in done.stdout.splitlines()]
    assert len(lines) == len(payloads)
    return [(a, b, "" if _OF_SINGLE_HOPS in c else c, *rest) for a, b, c, *rest in lines]
