"""What was measured: models/figures.json, by `icv models bench --write`, for `icv models card`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from edge.vision.zoo import ModelError


class Figure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One number. what: "vehicle AP50"; on: the set of pictures; count: of what it is the mean or share.

    unit: "" for shares 0 to 1; "ms", "deg", ...; value None: there was nothing to measure it on.
    """

    what: str
    on: str
    value: float | None
    unit: str = ""
    count: int = 0

    @property
    def words(self) -> str:
        """As a line."""
        value = "not measurable" if self.value is None else f"{self.value:.3g} {self.unit}".rstrip()
        return f"{self.what}: {value}, {self.on}" + (f" ({self.count})" if self.count else "")


Figures = dict[str, list[Figure]]
"""By model; those who measure add to them."""

Step = Callable[[], None]
"""Called after each picture, for a progress bar."""


class Speed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lower quartiles in ms, of runs in turn with all other models: the caches are cold, as in a car. On a
    machine that others use, medians tell of those.

    run_ms: the network; before_ms: the picture for it; after_ms: reading its outputs; whole_ms: all, as an
    adapter's `see`; whole_p95_ms; bare_ms: the network alone, fed the same tensor, right after that.
    """

    run_ms: float
    before_ms: float
    after_ms: float
    whole_ms: float
    whole_p95_ms: float
    bare_ms: float


class Measured(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All about one model file."""

    sha256: str
    speed: Speed | None = None
    figures: tuple[Figure, ...] = ()


class Results(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run of the bench. day: ISO 8601, UTC; quick: on fewer pictures."""

    machine: str
    day: str
    backend: str
    threads: int
    quick: bool
    models: dict[str, Measured]


def read_results(path: Path) -> Results | None:
    """None if nothing was measured. Raises ModelError."""
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Results)
    except (OSError, msgspec.MsgspecError) as error:
        raise ModelError(f"{path}: cannot be used: {error}; write it anew with icv models bench") from None


def write_results(results: Results, path: Path) -> None:
    """So that a change of one figure is one line."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
