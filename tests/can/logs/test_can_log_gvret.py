import csv
import gzip
import io
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_rows import read

from edge.can.frames import ERROR, EXTENDED, FD, FD_LENGTHS, REMOTE, TX, concat, frames
from edge.can.logs import gvret, text
from edge.can.logs.reader import read_log
from edge.can.logs.report import LogError, Report
from edge.can.logs.writer import write_log

OLD = "Time Stamp,ID,Extended,Bus,LEN,D1,D2,D3,D4,D5,D6,D7,D8"
NEW = "Time Stamp,ID,Extended,Dir,Bus,LEN,D1,D2,D3,D4,D5,D6,D7,D8"


def seen(batch, buses):
    return [
        (int(batch.t_ns[i]), int(batch.id[i]), int(batch.flags[i]), buses[batch.bus[i]], batch.payload(i))
        for i in range(len(batch))
    ]


def parsed(content, alike, block_bytes=1 << 20, together=True):
    report = Report("x.csv")
    parse = gvret.Gvret()
    with mock.patch.object(text, "_ALIKE", alike), mock.patch.object(text, "_BLOCK_BYTES", block_bytes):
        batches = text.read_lines(io.BytesIO(content), report, parse, parse.shape if together else None)
        batch = concat(list(batches))
    return seen(batch, report.buses), report.bad_count, report.bad


@pytest.mark.parametrize("alike", [1, 1000])
def test_variants(tmp_path, alike):
    path = tmp_path / "a.csv"
    path.write_text(
        f"{OLD}\r\n"
        "303004300,00000450,false,0,3,00,C2,05\r\n"
        "303004600,462,0,1,8,FE,3F,FF,0F,F0,1F,00,00\r\n"
        "-5,0x1ABCDEF0,1,2,1,0xA,,,,,,,\r\n"
        f"{NEW},\n"
        "1533226488230547,18FF0001,false,Tx,1,2,01,02,00,00,00,00,00,00,\n"
        "1533226488230548,18FF0001,true,Rx,1,0,00,00,00,00,00,00,00,00,\n"
        f"1533226488230549,00000123,false,Rx,1,12,{','.join(f'{i:02X}' for i in range(12))},\n"
    )
    with mock.patch.object(text, "_ALIKE", alike):
        log, found = read(path)
    assert log.report.bad == []
    assert seen(found, log.buses) == [
        (303004300000, 0x450, 0, "can0", b"\x00\xc2\x05"),
        (303004600000, 0x462, 0, "can1", bytes.fromhex("FE3FFF0FF01F0000")),
        (-5000, 0x1ABCDEF0, EXTENDED, "can2", b"\x0a"),
        (1533226488230547000, 0x18FF0001, EXTENDED | TX, "can1", b"\x01\x02"),
        (1533226488230548000, 0x18FF0001, EXTENDED, "can1", b""),
        (1533226488230549000, 0x123, FD, "can1", bytes(range(12))),
    ]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("1000,00000123,false,Rx,2,01,02", "a bus that is no number"),
        ("1_000,00000123,false,0,2,01,02", "a time stamp"),
        ("1000,0000012G,false,0,2,01,02", "an id that is not hexadecimal"),
        ("1000,FFFFFFFF,true,0,2,01,02", "too many bits"),
        ("1000,00000123,false,0,x,01,02", "a length"),
        ("1000,00000123,false,0,3,01,02", "2 bytes of data, its length says 3"),
        ("1000,00000123,false,0,3,01,02,", "2 bytes of data, its length says 3"),
        ("1000,00000123,false,0,2,01,+2", "data that is not hexadecimal"),
        ("1000,00000123,false,0,9," + "11," * 9, "9 bytes"),
        ("1000,00000123", "fewer cells"),
        ("9999999999999999999,00000123,false,0,0", "out of all range"),
    ],
)
def test_a_bad_line_says_what_is_wrong(tmp_path, line, why):
    path = tmp_path / "a.csv"
    good = "303004300,00000450,false,0,3,00,C2,05\n"
    path.write_text(f"{OLD}\n" + good * 20 + line + "\n" + good * 20)
    log, found = read(path)
    assert len(found) == 40
    assert log.report.bad_count == 1
    assert log.report.bad[0].startswith(f"{path}:22: ")
    assert why in log.report.bad[0]


def test_a_real_log_agrees_with_the_csv_module(real):
    for path in sorted((real / "kona_ev").glob("*.csv")):
        log, found = read(path)
        with path.open(newline="") as file:
            rows = list(csv.reader(file))[1:]
        data = [bytes(int(cell, 16) for cell in row[5:][: int(row[4])]) for row in rows]
        expected = [
            (int(row[0]) * 1000, int(row[1], 16), f"can{row[3]}", data[i]) for i, row in enumerate(rows)
        ]
        assert log.report.bad == []
        assert [
            (t_ns, can_id, bus, data) for t_ns, can_id, _, bus, data in seen(found, log.buses)
        ] == expected


@st.composite
def contents(draw):
    header = draw(st.sampled_from([OLD, NEW, NEW + ","]))
    some = []
    for _ in range(draw(st.integers(1, 5))):
        length = draw(st.sampled_from([8, 8, 8, 3, 0, *FD_LENGTHS]))
        extended = draw(st.booleans())
        can_id = draw(st.integers(0, 0x1FFFFFFF if extended else 0x7FF))
        cells = [str(draw(st.integers(0, 2 * 10**15))), f"{can_id:08X}", "true" if extended else "false"]
        cells += [draw(st.sampled_from(["Rx", "Tx"]))] if header != OLD else []
        cells += [draw(st.sampled_from(["0", "1", "12"])), str(length)]
        cells += [f"{byte:02X}" for byte in draw(st.binary(min_size=length, max_size=length))]
        cells += draw(st.sampled_from([[], [""] * 8, ["00", ""]]))
        some.append(",".join(cells))
    rows = [line.encode() for line in draw(st.lists(st.sampled_from([*some, header]), max_size=30))]
    for _ in range(draw(st.integers(0, 4))):
        line = bytearray(draw(st.sampled_from(some)).encode())
        at = draw(st.integers(0, len(line) - 1))
        line[at : at + draw(st.integers(0, 2))] = draw(
            st.one_of(
                st.sampled_from([b"-", b"_", b"x", b"G", b",", b" ", b"9", b"a", b"\0"]),
                st.binary(max_size=2),
            )
        )
        rows.insert(draw(st.integers(0, len(rows))), bytes(line))
    return draw(st.sampled_from([b"\n", b"\r\n"])).join([header.encode(), *rows])


@pytest.mark.fuzz
@given(contents(), st.sampled_from([1, 3]), st.sampled_from([1 << 20, 37, 200, 1000]))
def test_lines_read_together_are_as_read_one_at_a_time(content, alike, block_bytes):
    assert parsed(content, alike, block_bytes) == parsed(content, alike, together=False)


@st.composite
def batches(draw):
    rows = []
    for _ in range(draw(st.integers(1, 12))):
        flags = draw(st.sampled_from([0, EXTENDED, TX, EXTENDED | TX, FD]))
        length = draw(st.sampled_from(FD_LENGTHS[9:] if flags & FD else range(9)))
        can_id = draw(st.integers(0, 0x1FFFFFFF if flags & EXTENDED else 0x7FF))
        data = draw(st.binary(min_size=length, max_size=length))
        rows.append((draw(st.integers(0, 4 * 10**15)) * 1000, can_id, flags, draw(st.integers(0, 2)), data))
    return frames(*zip(*rows, strict=True))


@pytest.mark.fuzz
@given(batches(), st.sampled_from([".csv", ".csv.gz"]), st.sampled_from([1, 16]))
def test_written_and_read(tmp_path_factory, batch, suffix, alike):
    path = tmp_path_factory.mktemp("log") / f"x{suffix}"
    buses = ["can0", "can2", "can11"]
    with mock.patch.object(text, "_ALIKE", alike):
        assert write_log(path, [batch], buses) == len(batch)
        log, again = read(path)
    assert log.report.bad == []
    assert log.format == "gvret"
    assert seen(again, log.buses) == seen(batch, buses)


def test_what_savvycan_expects_is_written(tmp_path):
    """SavvyCAN's FrameFileIO: Dir in column 23 of the header, eight data cells, a comma after each."""
    path = tmp_path / "x.csv.gz"
    write_log(path, [frames([166064000000], [0x21A], [TX], [0], [b"\xfe\x36"])], ["can1"])
    header, row = gzip.decompress(path.read_bytes()).decode().splitlines()
    assert header[23:26] == "Dir"
    assert row == "166064000,0000021A,false,Tx,1,2,FE,36,00,00,00,00,00,00,"


@pytest.mark.parametrize(("flags", "t_ns"), [(REMOTE, 0), (ERROR, 0), (0, -1)])
def test_what_the_format_cannot_say_is_an_error(tmp_path, flags, t_ns):
    with pytest.raises(LogError, match="GVRET"):
        write_log(tmp_path / "x.csv", [frames([t_ns], [1], [flags], [0], [b""])], ["can0"])


def test_a_real_log_written_and_read(real, tmp_path):
    log = read_log(real / "toyota_rav4" / "drive.log.gz")
    whole = concat(list(log))
    write_log(tmp_path / "x.csv", [whole], log.buses)
    again_log, again = read(tmp_path / "x.csv")
    assert again_log.report.bad == []
    for name in ("t_ns", "id", "flags", "length", "data"):
        assert np.array_equal(getattr(again, name), getattr(whole, name))
