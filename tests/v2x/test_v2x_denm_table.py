"""The tables of DENM against the official modules and asn1tools; the default of its validity; damage."""

from contextlib import suppress
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from v2x_judge import MANY, agree, agree_official, codec_of, some

from edge.v2x import etsi
from edge.v2x.etsi.denm_schema import DENM, DENM_1
from edge.v2x.moments import Now
from edge.v2x.uper import CodecError

NOW = Now(5_000_000_000, 1_700_000_000_123_000_000)
SEEDS = st.integers(0, (1 << 32) - 1)
RELEASE_2 = ("linkedDenms", "eventEnd", "eventEndFactor", "perceivedEvent")
TABLES = pytest.mark.parametrize(("version", "table"), [(1, DENM_1), (2, DENM)], ids=["1", "2"])


def printable(value):
    """pycrate takes no control characters in an IA5String."""
    if isinstance(value, dict):
        return {name: printable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(printable(item) for item in value)
    if isinstance(value, str):
        return "".join("x" if c < " " or c == "\x7f" else c for c in value)
    return value


@TABLES
@MANY
@given(seed=SEEDS)
def test_denm_as_asn1tools_with_our_table(version, table, seed):
    agree(table, some(table, Random(seed)))


@TABLES
@MANY
@given(seed=SEEDS)
def test_denm_as_the_official_module(version, table, seed):
    module = pytest.importorskip("pycrate_asn1dir." + ("ITS" if version == 1 else "ITS_DENM_3"))
    value = printable(some(table, Random(seed)))
    for name in RELEASE_2:  # not in that module
        value["denm"].get("situation", {}).pop(name, None)
    agree_official(table, value, module.DENM_PDU_Descriptions.DENM)


def test_the_usual_validity_is_not_on_the_wire():
    """X.691 19.5: of a simple type the DEFAULT is not written; so pycrate, not so asn1tools."""
    value = some(DENM, Random(3))
    management = value["denm"]["management"]
    management["validityDuration"] = 600
    short = codec_of(DENM).encode(value)
    management["validityDuration"] = 601
    assert len(codec_of(DENM).encode(value)) > len(short)
    assert codec_of(DENM).decode(short)["denm"]["management"]["validityDuration"] == 600


@pytest.mark.fuzz
@TABLES
@given(seed=SEEDS, wounds=st.lists(st.tuples(st.integers(0, 400), st.integers(1, 255)), max_size=4))
def test_a_damaged_denm_is_a_denm_or_a_codec_error(version, table, seed, wounds):
    wire = bytearray(codec_of(table).encode(some(table, Random(seed))))
    for at, change in wounds:
        wire[at % len(wire)] ^= change
    wire[:2] = bytes((version, 1))
    with suppress(CodecError):
        assert etsi.hear(bytes(wire), NOW).message == "DENM"
    with suppress(CodecError):
        etsi.hear(bytes(wire[: 6 + seed % 60]), NOW)
