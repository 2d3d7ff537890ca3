import io
import re
import shutil
import subprocess
from dataclasses import replace
from unittest import mock

import can
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from log_rows import mask, read, seen

from edge.can.frames import BRS, ERROR, ESI, EXTENDED, FD, FD_LENGTHS, REMOTE, TX, concat, frames
from edge.can.logs import asc, asc_writer
from edge.can.logs.report import LogError, Report
from edge.can.logs.writer import write_log

KINDS = [0, EXTENDED, FD, FD | EXTENDED | BRS, FD | ESI | TX, REMOTE, EXTENDED | TX, ERROR]
START = "date Sat Sep 30 03:06:13.191 pm 2017\nbase hex  timestamps absolute\n"
START_NS = 1506783973191000000


@st.composite
def batches(draw, kinds=tuple(KINDS), most=12):
    rows = []
    for _ in range(draw(st.integers(1, most))):
        flags = draw(st.sampled_from(kinds))
        length = 8 if flags & ERROR else draw(st.sampled_from(FD_LENGTHS if flags & FD else range(9)))
        data = (
            bytes(length) if flags & (REMOTE | ERROR) else draw(st.binary(min_size=length, max_size=length))
        )
        can_id = 0x80 if flags & ERROR else draw(st.integers(0, 2**29 - 1 if flags & EXTENDED else 0x7FF))
        t_ns = draw(st.integers(0, 2 * 10**9)) * 1000 + 1_600_000_000_000_000_000
        rows.append((t_ns, can_id, flags, draw(st.integers(0, 1)), data))
    return frames(*zip(*sorted(rows), strict=True))


def read_text(tmp_path, text, encoding="latin-1"):
    path = tmp_path / "a.asc"
    path.write_bytes(text.encode(encoding))
    return read(path)


def test_lines(tmp_path):
    log, found = read_text(
        tmp_path,
        START + "// version 9.0.0\ninternal events logged\n"
        "Begin Triggerblock Sat Sep 30 03:06:13.191 pm 2017\n   0.000000 Start of measurement\n"
        "   0.015991 1  Statistic: D 117 R 0 XD 2 XR 0 E 0 O 0 B 3.04%\n"
        "   0.015991 CAN 1 Status:chip status error passive - TxErr: 132 RxErr: 0\n"
        "   0.100000 2  594             Rx   d 3 34 21 A0  Length = 0 BitCount = 0\n"
        "   0.150000 1  180             Tx   d D 55 AA 01 02 03 04 05 06  Length = 232016 BitCount = 119\n"
        "   0.200000 1  18FEF100x       Tx   d 1 7F\n"
        "   0.210000 1  18FEF100x       TxRq d 1 7F\n"
        "   0.220000 1  J1939TP FEE3p 6 0 0 - Rx d 23 A0 0F A6 60 3B D1 40 1F DE 80 25 DF C0 2B\n"
        "   0.300000 1  100             Rx   r\n"
        "   0.310000 1  100             Rx   r 8 Length = 1704000 BitCount = 145 ID = 256\n"
        "   0.320000 1  EngineData      Rx   d 1 01  Length = 0 BitCount = 0 ID = 419361024x\n"
        "   0.330000 1  Bad             Rx   d 0  Length = 0 BitCount = 0 ID = 100\n"
        "   0.400000 1  ErrorFrame ECC: 10100010\n"
        "   0.500000 CANFD   1 Rx        123                                   1 0 9 12 "
        "00 01 02 03 04 05 06 07 08 09 0a 0b   130000  130 303000 e0006659 46500250 4b140250\n"
        "   0.600000 CANFD   1 Rx        124  Name_of_it     0 1 2 2 aa bb  0 0 0 0 0 0 0 0\n"
        "   0.610000 CANFD   1 Rx        0x125     0 0 0 0 130000  130 301000 0 0 0\n"
        "   0.620000 CANFD   1 Rx        125     0 0 1 1 7F 130000  130 200040 0 0 0\n"
        "   0.630000 CANFD   3 Tx     50005x      0 0 5 0 140000 73 200050 7a60 46500250 460a0250\n"
        "   0.700000 CANFD   1 Tx ErrorFrame Not Acknowledge error, dominant error flag fffe c7 31ca Arb.\n"
        "   0.800000 CANXL   2 Rx   CBFF   243215   176      432  Name f 8 e1 89 e8 c2 b9 6d 5a f1 174 0 0\n"
        "   0.900000 CANXL   2 Rx   FBFF   243215   176      432  Name 9 12 e1 89 e8 c2 b9 6d 5a f1 11"
        " 22 33 44 a 12345 00003240 00000000\n"
        "End TriggerBlock\n",
    )
    assert log.report.bad == []
    eight = bytes.fromhex("55AA010203040506")
    xl = bytes.fromhex("e189e8c2b96d5af1")
    at = [(t - START_NS, *rest) for t, *rest in seen(found, log.buses)]
    assert at == [
        (100000000, 0x594, 0, "can1", 3, b"\x34\x21\xa0"),
        (150000000, 0x180, TX, "can0", 8, eight),
        (200000000, 0x18FEF100, EXTENDED | TX, "can0", 1, b"\x7f"),
        (300000000, 0x100, REMOTE, "can0", 0, b""),
        (310000000, 0x100, REMOTE, "can0", 8, b""),
        (320000000, 0x18FEF100, EXTENDED, "can0", 1, b"\x01"),
        (330000000, 100, 0, "can0", 0, b""),
        (400000000, 0x80, ERROR, "can0", 8, bytes(8)),
        (500000000, 0x123, FD | BRS, "can0", 12, bytes(range(12))),
        (600000000, 0x124, FD | ESI, "can0", 2, b"\xaa\xbb"),
        (610000000, 0x125, FD, "can0", 0, b""),
        (620000000, 0x125, 0, "can0", 1, b"\x7f"),
        (630000000, 0x50005, REMOTE | EXTENDED | TX, "can2", 5, b""),
        (700000000, 0x80, ERROR | TX, "can0", 8, bytes(8)),
        (800000000, 0x432, 0, "can1", 8, xl),
        (900000000, 0x432, FD | BRS, "can1", 12, xl + bytes.fromhex("11223344")),
    ]


@pytest.mark.parametrize(
    ("line", "ns"),
    [
        ("Sam Sep 30 15:06:13.191 2017", START_NS),
        ("Sat Sep 30 03:06:13.191 pm 2017", START_NS),
        ("Sat Sep 30 12:06:13 AM 2017", START_NS // 10**9 * 10**9 - 15 * 3600 * 10**9),
        ("Die Okt 24 12:00:00.5 2023", 1698148800500000000),
        ("Mit M\xe4r 1 00:00:00 2023", 1677628800000000000),
        ("Don Dez 7 00:00:00 2023", 1701907200000000000),
        ("Mit Mai 3 00:00:00 2023", 1683072000000000000),
        ("mar. 28 mars 2023 00:00:00", 1679961600000000000),
        ("Wed, 08 Nov 2023 21:17:01 GMT", 1699478221000000000),
        ("Mon Feb 30 10:00:00 2023", 0),
        ("today", 0),
    ],
)
@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_dates(tmp_path, line, ns, encoding):
    _, found = read_text(tmp_path, f"date {line}\nbase hex\n 0.0 1 1 Rx d 0\n", encoding)
    assert found.t_ns.tolist() == [ns]


def test_dates_agree_with_python_can(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    for date in (
        "Sam Sep 30 15:06:13.191 2017",
        "Thu Apr 28 10:44:52.480 am 2022",
        "Die Mär 7 23:59:59 2023",
    ):
        path = tmp_path / "a.asc"
        path.write_text(
            f"date {date}\nbase hex  timestamps absolute\ninternal events logged\n  0.5 1  1  Rx   d 1 01\n",
            "utf-8",
        )
        (message,) = can.ASCReader(path, relative_timestamp=False)
        assert read(path)[1].t_ns[0] == round(message.timestamp * 1e6) * 1000


def test_a_trigger_block_tells_the_start(tmp_path):
    text = START + "Begin Triggerblock Sat Sep 30 04:06:13.191 pm 2017\n 1.0 1 1 Rx d 0\nEnd TriggerBlock\n"
    text += "Begin Triggerblock Sat Sep 30 04:10:13.191 pm 2017\n 240.0 1 1 Rx d 0\nEnd TriggerBlock\n"
    text += "Begin Triggerblock Sat Sep 30 05:06:13.191 pm 2017\n 1.5 1 1 Rx d 0\nEnd TriggerBlock\n"
    _, found = read_text(tmp_path, text)
    assert ((found.t_ns - START_NS) / 1e9).tolist() == [3601.0, 3840.0, 7201.5]


def test_relative_times_and_base_dec(tmp_path):
    text = "base dec  timestamps relative\n 0.5 1  256  Rx   d 2 16 255\n 0.25 1  Statistic: D 1\n"
    text += " 0.25 1  300x  Tx   d 0\n"
    log, found = read_text(tmp_path, text)
    assert log.report.bad == []
    assert found.t_ns.tolist() == [500_000_000, 1_000_000_000]
    assert found.id.tolist() == [256, 300]
    assert found.payload(0) == b"\x10\xff"


def test_channels_from_0(tmp_path):
    log, found = read_text(tmp_path, "base hex\n 0.1 1 1 Rx d 0\n 0.2 0 1 Rx d 0\n")
    assert [log.buses[bus] for bus in found.bus] == ["can1", "can0"]


def test_bad_lines_are_located(tmp_path):
    good = "   0.100000 1  594             Rx   d 1 34\n"
    bad = [
        "   0.100000 1  594             Rx   d 3 34 21\n", "   0.100000 1  FFF             Rx   d 1 34\n",
        "   0.100000 1  594             R   d 1 34\n", "   0.100000 1  594             Rx   d 2 34 1FF\n",
        "<html>\n", "   0.1 CANFD   1 Rx   123   1 0 9 12 00 01\n",
        "   0.1 CANFD   1 Rx   123   1 0 9 10" + " 00" * 10 + "\n",
        "   0.1 CANXL   1 Rx   XLFF   984438   4656\n", "   0.100000 1  5940000x       Rx   d 1 xx\n",
    ]  # fmt: skip
    log, found = read_text(tmp_path, START + good + good.join(bad) + good)
    assert log.report.bad_count == len(bad)
    assert [line.split(": ")[0] for line in log.report.bad] == [
        f"{tmp_path / 'a.asc'}:{4 + 2 * i}" for i in range(len(bad))
    ]
    assert len(found) == len(bad) + 1


@given(batches(), st.sampled_from([".asc", ".asc.gz"]))
@settings(max_examples=60, deadline=None)
def test_written_and_read(tmp_path_factory, batch, suffix):
    path = tmp_path_factory.mktemp("log") / f"x{suffix}"
    assert write_log(path, [batch[:3], batch[3:]], ["can0", "can1"]) == len(batch)
    log, again = read(path)
    assert log.report.bad == []
    kept = [(t, i, f & ~TX if f & ERROR else f, *rest) for t, i, f, *rest in seen(batch, ["can0", "can1"])]
    assert seen(again, log.buses) == kept


@given(batches())
@settings(max_examples=60, deadline=None)
def test_python_can_reads_what_we_write(tmp_path_factory, batch):
    path = tmp_path_factory.mktemp("log") / "x.asc"
    write_log(path, [batch], ["can0", "can1"])
    messages = list(can.ASCReader(path))
    start_ns = int(batch.t_ns[0]) // 10**6 * 10**6
    assert len(messages) == len(batch)
    for i, message in enumerate(messages):
        flags = int(batch.flags[i])
        assert message.timestamp == pytest.approx((int(batch.t_ns[i]) - start_ns) / 1e9, abs=1e-9)
        assert message.channel == batch.bus[i]
        assert message.is_error_frame == bool(flags & ERROR)
        if flags & ERROR:
            continue
        assert message.arbitration_id == batch.id[i]
        assert message.is_extended_id == bool(flags & EXTENDED)
        assert message.is_fd == bool(flags & FD)
        assert message.is_rx == (not flags & TX)
        assert message.dlc == batch.length[i]
        assert bytes(message.data) == batch.payload(i)
        assert (message.bitrate_switch, message.error_state_indicator) == (
            bool(flags & BRS),
            bool(flags & ESI),
        )
        if not (flags & FD and not batch.length[i]):  # it takes an FD frame of no bytes for a remote one
            assert message.is_remote_frame == bool(flags & REMOTE)


def candump_words(batch, i):
    """A frame as candump -l writes it, after the time."""
    flags, data = int(batch.flags[i]), batch.payload(i).hex().upper()
    if flags & ERROR:
        return [f"can{batch.bus[i]}", "20000080#0000000000000000"]
    if flags & FD:
        data = f"#{bool(flags & BRS) | bool(flags & ESI) << 1:X}{data}"
    if flags & REMOTE:
        data = f"R{batch.length[i] or ''}"
    name = f"{batch.id[i]:08X}" if flags & EXTENDED else f"{batch.id[i]:03X}"
    return [f"can{batch.bus[i]}", f"{name}#{data}", "T" if flags & TX else "R"]


@given(batches())
@settings(max_examples=20, deadline=None)
def test_can_utils_reads_what_we_write(tmp_path_factory, batch):
    if not shutil.which("asc2log"):
        pytest.skip("no asc2log (can-utils) on this machine")
    path = tmp_path_factory.mktemp("log") / "x.asc"
    write_log(path, [batch], ["can0", "can1"])
    # it may lack the locale that the date needs, and then counts from now: times are compared by difference
    text = subprocess.run(["asc2log", "-I", path], capture_output=True, text=True, check=True).stdout
    # newer ones set 4 in the flags of CAN FD
    text = re.sub("##([4-7])", lambda found: f"##{int(found[1]) - 4}", text)
    lines = [line.split() for line in text.splitlines()]
    assert [words[1:] for words in lines] == [candump_words(batch, i) for i in range(len(batch))]
    times = [int(words[0].strip("()").replace(".", "")) for words in lines]
    assert [t - times[0] for t in times] == ((batch.t_ns - batch.t_ns[0]) // 1000).tolist()


@given(batches())
@settings(max_examples=30, deadline=None)
def test_we_read_what_can_utils_writes(tmp_path_factory, batch):
    if not shutil.which("log2asc"):
        pytest.skip("no log2asc (can-utils) on this machine")
    path = tmp_path_factory.mktemp("log") / "x.log"
    times = [f"({t // 10**9}.{t // 1000 % 10**6:06})" for t in batch.t_ns.tolist()]
    path.write_text("".join(f"{time} {' '.join(candump_words(batch, i))}\n" for i, time in enumerate(times)))
    text = subprocess.run(
        ["log2asc", "-I", path, "can0", "can1"], capture_output=True, text=True, check=True
    ).stdout
    path.with_suffix(".asc").write_text(text)
    log, found = read(path.with_suffix(".asc"))
    assert log.report.bad == []
    second = 1_000_000_000  # its date has no fraction of a second
    rest = int(batch.t_ns[0]) % second
    ours = [(t - rest, *more) for t, *more in seen(batch, ["can0", "can1"])]
    assert seen(found, log.buses) == ours


@given(
    batches(kinds=(0, EXTENDED, FD | BRS, FD | EXTENDED | BRS | TX), most=3),
    st.lists(st.tuples(st.integers(0, 2**16), st.integers(32, 126)), max_size=40),
)
@pytest.mark.fuzz
def test_lines_read_together_are_as_read_one_at_a_time(tmp_path_factory, batch, damage):
    path = tmp_path_factory.mktemp("log") / "x.asc"
    with path.open("wb") as file:
        writer = asc_writer.Writer(file, ["can0", "can1"])
        for i in range(60):
            writer.write(replace(batch, t_ns=batch.t_ns + i * 1000, data=batch.data ^ mask(batch, i)))
    raw = bytearray(path.read_bytes())
    for at, byte in damage:
        if raw[at % len(raw)] not in b"\n ":  # no new word: two in the column of the name are let pass
            raw[at % len(raw)] = byte
    one, all_at_once = Report(path), Report(path)
    with mock.patch.object(asc.Asc, "shape", return_value=None):
        singly = concat(list(asc.read(io.BytesIO(raw), one)))
    together = concat(list(asc.read(io.BytesIO(raw), all_at_once)))
    assert seen(singly, one.buses) == seen(together, all_at_once.buses)
    assert (one.bad_count, one.bad) == (all_at_once.bad_count, all_at_once.bad)


_LINES = st.sampled_from([
    START, "Begin Triggerblock Sat Sep 30 03:06:13.191 pm 2017", "base dec  timestamps relative",
    "   0.083540 0  594\tRx   d 8 34 21 34 21 A0 62 01 20 ", " 0.5 CANFD 1 Rx 123 1 0 9 12 00 01",
    "   0.1 CANXL   2 Rx   CBFF   243215   176      432  Name f 8 e1 89 e8 c2 b9 6d 5a f1 174 0 0",
    "   0.310000 1  100x            Rx   r 8 Length = 1704000 BitCount = 145 ID = 256",
])  # fmt: skip


@given(
    st.lists(st.one_of(st.binary(max_size=60), _LINES.map(str.encode)), max_size=12),
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=6),
)
@pytest.mark.fuzz
def test_any_bytes_give_frames_or_an_error(tmp_path_factory, lines, damage):
    raw = bytearray(b"\n".join(lines))
    for at, byte in damage:
        if at < len(raw):
            raw[at] = byte
    path = tmp_path_factory.mktemp("log") / "x.asc"
    path.write_bytes(raw)
    try:
        log, found = read(path)
    except LogError:
        return
    assert len(found) == log.frame_count > 0
    assert (found.id < 2**29).all()


def test_real_log_agrees_with_python_can(real):
    log, found = read(real / "kona_ev" / "bms_idle.asc")
    assert (log.report.bad_count, log.buses) == (0, ["can0"])
    messages = list(can.ASCReader(real / "kona_ev" / "bms_idle.asc"))
    assert len(found) == len(messages) == 543
    for i, message in enumerate(messages):
        assert message.arbitration_id == found.id[i]
        assert bytes(message.data) == found.payload(i)
        assert round(message.timestamp * 1e6) * 1000 + 1699478221000000000 == found.t_ns[i]
