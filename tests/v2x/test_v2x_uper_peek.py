"""A few members of a message, and columns of many messages, against the whole decoded."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from v2x_judge import MANY, codec_of, values
from v2x_tables import TYPES

from edge.v2x.uper import (
    Bits,
    Boolean,
    Choice,
    Codec,
    CodecError,
    Default,
    Enumerated,
    Integer,
    Octets,
    Sequence,
    SequenceOf,
    Text,
)
from edge.v2x.uper.columns import ABSENT

_PLACE = Sequence({"lat": Integer(-900000000, 900000001), "up?": Integer(-4096, 61439)})
MESSAGE = Sequence(
    {
        "id": Octets(4),
        "time": Integer(0, 65535),
        "sure?": Enumerated("a b c d e f", extensible=True),
        "place": _PLACE,
        "body": Choice(
            {
                "car": Sequence(
                    {
                        "speed": Integer(0, 8191),
                        "lights?": Bits(9, names="x y"),
                        "gear": Enumerated("p r n d"),
                        "braking": Boolean(),
                        "step": Default(Integer(1, 9), 3),
                    },
                    extensible=True,
                ),
                "sign": Sequence({"place?": _PLACE, "on": Boolean()}),
            },
            extensible=True,
        ),
        "behind": Integer(0, 1000),
        "path": SequenceOf(_PLACE, 0, 40),
        "last": Boolean(),
    },
    extensible=True,
)
PATHS = (
    "id", "time", "sure", "place.lat", "place.up", "body.car.speed", "body.car.lights", "body.car.gear",
    "body.car.braking", "body.car.step", "body.sign.place.up", "behind", "last",
)  # fmt: skip
NUMBERS = tuple(path for path in PATHS if path not in ("id", "last", "body.sign.place.up"))


def at(value, path):
    for step in path.split("."):
        if isinstance(value, tuple):
            value = value[1] if value[0] == step else None
        else:
            value = value.get(step)
        if value is None:
            return None
    return value


@MANY
@given(values(MESSAGE), st.lists(st.sampled_from(PATHS), min_size=1, unique=True))
def test_members_alone_are_those_of_the_whole(value, paths):
    codec = codec_of(MESSAGE)
    wire = codec.encode(value)
    whole = codec.decode(wire)
    assert codec.peek(*paths)(wire) == tuple(_peeked(whole, path) for path in paths)


def _peeked(whole, path):
    """What stands after the last step; inside an alternative first the pair's value."""
    *outer, last = path.split(".")
    inner = at(whole, ".".join(outer)) if outer else whole
    return None if inner is None else at(inner, last)


@MANY
@given(values(MESSAGE))
def test_what_is_behind_is_not_looked_at_and_what_is_in_front_must_be_there(value):
    codec = codec_of(MESSAGE)
    wire = codec.encode(value)
    time = codec.peek("time")
    assert time(wire[:7] + b"\xff" * 9) == (value["time"],)
    with pytest.raises(CodecError, match="the data ends here"):
        time(wire[:5])


def test_a_path_that_is_not_there_is_said_at_once():
    for paths in (("nothing",), ("body.bus",), ("time.x",)):
        with pytest.raises(KeyError):
            Codec("M", MESSAGE).peek(*paths)
        with pytest.raises(KeyError):
            Codec("M", MESSAGE).columns(*paths)


def test_columns_of_what_has_no_calculable_place():
    with pytest.raises(ValueError, match="path"):
        Codec("M", MESSAGE).columns("last")
    with pytest.raises(ValueError, match="no number"):
        Codec("M", Sequence({"t": Text("ia5")})).columns("t")
    with pytest.raises(ValueError, match="too wide"):
        Codec("M", Sequence({"t": Integer(0, 1 << 60)})).columns("t")


@MANY
@given(st.lists(values(MESSAGE), max_size=12))
def test_columns_are_the_members_of_each(messages):
    codec = codec_of(MESSAGE)
    wires = [codec.encode(value) for value in messages]
    _compare(codec, *codec.columns(*NUMBERS)(wires), wires)
    rows = np.full((len(wires), 80), 0xA5, np.uint8)
    for row, wire in zip(rows, wires, strict=True):
        row[: len(wire[:80])] = np.frombuffer(wire[:80], np.uint8)
    _compare(codec, *codec.columns(*NUMBERS)(rows), wires)


def _compare(codec, columns, good, wires):
    assert tuple(columns) == NUMBERS
    for i, wire in enumerate(wires):
        whole = codec.decode(wire)
        assert good[i] == (whole["body"][0] == "car")
        for path in NUMBERS if good[i] else ():
            value = at(whole, path)
            if path == "sure":
                value = None if value is None else "abcdef".index(value)
            elif path == "body.car.gear":
                value = "prnd".index(value)
            assert columns[path][i] == (ABSENT if value is None else int(value))


@MANY
@given(values(MESSAGE), st.integers(0, 200), st.integers(0, 255))
def test_columns_of_damaged_messages_are_as_peek_says(value, where, change):
    codec = codec_of(MESSAGE)
    wire = bytearray(codec.encode(value))
    wire[where % len(wire)] ^= change
    wire = bytes(wire[: where % len(wire) + 9])
    columns, good = codec.columns("time", "place.lat", "body.car.speed")([wire])
    try:
        time, lat, speed = codec.peek("time", "place.lat", "body.car.speed")(wire)
    except CodecError:
        assert not good[0]
        return
    if good[0]:
        assert [int(column[0]) for column in columns.values()] == [time, lat, speed]


@pytest.mark.fuzz
@given(st.sampled_from(PATHS), st.binary(max_size=90))
def test_any_octets_give_members_or_a_codec_error(path, data):
    with suppress(CodecError):
        codec_of(MESSAGE).peek(path)(data)


@pytest.mark.fuzz
@given(st.lists(st.binary(max_size=90), max_size=5))
def test_any_octets_give_columns(messages):
    columns, good = codec_of(MESSAGE).columns(*NUMBERS)(messages)
    assert all(len(column) == len(good) == len(messages) for column in columns.values())


def test_nothing_is_asked_of_tables_in_vain():
    for name, kind in TYPES.items():
        for member in getattr(kind, "members", {}):
            Codec(name, kind).peek(member.rstrip("?"))
