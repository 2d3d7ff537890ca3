import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.can.dbc import Signal, parse_dbc
from edge.can.decode import Decoder, chunks, collect, names
from edge.can.frames import ERROR, EXTENDED, FD, NONE, REMOTE, concat, frames

ENGINES = ("python", "pairs", "grouped")

HEAD = 'VERSION ""\nNS_ :\nBS_:\nBU_: X\n'
DBC = (
    HEAD
    + """
BO_ 256 PLAIN: 8 X
 SG_ SPEED : 7|16@0+ (0.01,-67.67) [0|0] "km/h" X
 SG_ ANGLE : 16|12@1- (0.1,0) [0|0] "deg" X
 SG_ GEAR : 32|3@1+ (1,0) [0|0] "" X
BO_ 257 MUXED: 8 X
 SG_ KIND M : 0|4@1+ (1,0) [0|0] "" X
 SG_ A m0 : 8|8@1+ (1,0) [0|0] "" X
 SG_ B m1 : 8|16@1- (0.5,1) [0|0] "" X
 SG_ ALWAYS : 40|8@1+ (1,0) [0|0] "" X
BO_ 2364540158 EEC1: 8 X
 SG_ RPM : 24|16@1+ (0.125,0) [0|0] "rpm" X
 SG_ MODE : 0|2@1+ (1,0) [0|0] "" X
BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","reserved","J1939PG";
BA_ "VFrameFormat" BO_ 2364540158 3;
VAL_ 256 GEAR 0 "P" 1 "R" 2 "N" 3 "D" ;
"""
)


def one(key, data, flags=0, bus=0):
    return frames([0], [key & 0x1FFFFFFF], [flags | (EXTENDED if key >> 31 else 0)], [bus], [bytes(data)])


def values(decoder, batch, buses=("can0",), engine="python"):
    rows = decoder.decode(batch, buses, engine).rows()
    return {
        decoder.signals[s].name: v for s, v in zip(rows.signal.tolist(), rows.value.tolist(), strict=True)
    }


def identical(one, other):
    """Same pairs in the same order, same bits (of a NaN that it is one)."""
    np.testing.assert_array_equal(one.frame, other.frame)
    np.testing.assert_array_equal(one.signal, other.signal)
    nan = np.isnan(one.value)
    np.testing.assert_array_equal(nan, np.isnan(other.value))
    np.testing.assert_array_equal(one.value[~nan].view(np.uint64), other.value[~nan].view(np.uint64))


@pytest.mark.parametrize("engine", ENGINES)
class TestEveryEngine:
    def test_values(self, engine):
        decoder = Decoder([(parse_dbc(DBC), None)])
        found = values(decoder, one(256, [0x1A, 0x6F, 0xFF, 0x0F, 3]), engine=engine)
        assert found == {"PLAIN.SPEED": 0x1A6F * 0.01 - 67.67, "PLAIN.ANGLE": -0.1, "PLAIN.GEAR": 3.0}

    def test_a_multiplexed_signal_that_is_not_there_has_no_row(self, engine):
        decoder = Decoder([(parse_dbc(DBC), None)])
        data = [0, 5, 0, 0, 0, 9, 0, 0]
        there = {"MUXED.KIND", "MUXED.ALWAYS"}
        assert set(values(decoder, one(257, data), engine=engine)) == there | {"MUXED.A"}
        assert values(decoder, one(257, [1, 0xFE, 0xFF, 0, 0, 9, 0, 0]), engine=engine)["MUXED.B"] == 0.0
        assert set(values(decoder, one(257, [7, *data[1:]]), engine=engine)) == there

    def test_what_a_short_frame_does_not_hold_is_nan_and_the_rest_is_right(self, engine):
        decoder = Decoder([(parse_dbc(DBC), None)])
        found = values(decoder, one(256, [0, 1, 5]), engine=engine)
        assert found["PLAIN.SPEED"] == 0.01 - 67.67
        assert math.isnan(found["PLAIN.ANGLE"])
        assert math.isnan(found["PLAIN.GEAR"])
        found = values(decoder, one(257, [1, 5]), engine=engine)
        assert set(found) == {"MUXED.KIND", "MUXED.B", "MUXED.ALWAYS"}
        assert math.isnan(found["MUXED.B"])
        # Whether A or B is there cannot be known without KIND.
        assert set(values(decoder, one(257, []), engine=engine)) == {"MUXED.KIND", "MUXED.ALWAYS"}

    def test_a_longer_frame_and_fd(self, engine):
        decoder = Decoder([(parse_dbc(DBC), None)])
        data = [0, 1, 0, 0, 2, *range(59)]
        assert values(decoder, one(256, data, FD), engine=engine)["PLAIN.GEAR"] == 2.0

    def test_remote_error_and_unknown_frames_give_nothing(self, engine):
        decoder = Decoder([(parse_dbc(DBC), None)])
        nothing = [one(256, [], REMOTE), one(256, bytes(8), ERROR), one(0x80000100, bytes(8)), one(300, [1])]
        batch = concat([*nothing, one(256, [0, 0, 0, 0, 1])])
        rows = decoder.decode(batch, ["can0"], engine).rows()
        assert rows.frame.tolist() == [4, 4, 4]

    def test_j1939_by_group_with_error_and_not_available(self, engine):
        decoder = Decoder([(parse_dbc(DBC), None)])
        for source, priority in ((0xFE, 3), (0x00, 6), (0x17, 0)):
            key = 0x80000000 | priority << 26 | 0xF004 << 8 | source
            found = values(decoder, one(key, [1, 0, 0, 0x40, 0x1F, 0, 0, 0]), engine=engine)
            assert found == {"EEC1.RPM": 1000.0, "EEC1.MODE": 1.0}
        assert values(decoder, one(0x8CF00300, bytes(8)), engine=engine) == {}
        assert values(decoder, one(0x004, bytes(8)), engine=engine) == {}
        data = [0xFD, 0, 0, 0xFF, 0xFD, 0, 0, 0]  # the greatest that is a value
        assert values(decoder, one(0x8CF00400, data), engine=engine) == {
            "EEC1.RPM": 8127.875,
            "EEC1.MODE": 1.0,
        }
        for mode, rpm in ((2, 0xFE00), (3, 0xFFFF)):
            data = [mode, 0, 0, *rpm.to_bytes(2, "little"), 0, 0, 0]
            found = decoder.decode(one(0x8CF00400, data), ["can0"], engine)
            assert np.isnan(found.rows().value).all()
            assert [column.raw.tolist() for column in found.columns()] == [[rpm], [mode]]

    def test_j1939_to_one_destination_and_one_group_from_several_sources(self, engine):
        text = HEAD
        for number, key in enumerate((0x18EF0005, 0x18FF1001, 0x18FF1002)):
            text += f'BO_ {key | 1 << 31} M{number}: 8 X\n SG_ V : 0|8@1+ (1,0) [0|0] "" X\n'
        text += (
            'BA_DEF_ BO_ "VFrameFormat" ENUM "A","B","C","J1939PG";\nBA_DEF_DEF_ "VFrameFormat" "J1939PG";\n'
        )
        decoder = Decoder([(parse_dbc(text), None)])
        asked = {
            0x18EF2105: "M0.V",
            0x1CEF3377: "M0.V",
            0x0CFF1001: "M1.V",
            0x18FF1002: "M2.V",
            0x18FF1099: "M1.V",
        }
        for key, name in asked.items():
            assert values(decoder, one(key | 1 << 31, [7]), engine=engine) == {name: 7.0}

    def test_a_database_of_one_bus_goes_before_one_of_all(self, engine):
        def database(name):
            return parse_dbc(HEAD + f'BO_ 1 {name}: 8 X\n SG_ V : 0|8@1+ (1,0) [0|0] "" X\n')

        decoder = Decoder([(database("ALL"), None), (database("OWN"), "b"), (database("LATE"), "b")])
        assert [signal.bus for signal in decoder.signals] == [None, "b", "b"]
        batch = concat([one(1, [bus], bus=bus) for bus in (0, 1, 2)])
        rows = decoder.decode(batch, ["a", "b", "c"], engine).rows()
        assert [decoder.signals[s].message.name for s in rows.signal] == ["ALL", "OWN", "ALL"]
        rows = decoder.decode(batch, ["b", "a", "c"], engine).rows()
        assert [decoder.signals[s].message.name for s in rows.signal] == ["OWN", "ALL", "ALL"]

    def test_only_what_is_asked_for(self, engine):
        decoder = Decoder([(parse_dbc(DBC), None)], ["PLAIN.GEAR", "MUXED.B", "MUXED.NOTHING"])
        assert decoder.missing == ("MUXED.NOTHING",)
        assert [signal.name for signal in decoder.signals] == ["PLAIN.GEAR", "MUXED.B"]
        batch = concat([one(256, bytes(8)), one(257, [1, 2, 0, 0, 0, 0, 0, 0]), one(0x8CF00400, bytes(8))])
        rows = decoder.decode(batch, ["can0"], engine).rows()
        assert rows.signal.tolist() == [0, 1]
        assert rows.value.tolist() == [0.0, 2.0]

    def test_the_sign_of_zero_is_pythons(self, engine):
        text = HEAD + "BO_ 1 M: 8 X\n"
        cases = {
            "A": ("-1", "0", 1),
            "B": ("-1", "-0.0", 1),
            "C": ("-0.5", "0", 1),
            "D": ("-0.5", "-0.0", -1),
        }
        for at, (name, (scale, offset, _)) in enumerate(cases.items()):
            text += f' SG_ {name} : {8 * at}|8@1+ ({scale},{offset}) [0|0] "" X\n'
        found = values(Decoder([(parse_dbc(text), None)]), one(1, bytes(8)), engine=engine)
        signs = {name.removeprefix("M."): math.copysign(1, value) for name, value in found.items()}
        assert signs == {name: sign for name, (_, _, sign) in cases.items()}

    def test_nothing(self, engine):
        for decoder in (
            Decoder([]),
            Decoder([(parse_dbc(DBC), None)], []),
            Decoder([(parse_dbc(DBC), None)]),
        ):
            for batch in (NONE, one(999, bytes(8))):
                found = decoder.decode(batch, ["can0"], engine)
                assert len(found.rows()) == 0
                assert list(found.columns()) == []

    def test_standard_frames_with_ids_of_too_many_bits_are_no_message(self, engine):
        decoder = Decoder([(parse_dbc(DBC), None)])
        for key in (256 + 2048, 256 + (1 << 27), 0x1FFFFFFF):
            batch = frames([0], [key], [0], [2], [bytes(8)])
            assert len(decoder.decode(batch, list("abcde"), engine).rows()) == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_signals_beyond_every_frame_are_not_available(engine):
    long = """BO_ 256 LONG: 400 X
 SG_ A : 0|8@1+ (1,0) [0|0] "" X
 SG_ NEAR : 508|8@1+ (1,0) [0|0] "" X
 SG_ FAR : 3001|16@1- (0.5,0) [0|0] "" X
 SG_ BIG : 3007|60@0+ (1,0) [0|0] "" X
"""
    found = values(Decoder([(parse_dbc(long), None)]), one(256, [5] * 64, FD), engine=engine)
    assert found.pop("LONG.A") == 5
    assert len(found) == 3
    assert all(math.isnan(value) for value in found.values())


def test_names_and_raw_values():
    decoder = Decoder([(parse_dbc(DBC), None)], ["PLAIN.GEAR", "PLAIN.ANGLE"])
    batch = concat([one(256, [0, 0, 0xFF, 0xFF, gear]) for gear in (3, 0, 6)])
    angle, gear = decoder.decode(batch, ["can0"]).columns()
    assert angle.raw.tolist() == [-1, -1, -1]
    assert gear.raw.tolist() == [3, 0, 6]
    assert names(decoder.signals[gear.signal].signal, gear.raw) == ["D", "P", None]


def test_names_of_a_float_signal():
    signal = Signal("S", 0, 32, True, True, 1, 0, None, None, "", is_float=True, choices={1: "one"})
    assert names(signal, np.array([1.0, 2.0, np.nan, np.inf])) == ["one", None, None, None]


def test_more_messages_than_a_byte_counts():
    text = HEAD
    for key in itertools.chain(range(300), range(1 << 31, (1 << 31) + 300)):
        text += f'BO_ {key} M{key}: 1 X\n SG_ V : 0|8@1+ (1,{key % 1000}) [0|0] "" X\n'
    decoder = Decoder([(parse_dbc(text), None)])
    batch = concat([one(key, [1]) for key in (299, 0x80000000 + 299, 0, 0x80000000)])
    expected = decoder.decode(batch, ["can0"], "python").rows()
    assert expected.value.tolist() == [300.0, (0x80000000 + 299) % 1000 + 1.0, 1.0, 0x80000000 % 1000 + 1.0]
    for engine in ENGINES:
        identical(decoder.decode(batch, ["can0"], engine).rows(), expected)


def test_a_log_in_batches_gives_the_same_series_however_it_is_cut():
    random = np.random.default_rng(3)
    n = 5000
    log = frames(
        range(n),
        random.choice([256, 257, 300], n).tolist(),
        [0] * n,
        [0] * n,
        [random.bytes(8) for _ in range(n)],
    )
    decoder = Decoder([(parse_dbc(DBC), None)])
    whole = collect(decoder, [log], ["can0"])
    cut = [log[at : at + 700] for at in range(0, n, 700)]
    assert [len(chunk) for chunk in chunks(cut, 1500)] == [2100, 2100, 800]
    parts = collect(decoder, chunks(cut, 1), ["can0"])
    rows = decoder.decode(log, ["can0"], "python").rows()
    for at, (a, b) in enumerate(zip(whole, parts, strict=True)):
        assert a.t_ns.tolist() == b.t_ns.tolist() == rows.frame[rows.signal == at].tolist()
        assert a.value.tolist() == b.value.tolist() == rows.value[rows.signal == at].tolist()


@st.composite
def mixtures(draw):
    n = draw(st.integers(0, 60))
    pick = draw(st.randoms(use_true_random=False))
    keys = [256, 257, 0x80000000 | 0x0CF00400, 0x80000000 | 0x18F00433, 0x80000100, 300, 0x7FF]
    flags = [0, 0, 0, 0, FD, REMOTE, ERROR]
    batches = []
    for _ in range(n):
        key, flag = pick.choice(keys), pick.choice(flags)
        size = pick.choice([8, 8, 8, pick.randrange(9)] if flag != FD else [12, 64])
        data = b"" if flag == REMOTE else pick.choice([pick.randbytes(size), b"\xff" * size, bytes(size)])
        batches.append(one(key, data, flag, pick.randrange(3)))
    return concat(batches)


@pytest.mark.fuzz
@given(mixtures(), st.sampled_from([None, ["PLAIN.ANGLE", "MUXED.B"], ["EEC1.RPM"]]))
def test_the_engines_agree_on_any_mixture(batch, wanted):
    database = parse_dbc(DBC)
    decoder = Decoder([(database, "a"), (database, None)], wanted)
    expected = decoder.decode(batch, ["a", "b", "c"], "python").rows()
    for engine in (*ENGINES, None):
        found = decoder.decode(batch, ["a", "b", "c"], engine)
        identical(found.rows(), expected)
        columns = list(found.columns())
        assert [column.signal for column in columns] == sorted(set(expected.signal.tolist()))
        for column in columns:
            of = expected.signal == column.signal
            assert column.frame.tolist() == expected.frame[of].tolist()
            np.testing.assert_array_equal(column.value, expected.value[of])


def test_blocks_of_a_long_log(monkeypatch):
    import edge.can.decode.grouped as grouped

    random = np.random.default_rng(4)
    n = 3000
    log = frames(
        range(n),
        random.choice([256, 257, 300], n).tolist(),
        [0] * n,
        random.integers(0, 2, n).tolist(),
        [random.bytes(int(size)) for size in random.choice([8, 8, 8, 3], n)],
    )
    decoder = Decoder([(parse_dbc(DBC), None), (parse_dbc(DBC), "b")])
    expected = decoder.decode(log, ["a", "b"], "python").rows()
    identical(decoder.decode(log, ["a", "b"], "grouped").rows(), expected)
    monkeypatch.setattr(grouped, "_SORT_FRAMES", 256)
    monkeypatch.setattr(grouped, "_DECODE_VALUES", 64)
    identical(decoder.decode(log, ["a", "b"], "grouped").rows(), expected)
