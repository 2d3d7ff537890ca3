"""`icv bench vision`: what perception adds to the bare networks, two of them at once, start and memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import msgspec
import numpy as np

from edge import config as cfg
from edge.clock import LiveClock, now_ns
from edge.config import UserError
from edge.runtime.bench import Figure, chosen
from edge.runtime.bench_vision_peers import peers_of_yolox
from edge.runtime.bench_vision_processes import measure_memory, measure_start, measure_two
from edge.runtime.quantile import quantile
from edge.runtime.rig_camera import SimulatedCamera
from edge.sim.scenario import Scenario
from edge.sim.world import World
from edge.vision.perceive import Perception, load
from edge.vision.picture import Picture, Planes, i420, to_bgr
from edge.vision.zoo import Zoo

Say = Callable[[str], None]

PICTURES = 32  # more than the caches hold
PERIOD_NS = 25_000_000  # of the turns: a camera leaves the processor time to forget
CLIPS = {"road": "video/carnd_vd_project_video_cut.mp4", "driver": "video/incluit_driver_video1.mp4"}
ALONE = {
    "road": (
        "icv-road", "yolox_nano_416", "road-segmentation-adas-0001", "vehicle-detection-adas-0002",
        "person-vehicle-bike-detection-2000",
    ),
    "driver": ("icv-driver", "yunet_n_320_320"),
}  # fmt: skip
CHAIN = (
    "yunet_n_320_320", "facemesh_192", "open-closed-eye-0001", "head-pose-estimation-adas-0001",
    "gaze-estimation-adas-0002",
)  # fmt: skip
RUNS = {"open-closed-eye-0001": 2}  # for one picture
GOAL_PEER = "yolox_nano_416"


class Material(msgspec.Struct, frozen=True):
    """What is measured on: BGR pictures by role, and which models of the zoo are here."""

    pictures: dict[str, list[np.ndarray]]
    zoo: Zoo
    perception: cfg.Perception
    here: frozenset[str]


def measure_vision(
    data: str | None, models: str | None, only: Sequence[str] | None, seconds: float, say: Say
) -> dict[str, Figure]:
    """All figures by name, or only those of some parts; each pair of turns is taken for `seconds`.

    data: a folder of real clips, without which pictures are drawn; models: of downloaded models, those that
    are not there are left out. Raises UserError.
    """
    material = _material(data, models, say)
    parts: dict[str, Callable[[], dict[str, Figure]]] = {
        "pipeline": lambda: measure_pipeline(material, seconds, say),
        "two": lambda: measure_two(_two(material), material.pictures, seconds, say),
        "start": lambda: measure_start((*_OWN, material.perception), say),
        "memory": lambda: measure_memory(_OWN, material.perception, say),
    }
    figures: dict[str, Figure] = {}
    for measure in chosen(parts, only):
        figures |= measure()
    return figures


def _material(data: str | None, models: str | None, say: Say) -> Material:
    zoo = Zoo()
    perception = cfg.Perception(directory=models, threads=1)
    here = frozenset(name for name in zoo.entries if zoo.place(name, models).exists())
    wanted = {*ALONE["road"], *ALONE["driver"], *CHAIN}
    if absent := sorted(wanted - here):
        say(f"not here, so not measured: {', '.join(absent)}")
    pictures = {role: _clip(Path(data) / name) for role, name in CLIPS.items()} if data else _drawn()
    return Material(pictures, zoo, perception, here)


def _clip(path: Path) -> list[np.ndarray]:
    """A few pictures of a clip. Raises UserError."""
    clip = cv2.VideoCapture(str(path))
    pictures: list[np.ndarray] = []
    while len(pictures) < PICTURES:
        there, image = clip.read()
        if not there:
            break
        pictures.append(np.ascontiguousarray(image))
    if not pictures:
        raise UserError(f"--data: {path} cannot be read")
    return pictures


def _drawn() -> dict[str, list[np.ndarray]]:
    world = World(cfg.read(cfg.shipped("configs/scenarios/demo.toml"), Scenario))
    geometry = cfg.read(cfg.shipped("configs/cameras/simulated.toml"), cfg.Geometry)
    road = SimulatedCamera(world, _camera("road", "icv-road"), geometry, 0)
    driver = SimulatedCamera(world, _camera("driver", "icv-driver"), None, 0)
    times = [k * 700_000_000 for k in range(PICTURES)]
    return {
        "road": [road.at(0, t_ns).image for t_ns in times],
        "driver": [driver.at(0, t_ns).image for t_ns in times],
    }


def _camera(role: str, *models: str) -> cfg.Camera:
    return cfg.Camera(name=role, role=role, kind="simulated", models=models)  # type: ignore[arg-type]


_OWN = (_camera("road", "icv-road"), _camera("driver", "icv-driver"))


def _two(material: Material) -> tuple[cfg.Camera, cfg.Camera, cfg.Perception]:
    """A road and a driver camera whose networks take about as long: public ones if they are here."""
    if {GOAL_PEER, *CHAIN} <= material.here:
        return _camera("road", GOAL_PEER), _camera("driver", *CHAIN), material.perception
    return *_OWN, material.perception


# ------------------------------------------------ frame in memory to what is seen


def measure_pipeline(material: Material, seconds: float, say: Say) -> dict[str, Figure]:
    """By turns: the bare network and one resize, the whole way, and the peers where there are any."""
    figures: dict[str, Figure] = {}
    for role, names in ALONE.items():
        for name in names:
            if name in material.here:
                say(f"{name}: the whole way beside the bare network ...")
                figures |= _take_turns(material, role, name, (name,), seconds)
    if material.here >= set(CHAIN):
        say("all networks of the driver beside the bare ones ...")
        figures |= _take_turns(material, "driver", "driver_chain", CHAIN, seconds)
    return figures


_RATIO = "whole way of bare run + resize"


def _take_turns(
    material: Material, role: str, label: str, names: tuple[str, ...], seconds: float
) -> dict[str, Figure]:
    zoo, settings = material.zoo, material.perception
    perception = Perception(_camera(role, *names), settings, zoo)
    bare = _Bare(zoo, settings, names)
    turns: dict[str, Callable[[np.ndarray], object]] = {
        "bare": bare.run,
        "whole": lambda image: perception.see(Picture(t_ns=0, frame_id=0, image=image)),
    }
    if role == "road":
        planes = {id(image): _planes(image) for image in material.pictures[role]}
        turns |= {
            "from NV12 planes": lambda image: perception.see(
                Picture(t_ns=0, frame_id=0, planes=planes[id(image)])
            ),
            "from NV12 made BGR first": lambda image: perception.see(
                Picture(t_ns=0, frame_id=0, image=to_bgr(planes[id(image)]))
            ),
        }
    if label == GOAL_PEER:
        turns |= peers_of_yolox(zoo.locate(label, settings.directory), zoo.entry(label))
    took = by_turns(turns, material.pictures[role], seconds)
    median = {turn: quantile(ms, 0.5) for turn, ms in took.items()}
    p95 = {turn: quantile(ms, 0.95) for turn, ms in took.items()}
    key = label.replace("-", "_")
    shown = "driver: face, landmarks, eyes, head, gaze" if label == "driver_chain" else label
    figures = {
        f"{key}_median": Figure(f"{shown}: {_RATIO}, median", median["whole"] / median["bare"], "x"),
        f"{key}_p95": Figure("  the same: p95", p95["whole"] / p95["bare"], "x"),
        f"{key}_bare": Figure(f"  bare run + resize: median of {len(took['bare'])}", median["bare"], "ms"),
        f"{key}_whole": Figure("  whole way: median", median["whole"], "ms"),
    }
    for peer in list(turns)[2:]:
        figures[f"{key}_{peer.replace(' ', '_')}"] = Figure(
            f"  {peer}: of bare run + resize, median", median[peer] / median["bare"], "x"
        )
    return figures


def _planes(image: np.ndarray) -> Planes:
    """As a camera would give it, without the last row and column of odd sizes."""
    height, width = (side // 2 * 2 for side in image.shape[:2])
    flat = cv2.cvtColor(image[:height, :width], cv2.COLOR_BGR2YUV_I420).reshape(-1)
    blue, red = flat[height * width :].reshape(2, height // 2, width // 2)
    return i420(flat[: height * width].reshape(height, width), blue, red)


class _Bare:
    """What no program can do without: one resize, and the networks on bytes or numbers that are there."""

    def __init__(self, zoo: Zoo, settings: cfg.Perception, names: tuple[str, ...]) -> None:
        rng = np.random.default_rng(0)
        self._runs = []
        self._canvas = np.empty((0, 0, 3), np.uint8)
        for name in names:
            session, _ = load(name, zoo.locate(name, settings.directory), settings, zoo)
            feed = {
                key: rng.integers(0, 256, shape).astype(dtype)
                for key, (shape, dtype) in session.inputs.items()
            }
            self._runs += [(session, feed)] * RUNS.get(name, 1)
            if not self._canvas.size:
                shape = next(iter(session.inputs.values())).shape
                self._canvas = np.empty((*(shape[1:3] if shape[3] == 3 else shape[2:]), 3), np.uint8)

    def run(self, image: np.ndarray) -> None:
        """For one picture."""
        height, width = self._canvas.shape[:2]
        cv2.resize(image, (width, height), dst=self._canvas, interpolation=cv2.INTER_LINEAR)
        for session, feed in self._runs:
            session.run(feed)


def by_turns(
    turns: dict[str, Callable[[np.ndarray], object]], pictures: list[np.ndarray], seconds: float
) -> dict[str, list[float]]:
    """How long each took, ms, for one picture after another, as a camera gives them."""
    clock = LiveClock()
    took: dict[str, list[float]] = {turn: [] for turn in turns}
    order = list(turns)
    end_ns = now_ns() + round(seconds * 1e9)
    number = 0
    due_ns = now_ns()
    while now_ns() < end_ns or number < 20:
        image = pictures[number % len(pictures)]
        for turn in order:
            due_ns = max(due_ns + PERIOD_NS, now_ns())
            clock.sleep_until_ns(due_ns)
            began_ns = now_ns()
            turns[turn](image)
            took[turn].append((now_ns() - began_ns) / 1e6)
        order.append(order.pop(0))  # none is always the first after another
        number += 1
    return {turn: ms[5:] for turn, ms in took.items()}  # the first ones warm up
