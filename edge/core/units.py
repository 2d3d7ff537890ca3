"""The two conversions that every input passes through."""

from __future__ import annotations

_BEYOND_ALL = 1e6


def seconds(ns: int) -> float:
    """Nanoseconds as seconds."""
    return ns / 1e9


def known(value: float | None) -> float | None:
    """The value as a float, or None where it is none: NaN, infinite, or beyond a million of our units.

    A recording keeps NaN and infinity as null, so what runs live must take them the same way.
    """
    if value is None or not -_BEYOND_ALL < value < _BEYOND_ALL:
        return None
    return float(value)
