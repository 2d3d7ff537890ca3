"""Message schemas as tables: the ASN.1 types that V2X messages are made of, as plain values.

A value of a type is what JSON would hold: INTEGER an int, ENUMERATED its name, SEQUENCE a dict without the
absent members, SEQUENCE OF a list, CHOICE a pair (name, value), OCTET STRING and open types bytes. BIT
STRING is an int whose most significant bit is the standard's bit 0. A name that a newer version of a standard
has added is its number: an int for an enumerator, (number, bytes) for an alternative.

`edge.v2x.uper.codec` makes the functions that encode and decode them in Unaligned PER (ITU-T X.691); `fault`
says where a value does not fit its type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias


class CodecError(Exception):
    """Bytes or a value that do not fit the standard. where: the field or the header; reason: for counting."""

    def __init__(self, where: str, what: str, reason: str = "undecodable") -> None:
        super().__init__(f"{where}: {what}" if where else what)
        self.where = where
        self.what = what
        self.reason = reason


@dataclass(frozen=True)
class Integer:
    """INTEGER (low..high); extensible: (low..high, ...)."""

    low: int
    high: int
    extensible: bool = False


@dataclass(frozen=True)
class Boolean:
    """BOOLEAN."""


@dataclass(frozen=True)
class Enumerated:
    """ENUMERATED in order of value, names separated by blanks; more: those after the extension marker."""

    names: str
    extensible: bool = False
    more: str = ""


@dataclass(frozen=True)
class Bits:
    """BIT STRING (SIZE(low..high)); names: of its bits, from bit 0.

    With a variable size the value is a pair (int, size). Of an extended one the first `low` bits are kept.
    """

    low: int
    high: int = -1
    names: str = ""
    extensible: bool = False

    @property
    def variable(self) -> bool:
        """Whether the size is part of the value."""
        return self.high > self.low


@dataclass(frozen=True)
class Octets:
    """OCTET STRING (SIZE(low..high)); high left out: of one size."""

    low: int
    high: int = -1


@dataclass(frozen=True)
class Open:
    """An open type: the octets of another encoding."""


@dataclass(frozen=True)
class OpenBy:
    """An open type whose content is told by an earlier INTEGER member of the same SEQUENCE, named `by`.

    The value is that of types[id]; bytes where the id is not among them.
    """

    by: str
    types: Mapping[int, Type] = field(hash=False)


@dataclass(frozen=True)
class Text:
    """A character string: "ia5" and "visible" take 7 bits a character, "numeric" 4, "utf8" octets.

    high None: no highest size (utf8 has none ever). The value is a str.
    """

    kind: str
    low: int = 0
    high: int | None = None
    extensible: bool = False


@dataclass(frozen=True)
class Null:
    """NULL: the value is None."""


@dataclass(frozen=True)
class Default:
    """A member of a SEQUENCE with a DEFAULT: decoded it is always there, encoded it may be left out."""

    kind: Type
    value: Any


@dataclass(frozen=True)
class Group:
    """Extension additions that come together, [[ ... ]]: its members are members of the SEQUENCE."""

    members: Mapping[str, Type] = field(hash=False)


@dataclass(frozen=True)
class Unread:
    """A type that has no table: what follows in the message is left alone, the value is None."""


@dataclass(frozen=True)
class Sequence:
    """SEQUENCE: member names and types in order; a name that ends in "?" is OPTIONAL.

    more: the extension additions in order, each a type or a Group: present when the value has them.
    """

    members: Mapping[str, Type] = field(hash=False)
    extensible: bool = False
    more: Mapping[str, Type] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class SequenceOf:
    """SEQUENCE (SIZE(low..high)) OF item; extensible: (SIZE(low..high, ...))."""

    item: Type
    low: int
    high: int
    extensible: bool = False


@dataclass(frozen=True)
class Choice:
    """CHOICE: names and types of the alternatives in order; more: those after the extension marker."""

    alternatives: Mapping[str, Type] = field(hash=False)
    extensible: bool = False
    more: Mapping[str, Type] = field(default_factory=dict, hash=False)


Type: TypeAlias = (
    "Integer | Boolean | Enumerated | Bits | Octets | Text | Null | Open | OpenBy | Unread | Default | Group"
    " | Sequence | SequenceOf | Choice"
)


def fault(kind: Type, value: Any, where: str) -> CodecError | None:
    """The first place where `value` cannot be encoded as `kind`, or None."""

    def wrong(what: str) -> CodecError:
        return CodecError(where, what, "unencodable")

    if isinstance(kind, Integer):
        if type(value) is not int:
            return wrong(f"must be an int, not {value!r}")
        return None if kind.low <= value <= kind.high else wrong(f"{value} is not in {kind.low}..{kind.high}")
    if isinstance(kind, Boolean):
        return None if type(value) is bool else wrong(f"must be True or False, not {value!r}")
    if isinstance(kind, Enumerated):
        names = f"{kind.names} {kind.more}".split()
        return None if value in names else wrong(f"{value!r} is none of {', '.join(names)}")
    if isinstance(kind, Bits):
        return _bits_fault(kind, value, wrong)
    if isinstance(kind, Octets):
        high = max(kind.low, kind.high)
        if type(value) is bytes and kind.low <= len(value) <= high:
            return None
        return wrong(f"must be {kind.low}..{high} bytes, not {value!r}")
    if isinstance(kind, Open):
        return None if type(value) is bytes else wrong(f"must be bytes, not {value!r}")
    if isinstance(kind, Unread):
        return wrong("this message has no table yet")
    if isinstance(kind, Sequence):
        return _sequence_fault(kind, value, where, wrong)
    if isinstance(kind, SequenceOf):
        if type(value) is not list or not kind.low <= len(value) <= kind.high:
            return wrong(f"must be a list of {kind.low}..{kind.high}, not {value!r}")
        found = (fault(kind.item, item, f"{where}[{i}]") for i, item in enumerate(value))
        return next((f for f in found if f), None)
    if not (type(value) is tuple and len(value) == 2 and value[0] in kind.alternatives):
        return wrong(f"must be a pair of one of {', '.join(kind.alternatives)} and its value, not {value!r}")
    return fault(kind.alternatives[value[0]], value[1], f"{where}.{value[0]}")


def _bits_fault(kind: Bits, value: Any, wrong: Any) -> CodecError | None:
    bits, size = kind.low, value
    if kind.variable:
        if type(value) is not tuple or len(value) != 2 or type(value[1]) is not int:
            return wrong(f"must be a pair (int, size), not {value!r}")
        size, bits = value
        if not kind.low <= bits <= kind.high:
            return wrong(f"must be {kind.low}..{kind.high} bits, not {bits}")
    return None if type(size) is int and 0 <= size < 1 << bits else wrong(f"{size!r} is not of {bits} bits")


def _sequence_fault(kind: Sequence, value: Any, where: str, wrong: Any) -> CodecError | None:
    if type(value) is not dict:
        return wrong(f"must be a dict, not {value!r}")
    left = dict(value)
    for key, member in kind.members.items():
        name = key.rstrip("?")
        if name in left:
            found = fault(member, left.pop(name), f"{where}.{name}")
            if found:
                return found
        elif name == key:
            return wrong(f"lacks {name}")
    return wrong(f"has no member {next(iter(left))!r}") if left else None


def readable(kind: Type, value: Any) -> Any:
    """A decoded value for people and JSON: bits as the names of those set, octets as hex."""
    if isinstance(kind, Sequence):
        types = {key.rstrip("?"): member for key, member in kind.members.items()}
        return {name: readable(types[name], item) for name, item in value.items()}
    if isinstance(kind, SequenceOf):
        return [readable(kind.item, item) for item in value]
    if isinstance(kind, Choice):
        name, item = value
        return {str(name): readable(kind.alternatives[name], item) if isinstance(name, str) else item.hex()}
    if isinstance(kind, Bits):
        bits, size = value if kind.variable else (value, kind.low)
        names = kind.names.split() + [str(i) for i in range(len(kind.names.split()), size)]
        return [names[i] for i in range(size) if bits >> (size - 1 - i) & 1]
    return value.hex() if isinstance(value, bytes) else value


def flags(kind: Bits, value: int) -> set[str]:
    """The names of the bits that are set in a value of a BIT STRING of one size."""
    return {name for i, name in enumerate(kind.names.split()) if value >> (kind.low - 1 - i) & 1}


def bits(kind: Bits, names: set[str]) -> int:
    """The value of a BIT STRING of one size in which the named bits are set."""
    return sum(1 << (kind.low - 1 - i) for i, name in enumerate(kind.names.split()) if name in names)
