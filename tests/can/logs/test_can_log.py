import contextlib
import gzip

import can
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from log_rows import read

from edge.can.frames import BRS, ERROR, ESI, EXTENDED, FD, FD_LENGTHS, REMOTE, TX, frames
from edge.can.logs.reader import read_log
from edge.can.logs.report import LogError
from edge.can.logs.writer import write_log

KINDS = [0, EXTENDED, FD, FD | EXTENDED | BRS, FD | ESI, REMOTE, EXTENDED | TX]


@st.composite
def batches(draw):
    rows = []
    for _ in range(draw(st.integers(1, 12))):
        flags = draw(st.sampled_from(KINDS))
        length = 0 if flags & REMOTE else draw(st.sampled_from(FD_LENGTHS if flags & FD else range(9)))
        rows.append((
            draw(st.integers(0, 2 * 10**9)) * 1000 + 1_600_000_000_000_000_000,
            draw(st.integers(0, 2**29 - 1 if flags & EXTENDED else 0x7FF)),
            flags,
            draw(st.integers(0, 1)),
            draw(st.binary(min_size=length, max_size=length)),
        ))  # fmt: skip
    return frames(*zip(*rows, strict=True))


def seen(batch, buses):
    return [
        (int(batch.t_ns[i]), int(batch.id[i]), int(batch.flags[i]), buses[batch.bus[i]], batch.payload(i))
        for i in range(len(batch))
    ]


@given(batches(), st.sampled_from([".log", ".log.gz"]))
@settings(max_examples=60, deadline=None)
def test_candump_written_and_read(tmp_path_factory, batch, suffix):
    path = tmp_path_factory.mktemp("log") / f"x{suffix}"
    assert write_log(path, [batch], ["can0", "vcan1"]) == len(batch)
    log, again = read(path)
    assert log.report.bad_count == 0
    assert seen(again, log.buses) == seen(batch, ["can0", "vcan1"])


@given(batches())
@settings(max_examples=60, deadline=None)
def test_python_can_reads_what_we_write(tmp_path_factory, batch):
    path = tmp_path_factory.mktemp("log") / "x.log"
    write_log(path, [batch], ["can0", "vcan1"])
    messages = list(can.CanutilsLogReader(path))
    assert len(messages) == len(batch)
    for i, message in enumerate(messages):
        assert message.arbitration_id == batch.id[i]
        assert message.is_extended_id == bool(batch.flags[i] & EXTENDED)
        assert message.is_fd == bool(batch.flags[i] & FD)
        assert message.is_remote_frame == bool(batch.flags[i] & REMOTE)
        assert bytes(message.data) == batch.payload(i)
        assert message.timestamp == pytest.approx(batch.t_ns[i] / 1e9, abs=1e-6)


@given(batches(), st.sampled_from(["asc", "log", "blf", "trc", "csv"]))
@settings(max_examples=60, deadline=None)
def test_we_read_what_python_can_writes(tmp_path_factory, batch, suffix):
    path = tmp_path_factory.mktemp("log") / f"x.{suffix}"
    if suffix == "trc":
        batch = batch[(batch.flags & (FD | REMOTE)) == 0]
    if suffix == "csv":
        batch = batch[(batch.flags & FD) == 0]  # its columns do not hold that
    if not len(batch):
        return
    with can.Logger(path) as logger:
        for i in np.argsort(batch.t_ns, kind="stable"):
            flags = int(batch.flags[i])
            logger(
                can.Message(
                    timestamp=int(batch.t_ns[i]) / 1e9, arbitration_id=int(batch.id[i]),
                    data=batch.payload(i),
                    is_extended_id=bool(flags & EXTENDED), is_fd=bool(flags & FD), is_rx=not flags & TX,
                    bitrate_switch=bool(flags & BRS), error_state_indicator=bool(flags & ESI),
                    is_remote_frame=bool(flags & REMOTE), channel=int(batch.bus[i]),
                )
            )  # fmt: skip
    log, again = read(path)
    ordered = batch[np.argsort(batch.t_ns, kind="stable")]
    assert log.report.bad_count == 0, log.report.bad
    kept = 0xFFFF if suffix in ("asc", "log", "blf") else 0xFFFF & ~TX
    assert (again.id == ordered.id).all()
    assert ((again.flags & kept) == (ordered.flags & kept)).all()
    assert [again.payload(i) for i in range(len(again))] == [ordered.payload(i) for i in range(len(ordered))]
    if suffix not in ("csv", "trc"):
        assert [log.buses[b] for b in again.bus] == [f"can{b}" for b in ordered.bus]
    relative = (again.t_ns - again.t_ns[0]) - (ordered.t_ns - ordered.t_ns[0])
    assert abs(relative).max() <= (100_000 if suffix == "trc" else 1000)


def test_lines_of_candump(tmp_path):
    path = tmp_path / "a.log"
    path.write_text(
        "(1533226488.230547) can0 260#08FFFB0000001884\n"
        "(1533226488.230547123) can0 1ABCDEF0#11 T\n"
        "(0000000001.5) slcan0 123#R8\n"
        "(0000000001.5) slcan0 123#\n"
        "(0000000001.5) slcan0 20000080#0000000000000000\n"
        "(0000000001.5) can0 7FF##5112233\n"
        "(0000000001.5) can0 321#1122334455667788_9 R\n"
    )
    log, found = read(path)
    assert log.report.bad_count == 0
    assert log.buses == ["can0", "slcan0"]
    assert seen(found, log.buses) == [
        (1533226488230547000, 0x260, 0, "can0", bytes.fromhex("08FFFB0000001884")),
        (1533226488230547123, 0x1ABCDEF0, EXTENDED | TX, "can0", b"\x11"),
        (1500000000, 0x123, REMOTE, "slcan0", b""),
        (1500000000, 0x123, 0, "slcan0", b""),
        (1500000000, 0x80, ERROR, "slcan0", bytes(8)),
        (1500000000, 0x7FF, FD | BRS, "can0", b"\x11\x22\x33"),
        (1500000000, 0x321, 0, "can0", bytes.fromhex("1122334455667788")),
    ]


def test_savvycan_with_direction(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        "Time Stamp,ID,Extended,Dir,Bus,LEN,D1,D2,D3,D4,D5,D6,D7,D8,\n"
        "166064000,0000021A,false,Rx,0,8,FE,36,12,FE,69,05,07,AD,\n"
        "166065000,18FF0001,true,Tx,1,2,01,02,,,,,,,\n"
        "166065000,18FF0001,true,Tx,Rx,2,01,02,,,,,,,\n"
    )
    log, found = read(path)
    assert seen(found, log.buses) == [
        (166064000000, 0x21A, 0, "can0", bytes.fromhex("FE3612FE690507AD")),
        (166065000000, 0x18FF0001, EXTENDED | TX, "can1", b"\x01\x02"),
    ]
    assert log.report.bad_count == 1
    assert log.report.bad[0].startswith(f"{path}:4: ")


def test_bad_lines_are_counted_and_located(tmp_path):
    path = tmp_path / "a.log"
    good = "(1.000000) can0 123#11\n"
    path.write_text(
        good + "garbage\n" + good + "(1.000000) can0 FFF#11\n(1.0) can0 123##0" + "00" * 9 + "\n" + good
    )
    log, found = read(path)
    assert len(found) == 3
    assert [line.split(": ")[0] for line in log.report.bad] == [f"{path}:{n}" for n in (2, 4, 5)]
    assert log.report.bad_count == 3


def test_file_without_a_frame_is_an_error(tmp_path):
    cases = {
        "a.log": b"nothing\n",
        "b.txt": b"\x00\x01",
        "c.blf": b"LOGGxx",
        "d.csv": b"Time Stamp,ID,Extended,Bus,LEN\n",
    }
    cases["e.log"] = b""
    for name, content in cases.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(LogError, match=name):
            list(read_log(path))
    with pytest.raises(LogError, match="missing"):
        read_log(tmp_path / "missing.log")
    with pytest.raises(LogError, match="cannot be read"):
        read_log(tmp_path)


def test_cut_gzip_gives_what_is_there(tmp_path):
    path = tmp_path / "a.log.gz"
    text = "".join(f"({i}.000000) can0 {i % 2048:03X}#{i * 7919 % 65536:04X}\n" for i in range(200_000))
    whole = gzip.compress(text.encode())
    path.write_bytes(whole[: len(whole) // 2])
    log, found = read(path)
    assert 0 < len(found) < 200_000
    assert any("damaged" in line for line in log.report.bad)


_LINES = st.sampled_from([
    "(1533226488.230547) can0 260#08FFFB0000001884", "date Mon", "base hex  timestamps absolute",
    "Time Stamp,ID,Extended,Bus,LEN,D1,D2,D3,D4,D5,D6,D7,D8", "303004300,00000450,false,0,3,00,C2,05",
    "   0.083540 0  594\tRx   d 8 34 21 34 21 A0 62 01 20 ", " 0.5 CANFD 1 Rx 123 1 0 9 12 00 01",
])  # fmt: skip


@given(
    st.lists(st.one_of(st.binary(max_size=60), _LINES.map(str.encode)), max_size=12),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=5),
    st.sampled_from([".log", ".asc", ".csv", ".blf", ".trc", ".gz", ""]),
)
@settings(max_examples=300, deadline=None)
def test_any_bytes_give_frames_or_an_error(tmp_path_factory, lines, damage, suffix):
    raw = bytearray(b"\n".join(lines))
    for at, byte in damage:
        if at < len(raw):
            raw[at] = byte
    path = tmp_path_factory.mktemp("log") / f"x{suffix}"
    path.write_bytes(raw)
    try:
        log, found = read(path)
    except LogError:
        pass
    else:
        assert len(found) == log.frame_count > 0


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=8), st.integers(0, 2000))
@settings(max_examples=60, deadline=None)
def test_damaged_blf_gives_frames_or_an_error(tmp_path_factory, damage, cut):
    path = tmp_path_factory.mktemp("log") / "x.blf"
    with can.BLFWriter(path) as writer:
        for i in range(20):
            writer(can.Message(timestamp=1.6e9 + i, arbitration_id=i, data=[i] * (i % 9), channel=0))
    raw = bytearray(path.read_bytes())
    for at, byte in damage:
        raw[at % len(raw)] = byte
    path.write_bytes(raw[: max(1, len(raw) - cut % len(raw))])
    with contextlib.suppress(LogError):
        list(read_log(path))


def test_real_logs_agree_with_python_can(real):
    ours, found = read(real / "toyota_rav4" / "drive.log.gz")
    assert ours.report.bad_count == 0
    with gzip.open(real / "toyota_rav4" / "drive.log.gz", "rt") as file:
        for i, message in zip(range(5000), can.CanutilsLogReader(file), strict=False):
            assert message.arbitration_id == found.id[i]
            assert message.channel == ours.buses[found.bus[i]]
            assert bytes(message.data) == found.payload(i)
    assert len(found) == 98800
