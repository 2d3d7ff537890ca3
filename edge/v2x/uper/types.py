"""Message schemas as tables: the ASN.1 types that V2X messages are made of, as plain values.

A value of a type is what JSON would hold: INTEGER an int, ENUMERATED its name, SEQUENCE a dict without the
absent members, SEQUENCE OF a list, CHOICE a pair (name, value), OCTET STRING and open types bytes. BIT
STRING is an int whose most significant bit is the standard's bit 0. A name that a newer version of a standard
has added is its number: an int for an enumerator, (number, bytes) for an alternative.

`edge.v2x.uper.codec` makes the functions that encode and decode them in Unaligned PER (ITU-T X.691);
`edge.v2x.uper.values` says where a value does not fit its type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec


class CodecError(Exception):
    """Bytes or a value that do not fit the standard. where: the field or the header; reason: for counting."""

    def __init__(self, where: str, what: str, reason: str = "undecodable") -> None:
        super().__init__(f"{where}: {what}" if where else what)
        self.where = where
        self.what = what
        self.reason = reason


class Integer(msgspec.Struct, frozen=True):
    """INTEGER (low..high); extensible: (low..high, ...). high None: (low..MAX); low None too: any."""

    low: int | None
    high: int | None
    extensible: bool = False


class Boolean(msgspec.Struct, frozen=True):
    """BOOLEAN."""


class Enumerated(msgspec.Struct, frozen=True):
    """ENUMERATED in order of value, names separated by blanks; more: those after the extension marker."""

    names: str
    extensible: bool = False
    more: str = ""


class Bits(msgspec.Struct, frozen=True):
    """BIT STRING (SIZE(low..high)); names: of its bits, from bit 0.

    With a variable size the value is a pair (int, size). Of an extended one of one size the first `low` bits
    are kept. An encoder writes sizes of the root only.
    """

    low: int
    high: int = -1
    names: str = ""
    extensible: bool = False

    @property
    def variable(self) -> bool:
        """Whether the size is part of the value."""
        return self.high > self.low


class Octets(msgspec.Struct, frozen=True):
    """OCTET STRING (SIZE(low..high)); high left out: of one size; None: no highest size."""

    low: int
    high: int | None = -1
    extensible: bool = False


class Open(msgspec.Struct, frozen=True):
    """An open type: the octets of another encoding."""


class OpenBy(msgspec.Struct, frozen=True):
    """An open type whose content is told by an earlier INTEGER member of the same SEQUENCE, named `by`.

    The value is that of types[id]; bytes where the id is not among them.
    """

    by: str
    types: Mapping[int, Type]


class Text(msgspec.Struct, frozen=True):
    """A character string: "ia5" and "visible" take 7 bits a character, "numeric" 4, "utf8" octets.

    high None: no highest size; utf8 is never measured in octets: its size bounds are the characters' and are
    not looked at. The value is a str.
    """

    kind: str
    low: int = 0
    high: int | None = None
    extensible: bool = False


class Null(msgspec.Struct, frozen=True):
    """NULL: the value is None."""


class Default(msgspec.Struct, frozen=True):
    """A member of a SEQUENCE with a DEFAULT: decoded it is always there, encoded it may be left out."""

    kind: Type
    value: Any


class Group(msgspec.Struct, frozen=True):
    """Extension additions that come together, [[ ... ]]: its members are members of the SEQUENCE."""

    members: Mapping[str, Type]


class Unread(msgspec.Struct, frozen=True):
    """A type that has no table: what follows in the message is left alone, the value is None."""


class Sequence(msgspec.Struct, frozen=True):
    """SEQUENCE: member names and types in order; a name that ends in "?" is OPTIONAL.

    more: the extension additions in order, each a type or a Group (under any name): present when the value
    has them, with "?" or without. Having any makes it extensible.
    """

    members: Mapping[str, Type]
    extensible: bool = False
    more: Mapping[str, Type] = {}


class SequenceOf(msgspec.Struct, frozen=True):
    """SEQUENCE (SIZE(low..high)) OF item; extensible: (SIZE(low..high, ...)); high None: no highest size."""

    item: Type
    low: int
    high: int | None
    extensible: bool = False


class Choice(msgspec.Struct, frozen=True):
    """CHOICE: names and types of the alternatives in order; more: those after the extension marker."""

    alternatives: Mapping[str, Type]
    extensible: bool = False
    more: Mapping[str, Type] = {}


Type: TypeAlias = (
    "Integer | Boolean | Enumerated | Bits | Octets | Text | Null | Open | OpenBy | Unread | Default | Group"
    " | Sequence | SequenceOf | Choice"
)


def flags(kind: Bits, value: int) -> set[str]:
    """The names of the bits that are set in a value of a BIT STRING of one size."""
    return {name for i, name in enumerate(kind.names.split()) if value >> (kind.low - 1 - i) & 1}


def bits(kind: Bits, names: set[str]) -> int:
    """The value of a BIT STRING of one size in which the named bits are set."""
    return sum(1 << (kind.low - 1 - i) for i, name in enumerate(kind.names.split()) if name in names)
