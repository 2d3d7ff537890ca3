"""The loop's end of a camera worker: starts the process, hears it, starts another when it ends or hangs.

The worker says `Health` once a second, so a silent one is a stuck one. Little is imported here: the loop's
process never loads the networks' runtime.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection

import msgspec

from edge.config import Camera, Geometry, Perception, Recording
from edge.messages import Health, Message, decode

START_LIMIT_NS = 30_000_000_000  # loading networks on a slow card
SILENCE_LIMIT_NS = 4_000_000_000
RETRY_NS = 2_000_000_000


class WorkerTask(msgspec.Struct, frozen=True):
    """All that a worker is told. scenario: file, for a simulated camera; start_ns: when its world began."""

    camera: Camera
    perception: Perception
    recording: Recording
    geometry: Geometry | None
    scenario: str | None
    start_ns: int


class SeenPicture(msgspec.Struct, frozen=True):
    """A picture for the recording and for people, as the camera gave it."""

    camera: str
    taken_ns: int
    frame_id: int
    format: str  # "jpeg" or "png"
    data: bytes


def _work(task: WorkerTask, pipe: Connection) -> None:
    from edge.runtime.camera_process import work

    work(task, pipe)


class WorkerInlet:
    """The loop's end of one camera worker."""

    def __init__(
        self,
        task: WorkerTask,
        take_picture: Callable[[SeenPicture], None] | None = None,
        main: Callable[[WorkerTask, Connection], None] = _work,
    ) -> None:
        self.name = f"camera:{task.camera.name}"
        self._task = task
        self._main = main
        self._take_picture = take_picture
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None
        self._heard_ns = 0
        self._spoke = False
        self._next_start_ns = 0

    def start(self, at_ns: int) -> None:
        """Start the process (spawned: a fork would inherit the loop's descriptors and its networks)."""
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        process = context.Process(target=self._main, args=(self._task, theirs), name=self.name, daemon=True)
        process.start()
        self._process = process
        theirs.close()
        self._heard_ns, self._spoke = at_ns, False

    @property
    def pid(self) -> int | None:
        """Of the worker that runs now."""
        return self._process.pid if self._process else None

    def fileno(self) -> int | None:
        """The pipe's."""
        return self._pipe.fileno() if self._pipe else None

    def poll(self, now_ns: int) -> list[Message]:
        """What the worker said; starts it anew where it ended or hangs."""
        if self._pipe is None:
            if now_ns >= self._next_start_ns:
                self.start(now_ns)
            return []
        messages: list[Message] = []
        try:
            while self._pipe.poll():
                self._heard_ns = now_ns
                self._receive(self._pipe.recv_bytes(), messages)
        except (EOFError, OSError):
            messages += self._lost(now_ns, f"the worker ended ({self._how_it_ended()})")
            return messages
        if now_ns - self._heard_ns > (SILENCE_LIMIT_NS if self._spoke else START_LIMIT_NS):
            messages += self._lost(now_ns, "the worker said nothing for too long")
        return messages

    def close(self) -> None:
        """End the worker."""
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
        if self._process is not None:
            self._process.join(timeout=1.0)
            if self._process.is_alive():
                self._process.kill()
                self._process.join(timeout=1.0)
            self._process = None

    def _receive(self, data: bytes, messages: list[Message]) -> None:
        if data[:1] == b"P":
            if self._take_picture is not None:
                self._take_picture(msgspec.msgpack.decode(data[1:], type=SeenPicture))
            return
        self._spoke = True
        messages.append(decode(data[1:]))

    def _how_it_ended(self) -> str:
        assert self._process is not None
        self._process.join(timeout=0.2)
        code = self._process.exitcode
        return f"signal {-code}" if code is not None and code < 0 else f"exit status {code}"

    def _lost(self, now_ns: int, why: str) -> list[Message]:
        self.close()
        self._next_start_ns = now_ns + RETRY_NS
        detail = f"{why}; starting another in {RETRY_NS / 1e9:.0f} s"
        return [Health(t_ns=now_ns, source=self.name, state="failed", detail=detail)]
