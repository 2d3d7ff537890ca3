"""The loop's end of a camera worker: starts the process, hears it, starts another when it ends or hangs.

The worker says something at least once a second, so a silent one is a stuck one. Little is imported here: the
loop's process never loads the networks' runtime, and workers are started before all else, numpy included.
"""

from __future__ import annotations

import multiprocessing
import select
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

import msgspec

from edge.config import Camera, Geometry, Perception, Recording
from edge.runtime.rights import processors, run_on, start_without_interrupt

if TYPE_CHECKING:
    from edge.messages import Message

START_LIMIT_NS = 30_000_000_000  # loading networks on a slow card
SILENCE_LIMIT_NS = 4_000_000_000
RETRY_NS = 2_000_000_000
END_LIMIT_NS = 1_000_000_000  # from the last word of a worker to its end
PIECE = 16_000  # bytes, which a Connection and the kernel pass on whole


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


def send(pipe: Connection, kind: bytes, data: bytes) -> None:
    """Say b"M", a message, or b"P", a picture, in pieces: whoever takes one never waits for its end."""
    rest = memoryview(data)
    while len(rest) > PIECE:
        pipe.send_bytes(b"C" + rest[:PIECE])
        rest = rest[PIECE:]
    pipe.send_bytes(kind + rest)


def _work(task: WorkerTask, pipe: Connection) -> None:
    from edge.runtime.camera_process import work

    work(task, pipe)


Main = Callable[[WorkerTask, Connection], None]


def _begin(main: Main, task: WorkerTask, pipe: Connection, allowed: frozenset[int]) -> None:
    run_on(frozenset(task.perception.affinity) or allowed)
    main(task, pipe)


class WorkerInlet:
    """The loop's end of one camera worker."""

    def __init__(
        self,
        task: WorkerTask,
        take_picture: Callable[[SeenPicture], None] | None = None,
        main: Main = _work,
    ) -> None:
        """take_picture: who gets the pictures; may be set later."""
        self.name = f"camera:{task.camera.name}"
        self._task = task
        self._main = main
        self.take_picture = take_picture
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None
        self._heard_ns = 0
        self._spoke = False
        self._pieces: list[bytes] = []
        self._next_start_ns = 0
        self._lost_ns = 0
        self._why = ""
        self._processors = processors()  # of a loop that has not asked for one of its own yet

    def start(self, at_ns: int) -> None:
        """Start the process (spawned: a fork would inherit the loop's descriptors and its networks).

        Raises OSError if the system has no room for one.
        """
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        arguments = (self._main, self._task, theirs, self._processors)
        process = context.Process(target=_begin, args=arguments, name=self.name, daemon=True)
        try:
            start_without_interrupt(process)
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self._pipe, self._process = ours, process
        self._heard_ns, self._spoke, self._pieces = at_ns, False, []

    @property
    def pid(self) -> int | None:
        """Of the worker that runs now."""
        return self._process.pid if self._process else None

    def fileno(self) -> int | None:
        """The pipe's."""
        return self._pipe.fileno() if self._pipe else None

    def poll(self, now_ns: int) -> list[Message]:
        """What the worker said; starts it anew where it ended or hangs. Never waits for it."""
        messages: list[Message] = []
        if self._pipe is not None:
            self._hear(self._pipe, now_ns, messages)
        elif self._process is not None:
            self._bury(self._process, now_ns, messages)
        elif now_ns >= self._next_start_ns:
            try:
                self.start(now_ns)
            except OSError as error:
                self._fail(f"no worker can be started ({error.strerror})", now_ns, messages)
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

    def _hear(self, pipe: Connection, now_ns: int, messages: list[Message]) -> None:
        try:
            # Connection.poll makes a selector each time: 50 us on the way from picture to decision.
            while select.select((pipe,), (), (), 0)[0]:
                self._receive(pipe.recv_bytes(), messages)
                self._heard_ns = now_ns
        except (EOFError, OSError):
            self._lose(pipe, now_ns, "the worker ended")
            return
        if now_ns - self._heard_ns > (SILENCE_LIMIT_NS if self._spoke else START_LIMIT_NS):
            self._lose(pipe, now_ns - END_LIMIT_NS, "the worker said nothing for too long and was ended")

    def _lose(self, pipe: Connection, since_ns: int, why: str) -> None:
        pipe.close()
        self._pipe, self._lost_ns, self._why = None, since_ns, why

    def _bury(
        self, process: multiprocessing.process.BaseProcess, now_ns: int, messages: list[Message]
    ) -> None:
        """Tell how it ended once that is known: a process closes its pipe a moment before."""
        code = process.exitcode
        if code is None:
            if now_ns - self._lost_ns >= END_LIMIT_NS:
                process.kill()
            return
        self._process = None
        how = f"signal {-code}" if code < 0 else f"exit status {code}"
        self._fail(f"{self._why} ({how})", now_ns, messages)

    def _fail(self, why: str, now_ns: int, messages: list[Message]) -> None:
        from edge.messages import Health

        self._next_start_ns = now_ns + RETRY_NS
        detail = f"{why}; starting another in {RETRY_NS / 1e9:.0f} s"
        messages.append(Health(t_ns=now_ns, source=self.name, state="failed", detail=detail))

    def _receive(self, data: bytes, messages: list[Message]) -> None:
        from edge.messages import decode

        self._spoke = True
        kind, content = data[:1], data[1:]
        if kind == b"B":  # it lives
            return
        self._pieces.append(content)
        if kind == b"C":  # there is more of it
            return
        content, self._pieces = b"".join(self._pieces), []
        if kind == b"P" and self.take_picture is not None:
            self.take_picture(msgspec.msgpack.decode(content, type=SeenPicture))
        elif kind == b"M":
            messages.append(decode(content))
