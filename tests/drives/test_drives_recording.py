"""A drive written is a drive read; the independent judge of the format is the `mcap` package's own reader."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader

from edge.drives.cut import cut
from edge.drives.digest import Digest
from edge.drives.export import export_csv, export_json, export_pictures
from edge.drives.header import DriveError, DriveHeader, ModelUsed, source
from edge.drives.pictures import decode_image, encode_image, image_descriptor
from edge.drives.reader import read_drive
from edge.drives.schemas import INPUTS, OUTPUTS, json_schema
from edge.drives.writer import DriveWriter, NullWriter
from edge.messages import (
    Detections,
    Gap,
    RoadView,
    Signals,
    Tick,
    Unavailable,
    Warning,
    decode,
    encode,
    read_only,
)

JPEG = b"\xff\xd8\xff" + random.Random(1).randbytes(5000) + b"\xff\xd9"
MS = 1_000_000


def header(**changes) -> DriveHeader:
    return DriveHeader(**{"title": "a test", "simulated": True, "core_config": "{}"} | changes)


def signals(t_ns: int) -> Signals:
    return Signals(
        t_ns=t_ns,
        bus="can0",
        names=("speed_mps", "yaw_rate_radps"),
        values=(13.9, None),
        stamps_ns=(t_ns - 1000, t_ns),
    )


def warning(t_ns: int, active: bool = True) -> Warning:
    return Warning(
        t_ns=t_ns,
        name="forward_collision",
        level="alarm",
        active=active,
        since_ns=t_ns,
        cause="a car ahead, 1.4 s to collision",
        values={"ttc_s": 1.4},
        thresholds={"ttc_s": 1.6},
        object="track:7",
    )


def road_view(t_ns: int) -> RoadView:
    found = Detections(kinds=("car",), scores=read_only([0.9]), boxes=read_only([[1.5, 2.0, 30.25, 1 / 3]]))
    return RoadView(
        t_ns=t_ns,
        camera="road",
        taken_ns=t_ns - 50 * MS,
        frame_id=1,
        width_px=64,
        height_px=48,
        models=("m",),
        detections=found,
    )


def write(path: Path, ticks: int = 200, **changes) -> tuple[list, list, str]:
    """Two seconds of drive; what went in, what came out, and its digest."""
    inputs, outputs = [], []
    with DriveWriter(path, header(**changes)) as writer:
        for number in range(ticks):
            t_ns = 5_000 * MS + number * 10 * MS
            inputs.append([Tick(t_ns=t_ns, number=number), signals(t_ns), road_view(t_ns)][number % 3])
            assert writer.accept(inputs[-1]) == number
            if number % 10 == 0:
                outputs.append(warning(t_ns, active=number % 20 == 0))
                writer.emit(outputs[-1])
                writer.raw("can/can0", t_ns, bytes(range(number % 256)))
                writer.raw_picture("road", t_ns, t_ns - 30 * MS, number, "jpeg", JPEG)
        assert writer.losses() == ()
    return inputs, outputs, writer.digest


def same(one, other) -> bool:
    return encode(one) == encode(other)


def test_what_was_written_is_read_in_order(tmp_path):
    inputs, outputs, digest = write(tmp_path / "a.mcap", models=(ModelUsed(name="m", sha256="00"),))
    drive = read_drive(tmp_path / "a.mcap")
    assert drive.complete
    assert drive.digest == digest == drive.outputs_digest()
    assert drive.header.simulated
    assert drive.header.models[0].name == "m"
    assert drive.header.machine["numpy"] == np.__version__
    assert [encode(message) for message in drive.inputs()] == [encode(message) for message in inputs]
    assert [encode(message) for message in drive.outputs()] == [encode(message) for message in outputs]
    assert len(list(drive.messages(Warning))) == len(outputs)
    assert [data for _, data in drive.raw("can/can0")] == [bytes(range(n % 256)) for n in range(0, 200, 10)]
    pictures = list(drive.pictures("road"))
    assert [picture.frame_id for picture in pictures] == list(range(0, 200, 10))
    assert pictures[3].data == JPEG
    assert pictures[3].t_ns - pictures[3].taken_ns == 30 * MS
    assert drive.duration_s == pytest.approx(1.99)
    assert drive.problems == []


def test_outputs_carry_the_number_of_their_cause(tmp_path):
    write(tmp_path / "a.mcap")
    records = list(read_drive(tmp_path / "a.mcap").records("in/", "out/"))
    for before, record in itertools.pairwise(records):
        if record.topic.startswith("out/"):
            assert record.number == before.number


def test_the_mcap_package_reads_it(tmp_path):
    inputs, outputs, digest = write(tmp_path / "a.mcap")
    with (tmp_path / "a.mcap").open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        summary = reader.get_summary()
        counts = {summary.channels[c].topic: n for c, n in summary.statistics.channel_message_counts.items()}
        assert counts == read_drive(tmp_path / "a.mcap").counts
        assert sum(n for topic, n in counts.items() if topic.startswith("in/")) == len(inputs)
        times = []
        for schema, channel, message in reader.iter_messages():  # by time, through the index
            times.append(message.log_time)
            if channel.message_encoding == "json":
                assert json.loads(message.data)["type"] == channel.topic.split("/")[1]
                assert json.loads(schema.data)["type"] == "object"
                assert schema.encoding == "jsonschema"
        assert times == sorted(times)
        assert len(times) == summary.statistics.message_count
        only = list(reader.iter_messages(topics=["out/Warning"], starting_at=6_000 * MS))
        assert len(only) == sum(out.t_ns >= 6_000 * MS for out in outputs)
        assert (
            next(m.metadata for m in reader.iter_metadata() if m.name == "icv-edge/end")["digest"] == digest
        )


def test_pictures_are_not_compressed_again(tmp_path):
    write(tmp_path / "a.mcap")
    assert (tmp_path / "a.mcap").read_bytes().count(JPEG) == 20


def test_pictures_are_foxglove_protobuf():
    """Judged by Google's own implementation, from the descriptor that the file carries."""
    descriptor_pb2 = pytest.importorskip("google.protobuf.descriptor_pb2")
    from google.protobuf import descriptor_pool, message_factory

    files = descriptor_pb2.FileDescriptorSet.FromString(image_descriptor())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    kind = message_factory.GetMessageClass(pool.FindMessageTypeByName("foxglove.CompressedImage"))
    message = kind.FromString(encode_image("road", 12_000_000_345, "jpeg", JPEG))
    assert (message.timestamp.seconds, message.timestamp.nanos) == (12, 345)
    assert (message.frame_id, message.format, message.data) == ("road", "jpeg", JPEG)
    assert decode_image(message.SerializeToString()) == (12_000_000_345, "jpeg", JPEG)


@given(st.text(), st.integers(0, 2**62), st.text(max_size=9), st.binary(max_size=300))
def test_pictures_come_back(camera, taken_ns, image_format, data):
    assert decode_image(encode_image(camera, taken_ns, image_format, data)) == (taken_ns, image_format, data)


@given(st.binary(max_size=80))
def test_a_picture_of_garbage_is_refused_or_read(data):
    with contextlib.suppress(ValueError):
        decode_image(data)


@pytest.mark.parametrize("kind", [*INPUTS, *OUTPUTS])
def test_every_schema_stands_alone(kind):
    schema = json.loads(json_schema(kind))
    assert schema["type"] == "object"
    assert "t_ns" in schema["properties"]
    assert "$ref" not in json_schema(kind).decode()


def test_the_digest_tells_drives_apart(tmp_path):
    one, other = Digest(), Digest()
    one.update(warning(1))
    other.update(warning(2))
    assert one.hexdigest() != other.hexdigest()
    null = NullWriter()
    assert [null.accept(Tick(t_ns=0, number=n)) for n in range(3)] == [0, 1, 2]
    null.emit(warning(1))
    assert null.digest == one.hexdigest()


def test_nothing_is_overwritten(tmp_path):
    write(tmp_path / "a.mcap", ticks=3)
    with pytest.raises(DriveError, match="exists already"):
        DriveWriter(tmp_path / "a.mcap", header())
    with pytest.raises(DriveError, match="cannot be written"):
        DriveWriter("/proc/nowhere/a.mcap", header())


def test_a_source_is_told_by_its_hash(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    told = source("can", tmp_path / "x")
    assert told.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-4
    assert told.size_bytes == 3
    with pytest.raises(DriveError, match="cannot be read"):
        source("can", tmp_path / "y")


# ---------------------------------------------------------------- damage


@pytest.mark.parametrize("content", [b"", b"RIFF", b"\x89MCAP0\r\n", b"\x89MCAP0\r\n" + bytes(500)])
def test_what_is_no_drive_is_refused(tmp_path, content):
    (tmp_path / "a.mcap").write_bytes(content)
    with pytest.raises(DriveError, match=r"a\.mcap: "):
        read_drive(tmp_path / "a.mcap")


def test_a_foreign_mcap_is_refused(tmp_path):
    from mcap.writer import Writer

    with (tmp_path / "a.mcap").open("wb") as file:
        writer = Writer(file)
        writer.start()
        channel = writer.register_channel("x", "json", writer.register_schema("x", "jsonschema", b"{}"))
        writer.add_message(channel, 1, b"{}", 1)
        writer.finish()
    with pytest.raises(DriveError, match="not a drive"):
        read_drive(tmp_path / "a.mcap")
    with pytest.raises(DriveError, match="cannot be read"):
        read_drive(tmp_path / "nothing.mcap")


def long_drive(path: Path) -> list:
    inputs = []
    with DriveWriter(path, header(), drop=False) as writer:
        for number in range(6000):
            inputs.append(signals(number * MS + MS))
            writer.accept(inputs[-1])
            if number % 100 == 0:
                writer.raw_picture("road", number * MS, number * MS, number, "jpeg", JPEG)
    return inputs


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 1))
def test_a_file_cut_anywhere_gives_what_is_there(tmp_path_factory, share):
    folder = tmp_path_factory.getbasetemp() / "cut"
    folder.mkdir(exist_ok=True)
    whole = folder / "whole.mcap"
    if not whole.exists():
        long_drive(whole)
    data = whole.read_bytes()
    (folder / "part.mcap").write_bytes(data[: int(share * (len(data) - 1))])
    try:
        drive = read_drive(folder / "part.mcap")
    except DriveError:
        assert share < 0.1  # the header itself is not there
        return
    assert drive.complete == (drive.digest is not None)
    assert not drive.complete or share > 0.9  # only the index at the end is cut
    got = list(drive.inputs())
    assert all(same(message, signals(n * MS + MS)) for n, message in enumerate(got))
    assert drive.counts.get("in/Signals", 0) == len(got)
    assert drive.problems


@pytest.mark.parametrize("indexed", [True, False])
def test_a_damaged_chunk_costs_itself_only(tmp_path, indexed):
    path = tmp_path / "a.mcap"
    inputs = long_drive(path)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 64] = random.Random(2).randbytes(64)
    path.write_bytes(data if indexed else data[: int(len(data) * 0.9)])
    drive = read_drive(path)
    got = list(drive.inputs())
    list(drive.pictures("road"))
    assert drive.complete == indexed
    assert any("damaged" in problem for problem in drive.problems)
    assert len(inputs) * 0.5 < len(got) <= len(inputs)
    assert {encode(message) for message in got} <= {encode(message) for message in inputs}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 0.9999), st.binary(min_size=1, max_size=40)), min_size=1, max_size=4))
def test_damage_anywhere_never_raises_anything_else(tmp_path_factory, damage):
    folder = tmp_path_factory.getbasetemp() / "damage"
    folder.mkdir(exist_ok=True)
    whole = folder / "whole.mcap"
    if not whole.exists():
        write(whole)
    data = bytearray(whole.read_bytes())
    for share, what in damage:
        at = int(share * len(data))
        data[at : at + len(what)] = what
    (folder / "part.mcap").write_bytes(data)
    try:
        drive = read_drive(folder / "part.mcap")
        list(drive.inputs()), list(drive.outputs()), list(drive.raw("can/can0")), list(drive.pictures("road"))
    except DriveError:
        pass


WRITING = """
import sys
from edge.clock import LiveClock, now_ns
from edge.drives.header import DriveHeader
from edge.drives.writer import DriveWriter
from edge.messages import Tick
clock, number = LiveClock(), 0
writer = DriveWriter(sys.argv[1], DriveHeader(title="t", simulated=True, core_config="{}"))
while True:
    clock.sleep_until_ns(now_ns() + 5_000_000)
    writer.accept(Tick(t_ns=now_ns(), number=number))
    print(now_ns(), flush=True)
    number += 1
"""


def test_a_kill_costs_at_most_a_second(tmp_path):
    path = tmp_path / "a.mcap"
    process = subprocess.Popen([sys.executable, "-c", WRITING, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    began = time.monotonic_ns()
    while (last_ns := int(process.stdout.readline())) - began < 2_500 * MS:
        pass
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    drive = read_drive(path)
    got = list(drive.inputs())
    assert not drive.complete
    assert "interrupted" in " ".join(drive.problems)
    assert [message.number for message in got] == list(range(len(got)))
    assert last_ns - got[-1].t_ns <= 1_000 * MS


# ---------------------------------------------------------------- a slow or full disk


def test_a_slow_disk_costs_pictures_first_then_raw_never_messages(tmp_path, monkeypatch):
    """The disk stands still until all is handed over: the writer's own queue decides what goes."""
    from edge.drives import mcap_file

    stopped = True
    write_now = mcap_file.McapFile.write_chunk

    def write_chunk(self, chunk):
        while stopped:
            time.sleep(0.001)
        write_now(self, chunk)

    monkeypatch.setattr(mcap_file.McapFile, "write_chunk", write_chunk)
    writer = DriveWriter(tmp_path / "a.mcap", header(), queue_bytes=400_000)
    for number in range(100):
        writer.raw_picture("road", number, number, number, "jpeg", JPEG)
    for number in range(300):
        writer.raw("gnss", number, bytes(1000))
    for number in range(500):
        writer.accept(Tick(t_ns=number, number=number))
    gaps = {gap.reason.split(":")[0]: gap for gap in writer.losses()}
    assert set(gaps) == {"pictures", "raw data"}
    assert all(isinstance(gap, Gap) and gap.source == "recording" for gap in gaps.values())
    assert writer.losses() == ()
    stopped = False
    writer.close()
    drive = read_drive(tmp_path / "a.mcap")
    assert [message.number for message in drive.inputs()] == list(range(500))
    assert drive.counts["camera/road"] == 100 - gaps["pictures"].count
    assert drive.counts["gnss"] == 300 - gaps["raw data"].count
    assert sum(drive.losses.values()) == gaps["pictures"].count + gaps["raw data"].count


@pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="this system has no way to limit a file's size here"
)
def test_a_full_disk_is_told_and_nothing_hangs(tmp_path):
    """RLIMIT_FSIZE makes write() fail as a full disk does; in a process of its own, as it holds for all."""
    program = """
import resource, signal, sys
from edge.drives.header import DriveHeader
from edge.drives.writer import DriveWriter
from edge.messages import Tick
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
header = DriveHeader(title="t", simulated=True, core_config="{}")
writer = DriveWriter(sys.argv[1], header, queue_bytes=100_000, drop=False)
for number in range(100):
    writer.accept(Tick(t_ns=number, number=number))
for number in range(3000):
    writer.raw_picture("road", number, number, number, "jpeg", bytes([number % 251]) * 1000)
    writer.accept(Tick(t_ns=number, number=number + 100))
writer.close()
print(writer.failure)
print(sum(gap.count for gap in writer.losses()))
"""
    path = tmp_path / "a.mcap"
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    failure, lost = done.stdout.splitlines()
    assert "cannot be written any more: File too large" in failure
    drive = read_drive(path)
    assert sum(drive.counts.values()) + int(lost) == 100 + 6000
    assert not drive.complete
    assert path.stat().st_size <= 300_000


# ---------------------------------------------------------------- cut and export


def test_an_excerpt_is_a_drive_of_its_own(tmp_path):
    inputs, _, digest = write(tmp_path / "a.mcap")
    count = cut(read_drive(tmp_path / "a.mcap"), tmp_path / "b.mcap", 0.5, 1.0)
    part = read_drive(tmp_path / "b.mcap")
    expected = [message for message in inputs if 5_500 * MS <= message.t_ns < 6_000 * MS]
    assert count == len(expected) == 50
    assert [encode(message) for message in part.inputs()] == [encode(message) for message in expected]
    assert part.problems == []
    assert list(part.outputs()) == []
    assert part.digest is None
    assert part.header.excerpt is not None
    assert (part.header.excerpt.of, part.header.excerpt.of_digest) == ("a.mcap", digest)
    assert [picture.frame_id for picture in part.pictures("road")] == [50, 60, 70, 80, 90]
    with pytest.raises(DriveError, match="nothing lies between"):
        cut(read_drive(tmp_path / "a.mcap"), tmp_path / "c.mcap", 10, 20)


def test_exports(tmp_path):
    inputs, outputs, _ = write(tmp_path / "a.mcap")
    drive = read_drive(tmp_path / "a.mcap")
    signals_csv, warnings_csv = export_csv(drive, tmp_path)
    rows = signals_csv.read_text().splitlines()
    assert rows[1] == "0.009999,5009999000,can0,speed_mps,13.9"
    assert rows[2] == "0.010000,5010000000,can0,yaw_rate_radps,"
    assert len(rows) == 1 + 2 * sum(isinstance(message, Signals) for message in inputs)
    assert len(warnings_csv.read_text().splitlines()) == 1 + len(outputs)
    (lines,) = export_json(drive, tmp_path)
    parsed = [json.loads(line) for line in lines.read_text().splitlines()]
    assert len(parsed) == len(inputs) + len(outputs)
    assert same(decode(json.dumps(parsed[0]["message"]).encode()), inputs[0])
    (folder,) = export_pictures(drive, tmp_path)
    files = sorted(folder.iterdir())
    assert len(files) == 20
    assert files[0].read_bytes() == JPEG


def test_a_message_of_another_version_is_told(tmp_path):
    with DriveWriter(tmp_path / "a.mcap", header()) as writer:
        writer.accept(Tick(t_ns=1, number=0))
        writer.raw("out/Novelty", 1, b'{"type":"Novelty","t_ns":1}')
        writer.emit(Unavailable(t_ns=1, function="f", input="i", reason="r", since_ns=1))
    drive = read_drive(tmp_path / "a.mcap")
    assert len(list(drive.outputs())) == 1
    assert "another version" in drive.problems[0]
