import gzip
import struct
from pathlib import Path

import can
import numpy as np
import pytest
from asammdf import MDF
from hypothesis import given, settings
from hypothesis import strategies as st
from log_rows import read

from edge.can.frames import BRS, ERROR, ESI, EXTENDED, FD, FD_LENGTHS, REMOTE, TX
from edge.can.logs.reader import read_log
from edge.can.logs.report import LogError

START_S = 1_600_000_000
TRUCK = Path(__file__).parents[3].parent / "shared/data/can/j1939_truck"


def read_bytes(tmp_path, content, name="x.mf4"):
    path = tmp_path / name
    path.write_bytes(content)
    return read(path)


def as_python_can_has_them(path):
    """python-can reads the groups through asammdf, signal by signal."""
    return [
        (
            m.arbitration_id, m.is_extended_id, m.is_remote_frame, m.is_fd,
            m.bitrate_switch, m.error_state_indicator, m.is_rx, f"can{m.channel - 1}", m.dlc, bytes(m.data),
        )
        for m in can.MF4Reader(path) if not m.is_error_frame
    ]  # fmt: skip


def as_we_have_them(found, buses):
    flags = found.flags
    return [
        (
            int(found.id[i]),
            *((int(flags[i]) & flag) != 0 for flag in (EXTENDED, REMOTE, FD, BRS, ESI)),
            not flags[i] & TX, buses[found.bus[i]], int(found.length[i]), found.payload(i),
        )
        for i in range(len(found)) if not flags[i] & ERROR
    ]  # fmt: skip


@pytest.fixture(params=["drive.mf4", "uds.mf4"])
def real(request):
    """A finished file of sorted groups; one that a logger left unfinished, with all groups in one."""
    path = TRUCK / request.param
    if not path.exists():
        pytest.skip("the real MF4 logs are not here")
    return path


def test_real_logs_as_asammdf_reads_them(real):
    log, found = read(real)
    assert log.report.bad == []
    assert log.format == "mf4"
    assert as_we_have_them(found, log.buses) == as_python_can_has_them(real)
    with MDF(real) as mdf:
        stamps = mdf.get_master(0)
        start_ns = mdf.header.abs_time
    assert found.t_ns.tolist() == (np.rint(stamps * 1e9).astype(np.int64) + start_ns).tolist()


def test_compressed_from_outside(real, tmp_path):
    path = tmp_path / "x.mf4.gz"
    path.write_bytes(gzip.compress(real.read_bytes()))
    log, found = read(path)
    assert log.report.bad == []
    assert found.to_bytes() == read(real)[1].to_bytes()


@pytest.mark.parametrize("compression", [1, 2])
@pytest.mark.parametrize("split", [1 << 12, 1 << 22])
def test_compressed_and_split_by_asammdf(tmp_path, compression, split):
    source = TRUCK / "drive.mf4"
    if not source.exists():
        pytest.skip("the real MF4 log is not here")
    path = tmp_path / "x.mf4"
    with MDF(source) as mdf:
        mdf.configure(write_fragment_size=split)
        mdf.save(path, compression=compression)
    log, found = read(path)
    assert log.report.bad == []
    expected = read(source)[1]
    for column in ("t_ns", "id", "flags", "length", "data"):
        assert np.array_equal(getattr(found, column), getattr(expected, column)), column


KINDS = [0, EXTENDED, FD, FD | EXTENDED | BRS, FD | ESI, REMOTE, REMOTE | EXTENDED, TX, ERROR]


@st.composite
def messages(draw):
    found = []
    seconds = 0.0
    for _ in range(draw(st.integers(1, 12))):
        flags = draw(st.sampled_from(KINDS))
        length = draw(st.sampled_from(FD_LENGTHS if flags & FD else range(9)))
        seconds += draw(st.integers(0, 10**6)) / 1024
        found.append(
            can.Message(
                timestamp=START_S + seconds,
                arbitration_id=draw(st.integers(0, 2**29 - 1 if flags & EXTENDED else 0x7FF)),
                is_extended_id=bool(flags & EXTENDED),
                is_remote_frame=bool(flags & REMOTE),
                is_error_frame=bool(flags & ERROR),
                is_fd=bool(flags & FD),
                bitrate_switch=bool(flags & BRS),
                error_state_indicator=bool(flags & ESI),
                is_rx=not flags & TX,
                channel=draw(st.integers(1, 3)),
                dlc=length,
                data=b"" if flags & REMOTE else draw(st.binary(min_size=length, max_size=length)),
            )
        )
    return found


@given(messages())
@settings(max_examples=15, deadline=None)
def test_what_python_can_writes(tmp_path_factory, found):
    path = tmp_path_factory.mktemp("log") / "x.mf4"
    with can.MF4Writer(path) as writer:
        for message in found:
            writer.on_message_received(message)
    log, again = read(path)
    assert log.report.bad == []
    assert as_we_have_them(again, log.buses) == as_python_can_has_them(path)
    stamps = [m.timestamp for m in can.MF4Reader(path)]
    assert np.abs(again.t_ns / 1e9 - stamps).max() < 2e-6
    assert np.count_nonzero(again.flags & ERROR) == sum(m.is_error_frame for m in found)
    assert (np.diff(again.t_ns) >= 0).all()


# ---------------------------------------------- damaged


def small(tmp_path, count=40):
    path = tmp_path / "made.mf4"
    with can.MF4Writer(path) as writer:
        for i in range(count):
            writer.on_message_received(
                can.Message(
                    timestamp=START_S + i,
                    arbitration_id=i,
                    is_extended_id=False,
                    channel=1,
                    data=bytes(range(i % 9)),
                )
            )
    return path.read_bytes()


def test_cut_short(tmp_path):
    source = TRUCK / "uds.mf4"
    if not source.exists():
        pytest.skip("the real MF4 log is not here")
    whole = source.read_bytes()
    log, found = read_bytes(tmp_path, whole[:100_000])
    expected = read(source)[1]
    assert 1000 < len(found) < len(expected)
    assert as_we_have_them(found, log.buses)[:-1] == as_we_have_them(expected[: len(found) - 1], log.buses)
    assert log.report.bad_count >= 1


def test_what_is_no_bus_logging_is_an_error(tmp_path):
    path = tmp_path / "x.mf4"
    mdf = MDF()
    mdf.save(path)
    mdf.close()
    with pytest.raises(LogError, match=r"x\.mf4: no CAN frame in it: .*read as mf4"):
        list(read_log(path))
    with pytest.raises(LogError, match=r"MDF 3\.30: only 4 is read"):
        read_bytes(
            tmp_path,
            b"MDF     3.30    ".ljust(64, b"\0") + struct.pack("<4s4xQQ6QQ", b"##HD", 80, 6, *[0] * 7),
        )
    for content in (b"MDF     4.10", b"MDF     4.10    ".ljust(64, b"\0"), b"UnFinMF 4.10    " * 100):
        with pytest.raises(LogError, match=r"x\.mf4: no CAN frame in it"):
            read_bytes(tmp_path, content)


def test_blocks_that_go_round_in_a_circle(tmp_path):
    content = bytearray(small(tmp_path))
    at = content.find(b"##DG")
    while at >= 0:
        struct.pack_into("<Q", content, at + 24, at)  # the next data group is this one
        at = content.find(b"##DG", at + 4)
    log, found = read_bytes(tmp_path, bytes(content))
    assert len(found) in (0, 40)
    assert "go round in a circle" in log.report.bad[0]


@pytest.fixture(scope="module")
def wholes(tmp_path_factory):
    files = [small(tmp_path_factory.mktemp("whole"))]
    source = TRUCK / "uds.mf4"
    return files + ([source.read_bytes()[:20_000]] if source.exists() else [])


@pytest.mark.fuzz
@given(data=st.data())
def test_damage_never_surprises(tmp_path_factory, wholes, data):
    damaged = bytearray(data.draw(st.sampled_from(wholes)))
    for _ in range(data.draw(st.integers(0, 6))):
        value = data.draw(
            st.sampled_from([b"\0", b"\xff" * 8, b"\xff\xff\xff\x7f", b"##DL", b"\x40\0\0\0\0\0\0\0"])
            | st.binary(max_size=8)
        )
        at = data.draw(st.integers(0, len(damaged) - 8))
        damaged[at : at + len(value)] = value
    try:
        _, found = read_bytes(
            tmp_path_factory.mktemp("fuzz"), bytes(damaged)[: data.draw(st.integers(0, len(damaged)))]
        )
    except LogError:
        return
    assert found.length.max() <= found.data.shape[1]
