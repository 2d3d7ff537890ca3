"""What the reader and the writer generator share."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any

from edge.v2x.uper.types import (
    Bits,
    Boolean,
    Choice,
    Default,
    Enumerated,
    Group,
    Integer,
    Null,
    Octets,
    Sequence,
    SequenceOf,
    Text,
    Type,
    Unread,
)

_CHUNK_BITS = 60
"""Fields are cut out of, and put into, the big int by chunks that CPython handles as two digits."""

_LONG = 65536
"""A size bound from here on does not count: the length is told as if there were none (clause 11.9.3.3)."""

_VARIABLE = re.compile(r"\bv\d+\b")
_PURE = re.compile(r"w\d+( >> \d+)?( & \d+)?|value\['[^']+'\]|v\d+\['[^']+'\]")
"""What may be evaluated later: nothing that moves with r, and a member of a dict."""

TEXT_BITS = {"ia5": 7, "visible": 7, "numeric": 4}


def width_of(low: int, high: int) -> int:
    """Bits of a constrained whole number, clause 11.5."""
    return (high - low).bit_length()


def optional_members(members: Mapping[str, Type]) -> list[str]:
    """The keys of the members that the presence bitmap tells."""
    return [name for name, kind in members.items() if name.endswith("?") or isinstance(kind, Default)]


def is_extensible(kind: Sequence | Choice) -> bool:
    """Whether an extension bit is there."""
    return kind.extensible or bool(kind.more)


def bounds(kind: Octets | Text | SequenceOf) -> tuple[int, int | None]:
    """The sizes that tell how the length is written."""
    high = kind.low if kind.high is not None and kind.high < kind.low else kind.high
    return kind.low, None if high is not None and high >= _LONG else high


def is_long(kind: Type) -> bool:
    """Whether a shared type is worth a function of its own."""
    return _leaves(kind) >= 16


def _leaves(kind: Type) -> int:
    if isinstance(kind, Sequence):
        return sum(map(_leaves, [*kind.members.values(), *kind.more.values()]))
    if isinstance(kind, Choice):
        return sum(map(_leaves, [*kind.alternatives.values(), *kind.more.values()]))
    if isinstance(kind, Group):
        return sum(map(_leaves, kind.members.values()))
    if isinstance(kind, SequenceOf):
        return 1 + _leaves(kind.item)
    return _leaves(kind.kind) if isinstance(kind, Default) else 1


def shared_types(kind: Type) -> list[Type]:
    """The long types that are there more than once (the same object), inner ones first."""
    times: dict[int, int] = {}
    done: list[Type] = []

    def walk(kind: Type) -> None:
        times[id(kind)] = times.get(id(kind), 0) + 1
        if times[id(kind)] == 1:
            for inner in _inside(kind):
                walk(inner)
            done.append(kind)

    walk(kind)
    made = [k for k in done if isinstance(k, Sequence | Choice | SequenceOf)]
    return [k for k in made if times[id(k)] > 1 and is_long(k)]


def _inside(kind: Type) -> list[Type]:
    if isinstance(kind, Sequence):
        return [*kind.members.values(), *kind.more.values()]
    if isinstance(kind, Choice):
        return [*kind.alternatives.values(), *kind.more.values()]
    if isinstance(kind, Group):
        return list(kind.members.values())
    if isinstance(kind, SequenceOf):
        return [kind.item]
    if isinstance(kind, Default):
        return [kind.kind]
    return list(getattr(kind, "types", {}).values())


def check_paths(kind: Type, paths: Iterable[str]) -> None:
    """Raises KeyError for a path, names joined by dots, that the type does not have."""
    for path in paths:
        inner: Type = kind
        for step in path.split("."):
            inner = inner.kind if isinstance(inner, Default) else inner
            members = inner.alternatives if isinstance(inner, Choice) else getattr(inner, "members", {})
            plain = {key.rstrip("?"): member for key, member in members.items()}
            if step not in plain:
                raise KeyError(f"{path}: no member {step!r}")
            inner = plain[step]


def extent(kind: Type) -> tuple[int, int | None]:
    """The least and the most bits of a value; most is None unless it is one run of fields of fixed width."""
    if isinstance(kind, Integer):
        if kind.low is None or kind.high is None:
            return 8, None
        width = width_of(kind.low, kind.high)
        return (width + 1, None) if kind.extensible else (width, width)
    if isinstance(kind, Boolean):
        return 1, 1
    if isinstance(kind, Enumerated):
        width = width_of(0, len(kind.names.split()) - 1)
        return (width + 1 if not kind.more else 2, None) if kind.extensible else (width, width)
    if isinstance(kind, Bits):
        if kind.extensible or kind.variable:
            return 1, None
        return kind.low, kind.low
    if isinstance(kind, Octets):
        low, high = bounds(kind)
        return (8 * low, 8 * low) if low == high and not kind.extensible else (1, None)
    if isinstance(kind, Null):
        return 0, 0
    if isinstance(kind, Unread | Text):
        return 0, None
    if isinstance(kind, Default):
        return extent(kind.kind)
    if isinstance(kind, Sequence):
        return _sequence_extent(kind)
    if isinstance(kind, SequenceOf):
        return (0 if kind.extensible else kind.low * extent(kind.item)[0]), None
    if isinstance(kind, Choice):
        index = width_of(0, len(kind.alternatives) - 1) + is_extensible(kind)
        least = min(extent(member)[0] for member in kind.alternatives.values())
        return 1 if is_extensible(kind) else index + least, None
    return 8, None


def _sequence_extent(kind: Sequence) -> tuple[int, int | None]:
    optional = optional_members(kind.members)
    least = len(optional) + is_extensible(kind)
    most: int | None = None if optional or is_extensible(kind) else 0
    for key, member in kind.members.items():
        if key in optional:
            continue
        low, high = extent(member)
        least += low
        most = None if most is None or high is None else most + high
    return least, most


class Generator:
    """Lines of one function, and the run of fixed-width fields that is still open."""

    def __init__(self, names: Iterator[int] | None = None, constants: dict[str, Any] | None = None) -> None:
        self.lines: list[str] = []
        self.constants: dict[str, Any] = {} if constants is None else constants
        self._depth = 1
        self._names = count(1) if names is None else names

    def name(self, prefix: str) -> str:
        """A variable name that was not used before."""
        return f"{prefix}{next(self._names)}"

    def constant(self, value: Any) -> str:
        """A name for a value that the function shall find in its module."""
        name = self.name(type(self).__name__[1] + "_")
        self.constants[name] = value
        return name

    def line(self, text: str) -> None:
        """One line at the depth of now."""
        self.lines.append("    " * self._depth + text)

    def flush(self) -> None:
        """Deal with the open run here."""
        raise NotImplementedError

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """A conditional part: what is open before it and in it must be dealt with where it is."""
        self.flush()
        self.line(head)
        self._depth += 1
        start = len(self.lines)
        yield
        self.flush()
        if len(self.lines) == start:
            self.line("pass")
        self._depth -= 1


def chunks(widths: list[int]) -> Iterator[tuple[int, int]]:
    """Slices (from, to) of the fields, each of at most _CHUNK_BITS or of one field."""
    start = total = 0
    for i, width in enumerate(widths):
        if i > start and total + width > _CHUNK_BITS:
            yield start, i
            start, total = i, 0
        total += width
    if start < len(widths):
        yield start, len(widths)


def inlined(lines: list[str]) -> list[str]:
    """Where a variable v<number> is used once, what it was set to stands in its place; unused ones go."""
    uses = Counter(name for line in lines for name in _VARIABLE.findall(line))
    once: dict[str, str] = {}
    out = []

    def put(match: re.Match[str]) -> str:
        return once.get(match[0], match[0])

    for line in lines:
        line = _VARIABLE.sub(put, line)
        variable, equals, expression = line.strip().partition(" = ")
        if equals and uses[variable] < 3 and _VARIABLE.fullmatch(variable) and _PURE.fullmatch(expression):
            once[variable] = f"({expression})"  # or nobody asks for it
        else:
            out.append(line)
    return out


def runs(members: Mapping[str, Type]) -> Iterator[tuple[int, list[str], Type]]:
    """Neighbouring alternatives of one and the same type: the index of the first, the names, the type."""
    names: list[str] = []
    before: Type | None = None
    start = 0
    for i, (name, kind) in enumerate(members.items()):
        if before is not None and kind is not before and kind != before:
            yield start, names, before
            names, start = [], i
        names.append(name)
        before = kind
    if before is not None:
        yield start, names, before
