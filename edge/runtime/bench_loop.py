"""`icv bench loop`: what the loop adds to the bare network, how fast the core is, how punctual the loop."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import cv2
import msgspec
import numpy as np

from edge import config as cfg
from edge.clock import LiveClock, now_ns
from edge.config import Camera, Config
from edge.core.core import Core
from edge.drives.writer import NullWriter
from edge.messages import (
    Detections,
    DriverView,
    Face,
    Health,
    LaneLine,
    Message,
    Road,
    RoadView,
    Signals,
    Tick,
    encode,
    read_only,
)
from edge.runtime import devices
from edge.runtime.bench import Figure
from edge.runtime.live import run_live
from edge.runtime.loop import run
from edge.runtime.quantile import quantile
from edge.runtime.rig_camera import SimulatedCamera
from edge.runtime.rights import ask
from edge.runtime.setup import Setup, complete
from edge.runtime.source import Merge
from edge.runtime.worker import WorkerInlet, WorkerTask
from edge.sim.scenario import Scenario
from edge.sim.world import World
from edge.vision.perceive import Perception, load
from edge.vision.picture import Picture
from edge.vision.zoo import Zoo

PERIOD_NS = 50_000_000
PICTURES = 32


def measure(seconds: float, say: Callable[[str], None]) -> dict[str, Figure]:
    """All figures by name; live measurements take `seconds` each."""
    path = cfg.shipped("configs/demo.toml")
    setup = complete(cfg.read(path, Config), path)
    figures: dict[str, Figure] = {}
    say("the pipeline beside the bare network ...")
    figures |= pipeline(setup, seconds)
    say("the core alone ...")
    figures |= core_speed()
    say("punctuality of the loop ...")
    figures |= lateness(setup, seconds, say)
    say("the program: help, start, demo ...")
    figures |= program()
    return figures


# ------------------------------------------------ photon to decision


class _Kept:
    """A sink that keeps how old each picture of the road was when it was decided upon."""

    def __init__(self) -> None:
        self.ms: list[float] = []

    def take(self, out: Message) -> None:
        if isinstance(out, Road):
            self.ms.append((now_ns() - out.taken_ns) / 1e6)


def pipeline(setup: Setup, seconds: float) -> dict[str, Figure]:
    """The road camera's worker takes turns: a bare resize and run, then the whole way to the core's decision.

    The picture is in memory when the clock starts. Bus, loop, core and pipe are those of a live run.
    """
    clock = LiveClock()
    start_ns = clock.now_ns()
    camera = next(c for c in setup.config.cameras if c.role == "road")
    task = WorkerTask(
        camera=camera,
        perception=setup.config.perception,
        recording=setup.config.recording,
        geometry=setup.geometry[camera.name],
        scenario=str(setup.scenario),
        start_ns=start_ns,
    )
    worker = WorkerInlet(task, main=_by_turns)
    kept, bare = _Kept(), []
    buses = devices.can_inlets(setup, setup.world(), start_ns, clock, lambda topic, t_ns, data: None)
    merge = Merge([*buses, worker], clock, start_ns + round((seconds + 3) * 1e9))

    def watch() -> Iterator[Message]:
        for message in merge:
            if isinstance(message, Health) and message.source == "bare":
                bare.append(message.figures["ms"])
            yield message

    ask(setup.config.runtime)
    try:
        run(watch(), Core(setup.core), [kept], NullWriter())
    finally:
        worker.close()
    whole, bare = kept.ms[20:], bare[20:]  # the first ones warm up
    median, p99 = quantile(bare, 0.5), quantile(bare, 0.99)
    return {
        "pipeline_median": Figure(_TITLE.format("median"), quantile(whole, 0.5) / median, "x"),
        "pipeline_p99": Figure(_TITLE.format("p99"), quantile(whole, 0.99) / p99, "x"),
        "bare_median": Figure(f"  bare {camera.models[0]}, one resize: median of {len(bare)}", median, "ms"),
        "bare_p99": Figure("  the same: p99", p99, "ms"),
        "whole_median": Figure(f"  photon to decision: median of {len(whole)}", quantile(whole, 0.5), "ms"),
        "whole_p99": Figure("  the same: p99", quantile(whole, 0.99), "ms"),
    }


_TITLE = "photon to decision, of bare onnxruntime and one resize: {}"


def _by_turns(task: WorkerTask, pipe: Connection) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the measuring is over
        _take_turns(task, pipe)


def _take_turns(task: WorkerTask, pipe: Connection) -> None:
    zoo = Zoo()
    perception = Perception(task.camera, task.perception, zoo)
    name = task.camera.models[0]
    session, _ = load(name, zoo.locate(name, task.perception.directory), task.perception, zoo)
    ((input_name, (shape, dtype)),) = session.inputs.items()
    feed = np.full(shape, 114, dtype)
    height, width = feed.shape[1:3] if feed.shape[-1] == 3 else feed.shape[2:4]
    canvas = np.empty((height, width, 3), np.uint8)
    assert task.scenario is not None
    world = World(cfg.read(task.scenario, Scenario))
    simulated = SimulatedCamera(world, task.camera, task.geometry, 0)
    images = [simulated.at(0, k * 700_000_000).image for k in range(PICTURES)]
    clock = LiveClock()
    due_ns = now_ns()
    number = 0
    while not pipe.poll():
        image = images[number % PICTURES]

        def bare(image: np.ndarray = image) -> None:
            began_ns = now_ns()
            cv2.resize(image, (width, height), dst=canvas, interpolation=cv2.INTER_LINEAR)
            session.run({input_name: feed})
            ms = (now_ns() - began_ns) / 1e6
            pipe.send_bytes(
                b"M" + encode(Health(t_ns=now_ns(), source="bare", state="ok", figures={"ms": ms}))
            )

        def whole(image: np.ndarray = image, number: int = number) -> None:
            view = perception.see(Picture(t_ns=now_ns(), frame_id=number, image=image))
            pipe.send_bytes(b"M" + encode(view))

        for turn in (bare, whole) if number % 2 else (whole, bare):
            due_ns = max(due_ns + PERIOD_NS // 2, now_ns())
            clock.sleep_until_ns(due_ns)
            turn()
        number += 1


# ------------------------------------------------ the core alone


def core_speed(drive_s: int = 20, repeats: int = 5) -> dict[str, Figure]:
    """Feed made messages to the core: every CAN frame carries a subscribed signal, cameras see at 20 Hz."""
    messages = list(_made_drive(drive_s))
    vehicle = cfg.read(cfg.shipped("configs/vehicles/simulated.toml"), cfg.Vehicle)
    geometry = cfg.read(cfg.shipped("configs/cameras/simulated.toml"), cfg.Geometry)
    core_config = cfg.CoreConfig(vehicle=vehicle, geometry={"road": geometry})
    took = []
    for _ in range(repeats):
        core = Core(core_config)
        began_ns = now_ns()
        for message in messages:
            core.step(message)
        took.append((now_ns() - began_ns) / 1e9)
    title = "core alone, times real time (2,000 CAN frames/s, 20 Hz detections, 100 Hz ticks)"
    return {
        "core_speed": Figure(title, drive_s / quantile(took, 0.5), "x"),
        "core_step": Figure("  mean of a step", quantile(took, 0.5) / len(messages) * 1e6, "us"),
    }


_NAMES = ("speed_mps", "acceleration_mps2", "yaw_rate_radps", "steering_angle_rad", "brake_pressed") * 4


def _made_drive(drive_s: int) -> Iterator[Message]:
    rng = np.random.default_rng(1)
    lanes = tuple(
        LaneLine(
            points=read_only([[320 + side * 260 - side * y * 0.9, 360 - y] for y in range(0, 150, 15)]),
            score=0.9,
        )
        for side in (-1, 1)
    )
    for number in range(drive_s * 100):
        t_ns = number * 10_000_000
        values = (20.0 + float(rng.normal(0, 0.02)), 0.1, 0.01, 0.02, 0.0) * 4
        stamps = tuple(t_ns + k * 500_000 for k in range(20))
        yield Signals(t_ns=stamps[-1], bus="can0", names=_NAMES, values=values, stamps_ns=stamps)
        if number % 5 == 0:
            noise = rng.normal(0, 0.7, (8, 4))
            boxes = np.array([[60 + 70 * k, 190, 100 + 70 * k, 190 + 12 + 4 * k] for k in range(8)]) + noise
            yield RoadView(
                t_ns=t_ns + 9_600_000, taken_ns=t_ns, camera="road", frame_id=number,
                width_px=640, height_px=360, models=("bench",), lanes=lanes,
                detections=Detections(
                    kinds=("car",) * 8, scores=read_only([0.9] * 8), boxes=read_only(boxes)
                ),
            )  # fmt: skip
            face = Face(
                score=0.99, box=(100.0, 60.0, 220.0, 200.0), left_eye_open=0.9, right_eye_open=0.9,
                head_yaw_deg=1.0, head_pitch_deg=0.0, head_roll_deg=0.0,
                gaze_yaw_deg=1.0, gaze_pitch_deg=-2.0,
            )  # fmt: skip
            yield DriverView(
                t_ns=t_ns + 9_700_000, taken_ns=t_ns, camera="driver", frame_id=number, width_px=320,
                height_px=240, models=("bench",), face=face,
            )  # fmt: skip
        yield Tick(t_ns=t_ns + 10_000_000, number=number)


# ------------------------------------------------ punctuality


def lateness(setup: Setup, seconds: float, say: Callable[[str], None]) -> dict[str, Figure]:
    """The 100 Hz tick with both camera workers busy, without, and with perception in threads beside it."""
    with tempfile.TemporaryDirectory() as directory:
        busy = run_live(setup, title="bench", drive_path=Path(directory) / "bench.mcap", seconds=seconds + 2)
    for right in busy.rights:
        say(f"  {right}")
    idle_setup = msgspec.structs.replace(setup, config=msgspec.structs.replace(setup.config, cameras=()))
    idle = run_live(idle_setup, title="bench", drive_path=None, seconds=seconds)
    threaded = _with_threads(setup, idle_setup, seconds)
    figures = {}
    for name, title, late_ns in (
        ("lateness", "lateness of the 100 Hz loop, both camera workers busy", busy.lateness_ns[200:]),
        ("lateness_idle", "  the same loop without cameras", idle.lateness_ns[20:]),
        ("lateness_threads", "  the same, perception in threads of the loop's process", threaded[20:]),
    ):
        late_ms = [ns / 1e6 for ns in late_ns]
        figures[f"{name}_p50"] = Figure(f"{title}: median", quantile(late_ms, 0.5), "ms")
        figures[f"{name}_p99"] = Figure(f"{title}: p99", quantile(late_ms, 0.99), "ms")
    return figures


def _with_threads(setup: Setup, idle: Setup, seconds: float) -> tuple[int, ...]:
    stop = threading.Event()

    def look(camera: Camera) -> None:
        perception = Perception(camera, setup.config.perception)
        seen = SimulatedCamera(setup.world(), camera, setup.geometry.get(camera.name), now_ns(), LiveClock())
        while not stop.is_set():
            picture = seen.read()
            if picture is None:
                return
            LiveClock().sleep_until_ns(picture.t_ns)
            perception.see(picture)

    threads = [threading.Thread(target=look, args=(camera,), daemon=True) for camera in setup.config.cameras]
    for thread in threads:
        thread.start()
    try:
        return run_live(idle, title="bench", drive_path=None, seconds=seconds).lateness_ns
    finally:
        stop.set()
        for thread in threads:
            thread.join()


# ------------------------------------------------ the program


def program() -> dict[str, Figure]:
    """What a user waits for: help, the first decision, the demo."""
    with tempfile.TemporaryDirectory() as directory:
        took = []
        for _ in range(5):
            began_ns = now_ns()
            _icv("--help")
            took.append((now_ns() - began_ns) / 1e6)
        began_ns = now_ns()
        demo = msgspec.json.decode(_icv("demo", "--json", "--directory", directory))
        demo_s = (now_ns() - began_ns) / 1e9
    return {
        "help": Figure("icv --help", quantile(took, 0.5), "ms"),
        "first_decision": Figure("first decision after start", demo["first_decision_s"], "s"),
        "demo_run": Figure("icv demo, the run itself", demo_s, "s"),
    }


def _icv(*arguments: str) -> bytes:
    command = [sys.executable, "-m", "edge.cli.main", *arguments]
    return subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
