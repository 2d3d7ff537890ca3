"""One process per camera: capture, networks, parsing. Pixels stay there; what was seen comes back by a pipe.

The worker says `Health` once a second, so that a silent one is a stuck one: `WorkerInlet` ends it and starts
another. A worker that cannot start (no model, no camera driver) says why and is tried again.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection

import msgspec

from edge.clock import LiveClock, now_ns
from edge.config import Camera, Config, ConfigError
from edge.messages import DriverView, Gap, Health, Message, RoadView, decode, encode

START_LIMIT_NS = 30_000_000_000  # loading networks on a slow card
SILENCE_LIMIT_NS = 4_000_000_000
RETRY_NS = 2_000_000_000
PICTURE_PERIOD_NS = 200_000_000  # pictures for people: 5 a second are enough


class WorkerTask(msgspec.Struct, frozen=True):
    """All that a worker is told. scenario: path, for a simulated camera; start_ns: when its world began."""

    camera: Camera
    config: Config
    scenario: str | None
    start_ns: int


class SeenPicture(msgspec.Struct, frozen=True):
    """A picture for the recording and for people, as the camera gave it."""

    camera: str
    taken_ns: int
    frame_id: int
    format: str  # "jpeg" or "png"
    data: bytes


class WorkerInlet:
    """The loop's end of one camera worker."""

    def __init__(self, task: WorkerTask, take_picture: Callable[[SeenPicture], None] | None = None) -> None:
        self.name = f"camera:{task.camera.name}"
        self._task = task
        self._take_picture = take_picture
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None
        self._heard_ns = 0
        self._spoke = False
        self._next_start_ns = 0
        self._state = ""

    def start(self, at_ns: int) -> None:
        """Start the process (spawned: a fork would inherit the loop's descriptors and its networks)."""
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        process = context.Process(target=work, args=(self._task, theirs), name=self.name, daemon=True)
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
        message = decode(data[1:])
        if isinstance(message, Health):
            if not self._spoke or message.state != self._state or message.state == "ok":
                messages.append(message)
            self._state = message.state
        else:
            messages.append(message)
        self._spoke = True

    def _how_it_ended(self) -> str:
        assert self._process is not None
        self._process.join(timeout=0.2)
        code = self._process.exitcode
        return f"signal {-code}" if code is not None and code < 0 else f"exit status {code}"

    def _lost(self, now_ns: int, why: str) -> list[Message]:
        self.close()
        self._next_start_ns = now_ns + RETRY_NS
        self._state = "failed"
        detail = f"{why}; starting another in {RETRY_NS / 1e9:.0f} s"
        return [Health(t_ns=now_ns, source=self.name, state="failed", detail=detail)]


def work(task: WorkerTask, pipe: Connection) -> None:
    """The worker's main: look and say, until the pipe closes."""
    import signal

    from edge.runtime.rights import exit_with_parent

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the loop's to handle
    exit_with_parent()
    try:
        _look(task, pipe)
    except (BrokenPipeError, EOFError, ConnectionResetError):
        return


def _look(task: WorkerTask, pipe: Connection) -> None:
    import cv2

    from edge.runtime.rig import open_any_camera
    from edge.vision.cameras import CameraError, LatestPicture
    from edge.vision.perceive import Perception
    from edge.vision.sessions import ModelError

    cv2.setNumThreads(1)
    name = f"camera:{task.camera.name}"
    clock = LiveClock()

    def say(message: Message) -> None:
        pipe.send_bytes(b"M" + encode(message))

    try:
        perception = Perception(task.camera, task.config.perception)
    except (ModelError, ConfigError, CameraError) as error:
        say(Health(t_ns=now_ns(), source=name, state="failed", detail=str(error)))
        _wait_for_the_end(pipe)
        return
    latest = LatestPicture(lambda: open_any_camera(task, clock), task.camera, clock)
    recording = task.config.recording
    stages: dict[str, list[int]] = {}
    seen = 0
    last_health_ns = last_picture_ns = now_ns()
    say(Health(t_ns=last_health_ns, source=name, state="ok", detail="; ".join(perception.notes)))
    try:
        while True:
            picture = latest.take(timeout_s=0.2)
            if picture is not None:
                view: RoadView | DriverView = perception.see(picture)
                say(view)
                seen += 1
                for stage, took_ns in {**perception.stages, "age": now_ns() - picture.t_ns}.items():
                    stages.setdefault(stage, []).append(took_ns)
                wanted = (
                    recording.pictures == "lossless" or picture.t_ns - last_picture_ns >= PICTURE_PERIOD_NS
                )
                if recording.pictures != "none" and wanted:
                    last_picture_ns = picture.t_ns
                    kind = "png" if recording.pictures == "lossless" else "jpeg"
                    options = [] if kind == "png" else [cv2.IMWRITE_JPEG_QUALITY, recording.jpeg_quality]
                    data = cv2.imencode("." + kind, picture.image, options)[1].tobytes()
                    seen_picture = SeenPicture(task.camera.name, picture.t_ns, picture.frame_id, kind, data)
                    pipe.send_bytes(b"P" + msgspec.msgpack.encode(seen_picture))
            at_ns = now_ns()
            for trouble in latest.trouble(at_ns):
                say(trouble)
            if at_ns - last_health_ns >= 1_000_000_000:
                figures = {f"{stage}_p50_ms": sorted(v)[len(v) // 2] / 1e6 for stage, v in stages.items()}
                figures |= {
                    f"{stage}_p99_ms": sorted(v)[len(v) * 99 // 100] / 1e6 for stage, v in stages.items()
                }
                figures["pictures_per_s"] = seen * 1e9 / (at_ns - last_health_ns)
                state, detail = latest.state()
                say(Health(t_ns=at_ns, source=name, state=state, detail=detail, figures=figures))
                if latest.dropped:
                    say(Gap(t_ns=at_ns, source=name, reason="newer picture came", count=latest.dropped))
                    latest.dropped = 0
                last_health_ns, seen = at_ns, 0
                stages.clear()
            if pipe.poll():
                return  # the loop never writes: readable means that it closed
    finally:
        latest.close()


def _wait_for_the_end(pipe: Connection) -> None:
    """A worker that cannot start stays, so that its reason is said once and not each time it dies anew."""
    pipe.poll(None)
