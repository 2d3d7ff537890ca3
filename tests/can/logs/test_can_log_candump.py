import io
import shutil
import subprocess
from pathlib import Path
from unittest import mock

import can
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_rows import read, seen

from edge.can.frames import BRS, ERROR, ESI, EXTENDED, FD, FD_LENGTHS, REMOTE, TX, concat, frames
from edge.can.logs import candump, text
from edge.can.logs.reader import read_log
from edge.can.logs.report import LogError, Report
from edge.can.logs.writer import write_log

CONSOLE = """\
  can0  123   [8]  11 22 33 44 55 66 77 88
  can0  123   [0] 
  can0  12345678   [2]  AB CD
 (1436509052.249713)  vcan0       123   [4]  remote request
 (1436509052.249713)   can0  20000004   [8]  00 08 00 00 00 00 00 00   ERRORFRAME
\tcontroller-problem{rx-error-warning}
 (1436509052.249713)  vcan0  RX - -  1F334455   [3]  41 42 07                  'AB.'
 (1436509052.249713)  vcan0  TX B E       321  [12]  00 01 02 03 04 05 06 07 08 09 0A 0B
 (000.004000)  can0  123   {F}  11 22 33 44 55 66 77 88
 (2020-09-13 12:26:41.000001)  can0  123   [3]  33`22`11
 (2020-09-13 12:26:41.000001)  can0  123   [2]  00010001 00100010
 \x1b[31m(1436509052.249713)  \x1b[32mcan0  123   [1]  11\x1b[0m
DROPCOUNT: dropped 7 CAN frames on 'can0' socket (total drops 7)
"""


def parsed(content, alike, block_bytes=1 << 20, shape=candump.shape):
    """What the lines say, those that are alike read together from so many on."""
    report = Report("x.log")
    file = io.BytesIO(content)
    with mock.patch.object(text, "_ALIKE", alike), mock.patch.object(text, "_BLOCK_BYTES", block_bytes):
        batch = concat(list(text.read_lines(file, report, candump.Candump(report), shape)))
    return seen(batch, report.buses), report.bad_count, report.bad, report.lost


def test_console_output(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(CONSOLE)
    log, found = read(path)
    assert log.report.bad == []
    assert log.report.lost == 7
    absolute, day = 1436509052249713000, 1600000001000001000
    assert seen(found, log.buses) == [
        (0, 0x123, 0, "can0", 8, bytes.fromhex("1122334455667788")),
        (0, 0x123, 0, "can0", 0, b""),
        (0, 0x12345678, EXTENDED, "can0", 2, b"\xab\xcd"),
        (absolute, 0x123, REMOTE, "vcan0", 4, b""),
        (absolute, 4, ERROR, "can0", 8, bytes.fromhex("0008000000000000")),
        (absolute, 0x1F334455, EXTENDED, "vcan0", 3, b"AB\x07"),
        (absolute, 0x321, FD | BRS | ESI | TX, "vcan0", 12, bytes(range(12))),
        (4_000_000, 0x123, 0, "can0", 8, bytes.fromhex("1122334455667788")),
        (day, 0x123, 0, "can0", 3, b"\x11\x22\x33"),
        (day, 0x123, 0, "can0", 2, b"\x11\x22"),
        (absolute, 0x123, 0, "can0", 1, b"\x11"),
    ]
    assert len(log.report.notes) == 2


@pytest.mark.parametrize(
    ("stamps", "expected_ms"),
    [
        ([0, 10, 11, 10, 9, 10, 12], [0, 10, 21, 31, 40, 50, 62]),  # candump -t d
        ([0, 10, 21, 31, 40, 50, 62], [0, 10, 21, 31, 40, 50, 62]),  # candump -t z
    ],
)
def test_times_from_the_frame_before_or_from_the_first(tmp_path, stamps, expected_ms):
    path = tmp_path / "a.txt"
    path.write_text("".join(f" (000.{ms * 1000:06d})  can0  123   [1]  11\n" for ms in stamps))
    _, found = read(path)
    assert (found.t_ns // 1_000_000).tolist() == expected_ms


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("(1.0) can0 FFF#11", "more than 11 bits"),
        ("(1.0) can0 FFFFFFFF#11", "more than 29 bits"),
        ("(1.0) can0 1234#11", "3 or 8 hex digits"),
        ("(1.0) can0 123#1122334455667788AA", "9 bytes"),
        ("(1.0) can0 123##0" + "11" * 9, "9 bytes"),
        ("(1.0) can0 123##0" + "11" * 65, "65 bytes"),
        ("(1.0) can0 123#112", "half a byte"),
        ("(1.0) can0 123#11GG", "not hexadecimal"),
        ("(1.0) can0 00123#81:00:11223344#001122", "CAN XL"),
        (" (1.0)  can0  123 [0003] (00|81:00:11223344) 00 11 22", "CAN XL"),
        ("  can0  123   [8]  11 22", "not 8 bytes"),
        ("  can0  123   [1]  11 22", "more than the 1 bytes"),
        (" (2020-13-45 12:26:41.000001)  can0  123   [1]  11", "a date"),
        ("(99999999999.0) can0 123#11", "out of all range"),
        ("(1.0) can0 123#11\0", "candump line|hexadecimal"),
        ("\x7fELF\x02\x01", "not a candump line"),
        (" " * 60_000 + "x", "not a candump line"),
    ],
)
def test_a_bad_line_says_what_is_wrong(tmp_path, line, why):
    path = tmp_path / "a.log"
    good = "(0000000001.000000) can0 123#11\n"
    path.write_bytes((good * 20 + line + "\n" + good * 20).encode("latin-1"))
    log, found = read(path)
    assert len(found) == 40
    assert log.report.bad_count == 1
    assert log.report.bad[0].startswith(f"{path}:21: ")
    with pytest.raises(AssertionError, match=why):
        raise AssertionError(log.report.bad[0])


hex_digits = st.sampled_from(["0123456789ABCDEF", "0123456789abcdef"])


@st.composite
def lines(draw):
    """A line as candump writes it, in one of few layouts, so that many are alike."""
    digits = draw(hex_digits)
    time = f"({draw(st.integers(0, 2**35)):010d}.{draw(st.integers(0, 999_999)):06d})"
    if draw(st.integers(0, 5)) == 0:
        time = time[:-1] + f"{draw(st.integers(0, 999)):03d})"
    bus = draw(st.sampled_from(["can0", "can1", "vcan0", "a_long_name"]))
    width = draw(st.sampled_from([3, 3, 8]))
    top = "01234567" if width == 3 else "01"
    can_id = draw(st.sampled_from(top)) + draw(st.text(digits, min_size=width - 1, max_size=width - 1))
    length = draw(st.sampled_from([8, 8, 8, 8, 0, 1, 2, 3, 4, 5, 6, 7]))
    kind = draw(st.integers(0, 9))
    if kind == 0:
        length = draw(st.sampled_from(FD_LENGTHS))
    data = [draw(st.text(digits, min_size=2, max_size=2)) for _ in range(length)]
    suffix = draw(st.sampled_from(["", "", " R", " T"]))
    if kind < 7:
        mark = f"#{draw(st.sampled_from('0145'))}" if kind == 0 else ""
        return f"{time} {bus} {can_id}#{mark}{'R' if kind == 1 else ''.join(data)}{suffix}"
    ask = kind == 7
    tail = f"   '{'.' * length}'" if kind == 8 else ""
    return (
        f" {time}  {bus}  {can_id:>8}   [{length}] {' remote request' if ask else ' ' + ' '.join(data)}{tail}"
    )


@st.composite
def damaged(draw):
    """Good lines, among them damaged ones and anything."""
    some = draw(
        st.lists(st.one_of(lines(), lines(), lines(), st.sampled_from(CONSOLE.splitlines())), max_size=6)
    )
    many = draw(st.lists(st.sampled_from(some), max_size=40)) if some else []
    content = [line.encode() for line in [*some, *many]]
    for _ in range(draw(st.integers(0, 4))):
        if content:
            at = draw(st.integers(0, len(content) - 1))
            line = bytearray(content[at])
            what = draw(st.integers(0, 3))
            if what == 0 and line:
                line[draw(st.integers(0, len(line) - 1))] = draw(
                    st.one_of(st.sampled_from(b"0129AFGaf@:/`g #.'R_()[]\t"), st.integers(0, 255))
                )
            elif what == 1:
                del line[draw(st.integers(0, len(line))) :]
            elif what == 2:
                line[draw(st.integers(0, len(line))) : 0] = draw(st.binary(max_size=3))
            else:
                line = bytearray(draw(st.binary(max_size=70)))
            content.insert(draw(st.integers(0, len(content))), bytes(line))
    return draw(st.sampled_from([b"\n", b"\r\n"])).join(content) + draw(st.sampled_from([b"", b"\n"]))


@pytest.mark.fuzz
@given(damaged(), st.sampled_from([1, 3]), st.sampled_from([1 << 20, 37, 200, 1000]))
def test_lines_read_together_are_as_read_one_at_a_time(content, alike, block_bytes):
    together = parsed(content, alike, block_bytes)
    alone = parsed(content, alike, shape=None)
    assert together == alone


@pytest.mark.fuzz
@given(damaged())
def test_good_lines_are_all_found(content):
    """A good line stays one whatever stands beside it."""
    count = sum(
        len(parsed(line + b"\n", 1, shape=None)[0]) for line in content.replace(b"\r\n", b"\n").split(b"\n")
    )
    assert len(parsed(content, 1)[0]) == count


@st.composite
def batches(draw):
    rows = []
    for _ in range(draw(st.integers(1, 12))):
        kind = draw(
            st.sampled_from([
                0, EXTENDED, TX, FD, FD | EXTENDED | BRS, FD | ESI | TX, REMOTE, REMOTE | EXTENDED, ERROR,
            ])
        )  # fmt: skip
        length = draw(st.sampled_from(FD_LENGTHS if kind & FD else range(9)))
        t_ns = draw(st.integers(0, 2**62 - 1)) // 1000 * 1000 + draw(st.sampled_from([0, 1, 387]))
        can_id = draw(st.integers(0, 2**29 - 1 if kind & (EXTENDED | ERROR) else 0x7FF))
        data = bytes(length) if kind & REMOTE else draw(st.binary(min_size=length, max_size=length))
        rows.append((t_ns, can_id, kind, draw(st.integers(0, 2)), data))
    return frames(*zip(*rows, strict=True))


@pytest.mark.fuzz
@given(batches(), st.sampled_from([1, 16]))
def test_written_and_read(tmp_path_factory, batch, alike):
    path = tmp_path_factory.mktemp("log") / "x.log"
    buses = ["can0", "vcan11", "a_bus"]
    with mock.patch.object(text, "_ALIKE", alike):
        write_log(path, [batch], buses)
        log, again = read(path)
    assert log.report.bad == []
    assert seen(again, log.buses) == seen(batch, buses)


def test_a_time_before_1970_cannot_be_written(tmp_path):
    with pytest.raises(LogError, match="1970"):
        write_log(tmp_path / "x.log", [frames([-1], [1], [0], [0], [b""])], ["can0"])


@pytest.mark.skipif(not shutil.which("log2asc"), reason="can-utils are not installed")
def test_can_utils_read_what_we_write(tmp_path):
    path = tmp_path / "x.log"
    batch = frames(
        [10**18 + i * 10**6 for i in range(5)],
        [0x123, 0x12345678, 0x7FF, 0x321, 0x100],
        [0, EXTENDED, REMOTE, FD | BRS, TX],
        [0] * 5,
        [bytes(range(8)), b"\xff", bytes(3), bytes(range(12)), b""],
    )
    write_log(path, [batch], ["can0"])
    subprocess.run(["log2asc", "-I", path, "-O", tmp_path / "x.asc", "can0"], check=True)
    log, again = read(tmp_path / "x.asc")
    assert log.report.bad == []
    assert again.id.tolist() == batch.id.tolist()
    assert [again.payload(i) for i in range(5)] == [batch.payload(i) for i in range(5)]
    kept = EXTENDED | REMOTE | FD | BRS
    assert (again.flags & kept).tolist() == (batch.flags & kept).tolist()


def test_a_whole_real_log_agrees_with_python_can(real):
    path = real / "toyota_rav4" / "drive.log.gz"
    log, found = read(path)
    assert (log.report.bad_count, log.report.backwards, log.progress) == (0, 0, 1.0)
    messages = list(can.LogReader(path))
    assert found.id.tolist() == [message.arbitration_id for message in messages]
    assert [log.buses[bus] for bus in found.bus] == [message.channel for message in messages]
    assert [found.payload(i) for i in range(len(found))] == [bytes(message.data) for message in messages]
    assert np.abs(found.t_ns / 1e9 - [message.timestamp for message in messages]).max() < 1e-6


def test_a_real_log_written_is_the_same_file(real, tmp_path):
    log = read_log(real / "toyota_rav4" / "drive.log.gz")
    write_log(tmp_path / "x.log", log, log.buses)
    whole = subprocess.run(["gzip", "-dc", log.path], check=True, capture_output=True).stdout
    assert Path(tmp_path / "x.log").read_bytes() == whole
