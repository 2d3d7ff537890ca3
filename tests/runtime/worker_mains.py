"""What a camera worker may do in the tests; spawned processes import it."""

from __future__ import annotations

import os
import signal
import threading

import msgspec

from edge.clock import now_ns
from edge.messages import Health, encode
from edge.runtime.worker import SeenPicture, send


def hello(task, pipe):
    """Says that it is well, and stays until the pipe closes."""
    say(pipe, "ok", f"SIGINT {signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])}")
    while not pipe.poll(0.2):
        say(pipe, "ok", "")


def stuck(task, pipe):
    """Says one word and then neither speaks nor hears."""
    say(pipe, "ok", "")
    threading.Event().wait()


def leaves(task, pipe):
    """Ends at once, with a status of its own."""
    raise SystemExit(7)


def say(pipe, state, detail):
    pipe.send_bytes(b"M" + encode(Health(t_ns=now_ns(), source="camera:x", state=state, detail=detail)))


def rights(task, pipe):
    """Says how and where it runs, and stays."""
    policy = os.sched_getscheduler(0)
    say(pipe, "ok", f"{policy} {sorted(os.sched_getaffinity(0))}")
    while not pipe.poll(0.2):
        say(pipe, "ok", "")


def floods(task, pipe):
    """Says one word, then sends large pictures as fast as they are taken."""
    say(pipe, "ok", "")
    picture = SeenPicture("x", 1, 2, "png", bytes(range(256)) * 8000)
    while not pipe.poll():
        send(pipe, b"P", msgspec.msgpack.encode(picture))
