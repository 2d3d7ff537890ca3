"""Tables with every type of the table language, and a large message of nothing in particular."""

from edge.v2x.uper import (
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
)

_SMALL = Sequence({"a": Integer(0, 5), "b?": Boolean()})
_LONG = Sequence({f"n{i}": Integer(-i, 3 * i) for i in range(20)} | {"o?": Enumerated("x y z")})
TYPES = {
    "integers": Sequence(
        {
            "any": Integer(None, None),
            "one": Integer(7, 7),
            "wide": Integer(-(1 << 62), 1 << 62),
            "open": Integer(1, 10, extensible=True),
        }
    ),
    "texts": Sequence(
        {
            "ia5": Text("ia5", 1, 9),
            "fixed": Text("ia5", 3, 3),
            "any": Text("visible"),
            "digits": Text("numeric", 0, 12, extensible=True),
            "utf8": Text("utf8"),
            "many": Text("ia5", 0, 70000),
        }
    ),
    "octets": Sequence(
        {
            "any": Octets(0, None),
            "two": Octets(2),
            "some": Octets(1, 300),
            "more": Octets(1, 4, extensible=True),
        }
    ),
    "bits": Sequence({"fixed": Bits(70), "some": Bits(1, 13), "open": Bits(5, extensible=True)}),
    "null": Sequence(
        {"n": Null(), "c": Choice({"a": Null(), "b": Integer(0, 3)}), "l": SequenceOf(Null(), 0, 5)}
    ),
    "defaults": Sequence(
        {
            "first": Default(Integer(0, 86400), 600),
            "then": Boolean(),
            "name": Default(Enumerated("x y z"), "y"),
            "flag": Default(Boolean(), False),
            "last?": Integer(0, 3),
        },
        extensible=True,
    ),
    "additions": Sequence(
        {"a": Integer(0, 7), "b?": Octets(1, 3)},
        more={
            "c": Integer(0, 1000),
            "d": _SMALL,
            "e": Choice({"x": Integer(0, 255), "y": Octets(0, None)}),
        },
    ),
    "choices": SequenceOf(
        Choice(
            {"a": Integer(0, 255), "b": Integer(0, 255), "c": Integer(0, 255), "d": _SMALL, "e": _SMALL},
            more={"f": _SMALL, "g": Boolean()},
        ),
        0,
        4,
    ),
    "lists": Sequence(
        {
            "fixed": SequenceOf(_SMALL, 2, 2),
            "wide": SequenceOf(Sequence({"x": Integer(-131071, 131072), "y": Integer(0, 1 << 61)}), 0, 70),
            "open": SequenceOf(Boolean(), 1, 3, extensible=True),
            "any": SequenceOf(Integer(0, 1000), 0, None),
            "large": SequenceOf(Boolean(), 0, 65536),
            "nested": SequenceOf(SequenceOf(Octets(2), 1, 3), 0, 3),
        }
    ),
    "enumerated": SequenceOf(Enumerated("a b c", extensible=True, more="d e"), 0, 6),
    "open": Sequence(
        {
            "id": Integer(0, 10),
            "raw": Open(),
            "told": OpenBy("id", {1: _SMALL, 2: _LONG, 4: Open()}),
            "after": Integer(0, 3),
        }
    ),
    "shared": Sequence({"a": _LONG, "b?": _LONG, "c": SequenceOf(_LONG, 0, 3), "d": Sequence({"e": _LONG})}),
}

BY_PYCRATE = {
    # asn1tools: no group behind one that is absent, no octet for an open NULL, (low..MAX) as INTEGER
    "groups": Sequence(
        {"a": Integer(0, 7)},
        more={
            "one": Group({"g": Integer(0, 3), "h?": Octets(2)}),
            "i": Boolean(),
            "two": Group({"j?": _SMALL}),
        },
    ),
    "nulls": Sequence({"c": Choice({"a": Null()}, more={"b": Null(), "c": Boolean()})}, more={"n": Null()}),
    "from": SequenceOf(Integer(-3, None), 0, 4),
}
