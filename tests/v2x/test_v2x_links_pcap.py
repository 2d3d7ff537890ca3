"""Captures in and out: tshark and editcap as judges, damaged files, replay by the clock."""

import shutil
import struct
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clock import RecordedClock
from edge.config import V2xLink
from edge.v2x.links import open_link
from edge.v2x.links.frames import from_frame, from_radio, to_frame
from edge.v2x.links.pcap import Capture, PcapError, PcapWriter
from edge.v2x.links.recorded import Recorded, Replay
from edge.v2x.network import Source, single_hop, wrap_dsmp

NEEDS_TSHARK = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
SOURCE = Source(station_type=5, address=0x0200_0000_0001, timestamp_ms=1, latitude=480000000, longitude=2)
UTC_NS = 1_700_000_000_123_456_789


def packets():
    return [single_hop(bytes((i,)) * 40, SOURCE, 9999) for i in range(4)] + [wrap_dsmp(b"message", 111)]


def written(path, step_ns=250_000_000):
    writer = PcapWriter(path)
    for i, packet in enumerate(packets()):
        writer.write(UTC_NS + i * step_ns, packet)
    writer.close()
    return path


def test_what_is_written_is_read_again(tmp_path):
    capture = Capture(written(tmp_path / "a.pcap"))
    assert list(capture) == [(UTC_NS + i * 250_000_000, packet) for i, packet in enumerate(packets())]
    assert not capture.skipped
    assert len(list(capture)) == 5  # again from the beginning


@NEEDS_TSHARK
def test_tshark_dissects_what_is_written(tmp_path):
    path = written(tmp_path / "a.pcap")
    fields = ["frame.time_epoch", "frame.protocols", "_ws.malformed", "_ws.expert.message"]
    command = ["tshark", "-r", str(path), "-T", "fields", "-E", "separator=|"]
    command += [part for field in fields for part in ("-e", field)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    rows = [line.split("|") for line in done.stdout.splitlines()]
    assert [row[0] for row in rows[:2]] == ["1700000000.123456789", "1700000000.373456789"]
    assert all(row[1].startswith("eth:ethertype:gnw:btpb") for row in rows[:4])
    assert rows[4][1].startswith("eth:ethertype")
    assert {row[2] for row in rows} == {""}


@NEEDS_TSHARK
@pytest.mark.parametrize("form", ["pcapng", "nsecpcap", "pcap"])
def test_files_of_other_programs_are_read(tmp_path, form):
    other = tmp_path / f"b.{form}"
    command = ["editcap", "-F", form, str(written(tmp_path / "a.pcap")), str(other)]
    subprocess.run(command, check=True, timeout=60)
    found = list(Capture(other))
    assert [packet for _, packet in found] == packets()
    unit_ns = 1000 if form == "pcap" else 1
    assert [utc_ns for utc_ns, _ in found] == [
        (UTC_NS + i * 250_000_000) // unit_ns * unit_ns for i in range(5)
    ]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("magic", "unit_ns"), [(0xA1B2C3D4, 1000), (0xA1B23C4D, 1)])
def test_both_byte_orders(tmp_path, order, magic, unit_ns):
    frame = to_frame(packets()[0], bytes(6))
    path = tmp_path / "a.pcap"
    head = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, 1)
    path.write_bytes(head + struct.pack(order + "IIII", 7, 5, len(frame), len(frame)) + frame)
    assert list(Capture(path)) == [(7_000_000_000 + 5 * unit_ns, packets()[0])]


def _next_generation(order, blocks):
    out = b""
    for kind, body in blocks:
        body += bytes(-len(body) % 4)
        length = struct.pack(order + "I", 12 + len(body))
        out += struct.pack(order + "I", kind) + length + body + length
    return out


@pytest.mark.parametrize("order", "<>")
def test_pcapng_by_hand(tmp_path, order):
    """Two interfaces with other units of time, an unknown block, a simple packet."""
    ethernet = to_frame(packets()[0], bytes(6))
    blocks = [
        (0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)),
        (1, struct.pack(order + "HHI", 1, 0, 0)),
        (1, struct.pack(order + "HHI", 1, 0, 0) + struct.pack(order + "HHB", 9, 1, 9) + bytes(3)),
        (6, struct.pack(order + "IIIII", 0, 1, 2, len(ethernet), len(ethernet)) + ethernet),
        (0x0BAD, b"what is it"),
        (6, struct.pack(order + "IIIII", 1, 1, 2, len(ethernet), len(ethernet)) + ethernet),
        (6, struct.pack(order + "IIIII", 9, 1, 2, len(ethernet), len(ethernet)) + ethernet),
        (3, struct.pack(order + "I", len(ethernet)) + ethernet),
    ]
    path = tmp_path / "a.pcapng"
    path.write_bytes(_next_generation(order, blocks))
    capture = Capture(path)
    ticks = (1 << 32) + 2
    assert list(capture) == [(ticks * 1000, packets()[0]), (ticks, packets()[0]), (0, packets()[0])]
    assert capture.skipped == {"damaged": 1}


def test_vlan_tags_are_passed_over():
    frame = to_frame(packets()[0], b"\2\0\0\0\0\1")
    assert from_frame(frame[:12] + b"\x81\x00\xe0\x05" + frame[12:]) == packets()[0]
    assert from_frame(frame[:12] + b"\x88\xa8\x00\x05\x81\x00\x00\x01" + frame[12:]) == packets()[0]
    assert from_frame(frame[:12] + b"\x08\x00" + frame[14:]) is None


def test_wsmp_has_its_own_type():
    wsmp = bytes((3, 0, 0x20, 4)) + b"abcd"
    frame = to_frame(wsmp, bytes(6))
    assert frame[12:14] == b"\x88\xdc"
    assert from_frame(frame) == wsmp


@pytest.mark.parametrize(
    ("radiotap", "check"),
    [
        (bytes((0, 0, 8, 0, 0, 0, 0, 0)), b""),
        (bytes((0, 0, 9, 0, 2, 0, 0, 0)) + b"\x10", b"fcs!"),
        (bytes((0, 0, 17, 0, 3, 0, 0, 0)) + bytes(8) + b"\x10", b"fcs!"),
        (bytes((0, 0, 25, 0, 3, 0, 0, 0x80)) + bytes(8) + bytes(8) + b"\x10", b"fcs!"),
        (bytes((0, 0, 10, 0, 0x20, 0, 0, 0)) + bytes(2), b""),
    ],
)
@pytest.mark.parametrize("qos", [True, False])
def test_radio_frames(radiotap, check, qos):
    """Data to everyone outside of a network (OCB), as radios record it."""
    packet = packets()[0]
    head = (b"\x88\x00" if qos else b"\x08\x00") + bytes(2) + b"\xff" * 18 + bytes(2) + bytes(2) * qos
    frame = radiotap + head + b"\xaa\xaa\x03\x00\x00\x00\x89\x47" + packet[1:] + check
    assert from_radio(frame) == packet
    assert from_radio(frame[:20]) is None


@NEEDS_TSHARK
def test_tshark_sees_the_same_in_a_radio_frame(tmp_path):
    head = b"\x88\x00" + bytes(2) + b"\xff" * 18 + bytes(4)
    frame = (
        bytes((0, 0, 9, 0, 2, 0, 0, 0))
        + b"\x00"
        + head
        + b"\xaa\xaa\x03\x00\x00\x00\x89\x47"
        + packets()[0][1:]
    )
    path = tmp_path / "a.pcap"
    path.write_bytes(
        struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 127)
        + struct.pack("<IIII", 1, 0, len(frame), len(frame)) + frame
    )  # fmt: skip
    assert list(Capture(path)) == [(1_000_000_000, packets()[0])]
    command = ["tshark", "-r", str(path), "-T", "fields", "-e", "frame.protocols"]
    protocols = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "gnw:btpb" in protocols


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "begins nowhere"),
        (b"GIF89a", "neither pcap nor pcapng"),
        (b"\xa1\xb2", "neither pcap nor pcapng"),
    ],
)
def test_what_is_no_capture_is_said(tmp_path, content, text):
    path = tmp_path / "a.pcap"
    path.write_bytes(content)
    with pytest.raises(PcapError, match=text):
        Capture(path)
    with pytest.raises(PcapError, match="No such file"):
        Capture(tmp_path / "none")
    with pytest.raises(PcapError, match="No such file"):
        PcapWriter(tmp_path / "no" / "where")


def test_a_file_that_ends_too_early_gives_what_is_there(tmp_path):
    whole = written(tmp_path / "a.pcap").read_bytes()
    for size in range(4, len(whole), 3):
        path = tmp_path / "b.pcap"
        path.write_bytes(whole[:size])
        capture = Capture(path)
        found = [packet for _, packet in capture]
        assert found == packets()[: len(found)]
        assert sum(capture.skipped.values()) <= 1


def test_other_link_types_and_other_traffic_are_counted(tmp_path):
    path = tmp_path / "a.pcap"
    ip = b"\xff" * 12 + b"\x08\x00" + bytes(40)
    record = struct.pack("<IIII", 0, 0, len(ip), len(ip)) + ip
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + record)
    capture = Capture(path)
    assert list(capture) == []
    assert capture.skipped == {"other": 1}
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 228) + record)
    capture = Capture(path)
    assert list(capture) == []
    assert capture.skipped == {"link type": 1}


@pytest.mark.fuzz
@given(data=st.data())
def test_damaged_files_give_packets_or_an_error(tmp_path_factory, data):
    base = tmp_path_factory.getbasetemp()
    ethernet = to_frame(packets()[0], bytes(6))
    blocks = [
        (0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)),
        (1, struct.pack("<HHI", 1, 0, 0) + struct.pack("<HHB", 9, 1, 9) + bytes(3)),
        (6, struct.pack("<IIIII", 0, 1, 2, len(ethernet), len(ethernet)) + ethernet),
    ]
    classic = base / "whole.pcap"
    if not classic.exists():
        written(classic)
    whole = bytearray(data.draw(st.sampled_from([classic.read_bytes(), _next_generation("<", blocks)])))
    for at, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), max_size=6)
    ):
        whole[at] = value
    path = base / "damaged.pcap"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        capture = Capture(path)
    except PcapError:
        return
    for _, packet in capture:
        assert packet


@pytest.mark.fuzz
@given(st.binary(max_size=120))
def test_any_octets_are_a_frame_or_not(frame):
    for opened in (from_frame(frame), from_radio(frame)):
        assert opened is None or type(opened) is bytes


# ---------------------------------------------------------------- as links


def test_replay_keeps_the_pace(tmp_path):
    written(tmp_path / "a.pcap", 100_000_000)
    time = RecordedClock(5_000_000_000)
    link = Replay(str(tmp_path / "a.pcap"), 2.0, time)
    assert link.fileno() is None
    assert link.receive() == [(5_000_000_000, packets()[0])]
    time.sleep_until_ns(5_049_000_000)
    assert link.receive() == []
    time.sleep_until_ns(5_120_000_000)
    assert link.receive() == [(5_050_000_000, packets()[1]), (5_100_000_000, packets()[2])]
    assert not link.ended
    time.sleep_until_ns(6_000_000_000)
    assert len(link.receive()) == 2
    assert link.ended
    link.send(b"nowhere")
    link.close()
    link.close()
    assert link.receive() == []
    with pytest.raises(OSError):
        link.send(b"closed")


def test_replay_at_once_and_record_it(tmp_path):
    written(tmp_path / "a.pcap")
    config = V2xLink(
        kind="pcap", read_file=str(tmp_path / "a.pcap"), pace=0, record_file=str(tmp_path / "b.pcap")
    )
    link = open_link(config)
    assert [packet for _, packet in link.receive()] == packets()
    link.send(packets()[0])
    link.close()
    assert [packet for _, packet in Capture(tmp_path / "b.pcap")] == [*packets(), packets()[0]]


def test_what_cannot_be_opened_is_said_at_once(tmp_path):
    with pytest.raises(ValueError, match="No such file"):
        open_link(V2xLink(kind="pcap", read_file=str(tmp_path / "none")))
    with pytest.raises(ValueError, match="No such file"):
        open_link(V2xLink(port=0, record_file=str(tmp_path / "no" / "where")))
    with pytest.raises(ValueError, match="device"):
        open_link(V2xLink(kind="ethernet"))
    with pytest.raises(ValueError, match="own_path"):
        open_link(V2xLink(kind="unix", path="x"))


def test_a_full_disk_ends_the_recording_alone(tmp_path, monkeypatch):
    from edge.v2x.links.loopback import Loopback

    one, other = Loopback.pair(RecordedClock(1))
    link = Recorded(one, str(tmp_path / "a.pcap"))

    def full(self, utc_ns, packet):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(PcapWriter, "write", full)
    link.send(packets()[0])
    link.send(packets()[1])
    assert "No space left" in link.trouble
    assert [packet for _, packet in other.receive()] == packets()[:2]
