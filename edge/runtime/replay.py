"""Replay of files that others recorded, and of a scenario in its own time.

Time is the recording's, and perception runs inline; loop, inlets and core are those of a live run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from edge.can.inlet import LogInlet
from edge.clock import RecordedClock
from edge.config import Camera, ConfigError, CoreConfig
from edge.core.core import Core
from edge.drives.header import DriveError, Source
from edge.drives.writer import DriveWriter, NullWriter
from edge.messages import Health, Message, Tick
from edge.positioning.recorded import open_recorded
from edge.runtime import devices
from edge.runtime.film import Film
from edge.runtime.live import Outcome, record_to
from edge.runtime.loop import Sink, run
from edge.runtime.rig_camera import SimulatedCamera
from edge.runtime.setup import Setup
from edge.runtime.source import Inlet, Merge
from edge.runtime.summary import Progress, Summary
from edge.vision.cameras import Camera as CameraPort
from edge.vision.cameras import open_camera
from edge.vision.perceive import Perception
from edge.vision.picture import Picture

SIMULATED_UTC_NS = 1_767_225_600_000_000_000  # 2026-01-01: a scenario in its own time has its own date


class CameraInlet:
    """A camera that is read in order, its networks run inline: a view for each picture up to now."""

    def __init__(
        self, camera: CameraPort, perception: Perception, show: Callable[[Picture], None] | None = None
    ) -> None:
        self.name = f"camera:{camera.name}"
        self._camera = camera
        self._perception = perception
        self._show = show
        self._next = camera.read()
        self._notes = "; ".join(perception.notes)
        self.ended = False

    def fileno(self) -> None:
        """Polled."""

    def poll(self, now_ns: int) -> list[Message]:
        """The views of the pictures up to now, stamped with their pictures' times."""
        said: list[Message] = []
        if self._notes:  # a provider that was asked for and is not used, said as a worker says it
            said.append(Health(t_ns=now_ns, source=self.name, state="ok", detail=self._notes))
            self._notes = ""
        while self._next is not None and self._next.t_ns <= now_ns:
            if self._show is not None:
                self._show(self._next)
            said.append(self._perception.see(self._next, self._next.t_ns))
            self._next = self._camera.read()
        if self._next is None and not self.ended:
            self.ended = True
            detail = self._camera.note or "the video has ended"
            said.append(Health(t_ns=now_ns, source=self.name, state="failed", detail=detail))
        return said

    def close(self) -> None:
        """Close the camera."""
        self._camera.close()


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """Files that others recorded, beside the videos that the cameras of the config name.

    can_offset_s: how much later than the videos the log begins; negative: earlier.
    """

    can: Path | None = None
    gnss: Path | None = None
    can_offset_s: float = 0.0


def replay_files(
    setup: Setup,
    recorded: Recorded,
    *,
    title: str,
    drive_path: Path | None,
    pace: float,
    film: Film | None,
    sinks: Sequence[Sink] = (),
    sources: tuple[Source, ...] = (),
    progress: Callable[[float], Progress] | None = None,
) -> Outcome:
    """Run over files: videos of the config's cameras, a CAN log, GNSS. All begin at 0, but for the offset."""
    inlets: list[Inlet] = []
    end_ns = total_ns = 0
    offset_ns = round(recorded.can_offset_s * 1e9)
    log_start_ns, videos_start_ns = max(0, offset_ns), max(0, -offset_ns)
    header = msgspec.structs.replace(setup.header(title, sources), origin_ns=videos_start_ns)

    def raw(topic: str, t_ns: int, data: bytes) -> None:
        drive.raw(topic, t_ns, data)

    try:  # what the files get wrong is found before one is made
        reader = setup.reader()
        log_unix_s: float | None = None
        if recorded.can is not None:
            log = LogInlet(recorded.can, reader, log_start_ns, raw)
            log_unix_s = log.file_start_ns / 1e9
            inlets.append(log)
            end_ns = log.end_ns
        if recorded.gnss is not None:
            gnss, gnss_end_ns = open_recorded(recorded.gnss, log_start_ns, log_unix_s, record=raw)
            inlets.append(gnss)
            end_ns = max(end_ns, gnss_end_ns)
        for camera in setup.config.cameras:
            perception = Perception(camera, setup.config.perception)
            opened = open_camera(camera, RecordedClock(videos_start_ns))
            length_s = getattr(opened, "length", 0) / getattr(opened, "fps", camera.fps)
            total_ns = max(total_ns, videos_start_ns + round(length_s * 1e9))
            inlets.append(CameraInlet(opened, perception, _show(film, camera)))
        drive = record_to(drive_path, header, drop=False)
        bar = progress(max(total_ns, end_ns) / 1e9) if progress else None
        return _run(setup.core, inlets, RecordedClock(0, pace), end_ns, drive, drive_path, film, sinks, bar)
    finally:
        for inlet in inlets:
            inlet.close()


def replay_scenario(
    setup: Setup,
    *,
    title: str,
    drive_path: Path | None,
    pace: float = 0.0,
    film: Film | None = None,
    sinks: Sequence[Sink] = (),
    progress: Callable[[float], Progress] | None = None,
) -> Outcome:
    """Run a scenario in its own time: the same pictures, frames, packets and decisions every time."""
    real = setup.real_parts()
    if real:
        raise ConfigError(
            f'{setup.config.name}: in a scenario all is of kind "simulated", not {", ".join(real)}'
        )
    world = setup.world()
    clock = RecordedClock(0, pace)

    def raw(topic: str, t_ns: int, data: bytes) -> None:
        drive.raw(topic, t_ns, data)

    buses = devices.can_inlets(setup, world, 0, clock, raw)
    ears, mouths = devices.v2x_parts(setup, world, 0, SIMULATED_UTC_NS.__add__, clock, raw, live=False)
    receivers = devices.gnss_inlets(setup, world, 0, SIMULATED_UTC_NS, raw)
    can_output = devices.CanOutput(setup, buses)
    tester = devices.tester(setup, buses)
    inlets: list[Inlet] = [*buses, *receivers, *ears, can_output, tester, *mouths]
    try:
        for camera in setup.config.cameras:
            seen = SimulatedCamera(world, camera, setup.geometry.get(camera.name), 0)
            inlets.append(CameraInlet(seen, Perception(camera, setup.config.perception), _show(film, camera)))
        all_sinks: list[Sink] = [can_output, tester, *mouths, *sinks]
        end_ns = round(world.duration_s * 1e9)
        drive = record_to(drive_path, setup.header(title, setup.sources()), drop=False)
        bar = progress(world.duration_s) if progress else None
        return _run(setup.core, inlets, clock, end_ns, drive, drive_path, film, all_sinks, bar)
    finally:
        for inlet in inlets:
            inlet.close()


def _run(
    core: CoreConfig,
    inlets: list[Inlet],
    clock: RecordedClock,
    end_ns: int,
    drive: DriveWriter | NullWriter,
    drive_path: Path | None,
    film: Film | None,
    sinks: Sequence[Sink],
    bar: Progress | None,
) -> Outcome:
    """end_ns: of logs and scenarios; cameras are read to their own end, which no container tells for sure."""
    merge = Merge(inlets, clock, None)
    summary = Summary()
    stream: Iterator[Message] = summary.watch(_to_the_end(merge, inlets, end_ns))
    if film is not None:
        stream = film.watch(stream)
    if bar is not None:
        stream = bar.watch(stream)
    everything: list[Sink] = [summary, *sinks, *([film] if film else [])]
    try:
        run(stream, Core(core), everything, drive)
    finally:
        drive.close()
    if drive.failure is not None:
        raise DriveError(drive.failure)
    return Outcome(summary=summary, digest=drive.digest, drive=drive_path)


def _to_the_end(merge: Merge, inlets: list[Inlet], end_ns: int) -> Iterator[Message]:
    cameras = [inlet for inlet in inlets if isinstance(inlet, CameraInlet)]
    for message in merge:
        yield message
        if isinstance(message, Tick) and message.t_ns >= end_ns and all(camera.ended for camera in cameras):
            merge.stop()


def _show(film: Film | None, camera: Camera) -> Callable[[Picture], None] | None:
    if film is None:
        return None
    if camera.role == "road":
        return lambda picture: film.road_picture(picture.frame_id, picture.image)
    return lambda picture: film.driver_picture(picture.image)
