"""The table of CAM against a module written by hand and the official one; errors in it by name."""

from contextlib import suppress
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from v2x_judge import MANY, agree, agree_official, codec_of, judge, messages, some, values

from edge.v2x.etsi.cam_schema import CAM
from edge.v2x.uper import CodecError


@MANY
@given(messages("cam", "CAM"))
def test_cam_as_the_module_written_by_hand(pair):
    theirs, ours = pair
    wire = judge("cam").encode("CAM", theirs, check_constraints=True)
    assert codec_of(CAM).encode(ours) == wire
    assert codec_of(CAM).decode(wire) == ours
    assert judge("cam").decode("CAM", wire) == theirs


@MANY
@given(values(CAM))
def test_cam_as_asn1tools_with_our_table(value):
    agree(CAM, value)


@MANY
@given(values(CAM))
def test_cam_as_the_official_module(value):
    its = pytest.importorskip("pycrate_asn1dir.ITS_CAM_2")
    agree_official(CAM, value, its.CAM_PDU_Descriptions.CAM)


def test_a_wrong_field_of_a_message_is_named():
    wire = bytearray(codec_of(CAM).encode(some(CAM, Random(1))))
    wire[9:13] = b"\xff\xff\xff\xff"  # the latitude begins in bit 6 of octet 9
    with pytest.raises(CodecError, match=r"M\.cam\.camParameters\.basicContainer\.referencePosition"):
        codec_of(CAM).decode(bytes(wire))


@pytest.mark.fuzz
@given(st.integers(0, 1 << 32), st.lists(st.tuples(st.integers(0, 400), st.integers(1, 255)), max_size=4))
def test_a_damaged_cam_is_a_cam_or_a_codec_error(seed, wounds):
    codec = codec_of(CAM)
    wire = bytearray(codec.encode(some(CAM, Random(seed))))
    for at, change in wounds:
        wire[at % len(wire)] ^= change
    with suppress(CodecError):
        value = codec.decode(bytes(wire))
        assert codec.decode(codec.encode(value)) is not None
