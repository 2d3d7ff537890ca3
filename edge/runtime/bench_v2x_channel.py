"""`icv bench v2x`, a full channel: another process sends as 300 stations that sign, ours hears them."""

from __future__ import annotations

import gc
import multiprocessing
import os
import tempfile
from array import array
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from edge.clock import LiveClock, date_ns, now_ns
from edge.config import CoreConfig, V2x, V2xLink, V2xSecurity, Vehicle
from edge.core.core import Core
from edge.drives.writer import NullWriter
from edge.messages import Gap, Message, OwnCar, PeerHeard, Position, Signals, Warning
from edge.runtime.bench import Figure
from edge.runtime.crowd import Crowd, drive_crowd
from edge.runtime.loop import run
from edge.runtime.quantile import quantile
from edge.runtime.source import Inlet, Merge
from edge.sim.traffic import Traffic
from edge.v2x.inlet import V2xInlet, VerifiedInlet
from edge.v2x.security import issue
from edge.v2x.security.algorithms import BY_NAME
from edge.v2x.station import Station

SENDERS, MESSAGES_PER_S = 300, 2500
_PLACE = 31.28, 121.17
_PERIOD_S = 8.0  # from braking to braking
_LEAD, _BEHIND_S = 58, 0.8  # the first of a ring at 18 m/s, and how far we are behind it
_FIRST_ID = 0x1C50000
_WARM_S = 32.0  # certificates are known after the first second, the memory of signatures is full after 27
_PORT = 47911
_TICKETS_H = 24


def measure_channel(seconds: float, say: Callable[[str], None]) -> dict[str, Figure]:
    """Heard, lost, memory and delays over `seconds` after a warm-up.

    The loop is that of a live run: UDP multicast on the loopback, verifying in a thread, the core at 100 Hz
    with our own car behind one that brakes every 8 s; a delay is from the kernel's stamp to the end of the
    core's step.
    """
    say(f"a full channel: {MESSAGES_PER_S} signed messages/s of {SENDERS} senders for {seconds:g} s ...")
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as directory:
        _write_keys(Path(directory))
        ours, theirs = context.Pipe()
        process = context.Process(
            target=_send, args=(theirs, f"{directory}/crowd", _WARM_S + seconds + 1.0), daemon=True
        )
        process.start()
        theirs.close()
        try:
            watch = _hear(f"{directory}/own", ours, seconds)
            sent, failed = ours.recv()
            process.join(timeout=10.0)
        finally:
            if process.is_alive():
                process.terminate()
                process.join()
    return _figures(watch, seconds, sent, failed)


def _config(directory: str) -> V2x:
    return V2x(
        standard="etsi",
        dcc=False,  # one channel is full: who may speak has been decided
        link=V2xLink(kind="udp_multicast", port=_PORT),
        security=V2xSecurity(directory=directory),
    )


def _write_keys(directory: Path) -> None:
    """A folder of each side; every sender has a certificate of its own."""
    kind, start_ns = BY_NAME["p256"], date_ns(now_ns()) - 3_600_000_000_000
    root, authority = issue.make_root(kind, start_ns, _TICKETS_H)
    for name, count in (("crowd", SENDERS), ("own", 1)):
        wishes = issue.Wishes(algorithm=kind, start_ns=start_ns, hours=_TICKETS_H, tickets=count)
        issue.write_station(directory, name, root, authority, issue.make_tickets(authority, wishes), False)


def _traffic() -> Traffic:
    return Traffic(SENDERS, *_PLACE, period_s=_PERIOD_S)


def _send(pipe: Connection, directory: str, seconds: float) -> None:
    os.nice(10)  # the others' computers are not ours: they do not take its time
    crowd = Crowd(_traffic(), _config(directory), MESSAGES_PER_S / SENDERS)
    pipe.send(crowd.start_ns)
    pipe.recv()  # they listen
    sent = drive_crowd(crowd, seconds)
    pipe.send((sent.packets, sent.failed))


class _OwnCar:
    """What bus and GNSS say of our car, which follows one of the traffic."""

    name = "own"

    def __init__(self, begin_ns: int) -> None:
        self._traffic, self._begin_ns, self._fix_ns = _traffic(), begin_ns, 0

    def fileno(self) -> int | None:
        return None

    def poll(self, now_ns: int) -> Sequence[Message]:
        car = self._traffic.vehicle(_LEAD, (now_ns - self._begin_ns) / 1e9 - _BEHIND_S)
        values = {
            "speed_mps": car.speed_mps or 0.0,
            "yaw_rate_radps": car.yaw_rate_radps or 0.0,
            "indicator_left": 0.0,
            "indicator_right": 0.0,
        }
        said: list[Message] = [
            Signals(
                t_ns=now_ns,
                bus="can0",
                names=tuple(values),
                values=tuple(values.values()),
                stamps_ns=(now_ns,) * len(values),
            )
        ]
        if now_ns >= self._fix_ns:
            self._fix_ns = now_ns + 95_000_000
            said.append(
                Position(
                    t_ns=now_ns, source="gnss", latitude_deg=car.latitude_deg,
                    longitude_deg=car.longitude_deg,
                    altitude_m=12.0, geoid_separation_m=0.0, speed_mps=car.speed_mps,
                    heading_deg=car.heading_deg, accuracy_m=1.0,
                )
            )  # fmt: skip
        return said

    def close(self) -> None:
        pass


class _Watch:
    """Between the merge and the core, and a sink: what was heard, when, and how long it took."""

    def __init__(self, station: Station, merge: Merge, warm_ns: int) -> None:
        self._station, self._merge, self.warm_ns = station, merge, warm_ns
        self.heard = 0
        self.gaps: dict[str, int] = {}
        self.early = 0  # not believed while we were warming up, as their certificates had not come
        self.delays_ms = array("d")  # one in 10; flat, so that it is no memory to speak of
        self.late: list[int] = []
        self.warned_ns: list[int] = []
        self.memory: list[int] = []
        self.brakings = 0
        self._braking_ns: int | None = None
        self._number = 0

    def stream(self) -> Iterator[Message]:
        """The messages; when the next is asked for, the core is done with the last."""
        lead = str(_FIRST_ID + _LEAD)
        for message in self._merge:
            if isinstance(message, PeerHeard):
                if message.sender == lead:
                    brakes = "hard_braking" in getattr(message.content, "events", ())
                    if not brakes:
                        self._braking_ns = None
                    elif self._braking_ns is None:
                        self._braking_ns = message.t_ns
                        self.brakings += message.t_ns >= self.warm_ns
                yield message
                self.heard += 1
                if message.t_ns >= self.warm_ns:
                    if not self.memory:
                        self.memory.append(_memory())
                    self._number += 1
                    if self._number % 10 == 0:
                        self.delays_ms.append((now_ns() - message.t_ns) / 1e6)
                continue
            if isinstance(message, Gap):
                self._lost(message)
            yield message

    def take(self, out: Message) -> None:
        """What the core says."""
        if isinstance(out, OwnCar):
            self._station.place(out)
        elif isinstance(out, Gap):
            self._lost(out)
        elif (
            isinstance(out, Warning)
            and out.active
            and out.name == "emergency_brake_ahead"
            and out.since_ns == out.t_ns
            and out.object == f"peer:{_FIRST_ID + _LEAD}"
            and self._braking_ns is not None
            and out.t_ns >= self.warm_ns
        ):
            self.warned_ns.append(now_ns() - self._braking_ns)

    def _lost(self, gap: Gap) -> None:
        if gap.t_ns < self.warm_ns:
            self.early += gap.count if gap.source == "v2x" else 0
            return
        name = f"{gap.source}: {gap.reason}"
        self.gaps[name] = self.gaps.get(name, 0) + gap.count


def _hear(directory: str, senders: Connection, seconds: float) -> _Watch:
    clock = LiveClock()
    station = Station(_config(directory), 7, date_ns, start_ns=clock.now_ns(), threaded=True)
    ear = V2xInlet(station)
    ear.poll(clock.now_ns())  # opens the link
    begin_ns: int = senders.recv()
    senders.send("go")
    start_ns = clock.now_ns()
    inlets: list[Inlet] = [_OwnCar(begin_ns), ear, VerifiedInlet(ear, station)]
    warm_ns = start_ns + round(_WARM_S * 1e9)
    merge = Merge(inlets, clock, warm_ns + round((seconds + 2.5) * 1e9))  # until the senders are silent
    watch = _Watch(station, merge, warm_ns)
    core = Core(CoreConfig(vehicle=Vehicle(title="bench")))
    gc.collect()
    gc.freeze()
    try:
        run(watch.stream(), core, [watch], NullWriter())
    finally:
        gc.unfreeze()
        for inlet in inlets:
            inlet.close()
    watch.memory.append(_memory())
    watch.late = list(merge.lateness_ns)[round(_WARM_S * 100) :]
    return watch


def _figures(watch: _Watch, seconds: float, sent: int, failed: int) -> dict[str, Figure]:
    delays = watch.delays_ms.tolist() or [float("inf")]
    fifth = max(len(delays) // 5, 1)
    first, last = quantile(delays[:fifth], 0.5), quantile(delays[-fifth:], 0.5)
    warned = [ns / 1e6 for ns in watch.warned_ns] or [float("inf")]
    late = [ns / 1e6 for ns in watch.late]
    title = "full channel"
    figures = {
        "channel_rate": Figure(
            f"{title}: signed messages that reached the core", watch.heard / (_WARM_S + seconds + 1.0), "1/s"
        ),
        "channel_sent": Figure(f"{title}: sent", sent / (_WARM_S + seconds + 1.0), "1/s"),
        "channel_lost": Figure(
            f"{title}: share lost",
            100.0 * (1 - watch.heard / max(sent - watch.early, 1)),
            "%",
        ),
        "channel_memory": Figure(
            f"{title}: memory it leaves behind", (watch.memory[-1] - watch.memory[0]) / 1e6, "MB"
        ),
        "channel_growth": Figure(
            f"{title}: median delay of the last fifth above the first's", last - first, "ms"
        ),
        "channel_delay_p50": Figure(f"{title}: kernel's stamp to the end of the core's step", last, "ms"),
        "channel_delay_p99": Figure("  the same, whole time: p99", quantile(delays, 0.99), "ms"),
        "channel_warning_p99": Figure(
            f"{title}: braking received to warning, p99 of {len(watch.warned_ns)} of {watch.brakings}",
            quantile(warned, 0.99),
            "ms",
        ),
        "channel_lateness_p99": Figure(
            f"{title}: lateness of the 100 Hz loop, p99", quantile(late, 0.99), "ms"
        ),
    }
    if failed:
        figures["channel_failed"] = Figure(f"{title}: not sent", float(failed), "")
    for number, (reason, count) in enumerate(sorted(watch.gaps.items())):
        figures[f"channel_gap_{number}"] = Figure(f"  {reason}", float(count), "")
    return figures


def _memory() -> int:
    """Resident octets of this process."""
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()
