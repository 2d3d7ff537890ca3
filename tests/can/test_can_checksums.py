"""Judge: opendbc's own functions, parser and packer."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.can.dbc import parse_dbc
from edge.can.decode import decoder
from edge.can.protection.checksums import MAKERS, SINGLE, Place
from edge.can.protection.crc import Field

judges = pytest.importorskip("opendbc.can.dbc", reason="opendbc is the judge")

JUDGES = {
    "chrysler": "chrysler_checksum",
    "comma_body": "body_checksum",
    "fca_giorgio": "fca_giorgio_checksum",
    "honda": "honda_checksum",
    "hyundai_canfd": "hkg_can_fd_checksum",
    "psa": "psa_checksum",
    "subaru": "subaru_checksum",
    "tesla": "tesla_checksum",
    "toyota": "toyota_checksum",
    "vw_mlb": "volkswagen_mlb_checksum",
    "vw_mqb": "volkswagen_mqb_meb_checksum",
    "vw_pq": "xor_checksum",
}
LONG_IDS = ("honda", "toyota", "subaru")  # only of these the judge knows 29 bits
MQB = judges.volkswagen_mqb_meb_checksum.__globals__["VOLKSWAGEN_MQB_MEB_CONSTANTS"]
SPECIAL = [*MQB, 0x109, 0x10D, 0x397, 0x452, 0x38D, 0x42D, 0xDE, 0x106, 0x122]


def test_every_maker_has_a_judge():
    assert set(JUDGES) | {"nissan"} == set(MAKERS)


def agree(rule, place, payload, expected):
    assert rule.one(payload) == expected
    column = np.zeros((3, 64), np.uint8)
    column[1, : len(payload)] = np.frombuffer(payload, np.uint8)
    assert int(rule.many(column)[1]) == expected


@pytest.mark.parametrize("maker", JUDGES)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_checksums_are_those_of_opendbc(maker, data):
    payload = data.draw(st.binary(min_size=2, max_size=64))
    ids = st.one_of(st.integers(0, 0x7FF), st.sampled_from(SPECIAL))
    if maker in LONG_IDS:
        ids = st.one_of(ids, st.integers(0, 0x1FFFFFFF))
    id = data.draw(ids)
    byte = data.draw(st.integers(0, len(payload) - 1))
    high = data.draw(st.booleans())
    nibble = maker in ("honda", "psa")
    field = Field(byte, byte, 4 if nibble and high else 0, 15 if nibble else 255)
    place = Place(id, id > 0x7FF, len(payload), field)
    judge = getattr(judges, JUDGES[maker])
    expected = judge(id, SimpleNamespace(start_bit=8 * byte + field.shift), bytearray(payload))
    agree(MAKERS[maker](place), place, payload, expected)


@given(st.binary(min_size=8, max_size=8))
def test_checksums_that_opendbc_only_sends(payload):
    from opendbc.car.hyundai.hyundaican import hyundai_checksum
    from opendbc.car.nissan.nissancan import nissan_checksum
    from opendbc.car.subaru.subarucan import subaru_preglobal_checksum

    def rule(kind, byte):
        field = Field(byte, byte, 0, 255)
        return {**MAKERS, **SINGLE}[kind](Place(0x123, False, 8, field)), Place(0x123, False, 8, field)

    agree(*rule("nissan", 7), payload, nissan_checksum(payload[:7]))
    agree(*rule("hyundai_crc8", 6), payload, hyundai_checksum(payload[:6] + payload[7:]))
    agree(*rule("hyundai_crc8", 7), payload, hyundai_checksum(payload[:7]))
    agree(*rule("hyundai_6b", 6), payload, sum(payload[:6]) % 256)
    agree(*rule("hyundai_7b", 6), payload, (sum(payload[:6]) + payload[7]) % 256)
    packer = SimpleNamespace(make_can_msg=lambda *_: (0, payload, 0))
    agree(*rule("subaru_preglobal", 7), payload, subaru_preglobal_checksum(packer, {}, 0))


def test_checksums_over_nibbles():
    for shift, own, others in ((0, 0x0C, "12 3_ 4f"), (4, 0xC0, "12 _3 4f")):
        payload = bytes.fromhex(others.replace("_", "c"))
        place = Place(1, False, 3, Field(1, 1, shift, 15))
        nibbles = [1, 2, 3, 4, 15]
        agree(SINGLE["nibble_sum"](place), place, payload, sum(nibbles) % 16)
        agree(SINGLE["nibble_xor"](place), place, payload, 1 ^ 2 ^ 3 ^ 4 ^ 15)
        assert payload[1] & 15 << shift == own


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_fields_are_the_bits_of_their_signal(data):
    """Against the decoder."""
    little = data.draw(st.booleans())
    bits = data.draw(st.integers(1, 16))
    payload = data.draw(st.binary(min_size=8, max_size=8))
    start = data.draw(st.integers(0, 64 - bits))
    if not little:
        start = start // 8 * 8 + 7 - start % 8
    text = f'BO_ 1 M: 8 X\n SG_ S : {start}|{bits}@{int(little)}+ (1,0) [0|0] "" X\n'
    message = parse_dbc(text).named("M")
    field, decode = Field.of(message.signals[0]), decoder(message, ["S"])
    assert (field.one(payload),) == decode(payload)
    column = np.frombuffer(payload * 3, np.uint8).reshape(3, 8)
    assert field.many(column).tolist() == [field.one(payload)] * 3
    value = data.draw(st.integers(0, field.mask))
    changed = field.put(payload, value)
    assert decode(changed) == (value,)
    assert field.put(changed, field.one(payload)) == payload
