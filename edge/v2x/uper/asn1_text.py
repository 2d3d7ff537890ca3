"""A schema table as the text of an ASN.1 module (X.680), for other people's ASN.1 tools."""

from __future__ import annotations

from collections.abc import Mapping

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
    Open,
    OpenBy,
    Sequence,
    SequenceOf,
    Text,
    Type,
)

_TEXTS = {"ia5": "IA5String", "visible": "VisibleString", "numeric": "NumericString", "utf8": "UTF8String"}


def asn1_text(name: str, kind: Type) -> str:
    """The module `Made` with the type `name`. An open type is an OCTET STRING there: its bits are the same.

    Types that are one object in the table are one type in the text, so that it does not explode. Raises
    TypeError for what has no such text: Unread.
    """
    text = _Text()
    body = text.type(kind)
    lines = [f"{made} ::= {inner}" for made, inner in text.types.values()]
    return "\n".join(["Made DEFINITIONS AUTOMATIC TAGS ::= BEGIN", f"{name} ::= {body}", *lines, "END", ""])


class _Text:
    def __init__(self) -> None:
        self.types: dict[int, tuple[str, str]] = {}

    def type(self, kind: Type) -> str:
        if not isinstance(kind, Sequence | Choice | SequenceOf):
            return self._simple(kind)
        if id(kind) not in self.types:
            inner = self._made(kind)
            self.types[id(kind)] = f"T{len(self.types) + 1}", inner
        return self.types[id(kind)][0]

    def _made(self, kind: Sequence | Choice | SequenceOf) -> str:
        if isinstance(kind, SequenceOf):
            return f"SEQUENCE{_size(kind.low, kind.high, kind.extensible)} OF {self.type(kind.item)}"
        inside = kind.alternatives if isinstance(kind, Choice) else kind.members
        parts = self._members(inside)
        if kind.extensible or kind.more:
            parts.append("...")
        for key, member in kind.more.items():
            if isinstance(member, Group):
                parts.append(f"[[ {', '.join(self._members(member.members))} ]]")
            else:
                optional = isinstance(kind, Sequence) and not isinstance(member, Default)
                parts += self._members({key.rstrip("?") + ("?" if optional else ""): member})
        return f"{'CHOICE' if isinstance(kind, Choice) else 'SEQUENCE'} {{ {', '.join(parts)} }}"

    def _members(self, members: Mapping[str, Type]) -> list[str]:
        out = []
        for key, member in members.items():
            text = f"{key.rstrip('?')} {self.type(member.kind if isinstance(member, Default) else member)}"
            if isinstance(member, Default):
                text += f" DEFAULT {_value(member.value)}"
            out.append(text + " OPTIONAL" * key.endswith("?"))
        return out

    def _simple(self, kind: Type) -> str:
        if isinstance(kind, Integer):
            if kind.low is None:
                return "INTEGER"
            top = "MAX" if kind.high is None else kind.high
            return f"INTEGER ({kind.low}..{top}{', ...' * kind.extensible})"
        if isinstance(kind, Boolean):
            return "BOOLEAN"
        if isinstance(kind, Enumerated):
            names = kind.names.split()
            more = ["..."] * (kind.extensible or bool(kind.more)) + kind.more.split()
            return f"ENUMERATED {{ {', '.join(names + more)} }}"
        if isinstance(kind, Bits):
            return f"BIT STRING{_size(kind.low, max(kind.low, kind.high), kind.extensible)}"
        if isinstance(kind, Octets):
            high = kind.low if kind.high is not None and kind.high < kind.low else kind.high
            return f"OCTET STRING{_size(kind.low, high, kind.extensible)}"
        if isinstance(kind, Text):
            bounded = "" if kind.kind == "utf8" else _size(kind.low, kind.high, kind.extensible)
            return _TEXTS[kind.kind] + bounded
        if isinstance(kind, Null):
            return "NULL"
        if isinstance(kind, Open | OpenBy):
            return "OCTET STRING"
        raise TypeError(f"{kind} has no text")


def _size(low: int, high: int | None, extensible: bool) -> str:
    if high is None and not low:
        return ""
    bound = str(low) if low == high else f"{low}..{'MAX' if high is None else high}"
    return f" (SIZE({bound}{', ...' * extensible}))"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return str(value)
