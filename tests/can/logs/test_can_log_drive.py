import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_rows import read
from mcap.reader import make_reader

from edge.can.frames import EXTENDED, FD, TX, Frames, concat, frames
from edge.can.logs.reader import read_log
from edge.can.logs.report import LogError
from edge.can.logs.writer import write_log
from edge.drives.header import DriveHeader
from edge.drives.writer import DriveWriter


def batch(first, count, bus=0):
    stamps = [1000 * (first + i) for i in range(count)]
    ids = [first + i for i in range(count)]
    flags = [(EXTENDED, FD, TX, 0)[i % 4] for i in range(count)]
    return frames(stamps, ids, flags, [bus] * count, [bytes(range(i % 9)) for i in range(count)])


def record(path, batches):
    header = DriveHeader(title="t", simulated=True, core_config="{}")
    with DriveWriter(path, header, drop=False) as writer:
        for name, found in batches:
            writer.raw(f"can/{name}", int(found.t_ns[-1]), found.to_bytes())
            writer.raw("gnss", int(found.t_ns[-1]), b"$GPGGA")


def drive(path):
    record(path, [("pt", batch(i * 10, 10)) for i in range(50)] + [("adas", batch(5000, 10))])
    return path


def test_the_frames_of_a_drive(tmp_path):
    log, found = read(drive(tmp_path / "x.mcap"))
    assert log.format == "drive"
    assert log.buses == ["pt", "adas"]
    assert log.report.bad == []
    assert found.id.tolist() == [*range(500), *range(5000, 5010)]
    expected = batch(490, 10)
    mine = found[490:500]
    for column in ("t_ns", "flags", "length", "data"):
        assert getattr(mine, column).tolist() == getattr(expected, column).tolist()


@pytest.mark.parametrize("suffix", [".mcap", ".mcap.gz", ".mcap.zst"])
def test_written_and_read(tmp_path, suffix):
    two = concat([batch(0, 20), batch(100, 20, bus=1)])
    wide = frames([7], [8], [FD], [1], [bytes(range(64))])
    path = tmp_path / f"x{suffix}"
    assert write_log(path, [two, wide], ["can0", "can1"]) == 41
    log, found = read(path)
    assert log.report.bad == []
    assert sorted(found.id.tolist()) == sorted([*range(20), *range(100, 120), 8])
    assert found.payload(int(np.flatnonzero(found.id == 8)[0])) == bytes(range(64))
    assert [log.buses[found.bus[found.id == i][0]] for i in (3, 103)] == ["can0", "can1"]


def test_buses_are_read_in_the_order_of_time(tmp_path):
    n = 100_000
    bus = np.random.default_rng(1).integers(0, 4, n)
    whole = frames(range(n), [1] * n, [0] * n, bus, [b"\0" * 8] * n)
    write_log(tmp_path / "x.mcap", [whole[:60_000], whole[60_000:]], ["a", "b", "c", "d"])
    log, found = read(tmp_path / "x.mcap")
    assert found.t_ns.tolist() == list(range(n))
    assert [log.buses[i] for i in found.bus[:100]] == ["abcd"[i] for i in bus[:100]]


def test_the_mcap_library_reads_what_we_write(tmp_path):
    path = tmp_path / "x.mcap"
    write_log(path, [batch(0, 20)], ["can0"])
    with path.open("rb") as file:
        found = [(channel.topic, message) for _, channel, message in make_reader(file).iter_messages()]
    assert [topic for topic, _ in found] == ["can/can0"]
    assert Frames.from_bytes(found[0][1].data).id.tolist() == list(range(20))


def test_cut_off_recordings_give_what_is_there(tmp_path):
    path = tmp_path / "x.mcap"
    record(path, [("pt", batch(i * 100, 100)) for i in range(200)])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    log, found = read(path)
    ids = found.id.tolist()
    assert 1000 < len(ids) < 20_000
    assert ids == list(range(len(ids)))
    assert "no end" in log.report.bad[-1]


def test_a_damaged_chunk_loses_only_itself(tmp_path):
    path = tmp_path / "x.mcap"
    record(path, [("pt", batch(i * 100, 100)) for i in range(200)])
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))
    log, found = read(path)
    assert log.report.bad_count >= 1
    assert ":byte " in log.report.bad[0]
    assert 10_000 < len(found) < 20_000
    assert found.id[-1] == 19_999


def test_an_mcap_file_without_can_is_an_error(tmp_path):
    path = tmp_path / "x.mcap"
    record(path, [])
    with pytest.raises(LogError, match=r"x\.mcap: no CAN frame in it"):
        list(read_log(path))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return drive(tmp_path_factory.mktemp("whole") / "x.mcap").read_bytes()


@pytest.mark.fuzz
@given(data=st.data())
def test_damage_never_surprises(tmp_path_factory, whole, data):
    path = tmp_path_factory.mktemp("fuzz") / "x.mcap"
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(0, 4))):
        value = data.draw(
            st.sampled_from([b"\0", b"\xff" * 8, b"\xff\xff\xff\x7f", b"zstd"]) | st.binary(max_size=4)
        )
        at = data.draw(st.integers(0, len(damaged) - 8))
        damaged[at : at + len(value)] = value
    path.write_bytes(bytes(damaged)[: data.draw(st.integers(0, len(damaged)))])
    try:
        _, found = read(path)
    except LogError:
        return
    assert len(found) <= 510
