"""Judges: cantools for the values, opendbc's packer for makers' counters and checksums."""

import struct
from pathlib import Path

import cantools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import config
from edge.can.dbc import parse_dbc
from edge.can.encode import EncodeError, Encoder, encode
from edge.can.protection import protection_of


@st.composite
def messages(draw):
    """A message of signals side by side, plain or multiplexed, and the text that defines it."""
    length = draw(st.sampled_from([1, 2, 3, 8, 12, 20, 64]))
    multiplexed = draw(st.booleans())
    lines, at = [], 8 if multiplexed else 0
    if multiplexed:
        lines.append(' SG_ MUX M : 0|8@1+ (1,0) [0|0] "" X')
    floats = []
    little = draw(st.booleans())
    while at < 8 * length and len(lines) < 8:
        bits = min(draw(st.sampled_from([1, 3, 8, 12, 16, 32, 64])), 8 * length - at)
        name = f"S{len(lines)}"
        signed = draw(st.booleans())
        scale = draw(st.sampled_from(["1", "2", "0.5", "-0.25", "3", "0.01"]))
        offset = draw(st.sampled_from(["0", "-40", "12.5", "1000"]))
        if draw(st.booleans()) and bits in (16, 32, 64):
            floats.append((name, bits))
        start = at if little else at // 8 * 8 + 7 - at % 8
        group = draw(st.sampled_from(["m0 ", "m1 ", ""])) if multiplexed else ""
        lines.append(
            f" SG_ {name} {group}: {start}|{bits}@{int(little)}{'-' if signed else '+'}"
            f' ({scale},{offset}) [0|0] "" X'
        )
        at += bits
    types = [f"SIG_VALTYPE_ 100 {name} : {1 if bits == 32 else 2};" for name, bits in floats if bits != 16]
    return "\n".join([f"BO_ 100 M: {length} X", *lines, *types, ""])


@given(messages(), st.data())
@settings(max_examples=100, deadline=None)
def test_messages_are_encoded_as_cantools_does(text, data):
    theirs = cantools.database.load_string(text, "dbc", strict=False).messages[0]
    ours = parse_dbc(text).named("M")
    used = sorted({id for signal in theirs.signals for id in signal.multiplexer_ids or ()})
    chosen = data.draw(st.sampled_from(used)) if used else None
    raw = {}
    for signal in theirs.signals:
        if signal.is_multiplexer:
            raw[signal.name] = chosen or 0
        elif not signal.multiplexer_ids or chosen in signal.multiplexer_ids:
            if signal.is_float:
                raw[signal.name] = data.draw(st.floats(-1e6, 1e6, width=32))
            else:
                low, high = ours.signal(signal.name).raw_range()
                raw[signal.name] = data.draw(st.integers(low, high))
    assert encode(ours, raw, raw=True) == theirs.encode(raw, scaling=False, strict=False)
    # The nearest raw value of a physical one: both round half to even.
    physical = {
        name: value * float(ours.signal(name).scale) + ours.signal(name).offset
        for name, value in raw.items()
        if abs(value) < 2**40
    }
    for name in raw.keys() - physical.keys():
        physical[name] = ours.signal(name).offset
    assert encode(ours, physical) == theirs.encode(physical, strict=False)


TEXT = """BO_ 100 M: 12 X
 SG_ GEAR : 0|3@1+ (1,0) [0|4] "" X
 SG_ TEMPERATURE : 8|8@1+ (0.5,-40) [-40|80] "degC" X
 SG_ WIDE : 16|64@1+ (1,0) [0|0] "" X
 SG_ HALF : 80|16@1+ (1,0) [0|0] "" X
VAL_ 100 GEAR 0 "P" 1 "R" 2 "N" 3 "D" ;
BA_DEF_ SG_ "GenSigStartValue" INT 0 100000;
BA_ "GenSigStartValue" SG_ 100 TEMPERATURE 120;
BA_ "GenSigStartValue" SG_ 100 GEAR 2;
"""


def test_choices_start_values_and_wide_numbers():
    message = parse_dbc(TEXT).named("M")
    assert encode(message, {}) == bytes([2, 120]) + bytes(10)
    assert encode(message, {"GEAR": "D", "TEMPERATURE": 20.0})[:2] == bytes([3, 120])
    most = 2**64 - 1
    assert encode(message, {"WIDE": most})[2:10] == b"\xff" * 8
    assert encode(message, {"WIDE": most - 1})[2:10] == (most - 1).to_bytes(8, "little")


def test_wide_numbers_with_a_scale_or_offset_written_as_a_float():
    text = 'VERSION ""\nBO_ 1 M: 8 X\n SG_ WIDE : 0|64@1- (%s,%s) [0|0] "" X\n'
    for scale, offset in (("1", "0.0"), ("1.0", "0"), ("2.0", "-1e3"), ("1", "1e10")):
        dbc = text % (scale, offset)
        judge = cantools.database.load_string(dbc, "dbc").messages[0]
        for data in (b"\x01" * 8, b"\x7f" * 8, bytes(range(0x81, 0x89))):
            values = judge.decode(data)
            assert encode(parse_dbc(dbc).named("M"), values) == judge.encode(values) == data


def test_half_precision():
    text = TEXT + "SIG_VALTYPE_ 100 HALF : 1;\n"
    message = parse_dbc(text).named("M")
    assert encode(message, {"HALF": -1.5})[10:] == struct.pack("<e", -1.5)
    with pytest.raises(EncodeError, match=r"HALF: .* cannot be encoded"):
        encode(message, {"HALF": 1e9})


def test_what_does_not_fit_is_refused_and_named():
    message = parse_dbc(TEXT).named("M")
    for values, more, what in (
        ({"TEMPERATURE": 87.0}, {}, "TEMPERATURE: 87.0 is not within -40 to 80 degC"),
        ({"TEMPERATURE": 88.0}, {"strict": False}, "not within -40.0 to 87.5 degC"),
        ({"TEMPERATURE": 256}, {"raw": True}, "not within 0 to 255"),
        ({"GEAR": "X"}, {}, "no choice 'X'; there are: P, R, N, D"),
        ({"TEMPERATURE": float("inf")}, {}, "not within"),
        ({"TEMPERATURE": float("nan")}, {}, "cannot be encoded"),
        ({"WIDE": -1}, {}, "not within"),
        ({"NONE": 1}, {}, "no signal NONE"),
    ):
        with pytest.raises(EncodeError, match=what):
            encode(message, values, **more)
    assert encode(message, {"TEMPERATURE": 87.0}, strict=False)[1] == 254


def test_multiplexing_is_kept():
    text = """BO_ 100 M: 4 X
 SG_ MUX M : 0|8@1+ (1,0) [0|0] "" X
 SG_ A m1 : 8|8@1+ (1,0) [0|0] "" X
 SG_ B m2 : 8|8@1+ (1,0) [0|0] "" X
BA_DEF_ SG_ "GenSigStartValue" INT 0 100000;
BA_ "GenSigStartValue" SG_ 100 B 77;
"""
    message = parse_dbc(text).named("M")
    assert encode(message, {"MUX": 1, "A": 5}) == bytes([1, 5, 0, 0])
    assert encode(message, {"MUX": 2}) == bytes([2, 77, 0, 0])
    assert encode(message, {"MUX": 3}) == bytes([3, 0, 0, 0])
    with pytest.raises(EncodeError, match=r"M\.B: not in this frame"):
        encode(message, {"MUX": 1, "B": 5})


MAKERS = {
    "honda_bosch_radarless_generated": "honda",
    "acura_ilx_2016_can_generated": "honda",
    "toyota_nodsu_pt_generated": "toyota",
    "hyundai_canfd_generated": "hyundai_canfd",
    "vw_mqb": "vw_mqb",
    "vw_mlb": "vw_mlb",
    "vw_pq": "vw_pq",
    "subaru_global_2017_generated": "subaru",
    "chrysler_pacifica_2017_hybrid_generated": "chrysler",
    "fca_giorgio": "fca_giorgio",
    "comma_body": "comma_body",
    "tesla_model3_party": "tesla",
    "psa_aee2010_r3": "psa",
}


@pytest.mark.parametrize("name", MAKERS)
def test_counters_and_checksums_are_those_of_opendbc(name):
    opendbc = pytest.importorskip("opendbc")
    packer = pytest.importorskip("opendbc.can.packer").CANPacker(name)
    path = Path(opendbc.DBC_PATH) / f"{name}.dbc"
    text = path.read_text() if path.exists() else opendbc.get_generated_dbcs()[name]
    database = parse_dbc(text, str(path))
    encoder = Encoder(database, config.Vehicle(title="x", maker=MAKERS[name]))
    compared = 0
    for message in database.messages.values():
        known = packer.dbc.addr_to_msg.get(message.key) or packer.dbc.addr_to_msg[message.id]
        bound = protection_of(message, config.Vehicle(title="x", maker=MAKERS[name]), database)
        assert (bound is not None) == any(signal.type for signal in known.sigs.values()), message.name
        names = [signal.name for signal in message.signals]
        marks = ("CHECKSUM", "COUNTER") if MAKERS[name] != "tesla" else ("Checksum", "Counter")
        protected = [n for n in names if n in marks or (MAKERS[name] == "tesla" and n.endswith(marks))]
        if not protected or any(s.bytes_needed() > message.length or s.chosen_by for s in message.signals):
            continue
        given = next((n for n in names if n not in protected), None)
        others = {n: 0 for n in names if n not in protected}
        for step in range(3):
            raw = {**others, given: step % 2} if given else {}
            physical = {n: v * message.signal(n).scale + message.signal(n).offset for n, v in raw.items()}
            _, theirs, _ = packer.make_can_msg(message.id, 0, physical)
            if not theirs:
                break
            ours = encoder.encode(message.name, raw, raw=True)[1]
            assert ours == theirs, (message.name, step)
            compared += 1
    assert compared >= 3
