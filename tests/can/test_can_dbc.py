import math
import struct
from itertools import pairwise

import cantools
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.can.dbc import DbcError, parse_dbc, read_dbc
from edge.can.decode import decoder
from edge.can.encode import EncodeError, encode
from edge.can.frames import KEY_EXTENDED, concat
from edge.can.logs.reader import read_log
from edge.config import shipped

SIMULATED = str(shipped("configs/vehicles/simulated.dbc"))


def same(ours, theirs):
    return struct.pack("<d", ours) == struct.pack("<d", float(theirs))


@st.composite
def signals(draw, name, bits, taken, mux=""):
    floating = draw(st.sampled_from([0, 0, 0, 32, 64]))
    length = floating if floating and floating <= bits else draw(st.integers(1, min(64, bits)))
    is_float = length == floating
    first = draw(st.integers(0, bits - length))
    little = draw(st.booleans())
    start = first if little else first // 8 * 8 + 7 - first % 8
    place = {first + i if little else (first + i) ^ 7 for i in range(length)}
    if place & taken:  # cantools cannot decode some signals that overlap
        return None, 0
    taken |= place
    sign = "-" if is_float else draw(st.sampled_from("+-"))
    scale = draw(st.sampled_from(["1", "2", "0.01", "0.1", "-1", "-0.5", "1E-05", "0.0573", "1.0", "100"]))
    offset = draw(st.sampled_from(["0", "-40", "0.5", "-18.375", "1000", "0.0"]))
    text = f' SG_ {name} {mux} : {start}|{length}@{int(little)}{sign} ({scale},{offset}) [0|0] "u" X'
    return text, is_float and length


@st.composite
def dbc_texts(draw):
    lines, kinds = ['VERSION ""', "BS_:", "BU_: X"], []
    for number in range(draw(st.integers(1, 3))):
        size = draw(st.sampled_from([1, 2, 5, 8, 8, 8, 12, 64]))
        key = 0x100 + number if draw(st.booleans()) else 0x80000000 | 0x18FF0000 + number
        lines.append(f"BO_ {key} UNK_{number:03X}: {size} X")
        names = draw(
            st.lists(st.sampled_from(["SG_A", "BO_B", "UNK_C", "VAL_D", "Val_x", "e1"]), unique=True)
        )
        multiplexed = size > 1 and draw(st.booleans())
        taken = {0, 1, 8, 9, 10, 11} if multiplexed else set()
        if multiplexed:
            lines.append(' SG_ MUX M : 0|2@1+ (1,0) [0|0] "" X')
            lines += [f' SG_ any{i} m{i} : 8|{i + 1}@1+ (1,0) [0|0] "" X' for i in range(4)]
        for name in names:
            mux = f"m{draw(st.integers(0, 3))}" if multiplexed and draw(st.booleans()) else ""
            text, floating = draw(signals(name, size * 8, taken, mux))
            if text:
                lines.append(text)
            if floating:
                kinds.append(f"SIG_VALTYPE_ {key} {name} : {1 if floating == 32 else 2};")
    return "\n".join([*lines, *kinds, ""])


@given(dbc_texts(), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_decodes_as_cantools_does(text, random):
    ours = parse_dbc(text)
    theirs = cantools.database.load_string(text, "dbc", strict=False)
    assert len(ours.messages) == len(theirs.messages)
    for message in theirs.messages:
        key = message.frame_id | (KEY_EXTENDED if message.is_extended_frame else 0)
        mine = ours.messages[key]
        names = [signal.name for signal in mine.signals]
        assert sorted(names) == sorted(signal.name for signal in message.signals)
        decode = decoder(mine, names)
        for data in (random.randbytes(message.length), b"\xff" * message.length, bytes(message.length)):
            expected = message.decode(data, decode_choices=False)
            for name, value in zip(names, decode(data), strict=True):
                assert (value is None) == (name not in expected)
                assert value is None or same(value, expected[name]) or (value != value != expected[name])


@given(dbc_texts(), st.data())
@settings(max_examples=60, deadline=None)
def test_encode_is_the_inverse(text, data):
    for message in parse_dbc(text).messages.values():
        for signal in message.signals:
            if signal.is_float:
                continue
            low, high = signal.raw_range()  # beyond 2^53 a float cannot hold every raw value and its offset
            raw = data.draw(st.integers(max(low, -(2**53)), min(high, 2**53)))
            values = {signal.name: raw * signal.scale + signal.offset}
            if signal.chosen_by:
                values[signal.chosen_by[0]] = signal.chosen_by[1][0][0]
            encoded = encode(message, values)
            assert len(encoded) == message.length
            (again,) = decoder(message, [signal.name])(encoded)
            if signal.length <= 50:
                assert again == values[signal.name]
            else:
                assert again == pytest.approx(values[signal.name], rel=1e-9)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_encodes_as_cantools_does(data):
    theirs = cantools.database.load_file(SIMULATED)
    message = data.draw(st.sampled_from(theirs.messages))
    values = {s.name: data.draw(st.floats(s.minimum, s.maximum)) for s in message.signals}
    ours = encode(read_dbc(SIMULATED).named(message.name), values)
    for ours_raw, theirs_raw in zip(
        *(
            message.decode(d, scaling=False, decode_choices=False).values()
            for d in (ours, message.encode(values))
        ),
        strict=True,
    ):
        assert abs(ours_raw - theirs_raw) <= 1  # ties and the last bit of a division may differ


def test_every_signal_of_a_real_log_equals_cantools(real):
    folder = real / "toyota_rav4"
    batch = concat(list(read_log(folder / "drive.log.gz")))
    compared = 0
    for name, bus in (("powertrain.dbc", 0), ("adas.dbc", 1)):
        ours = read_dbc(folder / name)
        theirs = cantools.database.load_file(folder / name, strict=False)
        decoders = {
            key: (decoder(m, names), names, theirs.get_message_by_frame_id(key))
            for key, m in ours.messages.items()
            for names in [[signal.name for signal in m.signals]]
        }
        keys = batch.keys().tolist()
        for i in np.flatnonzero(batch.bus == bus)[::5].tolist():
            if keys[i] not in decoders:
                continue
            decode, names, message = decoders[keys[i]]
            data = batch.payload(i)
            expected = message.decode(data, decode_choices=False, allow_truncated=True)
            for name_of, value in zip(names, decode(data), strict=True):
                compared += 1
                assert same(value, expected[name_of]) if name_of in expected else math.isnan(value)
    assert compared > 70_000


def test_real_files_define_what_cantools_finds(real):
    for path in sorted(real.glob("*/*.dbc")):
        ours = read_dbc(path)
        try:
            theirs = cantools.database.load_file(path, strict=False)
        except cantools.database.UnsupportedDatabaseFormatError:
            # It wants the sections BS_ and BU_, which these files lack.
            text = path.read_text(encoding="cp1252").replace("NS_DESC_", "NS_DESC_\nBS_:\nBU_:", 1)
            theirs = cantools.database.load_string(text, "dbc", strict=False)
        known = {m.frame_id | m.is_extended_frame << 31: m for m in theirs.messages}
        assert set(ours.messages) == set(known), path.name
        for key, message in ours.messages.items():
            other = {signal.name: signal for signal in known[key].signals}
            assert message.length == known[key].length
            assert {s.name for s in message.signals} == set(other)
            for signal in message.signals:
                found = other[signal.name]
                assert (signal.start, signal.length, signal.signed, signal.is_float) == (
                    found.start, found.length, found.is_signed, found.is_float,
                )  # fmt: skip
                assert (signal.scale, signal.offset) == (found.scale, found.offset)
                assert signal.choices == {n: str(c) for n, c in (found.choices or {}).items()}


def test_extended_multiplexing(real):
    path = real / "j1939_truck" / "tp_uds.dbc"
    ours, theirs = read_dbc(path), cantools.database.load_file(path, strict=False)
    message = next(m for m in ours.messages.values() if any(s.chosen_by for s in m.signals))
    other = theirs.get_message_by_frame_id(message.id)
    names = [signal.name for signal in message.signals]
    decode = decoder(message, names)
    seen = set()
    for service in (0x62, 0x22, 0x7F):
        for identifier in (0x100, 0x101, 0x102):
            data = bytes([0x10, service, identifier >> 8, identifier & 255]) + bytes(
                range(7, 7 + message.length - 4)
            )
            mine = {n: v for n, v in zip(names, decode(data), strict=True) if v is not None}
            try:
                expected = other.decode(data, decode_choices=False)
            except cantools.database.DecodeError:
                continue
            assert mine == expected
            seen |= set(mine)
    assert len(seen) == 3


CASE = """VERSION ""
BO_ 100 FIRST: 8 X
 SG_ OK : 0|8@1+ (1,0) [0|0] "" X
 SG_ broken : what
 SG_ OK : 8|8@1+ (1,0) [0|0] "" X
 SG_ TOO_LONG : 0|80@1+ (1,0) [0|0] "" X
 SG_ ZERO : 0|8@1+ (0,0) [0|0] "" X
 SG_ OVER : 4|8@1+ (1,0) [0|0] "" X
 SG_ BEYOND : 60|8@1+ (1,0) [0|0] "" X
BO_ nonsense
 SG_ STRAY : 0|8@1+ (1,0) [0|0] "" X
BO_ 5000 SECOND: 8 X
 SG_ A : 0|8@1+ (1e999,0) [0|0] "" X
CM_ SG_ 100 OK "a comment that does not end;
BO_ 101 THIRD: 8 X
 SG_ B : 0|24@1+ (1,0) [0|0] "" X
SIG_VALTYPE_ 101 B : 1;
"""


def test_defects_are_told_by_line_and_cost_no_more_than_themselves():
    database = parse_dbc(CASE, "x.dbc")
    assert [m.name for m in database.messages.values()] == ["FIRST", "SECOND", "THIRD"]
    assert [s.name for s in database.named("FIRST").signals] == ["OK", "OVER", "BEYOND"]
    told = [int(defect.split(":")[1]) for defect in database.defects]
    assert told == [4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 17]
    assert database.named("SECOND").extended


def test_strings_over_lines_values_cycles_and_attributes():
    database = parse_dbc(
        'VAL_TABLE_ T 0 "off" 1 "on";\n'
        'BO_ 1 A : 8 X\nSG_ S: 0|8@1+ (1,0) [0|0] "\u00b0C" X\nSG_ V : 8|8@1- (1,0) [0|0] ""\n'
        'CM_ BO_ 1 "two\nBO_ lines; with ""\n SG_ in it";\n'
        'BA_ "GenMsgCycleTime" BO_ 1 20;\nBA_ "Note" BO_ 1 "text";\n'
        'VAL_ 1 S T ;\nVAL_ 1 V -1 "minus"\n 2 "two" ;\n'
        'BO_ 3221225472 VECTOR__INDEPENDENT_SIG_MSG: 0 Vector__XXX\n SG_ lost : 0|8@1+ (1,0) [0|0] "" X\n'
    )
    (message,) = database.messages.values()
    assert message.cycle_ms == 20
    assert message.attributes == {"GenMsgCycleTime": 20, "Note": "text"}
    assert message.signal("S").choices == {0: "off", 1: "on"}
    assert message.signal("S").unit == "\u00b0C"
    assert message.signal("V").choices == {-1: "minus", 2: "two"}
    assert [defect.what for defect in database.found] == [
        "attribute GenMsgCycleTime: not defined (BA_DEF_)", "attribute Note: not defined (BA_DEF_)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("encoding", "unit"),
    [("utf-8", "\u00b0C"), ("utf-8-sig", "\u00b0C"), ("cp1252", "\u00b0C"), ("gb18030", "\u5343\u7c73")],
)  # fmt: skip
def test_encodings(tmp_path, encoding, unit):
    path = tmp_path / "x.dbc"
    path.write_bytes(f'BO_ 1 A: 8 X\n SG_ S : 0|8@1+ (1,0) [0|0] "{unit}" X\n'.encode(encoding))
    assert read_dbc(path).named("A").signal("S").unit == unit


def test_no_dbc_is_an_error(tmp_path):
    (tmp_path / "x.dbc").write_bytes(b"\x00\xff\xfe nothing of the kind")
    with pytest.raises(DbcError, match=r"x\.dbc: not a DBC"):
        read_dbc(tmp_path / "x.dbc")
    with pytest.raises(DbcError, match="cannot be read"):
        read_dbc(tmp_path / "missing.dbc")


_PIECES = st.one_of(
    st.text(max_size=12),
    st.sampled_from([
        "BO_ ", "SG_ ", " : ", "|", "@1+", "(1,0)", "[0|1]", '"', ";", "\n", "VAL_ ", "CM_ ", "BA_ ", "m1",
        "M", "99999999999999999999999", "100", "-1", "e999",
        "BO_ 100 A: 8 X\n", ' SG_ A M : 0|8@1+ (1,0) [0|0] "" X\n',
        ' SG_ B m1M : 7|16@0- (0.5,1) [0|0] "" X\n', ' SG_ C m3 : 16|32@1- (1e5,-1E-3) [0|0] "" X\n',
        "SG_MUL_VAL_ 100 C B 1-3, 5-5;\n", "SG_MUL_VAL_ 100 B C 0-9;\n", "SIG_VALTYPE_ 100 C : 1;\n",
    ]),
)  # fmt: skip


@given(st.lists(_PIECES, max_size=25).map("".join), st.binary(min_size=0, max_size=8))
@settings(max_examples=500, deadline=None)
def test_any_text_gives_a_database_or_an_error(text, data):
    try:
        database = parse_dbc(text)
    except DbcError:
        return
    for message in database.messages.values():
        names = [signal.name for signal in message.signals]
        values = decoder(message, names)(data)
        assert len(values) == len(names)


def test_names_never_enter_the_code():
    text = 'BO_ 1 x=exec("1/0"): 8 X\n SG_ __import__("os")._exit(1) : 0|8@1+ (1,0) [0|0] "" X\n'
    for message in parse_dbc(text).messages.values():
        names = [signal.name for signal in message.signals]
        assert decoder(message, names)(b"\x07" + bytes(7)) == (7.0,) * len(names)


def test_what_does_not_fit_is_refused():
    message = read_dbc(SIMULATED).named("SPEED")
    for values, what in (
        ({"SPEED": 400.0}, "not within"), ({"SPEED": float("nan")}, "cannot"), ({"NO": 1.0}, "no signal NO"),
    ):  # fmt: skip
        with pytest.raises(EncodeError, match=what):
            encode(message, values)


def test_short_frame_is_no_number():
    message = read_dbc(SIMULATED).named("MOTION")
    values = decoder(message, ["ACCELERATION", "LATERAL_ACCELERATION", "YAW_RATE"])(b"\x01\x00\x02")
    assert values[0] == 0.001
    assert math.isnan(values[1])
    assert math.isnan(values[2])
    assert all(a <= b for a, b in pairwise(s.bytes_needed() for s in message.signals))
