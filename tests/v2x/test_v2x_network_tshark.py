"""tshark dissects what we make: no malformed packet, no expert line, the same fields."""

import re
import shutil
import struct
import subprocess

import pytest

from edge.v2x import network
from edge.v2x.network import Area, Source

pytestmark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")

SOURCE = Source(
    station_type=5, address=0x0000DEADBEEF, timestamp_ms=0x01020304, latitude=399000000,
    longitude=-1163000000, accurate=True, speed=-250, heading=900,
)  # fmt: skip


def dissected(tmp_path, packets, ethertype, fields):
    """What tshark says of each: a dict of the fields, with what is wrong."""
    path = tmp_path / "packets.pcap"
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for packet in packets:
            frame = b"\xff" * 6 + b"\x02\0\0\0\0\x01" + struct.pack(">H", ethertype) + packet
            file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
    fields = ["frame.protocols", "_ws.malformed", "_ws.expert.message", *fields]
    command = ["tshark", "-r", str(path), "-T", "fields", "-E", "separator=|"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == len(packets), done.stderr
    return [dict(zip(fields, line.split("|"), strict=True)) for line in lines]


def number(text):
    return int(text, 0) if text else None


def test_geonetworking_of_every_kind_that_we_make(tmp_path):
    areas = [
        Area("circle", 480000000, -110000000, 500),
        Area("rectangle", -338568000, 1512153000, 300, 20, 275),
        Area("ellipse", 480000000, 110000000, 65, 10, 90),
    ]
    payload = b"\xff\xffpayload"
    packets = [
        network.single_hop(payload, SOURCE, 4001, traffic_class=2, lifetime_s=0.25),
        network.beacon(SOURCE),
        network.topological(payload, SOURCE, 4001, 9),
        *(network.geo_broadcast(payload, SOURCE, 4001, area, 7, info=3) for area in areas),
        *(
            network.geo_broadcast(payload, SOURCE, 4001, area, 8, anycast=True, mobile=False)
            for area in areas
        ),
    ]
    head = {
        "geonw.bh.nh": lambda p: 1,
        "geonw.bh.rhl": lambda p: p.remaining_hops,
        "geonw.ch.mhl": lambda p: p.hop_limit,
        "geonw.ch.tc.id": lambda p: p.traffic_class,
        "geonw.ch.flags.mob": lambda p: int(p.mobile),
        "geonw.seq_num": lambda p: p.sequence,
        "geonw.src_pos.addr.type": lambda p: 5,
        "geonw.src_pos.addr.manual": lambda p: 0,
        "geonw.src_pos.tst": lambda p: SOURCE.timestamp_ms,
        "geonw.src_pos.lat": lambda p: SOURCE.latitude,
        "geonw.src_pos.long": lambda p: SOURCE.longitude,
        "geonw.src_pos.pai": lambda p: 1,
        "geonw.src_pos.speed": lambda p: SOURCE.speed,
        "geonw.src_pos.hdg": lambda p: SOURCE.heading,
        "btpb.dstport": lambda p: p.service or None,
        "btpb.dstportinf": lambda p: p.service_info if p.service else None,
    }
    place = ("geonw.gxc.latitude", "geonw.gxc.longitude", "geonw.gxc.distanceb", "geonw.gxc.angle")
    fields = [*head, *place, "geonw.gxc.radius", "geonw.gxc.distancea", "geonw.ch.htype"]
    told = dissected(tmp_path, [data[1:] for data in packets], 0x8947, fields)
    kinds = {
        "shb": [0x50],
        "beacon": [0x10],
        "tsb": [0x51],
        "gbc": [0x40, 0x41, 0x42],
        "gac": [0x30, 0x31, 0x32],
    }
    for said, data in zip(told, packets, strict=True):
        packet = network.read(data)
        assert said["_ws.malformed"] == ""
        assert said["_ws.expert.message"] == ""
        assert "gnw" in said["frame.protocols"]
        assert ("btpb" in said["frame.protocols"]) == (packet.kind != "beacon")
        assert number(said["geonw.ch.htype"]) in kinds[packet.kind]
        assert {name: number(said[name]) for name in head} == {name: of(packet) for name, of in head.items()}
        if packet.area is not None:
            area = packet.area
            assert [number(said[name]) for name in place] == [
                area.latitude,
                area.longitude,
                area.b,
                area.angle,
            ]
            a = said["geonw.gxc.radius" if area.shape == "circle" else "geonw.gxc.distancea"]
            assert number(a) == area.a


VECTOR = network.beacon(SOURCE)[13:].hex()


def test_the_headers_that_we_only_read(tmp_path):
    head = "11001a0a"
    packets = [
        f"{head} 2020000000050a00 00090000 {VECTOR} {VECTOR[:40]} 0fa10000 aa",
        f"{head} 0060000000000a00 00090000 {VECTOR} 94000a0b0c0d0e0f",
        f"{head} 0061000000000a00 00090000 {VECTOR} {VECTOR[:40]}",
    ]
    data = [bytes.fromhex(packet) for packet in packets]
    told = dissected(tmp_path, data, 0x8947, ["geonw.dst_pos.addr.mid", "geonw.ls_req.addr.mid"])
    for said, octets in zip(told, data, strict=True):
        assert said["_ws.malformed"] == ""
        theirs = said["geonw.dst_pos.addr.mid"] or said["geonw.ls_req.addr.mid"]
        ours = network.read(b"\3" + octets).destination
        assert int(theirs.replace(":", ""), 16) == ours


def test_wave_short_messages(tmp_path):
    payload = bytes.fromhex("00140102")
    packets = [
        bytes.fromhex("03002004") + payload,
        bytes.fromhex("0b030f01ac1001 0c04019e002004") + payload,
        bytes.fromhex("0300800380c8") + payload * 50,
    ]
    dissected(tmp_path, packets, 0x88DC, [])
    command = ["tshark", "-V", "-r", str(tmp_path / "packets.pcap")]
    words = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    theirs = re.findall(r"PSID: .*\((\d+)\)\n +Length: (\d+)\n", words)  # the length has no field of its own
    ours = [network.read(data) for data in packets]
    assert theirs == [(str(packet.service), str(len(packet.payload))) for packet in ours]
