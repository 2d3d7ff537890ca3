"""Values of the types: where one does not fit, and how people read one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edge.v2x.uper.types import (
    Bits,
    Boolean,
    Choice,
    CodecError,
    Default,
    Enumerated,
    Group,
    Integer,
    Null,
    Octets,
    Open,
    OpenBy,
    Sequence,
    SequenceOf,
    Text,
    Type,
    Unread,
)

ALPHABETS = {
    "ia5": "".join(map(chr, range(128))),
    "visible": "".join(map(chr, range(32, 127))),
    "numeric": " 0123456789",
}
"""Of the character strings whose characters are counted (X.680 clause 41)."""


def members_of(kind: Sequence) -> dict[str, Type]:
    """All members by their plain name, extension additions and those of groups too."""
    found = {key.rstrip("?"): member for key, member in kind.members.items()}
    for key, member in kind.more.items():
        if isinstance(member, Group):
            found |= {name.rstrip("?"): inner for name, inner in member.members.items()}
        else:
            found[key.rstrip("?")] = member
    return found


def fault(kind: Type, value: Any, where: str) -> CodecError | None:
    """The first place where `value` cannot be encoded as `kind`, or None."""

    def wrong(what: str) -> CodecError:
        return CodecError(where, what, "unencodable")

    if isinstance(kind, Default):
        return fault(kind.kind, value, where)
    if isinstance(kind, Integer):
        if type(value) is not int:
            return wrong(f"must be an int, not {value!r}")
        low_enough = kind.high is None or value <= kind.high
        if low_enough and (kind.low is None or value >= kind.low):
            return None
        return wrong(f"{value} is not in {_range(kind.low, kind.high)}")
    if isinstance(kind, Boolean):
        return None if type(value) is bool else wrong(f"must be True or False, not {value!r}")
    if isinstance(kind, Enumerated):
        names = f"{kind.names} {kind.more}".split()
        return None if value in names else wrong(f"{value!r} is none of {', '.join(names)}")
    if isinstance(kind, Bits):
        return _bits_fault(kind, value, wrong)
    if isinstance(kind, Octets):
        high = kind.low if kind.high is not None and kind.high < kind.low else kind.high
        if type(value) is bytes and _fits(len(value), kind.low, high, kind.extensible):
            return None
        return wrong(f"must be {_range(kind.low, high)} bytes, not {value!r}")
    if isinstance(kind, Text):
        return _text_fault(kind, value, wrong)
    if isinstance(kind, Null):
        return None if value is None else wrong(f"must be None, not {value!r}")
    if isinstance(kind, Open):
        return None if type(value) is bytes else wrong(f"must be bytes, not {value!r}")
    if isinstance(kind, Unread):
        return wrong("this message has no table yet")
    if isinstance(kind, Sequence):
        return _sequence_fault(kind, value, where, wrong)
    if isinstance(kind, SequenceOf):
        if type(value) is not list or not _fits(len(value), kind.low, kind.high, kind.extensible):
            return wrong(f"must be a list of {_range(kind.low, kind.high)}, not {value!r}")
        found = (fault(kind.item, item, f"{where}[{i}]") for i, item in enumerate(value))
        return next((f for f in found if f), None)
    if isinstance(kind, Choice):
        known = {**kind.alternatives, **kind.more}
        if not (type(value) is tuple and len(value) == 2 and value[0] in known):
            return wrong(f"must be a pair of one of {', '.join(known)} and its value, not {value!r}")
        return fault(known[value[0]], value[1], f"{where}.{value[0]}")
    raise TypeError(kind)  # OpenBy and Group: only members of a SEQUENCE


def _range(low: int | None, high: int | None) -> str:
    return f"{'' if low is None else low}..{'' if high is None else high}"


def _fits(size: int, low: int, high: int | None, extensible: bool) -> bool:
    return extensible or (size >= low and (high is None or size <= high))


def _text_fault(kind: Text, value: Any, wrong: Callable[[str], CodecError]) -> CodecError | None:
    if type(value) is not str:
        return wrong(f"must be a str, not {value!r}")
    if kind.kind == "utf8":
        return None if _utf8(value) else wrong(f"{value!r} is no text of Unicode")
    if strange := next((c for c in value if c not in ALPHABETS[kind.kind]), None):
        return wrong(f"{strange!r} is not among the characters of this text")
    if _fits(len(value), kind.low, kind.high, kind.extensible):
        return None
    return wrong(f"must be {_range(kind.low, kind.high)} characters, not {value!r}")


def _utf8(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _bits_fault(kind: Bits, value: Any, wrong: Callable[[str], CodecError]) -> CodecError | None:
    bits, size = kind.low, value
    if kind.variable:
        if type(value) is not tuple or len(value) != 2 or type(value[1]) is not int:
            return wrong(f"must be a pair (int, size), not {value!r}")
        size, bits = value
        if not kind.low <= bits <= kind.high:
            return wrong(f"must be {kind.low}..{kind.high} bits, not {bits}")
    return None if type(size) is int and 0 <= size < 1 << bits else wrong(f"{size!r} is not of {bits} bits")


def _sequence_fault(
    kind: Sequence, value: Any, where: str, wrong: Callable[[str], CodecError]
) -> CodecError | None:
    if type(value) is not dict:
        return wrong(f"must be a dict, not {value!r}")
    left = dict(value)
    additions = {k.rstrip("?") + "?": m for k, m in kind.more.items() if not isinstance(m, Group)}
    found = _members_fault({**kind.members, **additions}, value, left, where, wrong)
    for member in kind.more.values():
        if not found and isinstance(member, Group) and any(key.rstrip("?") in left for key in member.members):
            found = _members_fault(member.members, value, left, where, wrong)
    return found or (wrong(f"has no member {next(iter(left))!r}") if left else None)


def _members_fault(
    members: Mapping[str, Type],
    value: dict[str, Any],
    left: dict[str, Any],
    where: str,
    wrong: Callable[[str], CodecError],
) -> CodecError | None:
    """Of these members alone; what is known is taken out of `left`."""
    for key, member in members.items():
        name = key.rstrip("?")
        if name not in left:
            if name == key and not isinstance(member, Default):
                return wrong(f"lacks {name}")
            continue
        item = left.pop(name)
        kind: Type | None = member
        if isinstance(member, OpenBy):
            kind = member.types.get(value.get(member.by, -1), Open())
        if found := fault(kind or member, item, f"{where}.{name}"):
            return found
    return None


def readable(kind: Type, value: Any) -> Any:
    """A decoded value for people and JSON: bits as the names of those set, octets as hex."""
    if isinstance(kind, Default):
        return readable(kind.kind, value)
    if isinstance(kind, Sequence):
        types = members_of(kind)
        out = {}
        for name, item in value.items():
            member = types[name]
            if isinstance(member, OpenBy):
                member = member.types.get(value.get(member.by), Open())
            out[name] = readable(member, item)
        return out
    if isinstance(kind, SequenceOf):
        return [readable(kind.item, item) for item in value]
    if isinstance(kind, Choice):
        name, item = value
        if not isinstance(name, str):
            return {str(name): item.hex()}
        return {name: readable({**kind.alternatives, **kind.more}[name], item)}
    if isinstance(kind, Bits):
        bits, size = value if kind.variable else (value, kind.low)
        names = kind.names.split() + [str(i) for i in range(len(kind.names.split()), size)]
        return [names[i] for i in range(size) if bits >> (size - 1 - i) & 1]
    return value.hex() if isinstance(value, bytes) else value
