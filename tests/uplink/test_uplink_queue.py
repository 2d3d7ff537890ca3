"""The queue: order, bound, what is dropped, and what survives."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.uplink.queue import DurableQueue, QueueError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "queue.db"


def payloads(queue, count=100):
    return [report.payload for report in queue.peek(count)]


def test_alarms_go_first_and_older_before_newer(path):
    queue = DurableQueue(path, 10)
    for priority, payload in [("routine", b"1"), ("alarm", b"2"), ("routine", b"3"), ("alarm", b"4")]:
        assert queue.put(priority, payload, 5)
    assert payloads(queue) == [b"2", b"4", b"1", b"3"]
    assert [(r.priority, r.utc_ns) for r in queue.peek(3)] == [("alarm", 5), ("alarm", 5), ("routine", 5)]
    assert payloads(queue, 1) == [b"2"], "peeking takes nothing away"
    queue.ack(queue.peek()[0].id)
    assert payloads(queue) == [b"4", b"1", b"3"]
    assert queue.depth == 3


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from(["alarm", "routine"]), max_size=25), st.integers(1, 6))
def test_the_bound_holds_and_every_drop_is_counted(tmp_path_factory, priorities, limit):
    queue = DurableQueue(tmp_path_factory.mktemp("q") / "q.db", limit)
    for n, priority in enumerate(priorities):
        queue.put(priority, b"%d" % n, n)
    alarms = [b"%d" % n for n, p in enumerate(priorities) if p == "alarm"]
    routine = [b"%d" % n for n, p in enumerate(priorities) if p == "routine"]
    kept = payloads(queue)
    kept_alarms = alarms[-limit:]
    assert kept[: len(kept_alarms)] == kept_alarms, "the newest alarms, dropped last"
    rest = kept[len(kept_alarms) :]
    assert rest == routine[len(routine) - len(rest) :], "the newest routine reports"
    assert len(kept) == queue.depth <= limit
    dropped = {"alarm": len(alarms) - len(kept_alarms), "routine": len(routine) - len(rest)}
    assert queue.dropped == dropped
    queue.close()


def test_it_is_there_again_after_a_kill(path):
    program = (
        "import sys\nfrom edge.uplink.queue import DurableQueue\n"
        "q = DurableQueue(sys.argv[1], 3)\n"
        "for n in range(4): q.put('routine', b'r%d' % n, n)\n"
        "q.put('alarm', b'a', 9); q.remember('code', b'\\x00\\xff'); q.ack(q.peek(9)[1].id)\n"
        "print('ready', flush=True); sys.stdin.read()"
    )
    root = str(Path(__file__).parents[2])
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": root},
    )  # fmt: skip
    assert child.stdout.readline().strip() == b"ready"
    with pytest.raises(QueueError, match="the other process"):
        DurableQueue(path, 3)
    child.send_signal(signal.SIGKILL)
    child.wait(10)
    child.stdin.close()
    child.stdout.close()
    queue = DurableQueue(path, 3)
    assert payloads(queue) == [b"a", b"r3"]
    assert queue.dropped == {"alarm": 0, "routine": 2}
    assert queue.recall("code") == b"\x00\xff"
    assert queue.recall("other") is None


@pytest.mark.parametrize(
    "garbage", [b"no database at all" * 500, b"SQLite format 3\0" + bytes(range(256)) * 64]
)
def test_a_corrupt_file_is_put_aside_and_a_new_one_begun(path, garbage):
    path.parent.mkdir()
    path.write_bytes(garbage)
    queue = DurableQueue(path, 10)
    assert queue.set_aside is not None
    assert queue.set_aside.read_bytes() == garbage, "kept for whoever wants to look"
    assert queue.put("alarm", b"1", 1)
    assert payloads(queue) == [b"1"]
    queue.close()
    again = DurableQueue(path, 10)
    assert again.set_aside is None
    assert payloads(again) == [b"1"]


def test_pages_that_were_overwritten_are_found_at_the_start(path):
    queue = DurableQueue(path, 1000)
    for n in range(500):
        queue.put("routine", bytes(200), n)
    queue.close()
    data = bytearray(path.read_bytes())
    data[4096:20480] = b"\xa5" * (20480 - 4096)
    path.write_bytes(data)
    queue = DurableQueue(path, 1000)
    assert queue.set_aside is not None
    assert queue.depth == 0


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(QueueError, match="make the folder writable"):
        DurableQueue(tmp_path / "file" / "queue.db", 10)


def test_a_full_disk_costs_the_report_and_is_said_and_nothing_is_sent_twice(path):
    queue = DurableQueue(path, 100)
    for n in range(5):
        queue.put("routine", bytes(50), n)
    (pages,) = queue._db.execute("PRAGMA page_count").fetchone()
    queue._db.execute(f"PRAGMA max_page_count={pages}")  # what SQLite calls full
    lost = [queue.put("alarm", bytes(3000), n) for n in range(9)].count(False)
    assert lost > 0
    assert "full" in queue.trouble
    assert queue.dropped["alarm"] == lost
    first = queue.peek()[0]
    queue.ack(first.id)
    assert first.id not in [r.id for r in queue.peek(100)]
    queue._db.execute("PRAGMA max_page_count=100000")
    assert queue.put("alarm", b"1", 1)
    assert queue.trouble == ""


def test_a_closed_queue_is_not_taken_for_a_corrupt_one(path):
    queue = DurableQueue(path, 10)
    queue.close()
    with pytest.raises(sqlite3.ProgrammingError):
        queue.peek()
    assert list(path.parent.glob("*corrupt*")) == []
