"""Part of `icv bench v2x`: what other road users cost the core, and how soon it warns of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import numpy as np

from edge.clock import now_ns
from edge.config import CoreConfig, Vehicle
from edge.core.conflict import Movers, all_pairs
from edge.core.core import Core
from edge.messages import Message, PeerHeard, Position, RemoteObject, Signals, Tick, Warning
from edge.runtime.bench import Figure
from edge.runtime.quantile import quantile

SENDERS = 300
MESSAGES_PER_S = 2500
SECONDS = 40
LATITUDE, LONGITUDE = 48.0, 11.0
NORTH_M, EAST_M = 111_200.0, 74_560.0
OWN_MPS = 15.0
HORIZON_S = 5.0


def core_figures(say: Callable[[str], None]) -> dict[str, Figure]:
    """All figures by name."""
    say("all pairs of road users ...")
    figures = {f"all_pairs_{n}_ms": _all_pairs(n) for n in (200, 1000)}
    say(f"{MESSAGES_PER_S} messages a second of {SENDERS} road users through the core ...")
    return figures | _stream()


def _all_pairs(count: int) -> Figure:
    """Road users spread over a square kilometre of town, each in four turning or braking; best of 15."""
    draw = np.random.default_rng(1)
    heading = draw.uniform(0.0, 2.0 * np.pi, count)
    changes = draw.random(count) < 0.25
    movers = Movers(
        x_m=draw.uniform(0.0, 1000.0, count),
        y_m=draw.uniform(0.0, 1000.0, count),
        cosine=np.cos(heading),
        sine=np.sin(heading),
        speed_mps=draw.uniform(0.0, 20.0, count),
        acceleration_mps2=np.where(changes, draw.uniform(-4.0, 0.0, count), 0.0),
        curvature_1pm=np.where(changes, draw.normal(0.0, 0.02, count), 0.0),
        half_length_m=np.full(count, 2.3),
        half_width_m=np.full(count, 0.9),
    )
    times = []
    for _ in range(15):
        began_ns = now_ns()
        all_pairs(movers, HORIZON_S)
        times.append((now_ns() - began_ns) / 1e6)
    return Figure(f"conflicts within {HORIZON_S:.0f} s of all pairs of {count} road users", min(times), "ms")


class _Traffic:
    """Road users on straight ways around us; now and then one in our lane ahead brakes hard."""

    def __init__(self) -> None:
        draw = random.Random(1)
        self.rows = [
            [
                draw.uniform(-400.0, 400.0),
                draw.uniform(-400.0, 400.0),
                draw.uniform(0.0, 360.0),
                draw.uniform(0.0, 20.0),
            ]
            for _ in range(SENDERS)
        ]
        for n in range(0, SENDERS, 10):  # every tenth goes our way, ahead of us
            self.rows[n] = [0.0, 60.0 + n / 3.0, 0.0, OWN_MPS]
        self.braking: set[int] = set()

    def said(self, n: int, t_ns: int, counter: int) -> PeerHeard:
        """What sender n says now."""
        east_m, north_m, heading, speed = self.rows[n]
        t_s = t_ns / 1e9
        radians = np.deg2rad(heading)
        east_m += speed * t_s * float(np.sin(radians))
        north_m += speed * t_s * float(np.cos(radians))
        brakes = n in self.braking
        content = RemoteObject(
            kind="car",
            latitude_deg=LATITUDE + north_m / NORTH_M,
            longitude_deg=LONGITUDE + east_m / EAST_M,
            measured_ns=t_ns - 20_000_000,
            altitude_m=500.0,
            speed_mps=speed,
            heading_deg=heading,
            acceleration_mps2=-6.0 if brakes else 0.0,
            yaw_rate_radps=0.0,
            length_m=4.6,
            width_m=1.8,
            accuracy_m=1.0,
            brake_pressed=brakes,
            indicator="off",
            events=("hard_braking",) if brakes else (),
        )
        return PeerHeard(
            t_ns=t_ns, link="v2x", standard="csae53", message="BSM", sender=f"{n:x}", counter=counter % 128,
            trust="signed", content=content,
        )  # fmt: skip


def _messages(traffic: _Traffic, began: dict[int, int]) -> Iterator[Message]:
    """The stream of a drive: bus and fixes of our car, ticks, and the radio at a full channel."""
    step_ns = 1_000_000_000 // MESSAGES_PER_S
    due_ns, tick = 0, 0
    for k in range(SECONDS * MESSAGES_PER_S):
        t_ns = k * step_ns
        while due_ns <= t_ns:
            yield from _own(due_ns)
            tick += 1
            yield Tick(t_ns=due_ns, number=tick)
            due_ns += 10_000_000
        second, within = divmod(t_ns, 1_000_000_000)
        one = 10 * (second // 2 % 5)
        brakes = second % 2 == 1 and within < 400_000_000  # long enough ago the last warning is over
        traffic.braking = {one} if brakes else set()
        if brakes and k % SENDERS == one and second not in began:
            began[second] = t_ns
        yield traffic.said(k % SENDERS, t_ns, k // SENDERS)


def _own(t_ns: int) -> Iterator[Message]:
    values = {"speed_mps": OWN_MPS, "indicator_left": 0.0, "indicator_right": 0.0, "yaw_rate_radps": 0.0}
    yield Signals(
        t_ns=t_ns,
        bus="can0",
        names=tuple(values),
        values=tuple(values.values()),
        stamps_ns=(t_ns,) * len(values),
    )
    if t_ns % 100_000_000 == 0:
        yield Position(
            t_ns=t_ns, source="gnss", latitude_deg=LATITUDE + OWN_MPS * t_ns / 1e9 / NORTH_M,
            longitude_deg=LONGITUDE, altitude_m=500.0, geoid_separation_m=0.0, speed_mps=OWN_MPS,
            heading_deg=0.0, accuracy_m=1.0,
        )  # fmt: skip


def _stream() -> dict[str, Figure]:
    """One pass: what each message of a peer costs, looks and ticks apart, and how long until the warning."""
    began: dict[int, int] = {}
    core = Core(CoreConfig(vehicle=Vehicle(title="bench")))
    stream = list(_messages(_Traffic(), began))
    ingest, busy_ns, late_ms = [], 0, []
    told: set[int] = set()
    for message in stream:
        start_ns = now_ns()
        said = core.step(message)
        took_ns = now_ns() - start_ns
        busy_ns += took_ns
        if isinstance(message, PeerHeard):
            ingest.append(took_ns / 1e3)
        for out in said:
            if isinstance(out, Warning) and out.name == "emergency_brake_ahead" and out.active:
                second = max((s for s in began if began[s] <= out.t_ns), default=None)
                if second is not None and second not in told:
                    told.add(second)
                    late_ms.append((out.t_ns - began[second] + took_ns) / 1e6)
    late = quantile(late_ms, 0.99) if len(told) == len(began) else float("inf")
    title = f"{MESSAGES_PER_S} messages/s of {SENDERS} road users"
    return {
        "peer_ingest_us": Figure(f"{title}: a message in the core, median", quantile(ingest, 0.5), "us"),
        "peer_mean_us": Figure("  the same with looks and warnings: mean", sum(ingest) / len(ingest), "us"),
        "peer_core_ratio": Figure("  of one processor", busy_ns / (SECONDS * 1e9) * 100.0, "%"),
        "bsm_to_warning_p99_ms": Figure(f"{title}: braking heard to warning, p99", late, "ms"),
    }
