"""What all textual logs share: files, blocks, the report, what is said of what is no log."""

import gzip
import io
import random
import threading
import zlib

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from edge.can.frames import concat, frames
from edge.can.logs import text
from edge.can.logs.files import DamagedError, open_to_read
from edge.can.logs.reader import read_log
from edge.can.logs.report import KEPT_BAD, LogError, Report

LINE = "(0000000001.000000) can0 123#11\n"


def content_of(path):
    parts = []
    with open_to_read(path) as file:
        try:
            while part := file.read(1000):
                parts.append(part)
        except DamagedError as error:
            return b"".join(parts), str(error)
    return b"".join(parts), None


@pytest.fixture(scope="module")
def plain():
    rng = random.Random(1)
    return b"".join(b"(%010d.000000) can0 123#%04X\n" % (i, rng.randrange(65536)) for i in range(20_000))


def compressed(kind, content):
    return gzip.compress(content) if kind == "gz" else zstandard.compress(content)


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_compressed_files(tmp_path, plain, kind):
    path = tmp_path / f"x.{kind}"
    packed = compressed(kind, plain)
    path.write_bytes(packed)
    assert content_of(path) == (plain, None)
    path.write_bytes(packed + packed)
    assert content_of(path) == (plain + plain, None)
    path.write_bytes(packed[: len(packed) // 2])
    content, error = content_of(path)
    assert "cut off" in error
    assert plain.startswith(content)
    if kind == "gz":
        assert content == zlib.decompressobj(31).decompress(packed[: len(packed) // 2])


def test_what_comes_before_the_damage_is_read(tmp_path, plain):
    """The last whole line before the damage is there, however the file was read in pieces."""
    packed = bytearray(gzip.compress(plain))
    packed[len(packed) // 2 : len(packed) // 2 + 50] = bytes(50)
    good = zlib.decompressobj(31).decompress(bytes(packed[: len(packed) // 2]))
    path = tmp_path / "x.log.gz"
    path.write_bytes(packed)
    log = read_log(path)
    assert sum(map(len, log)) >= good.count(b"\n") > 5000
    assert any("damaged" in line for line in log.report.bad)


@pytest.mark.parametrize("content", [b"\x1f\x8b", gzip.compress(b"")[:12], b"\x1f\x8b\x08\0" + bytes(40)])
def test_gzip_damaged_from_its_start_is_an_error(tmp_path, content):
    path = tmp_path / "x.log.gz"
    path.write_bytes(content)
    with pytest.raises(LogError, match="cannot be read: the gzip data is"):
        read_log(path)


def test_padding_behind_gzip_is_ignored(tmp_path, plain):
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(plain) + bytes(512))
    assert content_of(path) == (plain, None)


@pytest.mark.fuzz
@given(st.binary(max_size=60), st.lists(st.tuples(st.integers(0, 10**4), st.integers(0, 255)), max_size=4))
def test_damaged_gzip_ends_somewhere(tmp_path_factory, tail, damage):
    packed = bytearray(gzip.compress(LINE.encode() * 50) + tail)
    for at, byte in damage:
        packed[at % len(packed)] = byte
    path = tmp_path_factory.mktemp("log") / "x.gz"
    path.write_bytes(packed)
    before = threading.active_count()
    content_of(path)
    assert threading.active_count() <= before


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_progress_grows_to_one(tmp_path, plain, suffix):
    path = tmp_path / f"x.log{suffix}"
    content = plain * 8
    path.write_bytes(gzip.compress(content) if suffix else content)
    log = read_log(path)
    assert log.progress == 0
    shares = [log.progress for _ in log]
    assert len(shares) > 3
    assert shares == sorted(shares)
    assert 0 < shares[0] <= 1
    assert log.progress == 1


def test_a_reader_that_is_left_ends_its_thread(tmp_path, plain):
    path = tmp_path / "x.log.gz"
    path.write_bytes(gzip.compress(plain * 10, 1))
    before = threading.active_count()
    batches = iter(read_log(path))
    next(batches)
    batches.close()
    assert threading.active_count() == before


@pytest.mark.fuzz
@given(st.binary(max_size=400), st.integers(1, 50))
def test_blocks_hold_the_lines_of_the_file(content, size):
    content = content.replace(b"a", b"\n").replace(b"b", b"\r\n")
    whole, text._BLOCK_BYTES = text._BLOCK_BYTES, size
    try:
        lines = [
            (block.number + row, block.line(row))
            for block in text.blocks(io.BytesIO(content), Report("x"))
            for row in range(len(block.start))
        ]
    finally:
        text._BLOCK_BYTES = whole
    expected = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    expected = [(i + 1, line.removesuffix(b"\r")) for i, line in enumerate(expected)]
    assert [line for line in lines if line[1].strip()] == [line for line in expected if line[1].strip()]


@pytest.mark.parametrize("length", [70_000, 1_200_000, 5_000_000])
def test_a_line_without_an_end(tmp_path, length):
    path = tmp_path / "x.log"
    path.write_bytes((LINE * 3).encode() + b"\0" * length + b"\n" + (LINE * 3 + "bad\n").encode())
    log = read_log(path)
    assert sum(map(len, log)) == 6
    assert log.report.bad_count == 2
    assert log.report.bad[0].startswith(f"{path}:4: ")
    assert log.report.bad[1].startswith(f"{path}:8: ")


def test_bad_lines_in_a_large_file_keep_their_numbers(tmp_path):
    path = tmp_path / "x.log"
    lines = [LINE] * 100_000
    bad = [5, 16_384, 50_000, 99_998]
    for number in bad:
        lines[number - 1] = LINE.replace("#1", "#g")
    path.write_text("".join(lines))
    log = read_log(path)
    assert sum(map(len, log)) == 100_000 - len(bad)
    assert [int(line.split(":")[1]) for line in log.report.bad] == bad


def test_many_bad_lines_are_counted_and_few_kept(tmp_path):
    path = tmp_path / "x.log"
    path.write_text(LINE + "what?\n" * 1000 + LINE)
    log = read_log(path)
    assert sum(map(len, log)) == 2
    assert log.report.bad_count == 1000
    assert len(log.report.bad) == KEPT_BAD


def test_time_going_backwards_is_counted_for_each_bus(tmp_path):
    path = tmp_path / "x.log"
    stamps = [("can0", 5), ("can1", 1), ("can0", 6), ("can1", 2), ("can0", 4), ("can0", 5), ("can1", 1)]
    path.write_text("".join(f"({t:010d}.000000) {bus} 123#11\n" for bus, t in stamps))
    log = read_log(path)
    list(log)
    assert log.report.backwards == 2
    assert log.report.first_backwards == "frame 5, on can0, 2.000000 s back"


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5)), max_size=30), st.integers(1, 7))
def test_steps_back_do_not_depend_on_the_batches(rows, size):
    report = Report("x")
    for name in ("a", "b", "c"):
        report.bus(name)
    latest, expected = {}, 0
    for bus, t in rows:
        expected += t < latest.get(bus, t)
        latest[bus] = t
    for i in range(0, len(rows), size):
        part = rows[i : i + size]
        n = len(part)
        report.see(frames([t for _, t in part], [1] * n, [0] * n, [bus for bus, _ in part], [b""] * n))
    assert report.backwards == expected


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "it is empty"),
        (b"\n \n", "it is empty"),
        (b"<!DOCTYPE html>\n<html>", "it is an HTML page"),
        (b'VERSION ""\n\nNS_ :\n', "it is a DBC database"),
        (b'\nBU_: A B\nBO_ 100 M: 8 A\n SG_ S : 0|8@1+ (1,0) [0|0] "" B\n', "it is a DBC database"),
        (b'<?xml version="1.0"?><AUTOSAR>', "it is XML"),
        (b'{"frames": []}', "it is JSON"),
        (LINE.encode("utf-16"), "it is UTF-16 text"),
        (b"PK\x03\x04....", "it is a ZIP archive"),
        (b"\x89PNG\r\n\x1a\n", "it is a picture"),
    ],
)
@pytest.mark.parametrize("name", ["x.log", "x.dbc", "x"])
def test_what_is_no_log_is_named(tmp_path, content, what, name):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(LogError, match=what) as caught:
        list(read_log(path))
    assert str(caught.value).startswith(f"{path}: ")


def test_content_counts_more_than_the_name(tmp_path):
    for name in ("x.asc", "x.blf", "x.csv", "x.dbc", "x"):
        path = tmp_path / name
        path.write_text(LINE)
        log = read_log(path)
        assert (log.format, len(concat(list(log)))) == ("candump", 1)


def test_a_byte_order_mark_and_dos_line_ends(tmp_path):
    path = tmp_path / "x.log"
    path.write_bytes(b"\xef\xbb\xbf" + LINE.replace("\n", "\r\n").encode() * 50)
    log = read_log(path)
    assert len(concat(list(log))) == 50
    assert log.report.bad == []


def test_more_buses_than_can_be_told_apart(tmp_path):
    path = tmp_path / "x.log"
    path.write_text("".join(LINE.replace("can0", f"can{i:03}") * 40 for i in range(300)))
    log = read_log(path)
    found = concat(list(log))
    assert len(found) == 256 * 40
    assert log.report.bad_count == 44 * 40
    assert [log.buses[bus] for bus in found.bus[::40]] == [f"can{i:03}" for i in range(256)]


def test_batches_are_neither_small_nor_large(tmp_path):
    path = tmp_path / "x.log"
    path.write_text(LINE.replace("11", "0011223344556677") * 200_000)
    sizes = [len(batch) for batch in read_log(path)]
    assert sum(sizes) == 200_000
    assert max(sizes) <= 65_536
    assert np.median(sizes) >= 16_384
