"""The generated functions: extensions of newer versions, errors and their places, bad input."""

from contextlib import suppress
from random import Random

import asn1tools
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from v2x_judge import MANY, codec_of, some
from v2x_tables import BY_PYCRATE, TYPES

from edge.v2x.uper import (
    Bits,
    Boolean,
    Choice,
    Codec,
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
    readable,
)

OLD = """Old DEFINITIONS AUTOMATIC TAGS ::= BEGIN
A ::= SEQUENCE { e ENUMERATED { x, y, ... },
  c CHOICE { i INTEGER (0..7), s SEQUENCE { k INTEGER (0..3), ... },
  ... }, n INTEGER (1..10, ...), l SEQUENCE (SIZE(1..3, ...)) OF INTEGER (0..3), b BIT STRING (SIZE(5, ...)),
  o INTEGER (0..255) OPTIONAL, ... } END"""
NEW = """New DEFINITIONS AUTOMATIC TAGS ::= BEGIN
A ::= SEQUENCE { e ENUMERATED { x, y, ..., z, w },
  c CHOICE { i INTEGER (0..7), s SEQUENCE { k INTEGER (0..3), ..., t OCTET STRING, u BOOLEAN OPTIONAL }, ...,
    q INTEGER (0..65535), r OCTET STRING },
  n INTEGER (1..10, ...), l SEQUENCE (SIZE(1..3, ...)) OF INTEGER (0..3), b BIT STRING (SIZE(5, ...)),
  o INTEGER (0..255) OPTIONAL, ..., v OCTET STRING OPTIONAL, w BOOLEAN OPTIONAL } END"""
A = Sequence(
    {
        "e": Enumerated("x y", extensible=True),
        "c": Choice(
            {"i": Integer(0, 7), "s": Sequence({"k": Integer(0, 3)}, extensible=True)}, extensible=True
        ),
        "n": Integer(1, 10, extensible=True),
        "l": SequenceOf(Integer(0, 3), 1, 3, extensible=True),
        "b": Bits(5, extensible=True),
        "o?": Integer(0, 255),
    },
    extensible=True,
)
CODEC_A = Codec("A", A)
JUDGE_OLD = asn1tools.compile_string(OLD, "uper")
JUDGE_NEW = asn1tools.compile_string(NEW, "uper")


@MANY
@given(
    st.fixed_dictionaries(
        {
            "e": st.sampled_from("xyzw"),
            "c": st.one_of(
                st.tuples(st.just("i"), st.integers(0, 7)),
                st.tuples(
                    st.just("s"),
                    st.fixed_dictionaries({"k": st.integers(0, 3), "t": st.binary(max_size=200)}),
                ),
                st.tuples(st.just("s"), st.fixed_dictionaries({"k": st.integers(0, 3)})),
                st.tuples(st.just("q"), st.integers(0, 65535)),
                st.tuples(st.just("r"), st.binary(max_size=300)),
            ),
            "n": st.integers(1, 10),
            "l": st.lists(st.integers(0, 3), min_size=1, max_size=3),
            "b": st.integers(0, 31).map(lambda v: (bytes((v << 3,)), 5)),
        },
        optional={"o": st.integers(0, 255), "v": st.binary(max_size=200), "w": st.booleans()},
    )
)
def test_what_a_newer_version_adds_is_passed_over(new):
    value = CODEC_A.decode(JUDGE_NEW.encode("A", new))
    assert value["e"] == {"z": 2, "w": 3}.get(new["e"], new["e"])
    assert value["n"] == new["n"]
    assert value["l"] == new["l"]
    assert value["b"] == new["b"][0][0] >> 3
    assert value.get("o") == new.get("o")
    name, inner = new["c"]
    if name in "qr":
        assert value["c"][0] == {"q": 2, "r": 3}[name]
    else:
        assert value["c"] == (name, inner if name == "i" else {"k": inner["k"]})


def test_extended_sizes_and_ranges():
    """X.691 by hand: extension bit 1, then a length and the value."""
    number = Codec("N", Integer(1, 10, extensible=True))
    assert number.decode(bytes((0b1_0000000, 0b1_1111111, 0b1_0000000))) == -1
    bits = Codec("B", Bits(5, extensible=True))
    assert bits.decode(bytes((0b1_0000011, 0b1_1010101))) == 0b10101  # 7 bits, the first 5 are kept
    items = Codec("L", SequenceOf(Integer(0, 3), 1, 3, extensible=True))
    assert items.decode(bytes((0b1_0000010, 0b0_01_10_11_0, 0b0_0000000))) == [1, 2, 3, 0]


SMALL = Sequence(
    {
        "count": Integer(-5, 100),
        "name?": Enumerated("one two three"),
        "items": SequenceOf(Choice({"on": Boolean(), "raw": Octets(2)}), 0, 3),
        "flags": Bits(3, names="a b c"),
        "size": Bits(1, 13),
        "open": Open(),
    }
)
VALUE = {"count": 7, "items": [("on", True), ("raw", b"ab")], "flags": 5, "size": (3, 2), "open": b"\1"}


@pytest.mark.parametrize(
    ("change", "where", "what"),
    [
        ({"count": 101}, "S.count", "101 is not in -5..100"),
        ({"count": 1.5}, "S.count", "must be an int"),
        ({"count": np.int64(50)}, "S.count", "must be an int"),
        ({"name": "four"}, "S.name", "none of one, two, three"),
        ({"items": [("on", True), ("raw", b"abc")]}, "S.items[1].raw", "2..2 bytes"),
        ({"items": [("off", 1)]}, "S.items[0]", "one of on, raw"),
        ({"items": [("on", True)] * 4}, "S.items", "a list of 0..3"),
        ({"flags": 8}, "S.flags", "not of 3 bits"),
        ({"size": (4, 2)}, "S.size", "not of 2 bits"),
        ({"open": "x"}, "S.open", "must be bytes"),
        ({"nmae": "one"}, "S", "no member 'nmae'"),
        ({"count": None}, "S.count", "must be an int"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_place(change, where, what):
    codec = Codec("S", SMALL)
    assert codec.decode(codec.encode(VALUE)) == VALUE
    with pytest.raises(CodecError) as caught:
        codec.encode({**VALUE, **change})
    assert caught.value.where == where
    assert what in caught.value.what


@pytest.mark.parametrize("value", [None, 5, [], {}, {"count": 1}, "x", ("bsmFrame", None)])
def test_nonsense_is_refused(value):
    full = [kind for kind in TYPES.values() if isinstance(kind, Sequence)]
    for codec in (Codec("S", SMALL), *map(codec_of, full)):
        with pytest.raises(CodecError):
            codec.encode(value)


def test_readable_names_bits_and_octets():
    assert readable(SMALL, VALUE) == {
        "count": 7,
        "items": [{"on": True}, {"raw": "6162"}],
        "flags": ["a", "c"],
        "size": ["0", "1"],
        "open": "01",
    }


# ---------------------------------------------------------------- what newer versions have, in the table

KNOWN = Sequence(
    {"k": Integer(0, 3)},
    more={
        "t": Octets(0, None),
        "group": Group({"g": Integer(0, 7), "h?": Null()}),
        "d": Default(Integer(0, 9), 4),
    },
)


def test_known_additions_of_all_versions():
    first = Codec("K", Sequence({"k": Integer(0, 3)}, extensible=True))
    second = Codec("K", Sequence({"k": Integer(0, 3)}, more={"t": Octets(0, None)}))
    third = Codec("K", KNOWN)
    value = {"k": 2, "t": b"x", "g": 5, "h": None, "d": 7}
    assert third.decode(third.encode(value)) == value
    assert third.decode(first.encode({"k": 2})) == {"k": 2, "d": 4}
    assert third.decode(second.encode({"k": 2, "t": b""})) == {"k": 2, "t": b"", "d": 4}
    assert second.decode(third.encode(value)) == {"k": 2, "t": b"x"}
    assert first.decode(third.encode(value)) == {"k": 2}
    assert third.encode({"k": 2, "d": 4}) == first.encode({"k": 2})
    with pytest.raises(CodecError, match="lacks g"):
        third.encode({"k": 2, "h": None})
    with pytest.raises(CodecError, match="no member 'x'"):
        third.encode({"k": 2, "x": None})


def test_a_default_is_put_in_and_left_out():
    codec = Codec("D", Sequence({"a": Default(Integer(0, 3), 2), "b": Boolean()}))
    assert codec.decode(codec.encode({"b": True})) == {"a": 2, "b": True}
    assert codec.encode({"a": 2, "b": True}) == codec.encode({"b": True}) == bytes((0b01_000000,))
    assert codec.encode({"a": 3, "b": True}) == bytes((0b1_11_1_0000,))


def test_an_open_type_must_be_filled_by_what_its_id_says():
    kind = Sequence({"id": Integer(0, 255), "v": OpenBy("id", {1: Integer(0, 65535)})})
    codec = Codec("O", kind)
    assert codec.encode({"id": 1, "v": 0x1234}) == bytes((1, 2, 0x12, 0x34))
    assert codec.decode(bytes((9, 2, 0x12, 0x34))) == {"id": 9, "v": b"\x12\x34"}
    for wire, what in (
        (bytes((1, 3, 0x12, 0x34, 0)), "1 octets left over in an open type"),
        (bytes((1, 1, 0x12, 0x34)), "the data ends here|longer than its length"),
        (bytes((1, 9, 0x12, 0x34)), "the data ends here"),
    ):
        with pytest.raises(CodecError, match=what) as caught:
            codec.decode(wire)
        assert caught.value.where == "O.v"
    assert readable(kind, {"id": 9, "v": b"\x12"}) == {"id": 9, "v": "12"}
    with pytest.raises(CodecError, match=r"O\.v: 65536 is not in"):
        codec.encode({"id": 1, "v": 65536})


def test_bits_behind_an_open_type_that_are_not_zero():
    codec = Codec("O", Sequence({"id": Integer(0, 255), "v": OpenBy("id", {1: Boolean()})}))
    assert codec.decode(bytes((1, 1, 0x80))) == {"id": 1, "v": True}
    with pytest.raises(CodecError, match="padding of an open type"):
        codec.decode(bytes((1, 1, 0x81)))


@pytest.mark.parametrize(
    ("kind", "value", "what"),
    [
        (Text("ia5", 1, 3), "abcd", "must be 1..3 characters"),
        (Text("ia5"), "\xe4", "not among the characters"),
        (Text("visible"), "a\n", "not among the characters"),
        (Text("numeric"), "1a", "not among the characters"),
        (Text("utf8"), "\ud800", "no text of Unicode"),
        (Text("utf8"), b"x", "must be a str"),
        (Null(), 0, "must be None"),
        (Integer(None, None), 1.0, "must be an int"),
        (Integer(3, None), 2, "2 is not in 3.."),
        (Octets(1, None), b"", "must be 1.. bytes"),
        (SequenceOf(Boolean(), 0, None), [True] * 16384, "cannot be encoded"),
    ],
)
def test_a_simple_value_that_does_not_fit(kind, value, what):
    with pytest.raises(CodecError, match=what) as caught:
        Codec("X", kind).encode(value)
    assert caught.value.reason == "unencodable"


@pytest.mark.parametrize(
    ("kind", "wire", "what"),
    [
        (Text("utf8"), b"\x01\xff", "no text of Unicode"),
        (Text("visible", 1, 1), bytes((0b0001010_0,)), "cannot be seen"),
        (Text("numeric", 1, 1), bytes((0b1011_0000,)), "11 is no digit"),
        (SequenceOf(Integer(0, 255), 0, 65535), b"\xff\xff\x00", "the data ends here"),
        (Octets(0, None), b"\xc4" + bytes(65536), "octets are no message"),
        (Octets(0, None), b"\xc1" + bytes(9999), "longer than 16383"),
        (Integer(None, None), b"\x00", "the data ends here"),
        (Integer(0, 5), b"\xe0", "2 above the highest value"),
        (Integer(0, 5), b"\x01", "the padding is not zero"),
        (Integer(0, 5), b"\x00\x00", "1 octets left over"),
    ],
)
def test_bad_octets_are_refused_with_the_reason(kind, wire, what):
    with pytest.raises(CodecError, match=what):
        Codec("X", kind).decode(wire)


def test_functions_are_made_when_asked_for_or_before():
    codec = Codec("K", KNOWN)
    assert "encode" not in vars(codec)
    codec.prepare()
    assert {"encode", "decode"} <= set(vars(codec))
    assert "def decode(data):" in codec.decode_source


def test_a_list_of_many_nothings_is_no_table():
    """Few octets would make as many values as they like."""
    with pytest.raises(TypeError, match="take no bit"):
        Codec("L", SequenceOf(Null(), 0, None)).decode(b"\0")


# ---------------------------------------------------------------- bad input


@pytest.mark.fuzz
@given(st.sampled_from([*TYPES, *BY_PYCRATE]), st.binary(max_size=120))
def test_any_octets_give_a_value_or_a_codec_error(name, data):
    with suppress(CodecError):
        codec_of({**TYPES, **BY_PYCRATE}[name]).decode(data)


@pytest.mark.fuzz
@given(st.sampled_from([*TYPES, *BY_PYCRATE]), st.integers(0, 1 << 32))
def test_damaged_messages_give_a_value_that_fits_or_a_codec_error(name, seed):
    random = Random(seed)
    kind = {**TYPES, **BY_PYCRATE}[name]
    codec = codec_of(kind)
    wire = bytearray(codec.encode(some(kind, random)))
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(len(wire) + 1)
        if random.random() < 0.6 and at < len(wire):
            wire[at] ^= 1 << random.randrange(8)
        else:
            wire[at : at + random.randrange(4)] = random.randbytes(random.randrange(4))
    try:
        value = codec.decode(bytes(wire))
    except CodecError:
        return
    readable(kind, value)


@MANY
@given(st.sampled_from([*TYPES]), st.integers(0, 1 << 32))
def test_a_shorter_or_longer_message_is_refused(name, seed):
    kind, random = TYPES[name], Random(seed)
    wire = codec_of(kind).encode(some(kind, random))
    with pytest.raises(CodecError):
        codec_of(kind).decode(wire[: random.randrange(len(wire))])
    with pytest.raises(CodecError, match="left over"):
        codec_of(kind).decode(wire + b"\0")
