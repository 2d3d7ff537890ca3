"""What a live run begins with: the camera workers, since their networks take longest to be ready.

Little is imported here: they start while the rest of the program is still being read.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from edge import config as cfg
from edge.clock import now_ns
from edge.config import Camera, Config, ConfigError, Geometry, Perception, Preset
from edge.runtime.worker import WorkerInlet, WorkerTask

GENERIC_GEOMETRY = "configs/cameras/generic.toml"
PRESETS = "configs/presets.toml"


class Eyes(msgspec.Struct, frozen=True, kw_only=True):
    """A config whose cameras are complete: files by absolute addresses, models by name.

    geometry: of the road cameras, by name; notes: what was assumed.
    """

    config: Config
    geometry: dict[str, Geometry]
    scenario: Path | None
    notes: tuple[str, ...]


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """Workers that have been started; start_ns: when, which is also when a simulated world begins."""

    start_ns: int
    workers: tuple[WorkerInlet, ...]

    def close(self) -> None:
        """End the workers."""
        for worker in self.workers:
            worker.close()


def read_eyes(config: Config, beside: Path) -> Eyes:
    """All that cameras need of a config, relative to the file `beside`. Raises ConfigError."""
    notes, geometry, cameras = [], {}, []
    folder = beside.resolve().parent
    for camera in config.cameras:
        if camera.role == "road":
            name = camera.geometry or GENERIC_GEOMETRY
            if camera.geometry is None:
                notes.append(
                    f"camera {camera.name}: no geometry given, {GENERIC_GEOMETRY} is assumed: "
                    "distances are rough until the camera's own is measured"
                )
            geometry[camera.name] = cfg.read(cfg.resolve(name, beside), Geometry)
        if camera.kind in ("file", "recording"):
            camera = msgspec.structs.replace(camera, address=str(folder / camera.address))
        if not camera.models:
            camera = msgspec.structs.replace(camera, models=_models(camera, config.perception))
        cameras.append(camera)
    perception = cfg.placed(config.perception, beside)
    threads = perception.threads or cfg.threads_each(len(cameras))
    perception = msgspec.structs.replace(perception, threads=threads)
    return Eyes(
        config=msgspec.structs.replace(config, cameras=tuple(cameras), perception=perception),
        geometry=geometry,
        scenario=cfg.resolve(config.scenario, beside) if config.scenario else None,
        notes=tuple(notes),
    )


def preset(name: str) -> Preset:
    """A choice of models by its name. Raises ConfigError with those there are."""
    presets = cfg.read(cfg.shipped(PRESETS), dict[str, Preset])
    if name not in presets:
        raise ConfigError(f"[perception] preset: there is no {name!r}; there are: {', '.join(presets)}")
    return presets[name]


def _models(camera: Camera, perception: Perception) -> tuple[str, ...]:
    if perception.preset is None:
        raise ConfigError(
            f"camera {camera.name} has no models: name some of `icv models list`, or choose a preset: "
            f'[perception] preset = "small"'
        )
    chosen = preset(perception.preset)
    return chosen.road if camera.role == "road" else chosen.driver


def begin(eyes: Eyes) -> Begun:
    """Start a worker for every camera."""
    start_ns = now_ns()
    workers = []
    for camera in eyes.config.cameras:
        task = WorkerTask(
            camera=camera,
            perception=eyes.config.perception,
            recording=eyes.config.recording,
            geometry=eyes.geometry.get(camera.name),
            scenario=str(eyes.scenario) if eyes.scenario else None,
            start_ns=start_ns,
        )
        worker = WorkerInlet(task)
        with contextlib.suppress(OSError):  # no room for a process: the loop tries again, and says so
            worker.start(now_ns())
        workers.append(worker)
    return Begun(start_ns=start_ns, workers=tuple(workers))
