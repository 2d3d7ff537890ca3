"""One process per camera: capture, networks, parsing. Pixels stay here; what was seen goes to the loop."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection

import cv2
import msgspec

from edge import config as cfg
from edge.clock import Clock, LiveClock, now_ns
from edge.config import UserError
from edge.messages import Gap, Health, Message, encode
from edge.runtime.paced import Paced
from edge.runtime.quantile import quantile
from edge.runtime.rights import exit_with_parent, keep_memory
from edge.runtime.worker import SeenPicture, WorkerTask, send
from edge.vision.cameras import Camera as CameraPort
from edge.vision.cameras import LatestPicture, open_camera
from edge.vision.perceive import Perception
from edge.vision.picture import Picture
from edge.vision.zoo import ModelError

NICE = 5  # a waking loop goes before a network at work
PICTURE_PERIOD_NS = 200_000_000  # pictures for people: 5 a second are enough

JPEG_SIDE_PX = 65_500  # what OpenCV's encoder takes


def work(task: WorkerTask, pipe: Connection) -> None:
    """The worker's main: look and say, until the pipe closes."""
    exit_with_parent()
    keep_memory()
    os.nice(NICE)
    try:
        _look(task, pipe)
    except (BrokenPipeError, EOFError, ConnectionResetError):
        return


def _look(task: WorkerTask, pipe: Connection) -> None:
    name = f"camera:{task.camera.name}"
    clock = LiveClock()

    def say(message: Message) -> None:
        send(pipe, b"M", encode(message))

    try:
        with _beating(pipe):  # an accelerator may compile a network for minutes
            perception = Perception(task.camera, task.perception)
    except UserError as error:
        say(Health(t_ns=now_ns(), source=name, state="failed", detail=str(error)))
        while not pipe.poll(1.0):  # stay, so that the reason is said once and not each time that it dies anew
            pipe.send_bytes(b"B")  # a beat: alive
        return
    say(Health(t_ns=now_ns(), source=name, state="ok", detail="; ".join(perception.notes)))
    latest = LatestPicture(lambda: _open(task, clock), task.camera, clock)
    stages = Stages(name)
    picture_ns = 0
    failures = Failures(name)
    try:
        while not pipe.poll():  # the loop never writes: readable means that it closed
            picture = latest.take(timeout_s=0.2)
            if picture is not None:
                if task.recording.pictures == "lossless" and picture.planes is not None:
                    # What is recorded is BGR: then the networks see the same, and a replay does.
                    picture = Picture(t_ns=picture.t_ns, frame_id=picture.frame_id, image=picture.image)
                try:
                    say(perception.see(picture))
                except ModelError as error:
                    trouble = str(error)
                else:
                    trouble = perception.trouble
                    stages.add(perception.stages | {"age": now_ns() - picture.t_ns})
                for message in failures.note(trouble, now_ns()):
                    say(message)
                every_ns = 0 if task.recording.pictures == "lossless" else PICTURE_PERIOD_NS
                if task.recording.pictures != "none" and picture.t_ns - picture_ns >= every_ns:
                    picture_ns = picture.t_ns
                    send(pipe, b"P", msgspec.msgpack.encode(_compress(task, picture)))
            at_ns = now_ns()
            for said in (*latest.trouble(at_ns), *stages.messages(at_ns, latest.take_lost, failures.take)):
                say(said)
            if latest.stuck():
                return  # said above; the loop starts another process
    finally:
        latest.close()


@contextlib.contextmanager
def _beating(pipe: Connection) -> Iterator[None]:
    """Say once a second that this process lives, as long as nothing else is said."""
    done = threading.Event()

    def beat() -> None:
        with contextlib.suppress(OSError):  # the loop has gone: found out by whoever speaks next
            while not done.wait(1.0):
                pipe.send_bytes(b"B")

    thread = threading.Thread(target=beat, name="beat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


class Failures:
    """Pictures over which the networks failed: told when that begins and when it is over, and counted."""

    def __init__(self, name: str) -> None:
        self._source = name.replace("camera:", "networks:")
        self._detail = ""
        self._counts: Counter[str] = Counter()

    def note(self, detail: str, at_ns: int) -> tuple[Health, ...]:
        """What went wrong with a picture, "" for nothing. What is new of it is to be said."""
        if detail:
            self._counts["the networks failed over it"] += 1
        if detail == self._detail:
            return ()
        self._detail = detail
        return (Health(t_ns=at_ns, source=self._source, state="failed" if detail else "ok", detail=detail),)

    def take(self) -> Counter[str]:
        """How many since the last call."""
        counts, self._counts = self._counts, Counter()
        return counts


class Stages:
    """How long each stage took and how many pictures nobody took, told once a second."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._took: dict[str, list[int]] = {}
        self._since_ns = now_ns()

    def add(self, took_ns: dict[str, int]) -> None:
        """The stages of one picture."""
        for stage, ns in took_ns.items():
            self._took.setdefault(stage, []).append(ns)

    def messages(self, at_ns: int, *take_lost: Callable[[], Counter[str]]) -> tuple[Health | Gap, ...]:
        """Medians and tails of the last second. This state is the worker's, not the camera's."""
        if at_ns - self._since_ns < 1_000_000_000:
            return ()
        figures: dict[str, float] = {}
        for stage, values in self._took.items():
            figures[f"{stage}_p50_ms"] = quantile(values, 0.5) / 1e6
            figures[f"{stage}_p99_ms"] = quantile(values, 0.99) / 1e6
        figures["pictures_per_s"] = len(self._took.get("run", ())) * 1e9 / (at_ns - self._since_ns)
        self._took, self._since_ns = {}, at_ns
        source = self._name.replace("camera:", "worker:")
        health = Health(t_ns=at_ns, source=source, state="ok", figures=figures)
        lost = sum((take() for take in take_lost), Counter[str]())
        gaps = (Gap(t_ns=at_ns, source=self._name, reason=why, count=n) for why, n in lost.items())
        return (health, *gaps)


def _compress(task: WorkerTask, picture: Picture) -> SeenPicture:
    too_long = max(picture.width_px, picture.height_px) > JPEG_SIDE_PX
    kind = "png" if task.recording.pictures == "lossless" or too_long else "jpeg"
    options = [] if kind == "png" else [cv2.IMWRITE_JPEG_QUALITY, task.recording.jpeg_quality]
    data = cv2.imencode("." + kind, picture.image, options)[1].tobytes()
    return SeenPicture(task.camera.name, picture.t_ns, picture.frame_id, kind, data)


def _open(task: WorkerTask, clock: Clock) -> CameraPort:
    if task.camera.kind in ("simulated", "recording"):
        # Imported here: they bring the simulation and the drives, for which a real camera need not wait.
        from edge.runtime.rig_camera import RecordedCamera, SimulatedCamera
        from edge.sim.scenario import Scenario
        from edge.sim.world import World

        if task.camera.kind == "recording":
            return Paced(RecordedCamera(task.camera, clock), clock)
        assert task.scenario is not None
        world = World(cfg.read(task.scenario, Scenario))
        return Paced(SimulatedCamera(world, task.camera, task.geometry, task.start_ns, clock), clock)
    camera = open_camera(task.camera, clock)
    return Paced(camera, clock) if task.camera.kind == "file" else camera
