"""A drive told in sentences -> the messages that it makes -> what the core says about it.

The world is a road with a straight and then, if asked for, a bend; places on it are metres along and metres
left of our lane's middle. The picture is a level pinhole camera's, written here from the textbook.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from edge.config import CoreConfig, GateRule, Geometry, Rules, Vehicle
from edge.core.core import Core
from edge.messages import (
    Detections,
    DriverView,
    Face,
    LaneLine,
    Message,
    PeerHeard,
    PerceivedObjects,
    Position,
    RemoteObject,
    RoadView,
    Signals,
    Tick,
    Warning,
    read_only,
)

KMH = 1 / 3.6
FOCAL, WIDTH, HEIGHT, CAMERA_UP, CAMERA_BEHIND = 1000.0, 1280, 720, 1.3, 1.5
SIZES = {"car": (1.8, 1.5), "truck": (2.5, 3.3), "person": (0.5, 1.7)}
GEOMETRY = Geometry(
    width_px=WIDTH, height_px=HEIGHT, focal_px=FOCAL, height_m=CAMERA_UP, ahead_m=CAMERA_BEHIND
)
GATE = {
    "brake": GateRule(
        bus="can0", message="ICV", signal="BRAKE", minimum=0.0, maximum=6.0, max_rate_per_s=20.0
    ),
    "warn_display": GateRule(bus="can0", message="ICV", signal="CODE", minimum=0.0, maximum=255.0),
}
LATITUDE, LONGITUDE = 48.0, 11.0
NORTH_M, EAST_M = 111_200.0, 74_560.0  # metres per degree at 48 degrees north, to a part in 10^4


@dataclass
class Other:
    """Another road user: metres along from our start, metres left, and how it moves."""

    kind: str
    along_m: float
    left_m: float
    mps: float
    braking: float = 0.0
    left_mps: float = 0.0


@dataclass
class Said:
    """What the core said."""

    messages: list[Message]

    def of(self, kind: type) -> list:
        return [m for m in self.messages if type(m) is kind]

    def begun(self, *names: str) -> list[str]:
        """Names of the warnings that began, in order; only of `names` if given."""
        found: list[str] = []
        active: set[str] = set()
        for m in self.of(Warning):
            if m.active and m.name not in active and (not names or m.name in names):
                found.append(m.name)
            (active.add if m.active else active.discard)(m.name)
        return found

    def first(self, name: str, level: str | None = None) -> Warning:
        return next(
            m for m in self.of(Warning) if m.name == name and m.active and (level is None or m.level == level)
        )


@dataclass
class Story:
    config: CoreConfig = field(
        default_factory=lambda: CoreConfig(
            vehicle=Vehicle(title="story", gate=GATE), geometry={"road": GEOMETRY}, send_v2x=True
        )
    )
    jitter_px: float = 0.0
    seed: int = 1
    messages: list[Message] = field(default_factory=list)
    mps: float = 0.0
    braking: float = 0.0
    drift_mps: float = 0.0
    left_m: float = 0.0
    along_m: float = 0.0
    bend_from_m: float = 1e9
    bend_1pm: float = 0.0
    lines: bool = False
    indicator: str = "off"
    says: dict[str, float] = field(default_factory=dict)
    others: list[Other] = field(default_factory=list)
    ghosts: list[tuple[float, tuple[float, float, float, float]]] = field(default_factory=list)
    face: Callable[[float], Face | None] | None = lambda t: looking()
    camera: bool = True
    can: bool = True
    gnss: bool = True
    peer: Callable[[float], RemoteObject | None] | None = None
    trust: str = "unsigned"
    peers: dict[str, Callable[[float], RemoteObject | PerceivedObjects | None]] = field(default_factory=dict)
    altitude_m: float | None = None
    heading_deg: float | None = 0.0
    t_ns: int = 1_000_000_000

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._n = 0

    # ------------------------------------------------------------ sentences

    def at(self, mps: float) -> Story:
        self.mps = mps
        return self

    def lead(self, gap_m: float, mps: float, kind: str = "car", left_m: float = 0.0) -> Story:
        self.others.append(Other(kind, self.along_m + gap_m, left_m, mps))
        return self

    def driver(self, face: Callable[[float], Face | None]) -> Story:
        """face(seconds from now) says what the driver does from now on."""
        began = self.t_ns
        self.face = lambda t_ns: face((t_ns - began) / 1e9)  # type: ignore[assignment, misc]
        return self

    def set(self, **values: object) -> Story:
        for name, value in values.items():
            assert hasattr(self, name), name
            setattr(self, name, value)
        return self

    def go(self, seconds: float) -> Story:
        """Drive on: 100 ticks and CAN batches, 20 pictures of each camera and 10 fixes a second."""
        for _ in range(round(seconds * 100)):
            self._step(0.01)
        return self

    def tell(self) -> Said:
        core = Core(self.config)
        return Said([out for message in self.messages for out in core.step(message)])

    # ------------------------------------------------------------ the world

    def _step(self, dt: float) -> None:
        self.t_ns += 10_000_000
        self._n += 1
        self.mps = max(self.mps - self.braking * dt, 0.0)
        self.along_m += self.mps * dt
        self.left_m += self.drift_mps * dt
        for other in self.others:
            other.mps = max(other.mps - other.braking * dt, 0.0) if other.braking else other.mps
            other.along_m += other.mps * dt
            other.left_m += other.left_mps * dt
        if self.can:
            self._signals()
        if self.gnss and self._n % 10 == 1:
            self._fix()
        if self.camera and self._n % 5 == 2:
            self._road_view()
        if self.face is not None and self._n % 5 == 4:
            self._driver_view()
        if self.peer is not None and self._n % 10 == 3:
            self._say("1a2b", self.peer(self.t_ns / 1e9))
        if self._n % 10 == 3:
            for sender, says in self.peers.items():
                self._say(sender, says(self.t_ns / 1e9))
        self.messages.append(Tick(t_ns=self.t_ns, number=self._n))

    def _signals(self) -> None:
        bend = self.bend_1pm if self.along_m >= self.bend_from_m else 0.0
        values = {
            "speed_mps": self.mps,
            "acceleration_mps2": -self.braking if self.mps > 0 else 0.0,
            "yaw_rate_radps": bend * self.mps,
            "brake_pressed": float(self.braking > 0.3),
            "indicator_left": float(self.indicator == "left"),
            "indicator_right": float(self.indicator == "right"),
            **self.says,
        }
        self.messages.append(
            Signals(
                t_ns=self.t_ns,
                bus="can0",
                names=tuple(values),
                values=tuple(values.values()),
                stamps_ns=(self.t_ns,) * len(values),
            )
        )

    def _fix(self) -> None:
        self.messages.append(
            Position(
                t_ns=self.t_ns,
                source="gnss",
                latitude_deg=LATITUDE + self.along_m / NORTH_M,
                longitude_deg=LONGITUDE,
                speed_mps=self.mps,
                heading_deg=self.heading_deg,
                accuracy_m=1.0,
                altitude_m=self.altitude_m,
                geoid_separation_m=None if self.altitude_m is None else 0.0,
            )
        )

    def _from_us(self, along_m: float, left_m: float) -> tuple[float, float]:
        """A place on the road as (ahead, left) of our bumper."""
        ahead = along_m - self.along_m
        straight = min(max(self.bend_from_m - self.along_m, 0.0), ahead) if ahead > 0 else ahead
        arc, k = ahead - straight, self.bend_1pm
        if k == 0.0 or arc <= 0.0:
            return ahead, left_m - self.left_m
        x = straight + math.sin(k * arc) / k - left_m * math.sin(k * arc)
        y = (1 - math.cos(k * arc)) / k + left_m * math.cos(k * arc)
        return x, y - self.left_m

    def _box(self, other: Other) -> tuple[float, float, float, float] | None:
        x, y = self._from_us(other.along_m, other.left_m)
        depth = x + CAMERA_BEHIND
        if depth < 1.0 or depth > 150.0:
            return None
        width, height = SIZES[other.kind]

        def noise() -> float:
            return self._random.gauss(0.0, self.jitter_px) if self.jitter_px else 0.0

        left = 640 - FOCAL * (y + width / 2) / depth + noise()
        right = 640 - FOCAL * (y - width / 2) / depth + noise()
        top = 360 + FOCAL * (CAMERA_UP - height) / depth + noise()
        bottom = 360 + FOCAL * CAMERA_UP / depth + noise()
        left, right = max(left, 0.0), min(right, float(WIDTH))
        top, bottom = max(top, 0.0), min(bottom, float(HEIGHT))
        return (left, top, right, bottom) if right - left > 2 and bottom - top > 2 else None

    def _road_view(self) -> None:
        seen = [(o.kind, b) for o in self.others if (b := self._box(o)) is not None]
        taken_ns = self.t_ns - 40_000_000
        seen += [
            ("car", box) for at_s, box in self.ghosts if abs((taken_ns - 1_000_000_000) / 1e9 - at_s) < 0.02
        ]
        self.messages.append(
            RoadView(
                t_ns=self.t_ns,
                camera="road",
                taken_ns=taken_ns,
                frame_id=self._n,
                width_px=WIDTH,
                height_px=HEIGHT,
                models=("truth",),
                detections=Detections(
                    kinds=tuple(kind for kind, _ in seen),
                    scores=read_only([0.9] * len(seen)),
                    boxes=read_only([box for _, box in seen] or [[]]).reshape(-1, 4),
                ),
                lanes=tuple(self._line(side) for side in (1.75, -1.75)) if self.lines else (),
            )
        )

    def _line(self, left_m: float) -> LaneLine:
        points = []
        for ahead in range(4, 40, 2):
            x, y = self._from_us(self.along_m + ahead, left_m)
            depth = x + CAMERA_BEHIND
            points.append((640 - FOCAL * y / depth, 360 + FOCAL * CAMERA_UP / depth))
        return LaneLine(points=read_only(points), score=0.9)

    def _driver_view(self) -> None:
        assert self.face is not None
        self.messages.append(
            DriverView(
                t_ns=self.t_ns,
                camera="driver",
                taken_ns=self.t_ns - 30_000_000,
                frame_id=self._n,
                width_px=640,
                height_px=480,
                models=("truth",),
                face=self.face(self.t_ns),
            )
        )

    def _say(self, sender: str, content: RemoteObject | PerceivedObjects | None) -> None:
        if content is not None:
            self.messages.append(
                PeerHeard(
                    t_ns=self.t_ns,
                    link="v2x",
                    standard="csae53",
                    message="BSM",
                    sender=sender,
                    counter=self._n % 128,
                    trust=self.trust,
                    content=content,
                )
            )


def drive(**values: object) -> Story:
    """The begin of a story: a car that stands on a straight, empty road, its driver looking ahead."""
    return Story(**values)  # type: ignore[arg-type]


def looking(yaw: float = 0.0, pitch: float = 0.0, eyes: float = 0.9) -> Face:
    return Face(
        score=0.95,
        box=(200.0, 100.0, 400.0, 350.0),
        left_eye_open=eyes,
        right_eye_open=eyes,
        head_yaw_deg=yaw,
        head_pitch_deg=pitch,
    )


def with_rules(**sections: object) -> CoreConfig:
    rules = Rules(**sections)  # type: ignore[arg-type]
    return CoreConfig(
        rules=rules, vehicle=Vehicle(title="story", gate=GATE), geometry={"road": GEOMETRY}, send_v2x=True
    )


def peer_at(story: Story, ahead_m: float, left_m: float, mps: float, **values: object) -> RemoteObject:
    """A peer that keeps its place from us."""
    content: dict = {
        "kind": "car",
        "latitude_deg": LATITUDE + (story.along_m + ahead_m) / NORTH_M,
        "longitude_deg": LONGITUDE - left_m / EAST_M,
        "speed_mps": mps,
        "heading_deg": 0.0,
    }
    return RemoteObject(**{**content, **values})


def moving(
    story: Story, along_m: float, left_m: float, mps: float, heading_deg: float = 0.0, **values: object
) -> Callable[[float], RemoteObject]:
    """A peer that starts at a place of the road and drives straight on; braking: until it stands.

    Places are from the story's start; its heading is clockwise from our road.
    """
    began_s = story.t_ns / 1e9
    braking = float(values.pop("braking", 0.0))  # type: ignore[arg-type]
    silent = values.pop("silent", ())  # what it does not say
    radians = math.radians(heading_deg)

    def says(t_s: float) -> RemoteObject:
        passed_s = t_s - began_s
        if braking > 0.0:
            passed_s = min(passed_s, mps / braking)
        metres, now_mps = mps * passed_s - 0.5 * braking * passed_s**2, mps - braking * passed_s
        along, left = along_m + metres * math.cos(radians), left_m - metres * math.sin(radians)
        content: dict = {
            "kind": "car",
            "latitude_deg": LATITUDE + along / NORTH_M,
            "longitude_deg": LONGITUDE - left / EAST_M,
            "speed_mps": now_mps,
            "heading_deg": heading_deg % 360.0,
            "acceleration_mps2": -braking if now_mps > 0.01 else 0.0,
            "length_m": 4.6,
            "width_m": 1.8,
            "accuracy_m": 1.0,
            **values,
        }
        return RemoteObject(**{name: value for name, value in content.items() if name not in silent})  # type: ignore[operator]

    return says
