"""Kuksa's overlays: VSS leaves (COVESA Vehicle Signal Specification) with the CAN signal that feeds each.

As the Kuksa CAN provider reads them: a VSS tree in JSON (vss_dbc.json), or a .vspec overlay (YAML). A leaf's
`dbc2vss` (or `dbc`, as it was called before) tells signal, interval_ms, on_change and transform.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from edge.can.vss.expression import Expression, ExpressionError, Value
from edge.config import UserError

DEFAULT_INTERVAL_MS = 1000
INTEGERS = {
    f"{sign}int{bits}": (0, 2**bits - 1) if sign else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    for sign in ("", "u")
    for bits in (8, 16, 32, 64)
}
"""Smallest and greatest value of the datatypes that are whole numbers."""
DATATYPES = (*INTEGERS, "float", "double", "boolean", "string")

_LEAVES = ("sensor", "actuator", "attribute")
_KEYS = {"signal", "interval_ms", "on_change", "transform"}
_MAX_DEPTH = 64
_SHOWN = 10


class OverlayError(UserError):
    """An overlay that cannot be used; the text says which file, which leaf, and what is wrong."""


@dataclass(frozen=True)
class Leaf:
    """A VSS leaf that a CAN signal feeds.

    path: "Vehicle.Speed"; signal: as the overlay names it, SIGNAL or MESSAGE.SIGNAL; interval_ms: at least so
    long between two values, 0: any; on_change: only values that differ from the last; math or mapping: how
    the signal's value becomes the leaf's, neither: as it is; minimum, maximum: what the leaf may be.
    """

    path: str
    datatype: str
    signal: str
    interval_ms: int = DEFAULT_INTERVAL_MS
    on_change: bool = False
    math: Expression | None = None
    mapping: tuple[tuple[Value, Value], ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    unit: str | None = None


@dataclass(frozen=True)
class Overlay:
    """leaves: in the order of the file; notes: what of it is not used, for people."""

    leaves: tuple[Leaf, ...]
    notes: tuple[str, ...] = ()


def read_overlay(path: str | Path) -> Overlay:
    """The overlay in a .json, .vspec, .yaml or .yml file. Raises OverlayError."""
    path = Path(path)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OverlayError(f"{path}: cannot be read: {error}") from None
    tree = _parse_json(path, text) if path.suffix.lower() == ".json" else _parse_yaml(path, text)
    leaves, mistakes, notes = [], [], []
    for name, node in _nodes(path, tree):
        if "vss2dbc" in node:
            notes.append(f"{name}: vss2dbc is not used: nothing is sent to the car")
        try:
            leaf = _leaf(name, node)
        except OverlayError as error:
            mistakes.append(f"{name}: {error}")
            continue
        if leaf:
            leaves.append(leaf)
    if mistakes:
        more = f"\n(and {len(mistakes) - _SHOWN} more)" if len(mistakes) > _SHOWN else ""
        raise OverlayError("\n".join(f"{path}: {mistake}" for mistake in mistakes[:_SHOWN]) + more)
    if not leaves:
        raise OverlayError(f"{path}: no leaf with dbc2vss in it")
    return Overlay(tuple(leaves), tuple(notes))


def _parse_json(path: Path, text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise OverlayError(f"{path}:{error.lineno}: no JSON: {error.msg}") from None
    except ValueError as error:  # a number of thousands of digits
        raise OverlayError(f"{path}: no usable JSON: {error}") from None
    except RecursionError:
        raise OverlayError(f"{path}: nested too deep") from None


def _parse_yaml(path: Path, text: str) -> object:
    try:
        import yaml
    except ImportError:
        raise OverlayError(
            f"{path}: overlays in YAML need pyyaml: pip install 'icv-edge[desktop]'; .json does without"
        ) from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise OverlayError(f"{path}: no YAML: {' '.join(str(error).split())}") from None
    except (RecursionError, ValueError) as error:
        raise OverlayError(f"{path}: no usable YAML: {error}") from None


def _nodes(path: Path, tree: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """The leaves with their full names; a branch's name goes before those of its children."""
    if not isinstance(tree, dict):
        raise OverlayError(f"{path}: no VSS tree: its top is no table")
    left: list[tuple[str, str, object, int]] = [("", str(name), node, 0) for name, node in tree.items()][::-1]
    while left:
        prefix, name, node, depth = left.pop()
        if not isinstance(node, dict):
            continue
        if depth > _MAX_DEPTH:
            raise OverlayError(f"{path}: {prefix}{name}: nested too deep")
        if node.get("type") in _LEAVES:
            yield prefix + name, node
            continue
        below = node.get("children", {}) if node.get("type") == "branch" else node
        prefix = f"{prefix}{name}." if node.get("type") == "branch" else prefix
        if isinstance(below, dict):
            left += [(prefix, str(name), child, depth + 1) for name, child in below.items()][::-1]


def _leaf(path: str, node: dict[str, Any]) -> Leaf | None:
    if "dbc" in node and "dbc2vss" in node:
        raise OverlayError("both dbc and dbc2vss: dbc is the old name of dbc2vss, keep one")
    told = node.get("dbc2vss", node.get("dbc"))
    if told is None:
        return None
    if not isinstance(told, dict):
        raise OverlayError("dbc2vss is no table")
    unknown = sorted(map(str, set(told) - _KEYS))
    if unknown:
        raise OverlayError(f"dbc2vss has {unknown[0]!r}; it may have {', '.join(sorted(_KEYS))}")
    signal, datatype, on_change = told.get("signal"), node.get("datatype"), told.get("on_change", False)
    if not isinstance(signal, str) or not signal:
        raise OverlayError("dbc2vss without a signal")
    if datatype not in DATATYPES:
        raise OverlayError(f"datatype {datatype!r}; a signal can give {', '.join(DATATYPES)}")
    if not isinstance(on_change, bool):
        raise OverlayError(f"on_change is {on_change!r}, not true or false")
    interval_ms = told.get("interval_ms", 0 if on_change else DEFAULT_INTERVAL_MS)
    if not isinstance(interval_ms, int) or isinstance(interval_ms, bool) or interval_ms < 0:
        raise OverlayError(f"interval_ms is {interval_ms!r}, not a number of milliseconds from 0")
    math, mapping = _transform(told.get("transform"), datatype)
    minimum, maximum = _limit(node, "min"), _limit(node, "max")
    unit = node.get("unit")
    return Leaf(
        path, datatype, signal, interval_ms, on_change, math, mapping, minimum, maximum,
        unit if isinstance(unit, str) else None,
    )  # fmt: skip


def _limit(node: dict[str, Any], name: str) -> float | None:
    value = node.get(name)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise OverlayError(f"{name} is {value!r}, no number")
    return value


def _is_finite(value: object) -> bool:
    return isinstance(value, float) and isfinite(value)


def _transform(
    told: object, datatype: str
) -> tuple[Expression | None, tuple[tuple[Value, Value], ...] | None]:
    if told is None:
        return None, None
    if not isinstance(told, dict) or ("math" in told) == ("mapping" in told):
        raise OverlayError("transform has to be one of math and mapping")
    if "math" in told:
        formula = told["math"]
        if not isinstance(formula, str):
            raise OverlayError("math is no text")
        try:
            return Expression(formula), None
        except ExpressionError as error:
            raise OverlayError(f"math: {error}: {formula[:80]}") from None
    entries = told["mapping"]
    if not isinstance(entries, list):
        raise OverlayError("mapping is no list")
    pairs: list[tuple[Value, Value]] = []
    for number, entry in enumerate(entries, start=1):
        if not isinstance(entry, dict) or {"from", "to"} - set(entry):
            raise OverlayError(f"mapping, entry {number}: needs from and to")
        pair = entry["from"], entry["to"]
        if not all(isinstance(one, bool | int | str) or _is_finite(one) for one in pair):
            raise OverlayError(f"mapping, entry {number}: from and to are numbers, texts, true or false")
        if isinstance(pair[1], str) and datatype not in ("string", "boolean"):
            raise OverlayError(f"mapping, entry {number}: {pair[1]!r} is no {datatype}")
        pairs.append(pair)
    return None, tuple(pairs)
