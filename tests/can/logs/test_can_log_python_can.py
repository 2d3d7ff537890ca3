import gzip
import sqlite3

import can
import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from log_rows import read

from edge.can.frames import EXTENDED, FD, FD_LENGTHS, REMOTE, frames
from edge.can.logs.report import LogError

KINDS = [0, EXTENDED, FD, REMOTE, REMOTE | EXTENDED]


@st.composite
def batches(draw):
    rows = []
    for _ in range(draw(st.integers(1, 12))):
        flags = draw(st.sampled_from(KINDS))
        length = draw(st.sampled_from(FD_LENGTHS[9:] if flags & FD else range(9)))
        data = bytes(length) if flags & REMOTE else draw(st.binary(min_size=length, max_size=length))
        can_id = draw(st.integers(0, 2**29 - 1 if flags & EXTENDED else 0x7FF))
        t_ns = draw(st.integers(0, 2 * 10**9)) * 1000 + draw(st.sampled_from([0, 1_600_000_000_000_000_000]))
        rows.append((t_ns, can_id, flags, 0, data))
    return frames(*zip(*rows, strict=True))


def seen(batch):
    return [
        (int(batch.t_ns[i]), int(batch.id[i]), int(batch.flags[i]), int(batch.length[i]), batch.payload(i))
        for i in range(len(batch))
    ]


def write(path, batch):
    with can.Logger(path) as logger:
        for i in range(len(batch)):
            flags = int(batch.flags[i])
            logger(
                can.Message(
                    timestamp=int(batch.t_ns[i]) / 1e9, arbitration_id=int(batch.id[i]),
                    data=None if flags & REMOTE else batch.payload(i), dlc=int(batch.length[i]),
                    is_extended_id=bool(flags & EXTENDED), is_remote_frame=bool(flags & REMOTE),
                    is_fd=bool(flags & FD),
                )
            )  # fmt: skip


@given(batches(), st.sampled_from(["csv", "csv.gz"]))
@settings(max_examples=60, deadline=None)
def test_its_csv(tmp_path_factory, batch, suffix):
    path = tmp_path_factory.mktemp("log") / f"x.{suffix}"
    write(path, batch)
    log, again = read(path)
    assert (log.format, log.report.bad, log.buses) == ("python-can csv", [], ["can0"])
    assert seen(again) == seen(batch)


def test_a_bad_line_of_its_csv_costs_only_itself(tmp_path):
    path = tmp_path / "a.csv"
    good = "1483389946.197,0x00dadada,1,0,0,6,WzQyLCA5XQ==\n"
    lines = [
        "x\n", good.replace("6,", "5,"), good.replace("WzQ", "W"), good.replace(",1,", ",2,"),
        good.replace("1,0,0", "0,0,0"), good.replace("1483389946.197", "nan"), good.replace(",0x", ",0"),
    ]  # fmt: skip
    good = "1483389946.197,0x00dadada,1,0,0,7,WzQyLCA5XQ==\n"
    lines = [line.replace(",6,", ",7,") for line in lines]
    path.write_text(
        "timestamp,arbitration_id,extended,remote,error,dlc,data\n" + good + good.join(lines) + good
    )
    log, found = read(path)
    assert log.report.bad_count == len(lines)
    assert [line.split(": ")[0] for line in log.report.bad] == [
        f"{path}:{3 + 2 * i}" for i in range(len(lines))
    ]
    assert seen(found[:1]) == [(1483389946197000000, 0xDADADA, EXTENDED, 7, b"[42, 9]")]


def database(path, rows):
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE messages (ts REAL, arbitration_id INTEGER, extended INTEGER, remote INTEGER,"
            " error INTEGER, dlc INTEGER, data BLOB)"
        )
        connection.executemany("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    connection.close()


ROWS = [
    (1533226488.230547, 0x123, 0, 0, 0, 2, b"\x01\x02"), (1533226488.330547, 0x18FEF100, 1, 0, 0, 0, b""),
    (1533226488.430548, 0x7FF, 0, 1, 0, 5, None), (0.000000123, 1, 0, 0, 0, 1, b"\x07"),
]  # fmt: skip
READ = [
    (1533226488230547000, 0x123, 0, 2, b"\x01\x02"), (1533226488330547000, 0x18FEF100, EXTENDED, 0, b""),
    (1533226488430548000, 0x7FF, REMOTE, 5, b""), (123, 1, 0, 1, b"\x07"),
]  # fmt: skip


def test_its_database_plain_and_compressed(tmp_path):
    path = tmp_path / "x.db"
    database(path, ROWS)
    log, found = read(path)
    assert (log.format, log.report.bad) == ("python-can", [])
    assert seen(found) == READ
    packed = tmp_path / "y.db.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert seen(read(packed)[1]) == READ

    packed = tmp_path / "y.db.zst"
    packed.write_bytes(zstandard.compress(path.read_bytes()))
    assert seen(read(packed)[1]) == READ


def test_a_bad_row_costs_only_itself_or_the_rest(tmp_path):
    path = tmp_path / "x.db"
    database(path, [ROWS[0], (1.0, 0xFFFF, 0, 0, 0, 0, b""), (1e30, 1, 0, 0, 0, 0, b""), ROWS[1]])
    log, found = read(path)
    assert seen(found) == READ[:2]
    assert [line.split(": ")[0] for line in log.report.bad] == [f"{path}:frame 2", f"{path}:frame 3"]
    path = tmp_path / "y.db"
    database(path, [ROWS[0], ("soon", 0xFF, 0, 0, 0, 0, b""), ROWS[1]])
    log, found = read(path)
    assert seen(found) == READ[:1]
    assert "the rest is lost" in log.report.bad[0]


@given(st.binary(max_size=300), st.lists(st.tuples(st.integers(0, 8191), st.integers(0, 255)), max_size=8))
@pytest.mark.fuzz
def test_any_bytes_give_frames_or_an_error(tmp_path_factory, garbage, damage):
    folder = tmp_path_factory.mktemp("log")
    database(folder / "x.db", ROWS * 20)
    raw = bytearray((folder / "x.db").read_bytes())
    for at, byte in damage:
        raw[at % len(raw)] = byte
    csv = b"timestamp,arbitration_id,extended,remote,error,dlc,data\n1.5,0x1,0,0,0,1,AA==\n"
    for name, content in (("a.db", bytes(raw)), ("b.db", garbage), ("c.csv", csv + garbage)):
        (folder / name).write_bytes(content)
        try:
            log, found = read(folder / name)
        except LogError:
            continue
        assert len(found) == log.frame_count > 0
        assert found.t_ns.dtype == np.int64
