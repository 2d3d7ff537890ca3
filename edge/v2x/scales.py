"""Between physical values and the whole steps that V2X standards count in; None is their "unknown"."""

from __future__ import annotations

import math

from edge.v2x.uper import CodecError


def steps(name: str, value: float | None, per_unit: float, low: int, high: int, unknown: int) -> int:
    """`value` in steps, held within low..high as the standards ask; `unknown` for None.

    Raises CodecError for what is not a finite number.
    """
    if value is None:
        return unknown
    if not math.isfinite(value):
        raise CodecError(name, f"{value} is not a number", "unencodable")
    return round(min(max(value * per_unit, low), high))


def physical(count: int, per_unit: float, low: int, high: int) -> float | None:
    """`count` steps as a physical value; None outside low..high, where a standard keeps its "unknown"."""
    return count / per_unit if low <= count <= high else None


def degrees(name: str, value: float, per_unit: float, limit: float) -> int:
    """A latitude or longitude in steps. Raises CodecError outside -limit..limit."""
    if not -limit <= value <= limit:
        raise CodecError(name, f"{value} is not within {limit:g} degrees", "unencodable")
    return round(value * per_unit)
