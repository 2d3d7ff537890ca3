"""What a rule looks at, and what it answers."""

from __future__ import annotations

import msgspec

from edge.config import Rules
from edge.core.around import Around
from edge.core.roadside import RoadsideView
from edge.core.vehicle import CarState
from edge.messages import Driver, Road, WarningLevel


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known at one moment; what is not fresh is not in it."""

    now_ns: int
    rules: Rules
    own: CarState
    roads: tuple[Road, ...]  # of each road camera that still sees
    driver: Driver | None
    no_face_s: float
    around: Around | None  # other road users; None without our own place and heading
    roadside: RoadsideView | None = None  # None without our own place and heading


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """A rule says that something is to be warned of, how urgently and why; see messages.Warning.

    demand_mps2: the braking that would prevent it, for rules that may ask for it; arrived_ns: when the
    message came in that it rests on, based_on_ns: when what that message shows was taken.
    """

    level: WarningLevel
    cause: str
    values: dict[str, float]
    thresholds: dict[str, float]
    object: str = ""
    based_on_ns: int | None = None
    arrived_ns: int | None = None
    demand_mps2: float | None = None
