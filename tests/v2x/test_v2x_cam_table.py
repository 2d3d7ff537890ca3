"""The tables of CAM against a module written by hand and the official ones; errors in it by name."""

from contextlib import suppress
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from v2x_judge import MANY, agree, agree_official, codec_of, judge, messages, some, values

from edge.v2x import etsi
from edge.v2x.etsi.cam_schema import CAM, CAM_1
from edge.v2x.moments import Now
from edge.v2x.sets import Glimpse
from edge.v2x.uper import CodecError

NOW = Now(5_000_000_000, 1_700_000_000_123_000_000)


@MANY
@given(messages("cam", "CAM"))
def test_cam_as_the_module_written_by_hand(pair):
    theirs, ours = pair
    wire = judge("cam").encode("CAM", theirs, check_constraints=True)
    assert codec_of(CAM).encode(ours) == wire
    assert codec_of(CAM).decode(wire) == ours
    assert judge("cam").decode("CAM", wire) == theirs


@pytest.mark.parametrize("table", [CAM, CAM_1], ids=["2", "1"])
@MANY
@given(st.integers(0, (1 << 32) - 1))
def test_cam_as_asn1tools_with_our_table(table, seed):
    agree(table, some(table, Random(seed)))


@MANY
@given(values(CAM))
def test_cam_of_version_2_as_the_official_module(value):
    its = pytest.importorskip("pycrate_asn1dir.ITS_CAM_2")
    value["cam"]["camParameters"].pop("extensionContainers", None)  # of release 2, not in that module
    agree_official(CAM, value, its.CAM_PDU_Descriptions.CAM)


@MANY
@given(values(CAM_1))
def test_cam_of_version_1_as_the_official_module(value):
    its = pytest.importorskip("pycrate_asn1dir.ITS")
    agree_official(CAM_1, value, its.CAM_PDU_Descriptions.CAM)


@MANY
@given(values(CAM))
def test_containers_of_release_2_are_passed_over_by_release_1(value):
    its = pytest.importorskip("pycrate_asn1dir.ITS_CAM_2")
    cam = its.CAM_PDU_Descriptions.CAM
    cam.from_uper(codec_of(CAM).encode(value))
    known = cam.get_val()["cam"]["camParameters"]
    assert known["basicContainer"] == value["cam"]["camParameters"]["basicContainer"]


def test_a_wrong_field_of_a_message_is_named():
    wire = bytearray(codec_of(CAM).encode(some(CAM, Random(1))))
    wire[9:13] = b"\xff\xff\xff\xff"  # the latitude begins in bit 6 of octet 9
    with pytest.raises(CodecError, match=r"M\.cam\.camParameters\.basicContainer\.referencePosition"):
        codec_of(CAM).decode(bytes(wire))


@pytest.mark.fuzz
@pytest.mark.parametrize("version", [2, 1])
@given(st.integers(0, 1 << 32), st.lists(st.tuples(st.integers(0, 400), st.integers(1, 255)), max_size=4))
def test_a_damaged_cam_is_a_cam_or_a_codec_error(version, seed, wounds):
    table = CAM if version == 2 else CAM_1
    codec = codec_of(table)
    wire = bytearray(codec.encode(some(table, Random(seed))))
    for at, change in wounds:
        wire[at % len(wire)] ^= change
    wire[:2] = bytes((version, 2))
    with suppress(CodecError):
        assert etsi.hear(bytes(wire), NOW).message == "CAM"
    with suppress(CodecError):
        etsi.peek(bytes(wire), NOW)
    with suppress(CodecError):
        value = codec.decode(bytes(wire))
        assert codec.decode(codec.encode(value)) is not None


@pytest.mark.parametrize("version", [2, 1])
@MANY
@given(st.integers(0, (1 << 32) - 1))
def test_a_glance_sees_what_is_read_whole(version, seed):
    table = CAM if version == 2 else CAM_1
    value = some(table, Random(seed))
    value["header"]["protocolVersion"], value["header"]["messageID"] = version, 2
    wire = codec_of(table).encode(value)
    heard, glimpse = etsi.hear(wire, NOW), etsi.peek(wire, NOW)
    seen = heard.content
    if seen is None:
        assert glimpse is None
        return
    assert glimpse == Glimpse(
        heard.sender,
        seen.latitude_deg,
        seen.longitude_deg,
        seen.speed_mps,
        seen.heading_deg,
        "hard_braking" in seen.events,
    )
