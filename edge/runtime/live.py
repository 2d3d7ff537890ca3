"""A live run: the devices of a config, the loop, and everything written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from edge.clock import LiveClock, date_ns, utc_ns
from edge.core.core import Core
from edge.drives.header import DriveHeader
from edge.drives.writer import DriveWriter, NullWriter
from edge.messages import Health, Message
from edge.runtime import devices
from edge.runtime.begin import Begun, begin
from edge.runtime.loop import Sink, run
from edge.runtime.outside import Dashboard, Outside
from edge.runtime.rights import ask
from edge.runtime.setup import Setup
from edge.runtime.source import Inlet, Merge
from edge.runtime.stopping import stopped_by_signals
from edge.runtime.summary import Progress, Summary
from edge.runtime.worker import SeenPicture


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to. lateness_ns: of each tick of the last hour; drive: the recording, None if there is
    none; failure: why that is not complete, None if it is."""

    summary: Summary
    digest: str
    drive: Path | None = None
    failure: str | None = None
    lateness_ns: tuple[int, ...] = ()
    rights: tuple[str, ...] = ()


class RecordingInlet:
    """What the recording itself has to say: losses, and a disk that failed."""

    name = "recording"

    def __init__(self, drive: DriveWriter | NullWriter) -> None:
        self._drive = drive
        self._failed = False

    def fileno(self) -> None:
        """Polled."""

    def poll(self, now_ns: int) -> list[Message]:
        """Gaps, and one Health when the disk failed."""
        said: list[Message] = list(self._drive.losses())
        if self._drive.failure is not None and not self._failed:
            self._failed = True
            said.append(Health(t_ns=now_ns, source=self.name, state="failed", detail=self._drive.failure))
        return said

    def close(self) -> None:
        """The run closes the drive."""


def record_to(path: Path | None, header: DriveHeader, *, drop: bool) -> DriveWriter | NullWriter:
    """A recording at path; None: only numbers and digest. drop: rather than wait. Raises DriveError."""
    return DriveWriter(path, header, drop=drop) if path is not None else NullWriter()


def run_live(
    setup: Setup,
    *,
    title: str,
    drive_path: Path | None,
    seconds: float | None = None,
    sinks: Sequence[Sink] = (),
    progress: Progress | None = None,
    started_ns: int | None = None,
    dashboard: Dashboard | None = None,
    begun: Begun | None = None,
) -> Outcome:
    """Run until `seconds` are over, the scenario has ended, or Ctrl-C.

    begun: the workers, if they were started before; started_ns: when the program was.
    """
    clock = LiveClock()
    config = setup.config
    begun = begun or begin(setup.eyes)
    start_ns = begun.start_ns
    utc_start_ns = utc_ns() - (clock.now_ns() - start_ns)
    with ExitStack() as stack:
        stack.callback(begun.close)
        world = setup.world() if setup.simulated else None
        header = msgspec.structs.replace(setup.header(title, setup.sources()), origin_ns=start_ns)

        def raw(topic: str, t_ns: int, data: bytes) -> None:
            drive.raw(topic, t_ns, data)

        # What the config gets wrong is found before a file is made.
        buses = devices.can_inlets(setup, world, start_ns, clock, raw)
        ears, mouths = devices.v2x_parts(setup, world, start_ns, date_ns, clock, raw, live=True)
        receivers = devices.gnss_inlets(setup, world, start_ns, utc_start_ns, raw)
        can_output = devices.CanOutput(setup, buses)
        tester = devices.tester(setup, buses)
        drive = record_to(drive_path, header, drop=True)
        stack.callback(drive.close)
        wanted = dashboard is not None or config.uplink.jt808.enabled
        outside = Outside(config, header, dashboard) if wanted else None
        if outside is not None:
            stack.callback(outside.close)

        def keep(picture: SeenPicture) -> None:
            drive.raw_picture(
                picture.camera,
                clock.now_ns(),
                picture.taken_ns,
                picture.frame_id,
                picture.format,
                picture.data,
            )
            if outside is not None and picture.format == "jpeg":
                outside.picture(picture.camera, picture.data)

        for worker in begun.workers:
            worker.take_picture = keep
        inlets: list[Inlet] = [
            *buses,
            *receivers,
            *ears,
            *begun.workers,
            can_output,
            tester,
            *mouths,
            RecordingInlet(drive),
        ]
        for inlet in inlets:
            stack.callback(inlet.close)
        core = Core(setup.core)
        summary = Summary(clock.now_ns)
        everything: list[Sink] = [summary, can_output, tester, *mouths, *sinks]
        if outside is not None:
            everything.append(outside)
            inlets.append(outside)
        ends_ns = [] if world is None else [start_ns + round(world.duration_s * 1e9)]
        if seconds is not None:
            ends_ns.append(clock.now_ns() + round(seconds * 1e9))
        until_ns = min(ends_ns, default=None)
        merge = Merge(inlets, clock, until_ns)
        source: Iterator[Message] = summary.watch(merge)
        if outside is not None:
            source = outside.watch(source)
        if progress is not None:
            source = progress.watch(source)
        rights = ask(config.runtime)
        with stopped_by_signals(merge.stop):
            run(source, core, everything, drive)
    if started_ns is not None and summary.first_decision_ns is not None:
        summary.first_decision_ns -= started_ns
    return Outcome(
        summary=summary,
        digest=drive.digest,
        drive=drive_path,
        failure=drive.failure,
        lateness_ns=tuple(merge.lateness_ns),
        rights=tuple(rights),
    )
