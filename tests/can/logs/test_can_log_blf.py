import random
import re
import struct
import zlib
from pathlib import Path

import can
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from log_rows import read, seen

from edge.can.frames import BRS, ERROR, ESI, EXTENDED, FD, FD_LENGTHS, REMOTE, TX, Frames, frames
from edge.can.logs.reader import read_log
from edge.can.logs.report import LogError
from edge.can.logs.writer import write_log

START_NS = 1_600_000_000_123_000_000
SHARED = Path(__file__).parents[3].parent / "shared/data/can"
KINDS = [0, EXTENDED, TX, FD, FD | EXTENDED | BRS, FD | ESI | TX, REMOTE, REMOTE | EXTENDED, ERROR]


@st.composite
def batches(draw, max_size=12):
    rows = []
    for _ in range(draw(st.integers(1, max_size))):
        flags = draw(st.sampled_from(KINDS))
        length = draw(st.sampled_from(FD_LENGTHS if flags & FD else range(9)))
        payload = b"" if flags & REMOTE else draw(st.binary(min_size=length, max_size=length))
        can_id = draw(st.integers(0, 2**29 - 1 if flags & (EXTENDED | ERROR) else 0x7FF))
        stamp = START_NS + draw(st.integers(0, 10**12))
        rows.append((stamp, can_id, flags, draw(st.integers(0, 3)), payload, length))
    made = frames(*[list(column) for column in zip(*rows, strict=True)][:5])
    return Frames(
        made.t_ns, made.id, made.flags, made.bus, np.array([row[5] for row in rows], np.uint8), made.data
    )


def as_python_can_has_them(path):
    return [
        (
            m.arbitration_id, m.is_extended_id, m.is_remote_frame, m.is_error_frame, m.is_fd,
            m.bitrate_switch, m.error_state_indicator, m.is_rx or m.is_error_frame, f"can{m.channel}", m.dlc,
            bytes(m.data[: m.dlc]),
        )
        for m in can.BLFReader(path)
    ]  # fmt: skip


def as_we_have_them(batch, buses):
    flags = batch.flags
    return [
        (
            int(batch.id[i]),
            *((int(flags[i]) & flag) != 0 for flag in (EXTENDED, REMOTE, ERROR, FD, BRS, ESI)),
            not flags[i] & TX, buses[batch.bus[i]], int(batch.length[i]), batch.payload(i),
        )
        for i in range(len(batch))
    ]  # fmt: skip


def messages(batch):
    return [
        can.Message(
            timestamp=int(batch.t_ns[i]) / 1e9,
            arbitration_id=int(batch.id[i]),
            is_extended_id=bool(batch.flags[i] & EXTENDED),
            is_remote_frame=bool(batch.flags[i] & REMOTE),
            is_error_frame=bool(batch.flags[i] & ERROR),
            is_fd=bool(batch.flags[i] & FD),
            bitrate_switch=bool(batch.flags[i] & BRS),
            error_state_indicator=bool(batch.flags[i] & ESI),
            is_rx=not batch.flags[i] & TX,
            channel=int(batch.bus[i]),
            dlc=int(batch.length[i]),
            data=batch.payload(i),
        )
        for i in range(len(batch))
    ]


def write_by_python_can(path, msgs, **options):
    with can.BLFWriter(path, **options) as writer:
        for message in msgs:
            writer.on_message_received(message)


@given(batches(), st.sampled_from([".blf", ".blf.gz", ".blf.zst"]))
@settings(max_examples=60, deadline=None)
def test_written_and_read(tmp_path_factory, batch, suffix):
    path = tmp_path_factory.mktemp("log") / f"x{suffix}"
    buses = ["can0", "can1", "can2", "can3"]
    assert write_log(path, [batch], buses) == len(batch)
    log, again = read(path)
    assert log.report.bad == []
    assert seen(again, log.buses) == seen(batch, buses)


def test_a_bus_keeps_its_number(tmp_path):
    path = tmp_path / "x.blf"
    write_log(path, [frames([10**18, 10**18 + 1000], [1, 2], [0, FD], [0, 1], [b"", b""])], ["can3", "can0"])
    log, again = read(path)
    assert [(log.buses[again.bus[i]], int(again.id[i])) for i in range(2)] == [("can3", 1), ("can0", 2)]
    assert [message.channel for message in can.BLFReader(path)] == [3, 0]


@given(batches())
@settings(max_examples=60, deadline=None)
def test_python_can_reads_what_we_write(tmp_path_factory, batch):
    path = tmp_path_factory.mktemp("log") / "x.blf"
    buses = ["can0", "can1", "can2", "can3"]
    write_log(path, [batch], buses)
    assert as_python_can_has_them(path) == as_we_have_them(batch, buses)
    for message, t_ns in zip(can.BLFReader(path), batch.t_ns.tolist(), strict=True):
        assert message.timestamp == pytest.approx(t_ns / 1e9, abs=1e-6)


@given(batches(), st.sampled_from([-1, 0]), st.sampled_from([100, 128 * 1024]))
@settings(max_examples=60, deadline=None)
def test_what_python_can_writes(tmp_path_factory, batch, level, container):
    path = tmp_path_factory.mktemp("log") / "x.blf"
    write_by_python_can(path, messages(batch), compression_level=level, max_container_size=container)
    log, again = read(path)
    assert log.report.bad == []
    assert as_we_have_them(again, log.buses) == as_python_can_has_them(path)


def test_real_log_as_python_can_reads_it(tmp_path):
    source = SHARED / "toyota_rav4/drive.log.gz"
    if not source.exists():
        pytest.skip("the real Toyota log is not here")
    _, drive = read(source)
    path = tmp_path / "x.blf"
    write_by_python_can(path, messages(drive[:20_000]))
    log, again = read(path)
    assert as_we_have_them(again, log.buses) == as_python_can_has_them(path)
    off_ns = [
        abs(m.timestamp - t_ns / 1e9)
        for m, t_ns in zip(can.BLFReader(path), again.t_ns.tolist(), strict=True)
    ]
    assert max(off_ns) < 1e-6


# ---------------------------------------------- files made by hand, as Vector's tools make them


def lobj(kind, body, *, version=1, unit=2, t=0, size=None, header_size=None):
    head = 32 if version == 1 else 40
    size = head + len(body) if size is None else size
    start = struct.pack("<4sHHLLLHHQ", b"LOBJ", header_size or head, version, size, kind, unit, 0, 0, t)
    return (start + bytes(head - 32) + body).ljust(size + size % 4, b"\0")


def container(content, compression=2, says=None):
    packed = zlib.compress(content) if compression == 2 else content
    head = struct.pack(
        "<4sHHLLH6xL4x", b"LOBJ", 16, 1, 32 + len(packed), 10, compression, says or len(content)
    )
    return head + packed + bytes(len(packed) % 4)


def header(date=(2024, 2, 4, 29, 12, 30, 15, 250)):
    return struct.pack("<4sL8BQQLL8H8H", b"LOGG", 144, *[0] * 8, 0, 0, 0, 0, *date, *[0] * 8).ljust(
        144, b"\0"
    )


def message(can_id, data=b"\1\2\3\4\5\6\7\x08", *, dlc=None, flags=0, channel=1, kind=1, **more):
    body = struct.pack("<HBBL8s", channel, flags, len(data) if dlc is None else dlc, can_id, data)
    return lobj(kind, body + (bytes(8) if kind == 86 else b""), **more)


def fd_64(can_id, data, *, flags=0x3000, dlc=None, valid=None, direction=0, extra=b"", space=None, **more):
    valid = len(data) if valid is None else valid
    dlc = FD_LENGTHS.index(valid) if dlc is None else dlc
    at = 32 + 40 + len(data) if extra else 0
    body = struct.pack("<BBBBLLL16sHBBL", 3, dlc, valid, 0, can_id, 0, flags, b"", 0, direction, at, 0)
    return lobj(101, body + data + extra, **more)


def read_bytes(tmp_path, *parts):
    path = tmp_path / "x.blf"
    path.write_bytes(b"".join(parts))
    return read(path)


def test_start_date_and_both_units_of_time(tmp_path):
    content = message(1, t=5) + message(2, t=5, unit=1) + message(3, t=7, version=2)
    _, found = read_bytes(tmp_path, header(), container(content))
    start_ns = 1_709_209_815_250_000_000  # date -d '2024-02-29 12:30:15.250 UTC'
    assert found.t_ns.tolist() == [start_ns + 5, start_ns + 50_000, start_ns + 7]
    _, found = read_bytes(tmp_path, header((0,) * 8), container(content))
    assert found.t_ns.tolist() == [5, 50_000, 7]


def test_objects_that_span_containers_and_other_objects_between(tmp_path):
    objects = []
    for i in range(300):
        objects.append(message(i, channel=1 + i % 2, t=i, kind=86 if i % 3 else 1))
        objects.append(lobj(65, b"some text" * (i % 5)))
        objects.append(fd_64(i | 0x80000000, bytes(range(i % 9)), t=i))
    content = b"".join(objects)
    for size in (37, 1000, len(content)):
        pieces = [
            container(content[i : i + size], random.choice([0, 2])) for i in range(0, len(content), size)
        ]
        log, found = read_bytes(tmp_path, header((0,) * 8), *pieces)
        assert log.report.bad == []
        assert found.id.tolist() == [i for i in range(300) for _ in "12"]
        assert found.t_ns.tolist() == [i for i in range(300) for _ in "12"]
        assert {log.buses[bus] for bus in found.bus[1::2]} == {"can2"}
        assert found.payload(1 + 2 * 17) == bytes(range(17 % 9))


def test_objects_without_containers(tmp_path):
    log, found = read_bytes(tmp_path, header(), *[message(i) for i in range(5)])
    assert (found.id.tolist(), log.report.bad) == ([0, 1, 2, 3, 4], [])


def test_fd_64_as_vector_writes_it(tmp_path):
    long = bytes(range(64))
    content = b"".join((
        fd_64(0x12345678 | 1 << 31, long, flags=0x7000, direction=1),
        fd_64(0x123, b"abc", flags=0),  # classic on an FD channel
        fd_64(0x124, b"", flags=0x10, dlc=8, valid=0),  # remote
        fd_64(0x125, long[:12], extra=b"\xff" * 8),  # extra data follow it
        fd_64(0x126, long[:4], valid=12, dlc=9, extra=b"\xff" * 8),  # says more than it has
        fd_64(0x127, b"12345678", flags=0, dlc=15),  # a classic DLC above 8
    ))  # fmt: skip
    log, found = read_bytes(tmp_path, header(), container(content))
    assert log.report.bad == []
    assert found.flags.tolist() == [EXTENDED | FD | BRS | ESI | TX, 0, REMOTE, FD | BRS, FD | BRS, 0]
    assert found.length.tolist() == [64, 3, 8, 12, 12, 8]
    assert found.payload(0) == long
    assert [found.payload(i) for i in range(1, 4)] == [b"abc", b"", long[:12]]
    assert found.payload(4) == long[:4] + bytes(8)
    assert not found.data[5, 8:].any()


def test_error_frames(tmp_path):
    plain = lobj(2, struct.pack("<HH", 2, 0) + bytes(4))
    ecc = struct.pack("<HHLBBBBLLHH8s", 1, 0, 1, 0b10_1_01010, 0, 8, 0, 0, 0x40, 0, 0, b"12345678")
    fd = struct.pack("<BBBBHHHBxLLLLLLLHH8s", 1, 8, 8, 1, 2, 0, 0, 0, 0x40, *[0] * 7, 0, b"12345678")
    log, found = read_bytes(tmp_path, header(), container(plain + lobj(73, ecc) + lobj(104, fd)))
    assert log.report.bad == []
    assert (found.flags == ERROR).all()
    # linux/can/error.h: CAN_ERR_BUSERROR, with CAN_ERR_PROT and the kind in data[2]: stuff 4, form 2.
    # The id of the frame that was disturbed (0x40) must not be taken for a class: CAN_ERR_BUSOFF.
    assert found.id.tolist() == [0x80, 0x88, 0x88]
    assert found.data[:, 2].tolist() == [0, 4, 2]


def test_signatures_in_the_data_are_data(tmp_path):
    content = b"".join(message(i, b"LOBJLOBJ" if i % 2 else b"xLOBJ\0\0\0") for i in range(50))
    log, found = read_bytes(tmp_path, header(), container(content))
    assert log.report.bad == []
    assert found.id.tolist() == list(range(50))


def test_data_beyond_the_length_is_zero(tmp_path):
    content = message(1, b"\xff" * 8, dlc=3) + message(2, b"\xff" * 8, flags=0x80)
    _, found = read_bytes(tmp_path, header(), container(content))
    assert found.data[0].tolist() == [255] * 3 + [0] * 5
    assert (found.length[1], found.data[1].any()) == (8, False)


# ---------------------------------------------------------------- damaged


def many(first, count=100):
    return b"".join(message(first + i, t=first + i) for i in range(count))


def test_cut_short(tmp_path):
    parts = header(), container(many(0)), container(many(100))
    log, found = read_bytes(tmp_path, b"".join(parts)[:-40])
    assert log.report.bad_count >= 1
    assert "byte" in log.report.bad[0]
    ids = found.id.tolist()
    assert 100 < len(ids) < 200
    assert ids == list(range(len(ids)))


def test_a_corrupt_container_loses_only_itself(tmp_path):
    broken = bytearray(container(many(100)))
    broken[60:70] = b"\xff" * 10
    first = container(many(0))
    log, found = read_bytes(tmp_path, header(), first, bytes(broken), container(many(200)))
    assert log.report.bad[0].startswith(f"{tmp_path / 'x.blf'}:byte {144 + len(first)}: ")
    assert set(found.id.tolist()) >= {*range(100), *range(200, 300)}


@pytest.mark.parametrize("says", [33, 150, 2**16, 2**25, 2**32 - 1])
def test_a_container_that_lies_about_its_size(tmp_path, says):
    liar = bytearray(container(many(100)))
    struct.pack_into("<L", liar, 8, says)
    log, found = read_bytes(tmp_path, header(), container(many(0)), bytes(liar), container(many(200)))
    assert log.report.bad_count >= 1
    assert set(found.id.tolist()) >= {*range(100), *range(200, 300)}


@pytest.mark.parametrize("says", [0, 20, 47, 49, 200, 2**20, 2**32 - 1])
def test_an_object_that_lies_about_its_size(tmp_path, says):
    content = bytearray(many(0) + many(100))
    struct.pack_into("<L", content, 48 * 50 + 8, says)
    log, found = read_bytes(tmp_path, header(), container(bytes(content)), container(many(200)))
    assert log.report.bad_count >= 1
    assert {*range(300)} - set(found.id.tolist()) <= {50}


def test_rubbish_between_containers(tmp_path):
    log, found = read_bytes(tmp_path, header(), container(many(0)), b"rubbish" * 999, container(many(100)))
    assert found.id.tolist() == list(range(200))
    assert log.report.bad_count == 1
    assert re.search(r"byte \d+: 699\d bytes that are no object", log.report.bad[0])


def test_impossible_frames_are_told_apart(tmp_path):
    content = b"".join((
        message(0x10), message(0x800), message(0x11, dlc=77), message(0x12, t=2**63),
        fd_64(0x13, bytes(64), valid=64, dlc=99), lobj(1, b"short"), message(0x14),
    ))  # fmt: skip
    log, found = read_bytes(tmp_path, header(), container(content))
    assert found.id.tolist() == [0x10, 0x14]
    said = "\n".join(log.report.bad)
    assert log.report.bad_count == 5
    for why in ("an id of too many bits", "a DLC of more than 15", "a time out of all range", "too short"):
        assert why in said


def test_a_bomb_does_not_explode(tmp_path):
    bomb = container(bytes(48 << 20), says=2**32 - 1)
    log, found = read_bytes(tmp_path, header(), container(many(0)), bomb, container(many(100)))
    assert found.id.tolist() == list(range(200))
    assert log.report.bad_count >= 1


def test_nothing_to_read_is_an_error(tmp_path):
    path = tmp_path / "x.blf"
    for content in (b"LOGG", header(), header() + container(b""), header() + b"LOBJ" * 1000):
        path.write_bytes(content)
        with pytest.raises(LogError, match=r"x\.blf: no CAN frame in it: .*read as blf"):
            list(read_log(path))


def test_a_frame_before_the_first_cannot_be_written(tmp_path):
    late, early = frames([START_NS], [1], [0], [0], [b""]), frames([START_NS - 10**10], [1], [0], [0], [b""])
    with pytest.raises(LogError, match=r"10\.000 s earlier"):
        write_log(tmp_path / "x.blf", [late, early], ["can0"])


def whole_file():
    mixed = b"".join(message(i, t=i) + fd_64(i, bytes(12)) + lobj(65, b"text") for i in range(8))
    return (
        header()
        + container(many(0, 9))
        + container(mixed, 0)
        + container(mixed[:200])
        + container(mixed[200:])
    )


@pytest.mark.fuzz
@given(st.data())
def test_damage_never_surprises(tmp_path_factory, data):
    content = bytearray(whole_file())
    for _ in range(data.draw(st.integers(0, 4))):
        value = data.draw(
            st.sampled_from([b"\0", b"\xff" * 4, b"\xff\xff\xff\x7f", b"LOBJ"]) | st.binary(max_size=4)
        )
        at = data.draw(st.integers(0, len(content) - 4))
        content[at : at + len(value)] = value
    path = tmp_path_factory.mktemp("fuzz") / "x.blf"
    path.write_bytes(bytes(content)[: data.draw(st.integers(0, len(content)))])
    try:
        _, found = read(path)
    except LogError:
        return
    assert found.length.max() <= found.data.shape[1]
    assert len(found) <= 60
