"""The generated codecs against asn1tools, field by field and in both directions."""

from contextlib import suppress

import asn1tools
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from v2x_judge import judge, messages

from edge.v2x.etsi import cam as etsi
from edge.v2x.uper import (
    Bits,
    Boolean,
    Choice,
    Codec,
    CodecError,
    Enumerated,
    Integer,
    Octets,
    Open,
    Sequence,
    SequenceOf,
    readable,
)

MANY = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))


def agree(codec, theirs_codec, type_name, pair):
    theirs, ours = pair
    wire = theirs_codec.encode(type_name, theirs, check_constraints=True)
    assert codec.encode(ours) == wire
    assert codec.decode(wire) == ours
    assert theirs_codec.decode(type_name, codec.encode(ours)) == theirs


@MANY
@given(messages("cam", "CAM"))
def test_cam_as_the_judge(pair):
    agree(etsi.CAM_CODEC, judge("cam"), "CAM", pair)


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


@given(st.binary(max_size=120))
@settings(max_examples=400, deadline=None)
@pytest.mark.parametrize("codec", [etsi.CAM_CODEC, CODEC_A])
def test_any_octets_give_a_value_or_a_codec_error(codec, data):
    with suppress(CodecError):
        codec.decode(data)


@MANY
@given(messages("cam", "CAM"), st.data())
def test_a_shorter_or_longer_message_is_refused(pair, data):
    wire = etsi.CAM_CODEC.encode(pair[1])
    with pytest.raises(CodecError):
        etsi.CAM_CODEC.decode(wire[: data.draw(st.integers(0, len(wire) - 1))])
    with pytest.raises(CodecError, match="left over"):
        etsi.CAM_CODEC.decode(wire + b"\0")


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
    for codec in (Codec("S", SMALL), etsi.CAM_CODEC):
        with pytest.raises(CodecError):
            codec.encode(value)


def test_a_wrong_field_of_a_message_is_named():
    wire = bytearray(etsi.CAM_CODEC.encode(_least_cam()))
    wire[9:13] = b"\xff\xff\xff\xff"  # the latitude begins in bit 6 of octet 9
    with pytest.raises(CodecError, match=r"CAM\.cam\.camParameters\.basicContainer\.referencePosition"):
        etsi.CAM_CODEC.decode(bytes(wire))


def test_readable_names_bits_and_octets():
    assert readable(SMALL, VALUE) == {
        "count": 7,
        "items": [{"on": True}, {"raw": "6162"}],
        "flags": ["a", "c"],
        "size": ["0", "1"],
        "open": "01",
    }


def _least_cam():
    from edge.messages import RemoteObject

    return etsi.cam(RemoteObject(kind="car", latitude_deg=0.0, longitude_deg=0.0), 1, 10**18, False)
