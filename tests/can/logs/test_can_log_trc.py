import io
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from unittest import mock

import can
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from log_rows import mask, read, seen

from edge.can.frames import BRS, ERROR, ESI, EXTENDED, FD, FD_LENGTHS, REMOTE, TX, concat, frames
from edge.can.logs import trc, trc_writer
from edge.can.logs.report import LogError, Report
from edge.can.logs.writer import write_log

KINDS = [
    0, EXTENDED, FD, FD | EXTENDED | BRS, FD | ESI | TX, FD | BRS | ESI, REMOTE, EXTENDED | TX,
    REMOTE | EXTENDED, ERROR,
]  # fmt: skip
COUNTERS, PROTOCOL, BUS_ERROR = 0x200, 0x08, 0x80  # linux/can/error.h


@st.composite
def errors(draw):
    """The id and data of an error frame, as linux/can/error.h has them, of which TRC can tell all."""
    kind, sending, position = (
        draw(st.sampled_from([0, 1, 2, 4])),
        draw(st.booleans()),
        draw(st.integers(0, 31)),
    )
    counters = draw(st.binary(min_size=2, max_size=2))
    data = bytes([0, 0, kind | sending << 7, position, 0, 0]) + counters
    return COUNTERS | BUS_ERROR | (PROTOCOL if kind or position else 0), data


@st.composite
def batches(draw, kinds=tuple(KINDS), most=12):
    rows = []
    for _ in range(draw(st.integers(1, most))):
        flags = draw(st.sampled_from(kinds))
        t_ns = draw(st.integers(0, 2 * 10**9)) * 1000 + 1_600_000_000_000_000_000
        length = draw(st.sampled_from(FD_LENGTHS if flags & FD else range(9)))
        can_id = draw(st.integers(0, 2**29 - 1 if flags & EXTENDED else 0x7FF))
        data = bytes(length) if flags & REMOTE else draw(st.binary(min_size=length, max_size=length))
        if flags & ERROR:
            can_id, data = draw(errors())
        rows.append((t_ns, can_id, flags, draw(st.integers(0, 1)), data))
    return frames(*zip(*sorted(rows), strict=True))


def read_text(tmp_path, text):
    path = tmp_path / "a.trc"
    path.write_bytes(text.replace("\n", "\r\n").encode())
    return read(path)


# What PEAK's description of the format shows for every version: the same messages in all.
STUFF = (PROTOCOL | BUS_ERROR | COUNTERS, ERROR)
V1_0 = """\
;##########################################################################
;   C:\\TraceFile.trc
;
;    CAN activities recorded by PCAN Explorer
;    Start time: 11.09.2002 16:00:20.682
;    PCAN-Net: PCI1
;----+-   ---+---  ----+---  +  -+ -- -- ...
     1)      1841      0001  8  00 00 00 00 00 00 00 00
     2)      1842      0008  4  ERROR 00 19 08 08
     3)      1843  FFFFFFFF  4  00 00 00 04 -- -- -- --  BUSLIGHT
     4)      1844      0100  3  RTR
     5)      1845  18EFC034  2  01 02
"""
V1_1 = """\
;$FILEVERSION=1.1
;$STARTTIME=37704.5364870833
;   Start time: 24.03.2003 12:52:32.484
     1)      1059.9  Rx         0300  7  00 00 00 00 04 00 00
     3)      1298.9  Tx         0400  2  00 00
     5)      1346.8  Warng  FFFFFFFF  4  00 00 00 04  BUSLIGHT
     6)      1349.2  Error      0008  4  00 19 08 08
     7)      1352.7  Rx         0100  3  RTR
"""
V1_2 = """\
;$FILEVERSION=1.2
;$STARTTIME=39878.6772258947;
     1)      1059.900  1  Rx         0300  7  00 00 00 00 04 00 00
     3)      1298.945  2  Tx         0400  2  00 00
     5)      1346.834  1  Warng  FFFFFFFF  4  00 00 00 04  BUSLIGHT
     6)      1349.222  1  Error      0008  4  00 19 08 08
     7)      1352.743  1  Rx         0100  3  RTR
"""
V1_3 = """\
;$FILEVERSION=1.3
;$STARTTIME=40023.5245451516
;   Bus  Name              Connection             Protocol  Bit rate
;   1    Connection1       TestNet@pcan_usb       CAN       500 kBit/s
     1)      1059.900 1  Rx        0300 -  7    00 00 00 00 04 00 00
     3)      1298.945 2  Tx        0400 -  2    00 00
     5)      1346.834 1  Warng FFFFFFFF -  4    00 00 00 04  BUSLIGHT
     6)      1349.222 1  Error     0008 -  4    00 19 08 08
     7)      1352.743 1  Rx        0100 -  3    RTR
"""
V2_0 = """\
;$FILEVERSION=2.0
;$STARTTIME=42209.4075997106
;$COLUMNS=N,O,T,I,d,l,D
      1      1059.900 DT     0300 Rx 7  00 00 00 00 04 00 00
      3      1298.945 DT     0400 Tx 2  00 00
      5      1334.416 FD     0500 Tx 12 01 02 03 04 05 06 07 08 09 0A 0B 0C
      6      1334.522 ER          Rx    04 00 02 00 00
      7      1334.531 ST          Rx    00 00 00 08
      8      1334.643 EC          Rx    02 02
      9      1335.156 DT 18EFC034 Tx 8  01 02 03 04 05 06 07 08
     10      1336.543 RR     0100 Rx 3
"""
V2_1 = """\
;$FILEVERSION=2.1
;$STARTTIME=41766.4648963872
;$COLUMNS=N,O,T,B,I,d,R,L,D
      1      1059.900 DT 1      0300 Rx -  7    00 00 00 00 04 00 00
      3      1298.945 DT 2      0400 Tx -  2    00 00
      5      1334.416 FD 1      0500 Tx -  9    01 02 03 04 05 06 07 08 09 0A 0B 0C
      6      1334.222 ER 1         - Rx -  5    04 00 02 00 00
      7      1334.224 EV 1  User-defined event for bus 1
      8      1334.225 EV -  User-defined event for all busses
      9      1334.231 ST 1         - Rx -  4    00 00 00 08
     10      1334.268 ER 1         - Rx -  5    04 01 02 08 01
     11      1334.643 EC 1         - Rx -  2    02 02
     12      1335.156 DT 1  18EFC034 Tx -  8    01 02 03 04 05 06 07 08
     13      1336.543 RR 1      0100 Rx -  3
     14      1336.643 FB 1      0100 Rx -  0
     15      1336.743 FE 1      0100 Rx -  1    01
     16      1336.843 BI 1  00000100 Rx -  1    01
"""
SEVEN, TWELVE = bytes([0, 0, 0, 0, 4, 0, 0]), bytes(range(1, 13))
SENDING = (ERROR, "can0", 8)
V1 = [
    (1059900, 0x300, 0, "can0", 7, SEVEN), (1298945, 0x400, TX, "can1", 2, bytes(2)),
    (1349222, BUS_ERROR | PROTOCOL | COUNTERS, *SENDING, bytes([0, 0, 0x80, 0x19, 0, 0, 8, 8])),
    (1352743, 0x100, REMOTE, "can0", 3, b""),
]  # fmt: skip


def day(number):
    """us since 1970, of days since 30 December 1899."""
    start = datetime(1899, 12, 30, tzinfo=timezone.utc) + timedelta(days=number)
    return round((start - datetime(1970, 1, 1, tzinfo=timezone.utc)) / timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("text", "start_us", "rows"),
    [
        (V1_0, 1031760020682000, [
            (1841000, 1, 0, "can0", 8, bytes(8)),
            (1842000, BUS_ERROR | PROTOCOL | COUNTERS, *SENDING, bytes([0, 0, 0x80, 0x19, 0, 0, 8, 8])),
            (1844000, 0x100, REMOTE, "can0", 3, b""), (1845000, 0x18EFC034, EXTENDED, "can0", 2, b"\1\2"),
        ]),
        (V1_1, day(37704.5364870833), [
            (us // 100 * 100, can_id, flags, "can0", *rest) for us, can_id, flags, _, *rest in V1
        ]),
        (V1_2, day(39878.6772258947), V1),
        (V1_3, day(40023.5245451516), V1),
        (V2_0, day(42209.4075997106), [
            (1059900, 0x300, 0, "can0", 7, SEVEN), (1298945, 0x400, TX, "can0", 2, bytes(2)),
            (1334416, 0x500, TX | FD, "can0", 12, TWELVE),
            (1334522, BUS_ERROR | PROTOCOL | COUNTERS, *SENDING, bytes([0, 0, 0x84, 2, 0, 0, 0, 0])),
            (1335156, 0x18EFC034, EXTENDED | TX, "can0", 8, bytes(range(1, 9))),
            (1336543, 0x100, REMOTE, "can0", 3, b""),
        ]),
        (V2_1, day(41766.4648963872), [
            (1059900, 0x300, 0, "can0", 7, SEVEN), (1298945, 0x400, TX, "can1", 2, bytes(2)),
            (1334416, 0x500, TX | FD, "can0", 12, TWELVE),
            (1334222, BUS_ERROR | PROTOCOL | COUNTERS, *SENDING, bytes([0, 0, 0x84, 2, 0, 0, 0, 0])),
            (1334268, BUS_ERROR | PROTOCOL | COUNTERS, *SENDING, bytes([0, 0, 4, 2, 0, 0, 1, 8])),
            (1335156, 0x18EFC034, EXTENDED | TX, "can0", 8, bytes(range(1, 9))),
            (1336543, 0x100, REMOTE, "can0", 3, b""),
            (1336643, 0x100, FD | BRS, "can0", 0, b""), (1336743, 0x100, FD | ESI, "can0", 1, b"\1"),
            (1336843, 0x100, FD | BRS | ESI | EXTENDED, "can0", 1, b"\1"),
        ]),
    ],
    ids=["1.0", "1.1", "1.2", "1.3", "2.0", "2.1"],
)  # fmt: skip
def test_every_version(tmp_path, text, start_us, rows):
    log, found = read_text(tmp_path, text)
    assert log.report.bad == []
    assert log.format == "trc"
    assert [(t // 1000 - start_us, *rest) for t, *rest in seen(found, log.buses)] == rows
    assert (found.t_ns % 1000 == 0).all()


@pytest.mark.parametrize("text", [V1_1, V1_3, V2_0, V2_1], ids=["1.1", "1.3", "2.0", "2.1"])
def test_every_version_agrees_with_python_can(tmp_path, text):
    """It reads no error frames, takes types FE and BI for each other's flags, and a DLC for a length."""
    log, found = read_text(tmp_path, text)
    found = found[(found.flags & ERROR) == 0]
    messages = list(can.TRCReader(tmp_path / "a.trc"))
    assert len(found) == len(messages)
    for i, message in enumerate(messages):
        flags = int(found.flags[i])
        assert round(message.timestamp * 1e6) == found.t_ns[i] // 1000
        assert message.arbitration_id == found.id[i]
        assert message.is_extended_id == bool(flags & EXTENDED)
        assert message.is_fd == bool(flags & FD)
        assert message.is_rx == (not flags & TX)
        assert message.is_remote_frame == bool(flags & REMOTE)
        assert bytes(message.data) == found.payload(i)
        assert f"can{message.channel - 1}" == log.buses[found.bus[i]]


@pytest.mark.parametrize(
    "text", [V1_0, V1_1, V1_2, V1_3, V2_0, V2_1], ids=["1.0", "1.1", "1.2", "1.3", "2.0", "2.1"]
)
def test_every_version_read_together_is_as_read_one_at_a_time(tmp_path, text):
    path = tmp_path / "a.trc"
    head = "".join(line + "\n" for line in text.splitlines() if line.startswith(";"))
    lines = [line for line in text.splitlines() if not line.startswith(";")]
    path.write_text(head + "".join(f"{line}\n" * 50 for line in lines) + "\n".join(lines * 50))
    log, together = read(path)
    with mock.patch.object(trc.Trc, "shape", return_value=None):
        slow, singly = read(path)
    assert seen(together, log.buses) == seen(singly, slow.buses)
    assert log.report.bad == slow.report.bad == []


def test_a_start_that_is_not_told(tmp_path):
    for text in (
        V2_0.replace("42209.4075997106", "0"),
        V1_1.replace(";$STARTTIME", ";$STOPTIME").replace("24.", ""),
    ):
        log, found = read_text(tmp_path, text)
        assert log.report.bad == []
        assert found.t_ns[0] == 1059900000


def test_bad_lines_are_located(tmp_path):
    good = "      1      1059.900 DT 1      0300 Rx -  2    00 01\n"
    bad = [
        "      1      1059.900 DT 1      0300 Rx -  3    00 01\n",
        "      1      1059.900 DT 1      0300 Rx -  2    00 1FF\n",
        "      1      1059.900 DT 1      FFFF Rx -  2    00 01\n",
        "      1      1059.900 DT x      0300 Rx -  2    00 01\n",
        "      1      1059.900 XX 1      0300 Rx -  2    00 01\n", "<html>\n", ";$FILEVERSION=9.9\n",
        "      1      10x9.900 DT 1      0300 Rx -  2    00 01\n", ";$COLUMNS=N,O\n", ";$STARTTIME=soon\n",
    ]  # fmt: skip
    header = ";$FILEVERSION=2.1\n"
    log, found = read_text(tmp_path, header + good + good.join(bad) + good)
    assert log.report.bad_count == len(bad)
    assert [line.split(": ")[0] for line in log.report.bad] == [
        f"{tmp_path / 'a.trc'}:{3 + 2 * i}" for i in range(len(bad))
    ]
    assert len(found) == len(bad) + 1


@given(batches(), st.sampled_from([".trc", ".trc.gz"]))
@settings(max_examples=60, deadline=None)
def test_written_and_read(tmp_path_factory, batch, suffix):
    path = tmp_path_factory.mktemp("log") / f"x{suffix}"
    assert write_log(path, [batch[:3], batch[3:]], ["can0", "can1"]) == len(batch)
    log, again = read(path)
    assert log.report.bad == []
    assert seen(again, log.buses) == seen(batch, ["can0", "can1"])


@given(batches())
@settings(max_examples=60, deadline=None)
def test_python_can_reads_what_we_write(tmp_path_factory, batch):
    path = tmp_path_factory.mktemp("log") / "x.trc"
    write_log(path, [batch], ["can0", "can1"])
    messages = list(can.TRCReader(path))
    batch = batch[(batch.flags & ERROR) == 0]  # it reads none
    assert len(messages) == len(batch)
    for i, message in enumerate(messages):
        flags = int(batch.flags[i])
        assert message.timestamp == pytest.approx(batch.t_ns[i] / 1e9, abs=1.5e-6)
        assert message.channel == batch.bus[i] + 1
        assert message.arbitration_id == batch.id[i]
        assert message.is_extended_id == bool(flags & EXTENDED)
        assert message.is_fd == bool(flags & FD)
        assert message.is_rx == (not flags & TX)
        assert message.is_remote_frame == bool(flags & REMOTE)
        assert bytes(message.data) == batch.payload(i)


@given(batches(kinds=(0, EXTENDED, TX)), st.sampled_from(["V1_0", "V2_1"]))
@settings(max_examples=60, deadline=None)
def test_we_read_what_python_can_writes(tmp_path_factory, batch, version):
    path = tmp_path_factory.mktemp("log") / "x.trc"
    with can.TRCWriter(path) as writer:
        writer.file_version = can.TRCFileVersion[version]
        for i in range(len(batch)):
            flags = int(batch.flags[i])
            writer(
                can.Message(
                    timestamp=int(batch.t_ns[i]) / 1e9, arbitration_id=int(batch.id[i]),
                    data=batch.payload(i),
                    is_extended_id=bool(flags & EXTENDED), is_rx=not flags & TX, channel=int(batch.bus[i]),
                )
            )  # fmt: skip
    log, again = read(path)
    assert log.report.bad == []
    kept = ~np.uint16(TX) if version == "V1_0" else 0xFFFF
    assert (again.id == batch.id).all()
    assert (again.flags & kept == batch.flags & kept).all()
    assert [again.payload(i) for i in range(len(again))] == [batch.payload(i) for i in range(len(batch))]
    assert abs(again.t_ns - batch.t_ns).max() <= (600_000 if version == "V1_0" else 2000)
    if version == "V2_1":
        assert [log.buses[bus] for bus in again.bus] == [f"can{bus}" for bus in batch.bus]


@given(
    batches(kinds=(0, EXTENDED, FD | BRS, FD | EXTENDED | BRS | TX), most=3),
    st.lists(st.tuples(st.integers(0, 2**16), st.integers(32, 126)), max_size=40),
)
@pytest.mark.fuzz
def test_lines_read_together_are_as_read_one_at_a_time(tmp_path_factory, batch, damage):
    path = tmp_path_factory.mktemp("log") / "x.trc"
    with path.open("wb") as file:
        writer = trc_writer.Writer(file, ["can0", "can1"])
        for i in range(60):
            writer.write(replace(batch, t_ns=batch.t_ns + i * 1000, data=batch.data ^ mask(batch, i)))
    raw = bytearray(path.read_bytes())
    for at, byte in damage:
        if raw[at % len(raw)] not in b"\r\n":
            raw[at % len(raw)] = byte
    one, all_at_once = Report(path), Report(path)
    with mock.patch.object(trc.Trc, "shape", return_value=None):
        singly = concat(list(trc.read(io.BytesIO(raw), one)))
    together = concat(list(trc.read(io.BytesIO(raw), all_at_once)))
    assert seen(singly, one.buses) == seen(together, all_at_once.buses)
    assert (one.bad_count, one.bad) == (all_at_once.bad_count, all_at_once.bad)


_LINES = st.sampled_from([V1_0, V1_1, V1_2, V1_3, V2_0, V2_1, *V2_1.splitlines(), *V1_0.splitlines()])


@given(
    st.lists(st.one_of(st.binary(max_size=60), _LINES.map(str.encode)), max_size=8),
    st.lists(st.tuples(st.integers(0, 900), st.integers(0, 255)), max_size=6),
)
@pytest.mark.fuzz
def test_any_bytes_give_frames_or_an_error(tmp_path_factory, lines, damage):
    raw = bytearray(b"\n".join(lines))
    for at, byte in damage:
        if at < len(raw):
            raw[at] = byte
    path = tmp_path_factory.mktemp("log") / "x.trc"
    path.write_bytes(raw)
    try:
        log, found = read(path)
    except LogError:
        return
    assert len(found) == log.frame_count > 0
    assert (found.id < 2**29).all()
