"""Replay of our own recordings: the recorded inputs, by their numbers, to the same decisions.

From raw, what the core was told is made anew from the raw data beside it: CAN frames are decoded and pictures
seen again, each in the place of what was recorded; everything else is as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import msgspec
import numpy as np

from edge import config as cfg
from edge.can.dbc import read_dbc
from edge.can.inlet import RawCanInlet
from edge.can.vehicle import VehicleReader
from edge.clock import RecordedClock
from edge.config import Camera, Config, CoreConfig
from edge.core.core import Core
from edge.drives.header import DriveError, Source, source
from edge.drives.reader import Drive
from edge.drives.writer import NullWriter
from edge.messages import DriverView, Message, RoadView, Signals, encode
from edge.runtime.film import Film
from edge.runtime.loop import Sink, run
from edge.runtime.rig_camera import SimulatedCamera
from edge.runtime.summary import Progress, Summary
from edge.sim.scenario import Scenario
from edge.sim.world import World
from edge.vision.cameras.files import FileCamera
from edge.vision.perceive import Perception
from edge.vision.picture import Picture
from edge.vision.zoo import Zoo

FOREVER_NS = 1 << 62


class Comparison:
    """A sink that holds each output against the recorded one, bit for bit."""

    def __init__(self, drive: Drive) -> None:
        self.compared = 0
        self.first_difference: str | None = None
        self._recorded = drive.outputs()

    def take(self, out: Message) -> None:
        """Compare with the next recorded output."""
        recorded = next(self._recorded, None)
        if recorded is None or self.first_difference is not None:
            return
        self.compared += 1
        if encode(recorded) != encode(out):
            was, now = encode(recorded).decode(), encode(out).decode()
            self.first_difference = f"output {self.compared}: recorded {was[:300]}, now {now[:300]}"

    def end(self) -> None:
        """Nothing more is decided: nor may more be recorded."""
        recorded = next(self._recorded, None)
        if recorded is not None and self.first_difference is None:
            was = encode(recorded).decode()
            self.first_difference = f"output {self.compared + 1}: recorded {was[:300]}, now nothing"


class Again:
    """What was made anew in a replay from raw: how many of each kind, how many differ from the recorded."""

    def __init__(self) -> None:
        self.made: dict[str, int] = {}
        self.differ: dict[str, int] = {}
        self.notes: list[str] = []

    def count(self, recorded: Message, anew: Message) -> None:
        """One message made anew."""
        name = type(recorded).__name__
        self.made[name] = self.made.get(name, 0) + 1
        if encode(recorded) != encode(anew):
            self.differ[name] = self.differ.get(name, 0) + 1


class DriveOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """digest: of this replay; recorded: of the recording, None if it has none; first_difference: of the
    outputs, bit for bit, None if there is none."""

    summary: Summary
    digest: str
    recorded: str | None
    compared: int
    first_difference: str | None
    again: Again | None

    @property
    def same(self) -> bool:
        """The same decisions, as far as the recording goes."""
        if self.first_difference is not None:
            return False
        return self.recorded is None or self.recorded == self.digest


def replay_drive(
    drive: Drive,
    *,
    raw: bool = False,
    pace: float = 0.0,
    film: Film | None = None,
    sinks: Sequence[Sink] = (),
    progress: Callable[[float], Progress] | None = None,
) -> DriveOutcome:
    """Feed a recording to a fresh core. Raises DriveError if it cannot be made anew from raw."""
    core = Core(_core_config(drive))
    again = Again() if raw else None
    stream: Iterable[Message] = drive.inputs()
    if again is not None:
        stream = _anew(drive, stream, again)
    if pace > 0:
        stream = _paced(stream, RecordedClock(drive.start_ns or 0, pace))
    if film is not None:
        stream = film.watch(_with_pictures(drive, stream, film))
    summary, comparison, null = Summary(), Comparison(drive), NullWriter()
    stream = summary.watch(stream)
    if progress is not None:
        stream = progress(drive.duration_s).watch(stream)
    run(stream, core, [summary, comparison, *sinks, *([film] if film else [])], null)
    comparison.end()
    return DriveOutcome(
        summary=summary,
        digest=null.digest,
        recorded=drive.digest,
        compared=comparison.compared,
        first_difference=comparison.first_difference,
        again=again,
    )


def _paced(stream: Iterable[Message], clock: RecordedClock) -> Iterator[Message]:
    for message in stream:
        clock.sleep_until_ns(message.t_ns)
        yield message


def _with_pictures(drive: Drive, stream: Iterable[Message], film: Film) -> Iterator[Message]:
    """Give the film each recorded picture before the view that was made of it."""
    roles = {camera.name: camera.role for camera in _config(drive).cameras}
    waiting = {name: drive.pictures(name) for name in drive.cameras}
    newest = {name: next(pictures, None) for name, pictures in waiting.items()}
    for message in stream:
        if isinstance(message, RoadView | DriverView):
            name = message.camera
            while (picture := newest.get(name)) is not None and picture.taken_ns < message.taken_ns:
                newest[name] = next(waiting[name], None)
            if picture is not None and picture.taken_ns == message.taken_ns:
                image = cv2.imdecode(np.frombuffer(picture.data, np.uint8), cv2.IMREAD_COLOR)
                if image is not None and roles.get(name) == "road":
                    film.road_picture(message.frame_id, image)
                elif image is not None:
                    film.driver_picture(image)
        yield message


def _config(drive: Drive) -> Config:
    return msgspec.json.decode(drive.header.config, type=Config)


def _core_config(drive: Drive) -> CoreConfig:
    return msgspec.json.decode(drive.header.core_config, type=CoreConfig)


def _source(drive: Drive, role: str) -> Path:
    """The file that played a role. Raises DriveError."""
    found = next((s for s in drive.header.sources if s.role == role), None)
    if found is None:
        raise DriveError(f"{drive.path}: does not say which file its {role} was")
    return _unchanged(drive, found)


def _unchanged(drive: Drive, was: Source) -> Path:
    """A file that the drive was made of. Raises DriveError if it is not there, or is another one now."""
    try:
        now = source(was.role, was.path)
    except DriveError:
        raise DriveError(
            f"{was.path}: the {was.role} of {drive.path} is not there any more; put it back"
        ) from None
    if now.sha256 != was.sha256:
        raise DriveError(f"{was.path}: is not the {was.role} that {drive.path} was made of: it has changed")
    return Path(was.path)


def _reader(drive: Drive) -> VehicleReader:
    """The decoder of the recorded vehicle, with the DBC files that it had."""
    databases = [
        (read_dbc(_unchanged(drive, file)), bus or None)
        for file in drive.header.sources
        for kind, _, bus in (file.role.partition(":"),)
        if kind == "dbc"
    ]
    return VehicleReader(_core_config(drive).vehicle, databases)


def _anew(drive: Drive, stream: Iterable[Message], again: Again) -> Iterator[Message]:
    """The same stream with signals decoded and pictures seen again."""
    config = _config(drive)
    looks = {camera.name: _Look(drive, config, camera, again) for camera in config.cameras}
    decoded: dict[str, Iterator[Message]] = {}
    reader = _reader(drive)
    zoo = Zoo(also=config.perception.zoo)
    for used in drive.header.models:
        if used.name in zoo.entries and zoo.entry(used.name).sha256 != used.sha256:
            again.notes.append(f"network {used.name} is another one than that which was recorded")
    for message in stream:
        anew = message
        if isinstance(message, RoadView | DriverView) and message.camera in looks:
            anew = looks[message.camera].see(message)
        elif isinstance(message, Signals) and f"can/{message.bus}" in drive.topics:
            if message.bus not in decoded:
                raw = RawCanInlet("can", message.bus, drive.raw(f"can/{message.bus}"), reader)
                decoded[message.bus] = iter(raw.poll(FOREVER_NS))
            found = next(decoded[message.bus], None)
            if found is None:
                raise DriveError(
                    f"{drive.path}: fewer raw frames of {message.bus} than signals: not made anew"
                )
            anew = found
        if anew is not message:
            again.count(message, anew)
        yield anew


class _Look:
    """One camera's pictures, drawn, read or decoded once more, and seen by its networks."""

    def __init__(self, drive: Drive, config: Config, camera: Camera, again: Again) -> None:
        self._perception = Perception(camera, config.perception)
        self._picture: Callable[[int, int], np.ndarray | None]
        if camera.kind == "simulated":
            world = World(cfg.read(_source(drive, "scenario"), Scenario))
            geometry = _core_config(drive).geometry.get(camera.name)
            simulated = SimulatedCamera(world, camera, geometry, drive.header.origin_ns)
            self._picture = lambda frame_id, taken_ns: simulated.at(frame_id, taken_ns).image
        elif camera.kind == "file":
            path = str(_source(drive, f"camera:{camera.name}"))
            self._file = FileCamera(
                msgspec.structs.replace(camera, address=path), RecordedClock(drive.header.origin_ns)
            )
            self._picture = self._from_file
        else:
            self._stored = drive.pictures(camera.name)
            if config.recording.pictures != "lossless":
                again.notes.append(
                    f"camera {camera.name}: its pictures were recorded as {config.recording.pictures}, "
                    "not lossless: what is seen in them can differ"
                )
            self._picture = self._from_drive

    def see(self, recorded: RoadView | DriverView) -> RoadView | DriverView:
        """The view of the same picture; the recorded one if the picture is not there."""
        image = self._picture(recorded.frame_id, recorded.taken_ns)
        if image is None:
            return recorded
        return self._perception.see(
            Picture(t_ns=recorded.taken_ns, frame_id=recorded.frame_id, image=image), recorded.t_ns
        )

    def _from_file(self, frame_id: int, taken_ns: int) -> np.ndarray | None:
        while (picture := self._file.read()) is not None:
            if picture.t_ns >= taken_ns:
                return picture.image if picture.t_ns == taken_ns else None
        return None

    def _from_drive(self, frame_id: int, taken_ns: int) -> np.ndarray | None:
        for picture in self._stored:
            if picture.taken_ns == taken_ns:
                return cv2.imdecode(np.frombuffer(picture.data, np.uint8), cv2.IMREAD_COLOR)
            if picture.taken_ns > taken_ns:
                return None
        return None
